//! The table of contents of a zip.
//!
//! Why not the `zip` crate: it makes room for as many entries as the file claims to have, before it has seen one, and
//! looks for overlaps by comparing each entry with each. Here the claims are held against the bytes first. What
//! PyTorch and numpy write is a small part of the format; the rest is refused.

use std::collections::BTreeMap;

use crate::Error;
use crate::error::quoted;
use crate::source::Source;
use crate::tensor::Storage;

/// Bytes of the table of contents. An entry takes about a hundred.
const DIRECTORY: u64 = 16 << 20;
/// The record at the end may be followed by a comment of this length.
const COMMENT: u64 = 0xffff;
/// Bytes of a name.
const NAME: usize = 1024;
/// The lengths of the records, without what varies.
const END: usize = 22;
const LOCATOR: u64 = 20;
const END_64: u64 = 56;
const ENTRY: usize = 46;
const LOCAL: u64 = 30;

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Member {
    packed: Source,
    deflated: bool,
    len: u64,
}

impl Member {
    /// The entry's bytes as something that tensors share.
    pub(super) fn storage(&self) -> Storage {
        if self.deflated {
            Storage::Deflated { packed: self.packed.clone(), len: self.len, start: 0 }
        } else {
            Storage::Plain(self.packed.clone())
        }
    }

    /// The start of the entry's bytes, at most `len` of them.
    pub(super) fn head(&self, len: u64) -> Result<Vec<u8>, Error> {
        if self.deflated { self.packed.inflate_head(len) } else { self.packed.head(len) }
    }

    /// The entry's bytes.
    pub(super) fn open(&self) -> Result<Source, Error> {
        if self.deflated { self.packed.inflate(self.len) } else { Ok(self.packed.clone()) }
    }
}

/// All entries by name.
///
/// # Errors
/// [`Error`] if the zip is cut off, contradicts itself, or is of a kind that PyTorch and numpy do not write.
pub(super) fn members(source: &Source) -> Result<BTreeMap<String, Member>, Error> {
    let (directory, count) = directory(source)?;
    let mut members = BTreeMap::new();
    let mut ranges = Vec::new();
    let mut rest = &directory[..];
    for _ in 0..count {
        let entry =
            Entry::next(&mut rest).ok_or_else(|| damaged("its table of contents is shorter than it says"))?;
        let path = std::path::Path::new(&entry.name);
        let plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !plain || entry.name.contains('\\') {
            return Err(Error::Unsupported(format!(
                "the zip entry {} leads out of the archive",
                quoted(&entry.name)
            )));
        }
        if entry.name.len() > NAME {
            return Err(damaged("an entry with an endless name"));
        }
        if entry.flags & 1 != 0 {
            return Err(Error::Unsupported("the zip is encrypted".into()));
        }
        let deflated = match entry.method {
            0 => false,
            8 => true,
            method => return Err(Error::Unsupported(format!("the zip is compressed by method {method}"))),
        };
        if !deflated && entry.packed != entry.len {
            return Err(damaged("an entry has two lengths"));
        }
        let start = entry.start(source)?;
        let packed =
            source.part(start, entry.packed).ok_or_else(|| damaged("an entry reaches beyond the end"))?;
        ranges.push((entry.local, start + entry.packed));
        let member = Member { packed, deflated, len: entry.len };
        if members.insert(entry.name, member).is_some() {
            return Err(damaged("two entries have one name"));
        }
    }
    if !rest.is_empty() {
        return Err(damaged("its table of contents is longer than it says"));
    }
    // Overlapping entries are how a small zip unfolds to a huge one.
    ranges.sort_unstable();
    if ranges.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(damaged("two entries overlap"));
    }
    Ok(members)
}

