//! Reads pickles as data.
//!
//! A pickle is a program for a small stack machine; Python's loader obeys it, and one of its instructions calls any
//! function of any module. This machine obeys nothing: it *writes down* what the program asks for. "Call `os.system`
//! with these arguments" becomes the [`Object::Call`] that says so, an object like a list or a text. There is no table
//! of functions here, and nothing that a name could be looked up in: the names stay text.
//!
//! [`machine`] turns the stream into objects, [`objects`] keeps them. What a few calls mean (that
//! `torch._utils._rebuild_tensor_v2` describes a tensor) is read from them in `crate::meaning`.

mod letters;
mod machine;
mod objects;
mod opcode;

pub(crate) use letters::latin1;
pub(crate) use machine::{Pickle, read};
pub(crate) use objects::{Call, Id, Object, Objects, Span};
