//! What a checkpoint holds beside tensors: settings, names, counts.

use std::sync::Arc;

/// A setting of a checkpoint, or what stands for an object of a class.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Python's `None`.
    None,
    /// True or false.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(Arc<str>),
    /// Bytes, a long text or a long integer, which are not kept.
    Data,
    /// An object of this class (`module.name`). It was not made: what the file says about it lies under its name.
    StandIn(Arc<str>),
    /// An object that holds the object it lies in.
    Cycle,
}

impl Value {
    /// The truth value of a switch.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        if let Self::Bool(bool) = self { Some(*bool) } else { None }
    }

    /// The integer.
    #[must_use]
    pub fn int(&self) -> Option<i64> {
        if let Self::Int(int) = self { Some(*int) } else { None }
    }

    /// The number, also of an integer.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Settings are small.
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Float(float) => Some(*float),
            Self::Int(int) => Some(*int as f64),
            _ => None,
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}
