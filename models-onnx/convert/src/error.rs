//! What can go wrong.

use std::path::PathBuf;

use autodiff::Shape;
use models_onnx::{ModelError, PackError};

/// Why a network cannot be built. Its text is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tensor that is missing or cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// A tensor of other sizes than the network has.
    #[error("the tensor “{tensor}” has the sizes {found:?}, but {expected}")]
    Sizes {
        /// Its name in the checkpoint.
        tensor: String,
        /// The sizes it has.
        found: Vec<usize>,
        /// What was expected, as the end of the sentence.
        expected: String,
    },
    /// A checkpoint that is recognised and yet not one that can be built.
    #[error("this checkpoint cannot be converted: {0}")]
    Unsupported(String),
    /// A node whose inputs do not fit together.
    #[error("{op} of node “{node}” does not take {}: {why}", shapes(.inputs))]
    Unfit {
        /// The operator.
        op: String,
        /// The node.
        node: String,
        /// The shapes of its inputs.
        inputs: Vec<Shape>,
        /// What is wrong.
        why: String,
    },
    /// Two values of one name.
    #[error("the graph has a value “{0}” already")]
    Taken(String),
    /// There is a pack where one was to be written.
    #[error("there is a folder of that name already; name another one or have it replaced ({})", .0.display())]
    Exists(PathBuf),
    /// A file of the new pack cannot be written.
    #[error("the pack cannot be written ({why}); make room or choose another folder ({})", path.display())]
    Write {
        /// What the system said.
        why: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// A file that was brought cannot be read.
    #[error("a file cannot be read ({why}); see that it is all there ({})", path.display())]
    File {
        /// What the system said.
        why: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// An ONNX graph of others that cannot be taken.
    #[error("this export cannot be used: {why} ({})", path.display())]
    Export {
        /// What stands against it.
        why: String,
        /// The file.
        path: PathBuf,
    },
    /// The new pack is not sound.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A graph of the new pack does not run.
    #[error(transparent)]
    Run(#[from] ModelError),
    /// The finished graph is refused.
    #[error(transparent)]
    Model(#[from] autodiff::Error),
}

fn shapes(inputs: &[Shape]) -> String {
    let shape = |s: &Shape| format!("[{}]", s.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    inputs.iter().map(shape).collect::<Vec<_>>().join(" and ")
}