/// The bytes of the table of contents, and the number of its entries.
fn directory(source: &Source) -> Result<(Vec<u8>, u64), Error> {
    let cut = || Error::Cut { length: source.len(), what: "the table of contents at its end" };
    let tail_len = source.len().min(COMMENT + END as u64);
    let tail_start = source.len() - tail_len;
    let tail = source.part(tail_start, tail_len).ok_or_else(cut)?.read()?;
    let ends_file = |at: &usize| {
        let record = &tail[*at..];
        record.starts_with(b"PK\x05\x06")
            && word(record, 20).is_some_and(|comment| END as u64 + comment == record.len() as u64)
    };
    let at = (0..tail.len()).rev().find(ends_file).ok_or_else(cut)?;
    let record = &tail[at..];
    let broken = || damaged("the record at its end");
    let mut end = tail_start + at as u64;
    let mut count = word(record, 10).ok_or_else(broken)?;
    let mut len = long(record, 12).ok_or_else(broken)?;
    let mut start = long(record, 16).ok_or_else(broken)?;

    // The 64-bit record, which PyTorch always writes, is found through a locator in front of the other.
    let locator = end.checked_sub(LOCATOR).and_then(|at| source.part(at, LOCATOR));
    let locator = locator.map(|locator| locator.read()).transpose()?.unwrap_or_default();
    if locator.starts_with(b"PK\x06\x07") {
        let at = quad(&locator, 8).ok_or_else(broken)?;
        let record = source.part(at, END_64).ok_or_else(broken)?.read()?;
        if !record.starts_with(b"PK\x06\x06") || at > end - LOCATOR {
            return Err(broken());
        }
        end = at;
        count = quad(&record, 32).ok_or_else(broken)?;
        len = quad(&record, 40).ok_or_else(broken)?;
        start = quad(&record, 48).ok_or_else(broken)?;
    }
    if len > DIRECTORY {
        return Err(Error::TooMuch { what: "bytes in the table of contents of a zip", limit: DIRECTORY });
    }
    if start.checked_add(len).is_none_or(|directory_end| directory_end > end) {
        return Err(damaged("its table of contents does not lie where it says"));
    }
    Ok((source.part(start, len).ok_or_else(cut)?.read()?, count))
}

/// One line of the table of contents.
struct Entry {
    name: String,
    flags: u64,
    method: u64,
    packed: u64,
    len: u64,
    /// Where the entry's own header lies.
    local: u64,
}

impl Entry {
    fn next(rest: &mut &[u8]) -> Option<Self> {
        let record = *rest;
        if !record.starts_with(b"PK\x01\x02") {
            return None;
        }
        let length = |at| word(record, at).and_then(|length| usize::try_from(length).ok());
        let name_end = ENTRY + length(28)?;
        let extra_end = name_end + length(30)?;
        let end = extra_end + length(32)?;
        let name = String::from_utf8_lossy(record.get(ENTRY..name_end)?).into_owned();
        let mut extra = record.get(name_end..extra_end)?;
        let (mut packed, mut len, mut local) = (long(record, 20)?, long(record, 24)?, long(record, 42)?);
        // Fields that are full continue in an extra field, in this order.
        while let (Some(tag), Some(size)) = (word(extra, 0), word(extra, 2)) {
            let field = extra.get(4..4 + usize::try_from(size).ok()?)?;
            extra = &extra[4 + field.len()..];
            if tag == 1 {
                let mut at = 0;
                for value in [&mut len, &mut packed, &mut local] {
                    if *value == 0xffff_ffff {
                        *value = quad(field, at)?;
                        at += 8;
                    }
                }
            }
        }
        *rest = record.get(end..)?;
        Some(Self { name, flags: word(record, 8)?, method: word(record, 10)?, packed, len, local })
    }

    /// Where its bytes start: behind its own header, which repeats the name and has padding of its own.
    fn start(&self, source: &Source) -> Result<u64, Error> {
        let outside = || damaged("an entry lies outside the file");
        let header = source.part(self.local, LOCAL).ok_or_else(outside)?.read()?;
        let lengths = word(&header, 26).zip(word(&header, 28));
        let (name, extra) = lengths.filter(|_| header.starts_with(b"PK\x03\x04")).ok_or_else(outside)?;
        let written = source.part(self.local + LOCAL, name).ok_or_else(outside)?.read()?;
        if String::from_utf8_lossy(&written) != self.name {
            return Err(damaged("an entry has two names"));
        }
        Ok(self.local + LOCAL + name + extra)
    }
}

fn damaged(why: &str) -> Error {
    Error::damaged(format!("a zip: {why}"))
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let mut number = [0; 8];
    number[..N].copy_from_slice(bytes.get(at..at.checked_add(N)?)?);
    Some(u64::from_le_bytes(number))
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    number::<2>(bytes, at)
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    number::<4>(bytes, at)
}

fn quad(bytes: &[u8], at: usize) -> Option<u64> {
    number::<8>(bytes, at)
}
