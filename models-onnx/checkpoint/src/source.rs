//! Bytes of a checkpoint, read where and when they are asked for.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::DeflateDecoder;

use crate::Error;

/// The most that one compressed entry of an archive may unfold to. PyTorch never compresses, numpy only if asked.
pub(crate) const UNFOLDED: u64 = 256 << 20;

/// A range of a file or of memory. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    bytes: Arc<Bytes>,
    start: u64,
    len: u64,
}

#[derive(Debug)]
enum Bytes {
    File(Mutex<File>),
    Memory(Vec<u8>),
}

impl Source {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { bytes: Arc::new(Bytes::File(Mutex::new(file))), start: 0, len })
    }

    pub(crate) fn memory(bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self { bytes: Arc::new(Bytes::Memory(bytes)), start: 0, len }
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The `len` bytes from `start` on; nothing if they are not all there.
    pub(crate) fn part(&self, start: u64, len: u64) -> Option<Self> {
        (start.checked_add(len)? <= self.len).then(|| Self {
            bytes: self.bytes.clone(),
            start: self.start + start,
            len,
        })
    }

    /// Fills `into` with the bytes from `at` on.
    pub(crate) fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let end = at.checked_add(into.len() as u64).filter(|end| *end <= self.len);
        if end.is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let at = self.start + at;
        match &*self.bytes {
            Bytes::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(into)
            }
            Bytes::Memory(bytes) => {
                let bytes = usize::try_from(at).ok().and_then(|at| bytes.get(at..at + into.len()));
                into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }

    /// All of it, in memory.
    pub(crate) fn read(&self) -> Result<Vec<u8>, Error> {
        let len = usize::try_from(self.len)
            .map_err(|_| Error::TooMuch { what: "bytes in one piece", limit: usize::MAX as u64 })?;
        let mut bytes = vec![0; len];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// The start of it, at most `len` bytes.
    pub(crate) fn head(&self, len: u64) -> Result<Vec<u8>, Error> {
        let len = len.min(self.len);
        self.part(0, len).map_or_else(|| Ok(Vec::new()), |part| part.read())
    }

    /// What this deflated range unfolds to, which must be `len` bytes.
    pub(crate) fn inflate(&self, len: u64) -> Result<Self, Error> {
        if len > UNFOLDED {
            return Err(Error::TooMuch { what: "bytes in one compressed entry", limit: UNFOLDED });
        }
        // One byte more shows an entry that is longer than it says.
        let bytes = self.inflate_head(len + 1)?;
        if bytes.len() as u64 != len {
            return Err(Error::damaged("a compressed entry has another length than it says"));
        }
        Ok(Self::memory(bytes))
    }

    /// The start of what this deflated range unfolds to, at most `len` bytes.
    pub(crate) fn inflate_head(&self, len: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        DeflateDecoder::new(self.reader())
            .take(len)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::damaged(format!("a compressed entry: {error}")))?;
        Ok(bytes)
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader { source: self.clone(), at: 0, buffer: Vec::new(), next: 0 }
    }
}

/// Reads a source from front to end through a buffer.
#[derive(Debug)]
pub(crate) struct Reader {
    source: Source,
    /// Where the buffer ends.
    at: u64,
    buffer: Vec<u8>,
    next: usize,
}

/// Bytes read from the file at once.
const BUFFER: u64 = 64 << 10;

impl Reader {
    /// Where the next byte comes from.
    pub(crate) fn position(&self) -> u64 {
        self.at - (self.buffer.len() - self.next) as u64
    }

    pub(crate) fn left(&self) -> u64 {
        self.source.len() - self.position()
    }

    /// The next byte; nothing at the end.
    pub(crate) fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.next == self.buffer.len() {
            self.fill()?;
        }
        let byte = self.buffer.get(self.next).copied();
        self.next += usize::from(byte.is_some());
        Ok(byte)
    }

    fn fill(&mut self) -> io::Result<()> {
        let len = BUFFER.min(self.source.len() - self.at);
        self.buffer.resize(usize::try_from(len).unwrap_or(0), 0);
        self.source.read_at(self.at, &mut self.buffer)?;
        self.at += len;
        self.next = 0;
        Ok(())
    }

    /// Passes over `len` bytes; false if they are not there.
    pub(crate) fn skip(&mut self, len: u64) -> bool {
        if len > self.left() {
            return false;
        }
        let buffered = (self.buffer.len() - self.next) as u64;
        if len <= buffered {
            self.next += usize::try_from(len).unwrap_or(0);
        } else {
            self.at += len - buffered;
            self.buffer.clear();
            self.next = 0;
        }
        true
    }
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.next == self.buffer.len() {
            self.fill()?;
        }
        let len = into.len().min(self.buffer.len() - self.next);
        into[..len].copy_from_slice(&self.buffer[self.next..self.next + len]);
        self.next += len;
        Ok(len)
    }
}
