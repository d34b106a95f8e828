//! When a preview is asked for, and when it is not.

use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk4::glib;
use gtk4::prelude::*;
use pentimento_protocol::dialog::{Ask, Choice};
use pentimento_protocol::param::Value;

use super::Flow;
use crate::road::VARIANT;
use crate::words::tr;

/// A slider that moves or a word that is being typed is let finish first.
const DEBOUNCE: Duration = Duration::from_millis(120);
/// How often an awaited preview is asked after.
const POLL: Duration = Duration::from_millis(25);
/// A preview that takes longer can be stopped.
const SOON: Duration = Duration::from_millis(1200);

impl Flow {
    /// Plans a preview where what is chosen looks different from what was asked for last.
    pub(super) fn plan(self: &Rc<Self>, complete: bool) {
        let change = self.changes.get().wrapping_add(1);
        self.changes.set(change);
        let wanted = self.wanted();
        if wanted.is_some() && *self.asked.borrow() == wanted {
            return;
        }
        self.slow.set(false);
        if wanted.is_none() || !complete {
            self.forget();
            self.variants.take();
            self.show_variant();
            self.parts.status.set_note("");
        }
        self.buttons();
        if wanted.is_none() {
            return;
        }
        let (weak, guard) = (Rc::downgrade(self), self.guard.clone());
        glib::timeout_add_local_once(DEBOUNCE, move || {
            guard.run(|| {
                if let Some(flow) = weak.upgrade().filter(|flow| flow.changes.get() == change) {
                    flow.preview(false);
                }
            });
        });
    }

    /// What a preview is made of: without steps while they are not complete, because then the pack can still say how
    /// well it knows the picture; none where nobody can.
    fn wanted(&self) -> Option<Choice> {
        let choice = self.choice().ok().or_else(|| self.bare());
        choice.map(|mut choice| {
            // Every result is shown, whichever becomes the layer.
            if choice.road.0.contains_key(VARIANT) {
                choice.road.set(VARIANT, Value::Number(0.0));
            }
            choice
        })
    }

    /// The choice without its steps.
    fn bare(&self) -> Option<Choice> {
        let parts = &self.parts;
        let pack = parts.packs.usable(&parts.steps.operations()).ok()?.id.clone();
        let road = parts.road.controls().complete().ok()?;
        Some(Choice { steps: Vec::new(), road, pack, runtime: parts.computation.runtime() })
    }

    /// The user asks for it, however long it takes.
    pub(crate) fn preview_patiently(self: &Rc<Self>) {
        // A planned one must not take its place.
        self.changes.set(self.changes.get().wrapping_add(1));
        self.preview(true);
    }

    /// Asks for a preview of what the controls show.
    fn preview(self: &Rc<Self>, patient: bool) {
        let Some(choice) = self.wanted() else { return };
        self.slow.set(false);
        self.patient.set(patient);
        self.asked.replace(Some(choice.clone()));
        self.ask_for(choice, patient);
    }

    /// What is chosen takes long: until the user asks for it, what it starts from is shown.
    pub(super) fn preview_start(self: &Rc<Self>) {
        if let Some(bare) = self.bare() {
            self.ask_for(bare, false);
        }
    }

    fn ask_for(self: &Rc<Self>, choice: Choice, patient: bool) {
        let serial = self.newest.borrow_mut().begin();
        self.since.set(Instant::now());
        self.parts.progress.set_fraction(0.0);
        self.put(Ask::Preview { serial, choice, patient });
        self.buttons();
        if self.polling.replace(true) {
            return;
        }
        let (weak, guard) = (Rc::downgrade(self), self.guard.clone());
        glib::timeout_add_local(POLL, move || {
            let go_on = guard.run(|| weak.upgrade().is_some_and(|flow| flow.poll()));
            if go_on == Some(true) { glib::ControlFlow::Continue } else { glib::ControlFlow::Break }
        });
    }

    /// Asks what is new; whether to go on asking.
    fn poll(self: &Rc<Self>) -> bool {
        let go_on = self.newest.borrow().is_awaited();
        self.polling.set(go_on);
        if go_on && self.asks.borrow().is_empty() {
            self.put(Ask::Poll);
        }
        self.buttons();
        go_on
    }

    /// Queues a question. What was asked of an older preview is not asked any more.
    pub(super) fn put(&self, ask: Ask) {
        let mut asks = self.asks.borrow_mut();
        if matches!(ask, Ask::Preview { .. } | Ask::Stop) {
            asks.retain(|ask| !matches!(ask, Ask::Preview { .. } | Ask::Poll | Ask::Stop));
        }
        asks.push_back(ask);
    }

    /// The user does not want to wait any longer.
    pub(super) fn stop(self: &Rc<Self>) {
        self.forget();
        self.put(Ask::Stop);
        // A change goes on as ever; the same again is begun by its button.
        self.asked.replace(self.wanted());
        self.slow.set(true);
        self.parts.status.set_note(&tr("Stopped."));
        self.buttons();
    }

    /// Whatever still comes is not wanted.
    pub(super) fn forget(&self) {
        self.newest.borrow_mut().forget();
        self.asked.take();
    }

    /// Shows the buttons that are of use now, and the progress.
    pub(super) fn buttons(&self) {
        let parts = &self.parts;
        let awaited = self.newest.borrow().is_awaited();
        let long = self.patient.get() || self.since.get().elapsed() > SOON;
        let stoppable = awaited && !self.slow.get() && long;
        // The keyboard must not be lost with a button that goes.
        let focused = parts.preview.has_focus() || parts.stop.has_focus();
        parts.stop.set_visible(stoppable);
        parts.preview.set_visible(self.slow.get());
        parts.progress.set_visible(awaited);
        if focused && !parts.preview.has_focus() && !parts.stop.has_focus() {
            let next = if self.slow.get() { &parts.preview } else { &parts.stop };
            next.grab_focus();
        }
    }
}
