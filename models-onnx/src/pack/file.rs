//! Reading what a pack names, and nothing else.

use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{PackError, Source};

/// Most that a manifest may have, bytes.
pub(super) const MANIFEST_LIMIT: u64 = 1 << 20;
/// Most that any file may have, bytes.
pub(super) const FILE_LIMIT: u64 = 8 << 30;

/// The path of a file inside `root`, which must exist, be a file and lie there even after links are followed.
pub(super) fn locate(root: &Path, file: &str) -> Result<PathBuf, PackError> {
    let path = root.join(file);
    let escapes = || PackError::Escapes { file: file.to_owned(), path: root.to_owned() };
    let plain = Path::new(file).components().all(|c| matches!(c, Component::Normal(_)));
    if file.is_empty() || !plain {
        return Err(escapes());
    }
    let unreadable = |e: std::io::Error| PackError::Unreadable { why: e.to_string(), path: path.clone() };
    let real = path.canonicalize().map_err(unreadable)?;
    if !real.starts_with(root.canonicalize().map_err(unreadable)?) {
        return Err(escapes());
    }
    let about = fs::metadata(&real).map_err(unreadable)?;
    if !about.is_file() {
        return Err(PackError::Unreadable { why: "it is not a file".into(), path });
    }
    if about.len() > FILE_LIMIT {
        return Err(PackError::TooLarge { bytes: about.len(), most: FILE_LIMIT, path });
    }
    Ok(real)
}

/// The bytes of a file, which have the hash that the manifest gives.
pub(super) fn read_verified(root: &Path, source: &Source) -> Result<Vec<u8>, PackError> {
    let path = locate(root, &source.file)?;
    let bytes = read_limited(&path, FILE_LIMIT)?;
    if sha256(&bytes) == source.sha256 { Ok(bytes) } else { Err(PackError::Hash(path)) }
}

/// The bytes of a file of at most `limit` bytes.
pub(super) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, PackError> {
    let unreadable = |e: std::io::Error| PackError::Unreadable { why: e.to_string(), path: path.to_owned() };
    let file = fs::File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    let too_large = |bytes| PackError::TooLarge { bytes, most: limit, path: path.to_owned() };
    if about.len() > limit {
        return Err(too_large(about.len()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
    // The file may grow while it is read, and some files have no length.
    let read = file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)? as u64;
    if read > limit { Err(too_large(read)) } else { Ok(bytes) }
}

/// A SHA-256 that grows with what is read.
#[derive(Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes more bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes, as [`sha256`].
    pub fn finish(self) -> String {
        hexadecimal(&self.0.finalize())
    }
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
