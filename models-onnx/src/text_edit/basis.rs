//! What moves in an edit by a text, and how a code follows it.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, Axis};

use super::Space;
use super::mapping::{Mapping, Origin};
use crate::cancel::Cancel;
use crate::error::ModelError;
use crate::joined::{Joined, Nodes, size};
use crate::optimise::OptimiseError;
use crate::pack::{Array, Pack, Role};
use crate::runtime::Runtime;

/// What moves: how far from the start, so that nothing has to be measured against it.
pub(super) const CHANGE: &str = "change";
/// The code that it started at.
pub(super) const START: &str = "start";

/// What the styles had beside those of their W+ vectors.
const KEPT: &str = "kept";

/// How a change moves a code.
pub(super) enum Basis {
    /// As it is.
    All { layers: usize, width: usize },
    /// Some of the styles only, `[S]`.
    Some(Array1<f32>),
    /// Along axes `[A, W]`; which group each layer is in.
    Axes(Array2<f32>, Vec<usize>),
    /// As the pack's mapping network does.
    Mapping(Box<Mapping>),
}

/// Where an edit begins.
pub(super) struct Start {
    /// The code: W+ vectors `[1, L, W]`, or styles `[1, S]` where these move.
    pub(super) code: ArrayD<f32>,
    /// What edits of styles before this one left in them, `[1, S]`; none where styles move themselves.
    kept: Option<ArrayD<f32>>,
    /// Where that lies for the mapping network, if it moves the code.
    origin: Option<Origin>,
}

impl Start {
    /// What of it the model reads, by name.
    pub(super) fn constants(&self) -> impl Iterator<Item = (&'static str, &ArrayD<f32>)> {
        let kept = self.kept.iter().map(|kept| (KEPT, kept));
        [(START, &self.code)].into_iter().chain(kept).chain(self.origin.iter().flat_map(Origin::constants))
    }
}

impl Basis {
    pub(super) fn of(pack: &Arc<Pack>, runtime: &Runtime, space: Space) -> Result<Self, ModelError> {
        let [layers, width] = [1, 2].map(|axis| size(pack, Role::Affine, 0, axis).unwrap_or_default());
        Ok(match space {
            Space::WPlus => Self::All { layers, width },
            Space::Styles => {
                let styles = pack.manifest().styles.iter();
                let movable =
                    styles.flat_map(|s| std::iter::repeat_n(f32::from(u8::from(!s.rgb)), s.channels));
                Self::Some(movable.collect())
            }
            Space::Axes { groups } => {
                if groups == 0 || groups > layers {
                    return Err(OptimiseError::Setting("number of groups of layers").into());
                }
                let axes = pack.matrix(Array::CodeAxes)?;
                Self::Axes(axes, (0..layers).map(|layer| layer * groups / layers).collect())
            }
            Space::Mapping => Self::Mapping(Box::new(Mapping::open(pack, runtime)?)),
        })
    }

    /// The shape of a change.
    pub(super) fn shape(&self) -> Vec<usize> {
        match self {
            Self::All { layers, width } => vec![1, *layers, *width],
            Self::Some(movable) => vec![1, movable.len()],
            Self::Axes(axes, groups) => vec![1, count(groups), axes.nrows()],
            Self::Mapping(mapping) => vec![1, mapping.width()],
        }
    }

    /// A model from a change to styles, and what it calls them.
    pub(super) fn joined<'p>(&self, pack: &'p Pack) -> Result<(Joined<'p>, &'static str), ModelError> {
        let [layers, width] = [1, 2].map(|axis| size(pack, Role::Affine, 0, axis).unwrap_or_default());
        let (code, change) = ([1, layers, width], self.shape());
        let joined = match self {
            Self::All { .. } => {
                let nodes = Nodes::default().input(START, &code).input(CHANGE, &code);
                Joined::with(pack, nodes.node("Add", &[START, CHANGE], "w_plus").output("w_plus", &code))?
            }
            Self::Some(movable) => {
                let nodes = Nodes::default()
                    .input(START, &change)
                    .input(CHANGE, &change)
                    .floats("movable", &change, &movable.to_vec())
                    .node("Mul", &[CHANGE, "movable"], "moved")
                    .node("Add", &[START, "moved"], "styles")
                    .output("styles", &change);
                return Ok((Joined::with(pack, nodes)?, "styles"));
            }
            Self::Axes(axes, groups) => {
                let count = count(groups);
                let spread: Vec<f32> = groups
                    .iter()
                    .flat_map(|&own| (0..count).map(move |group| f32::from(u8::from(group == own))))
                    .collect();
                let axes_flat: Vec<f32> = axes.iter().copied().collect();
                let nodes = Nodes::default()
                    .input(START, &code)
                    .input(CHANGE, &change)
                    .floats("axes", &[axes.nrows(), axes.ncols()], &axes_flat)
                    .floats("spread", &[layers, count], &spread)
                    .node("MatMul", &[CHANGE, "axes"], "by_group")
                    .node("MatMul", &["spread", "by_group"], "moved")
                    .node("Add", &[START, "moved"], "w_plus")
                    .output("w_plus", &code);
                Joined::with(pack, nodes)?
            }
            Self::Mapping(mapping) => mapping.joined(pack, code)?,
        };
        let styles = [1, size(pack, Role::Affine, 1, 1).unwrap_or_default()];
        let nodes = Nodes::default()
            .input("affine.styles", &styles)
            .input(KEPT, &styles)
            .node("Add", &["affine.styles", KEPT], "styles")
            .output("styles", &styles);
        Ok((joined.then(Role::Affine, &[("w_plus", "w_plus")])?.and(nodes)?, "styles"))
    }

    /// Begins an edit at a code, whose styles have `kept` beside those of its W+ vectors.
    pub(super) fn start(
        &mut self,
        code: ArrayD<f32>,
        kept: Option<ArrayD<f32>>,
        cancel: &Cancel,
    ) -> Result<Start, ModelError> {
        let origin = match self {
            Self::Mapping(mapping) => Some(mapping.origin(&code, cancel)?),
            Self::All { .. } | Self::Some(_) | Self::Axes(..) => None,
        };
        Ok(Start { code, kept, origin })
    }

    /// The code after a change.
    pub(super) fn moved(
        &mut self,
        start: &Start,
        change: &ArrayD<f32>,
        cancel: &Cancel,
    ) -> Result<ArrayD<f32>, ModelError> {
        let mut code = start.code.clone();
        match self {
            Self::All { .. } => code += change,
            Self::Some(movable) => code += &(change * &*movable),
            Self::Axes(axes, groups) => {
                for (mut layer, &group) in code.axis_iter_mut(Axis(1)).zip(groups.iter()) {
                    let moves = change.index_axis(Axis(1), group);
                    axes.rows().into_iter().zip(moves).for_each(|(axis, by)| layer.scaled_add(*by, &axis));
                }
            }
            Self::Mapping(mapping) => {
                if let Some(origin) = &start.origin {
                    code += &mapping.moved(origin, change, cancel)?;
                }
            }
        }
        Ok(code)
    }
}

fn count(groups: &[usize]) -> usize {
    groups.last().map_or(1, |last| last + 1)
}
