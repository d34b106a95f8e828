//! What can be wrong with a checkpoint, in the user's words.

use std::path::PathBuf;

/// Why a checkpoint or a tensor of it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No tensor of that name.
    #[error("the checkpoint has no tensor “{0}”")]
    Missing(String),
    /// The file is something else.
    #[error("this is {0}, not a checkpoint")]
    Other(&'static str),
    /// The file ends before what it announces.
    #[error("the file is cut off after {length} bytes ({what} is missing): download it again")]
    Cut {
        /// Bytes that are there.
        length: u64,
        /// What should have followed.
        what: &'static str,
    },
    /// The bytes contradict their own format.
    #[error("the file is damaged ({0}): download it again")]
    Damaged(String),
    /// A form of file that nobody needed so far, or that only hostile files have.
    #[error("the file cannot be read: {0}")]
    Unsupported(String),
    /// The file asks for more than any checkpoint needs.
    #[error("the file is refused: it holds more {what} than the {limit} that a checkpoint may have")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// A tensor that cannot be had without running or guessing something.
    #[error("the tensor “{name}” cannot be read: {why}")]
    Refused {
        /// The tensor.
        name: String,
        /// The reason.
        why: String,
    },
    /// The disk or the system failed.
    #[error("reading failed: {0}")]
    Io(#[from] std::io::Error),
    /// Any of these, with the file.
    #[error("{error} ({})", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: Box<Error>,
    },
}

impl Error {
    pub(crate) fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged(why.into())
    }

    pub(crate) fn in_file(self, path: &std::path::Path) -> Self {
        Self::File { path: path.into(), error: Box::new(self) }
    }
}

/// A text from a file as it may stand in a sentence: short, in quotes, without anything that steers a terminal.
pub(crate) fn quoted(text: &str) -> String {
    const LETTERS: usize = 80;
    let mut start: String = text.chars().take(LETTERS).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}
