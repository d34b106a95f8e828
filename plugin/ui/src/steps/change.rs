//! How the stack is changed: replaced, longer, shorter, in another order.

use gtk4::prelude::*;
use pentimento_protocol::param::Values;
use pentimento_protocol::recipe::Step;

use super::row::Row;
use super::{Entry, Steps};
use crate::controls::Controls;

impl Steps {
    /// Replaces the stack; gives back the operations that are not known here. Without any known step, the first
    /// operation stands there as it comes.
    pub(crate) fn set(&self, steps: &[Step]) -> Vec<String> {
        let known = |step: &&Step| self.operations.iter().any(|operation| operation.id == step.operation);
        let (known, unknown): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(known);
        let fresh = self.operations.first().filter(|_| known.is_empty());
        let fresh = fresh.map(|operation| Step::new(&*operation.id, Values::default()));
        self.moving.set(true);
        for entry in self.entries.take() {
            self.list.remove(&entry.row.widget);
            self.pages.remove(&entry.page);
        }
        for step in known.into_iter().chain(&fresh) {
            self.append(step);
        }
        self.moving.set(false);
        self.select(0);
        unknown.into_iter().map(|step| step.operation.clone()).collect()
    }

    /// Adds widgets for `step`, whose missing values are the pack's or the operation's.
    fn append(&self, step: &Step) {
        let Some(operation) = self.operations.iter().find(|one| one.id == step.operation) else { return };
        let (mut values, pack) = (self.suggested(&operation.id), self.pack.borrow());
        values.0.extend(step.values.0.clone());
        let mut rows = self.rows.beside();
        let names = pack.as_ref().map(|pack| pack.names.clone()).unwrap_or_default();
        let controls = Controls::new(&mut rows, &operation.params, &values, &names, &self.changed);
        let row = Row::new(step, &self.changed);
        self.list.append(&row.widget);
        self.pages.append(&rows.grid);
        self.entries.borrow_mut().push(Entry {
            operation: operation.clone(),
            row,
            controls,
            page: rows.grid,
        });
    }

    pub(super) fn add_new(&self, operation: usize) {
        let Some(operation) = self.operations.get(operation) else { return };
        self.append(&Step::new(&*operation.id, Values::default()));
        self.select(self.entries.borrow().len().saturating_sub(1));
        self.focus();
        (self.changed)();
    }

    pub(super) fn remove_chosen(&self) {
        let at = self.chosen();
        if self.entries.borrow().len() < 2 {
            return;
        }
        self.moving.set(true);
        let gone = self.entries.borrow_mut().remove(at);
        self.list.remove(&gone.row.widget);
        self.pages.remove(&gone.page);
        self.moving.set(false);
        self.select(at.min(self.entries.borrow().len().saturating_sub(1)));
        (self.changed)();
    }

    /// Makes the chosen step earlier or later.
    pub(super) fn shift(&self, by: isize) {
        let at = self.chosen();
        let Some(to) = at.checked_add_signed(by).filter(|to| *to < self.entries.borrow().len()) else {
            return;
        };
        self.entries.borrow_mut().swap(at, to);
        let row = self.entries.borrow().get(to).map(|entry| entry.row.widget.clone());
        let (Some(row), Ok(place)) = (row, i32::try_from(to)) else { return };
        self.moving.set(true);
        self.list.remove(&row);
        self.list.insert(&row, place);
        self.moving.set(false);
        self.select(to);
        (self.changed)();
    }

    fn select(&self, at: usize) {
        let row = self.entries.borrow().get(at).map(|entry| entry.row.widget.clone());
        self.list.select_row(row.as_ref());
        self.refresh();
    }
}
