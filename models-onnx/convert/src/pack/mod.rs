//! Packs, written so that the same input gives the same bytes.
//!
//! One graph at a time is made, written and run ([`Draft`]), so that writing takes as much memory as the largest graph,
//! not as the pack. Weights that several graphs have are written once, and all of them refer to that file.

mod draft;
mod half;
mod trial;
mod weights;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use autodiff::Model;
use autodiff::proto::ValueInfoProto;
use autodiff::tensor::INT64;
use models_onnx::pack::{
    Array, ArrayFile, Contract, Dim, Dtype, File, MANIFEST, Manifest, Port, Precision, Source, Storage,
    sha256,
};
use models_onnx::{Cancel, Pack, Role, Runtime};
use ndarray::ArrayD;
use ndarray_npy::WriteNpyExt;

use crate::error::Error;
use crate::export::Kept;
pub use draft::Draft;
use trial::Trial;
use weights::Weights;

/// A pack that is yet to be written.
#[derive(Debug, Clone)]
pub struct NewPack {
    /// What the pack says of itself; roles, mappers, attributes, arrays and files are filled in when it is written.
    pub manifest: Manifest,
    /// Its graphs.
    pub graphs: BTreeMap<Role, Draft>,
    /// Graphs that stay as others exported them.
    pub kept: BTreeMap<Role, Kept>,
    /// Its mappers, by name.
    pub mappers: BTreeMap<String, Draft>,
    /// Its arrays.
    pub arrays: BTreeMap<Array, ArrayD<f32>>,
    /// Its attributes, by name.
    pub attributes: BTreeMap<String, ArrayD<f32>>,
    /// Its other files.
    pub files: BTreeMap<File, Vec<u8>>,
}

/// How a pack is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Writing {
    /// Keep weights in half precision, which halves the pack; computing stays in single precision.
    pub half: bool,
    /// Put the new pack in the place of one that is there.
    pub replace: bool,
}

impl NewPack {
    /// A pack that is empty but for what it says of itself.
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            graphs: BTreeMap::new(),
            kept: BTreeMap::new(),
            mappers: BTreeMap::new(),
            arrays: BTreeMap::new(),
            attributes: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }

    /// Writes the pack to `folder`, whose shared files lie in `shared`. Graphs are made, written and run once, one after
    /// the other; at no time is more than one in memory.
    ///
    /// Nothing is at `folder` before the whole pack is: it grows in a folder beside, which goes if anything fails.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Write`], [`Error::Run`] for a graph that does not run or gives numbers that are not
    /// finite, [`Error::Pack`] for graphs that do not fit each other, and whatever the networks refuse.
    pub fn write(
        &self,
        folder: &Path,
        shared: &Path,
        writing: Writing,
        runtime: &Runtime,
        cancel: &Cancel,
    ) -> Result<Pack, Error> {
        if folder.exists() && !writing.replace {
            return Err(Error::Exists(folder.to_owned()));
        }
        let staged = Staged::beside(folder)?;
        let mut manifest = self.manifest.clone();
        let mut graphs = Graphs {
            folder: &staged.0,
            weights: Weights::in_folder(&staged.0),
            half: writing.half,
            trial: Trial::default(),
            runtime,
            cancel,
        };
        for (role, draft) in &self.graphs {
            manifest.roles.insert(*role, graphs.add(role.name(), *role, draft)?);
        }
        for (role, kept) in &self.kept {
            manifest.roles.insert(*role, graphs.keep(*role, kept)?);
        }
        for (name, draft) in &self.mappers {
            let contract = graphs.add(&format!("mapper-{name}"), Role::Mapper, draft)?;
            manifest.mappers.insert(name.clone(), contract);
        }
        self.add_files(&staged.0, &mut manifest)?;
        describe(&staged.0, &manifest)?;
        Pack::open(&staged.0, shared)?;
        staged.take(folder)?;
        Ok(Pack::open(folder, shared)?)
    }

    /// Writes what is not a graph.
    fn add_files(&self, folder: &Path, manifest: &mut Manifest) -> Result<(), Error> {
        for (array, values) in &self.arrays {
            manifest.arrays.insert(*array, npy(folder, array.name(), values)?);
        }
        for (name, values) in &self.attributes {
            manifest.attributes.insert(name.clone(), npy(folder, &format!("attribute-{name}"), values)?);
        }
        for (file, bytes) in &self.files {
            let File::Tokenizer = file;
            manifest.files.insert(*file, write(folder, "tokenizer.json", bytes)?);
        }
        write(folder, "LICENCE.txt", licence(manifest).as_bytes()).map(drop)
    }
}

/// The graphs of a pack that grows.
struct Graphs<'a> {
    folder: &'a Path,
    weights: Weights<'a>,
    half: bool,
    trial: Trial,
    runtime: &'a Runtime,
    cancel: &'a Cancel,
}

