//! Several results to choose from: a strip of small pictures with what is known of each.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use gtk4::pango;
use gtk4::prelude::*;
use pentimento_protocol::dialog::ShownVariant;

use crate::controls::Changed;
use crate::guard::Guard;
use crate::texture::thumbnail;
use crate::words::{figure, fill, tr};

/// Side of the small pictures.
const SIDE: i32 = 64;

/// The strip.
pub(crate) struct Candidates {
    /// Hidden while there is one result or none.
    pub(crate) widget: gtk4::Box,
    strip: gtk4::Box,
    all: gtk4::CheckButton,
    items: RefCell<Vec<Item>>,
    chosen: Cell<usize>,
    /// Whether buttons follow what was chosen elsewhere.
    quiet: Cell<bool>,
    changed: Changed,
    guard: Guard,
    this: Weak<Self>,
}

struct Item {
    button: gtk4::ToggleButton,
    picture: gtk4::Image,
    label: gtk4::Label,
    figures: gtk4::Label,
}

impl Candidates {
    /// An empty strip; `changed` is called when the user chooses.
    pub(crate) fn new(guard: &Guard, changed: &Changed) -> Rc<Self> {
        let strip = gtk4::Box::new(gtk4::Orientation::Horizontal, 4);
        let scroller = gtk4::ScrolledWindow::builder()
            .child(&strip)
            .vscrollbar_policy(gtk4::PolicyType::Never)
            .hexpand(true)
            .build();
        strip.update_property(&[gtk4::accessible::Property::Label(&tr("Results to choose from"))]);
        let all = gtk4::CheckButton::builder().label(tr("All as layers")).valign(gtk4::Align::Center).build();
        all.set_tooltip_text(Some(&tr(
            "Apply makes a group with a layer for each result instead of the chosen one",
        )));
        all.set_widget_name("all-variants");
        let widget = gtk4::Box::builder().spacing(8).visible(false).build();
        widget.append(&scroller);
        widget.append(&all);
        let candidates = Rc::new_cyclic(|this| Self {
            widget,
            strip,
            all,
            items: RefCell::default(),
            chosen: Cell::default(),
            quiet: Cell::default(),
            changed: changed.clone(),
            guard: guard.clone(),
            this: this.clone(),
        });
        let (weak, safe) = (Rc::downgrade(&candidates), guard.clone());
        candidates.all.connect_toggled(move |_| {
            safe.run(|| {
                if let Some(candidates) = weak.upgrade().filter(|candidates| !candidates.quiet.get()) {
                    (candidates.changed)();
                }
            });
        });
        candidates
    }

    /// Shows results; of a `sequence` all become layers.
    pub(crate) fn show(&self, variants: &[ShownVariant], sequence: bool) {
        self.widget.set_visible(variants.len() > 1);
        self.all.set_visible(!sequence);
        let shown = if variants.len() > 1 { variants } else { &[] };
        self.resize(shown.len());
        for (i, (item, variant)) in self.items.borrow().iter().zip(shown).enumerate() {
            item.show(i + 1, variant);
        }
    }

    /// Which result is chosen, counted from zero.
    pub(crate) fn chosen(&self) -> usize {
        self.chosen.get()
    }

    /// Whether all are.
    pub(crate) fn all(&self) -> bool {
        self.all.is_active()
    }

    /// Chooses without telling anybody.
    pub(crate) fn choose(&self, chosen: usize, all: bool) {
        self.quiet.set(true);
        self.chosen.set(chosen);
        self.all.set_active(all);
        if let Some(item) = self.items.borrow().get(chosen) {
            item.button.set_active(true);
        }
        self.quiet.set(false);
    }

    /// Keeps the buttons that there are, and with them the keyboard's place.
    fn resize(&self, count: usize) {
        let mut items = self.items.borrow_mut();
        let spare = count.min(items.len());
        for gone in items.drain(spare..) {
            self.strip.remove(&gone.button);
        }
        while items.len() < count {
            let item = Item::new(items.first());
            let (i, weak, safe) = (items.len(), self.this.clone(), self.guard.clone());
            item.button.set_widget_name(&format!("variant-{}", i + 1));
            item.button.connect_toggled(move |button| {
                safe.run(|| {
                    let Some(candidates) = weak.upgrade() else { return };
                    if button.is_active() && !candidates.quiet.get() {
                        candidates.chosen.set(i);
                        (candidates.changed)();
                    }
                });
            });
            self.strip.append(&item.button);
            items.push(item);
        }
    }
}

impl Item {
    /// A button beside `first`.
    fn new(first: Option<&Item>) -> Self {
        let picture = gtk4::Image::builder().pixel_size(SIDE).build();
        let name = gtk4::Label::builder()
            .ellipsize(pango::EllipsizeMode::End)
            .width_chars(10)
            .max_width_chars(10)
            .css_classes(["small"])
            .build();
        let figures = gtk4::Label::builder().css_classes(["small", "dim-label", "numeric"]).build();
        let inside = gtk4::Box::new(gtk4::Orientation::Vertical, 2);
        inside.append(&picture);
        inside.append(&name);
        inside.append(&figures);
        let button = gtk4::ToggleButton::builder().child(&inside).css_classes(["flat", "candidate"]).build();
        button.set_group(first.map(|item| &item.button));
        Self { button, picture, label: name, figures }
    }

    fn show(&self, number: usize, variant: &ShownVariant) {
        self.picture.set_paintable(thumbnail(&variant.after, SIDE.unsigned_abs()).as_ref());
        let number = number.to_string();
        let name = if variant.label.is_empty() { &number } else { &variant.label };
        self.label.set_text(name);
        let known = [variant.gain, variant.identity].map(|value| value.map(|value| figure(value, 2)));
        let short: Vec<&str> = known.iter().flatten().map(String::as_str).collect();
        self.figures.set_text(&short.join(" · "));
        self.figures.set_visible(!short.is_empty());
        let [gain, identity] = known;
        let mut help = vec![name.clone()];
        if let Some(gain) = gain {
            let words =
                tr("Gain {gain}: how much nearer to the text it is than before the edit; more is nearer.");
            help.push(fill(&words, &[("gain", &gain)]));
        }
        if let Some(identity) = identity {
            let words = tr(
                "Identity {identity}: how much it still shows the same person; 1 is the very same, below about 0.5 another.",
            );
            help.push(fill(&words, &[("identity", &identity)]));
        }
        let help = help.join("\n");
        self.button.set_tooltip_text(Some(&help));
        self.button.update_property(&[gtk4::accessible::Property::Label(&help)]);
    }
}
