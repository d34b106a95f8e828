//! The kinds of numbers that checkpoints store, always little-endian.

use half::{bf16, f16};

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // The names say it.
pub enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

/// Each dtype with torch's storage class and dtype, numpy's code and safetensors' name.
const NAMES: [(Dtype, &str, &str, &str, &str); 13] = [
    (Dtype::F64, "DoubleStorage", "float64", "f8", "F64"),
    (Dtype::F32, "FloatStorage", "float32", "f4", "F32"),
    (Dtype::F16, "HalfStorage", "float16", "f2", "F16"),
    (Dtype::Bf16, "BFloat16Storage", "bfloat16", "", "BF16"),
    (Dtype::I64, "LongStorage", "int64", "i8", "I64"),
    (Dtype::I32, "IntStorage", "int32", "i4", "I32"),
    (Dtype::I16, "ShortStorage", "int16", "i2", "I16"),
    (Dtype::I8, "CharStorage", "int8", "i1", "I8"),
    (Dtype::U64, "", "uint64", "u8", "U64"),
    (Dtype::U32, "", "uint32", "u4", "U32"),
    (Dtype::U16, "", "uint16", "u2", "U16"),
    (Dtype::U8, "ByteStorage", "uint8", "u1", "U8"),
    (Dtype::Bool, "BoolStorage", "bool", "b1", "BOOL"),
];

impl Dtype {
    /// Bytes of one number.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Of `torch.<class>`, or of `torch.storage.<class>`.
    pub(crate) fn of_storage(class: &str) -> Option<Self> {
        let class = class.strip_prefix("torch.")?;
        let class = class.strip_prefix("storage.").unwrap_or(class);
        // Bytes whose meaning each tensor gives itself.
        if class == "UntypedStorage" {
            return Some(Self::U8);
        }
        NAMES.iter().find(|names| !class.is_empty() && names.1 == class).map(|names| names.0)
    }

    /// Of `torch.<dtype>`.
    pub(crate) fn of_torch(name: &str) -> Option<Self> {
        let name = name.strip_prefix("torch.")?;
        NAMES.iter().find(|names| names.2 == name).map(|names| names.0)
    }

    /// Of numpy's code, like `<f4`.
    pub(crate) fn of_numpy(code: &str) -> Option<Self> {
        let code = code.trim_start_matches(['<', '|', '=']);
        NAMES.iter().find(|names| !code.is_empty() && names.3 == code).map(|names| names.0)
    }

    /// Of safetensors' name, like `BF16`.
    pub(crate) fn of_safetensors(name: &str) -> Option<Self> {
        NAMES.iter().find(|names| names.4 == name).map(|names| names.0)
    }

    /// Adds numbers in single precision: doubles and large integers are rounded.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    pub(crate) fn to_f32(self, bytes: &[u8], into: &mut Vec<f32>) {
        match self {
            Self::F32 => each(bytes, into, f32::from_le_bytes),
            Self::F16 => each(bytes, into, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => each(bytes, into, |b| bf16::from_le_bytes(b).to_f32()),
            // Integers are rounded once, not first to a double.
            Self::I64 => each(bytes, into, |b| i64::from_le_bytes(b) as f32),
            Self::U64 => each(bytes, into, |b| u64::from_le_bytes(b) as f32),
            _ => {
                let mut wide = Vec::with_capacity(bytes.len() / self.size());
                self.to_f64(bytes, &mut wide);
                into.extend(wide.into_iter().map(|wide| wide as f32));
            }
        }
    }

    /// Adds numbers in double precision: integers beyond 2⁵³ are rounded.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn to_f64(self, bytes: &[u8], into: &mut Vec<f64>) {
        match self {
            Self::F64 => each(bytes, into, f64::from_le_bytes),
            Self::F32 => each(bytes, into, |b| f32::from_le_bytes(b).into()),
            Self::F16 => each(bytes, into, |b| f16::from_le_bytes(b).to_f64()),
            Self::Bf16 => each(bytes, into, |b| bf16::from_le_bytes(b).to_f64()),
            Self::I64 => each(bytes, into, |b| i64::from_le_bytes(b) as f64),
            Self::U64 => each(bytes, into, |b| u64::from_le_bytes(b) as f64),
            Self::I32 => each(bytes, into, |b| i32::from_le_bytes(b).into()),
            Self::U32 => each(bytes, into, |b| u32::from_le_bytes(b).into()),
            Self::I16 => each(bytes, into, |b| i16::from_le_bytes(b).into()),
            Self::U16 => each(bytes, into, |b| u16::from_le_bytes(b).into()),
            Self::I8 => each(bytes, into, |b| i8::from_le_bytes(b).into()),
            Self::U8 => each(bytes, into, |b| u8::from_le_bytes(b).into()),
            Self::Bool => each(bytes, into, |[b]: [u8; 1]| f64::from(u8::from(b != 0))),
        }
    }
}

fn each<T, const N: usize>(bytes: &[u8], into: &mut Vec<T>, number: impl Fn([u8; N]) -> T) {
    into.extend(bytes.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)));
}
