//! Keeps the dialog in front of the host's window.

use gtk4::prelude::*;
use pentimento_protocol::dialog::Parent;

/// Ties `window` to the host's window as soon as it has one of its own.
///
/// GTK 4 knows no foreign windows, so under X11 the property is set directly. Under Wayland the window
/// stands on its own.
pub(crate) fn follow(window: &gtk4::Window, parent: &Parent) {
    let Parent::X11(parent) = *parent else { return };
    window.connect_realize(move |window| {
        let own = window.surface().and_downcast::<gdk4_x11::X11Surface>();
        let Some(own) = own else { return };
        if let Err(error) = pentimento_ffi::x11::set_transient_for(own.xid(), parent) {
            log::warn!("the dialog cannot stay in front of its host: {error}");
        }
    });
}
