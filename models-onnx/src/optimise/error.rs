//! What can go wrong with models that give gradients.

use crate::runtime::first_line;

/// Why an optimisation gave nothing. Its text is one sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptimiseError {
    /// ONNX Runtime does not accept the model, or it is not what its names say.
    #[error("the gradients that this edit needs cannot be prepared ({0}); choose another pack")]
    Open(String),
    /// A variable or constant that is missing, unknown, or of another shape or type than the model's.
    #[error("the input “{name}” of the gradients does not fit ({what}); choose another pack")]
    Input {
        /// The input.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// Memory of the machine or of the GPU ran out.
    #[error(
        "there is not enough memory for this edit; close other programs, choose the CPU as device, or a pack of lower resolution"
    )]
    OutOfMemory,
    /// ONNX Runtime failed in the middle of a run.
    #[error("a step of the edit failed ({0}); try the CPU as device")]
    Run(String),
    /// The loss at the very start is NaN or infinite, so that there is nothing to return to.
    #[error(
        "the edit cannot begin, because its numbers are not finite at the start; undo earlier edits or try the CPU as device"
    )]
    NotFinite,
    /// A number that an edit was set up with.
    #[error("the {0} of this edit is not a usable number; choose another")]
    Setting(&'static str),
}

impl From<autodiff::Error> for OptimiseError {
    fn from(error: autodiff::Error) -> Self {
        Self::Open(first_line(&error.to_string()))
    }
}

/// Refuses what no edit can be set up with: NaN, infinity and numbers below zero.
pub(crate) fn usable(settings: &[(&'static str, f64)]) -> Result<(), OptimiseError> {
    match settings.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
        Some((name, _)) => Err(OptimiseError::Setting(name)),
        None => Ok(()),
    }
}
