//! Which picture is shown: the photo as a whole, or one of the views of the part that is edited.

use gtk4::prelude::*;

use crate::compare::{Compare, Show};
use crate::guard::Guard;
use crate::place::Place;
use crate::words::tr;

/// A view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The photo as a whole.
    Photo,
    /// The part that is edited.
    Part(Show),
}

/// The views by name, as tests ask for them and as styles know them, in the order of the buttons.
const VIEWS: [(&str, View); 6] = [
    ("photo", View::Photo),
    ("before", View::Part(Show::Before)),
    ("split", View::Part(Show::Split)),
    ("after", View::Part(Show::After)),
    ("reconstruction", View::Part(Show::Reconstruction)),
    ("difference", View::Part(Show::Difference)),
];

/// The views and the buttons that choose among them.
pub(crate) struct Views {
    /// The view.
    pub(crate) pages: gtk4::Stack,
    /// The buttons.
    pub(crate) buttons: gtk4::Box,
    toggles: Vec<gtk4::ToggleButton>,
}

impl Views {
    /// Both kinds of views, one shown at a time.
    pub(crate) fn new(compare: &Compare, place: &Place, guard: &Guard) -> Self {
        let pages = gtk4::Stack::new();
        let part = pages.add_child(compare);
        let photo = pages.add_child(&place.widget);
        part.set_name("part");
        photo.set_name("photo");
        pages.set_visible_child(compare);
        let buttons = gtk4::Box::new(gtk4::Orientation::Horizontal, 0);
        buttons.add_css_class("linked");
        buttons.set_halign(gtk4::Align::Center);
        let mut toggles: Vec<gtk4::ToggleButton> = Vec::with_capacity(VIEWS.len());
        for (name, view) in VIEWS {
            let (label, help) = words(view);
            let toggle = gtk4::ToggleButton::builder().label(label).use_underline(true).build();
            toggle.set_tooltip_text(Some(&help));
            // GTK names a button after its label twice, once with the underscore.
            toggle.reset_property(gtk4::AccessibleProperty::Label);
            toggle.set_widget_name(&format!("view-{name}"));
            toggle.set_group(toggles.first());
            toggle.set_active(view == View::Part(Show::default()));
            let (compare, pages, safe) = (compare.downgrade(), pages.downgrade(), guard.clone());
            toggle.connect_toggled(move |toggle| {
                safe.run(|| {
                    let (Some(compare), Some(pages)) = (compare.upgrade(), pages.upgrade()) else { return };
                    if !toggle.is_active() {
                        return;
                    }
                    if let View::Part(show) = view {
                        compare.set_show(show);
                    }
                    pages.set_visible_child_name(if view == View::Photo { "photo" } else { "part" });
                });
            });
            buttons.append(&toggle);
            toggles.push(toggle);
        }
        Self { pages, buttons, toggles }
    }

    /// Shows the view called `name`; whether there is such a one.
    pub(crate) fn show(&self, name: &str) -> bool {
        let place = VIEWS.iter().position(|(known, _)| *known == name);
        let toggle = place.and_then(|i| self.toggles.get(i));
        if let Some(toggle) = toggle {
            toggle.set_active(true);
        }
        toggle.is_some()
    }
}

/// Label and help of a view.
fn words(view: View) -> (String, String) {
    match view {
        View::Photo => (
            tr("P_hoto"),
            tr("The photo as a whole: the part that is edited, the faces in it, and points to place by hand"),
        ),
        View::Part(Show::Before) => (tr("_Before"), tr("Show only the picture before the edit")),
        View::Part(Show::Split) => (
            tr("Sp_lit"),
            tr(
                "Show both. Drag the divider or move it with the arrow keys; hold the space bar to see the picture before.",
            ),
        ),
        View::Part(Show::After) => {
            (tr("A_fter"), tr("Show only the picture after the edit. Press on it to see the picture before."))
        }
        View::Part(Show::Reconstruction) => (
            tr("Reconstr_uction"),
            tr(
                "The photo beside what the pack makes of it before any edit: what is lost here cannot come back",
            ),
        ),
        View::Part(Show::Difference) => (
            tr("D_ifference"),
            tr(
                "How much the edit changes where, from dark for nothing to bright. The figures are parts of the way from black to white.",
            ),
        ),
    }
}
