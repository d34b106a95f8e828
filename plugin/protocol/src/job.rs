//! An edit is a job: a plain request, answered by a stream of events.
//!
//! Jobs run in-process for the command line and tests, and can run in an engine process without any change
//! to an operation: nothing here holds a pointer, and pictures travel by [`Handle`].

use serde::{Deserialize, Serialize};

use crate::param::Values;
use crate::recipe::Step;

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

/// What a job is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// To edit an aligned picture; answered by [`Outcome::Edited`].
    Edit(Edit),
    /// To find the faces of a photo that has been reduced to what a screen shows; answered by [`Outcome::Faces`].
    Faces {
        /// The photo.
        picture: Handle,
        /// Where the models run.
        runtime: Runtime,
    },
}

/// A stack of edits of one aligned picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// The edits, in the order in which they are made; none asks for the reconstruction alone.
    pub steps: Vec<Step>,
    /// How the photo gets into the pack and back; complete.
    pub road: Values,
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
    /// The picture as the pack knows it, before any edit.
    Inverted {
        /// The reconstruction.
        picture: Handle,
        /// How well the pack knows it; none where the picture was made up.
        fidelity: Option<Fidelity>,
    },
    /// How far an optimisation has come: a picture of the edit that is still being made.
    Preview(Handle),
    /// The result.
    Done(Outcome),
    /// One sentence saying what went wrong and what to do.
    Failed(String),
    /// It was cancelled.
    Cancelled,
}

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Of [`Request::Edit`].
    Edited(Edited),
    /// Of [`Request::Faces`], the largest first.
    Faces(Vec<Face>),
}

/// The result of an edit, pictures at the resolution of the pack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// The reconstruction before the edit, `G(inverted)`.
    pub inverted: Handle,
    /// The edited pictures, `G(edited)`: one for a layer, several for an animation or to choose from, none where none
    /// was asked for.
    pub variants: Vec<Variant>,
    /// Where the edit may show, as a grey picture: white for everywhere; `None` where nothing was kept out.
    pub shown: Option<Handle>,
    /// How well the pack knows the picture; none where it was made up.
    pub fidelity: Option<Fidelity>,
}

/// One edited picture, and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// `G(edited)`.
    pub picture: Handle,
    /// What tells it from the others, translated; empty where it is the only one.
    pub label: String,
    /// How much nearer to the text it is than the reconstruction, as a difference of cosines; `None` without a text.
    pub gain: Option<f32>,
    /// How much it still shows whom the reconstruction shows, as a cosine; `None` where the pack cannot tell.
    pub identity: Option<f32>,
    /// How surely each pixel shows something else than the reconstruction, as a grey picture; `None` where nobody asks or
    /// the pack cannot tell.
    pub changed: Option<Handle>,
}

/// A face in a photo. Places are x and y in pixels of the picture that was looked at; zero is its left or upper edge.
/// Left and right are the viewer's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Face {
    /// Left, top, right and bottom edge.
    pub edges: [f64; 4],
    /// The left and the right eye.
    pub eyes: [[f64; 2]; 2],
    /// The middle of the mouth.
    pub mouth: [f64; 2],
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
