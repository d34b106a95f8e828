//! The stack machine. Every instruction ends in pushing an object or in filling one; see the module above.

use std::collections::HashMap;
use std::io::Read as _;

use super::objects::{Call, Id, Object, Objects, Span};
use super::{letters, opcode as op};
use crate::Error;
use crate::source::{Reader, Source};

/// Instructions of one pickle. The largest published checkpoints need some hundred thousand.
const INSTRUCTIONS: u64 = 16 << 20;
/// Objects of one pickle.
const OBJECTS: u64 = 2 << 20;
/// Entries of the memo: each needs an object, or repeats one.
const MEMO: u64 = 2 << 20;
/// Text kept in memory, in bytes.
const TEXT: u64 = 64 << 20;
/// A text longer than this stays in the file.
const LONG_TEXT: u64 = 64 << 10;
/// A line of protocol 0, which may be a whole array in letters.
const LINE: u64 = 16 << 20;
/// A module's or a class's name.
const NAME: usize = 256;

/// A pickle that has been read.
#[derive(Debug)]
pub(crate) struct Pickle {
    pub(crate) objects: Objects,
    /// What the whole stream describes.
    pub(crate) root: Id,
    /// The stream, for the spans of the objects.
    pub(crate) source: Source,
    /// Where the next stream begins, if there is one.
    pub(crate) end: u64,
}

/// Reads the pickle at the start of `source`.
///
/// # Errors
/// [`Error`] if it is cut off, contradicts itself, or is beyond the limits above.
pub(crate) fn read(source: &Source) -> Result<Pickle, Error> {
    let mut machine = Machine {
        reader: source.reader(),
        length: source.len(),
        objects: Objects::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        text: 0,
    };
    let mut instructions = 0;
    let root = loop {
        instructions += 1;
        limit(instructions, INSTRUCTIONS, "pickle instructions")?;
        if let Some(root) = machine.step()? {
            break root;
        }
    };
    let end = machine.reader.position();
    Ok(Pickle { objects: machine.objects, root, source: source.clone(), end })
}

struct Machine {
    reader: Reader,
    length: u64,
    objects: Objects,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// Bytes of text so far.
    text: u64,
}

