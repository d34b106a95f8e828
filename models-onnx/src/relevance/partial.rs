//! Rows that are kept as they come, so that hours of work survive a stop.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ndarray::Array1;

/// Why rows cannot be kept or gone on with. Its text is one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum PartialError {
    /// The file cannot be read or written.
    #[error("what was measured so far cannot be kept ({why}; {path})")]
    File {
        /// What the system said.
        why: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The file is of something else.
    #[error("{0} was measured for another pack or with other settings; move it away to begin anew")]
    Other(PathBuf),
}

/// A file of rows: a line that says what they belong to, then numbers of single precision, lowest byte first.
pub(super) struct Partial {
    file: File,
    path: PathBuf,
}

impl Partial {
    /// Opens or makes the file; gives the values of the whole rows that it holds already, at most `limit`.
    pub(super) fn open(
        path: &Path,
        key: &str,
        limit: usize,
        width: usize,
    ) -> Result<(Self, Vec<f32>), PartialError> {
        let failed = |why| PartialError::File { why, path: path.to_owned() };
        let head = format!("{key}\n").into_bytes();
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        let most = head.len() + limit * 4 + 1;
        (&mut file).take(most as u64).read_to_end(&mut bytes).map_err(failed)?;
        let mut partial = Self { file, path: path.to_owned() };
        // A stop may have come within the first line, too.
        if head.starts_with(&bytes) && bytes.len() < head.len() {
            partial.file.set_len(0).map_err(failed)?;
            partial.write(&head)?;
            return Ok((partial, Vec::new()));
        }
        let values = bytes.strip_prefix(head.as_slice()).filter(|_| bytes.len() < most);
        let values = values.ok_or_else(|| PartialError::Other(path.to_owned()))?;
        let whole = values.len() / (4 * width) * width;
        let (values, _) = values.as_chunks::<4>();
        let values: Vec<f32> = values[..whole].iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        // What was written last may be half a row.
        partial.file.set_len((head.len() + 4 * whole) as u64).map_err(failed)?;
        Ok((partial, values))
    }

    /// Keeps one more row.
    pub(super) fn push(&mut self, row: &Array1<f32>) -> Result<(), PartialError> {
        let bytes: Vec<u8> = row.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PartialError> {
        self.file.write_all(bytes).map_err(|why| PartialError::File { why, path: self.path.clone() })
    }
}
