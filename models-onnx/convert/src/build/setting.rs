//! Values of attributes.

use autodiff::proto::AttributeProto;

/// A value of an attribute; numbers, lists of integers and words turn into it by `into`.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// An integer.
    Int(i64),
    /// Integers.
    Ints(Vec<i64>),
    /// A number with a fraction.
    Float(f32),
    /// A word.
    Text(String),
}

impl From<i64> for Setting {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Vec<i64>> for Setting {
    fn from(values: Vec<i64>) -> Self {
        Self::Ints(values)
    }
}

impl<const N: usize> From<[i64; N]> for Setting {
    fn from(values: [i64; N]) -> Self {
        Self::Ints(values.into())
    }
}

impl From<f32> for Setting {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Setting {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl Setting {
    /// The message for an attribute.
    pub(crate) fn attribute(&self, name: &str) -> AttributeProto {
        let mut a = AttributeProto { name: name.into(), ..AttributeProto::default() };
        match self {
            Self::Float(f) => (a.f, a.kind) = (*f, 1),
            Self::Int(i) => (a.i, a.kind) = (*i, 2),
            Self::Text(s) => (a.s, a.kind) = (s.clone().into_bytes().into(), 3),
            Self::Ints(i) => (a.ints, a.kind) = (i.clone(), 7),
        }
        a
    }
}
