//! LPIPS v0.1 (Zhang et al., 2018): how different two pictures look, by VGG16 or AlexNet and a calibration.
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `perceptual` | `a`, `b`, both `[n, 3, H, W]` in −1..1, RGB | `distance [n]` |
//! | `perceptual-features` | `image [n, 3, H, W]` | `features_0`…`features_4 [n, C, h, w]` |
//!
//! The distance is also the sum over the five features of squared differences, summed over channels and averaged over
//! places: the calibration is inside of them. That is the way where one picture stays the same, or where only some
//! places count.
//!
//! Backbone and calibration were published apart: torchvision's `vgg16-….pth` or `alexnet-….pth`, and `vgg.pth` or
//! `alex.pth` of the `lpips` package. A state dict of that package holds both.

use checkpoint::Checkpoint;
use ndarray::{Array1, Axis, Ix1, Ix4, arr1};

use super::{layers, tensor};
use crate::build::{Graph, Value, batch};
use crate::error::Error;
use crate::{Network, Part};

/// What brings −1..1 to the colours that the backbones were trained with: `(x − shift) / scale`.
const SHIFT: [f32; 3] = [-0.030, -0.088, -0.188];
const SCALE: [f32; 3] = [0.458, 0.448, 0.450];

/// Added to lengths, so that nothing is divided by zero.
const EPSILON: f32 = 1e-10;

/// A layer of a backbone: a convolution with a rectifier, by its place in torchvision's list.
#[derive(Debug, Clone, Copy)]
struct Layer {
    place: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    /// Whether a pool goes before it.
    pooled: bool,
    /// Whether it is the last before features are taken.
    taken: bool,
}

const fn layer(place: usize, outputs: usize, kernel: usize, [pooled, taken]: [bool; 2]) -> Layer {
    Layer { place, outputs, kernel, stride: 1, pooled, taken }
}

const PLAIN: [bool; 2] = [false, false];
const POOLED: [bool; 2] = [true, false];
const TAKEN: [bool; 2] = [false, true];
const BOTH: [bool; 2] = [true, true];

const VGG16: [Layer; 13] = [
    layer(0, 64, 3, PLAIN),
    layer(2, 64, 3, TAKEN),
    layer(5, 128, 3, POOLED),
    layer(7, 128, 3, TAKEN),
    layer(10, 256, 3, POOLED),
    layer(12, 256, 3, PLAIN),
    layer(14, 256, 3, TAKEN),
    layer(17, 512, 3, POOLED),
    layer(19, 512, 3, PLAIN),
    layer(21, 512, 3, TAKEN),
    layer(24, 512, 3, POOLED),
    layer(26, 512, 3, PLAIN),
    layer(28, 512, 3, TAKEN),
];

const ALEXNET: [Layer; 5] = [
    Layer { stride: 4, ..layer(0, 64, 11, TAKEN) },
    layer(3, 192, 5, BOTH),
    layer(6, 384, 3, BOTH),
    layer(8, 256, 3, TAKEN),
    layer(10, 256, 3, TAKEN),
];

/// What judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backbone {
    /// Slower; what EditGAN and BlobGAN were made with.
    Vgg16,
    /// Faster, and nearer to what people say about distances.
    AlexNet,
}

impl Backbone {
    fn layers(self) -> &'static [Layer] {
        match self {
            Self::Vgg16 => &VGG16,
            Self::AlexNet => &ALEXNET,
        }
    }

    /// Side and stride of the pools.
    fn pool(self) -> (usize, usize) {
        match self {
            Self::Vgg16 => (2, 2),
            Self::AlexNet => (3, 2),
        }
    }
}

/// A judge in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What judges.
    pub backbone: Backbone,
    /// What the names of its tensors start with.
    pub prefix: String,
    /// Whether the calibration is here too.
    pub calibrated: bool,
    /// Whether names are those of the `lpips` package, else torchvision's.
    packaged: bool,
}

/// What the graph takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Height of the pictures.
    pub height: usize,
    /// Width of the pictures.
    pub width: usize,
}

/// What backbone a checkpoint holds, from the names and sizes of its tensors.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let packaged = layers::prefix(checkpoint, "net.slice1.0.weight").map(|p| (p, true));
    let (prefix, packaged) =
        packaged.or_else(|| layers::prefix(checkpoint, "features.0.weight").map(|p| (p, false)))?;
    let form = |backbone| Form { backbone, prefix: prefix.into(), calibrated: false, packaged };
    [Backbone::Vgg16, Backbone::AlexNet].into_iter().map(form).find_map(|form| {
        let fits = |(tap, layer): (usize, &Layer)| {
            let shape = checkpoint.shape(&format!("{}.weight", form.name(tap, layer)));
            shape.is_some_and(|s| (s.first(), s.last()) == (Some(&layer.outputs), Some(&layer.kernel)))
        };
        let calibrated = calibration(checkpoint, 0).is_some();
        taps(form.backbone).all(fits).then(|| Form { calibrated, ..form.clone() })
    })
}

impl Form {
    fn name(&self, tap: usize, layer: &Layer) -> String {
        let (prefix, place) = (&self.prefix, layer.place);
        if self.packaged {
            format!("{prefix}net.slice{}.{place}", tap + 1)
        } else {
            format!("{prefix}features.{place}")
        }
    }
}

/// Layers, each with the number of the features that it belongs to.
fn taps(backbone: Backbone) -> impl Iterator<Item = (usize, &'static Layer)> {
    let mut tap = 0;
    backbone.layers().iter().map(move |layer| {
        let own = tap;
        tap += usize::from(layer.taken);
        (own, layer)
    })
}

