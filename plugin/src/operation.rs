//! What an operation is: the only thing a new room has to provide.

use models_onnx::pack::Manifest;
use models_onnx::{Cancel, Code, Role};
use pentimento_protocol::param::{Param, Values};

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

    /// What a pack must have.
    fn needs(&self) -> &'static [Role];

    /// The parameters.
    fn params(&self) -> &'static [Param];

    /// What a pack suggests for some parameters.
    fn suggested(&self, pack: &Manifest) -> Values;

    /// Name of the layer an edit makes.
    fn layer_name(&self, values: &Values) -> String;

    /// Edits a code: one code for a layer, several for an animation. The note, if any, is for the user.
    fn edit(
        &self,
        studio: &mut Studio,
        code: &Code,
        values: &Values,
        cancel: &Cancel,
    ) -> Result<Edited, PluginError>;
}

/// What an operation made of a code.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The edited codes.
    pub codes: Vec<Code>,
    /// What the user should know; may be empty.
    pub note: String,
}
