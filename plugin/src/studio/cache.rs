//! Inversions in files, so that a photo is not inverted again when the dialog is opened the next time.
//!
//! A file is named after everything that its content depends on, so none is ever wrong; the oldest go when there are too
//! many. Losing one costs time and nothing else, which is why trouble with files is only told to the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use models_onnx::{Code, Pack, Places};
use ndarray::ArrayD;
use pentimento_protocol::picture::Picture;
use pentimento_protocol::{decode, encode};
use sha2::{Digest, Sha256};

use super::Effort;

/// Files that are kept; a code of the published size has 36 KB.
const FILES: usize = 500;

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
    for (name, shape, values) in tensors {
        code = code.with(&name, ArrayD::from_shape_vec(shape, values).ok()?);
    }
    // Used files are young ones.
    if let Ok(file) = fs::File::open(&path)
        && let Err(why) = file.set_modified(SystemTime::now())
    {
        log::debug!("{}: {why}", path.display());
    }
    Some(code)
}

/// Keeps a code.
pub(super) fn write(places: &Places, key: &str, code: &Code) {
    let tensors: Tensors = code
        .tensors()
        .map(|(name, tensor)| (name.to_owned(), tensor.shape().to_vec(), tensor.iter().copied().collect()))
        .collect();
    let folder = folder(places);
    let kept = encode(&tensors).map_err(|e| e.to_string()).and_then(|bytes| {
        fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        // Renamed when it is whole, so that two of us cannot read half of each other's.
        let part = folder.join(format!("{key}.{}", std::process::id()));
        fs::write(&part, bytes).and_then(|()| fs::rename(&part, folder.join(key))).map_err(|e| e.to_string())
    });
    if let Err(why) = kept.and_then(|()| forget(&folder)) {
        log::info!("the inversion is not kept for the next time: {why}");
    }
}

/// Removes the oldest files beyond [`FILES`].
fn forget(folder: &Path) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|e| e.to_string())?;
    let mut files: Vec<(SystemTime, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    files.sort_unstable();
    let old = files.len().saturating_sub(FILES);
    files.iter().take(old).try_for_each(|(_, path)| fs::remove_file(path)).map_err(|e| e.to_string())
}
