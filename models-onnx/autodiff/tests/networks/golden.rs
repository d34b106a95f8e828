//! Reads what `make.py` wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;

use autodiff::Model;
use bytes::Bytes;
use seeded::Entry;

use crate::support::{Arrays, distance};

/// Integers by name.
type Steps = BTreeMap<String, (Vec<usize>, Vec<i64>)>;

fn place(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/networks/golden").join(file)
}

/// A graph, its weights drawn as it says.
pub(crate) fn network(name: &str) -> Model {
    let bytes = std::fs::read(place(&format!("{name}.onnx"))).unwrap();
    let draw = |location: &str| {
        let entries = seeded::layout(location).ok()?;
        Some(entries.first()?.values().into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>().into())
    };
    Model::read_with(Bytes::from(bytes), draw).unwrap()
}

/// What PyTorch found.
pub(crate) struct Golden {
    inputs: Vec<Entry>,
    pub(crate) loss: f64,
    /// How far PyTorch's own single precision is off.
    pub(crate) torch: f64,
    gradients: Vec<Gradient>,
    samples: Vec<f64>,
}

struct Gradient {
    variable: String,
    /// Every how many elements one is in the samples.
    step: usize,
    length: f64,
    /// Its product with a direction of chance.
    product: f64,
}

impl Golden {
    pub(crate) fn read(name: &str) -> Self {
        let samples: ndarray::Array1<f32> = ndarray_npy::read_npy(place(&format!("{name}.npy"))).unwrap();
        let mut golden = Self {
            inputs: Vec::new(),
            loss: 0.0,
            torch: 0.0,
            gradients: Vec::new(),
            samples: samples.iter().map(|&v| v.into()).collect(),
        };
        for line in std::fs::read_to_string(place(&format!("{name}.txt"))).unwrap().lines() {
            let (kind, rest) = line.split_once(' ').unwrap();
            let words: Vec<&str> = rest.split(' ').collect();
            let number = |at: usize| words[at].parse::<f64>().unwrap();
            match kind {
                "in" => golden.inputs.extend(seeded::layout(rest).unwrap()),
                "loss" => golden.loss = number(0),
                "torch" => golden.torch = number(0),
                "gradient" => golden.gradients.push(Gradient {
                    variable: words[0].into(),
                    step: words[1].parse().unwrap(),
                    length: number(2),
                    product: number(3),
                }),
                _ => panic!("{line}"),
            }
        }
        golden
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.gradients.iter().map(|g| g.variable.as_str())
    }

    /// The inputs: numbers, and time steps.
    pub(crate) fn inputs(&self) -> (Arrays, Steps) {
        let (steps, reals): (Vec<&Entry>, Vec<&Entry>) =
            self.inputs.iter().partition(|e| e.name == "timestep");
        let steps = steps.iter().map(|e| {
            let whole = e.values().iter().map(|&v| v as i64).collect();
            (e.name.clone(), (e.shape.clone(), whole))
        });
        let reals = reals.iter().map(|e| (e.name.clone(), (e.shape.clone(), e.values())));
        (reals.collect(), steps.collect())
    }

    /// The largest relative error of a gradient, and that of all in one vector.
    pub(crate) fn compare(&self, found: &Arrays) -> (f64, f64) {
        let (mut worst, mut kept, mut start) = (0.0, Vec::new(), 0);
        for right in &self.gradients {
            let found: Vec<f64> =
                found[&format!("grad_{}", right.variable)].1.iter().map(|&v| v.into()).collect();
            let samples: Vec<f64> = found.iter().copied().step_by(right.step).collect();
            let end = start + samples.len();
            let length = found.iter().map(|v| v * v).sum::<f64>().sqrt();
            let direction = seeded::uniform("direction", found.len(), 1.0, 0.0);
            let product: f64 = found.iter().zip(direction).map(|(v, d)| v * f64::from(d)).sum();
            // An error has, along a direction of numbers between -1 and 1, a third of its square.
            let errors = [
                distance(&samples, &self.samples[start..end], 0.0),
                (length - right.length).abs() / right.length,
                (product - right.product).abs() * 3f64.sqrt() / right.length,
            ];
            worst = errors.into_iter().fold(worst, f64::max);
            kept.extend(samples);
            start = end;
        }
        (worst, distance(&kept, &self.samples, 0.0))
    }
}
