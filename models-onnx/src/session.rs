//! One graph of a pack, ready to run.

use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use ort::session::{RunOptions, SessionInputValue};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use crate::cancel::Cancel;
use crate::error::ModelError;
use crate::pack::{Contract, Dim, Dtype, Pack, Port, Role};
use crate::runtime::{Runtime, first_line};
use crate::tuning::Tuned;

/// A tensor that goes into a graph.
#[derive(Debug, Clone)]
pub enum Tensor<'a> {
    /// Single precision.
    F32(ArrayViewD<'a, f32>),
    /// Whole numbers, such as tokens.
    I64(ArrayViewD<'a, i64>),
}

/// An open graph. Runs are exclusive; each says which tensors it needs.
pub struct Session {
    inner: ort::session::Session,
    role: Role,
    contract: Contract,
}

impl Session {
    /// Reads the file of a role, checks its hash and has ONNX Runtime prepare those very bytes. Takes up to seconds.
    ///
    /// # Errors
    /// [`ModelError::Missing`] where the pack has no such role, [`ModelError::Pack`] where the file is damaged,
    /// [`ModelError::Open`] where the graph is broken or is not what the manifest says.
    pub fn open(runtime: &Runtime, pack: &Pack, role: Role) -> Result<Self, ModelError> {
        Self::of(runtime, pack, role, pack.contract(role)?)
    }

    /// As [`Self::open`], for the mapper of that name.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn mapper(runtime: &Runtime, pack: &Pack, name: &str) -> Result<Self, ModelError> {
        Self::of(runtime, pack, Role::Mapper, pack.mapper(name)?)
    }

    fn of(runtime: &Runtime, pack: &Pack, role: Role, contract: &Contract) -> Result<Self, ModelError> {
        let contract = contract.clone();
        let bytes = pack.graph(&contract)?;
        let weights = pack.weights(&contract)?;
        let session = || -> Result<_, ort::Error> {
            let mut builder = runtime.builder()?;
            for (location, bytes) in weights {
                builder = builder.with_external_initializer_file_in_memory(location, bytes.into())?;
            }
            builder.commit_from_memory(&bytes)
        };
        Self::agreed(session(), role, contract)
    }

    /// As [`Self::open`], for the generator of a pack with the weights that a photo gave it.
    ///
    /// # Errors
    /// As [`Self::open`], and [`ModelError::Foreign`] where the weights are not those of this pack.
    pub fn tuned(runtime: &Runtime, pack: &Pack, tuned: &Tuned) -> Result<Self, ModelError> {
        const WEIGHTS: &str = "weights";
        tuned.expect(pack)?;
        let role = Role::Synthesis;
        let parts = tuned.put(pack.model(role)?)?.to_parts(WEIGHTS);
        let (bytes, weights) = parts.map_err(|e| open(role, &e.to_string()))?;
        let session = || -> Result<_, ort::Error> {
            let mut builder = runtime.builder()?;
            if !weights.is_empty() {
                builder = builder.with_external_initializer_file_in_memory(WEIGHTS, weights)?;
            }
            builder.commit_from_memory(&bytes)
        };
        Self::agreed(session(), role, pack.contract(role)?.clone())
    }

    /// Opens a graph that was just written to `folder`, to see whether it runs. Nothing is laid out for speed, and
    /// weights beside the graph stay in their file: it takes little memory but that for the results of its nodes. Files
    /// that others may have changed are for [`Self::open`].
    ///
    /// # Errors
    /// [`ModelError::Open`] where the graph is broken or is not what the contract says.
    pub fn once(
        runtime: &Runtime,
        folder: &Path,
        role: Role,
        contract: &Contract,
    ) -> Result<Self, ModelError> {
        let session =
            runtime.plain_builder().and_then(|mut b| b.commit_from_file(folder.join(&contract.file)));
        Self::agreed(session, role, contract.clone())
    }

    fn agreed(
        session: ort::Result<ort::session::Session>,
        role: Role,
        contract: Contract,
    ) -> Result<Self, ModelError> {
        let inner = session.map_err(|e| {
            if is_memory(e.message()) { ModelError::OutOfMemory { role } } else { open(role, e.message()) }
        })?;
        agree(role, &contract.inputs, inner.inputs())?;
        if inner.inputs().len() != contract.inputs.len() {
            return Err(open(role, "the graph wants more inputs than the manifest says"));
        }
        agree(role, &contract.outputs, inner.outputs())?;
        Ok(Self { inner, role, contract })
    }

    /// What the graph is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Runs the graph.
    ///
    /// `inputs` are tensors by name, each of the shape and type the pack's manifest gives; letters in the manifest's
    /// dimensions stand for any size, the same wherever the letter is the same. The results come in the order of the
    /// manifest's outputs.
    ///
    /// # Errors
    /// [`ModelError::Shape`] for tensors that do not fit, [`ModelError::NotFinite`], [`ModelError::OutOfMemory`],
    /// [`ModelError::Cancelled`] at the latest one node after `cancel` was used, [`ModelError::Run`] else.
    pub fn run(
        &mut self,
        inputs: &[(&str, Tensor<'_>)],
        cancel: &Cancel,
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        let role = self.role;
        let mut sizes = Sizes::default();
        for port in &self.contract.inputs {
            let given = inputs.iter().find(|i| i.0 == port.name).map(|i| &i.1);
            let given = given.ok_or_else(|| shape(role, format!("“{}” was not given", port.name)))?;
            sizes.fit(role, port, given.shape(), given.dtype())?;
        }
        let failed = |e: ort::Error| failure(role, &e, cancel);
        let options = Arc::new(RunOptions::new().map_err(failed)?);
        let stop = Arc::clone(&options);
        let _stopped = cancel.during(move || {
            if let Err(error) = stop.terminate() {
                log::warn!("a run cannot be stopped: {error}");
            }
        });
        cancel.check()?;
        // ONNX Runtime wants contiguous memory; views that already are stay uncopied.
        let contiguous: Vec<_> =
            inputs.iter().map(|(name, tensor)| (*name, Contiguous::of(tensor))).collect();
        let values = contiguous
            .iter()
            .map(|(name, tensor)| Ok(((*name).into(), tensor.value()?)))
            .collect::<ort::Result<Vec<(std::borrow::Cow<'_, str>, SessionInputValue<'_>)>>>()
            .map_err(failed)?;
        let outputs = self.inner.run_with_options(values, &*options).map_err(failed)?;
        let mut results = Vec::with_capacity(self.contract.outputs.len());
        for port in &self.contract.outputs {
            let value = outputs
                .get(&port.name)
                .ok_or_else(|| shape(role, format!("“{}” did not come", port.name)))?;
            let value = value.try_extract_array::<f32>().map_err(|e| shape(role, first_line(e.message())))?;
            sizes.fit(role, port, value.shape(), Dtype::F32)?;
            if !value.iter().all(|v| v.is_finite()) {
                return Err(ModelError::NotFinite { role });
            }
            results.push(value.to_owned());
        }
        Ok(results)
    }
}

/// A graph that is opened when it is first run.
pub(crate) struct Lazy {
    pack: Arc<Pack>,
    runtime: Runtime,
    role: Role,
    session: Option<Session>,
}

impl Lazy {
    pub(crate) fn new(pack: Arc<Pack>, runtime: Runtime, role: Role) -> Self {
        Self { pack, runtime, role, session: None }
    }

    /// Runs that session from now on, or again the pack's own.
    pub(crate) fn replace(&mut self, session: Option<Session>) {
        self.session = session;
    }

    /// Runs the graph for its first output.
    pub(crate) fn one(
        &mut self,
        inputs: &[(&str, Tensor<'_>)],
        cancel: &Cancel,
    ) -> Result<ArrayD<f32>, ModelError> {
        let first = self.all(inputs, cancel)?.into_iter().next();
        first.ok_or_else(|| shape(self.role, "it has no output".into()))
    }

    /// Runs the graph for all of its outputs.
    pub(crate) fn all(
        &mut self,
        inputs: &[(&str, Tensor<'_>)],
        cancel: &Cancel,
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        cancel.check()?;
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(Session::open(&self.runtime, &self.pack, self.role)?),
        };
        session.run(inputs, cancel)
    }
}

impl Tensor<'_> {
    fn shape(&self) -> &[usize] {
        match self {
            Self::F32(array) => array.shape(),
            Self::I64(array) => array.shape(),
        }
    }

    fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::I64(_) => Dtype::I64,
        }
    }
}

/// What ONNX Runtime can read in place.
enum Contiguous<'a> {
    F32(CowArray<'a, f32, IxDyn>),
    I64(CowArray<'a, i64, IxDyn>),
}

impl<'a> Contiguous<'a> {
    fn of(tensor: &'a Tensor<'_>) -> Self {
        match tensor {
            Tensor::F32(array) => Self::F32(array.as_standard_layout()),
            Tensor::I64(array) => Self::I64(array.as_standard_layout()),
        }
    }

    fn value(&self) -> ort::Result<SessionInputValue<'_>> {
        Ok(match self {
            Self::F32(array) => TensorRef::from_array_view(array.view())?.into(),
            Self::I64(array) => TensorRef::from_array_view(array.view())?.into(),
        })
    }
}

/// The sizes that the letters in a manifest's dimensions took in one run.
#[derive(Default)]
struct Sizes<'a>(Vec<(&'a str, usize)>);

