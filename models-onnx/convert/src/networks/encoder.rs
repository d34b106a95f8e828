//! Encoders of aligned pictures into W+ of StyleGAN2: pSp (Richardson et al., 2021), e4e (Tov et al., 2021), and ReStyle
//! (Alaluf et al., 2021) over either.
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `encoder` | `image [n, 3, R, R]` in −1..1, RGB | `w_plus [n, rows, W]` |
//! | `restyle` | `image`, `reached`, both `[n, 3, R, R]`, and `from [n, rows, W]` | `w_plus [n, rows, W]` |
//!
//! They see pictures of 256 pixels, cars 192 rows of them. How they get there is part of the graph: `image` is reduced
//! as Pillow does it, `reached` by means over areas.
//!
//! The array `code-mean [rows, W]` is the mean of W that they start from, the checkpoint's `latent_avg`; without ReStyle it
//! is added already. A checkpoint that lacks it was trained to do without.
//!
//! ReStyle runs [`PASSES`] times. It begins with `from` the mean and `reached` the picture that the generator makes of
//! it; after each pass `from` is what came out, and `reached` its picture.
//!
//! pSp and e4e have the same tensors. In pSp every head gives a row of W+ (§3.1); in e4e the first gives a row for all,
//! to which the others add (§4.2). Which it is stands in the checkpoint's `opts.encoder_type`; [`Options::rows`] says it
//! for files without.

pub use models_onnx::family::stylegan::PASSES;

use checkpoint::{Checkpoint, Value as Setting};
use ndarray::{Array2, Axis, Ix1, Ix2};

use super::layers::{self, Layers};
use super::resample::{means, of_middle, resampled, triangles};
use super::{irse, tensor};
use crate::build::{Graph, Resize, Value, batch};
use crate::error::Error;
use crate::{Network, Part};

/// Side of the pictures that encoders see.
const SEEN: usize = 256;

/// The stages whose last blocks feed the heads, counted from zero.
const TAKEN: [usize; 3] = [1, 2, 3];

/// Rows that the coarsest and the middle feature maps give; finer ones give the rest.
const COARSE: usize = 3;
const MIDDLE: usize = 7;

/// An encoder in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What the names of its tensors start with: `state_dict.encoder.` in published files.
    pub prefix: String,
    /// What it sees with.
    pub backbone: Backbone,
    /// Channels of its input: 3, or 6 for ReStyle.
    pub channels: usize,
    /// Rows of W+.
    pub rows: usize,
    /// Width of W.
    pub width: usize,
    /// Whether finer rows come from finer feature maps; in ReStyle all come from the coarsest.
    pub pyramid: bool,
    /// How heads give rows, where the checkpoint says it.
    pub kind: Option<Rows>,
}

/// What an encoder sees with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backbone {
    /// For faces.
    Irse50,
    /// For everything else.
    ResNet34,
}

/// How heads give the rows of W+.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Each gives one (pSp).
    Each,
    /// The first gives all, the others add to theirs (e4e).
    FirstAndOffsets,
}

impl Rows {
    /// By the name of the encoder's class in the published code.
    fn of(class: &str) -> Option<Self> {
        match class {
            "Encoder4Editing" | "ProgressiveBackboneEncoder" | "ResNetProgressiveBackboneEncoder" => {
                Some(Self::FirstAndOffsets)
            }
            "GradualStyleEncoder"
            | "ResNetGradualStyleEncoder"
            | "BackboneEncoder"
            | "ResNetBackboneEncoder" => Some(Self::Each),
            _ => None,
        }
    }
}

impl Form {
    /// How heads give rows: as wished, or else as the checkpoint says.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where nobody says it.
    pub fn rows_by(&self, wished: Option<Rows>) -> Result<Rows, Error> {
        wished.or(self.kind).ok_or_else(|| {
            Error::Unsupported("it does not say whether it is e4e or pSp, which look the same".into())
        })
    }

    /// What its graph is for.
    pub fn role(&self) -> &'static str {
        // ReStyle sees the picture and what it has reached.
        if self.channels == 6 { "restyle" } else { "encoder" }
    }
}

/// What the graph takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Side of the pictures that come in.
    pub side: usize,
    /// Rows of the 256 that the encoder sees, from the middle: 256, for cars 192.
    pub height: usize,
    /// How heads give rows, for checkpoints that do not say it.
    pub rows: Option<Rows>,
}

