//! Refining what an encoder found: its code is optimised until the generator's picture comes near the photo.
//!
//! An encoder gives a code at once, and one that can be edited well; going on from it by optimisation, as the projector
//! of StyleGAN2 does (Karras et al., 2020, appendix D), gives a picture that is more like the photo. What is made small
//! is that of encoders for StyleGAN (Richardson et al., “Encoding in Style”, 2021, §3.2): differences of pixels,
//! perceived difference and difference of identity, and on demand the distance from the encoder's code, since codes far
//! from those can be edited less well (Tov et al., “Designing an Encoder for StyleGAN Image Manipulation”, 2021).

use std::ops::ControlFlow;
use std::sync::Arc;

use autodiff::{Adam, Differentiate, Loss, Measure, Schedule, Term};
use ndarray::Array4;

use crate::cancel::Cancel;
use crate::code::Code;
use crate::error::ModelError;
use crate::family::stylegan::StyleGan;
use crate::fidelity::psnr;
use crate::generator::Generator;
use crate::joined::{Joined, device, one_code, one_picture};
use crate::optimise::{GradientSession, Optimisation, OptimiseError, Stopped, Watch, Watched, usable};
use crate::pack::{Pack, Role};
use crate::runtime::Runtime;
use crate::session::{Lazy, Tensor};

/// What moves.
const CODE: &str = "affine.w_plus";
const PICTURE: &str = "synthesis.image";

/// What counts, and how far it goes. Weights are zero or more; what weighs nothing is not computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refinement {
    /// How many steps at most.
    pub steps: usize,
    /// How far a step of Adam goes between its rise and fall ([`Schedule::ramped`]), in units of the code.
    pub rate: f64,
    /// Weight of the mean square difference of pixels, in the range of the pack.
    pub pixels: f32,
    /// Weight of the perceived difference.
    pub perceptual: f32,
    /// Weight of the difference of identity, one minus the cosine.
    pub identity: f32,
    /// Weight of the mean square distance from the code that it started at.
    pub nearness: f32,
    /// PSNR in dB at which it ends early.
    pub enough: Option<f32>,
    /// After how many steps a picture comes along; never where this is zero.
    pub show: usize,
}

impl Default for Refinement {
    /// The weights of pixels, perception and identity are those of Richardson et al. for faces.
    fn default() -> Self {
        Self {
            steps: 100,
            rate: 0.05,
            pixels: 1.0,
            perceptual: 0.8,
            identity: 0.1,
            nearness: 0.0,
            enough: None,
            show: 0,
        }
    }
}

/// Refines codes of one pack. Opening takes seconds; then picture after picture can be refined.
pub struct Refiner {
    pack: Arc<Pack>,
    settings: Refinement,
    session: GradientSession,
    generator: StyleGan,
    identity: Option<Lazy>,
    missing: Vec<Role>,
}

/// A refined code.
#[derive(Debug, Clone)]
pub struct Refined {
    /// The code at the least loss that was seen, as W+ vectors and as styles.
    pub code: Code,
    /// Its picture.
    pub reconstruction: Array4<f32>,
    /// PSNR of the picture of the code that it started at, dB.
    pub before: f32,
    /// PSNR of the reconstruction, dB.
    pub after: f32,
    /// Steps that were made.
    pub steps: usize,
    /// Why it ended.
    pub stopped: Stopped,
    /// What was to count but is not in the pack.
    pub missing: Vec<Role>,
}

