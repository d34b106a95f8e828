//! Pivotal tuning: the code of a photo stays, and the generator itself is changed a little until its picture is the photo.
//!
//! Roich et al., “Pivotal Tuning for Latent-based Editing of Real Images”, 2021, §3.2. A code that can be edited well, the
//! pivot, gives a picture that is not quite the photo; the weights of the generator are then trained, by differences of
//! pixels and perceived difference, to give the photo at that very code. Edits go on from there as before, with the
//! [`Tuned`] generator of this one photo.
//!
//! What is trained are the weights of the convolutions and what is added to each channel; what they are divided by
//! (demodulation), noise, filters and style layers stay. Published generators keep weights of unit variance and scale them
//! when they are used (Karras et al., “Progressive Growing of GANs”, 2018, §4.1); the graphs of packs have that scale in
//! them. So that the published rate means the same, changes are counted in root mean squares of each tensor.

mod tuned;

use std::ops::ControlFlow;
use std::sync::Arc;

use autodiff::proto::{GraphProto, TensorProto};
use autodiff::{Adam, Differentiate, Loss, Measure, Model, Schedule, Term, tensor};
use ndarray::{Array4, ArrayD, IxDyn};

pub use self::tuned::{Tuned, TunedError};
use crate::cancel::Cancel;
use crate::code::{Code, STYLES};
use crate::error::ModelError;
use crate::family::stylegan::StyleGan;
use crate::fidelity::psnr;
use crate::generator::Generator;
use crate::joined::{Nodes, device, one_picture, prefix, value};
use crate::optimise::{GradientSession, Optimisation, OptimiseError, Stopped, Watch, Watched, usable};
use crate::pack::{Pack, Role};
use crate::runtime::Runtime;
use crate::session::Tensor;

const PICTURE: &str = "synthesis.image";

/// How a tuning goes. The defaults are those of the published code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// How many steps at most.
    pub steps: usize,
    /// How far a step of Adam goes, in root mean squares of each tensor.
    pub rate: f64,
    /// Weight of the mean square difference of pixels, in the range of the pack.
    pub pixels: f32,
    /// Weight of the perceived difference.
    pub perceptual: f32,
    /// Perceived difference at which it ends early.
    pub near: Option<f32>,
    /// PSNR in dB at which it ends early.
    pub enough: Option<f32>,
    /// After how many steps a picture comes along; never where this is zero.
    pub show: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: 350, rate: 3e-4, pixels: 1.0, perceptual: 1.0, near: Some(0.06), enough: None, show: 0 }
    }
}

/// Tunes the generator of one pack to one photo after another.
///
/// Beside what a step of the generator takes, it needs 60 bytes for each number that is trained: 1.7 GB for the 28
/// million of a generator of 1024 pixels.
pub struct Tuner {
    pack: Arc<Pack>,
    settings: Settings,
    session: GradientSession,
    weights: Vec<Weight>,
    generator: StyleGan,
    missing: Vec<Role>,
}

/// A generator tuned to a photo.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// The weights at the least loss that was seen.
    pub tuned: Tuned,
    /// What they make of the code.
    pub reconstruction: Array4<f32>,
    /// PSNR of what the pack's own generator makes of it, dB.
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

/// A tensor that is trained.
struct Weight {
    name: String,
    /// The unit that its change is counted in.
    unit: f32,
    values: ArrayD<f32>,
}

impl Weight {
    /// Its change, as a variable.
    fn change(&self) -> String {
        format!("change/{}", self.name)
    }
}

