//! What an operation is: the only thing a new room has to provide.

use models_onnx::pack::Manifest;
use models_onnx::{Cancel, Code, Role};
use ndarray::Array1;
use pentimento_protocol::param::{Param, Values};
use pentimento_protocol::picture::Picture;

use crate::error::PluginError;
use crate::studio::Studio;

/// One way to edit a code. Menus, procedures, command-line flags, dialogs and tests are derived from it.
pub trait Operation: Sync {
    /// Stable identifier in kebab-case; the procedure is `plug-in-pentimento-<id>`.
    fn id(&self) -> &'static str;
    /// Menu entry and dialog title, untranslated, with a mnemonic underscore.
    fn menu(&self) -> &'static str;
    /// One sentence on what it does, untranslated.
    fn about(&self) -> &'static str;
    /// What a pack must have, whatever the parameters are.
    fn needs(&self) -> &'static [Role];
    /// What it must have beside that for these parameters.
    fn needs_for(&self, _values: &Values) -> &'static [Role] {
        &[]
    }
    /// The parameters.
    fn params(&self) -> &'static [Param];
    /// What a pack suggests for some parameters.
    fn suggested(&self, pack: &Manifest) -> Values;
    /// Name of the layer an edit makes.
    fn layer_name(&self, values: &Values) -> String;
    /// Whether it takes longer than a slider may, so that a dialog waits until it is asked for.
    fn is_slow(&self, _values: &Values) -> bool {
        false
    }
    /// Edits a code.
    ///
    /// # Errors
    /// [`PluginError`].
    fn edit(
        &self,
        studio: &mut Studio,
        code: &Code,
        values: &Values,
        work: &Work<'_>,
    ) -> Result<Edited, PluginError>;
}

/// What an operation made of a code.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The edited codes, one at least.
    pub variants: Vec<Variant>,
    /// What several of them are to each other.
    pub order: Order,
    /// The embedding of the text that it went towards, if there was one; see [`models_onnx::text`].
    pub toward: Option<Array1<f32>>,
    /// What the user should know; may be empty.
    pub note: String,
}

/// One edited code.
#[derive(Debug, Clone)]
pub struct Variant {
    /// The code.
    pub code: Code,
    /// Its picture, where it was drawn on the way.
    pub picture: Option<Picture>,
    /// What tells it from the others, translated; empty where it is alone.
    pub label: String,
}

/// What several variants are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Candidates, which are ranked by what came of them.
    Candidates,
    /// A sequence, such as the steps of an optimisation, which stays as it is.
    Sequence,
}

impl Edited {
    /// One code.
    pub fn one(code: Code) -> Self {
        let variants = vec![Variant { code, picture: None, label: String::new() }];
        Self { variants, order: Order::Sequence, toward: None, note: String::new() }
    }
}

/// How an operation talks while it works.
pub struct Work<'a> {
    /// Whether it should stop.
    pub cancel: &'a Cancel,
    /// Hears how far it is, `0.0..=1.0`, and what it does, translated.
    pub progress: &'a dyn Fn(f32, String),
    /// Hears what the user should know.
    pub note: &'a dyn Fn(String),
    /// Hears what it looks like so far: a picture of the pack.
    pub preview: &'a dyn Fn(Picture),
}
