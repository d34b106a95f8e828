//! Codes that move as the pack's mapping network makes them of random numbers `z`.
//!
//! Any `z` on the sphere of radius `√Z`, near which normal numbers of `Z` dimensions lie, is one that the pack was trained
//! to make a picture of; Menon et al., “PULSE”, 2020, section 3.2, look for pictures there. An edit keeps to it: it starts
//! at the `z₀` whose vector comes nearest to the photo's code `w⁺`, and what that lacks of the code stays as it is:
//!
//! `w⁺(z) = w⁺ + mapping(z) − mapping(z₀)`, in every layer.

use std::ops::ControlFlow;
use std::sync::Arc;

use autodiff::{Adam, Differentiate, Loss, Measure, Schedule, Term};
use ndarray::{Array2, ArrayD, Axis, IxDyn};

use super::basis::{CHANGE, START};
use crate::cancel::Cancel;
use crate::error::ModelError;
use crate::joined::{Joined, Nodes, device};
use crate::optimise::{GradientSession, Optimisation, OptimiseError};
use crate::pack::{Pack, Role};
use crate::random::gaussian::Gaussian;
use crate::random::wanted;
use crate::runtime::Runtime;
use crate::session::{Lazy, Tensor};

/// `z₀`, its vector, and the class of generators that know some.
const ORIGIN: &str = "origin";
const BASE: &str = "base";
const CLASS: &str = "mapping.c";
/// The vector of what `z₀` has become.
const VECTOR: &str = "mapping.w";

/// Random numbers of which `z₀` is the best, and the steps that go on from there.
const TRIED: usize = 256;
const STEPS: usize = 100;
const RATE: f64 = 0.1;

/// The mapping network of a pack.
pub(super) struct Mapping {
    network: Lazy,
    /// Has the distance of a vector from another as its loss.
    distance: GradientSession,
    width: usize,
    class: Option<ArrayD<f32>>,
}

/// Where a code lies for the mapping network.
pub(super) struct Origin {
    z: ArrayD<f32>,
    vector: ArrayD<f32>,
    class: Option<ArrayD<f32>>,
}

impl Origin {
    /// What of it the model reads, by name.
    pub(super) fn constants(&self) -> impl Iterator<Item = (&'static str, &ArrayD<f32>)> {
        let class = self.class.iter().map(|class| (CLASS, class));
        [(ORIGIN, &self.z), (BASE, &self.vector)].into_iter().chain(class)
    }
}

impl Mapping {
    pub(super) fn open(pack: &Arc<Pack>, runtime: &Runtime) -> Result<Self, ModelError> {
        let network = Lazy::new(Arc::clone(pack), runtime.clone(), Role::Mapping);
        let (width, classes) = wanted(pack)?;
        let class = classes.map(|classes| {
            // The first of them.
            let of = |(_, class)| if class == 0 { 1.0 } else { 0.0 };
            Array2::from_shape_fn((1, classes), of).into_dyn()
        });
        let loss = Loss::of(Term::new("distance", Measure::SumSquare, VECTOR).against(BASE));
        let gradient = Differentiate::new(mapped(pack, width)?.model()).loss(loss).wrt(CHANGE);
        let gradient = gradient.device(device(runtime)).build().map_err(OptimiseError::from)?;
        Ok(Self { network, distance: GradientSession::open(runtime, gradient)?, width, class })
    }

    /// How many random numbers there are.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// A model from a change of `z₀` to W+ vectors `code`.
    pub(super) fn joined<'p>(&self, pack: &'p Pack, code: [usize; 3]) -> Result<Joined<'p>, ModelError> {
        let vector = [1, code[2]];
        let nodes = Nodes::default()
            .input(START, &code)
            .input(BASE, &vector)
            .input(VECTOR, &vector)
            .node("Sub", &[VECTOR, BASE], "moved")
            .node("Add", &[START, "moved"], "w_plus")
            .output("w_plus", &code);
        mapped(pack, self.width)?.and(nodes)
    }

    /// Where W+ vectors `[1, L, W]` lie: at the `z₀` whose vector is nearest to their mean.
    pub(super) fn origin(&mut self, code: &ArrayD<f32>, cancel: &Cancel) -> Result<Origin, ModelError> {
        let wanted = code.mean_axis(Axis(1)).unwrap_or_default();
        let mut gaussian = Gaussian::new(0);
        let mut best = (f32::INFINITY, ArrayD::zeros(IxDyn(&[1, self.width])));
        for _ in 0..TRIED {
            let z = ArrayD::from_shape_simple_fn(IxDyn(&[1, self.width]), || gaussian.draw());
            let far = (self.vector(&z, cancel)? - &wanted).mapv(|d| d * d).sum();
            if far < best.0 {
                best = (far, z);
            }
        }
        let z = best.1;
        let mut plan = Optimisation::new(&mut self.distance)
            .variable(CHANGE, ArrayD::zeros(z.raw_dim()))
            .constant(ORIGIN, Tensor::F32(z.view()))
            .constant(BASE, Tensor::F32(wanted.view()))
            .adam(Adam::default(), Schedule::ramped(RATE))
            .steps(STEPS);
        if let Some(class) = &self.class {
            plan = plan.constant(CLASS, Tensor::F32(class.view()));
        }
        let outcome = plan.run(cancel, |_| ControlFlow::Continue(()))?;
        let z = outcome.best.get(CHANGE).map_or_else(|| z.clone(), |change| &z + change);
        Ok(Origin { vector: self.vector(&z, cancel)?, z, class: self.class.clone() })
    }

    /// What a change of `z₀` adds to every layer, `[1, 1, W]`.
    pub(super) fn moved(
        &mut self,
        origin: &Origin,
        change: &ArrayD<f32>,
        cancel: &Cancel,
    ) -> Result<ArrayD<f32>, ModelError> {
        Ok((self.vector(&(&origin.z + change), cancel)? - &origin.vector).insert_axis(Axis(1)))
    }

    /// The vector `[1, W]` of the place of the sphere that `z` points to.
    fn vector(&mut self, z: &ArrayD<f32>, cancel: &Cancel) -> Result<ArrayD<f32>, ModelError> {
        let length = z.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        let z = z * (radius(self.width) / length);
        let class = self.class.iter().map(|class| ("c", Tensor::F32(class.view())));
        let inputs: Vec<_> = [("z", Tensor::F32(z.view()))].into_iter().chain(class).collect();
        self.network.one(&inputs, cancel)
    }
}

/// A model from a change of `z₀` to the vector of the place of the sphere that it points to then.
fn mapped(pack: &Pack, width: usize) -> Result<Joined<'_>, ModelError> {
    let z = [1, width];
    let nodes = Nodes::default()
        .input(ORIGIN, &z)
        .input(CHANGE, &z)
        .floats("radius", &[1, 1], &[radius(width)])
        .integers("ray_numbers", &[1])
        .node("Add", &[ORIGIN, CHANGE], "ray")
        .node("ReduceL2", &["ray", "ray_numbers"], "ray_length")
        .node("Div", &["ray", "ray_length"], "ray_unit")
        .node("Mul", &["ray_unit", "radius"], "z")
        .output("z", &z);
    Joined::with(pack, nodes)?.then(Role::Mapping, &[("z", "z")])
}

/// That of the sphere.
fn radius(width: usize) -> f32 {
    (width as f32).sqrt()
}
