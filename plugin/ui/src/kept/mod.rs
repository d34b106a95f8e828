//! What the user has kept by name and what was applied of late, behind one button.

pub(crate) mod files;
mod item;

use std::cell::Cell;
use std::rc::{Rc, Weak};

use gtk4::prelude::*;
use pentimento_protocol::dialog::Kept;
use pentimento_protocol::recipe::Step;

use crate::guard::Guard;
use crate::words::tr;

/// What the user wants with kept edits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wish {
    /// To make these edits.
    Use(Vec<Step>),
    /// To keep the edits of the dialog under a name.
    Keep(String),
    /// To forget a preset.
    Forget(String),
    /// To write a recipe into a file.
    Export,
    /// To read one.
    Import,
}

/// The button and what it opens.
pub(crate) struct Shelf {
    /// The button.
    pub(crate) button: gtk4::MenuButton,
    list: gtk4::Box,
    name: gtk4::Entry,
    keep: gtk4::Button,
    export: gtk4::Button,
    /// Whether the edits are complete, so that they can be kept.
    complete: Cell<bool>,
    wish: Rc<dyn Fn(Wish)>,
}

impl Shelf {
    /// `wish` is called with what the user wants.
    pub(crate) fn new(guard: &Guard, wish: &Rc<dyn Fn(Wish)>) -> Rc<Self> {
        let list = gtk4::Box::new(gtk4::Orientation::Vertical, 0);
        let scroller = gtk4::ScrolledWindow::builder()
            .child(&list)
            .hscrollbar_policy(gtk4::PolicyType::Never)
            .propagate_natural_height(true)
            .max_content_height(300)
            .width_request(320)
            .build();
        let name = gtk4::Entry::builder()
            .placeholder_text(tr("Name of a new preset"))
            .hexpand(true)
            .max_length(80)
            .build();
        name.update_property(&[gtk4::accessible::Property::Label(&tr("Name of a new preset"))]);
        name.set_widget_name("preset-name");
        let keep = item("keep", &tr("Keep"), &tr("Keep the edits under this name"));
        let export = item(
            "export",
            &tr("Export recipe…"),
            &tr("Write the edits into a file, for others and for scripts"),
        );
        let import = item("import", &tr("Import recipe…"), &tr("Read edits from a file"));
        let naming = gtk4::Box::new(gtk4::Orientation::Horizontal, 6);
        naming.append(&name);
        naming.append(&keep);
        let files = gtk4::Box::new(gtk4::Orientation::Horizontal, 6);
        files.set_homogeneous(true);
        files.append(&export);
        files.append(&import);
        let inside = gtk4::Box::new(gtk4::Orientation::Vertical, 8);
        inside.append(&scroller);
        inside.append(&gtk4::Separator::new(gtk4::Orientation::Horizontal));
        inside.append(&naming);
        inside.append(&files);
        let popover = gtk4::Popover::builder().child(&inside).build();
        let button = gtk4::MenuButton::builder()
            .label(tr("Presets and histor_y"))
            .use_underline(true)
            .popover(&popover)
            .valign(gtk4::Align::Center)
            .direction(gtk4::ArrowType::Up)
            .build();
        button.set_tooltip_text(Some(&tr("Edits kept by name, edits applied of late, and recipes in files")));
        button.set_widget_name("kept");
        let complete = Cell::default();
        let shelf = Rc::new(Self { button, list, name, keep, export, complete, wish: wish.clone() });
        shelf.connect(guard, &import);
        shelf.refresh();
        shelf
    }

    fn connect(self: &Rc<Self>, guard: &Guard, import: &gtk4::Button) {
        let on = |act: fn(&Self)| {
            let (weak, guard): (Weak<Self>, _) = (Rc::downgrade(self), guard.clone());
            move || {
                guard.run(|| {
                    if let Some(shelf) = weak.upgrade() {
                        act(&shelf);
                    }
                });
            }
        };
        let (named, keep, entered) = (on(Self::refresh), on(Self::keep), on(Self::keep));
        let export = on(|shelf| shelf.close_with(Wish::Export));
        let bring = on(|shelf| shelf.close_with(Wish::Import));
        self.name.connect_changed(move |_| named());
        self.name.connect_activate(move |_| entered());
        self.keep.connect_clicked(move |_| keep());
        self.export.connect_clicked(move |_| export());
        import.connect_clicked(move |_| bring());
    }

    /// Shows what is kept.
    pub(crate) fn show(&self, guard: &Guard, kept: &[Kept]) {
        while let Some(child) = self.list.first_child() {
            self.list.remove(&child);
        }
        for (preset, heading) in [(true, tr("Presets")), (false, tr("Applied of late"))] {
            let mut some = kept.iter().filter(|kept| kept.preset == preset).peekable();
            if some.peek().is_none() {
                continue;
            }
            let heading =
                gtk4::Label::builder().label(heading).xalign(0.0).css_classes(["dim-label", "small"]).build();
            self.list.append(&heading);
            for kept in some {
                let (wish, button) = (self.wish.clone(), self.button.downgrade());
                let close_with = Rc::new(move |what: Wish| {
                    if let (Wish::Use(_), Some(button)) = (&what, button.upgrade()) {
                        button.popdown();
                    }
                    wish(what);
                });
                self.list.append(&item::row(kept, guard, close_with));
            }
        }
        if kept.is_empty() {
            let words = tr("Nothing has been kept or applied yet.");
            self.list
                .append(&gtk4::Label::builder().label(words).xalign(0.0).css_classes(["dim-label"]).build());
        }
    }

    /// Whether there is something to keep.
    pub(crate) fn set_complete(&self, complete: bool) {
        self.complete.set(complete);
        self.refresh();
    }

    fn refresh(&self) {
        let complete = self.complete.get();
        self.export.set_sensitive(complete);
        self.keep.set_sensitive(complete && !self.name.text().trim().is_empty());
    }

    fn keep(&self) {
        let name = self.name.text().trim().to_owned();
        if self.complete.get() && !name.is_empty() {
            self.name.set_text("");
            (self.wish)(Wish::Keep(name));
        }
    }

    fn close_with(&self, wish: Wish) {
        self.button.popdown();
        (self.wish)(wish);
    }
}

fn item(name: &str, label: &str, help: &str) -> gtk4::Button {
    let button = gtk4::Button::builder().label(label).tooltip_text(help).build();
    button.set_widget_name(name);
    button
}
