//! The containers that tensors come in, told apart by their first bytes.

mod archive;
pub(crate) mod legacy;
mod npy;
mod plain;
mod safetensors;
mod torch_zip;

use crate::Error;
use crate::checkpoint::Contents;
use crate::source::Source;

/// What kind of file a checkpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `torch.save` since PyTorch 1.6: a zip.
    TorchZip,
    /// `torch.save` before that: pickles and numbers, one after the other.
    TorchStream,
    /// `torch.jit.save`: a zip with code, which is passed over.
    TorchScript,
    /// safetensors.
    Safetensors,
    /// A plain pickle: NVIDIA's generators, TensorFlow networks, numpy arrays in lists and dictionaries.
    Pickle,
    /// One numpy array.
    Npy,
    /// A zip of numpy arrays.
    Npz,
}

pub(crate) fn read(source: &Source) -> Result<(Kind, Contents), Error> {
    let head = source.head(512)?;
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        let members = archive::members(source)?;
        if npy::is_npz(&members) {
            return Ok((Kind::Npz, npy::read_npz(&members)?));
        }
        return torch_zip::read(&members);
    }
    if head.starts_with(npy::MAGIC) {
        return Ok((Kind::Npy, npy::read(source)?));
    }
    if legacy::is_stream(&head) {
        return Ok((Kind::TorchStream, legacy::read(source)?));
    }
    if let Some(other) = something_else(&head) {
        return Err(Error::Other(other));
    }
    if safetensors::is_header(&head) {
        return Ok((Kind::Safetensors, safetensors::read(source)?));
    }
    if plain::may_start(&head) {
        return Ok((Kind::Pickle, plain::read(source)?));
    }
    Err(Error::Other("a file of an unknown kind"))
}

/// What people have on their disks instead of a checkpoint, with what to do about it.
fn something_else(head: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 9] = [
        (
            b"version https://git-lfs",
            "a Git LFS pointer (fetch the file itself with `git lfs pull`, or download it)",
        ),
        (b"\x1f\x8b", "a gzip file (unpack it first)"),
        (b"BZh", "a bzip2 file (unpack it first)"),
        (b"\xfd7zXZ", "an xz file (unpack it first)"),
        (b"7z\xbc\xaf", "a 7z file (unpack it first)"),
        (b"\x89HDF", "a Keras or HDF5 file"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"%PDF", "a PDF"),
    ];
    let text = head.trim_ascii_start();
    let page = text.get(..5).is_some_and(|start| {
        [&b"<!doc"[..], b"<html", b"<head", b"<?xml"].iter().any(|tag| start.eq_ignore_ascii_case(tag))
    });
    if head.is_empty() {
        Some("an empty file (download it again)")
    } else if page {
        Some(
            "a web page (the download asked for a confirmation, or failed: fetch the file again in a browser)",
        )
    } else if head.get(257..262) == Some(b"ustar") {
        Some("a tar file (unpack it first, or save it again with a newer PyTorch)")
    } else {
        KNOWN.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, what)| *what)
    }
}
