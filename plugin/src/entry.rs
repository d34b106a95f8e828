//! The one exported symbol. The launcher calls it with the program's arguments.

use std::ffi::{CString, c_char, c_int};
use std::path::PathBuf;

use models_onnx::Places;
use pentimento_ffi::locale;

use crate::gimp::{self, Pentimento};
use crate::{cli, strings};

/// Runs as a plug-in if GIMP started the program, else as the command line; returns the exit status.
///
/// # Safety
/// `argv` must hold `argc` strings, as `main` of a C program gets them, that stay during the call.
#[allow(unsafe_code, reason = "the entry of a cdylib is C")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pentimento_main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the launcher, the only caller, passes on what the system gave its own main.
    unsafe { pentimento_ffi::enter(argc, argv, start) }
}

fn start(arguments: Vec<CString>) -> i32 {
    let filter = env_logger::Env::new().filter_or("PENTIMENTO_LOG", "warn");
    // A second call in one process finds the logger there already, which is as good.
    drop(env_logger::Builder::from_env(filter).try_init());
    if !locale::from_environment() {
        log::debug!("the locale of the environment is not installed; texts stay in English");
    }
    let Some(places) = Places::from_environment() else {
        eprintln!("pentimento: neither HOME nor PENTIMENTO_DATA is set, so the packs cannot be found");
        return 1;
    };
    strings::start(&gimp::locale(&places));
    if pentimento_ffi::from_gimp(&arguments) {
        let folder = std::env::current_exe().ok().and_then(|exe| exe.parent().map(PathBuf::from));
        // It serves until the process ends.
        let plugin = Box::leak(Box::new(Pentimento::new(places, folder.unwrap_or_default())));
        return pentimento_ffi::main(&arguments, plugin);
    }
    cli::main(pentimento_ffi::words(&arguments), &places)
}
