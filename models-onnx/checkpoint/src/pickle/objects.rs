//! What a pickle describes: objects that name each other by number, so that cycles and depth cost nothing.

use std::sync::Arc;

/// An object's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id(pub(super) u32);

impl Id {
    /// The number of the object at an index of all objects.
    pub(crate) fn at(index: usize) -> Self {
        // There are never so many, see the limits of the machine.
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A range of the stream. Long things stay there until someone asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) len: u64,
}

/// One thing that the stream describes.
#[derive(Debug)]
pub(crate) enum Object {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits. None of those matters to us.
    Long,
    Float(f64),
    Text(Arc<str>),
    /// Text too long for a name or a setting.
    LongText(Span),
    Bytes(Span),
    /// Bytes that had to be decoded.
    Raw(Arc<[u8]>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// The name of a class or a function, `module.name`. Nothing but the name.
    Global(Arc<str>),
    /// A reference to something outside the stream.
    Persistent(Id),
    Call(Box<Call>),
}

/// An object that the stream wants made by a call.
#[derive(Debug)]
pub(crate) struct Call {
    /// What should be called.
    pub(crate) function: Id,
    /// With what: a tuple.
    pub(crate) arguments: Id,
    /// The state that the object should take.
    pub(crate) state: Option<Id>,
    /// What should be appended to it.
    pub(crate) items: Vec<Id>,
    /// What should be put into it.
    pub(crate) pairs: Vec<(Id, Id)>,
}

/// All objects of one pickle.
#[derive(Debug, Default)]
pub(crate) struct Objects(pub(super) Vec<Object>);

impl Objects {
    pub(crate) fn get(&self, id: Id) -> &Object {
        &self.0[id.index()]
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn text(&self, id: Id) -> Option<&Arc<str>> {
        if let Object::Text(text) = self.get(id) { Some(text) } else { None }
    }

    pub(crate) fn int(&self, id: Id) -> Option<i64> {
        match self.get(id) {
            Object::Int(int) => Some(*int),
            Object::Bool(bool) => Some((*bool).into()),
            _ => None,
        }
    }

    /// A size, an offset or a stride.
    pub(crate) fn size(&self, id: Id) -> Option<usize> {
        self.int(id).and_then(|int| usize::try_from(int).ok())
    }

    pub(crate) fn global(&self, id: Id) -> Option<&Arc<str>> {
        if let Object::Global(name) = self.get(id) { Some(name) } else { None }
    }

    pub(crate) fn tuple(&self, id: Id) -> Option<&[Id]> {
        if let Object::Tuple(items) = self.get(id) { Some(items) } else { None }
    }

    /// The items of a list or a tuple.
    pub(crate) fn sequence(&self, id: Id) -> Option<&[Id]> {
        if let Object::Tuple(items) | Object::List(items) = self.get(id) { Some(items) } else { None }
    }
}
