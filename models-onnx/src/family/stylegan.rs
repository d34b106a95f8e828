//! StyleGAN2, split where its papers split it: W+ → affine layers → StyleSpace → synthesis.
//!
//! Karras et al., “Analyzing and Improving the Image Quality of StyleGAN”, 2020; StyleSpace after Wu et al., 2021.

use std::sync::Arc;

use ndarray::{Array2, Array3, Array4, ArrayD, ArrayView3, Axis, Ix4};

use crate::cancel::Cancel;
use crate::code::{Code, STYLES, W_PLUS};
use crate::error::ModelError;
use crate::generator::Generator;
use crate::pack::{Array, Dim, Pack, Role};
use crate::random::Codes;
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
    codes: Option<Codes>,
    mean: Option<Array2<f32>>,
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
            codes: None,
            mean: None,
            pack,
            runtime,
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

    /// The mean code `[layers, width]`; where the pack does not tell it, that of random codes.
    fn mean_code(&mut self, cancel: &Cancel) -> Result<Array2<f32>, ModelError> {
        if let Some(mean) = &self.mean {
            return Ok(mean.clone());
        }
        let mean = match self.pack.matrix(Array::CodeMean) {
            Err(ModelError::Missing { .. }) => {
                let layers = self.layers()?;
                let mean = self.codes()?.mean(0, cancel)?;
                let rows = vec![mean.view(); layers];
                ndarray::stack(Axis(0), &rows).map_err(|e| ModelError::Foreign(e.to_string()))?
            }
            told => told?,
        };
        Ok(self.mean.insert(mean).clone())
    }

    /// How many vectors W+ has.
    fn layers(&self) -> Result<usize, ModelError> {
        let port = self.pack.contract(Role::Affine)?.inputs.first();
        match port.and_then(|port| port.dims.get(1)) {
            Some(Dim::Size(layers)) => Ok(*layers),
            _ => Err(ModelError::Shape { role: Role::Affine, what: "it takes no W+ codes".into() }),
        }
    }

    fn codes(&mut self) -> Result<&mut Codes, ModelError> {
        Ok(match &mut self.codes {
            Some(codes) => codes,
            none => none.insert(Codes::new(&self.pack, &self.runtime, 0)?),
        })
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

    fn with_w_plus(
        &mut self,
        code: &Code,
        w_plus: ArrayView3<'_, f32>,
        cancel: &Cancel,
    ) -> Result<Code, ModelError> {
        code.expect(&self.pack)?;
        let before = code.w_plus()?;
        if before.dim() != w_plus.dim() {
            let what = format!("W+ vectors of {:?} cannot stand for {:?}", w_plus.dim(), before.dim());
            return Err(ModelError::Foreign(what));
        }
        if before == w_plus {
            return Ok(code.clone());
        }
        let before = self.affine.one(&[("w_plus", Tensor::F32(before.into_dyn()))], cancel)?;
        let styles = code.tensor(STYLES)?;
        if styles.shape() != before.shape() {
            let what = format!("styles of {:?} cannot belong to {} pictures", styles.shape(), w_plus.dim().0);
            return Err(ModelError::Foreign(what));
        }
        // Exactly zero where nothing was done to the styles.
        let edits = styles - &before;
        let moved = self.styled(w_plus.to_owned().into_dyn(), cancel)?;
        let styles = moved.tensor(STYLES)? + &edits;
        Ok(moved.with(STYLES, styles))
    }

    fn mean(&mut self, cancel: &Cancel) -> Result<Code, ModelError> {
        let mean = self.mean_code(cancel)?;
        self.styled(mean.insert_axis(Axis(0)).into_dyn(), cancel)
    }

    fn random(&mut self, seed: u64, truncation: f32, cancel: &Cancel) -> Result<Code, ModelError> {
        if !truncation.is_finite() {
            return Err(ModelError::Number("truncation"));
        }
        let mean = self.mean_code(cancel)?;
        let codes = self.codes()?;
        codes.restart(seed);
        let w = codes.draw(1, cancel)?;
        if w.ncols() != mean.ncols() {
            let what = format!("{} numbers came, {} were expected", w.ncols(), mean.ncols());
            return Err(ModelError::Shape { role: Role::Mapping, what });
        }
        // Karras et al., 2019, appendix B: w' = w̄ + ψ (w − w̄), here in every layer.
        let w_plus: Array3<f32> = (&mean + &((&w - &mean) * truncation)).insert_axis(Axis(0));
        self.styled(w_plus.into_dyn(), cancel)
    }

    fn tune(&mut self, tuned: Option<&Tuned>) -> Result<(), ModelError> {
        let session = tuned.map(|tuned| Session::tuned(&self.runtime, &self.pack, tuned)).transpose()?;
        self.synthesis.replace(session);
        Ok(())
    }
}
