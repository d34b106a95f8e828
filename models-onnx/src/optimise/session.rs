//! A model that gives gradients, ready to run, and one with its inputs bound.

use std::sync::Arc;

use autodiff::Gradient;
use ndarray::{ArrayD, ArrayViewD};
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, RunOptions};
use ort::value::{DynTensor, Outlet, Tensor as Value, TensorElementType, ValueType};

use crate::cancel::{Cancel, During};
use crate::error::ModelError;
use crate::optimise::OptimiseError;
use crate::runtime::{Device, Runtime, first_line};
use crate::session::{Tensor, is_memory};

/// Where weights are said to lie; nothing of that name is ever read.
const WEIGHTS: &str = "weights";

/// An open model that gives gradients. Opening takes up to seconds; it can then be optimised again and again.
pub struct GradientSession {
    inner: ort::session::Session,
    /// Inputs that have a default: weights that can be trained.
    optional: Vec<String>,
    loss: String,
    terms: Vec<String>,
    /// Variables and the outputs that hold their gradients.
    gradients: Vec<(String, String)>,
    /// Whether inputs are copied to a device when they are bound.
    remote: bool,
}

impl GradientSession {
    /// Has ONNX Runtime prepare a model. Its weights are handed over beside it, in memory, so that it may be of any
    /// size.
    ///
    /// # Errors
    /// [`OptimiseError::Open`] for models without a loss or that ONNX Runtime refuses, [`OptimiseError::OutOfMemory`].
    pub fn open(runtime: &Runtime, gradient: Gradient) -> Result<Self, ModelError> {
        let Gradient { model, loss, terms, gradients, .. } = gradient;
        let loss = loss.ok_or_else(|| OptimiseError::Open("it has no loss".into()))?;
        let gradients: Vec<_> = gradients
            .into_iter()
            .map(|name| (name.strip_prefix("grad_").unwrap_or(&name).to_owned(), name))
            .collect();
        let (bytes, weights) =
            model.to_parts(WEIGHTS).map_err(|e| OptimiseError::Open(first_line(&e.to_string())))?;
        drop(model);
        let failed = |e: ort::Error| match failure(&e) {
            OptimiseError::Run(why) => OptimiseError::Open(why),
            other => other,
        };
        // Weights that are packed for products lie in memory twice: with CLIP that is twice the memory of a step, for a
        // fifth of its time (BENCH.md of pentimento-autodiff).
        let mut builder =
            runtime.builder().map_err(failed)?.with_prepacking(false).map_err(|e| failed(e.into()))?;
        if !weights.is_empty() {
            builder = builder
                .with_external_initializer_file_in_memory(WEIGHTS, weights)
                .map_err(|e| failed(e.into()))?;
        }
        let inner = builder.commit_from_memory(&bytes).map_err(failed)?;
        let optional = inner.overridable_initializers().iter().map(|i| i.name().to_owned()).collect();
        let remote = runtime.device() != Device::Cpu;
        let session = Self { inner, optional, loss, terms, gradients, remote };
        let outputs = [&session.loss].into_iter().chain(&session.terms);
        for name in outputs.chain(session.gradients.iter().map(|g| &g.1)) {
            let outlet = session.inner.outputs().iter().find(|o| o.name() == name);
            if !outlet.is_some_and(|o| is(o, TensorElementType::Float32)) {
                let why = format!("it has no output “{name}” of single precision");
                return Err(OptimiseError::Open(why).into());
            }
        }
        Ok(session)
    }

