//! Tensors of published checkpoints, by name.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use ndarray::ArrayD;

/// Why a checkpoint or a tensor of it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No tensor of that name.
    #[error("the checkpoint has no tensor “{0}”")]
    Missing(String),
}

/// The tensors of a checkpoint, by name.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    tensors: BTreeMap<String, ArrayD<f32>>,
}

impl Checkpoint {
    /// Tensors that lie in memory already.
    pub fn of(tensors: impl IntoIterator<Item = (String, ArrayD<f32>)>) -> Self {
        Self { tensors: tensors.into_iter().collect() }
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The sizes of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(ArrayD::shape)
    }

    /// A tensor's values in single precision, row-major.
    ///
    /// # Errors
    /// [`Error`], naming the tensor.
    pub fn f32(&self, name: &str) -> Result<ArrayD<f32>, Error> {
        self.tensors.get(name).cloned().ok_or_else(|| Error::Missing(name.into()))
    }

    /// The part whose names start with `prefix`, which they lose.
    #[must_use]
    pub fn under(&self, prefix: &str) -> Self {
        let named = self
            .tensors
            .iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())));
        Self::of(named)
    }
}