impl Tuner {
    /// For a pack of the family `stylegan2`. Takes seconds.
    ///
    /// # Errors
    /// [`ModelError::Missing`] for packs without generator, [`OptimiseError::Setting`] for numbers that are not finite or
    /// below zero, [`OptimiseError::Open`] for generators without convolutions and where a graph has no gradient.
    pub fn open(pack: &Arc<Pack>, runtime: &Runtime, settings: &Settings) -> Result<Self, ModelError> {
        usable(&[
            ("rate", settings.rate),
            ("weight of pixels", settings.pixels.into()),
            ("weight of perception", settings.perceptual.into()),
            ("wanted nearness", settings.near.unwrap_or_default().into()),
            ("wanted fidelity", settings.enough.unwrap_or_default().into()),
        ])?;
        let (mut model, weights) = trained(prefix(pack.model(Role::Synthesis)?, Role::Synthesis, 1)?)?;
        let mut loss = Loss::of(
            Term::new("pixels", Measure::MeanSquare, PICTURE).against("photo").times(settings.pixels),
        );
        let perceptual = settings.perceptual > 0.0 && pack.manifest().roles.contains_key(&Role::Perceptual);
        if perceptual {
            let judge = prefix(pack.model(Role::Perceptual)?, Role::Perceptual, 1)?;
            model = model.join(judge, &[(PICTURE, "perceptual.a")]).map_err(OptimiseError::from)?;
            loss = loss
                .and(Term::new("perceived", Measure::Mean, "perceptual.distance").times(settings.perceptual));
        }
        let mut gradient = Differentiate::new(model).loss(loss).also(PICTURE).device(device(runtime));
        for weight in &weights {
            gradient = gradient.wrt(weight.change());
        }
        let gradient = gradient.build().map_err(OptimiseError::from)?;
        let missing = settings.perceptual > 0.0 && !perceptual;
        Ok(Self {
            session: GradientSession::open(runtime, gradient)?,
            generator: StyleGan::new(Arc::clone(pack), runtime.clone()),
            pack: Arc::clone(pack),
            settings: *settings,
            weights,
            missing: if missing { vec![Role::Perceptual] } else { Vec::new() },
        })
    }

    /// Tunes the generator to `image`, one picture `[1, 3, R, R]` in the range of the pack, whose code is `pivot`.
    /// [`Watched::reached`] is the PSNR in dB.
    ///
    /// # Errors
    /// [`ModelError::Foreign`] for a picture of another shape and for a code of another pack or of several pictures,
    /// [`OptimiseError::NotFinite`] where either holds NaN or infinity, [`ModelError::Cancelled`] at the latest one node
    /// after `cancel` was used.
    pub fn tune(
        &mut self,
        image: &Array4<f32>,
        pivot: &Code,
        cancel: &Cancel,
        watch: &mut Watch<'_>,
    ) -> Result<Tuning, ModelError> {
        one_picture(&self.pack, image)?;
        self.generator.tune(None)?;
        let before = self.generator.synthesise(pivot, cancel)?;
        let styles = pivot.tensor(STYLES)?;
        if styles.shape().first() != Some(&1) {
            return Err(ModelError::Foreign("the code is not that of one picture".into()));
        }
        let Settings { steps, rate, near, enough, show, .. } = self.settings;
        let photo = || Tensor::F32(image.view().into_dyn());
        let mut plan = Optimisation::new(&mut self.session)
            .constant("synthesis.styles", Tensor::F32(styles.view()))
            .constant("photo", photo())
            .adam(Adam::default(), Schedule::flat(rate))
            .steps(steps);
        for weight in &self.weights {
            plan = plan.variable(weight.change(), ArrayD::<f32>::zeros(weight.values.raw_dim()));
        }
        if self.settings.perceptual > 0.0 && self.missing.is_empty() {
            plan = plan.constant("perceptual.b", photo());
        }
        if show > 0 {
            plan = plan.preview(PICTURE, show);
        }
        let range = self.pack.manifest().range;
        let mut reached = false;
        let outcome = plan.run(cancel, |progress| {
            let term = |name: &str| progress.terms().find(|t| t.0 == name).map(|t| t.1);
            let square = term("pixels").unwrap_or(f32::NAN);
            let psnr = -10.0 * (square / (range.high - range.low).powi(2)).log10();
            let picture = progress.preview.clone();
            let asked = watch(&Watched { step: progress.step, steps, reached: psnr, picture });
            reached = enough.is_some_and(|enough| psnr >= enough)
                || near.zip(term("perceived")).is_some_and(|(near, distance)| distance <= near);
            if reached { ControlFlow::Break(()) } else { asked }
        })?;
        let own = value(Role::Synthesis, "");
        let weights = self.weights.iter().map(|weight| {
            let mut values = weight.values.clone();
            if let Some(change) = outcome.best.get(&weight.change()) {
                values.scaled_add(weight.unit, change);
            }
            (weight.name.trim_start_matches(&own).to_owned(), values)
        });
        let tuned = Tuned::new(&self.pack, weights.collect());
        self.generator.tune(Some(&tuned))?;
        let reconstruction = self.generator.synthesise(pivot, cancel)?;
        self.generator.tune(None)?;
        Ok(Tuning {
            tuned,
            before: psnr(image, &before, range.low, range.high)?,
            after: psnr(image, &reconstruction, range.low, range.high)?,
            reconstruction,
            steps: outcome.losses.len(),
            stopped: if reached { Stopped::Reached } else { outcome.stopped },
            missing: self.missing.clone(),
        })
    }
}

