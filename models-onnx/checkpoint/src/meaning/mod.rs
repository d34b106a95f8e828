//! What the objects of a pickle mean: which are tensors, which are settings, and what their names are.
//!
//! Only the calls named in this folder mean anything: PyTorch's and numpy's for tensors, those for Python's own
//! containers, NVIDIA's for its persistent classes. What they say is read off their arguments. Everything else stands
//! as [`crate::Value::StandIn`], and a tensor that would need it is refused.

mod numpy;
mod tensors;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use tensors::StorageName;

use crate::Error;
use crate::checkpoint::{Contents, Entry};
use crate::pickle::{Call, Id, Object, Objects, Pickle, Span, latin1};
use crate::source::Source;
use crate::tensor::Storage;

/// Finds the storage that a pickle refers to by a key, or says why it cannot.
pub(crate) type Outside<'a> = &'a dyn Fn(&str) -> Result<Storage, String>;

/// The tensors and settings that a pickle describes.
///
/// # Errors
/// [`Error::TooMuch`] if it describes more than a checkpoint may hold.
pub(crate) fn contents(pickle: &Pickle, outside: Outside) -> Result<Contents, Error> {
    walk::walk(&mut Meaning {
        pickle,
        outside,
        tensors: HashMap::new(),
        decoded: HashMap::new(),
        streams: HashMap::new(),
    })
}

/// Reads meaning from the objects of one pickle.
struct Meaning<'a> {
    pickle: &'a Pickle,
    outside: Outside<'a>,
    /// Tensors that have been read. Kept like the next two, because many names may refer to one object.
    tensors: HashMap<Id, Option<Entry>>,
    /// Bytes, by what they are written in.
    decoded: HashMap<Id, Option<Source>>,
    /// Storages that came as streams of their own, by what those are written in.
    streams: HashMap<Id, Result<(crate::Dtype, Storage), String>>,
}

impl<'a> Meaning<'a> {
    fn objects(&self) -> &'a Objects {
        &self.pickle.objects
    }

    fn call(&self, id: Id) -> Option<&'a Call> {
        if let Object::Call(call) = self.objects().get(id) { Some(call) } else { None }
    }

    /// The name of what a call wants called, and its arguments.
    fn named_call(&self, id: Id) -> Option<(&'a str, &'a [Id])> {
        let call = self.call(id)?;
        Some((&**self.class(call.function)?, self.objects().tuple(call.arguments)?))
    }

    /// The name of a class or a function.
    fn class(&self, id: Id) -> Option<&'a Arc<str>> {
        match self.objects().get(id) {
            Object::Global(name) => Some(name),
            // Old files of PyTorch carry the source of a class along: ('module', class, file, source).
            Object::Persistent(named) => match self.objects().tuple(*named)? {
                [kind, class, ..] if &**self.objects().text(*kind)? == "module" => {
                    self.objects().global(*class)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What makes an object, for people.
    fn maker(&self, id: Id) -> &'a str {
        match self.objects().get(id) {
            Object::Call(call) => {
                self.class(call.function).map_or("the result of another call", |class| class)
            }
            Object::Global(name) => name,
            Object::Persistent(_) => "a reference to something outside the file",
            _ => "something else",
        }
    }

    /// Why a tensor is refused that needs this object for `what`.
    fn stranger(&self, what: &str, id: Id) -> String {
        match self.objects().get(id) {
            Object::Call(_) => {
                format!("{what} would be made by {}, which is never called here", self.maker(id))
            }
            _ => format!("{what} is {}", self.maker(id)),
        }
    }

    fn span(&self, span: Span) -> Option<Source> {
        self.pickle.source.part(span.start, span.len)
    }

    /// The object that bytes are written in: themselves, or the letters that protocols 0 to 2 wrote for them.
    fn written(&self, id: Id) -> Option<Id> {
        let objects = self.objects();
        if matches!(objects.get(id), Object::Bytes(_) | Object::Raw(_)) {
            return Some(id);
        }
        let latin1 =
            |encoding: Id| objects.text(encoding).is_some_and(|name| matches!(&**name, "latin1" | "latin-1"));
        match self.named_call(id)? {
            ("_codecs.encode", [text, encoding]) if latin1(*encoding) => Some(*text),
            ("builtins.bytearray" | "__builtin__.bytearray", [text, encoding]) if latin1(*encoding) => {
                Some(*text)
            }
            ("builtins.bytearray" | "__builtin__.bytearray", [bytes]) => Some(*bytes),
            // No bytes at all, which the empty tuple of the arguments may stand for.
            ("builtins.bytes" | "__builtin__.bytes" | "builtins.bytearray" | "__builtin__.bytearray", []) => {
                self.call(id).map(|call| call.arguments)
            }
            _ => None,
        }
    }

    /// The bytes that an object stands for, if it does.
    fn bytes(&mut self, id: Id) -> Option<Source> {
        let written = self.written(id)?;
        let decode = || match self.objects().get(written) {
            Object::Raw(bytes) => Some(bytes.to_vec()),
            Object::Text(text) => latin1(text),
            Object::LongText(span) => latin1(&String::from_utf8(self.span(*span)?.read().ok()?).ok()?),
            Object::Tuple(nothing) if nothing.is_empty() => Some(Vec::new()),
            _ => None,
        };
        if let Object::Bytes(span) = self.objects().get(written) {
            return self.span(*span);
        }
        if let Some(decoded) = self.decoded.get(&written) {
            return decoded.clone();
        }
        let decoded = decode().map(Source::memory);
        self.decoded.insert(written, decoded.clone());
        decoded
    }
}
