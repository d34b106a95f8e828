//! One control for each parameter: a label with a mnemonic, the widget, help as tooltip and description.

mod choice;
mod flag;
mod number;
mod text;

use std::rc::Rc;

use gtk4::prelude::*;
pub(crate) use number::enter_applies;
use pentimento_protocol::param::{Kind, Param, Value, ValueError, Values};

use crate::rows::Rows;
use crate::words::{fill, plain, tr};

/// Called whenever the user or a reset changed a value.
pub(crate) type Changed = Rc<dyn Fn()>;

/// The widget of one parameter and how to read and write its value.
struct Control {
    /// What the grid shows beside the label.
    widget: gtk4::Widget,
    /// What the mnemonic leads to, the first being the main one. All carry the label for screen readers.
    fields: Vec<gtk4::Widget>,
    read: Box<dyn Fn() -> Value>,
    write: Box<dyn Fn(&Value)>,
}

/// The controls of all parameters.
pub(crate) struct Controls {
    params: Vec<Param>,
    controls: Vec<Control>,
}

impl Controls {
    /// Adds a row for each parameter to `rows` and sets `values`.
    pub(crate) fn new(rows: &mut Rows, params: &[Param], values: &Values, changed: &Changed) -> Self {
        let mut controls = Vec::with_capacity(params.len());
        for param in params {
            let control = match &param.kind {
                Kind::Text { placeholder, .. } => text::control(placeholder, changed),
                Kind::Number { min, max, step, digits, default } => number::control(
                    &number::Range { min: *min, max: *max, step: *step, digits: *digits, default: *default },
                    changed,
                ),
                Kind::Flag { .. } => flag::control(changed),
                Kind::Choice { options } => choice::control(options, changed),
            };
            rows.add(&tr(&param.label), &tr(&param.help), &control.widget, &control.fields);
            controls.push(control);
        }
        let controls = Self { params: params.to_vec(), controls };
        controls.write(&Values::defaults(params));
        controls.write(values);
        controls
    }

    /// Shows `values`; parameters without a fitting value keep what they have.
    pub(crate) fn write(&self, values: &Values) {
        for (param, control) in self.params.iter().zip(&self.controls) {
            let Some(value) = values.0.get(param.id.as_ref()) else { continue };
            // An empty required text is fine to show: the user is about to fill it in.
            if matches!(param.check(value), Ok(()) | Err(ValueError::Empty(_))) {
                (control.write)(value);
            }
        }
    }

    /// What the controls show.
    pub(crate) fn read(&self) -> Values {
        let values = self.params.iter().zip(&self.controls);
        Values(values.map(|(param, control)| (param.id.to_string(), (control.read)())).collect())
    }

    /// The values if all are valid, else a translated sentence saying what is missing.
    pub(crate) fn complete(&self) -> Result<Values, String> {
        let values = self.read();
        for param in &self.params {
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

    /// Puts the cursor into the first control.
    pub(crate) fn focus(&self) {
        if let Some(field) = self.controls.first().and_then(|control| control.fields.first()) {
            field.grab_focus();
        }
    }
}
