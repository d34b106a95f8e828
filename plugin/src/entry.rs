//! The one exported symbol. The launcher calls it with the program's arguments.

use std::ffi::{c_char, c_int};
use std::panic::catch_unwind;
use std::path::PathBuf;

use models_onnx::Places;

use crate::gimp::{Pentimento, locale};
use crate::{cli, strings};

/// Runs as a plug-in if GIMP started the program, else as the command line; returns the exit status.
///
/// # Safety
/// `argv` must hold `argc` strings, as `main` of a C program gets them, that live as long as the process.
#[allow(unsafe_code, reason = "the entry of a cdylib is C")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pentimento_main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the launcher, the only caller, passes on what the system gave its own main.
    let arguments = unsafe { pentimento_ffi::entry::arguments(argc, argv) };
    catch_unwind(move || start(arguments)).unwrap_or(PANICKED)
}

/// Exit status after a bug of ours; the message stands on stderr already.
const PANICKED: c_int = 101;

fn start(arguments: Vec<std::ffi::CString>) -> c_int {
    env_logger::Builder::from_env(env_logger::Env::new().filter_or("PENTIMENTO_LOG", "warn")).init();
    let Some(places) = Places::from_environment() else {
        eprintln!("pentimento: neither HOME nor PENTIMENTO_DATA is set, so the packs cannot be found");
        return 1;
    };
    strings::start(&locale(&places));
    let folder = std::env::current_exe().ok().and_then(|exe| exe.parent().map(PathBuf::from)).unwrap_or_default();
    if pentimento_ffi::started_by_gimp(&arguments) {
        return pentimento_ffi::main(&arguments, Box::new(Pentimento::new(places, folder)));
    }
    cli::main(arguments.iter().map(|word| word.to_string_lossy().into_owned()), &places)
}
