//! One of several.

use gtk4::prelude::*;
use pentimento_protocol::param::{Text, Value};

use super::{Changed, Control};
use crate::words::tr;

/// A drop-down list.
pub(super) fn control(options: &[(Text, Text)], changed: &Changed) -> Control {
    let labels: Vec<String> = options.iter().map(|(_, label)| tr(label)).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let list = gtk4::DropDown::from_strings(&labels);
    let changed = changed.clone();
    list.connect_selected_notify(move |_| changed());
    let ids: Vec<String> = options.iter().map(|(id, _)| id.to_string()).collect();
    let (read, read_ids) = (list.clone(), ids.clone());
    let write = list.clone();
    Control {
        widget: list.clone().upcast(),
        fields: vec![list.upcast()],
        read: Box::new(move || {
            Value::Text(read_ids.get(read.selected() as usize).cloned().unwrap_or_default())
        }),
        write: Box::new(move |value| {
            let Value::Text(id) = value else { return };
            let place = ids.iter().position(|known| known == id).and_then(|i| u32::try_from(i).ok());
            if let Some(place) = place {
                write.set_selected(place);
            }
        }),
        offer: None,
    }
}
