//! One control for each parameter: a label with a mnemonic, the widget, help as tooltip and description.

mod choice;
mod flag;
mod names;
mod number;
mod text;

use std::collections::BTreeMap;
use std::rc::Rc;

use gtk4::prelude::*;
pub(crate) use number::{Range, enter_applies, spin};
use pentimento_protocol::param::{Kind, Known, Param, Value, ValueError, Values};

use crate::rows::Rows;
use crate::words::{fill, plain, tr};

/// Called whenever the user or a reset changed a value.
pub(crate) type Changed = Rc<dyn Fn()>;

/// The names that a pack knows.
pub(crate) type KnownNames = BTreeMap<Known, Vec<String>>;

/// Offers the names of a pack.
type Offer = Box<dyn Fn(&[String])>;

/// The widget of one parameter and how to read and write its value.
struct Control {
    /// What the grid shows beside the label.
    widget: gtk4::Widget,
    /// What the mnemonic leads to, the first being the main one. All carry the label for screen readers.
    fields: Vec<gtk4::Widget>,
    read: Box<dyn Fn() -> Value>,
    write: Box<dyn Fn(&Value)>,
    /// For [`Kind::Names`].
    offer: Option<Offer>,
}

/// A parameter, its label and its control.
struct Row {
    param: Param,
    label: gtk4::Label,
    control: Control,
}

/// The controls of all parameters.
pub(crate) struct Controls(Vec<Row>);

impl Controls {
    /// Adds a row for each parameter to `rows` and sets `values`.
    pub(crate) fn new(
        rows: &mut Rows,
        params: &[Param],
        values: &Values,
        names: &KnownNames,
        changed: &Changed,
    ) -> Self {
        let row = |param: &Param| {
            let help = tr(&param.help);
            let control = match &param.kind {
                Kind::Text { placeholder, .. } => text::control(placeholder, changed),
                Kind::Number { min, max, step, digits, default } => number::control(
                    &Range { min: *min, max: *max, step: *step, digits: *digits, default: *default },
                    changed,
                ),
                Kind::Flag { .. } => flag::control(changed),
                Kind::Choice { options } => choice::control(options, changed),
                Kind::Names { several, .. } => names::control(*several, &help, changed),
            };
            let label = rows.add(&tr(&param.label), &help, &control.widget, &control.fields);
            if let Some(field) = control.fields.first() {
                field.set_widget_name(&param.id);
            }
            Row { param: param.clone(), label, control }
        };
        let controls = Self(params.iter().map(row).collect());
        controls.offer(names);
        controls.write(&Values::defaults(params));
        controls.write(values);
        controls.refresh();
        controls
    }

    /// Offers the names that a pack knows.
    pub(crate) fn offer(&self, names: &KnownNames) {
        for row in &self.0 {
            if let (Kind::Names { of, .. }, Some(offer)) = (&row.param.kind, &row.control.offer) {
                offer(names.get(of).map(Vec::as_slice).unwrap_or_default());
            }
        }
    }

    /// Shows `values`; parameters without a fitting value keep what they have.
    pub(crate) fn write(&self, values: &Values) {
        for Row { param, control, .. } in &self.0 {
            let Some(value) = values.0.get(param.id.as_ref()) else { continue };
            // An empty required text is fine to show: the user is about to fill it in.
            if matches!(param.check(value), Ok(()) | Err(ValueError::Empty(_))) {
                (control.write)(value);
            }
        }
    }

    /// Back to the defaults.
    pub(crate) fn reset(&self) {
        for Row { param, control, .. } in &self.0 {
            (control.write)(&param.default());
        }
    }

    /// What the controls show.
    pub(crate) fn read(&self) -> Values {
        Values(self.0.iter().map(|row| (row.param.id.to_string(), (row.control.read)())).collect())
    }

    /// Hides what is of no use beside the other values.
    pub(crate) fn refresh(&self) {
        let values = self.read();
        for Row { param, label, control } in &self.0 {
            let applies = param.applies(&values);
            label.set_visible(applies);
            control.widget.set_visible(applies);
        }
    }

    /// The values if all are valid, else a translated sentence saying what is missing.
    pub(crate) fn complete(&self) -> Result<Values, String> {
        let values = self.read();
        for Row { param, .. } in self.0.iter().filter(|row| row.param.applies(&values)) {
            let Some(value) = values.0.get(param.id.as_ref()) else { continue };
            match param.check(value) {
                Ok(()) => {}
                Err(ValueError::Empty(_)) => {
                    let label = plain(&tr(&param.label));
                    return Err(fill(
                        &tr("Fill in “{label}” to see and apply the edit."),
                        &[("label", &label)],
                    ));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(values)
    }

    /// The words that tell this edit from others of its kind: the first text or names that count.
    pub(crate) fn essence(&self) -> Option<String> {
        let values = self.read();
        let worded = self.0.iter().filter(|row| {
            matches!(row.param.kind, Kind::Text { .. } | Kind::Names { .. }) && row.param.applies(&values)
        });
        let mut words = worded.map(|row| values.text(&row.param.id).trim().to_owned());
        words.find(|words| !words.is_empty())
    }

    /// Puts the cursor into the first control.
    pub(crate) fn focus(&self) {
        if let Some(field) = self.0.first().and_then(|row| row.control.fields.first()) {
            field.grab_focus();
        }
    }
}
