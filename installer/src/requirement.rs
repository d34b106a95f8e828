//! The pinned wheels in `requirements.txt`.

use anyhow::{Context, Result, bail};

/// One pinned wheel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// Its name.
    pub(crate) name: String,
    /// Its exact version.
    pub(crate) version: String,
    /// The hashes it may have, hexadecimal SHA-256.
    pub(crate) hashes: Vec<String>,
}

impl Requirement {
    /// As pip reads it.
    pub(crate) fn to_line(&self) -> String {
        let hashes: String = self.hashes.iter().map(|hash| format!(" --hash=sha256:{hash}")).collect();
        format!("{}=={}{hashes}\n", self.name, self.version)
    }
}

/// Reads the part of pip's format that we use: exact versions, each with at least one hash.
pub(crate) fn parse(text: &str) -> Result<Vec<Requirement>> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(one).collect()
}

fn one(line: &str) -> Result<Requirement> {
    let mut words = line.split_whitespace();
    let (name, version) = words
        .next()
        .and_then(|word| word.split_once("=="))
        .with_context(|| format!("“{line}” names no exact version"))?;
    let mut hashes = Vec::new();
    for word in words {
        let hash = word
            .strip_prefix("--hash=sha256:")
            .filter(|hash| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
            .with_context(|| format!("“{word}” is not a SHA-256 hash"))?;
        hashes.push(hash.to_ascii_lowercase());
    }
    if hashes.is_empty() {
        bail!("“{line}” has no hash");
    }
    Ok(Requirement { name: name.to_owned(), version: version.to_owned(), hashes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_and_comments() {
        let hash = "ab".repeat(32);
        let text = format!("# why\n\nx-y==1.2 \\\n    --hash=sha256:{hash}\n");
        let read = parse(&text).unwrap();
        assert_eq!(read, [Requirement { name: "x-y".into(), version: "1.2".into(), hashes: vec![hash] }]);
        assert_eq!(parse(&read[0].to_line()).unwrap(), read);
    }

    #[test]
    fn loose_pins_are_refused() {
        for loose in ["x>=1", "x==1", "x==1 --hash=sha256:abc", "x==1 --hash=md5:abc"] {
            assert!(parse(loose).is_err(), "{loose}");
        }
    }
}
