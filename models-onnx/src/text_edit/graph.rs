//! The model that an edit by a text makes steps of: from a change of the code to the loss and its gradient.

use std::ops::ControlFlow;
use std::sync::Arc;

use autodiff::{Adam, Differentiate, Loss, Measure, Schedule, Term};
use ndarray::{ArrayD, Axis, IxDyn};

use super::basis::{Basis, CHANGE, Start};
use super::copies::{self, Copies};
use super::{Settings, unit};
use crate::cancel::Cancel;
use crate::error::ModelError;
use crate::joined::{Nodes, device, integer, size, value, word};
use crate::optimise::{GradientSession, Optimisation, OptimiseError};
use crate::pack::{Pack, Role};
use crate::runtime::Runtime;
use crate::session::Tensor;

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
/// The embeddings of the picture and its copies; where there are any, of the picture alone and of them.
const EMBEDDINGS: &str = "image-encoder.embedding";
const PLAIN: &str = "plain";
const OTHERS: &str = "others";
const IDENTITY: &str = "identity.identity";

/// At first the picture has not changed, and a change of no length has no direction. With this as one coordinate more,
/// which the text does not have, it has one, and small changes count little. Unit vectors: a tenth is small beside what
/// edits turn embeddings by.
const STILL: f32 = 0.1;

