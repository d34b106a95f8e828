//! What the tests share: ONNX Runtime, the tiny pack, and copies of it to break.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use models_onnx::runtime::Options;
use models_onnx::{Device, Pack, Places, Runtime};
use ndarray::Array4;
use tempfile::TempDir;

/// The ONNX Runtime to test with.
pub(crate) fn library() -> PathBuf {
    let library = Places::from_environment().expect("HOME is set").onnxruntime();
    assert!(
        library.is_file(),
        "ONNX Runtime is not at {}: run pentimento-installer, or name one with PENTIMENTO_ORT",
        library.display()
    );
    library
}

/// One thread of the processor, so that tests do not disturb each other.
pub(crate) fn runtime() -> Runtime {
    let options = Options { device: Device::Cpu, threads: std::num::NonZeroUsize::new(1) };
    Runtime::load(&library(), options).unwrap()
}

/// The folder of the tiny pack.
pub(crate) fn tiny_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/packs/tiny")
}

/// The tiny pack.
pub(crate) fn tiny() -> Arc<Pack> {
    Arc::new(Pack::open(&tiny_folder(), &tiny_folder()).unwrap())
}

/// Copies the files of a folder into another.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A copy of the tiny pack that a test may damage.
pub(crate) struct Damaged {
    root: TempDir,
}

impl Damaged {
    /// A fresh copy.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let copy = Self { root };
        fs::create_dir_all(copy.folder()).unwrap();
        fs::create_dir_all(copy.shared()).unwrap();
        copy_files(&tiny_folder(), &copy.folder());
        copy
    }

    /// A fresh copy with `from` replaced by `to` in its manifest.
    pub(crate) fn with(from: &str, to: &str) -> Self {
        let copy = Self::new();
        copy.replace(from, to);
        copy
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("packs/tiny")
    }

    /// The folder of its shared files.
    pub(crate) fn shared(&self) -> PathBuf {
        self.root.path().join("shared")
    }

    /// Replaces `from` by `to` in the manifest.
    pub(crate) fn replace(&self, from: &str, to: &str) {
        let path = self.folder().join("pack.toml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "the manifest of the tiny pack no longer holds {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Replaces a graph by one of `tests/tiny`, hash included.
    pub(crate) fn swap(&self, graph: &str, other: &str) {
        let path = self.folder().join(graph);
        let before = hash(&path);
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tiny").join(other), &path).unwrap();
        self.replace(&before, &hash(&path));
    }

    /// Opens it.
    pub(crate) fn open(&self) -> Result<Pack, models_onnx::PackError> {
        Pack::open(&self.folder(), &self.shared())
    }
}

/// Lower-case SHA-256 of a file.
pub(crate) fn hash(path: &Path) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(fs::read(path).unwrap()).iter().map(|b| format!("{b:02x}")).collect()
}

/// A picture with a different value everywhere, in `-1..1`.
pub(crate) fn picture(n: usize, side: usize) -> Array4<f32> {
    let count = (n * 3 * side * side) as f32;
    Array4::from_shape_fn((n, 3, side, side), |(i, c, y, x)| {
        let index = ((i * 3 + c) * side + y) * side + x;
        (index as f32 * 37.0 % count) / count * 2.0 - 1.0
    })
}
