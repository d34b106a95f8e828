//! MTCNN (Zhang et al., “Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks”, 2016), as
//! facenet-pytorch publishes it: three small networks in three files (`pnet.pt`, `rnet.pt`, `onet.pt`).
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `face-proposal` | `picture [n, 3, h, w]`, at least 12 × 12 | `score [n, h', w']`, `box [n, 4, h', w']` |
//! | `face-refinement` | `candidate [n, 3, 24, 24]` | `score [n]`, `box [n, 4]` |
//! | `face-landmarks` | `face [n, 3, 48, 48]` | `score [n]`, `box [n, 4]`, `points [n, 10]` |
//!
//! Pictures are in −1..1, RGB; the networks were trained on `(p − 127.5) / 128` of bytes, so the first weights are
//! multiplied by what is between the two. `score` is the probability of a face, `box` how far the edges left, top, right
//! and bottom are off in sides of the candidate, `points` five times x and then five times y in it: eyes, nose, corners
//! of the mouth, from left to right. The proposals' place `[y, x]` is the window of 12 pixels that starts at `[2y, 2x]`.

use autodiff::{Dim, Shape};
use checkpoint::Checkpoint;
use ndarray::{Array2, Ix1, Ix2, Ix4};

use super::tensor;
use crate::build::{Graph, Value, batch};
use crate::error::Error;
use crate::{Network, Part};

/// From −1..1 to what the networks were trained on.
const RANGE: f32 = 127.5 / 128.0;

/// One of the three networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// P-Net, which looks at every place of a picture.
    Proposal,
    /// R-Net, which looks at what P-Net proposed.
    Refinement,
    /// O-Net, which looks at what R-Net kept, and finds points.
    Landmarks,
}

impl Stage {
    /// The role of its graph, in the words of a pack's manifest.
    pub fn role(self) -> &'static str {
        match self {
            Stage::Proposal => "face-proposal",
            Stage::Refinement => "face-refinement",
            Stage::Landmarks => "face-landmarks",
        }
    }
}

/// Which network a checkpoint holds, from the names and sizes of its tensors.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Stage> {
    let is = |name: &str, sizes: &[usize]| checkpoint.shape(name) == Some(sizes);
    let stages = [
        (Stage::Proposal, is("conv4_1.weight", &[2, 32, 1, 1]) && is("conv4_2.weight", &[4, 32, 1, 1])),
        (Stage::Refinement, is("dense4.weight", &[128, 576]) && is("dense5_2.weight", &[4, 128])),
        (Stage::Landmarks, is("dense5.weight", &[256, 1152]) && is("dense6_3.weight", &[10, 256])),
    ];
    let slope = checkpoint.shape("prelu1.weight").is_some();
    stages.into_iter().find(|stage| stage.1 && slope).map(|stage| stage.0)
}

/// The graph of the network in a checkpoint.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(checkpoint: &Checkpoint) -> Result<Network, Error> {
    let unknown = || Error::Unsupported("it holds no network of MTCNN".into());
    let stage = recognise(checkpoint).ok_or_else(unknown)?;
    let role = stage.role();
    let graph = Graph::new(role);
    let layers = Layers { graph: &graph, checkpoint };
    match stage {
        Stage::Proposal => proposal(&layers)?,
        Stage::Refinement => refinement(&layers)?,
        Stage::Landmarks => landmarks(&layers)?,
    }
    Ok(Network { parts: vec![Part { role, model: graph.finish()? }], ..Network::default() })
}

fn proposal(layers: &Layers<'_>) -> Result<(), Error> {
    let g = layers.graph;
    let open: Shape = [Dim::named("n"), Dim::known(3), Dim::named("h"), Dim::named("w")].into();
    let x = layers.conv(&g.input("picture", &open)?, 1, 10, 3)?;
    let x = layers.conv(&layers.pool(&x, 2)?, 2, 16, 3)?;
    let x = layers.conv(&x, 3, 32, 3)?;
    let classes = g.softmax(&layers.filtered(&x, "conv4_1", 2, 1, 1.0)?, 1)?;
    g.output("score", &g.row(&classes, 1, 1)?)?;
    g.output("box", &layers.filtered(&x, "conv4_2", 4, 1, 1.0)?)
}

fn refinement(layers: &Layers<'_>) -> Result<(), Error> {
    let g = layers.graph;
    let x = layers.conv(&g.input("candidate", &batch([3, 24, 24]))?, 1, 28, 3)?;
    let x = layers.conv(&layers.pool(&x, 3)?, 2, 48, 3)?;
    let x = layers.conv(&layers.pool(&x, 3)?, 3, 64, 2)?;
    let x = layers.dense(&x, 4, 128)?;
    layers.judged(&x, 5)
}

