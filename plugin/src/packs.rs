//! Which packs are installed and what they can do, without loading any.

use std::path::PathBuf;

use models_onnx::pack::Manifest;
use models_onnx::{Places, Role};
use pentimento_protocol::dialog::PackEntry;
use pentimento_protocol::param::Values;

use crate::error::PluginError;
use crate::operation::Operation;
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

/// The pack called `name`; with an empty name the first that can do `operation`.
pub fn choose<'a>(packs: &'a [Pack], name: &str, operation: &dyn Operation) -> Result<&'a Pack, PluginError> {
    if name.is_empty() {
        let able = packs.iter().find(|pack| pack.missing(operation).is_empty());
        return able.ok_or(PluginError::NoPacks);
    }
    let pack = packs.iter().find(|pack| pack.id == name).ok_or_else(|| {
        let names: Vec<&str> = packs.iter().map(|pack| pack.id.as_str()).collect();
        let installed = if names.is_empty() { tr("none") } else { names.join(", ") };
        PluginError::NoPack { name: name.to_owned(), installed }
    })?;
    let missing = pack.missing(operation);
    if missing.is_empty() {
        return Ok(pack);
    }
    Err(PluginError::Missing { pack: pack.manifest.name.clone(), missing: words(&missing).join(", ") })
}

impl Pack {
    /// What it lacks for an operation.
    pub fn missing(&self, operation: &dyn Operation) -> Vec<Role> {
        self.manifest.missing(operation.needs())
    }

    /// The parameters of an operation, with what this pack suggests over the operation's own defaults.
    pub fn suggested(&self, operation: &dyn Operation) -> Values {
        let mut values = Values::defaults(operation.params());
        values.0.extend(operation.suggested(&self.manifest).0);
        values
    }

    /// As a dialog shows it.
    pub fn entry(&self, operation: &dyn Operation) -> PackEntry {
        let manifest = &self.manifest;
        let about = [&manifest.description, &manifest.licence.spdx].map(String::as_str).join(" · ");
        PackEntry {
            id: self.id.clone(),
            name: manifest.name.clone(),
            about,
            missing: words(&self.missing(operation)),
            values: operation.suggested(manifest),
        }
    }
}

fn words(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| tr(role.words())).collect()
}
