//! From request to answer: GTK is started, the window lives, the window goes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use gtk4::prelude::*;
use gtk4::{gdk, glib};
use pentimento_protocol::dialog::{Answer, Ask, Closed, Open, Parent};

use crate::flow::Flow;
use crate::guard::{Guard, sentence};
use crate::{transient, words};

/// Shows the dialog and returns when it is closed. May be called again, from the same thread.
///
/// `ask` puts a question to the plug-in; an error is one sentence. A panic becomes [`Closed::Failed`].
pub fn show(open: &Open, mut ask: impl FnMut(&Ask) -> Result<Answer, String>) -> Closed {
    match catch_unwind(AssertUnwindSafe(|| run(open, &mut ask))) {
        Ok(closed) => closed,
        Err(cause) => Closed::Failed(sentence(&*cause)),
    }
}

fn run(open: &Open, ask: &mut dyn FnMut(&Ask) -> Result<Answer, String>) -> Closed {
    if !open.before.is_sound() || !open.photo.is_sound() {
        return Closed::Failed("the dialog was given a broken picture; please report it".to_owned());
    }
    if let Err(why) = start(open) {
        return Closed::Failed(why);
    }
    let started = Instant::now();
    let guard = Guard::default();
    let flow = Flow::new(open, &guard);
    let window = flow.parts.window.clone();
    transient::follow(&window, &open.parent);
    flow.begin();
    log::debug!("{}: window after {:?}", open.host, started.elapsed());

    // Not a `MainLoop`: the plug-in is asked from here, between GTK's handlers, so that `ask` may borrow.
    let context = glib::MainContext::default();
    let closed = loop {
        context.iteration(true);
        while let Some(question) = flow.next_ask() {
            flow.hear(&question, ask(&question));
        }
        if guard.has_failed() {
            break Closed::Failed(guard.take_failure().unwrap_or_default());
        }
        if let Some(closed) = flow.end() {
            break closed;
        }
    };
    window.destroy();
    vanish();
    closed
}

/// Starts GTK; the second time this costs nothing.
fn start(open: &Open) -> Result<(), String> {
    let first = !gtk4::is_initialized();
    if first && matches!(open.parent, Parent::X11(_)) {
        // A host under X11 on a Wayland desktop: our window must be its neighbour to stay in front of it.
        gdk::set_allowed_backends("x11,*");
    }
    if glib::prgname().is_none() {
        // X11 shows it as the class of the window.
        glib::set_prgname(Some("pentimento"));
    }
    gtk4::init().map_err(|_| {
        "there is no display to show the dialog on; run the edit non-interactively, or start from a desktop session (DISPLAY or WAYLAND_DISPLAY must be set)"
            .to_owned()
    })?;
    // After GTK has set the locale of the process.
    words::bind(open.locale_folder.as_deref());
    let (Some(display), Some(settings)) = (gdk::Display::default(), gtk4::Settings::default()) else {
        return Err("GTK has lost its display; start the host again".to_owned());
    };
    if let Some(dark) = open.dark {
        settings.set_gtk_application_prefer_dark_theme(dark);
    }
    // The style stays with the display.
    if first {
        let style = gtk4::CssProvider::new();
        style.load_from_data(include_str!("style.css"));
        gtk4::style_context_add_provider_for_display(
            &display,
            &style,
            gtk4::STYLE_PROVIDER_PRIORITY_APPLICATION,
        );
    }
    Ok(())
}

/// Lets the window go before the host works on: the loop that would do it is not run any more.
fn vanish() {
    let context = glib::MainContext::default();
    let limit = Instant::now() + Duration::from_millis(500);
    while context.iteration(false) && Instant::now() < limit {}
    if let Some(display) = gdk::Display::default() {
        display.sync();
    }
}