    /// The variables whose gradients the model gives.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.gradients.iter().map(|g| g.0.as_str())
    }

    /// The terms of the loss.
    pub fn terms(&self) -> &[String] {
        &self.terms
    }

    /// Gives all inputs and makes room for the results, once and for all runs. A variable that is not to move can be
    /// given as a constant. `watched` is a further output, to be had from runs that ask for it.
    ///
    /// # Errors
    /// [`OptimiseError::Input`] and [`OptimiseError::OutOfMemory`].
    pub fn bind<'s>(
        &'s mut self,
        variables: &[(String, ArrayD<f32>)],
        constants: &[(String, Tensor<'_>)],
        watched: Option<&str>,
        cancel: &'s Cancel,
    ) -> Result<Bound<'s>, ModelError> {
        let shapes = variables.iter().map(|(name, v)| (name, TensorElementType::Float32, v.shape()));
        let others = constants.iter().map(|(name, tensor)| match tensor {
            Tensor::F32(view) => (name, TensorElementType::Float32, view.shape()),
            Tensor::I64(view) => (name, TensorElementType::Int64, view.shape()),
        });
        let given: Vec<_> = shapes.chain(others).collect();
        for (at, (name, kind, shape)) in given.iter().enumerate() {
            if given[..at].iter().any(|g| g.0 == *name) {
                return Err(wrong(name, "it was given twice"));
            }
            self.check(name, *kind, shape)?;
        }
        let inputs = self.inner.inputs().iter();
        if let Some(absent) = inputs.map(Outlet::name).find(|name| given.iter().all(|g| g.0 != name)) {
            return Err(wrong(absent, "it was not given"));
        }
        let failed = |e: ort::Error| ModelError::from(failure(&e));
        let room = |shape: &[usize]| Value::<f32>::new(&Allocator::default(), shape).map_err(failed);
        let mut parts = Vec::with_capacity(variables.len());
        for (name, start) in variables {
            let output = self.gradients.iter().find(|g| g.0 == *name).map(|g| g.1.clone());
            let output = output.ok_or_else(|| wrong(name, "the model gives no gradient of it"))?;
            let mut value = room(start.shape())?;
            value.extract_array_mut().assign(start);
            parts.push(Variable { name: name.clone(), output, value, gradient: room(start.shape())? });
        }
        let constants = constants
            .iter()
            .map(|(name, tensor)| {
                let value = match tensor {
                    Tensor::F32(view) => Value::from_array(view.to_owned()).map(Value::upcast),
                    Tensor::I64(view) => Value::from_array(view.to_owned()).map(Value::upcast),
                };
                Ok((name.clone(), value.map_err(failed)?))
            })
            .collect::<Result<Vec<(String, DynTensor)>, ModelError>>()?;
        let mut loss = room(&[])?;
        let mut terms = self.terms.iter().map(|_| room(&[])).collect::<Result<Vec<_>, _>>()?;
        let mut binding = || -> ort::Result<IoBinding> {
            let mut binding = self.inner.create_binding()?;
            for (name, value) in &constants {
                binding.bind_input(name.as_str(), value)?;
            }
            for part in &mut parts {
                binding.bind_input(&part.name, &part.value)?;
                binding.bind_output(&part.output, &mut part.gradient)?;
            }
            binding.bind_output(&self.loss, &mut loss)?;
            for (name, term) in self.terms.iter().zip(&mut terms) {
                binding.bind_output(name, term)?;
            }
            Ok(binding)
        };
        let plain = binding().map_err(failed)?;
        let watching = match watched {
            None => None,
            Some(name) => {
                let output = self.inner.outputs().iter().find(|o| o.name() == name);
                if !output.is_some_and(|o| is(o, TensorElementType::Float32)) {
                    return Err(wrong(name, "the model has no such output"));
                }
                let mut binding = binding().map_err(failed)?;
                let memory =
                    MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::CPUOutput);
                memory.and_then(|memory| binding.bind_output_to_device(name, &memory)).map_err(failed)?;
                Some((name.to_owned(), binding))
            }
        };
        let options = Arc::new(RunOptions::new().map_err(failed)?);
        let stop = Arc::clone(&options);
        let during = cancel.during(move || {
            if let Err(error) = stop.terminate() {
                log::warn!("a run cannot be stopped: {error}");
            }
        });
        Ok(Bound {
            session: self,
            variables: parts,
            constants,
            plain,
            watching,
            loss,
            terms,
            options,
            cancel,
            _during: during,
        })
    }

    fn check(&self, name: &str, kind: TensorElementType, shape: &[usize]) -> Result<(), ModelError> {
        let Some(outlet) = self.inner.inputs().iter().find(|o| o.name() == name) else {
            // Those with a default are checked by ONNX Runtime.
            let known = self.optional.iter().any(|o| o == name);
            return if known { Ok(()) } else { Err(wrong(name, "the model has no such input")) };
        };
        let ValueType::Tensor { ty, shape: dims, .. } = outlet.dtype() else {
            return Err(wrong(name, "it is no tensor"));
        };
        // Negative sizes are those that a graph leaves open.
        let fits = *ty == kind
            && dims.len() == shape.len()
            && dims.iter().zip(shape).all(|(&dim, &size)| dim < 0 || usize::try_from(dim) == Ok(size));
        if fits { Ok(()) } else { Err(wrong(name, &format!("expected {ty} {dims:?}, got {kind} {shape:?}"))) }
    }
}

/// A model with its inputs and room for its results. On the processor, runs read and write that very memory and this
/// code allocates nothing for them.
///
/// Of what the crate `ort` offers, this binding is the one that takes memory for results and can still be stopped from
/// another thread. It wraps each bound result anew on every run, which allocates a few small blocks.
pub struct Bound<'s> {
    session: &'s mut GradientSession,
    variables: Vec<Variable>,
    constants: Vec<(String, DynTensor)>,
    plain: IoBinding,
    watching: Option<(String, IoBinding)>,
    loss: Value<f32>,
    terms: Vec<Value<f32>>,
    options: Arc<RunOptions>,
    cancel: &'s Cancel,
    _during: During<'s>,
}

