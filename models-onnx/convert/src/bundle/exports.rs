//! Packs around graphs that others exported.

use models_onnx::Role;
use models_onnx::pack::{Family, File, Text};

use super::manifest::manifest;
use super::{Bundle, Wishes};
use crate::error::Error;
use crate::export::{diffusion, stylise};
use crate::pack::NewPack;

/// A folder of Stable Diffusion.
pub(super) fn diffusion(bundle: &Bundle, wishes: &Wishes, form: &diffusion::Form) -> Result<NewPack, Error> {
    let mut pack = NewPack::new(manifest(bundle, wishes, Family::Diffusion, form.resolution, Vec::new()));
    pack.manifest.denoising = Some(form.denoising);
    pack.kept = form.build()?;
    if pack.kept.contains_key(&Role::TextEncoder) {
        pack.files.insert(File::Tokenizer, form.tokenizer()?);
        // Guidance compares with the empty text, and nothing is cleaned away, as in training.
        let templates = vec!["{}".to_owned()];
        pack.manifest.text = Some(Text { templates, neutral: String::new(), cleaning: None });
    }
    Ok(pack)
}

/// A graph of stylisation and the file beside it.
pub(super) fn stylise(bundle: &Bundle, wishes: &Wishes, form: &stylise::Form) -> Result<NewPack, Error> {
    let said = form.said()?;
    let side = form.resolution(&said)?;
    let mut pack = NewPack::new(manifest(bundle, wishes, Family::FeedForward, side, Vec::new()));
    let about = &mut pack.manifest;
    if wishes.name.is_empty() {
        about.name = said.name;
    }
    (about.licence.spdx, about.licence.text) = (said.licence.clone(), said.licence);
    about.licence.origin = said.origin;
    pack.kept.insert(Role::Stylise, form.build()?);
    Ok(pack)
}
