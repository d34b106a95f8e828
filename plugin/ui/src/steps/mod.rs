//! The stack of edits: what is done one after the other, and the controls of the chosen one.
//!
//! With a single edit only its controls and the menu of more are seen.

mod change;
mod menu;
mod row;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use gtk4::prelude::*;
use menu::Menu;
use pentimento_protocol::dialog::{OperationEntry, PackEntry};
use pentimento_protocol::param::Values;
use pentimento_protocol::recipe::Step;
use row::Row;

use crate::controls::{Changed, Controls};
use crate::guard::Guard;
use crate::rows::Rows;
use crate::words::tr;

/// The edits and their widgets.
pub(crate) struct Steps {
    /// List and controls, one below the other.
    pub(crate) widget: gtk4::Box,
    operations: Vec<OperationEntry>,
    /// Gives its width of labels to the controls of every step.
    rows: Rows,
    heading: gtk4::Label,
    list: gtk4::ListBox,
    /// Around the list.
    scroller: gtk4::ScrolledWindow,
    about: gtk4::Label,
    /// The controls of every step, one of them visible.
    pages: gtk4::Box,
    up: gtk4::Button,
    down: gtk4::Button,
    remove: gtk4::Button,
    menu: Menu,
    entries: RefCell<Vec<Entry>>,
    pack: RefCell<Option<PackEntry>>,
    /// Whether rows are being moved, which selects others on the way.
    moving: Cell<bool>,
    changed: Changed,
}

/// One step.
struct Entry {
    operation: OperationEntry,
    row: Row,
    controls: Controls,
    page: gtk4::Grid,
}

impl Entry {
    /// As the controls show it.
    fn step(&self, values: Values) -> Step {
        let (on, weight) = self.row.read();
        Step { weight, off: !on, ..Step::new(&*self.operation.id, values) }
    }
}

impl Steps {
    /// An empty stack of `operations`, labels aligned with `rows`. `changed` is called for every change.
    pub(crate) fn new(
        operations: &[OperationEntry],
        rows: &Rows,
        guard: &Guard,
        changed: &Changed,
    ) -> Rc<Self> {
        let button = |icon: &str, help: &str, name: &str| {
            let button =
                gtk4::Button::builder().icon_name(icon).css_classes(["flat"]).tooltip_text(help).build();
            button.update_property(&[gtk4::accessible::Property::Label(help)]);
            button.set_widget_name(name);
            button
        };
        let steps = Rc::new_cyclic(|weak: &Weak<Self>| {
            let (add, safe) = (weak.clone(), guard.clone());
            let chosen: Rc<dyn Fn(usize)> = Rc::new(move |operation| {
                safe.run(|| {
                    if let Some(steps) = add.upgrade() {
                        steps.add_new(operation);
                    }
                });
            });
            let list = gtk4::ListBox::builder().selection_mode(gtk4::SelectionMode::Browse).build();
            list.update_property(&[gtk4::accessible::Property::Label(&tr("Edits"))]);
            let scroller = gtk4::ScrolledWindow::builder()
                .child(&list)
                .hscrollbar_policy(gtk4::PolicyType::Never)
                .propagate_natural_height(true)
                .max_content_height(180)
                .has_frame(true)
                .build();
            Self {
                widget: gtk4::Box::new(gtk4::Orientation::Vertical, 6),
                operations: operations.to_vec(),
                rows: rows.beside(),
                heading: gtk4::Label::builder().xalign(0.0).hexpand(true).css_classes(["heading"]).build(),
                list,
                scroller,
                about: gtk4::Label::builder()
                    .xalign(0.0)
                    .wrap(true)
                    .max_width_chars(40)
                    .css_classes(["dim-label", "small"])
                    .build(),
                pages: gtk4::Box::new(gtk4::Orientation::Vertical, 0),
                up: button("go-up-symbolic", &tr("Make the chosen edit earlier"), "move-up"),
                down: button("go-down-symbolic", &tr("Make the chosen edit later"), "move-down"),
                remove: button("list-remove-symbolic", &tr("Remove the chosen edit"), "remove"),
                menu: Menu::new(operations, &chosen),
                entries: RefCell::default(),
                pack: RefCell::default(),
                moving: Cell::new(false),
                changed: changed.clone(),
            }
        });
        steps.arrange();
        steps.connect(guard);
        steps
    }

    fn arrange(&self) {
        let head = gtk4::Box::new(gtk4::Orientation::Horizontal, 0);
        head.append(&self.heading);
        for button in [&self.up, &self.down, &self.remove] {
            head.append(button);
        }
        head.append(&self.menu.button);
        self.widget.append(&head);
        self.widget.append(&self.scroller);
        self.widget.append(&self.about);
        self.widget.append(&self.pages);
    }

