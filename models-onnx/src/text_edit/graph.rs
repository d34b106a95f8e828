//! The model that an edit by a text makes steps of: from a change of the code to the loss and its gradient.

use std::ops::ControlFlow;
use std::sync::Arc;

use autodiff::{Adam, Differentiate, Loss, Measure, Schedule, Term};
use ndarray::{Array1, Array2, ArrayD, IxDyn};

use super::{Settings, Space, unit};
use crate::cancel::Cancel;
use crate::error::ModelError;
use crate::joined::{Joined, Nodes, device, integer, size, value, word};
use crate::optimise::{GradientSession, Optimisation, OptimiseError};
use crate::pack::{Array, Pack, Role};
use crate::runtime::Runtime;
use crate::session::Tensor;

/// What moves: how far from the start, so that nothing has to be measured against it.
pub(super) const CHANGE: &str = "change";
/// The code that it started at.
pub(super) const START: &str = "start";
/// The text's embedding.
pub(super) const TARGET: &str = "target";
/// The change of text, with one zero more.
pub(super) const TOWARDS: &str = "towards";
/// One minus the cosine of picture and text.
pub(super) const UNLIKE: &str = "unlike";
/// The embedding of the first picture, at unit length.
const BEGAN: &str = "began";
/// Its identity.
const WHOM: &str = "whom";
/// What both are read from: embedding and identity, one after the other.
const SEEN: &str = "seen";
const EMBEDDING: &str = "image-encoder.embedding";
const IDENTITY: &str = "identity.identity";

/// At first the picture has not changed, and a change of no length has no direction. With this as one coordinate more,
/// which the text does not have, it has one, and small changes count little. Unit vectors: a tenth is small beside what
/// edits turn embeddings by.
const STILL: f32 = 0.1;

/// A model of one size of pictures.
pub(super) struct Stage {
    session: GradientSession,
    picture: String,
    shape: Vec<usize>,
    width: usize,
    basis: Basis,
    /// The length of an identity, where it counts.
    whom: Option<usize>,
    direction: bool,
}

/// How a change moves a code.
enum Basis {
    /// As it is.
    All,
    /// These styles only, `[S]`.
    Some(Array1<f32>),
    /// Axes `[A, W]`, and which group each layer is in.
    Axes(Array2<f32>, Vec<usize>),
}

