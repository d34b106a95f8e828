//! What the objects of a pickle mean: which are tensors, which are settings, and what their names are.
//!
//! Only the calls named in this folder mean anything: PyTorch's and numpy's for tensors, those for Python's own
//! containers, NVIDIA's for its persistent classes. What they say is read off their arguments. Everything else stands
//! as [`Value::StandIn`], and a tensor that would need it is refused.

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
    /// Bytes that were written as letters.
    decoded: HashMap<Id, Option<Source>>,
    /// Storages that came as streams of their own.
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

    /// The bytes that an object stands for, if it does.
    fn bytes(&mut self, id: Id) -> Option<Source> {
        match self.objects().get(id) {
            Object::Bytes(span) => self.span(*span),
            Object::Raw(bytes) => Some(Source::memory(bytes.to_vec())),
            Object::Call(_) => {
                if let Some(decoded) = self.decoded.get(&id) {
                    return decoded.clone();
                }
                let decoded = self.decode(id);
                self.decoded.insert(id, decoded.clone());
                decoded
            }
            _ => None,
        }
    }

    /// Bytes that protocols 0 to 2 wrote as Latin-1 letters, and byte arrays.
    fn decode(&self, id: Id) -> Option<Source> {
        let (name, arguments) = self.named_call(id)?;
        match (name, arguments) {
            ("_codecs.encode", [text, encoding]) if &**self.objects().text(*encoding)? == "latin1" => {
                let letters = match self.objects().get(*text) {
                    Object::Text(text) => text.to_string(),
                    Object::LongText(span) => String::from_utf8(self.span(*span)?.read().ok()?).ok()?,
                    _ => return None,
                };
                latin1(&letters).map(Source::memory)
            }
            ("builtins.bytes" | "__builtin__.bytes" | "builtins.bytearray" | "__builtin__.bytearray", []) => {
                Some(Source::memory(Vec::new()))
            }
            ("builtins.bytearray" | "__builtin__.bytearray", [bytes]) => match self.objects().get(*bytes) {
                Object::Bytes(span) => self.span(*span),
                _ => None,
            },
            _ => None,
        }
    }
}