impl<'a> Sizes<'a> {
    fn fit(&mut self, role: Role, port: &'a Port, found: &[usize], dtype: Dtype) -> Result<(), ModelError> {
        let fits = dtype == port.dtype
            && found.len() == port.dims.len()
            && port.dims.iter().zip(found).all(|(dim, &size)| match dim {
                Dim::Size(expected) => *expected == size,
                Dim::Any(letter) => match self.0.iter().find(|known| known.0 == letter) {
                    Some(known) => known.1 == size,
                    None => {
                        self.0.push((letter, size));
                        size > 0
                    }
                },
            });
        if fits { Ok(()) } else { Err(shape(role, format!("“{port}” was expected, {found:?} came"))) }
    }
}

/// Whether a graph has the ports that the manifest says.
fn agree(role: Role, ports: &[Port], outlets: &[Outlet]) -> Result<(), ModelError> {
    for port in ports {
        let outlet = outlets.iter().find(|o| o.name() == port.name);
        let Some(ValueType::Tensor { ty, shape, .. }) = outlet.map(Outlet::dtype) else {
            return Err(open(role, &format!("it has no tensor “{}”", port.name)));
        };
        let dtype = match port.dtype {
            Dtype::F32 => TensorElementType::Float32,
            Dtype::I64 => TensorElementType::Int64,
        };
        let fits = *ty == dtype
            && shape.len() == port.dims.len()
            && port.dims.iter().zip(shape.iter()).all(|(dim, &size)| match dim {
                // Negative sizes are those that a graph leaves open.
                Dim::Size(expected) => size < 0 || usize::try_from(size) == Ok(*expected),
                Dim::Any(_) => true,
            });
        if !fits {
            return Err(open(role, &format!("the manifest says “{port}”, the graph {ty} {shape:?}")));
        }
    }
    Ok(())
}

fn shape(role: Role, what: String) -> ModelError {
    ModelError::Shape { role, what }
}

fn open(role: Role, why: &str) -> ModelError {
    ModelError::Open { role, why: first_line(why) }
}

/// What a failed run means. Its code says nothing: a stopped run is a “generic failure” like any other.
fn failure(role: Role, error: &ort::Error, cancel: &Cancel) -> ModelError {
    if cancel.is_cancelled() {
        ModelError::Cancelled
    } else if is_memory(error.message()) {
        ModelError::OutOfMemory { role }
    } else {
        ModelError::Run { role, why: first_line(error.message()) }
    }
}

pub(crate) fn is_memory(message: &str) -> bool {
    let message = message.to_lowercase();
    ["bad_alloc", "out of memory", "failed to allocate memory", "bad allocation"]
        .iter()
        .any(|m| message.contains(m))
}
