//! The border to the dialogs: one C function over these values.
//!
//! The plug-in hands over an [`Open`]; the dialog answers with a [`Closed`]. While it is open the dialog may
//! [`Ask`] at any time from its main loop and gets an [`Answer`] at once; slow work is asked for with
//! [`Ask::Preview`] and collected with [`Ask::Poll`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::job::{Face, Fidelity, Runtime};
use crate::param::{Known, Param, Values};
use crate::picture::Picture;
use crate::recipe::Step;

/// What a dialog is opened with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Window title, translated.
    pub title: String,
    /// What can be stacked; the first is what the user chose from the menu.
    pub operations: Vec<OperationEntry>,
    /// The parameters of the road: how the photo gets into the pack and back.
    pub road: Vec<Param>,
    /// The packs that there are.
    pub packs: Vec<PackEntry>,
    /// What to start from.
    pub choice: Choice,
    /// The photo as a whole, reduced to what a screen shows.
    pub photo: Picture,
    /// Where its upper left corner lies in the image, and how many pixels of the image are one of it: what lies at `p`
    /// in [`Self::photo`] lies at `origin + p · scale` in the image, which parameters speak of.
    pub origin: [f64; 2],
    /// See [`Self::origin`].
    pub scale: f64,
    /// The faces in it, in its pixels, the largest first.
    pub faces: Vec<Face>,
    /// The part of it that is edited, before the edit.
    pub before: Picture,
    /// What the user has kept by name, and what was applied of late.
    pub kept: Vec<Kept>,
    /// The host's window, to stay in front of it.
    pub parent: Parent,
    /// Name and version of the host, such as `GIMP 3.0.4`.
    pub host: String,
    /// Whether the host looks dark; `None` where it cannot be told.
    pub dark: Option<bool>,
    /// Folder of the compiled translations, if installed.
    pub locale_folder: Option<String>,
}

/// What a user chooses in a dialog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The stack of edits, the first made first.
    pub steps: Vec<Step>,
    /// Values of the road.
    pub road: Values,
    /// Identifier of the pack.
    pub pack: String,
    /// How the models run.
    pub runtime: Runtime,
}

/// An operation as the dialog offers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationEntry {
    /// Identifier.
    pub id: String,
    /// Its name, translated.
    pub name: String,
    /// One sentence on what it does, untranslated.
    pub about: String,
    /// Its parameters; the dialog draws a control for each.
    pub params: Vec<Param>,
}

/// A pack as the chooser shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackEntry {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// What it knows, its licence: a few sentences.
    pub about: String,
    /// What it lacks, by operation; an operation that it can do is missing here or has none.
    pub missing: BTreeMap<String, Vec<String>>,
    /// The pack's own defaults for some parameters, by operation; applied by Reset and by choosing it.
    pub values: BTreeMap<String, Values>,
    /// The names that only it knows.
    pub names: BTreeMap<Known, Vec<String>>,
}

/// Edits that were kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name: the user's for a preset; for the history what was done, translated.
    pub name: String,
    /// Whether the user gave it a name; the others are history, newest first.
    pub preset: bool,
    /// What it looked like, if that is known: a small picture.
    pub thumbnail: Option<Picture>,
    /// The stack.
    pub steps: Vec<Step>,
}

/// The window of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parent {
    /// There is none, as in a console run.
    None,
    /// An X11 window.
    X11(u64),
    /// A Wayland surface exported by its compositor.
    Wayland(String),
}

/// What an open dialog asks of the plug-in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Begin a preview; an earlier one that still runs is cancelled.
    Preview {
        /// Chosen by the dialog, larger every time.
        serial: u64,
        /// What is chosen; without steps as long as they are not complete: then only the reconstruction is wanted.
        choice: Choice,
        /// Whether the user asked for it, so that it may take long.
        patient: bool,
    },
    /// What is new of the newest preview.
    Poll,
    /// Cancel the newest preview, whose answers are not wanted any more. Answered by [`Answer::Nothing`].
    Stop,
    /// Keep the steps under a name; an older preset of that name is replaced. Answered by [`Answer::Kept`].
    Keep {
        /// The name.
        name: String,
        /// The steps.
        steps: Vec<Step>,
    },
    /// Forget a preset. Answered by [`Answer::Kept`].
    Forget {
        /// Its name.
        name: String,
    },
    /// Write a recipe of the choice into a file. Answered by [`Answer::Nothing`] or [`Answer::Failed`].
    Export {
        /// The file.
        path: String,
        /// What to write.
        choice: Choice,
    },
    /// Read a recipe from a file. Answered by [`Answer::Imported`] or [`Answer::Failed`].
    Import {
        /// The file.
        path: String,
    },
}

/// What the plug-in answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Nothing to say: the preview has just been asked for, or nothing changed since the last poll.
    Nothing,
    /// It is being worked on.
    Working {
        /// Which preview.
        serial: u64,
        /// `0.0..=1.0`.
        fraction: f32,
        /// What it does.
        doing: String,
        /// What it looks like so far, where it is a new picture: as [`Shown`].
        shown: Option<Box<Shown>>,
    },
    /// This would take long; the dialog asks again when the user wants it.
    Slow {
        /// Which preview.
        serial: u64,
    },
    /// A preview is there.
    Ready {
        /// Which preview.
        serial: u64,
        /// The pictures.
        shown: Box<Shown>,
        /// What the user should know, such as the device taken; may be empty.
        note: String,
    },
    /// It failed; one sentence.
    Failed {
        /// Which preview; zero for everything else that was asked.
        serial: u64,
        /// What went wrong and what to do.
        why: String,
    },
    /// What is kept now.
    Kept(Vec<Kept>),
    /// The recipe that was read.
    Imported(Choice),
}

/// The pictures of a preview; all of the part that is edited, and of the same size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The photo; `None` where it is the one that the dialog has.
    pub before: Option<Picture>,
    /// Corners of the part in pixels of [`Open::photo`]: top left, top right, bottom right, bottom left.
    pub corners: [[f64; 2]; 4],
    /// The photo as the pack knows it: what every edit starts from.
    pub inverted: Picture,
    /// How well the pack knows it; none where the picture was made up.
    pub fidelity: Option<Fidelity>,
    /// The edits; none where no steps were given.
    pub variants: Vec<ShownVariant>,
}

/// One edit of a preview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownVariant {
    /// The photo after the edit.
    pub after: Picture,
    /// As [`Variant::label`](crate::job::Variant).
    pub label: String,
    /// As [`Variant::gain`](crate::job::Variant).
    pub gain: Option<f32>,
    /// As [`Variant::identity`](crate::job::Variant).
    pub identity: Option<f32>,
}

/// How a dialog ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Closed {
    /// The user applied.
    Apply(Choice),
    /// The user cancelled or closed the window.
    Cancel,
    /// The dialog could not be shown; one sentence.
    Failed(String),
}