impl Machine {
    /// One instruction; the object of the whole stream at the end.
    fn step(&mut self) -> Result<Option<Id>, Error> {
        let opcode = self.byte()?;
        match opcode {
            op::STOP => return self.pop().map(Some),
            op::PROTO => {
                let protocol = self.number::<1>()?;
                if protocol > 5 {
                    return Err(Error::Unsupported(format!("pickle protocol {protocol}")));
                }
            }
            op::FRAME => drop(self.number::<8>()?),

            op::NONE => self.push(Object::None)?,
            op::NEWTRUE => self.push(Object::Bool(true))?,
            op::NEWFALSE => self.push(Object::Bool(false))?,
            op::BININT => {
                let bits = u32::try_from(self.number::<4>()?).unwrap_or(0);
                self.push(Object::Int(bits.cast_signed().into()))?;
            }
            op::BININT1 => self.unsigned::<1>()?,
            op::BININT2 => self.unsigned::<2>()?,
            op::LONG1 => self.long::<1>()?,
            op::LONG4 => self.long::<4>()?,
            op::BINFLOAT => {
                // The one number that pickles write big-endian.
                let bits = self.number::<8>()?.swap_bytes();
                self.push(Object::Float(f64::from_bits(bits)))?;
            }
            op::INT => self.int_line()?,
            op::LONG => self.long_line()?,
            op::FLOAT => {
                let line = self.line()?;
                let float = line.parse().map_err(|_| wrong("a number"))?;
                self.push(Object::Float(float))?;
            }

            op::SHORT_BINUNICODE => self.unicode::<1>()?,
            op::BINUNICODE => self.unicode::<4>()?,
            op::BINUNICODE8 => self.unicode::<8>()?,
            op::SHORT_BINBYTES | op::SHORT_BINSTRING => self.bytes::<1>()?,
            op::BINBYTES | op::BINSTRING => self.bytes::<4>()?,
            op::BINBYTES8 | op::BYTEARRAY8 => self.bytes::<8>()?,
            op::UNICODE => {
                let line = self.bytes_line()?;
                let text = letters::raw_unicode(&line).ok_or_else(|| wrong("a text"))?;
                self.push_text(text.into())?;
            }
            op::STRING => {
                let line = self.bytes_line()?;
                let bytes = letters::quoted(&line).ok_or_else(|| wrong("a text"))?;
                self.count_text(bytes.len() as u64)?;
                self.push(Object::Raw(bytes.into()))?;
            }

            op::EMPTY_TUPLE => self.push(Object::Tuple(Vec::new()))?,
            op::TUPLE1 => self.tuple(1)?,
            op::TUPLE2 => self.tuple(2)?,
            op::TUPLE3 => self.tuple(3)?,
            op::TUPLE => {
                let items = self.since_mark()?;
                self.push(Object::Tuple(items))?;
            }
            op::EMPTY_LIST => self.push(Object::List(Vec::new()))?,
            op::LIST => {
                let items = self.since_mark()?;
                self.push(Object::List(items))?;
            }
            op::EMPTY_SET => self.push(Object::Set(Vec::new()))?,
            op::FROZENSET => {
                let items = self.since_mark()?;
                self.push(Object::Set(items))?;
            }
            op::EMPTY_DICT => self.push(Object::Dict(Vec::new()))?,
            op::DICT => {
                let pairs = pairs(&self.since_mark()?)?;
                self.push(Object::Dict(pairs))?;
            }
            op::APPEND => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            op::APPENDS | op::ADDITEMS => {
                let items = self.since_mark()?;
                self.append(&items)?;
            }
            op::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[(key, value)])?;
            }
            op::SETITEMS => {
                let pairs = pairs(&self.since_mark()?)?;
                self.set(&pairs)?;
            }

