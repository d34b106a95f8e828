//! Hashes of files.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// SHA-256 of a file, hexadecimal; `None` if there is no such file.
pub(crate) fn of_file(path: &Path) -> Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(why).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let count = reader.read(&mut block).with_context(|| format!("cannot read {}", path.display()))?;
        if count == 0 {
            break;
        }
        hasher.update(&block[..count]);
    }
    Ok(Some(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// Whether both files exist and hold the same bytes.
pub(crate) fn same(one: &Path, other: &Path) -> Result<bool> {
    let sizes = (std::fs::metadata(one).map(|m| m.len()), std::fs::metadata(other).map(|m| m.len()));
    match sizes {
        (Ok(a), Ok(b)) if a == b => Ok(of_file(one)? == of_file(other)?),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_hash_and_absent_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("abc");
        std::fs::write(&file, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_file(&file).unwrap().as_deref(), Some(known));
        assert_eq!(of_file(&folder.path().join("absent")).unwrap(), None);
        let other = folder.path().join("abd");
        std::fs::write(&other, "abd").unwrap();
        assert!(same(&file, &file).unwrap());
        assert!(!same(&file, &other).unwrap());
        assert!(!same(&file, &folder.path().join("absent")).unwrap());
    }
}
