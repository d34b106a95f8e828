//! Every graph of a pack, run once on inputs that fit each other.

use std::collections::BTreeMap;
use std::path::Path;

use models_onnx::pack::{Contract, Dim, Dtype, Port};
use models_onnx::session::{Session, Tensor};
use models_onnx::{Cancel, Role, Runtime};
use ndarray::{ArrayD, Axis, IxDyn};

use crate::error::Error;

/// What went in and came out so far, by the name of the tensor: what one graph gives is what the next one takes, as in
/// `z → w → styles → image`.
#[derive(Debug, Default)]
pub(super) struct Trial(BTreeMap<String, ArrayD<f32>>);

impl Trial {
    /// Runs a graph in `folder` for its first output. A second one of the same inputs gets the same.
    pub(super) fn run(
        &mut self,
        runtime: &Runtime,
        folder: &Path,
        role: Role,
        contract: &Contract,
        cancel: &Cancel,
    ) -> Result<ArrayD<f32>, Error> {
        let mut session = Session::once(runtime, folder, role, contract)?;
        for port in contract.inputs.iter().filter(|port| port.dtype == Dtype::F32) {
            if !self.0.contains_key(&port.name) {
                self.0.insert(port.name.clone(), self.made(port)?);
            }
        }
        let tokens: Vec<(&str, ArrayD<i64>)> = contract
            .inputs
            .iter()
            .filter(|p| p.dtype == Dtype::I64)
            .map(|p| (p.name.as_str(), ids(p)))
            .collect();
        let reals = contract.inputs.iter().filter_map(|p| Some((p.name.as_str(), self.0.get(&p.name)?)));
        let inputs: Vec<(&str, Tensor<'_>)> = reals
            .map(|(name, value)| (name, Tensor::F32(value.view())))
            .chain(tokens.iter().map(|(name, value)| (*name, Tensor::I64(value.view()))))
            .collect();
        let outputs = session.run(&inputs, cancel)?;
        let first = outputs.first().cloned();
        for (port, output) in contract.outputs.iter().zip(outputs) {
            self.0.entry(port.name.clone()).or_insert(output);
        }
        first.ok_or_else(|| Error::Unsupported(format!("the {role} gives nothing")))
    }

    /// What nothing before gave: one code for all layers, the picture and its mirror image for a pair, else numbers
    /// as random vectors have them.
    fn made(&self, port: &Port) -> Result<ArrayD<f32>, Error> {
        let shape: Vec<usize> = port.dims.iter().map(size).collect();
        if let (Some(w), &[1, layers, width]) = (self.0.get("w"), &shape[..])
            && w.shape() == [1, width]
        {
            let w = w.view().insert_axis(Axis(1));
            let layers = w.broadcast(IxDyn(&[1, layers, width])).map(|w| w.to_owned());
            return layers.ok_or_else(|| Error::Unsupported("a code without layers".into()));
        }
        if let Some(image) = self.0.get("image").filter(|image| image.shape() == shape) {
            let mut image = image.clone();
            if port.name == "b" {
                image.invert_axis(Axis(3));
            }
            return Ok(image.as_standard_layout().into_owned());
        }
        // The golden ratio fills an interval evenly; the sum of four such numbers is nearly normal.
        let count: usize = shape.iter().product();
        let uniform = |i: usize| ((i as f64 + 1.0) * 0.618_033_988_749_895).fract() * 2.0 - 1.0;
        let value = |i: usize| (0..4).map(|k| uniform(4 * i + k * k * 7 + k)).sum::<f64>() as f32 * 0.87;
        ArrayD::from_shape_vec(IxDyn(&shape), (0..count).map(value).collect())
            .map_err(|e| Error::Unsupported(e.to_string()))
    }
}

/// The largest difference between two outputs, relative to the largest value of the right one.
pub(super) fn error(found: &ArrayD<f32>, right: &ArrayD<f32>) -> f64 {
    let largest = |values: &mut dyn Iterator<Item = f32>| values.map(f32::abs).fold(0.0f32, f32::max);
    let difference = largest(&mut found.iter().zip(right).map(|(a, b)| a - b));
    f64::from(difference / largest(&mut right.iter().copied()).max(f32::MIN_POSITIVE))
}

/// A small size where a graph leaves it open; pictures are large enough for a face, and to be halved a few times.
fn size(dim: &Dim) -> usize {
    match dim {
        Dim::Size(size) => *size,
        Dim::Any(name) => match name.as_str() {
            "y" | "x" => 64,
            "h" | "w" => 32,
            _ => 1,
        },
    }
}

/// Some tokens, of which the last is the highest, as that of the end is in CLIP; or some places.
fn ids(port: &Port) -> ArrayD<i64> {
    let last = port.dims.len().saturating_sub(1);
    let sizes = port.dims.iter().enumerate().map(|(axis, dim)| match dim {
        Dim::Any(_) if axis == last => 6,
        dim => size(dim),
    });
    let sizes: Vec<usize> = sizes.collect();
    ArrayD::from_shape_fn(IxDyn(&sizes), |index| i64::try_from(index[last]).unwrap_or(0).min(5) + 1)
}