impl Stage {
    /// Of pictures that the graph of `role` makes, which are enlarged to the pack's resolution.
    pub(super) fn open(
        pack: &Arc<Pack>,
        runtime: &Runtime,
        settings: &Settings,
        role: Role,
    ) -> Result<Self, ModelError> {
        let basis = Basis::of(pack, settings.space)?;
        let [layers, vector] = [1, 2].map(|axis| size(pack, Role::Affine, 0, axis).unwrap_or_default());
        let styles = size(pack, Role::Affine, 1, 1).unwrap_or_default();
        let (mut joined, shape, penalised) = match &basis {
            Basis::All => {
                let dims = [1, layers, vector];
                let nodes = Nodes::default().input(START, &dims).input(CHANGE, &dims);
                let nodes = nodes.node("Add", &[START, CHANGE], "w_plus").output("w_plus", &dims);
                (
                    Joined::with(pack, nodes)?.then(Role::Affine, &[("w_plus", "w_plus")])?,
                    dims.to_vec(),
                    CHANGE,
                )
            }
            Basis::Axes(axes, groups) => {
                let count = groups.last().map_or(1, |last| last + 1);
                let (dims, moves) = ([1, layers, vector], [1, count, axes.nrows()]);
                let spread: Vec<f32> = groups
                    .iter()
                    .flat_map(|&own| (0..count).map(move |group| f32::from(u8::from(group == own))))
                    .collect();
                let axes_flat: Vec<f32> = axes.iter().copied().collect();
                let nodes = Nodes::default()
                    .input(START, &dims)
                    .input(CHANGE, &moves)
                    .floats("axes", &[axes.nrows(), axes.ncols()], &axes_flat)
                    .floats("spread", &[layers, count], &spread)
                    .node("MatMul", &[CHANGE, "axes"], "by_group")
                    .node("MatMul", &["spread", "by_group"], "moved")
                    .node("Add", &[START, "moved"], "w_plus")
                    .output("w_plus", &dims);
                (
                    Joined::with(pack, nodes)?.then(Role::Affine, &[("w_plus", "w_plus")])?,
                    moves.to_vec(),
                    CHANGE,
                )
            }
            Basis::Some(movable) => {
                let dims = [1, styles];
                let nodes = Nodes::default()
                    .input(START, &dims)
                    .input(CHANGE, &dims)
                    .floats("movable", &dims, &movable.to_vec())
                    .node("Mul", &[CHANGE, "movable"], "moved")
                    .node("Add", &[START, "moved"], "styles")
                    .output("styles", &dims);
                (Joined::with(pack, nodes)?, dims.to_vec(), "moved")
            }
        };
        let from = if matches!(basis, Basis::Some(_)) { "styles" } else { "affine.styles" };
        joined = joined.then(role, &[(from, "styles")])?;
        let picture = value(role, "image");
        let (large, small) =
            (pack.manifest().resolution as usize, size(pack, role, 1, 2).unwrap_or_default());
        let shown = if small == large {
            picture.clone()
        } else {
            joined = joined.and(enlarged(&picture, small, large))?;
            "enlarged".to_owned()
        };
        joined = joined.then(Role::ImageEncoder, &[(&shown, "image")])?;
        let width = size(pack, Role::ImageEncoder, 1, 1).unwrap_or_default();
        let mut loss = Loss::of(Term::new(UNLIKE, Measure::Cosine, EMBEDDING).against(TARGET));
        if settings.nearness > 0.0 {
            loss = loss.and(Term::new("far", Measure::SumSquare, penalised).times(settings.nearness));
        }
        let identity = settings.identity > 0.0 && pack.manifest().roles.contains_key(&Role::Identity);
        let whom = size(pack, Role::Identity, 1, 1).filter(|_| identity);
        if identity {
            joined = joined.then(Role::Identity, &[(&shown, "image")])?;
            let stranger = Term::new("stranger", Measure::Cosine, IDENTITY).against(WHOM);
            loss = loss.and(stranger.times(settings.identity));
        }
        let direction = settings.direction > 0.0;
        if direction {
            joined = joined.and(turned(width))?;
            let astray = Term::new("astray", Measure::Cosine, "turned").against(TOWARDS);
            loss = loss.and(astray.times(settings.direction));
        }
        joined = joined.and(seen(width, whom))?;
        let gradient = Differentiate::new(joined.model()).loss(loss).wrt(CHANGE).also(&picture).also(SEEN);
        let gradient = gradient.device(device(runtime)).build().map_err(OptimiseError::from)?;
        let session = GradientSession::open(runtime, gradient)?;
        Ok(Self { session, picture, shape, width, basis, whom, direction })
    }

    pub(super) fn session(&mut self) -> &mut GradientSession {
        &mut self.session
    }

    /// The shape of a change.
    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The length of an embedding.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// The code after a change.
    pub(super) fn moved(&self, start: &ArrayD<f32>, change: &ArrayD<f32>) -> ArrayD<f32> {
        let mut code = start.clone();
        match &self.basis {
            Basis::All => code += change,
            Basis::Some(movable) => code += &(change * movable),
            Basis::Axes(axes, groups) => {
                for ((layer, at), w) in code.indexed_iter_mut().map(|(i, w)| ((i[1], i[2]), w)) {
                    let group = groups.get(layer).copied().unwrap_or_default();
                    *w += axes
                        .column(at)
                        .iter()
                        .enumerate()
                        .map(|(a, v)| v * change[[0, group, a]])
                        .sum::<f32>();
                }
            }
        }
        code
    }

    /// What its picture is called.
    pub(super) fn picture(&self) -> String {
        self.picture.clone()
    }

