//! What a plug-in tells GIMP about itself, and how it is called.

use crate::host::{Host, ImageId, ItemId};

/// The kinds of images that menu entries are offered for. A script may pass an indexed image all the same; it
/// is told [`crate::HostError::Indexed`].
pub(crate) const IMAGE_TYPES: &std::ffi::CStr = c"RGB*, GRAY*";

/// How a procedure was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// From a menu: show a dialog.
    Interactive,
    /// From a script: all arguments given.
    NonInteractive,
    /// Repeat with the arguments of the last run.
    WithLastValues,
}

/// The value of a procedure argument.
#[derive(Debug, Clone, PartialEq)]
pub enum ArgValue {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// Yes or no; a 0/1 integer in 2.10.
    Flag(bool),
}

/// Type, range and default of an argument.
#[derive(Debug, Clone, PartialEq)]
pub enum ArgKind {
    /// Text with its default.
    Text(String),
    /// A number.
    Number {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
        /// Default.
        default: f64,
    },
    /// Yes or no with its default.
    Flag(bool),
}

/// One argument of a procedure, after run mode, image and drawable.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// Its name in kebab-case.
    pub name: String,
    /// Short label, translated.
    pub label: String,
    /// One sentence, translated.
    pub help: String,
    /// Type, range and default.
    pub kind: ArgKind,
}

/// A procedure with a menu entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Procedure {
    /// Name in the procedure database, such as `plug-in-pentimento-text-edit`.
    pub name: String,
    /// Menu label with a mnemonic underscore, translated.
    pub menu_label: String,
    /// Where it stands, such as `<Image>/Filters/Pentimento`.
    pub menu_path: String,
    /// One sentence, translated.
    pub blurb: String,
    /// A paragraph of help, translated.
    pub help: String,
    /// Icon file (PNG), if any.
    pub icon: Option<std::path::PathBuf>,
    /// Arguments after run mode, image and drawable.
    pub arguments: Vec<Argument>,
}

/// A call from GIMP.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Name of the procedure.
    pub procedure: String,
    /// How it was called.
    pub mode: RunMode,
    /// The image.
    pub image: ImageId,
    /// The selected drawables; one in 2.10.
    pub drawables: Vec<ItemId>,
    /// One value per [`Procedure::arguments`], in order: what the script gave, or, for the other run modes,
    /// what the last successful run from a menu used, or the defaults.
    pub arguments: Vec<ArgValue>,
}

/// How a run ended well.
#[derive(Debug, Clone, PartialEq)]
pub enum Finish {
    /// Done, with these arguments: after a run from a menu they are remembered for the next one.
    Done(Vec<ArgValue>),
    /// The user cancelled.
    Cancelled,
}

/// A plug-in.
pub trait PlugIn {
    /// What to register. Called when GIMP queries.
    fn procedures(&self) -> Vec<Procedure>;

    /// Runs one procedure. The error is one sentence for the user.
    fn run(&self, host: &dyn Host, call: &Call) -> Result<Finish, String>;

    /// Domain and folder of the translations, if installed.
    fn translations(&self) -> Option<(String, std::path::PathBuf)>;
}
