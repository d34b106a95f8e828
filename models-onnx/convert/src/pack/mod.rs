//! Packs, written so that the same input gives the same bytes.

mod half;
mod trial;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use autodiff::Model;
use autodiff::tensor::INT64;
use models_onnx::pack::{
    Array, ArrayFile, Contract, Data, Dim, Dtype, File, MANIFEST, Manifest, Port, Precision, Source, Storage,
    sha256,
};
use models_onnx::{Cancel, Pack, Role, Runtime};
use ndarray::ArrayD;
use ndarray_npy::WriteNpyExt;

use crate::error::Error;

/// Weights smaller than this stay in the graph's own file.
const APART: usize = 1 << 20;

/// A pack that is still in memory.
#[derive(Debug, Clone)]
pub struct NewPack {
    /// What the pack says of itself; roles, mappers, attributes, arrays and files are filled in when it is written.
    pub manifest: Manifest,
    /// Its graphs.
    pub graphs: BTreeMap<Role, Model>,
    /// Its mappers, by name.
    pub mappers: BTreeMap<String, Model>,
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
    /// Writes the pack to `folder`, whose shared files lie in `shared`, after every graph was opened and run once.
    ///
    /// Nothing is at `folder` before the whole pack is: it grows in a folder beside, which goes if anything fails.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Write`], [`Error::Trial`] for a graph that does not run or gives numbers that are
    /// not finite.
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
        self.fill(&staged.0, Model::clone)?;
        let tried = trial::run(&Pack::open(&staged.0, shared)?, None, runtime, cancel)?;
        if writing.half {
            let half = Staged::beside(&folder.with_extension("half"))?;
            let mut manifest = self.fill(&half.0, half::stored)?;
            let again = trial::run(&Pack::open(&half.0, shared)?, Some(&tried), runtime, cancel)?;
            let errors = tried.errors(&again);
            let storage = |name: &str| {
                let error = errors.get(name).copied();
                error.map(|error| Storage { precision: Precision::F16, error })
            };
            for (role, contract) in &mut manifest.roles {
                contract.storage = storage(role.name());
            }
            for (name, contract) in &mut manifest.mappers {
                contract.storage = storage(&format!("mapper-{name}"));
            }
            describe(&half.0, &manifest)?;
            half.take(folder)?;
        } else {
            staged.take(folder)?;
        }
        Ok(Pack::open(folder, shared)?)
    }

    /// Writes every file and the manifest.
    fn fill(&self, folder: &Path, stored: impl Fn(&Model) -> Model) -> Result<Manifest, Error> {
        let mut manifest = self.manifest.clone();
        let contract = |name: &str, model: &Model| graph(folder, name, &stored(model));
        for (role, model) in &self.graphs {
            manifest.roles.insert(*role, contract(role.name(), model)?);
        }
        for (name, model) in &self.mappers {
            manifest.mappers.insert(name.clone(), contract(&format!("mapper-{name}"), model)?);
        }
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
        write(folder, "LICENCE.txt", licence(&manifest).as_bytes())?;
        describe(folder, &manifest)?;
        Ok(manifest)
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
fn graph(folder: &Path, name: &str, model: &Model) -> Result<Contract, Error> {
    let file = format!("{name}.onnx");
    let location = format!("{file}.data");
    let weights: usize = model.graph().initializer.iter().map(|t| t.raw_data.len()).sum();
    let mut data = Vec::new();
    let source = if weights < APART {
        write(folder, &file, &model.to_bytes()?)?
    } else {
        let (bytes, apart) = model.to_parts(&location)?;
        let Source { file: at, sha256, .. } = write(folder, &location, &apart)?;
        data.push(Data { file: at, sha256 });
        write(folder, &file, &bytes)?
    };
    let ports = |ports: Vec<crate::Port>| ports.into_iter().map(port).collect();
    let part = crate::Part { role: "", model: model.clone() };
    Ok(Contract {
        file: source.file,
        sha256: source.sha256,
        shared: false,
        inputs: ports(part.inputs()),
        outputs: ports(part.outputs()),
        data,
        storage: None,
        pooling: None,
    })
}

fn port(port: crate::Port) -> Port {
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
        let staged = folder.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        fs::create_dir_all(&staged).map_err(|why| Error::Write { why, path: staged.clone() })?;
        Ok(Self(staged))
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