    /// What the start's picture is held to, as constants by name. Costs a step where anything is.
    pub(super) fn look(
        &mut self,
        start: &ArrayD<f32>,
        cancel: &Cancel,
    ) -> Result<Vec<(&'static str, ArrayD<f32>)>, ModelError> {
        let mut found = Vec::new();
        if self.whom.is_some() || self.direction {
            let (width, identity, direction) = (self.width, self.whom.is_some(), self.direction);
            let ones = |n: usize| ArrayD::from_elem(IxDyn(&[1, n]), 1.0f32);
            let whom = ones(self.whom.unwrap_or_default());
            let (target, towards) = (ones(width), ones(width + 1));
            let mut plan = Optimisation::new(&mut self.session)
                .variable(CHANGE, ArrayD::zeros(IxDyn(&self.shape)))
                .constant(START, Tensor::F32(start.view()))
                .constant(TARGET, Tensor::F32(target.view()))
                .adam(Adam::default(), Schedule::flat(0.0))
                .steps(1)
                .preview(SEEN, 1);
            if identity {
                plan = plan.constant(WHOM, Tensor::F32(whom.view()));
            }
            if direction {
                plan = plan.constant(BEGAN, Tensor::F32(target.view()));
                plan = plan.constant(TOWARDS, Tensor::F32(towards.view()));
            }
            let mut seen = None;
            plan.run(cancel, |progress| {
                seen = progress.preview.as_ref().map(|p| p.to_owned());
                ControlFlow::Continue(())
            })?;
            if let Some(seen) = seen {
                let (embedding, whom) = seen.view().split_at(ndarray::Axis(1), width);
                if direction {
                    found.push((BEGAN, unit(embedding.to_owned())));
                }
                if identity {
                    found.push((WHOM, whom.to_owned()));
                }
            }
        }
        Ok(found)
    }
}

impl Basis {
    fn of(pack: &Pack, space: Space) -> Result<Self, ModelError> {
        Ok(match space {
            Space::WPlus => Self::All,
            Space::Styles => {
                let styles = pack.manifest().styles.iter();
                let movable =
                    styles.flat_map(|s| std::iter::repeat_n(f32::from(u8::from(!s.rgb)), s.channels));
                Self::Some(movable.collect())
            }
            Space::Axes { groups } => {
                let layers = size(pack, Role::Affine, 0, 1).unwrap_or_default();
                if groups == 0 || groups > layers {
                    return Err(OptimiseError::Setting("number of groups of layers").into());
                }
                let axes = pack.matrix(Array::CodeAxes)?;
                Self::Axes(axes, (0..layers).map(|layer| layer * groups / layers).collect())
            }
        })
    }
}

/// Each pixel repeated. Image encoders reduce pictures by means over areas, which leave of it what the small picture was.
fn enlarged(picture: &str, small: usize, large: usize) -> Nodes {
    let factor = large as f32 / small.max(1) as f32;
    let settings = vec![
        word("mode", "nearest"),
        word("coordinate_transformation_mode", "asymmetric"),
        word("nearest_mode", "floor"),
    ];
    Nodes::default()
        .input(picture, &[1, 3, small, small])
        .floats("factors", &[4], &[1.0, 1.0, factor, factor])
        .node_with("Resize", &[picture, "", "factors"], "enlarged", settings)
        .output("enlarged", &[1, 3, large, large])
}

/// The change of the embedding, brought to unit length, with [`STILL`] as one coordinate more.
fn turned(width: usize) -> Nodes {
    Nodes::default()
        .input(EMBEDDING, &[1, width])
        .input(BEGAN, &[1, width])
        .floats("still", &[1, 1], &[STILL])
        .integers("numbers", &[1])
        .node("ReduceL2", &[EMBEDDING, "numbers"], "length")
        .node("Div", &[EMBEDDING, "length"], "unit")
        .node("Sub", &["unit", BEGAN], "by")
        .node_with("Concat", &["by", "still"], "turned", vec![integer("axis", 1)])
        .output("turned", &[1, width + 1])
}

/// What [`Stage::look`] reads.
fn seen(width: usize, whom: Option<usize>) -> Nodes {
    let nodes = Nodes::default().input(EMBEDDING, &[1, width]);
    match whom {
        Some(length) => nodes
            .input(IDENTITY, &[1, length])
            .node_with("Concat", &[EMBEDDING, IDENTITY], SEEN, vec![integer("axis", 1)])
            .output(SEEN, &[1, width + length]),
        None => nodes.node("Identity", &[EMBEDDING], SEEN).output(SEEN, &[1, width]),
    }
}
