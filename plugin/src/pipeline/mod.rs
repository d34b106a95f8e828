//! The road of the data, the only place where its steps meet:
//!
//! host pixels → [`crop`] → [`align`] → encode → **edit the code** → synthesise → [`composite`] → new [`layer`]
//!
//! The middle part, from the aligned picture to the synthesised ones, runs in a job ([`model`]); what touches
//! the host stays on its thread. Model time does not depend on the size of the photo, because only the
//! aligned picture enters a job.

pub mod align;
pub mod composite;
pub mod crop;
pub mod layer;
pub mod model;
pub mod tensor;

use pentimento_ffi::host::{Host, ImageId, ItemId};
use pentimento_protocol::job::{Event, Fidelity, Request, Runtime};
use pentimento_protocol::param::Values;
use pentimento_protocol::recipe::{Recipe, VERSION};

use crate::error::PluginError;
use crate::job::Engine;
use crate::operation::Operation;
use crate::packs::Pack;
use crate::strings::{msgid, tr};

/// What to do to a picture, wherever it was chosen: dialog, script, command line.
#[derive(Clone)]
pub struct Edit<'a> {
    /// The operation.
    pub operation: &'static dyn Operation,
    /// Its parameters, complete and checked.
    pub values: Values,
    /// The pack.
    pub pack: &'a Pack,
    /// How the models run.
    pub runtime: Runtime,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Done {
    /// The new layers, the first edit first.
    pub layers: Vec<ItemId>,
    /// How well the pack knows the photo.
    pub fidelity: Fidelity,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Edits a drawable of an image. If anything fails the image stays as it was.
pub fn run(
    host: &dyn Host,
    engine: &Engine,
    image: ImageId,
    drawable: ItemId,
    edit: &Edit<'_>,
) -> Result<Done, PluginError> {
    let crop = crop::read(host, image, drawable)?;
    let aligned = align::square(&crop, edit.pack.resolution)?;
    let request = edit.request(engine.pictures.put(aligned));

    let mut notes = Vec::new();
    let outcome = engine.submit(request)?.wait(|event| match event {
        // The last tenth is ours.
        Event::Progress { fraction, doing } => host.progress(fraction * 0.9, doing),
        Event::Note(note) => notes.push(note.clone()),
        // Nobody looks at the reconstruction alone here.
        Event::Preview(handle) => drop(engine.pictures.take(*handle)),
        Event::Done(_) | Event::Failed(_) | Event::Cancelled => {}
    })?;
    host.progress(0.9, &tr(msgid("Blending into the photo")));

    let before = engine.pictures.take(outcome.inverted)?;
    let name = edit.operation.layer_name(&edit.values);
    let recipe = edit.recipe(&crop);
    let mut layers = Vec::new();
    for handle in outcome.edited {
        let after = engine.pictures.take(handle)?;
        let composite = composite::difference(host, drawable, &crop, &before, &after)?;
        layers.push(layer::insert(host, image, drawable, name.clone(), composite, &recipe)?);
    }
    host.progress(1.0, "");
    Ok(Done { layers, fidelity: outcome.fidelity, notes })
}

impl Edit<'_> {
    /// As a job on a picture.
    pub fn request(&self, picture: pentimento_protocol::job::Handle) -> Request {
        Request {
            operation: self.operation.id().to_owned(),
            values: Some(self.values.clone()),
            pack: self.pack.id.clone(),
            picture,
            runtime: self.runtime,
        }
    }

    fn recipe(&self, crop: &crop::Crop) -> Recipe {
        Recipe {
            version: VERSION,
            operation: self.operation.id().to_owned(),
            values: self.values.clone(),
            pack: self.pack.id.clone(),
            pack_hash: self.pack.hash.clone(),
            square: [crop.square.x, crop.square.y, crop.square.width as i32],
        }
    }
}
