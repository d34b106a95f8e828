//! An edit is a job: a plain request, answered by a stream of events.
//!
//! Jobs run in-process for the command line and tests, and can run in an engine process without any change
//! to an operation: nothing here holds a pointer, and pictures travel by [`Handle`].

use serde::{Deserialize, Serialize};

use crate::param::Values;

/// Stands for a picture kept by whoever runs the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handle(pub u64);

/// Where the models run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The fastest there is; says what it took and why.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU through CUDA.
    Cuda,
    /// An NVIDIA GPU through TensorRT.
    TensorRt,
}

/// How the models run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Runtime {
    /// Where the models run.
    pub device: Device,
    /// Threads for one model; `None` means as many as there are cores.
    pub threads: Option<u32>,
}

/// One edit of one aligned picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Identifier of the operation.
    pub operation: String,
    /// Its parameters; `None` asks for the reconstruction alone, without an edit.
    pub values: Option<Values>,
    /// Identifier of the pack.
    pub pack: String,
    /// The aligned picture at the resolution of the pack.
    pub picture: Handle,
    /// How the models run.
    pub runtime: Runtime,
}

/// What a job says while it runs. The last event is `Done`, `Failed` or `Cancelled`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// How far it is.
    Progress {
        /// `0.0..=1.0`.
        fraction: f32,
        /// What it does, one translated phrase.
        doing: String,
    },
    /// Something the user should know: the device taken, a fallback.
    Note(String),
    /// A first or intermediate picture.
    Preview(Handle),
    /// The result.
    Done(Outcome),
    /// One sentence saying what went wrong and what to do.
    Failed(String),
    /// It was cancelled.
    Cancelled,
}

/// The result of a job, pictures at the resolution of the pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The reconstruction before the edit, `G(inverted)`.
    pub inverted: Handle,
    /// The edited pictures, `G(edited)`: one for a layer, several for an animation, none where none was asked for.
    pub edited: Vec<Handle>,
    /// How well the pack knows the picture.
    pub fidelity: Fidelity,
}

/// How faithfully a pack reconstructs a picture before any edit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fidelity {
    /// Peak signal-to-noise ratio of the reconstruction in dB, at the resolution of the pack.
    pub psnr: f32,
    /// What pictures of the pack's domain typically reach.
    pub typical: f32,
    /// Below this the pack does not know such pictures.
    pub poor: f32,
}

/// [`Fidelity`] in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As good as this pack gets.
    Faithful,
    /// Recognisable, with losses.
    Fair,
    /// The pack does not know such pictures.
    Unknown,
}

impl Fidelity {
    /// The figure in words.
    pub fn verdict(&self) -> Verdict {
        // Half-way between poor and typical still looks like the picture; NaN counts as unknown.
        if self.psnr >= (self.typical + self.poor) / 2.0 {
            Verdict::Faithful
        } else if self.psnr >= self.poor {
            Verdict::Fair
        } else {
            Verdict::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let at = |psnr| Fidelity { psnr, typical: 22.0, poor: 18.0 }.verdict();
        assert_eq!(at(23.0), Verdict::Faithful);
        assert_eq!(at(19.0), Verdict::Fair);
        assert_eq!(at(12.0), Verdict::Unknown);
        assert_eq!(at(f32::NAN), Verdict::Unknown);
    }
}
