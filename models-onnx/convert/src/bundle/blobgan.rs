//! A pack around a BlobGAN generator.

use models_onnx::Role;
use models_onnx::pack::Family;

use super::manifest::manifest;
use super::{Bundle, Found, Wishes};
use crate::error::Error;
use crate::networks::blobgan;
use crate::pack::{Draft, NewPack};

pub(super) fn pack(bundle: &Bundle, wishes: &Wishes) -> Result<NewPack, Error> {
    let networks = || {
        bundle.all().filter_map(|(file, found)| match found {
            Found::Blobs(form) => Some((file, form)),
            _ => None,
        })
    };
    let decoder = networks().find_map(|(_, form)| form.decoder.as_ref());
    let none = || Error::Unsupported("none of the files holds BlobGAN's decoder".into());
    let resolution = decoder.ok_or_else(none)?.resolution();
    let mut pack = NewPack::new(manifest(bundle, wishes, Family::BlobGan, resolution, Vec::new()));
    // The inverter was published in a file of its own.
    for (file, form) in networks() {
        for name in form.roles() {
            let checkpoint = file.checkpoint.clone();
            let make = move || blobgan::part(&checkpoint, &blobgan::Options::default(), name);
            if let Some(role) = Role::named(name) {
                pack.graphs.entry(role).or_insert_with(|| Draft::new(make));
            }
        }
    }
    Ok(pack)
}
