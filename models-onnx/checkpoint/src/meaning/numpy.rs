//! numpy's descriptions of arrays and numbers. Its modules have moved over the years; the ends of the names have not.

use super::Meaning;
use crate::Value;
use crate::dtype::Dtype;
use crate::error::quoted;
use crate::pickle::{Id, Object};
use crate::tensor::{Storage, Tensor};

/// Letters of the code of a dtype.
const WORD: usize = 16;

/// The name inside `numpy.core` or `numpy._core`.
fn core(name: &str) -> Option<&str> {
    name.strip_prefix("numpy.core.").or_else(|| name.strip_prefix("numpy._core."))
}

/// The array that a call describes; nothing if it describes none, or one of Python objects.
pub(super) fn array(
    meaning: &mut Meaning,
    name: &str,
    arguments: &[Id],
    state: Option<Id>,
) -> Option<Result<Tensor, String>> {
    match (core(name)?, arguments) {
        ("multiarray._reconstruct", _) => {
            let State { shape, dtype, fortran, numbers } = State::of(meaning, state?)?;
            if objects_code(meaning, dtype) {
                return None;
            }
            Some(dense(meaning, dtype, shape, fortran, numbers))
        }
        ("numeric._frombuffer", [numbers, dtype, shape, order]) => {
            let fortran = meaning.objects().text(*order).is_some_and(|order| &**order == "F");
            Some(dense(meaning, *dtype, *shape, fortran, *numbers))
        }
        ("multiarray.scalar", [dtype, numbers]) => {
            // Single texts come in this form as well.
            let dtype = self::dtype(meaning, *dtype).ok()?;
            let storage = meaning.bytes(*numbers)?;
            Some(Tensor::dense(dtype, Vec::new(), false, Storage::Plain(storage)))
        }
        _ => None,
    }
}

/// The elements of an array of Python objects.
pub(super) fn elements<'a>(meaning: &Meaning<'a>, id: Id) -> Option<&'a [Id]> {
    let call = meaning.call(id)?;
    if core(meaning.class(call.function)?)? != "multiarray._reconstruct" {
        return None;
    }
    let state = State::of(meaning, call.state?)?;
    if !objects_code(meaning, state.dtype) {
        return None;
    }
    meaning.objects().sequence(state.numbers)
}

/// A single number as a setting.
pub(super) fn scalar(meaning: &mut Meaning, id: Id) -> Option<Value> {
    let (name, arguments) = meaning.named_call(id)?;
    let [dtype, numbers] = *arguments else { return None };
    if core(name)? != "multiarray.scalar" {
        return None;
    }
    let dtype = self::dtype(meaning, dtype).ok()?;
    let bytes = meaning.bytes(numbers)?;
    let tensor = Tensor::dense(dtype, Vec::new(), false, Storage::Plain(bytes)).ok()?;
    let value = tensor.read(Dtype::to_f64).ok()?.first().copied()?;
    Some(match dtype {
        Dtype::Bool => Value::Bool(value != 0.0),
        Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::Bf16 => Value::Float(value),
        // Settings are far below 2⁵³, where a double ends being exact.
        #[allow(clippy::cast_possible_truncation)]
        _ => Value::Int(value as i64),
    })
}

/// What fills an array: `(version, shape, dtype, fortran, numbers)`, in the oldest files without the version.
struct State {
    shape: Id,
    dtype: Id,
    fortran: bool,
    numbers: Id,
}

impl State {
    fn of(meaning: &Meaning, id: Id) -> Option<Self> {
        let (shape, dtype, fortran, numbers) = match *meaning.objects().tuple(id)? {
            [_, shape, dtype, fortran, numbers] | [shape, dtype, fortran, numbers] => {
                (shape, dtype, fortran, numbers)
            }
            _ => return None,
        };
        let fortran = meaning.objects().int(fortran)? != 0;
        Some(Self { shape, dtype, fortran, numbers })
    }
}

fn dense(meaning: &mut Meaning, dtype: Id, shape: Id, fortran: bool, numbers: Id) -> Result<Tensor, String> {
    let dtype = self::dtype(meaning, dtype)?;
    let shape = meaning.sizes(shape)?;
    let storage = meaning.bytes(numbers).ok_or_else(|| meaning.stranger("its storage", numbers))?;
    Tensor::dense(dtype, shape, fortran, Storage::Plain(storage))
}

/// `numpy.dtype(code, …)` with the state `(version, byte order, …)`.
fn dtype(meaning: &Meaning, id: Id) -> Result<Dtype, String> {
    let code = code(meaning, id).ok_or_else(|| meaning.stranger("the kind of its numbers", id))?;
    let order =
        meaning.call(id).and_then(|call| call.state).and_then(|state| meaning.objects().tuple(state)?.get(1));
    if code.starts_with('>')
        || order.is_some_and(|order| word(meaning, *order).is_some_and(|order| order == ">"))
    {
        return Err("its numbers are big-endian".into());
    }
    Dtype::of_numpy(&code).ok_or_else(|| format!("numbers of kind {} are not supported", quoted(&code)))
}

fn code(meaning: &Meaning, id: Id) -> Option<String> {
    match meaning.named_call(id)? {
        ("numpy.dtype", [code, ..]) => word(meaning, *code),
        _ => None,
    }
}

fn objects_code(meaning: &Meaning, dtype: Id) -> bool {
    code(meaning, dtype).is_some_and(|code| code.trim_start_matches('|').starts_with('O'))
}

/// A short text, which Python 2 wrote as bytes.
fn word(meaning: &Meaning, id: Id) -> Option<String> {
    let bytes = match meaning.objects().get(id) {
        Object::Text(text) if text.len() <= WORD => return Some(text.to_string()),
        Object::Raw(bytes) if bytes.len() <= WORD => bytes.to_vec(),
        Object::Bytes(span) if span.len <= WORD as u64 => meaning.span(*span)?.read().ok()?,
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}
