//! Answers the dialog by itself, so that tests can open the real one.
//!
//! `PENTIMENTO_DIALOG_AUTO=apply` or `=cancel` acts once the first preview is there or has failed.
//! `PENTIMENTO_DIALOG_TEXT=…` is typed into the prompt first. `PENTIMENTO_DIALOG_SHOT=/path.png` saves a picture of
//! the window just before, with the view that `PENTIMENTO_DIALOG_VIEW` names. What takes long is asked for as soon as
//! the plug-in says so.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk4::glib;
use gtk4::prelude::*;
use pentimento_protocol::dialog::Closed;
use pentimento_protocol::param::{Value, Values};

use crate::flow::Flow;
use crate::guard::Guard;

/// The longest wait for a sign of the first preview.
const LIMIT: Duration = Duration::from_secs(20);
/// How often it is looked whether there was one.
const LOOK: Duration = Duration::from_millis(500);
/// Time for a new picture to be drawn.
const DRAWN: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Apply,
    Cancel,
}

/// What to do without the user.
pub(crate) struct Auto {
    act: Option<Act>,
    shot: Option<PathBuf>,
    answered: Cell<bool>,
    /// The last sign of life of a preview.
    sign: Cell<Instant>,
}

impl Auto {
    /// Reads the variables.
    pub(crate) fn from_environment() -> Self {
        let act = match std::env::var("PENTIMENTO_DIALOG_AUTO").as_deref() {
            Ok("apply") => Some(Act::Apply),
            Ok("cancel") => Some(Act::Cancel),
            _ => None,
        };
        let shot = std::env::var_os("PENTIMENTO_DIALOG_SHOT").map(PathBuf::from);
        Self { act, shot, answered: Cell::new(false), sign: Cell::new(Instant::now()) }
    }

    /// Whether a preview is worth any wait.
    pub(crate) fn waits(&self) -> bool {
        self.act.is_some()
    }

    /// Something was heard of the preview.
    pub(crate) fn alive(&self) {
        self.sign.set(Instant::now());
    }

    /// Types and chooses what is asked for, and starts the clock.
    pub(crate) fn begin(&self, flow: &Rc<Flow>, guard: &Guard) {
        if let Ok(view) = std::env::var("PENTIMENTO_DIALOG_VIEW")
            && !flow.parts.views.show(&view)
        {
            return flow.close(Closed::Failed(format!("PENTIMENTO_DIALOG_VIEW: there is no view “{view}”")));
        }
        if self.act.is_none() {
            return;
        }
        if let Ok(text) = std::env::var("PENTIMENTO_DIALOG_TEXT") {
            let mut values = Values::default();
            values.set("text", Value::Text(text));
            flow.parts.steps.write(&values);
        }
        self.alive();
        let (flow, guard) = (Rc::downgrade(flow), guard.clone());
        glib::timeout_add_local(LOOK, move || {
            let waiting = guard.run(|| flow.upgrade().is_some_and(|flow| flow.auto().waiting(&flow)));
            if waiting == Some(true) { glib::ControlFlow::Continue } else { glib::ControlFlow::Break }
        });
    }

    /// Whether a preview is still to be waited for; ends the dialog where that is in vain.
    fn waiting(&self, flow: &Flow) -> bool {
        if self.answered.get() {
            return false;
        }
        if self.sign.get().elapsed() < LIMIT {
            return true;
        }
        let why = match flow.choice() {
            Ok(_) => "nothing was heard of the preview for 20 seconds".to_owned(),
            Err(why) => why,
        };
        flow.close(Closed::Failed(format!("the dialog could not be answered by itself: {why}")));
        false
    }

    /// A preview is there or has failed.
    pub(crate) fn answered(&self, flow: &Rc<Flow>, guard: &Guard) {
        let Some(act) = self.act.filter(|_| !self.answered.replace(true)) else { return };
        let shot = self.shot.clone();
        later(DRAWN, flow, guard, move |flow| {
            if let Some(path) = &shot
                && let Err(why) = save(flow, path)
            {
                let path = path.display();
                return flow.close(Closed::Failed(format!(
                    "no picture of the dialog could be saved: {why} ({path})"
                )));
            }
            match act {
                Act::Apply => flow.apply(),
                Act::Cancel => flow.close(Closed::Cancel),
            }
        });
    }
}

fn later(wait: Duration, flow: &Rc<Flow>, guard: &Guard, act: impl FnOnce(&Rc<Flow>) + 'static) {
    let (flow, guard) = (Rc::downgrade(flow), guard.clone());
    glib::timeout_add_local_once(wait, move || {
        guard.run(|| {
            if let Some(flow) = flow.upgrade() {
                act(&flow);
            }
        });
    });
}

/// Draws the window once more, into a file.
fn save(flow: &Flow, path: &std::path::Path) -> Result<(), String> {
    let window = &flow.parts.window;
    let paintable = gtk4::WidgetPaintable::new(Some(window));
    let snapshot = gtk4::Snapshot::new();
    let (width, height) = (f64::from(window.width()), f64::from(window.height()));
    paintable.snapshot(&snapshot, width, height);
    let node = snapshot.to_node().ok_or("nothing was drawn")?;
    let renderer = window.renderer().ok_or("the window is not on a display")?;
    renderer.render_texture(node, None).save_to_png(path).map_err(|error| error.to_string())
}
