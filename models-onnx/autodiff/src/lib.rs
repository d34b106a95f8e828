//! Reverse-mode differentiation of ONNX graphs: a model goes in, and one that also gives gradients comes out.
//!
//! ONNX Runtime's inference build has no backward pass. Here it is written into the graph itself, in standard operators
//! only, so that any runtime can run it, on any device, without the framework that the model came from.
//!
//! Everything happens in this order:
//!
//! 1. [`Model`] reads a file or bytes, weights beside the file included, and refuses what is not sound. Functions inside of a
//!    model are written out.
//! 2. [`Model::join`] makes one graph of several, such as a generator and the network that judges its pictures.
//! 3. [`Loss`] says what is to become small; targets, masks and weights are inputs, which can change from run to run.
//! 4. [`Differentiate`] writes the gradients: it goes back from the loss through the nodes that depend on the variables
//!    and applies the rule of each ([`RULES`]). [`coverage`] tells beforehand whether a model has operators without one.
//!    Where memory is short, [`Keep`] lets it compute values again instead of holding them.
//! 5. [`Model::to_bytes`] or [`Model::to_parts`] hands the result to a session.
//! 6. [`Adam`], with the rate of a [`Schedule`], or [`Lbfgs`] makes steps of the gradients that come out.
//!
//! ```
//! use autodiff::{Differentiate, Loss, Measure, Model, Term};
//!
//! # fn gradient(bytes: Vec<u8>) -> Result<(), autodiff::Error> {
//! let model = Model::read(bytes)?;
//! for operator in autodiff::coverage(&model).iter().filter(|o| !o.covered) {
//!     eprintln!("{} nodes of {} have no rule", operator.nodes, operator.op);
//! }
//! // “target” and “strength” are no values of the model: they become inputs.
//! let likeness = Term::new("likeness", Measure::MeanSquare, "image").against("target");
//! let restraint = Term::new("restraint", Measure::Norm, "styles").times_input("strength");
//! let gradient = Differentiate::new(model)
//!     .loss(Loss::of(likeness).and(restraint))
//!     .wrt("styles")
//!     .also("image")
//!     .build()?;
//! assert_eq!(gradient.gradients, ["grad_styles"]);
//! let ready_for_a_session = gradient.model.to_bytes()?;
//! # Ok(())
//! # }
//! ```
//!
//! A latent that makes a given picture, found with ONNX Runtime through the crate `ort`:
//!
//! ```no_run
//! use autodiff::{Adam, Differentiate, Loss, Measure, Model, Schedule, Term};
//! use ort::session::Session;
//! use ort::value::TensorRef;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let target = ndarray::Array4::<f32>::zeros((1, 3, 128, 128));
//! let model = Model::read_file("packs/starter-faces/synthesis.onnx".as_ref())?;
//! let likeness = Term::new("likeness", Measure::MeanSquare, "image").against("target");
//! let gradient = Differentiate::new(model).loss(Loss::of(likeness)).wrt("styles").build()?;
//! let environment = ort::init_from("libonnxruntime.so")?.build()?;
//! let mut session = Session::builder(&environment)?.commit_from_memory(&gradient.model.to_bytes()?)?;
//!
//! let mut styles = ndarray::Array2::<f32>::ones((1, 2752));
//! let mut adam = Adam::default().start(styles.len());
//! let schedule = Schedule::ramped(0.05);
//! for step in 0..200 {
//!     let outputs = session.run(ort::inputs![
//!         "styles" => TensorRef::from_array_view(&styles)?,
//!         "target" => TensorRef::from_array_view(&target)?,
//!     ])?;
//!     let loss = outputs["loss"].try_extract_tensor::<f32>()?.1[0];
//!     let slope = outputs["grad_styles"].try_extract_tensor::<f32>()?.1.to_vec();
//!     drop(outputs);
//!     let styles = styles.as_slice_mut().ok_or("styles lie in one piece")?;
//!     adam.step(styles, loss, &slope, schedule.at(step, 200))?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What is differentiated is of single or double precision; what is of half precision is computed in single. Shapes may
//! leave sizes open, such as that of a batch, as long as a gradient does not hinge on them.
#![forbid(unsafe_code)]

mod adam;
mod backward;
mod compose;
mod differentiate;
mod dim;
mod error;
mod facts;
mod graph;
mod inline;
mod lbfgs;
mod loss;
mod model;
mod opset;
mod precision;
pub mod proto;
mod recompute;
mod rules;
mod schedule;
mod search;
mod shapes;
mod tape;
pub mod tensor;
mod window;

pub use adam::{Adam, AdamState, Diverged};
pub use differentiate::{Coverage, Device, Differentiate, Gradient, coverage};
pub use dim::{Dim, Shape};
pub use error::{Error, Refusal};
pub use facts::Facts;
pub use lbfgs::{Lbfgs, LbfgsState, Step};
pub use loss::{Loss, Measure, Term};
pub use model::{Model, Place};
pub use recompute::Keep;
pub use rules::{RULES, Rule};
pub use schedule::Schedule;
pub use search::Search;