    fn connect(self: &Rc<Self>, guard: &Guard) {
        let on = |act: fn(&Rc<Self>)| {
            let (weak, guard) = (Rc::downgrade(self), guard.clone());
            move || {
                guard.run(|| {
                    if let Some(steps) = weak.upgrade() {
                        act(&steps);
                    }
                });
            }
        };
        let (up, down, remove) = (on(|it| it.shift(-1)), on(|it| it.shift(1)), on(|it| it.remove_chosen()));
        self.up.connect_clicked(move |_| up());
        self.down.connect_clicked(move |_| down());
        self.remove.connect_clicked(move |_| remove());
        let selected = on(|it| it.refresh());
        self.list.connect_row_selected(move |_, _| selected());
    }

    /// What the pack suggests for an operation.
    fn suggested(&self, operation: &str) -> Values {
        let pack = self.pack.borrow();
        pack.as_ref().and_then(|pack| pack.values.get(operation)).cloned().unwrap_or_default()
    }

    /// The place of the chosen step.
    fn chosen(&self) -> usize {
        let index = self.list.selected_row().map(|row| row.index());
        index.and_then(|index| usize::try_from(index).ok()).unwrap_or(0)
    }

    /// Brings what is seen into line with the values.
    pub(crate) fn refresh(&self) {
        if self.moving.get() {
            return;
        }
        let (entries, chosen) = (self.entries.borrow(), self.chosen());
        let several = entries.len() > 1;
        for (i, entry) in entries.iter().enumerate() {
            entry.controls.refresh();
            entry.row.tell(&entry.operation.name, entry.controls.essence().as_deref());
            entry.page.set_visible(i == chosen);
        }
        let operation = entries.get(chosen).map(|entry| &entry.operation);
        self.heading.set_text(&match operation {
            Some(operation) if !several => operation.name.clone(),
            _ => tr("Edits"),
        });
        let about = operation.map(|operation| tr(&operation.about)).unwrap_or_default();
        self.about.set_text(&about);
        self.about.set_visible(!about.is_empty());
        for widget in [&self.up, &self.down, &self.remove] {
            widget.set_visible(several);
        }
        // A single step that counts in part must show so.
        let whole = entries.first().is_none_or(|entry| entry.row.read() == (true, 1.0));
        self.scroller.set_visible(several || !whole);
        self.up.set_sensitive(chosen > 0);
        self.down.set_sensitive(chosen + 1 < entries.len());
    }

    /// Another pack: its names are offered, and what it suggests is set.
    pub(crate) fn set_pack(&self, pack: Option<&PackEntry>) {
        self.menu.offer(pack);
        self.pack.replace(pack.cloned());
        for entry in self.entries.borrow().iter() {
            entry.controls.offer(&pack.map(|pack| pack.names.clone()).unwrap_or_default());
            entry.controls.write(&self.suggested(&entry.operation.id));
        }
    }

    /// Every step as it comes, with what the pack suggests.
    pub(crate) fn reset(&self) {
        for entry in self.entries.borrow().iter() {
            entry.controls.reset();
            entry.controls.write(&self.suggested(&entry.operation.id));
            entry.row.reset();
        }
    }

    /// Writes values into every step that has such parameters.
    pub(crate) fn write(&self, values: &Values) {
        for entry in self.entries.borrow().iter() {
            entry.controls.write(values);
        }
    }

    /// The steps if they can be made, else a translated sentence saying what is missing. Steps that are left out and
    /// not complete are dropped.
    pub(crate) fn complete(&self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for entry in self.entries.borrow().iter() {
            match entry.controls.complete() {
                Ok(values) => steps.push(entry.step(values)),
                Err(_) if !entry.row.read().0 => {}
                Err(why) => return Err(why),
            }
        }
        if steps.iter().all(|step| step.off) {
            return Err(tr("Switch on an edit to see and apply it."));
        }
        Ok(steps)
    }

    /// The operations that are switched on.
    pub(crate) fn operations(&self) -> Vec<String> {
        let entries = self.entries.borrow();
        entries.iter().filter(|entry| entry.row.read().0).map(|entry| entry.operation.id.clone()).collect()
    }

    /// Puts the cursor into the first control of the chosen step.
    pub(crate) fn focus(&self) {
        if let Some(entry) = self.entries.borrow().get(self.chosen()) {
            entry.controls.focus();
        }
    }
}
