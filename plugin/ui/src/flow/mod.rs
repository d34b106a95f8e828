//! What happens when: a change is followed by a preview, buttons by an end.

mod hear;
mod preview;
mod wishes;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Instant;

use gtk4::prelude::*;
use gtk4::{gdk, glib};
use pentimento_protocol::dialog::{Ask, Choice, Closed, Open, ShownVariant};
use pentimento_protocol::param::Value;
use pentimento_protocol::picture::Picture;

use crate::auto::Auto;
use crate::controls::Changed;
use crate::guard::Guard;
use crate::newest::Newest;
use crate::road::{PLACE, POINTS, POINTS_PLACE};
use crate::window::{Calls, Window};

/// An open dialog.
pub(crate) struct Flow {
    pub(crate) parts: Window,
    /// Questions for the plug-in. The main loop puts them, outside of GTK's handlers.
    asks: RefCell<VecDeque<Ask>>,
    guard: Guard,
    auto: Auto,
    newest: RefCell<Newest>,
    /// What the newest preview shows or will show; none where it failed or was stopped.
    asked: RefCell<Option<Choice>>,
    /// When it was asked for.
    since: Cell<Instant>,
    /// Whether the user asked for it, so that it may take long.
    patient: Cell<bool>,
    /// Whether what is chosen takes long, so that the user has to ask for it.
    slow: Cell<bool>,
    /// The part that is edited, before the edit.
    before: RefCell<Picture>,
    /// What the newest preview made of it.
    variants: RefCell<Vec<ShownVariant>>,
    /// Counts changes: a delayed preview is begun only if nothing changed since.
    changes: Cell<u64>,
    polling: Cell<bool>,
    /// Whether several values are being written, so that the preview waits for the last.
    writing: Cell<bool>,
    closed: RefCell<Option<Closed>>,
}

impl Flow {
    /// Builds the dialog and connects everything.
    pub(crate) fn new(open: &Open, guard: &Guard) -> Rc<Self> {
        let flow = Rc::new_cyclic(|weak: &Weak<Self>| {
            let calls = Calls {
                packed: call(weak, guard, Self::pack_chosen),
                changed: call(weak, guard, Self::changed),
                varied: call(weak, guard, Self::variant_chosen),
                placed: call_with(weak, guard, Self::placed),
                wished: call_with(weak, guard, Self::wished),
            };
            Self {
                parts: Window::new(open, guard, &calls),
                asks: RefCell::default(),
                guard: guard.clone(),
                auto: Auto::from_environment(),
                newest: RefCell::default(),
                asked: RefCell::default(),
                since: Cell::new(Instant::now()),
                patient: Cell::new(false),
                slow: Cell::new(false),
                before: RefCell::new(open.before.clone()),
                variants: RefCell::default(),
                changes: Cell::new(0),
                polling: Cell::new(false),
                writing: Cell::new(false),
                closed: RefCell::default(),
            }
        });
        flow.connect();
        flow
    }

    fn connect(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let on = |act: fn(&Rc<Self>)| call(&weak, &self.guard, act);
        for (button, act) in [
            (&self.parts.reset, on(Self::reset)),
            (&self.parts.cancel, on(|flow| flow.close(Closed::Cancel))),
            (&self.parts.apply, on(Self::apply)),
            (&self.parts.preview, on(Self::preview_patiently)),
            (&self.parts.stop, on(Self::stop)),
        ] {
            button.connect_clicked(move |_| act());
        }
        let cancel = on(|flow| flow.close(Closed::Cancel));
        self.parts.window.connect_close_request(move |_| {
            cancel();
            glib::Propagation::Stop
        });
        let keys = gtk4::ShortcutController::new();
        for (key, with, act) in [
            (gdk::Key::Escape, gdk::ModifierType::empty(), on(|flow| flow.close(Closed::Cancel))),
            (gdk::Key::Return, gdk::ModifierType::CONTROL_MASK, on(Self::preview_patiently)),
            (gdk::Key::KP_Enter, gdk::ModifierType::CONTROL_MASK, on(Self::preview_patiently)),
        ] {
            let action = gtk4::CallbackAction::new(move |_, _| {
                act();
                glib::Propagation::Stop
            });
            keys.add_shortcut(gtk4::Shortcut::new(Some(gtk4::KeyvalTrigger::new(key, with)), Some(action)));
        }
        self.parts.window.add_controller(keys);
    }

