//! Every graph of a pack, run once on inputs that fit each other.

use std::collections::BTreeMap;

use models_onnx::pack::{Contract, Dim, Dtype, Port};
use models_onnx::session::{Session, Tensor};
use models_onnx::{Cancel, Pack, Role, Runtime};
use ndarray::{ArrayD, Axis, IxDyn};

use crate::error::Error;

/// What went in and came out.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// By the name of the tensor: what one graph gives is what the next one takes, as in `z → w → styles → image`.
    inputs: BTreeMap<String, ArrayD<f32>>,
    /// The first output of each graph, by the name its file goes by.
    outputs: BTreeMap<String, ArrayD<f32>>,
}

/// Runs every graph; on what went into an earlier trial, if there is one.
pub(super) fn run(
    pack: &Pack,
    earlier: Option<&Trial>,
    runtime: &Runtime,
    cancel: &Cancel,
) -> Result<Trial, Error> {
    let mut trial = Trial::default();
    for role in Role::ALL {
        let Some(contract) = pack.manifest().roles.get(&role) else { continue };
        // Files that packs share were not made here.
        if !contract.shared {
            trial.step(role.name(), contract, Session::open(runtime, pack, role)?, earlier, cancel)?;
        }
    }
    for (name, contract) in &pack.manifest().mappers {
        let session = Session::mapper(runtime, pack, name)?;
        trial.step(&format!("mapper-{name}"), contract, session, earlier, cancel)?;
    }
    Ok(trial)
}

impl Trial {
    fn step(
        &mut self,
        name: &str,
        contract: &Contract,
        mut session: Session,
        earlier: Option<&Trial>,
        cancel: &Cancel,
    ) -> Result<(), Error> {
        for port in contract.inputs.iter().filter(|port| port.dtype == Dtype::F32) {
            let known = earlier.unwrap_or(self).inputs.get(&port.name).cloned();
            let value = known.map_or_else(|| self.made(port), Ok)?;
            self.inputs.insert(port.name.clone(), value);
        }
        let tokens: Vec<(&str, ArrayD<i64>)> = contract
            .inputs
            .iter()
            .filter(|p| p.dtype == Dtype::I64)
            .map(|p| (p.name.as_str(), ids(p)))
            .collect();
        let reals = contract.inputs.iter().filter_map(|p| Some((p.name.as_str(), self.inputs.get(&p.name)?)));
        let inputs: Vec<(&str, Tensor<'_>)> = reals
            .map(|(name, value)| (name, Tensor::F32(value.view())))
            .chain(tokens.iter().map(|(name, value)| (*name, Tensor::I64(value.view()))))
            .collect();
        let outputs = session.run(&inputs, cancel)?;
        if let Some(first) = outputs.first() {
            self.outputs.insert(name.to_owned(), first.clone());
        }
        for (port, output) in contract.outputs.iter().zip(outputs) {
            self.inputs.entry(port.name.clone()).or_insert(output);
        }
        Ok(())
    }

    /// What nothing before gave: one code for all layers, the picture and its mirror image for a pair, else numbers
    /// as random vectors have them.
    fn made(&self, port: &Port) -> Result<ArrayD<f32>, Error> {
        let shape: Vec<usize> = port.dims.iter().map(size).collect();
        if let (Some(w), &[1, layers, width]) = (self.inputs.get("w"), &shape[..])
            && w.shape() == [1, width]
        {
            let w = w.view().insert_axis(Axis(1));
            let layers = w.broadcast(IxDyn(&[1, layers, width])).map(|w| w.to_owned());
            return layers.ok_or_else(|| Error::Unsupported("a code without layers".into()));
        }
        if let Some(image) = self.inputs.get("image").filter(|image| image.shape() == shape) {
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

    /// The largest difference between the outputs of two trials, relative to the largest output, by graph.
    pub(super) fn errors(&self, other: &Trial) -> BTreeMap<String, f64> {
        let largest = |values: &mut dyn Iterator<Item = f32>| values.map(f32::abs).fold(0.0f32, f32::max);
        let pairs = self.outputs.iter().filter_map(|(name, a)| Some((name, a, other.outputs.get(name)?)));
        pairs
            .map(|(name, a, b)| {
                let difference = largest(&mut a.iter().zip(b).map(|(a, b)| a - b));
                (name.clone(), f64::from(difference / largest(&mut a.iter().copied()).max(f32::MIN_POSITIVE)))
            })
            .collect()
    }
}

/// One where a graph leaves a size open; sides of pictures are large enough for a face.
fn size(dim: &Dim) -> usize {
    match dim {
        Dim::Size(size) => *size,
        Dim::Any(name) if ["h", "w"].contains(&name.as_str()) => 32,
        Dim::Any(_) => 1,
    }
}

/// Some tokens, of which the last is the highest, as that of the end is in CLIP.
fn ids(port: &Port) -> ArrayD<i64> {
    let tokens = match port.dims.get(1) {
        Some(Dim::Size(size)) => *size,
        _ => 6,
    };
    ArrayD::from_shape_fn(IxDyn(&[1, tokens]), |index| i64::try_from(index[1]).unwrap_or(0).min(5) + 1)
}
