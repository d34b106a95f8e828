//! Edits by a text: a code is optimised until its picture means what the text means.
//!
//! Patashnik et al., “StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery”, 2021, section 4. With the code `w₀` of a
//! photo, the generator `G`, the embedding `E` of pictures, that of the text `t` and the identity `R`, equation 1 makes
//!
//! `L(w) = (1 − cos(E(G(w)), t)) + λ₂ Σ (w − w₀)² + λ_id (1 − cos(R(G(w)), R(G(w₀))))`
//!
//! small by Adam; the second term is a sum over all numbers, as in the published code. [`Settings::published`] is just
//! that. What else can be set, and off there, answers what it is known for:
//!
//! * Free codes please an embedding by colour noise that no picture of the pack has. [`Space::Axes`] moves along the
//!   principal axes of the pack's own codes only, [`Space::Mapping`] as its mapping network does, and
//!   [`Settings::copies`] holds the text against shifted and grainy copies of the picture, too.
//! * Texts say more than what is to change. [`Settings::direction`] adds what Gal et al. (“StyleGAN-NADA”, 2021, equation
//!   2) hold the change of the embedding against: the change from a neutral text to this one.
//! * Three hundred steps are many. [`Descent::Lbfgs`] needs fewer for the same loss.
//! * Most steps need no large picture. With [`Settings::coarse`] the first ones look at the pack's previews.
//! * [`Settings::settle`] ends when nothing is gained any more.

mod basis;
mod copies;
mod graph;
mod mapping;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use autodiff::{Adam, Lbfgs, Schedule};
use ndarray::{Array1, ArrayD, ArrayView1, Axis, IxDyn};

use self::basis::{Basis, Start};
use self::graph::Stage;
use crate::cancel::Cancel;
use crate::code::{Code, STYLES};
use crate::direction::{DirectionError, norm, text_change};
use crate::error::ModelError;
use crate::family::stylegan::StyleGan;
use crate::generator::Generator;
use crate::joined::one_code;
use crate::optimise::{Optimisation, OptimiseError, Stopped, Watch, Watched, usable};
use crate::pack::{Array, Manifest, Pack, Role};
use crate::runtime::Runtime;
use crate::session::Tensor;

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// All W+ vectors, as published.
    WPlus,
    /// The styles but for those of RGB outputs that the pack leaves alone, as in StyleCLIP's code.
    Styles,
    /// Along the principal axes of the pack's own codes (`code-axes`), in standard deviations. The layers are divided into
    /// so many groups of neighbours, each of which moves as one; at least one, at most as many as there are layers.
    Axes {
        /// How many.
        groups: usize,
    },
    /// As the pack's mapping network moves the codes of random pictures, in its normal numbers; all layers move as one.
    Mapping,
}

/// What finds the next code from the gradients of those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descent {
    /// Adam, as published.
    Adam,
    /// L-BFGS. The loss of an edit is smooth and the same in each step, unlike those of training that Adam is for: this
    /// takes half of its steps, or far fewer. [`Settings::rate`] counts for nothing, and copies keep their random numbers.
    Lbfgs,
}

/// When nothing is gained any more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settle {
    /// So many steps are looked at.
    pub steps: usize,
    /// If the similarity rose by less than this in them, that was it.
    pub gain: f32,
}

/// How an edit goes. Weights are zero or more; what weighs nothing is not computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// What moves.
    pub space: Space,
    /// What moves it.
    pub descent: Descent,
    /// How many steps at most.
    pub steps: usize,
    /// How far a step of Adam goes between its rise and fall ([`Schedule::ramped`]), in units of the space.
    pub rate: f64,
    /// λ₂, the weight of the sum of the squares of all changes, in units of the space.
    pub nearness: f32,
    /// λ_id, the weight of the difference of identity.
    pub identity: f32,
    /// The weight of the difference between the change of the picture and the change of the text.
    pub direction: f32,
    /// How many copies of the picture, each shifted by up to 3 % of its side and grainy by 2 % of its range, the texts are
    /// held against beside it, other ones in each step. All count alike.
    pub copies: usize,
    /// What the copies' random numbers follow from.
    pub seed: u64,
    /// The part of the steps that look at previews, `0..1`.
    pub coarse: f64,
    /// When it ends early.
    pub settle: Option<Settle>,
    /// After how many steps a picture comes along; never where this is zero.
    pub show: usize,
}