    /// Shows the window and asks for the first preview.
    pub(crate) fn begin(self: &Rc<Self>) {
        self.parts.window.present();
        self.parts.steps.focus();
        self.changed();
        self.auto.begin(self, &self.guard);
    }

    /// How it ended; `None` as long as it is open.
    pub(crate) fn end(&self) -> Option<Closed> {
        self.closed.borrow().clone()
    }

    /// What answers the dialog without a user.
    pub(crate) fn auto(&self) -> &Auto {
        &self.auto
    }

    /// The next question for the plug-in.
    pub(crate) fn next_ask(&self) -> Option<Ask> {
        self.asks.borrow_mut().pop_front()
    }

    /// Ends the dialog; the first end counts.
    pub(crate) fn close(&self, closed: Closed) {
        self.closed.borrow_mut().get_or_insert(closed);
    }

    /// What an apply would return, or why there cannot be one.
    pub(crate) fn choice(&self) -> Result<Choice, String> {
        let parts = &self.parts;
        let pack = parts.packs.usable(&parts.steps.operations())?.id.clone();
        let steps = parts.steps.complete()?;
        let road = parts.road.controls().complete()?;
        Ok(Choice { steps, road, pack, runtime: parts.computation.runtime() })
    }

    pub(crate) fn apply(self: &Rc<Self>) {
        // A figure that is still being typed is taken over when its field loses the focus.
        self.parts.apply.grab_focus();
        match self.choice() {
            Ok(choice) => self.close(Closed::Apply(choice)),
            Err(_) => self.changed(),
        }
    }

    fn reset(self: &Rc<Self>) {
        self.write(|flow| {
            flow.parts.steps.reset();
            flow.parts.road.controls().reset();
        });
    }

    fn pack_chosen(self: &Rc<Self>) {
        // What was said about the picture was said by the other pack.
        self.parts.status.set_fidelity(None);
        self.parts.status.set_note("");
        self.parts.notice.hush();
        self.write(|flow| {
            let pack = flow.parts.packs.chosen();
            flow.parts.steps.set_pack(pack);
            flow.parts.road.controls().offer(&pack.map(|pack| pack.names.clone()).unwrap_or_default());
        });
    }

    /// Writes many values as one change.
    pub(crate) fn write(self: &Rc<Self>, work: impl FnOnce(&Rc<Self>)) {
        self.writing.set(true);
        work(self);
        self.writing.set(false);
        self.changed();
    }

    /// Something changed: says whether it can be applied and plans a preview.
    fn changed(self: &Rc<Self>) {
        if self.writing.get() {
            return;
        }
        self.follow_place();
        let parts = &self.parts;
        parts.steps.refresh();
        parts.road.controls().refresh();
        let road = parts.road.read();
        parts.place.show(&road);
        self.follow_variant(&road);
        let choice = self.choice();
        parts.apply.set_sensitive(choice.is_ok());
        parts.shelf.set_complete(choice.is_ok());
        parts.reason.set_text(choice.as_ref().err().map(String::as_str).unwrap_or_default());
        self.plan(choice.is_ok());
    }

    /// Points that are to say where must be somewhere.
    fn follow_place(&self) {
        let road = self.parts.road.read();
        if road.text(PLACE) == POINTS_PLACE && road.text(POINTS).trim().is_empty() {
            self.writing.set(true);
            self.parts.road.set([(POINTS, Value::Text(self.parts.place.written()))]);
            self.writing.set(false);
        }
    }
}

/// A closure that does `act` as long as the dialog lives, and survives a panic.
fn call(flow: &Weak<Flow>, guard: &Guard, act: fn(&Rc<Flow>)) -> Changed {
    let call = call_with(flow, guard, move |flow, ()| act(flow));
    Rc::new(move || call(()))
}

/// The same for an `act` that wants to know what happened.
fn call_with<T: 'static>(
    flow: &Weak<Flow>,
    guard: &Guard,
    act: impl Fn(&Rc<Flow>, T) + 'static,
) -> Rc<dyn Fn(T)> {
    let (flow, guard) = (flow.clone(), guard.clone());
    Rc::new(move |what| {
        guard.run(|| {
            if let Some(flow) = flow.upgrade() {
                act(&flow, what);
            }
        });
    })
}
