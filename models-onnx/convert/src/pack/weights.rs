//! Weights beside the graphs of a pack, each once, however many graphs have it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use autodiff::proto::TensorProto;
use autodiff::{Model, Place};
use models_onnx::pack::{Data, Hasher, sha256};

use crate::error::Error;

/// Weights that together are smaller than this stay in the graph's own file.
const APART: usize = 1 << 20;

/// The files of weights in a folder.
pub(super) struct Weights<'a> {
    folder: &'a Path,
    /// By name and length.
    places: HashMap<(String, usize), Place>,
    /// By file.
    hashes: BTreeMap<String, String>,
}

/// A graph's own file, and those of its weights.
pub(super) struct Written {
    pub(super) file: String,
    pub(super) sha256: String,
    pub(super) data: Vec<Data>,
}

impl<'a> Weights<'a> {
    pub(super) fn in_folder(folder: &'a Path) -> Self {
        Self { folder, places: HashMap::new(), hashes: BTreeMap::new() }
    }

    /// Writes a graph as `name.onnx`. What an earlier one has already, under the same name and of the same bytes, it
    /// gets from there; the rest goes to `name.onnx.data`, unless it is small.
    pub(super) fn write(&mut self, name: &str, model: &Model) -> Result<Written, Error> {
        let file = format!("{name}.onnx");
        let location = format!("{file}.data");
        let large = |tensor: &&TensorProto| tensor.raw_data.len() >= Model::APART;
        let mut own = 0;
        let mut shared = Vec::new();
        for tensor in &model.graph().initializer {
            match self.earlier(tensor).filter(|_| large(&tensor)) {
                Some(place) => shared.push((tensor.name.clone(), place)),
                None => own += tensor.raw_data.len(),
            }
        }
        let shared: HashMap<String, Place> = shared.into_iter().collect();
        let mut used: Vec<String> = Vec::new();
        let mut beside = if own < APART { None } else { Some(Growing::new(self.folder.join(&location))?) };
        let bytes = model.to_bytes_beside(|tensor| {
            let place = match (shared.get(&tensor.name), &mut beside) {
                (Some(place), _) => place.clone(),
                (None, Some(file)) => {
                    Place { location: location.clone(), offset: file.add(&tensor.raw_data)? }
                }
                (None, None) => return Ok::<_, Error>(None),
            };
            if !used.contains(&place.location) {
                used.push(place.location.clone());
            }
            self.places.insert((tensor.name.clone(), tensor.raw_data.len()), place.clone());
            Ok(Some(place))
        })?;
        if let Some(file) = beside {
            self.hashes.insert(location, file.finish()?);
        }
        let path = self.folder.join(&file);
        fs::write(&path, &bytes).map_err(|why| Error::Write { why, path })?;
        let data = used.into_iter().map(|file| Data { sha256: self.hashes[&file].clone(), file }).collect();
        Ok(Written { sha256: sha256(&bytes), file, data })
    }

    /// Where a tensor lies that was written before: of that name, with those bytes.
    fn earlier(&self, tensor: &TensorProto) -> Option<Place> {
        let length = tensor.raw_data.len();
        let place = self.places.get(&(tensor.name.clone(), length))?;
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.folder.join(&place.location))?;
            file.seek(SeekFrom::Start(place.offset))?;
            let mut bytes = vec![0; length];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        // What cannot be read is written again.
        read().is_ok_and(|bytes| bytes == tensor.raw_data).then(|| place.clone())
    }
}

/// A file of weights that is hashed as it grows.
struct Growing {
    path: PathBuf,
    file: BufWriter<File>,
    hash: Hasher,
    length: usize,
}

impl Growing {
    fn new(path: PathBuf) -> Result<Self, Error> {
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file: BufWriter::new(file), hash: Hasher::default(), length: 0 }),
            Err(why) => Err(Error::Write { why, path }),
        }
    }

    /// Adds bytes and says where they start.
    fn add(&mut self, bytes: &[u8]) -> Result<u64, Error> {
        let gap = self.length.next_multiple_of(Place::ALIGNED) - self.length;
        self.put(&[0; Place::ALIGNED][..gap])?;
        let start = self.length as u64;
        self.put(bytes)?;
        Ok(start)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hash.add(bytes);
        self.length += bytes.len();
        self.file.write_all(bytes).map_err(|why| Error::Write { why, path: self.path.clone() })
    }

    fn finish(mut self) -> Result<String, Error> {
        self.file.flush().map_err(|why| Error::Write { why, path: self.path })?;
        Ok(self.hash.finish())
    }
}
