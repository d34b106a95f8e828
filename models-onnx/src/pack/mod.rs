//! Packs: a folder with `pack.toml`, ONNX graphs, arrays and a licence, for one domain of pictures.
//!
//! A pack may come from anywhere, so nothing in it is believed: [`Pack::open`] checks the manifest and where its
//! files lie, and a file's bytes are handed out only after their hash was compared, the very bytes that were hashed.

mod check;
mod file;
mod form;
mod manifest;
mod role;

use std::fs;
use std::path::{Path, PathBuf};

use autodiff::Model;
use bytes::Bytes;
use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2};
use ndarray_npy::ReadNpyExt;

use crate::error::ModelError;
use crate::runtime::first_line;
pub use file::{Hasher, sha256};
pub use manifest::{
    Alignment, AlignmentKind, Array, ArrayFile, BetaSchedule, Class, Cleaning, Contract, Data, Denoising,
    Dim, DirectionDefaults, Dtype, Family, Fidelity, File, Licence, Manifest, Pooling, Port, Precision,
    Prediction, Range, Source, Spacing, Storage, Style, Text, VERSION,
};
pub use role::Role;

/// Name of the manifest.
pub const MANIFEST: &str = "pack.toml";

/// Why a pack cannot be used. Its text is one sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A file is missing or cannot be read.
    #[error("a file of the pack cannot be read ({why}); install the pack again ({path})")]
    Unreadable {
        /// What the system said.
        why: String,
        /// The file.
        path: PathBuf,
    },
    /// The manifest is not one.
    #[error("the pack's description cannot be read ({why}); install the pack again ({path})")]
    Broken {
        /// What and where.
        why: String,
        /// The manifest.
        path: PathBuf,
    },
    /// Made for a newer Pentimento.
    #[error(
        "the pack has version {version}, this Pentimento reads version {VERSION}; update Pentimento ({path})"
    )]
    Version {
        /// What it says.
        version: i64,
        /// The manifest.
        path: PathBuf,
    },
    /// The manifest contradicts itself or asks for something absurd.
    #[error("the pack is not sound ({what}); get it from its makers again ({path})")]
    Unsound {
        /// Where and how.
        what: String,
        /// The manifest.
        path: PathBuf,
    },
    /// A file is named that does not lie inside the pack.
    #[error("the pack names a file outside its folder, “{file}”; do not use this pack ({path})")]
    Escapes {
        /// As named.
        file: String,
        /// The manifest.
        path: PathBuf,
    },
    /// A file is too large.
    #[error(
        "a file of the pack has {bytes} bytes, at most {most} are allowed; install the pack again ({path})"
    )]
    TooLarge {
        /// What it has.
        bytes: u64,
        /// What it may have.
        most: u64,
        /// The file.
        path: PathBuf,
    },
    /// A file was damaged or changed.
    #[error("a file of the pack is damaged or was changed; install the pack again ({0})")]
    Hash(PathBuf),
    /// An array is not what the manifest says.
    #[error("an array of the pack cannot be used ({why}); install the pack again ({path})")]
    Array {
        /// What was found.
        why: String,
        /// The file.
        path: PathBuf,
    },
}

/// A pack whose manifest is sound and whose files are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    folder: PathBuf,
    shared: PathBuf,
    manifest: Manifest,
    hash: String,
}

/// What a list of packs shows of one of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The folder of the pack.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// As [`Pack::hash`].
    pub hash: String,
}

impl Pack {
    /// Opens the pack in `folder`, whose shared files lie in `shared`.
    ///
    /// Checks everything but the contents of the files, which are checked when they are read.
    ///
    /// # Errors
    /// [`PackError`]: version, unknown keys, sizes, shapes that contradict each other, missing files, files outside.
    pub fn open(folder: &Path, shared: &Path) -> Result<Self, PackError> {
        let Summary { folder, manifest, hash } = summary(folder)?;
        let pack = Self { folder, shared: shared.to_owned(), manifest, hash };
        for source in pack.sources() {
            file::locate(pack.root(&source), &source.file)?;
        }
        Ok(pack)
    }

