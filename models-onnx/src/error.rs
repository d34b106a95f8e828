//! What can go wrong while models run.

use crate::pack::{PackError, Role};
use crate::runtime::RuntimeError;

/// Why a model gave no result. Its text is one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Stopped by [`Cancel`](crate::Cancel).
    #[error("cancelled")]
    Cancelled,
    /// The pack is at fault.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// ONNX Runtime or the device is at fault.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The pack cannot do what was asked.
    #[error("the pack “{pack}” has no {role}, which this needs; choose another pack")]
    Missing {
        /// Identifier of the pack.
        pack: String,
        /// What it lacks.
        role: &'static str,
    },
    /// The file of a role is not a graph that ONNX Runtime accepts, or not the one the manifest describes.
    #[error("the {role} cannot be used ({why}); install the pack again")]
    Open {
        /// The role.
        role: Role,
        /// What was found.
        why: String,
    },
    /// A tensor does not have the shape or type that the pack promises.
    #[error("the {role} was given or gave a tensor that does not fit: {what}; install the pack again")]
    Shape {
        /// The role.
        role: Role,
        /// Expected and found.
        what: String,
    },
    /// NaN or infinity came out.
    #[error(
        "the {role} gave numbers that are not finite; try the CPU as device, and if that fails too install the pack again"
    )]
    NotFinite {
        /// The role.
        role: Role,
    },
    /// Memory of the machine or of the GPU ran out.
    #[error("there is not enough memory to run the {role}; close other programs or choose the CPU as device")]
    OutOfMemory {
        /// The role.
        role: Role,
    },
    /// ONNX Runtime failed in the middle of a run.
    #[error("the {role} failed ({why}); try the CPU as device")]
    Run {
        /// The role.
        role: Role,
        /// What ONNX Runtime said.
        why: String,
    },
    /// A picture or a code belongs to another pack.
    #[error("{0}; open the picture again with the pack that is chosen")]
    Foreign(String),
    /// The tokenizer's file is broken or cannot read a text.
    #[error("the text “{text}” could not be split into words ({why}); use other words")]
    Text {
        /// What was to be read.
        text: String,
        /// What the tokenizer said.
        why: String,
    },
    /// A strength or another setting that is not a number.
    #[error("the {0} is not a usable number; choose another")]
    Number(&'static str),
    /// A name that the pack does not know.
    #[error("the pack “{pack}” has no {what} “{name}”; choose one of {known}")]
    Unknown {
        /// Identifier of the pack.
        pack: String,
        /// What was asked for.
        what: &'static str,
        /// By which name.
        name: String,
        /// The names it knows.
        known: String,
    },
    /// A text without a direction: both sides mean the same, or one means nothing.
    #[error(transparent)]
    Direction(#[from] crate::direction::DirectionError),
    /// An attribute that cannot be used.
    #[error(transparent)]
    Attribute(#[from] crate::attribute::AttributeError),
    /// A model that gives gradients is at fault.
    #[error(transparent)]
    Optimise(#[from] crate::optimise::OptimiseError),
}
