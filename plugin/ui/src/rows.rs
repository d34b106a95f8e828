//! Rows of a label and a control, aligned across groups.

use gtk4::prelude::*;

/// Space between rows.
const GAP: i32 = 6;
/// Space between a label and its control.
const COLUMN: i32 = 12;

/// A growing grid.
pub(crate) struct Rows {
    /// What to put into the window.
    pub(crate) grid: gtk4::Grid,
    /// Makes the label columns of several grids equally wide.
    labels: gtk4::SizeGroup,
    next: i32,
}

impl Rows {
    /// An empty grid.
    pub(crate) fn new() -> Self {
        Self::grouped(&gtk4::SizeGroup::new(gtk4::SizeGroupMode::Horizontal))
    }

    /// An empty grid whose labels are as wide as those of `self`.
    pub(crate) fn beside(&self) -> Self {
        Self::grouped(&self.labels)
    }

    fn grouped(labels: &gtk4::SizeGroup) -> Self {
        let grid = gtk4::Grid::builder().row_spacing(GAP).column_spacing(COLUMN).build();
        Self { grid, labels: labels.clone(), next: 0 }
    }

    /// Adds `widget` with its label and ties label, help and `fields` together, for the eye and for screen
    /// readers. The mnemonic leads to the first field. Gives back the label.
    pub(crate) fn add(
        &mut self,
        label: &str,
        help: &str,
        widget: &impl IsA<gtk4::Widget>,
        fields: &[gtk4::Widget],
    ) -> gtk4::Label {
        let name = gtk4::Label::builder()
            .label(label)
            .use_underline(true)
            .xalign(0.0)
            .wrap(true)
            .max_width_chars(18)
            .build();
        name.set_mnemonic_widget(fields.first());
        widget.set_hexpand(true);
        if !help.is_empty() {
            name.set_tooltip_text(Some(help));
            widget.set_tooltip_text(Some(help));
        }
        // A drop-down hands the keyboard on to a button inside of it, which is then what a screen reader names.
        let inner =
            |field: &gtk4::Widget| field.downcast_ref::<gtk4::DropDown>().and_then(|list| list.first_child());
        for field in fields.iter().cloned().chain(fields.iter().filter_map(inner)) {
            field.update_relation(&[gtk4::accessible::Relation::LabelledBy(&[name.upcast_ref()])]);
            field.update_property(&[gtk4::accessible::Property::Description(help)]);
        }
        self.labels.add_widget(&name);
        self.grid.attach(&name, 0, self.next, 1, 1);
        self.grid.attach(widget, 1, self.next, 1, 1);
        self.next += 1;
        name
    }

    /// Adds `widget` below a control, without a label.
    pub(crate) fn add_below(&mut self, widget: &impl IsA<gtk4::Widget>) {
        self.grid.attach(widget, 1, self.next, 1, 1);
        self.next += 1;
    }

    /// Adds `widget` over both columns.
    pub(crate) fn add_wide(&mut self, widget: &impl IsA<gtk4::Widget>) {
        self.grid.attach(widget, 0, self.next, 2, 1);
        self.next += 1;
    }
}