struct Variable {
    name: String,
    output: String,
    value: Value<f32>,
    gradient: Value<f32>,
}

impl Bound<'_> {
    /// How many numbers the variables have together.
    pub fn count(&self) -> usize {
        self.variables.iter().map(|v| v.gradient.extract_tensor().1.len()).sum()
    }

    /// Writes a constant of single precision anew, for the runs from now on.
    ///
    /// # Errors
    /// [`OptimiseError::Input`] where none of that name was given.
    pub fn renew(&mut self, name: &str, write: impl FnOnce(&mut [f32])) -> Result<(), ModelError> {
        let known = self.constants.iter_mut().find(|constant| constant.0 == name);
        let (_, value) = known.ok_or_else(|| wrong(name, "it was not given"))?;
        let values = value.try_extract_tensor_mut::<f32>();
        write(values.map_err(|_| wrong(name, "it is not of single precision"))?.1);
        if self.session.remote {
            let bindings = [&mut self.plain].into_iter().chain(self.watching.iter_mut().map(|w| &mut w.1));
            for binding in bindings {
                binding.bind_input(name, value).map_err(|e| failure(&e))?;
            }
        }
        Ok(())
    }

    /// Runs the model at `x`, which holds all variables one after another in the order in which they were given.
    /// Returns the loss and writes its gradient, in the same order.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] at the latest one node after the cancel was used, else [`OptimiseError`].
    ///
    /// # Panics
    /// If `x` or `gradient` is not as long as [`Self::count`] says.
    pub fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64, ModelError> {
        self.run(x, gradient, |_| ())
    }

    /// As [`Self::evaluate`], and shows the watched output, if there is one.
    ///
    /// # Errors
    /// Those of [`Self::evaluate`].
    ///
    /// # Panics
    /// As [`Self::evaluate`].
    pub fn watch(
        &mut self,
        x: &[f32],
        gradient: &mut [f32],
        see: impl FnOnce(ArrayViewD<'_, f32>),
    ) -> Result<f64, ModelError> {
        let Some((name, binding)) = self.watching.take() else { return self.evaluate(x, gradient) };
        let plain = std::mem::replace(&mut self.plain, binding);
        let result = self.run(x, gradient, |outputs| {
            if let Some(Ok(seen)) = outputs.get(&name).map(|value| value.try_extract_array::<f32>()) {
                see(seen);
            }
        });
        let binding = std::mem::replace(&mut self.plain, plain);
        self.watching = Some((name, binding));
        result
    }

    /// The terms of the loss in the last run, in the order of [`GradientSession::terms`].
    pub fn terms(&self) -> impl Iterator<Item = f32> {
        self.terms.iter().map(scalar)
    }

    fn run(
        &mut self,
        x: &[f32],
        gradient: &mut [f32],
        see: impl FnOnce(&ort::session::SessionOutputs<'_>),
    ) -> Result<f64, ModelError> {
        assert!(x.len() == self.count() && gradient.len() == x.len(), "another number of variables");
        let mut rest = x;
        for variable in &mut self.variables {
            let (_, value) = variable.value.extract_tensor_mut();
            let (own, others) = rest.split_at(value.len());
            value.copy_from_slice(own);
            rest = others;
            if self.session.remote {
                let bound = self.plain.bind_input(&variable.name, &variable.value);
                bound.map_err(|e| failure(&e))?;
            }
        }
        self.cancel.check()?;
        match self.session.inner.run_binding_with_options(&self.plain, &self.options) {
            Ok(outputs) => see(&outputs),
            // A stopped run is a failure like any other.
            Err(_) if self.cancel.is_cancelled() => return Err(ModelError::Cancelled),
            Err(error) => return Err(failure(&error).into()),
        }
        let mut rest = gradient;
        for variable in &self.variables {
            let (_, found) = variable.gradient.extract_tensor();
            let (own, others) = rest.split_at_mut(found.len());
            own.copy_from_slice(found);
            rest = others;
        }
        Ok(scalar(&self.loss).into())
    }
}

fn scalar(value: &Value<f32>) -> f32 {
    value.extract_tensor().1.first().copied().unwrap_or(f32::NAN)
}

fn is(outlet: &Outlet, kind: TensorElementType) -> bool {
    matches!(outlet.dtype(), ValueType::Tensor { ty, .. } if *ty == kind)
}

fn wrong(name: &str, what: &str) -> ModelError {
    OptimiseError::Input { name: name.into(), what: what.into() }.into()
}

fn failure(error: &ort::Error) -> OptimiseError {
    if is_memory(error.message()) {
        OptimiseError::OutOfMemory
    } else {
        OptimiseError::Run(first_line(error.message()))
    }
}
