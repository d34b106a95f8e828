//! The plain values that cross Pentimento's borders.
//!
//! Two Rust libraries share no stable ABI, and jobs may run in another process, so whatever passes between
//! the plug-in, its dialogs and its engine is one of the serialisable types below, in this order:
//!
//! 1. [`param`]: an operation describes its parameters once; procedure arguments, command-line flags,
//!    dialogs and recipes are all derived from that list.
//! 2. [`job`]: a request (operation, values, pack, picture by handle) is answered by a stream of events.
//! 3. [`dialog`]: what the dialog library is asked, what it asks back, what it answers.
//! 4. [`recipe`]: what an edited layer remembers.

pub mod dialog;
pub mod job;
pub mod param;
pub mod picture;
pub mod recipe;

use serde::{Serialize, de::DeserializeOwned};

/// Bytes that do not hold the value they should.
#[derive(Debug, thiserror::Error)]
#[error(
    "a message could not be read ({0}); the parts of Pentimento installed here are of different versions, install again"
)]
pub struct MessageError(#[from] postcard::Error);

/// Encodes a value for the border to the dialogs or the engine.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, MessageError> {
    Ok(postcard::to_stdvec(value)?)
}

/// Decodes what [`encode`] wrote.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MessageError> {
    Ok(postcard::from_bytes(bytes)?)
}
