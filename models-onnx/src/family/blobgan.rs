//! BlobGAN: pictures made of blobs, of which the first is the background and later ones lie above earlier ones.
//!
//! Epstein et al., “BlobGAN: Spatially Disentangled Scene Representations”, 2022. Its codes are the blobs themselves:
//! `xs`, `ys [n, k]` where they are, 0..1 from the upper left; `sizes [n, k]`; `covs [n, k, 2, 2]` their shapes;
//! `features [n, k, F]` what they are; `styles [n, k, V]` how they look.

use std::sync::Arc;

use ndarray::{Array4, ArrayView3, Ix4};

use crate::cancel::Cancel;
use crate::code::Code;
use crate::error::ModelError;
use crate::generator::Generator;
use crate::pack::{Pack, Role};
use crate::runtime::Runtime;
use crate::session::{Lazy, Tensor};
use crate::tuning::Tuned;

/// The tensors of a code, in the order in which graphs give them.
pub const FIELDS: [&str; 6] = ["xs", "ys", "sizes", "covs", "features", "styles"];

/// A generator of the family `blobgan`.
pub struct BlobGan {
    pack: Arc<Pack>,
    encoder: Lazy,
    synthesis: Lazy,
}

impl BlobGan {
    /// Loads nothing yet.
    pub fn new(pack: Arc<Pack>, runtime: Runtime) -> Self {
        let lazy = |role| Lazy::new(Arc::clone(&pack), runtime.clone(), role);
        Self { encoder: lazy(Role::Encoder), synthesis: lazy(Role::Synthesis), pack }
    }

    fn lacks(&self, role: &'static str) -> ModelError {
        ModelError::Missing { pack: self.pack.manifest().id.clone(), role }
    }
}

impl Generator for BlobGan {
    fn encode(&mut self, image: &Array4<f32>, cancel: &Cancel) -> Result<Code, ModelError> {
        let blobs = self.encoder.all(&[("image", Tensor::F32(image.view().into_dyn()))], cancel)?;
        let named = FIELDS.into_iter().zip(blobs);
        Ok(named.fold(Code::new(&self.pack), |code, (name, values)| code.with(name, values)))
    }

    fn synthesise(&mut self, code: &Code, cancel: &Cancel) -> Result<Array4<f32>, ModelError> {
        code.expect(&self.pack)?;
        let mut blobs = Vec::with_capacity(FIELDS.len());
        for name in FIELDS {
            blobs.push((name, Tensor::F32(code.tensor(name)?.view())));
        }
        let image = self.synthesis.one(&blobs, cancel)?;
        image.into_dimensionality::<Ix4>().map_err(|e| ModelError::Shape {
            role: Role::Synthesis,
            what: format!("the picture should have four dimensions ({e})"),
        })
    }

    fn with_w_plus(
        &mut self,
        _code: &Code,
        _w_plus: ArrayView3<'_, f32>,
        _cancel: &Cancel,
    ) -> Result<Code, ModelError> {
        Err(self.lacks("W+ codes"))
    }

    fn mean(&mut self, _cancel: &Cancel) -> Result<Code, ModelError> {
        Err(self.lacks("mean code"))
    }

    fn random(&mut self, _seed: u64, _truncation: f32, _cancel: &Cancel) -> Result<Code, ModelError> {
        Err(self.lacks("way to make pictures of nothing"))
    }

    fn tune(&mut self, tuned: Option<&Tuned>) -> Result<(), ModelError> {
        tuned.map_or(Ok(()), |_| Err(self.lacks("generator that can be tuned")))
    }
}
