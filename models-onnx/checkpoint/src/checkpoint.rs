//! A checkpoint: tensors and settings by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ndarray::ArrayD;

use crate::dtype::Dtype;
use crate::source::Source;
use crate::tensor::Tensor;
use crate::{Error, Kind, Value, container};

/// The tensors of a checkpoint, by name. Cloning shares them.
///
/// Nested dictionaries become dotted names: `state_dict.encoder.input_layer.0.weight`. Lists and tuples count from
/// zero: `0.25`. A file that is one bare tensor has it under the name `tensor`. Numbers are read from the file when
/// they are asked for.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    kind: Option<Kind>,
    size: u64,
    tensors: BTreeMap<String, Entry>,
    values: BTreeMap<String, Value>,
}

/// A tensor, or why it is none.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Stored(Arc<Tensor>),
    Memory(Arc<ArrayD<f32>>),
    Refused(Arc<str>),
}

/// What a container was found to hold.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) tensors: BTreeMap<String, Entry>,
    pub(crate) values: BTreeMap<String, Value>,
}

impl Contents {
    /// Adds a tensor. Names that stand twice are refused: who knows which is meant.
    pub(crate) fn insert(&mut self, name: String, tensor: impl Into<Entry>) {
        // Names are shown to people: nothing in them may steer a terminal.
        self.tensors
            .entry(name.replace(char::is_control, "\u{fffd}"))
            .and_modify(|entry| *entry = Entry::Refused("the file holds two tensors of this name".into()))
            .or_insert(tensor.into());
    }
}

impl From<Result<Tensor, String>> for Entry {
    fn from(tensor: Result<Tensor, String>) -> Self {
        match tensor {
            Ok(tensor) => Self::Stored(Arc::new(tensor)),
            Err(why) => Self::Refused(why.into()),
        }
    }
}

impl Checkpoint {
    /// The checkpoint in a file, whatever its name: its first bytes say what it is.
    ///
    /// # Errors
    /// [`Error::File`] with what is wrong.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let read = || {
            // Opening a pipe would wait for whoever writes into it.
            if !std::fs::metadata(path)?.is_file() {
                return Err(Error::Other("a folder or a device"));
            }
            Self::from_source(&Source::open(path)?)
        };
        read().map_err(|error| error.in_file(path))
    }

    /// The checkpoint in memory.
    ///
    /// # Errors
    /// [`Error`] with what is wrong.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Error> {
        Self::from_source(&Source::memory(bytes))
    }

    fn from_source(source: &Source) -> Result<Self, Error> {
        let (kind, contents) = container::read(source)?;
        Ok(Self { kind: Some(kind), size: source.len(), tensors: contents.tensors, values: contents.values })
    }

    /// Tensors that lie in memory already.
    pub fn of(tensors: impl IntoIterator<Item = (String, ArrayD<f32>)>) -> Self {
        let tensors =
            tensors.into_iter().map(|(name, array)| (name, Entry::Memory(Arc::new(array)))).collect();
        Self { tensors, ..Self::default() }
    }

    /// The container that the tensors came in; nothing for [`Self::of`].
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// The length of the whole file in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The names of the tensors that can be read, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let readable = self.tensors.iter().filter(|(_, entry)| !matches!(entry, Entry::Refused(_)));
        readable.map(|(name, _)| name.as_str())
    }

    /// The names of the tensors that cannot be read, each with the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tensors.iter().filter_map(|(name, entry)| match entry {
            Entry::Refused(why) => Some((name.as_str(), &**why)),
            _ => None,
        })
    }

    /// The sizes of a tensor.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match self.tensors.get(name)? {
            Entry::Stored(tensor) => Some(tensor.shape()),
            Entry::Memory(array) => Some(array.shape()),
            Entry::Refused(_) => None,
        }
    }

    /// How the numbers of a tensor are stored.
    #[must_use]
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        match self.tensors.get(name)? {
            Entry::Stored(tensor) => Some(tensor.dtype()),
            Entry::Memory(_) => Some(Dtype::F32),
            Entry::Refused(_) => None,
        }
    }

    /// A tensor's values in single precision, row-major. Doubles and large integers are rounded.
    ///
    /// # Errors
    /// [`Error`], naming the tensor.
    pub fn f32(&self, name: &str) -> Result<ArrayD<f32>, Error> {
        match self.entry(name)? {
            Entry::Memory(array) => Ok(array.as_ref().clone()),
            Entry::Stored(tensor) => named(name, tensor.read(Dtype::to_f32)),
            Entry::Refused(why) => Err(refused(name, why)),
        }
    }

    /// A tensor's values in double precision, row-major. Integers beyond 2⁵³ are rounded.
    ///
    /// # Errors
    /// [`Error`], naming the tensor.
    pub fn f64(&self, name: &str) -> Result<ArrayD<f64>, Error> {
        match self.entry(name)? {
            Entry::Memory(array) => Ok(array.mapv(f64::from)),
            Entry::Stored(tensor) => named(name, tensor.read(Dtype::to_f64)),
            Entry::Refused(why) => Err(refused(name, why)),
        }
    }

    fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.tensors.get(name).ok_or_else(|| match self.values.get(name) {
            Some(Value::StandIn(class)) => {
                refused(name, &format!("it is made by {class}, which is never called here"))
            }
            _ => Error::Missing(name.into()),
        })
    }

    /// A setting, like `opts.no_fine_mapper`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// All settings, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The part whose names start with `prefix`, which they lose. The numbers are shared.
    #[must_use]
    pub fn under(&self, prefix: &str) -> Self {
        Self {
            kind: self.kind,
            size: self.size,
            tensors: strip(&self.tensors, prefix),
            values: strip(&self.values, prefix),
        }
    }
}

fn strip<T: Clone>(map: &BTreeMap<String, T>, prefix: &str) -> BTreeMap<String, T> {
    let named =
        map.range(prefix.to_owned()..).map_while(|(name, entry)| Some((name.strip_prefix(prefix)?, entry)));
    named.map(|(name, entry)| (name.to_owned(), entry.clone())).collect()
}

fn refused(name: &str, why: &str) -> Error {
    Error::Refused { name: name.into(), why: why.into() }
}

fn named<T>(name: &str, read: Result<T, Error>) -> Result<T, Error> {
    read.map_err(|error| match error {
        Error::Io(_) => error,
        error => refused(name, &error.to_string()),
    })
}