impl Graphs<'_> {
    /// Writes a graph as it was exported, in whatever precision, and runs it.
    fn keep(&mut self, role: Role, kept: &Kept) -> Result<Contract, Error> {
        let contract = kept.write(self.folder, role.name())?;
        self.trial.run(self.runtime, self.folder, role, &contract, self.cancel)?;
        Ok(contract)
    }

    /// Makes a graph, writes it and runs it.
    fn add(&mut self, name: &str, role: Role, draft: &Draft) -> Result<Contract, Error> {
        let model = draft.make()?;
        if !self.half {
            let contract = write_graph(&mut self.weights, name, &model)?;
            // Its weights are in their file now.
            drop(model);
            self.trial.run(self.runtime, self.folder, role, &contract, self.cancel)?;
            return Ok(contract);
        }
        // In single precision only to see what the other half of the bits is worth.
        let whole = Staged::new(self.folder.join("whole"))?;
        let before = write_graph(&mut Weights::in_folder(&whole.0), name, &model)?;
        let mut contract = write_graph(&mut self.weights, name, &half::stored(model)?)?;
        let right = self.trial.run(self.runtime, &whole.0, role, &before, self.cancel)?;
        let found = self.trial.run(self.runtime, self.folder, role, &contract, self.cancel)?;
        contract.storage = Some(Storage { precision: Precision::F16, error: trial::error(&found, &right) });
        Ok(contract)
    }
}

/// The pack with arrays added to those it has, or put in their place. Its manifest is replaced last, so that the pack is
/// whole at any time.
///
/// # Errors
/// [`Error::Write`], and [`Error::Pack`] for arrays that do not fit the pack.
pub fn with_arrays(pack: &Pack, shared: &Path, arrays: &BTreeMap<Array, ArrayD<f32>>) -> Result<Pack, Error> {
    let mut manifest = pack.manifest().clone();
    for (array, values) in arrays {
        // Under a name of its own: the file that the old manifest names stays as it is.
        let name = format!("{}-{}", array.name(), &pack.hash()[..8]);
        manifest.arrays.insert(*array, npy(pack.folder(), &name, values)?);
    }
    manifest.check(&pack.folder().join(MANIFEST))?;
    describe(pack.folder(), &manifest)?;
    Ok(Pack::open(pack.folder(), shared)?)
}

/// Writes the manifest.
fn describe(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let text = toml::to_string(manifest).map_err(|e| Error::Unsupported(e.to_string()))?;
    let text = format!("# Written by Pentimento.\n{text}");
    let new = format!("{MANIFEST}.new");
    write(folder, &new, text.as_bytes())?;
    let path = folder.join(MANIFEST);
    fs::rename(folder.join(new), &path).map_err(|why| Error::Write { why, path })
}

fn licence(manifest: &Manifest) -> String {
    let terms = &manifest.licence;
    format!("{}\n\nLicence: {}\nOrigin: {}\n\n{}\n", manifest.name, terms.spdx, terms.origin, terms.text)
}

/// Writes a graph, its weights beside it where they are large, and says what goes in and out.
fn write_graph(weights: &mut Weights<'_>, name: &str, model: &Model) -> Result<Contract, Error> {
    let written = weights.write(name, model)?;
    let ports = |values: &[ValueInfoProto]| crate::ports(values).into_iter().map(port).collect();
    Ok(Contract {
        file: written.file,
        sha256: written.sha256,
        shared: false,
        inputs: ports(&model.graph().input),
        outputs: ports(&model.graph().output),
        data: written.data,
        storage: None,
        pooling: None,
    })
}

pub(crate) fn port(port: crate::Port) -> Port {
    let dims = port.shape.iter().enumerate().map(|(axis, dim)| match (dim.size(), dim.to_string()) {
        (Some(size), _) => Dim::Size(size),
        // Names that are the same stand for sizes that are the same: an unknown one is like no other.
        (None, unknown) if unknown.contains('?') => Dim::Any(format!("{}-{axis}", port.name)),
        (None, name) => Dim::Any(name),
    });
    let dtype = if port.kind == INT64 { Dtype::I64 } else { Dtype::F32 };
    Port { dims: dims.collect(), name: port.name, dtype }
}

fn npy(folder: &Path, name: &str, values: &ArrayD<f32>) -> Result<ArrayFile, Error> {
    let mut bytes = Vec::new();
    values.as_standard_layout().write_npy(&mut bytes).map_err(|e| Error::Unsupported(e.to_string()))?;
    let Source { file, sha256, .. } = write(folder, &format!("{name}.npy"), &bytes)?;
    Ok(ArrayFile { file, sha256, shared: false, dims: values.shape().to_vec() })
}

fn write(folder: &Path, file: &str, bytes: &[u8]) -> Result<Source, Error> {
    let path = folder.join(file);
    fs::write(&path, bytes).map_err(|why| Error::Write { why, path })?;
    Ok(Source { file: file.into(), sha256: sha256(bytes), shared: false })
}

/// A folder that goes when it is dropped, unless it was taken.
struct Staged(PathBuf);

impl Staged {
    fn beside(folder: &Path) -> Result<Self, Error> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Self::new(folder.with_file_name(format!(".{name}.{}.partial", std::process::id())))
    }

    fn new(folder: PathBuf) -> Result<Self, Error> {
        match fs::create_dir_all(&folder) {
            Ok(()) => Ok(Self(folder)),
            Err(why) => Err(Error::Write { why, path: folder }),
        }
    }

    /// Puts it in the place of `folder`.
    fn take(self, folder: &Path) -> Result<(), Error> {
        let failed = |why| Error::Write { why, path: folder.to_owned() };
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(failed)?;
        }
        fs::rename(&self.0, folder).map_err(failed)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Gone already where it was taken.
        drop(fs::remove_dir_all(&self.0));
    }
}
