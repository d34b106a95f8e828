//! The border to the dialogs: one C function over these values.
//!
//! The plug-in hands over an [`Open`]; the dialog answers with a [`Closed`]. While it is open the dialog may
//! [`Ask`] at any time from its main loop and gets an [`Answer`] at once; slow work is asked for with
//! [`Ask::Preview`] and collected with [`Ask::Poll`].

use serde::{Deserialize, Serialize};

use crate::job::{Fidelity, Runtime};
use crate::param::{Param, Values};
use crate::picture::Picture;

/// What a dialog is opened with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Window title, translated.
    pub title: String,
    /// One sentence on what the operation does, untranslated.
    pub about: String,
    /// The parameters; the dialog draws a control for each.
    pub params: Vec<Param>,
    /// Their values to start from.
    pub values: Values,
    /// The packs that can do this operation.
    pub packs: Vec<PackEntry>,
    /// Identifier of the chosen pack.
    pub pack: String,
    /// How the models run.
    pub runtime: Runtime,
    /// The crop before the edit, at preview size.
    pub before: Picture,
    /// The host's window, to stay in front of it.
    pub parent: Parent,
    /// Name and version of the host, such as `GIMP 3.0.4`.
    pub host: String,
    /// Whether the host looks dark; `None` where it cannot be told.
    pub dark: Option<bool>,
    /// Folder of the compiled translations, if installed.
    pub locale_folder: Option<String>,
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
    /// What it lacks for this operation; empty if it can be used.
    pub missing: Vec<String>,
    /// The pack's own defaults for some parameters, applied by Reset and by choosing it.
    pub values: Values,
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
    /// Begin a preview with these values; an earlier one that still runs is cancelled.
    Preview {
        /// Chosen by the dialog, larger every time.
        serial: u64,
        /// Values of the parameters; `None` as long as they are not complete: then only the fidelity is wanted.
        values: Option<Values>,
        /// Identifier of the pack.
        pack: String,
        /// How the models run.
        runtime: Runtime,
    },
    /// What is new of the newest preview.
    Poll,
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
    },
    /// A preview is there.
    Ready {
        /// Which preview.
        serial: u64,
        /// The crop after the edit, same size as [`Open::before`], and equal to it where no values were given.
        after: Picture,
        /// How well the pack knows the picture.
        fidelity: Fidelity,
        /// What the user should know, such as the device taken; may be empty.
        note: String,
    },
    /// It failed; one sentence.
    Failed {
        /// Which preview.
        serial: u64,
        /// What went wrong and what to do.
        why: String,
    },
}

/// How a dialog ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Closed {
    /// The user applied.
    Apply {
        /// Values of the parameters.
        values: Values,
        /// Identifier of the pack.
        pack: String,
        /// How the models run.
        runtime: Runtime,
    },
    /// The user cancelled or closed the window.
    Cancel,
    /// The dialog could not be shown; one sentence.
    Failed(String),
}