fn landmarks(layers: &Layers<'_>) -> Result<(), Error> {
    let g = layers.graph;
    let x = layers.conv(&g.input("face", &batch([3, 48, 48]))?, 1, 32, 3)?;
    let x = layers.conv(&layers.pool(&x, 3)?, 2, 64, 3)?;
    let x = layers.conv(&layers.pool(&x, 3)?, 3, 64, 3)?;
    let x = layers.conv(&layers.pool(&x, 2)?, 4, 128, 2)?;
    let x = layers.dense(&x, 5, 256)?;
    layers.judged(&x, 6)?;
    g.output("points", &layers.linear(&x, "dense6_3", 10)?)
}

/// A graph and the checkpoint whose layers it gets.
struct Layers<'a> {
    graph: &'a Graph,
    checkpoint: &'a Checkpoint,
}

impl Layers<'_> {
    /// A convolution without padding, its weights multiplied by `factor`.
    fn filtered(
        &self,
        x: &Value,
        name: &str,
        outputs: usize,
        kernel: usize,
        factor: f32,
    ) -> Result<Value, Error> {
        let sizes = Ix4(outputs, x.size(1).unwrap_or_default(), kernel, kernel);
        let weight = tensor(self.checkpoint, &format!("{name}.weight"), sizes)? * factor;
        let bias = tensor(self.checkpoint, &format!("{name}.bias"), Ix1(outputs))?;
        let g = self.graph.scope(name);
        g.conv(x, &g.weight("weight", weight)?, Some(&g.weight("bias", bias)?), 1, 0)
    }

    /// The convolution of that number, and the slopes after it.
    fn conv(&self, x: &Value, number: usize, outputs: usize, kernel: usize) -> Result<Value, Error> {
        let factor = if number == 1 { RANGE } else { 1.0 };
        let x = self.filtered(x, &format!("conv{number}"), outputs, kernel, factor)?;
        self.sloped(&x, number)
    }

    fn sloped(&self, x: &Value, number: usize) -> Result<Value, Error> {
        let channels = x.size(1).unwrap_or_default();
        let slope = tensor(self.checkpoint, &format!("prelu{number}.weight"), Ix1(channels))?;
        let mut sizes = vec![channels];
        // Slopes go with the second axis, whatever follows it.
        sizes.resize(x.rank() - 1, 1);
        let slope = slope.into_shape_with_order(sizes).map_err(|e| Error::Unsupported(e.to_string()))?;
        let g = self.graph.scope(&format!("prelu{number}"));
        g.prelu(x, &g.weight("weight", slope)?)
    }

    /// Every second place, the last window cut off by the edge counted too.
    fn pool(&self, x: &Value, kernel: i64) -> Result<Value, Error> {
        let settings =
            [("kernel_shape", [kernel; 2].into()), ("strides", [2; 2].into()), ("ceil_mode", 1.into())];
        self.graph.op("MaxPool", &[x], &settings)
    }

    /// Feature maps as vectors, a linear layer and slopes. The layer was trained on maps with their axes the other way
    /// around (width, height, channels), so its columns are put in the order that maps have here.
    fn dense(&self, x: &Value, number: usize, outputs: usize) -> Result<Value, Error> {
        let [channels, height, width] = [1, 2, 3].map(|axis| x.size(axis).unwrap_or_default());
        let (name, places) = (format!("dense{number}"), channels * height * width);
        let weight = tensor(self.checkpoint, &format!("{name}.weight"), Ix2(outputs, places))?;
        let unfit = |e: ndarray::ShapeError| Error::Unsupported(e.to_string());
        let turned = weight.into_shape_with_order((outputs, width, height, channels)).map_err(unfit)?;
        let turned = turned.permuted_axes([0, 3, 2, 1]);
        let weight = Array2::from_shape_vec((outputs, places), turned.iter().copied().collect());
        let bias = tensor(self.checkpoint, &format!("{name}.bias"), Ix1(outputs))?;
        let flat = self.graph.reshape(x, &[0, -1])?;
        let x = self.graph.scope(&name).linear(&flat, weight.map_err(unfit)?, Some(bias))?;
        self.sloped(&x, number)
    }

    fn linear(&self, x: &Value, name: &str, outputs: usize) -> Result<Value, Error> {
        let inputs = x.size(1).unwrap_or_default();
        let weight = tensor(self.checkpoint, &format!("{name}.weight"), Ix2(outputs, inputs))?;
        let bias = tensor(self.checkpoint, &format!("{name}.bias"), Ix1(outputs))?;
        self.graph.scope(name).linear(x, weight, Some(bias))
    }

    /// The outputs `score` and `box` of the last layers of that number.
    fn judged(&self, x: &Value, number: usize) -> Result<(), Error> {
        let g = self.graph;
        let classes = g.softmax(&self.linear(x, &format!("dense{number}_1"), 2)?, 1)?;
        g.output("score", &g.row(&classes, 1, 1)?)?;
        g.output("box", &self.linear(x, &format!("dense{number}_2"), 4)?)
    }
}
