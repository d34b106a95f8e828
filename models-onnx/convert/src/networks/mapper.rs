//! Mappers of StyleCLIP (Patashnik et al., 2021), each trained for one text: from a code to what is added to it.
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `mapper` | `w_plus [n, layers, W]` | `delta [n, layers, W]` |
//! | `mapper`, where it was trained in StyleSpace | `styles [n, S]` | `delta [n, S]` |
//!
//! `delta` is what the published code adds: the factor 0.1 is in it. Groups of layers that have no mapper get zeros.

use std::f32::consts::SQRT_2;

use checkpoint::{Checkpoint, Value as Setting};

use super::{equal_linear, stylegan2};
use crate::build::{Graph, Value, batch};
use crate::error::Error;
use crate::{Network, Part};

/// Four layers, by which every mapper is made.
const LAYERS: usize = 4;

/// What the mapping's stored weights are multiplied by.
const RATE: f32 = 0.01;

/// A mapper in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What the names of its tensors start with, such as `state_dict.mapper.`.
    prefix: String,
    /// What it works on.
    pub space: Space,
}

/// What a mapper works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Space {
    /// All layers of W+ alike.
    Single,
    /// Coarse, medium and fine layers of W+ by mappers of their own, some of which may be missing.
    Levels,
    /// StyleSpace: the channels of each of its vectors; those of RGB outputs mostly have no mapper.
    Styles(Vec<usize>),
}

/// What a checkpoint may not say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Layers of W+. Otherwise they follow from the generator in the checkpoint, or from the size in its settings.
    pub layers: Option<usize>,
}

/// The groups of W+: their names (the first is spelt so), where they start and where they end.
const LEVELS: [(&str, usize, usize); 3] =
    [("course_mapping", 0, 4), ("medium_mapping", 4, 8), ("fine_mapping", 8, usize::MAX)];

/// The mapper that a checkpoint holds.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let end = ".mapping.1.weight";
    let found = checkpoint.names().find_map(|name| {
        let group = name.strip_suffix(end)?;
        let at = group.rfind("mapper.")? + "mapper.".len();
        Some((&group[..at], &group[at..]))
    });
    let (prefix, group) = found?;
    let space = match group {
        "mapping" => Space::Single,
        group if LEVELS.iter().any(|(name, ..)| *name == group) => Space::Levels,
        group if group.starts_with("mapper_") => {
            let width =
                |index: usize| Some(*checkpoint.shape(&format!("{prefix}mapper_{index}{end}"))?.first()?);
            let mut widths: Vec<Option<usize>> = (0..64).map(width).collect();
            let count = widths.iter().rposition(Option::is_some)? + 1;
            // 3 k + 2 in all, of which the last belongs to an RGB output.
            widths.truncate(if count % 3 == 1 { count + 1 } else { count });
            let mut last = 0;
            let mut known = |w: Option<usize>| {
                // An RGB output takes what the convolution before it makes, and its vector is as wide.
                last = w.unwrap_or(last);
                last
            };
            Space::Styles(widths.into_iter().map(&mut known).collect())
        }
        _ => return None,
    };
    Some(Form { prefix: prefix.into(), space })
}

/// The graph of the mapper in a checkpoint.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(checkpoint: &Checkpoint, options: &Options) -> Result<Network, Error> {
    let form =
        recognise(checkpoint).ok_or_else(|| Error::Unsupported("it holds no mapper of StyleCLIP".into()))?;
    let mapper = checkpoint.under(&form.prefix);
    let factor = checkpoint.value("opts.factor_step").and_then(Setting::float).unwrap_or(0.1) as f32;
    let graph = Graph::new("mapper");
    let mut deltas = Vec::new();
    let axis = 1;
    if let Space::Styles(widths) = &form.space {
        let styles = graph.input("styles", &batch([widths.iter().sum()]))?;
        for (index, vector) in graph.split(&styles, axis, widths)?.iter().enumerate() {
            deltas.push(delta(&graph, &mapper, &format!("mapper_{index}"), vector, factor)?);
        }
    } else {
        let layers = options.layers.or_else(|| layers(checkpoint));
        let layers = layers
            .ok_or_else(|| Error::Unsupported("it does not say how many layers its codes have".into()))?;
        let single = form.space == Space::Single;
        let groups: &[_] = if single { &[("mapping", 0, usize::MAX)] } else { &LEVELS };
        let width = checkpoint.names().find_map(|n| {
            n.strip_prefix(&form.prefix)?
                .ends_with(".mapping.1.weight")
                .then(|| checkpoint.shape(n)?.first().copied())?
        });
        let w_plus = graph.input("w_plus", &batch([layers, width.unwrap_or_default()]))?;
        for &(name, start, end) in groups.iter().filter(|(_, start, _)| *start < layers) {
            let (start, end) = (start as i64, end.min(layers) as i64);
            let group = graph.slice(&w_plus, axis, start, end)?;
            deltas.push(delta(&graph, &mapper, name, &group, factor)?);
        }
    }
    let delta = graph.concat(&deltas.iter().collect::<Vec<_>>(), axis)?;
    graph.output("delta", &delta)?;
    let part = Part { role: "mapper", model: graph.finish()? };
    Ok(Network { parts: vec![part], ..Network::default() })
}

/// What one mapper adds to `x`; zeros where it is missing.
fn delta(graph: &Graph, mapper: &Checkpoint, name: &str, x: &Value, factor: f32) -> Result<Value, Error> {
    if mapper.shape(&format!("{name}.mapping.1.weight")).is_none() {
        return graph.scale(x, 0.0);
    }
    let g = graph.scope(name);
    // The published networks normalise over axis 1, which is that of the layers for codes of W+ and that of the
    // channels for vectors of StyleSpace. They were trained so.
    let square = g.reduce("ReduceMean", &g.mul(x, x)?, &[1], true)?;
    let mut x = g.mul(x, &g.rsqrt(&square, 1e-8)?)?;
    let width = x.size(x.rank() - 1).unwrap_or_default();
    for index in 1..=LAYERS {
        // What is added is smaller by a factor that the rectifier lets pass.
        let gain = if index == LAYERS { SQRT_2 * factor } else { SQRT_2 };
        let layer = format!("{name}.mapping.{index}");
        let (weight, bias) = equal_linear(mapper, &layer, [width, width], RATE, gain)?;
        let g = g.scope(&index.to_string());
        x = g.leaky_relu(&g.linear(&x, weight, Some(bias))?, 0.2)?;
    }
    Ok(x)
}

fn layers(checkpoint: &Checkpoint) -> Option<usize> {
    if let Some(form) = stylegan2::recognise(checkpoint) {
        return Some(form.rows());
    }
    let size = u32::try_from(checkpoint.value("opts.stylegan_size")?.int()?).ok()?;
    (size >= 8 && size.is_power_of_two()).then(|| 2 * size.ilog2() as usize - 2)
}
