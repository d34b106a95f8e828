//! Yes or no.

use gtk4::prelude::*;
use pentimento_protocol::param::Value;

use super::{Changed, Control};

/// A switch.
pub(super) fn control(changed: &Changed) -> Control {
    let switch = gtk4::Switch::builder().halign(gtk4::Align::Start).valign(gtk4::Align::Center).build();
    let changed = changed.clone();
    switch.connect_active_notify(move |_| changed());
    let (read, write) = (switch.clone(), switch.clone());
    Control {
        widget: switch.clone().upcast(),
        fields: vec![switch.upcast()],
        read: Box::new(move || Value::Flag(read.is_active())),
        write: Box::new(move |value| {
            if let Value::Flag(flag) = value {
                write.set_active(*flag);
            }
        }),
        offer: None,
    }
}
