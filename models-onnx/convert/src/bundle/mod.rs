//! What a user brings: files of any number and any names, recognised by what is in them.
//!
//! 1. [`Bundle::open`] reads the tables of contents and recognises what each file holds.
//! 2. [`Bundle::report`] says it: what was found, under what terms, which graphs it makes, what is missing for what.
//! 3. [`Bundle::pack`] puts together a pack, whose graphs [`NewPack::write`] makes, writes and tries.

mod blobgan;
mod exports;
mod found;
mod landmarks;
mod manifest;
mod report;
mod stylegan;
mod terms;

use std::path::{Path, PathBuf};

use checkpoint::Checkpoint;
use models_onnx::pack::AlignmentKind;

use crate::error::Error;
use crate::export;
use crate::networks::{clip, encoder};
use crate::pack::NewPack;
pub use found::Found;
pub use terms::Terms;

/// Longer files are no vocabulary.
const VOCABULARY: u64 = 16 << 20;

/// Files that are to become a pack.
#[derive(Debug, Clone)]
pub struct Bundle {
    files: Vec<Brought>,
}

/// A file and what it holds.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    pub(crate) path: PathBuf,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) found: Vec<Found>,
}

impl Brought {
    fn open(path: &Path) -> Result<Self, Error> {
        let (checkpoint, found) = if path.is_dir() || export::is_export(path) {
            (Checkpoint::default(), found::exported(path)?)
        } else if let Some(merges) = vocabulary(path) {
            (Checkpoint::default(), vec![Found::Vocabulary(merges)])
        } else {
            let checkpoint = Checkpoint::open(path)?;
            let found = found::recognise(&checkpoint);
            (checkpoint, found)
        };
        Ok(Self { path: path.to_owned(), checkpoint, found })
    }
}

/// What the files do not say.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Identifier of the pack: lower-case letters, digits and hyphens.
    pub id: String,
    /// Name for the user; the identifier if empty.
    pub name: String,
    /// What its pictures show, such as “faces”; empty if nobody says.
    pub domain: String,
    /// What kind an encoder is, for files that do not say it: e4e and pSp have the same tensors.
    pub encoder: Option<encoder::Rows>,
    /// The text that stands for “nothing in particular”, such as “face”; the domain if empty.
    pub neutral: String,
    /// How its pictures are framed; if nobody says, a StyleGAN2 of faces is taken for one of FFHQ's framing, and anything
    /// else for squares.
    pub alignment: Option<AlignmentKind>,
}

impl Bundle {
    /// Opens the files, and the folders that exports are, and recognises what they hold. Numbers stay where they are.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] or [`Error::Export`] for one that cannot be read, naming it.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, Error> {
        let files = paths.iter().map(|path| Brought::open(path.as_ref())).collect::<Result<_, Error>>()?;
        Ok(Self { files })
    }

    /// Adds one more file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn add(&mut self, path: &Path) -> Result<(), Error> {
        self.files.push(Brought::open(path)?);
        Ok(())
    }

    /// Whether a text tower of CLIP was found, but not the vocabulary that its checkpoint leaves out.
    pub fn lacks_vocabulary(&self) -> bool {
        let tower = |found: &Found| matches!(found, Found::Clip(clip) if clip.text.is_some());
        let known = |found: &Found| matches!(found, Found::Vocabulary(_));
        self.all().any(|(_, found)| tower(found)) && !self.all().any(|(_, found)| known(found))
    }

    /// What was found, under what terms, what it makes and what is missing, for people to read.
    pub fn report(&self) -> String {
        report::report(self)
    }

    /// The terms of all that was found, each once.
    pub fn terms(&self) -> Vec<&'static Terms> {
        let mut terms: Vec<&'static Terms> = Vec::new();
        for found in self.files.iter().flat_map(|file| &file.found) {
            if let Some(new) = found.terms().filter(|new| !terms.contains(new)) {
                terms.push(new);
            }
        }
        terms
    }

    /// The pack that they make; its graphs are made when it is written.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the files hold no generator or do not go together.
    pub fn pack(&self, wishes: &Wishes) -> Result<NewPack, Error> {
        if self.all().any(|(_, found)| matches!(found, Found::Generator(_))) {
            return stylegan::pack(self, wishes);
        }
        if self.all().any(|(_, found)| matches!(found, Found::Blobs(_))) {
            return blobgan::pack(self, wishes);
        }
        if self.all().any(|(_, found)| matches!(found, Found::Faces(_))) {
            return landmarks::pack(self, wishes);
        }
        for (_, found) in self.all() {
            match found {
                Found::Diffusion(form) => return exports::diffusion(self, wishes, form),
                Found::Stylise(form) => return exports::stylise(self, wishes, form),
                _ => {}
            }
        }
        Err(Error::Unsupported("none of the files holds a generator, without which there is no pack".into()))
    }

    /// Everything that was found, with the file that holds it.
    fn all(&self) -> impl Iterator<Item = (&Brought, &Found)> {
        self.files.iter().flat_map(|file| file.found.iter().map(move |found| (file, found)))
    }
}

/// The bytes of a file of byte pairs, as CLIP's tokenizer has them.
fn vocabulary(path: &Path) -> Option<Vec<u8>> {
    let small = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() < VOCABULARY);
    let bytes = small.then(|| std::fs::read(path).ok()).flatten()?;
    clip::tokenizer(&bytes, clip::VOCABULARY, clip::CONTEXT, None).is_ok().then_some(bytes)
}
