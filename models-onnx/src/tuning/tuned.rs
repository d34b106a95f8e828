//! The weights of a generator that was tuned to one photo.

use std::collections::BTreeMap;

use autodiff::{Model, tensor};
use ndarray::{ArrayD, IxDyn};
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::pack::Pack;

/// The length of the header comes first, in eight bytes.
const LENGTH: usize = 8;
/// Where the header keeps what is not a tensor.
const ABOUT: &str = "__metadata__";

/// The changed weights of a pack's generator, by the names that they have in its graph. [`crate::Generator::tune`] has a
/// generator use them.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuned {
    pack: String,
    weights: BTreeMap<String, ArrayD<f32>>,
}

/// Why bytes are no tuned generator. Its text is one sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tuned generator cannot be read ({0}); tune it again")]
pub struct TunedError(String);

/// An entry of the header.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Entry {
    Tensor { dtype: String, shape: Vec<usize>, data_offsets: [usize; 2] },
    About { pack: String },
}

impl Tuned {
    pub(crate) fn new(pack: &Pack, weights: BTreeMap<String, ArrayD<f32>>) -> Self {
        Self { pack: pack.hash().to_owned(), weights }
    }

    /// Hash of the pack it belongs to, as [`Pack::hash`].
    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// The changed weights.
    pub fn weights(&self) -> &BTreeMap<String, ArrayD<f32>> {
        &self.weights
    }

    /// As a file in the format safetensors: the length of a header, the header, which is JSON and names the pack, and the
    /// numbers.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = BTreeMap::from([(ABOUT.to_owned(), Entry::About { pack: self.pack.clone() })]);
        let mut at = 0;
        for (name, values) in &self.weights {
            let end = at + 4 * values.len();
            let shape = values.shape().to_vec();
            header
                .insert(name.clone(), Entry::Tensor { dtype: "F32".into(), shape, data_offsets: [at, end] });
            at = end;
        }
        // Names, numbers and a hash always are JSON.
        let mut header = serde_json::to_vec(&header).unwrap_or_default();
        header.resize(header.len().next_multiple_of(LENGTH), b' ');
        let mut bytes = Vec::with_capacity(LENGTH + header.len() + at);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        for values in self.weights.values() {
            bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`TunedError`] for anything else, and for numbers that are not finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TunedError> {
        let bad = |why: &str| TunedError(why.into());
        let (length, rest) = bytes.split_first_chunk::<LENGTH>().ok_or_else(|| bad("it is too short"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|l| *l <= rest.len());
        let (header, data) = rest.split_at(length.ok_or_else(|| bad("it is too short"))?);
        let header: BTreeMap<String, Entry> =
            serde_json::from_slice(header).map_err(|_| bad("its header is not one"))?;
        let mut pack = None;
        let mut weights = BTreeMap::new();
        for (name, entry) in header {
            match entry {
                Entry::About { pack: hash } => pack = Some(hash),
                Entry::Tensor { dtype, shape, data_offsets: [from, to] } => {
                    let some = data.get(from..to).filter(|_| dtype == "F32");
                    let (values, left) = some.ok_or_else(|| bad("a tensor lies outside of it"))?.as_chunks();
                    let values: Vec<f32> = values.iter().map(|&v| f32::from_le_bytes(v)).collect();
                    let sound = left.is_empty() && values.iter().all(|v| v.is_finite());
                    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
                    let fits = sound && count == Some(values.len());
                    let values = ArrayD::from_shape_vec(IxDyn(if fits { &shape } else { &[0] }), values);
                    weights.insert(name, values.map_err(|_| bad("a tensor is not what its header says"))?);
                }
            }
        }
        Ok(Self { pack: pack.ok_or_else(|| bad("it does not name its pack"))?, weights })
    }

    /// Puts the weights into a graph in the place of its own.
    pub(crate) fn put(&self, model: Model) -> Result<Model, ModelError> {
        let foreign = || ModelError::Foreign("the tuned generator does not fit the pack".into());
        let mut proto = model.into_proto();
        for (name, values) in &self.weights {
            let all = proto.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
            let own = all.into_iter().find(|t| t.name == *name).ok_or_else(foreign)?;
            if !own.dims.iter().map(|&d| usize::try_from(d).ok()).eq(values.shape().iter().map(|&d| Some(d)))
            {
                return Err(foreign());
            }
            let flat: Vec<f32> = values.iter().copied().collect();
            *own = tensor::of_floats(name, values.shape(), &flat);
        }
        Model::new(proto).map_err(|_| foreign())
    }

    /// # Errors
    /// [`ModelError::Foreign`] where it was tuned in another pack, or another version of it.
    pub(crate) fn expect(&self, pack: &Pack) -> Result<(), ModelError> {
        if self.pack == pack.hash() {
            return Ok(());
        }
        let id = &pack.manifest().id;
        Err(ModelError::Foreign(format!("the generator was not tuned in this version of the pack “{id}”")))
    }
}
