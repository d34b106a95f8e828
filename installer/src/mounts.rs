//! What is mounted where.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The mounts below a folder, deepest last.
pub(crate) fn inside(folder: &Path) -> Result<Vec<String>> {
    let folder =
        fs::canonicalize(folder).with_context(|| format!("cannot look into {}", folder.display()))?;
    Ok(below(&table()?, &folder))
}

/// Whether the root folder is a mount, as it is everywhere but in a chroot.
pub(crate) fn has_root() -> Result<bool> {
    Ok(table()?.lines().any(|line| line.split(' ').nth(1) == Some("/")))
}

fn table() -> Result<String> {
    fs::read_to_string("/proc/self/mounts").context("cannot read the table of mounts")
}

fn below(table: &str, folder: &Path) -> Vec<String> {
    let points = table.lines().filter_map(|line| line.split(' ').nth(1)).map(unescaped);
    points
        // Compared by whole names: /a/trixie does not lie in /a/tri.
        .filter(|point| PathBuf::from(point).starts_with(folder))
        .collect()
}

/// The kernel writes blanks and the like as three octal digits.
fn unescaped(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "proc /proc proc rw 0 0\n\
                         dev /c/trixie/dev devtmpfs rw 0 0\n\
                         x /c/trixie-old/dev devtmpfs rw 0 0\n\
                         y /c/trixie/my\\040files ext4 rw 0 0\n";

    #[test]
    fn only_what_lies_inside() {
        assert_eq!(below(TABLE, Path::new("/c/trixie")), ["/c/trixie/dev", "/c/trixie/my files"]);
        assert!(below(TABLE, Path::new("/c/tri")).is_empty());
        assert_eq!(below(TABLE, Path::new("/c/trixie/dev")).len(), 1, "the folder itself counts");
    }

    #[test]
    fn odd_names() {
        assert_eq!(unescaped(r"a\040b\134c"), r"a b\c");
        assert_eq!(unescaped(r"a\0"), r"a\0");
    }
}
