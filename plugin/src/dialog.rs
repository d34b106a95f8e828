//! The plug-in's side of a dialog: opens it and answers what it asks while it is open.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pentimento_ffi::host::{Host, ImageId, ItemId, ParentWindow};
use pentimento_ffi::pixels::Mask;
use pentimento_protocol::dialog::{
    Answer, Ask, Choice, Closed, Open, OperationEntry, PackEntry, Parent, Shown, ShownVariant,
};
use pentimento_protocol::job::{Event, Face, Fidelity, Outcome};
use pentimento_protocol::param::Values;
use pentimento_protocol::picture::Picture;
use pentimento_protocol::{decode, encode};

use crate::error::PluginError;
use crate::job::{Engine, Job};
use crate::kept::{self, Shelf};
use crate::operation::Operation;
use crate::ops::{self, OPERATIONS};
use crate::packs::{self, Pack};
use crate::pipeline::composite::Composite;
use crate::pipeline::crop::{Crop, Layer};
use crate::pipeline::params::{FACE, FEATHER, PLACE, POINTS, ROAD, SQUARE};
use crate::pipeline::place::{self, Scene};
use crate::pipeline::{Drawn, Edit, align};
use crate::strings::tr;

/// Longest side of a preview in pixels: enough for a dialog, cheap to send.
const PREVIEW: u32 = 512;

/// Shows the dialog and returns what the user chose; `None` for cancelled.
pub fn choose(
    host: &dyn Host,
    engine: &Engine,
    (image, drawable): (ImageId, ItemId),
    packs: &[Pack],
    shelf: &Shelf,
    start: Choice,
    (library, locale): (&Path, PathBuf),
) -> Result<Option<Choice>, PluginError> {
    let layer = Layer::open(host, image, drawable)?;
    let scene = Scene::look(&layer, engine, start.runtime)?;
    let mut previews =
        Previews { engine, packs, shelf, layer, scene, view: None, sent: None, running: None, last: None };
    let first = start.steps.first().map(|step| step.operation.clone()).unwrap_or_default();
    let mut operations: Vec<OperationEntry> = OPERATIONS.iter().map(|operation| entry(*operation)).collect();
    // The one from the menu first.
    operations.sort_by_key(|operation| operation.id != first);
    let title = operations.first().map(|operation| operation.name.clone()).unwrap_or_default();
    let pack = match packs.iter().any(|pack| pack.id == start.pack) {
        true => start.pack.clone(),
        // None is chosen where none can do it; the dialog says what each lacks.
        false => packs::choose(packs, "", &start.steps).map(|pack| pack.id.clone()).unwrap_or_default(),
    };
    let road = start.road.clone().complete(&ROAD).unwrap_or_else(|_| Values::defaults(&ROAD));
    let choice = Choice { pack, road, ..start };
    let before = previews.first(&choice)?;
    let open = Open {
        title,
        operations,
        road: ROAD.clone(),
        packs: packs
            .iter()
            .filter(|pack| pack.manifest.fidelity.is_some())
            .map(Pack::entry)
            .collect::<Vec<PackEntry>>(),
        choice,
        photo: previews.scene.picture.clone(),
        origin: [f64::from(layer.rect.x), f64::from(layer.rect.y)],
        scale: previews.scene.scale,
        faces: previews.faces(),
        before,
        kept: shelf.all(),
        parent: match host.parent_window() {
            ParentWindow::None => Parent::None,
            ParentWindow::X11(id) => Parent::X11(id),
            ParentWindow::Wayland(handle) => Parent::Wayland(handle),
        },
        host: host.name(),
        dark: host.dark(),
        locale_folder: Some(locale.to_string_lossy().into_owned()),
    };
    let mut ask = |bytes: &[u8]| previews.answer(bytes);
    let closed = pentimento_ffi::dialog::open(library, &encode(&open)?, &mut ask)?;
    match decode::<Closed>(&closed)? {
        Closed::Apply(choice) => Ok(Some(choice)),
        Closed::Cancel => Ok(None),
        Closed::Failed(why) => Err(PluginError::Job(why)),
    }
}

