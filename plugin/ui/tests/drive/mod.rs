//! Drives an open dialog as a user does: finds widgets by name, clicks, types, waits.

use std::time::{Duration, Instant};

use gtk4::glib;
use gtk4::prelude::*;
use pentimento_protocol::dialog::{Ask, Choice, Closed, Open};

use crate::fake::{self, Heard};

/// The longest that anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A dialog that is open, and what it has asked so far.
pub(crate) struct Driver {
    heard: Heard,
}

/// Opens the dialog and lets `script` use it; previews take as long as `wait` says.
pub(crate) fn drive<F: Future<Output = ()> + 'static>(
    open: &Open,
    wait: Duration,
    script: impl FnOnce(Driver) -> F,
) -> Closed {
    // GLib would swallow a panic, and the dialog would wait for ever.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        hook(info);
        std::process::exit(101);
    }));
    let heard = Heard::default();
    let script = script(Driver { heard: heard.clone() });
    glib::MainContext::default().spawn_local(script);
    pentimento_ui::show(open, fake::answerer(wait, &heard))
}

impl Driver {
    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !so(self) {
            assert!(since.elapsed() < LIMIT, "still not so: {what}\n{:#?}", self.heard.borrow());
            glib::timeout_future(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the preview is there that the dialog wants.
    pub(crate) async fn settled(&self) {
        // Longer than a change is let rest.
        glib::timeout_future(Duration::from_millis(250)).await;
        self.until("the preview is there", |it| !it.previews().is_empty() && !it.sees("progressbar.osd"))
            .await;
    }

    /// Everything that was asked but polls.
    pub(crate) fn asks(&self) -> Vec<Ask> {
        self.heard.borrow().clone()
    }

    /// The previews that were asked for, and how.
    pub(crate) fn previews(&self) -> Vec<(Choice, bool)> {
        let preview = |ask: Ask| match ask {
            Ask::Preview { choice, patient, .. } => Some((choice, patient)),
            _ => None,
        };
        self.asks().into_iter().filter_map(preview).collect()
    }

    /// The newest of them.
    pub(crate) fn newest(&self) -> Choice {
        self.previews().pop().expect("no preview was asked for").0
    }

    /// The widgets called `name`, or with a CSS name and a class as in `progressbar.osd`, that are shown as far as their
    /// own switches say.
    fn all(&self, name: &str) -> Vec<gtk4::Widget> {
        let tops = gtk4::Window::list_toplevels();
        let (css, class) = name.split_once('.').unwrap_or((name, ""));
        let fits = |widget: &gtk4::Widget| {
            widget.widget_name() == name
                || (!class.is_empty() && widget.css_name() == css && widget.has_css_class(class))
        };
        let mut found = Vec::new();
        let mut left = tops;
        while let Some(widget) = left.pop() {
            let mut child = widget.first_child();
            while let Some(one) = child {
                child = one.next_sibling();
                left.push(one);
            }
            if fits(&widget) {
                found.push(widget);
            }
        }
        found
    }

    /// Whether a widget is to be seen, as far as its own switches and those around it say.
    pub(crate) fn sees(&self, name: &str) -> bool {
        self.all(name).iter().any(|widget| {
            let mut around = Some(widget.clone());
            while let Some(one) = around {
                if !one.is_visible() {
                    return false;
                }
                around = one.parent();
            }
            true
        })
    }

    /// The widget called `name`; of several the one that is seen.
    pub(crate) fn find<W: IsA<gtk4::Widget>>(&self, name: &str) -> W {
        let mut all = self.all(name);
        all.sort_by_key(|widget| !widget.parent().is_none_or(|parent| parent.is_visible()));
        let found = all.into_iter().find_map(|widget| widget.downcast().ok());
        found.unwrap_or_else(|| panic!("there is no widget “{name}” of this kind"))
    }

    /// Whether a widget can be used.
    pub(crate) fn usable(&self, name: &str) -> bool {
        self.find::<gtk4::Widget>(name).is_sensitive()
    }

    /// Clicks a button that can be clicked.
    pub(crate) fn click(&self, name: &str) {
        assert!(self.usable(name), "“{name}” cannot be clicked");
        self.find::<gtk4::Button>(name).emit_clicked();
    }

    /// Types into an entry.
    pub(crate) fn write(&self, name: &str, text: &str) {
        self.find::<gtk4::Entry>(name).set_text(text);
    }

    /// Chooses from a list.
    pub(crate) fn choose(&self, name: &str, place: u32) {
        self.find::<gtk4::DropDown>(name).set_selected(place);
    }

    /// Presses a key on a widget that listens to keys itself.
    pub(crate) fn press(&self, name: &str, key: gtk4::gdk::Key, with: gtk4::gdk::ModifierType) -> bool {
        let widget = self.find::<gtk4::Widget>(name);
        let controllers = widget.observe_controllers();
        let ours = (0..controllers.n_items())
            .filter_map(|i| controllers.item(i).and_downcast::<gtk4::EventControllerKey>());
        let mut taken = false;
        for controller in ours {
            use gtk4::glib::translate::IntoGlib;
            taken |= controller.emit_by_name::<bool>("key-pressed", &[&key.into_glib(), &0_u32, &with]);
        }
        taken
    }

    /// All words that are seen.
    pub(crate) fn reads(&self, words: &str) -> bool {
        let mut left = gtk4::Window::list_toplevels();
        while let Some(widget) = left.pop() {
            if !widget.is_visible() {
                continue;
            }
            if widget.downcast_ref::<gtk4::Label>().is_some_and(|label| label.text().contains(words)) {
                return true;
            }
            let mut child = widget.first_child();
            while let Some(one) = child {
                child = one.next_sibling();
                left.push(one);
            }
        }
        false
    }

    /// The picture of the edited part as it is drawn now: left and right of the divider, the mean colour of a strip.
    pub(crate) async fn colours(&self) -> [[f64; 3]; 2] {
        let since = Instant::now();
        loop {
            // What was changed is drawn with the next frame.
            glib::timeout_future(Duration::from_millis(100)).await;
            if let Some(colours) = self.drawn() {
                return colours;
            }
            assert!(since.elapsed() < LIMIT, "nothing is drawn");
        }
    }

    fn drawn(&self) -> Option<[[f64; 3]; 2]> {
        let view = self.all("PentimentoCompare").pop()?;
        let window = view.root().and_downcast::<gtk4::Window>()?;
        let snapshot = gtk4::Snapshot::new();
        let paintable = gtk4::WidgetPaintable::new(Some(&window));
        paintable.snapshot(&snapshot, f64::from(window.width()), f64::from(window.height()));
        let texture = window.renderer()?.render_texture(snapshot.to_node()?, None);
        let stride = texture.width() as usize * 4;
        let mut bytes = vec![0; stride * texture.height() as usize];
        texture.download(&mut bytes, stride);
        // The picture is a square in the middle of its view.
        let bounds = view.compute_bounds(&window)?;
        let side = bounds.width().min(bounds.height());
        let left = bounds.x() + (bounds.width() - side) / 2.0;
        let top = (bounds.y() + side * 0.2) as usize;
        Some([0.125, 0.875].map(|part| {
            let x = (left + side * part) as usize;
            let mut sum = [0.0; 3];
            for row in bytes.chunks_exact(stride).skip(top).take(40) {
                for (sum, value) in sum.iter_mut().zip(&row[x * 4..]) {
                    *sum += f64::from(*value) / 40.0;
                }
            }
            sum
        }))
    }
}

/// How much two colours differ, in 0..=255.
pub(crate) fn difference([a, b]: [[f64; 3]; 2]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
