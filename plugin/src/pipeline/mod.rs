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
mod fit;
pub mod layer;
pub mod model;
pub mod params;
pub mod place;
mod sample;
mod seam;
pub mod tensor;

use std::sync::Arc;

use pentimento_ffi::host::{Host, ImageId, ItemId, Where};
use pentimento_protocol::dialog::Choice;
use pentimento_protocol::job::{self, Event, Fidelity, Handle, Outcome, Request};
use pentimento_protocol::picture::Picture;
use pentimento_protocol::recipe::{self, Recipe, Step, VERSION};

use crate::error::PluginError;
use crate::job::Engine;
use crate::ops;
use crate::packs::{self, Pack};
use crate::strings::{fill, msgid, tr};
use composite::{Composite, Made};
use crop::{Crop, Layer};
use params::{COMPOSITE, FOCUS, PHOTO_START, PIXELS, ROAD, START, VARIANT};
use place::Scene;

/// What to do to a picture, wherever it was chosen: dialog, script, command line, recipe.
#[derive(Clone)]
pub struct Edit<'a> {
    /// The pack.
    pub pack: &'a Pack,
    /// The stack, the road and how the models run; complete and checked.
    pub choice: Choice,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Done {
    /// The new layer, or the group of them.
    pub layer: ItemId,
    /// How well the pack knows the photo, for each part that was edited; none where nothing was read from it.
    pub fidelity: Vec<Fidelity>,
    /// What the first part looks like after the edit, at the resolution of the pack.
    pub picture: Picture,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Edits a drawable of an image. If anything fails the image stays as it was.
///
/// # Errors
/// [`PluginError`].
pub fn run(
    host: &dyn Host,
    engine: &Engine,
    (image, drawable): (ImageId, ItemId),
    edit: &Edit<'_>,
    instead: Option<ItemId>,
) -> Result<Done, PluginError> {
    let layer = Layer::open(host, image, drawable)?;
    let name = host.drawable(drawable)?.name;
    let mut notes = Vec::new();
    host.progress(0.0, &tr(msgid("Looking at the photo")));
    let faces = || Ok(Scene::look(&layer, engine, edit.choice.runtime)?.faces);
    let (crops, note) = place::crops(layer, &edit.pack.manifest, &edit.choice.road, faces)?;
    notes.extend(note);

    let mut fidelity = Vec::new();
    let mut results = Vec::new();
    let mut picture = None;
    let part = 0.9 / crops.len() as f32;
    for (i, crop) in crops.iter().enumerate() {
        let aligned = Arc::new(align::square(crop, edit.pack.resolution)?);
        let request = edit.request(engine.pictures.put(Arc::clone(&aligned)));
        let outcome = engine.submit(request)?.wait(|event| match event {
            // The last tenth is ours.
            Event::Progress { fraction, doing } => host.progress((i as f32 + fraction) * part, doing),
            Event::Note(note) if !notes.contains(note) => notes.push(note.clone()),
            // Nobody looks at what is on the way.
            Event::Preview(picture) | Event::Inverted { picture, .. } => {
                drop(engine.pictures.take(*picture));
            }
            Event::Note(_) | Event::Done(_) | Event::Failed(_) | Event::Cancelled => {}
        })?;
        let Outcome::Edited(edited) = outcome else { return Err(PluginError::WorkerGone) };
        fidelity.extend(edited.fidelity);
        let drawn = Drawn::take(engine, aligned, edited)?;
        let wanted = edit.choice.road.number(VARIANT) as usize;
        let count = drawn.variants.len();
        let chosen = match wanted {
            // Frames of a sweep belong together.
            0 => 0..count,
            _ if edit.is_sweep() => 0..count,
            _ => wanted - 1..wanted,
        };
        let variants = drawn.variants.get(chosen).ok_or(PluginError::NoVariant { wanted, count })?;
        for variant in variants {
            let composite = drawn.composite(&edit.choice, variant)?;
            if picture.is_none() {
                let mask = crop.square_mask(drawn.photo.width)?;
                picture = Some(composite.preview(&drawn.photo, &mask));
            }
            results.push(layer::Result {
                name: edit.layer_name(&variant.about.label),
                crop,
                composite: composite.fitted(crop),
                recipe: edit.recipe(&name, crop),
            });
        }
    }
    let picture = picture.ok_or(PluginError::NothingShows)?;
    host.progress(0.9, &tr(msgid("Blending into the photo")));
    if edit.is_sweep() {
        // GIMP plays layers as an animation from the bottom to the top.
        results.reverse();
    }
    let at = instead.map_or(Where::Above(drawable), Where::InsteadOf);
    let layer = layer::insert(&edit.layer_name(""), &results, at)?;
    host.progress(1.0, "");
    Ok(Done { layer, fidelity, picture, notes })
}

/// The pictures of an edit, off the shelf.
pub struct Drawn {
    /// The aligned photo.
    pub photo: Arc<Picture>,
    /// What the pack makes of it.
    pub inverted: Arc<Picture>,
    /// The edits.
    pub variants: Vec<DrawnVariant>,
    shown: Option<Arc<Picture>>,
}

/// One of the edits.
pub struct DrawnVariant {
    /// What is known of it.
    pub about: job::Variant,
    /// What it looks like.
    pub picture: Arc<Picture>,
    changed: Option<Arc<Picture>>,
}

impl Drawn {
    /// Takes the pictures of a finished job.
    pub fn take(engine: &Engine, photo: Arc<Picture>, edited: job::Edited) -> Result<Self, PluginError> {
        let take = |handle: Handle| engine.pictures.take(handle);
        Ok(Self {
            photo,
            inverted: take(edited.inverted)?,
            shown: edited.shown.map(take).transpose()?,
            variants: edited
                .variants
                .into_iter()
                .map(|about| {
                    let changed = about.changed.map(take).transpose()?;
                    Ok(DrawnVariant { picture: take(about.picture)?, changed, about })
                })
                .collect::<Result<_, PluginError>>()?,
        })
    }

    /// Of a job that is still at it.
    pub fn unfinished(photo: Arc<Picture>, inverted: Arc<Picture>) -> Self {
        Self { photo, inverted, variants: Vec::new(), shown: None }
    }

    /// How one of the edits comes into the photo.
    pub fn composite(&self, choice: &Choice, variant: &DrawnVariant) -> Result<Composite, PluginError> {
        self.with(choice, &variant.picture, variant.changed.as_deref())
    }

    /// How a picture on the way to an edit comes into the photo.
    pub fn on_the_way(&self, choice: &Choice, after: &Picture) -> Result<Composite, PluginError> {
        self.with(choice, after, None)
    }

    fn with(
        &self,
        choice: &Choice,
        after: &Picture,
        changed: Option<&Picture>,
    ) -> Result<Composite, PluginError> {
        let road = &choice.road;
        // A picture that was made up has nothing in common with the photo that could be kept.
        let (way, focus) = match road.text(START) == PHOTO_START {
            true => (road.text(COMPOSITE), road.number(FOCUS)),
            false => (PIXELS, 0.0),
        };
        let (photo, before, shown) = (&*self.photo, &*self.inverted, self.shown.as_deref());
        Composite::new(way, focus, Made { photo, before, after, changed, shown })
    }
}

impl<'a> Edit<'a> {
    /// Checks a choice against the operations and the installed packs.
    ///
    /// # Errors
    /// [`PluginError`] for values out of range, operations that do not exist and packs that cannot do them.
    pub fn new(installed: &'a [Pack], mut choice: Choice) -> Result<Self, PluginError> {
        let pack = packs::choose(installed, &choice.pack, &choice.steps)?;
        choice.pack = pack.id.clone();
        choice.road = choice.road.complete(&ROAD)?;
        for step in &mut choice.steps {
            let operation = ops::find(&step.operation)?;
            let mut values = pack.suggested(operation);
            values.0.append(&mut step.values.0);
            step.values = values.complete(operation.params())?;
        }
        Ok(Self { pack, choice })
    }

    /// From a recipe, for another photo or the same.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_recipe(
        installed: &'a [Pack],
        recipe: &Recipe,
        runtime: job::Runtime,
    ) -> Result<Self, PluginError> {
        let (steps, road, pack) = (recipe.steps.clone(), recipe.road.clone(), recipe.pack.clone());
        Self::new(installed, Choice { steps, road, pack, runtime })
    }

    /// Whether it gives several results, each of which stands for itself, and not parts of one.
    pub fn has_several_results(&self) -> bool {
        self.choice.road.number(VARIANT) == 0.0 || self.is_sweep()
    }

    /// Whether its results are the way from the photo to the edit.
    pub fn is_sweep(&self) -> bool {
        self.choice.road.number(params::FRAMES) > 1.0
    }

    /// As a job on a picture.
    pub fn request(&self, picture: Handle) -> Request {
        Request::Edit(job::Edit {
            steps: self.choice.steps.clone(),
            road: self.choice.road.clone(),
            pack: self.pack.id.clone(),
            picture,
            runtime: self.choice.runtime,
        })
    }

    /// As a recipe for any photo.
    pub fn recipe_for_all(&self) -> Recipe {
        Recipe {
            version: VERSION,
            pack: self.pack.id.clone(),
            pack_hash: self.pack.hash.clone(),
            made: None,
            road: params::for_other_photos(self.choice.road.clone()),
            steps: self.choice.steps.clone(),
        }
    }

    fn recipe(&self, layer: &str, crop: &Crop<'_>) -> Recipe {
        let made =
            recipe::Made { layer: layer.to_owned(), centre: crop.square.centre, half: crop.square.half };
        Recipe { made: Some(made), road: self.choice.road.clone(), ..self.recipe_for_all() }
    }

    /// What a layer is called after the steps that made it.
    pub fn layer_name(&self, label: &str) -> String {
        let name = described(&self.choice.steps);
        match label {
            "" => name,
            _ => fill(&fill(&tr("{edit} ({which})"), "edit", &name), "which", label),
        }
    }
}

/// Steps in a few words.
pub fn described(steps: &[Step]) -> String {
    let on = steps.iter().filter(|step| !step.off);
    let names: Vec<String> =
        on.filter_map(|step| Some(ops::find(&step.operation).ok()?.layer_name(&step.values))).collect();
    if names.is_empty() { tr(msgid("Reconstruction")) } else { names.join(" + ") }
}