impl Refiner {
    /// For a pack of the family `stylegan2`.
    ///
    /// # Errors
    /// [`ModelError::Missing`] for packs without style layers or generator, [`OptimiseError::Setting`] for numbers that
    /// are not finite or below zero, [`OptimiseError`] where a graph of the pack has no gradient.
    pub fn open(pack: &Arc<Pack>, runtime: &Runtime, settings: &Refinement) -> Result<Self, ModelError> {
        usable(&[
            ("rate", settings.rate),
            ("weight of pixels", settings.pixels.into()),
            ("weight of perception", settings.perceptual.into()),
            ("weight of identity", settings.identity.into()),
            ("weight of nearness", settings.nearness.into()),
            ("wanted fidelity", settings.enough.unwrap_or_default().into()),
        ])?;
        let wanted = [(Role::Perceptual, settings.perceptual), (Role::Identity, settings.identity)];
        let wanted = wanted.iter().filter(|w| w.1 > 0.0).map(|w| w.0);
        let (there, missing): (Vec<Role>, Vec<Role>) =
            wanted.partition(|role| pack.manifest().roles.contains_key(role));

        let mut joined =
            Joined::of(pack, Role::Affine)?.then(Role::Synthesis, &[("affine.styles", "styles")])?;
        let pixels =
            Term::new("pixels", Measure::MeanSquare, PICTURE).against("photo").times(settings.pixels);
        let mut loss = Loss::of(pixels);
        if there.contains(&Role::Perceptual) {
            joined = joined.then(Role::Perceptual, &[(PICTURE, "a")])?;
            loss = loss
                .and(Term::new("perceived", Measure::Mean, "perceptual.distance").times(settings.perceptual));
        }
        if there.contains(&Role::Identity) {
            joined = joined.then(Role::Identity, &[(PICTURE, "image")])?;
            let likeness = Term::new("likeness", Measure::Cosine, "identity.identity").against("whom");
            loss = loss.and(likeness.times(settings.identity));
        }
        if settings.nearness > 0.0 {
            let nearness = Term::new("nearness", Measure::MeanSquare, CODE).against("encoded");
            loss = loss.and(nearness.times(settings.nearness));
        }
        let gradient = Differentiate::new(joined.model()).loss(loss).wrt(CODE).also(PICTURE);
        let gradient = gradient.device(device(runtime)).build().map_err(OptimiseError::from)?;
        let lazy = |role| Lazy::new(Arc::clone(pack), runtime.clone(), role);
        Ok(Self {
            session: GradientSession::open(runtime, gradient)?,
            generator: StyleGan::new(Arc::clone(pack), runtime.clone()),
            identity: there.contains(&Role::Identity).then(|| lazy(Role::Identity)),
            pack: Arc::clone(pack),
            settings: *settings,
            missing,
        })
    }

    /// Refines the code `start` of `image`, one picture `[1, 3, R, R]` in the range of the pack.
    /// [`Watched::reached`] is the PSNR in dB.
    ///
    /// # Errors
    /// [`ModelError::Foreign`] for a picture of another shape and for a code of another pack or without W+ vectors,
    /// [`OptimiseError::NotFinite`] where either holds NaN or infinity, [`ModelError::Cancelled`] at the latest one node
    /// after `cancel` was used.
    pub fn refine(
        &mut self,
        image: &Array4<f32>,
        start: &Code,
        cancel: &Cancel,
        watch: &mut Watch<'_>,
    ) -> Result<Refined, ModelError> {
        let from = one_code(&self.pack, start)?;
        one_picture(&self.pack, image)?;
        let Refinement { steps, rate, enough, show, .. } = self.settings;
        let photo = || Tensor::F32(image.view().into_dyn());
        let whom = match &mut self.identity {
            Some(identity) => Some(identity.one(&[("image", photo())], cancel)?),
            None => None,
        };
        let mut plan = Optimisation::new(&mut self.session)
            .variable(CODE, from.clone())
            .constant("photo", photo())
            .adam(Adam::default(), Schedule::ramped(rate))
            .steps(steps);
        if self.settings.perceptual > 0.0 && !self.missing.contains(&Role::Perceptual) {
            plan = plan.constant("perceptual.b", photo());
        }
        if let Some(whom) = &whom {
            plan = plan.constant("whom", Tensor::F32(whom.view()));
        }
        if self.settings.nearness > 0.0 {
            plan = plan.constant("encoded", Tensor::F32(from.view()));
        }
        if show > 0 {
            plan = plan.preview(PICTURE, show);
        }
        let range = self.pack.manifest().range;
        let decibels = |square: f32| -10.0 * (square / (range.high - range.low).powi(2)).log10();
        let mut reached = false;
        let outcome = plan.run(cancel, |progress| {
            let pixels = progress.terms().find(|t| t.0 == "pixels").map_or(f32::NAN, |t| t.1);
            let psnr = decibels(pixels);
            let picture = progress.preview.clone();
            let asked = watch(&Watched { step: progress.step, steps, reached: psnr, picture });
            reached = enough.is_some_and(|enough| psnr >= enough);
            if reached { ControlFlow::Break(()) } else { asked }
        })?;
        let before = self.generator.styled(from, cancel)?;
        let before = self.generator.synthesise(&before, cancel)?;
        // Without a step there is nothing better than the start.
        let best = outcome.best.get(CODE).cloned().unwrap_or_default();
        let code = self.generator.styled(best, cancel)?;
        let reconstruction = self.generator.synthesise(&code, cancel)?;
        Ok(Refined {
            before: psnr(image, &before, range.low, range.high)?,
            after: psnr(image, &reconstruction, range.low, range.high)?,
            steps: outcome.losses.len(),
            stopped: if reached { Stopped::Reached } else { outcome.stopped },
            missing: self.missing.clone(),
            code,
            reconstruction,
        })
    }
}
