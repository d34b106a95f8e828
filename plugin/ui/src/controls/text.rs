//! A line of text.

use gtk4::prelude::*;
use pentimento_protocol::param::Value;

use super::{Changed, Control};
use crate::words::tr;

/// An entry; Enter applies.
pub(super) fn control(placeholder: &str, changed: &Changed) -> Control {
    let entry = gtk4::Entry::builder()
        .placeholder_text(tr(placeholder))
        .activates_default(true)
        .width_chars(12)
        .build();
    let changed = changed.clone();
    entry.connect_changed(move |_| changed());
    let (read, write) = (entry.clone(), entry.clone());
    Control {
        widget: entry.clone().upcast(),
        fields: vec![entry.upcast()],
        read: Box::new(move || Value::Text(read.text().into())),
        write: Box::new(move |value| {
            if let Value::Text(text) = value {
                write.set_text(text);
            }
        }),
        offer: None,
    }
}
