//! Inversions in files, so that a photo is not inverted again when the dialog is opened the next time.
//!
//! A file is named after everything that its content depends on, so none is ever wrong; the oldest go when there are too
//! many. Losing one costs time and nothing else, which is why trouble with files is only told to the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use models_onnx::tuning::Tuned;
use models_onnx::{Code, Pack, Places};
use ndarray::ArrayD;
use pentimento_protocol::picture::Picture;
use pentimento_protocol::{decode, encode};
use sha2::{Digest, Sha256};

use super::Effort;

/// Bytes that are kept. A code of the published size has 36 KB, a generator that was tuned at 1024 pixels 120 MB.
const ROOM: u64 = 2 << 30;

/// The tensors of a code: name, shape, values.
type Tensors = Vec<(String, Vec<usize>, Vec<f32>)>;

/// What tells an inversion from all others: the pack, the picture, and how much trouble was taken.
pub(super) fn key(pack: &Pack, picture: &Picture, effort: &Effort) -> String {
    let mut hash = Sha256::new();
    hash.update(pack.hash());
    hash.update(format!("{}x{} {effort:?}", picture.width, picture.height));
    picture.rgb.iter().for_each(|value| hash.update(value.to_le_bytes()));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn folder(places: &Places) -> PathBuf {
    places.data().join("inversions")
}

/// The code that was found before, if its file is there and whole.
pub(super) fn read(places: &Places, key: &str, pack: &Pack) -> Option<Code> {
    let path = folder(places).join(key);
    let tensors: Tensors = decode(&fs::read(&path).ok()?).ok()?;
    let mut code = Code::new(pack);
    touch(&path);
    for (name, shape, values) in tensors {
        code = code.with(&name, ArrayD::from_shape_vec(shape, values).ok()?);
    }
    Some(code)
}

/// Used files are young ones.
fn touch(path: &Path) {
    let touched = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(why) = touched {
        log::debug!("{}: {why}", path.display());
    }
}

/// The generator that was tuned before.
pub(super) fn read_tuned(places: &Places, key: &str) -> Option<Tuned> {
    let path = folder(places).join(format!("{key}.safetensors"));
    let tuned = Tuned::from_bytes(&fs::read(&path).ok()?).ok()?;
    touch(&path);
    Some(tuned)
}

/// Keeps a tuned generator.
pub(super) fn write_tuned(places: &Places, key: &str, tuned: &Tuned) {
    keep(&folder(places), &format!("{key}.safetensors"), &tuned.to_bytes());
}

/// Keeps a code.
pub(super) fn write(places: &Places, key: &str, code: &Code) {
    let tensors: Tensors = code
        .tensors()
        .map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec(), tensor.iter().copied().collect()))
        .collect();
    match encode(&tensors) {
        Ok(bytes) => keep(&folder(places), key, &bytes),
        Err(why) => log::info!("the inversion is not kept for the next time: {why}"),
    }
}

fn keep(folder: &Path, name: &str, bytes: &[u8]) {
    // Renamed when it is whole, so that two of us cannot read half of each other's.
    let part = folder.join(format!("{name}.{}", std::process::id()));
    let kept = fs::create_dir_all(folder)
        .and_then(|()| fs::write(&part, bytes))
        .and_then(|()| fs::rename(&part, folder.join(name)));
    if let Err(why) = kept.map_err(|e| e.to_string()).and_then(|()| forget(folder)) {
        log::info!("the inversion is not kept for the next time: {why}");
    }
}

/// Removes the files that have not been used longest, until the others fit.
fn forget(folder: &Path) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|e| e.to_string())?;
    let file = |entry: fs::DirEntry| {
        let about = entry.metadata().ok()?;
        Some((about.modified().ok()?, about.len(), entry.path()))
    };
    let mut files: Vec<(SystemTime, u64, PathBuf)> =
        entries.filter_map(|entry| entry.ok().and_then(file)).collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (_, length, path) in files {
        bytes += length;
        if bytes > ROOM {
            fs::remove_file(path).map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}
