//! One tensor: where its numbers lie, and how they become an array.

use ndarray::{ArrayD, IxDyn};

use crate::Error;
use crate::dtype::Dtype;
use crate::source::Source;

/// Dimensions that a tensor may have; numpy's own limit is 64.
const DIMENSIONS: usize = 32;
/// A tensor may show the same number at many places (stride 0), but never blow up to more than this many.
const REPEATED: usize = 16 << 20;
/// Bytes converted at once.
const PIECE: usize = 1 << 20;

/// The numbers that tensors share.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    Plain(Source),
    /// A compressed entry, unfolded when asked for, and where in it the numbers begin.
    Deflated {
        packed: Source,
        len: u64,
        start: u64,
    },
}

impl Storage {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Plain(source) => source.len(),
            Self::Deflated { len, start, .. } => len - start,
        }
    }

    fn open(&self) -> Result<Source, Error> {
        match self {
            Self::Plain(source) => Ok(source.clone()),
            Self::Deflated { packed, len, start } => {
                let gone = || Error::damaged("a compressed entry is too short");
                packed.inflate(*len)?.part(*start, len - start).ok_or_else(gone)
            }
        }
    }
}

/// A view of a storage. It has been checked: every element lies inside.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    /// In elements, like `offset`.
    strides: Vec<usize>,
    offset: usize,
    storage: Storage,
}

impl Tensor {
    /// A view with strides of its own.
    ///
    /// # Errors
    /// The reason, for whoever knows the name of the tensor.
    pub(crate) fn new(
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        storage: Storage,
    ) -> Result<Self, String> {
        if shape.len() > DIMENSIONS {
            return Err(format!("it has {} dimensions", shape.len()));
        }
        if shape.len() != strides.len() {
            return Err("it has not as many strides as dimensions".into());
        }
        let huge = || format!("its size {shape:?} is more than the file can hold");
        // Sizes of zero are left out: what stands beside them must be sane as well.
        let mut sizes = shape.iter().filter(|size| **size > 0);
        let count = sizes.try_fold(1_usize, |count, size| count.checked_mul(*size)).ok_or_else(huge)?;
        let empty = shape.contains(&0);
        let stored = usize::try_from(storage.len()).map_err(|_| huge())? / dtype.size();
        if count > stored.max(REPEATED) {
            return Err(huge());
        }
        if !empty {
            let last = shape
                .iter()
                .zip(&strides)
                .try_fold(offset, |last, (size, stride)| last.checked_add((size - 1).checked_mul(*stride)?));
            if last.is_none_or(|last| last >= stored) {
                return Err(format!(
                    "its numbers (size {shape:?}, strides {strides:?}, offset {offset}) reach beyond the {stored} stored"
                ));
            }
        }
        Ok(Self { dtype, shape, strides, offset, storage })
    }

    /// Numbers one after the other, the last dimension fastest, or the first (`fortran`).
    pub(crate) fn dense(
        dtype: Dtype,
        shape: Vec<usize>,
        fortran: bool,
        storage: Storage,
    ) -> Result<Self, String> {
        let mut strides = vec![0; shape.len()];
        let mut step = 1_usize;
        let mut next = |(stride, size): (&mut usize, &usize)| {
            *stride = step;
            step = step.saturating_mul(*size);
        };
        if fortran {
            strides.iter_mut().zip(&shape).for_each(&mut next);
        } else {
            strides.iter_mut().zip(&shape).rev().for_each(&mut next);
        }
        Self::new(dtype, shape, strides, 0, storage)
    }

    pub(crate) fn dtype(&self) -> Dtype {
        self.dtype
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its numbers, row-major, each through `Dtype::convert`.
    pub(crate) fn read<T: Copy>(&self, convert: fn(Dtype, &[u8], &mut Vec<T>)) -> Result<ArrayD<T>, Error> {
        let count = if self.shape.contains(&0) { 0 } else { self.shape.iter().product() };
        let mut values = Vec::new();
        if count > 0 {
            let source = self.storage.open()?;
            if self.is_dense() {
                values.reserve_exact(count);
                self.pieces(&source, count, |piece| convert(self.dtype, piece, &mut values))?;
            } else {
                let reach = self.shape.iter().zip(&self.strides).map(|(size, stride)| (size - 1) * stride);
                let span = reach.sum::<usize>() + 1;
                let mut stored = Vec::with_capacity(span);
                self.pieces(&source, span, |piece| convert(self.dtype, piece, &mut stored))?;
                values.reserve_exact(count);
                self.gather(&stored, &mut values);
            }
        }
        ArrayD::from_shape_vec(IxDyn(&self.shape), values).map_err(|error| Error::damaged(error.to_string()))
    }

    fn is_dense(&self) -> bool {
        let mut step = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(size, stride)| {
            let fits = *size == 1 || *stride == step;
            step *= size;
            fits
        })
    }

    /// The bytes of `count` elements, in pieces of whole elements.
    fn pieces(&self, source: &Source, count: usize, mut each: impl FnMut(&[u8])) -> Result<(), Error> {
        let size = self.dtype.size();
        let mut buffer = vec![0; PIECE.min(count * size)];
        let mut at = self.offset * size;
        let end = at + count * size;
        while at < end {
            let piece = &mut buffer[..PIECE.min(end - at)];
            source.read_at(at as u64, piece)?;
            each(piece);
            at += piece.len();
        }
        Ok(())
    }

    /// Walks through the indices like an odometer.
    fn gather<T: Copy>(&self, stored: &[T], values: &mut Vec<T>) {
        let mut index = vec![0; self.shape.len()];
        let mut at = 0;
        loop {
            values.push(stored[at]);
            let mut axis = self.shape.len();
            loop {
                let Some(next) = axis.checked_sub(1) else { return };
                axis = next;
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.shape[axis] * self.strides[axis];
                index[axis] = 0;
            }
        }
    }
}
