//! StyleGAN2, split where its papers split it: W+ → affine layers → StyleSpace → synthesis.
//!
//! Karras et al., “Analyzing and Improving the Image Quality of StyleGAN”, 2020; StyleSpace after Wu et al., 2021.

use std::sync::Arc;

use ndarray::{Array4, ArrayD, Axis, Ix4};

use crate::cancel::Cancel;
use crate::code::{Code, STYLES, W_PLUS};
use crate::error::ModelError;
use crate::generator::Generator;
use crate::pack::{Array, Pack, Role};
use crate::runtime::Runtime;
use crate::session::{Lazy, Session, Tensor};
use crate::tuning::Tuned;

/// How often ReStyle's encoder looks, as published.
pub const PASSES: usize = 5;

/// A generator of the family `stylegan2`.
pub struct StyleGan {
    pack: Arc<Pack>,
    runtime: Runtime,
    encoder: Lazy,
    restyle: Lazy,
    affine: Lazy,
    synthesis: Lazy,
}

impl StyleGan {
    /// Loads nothing yet.
    pub fn new(pack: Arc<Pack>, runtime: Runtime) -> Self {
        let lazy = |role| Lazy::new(Arc::clone(&pack), runtime.clone(), role);
        Self {
            encoder: lazy(Role::Encoder),
            restyle: lazy(Role::Restyle),
            affine: lazy(Role::Affine),
            synthesis: lazy(Role::Synthesis),
            runtime,
            pack,
        }
    }

    /// The code of W+ vectors `[n, layers, width]`: runs the affine layers.
    ///
    /// # Errors
    /// [`ModelError`], in particular where the shape is not the pack's.
    pub fn styled(&mut self, w_plus: ArrayD<f32>, cancel: &Cancel) -> Result<Code, ModelError> {
        let styles = self.affine.one(&[("w_plus", Tensor::F32(w_plus.view()))], cancel)?;
        Ok(Code::new(&self.pack).with(W_PLUS, w_plus).with(STYLES, styles))
    }

    /// ReStyle (Alaluf et al., 2021, §3): from the mean code on, the encoder sees the photo beside the picture that was
    /// reached, and says how to go on.
    fn step_by_step(&mut self, image: &Array4<f32>, cancel: &Cancel) -> Result<Code, ModelError> {
        let mean = self.pack.matrix(Array::CodeMean)?;
        let views = vec![mean.view(); image.dim().0];
        let start = ndarray::stack(Axis(0), &views).map_err(|e| ModelError::Foreign(e.to_string()))?;
        let mut code = self.styled(start.into_dyn(), cancel)?;
        for _ in 0..PASSES {
            let reached = self.synthesise(&code, cancel)?;
            let inputs = [
                ("image", Tensor::F32(image.view().into_dyn())),
                ("reached", Tensor::F32(reached.view().into_dyn())),
                ("from", Tensor::F32(code.tensor(W_PLUS)?.view())),
            ];
            let w_plus = self.restyle.one(&inputs, cancel)?;
            code = self.styled(w_plus, cancel)?;
        }
        Ok(code)
    }
}

impl Generator for StyleGan {
    fn encode(&mut self, image: &Array4<f32>, cancel: &Cancel) -> Result<Code, ModelError> {
        let roles = &self.pack.manifest().roles;
        if roles.contains_key(&Role::Restyle) && !roles.contains_key(&Role::Encoder) {
            return self.step_by_step(image, cancel);
        }
        let w_plus = self.encoder.one(&[("image", Tensor::F32(image.view().into_dyn()))], cancel)?;
        self.styled(w_plus, cancel)
    }

    fn synthesise(&mut self, code: &Code, cancel: &Cancel) -> Result<Array4<f32>, ModelError> {
        code.expect(&self.pack)?;
        let styles = code.tensor(STYLES)?;
        let image = self.synthesis.one(&[("styles", Tensor::F32(styles.view()))], cancel)?;
        image.into_dimensionality::<Ix4>().map_err(|e| ModelError::Shape {
            role: Role::Synthesis,
            what: format!("the picture should have four dimensions ({e})"),
        })
    }

    fn tune(&mut self, tuned: Option<&Tuned>) -> Result<(), ModelError> {
        let session = tuned.map(|tuned| Session::tuned(&self.runtime, &self.pack, tuned)).transpose()?;
        self.synthesis.replace(session);
        Ok(())
    }
}