/// Whether a checkpoint holds the calibration of all features.
pub fn is_calibration(checkpoint: &Checkpoint) -> bool {
    (0..5).all(|tap| calibration(checkpoint, tap).is_some())
}

/// The name of the calibration of some features.
fn calibration(checkpoint: &Checkpoint, tap: usize) -> Option<String> {
    let names = [format!("lin{tap}.model.1.weight"), format!("lins.{tap}.model.1.weight")];
    names.iter().find_map(|name| layers::prefix(checkpoint, name).map(|p| format!("{p}{name}")))
}

/// The graphs of a backbone and its calibration, which may be the same checkpoint.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(backbone: &Checkpoint, calibrated: &Checkpoint, options: &Options) -> Result<Network, Error> {
    let unknown = || Error::Unsupported("it holds neither VGG16 nor AlexNet".into());
    let form = recognise(backbone).ok_or_else(unknown)?;
    let weights = weights(&form, calibrated)?;
    let size = batch([3, options.height, options.width]);
    let mut network = Network::default();

    let graph = Graph::new("lpips");
    let pair = [graph.input("a", &size)?, graph.input("b", &size)?];
    let trained = trained(&graph, backbone, &form)?;
    let [a, b] = pair.map(|x| features(&graph, &form, &trained, &x));
    let mut distance: Option<Value> = None;
    for (tap, ((a, b), weights)) in a?.iter().zip(&b?).zip(&weights).enumerate() {
        let g = graph.scope(&format!("lin{tap}"));
        let difference = g.sub(a, b)?;
        let channels = g.reduce("ReduceMean", &g.mul(&difference, &difference)?, &[2, 3], false)?;
        let weight = g.weight("weight", weights.view().insert_axis(Axis(1)))?;
        let part = g.squeeze(&g.matmul(&channels, &weight)?, &[1])?;
        distance = Some(distance.map_or(Ok(part.clone()), |sum| graph.add(&sum, &part))?);
    }
    graph.output("distance", &distance.ok_or_else(unknown)?)?;
    network.parts.push(Part { role: "perceptual", model: graph.finish()? });

    let graph = Graph::new("lpips features");
    let image = graph.input("image", &size)?;
    let trained = self::trained(&graph, backbone, &form)?;
    for (tap, (x, weights)) in features(&graph, &form, &trained, &image)?.iter().zip(&weights).enumerate() {
        if weights.iter().any(|&w| w < 0.0) {
            return Err(Error::Unsupported("its calibration has weights below zero".into()));
        }
        let root = weights.sqrt().insert_axis(Axis(1)).insert_axis(Axis(2));
        let x = graph.mul(x, &graph.scope(&format!("lin{tap}")).weight("root", root)?)?;
        graph.output(&format!("features_{tap}"), &x)?;
    }
    network.parts.push(Part { role: "perceptual-features", model: graph.finish()? });
    Ok(network)
}

fn weights(form: &Form, calibrated: &Checkpoint) -> Result<Vec<Array1<f32>>, Error> {
    let taken = taps(form.backbone).filter(|(_, layer)| layer.taken);
    let one = |(tap, layer): (usize, &Layer)| {
        let missing = || checkpoint::Error::Missing(format!("lin{tap}.model.1.weight"));
        let name = calibration(calibrated, tap).ok_or_else(missing)?;
        let weight = tensor(calibrated, &name, Ix4(1, layer.outputs, 1, 1))?;
        Ok(weight.iter().copied().collect())
    };
    taken.map(one).collect()
}

/// Weights and bias of each layer, once for both pictures.
fn trained(graph: &Graph, checkpoint: &Checkpoint, form: &Form) -> Result<Vec<[Value; 2]>, Error> {
    let mut inputs = 3;
    let one = |(tap, layer): (usize, &Layer)| {
        let (name, g) = (form.name(tap, layer), graph.scope(&format!("features.{}", layer.place)));
        let Layer { outputs, kernel, .. } = *layer;
        let weight = tensor(checkpoint, &format!("{name}.weight"), Ix4(outputs, inputs, kernel, kernel))?;
        let bias = tensor(checkpoint, &format!("{name}.bias"), Ix1(outputs))?;
        inputs = outputs;
        Ok([g.weight("weight", weight)?, g.weight("bias", bias)?])
    };
    taps(form.backbone).map(one).collect()
}

/// Feature maps, divided by their length at each place.
fn features(graph: &Graph, form: &Form, trained: &[[Value; 2]], image: &Value) -> Result<Vec<Value>, Error> {
    let channels = |values: [f32; 3]| graph.numbers(&arr1(&values).insert_axis(Axis(1)).insert_axis(Axis(2)));
    let (kernel, stride) = form.backbone.pool();
    let mut x = graph.div(&graph.sub(image, &channels(SHIFT))?, &channels(SCALE))?;
    let mut taken = Vec::new();
    for (layer, [weight, bias]) in form.backbone.layers().iter().zip(trained) {
        if layer.pooled {
            x = graph.max_pool(&x, kernel, stride, 0)?;
        }
        // AlexNet's first layer has two places around the picture, not five.
        let pad = if layer.stride == 4 { 2 } else { layer.kernel / 2 };
        x = graph.relu(&graph.conv(&x, weight, Some(bias), layer.stride, pad)?)?;
        if layer.taken {
            let square = graph.reduce("ReduceSum", &graph.mul(&x, &x)?, &[1], true)?;
            let length = graph.op("Sqrt", &[&square], &[])?;
            taken.push(graph.div(&x, &graph.add(&length, &graph.scalar(EPSILON))?)?);
        }
    }
    Ok(taken)
}