            op::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(&module, &name)?;
            }
            op::STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id| self.objects.text(id).cloned().ok_or_else(|| wrong("the name of a class"));
                let (module, name) = (text(module)?, text(name)?);
                self.global(&module, &name)?;
            }
            op::REDUCE | op::NEWOBJ => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                self.call(function, arguments)?;
            }
            op::NEWOBJ_EX => {
                let (named, arguments, function) = (self.pop()?, self.pop()?, self.pop()?);
                let both = self.add(Object::Tuple(vec![arguments, named]))?;
                self.call(function, both)?;
            }
            op::INST => {
                let (module, name) = (self.line()?, self.line()?);
                let arguments = self.since_mark()?;
                self.global(&module, &name)?;
                let (function, arguments) = (self.pop()?, self.add(Object::Tuple(arguments))?);
                self.call(function, arguments)?;
            }
            op::OBJ => {
                let mut arguments = self.since_mark()?;
                if arguments.is_empty() {
                    return Err(wrong("an object without a class"));
                }
                let function = arguments.remove(0);
                let arguments = self.add(Object::Tuple(arguments))?;
                self.call(function, arguments)?;
            }
            op::BUILD => {
                let state = self.pop()?;
                let object = self.top()?;
                match &mut self.objects.0[object.index()] {
                    Object::Call(call) => call.state = Some(state),
                    _ => return Err(wrong("a state for something that has none")),
                }
            }
            op::BINPERSID => {
                let outside = self.pop()?;
                self.push(Object::Persistent(outside))?;
            }
            op::PERSID => {
                let line = self.line()?;
                self.push_text(line.into())?;
                let outside = self.pop()?;
                self.push(Object::Persistent(outside))?;
            }

            op::MARK => {
                limit(self.marks.len() as u64, OBJECTS, "marks")?;
                self.marks.push(self.stack.len());
            }
            op::POP => {
                // Python pops a mark if nothing lies above it.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            op::POP_MARK => drop(self.since_mark()?),
            op::DUP => {
                let top = self.top()?;
                self.stack.push(top);
            }

            op::MEMOIZE => self.remember(self.memo.len() as u64)?,
            op::BINPUT => {
                let at = self.number::<1>()?;
                self.remember(at)?;
            }
            op::LONG_BINPUT => {
                let at = self.number::<4>()?;
                self.remember(at)?;
            }
            op::PUT => {
                let at = self.index_line()?;
                self.remember(at)?;
            }
            op::BINGET => {
                let at = self.number::<1>()?;
                self.recall(at)?;
            }
            op::LONG_BINGET => {
                let at = self.number::<4>()?;
                self.recall(at)?;
            }
            op::GET => {
                let at = self.index_line()?;
                self.recall(at)?;
            }
            // Extension codes and out-of-band buffers refer to a registry and to a program that are not here.
            _ => {
                return Err(Error::Unsupported(format!(
                    "pickle instruction 0x{opcode:02x} at byte {}",
                    self.reader.position() - 1
                )));
            }
        }
        Ok(None)
    }

    // The stream.

    fn cut(&self) -> Error {
        Error::Cut { length: self.length, what: "the rest of a pickle" }
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.reader.byte()?.ok_or_else(|| self.cut())
    }

    /// A little-endian number of `N` bytes.
    fn number<const N: usize>(&mut self) -> Result<u64, Error> {
        let mut bytes = [0; 8];
        for byte in &mut bytes[..N] {
            *byte = self.byte()?;
        }
        Ok(u64::from_le_bytes(bytes))
    }

    fn line(&mut self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.bytes_line()?).into())
    }

    fn bytes_line(&mut self) -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => break,
                byte => line.push(byte),
            }
            limit(line.len() as u64, LINE, "letters in one line")?;
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(line)
    }

    fn index_line(&mut self) -> Result<u64, Error> {
        self.line()?.parse().map_err(|_| wrong("a number"))
    }

    fn span<const N: usize>(&mut self) -> Result<Span, Error> {
        let len = self.number::<N>()?;
        let start = self.reader.position();
        if self.reader.skip(len) { Ok(Span { start, len }) } else { Err(self.cut()) }
    }

    // Simple objects.

    fn unsigned<const N: usize>(&mut self) -> Result<(), Error> {
        let int = self.number::<N>()?;
        self.push(Object::Int(int.cast_signed()))
    }

    /// A two's complement integer of any length.
    fn long<const N: usize>(&mut self) -> Result<(), Error> {
        let len = self.number::<N>()?;
        if len > 8 {
            return if self.reader.skip(len) { self.push(Object::Long) } else { Err(self.cut()) };
        }
        let mut int = 0_i64;
        for place in 0..len {
            int |= self.number::<1>()?.cast_signed() << (8 * place);
        }
        // The highest bit is the sign.
        let spare = 64 - 8 * len;
        self.push(Object::Int(if len == 0 { 0 } else { int << spare >> spare }))
    }

    fn int_line(&mut self) -> Result<(), Error> {
        let line = self.line()?;
        match line.as_str() {
            "00" => self.push(Object::Bool(false)),
            "01" => self.push(Object::Bool(true)),
            _ => self.digits(&line),
        }
    }

    fn long_line(&mut self) -> Result<(), Error> {
        let line = self.line()?;
        self.digits(line.strip_suffix('L').unwrap_or(&line))
    }

    fn digits(&mut self, digits: &str) -> Result<(), Error> {
        if let Ok(int) = digits.parse() {
            self.push(Object::Int(int))
        } else if digits.trim_start_matches('-').bytes().all(|digit| digit.is_ascii_digit()) {
            self.push(Object::Long)
        } else {
            Err(wrong("a number"))
        }
    }

    fn unicode<const N: usize>(&mut self) -> Result<(), Error> {
        let len = self.number::<N>()?;
        if len > self.reader.left() {
            return Err(self.cut());
        }
        if len > LONG_TEXT {
            let start = self.reader.position();
            self.reader.skip(len);
            return self.push(Object::LongText(Span { start, len }));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        self.reader.read_exact(&mut bytes)?;
        self.push_text(String::from_utf8_lossy(&bytes).into())
    }

    fn push_text(&mut self, text: std::sync::Arc<str>) -> Result<(), Error> {
        self.count_text(text.len() as u64)?;
        self.push(Object::Text(text))
    }

    fn count_text(&mut self, len: u64) -> Result<(), Error> {
        self.text += len;
        limit(self.text, TEXT, "bytes of text")
    }

    fn bytes<const N: usize>(&mut self) -> Result<(), Error> {
        let span = self.span::<N>()?;
        self.push(Object::Bytes(span))
    }

    // The stack and the memo.

    fn add(&mut self, object: Object) -> Result<Id, Error> {
        let index = self.objects.len();
        limit(index as u64, OBJECTS, "objects")?;
        self.objects.0.push(object);
        Ok(Id::at(index))
    }

    fn push(&mut self, object: Object) -> Result<(), Error> {
        let id = self.add(object)?;
        self.stack.push(id);
        Ok(())
    }

    /// Where the part of the stack begins that instructions may touch.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id, Error> {
        if self.stack.len() <= self.floor() {
            return Err(wrong("an empty stack"));
        }
        self.stack.pop().ok_or_else(|| wrong("an empty stack"))
    }

    fn top(&self) -> Result<Id, Error> {
        let above = self.stack.get(self.floor()..).unwrap_or_default();
        above.last().copied().ok_or_else(|| wrong("an empty stack"))
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, Error> {
        let mark = self.marks.pop().ok_or_else(|| wrong("a missing mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, count: usize) -> Result<(), Error> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Object::Tuple(items))
    }

    fn remember(&mut self, at: u64) -> Result<(), Error> {
        limit(self.memo.len() as u64, MEMO, "remembered objects")?;
        let top = self.top()?;
        self.memo.insert(at, top);
        Ok(())
    }

    fn recall(&mut self, at: u64) -> Result<(), Error> {
        let id = *self.memo.get(&at).ok_or_else(|| wrong("an object that was never remembered"))?;
        self.stack.push(id);
        Ok(())
    }

    // Containers, and what would be calls.

    fn append(&mut self, new: &[Id]) -> Result<(), Error> {
        let onto = self.top()?;
        match &mut self.objects.0[onto.index()] {
            Object::List(items) | Object::Set(items) => items.extend(new),
            Object::Call(call) => call.items.extend(new),
            _ => return Err(wrong("an item for something that is no list")),
        }
        Ok(())
    }

    fn set(&mut self, new: &[(Id, Id)]) -> Result<(), Error> {
        let into = self.top()?;
        match &mut self.objects.0[into.index()] {
            Object::Dict(pairs) => pairs.extend(new),
            Object::Call(call) => call.pairs.extend(new),
            _ => return Err(wrong("an entry for something that is no dictionary")),
        }
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<(), Error> {
        if module.len() + name.len() > NAME {
            return Err(wrong("the name of a class"));
        }
        self.count_text((module.len() + name.len()) as u64)?;
        self.push(Object::Global(format!("{module}.{name}").into()))
    }

    /// Writes down that a call is wanted. Nothing is called.
    fn call(&mut self, function: Id, arguments: Id) -> Result<(), Error> {
        let call = Call { function, arguments, state: None, items: Vec::new(), pairs: Vec::new() };
        self.push(Object::Call(Box::new(call)))
    }
}

fn wrong(what: &str) -> Error {
    Error::damaged(format!("a pickle holds {what} where none can be"))
}

fn limit(count: u64, limit: u64, what: &'static str) -> Result<(), Error> {
    if count < limit { Ok(()) } else { Err(Error::TooMuch { what, limit }) }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, Error> {
    let (pairs, rest) = items.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(wrong("a key without a value"));
    }
    Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
}
