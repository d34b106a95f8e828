//! From a photo to its code: encoder, refinement, tuning; what was found is kept.

use std::ops::ControlFlow;

use models_onnx::inversion::{Refinement, Refiner};
use models_onnx::optimise::Watched;
use models_onnx::pack::Manifest;
use models_onnx::tuning::{self, Tuner};
use models_onnx::{Cancel, Code, fidelity};
use ndarray::Array4;
use pentimento_protocol::job::Fidelity;
use pentimento_protocol::param::Values;
use pentimento_protocol::picture::Picture;

use super::{Studio, cache, pictured, without};
use crate::error::PluginError;
use crate::operation::Work;
use crate::pipeline::params::{QUALITY, REFINE, TUNE};
use crate::pipeline::tensor;
use crate::strings::{fill, msgid, tr};

/// Pictures that are shown while a code is refined.
const LIVE: usize = 20;

/// How far random pictures stay away from the mean; the usual ψ.
const TRUNCATION: f32 = 0.7;

/// How much trouble is taken to find the code of a photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Steps of refinement of the code.
    pub refine: usize,
    /// Steps of tuning of the generator.
    pub tune: usize,
    /// The likeness in dB at which both may stop.
    pub quality: Option<f32>,
}

/// A picture as its pack knows it.
#[derive(Debug, Clone)]
pub struct Inversion {
    /// What tells it from others.
    pub id: String,
    /// Its code.
    pub code: Code,
    /// What the generator makes of the code.
    pub picture: Picture,
    /// How near that comes; none where there was no photo to come near.
    pub fidelity: Option<Fidelity>,
}

impl Effort {
    /// As the parameters of the road say.
    pub fn of(road: &Values) -> Self {
        let quality = road.number(QUALITY) as f32;
        Self {
            refine: road.number(REFINE) as usize,
            tune: road.number(TUNE) as usize,
            quality: (quality > 0.0).then_some(quality),
        }
    }
}

impl Studio {
    /// The code of a picture, and how well it stands for it. The last one is remembered: a slider that moves
    /// costs no second inversion. What took trouble to find lies in a file, too, and is found again after a restart.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn invert(
        &mut self,
        picture: &Picture,
        effort: &Effort,
        work: &Work<'_>,
    ) -> Result<Inversion, PluginError> {
        if let Some((known, spent, inversion)) = &self.inverted
            && known == picture
            && spent == effort
        {
            return Ok(inversion.clone());
        }
        (work.progress)(0.0, tr(msgid("Reading the photo")));
        let manifest = self.pack.manifest();
        let image = tensor::from_picture(picture, manifest)?;
        let id = cache::key(&self.pack, picture, effort);
        let code = match cache::read(&self.places, &id, &self.pack) {
            Some(code) => code,
            None => {
                let mut code = self.generator.encode(&image, work.cancel)?;
                if effort.refine > 0 {
                    code = self.refine(&image, &code, effort, work)?;
                }
                cache::write(&self.places, &id, &code);
                code
            }
        };
        self.tune(&id, &image, &code, effort, work)?;
        let reconstruction = self.generator.synthesise(&code, work.cancel)?;
        let measured = fidelity::measure(&self.pack, &image, &reconstruction)?;
        let inversion = Inversion {
            id,
            code,
            picture: tensor::to_picture(&reconstruction, self.pack.manifest())?,
            fidelity: Some(Fidelity { psnr: measured.psnr, typical: measured.typical, poor: measured.poor }),
        };
        self.inverted = Some((picture.clone(), *effort, inversion.clone()));
        Ok(inversion)
    }

    /// Brings a code nearer to its photo.
    fn refine(
        &mut self,
        image: &Array4<f32>,
        code: &Code,
        effort: &Effort,
        work: &Work<'_>,
    ) -> Result<Code, PluginError> {
        let settings = Refinement {
            steps: effort.refine,
            enough: effort.quality,
            show: effort.refine.div_ceil(LIVE).max(1),
            ..Refinement::default()
        };
        if self.refiner.as_ref().is_none_or(|(known, _)| *known != settings) {
            self.refiner = Some((settings, Refiner::open(&self.pack, &self.runtime, &settings)?));
        }
        let (_, refiner) = self.refiner.as_mut().ok_or(PluginError::WorkerGone)?;
        let manifest = self.pack.manifest();
        let refined = refiner.refine(image, code, work.cancel, &mut |watched| {
            tell(work, msgid("Refining, step {step} of {steps}: {psnr} dB"), watched, manifest);
            ControlFlow::Continue(())
        })?;
        refined.missing.iter().for_each(|role| (work.note)(without(*role)));
        Ok(refined.code)
    }

    /// Teaches the generator one photo, or has it forget the last one.
    fn tune(
        &mut self,
        id: &str,
        image: &Array4<f32>,
        code: &Code,
        effort: &Effort,
        work: &Work<'_>,
    ) -> Result<(), PluginError> {
        self.inverted = None;
        if effort.tune == 0 {
            return Ok(self.generator.tune(None)?);
        }
        let tuned = match cache::read_tuned(&self.places, id) {
            Some(tuned) => tuned,
            None => {
                let settings = tuning::Settings {
                    steps: effort.tune,
                    enough: effort.quality,
                    show: effort.tune.div_ceil(LIVE).max(1),
                    ..tuning::Settings::default()
                };
                let mut tuner = Tuner::open(&self.pack, &self.runtime, &settings)?;
                let told = msgid("Tuning, step {step} of {steps}: {psnr} dB");
                let manifest = self.pack.manifest();
                let mut watch = |watched: &Watched<'_>| {
                    tell(work, told, watched, manifest);
                    ControlFlow::Continue(())
                };
                let tuning = tuner.tune(image, code, work.cancel, &mut watch)?;
                tuning.missing.iter().for_each(|role| (work.note)(without(*role)));
                cache::write_tuned(&self.places, id, &tuning.tuned);
                tuning.tuned
            }
        };
        Ok(self.generator.tune(Some(&tuned))?)
    }

    /// A picture that nobody gave: the pack's average, or one that a seed chooses.
    ///
    /// # Errors
    /// [`PluginError`], in particular where the pack cannot make pictures of nothing.
    pub fn made_up(&mut self, seed: Option<u64>, cancel: &Cancel) -> Result<Inversion, PluginError> {
        self.inverted = None;
        self.generator.tune(None)?;
        let (id, code) = match seed {
            None => ("average".to_owned(), self.generator.mean(cancel)?),
            Some(seed) => (format!("random {seed}"), self.generator.random(seed, TRUNCATION, cancel)?),
        };
        Ok(Inversion { id, picture: self.synthesise(&code, cancel)?, code, fidelity: None })
    }
}

/// Tells how an optimisation is going.
fn tell(work: &Work<'_>, text: &str, watched: &Watched<'_>, manifest: &Manifest) {
    let text = fill(&tr(text), "step", &watched.step.to_string());
    let text = fill(&text, "steps", &watched.steps.to_string());
    let text = fill(&text, "psnr", &format!("{:.1}", watched.reached));
    (work.progress)(watched.step as f32 / watched.steps as f32, text);
    if let Some(picture) = pictured(watched.picture.as_ref(), manifest) {
        (work.preview)(picture);
    }
}
