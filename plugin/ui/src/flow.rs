//! What happens when: a change is followed by a preview, buttons by an end.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use gtk4::prelude::*;
use gtk4::{gdk, glib};
use pentimento_protocol::dialog::{Answer, Ask, Closed, Open};
use pentimento_protocol::param::Values;

use crate::auto::Auto;
use crate::controls::Changed;
use crate::guard::Guard;
use crate::newest::{Newest, News};
use crate::notice::Weight;
use crate::status;
use crate::window::Window;
use crate::words::tr;

/// A slider that moves or a word that is being typed is let finish first.
const DEBOUNCE: Duration = Duration::from_millis(120);
/// How often an awaited preview is asked after.
const POLL: Duration = Duration::from_millis(25);

/// An open dialog.
pub(crate) struct Flow {
    pub(crate) parts: Window,
    defaults: Values,
    /// Questions for the plug-in. The main loop puts them, outside of GTK's handlers.
    asks: RefCell<VecDeque<Ask>>,
    guard: Guard,
    auto: Auto,
    newest: RefCell<Newest>,
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
            let parts = Window::new(
                open,
                guard,
                &call(weak, guard, Self::pack_chosen),
                &call(weak, guard, Self::changed),
            );
            Self {
                parts,
                defaults: Values::defaults(&open.params),
                asks: RefCell::default(),
                guard: guard.clone(),
                auto: Auto::from_environment(),
                newest: RefCell::default(),
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
        ] {
            button.connect_clicked(move |_| act());
        }
        let cancel = on(|flow| flow.close(Closed::Cancel));
        self.parts.window.connect_close_request(move |_| {
            cancel();
            glib::Propagation::Stop
        });
        let cancel = on(|flow| flow.close(Closed::Cancel));
        let escape = gtk4::Shortcut::new(
            Some(gtk4::KeyvalTrigger::new(gdk::Key::Escape, gdk::ModifierType::empty())),
            Some(gtk4::CallbackAction::new(move |_, _| {
                cancel();
                glib::Propagation::Stop
            })),
        );
        let keys = gtk4::ShortcutController::new();
        keys.add_shortcut(escape);
        self.parts.window.add_controller(keys);
    }

    /// Shows the window and asks for the first preview.
    pub(crate) fn begin(self: &Rc<Self>) {
        self.parts.window.present();
        self.parts.controls.focus();
        self.changed();
        self.auto.limit(self, &self.guard);
    }

    /// How it ended; `None` as long as it is open.
    pub(crate) fn end(&self) -> Option<Closed> {
        self.closed.borrow().clone()
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
    pub(crate) fn result(&self) -> Result<Closed, String> {
        let pack = self.parts.packs.usable()?.id.clone();
        let values = self.parts.controls.complete()?;
        Ok(Closed::Apply { values, pack, runtime: self.parts.computation.runtime() })
    }

    pub(crate) fn apply(self: &Rc<Self>) {
        // A figure that is still being typed is taken over when its field loses the focus.
        self.parts.apply.grab_focus();
        match self.result() {
            Ok(apply) => self.close(apply),
            Err(_) => self.changed(),
        }
    }

    fn reset(self: &Rc<Self>) {
        self.write(&[&self.defaults, &self.pack_values()]);
    }

    fn pack_chosen(self: &Rc<Self>) {
        // What was said about the picture was said by the other pack.
        self.parts.status.set_fidelity(None);
        self.parts.status.set_note("");
        self.parts.notice.hush();
        self.write(&[&self.pack_values()]);
    }

    fn pack_values(&self) -> Values {
        self.parts.packs.chosen().map(|pack| pack.values.clone()).unwrap_or_default()
    }

    fn write(self: &Rc<Self>, layers: &[&Values]) {
        self.writing.set(true);
        for values in layers {
            self.parts.controls.write(values);
        }
        self.writing.set(false);
        self.changed();
    }

    /// Something changed: says whether it can be applied and plans a preview.
    fn changed(self: &Rc<Self>) {
        if self.writing.get() {
            return;
        }
        let change = self.changes.get().wrapping_add(1);
        self.changes.set(change);
        let result = self.result();
        let parts = &self.parts;
        parts.apply.set_sensitive(result.is_ok());
        parts.reason.set_text(result.as_ref().err().map(String::as_str).unwrap_or_default());
        if result.is_err() {
            self.newest.borrow_mut().forget();
            parts.progress.set_visible(false);
            parts.compare.set_after(None);
            parts.status.set_note("");
        }
        // Without a prompt the pack can still say how well it knows the picture; without a pack nobody can.
        if parts.packs.usable().is_err() {
            return;
        }
        let (weak, guard) = (Rc::downgrade(self), self.guard.clone());
        glib::timeout_add_local_once(DEBOUNCE, move || {
            guard.run(|| {
                if let Some(flow) = weak.upgrade().filter(|flow| flow.changes.get() == change) {
                    flow.preview();
                }
            });
        });
    }

    /// Asks for a preview of what the controls show.
    fn preview(self: &Rc<Self>) {
        let Ok(pack) = self.parts.packs.usable().map(|pack| pack.id.clone()) else { return };
        let values = self.parts.controls.complete().ok();
        let runtime = self.parts.computation.runtime();
        let serial = self.newest.borrow_mut().begin();
        self.parts.progress.set_fraction(0.0);
        self.parts.progress.set_visible(true);
        let mut asks = self.asks.borrow_mut();
        asks.clear();
        asks.push_back(Ask::Preview { serial, values, pack, runtime });
        drop(asks);
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
        let mut asks = self.asks.borrow_mut();
        if go_on && asks.is_empty() {
            asks.push_back(Ask::Poll);
        }
        go_on
    }

    /// Shows what the plug-in answered; an error is a sentence.
    pub(crate) fn hear(self: &Rc<Self>, answer: Result<Answer, String>) {
        let news = match answer {
            Ok(answer) => self.newest.borrow_mut().take(answer),
            Err(why) => {
                self.newest.borrow_mut().forget();
                News::Failed(why)
            }
        };
        let parts = &self.parts;
        match news {
            News::Nothing => return,
            News::Working { fraction, doing } => {
                if fraction > 0.0 {
                    parts.progress.set_fraction(f64::from(fraction).clamp(0.0, 1.0));
                } else {
                    parts.progress.pulse();
                }
                parts.status.set_note(&doing);
                return;
            }
            News::Ready { after, .. } if !after.is_sound() || after.rgb.is_empty() => {
                parts.status.set_note("");
                parts.notice.say(Weight::Error, &tr("The preview came out broken; try other values."));
            }
            News::Ready { after, fidelity, note } => {
                parts.compare.set_after(self.result().is_ok().then_some(&after));
                parts.status.set_fidelity(Some(&fidelity));
                parts.status.set_note(&note);
                match status::warning(&fidelity) {
                    Some(warning) => parts.notice.say(Weight::Warning, &warning),
                    None => parts.notice.hush(),
                }
            }
            News::Failed(why) => {
                parts.status.set_note("");
                parts.notice.say(Weight::Error, &why);
            }
        }
        parts.progress.set_visible(false);
        self.auto.answered(self, &self.guard);
    }
}

/// A closure that does `act` as long as the dialog lives, and survives a panic.
fn call(flow: &Weak<Flow>, guard: &Guard, act: fn(&Rc<Flow>)) -> Changed {
    let (flow, guard) = (flow.clone(), guard.clone());
    Rc::new(move || {
        guard.run(|| {
            if let Some(flow) = flow.upgrade() {
                act(&flow);
            }
        });
    })
}
