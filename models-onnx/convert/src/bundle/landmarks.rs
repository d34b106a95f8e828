//! A pack that finds faces.

use models_onnx::pack::Family;

use super::manifest::manifest;
use super::{Bundle, Found, Wishes, stylegan};
use crate::error::Error;
use crate::networks::mtcnn::{self, Stage};
use crate::pack::NewPack;

/// The side of what the last network sees.
const SEEN: usize = 48;

pub(super) fn pack(bundle: &Bundle, wishes: &Wishes) -> Result<NewPack, Error> {
    let mut pack = NewPack::new(manifest(bundle, wishes, Family::Mtcnn, SEEN, Vec::new()));
    for (stage, name) in
        [(Stage::Proposal, "P-Net"), (Stage::Refinement, "R-Net"), (Stage::Landmarks, "O-Net")]
    {
        let mut all = bundle.all().filter(|(_, found)| matches!(found, Found::Faces(s) if *s == stage));
        let missing =
            || Error::Unsupported(format!("MTCNN's {name} is missing, without which no face is found"));
        let checkpoint = all.next().ok_or_else(missing)?.0.checkpoint.clone();
        stylegan::take(&mut pack, stage.role(), move || mtcnn::build(&checkpoint));
    }
    Ok(pack)
}
