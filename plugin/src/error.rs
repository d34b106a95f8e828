//! What the user is told, and what to do next.

use models_onnx::ModelError;
use pentimento_ffi::HostError;
use pentimento_protocol::MessageError;
use pentimento_protocol::param::ValueError;
use pentimento_protocol::recipe::RecipeError;

/// An error of the plug-in. Its text is one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// From the host.
    #[error(transparent)]
    Host(#[from] HostError),
    /// From packs, sessions and mathematics.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// From the measuring of relevance.
    #[error(transparent)]
    Relevance(#[from] models_onnx::relevance::RelevanceError),
    /// From the conversion of checkpoints.
    #[error(transparent)]
    Convert(#[from] convert::Error),
    /// A direction that leads nowhere.
    #[error(transparent)]
    Direction(#[from] models_onnx::direction::DirectionError),
    /// Eyes and mouth that give no square.
    #[error(transparent)]
    Alignment(#[from] models_onnx::alignment::AlignmentError),
    /// Faces cannot be looked for.
    #[error(transparent)]
    Landmarks(#[from] models_onnx::landmarks::LandmarksError),
    /// A parameter out of range.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A recipe that cannot be read.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A message across a border that cannot be read.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The selection misses the layer.
    #[error("the selection lies beside the layer; select a part of the photo, or nothing to edit all of it")]
    SelectionOutside,
    /// Too few pixels.
    #[error("the area to edit is only {side} pixels wide; select at least {smallest}")]
    TooSmall {
        /// Side of the square in pixels.
        side: u32,
        /// Smallest that is accepted.
        smallest: u32,
    },
    /// The mask hides everything.
    #[error(
        "nothing of the edit would show, because the selection is too faint or too thin; select a larger area"
    )]
    NothingShows,
    /// Places that cannot be read; the sentence says what.
    #[error("{0}")]
    Points(String),
    /// Fewer faces than were counted.
    #[error(
        "face {wanted} was asked for, but {count} were found; give a smaller number, or place eyes and mouth by hand"
    )]
    NoFace {
        /// Which was asked for.
        wanted: usize,
        /// How many there are.
        count: usize,
    },
    /// No pack finds faces.
    #[error(
        "no pack that finds faces is installed, so the middle is edited; install “landmarks” or place eyes and mouth by hand"
    )]
    NoFinder,
    /// Fewer results than were counted.
    #[error("result {wanted} was asked for, but the edit has {count}; give a smaller number, or 0 for all")]
    NoVariant {
        /// Which was asked for.
        wanted: usize,
        /// How many there are.
        count: usize,
    },
    /// A layer that a recipe speaks of.
    #[error("this layer was made of a layer called “{0}”, which is gone; select the photo instead")]
    NoSource(String),
    /// NaN or infinity in the photo.
    #[error(
        "the photo holds values that are not numbers (NaN or infinity); repair it, for example with Colors → Levels, and try again"
    )]
    NotFinite,
    /// Pictures that should be equal in size are not: our bug, or a pack that lies.
    #[error("the pack made a picture of another size than it promises; verify or reinstall the pack")]
    Sizes,
    /// No pack of this name.
    #[error("there is no pack “{name}”; installed are: {installed}")]
    NoPack {
        /// What was asked for.
        name: String,
        /// Comma-separated identifiers, or “none”.
        installed: String,
    },
    /// No pack at all that can do it.
    #[error("no pack is installed that can do this; install one with: cargo pentimento-installer install")]
    NoPacks,
    /// A pack lacks roles.
    #[error("the pack “{pack}” lacks {missing}, which this operation needs; choose another pack")]
    Missing {
        /// The pack.
        pack: String,
        /// What it lacks, in words.
        missing: String,
    },
    /// No operation of this name.
    #[error("there is no operation “{0}”")]
    NoOperation(String),
    /// The worker thread is gone: it panicked, which is our bug.
    #[error("the edit stopped unexpectedly; please report this with the lines on the terminal")]
    WorkerGone,
    /// The job failed; the sentence comes from where it ran.
    #[error("{0}")]
    Job(String),
    /// The user cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A picture file.
    #[error("{what}: {path}")]
    File {
        /// What went wrong.
        what: String,
        /// Which file.
        path: String,
    },
}