fn entry(operation: &dyn Operation) -> OperationEntry {
    OperationEntry {
        id: operation.id().to_owned(),
        name: tr(operation.menu()).replace(['_', '…'], ""),
        about: operation.about().to_owned(),
        params: operation.params().to_vec(),
    }
}

/// Answers an open dialog. Only the newest preview runs.
struct Previews<'a> {
    engine: &'a Engine,
    packs: &'a [Pack],
    shelf: &'a Shelf,
    layer: Layer<'a>,
    scene: Scene,
    /// The part that is edited.
    view: Option<View<'a>>,
    /// The part whose picture the dialog has.
    sent: Option<Values>,
    running: Option<Running>,
    /// The newest picture after an edit, for the thumbnail of a preset.
    last: Option<Picture>,
}

/// The part that is edited, as long as it stays the same.
struct View<'a> {
    /// The pack, and the parameters of the road that say where.
    key: (String, Values),
    crop: Crop<'a>,
    note: Option<String>,
    before: Picture,
    /// The crop's mask at the size of `before`.
    mask: Mask,
    /// The crop by resolution: a slider that moves must not reduce the photo again.
    aligned: HashMap<u32, Arc<Picture>>,
}

struct Running {
    serial: u64,
    job: Job,
    choice: Choice,
    photo: Arc<Picture>,
    inverted: Option<(Arc<Picture>, Option<Fidelity>)>,
    notes: Vec<String>,
}

impl<'a> Previews<'a> {
    /// The part that a fresh dialog shows: what is chosen or, where that is not possible, the middle.
    fn first(&mut self, choice: &Choice) -> Result<Picture, PluginError> {
        let pack = self.packs.iter().find(|pack| pack.id == choice.pack);
        let shown = pack.map(|pack| self.look(pack, &choice.road).map(|view| view.before.clone()));
        if let Some(Ok(before)) = shown {
            self.sent = self.view.as_ref().map(|view| view.key.1.clone());
            return Ok(before);
        }
        let crop = self.layer.crop(self.layer.middle()?, choice.road.number(FEATHER))?;
        align::square(&crop, (crop.side().ceil() as u32).min(PREVIEW))
    }

