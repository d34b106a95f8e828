//! numpy's own files: `.npy`, one array, and `.npz`, a zip of such.

use std::collections::BTreeMap;

use super::archive::Member;
use crate::Error;
use crate::checkpoint::Contents;
use crate::dtype::Dtype;
use crate::error::quoted;
use crate::source::Source;
use crate::tensor::{Storage, Tensor};
use crate::{meaning, pickle};

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Bytes of the text that describes an array.
const HEADER: u64 = 16 << 10;
/// Arrays in one `.npz`, which are all unfolded a little to read their descriptions.
const ARRAYS: usize = 4096;

pub(super) fn is_npz(members: &BTreeMap<String, Member>) -> bool {
    !members.is_empty() && members.keys().all(|name| name.ends_with(".npy"))
}

pub(super) fn read(source: &Source) -> Result<Contents, Error> {
    let header = Header::read(&source.head(HEADER)?)?;
    let len = source.len() - header.len;
    let numbers = source.part(header.len, len).ok_or_else(|| cut(source.len()))?;
    if header.code.ends_with('O') {
        // An array of Python objects is a pickle, which holds the array once more.
        let pickle = pickle::read(&numbers)?;
        return meaning::contents(&pickle, &|_| Err("its numbers are said to lie outside the file".into()));
    }
    let mut contents = Contents::default();
    let tensor = header.tensor(Storage::Plain(numbers));
    if tensor.is_err() && header.size().is_some_and(|size| size > len) {
        return Err(Error::Cut { length: source.len(), what: "the numbers of the array" });
    }
    contents.insert("tensor".into(), tensor);
    Ok(contents)
}

pub(super) fn read_npz(members: &BTreeMap<String, Member>) -> Result<Contents, Error> {
    if members.len() > ARRAYS {
        return Err(Error::TooMuch { what: "arrays in one file", limit: ARRAYS as u64 });
    }
    let mut contents = Contents::default();
    for (name, member) in members {
        let header = member.head(HEADER).and_then(|head| Header::read(&head));
        let tensor = header.map_err(|error| error.to_string()).and_then(|header| {
            let storage = match member.storage() {
                Storage::Plain(source) => {
                    let len = source.len() - header.len;
                    Storage::Plain(source.part(header.len, len).ok_or("it is cut off")?)
                }
                Storage::Deflated { len, .. } if len < header.len => return Err("it is cut off".into()),
                Storage::Deflated { packed, len, .. } => Storage::Deflated { packed, len, start: header.len },
            };
            header.tensor(storage)
        });
        contents.insert(name.trim_end_matches(".npy").into(), tensor);
    }
    Ok(contents)
}

fn cut(length: u64) -> Error {
    Error::Cut { length, what: "the description of the array" }
}

/// What stands before the numbers.
struct Header {
    code: String,
    fortran: bool,
    shape: Vec<usize>,
    /// Where the numbers start.
    len: u64,
}

impl Header {
    /// Reads it from the start of the file.
    fn read(head: &[u8]) -> Result<Self, Error> {
        let cut = || cut(head.len() as u64);
        if !head.starts_with(MAGIC) {
            return Err(Error::damaged("an array does not start like one"));
        }
        let (start, len) = match head.get(6).ok_or_else(cut)? {
            1 => (10, head.get(8..10).map(|len| u32::from(len[0]) | u32::from(len[1]) << 8)),
            2 | 3 => {
                (12, head.get(8..12).and_then(|len| len.first_chunk()).map(|len| u32::from_le_bytes(*len)))
            }
            version => return Err(Error::Unsupported(format!("version {version} of numpy's format"))),
        };
        let end = start + u64::from(len.ok_or_else(cut)?);
        if end > HEADER {
            return Err(Error::TooMuch { what: "bytes in the description of an array", limit: HEADER });
        }
        let text = usize::try_from(end).ok().and_then(|end| head.get(usize::from(start == 12) * 2 + 10..end));
        let text = String::from_utf8_lossy(text.ok_or_else(cut)?).into_owned();
        Self::parse(&text, end)
            .ok_or_else(|| Error::Unsupported(format!("an array described as {}", quoted(text.trim()))))
    }

    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. Numpy always writes it like this.
    fn parse(text: &str, len: u64) -> Option<Self> {
        let after = |key: &str| text.split_once(key).map(|(_, after)| after.trim_start());
        let code = after("'descr':")?.strip_prefix('\'')?.split_once('\'')?.0.to_owned();
        let fortran = after("'fortran_order':")?;
        let fortran =
            if fortran.starts_with("True") { true } else { fortran.starts_with("False").then_some(false)? };
        let shape = after("'shape':")?.strip_prefix('(')?.split_once(')')?.0;
        let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
        // Python 2 wrote long integers as 5L.
        let shape = sizes.map(|size| size.trim_end_matches('L').parse().ok()).collect::<Option<_>>()?;
        Some(Self { code, fortran, shape, len })
    }

    fn size(&self) -> Option<u64> {
        let size = Dtype::of_numpy(&self.code)?.size();
        let size = self.shape.iter().try_fold(size, |size, count| size.checked_mul(*count))?;
        u64::try_from(size).ok()
    }

    fn tensor(&self, storage: Storage) -> Result<Tensor, String> {
        let unknown = || format!("numbers of kind {} are not supported", quoted(&self.code));
        let dtype = Dtype::of_numpy(&self.code).ok_or_else(unknown)?;
        Tensor::dense(dtype, self.shape.clone(), self.fortran, storage)
    }
}