impl Settings {
    /// What gave edits that look like pictures of the pack in the starter pack: along its axes, all layers as one, with the
    /// direction counting twice, by L-BFGS until nothing is gained. `BENCH-TEXT.md` tells what else was tried. Packs without axes
    /// get W+.
    pub fn suited(pack: &Manifest) -> Self {
        let along = pack.arrays.contains_key(&Array::CodeAxes);
        let space = if along { Space::Axes { groups: 1 } } else { Space::WPlus };
        let nearness = if along { 0.01 } else { 0.008 };
        let settle = Some(Settle { steps: 12, gain: 0.004 });
        Self {
            descent: Descent::Lbfgs,
            steps: 100,
            nearness,
            direction: 2.0,
            settle,
            ..Self::published(space)
        }
    }

    /// StyleCLIP's optimiser with the settings of its code.
    pub fn published(space: Space) -> Self {
        Self {
            space,
            descent: Descent::Adam,
            steps: 300,
            rate: 0.1,
            nearness: 0.008,
            identity: 0.0,
            direction: 0.0,
            copies: 0,
            seed: 0,
            coarse: 0.0,
            settle: None,
            show: 0,
        }
    }
}

/// Edits codes of one pack by texts. Opening takes seconds; then there can be edit after edit.
pub struct TextEdit {
    pack: Arc<Pack>,
    settings: Settings,
    basis: Basis,
    coarse: Option<Stage>,
    full: Stage,
    generator: StyleGan,
    missing: Vec<Role>,
}

/// An edited code.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The code at the least loss that was seen: with new W+ vectors and their styles, or in [`Space::Styles`] with
    /// new styles beside the W+ vectors it had.
    pub code: Code,
    /// Cosine of the embeddings of the first picture and the text; where steps look at previews, that of a preview.
    pub before: f32,
    /// The same of the picture of the new code.
    pub after: f32,
    /// Steps that were made.
    pub steps: usize,
    /// How long they took.
    pub elapsed: Duration,
    /// Why it ended.
    pub stopped: Stopped,
    /// What was to be used but is not in the pack.
    pub missing: Vec<Role>,
}

/// The texts of an edit, as [`crate::text::TextEncoder::embed`] gives them.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// The embedding `[D]` of what is wanted.
    pub target: &'a Array1<f32>,
    /// That of what is there; only [`Settings::direction`] asks for it.
    pub neutral: &'a Array1<f32>,
}

impl TextEdit {
    /// For a pack of the family `stylegan2`.
    ///
    /// # Errors
    /// [`ModelError::Missing`] for packs without style layers, generator or image encoder, and without `code-axes` or
    /// mapping network in the space that needs them; [`crate::optimise::OptimiseError::Setting`] for numbers that are not finite or below zero;
    /// [`crate::optimise::OptimiseError`] where a graph of the pack has no gradient.
    pub fn open(pack: &Arc<Pack>, runtime: &Runtime, settings: &Settings) -> Result<Self, ModelError> {
        usable(&[
            ("rate", settings.rate),
            ("weight of nearness", settings.nearness.into()),
            ("weight of identity", settings.identity.into()),
            ("weight of direction", settings.direction.into()),
            ("part of coarse steps", settings.coarse),
            ("room for coarse steps", 1.0 - settings.coarse),
        ])?;
        let has = |role| pack.manifest().roles.contains_key(&role);
        let wanted = [(Role::Identity, settings.identity > 0.0), (Role::Preview, settings.coarse > 0.0)];
        let missing: Vec<Role> = wanted.iter().filter(|w| w.1 && !has(w.0)).map(|w| w.0).collect();
        let basis = Basis::of(pack, runtime, settings.space)?;
        let stage = |role| Stage::open(pack, runtime, settings, &basis, role);
        let coarse = settings.coarse > 0.0 && has(Role::Preview);
        Ok(Self {
            coarse: if coarse { Some(stage(Role::Preview)?) } else { None },
            full: stage(Role::Synthesis)?,
            basis,
            generator: StyleGan::new(Arc::clone(pack), runtime.clone()),
            pack: Arc::clone(pack),
            settings: *settings,
            missing,
        })
    }