impl Default for Options {
    fn default() -> Self {
        Self { side: SEEN, height: SEEN, rows: None }
    }
}

/// What encoder a checkpoint holds, from the names and sizes of its tensors.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let prefix = layers::prefix(checkpoint, "styles.0.convs.0.weight")?;
    let shape = |name: &str| checkpoint.shape(&format!("{prefix}{name}"));
    let (backbone, first) = match (shape("input_layer.0.weight"), shape("conv1.weight")) {
        (Some(first), _) => (Backbone::Irse50, first),
        (None, Some(first)) => (Backbone::ResNet34, first),
        (None, None) => return None,
    };
    Some(Form {
        prefix: prefix.into(),
        backbone,
        channels: *first.get(1)?,
        rows: layers::count(checkpoint, &format!("{prefix}styles"), "linear.weight"),
        width: *shape("styles.0.linear.weight")?.first()?,
        pyramid: shape("latlayer1.weight").is_some(),
        kind: checkpoint
            .value(&beside(prefix, "opts.encoder_type"))
            .and_then(Setting::text)
            .and_then(Rows::of),
    })
}

/// The graph of the encoder in a checkpoint.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(checkpoint: &Checkpoint, options: &Options) -> Result<Network, Error> {
    let unknown = || Error::Unsupported("it holds no encoder into W+".into());
    let form = recognise(checkpoint).ok_or_else(unknown)?;
    let kind = form.rows_by(options.rows)?;
    let mean = mean(checkpoint)?;
    let Options { side, height, .. } = *options;
    // The rows that are seen must be a whole number of rows of the picture, as many above as below.
    let taken = side.saturating_mul(height) / SEEN;
    let whole = taken * SEEN == side.saturating_mul(height) && side.saturating_sub(taken) % 2 == 0;
    if side == 0 || height == 0 || height > SEEN || !whole {
        return Err(Error::Unsupported(format!("pictures of {side} pixels have no {height} of {SEEN} rows")));
    }
    let graph = Graph::new("encoder");
    // ReStyle sees the picture and what it has reached; label maps and sketches have other channels.
    let restyle = form.channels == 6;
    let picture = |name: &str, channels, how: fn(usize, usize) -> Array2<f64>| {
        let image = graph.input(name, &batch([channels, side, side]))?;
        if (side, height) == (SEEN, SEEN) {
            return Ok(image);
        }
        let rows = of_middle(&how(taken, height), side);
        resampled(&graph, &image, &rows, &how(side, SEEN))
    };
    let mut image = picture("image", if restyle { 3 } else { form.channels }, triangles)?;
    let mut from = None;
    if restyle {
        image = graph.concat(&[&image, &picture("reached", 3, means)?], 1)?;
        from = Some(graph.input("from", &batch([form.rows, form.width]))?);
    } else if let Some(mean) = &mean {
        from = Some(graph.weight("code-mean", mean.view().insert_axis(Axis(0)))?);
    }
    let own = checkpoint.under(&form.prefix);
    let layers = Layers { graph: &graph, checkpoint: &own };
    let maps = maps(&layers, &form, &image)?;
    let gain = (form.width as f32).sqrt();
    let head = |row: usize| layers.head(&maps[level(row, maps.len())], &format!("styles.{row}"), gain);
    let mut rows = (0..form.rows).map(head).collect::<Result<Vec<Value>, _>>()?;
    if kind == Rows::FirstAndOffsets {
        for row in 1..rows.len() {
            rows[row] = graph.add(&rows[0], &rows[row])?;
        }
    }
    let mut w_plus = layers.stacked(&rows)?;
    if let Some(from) = &from {
        w_plus = graph.add(&w_plus, from)?;
    }
    graph.output("w_plus", &w_plus)?;
    let mut network = Network::default();
    network.parts.push(Part { role: form.role(), model: graph.finish()? });
    network.arrays.extend(mean.map(|mean| ("code-mean", mean.into_dyn())));
    Ok(network)
}

/// The feature map that a row comes from, coarsest first.
fn level(row: usize, maps: usize) -> usize {
    match row {
        _ if maps == 1 => 0,
        0..COARSE => 0,
        COARSE..MIDDLE => 1,
        _ => 2,
    }
}

