//! Edits that optimise codes and generators, with the starter pack and with the tiny one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod inversion;
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "../support/mod.rs"]
mod support;
mod text_edit;
mod tuning;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use models_onnx::optimise::{OptimiseError, Watched};
use models_onnx::{Cancel, Code, ModelError, Pack, Places, generator};
use ndarray::{Array3, Array4, Axis};
use tempfile::TempDir;

use crate::support::{copy_files, runtime};

fn starter() -> Arc<Pack> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/starter-faces");
    Arc::new(Pack::open(&folder, &Places::from_environment().unwrap().shared()).unwrap())
}

/// A copy of the starter pack that lacks a role; the folder goes when the first is dropped.
fn starter_without(role: &str) -> (TempDir, Arc<Pack>) {
    let folder = tempfile::tempdir().unwrap();
    copy_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/starter-faces"), folder.path());
    let manifest = folder.path().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let begin = text.find(&format!("[roles.{role}]")).unwrap();
    let end = begin + 1 + text[begin + 1..].find("\n[").unwrap();
    fs::write(&manifest, [&text[..begin], &text[end..]].concat()).unwrap();
    let pack = Pack::open(folder.path(), &Places::from_environment().unwrap().shared()).unwrap();
    (folder, Arc::new(pack))
}

/// A picture for the starter pack, with its code.
fn portrait(pack: &Arc<Pack>) -> (Array4<f32>, Code) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/starter_image.npy");
    let levels: Array3<u8> = ndarray_npy::read_npy(golden).unwrap();
    let image = levels.mapv(|v| f32::from(v) / 127.5 - 1.0).permuted_axes([2, 0, 1]);
    let image = image.insert_axis(Axis(0)).as_standard_layout().into_owned();
    let code = generator::open(pack, &runtime()).unwrap().encode(&image, &Cancel::new()).unwrap();
    (image, code)
}

fn go(_: &Watched<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The error, which is one sentence with advice.
fn sentence<T>(result: Result<T, ModelError>) -> ModelError {
    let error = result.err().unwrap();
    let text = error.to_string();
    assert!(
        text.lines().count() == 1 && text.contains(';') || matches!(error, ModelError::Cancelled),
        "{text}"
    );
    error
}

fn not_finite(error: &ModelError) -> bool {
    matches!(error, ModelError::Optimise(OptimiseError::NotFinite))
}
