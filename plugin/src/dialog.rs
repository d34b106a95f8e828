//! The plug-in's side of a dialog: opens it and answers what it asks while it is open.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;

use pentimento_ffi::host::{Host, ImageId, ItemId, ParentWindow};
use pentimento_ffi::pixels::Mask;
use pentimento_protocol::dialog::{Answer, Ask, Closed, Open, PackEntry, Parent};
use pentimento_protocol::job::{Event, Outcome, Request, Runtime};
use pentimento_protocol::param::Values;
use pentimento_protocol::picture::Picture;
use pentimento_protocol::{decode, encode};

use crate::error::PluginError;
use crate::job::{Engine, Job};
use crate::operation::Operation;
use crate::packs::{self, Pack};
use crate::pipeline::crop::Crop;
use crate::pipeline::{align, composite, crop};
use crate::strings::tr;

/// Longest side of a preview in pixels: enough for a dialog, cheap to send.
const PREVIEW: u32 = 512;

/// What a dialog begins with.
pub struct Start<'a> {
    /// The operation.
    pub operation: &'static dyn Operation,
    /// Values from the last run.
    pub values: Values,
    /// Pack of the last run; may be empty or gone.
    pub pack: &'a str,
    /// Runtime of the last run.
    pub runtime: Runtime,
}

/// Shows the dialog and returns what the user chose; `None` for cancelled.
pub fn choose(
    host: &dyn Host,
    engine: &Engine,
    (image, drawable): (ImageId, ItemId),
    packs: &[Pack],
    start: Start<'_>,
    (library, locale): (&Path, &Path),
) -> Result<Option<(Values, String, Runtime)>, PluginError> {
    let crop = crop::read(host, image, drawable)?;
    let before = align::square(&crop, crop.square.width.min(PREVIEW))?;
    let known = packs.iter().any(|pack| pack.id == start.pack);
    let first = packs::choose(packs, "", start.operation).map(|pack| pack.id.clone()).unwrap_or_default();
    let entries: Vec<PackEntry> = packs.iter().map(|pack| pack.entry(start.operation)).collect();
    let open = Open {
        title: tr(start.operation.menu()).replace(['_', '…'], ""),
        about: start.operation.about().to_owned(),
        params: start.operation.params().to_vec(),
        values: start.values,
        packs: entries,
        pack: if known { start.pack.to_owned() } else { first },
        runtime: start.runtime,
        before: before.clone(),
        parent: match host.parent_window() {
            ParentWindow::None => Parent::None,
            ParentWindow::X11(id) => Parent::X11(id),
            ParentWindow::Wayland(handle) => Parent::Wayland(handle),
        },
        host: host.name(),
        dark: host.dark(),
        locale_folder: Some(locale.to_string_lossy().into_owned()),
    };

    let mut previews = Previews {
        engine,
        operation: start.operation,
        packs,
        crop: &crop,
        mask: align::square_mask(&crop, before.width),
        before,
        aligned: HashMap::new(),
        running: None,
    };
    let mut ask = |bytes: &[u8]| previews.answer(bytes);
    let closed = pentimento_ffi::dialog::open(library, &encode(&open)?, &mut ask)?;
    match decode::<Closed>(&closed)? {
        Closed::Apply { values, pack, runtime } => Ok(Some((values, pack, runtime))),
        Closed::Cancel => Ok(None),
        Closed::Failed(why) => Err(PluginError::Job(why)),
    }
}

/// Answers an open dialog. Only the newest preview runs.
struct Previews<'a> {
    engine: &'a Engine,
    operation: &'static dyn Operation,
    packs: &'a [Pack],
    crop: &'a Crop,
    before: Picture,
    /// The crop's mask at the size of `before`.
    mask: Mask,
    /// The crop by resolution: a slider that moves must not reduce the photo again.
    aligned: HashMap<u32, Arc<Picture>>,
    running: Option<(u64, Job, Vec<String>)>,
}

impl Previews<'_> {
    fn answer(&mut self, ask: &[u8]) -> Vec<u8> {
        let answer = match decode::<Ask>(ask) {
            Ok(Ask::Preview { serial, values, pack, runtime }) => match self.begin(values, &pack, runtime) {
                Ok(job) => {
                    self.running = Some((serial, job, Vec::new()));
                    Answer::Nothing
                }
                Err(error) => Answer::Failed { serial, why: error.to_string() },
            },
            Ok(Ask::Poll) => self.news(),
            Err(error) => Answer::Failed { serial: 0, why: error.to_string() },
        };
        // An answer is plain data; if it cannot be encoded the dialog takes the empty message as a failure.
        encode(&answer).unwrap_or_default()
    }

    fn begin(&mut self, values: Option<Values>, pack: &str, runtime: Runtime) -> Result<Job, PluginError> {
        let pack = packs::choose(self.packs, pack, self.operation)?;
        let aligned = match self.aligned.entry(pack.resolution) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                Arc::clone(new.insert(Arc::new(align::square(self.crop, pack.resolution)?)))
            }
        };
        self.engine.submit(Request {
            operation: self.operation.id().to_owned(),
            values,
            pack: pack.id.clone(),
            picture: self.engine.pictures.put(aligned),
            runtime,
        })
    }

    fn news(&mut self) -> Answer {
        let Some((serial, job, notes)) = &mut self.running else {
            return Answer::Nothing;
        };
        let serial = *serial;
        let mut answer = Answer::Nothing;
        loop {
            match job.poll() {
                Ok(None) => return answer,
                Ok(Some(Event::Progress { fraction, doing })) => {
                    answer = Answer::Working { serial, fraction, doing }
                }
                Ok(Some(Event::Note(note))) => notes.push(note),
                Ok(Some(Event::Preview(handle))) => drop(self.engine.pictures.take(handle)),
                Ok(Some(Event::Done(outcome))) => {
                    let note = notes.join(" · ");
                    self.running = None;
                    return match self.draw(&outcome) {
                        Ok(after) => Answer::Ready { serial, after, fidelity: outcome.fidelity, note },
                        Err(error) => Answer::Failed { serial, why: error.to_string() },
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

    fn draw(&self, outcome: &Outcome) -> Result<Picture, PluginError> {
        let inverted = self.engine.pictures.take(outcome.inverted)?;
        let mut edited = outcome.edited.iter().map(|handle| self.engine.pictures.take(*handle));
        let Some(first) = edited.next() else { return Ok(self.before.clone()) };
        let first = first?;
        edited.try_for_each(|picture| picture.map(drop))?;
        composite::preview(&self.before, &self.mask, &inverted, &first)
    }
}
