//! Codes: pictures as a pack knows them.

use std::collections::BTreeMap;

use ndarray::{ArrayD, Ix2, Ix3};

use crate::error::ModelError;
use crate::pack::Pack;

/// Name of the tensor `[n, layers, width]` of W+ vectors.
pub const W_PLUS: &str = "w_plus";
/// Name of the tensor `[n, S]` of StyleSpace channels, in execution order.
pub const STYLES: &str = "styles";

/// The named latent tensors of one picture in one pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Code {
    pack: String,
    tensors: BTreeMap<String, ArrayD<f32>>,
}

impl Code {
    /// An empty code in `pack`.
    pub fn new(pack: &Pack) -> Self {
        Self { pack: pack.hash().to_owned(), tensors: BTreeMap::new() }
    }

    /// Hash of the pack it belongs to, as [`Pack::hash`].
    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// The same code with the tensor `name` set.
    #[must_use]
    pub fn with(mut self, name: &str, tensor: ArrayD<f32>) -> Self {
        self.tensors.insert(name.to_owned(), tensor);
        self
    }

    /// The tensor `name`.
    ///
    /// # Errors
    /// [`ModelError::Foreign`] where the code has no such tensor.
    pub fn tensor(&self, name: &str) -> Result<&ArrayD<f32>, ModelError> {
        self.tensors.get(name).ok_or_else(|| ModelError::Foreign(format!("the code holds no “{name}”")))
    }

    /// The StyleSpace channels `[n, S]`.
    ///
    /// # Errors
    /// [`ModelError::Foreign`] where it has none.
    pub fn styles(&self) -> Result<ndarray::ArrayView2<'_, f32>, ModelError> {
        let styles = self.tensor(STYLES)?.view();
        styles
            .into_dimensionality::<Ix2>()
            .map_err(|_| ModelError::Foreign("the styles are no matrix".into()))
    }

    /// The W+ vectors `[n, layers, width]`.
    ///
    /// # Errors
    /// [`ModelError::Foreign`] where it has none.
    pub fn w_plus(&self) -> Result<ndarray::ArrayView3<'_, f32>, ModelError> {
        let w_plus = self.tensor(W_PLUS)?.view();
        w_plus
            .into_dimensionality::<Ix3>()
            .map_err(|_| ModelError::Foreign("the W+ vectors have a wrong shape".into()))
    }

    /// Its tensors by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &ArrayD<f32>)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The code on the straight line from this one to another: 0 is here, 1 is there, and beyond goes on the same way.
    /// Tensors that only one of both has are those of `other`.
    ///
    /// # Errors
    /// [`ModelError::Foreign`] where the two are of different packs or shapes.
    pub fn towards(&self, other: &Self, share: f32) -> Result<Self, ModelError> {
        if self.pack != other.pack {
            return Err(ModelError::Foreign("the two codes are of different packs".into()));
        }
        let mut code = other.clone();
        for (name, there) in &mut code.tensors {
            let Some(here) = self.tensors.get(name) else { continue };
            if here.shape() != there.shape() {
                return Err(ModelError::Foreign(format!("the “{name}” of the two codes differ in shape")));
            }
            there.zip_mut_with(here, |there, here| *there = here + (*there - here) * share);
        }
        Ok(code)
    }

    /// # Errors
    /// [`ModelError::Foreign`] where the code belongs to another pack, or another version of it.
    pub(crate) fn expect(&self, pack: &Pack) -> Result<(), ModelError> {
        if self.pack == pack.hash() {
            return Ok(());
        }
        Err(ModelError::Foreign(format!(
            "the code was not made by this version of the pack “{}”",
            pack.manifest().id
        )))
    }
}
