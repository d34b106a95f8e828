//! What `torch.save` wrote before PyTorch 1.6, and still writes inside NVIDIA's pickles: five pickles (a magic number, a
//! version, facts about the computer, the object, the keys of its storages), then for each key the count of its
//! elements and the elements.

use std::collections::HashMap;

use crate::checkpoint::Contents;
use crate::dtype::Dtype;
use crate::error::quoted;
use crate::pickle::{Id, Object, Objects, Pickle};
use crate::source::Source;
use crate::tensor::Storage;
use crate::{Error, meaning, pickle};

/// The pickle of 0x1950a86a20f9469cfc6c, without the protocol in front.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

pub(super) fn is_stream(head: &[u8]) -> bool {
    head.first() == Some(&0x80) && head.get(2..).is_some_and(|head| head.starts_with(MAGIC))
}

pub(super) fn read(source: &Source) -> Result<Contents, Error> {
    let stream = Stream::read(source)?;
    meaning::contents(&stream.pickle, &|key| stream.storage(key))
}

/// The storage that a whole stream holds, as the bytes that `torch.storage._load_from_bytes` gets.
///
/// # Errors
/// The reason, for whoever knows the name of the tensor.
pub(crate) fn bare_storage(source: &Source) -> Result<(Dtype, Storage), String> {
    let stream = Stream::read(source).map_err(|error| error.to_string())?;
    let named = meaning::StorageName::of(&stream.pickle.objects, stream.pickle.root)?;
    named.take(&|key| stream.storage(key))
}

struct Stream {
    pickle: Pickle,
    storages: HashMap<String, Source>,
}

impl Stream {
    fn read(source: &Source) -> Result<Self, Error> {
        let mut rest = source.clone();
        let mut next = || -> Result<Pickle, Error> {
            let pickle = pickle::read(&rest)?;
            let len = rest.len() - pickle.end;
            rest = rest.part(pickle.end, len).ok_or_else(|| Error::damaged("a stream of PyTorch"))?;
            Ok(pickle)
        };
        // The magic number, which nobody needs any more.
        next()?;
        let is_known = |version: Pickle| version.objects.int(version.root) == Some(1001);
        if !is_known(next()?) {
            return Err(Error::Unsupported("an unknown version of PyTorch's older format".into()));
        }
        if is_big_endian(&next()?) {
            return Err(Error::Unsupported(
                "its numbers are big-endian (save it again on an ordinary computer)".into(),
            ));
        }
        let pickle = next()?;
        let keys = next()?;
        let storages = storages(&rest, &keys, &element_sizes(&pickle.objects)?, source.len())?;
        Ok(Self { pickle, storages })
    }

    fn storage(&self, key: &str) -> Result<Storage, String> {
        let stored = self.storages.get(key).cloned().map(Storage::Plain);
        stored.ok_or_else(|| format!("its numbers (key {key:?}) are missing in the file"))
    }
}

fn is_big_endian(facts: &Pickle) -> bool {
    let Object::Dict(pairs) = facts.objects.get(facts.root) else { return false };
    let little =
        pairs.iter().find(|(key, _)| facts.objects.text(*key).is_some_and(|key| &**key == "little_endian"));
    little.is_some_and(|(_, little)| matches!(facts.objects.get(*little), Object::Bool(false)))
}

/// Bytes of one element of each storage, which only the references to it tell.
fn element_sizes(objects: &Objects) -> Result<HashMap<String, usize>, Error> {
    let mut sizes = HashMap::new();
    for index in 0..objects.len() {
        let id = Id::at(index);
        if !matches!(objects.get(id), Object::Persistent(_)) {
            continue;
        }
        // A reference to something else, or to numbers that cannot be read: refused where a tensor needs it.
        let Ok(named) = meaning::StorageName::of(objects, id) else { continue };
        let size = named.dtype.size();
        if sizes.insert(named.key, size).is_some_and(|other| other != size) {
            return Err(Error::damaged("two kinds of numbers in one storage"));
        }
    }
    Ok(sizes)
}

/// The storages that follow the pickles.
fn storages(
    numbers: &Source,
    keys: &Pickle,
    sizes: &HashMap<String, usize>,
    length: u64,
) -> Result<HashMap<String, Source>, Error> {
    let cut = || Error::Cut { length, what: "the numbers of a tensor" };
    let listed =
        keys.objects.sequence(keys.root).ok_or_else(|| Error::damaged("the keys of its storages"))?;
    let mut storages = HashMap::new();
    let mut at = 0_u64;
    for key in listed {
        let key = keys.objects.text(*key).ok_or_else(|| Error::damaged("the key of a storage"))?;
        let mut count = [0; 8];
        numbers.part(at, 8).ok_or_else(cut)?.read_at(0, &mut count)?;
        let Some(size) = sizes.get(&**key) else {
            return Err(Error::Unsupported(format!(
                "nothing tells the kind of the numbers with key {}",
                quoted(key)
            )));
        };
        let len = u64::from_le_bytes(count).checked_mul(*size as u64).ok_or_else(cut)?;
        let stored = numbers.part(at + 8, len).ok_or_else(cut)?;
        at += 8 + len;
        if storages.insert(key.to_string(), stored).is_some() {
            return Err(Error::damaged("two storages have one key"));
        }
    }
    Ok(storages)
}
