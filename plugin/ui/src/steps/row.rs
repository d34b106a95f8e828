//! One step in the list: whether it counts, what it does, how much of it counts.

use gtk4::pango;
use gtk4::prelude::*;
use pentimento_protocol::recipe::Step;

use crate::controls::{Changed, Range, spin};
use crate::words::{fill, tr};

/// How much of a step may count; recipes may say anything, but these are of use.
const WEIGHT: Range = Range { min: -2.0, max: 2.0, step: 0.05, digits: 2, default: 1.0 };

/// The widgets of a step.
pub(super) struct Row {
    pub(super) widget: gtk4::ListBoxRow,
    on: gtk4::CheckButton,
    name: gtk4::Label,
    weight: gtk4::SpinButton,
}

impl Row {
    /// A row for `step`.
    pub(super) fn new(step: &Step, changed: &Changed) -> Self {
        let on = gtk4::CheckButton::builder().active(!step.off).valign(gtk4::Align::Center).build();
        on.set_tooltip_text(Some(&tr("Whether this edit is made")));
        let name =
            gtk4::Label::builder().xalign(0.0).hexpand(true).ellipsize(pango::EllipsizeMode::End).build();
        let adjustment = gtk4::Adjustment::new(
            step.weight,
            WEIGHT.min.min(step.weight),
            WEIGHT.max.max(step.weight),
            WEIGHT.step,
            WEIGHT.step * 10.0,
            0.0,
        );
        let weight = spin(&WEIGHT, &adjustment);
        weight.set_tooltip_text(Some(&tr("How much of this edit counts: 1 is all of it, 0 nothing")));
        let inside = gtk4::Box::new(gtk4::Orientation::Horizontal, 6);
        inside.append(&on);
        inside.append(&name);
        inside.append(&weight);
        let widget = gtk4::ListBoxRow::builder().child(&inside).css_classes(["step"]).build();
        let changed_too = changed.clone();
        on.connect_toggled(move |_| changed_too());
        let changed = changed.clone();
        adjustment.connect_value_changed(move |_| changed());
        Self { widget, on, name, weight }
    }

    /// Whether the step counts, and how much of it.
    pub(super) fn read(&self) -> (bool, f64) {
        (self.on.is_active(), self.weight.value())
    }

    /// Back to the whole of it.
    pub(super) fn reset(&self) {
        self.on.set_active(true);
        self.weight.set_value(WEIGHT.default);
    }

    /// Says what the step does: the operation and what tells it from others.
    pub(super) fn tell(&self, operation: &str, essence: Option<&str>) {
        let words = match essence {
            Some(essence) => fill(&tr("{edit}: {what}"), &[("edit", operation), ("what", essence)]),
            None => operation.to_owned(),
        };
        if self.name.text() == words {
            return;
        }
        self.name.set_text(&words);
        self.name.set_tooltip_text(Some(&words));
        self.widget.update_property(&[gtk4::accessible::Property::Label(&words)]);
        let label = |template: &str| fill(template, &[("edit", &words)]);
        self.on.update_property(&[gtk4::accessible::Property::Label(&label(&tr("Make “{edit}”")))]);
        self.weight.update_property(&[gtk4::accessible::Property::Label(&label(&tr("Weight of “{edit}”")))]);
    }
}
