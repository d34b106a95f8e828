//! The operations: one room each, one line here.

pub mod attribute;
pub mod text_edit;

use crate::error::PluginError;
use crate::operation::Operation;

/// Every operation there is.
pub static OPERATIONS: &[&dyn Operation] = &[&text_edit::TextEdit, &attribute::Attribute];

/// The operation called `id`.
pub fn find(id: &str) -> Result<&'static dyn Operation, PluginError> {
    let found = OPERATIONS.iter().find(|operation| operation.id() == id);
    found.copied().ok_or_else(|| PluginError::NoOperation(id.to_owned()))
}
