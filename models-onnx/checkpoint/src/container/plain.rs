//! A pickle without anything around it. All its numbers lie inside.

use crate::checkpoint::Contents;
use crate::source::Source;
use crate::{Error, meaning, pickle};

/// Whether a pickle may start like this: with its protocol, or (protocols 0 and 1) with the start of a container, a
/// class or a mark.
pub(super) fn may_start(head: &[u8]) -> bool {
    match head {
        [0x80, protocol, ..] => *protocol <= 5,
        [b'(' | b'c', ..] | [b']' | b'}' | b')', b'q' | b'r' | b'p' | b'.' | b'(', ..] => true,
        _ => false,
    }
}

pub(super) fn read(source: &Source) -> Result<Contents, Error> {
    let pickle = pickle::read(source)?;
    meaning::contents(&pickle, &|_| Err("its numbers are said to lie outside the file".into()))
}
