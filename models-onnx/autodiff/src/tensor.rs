//! Constant tensors: types of elements, small integers read out, small tensors made.

use bytes::Bytes;

use crate::proto::TensorProto;

/// Single precision.
pub const FLOAT: i32 = 1;
/// Whole numbers of 64 bits.
pub const INT64: i32 = 7;
/// Truth values.
pub const BOOL: i32 = 9;
/// Half precision.
pub const FLOAT16: i32 = 10;
/// Double precision.
pub const DOUBLE: i32 = 11;
/// Half precision with the range of single precision.
pub const BFLOAT16: i32 = 16;

/// Whether elements of a type can have a derivative.
pub(crate) fn is_real(kind: i32) -> bool {
    matches!(kind, FLOAT | FLOAT16 | DOUBLE | BFLOAT16)
}

/// Number of elements; `None` for negative sizes or more than fit.
pub(crate) fn count(dims: &[i64]) -> Option<usize> {
    dims.iter().try_fold(1usize, |all, &d| all.checked_mul(usize::try_from(d).ok()?))
}

/// The elements of an INT64, INT32 or BOOL tensor, if it is one of at most `most` elements and whole.
pub(crate) fn integers(tensor: &TensorProto, most: usize) -> Option<Vec<i64>> {
    const INT32: i32 = 6;
    let n = count(&tensor.dims).filter(|&n| n <= most)?;
    if tensor.data_location != 0 {
        return None;
    }
    let values: Vec<i64> = match (tensor.data_type, tensor.raw_data.is_empty()) {
        (INT64, true) => tensor.int64_data.clone(),
        (INT32 | BOOL, true) => tensor.int32_data.iter().map(|&v| v.into()).collect(),
        (INT64, false) => tensor.raw_data.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect(),
        (INT32, false) => {
            tensor.raw_data.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect()
        }
        (BOOL, false) => tensor.raw_data.iter().map(|&b| b.into()).collect(),
        _ => return None,
    };
    (values.len() == n).then_some(values)
}

/// The elements of a tensor of half precision of either kind, if it is one and whole.
pub(crate) fn halves(tensor: &TensorProto) -> Option<Vec<f32>> {
    let n = count(&tensor.dims)?;
    let wide = |bits: u16| match tensor.data_type {
        FLOAT16 => Some(half::f16::from_bits(bits).to_f32()),
        BFLOAT16 => Some(half::bf16::from_bits(bits).to_f32()),
        _ => None,
    };
    let values: Option<Vec<f32>> = if tensor.raw_data.is_empty() {
        tensor.int32_data.iter().map(|&v| wide(u16::try_from(v).ok()?)).collect()
    } else {
        tensor.raw_data.as_chunks().0.iter().map(|&b| wide(u16::from_le_bytes(b))).collect()
    };
    values.filter(|v| tensor.data_location == 0 && v.len() == n)
}

/// The elements of a tensor of single or double precision, if it is one of at most `most` elements and whole.
pub(crate) fn reals(tensor: &TensorProto, most: usize) -> Option<Vec<f64>> {
    let n = count(&tensor.dims).filter(|&n| n <= most)?;
    if tensor.data_location != 0 {
        return None;
    }
    let values: Vec<f64> = match (tensor.data_type, tensor.raw_data.is_empty()) {
        (FLOAT, true) => tensor.float_data.iter().map(|&v| v.into()).collect(),
        (DOUBLE, true) => tensor.double_data.clone(),
        (FLOAT, false) => {
            tensor.raw_data.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b).into()).collect()
        }
        (DOUBLE, false) => tensor.raw_data.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
        _ => return None,
    };
    (values.len() == n).then_some(values)
}

/// The elements of a tensor of single, half or double precision, if it is one and whole.
pub fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    halves(tensor).or_else(|| Some(reals(tensor, usize::MAX)?.into_iter().map(|v| v as f32).collect()))
}

/// Whole numbers as a tensor.
pub fn of_integers(name: &str, dims: &[usize], values: &[i64]) -> TensorProto {
    raw(name, dims, INT64, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

/// Single precision as a tensor.
pub fn of_floats(name: &str, dims: &[usize], values: &[f32]) -> TensorProto {
    raw(name, dims, FLOAT, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

/// Double precision as a tensor.
pub fn of_doubles(name: &str, dims: &[usize], values: &[f64]) -> TensorProto {
    raw(name, dims, DOUBLE, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

fn raw(name: &str, dims: &[usize], data_type: i32, bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: name.into(),
        // Sizes that a vector has fit.
        dims: dims.iter().map(|&d| i64::try_from(d).unwrap_or(i64::MAX)).collect(),
        data_type,
        raw_data: Bytes::from(bytes),
        ..TensorProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_either_field() {
        let packed = of_integers("a", &[2], &[-3, 4]);
        assert_eq!(integers(&packed, 2), Some(vec![-3, 4]));
        assert_eq!(integers(&packed, 1), None);
        let listed =
            TensorProto { dims: vec![2], data_type: INT64, int64_data: vec![5, 6], ..TensorProto::default() };
        assert_eq!(integers(&listed, 9), Some(vec![5, 6]));
        assert_eq!(reals(&of_floats("f", &[], &[0.5]), 1), Some(vec![0.5]));
        assert_eq!(reals(&of_doubles("d", &[1], &[0.25]), 1), Some(vec![0.25]));
    }

    #[test]
    fn what_does_not_fit_its_shape_is_nothing() {
        let mut short = of_integers("a", &[3], &[1, 2]);
        assert_eq!(integers(&short, 9), None);
        short.dims = vec![i64::MAX, i64::MAX];
        assert_eq!(integers(&short, usize::MAX), None);
        short.dims = vec![-1];
        assert_eq!(integers(&short, usize::MAX), None);
    }
}