/// The feature maps that heads see, coarsest first: three, or only the coarsest.
fn maps(layers: &Layers<'_>, form: &Form, image: &Value) -> Result<Vec<Value>, Error> {
    let seen = match form.backbone {
        Backbone::Irse50 => {
            let blocks = layers::count(layers.checkpoint, "body", "res_layer.1.weight");
            irse::body(layers, &irse::stem(layers, image)?, blocks)?
        }
        Backbone::ResNet34 => resnet(layers, image)?,
    };
    // The last of each stage: those after it have smaller sides.
    let last = |&i: &usize| seen.get(i + 1).is_none_or(|next| next.size(2) != seen[i].size(2));
    let stages: Vec<&Value> = (0..seen.len()).filter(last).map(|i| &seen[i]).collect();
    let [fine, middle, coarse] = TAKEN.map(|stage| stages.get(stage).copied());
    let (Some(fine), Some(middle), Some(coarse)) = (fine, middle, coarse) else {
        return Err(Error::Unsupported("its backbone has fewer than four stages".into()));
    };
    if !form.pyramid {
        return Ok(vec![coarse.clone()]);
    }
    let middle = joined(layers, coarse, middle, "latlayer1")?;
    let fine = joined(layers, &middle, fine, "latlayer2")?;
    Ok(vec![coarse.clone(), middle, fine])
}

/// A coarse map enlarged, and a finer one brought to its channels, summed.
fn joined(layers: &Layers<'_>, coarse: &Value, fine: &Value, name: &str) -> Result<Value, Error> {
    let fine = layers.conv(fine, name, 1, 1)?;
    let (height, width) = (fine.size(2).unwrap_or_default(), fine.size(3).unwrap_or_default());
    let coarse = layers.graph.resize(coarse, height, width, Resize::BilinearCorners)?;
    layers.graph.add(&coarse, &fine)
}

/// ResNet34 (He et al., 2016) without its first pool: what each block makes.
fn resnet(layers: &Layers<'_>, image: &Value) -> Result<Vec<Value>, Error> {
    let g = layers.graph;
    let x = layers.prelu(&layers.conv_norm(image, ["conv1", "bn1"], 7, 2)?, "relu")?;
    let mut made: Vec<Value> = Vec::new();
    for index in 0..layers::count(layers.checkpoint, "body", "conv1.weight") {
        let name = |part: &str| format!("body.{index}.{part}");
        let x = made.last().unwrap_or(&x);
        let widened = layers.has(&name("downsample.0.weight"));
        let stride = if widened { 2 } else { 1 };
        let y = g.relu(&layers.conv_norm(x, [&name("conv1"), &name("bn1")], 3, stride)?)?;
        let y = layers.conv_norm(&y, [&name("conv2"), &name("bn2")], 3, 1)?;
        let short = if widened {
            layers.conv_norm(x, [&name("downsample.0"), &name("downsample.1")], 1, stride)?
        } else {
            x.clone()
        };
        made.push(g.relu(&g.add(&y, &short)?)?);
    }
    Ok(made)
}

/// The name of what stands beside the state dict.
fn beside(prefix: &str, name: &str) -> String {
    let outside = prefix.strip_suffix("encoder.").unwrap_or(prefix);
    format!("{}{name}", outside.strip_suffix("state_dict.").unwrap_or(outside))
}

/// The mean of W for each row, where the checkpoint tells it, once for all or for each.
///
/// # Errors
/// As [`build`].
pub fn mean(checkpoint: &Checkpoint) -> Result<Option<Array2<f32>>, Error> {
    let Some(form) = recognise(checkpoint) else { return Ok(None) };
    let name = beside(&form.prefix, "latent_avg");
    let one = match checkpoint.shape(&name) {
        None => return Ok(None),
        Some([_]) => tensor(checkpoint, &name, Ix1(form.width))?,
        Some([1, _]) => tensor(checkpoint, &name, Ix2(1, form.width))?.row(0).to_owned(),
        Some(_) => return Ok(Some(tensor(checkpoint, &name, Ix2(form.rows, form.width))?)),
    };
    Ok(one.broadcast((form.rows, form.width)).map(|all| all.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_the_weights_is_found_under_every_prefix() {
        assert_eq!(beside("state_dict.encoder.", "latent_avg"), "latent_avg");
        assert_eq!(beside("e4e.state_dict.encoder.", "latent_avg"), "e4e.latent_avg");
        assert_eq!(beside("encoder.", "latent_avg"), "latent_avg");
        assert_eq!(beside("", "latent_avg"), "latent_avg");
    }
}