/// What a model reads and no step changes, by name.
pub(super) type Constants = Vec<(&'static str, ArrayD<f32>)>;

/// A model of one size of pictures.
pub(super) struct Stage {
    session: GradientSession,
    picture: String,
    shape: Vec<usize>,
    width: usize,
    copies: Option<Copies>,
    /// The length of an identity, where it counts.
    whom: Option<usize>,
    direction: bool,
}

impl Stage {
    /// Of pictures that the graph of `role` makes, which are enlarged to the pack's resolution.
    pub(super) fn open(
        pack: &Arc<Pack>,
        runtime: &Runtime,
        settings: &Settings,
        basis: &Basis,
        role: Role,
    ) -> Result<Self, ModelError> {
        let (joined, styles) = basis.joined(pack)?;
        let mut joined = joined.then(role, &[(styles, "styles")])?;
        let picture = value(role, "image");
        let (large, small) =
            (pack.manifest().resolution as usize, size(pack, role, 1, 2).unwrap_or_default());
        let shown = if small == large {
            picture.clone()
        } else {
            joined = joined.and(enlarged(&picture, small, large))?;
            "enlarged".to_owned()
        };
        let range = pack.manifest().range;
        let copies = Copies { count: settings.copies, side: large, range: range.high - range.low };
        let copies = Some(copies).filter(|copies| copies.count > 0);
        let (all, looked_at) = match &copies {
            Some(copies) => {
                joined = joined.and(copies.nodes(&shown))?;
                (1 + copies.count, copies::ALL)
            }
            None => (1, &*shown),
        };
        joined = joined.then_many(Role::ImageEncoder, all, &[(looked_at, "image")])?;
        let width = size(pack, Role::ImageEncoder, 1, 1).unwrap_or_default();
        // Each picture counts alike; that without shift and grain by itself, since it tells how far the edit is.
        let share = 1.0 / all as f32;
        let plain = if all > 1 { PLAIN } else { EMBEDDINGS };
        let mut loss = Loss::of(Term::new(UNLIKE, Measure::Cosine, plain).against(TARGET).times(share));
        if all > 1 {
            joined = joined.and(apart(all, width))?;
            let others = Term::new("others_unlike", Measure::Cosine, OTHERS).against(TARGET);
            loss = loss.and(others.times(1.0 - share));
        }
        if settings.nearness > 0.0 {
            loss = loss.and(Term::new("far", Measure::SumSquare, CHANGE).times(settings.nearness));
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
            joined = joined.and(turned(all, width))?;
            let astray = Term::new("astray", Measure::Cosine, "turned").against(TOWARDS);
            loss = loss.and(astray.times(settings.direction));
        }
        joined = joined.and(seen(plain, width, whom))?;
        let gradient = Differentiate::new(joined.model()).loss(loss).wrt(CHANGE).also(&picture).also(SEEN);
        let gradient = gradient.device(device(runtime)).build().map_err(OptimiseError::from)?;
        let session = GradientSession::open(runtime, gradient)?;
        Ok(Self { session, picture, shape: basis.shape(), width, copies, whom, direction })
    }

    pub(super) fn session(&mut self) -> &mut GradientSession {
        &mut self.session
    }

    /// The length of an embedding.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// What its picture is called.
    pub(super) fn picture(&self) -> String {
        self.picture.clone()
    }

    /// What the model reads beside texts and change in an edit from `start`, by name; copies are still. Costs a step where
    /// anything is held to the start's picture.
    pub(super) fn look(&mut self, start: &Start, cancel: &Cancel) -> Result<Constants, ModelError> {
        let mut found: Constants = start.constants().map(|(name, value)| (name, value.clone())).collect();
        found.extend(self.copies.iter().flat_map(Copies::still));
        if self.whom.is_none() && !self.direction {
            return Ok(found);
        }
        let ones = |n: usize| ArrayD::from_elem(IxDyn(&[1, n]), 1.0f32);
        let whom = ones(self.whom.unwrap_or_default());
        let (target, towards) = (ones(self.width), ones(self.width + 1));
        let mut plan = Optimisation::new(&mut self.session)
            .variable(CHANGE, ArrayD::zeros(IxDyn(&self.shape)))
            .constant(TARGET, Tensor::F32(target.view()))
            .adam(Adam::default(), Schedule::flat(0.0))
            .steps(1)
            .preview(SEEN, 1);
        for (name, value) in &found {
            plan = plan.constant(*name, Tensor::F32(value.view()));
        }
        if self.whom.is_some() {
            plan = plan.constant(WHOM, Tensor::F32(whom.view()));
        }
        if self.direction {
            plan = plan.constant(BEGAN, Tensor::F32(target.view()));
            plan = plan.constant(TOWARDS, Tensor::F32(towards.view()));
        }
        let mut seen = None;
        plan.run(cancel, |progress| {
            seen = progress.preview.as_ref().map(|p| p.to_owned());
            ControlFlow::Continue(())
        })?;
        if let Some(seen) = seen {
            let (embedding, whom) = seen.view().split_at(Axis(1), self.width);
            if self.direction {
                found.push((BEGAN, unit(embedding.to_owned())));
            }
            if self.whom.is_some() {
                found.push((WHOM, whom.to_owned()));
            }
        }
        Ok(found)
    }

    /// The copies that it looks at beside the picture.
    pub(super) fn copies(&self) -> Option<Copies> {
        self.copies
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

/// The embedding of the picture, and those of its copies.
fn apart(all: usize, width: usize) -> Nodes {
    Nodes::default()
        .input(EMBEDDINGS, &[all, width])
        .integers("none", &[0])
        .integers("one", &[1])
        .integers("every", &[i64::try_from(all).unwrap_or(i64::MAX)])
        .node("Slice", &[EMBEDDINGS, "none", "one"], PLAIN)
        .node("Slice", &[EMBEDDINGS, "one", "every"], OTHERS)
        .output(PLAIN, &[1, width])
        .output(OTHERS, &[all - 1, width])
}

/// The change of the embeddings, brought to unit length, with [`STILL`] as one coordinate more.
fn turned(all: usize, width: usize) -> Nodes {
    Nodes::default()
        .input(EMBEDDINGS, &[all, width])
        .input(BEGAN, &[1, width])
        .input(TOWARDS, &[1, width + 1])
        .floats("still", &[all, 1], &vec![STILL; all])
        .integers("numbers", &[1])
        .node("ReduceL2", &[EMBEDDINGS, "numbers"], "length")
        .node("Div", &[EMBEDDINGS, "length"], "unit")
        .node("Sub", &["unit", BEGAN], "by")
        .node_with("Concat", &["by", "still"], "turned", vec![integer("axis", 1)])
        .output("turned", &[all, width + 1])
}

/// What [`Stage::look`] reads of the picture whose embedding is `plain`.
fn seen(plain: &str, width: usize, whom: Option<usize>) -> Nodes {
    let nodes = Nodes::default().input(plain, &[1, width]);
    match whom {
        Some(length) => nodes
            .input(IDENTITY, &[1, length])
            .node_with("Concat", &[plain, IDENTITY], SEEN, vec![integer("axis", 1)])
            .output(SEEN, &[1, width + length]),
        None => nodes.node("Identity", &[plain], SEEN).output(SEEN, &[1, width]),
    }
}
