//! The one exported function: the plug-in calls it with an encoded `Open` and gets an encoded `Closed`.

use std::ffi::c_int;

use pentimento_ffi::dialog::{Ask as Line, Border, serve};
use pentimento_protocol::dialog::{Answer, Ask, Open};
use pentimento_protocol::{decode, encode};

use crate::session;

/// Shows a dialog and returns when it is closed.
///
/// # Safety
///
/// `border` is what the plug-in's side of [`pentimento_ffi::dialog`] made, and it stays during the call.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pentimento_dialog(border: *const Border) -> c_int {
    // SAFETY: passed on unchanged, under the same promise.
    unsafe { serve(border, dialog) }
}

/// Bytes in, bytes out.
fn dialog(request: &[u8], line: Line) -> Result<Vec<u8>, String> {
    let open: Open = decode(request).map_err(|error| error.to_string())?;
    let ask = |question: &Ask| -> Result<Answer, String> {
        let question = encode(question).map_err(|error| error.to_string())?;
        let answer = line.ask(&question).map_err(|error| error.to_string())?;
        decode(&answer).map_err(|error| error.to_string())
    };
    encode(&session::show(&open, ask)).map_err(|error| error.to_string())
}
