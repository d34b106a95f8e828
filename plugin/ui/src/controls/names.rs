//! Names that only the pack knows: a list to choose one from, or check boxes for several.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gtk4::prelude::*;
use gtk4::{glib, pango};
use pentimento_protocol::param::{Value, names};

use super::{Changed, Control};
use crate::words::tr;

/// A button that opens the names. What was chosen and is unknown to this pack is remembered for the next.
pub(super) fn control(several: bool, help: &str, changed: &Changed) -> Control {
    let choice = Rc::new(Choice::new(several, help, changed));
    let (read, write, offer) = (choice.clone(), choice.clone(), choice.clone());
    Control {
        widget: choice.button.clone().upcast(),
        fields: vec![choice.button.clone().upcast()],
        read: Box::new(move || Value::Text(read.chosen().join(", "))),
        write: Box::new(move |value| {
            if let Value::Text(text) = value {
                write.wanted.replace(names(text).map(str::to_owned).collect());
                write.show();
            }
        }),
        offer: Some(Box::new(move |names| Choice::offer(&offer, names))),
    }
}

struct Choice {
    several: bool,
    help: String,
    button: gtk4::MenuButton,
    /// What the button says.
    words: gtk4::Label,
    boxes: gtk4::Box,
    /// The pack's names, each with its box.
    offered: RefCell<Vec<(String, gtk4::CheckButton)>>,
    wanted: RefCell<Vec<String>>,
    /// Whether the boxes follow what was chosen elsewhere.
    quiet: Cell<bool>,
    changed: Changed,
}

impl Choice {
    fn new(several: bool, help: &str, changed: &Changed) -> Self {
        let boxes = gtk4::Box::new(gtk4::Orientation::Vertical, 2);
        let scroller = gtk4::ScrolledWindow::builder()
            .child(&boxes)
            .hscrollbar_policy(gtk4::PolicyType::Never)
            .propagate_natural_height(true)
            .max_content_height(320)
            .build();
        let popover = gtk4::Popover::builder().child(&scroller).build();
        let words = gtk4::Label::builder()
            .xalign(0.0)
            .hexpand(true)
            .ellipsize(pango::EllipsizeMode::End)
            .width_chars(8)
            .build();
        let arrow = gtk4::Image::from_icon_name("pan-down-symbolic");
        let inside = gtk4::Box::builder().spacing(6).hexpand(true).build();
        inside.append(&words);
        inside.append(&arrow);
        let button = gtk4::MenuButton::builder().child(&inside).popover(&popover).build();
        // GTK puts it into a box in the middle; a list begins on the left.
        if let Some(middle) = inside.parent().and_downcast::<gtk4::Box>() {
            middle.set_halign(gtk4::Align::Fill);
        }
        let (offered, wanted) = Default::default();
        let quiet = Cell::new(false);
        let (help, changed) = (help.to_owned(), changed.clone());
        Self { several, help, button, words, boxes, offered, wanted, quiet, changed }
    }

    /// What is chosen of what there is.
    fn chosen(&self) -> Vec<String> {
        let (offered, wanted) = (self.offered.borrow(), self.wanted.borrow());
        let names = offered.iter().map(|(name, _)| name);
        let mut chosen: Vec<String> = names.filter(|name| wanted.contains(name)).cloned().collect();
        if !self.several {
            chosen.truncate(1);
        }
        chosen
    }

    /// Shows what is chosen.
    fn show(&self) {
        let chosen = self.chosen();
        self.quiet.set(true);
        for (name, tick) in self.offered.borrow().iter() {
            tick.set_active(chosen.contains(name));
        }
        self.quiet.set(false);
        let words = if chosen.is_empty() { tr("None") } else { chosen.join(", ") };
        self.words.set_text(&words);
        self.button.update_property(&[gtk4::accessible::Property::ValueText(&words)]);
        let none = self.offered.borrow().is_empty();
        let why = tr("The pack has none. Packs say themselves what they know.");
        self.button.set_sensitive(!none);
        self.button.set_tooltip_text(Some(if none { &why } else { &self.help }));
    }

    fn offer(this: &Rc<Self>, names: &[String]) {
        for (_, tick) in this.offered.take() {
            this.boxes.remove(&tick);
        }
        let mut offered = Vec::with_capacity(names.len());
        for name in names {
            let tick = gtk4::CheckButton::with_label(name);
            tick.connect_toggled(glib::clone!(
                #[weak(rename_to = choice)]
                this,
                #[strong]
                name,
                move |tick| choice.ticked(&name, tick.is_active())
            ));
            this.boxes.append(&tick);
            offered.push((name.clone(), tick));
        }
        this.offered.replace(offered);
        this.show();
    }

    fn ticked(&self, name: &str, on: bool) {
        if self.quiet.get() {
            return;
        }
        let mut wanted = self.chosen();
        wanted.retain(|wanted| self.several && wanted != name);
        if on {
            wanted.push(name.to_owned());
        }
        self.wanted.replace(wanted);
        self.show();
        if !self.several {
            self.button.popdown();
        }
        (self.changed)();
    }
}