    /// The part that the road speaks of.
    fn look(&mut self, pack: &Pack, road: &Values) -> Result<&mut View<'a>, PluginError> {
        let mut place = Values::default();
        for id in [PLACE, FACE, POINTS, SQUARE, FEATHER] {
            place.0.extend(road.0.get_key_value(id).map(|(id, value)| (id.clone(), value.clone())));
        }
        let key = (pack.id.clone(), place);
        if self.view.as_ref().is_none_or(|view| view.key != key) {
            let faces = || Ok(self.scene.faces.clone());
            let (crops, note) = place::crops(self.layer, &pack.manifest, road, faces)?;
            // Where all faces are edited, the largest stands for them.
            let crop = crops.into_iter().next().ok_or(PluginError::SelectionOutside)?;
            let before = align::square(&crop, (crop.side().ceil() as u32).min(PREVIEW))?;
            let mask = crop.square_mask(before.width)?;
            self.view = Some(View { key, crop, note, before, mask, aligned: HashMap::new() });
        }
        self.view.as_mut().ok_or(PluginError::WorkerGone)
    }

    /// The faces in pixels of the reduced photo.
    fn faces(&self) -> Vec<Face> {
        let small = |place: [f64; 2]| self.in_scene(place);
        let faces = self.scene.faces.iter().flatten().map(|face| {
            let [left, top, right, bottom] = face.edges;
            let ([left, top], [right, bottom]) = (small([left, top]), small([right, bottom]));
            Face { edges: [left, top, right, bottom], eyes: face.eyes.map(small), mouth: small(face.mouth) }
        });
        faces.collect()
    }

    /// A place of the image in pixels of the reduced photo.
    fn in_scene(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (rect, scale) = (self.layer.rect, self.scene.scale);
        [(x - f64::from(rect.x)) / scale, (y - f64::from(rect.y)) / scale]
    }

    fn answer(&mut self, ask: &[u8]) -> Vec<u8> {
        let answer = decode::<Ask>(ask).map_err(|error| (0, error.into())).and_then(|ask| self.respond(ask));
        let answer = answer.unwrap_or_else(|(serial, error): (u64, PluginError)| Answer::Failed {
            serial,
            why: error.to_string(),
        });
        // An answer is plain data; if it cannot be encoded the dialog takes the empty message as a failure.
        encode(&answer).unwrap_or_default()
    }

    fn respond(&mut self, ask: Ask) -> Result<Answer, (u64, PluginError)> {
        let kept = |shelf: &Shelf| Answer::Kept(shelf.all());
        match ask {
            Ask::Preview { serial, choice, patient } => {
                self.begin(serial, choice, patient).map_err(|error| (serial, error))
            }
            Ask::Poll => Ok(self.news()),
            Ask::Stop => {
                self.running = None;
                Ok(Answer::Nothing)
            }
            Ask::Keep { name, steps } => {
                self.shelf.keep(&name, &steps, self.last.as_ref()).map_err(|error| (0, error))?;
                Ok(kept(self.shelf))
            }
            Ask::Forget { name } => {
                self.shelf.forget(&name).map_err(|error| (0, error))?;
                Ok(kept(self.shelf))
            }
            Ask::Export { path, choice } => {
                self.export(&path, choice).map_err(|error| (0, error))?;
                Ok(Answer::Nothing)
            }
            Ask::Import { path } => {
                let recipe = kept::read(Path::new(&path)).map_err(|error| (0, error))?;
                let runtime = self.running.as_ref().map(|running| running.choice.runtime).unwrap_or_default();
                let edit = Edit::of_recipe(self.packs, &recipe, runtime).map_err(|error| (0, error))?;
                Ok(Answer::Imported(edit.choice))
            }
        }
    }

    fn export(&self, path: &str, choice: Choice) -> Result<(), PluginError> {
        let text = Edit::new(self.packs, choice)?.recipe_for_all().to_toml()?;
        std::fs::write(path, text)
            .map_err(|why| PluginError::File { what: why.to_string(), path: path.to_owned() })
    }

    fn begin(&mut self, serial: u64, choice: Choice, patient: bool) -> Result<Answer, PluginError> {
        // Whatever still runs is not wanted any more.
        self.running = None;
        let packs = self.packs;
        let edit = Edit::new(packs, choice)?;
        let slow = |step: &pentimento_protocol::recipe::Step| {
            !step.off && ops::find(&step.operation).is_ok_and(|operation| operation.is_slow(&step.values))
        };
        if !patient && edit.choice.steps.iter().any(slow) {
            return Ok(Answer::Slow { serial });
        }
        let resolution = edit.pack.resolution;
        let view = self.look(edit.pack, &edit.choice.road)?;
        let photo = match view.aligned.entry(resolution) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => Arc::clone(new.insert(Arc::new(align::square(&view.crop, resolution)?))),
        };
        let notes = view.note.iter().cloned().collect();
        let job = self.engine.submit(edit.request(self.engine.pictures.put(Arc::clone(&photo))))?;
        self.running = Some(Running { serial, job, choice: edit.choice, photo, inverted: None, notes });
        Ok(Answer::Nothing)
    }

    fn news(&mut self) -> Answer {
        let mut answer = Answer::Nothing;
        loop {
            let Some(running) = &mut self.running else { return answer };
            let serial = running.serial;
            match running.job.poll() {
                Ok(None) => return answer,
                Ok(Some(Event::Progress { fraction, doing })) => {
                    // A picture on the way is not lost to the figure that follows it.
                    let shown = match answer {
                        Answer::Working { shown, .. } => shown,
                        _ => None,
                    };
                    answer = Answer::Working { serial, fraction, doing, shown };
                }
                Ok(Some(Event::Note(note))) => running.notes.push(note),
                Ok(Some(Event::Inverted { picture, fidelity })) => {
                    running.inverted =
                        self.engine.pictures.take(picture).ok().map(|picture| (picture, fidelity));
                    if let Some(shown) = self.on_the_way(None) {
                        answer = working(answer, serial, shown);
                    }
                }
                Ok(Some(Event::Preview(picture))) => {
                    let picture = self.engine.pictures.take(picture).ok();
                    if let Some(shown) = picture.and_then(|picture| self.on_the_way(Some(&picture))) {
                        answer = working(answer, serial, shown);
                    }
                }
                Ok(Some(Event::Done(outcome))) => {
                    return match self.running.take().map(|running| self.ready(running, outcome)) {
                        Some(Ok(answer)) => answer,
                        Some(Err(error)) => Answer::Failed { serial, why: error.to_string() },
                        None => Answer::Nothing,
                    };
                }
                Ok(Some(Event::Failed(why))) => {
                    self.running = None;
                    return Answer::Failed { serial, why };
                }
                // Only a newer preview or the end of the dialog cancels, and both drop the job first.
                Ok(Some(Event::Cancelled)) => {
                    self.running = None;
                    return Answer::Failed { serial, why: PluginError::Cancelled.to_string() };
                }
                Err(error) => {
                    self.running = None;
                    return Answer::Failed { serial, why: error.to_string() };
                }
            }
        }
    }

    /// What a running job looks like: the reconstruction alone, or an edit that is being made.
    fn on_the_way(&mut self, after: Option<&Picture>) -> Option<Shown> {
        let running = self.running.as_ref()?;
        let (inverted, fidelity) = running.inverted.clone()?;
        let (photo, choice) = (Arc::clone(&running.photo), running.choice.clone());
        let drawn = Drawn::unfinished(photo, inverted);
        let variants = match after {
            None => Vec::new(),
            Some(after) => {
                let composite = drawn.on_the_way(&choice, after).ok()?;
                vec![(String::new(), None, None, composite)]
            }
        };
        self.shown(&drawn, fidelity, variants).ok()
    }

    fn ready(&mut self, running: Running, outcome: Outcome) -> Result<Answer, PluginError> {
        let Outcome::Edited(edited) = outcome else { return Err(PluginError::WorkerGone) };
        let fidelity = edited.fidelity;
        let drawn = Drawn::take(self.engine, running.photo, edited)?;
        let mut variants = Vec::new();
        for variant in &drawn.variants {
            let composite = drawn.composite(&running.choice, variant)?;
            let about = &variant.about;
            variants.push((about.label.clone(), about.gain, about.identity, composite));
        }
        let shown = self.shown(&drawn, fidelity, variants)?;
        self.last = shown.variants.first().map(|variant| variant.after.clone());
        Ok(Answer::Ready { serial: running.serial, shown: Box::new(shown), note: running.notes.join(" · ") })
    }

    /// Pictures as the dialog shows them.
    fn shown(
        &mut self,
        drawn: &Drawn,
        fidelity: Option<Fidelity>,
        variants: Vec<(String, Option<f32>, Option<f32>, Composite)>,
    ) -> Result<Shown, PluginError> {
        let view = self.view.as_ref().ok_or(PluginError::WorkerGone)?;
        let as_it_is = Composite::plain(&drawn.inverted)?;
        let whole = Mask { rect: view.mask.rect, values: vec![1.0; view.mask.values.len()] };
        let shown = Shown {
            before: (self.sent.as_ref() != Some(&view.key.1)).then(|| view.before.clone()),
            corners: view.crop.square.corners().map(|corner| self.in_scene(corner)),
            inverted: as_it_is.preview(&view.before, &whole),
            fidelity,
            variants: variants
                .into_iter()
                .map(|(label, gain, identity, composite)| ShownVariant {
                    after: composite.preview(&view.before, &view.mask),
                    label,
                    gain,
                    identity,
                })
                .collect(),
        };
        self.sent = Some(view.key.1.clone());
        Ok(shown)
    }
}

fn working(answer: Answer, serial: u64, mut shown: Shown) -> Answer {
    let (fraction, doing) = match answer {
        Answer::Working { fraction, doing, shown: earlier, .. } => {
            // A picture that nobody has seen yet must not take the photo with it.
            shown.before = shown.before.or(earlier.and_then(|earlier| earlier.before));
            (fraction, doing)
        }
        _ => (0.0, String::new()),
    };
    Answer::Working { serial, fraction, doing, shown: Some(Box::new(shown)) }
}
