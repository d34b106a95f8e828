//! The menu of edits that can be added.

use std::rc::Rc;

use gtk4::prelude::*;
use pentimento_protocol::dialog::{OperationEntry, PackEntry};

use crate::words::{fill, tr};

/// A button that opens the operations.
pub(super) struct Menu {
    pub(super) button: gtk4::MenuButton,
    items: Vec<(OperationEntry, gtk4::Button)>,
}

impl Menu {
    /// `chosen` is called with the place of an operation.
    pub(super) fn new(operations: &[OperationEntry], chosen: &Rc<dyn Fn(usize)>) -> Self {
        let list = gtk4::Box::new(gtk4::Orientation::Vertical, 0);
        let popover = gtk4::Popover::builder().child(&list).build();
        let button =
            gtk4::MenuButton::builder().label(tr("Add _edit")).use_underline(true).popover(&popover).build();
        button.add_css_class("flat");
        button.set_tooltip_text(Some(&tr("Another edit of the same picture, made after the others")));
        button.set_widget_name("add-edit");
        let items = operations.iter().enumerate().map(|(i, operation)| {
            let name = gtk4::Label::builder().label(&operation.name).xalign(0.0).build();
            let item = gtk4::Button::builder().child(&name).css_classes(["flat", "item"]).build();
            item.update_property(&[gtk4::accessible::Property::Label(&operation.name)]);
            item.set_widget_name(&format!("add-{}", operation.id));
            let (chosen, popover) = (chosen.clone(), popover.downgrade());
            item.connect_clicked(move |_| {
                if let Some(popover) = popover.upgrade() {
                    popover.popdown();
                }
                chosen(i);
            });
            list.append(&item);
            (operation.clone(), item)
        });
        let items = items.collect();
        Self { button, items }
    }

    /// Offers what the pack can do.
    pub(super) fn offer(&self, pack: Option<&PackEntry>) {
        for (operation, item) in &self.items {
            let missing = pack.and_then(|pack| pack.missing.get(&operation.id)).filter(|all| !all.is_empty());
            item.set_sensitive(missing.is_none());
            let why = missing
                .map(|missing| fill(&tr("The pack lacks: {missing}"), &[("missing", &missing.join(", "))]));
            item.set_tooltip_text(Some(&why.unwrap_or_else(|| tr(&operation.about))));
        }
    }
}
