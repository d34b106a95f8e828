//! A calm but visible bar for what the user must not miss. Screen readers announce it.

use gtk4::prelude::*;

/// Why the bar is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It works, but not well.
    Warning,
    /// It does not work.
    Error,
}

/// An icon and a sentence.
pub(crate) struct Notice {
    /// The bar, hidden while there is nothing to say.
    pub(crate) widget: gtk4::Box,
    icon: gtk4::Image,
    sentence: gtk4::Label,
}

impl Notice {
    pub(crate) fn new() -> Self {
        let icon = gtk4::Image::builder().valign(gtk4::Align::Start).build();
        let sentence = gtk4::Label::builder()
            .xalign(0.0)
            .wrap(true)
            .wrap_mode(gtk4::pango::WrapMode::WordChar)
            .hexpand(true)
            .build();
        let widget = gtk4::Box::builder()
            .orientation(gtk4::Orientation::Horizontal)
            .spacing(8)
            .css_name("notice")
            .accessible_role(gtk4::AccessibleRole::Alert)
            .visible(false)
            .build();
        widget.append(&icon);
        widget.append(&sentence);
        Self { widget, icon, sentence }
    }

    /// Says `sentence`.
    pub(crate) fn say(&self, weight: Weight, sentence: &str) {
        let (icon, class, other) = match weight {
            Weight::Warning => ("dialog-warning-symbolic", "warning", "error"),
            Weight::Error => ("dialog-error-symbolic", "error", "warning"),
        };
        self.icon.set_icon_name(Some(icon));
        self.widget.remove_css_class(other);
        self.widget.add_css_class(class);
        self.sentence.set_text(sentence);
        self.widget.update_property(&[gtk4::accessible::Property::Label(sentence)]);
        self.widget.set_visible(true);
    }

    /// Nothing to say any more.
    pub(crate) fn hush(&self) {
        self.widget.set_visible(false);
    }
}