    /// Reads the manifests of all packs in `folders`, each of which holds one folder per pack. Folders that do not
    /// exist and folders without a manifest are passed over; broken manifests are errors in the list. Sorted by path.
    pub fn list<P: AsRef<Path>>(folders: &[P]) -> Vec<Result<Summary, PackError>> {
        let mut found: Vec<PathBuf> = folders
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flatten()
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|path| path.join(MANIFEST).is_file())
            .collect();
        found.sort();
        found.iter().map(|folder| summary(folder)).collect()
    }

    /// Its description of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of its manifest, hexadecimal. The manifest holds the hashes of all files, so this names the whole pack.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The folder it lies in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Those of `roles` that it does not have.
    pub fn missing(&self, roles: &[Role]) -> Vec<Role> {
        self.manifest.missing(roles)
    }

    /// Every file it names, each once, graphs first.
    pub fn sources(&self) -> Vec<Source> {
        self.manifest.sources()
    }

    /// Reads every file and compares its hash, for a doctor.
    ///
    /// # Errors
    /// [`PackError`] of the first file that is damaged.
    pub fn verify(&self) -> Result<(), PackError> {
        self.sources().iter().try_for_each(|source| self.read(source).map(drop))
    }

    /// What a role's graph takes and gives.
    ///
    /// # Errors
    /// [`ModelError::Missing`] where the pack has no such role.
    pub fn contract(&self, role: Role) -> Result<&Contract, ModelError> {
        self.manifest.roles.get(&role).ok_or_else(|| self.lacks(role.words()))
    }

    /// What the graph of a mapper takes and gives.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] where the pack has no such mapper, [`ModelError::Missing`] where it has none at all.
    pub fn mapper(&self, name: &str) -> Result<&Contract, ModelError> {
        let mappers = &self.manifest.mappers;
        mappers.get(name).ok_or_else(|| self.unknown("mapper", name, mappers.keys()))
    }

    /// The direction of an attribute, in W `[W]` or in W+ `[L, W]`, all finite.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] where the pack has no such attribute, [`ModelError::Missing`] where it has none at all,
    /// [`ModelError::Pack`] where its file is broken.
    pub fn attribute(&self, name: &str) -> Result<ArrayD<f32>, ModelError> {
        let attributes = &self.manifest.attributes;
        let entry = attributes.get(name).ok_or_else(|| self.unknown("attribute", name, attributes.keys()))?;
        self.numbers(entry)
    }

    /// The verified bytes of a graph.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn graph(&self, contract: &Contract) -> Result<Vec<u8>, PackError> {
        self.read(&contract.source())
    }

    /// The verified bytes of the weights that lie beside a graph, each with the location that the graph names.
    ///
    /// # Errors
    /// [`PackError`].
    pub fn weights(&self, contract: &Contract) -> Result<Vec<(String, Vec<u8>)>, PackError> {
        contract.weights().map(|source| Ok((source.file.clone(), self.read(&source)?))).collect()
    }

    /// The graph of a role with its weights, to be joined with others and differentiated.
    ///
    /// # Errors
    /// [`ModelError::Missing`], [`ModelError::Pack`], and [`ModelError::Open`] where it is no sound graph.
    pub fn model(&self, role: Role) -> Result<Model, ModelError> {
        let contract = self.contract(role)?;
        let weights: Vec<(String, Bytes)> =
            self.weights(contract)?.into_iter().map(|(location, bytes)| (location, bytes.into())).collect();
        let beside = |location: &str| weights.iter().find(|w| w.0 == location).map(|w| w.1.clone());
        Model::read_with(self.graph(contract)?, beside)
            .map_err(|e| ModelError::Open { role, why: first_line(&e.to_string()) })
    }

    /// The verified bytes of a file that is neither graph nor array.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Pack`].
    pub fn file(&self, file: File) -> Result<Vec<u8>, ModelError> {
        let File::Tokenizer = file;
        let source = self.manifest.files.get(&file).ok_or_else(|| self.lacks("tokenizer"))?;
        Ok(self.read(source)?)
    }

    /// An array of one dimension, of the length the manifest gives, all finite.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Pack`].
    pub fn vector(&self, array: Array) -> Result<Array1<f32>, ModelError> {
        self.array::<Ix1>(array)
    }

    /// An array of two dimensions, of the shape the manifest gives, all finite.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Pack`].
    pub fn matrix(&self, array: Array) -> Result<Array2<f32>, ModelError> {
        self.array::<Ix2>(array)
    }

    fn array<D: ndarray::Dimension>(&self, array: Array) -> Result<ndarray::Array<f32, D>, ModelError> {
        self.numbers(self.manifest.arrays.get(&array).ok_or_else(|| self.lacks("statistics of its styles"))?)
    }

    fn numbers<D: ndarray::Dimension>(
        &self,
        entry: &ArrayFile,
    ) -> Result<ndarray::Array<f32, D>, ModelError> {
        let source = entry.source();
        let bytes = self.read(&source)?;
        let bad = |why: String| PackError::Array { why, path: self.root(&source).join(&source.file) };
        let values = ndarray::Array::<f32, D>::read_npy(bytes.as_slice()).map_err(|e| bad(e.to_string()))?;
        if values.shape() != entry.dims {
            return Err(bad(format!("its shape is {:?}, not {:?}", values.shape(), entry.dims)).into());
        }
        if !values.iter().all(|v| v.is_finite()) {
            return Err(bad("it holds numbers that are not finite".into()).into());
        }
        Ok(values)
    }

    fn read(&self, source: &Source) -> Result<Vec<u8>, PackError> {
        file::read_verified(self.root(source), source)
    }

    fn root(&self, source: &Source) -> &Path {
        if source.shared { &self.shared } else { &self.folder }
    }

    fn lacks(&self, role: &'static str) -> ModelError {
        ModelError::Missing { pack: self.manifest.id.clone(), role }
    }

    /// That the pack has nothing of a name, and what it has instead.
    pub(crate) fn unknown<'a>(
        &self,
        what: &'static str,
        name: &str,
        known: impl Iterator<Item = &'a String>,
    ) -> ModelError {
        let known: Vec<String> = known.map(|name| format!("“{name}”")).collect();
        if known.is_empty() {
            return self.lacks(what);
        }
        let name = name.chars().filter(|c| !c.is_control()).take(80).collect();
        ModelError::Unknown { pack: self.manifest.id.clone(), what, name, known: known.join(", ") }
    }
}

fn summary(folder: &Path) -> Result<Summary, PackError> {
    let path = folder.join(MANIFEST);
    let bytes = file::read_limited(&path, file::MANIFEST_LIMIT)?;
    let manifest = check::parse(&bytes, &path)?;
    check::sound(&manifest, &path)?;
    Ok(Summary { folder: folder.to_owned(), manifest, hash: file::sha256(&bytes) })
}