    /// Edits the code of one picture. [`Watched::reached`] is the cosine of the embeddings of picture and text.
    ///
    /// # Errors
    /// [`ModelError::Foreign`] for a code of another pack or of several pictures, [`DirectionError::Mismatch`] for
    /// embeddings of another length, [`DirectionError::Same`] where both texts mean the same and their difference
    /// counts, [`crate::optimise::OptimiseError::NotFinite`] where any holds NaN or infinity, [`ModelError::Cancelled`] at the latest one
    /// node after `cancel` was used.
    pub fn edit(
        &mut self,
        start: &Code,
        texts: Texts<'_>,
        cancel: &Cancel,
        watch: &mut Watch<'_>,
    ) -> Result<Edited, ModelError> {
        let w_plus = one_code(&self.pack, start)?;
        if !w_plus.iter().all(|v| v.is_finite()) {
            return Err(OptimiseError::NotFinite.into());
        }
        let begun = Instant::now();
        let styles = start.styles()?.to_owned().into_dyn();
        let (from, kept) = match self.settings.space {
            Space::Styles => (styles, None),
            Space::WPlus | Space::Axes { .. } | Space::Mapping => {
                let own = self.generator.styled(w_plus.clone(), cancel)?;
                (w_plus, Some(styles - own.tensor(STYLES)?))
            }
        };
        let from = self.basis.start(from, kept, cancel)?;
        let all = self.settings.steps;
        let coarse = if self.coarse.is_some() { (all as f64 * self.settings.coarse) as usize } else { 0 };
        let mut edit =
            Edit { settings: &self.settings, from: &from, texts, cancel, made: 0, before: None, after: 0.0 };
        let mut change = ArrayD::zeros(IxDyn(&self.basis.shape()));
        let mut stopped = Stopped::Finished;
        if let Some(stage) = &mut self.coarse {
            let schedule = self.settings.part(0, coarse);
            (change, stopped) = edit.run(stage, change, coarse, schedule, watch)?;
        }
        // What settled in previews may go on in full.
        if matches!(stopped, Stopped::Finished | Stopped::Settled) {
            let schedule = self.settings.part(coarse, all);
            (change, stopped) = edit.run(&mut self.full, change, all - coarse, schedule, watch)?;
        }
        let Edit { made: steps, before, after, .. } = edit;
        let elapsed = begun.elapsed();
        let moved = self.basis.moved(&from, &change, cancel)?;
        let code = match self.settings.space {
            Space::Styles => start.clone().with(STYLES, moved),
            Space::WPlus | Space::Axes { .. } | Space::Mapping => {
                let foreign = |e: ndarray::ShapeError| ModelError::Foreign(e.to_string());
                let moved = moved.into_dimensionality().map_err(foreign)?;
                self.generator.with_w_plus(start, moved.view(), cancel)?
            }
        };
        let (before, missing) = (before.unwrap_or(after), self.missing.clone());
        Ok(Edited { code, before, after, steps, elapsed, stopped, missing })
    }
}

impl Settings {
    /// The schedule of the steps `from..to` of all, such that together they rise once and fall once. Adam starts anew with
    /// each part, and must not go far by the first gradients it sees: each part rises by itself.
    fn part(&self, from: usize, to: usize) -> Schedule {
        let whole = Schedule::ramped(self.rate);
        let steps = to.saturating_sub(from).max(1) as f64;
        let of = |part: f64| (part * self.steps as f64 / steps).min(1.0);
        let ramp_down = if to < self.steps { 0.0 } else { of(whole.ramp_down) };
        Schedule { warm_up: of(whole.warm_up), ramp_down, ..whole }
    }
}

/// One edit on its way through its stages.
struct Edit<'a> {
    settings: &'a Settings,
    from: &'a Start,
    texts: Texts<'a>,
    cancel: &'a Cancel,
    made: usize,
    before: Option<f32>,
    after: f32,
}

