//! Which packs are installed and what they can do, without loading any.

use std::path::PathBuf;

use models_onnx::pack::Manifest;
use models_onnx::{Places, Role};
use pentimento_protocol::dialog::PackEntry;
use pentimento_protocol::param::{Known, Values};
use pentimento_protocol::recipe::Step;

use crate::error::PluginError;
use crate::operation::Operation;
use crate::ops::{self, OPERATIONS};
use crate::strings::tr;

/// An installed pack.
#[derive(Debug, Clone)]
pub struct Pack {
    /// Identifier.
    pub id: String,
    /// Side of its pictures in pixels.
    pub resolution: u32,
    /// Where it lies.
    pub folder: PathBuf,
    /// Hash of its manifest.
    pub hash: String,
    /// The manifest.
    pub manifest: Manifest,
}

/// The installed packs, and one sentence for each folder that holds a broken one.
pub fn installed(places: &Places) -> (Vec<Pack>, Vec<String>) {
    let mut packs = Vec::new();
    let mut broken = Vec::new();
    for summary in models_onnx::Pack::list(&[places.packs()]) {
        match summary {
            Ok(summary) => packs.push(Pack {
                id: summary.manifest.id.clone(),
                resolution: summary.manifest.resolution,
                folder: summary.folder,
                hash: summary.hash,
                manifest: summary.manifest,
            }),
            Err(error) => broken.push(error.to_string()),
        }
    }
    (packs, broken)
}

/// The pack called `name`; with an empty name the first that can do all `steps`, and at least hold a photo.
pub fn choose<'a>(packs: &'a [Pack], name: &str, steps: &[Step]) -> Result<&'a Pack, PluginError> {
    if name.is_empty() {
        for pack in packs {
            if pack.manifest.fidelity.is_some() && pack.lacks(steps)?.is_empty() {
                return Ok(pack);
            }
        }
        return Err(PluginError::NoPacks);
    }
    let pack = packs.iter().find(|pack| pack.id == name).ok_or_else(|| {
        let names: Vec<&str> = packs.iter().map(|pack| pack.id.as_str()).collect();
        let installed = if names.is_empty() { tr("none") } else { names.join(", ") };
        PluginError::NoPack { name: name.to_owned(), installed }
    })?;
    let missing = pack.lacks(steps)?;
    if missing.is_empty() {
        return Ok(pack);
    }
    Err(PluginError::Missing { pack: pack.manifest.name.clone(), missing: words(&missing).join(", ") })
}

impl Pack {
    /// What it lacks for a stack of edits.
    ///
    /// # Errors
    /// [`PluginError::NoOperation`].
    pub fn lacks(&self, steps: &[Step]) -> Result<Vec<Role>, PluginError> {
        let mut missing = Vec::new();
        for step in steps.iter().filter(|step| !step.off) {
            let operation = ops::find(&step.operation)?;
            let needs = [operation.needs(), operation.needs_for(&step.values)].concat();
            missing.extend(self.manifest.missing(&needs));
        }
        missing.sort_unstable();
        missing.dedup();
        Ok(missing)
    }

    /// The parameters of an operation, with what this pack suggests over the operation's own defaults.
    pub fn suggested(&self, operation: &dyn Operation) -> Values {
        let mut values = Values::defaults(operation.params());
        values.0.extend(operation.suggested(&self.manifest).0);
        values
    }

    /// As a dialog shows it.
    pub fn entry(&self) -> PackEntry {
        let manifest = &self.manifest;
        let about = [&manifest.description, &manifest.licence.spdx].map(String::as_str).join(" · ");
        let of = |operation: &&dyn Operation| operation.id().to_owned();
        let missing = |operation: &&dyn Operation| words(&manifest.missing(operation.needs()));
        let names = [
            (Known::Mapper, manifest.mappers.keys().cloned().collect()),
            (Known::Attribute, manifest.attributes.keys().cloned().collect()),
            (Known::Class, manifest.classes.iter().map(|class| class.name.clone()).collect()),
        ];
        PackEntry {
            id: self.id.clone(),
            name: manifest.name.clone(),
            about,
            missing: OPERATIONS.iter().map(|operation| (of(operation), missing(operation))).collect(),
            values: OPERATIONS.iter().map(|o| (of(o), o.suggested(manifest))).collect(),
            names: names.into(),
        }
    }
}

fn words(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| tr(role.words())).collect()
}
