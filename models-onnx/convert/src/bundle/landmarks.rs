//! A pack that finds faces.

use std::collections::BTreeMap;

use models_onnx::Role;
use models_onnx::pack::{Family, Fidelity};

use super::manifest::manifest;
use super::{Bundle, Found, Wishes};
use crate::error::Error;
use crate::networks::mtcnn::{self, Stage};
use crate::pack::NewPack;

/// The side of what the last network sees.
const SEEN: usize = 48;

pub(super) fn pack(bundle: &Bundle, wishes: &Wishes) -> Result<NewPack, Error> {
    let mut graphs = BTreeMap::new();
    for (stage, name) in
        [(Stage::Proposal, "P-Net"), (Stage::Refinement, "R-Net"), (Stage::Landmarks, "O-Net")]
    {
        let mut all = bundle.all().filter(|(_, found)| matches!(found, Found::Faces(s) if *s == stage));
        let missing =
            || Error::Unsupported(format!("MTCNN's {name} is missing, without which no face is found"));
        let (file, _) = all.next().ok_or_else(missing)?;
        let parts = mtcnn::build(&file.checkpoint)?.parts;
        graphs.extend(parts.into_iter().filter_map(|part| Some((Role::named(part.role)?, part.model))));
    }
    let mut manifest = manifest(bundle, wishes, Family::Mtcnn, SEEN, Vec::new());
    // It makes no pictures.
    manifest.fidelity = Fidelity { typical: 0.0, poor: 0.0 };
    Ok(NewPack {
        manifest,
        graphs,
        mappers: BTreeMap::new(),
        arrays: BTreeMap::new(),
        attributes: BTreeMap::new(),
        files: BTreeMap::new(),
    })
}