impl Edit<'_> {
    /// Goes on from a change by so many steps; returns the best that was seen.
    fn run(
        &mut self,
        stage: &mut Stage,
        change: ArrayD<f32>,
        steps: usize,
        schedule: Schedule,
        watch: &mut Watch<'_>,
    ) -> Result<(ArrayD<f32>, Stopped), ModelError> {
        if self.texts.target.len() != stage.width() {
            return Err(DirectionError::Mismatch.into());
        }
        let constants = stage.look(self.from, self.cancel)?;
        let (picture, copies) = (stage.picture(), stage.copies());
        let target = self.texts.target.view().insert_axis(Axis(0)).into_dyn();
        let towards = match self.settings.direction > 0.0 {
            true => {
                let mut change = text_change(self.texts.target.view(), self.texts.neutral.view())?.to_vec();
                change.push(0.0);
                Some(Array1::from(change).insert_axis(Axis(0)).into_dyn())
            }
            false => None,
        };
        let mut plan = Optimisation::new(stage.session())
            .variable(basis::CHANGE, change.clone())
            .constant(graph::TARGET, Tensor::F32(target))
            .steps(steps);
        plan = match self.settings.descent {
            Descent::Adam => plan.adam(Adam::default(), schedule),
            Descent::Lbfgs => plan.lbfgs(Lbfgs::default()),
        };
        for (name, value) in &constants {
            plan = plan.constant(*name, Tensor::F32(value.view()));
        }
        if let Some(towards) = &towards {
            plan = plan.constant(graph::TOWARDS, Tensor::F32(towards.view()));
        }
        // Steps that went before had numbers of their own.
        let seed = self.settings.seed.wrapping_add(self.made as u64);
        for (name, draw) in copies.into_iter().flat_map(|copies| copies.drawn(seed)) {
            plan = plan.renew(name, draw);
        }
        if self.settings.show > 0 {
            plan = plan.preview(picture, self.settings.show);
        }
        let (made, all) = (self.made, self.settings.steps);
        let mut best = (f64::INFINITY, 0.0);
        let mut pace = Pace { settle: self.settings.settle, since: 0, mark: f32::NEG_INFINITY };
        let mut settled = false;
        let before = &mut self.before;
        let outcome = plan.run(self.cancel, |progress| {
            let reached = alike(progress.terms());
            before.get_or_insert_with(|| alike(progress.began()));
            if progress.loss < best.0 {
                best = (progress.loss, reached);
            }
            let step = made + progress.step;
            let asked = watch(&Watched { step, steps: all, reached, picture: progress.preview.clone() });
            settled = pace.settled(progress.step, reached);
            if settled { ControlFlow::Break(()) } else { asked }
        })?;
        self.made += outcome.losses.len();
        if best.0.is_finite() {
            self.after = best.1;
        }
        let stopped = if settled { Stopped::Settled } else { outcome.stopped };
        let change = outcome.best.get(basis::CHANGE).cloned().unwrap_or(change);
        Ok((change, stopped))
    }
}

/// The cosine of picture and text among the terms of a loss.
fn alike<'t>(mut terms: impl Iterator<Item = (&'t str, f32)>) -> f32 {
    1.0 - terms.find(|term| term.0 == graph::UNLIKE).map_or(f32::NAN, |term| term.1)
}

/// Whether anything is still gained.
struct Pace {
    settle: Option<Settle>,
    since: usize,
    mark: f32,
}

impl Pace {
    fn settled(&mut self, step: usize, reached: f32) -> bool {
        let Some(Settle { steps, gain }) = self.settle else { return false };
        if reached >= self.mark + gain {
            (self.since, self.mark) = (step, reached);
        }
        step >= self.since + steps
    }
}

/// The vector at unit length.
fn unit(vector: ArrayD<f32>) -> ArrayD<f32> {
    let length = norm(ArrayView1::from(&vector.iter().copied().collect::<Vec<_>>()));
    vector / length.max(f32::MIN_POSITIVE)
}
