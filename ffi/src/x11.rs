//! The one thing that GTK 4 cannot say: that our window belongs to a window of another process.

use std::ffi::c_int;

use x11_dl::xlib::{Display, XErrorEvent, Xlib};

use crate::error::{HostError, Result};

/// Keeps the X11 window `own` in front of `parent`, a window of GIMP's.
///
/// It works over a connection of its own, because GTK does not lend us its. Call it on the main thread, when
/// the window is realized and before it is shown.
pub fn set_transient_for(own: u64, parent: u64) -> Result<()> {
    let failed = |reason: String| HostError::Library { library: "libX11.so.6".into(), reason };
    let xlib = Xlib::open().map_err(|error| failed(error.to_string()))?;
    // SAFETY: a null name means the display that everyone uses.
    let display = unsafe { (xlib.XOpenDisplay)(std::ptr::null()) };
    if display.is_null() {
        return Err(failed("there is no X11 display".into()));
    }
    // SAFETY: a display that was just opened and is closed once; windows are numbers that the server checks.
    // Either window may be gone by now, and Xlib's own handler would then end the process: ours is in place
    // until the server has answered (XSync), and the former one, GTK's, after that.
    unsafe {
        let former = (xlib.XSetErrorHandler)(Some(ignore));
        (xlib.XSetTransientForHint)(display, own, parent);
        (xlib.XSync)(display, 0);
        (xlib.XSetErrorHandler)(former);
        (xlib.XCloseDisplay)(display);
    }
    Ok(())
}

unsafe extern "C" fn ignore(_display: *mut Display, _error: *mut XErrorEvent) -> c_int {
    0
}