/// The generator with its weights as `stored + unit · change`, where the changes are inputs.
fn trained(generator: Model) -> Result<(Model, Vec<Weight>), ModelError> {
    let mut proto = generator.into_proto();
    let graph = proto.graph.get_or_insert_default();
    let mut weights: Vec<Weight> = Vec::new();
    for (at, scaled) in found(graph) {
        let stored = &graph.initializer[at];
        let dims: Vec<usize> = stored.dims.iter().filter_map(|&d| usize::try_from(d).ok()).collect();
        let values = tensor::floats(stored).and_then(|v| ArrayD::from_shape_vec(IxDyn(&dims), v).ok());
        let Some(values) = values else { continue };
        let mean = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / values.len().max(1) as f64;
        let unit = if scaled && mean > 0.0 { mean.sqrt() as f32 } else { 1.0 };
        weights.push(Weight { name: stored.name.clone(), unit, values });
    }
    if weights.is_empty() {
        return Err(OptimiseError::Open("its generator has no convolutions".into()).into());
    }
    for weight in &weights {
        let (name, dims) = (&weight.name, weight.values.shape());
        let [stored, unit, by] = ["stored", "unit", "by"].map(|what| format!("{what}/{name}"));
        let rename = |tensor: &&mut TensorProto| tensor.name == *name;
        if let Some(tensor) = graph.initializer.iter_mut().find(rename) {
            let flat: Vec<f32> = weight.values.iter().copied().collect();
            *tensor = tensor::of_floats(&stored, dims, &flat);
        }
        let nodes = Nodes::default()
            .input(&weight.change(), dims)
            .floats(&unit, &[], &[weight.unit])
            .node("Mul", &[&weight.change(), &unit], &by)
            .node("Add", &[&stored, &by], name)
            .graph();
        graph.input.extend(nodes.input);
        graph.initializer.extend(nodes.initializer);
        graph.node.extend(nodes.node);
    }
    Ok((Model::new(proto).map_err(OptimiseError::from)?, weights))
}

/// The initializers that are trained, by their place, and whether they are weights, whose changes go by their size.
/// Filters have a side of four, or as many groups as channels.
fn found(graph: &GraphProto) -> Vec<(usize, bool)> {
    // Weights of half precision are widened where they are used.
    let stored = |name: &str| {
        let cast = graph.node.iter().find(|n| n.op_type == "Cast" && n.output.iter().any(|o| o == name));
        let name = cast.and_then(|n| n.input.first()).map_or(name, String::as_str);
        graph.initializer.iter().position(|t| t.name == name)
    };
    let mut all: Vec<(usize, bool)> = Vec::new();
    for node in &graph.node {
        let input = |at: usize| node.input.get(at).and_then(|name| stored(name));
        let dims = |at: usize| graph.initializer.get(at).map_or(&[][..], |t| &t.dims);
        let group = node.attribute.iter().find(|a| a.name == "group").map_or(1, |a| a.i);
        let tensors = match node.op_type.as_str() {
            "Conv" | "ConvTranspose" if group == 1 => match input(1) {
                Some(weight) if dims(weight).get(2).is_some_and(|side| side % 2 == 1) => {
                    [Some((weight, true)), input(2).map(|bias| (bias, false))]
                }
                _ => [None, None],
            },
            "Add" => [0, 1].map(|at| {
                let per_channel = |&at: &usize| matches!(dims(at), [1, channels, 1, 1] if *channels > 1);
                input(at).filter(per_channel).map(|bias| (bias, false))
            }),
            _ => [None, None],
        };
        all.extend(tensors.into_iter().flatten());
    }
    all.sort_unstable();
    all.dedup_by_key(|found| found.0);
    all
}
