//! Codes of random pictures: normal numbers from a seed, and what the mapping of a pack makes of them.

pub(crate) mod gaussian;

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView2, Ix2};

use crate::cancel::Cancel;
use crate::error::ModelError;
use crate::pack::{Dim, Pack, Role};
use crate::runtime::Runtime;
use crate::session::{Lazy, Tensor};
use gaussian::Gaussian;

/// Codes that run at once: they are small.
pub(crate) const BATCH: usize = 256;

/// Codes whose mean stands for that of all, where the pack does not tell it.
const MEAN_CODES: usize = 4096;

/// Codes of random pictures, one after the other; the same for the same seed on every machine, up to what processors
/// round otherwise.
pub(crate) struct Codes {
    mapping: Lazy,
    width: usize,
    /// Classes of a generator that knows some; they take turns.
    labels: Option<usize>,
    label: usize,
    gaussian: Gaussian,
}

impl Codes {
    pub(crate) fn new(pack: &Arc<Pack>, runtime: &Runtime, seed: u64) -> Result<Self, ModelError> {
        let (width, labels) = wanted(pack)?;
        let mapping = Lazy::new(Arc::clone(pack), runtime.clone(), Role::Mapping);
        let gaussian = Gaussian::new(seed);
        let mut codes = Self { mapping, width, labels, label: 0, gaussian };
        codes.restart(seed);
        Ok(codes)
    }

    /// Begins anew from a seed; of a generator that knows classes, with the class that follows from it.
    pub(crate) fn restart(&mut self, seed: u64) {
        self.gaussian = Gaussian::new(seed);
        self.label = self.labels.map_or(0, |labels| (seed % labels as u64) as usize);
    }

    /// The next codes `[n, W]`.
    pub(crate) fn draw(&mut self, count: usize, cancel: &Cancel) -> Result<Array2<f32>, ModelError> {
        let z = Array2::from_shape_simple_fn((count, self.width), || self.gaussian.draw()).into_dyn();
        let first = self.label;
        let c = self.labels.map(|labels| {
            self.label = (first + count) % labels;
            let one = |(row, label): (usize, usize)| if (first + row) % labels == label { 1.0 } else { 0.0 };
            Array2::<f32>::from_shape_fn((count, labels), one).into_dyn()
        });
        let z = ("z", Tensor::F32(z.view()));
        let inputs: Vec<_> = [z].into_iter().chain(c.iter().map(|c| ("c", Tensor::F32(c.view())))).collect();
        let w = self.mapping.one(&inputs, cancel)?;
        let shape = |e: ndarray::ShapeError| ModelError::Shape { role: Role::Mapping, what: e.to_string() };
        w.into_dimensionality::<Ix2>().map_err(shape)
    }

    /// The mean `[W]` of the first codes of a seed; begins anew from it afterwards.
    pub(crate) fn mean(&mut self, seed: u64, cancel: &Cancel) -> Result<Array1<f32>, ModelError> {
        let mut moments = Moments::default();
        self.restart(seed);
        for _ in 0..MEAN_CODES / BATCH {
            moments.add(self.draw(BATCH, cancel)?.view());
        }
        self.restart(seed);
        Ok(moments.mean_and_deviation().0)
    }
}

/// How many random numbers the mapping network of a pack wants, and of how many classes one, if of any.
pub(crate) fn wanted(pack: &Pack) -> Result<(usize, Option<usize>), ModelError> {
    let inputs = &pack.contract(Role::Mapping)?.inputs;
    let size = |name: &str| match inputs.iter().find(|port| port.name == name)?.dims.get(1)? {
        Dim::Size(size) => Some(*size),
        Dim::Any(_) => None,
    };
    let what = "it does not say how many random numbers it wants".into();
    Ok((size("z").ok_or(ModelError::Shape { role: Role::Mapping, what })?, size("c")))
}

/// Sums of values and of their squares, by column.
#[derive(Default)]
pub(crate) struct Moments {
    count: usize,
    sums: Vec<[f64; 2]>,
}

impl Moments {
    pub(crate) fn add(&mut self, rows: ArrayView2<'_, f32>) {
        self.sums.resize(rows.ncols(), [0.0; 2]);
        self.count += rows.nrows();
        for row in rows.rows() {
            for ([sum, squares], &value) in self.sums.iter_mut().zip(row) {
                *sum += f64::from(value);
                *squares += f64::from(value).powi(2);
            }
        }
    }

    pub(crate) fn mean_and_deviation(&self) -> (Array1<f32>, Array1<f32>) {
        let count = self.count.max(1) as f64;
        let mean = self.sums.iter().map(|[sum, _]| (sum / count) as f32).collect();
        let variance = |[sum, squares]: &[f64; 2]| (squares / count - (sum / count).powi(2)).max(0.0);
        (mean, self.sums.iter().map(|sums| variance(sums).sqrt() as f32).collect())
    }
}
