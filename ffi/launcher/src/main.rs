//! The program that GIMP starts, and the command line: opens the plug-in library beside it and hands over.
//!
//! It stays this small so that one build runs under every GIMP and starts in a moment.

use std::ffi::{CString, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

type Main = unsafe extern "C" fn(c_int, *const *const c_char) -> c_int;

fn main() {
    std::process::exit(run().unwrap_or_else(|sentence| {
        eprintln!("pentimento: {sentence}");
        127
    }));
}

fn run() -> Result<c_int, String> {
    let path = library()?;
    let words: Vec<CString> = std::env::args_os()
        .map(|word| CString::new(word.into_vec()).map_err(|_| "an argument contains a zero byte".to_owned()))
        .collect::<Result<_, _>>()?;
    let count = c_int::try_from(words.len()).map_err(|_| "there are too many arguments".to_owned())?;
    let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let told = |error| format!("{} could not be opened ({error}); install Pentimento again", path.display());
    // SAFETY: our own library; its constructors do nothing but set up Rust.
    let library = unsafe { libloading::Library::new(&path) }.map_err(told)?;
    // SAFETY: the type that the plug-in exports this name with.
    let enter = unsafe { library.get::<Main>(b"pentimento_main\0") }.map_err(told)?;
    // SAFETY: `count` texts and a null, which outlive the call.
    let status = unsafe { enter(count, pointers.as_ptr()) };
    // Types registered with GLib point into the library: it must never be closed.
    std::mem::forget(library);
    Ok(status)
}

/// The library beside this program, or the one that a developer names.
fn library() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("PENTIMENTO_LIBRARY").filter(|path: &OsString| !path.is_empty()) {
        return Ok(path.into());
    }
    let own = std::env::current_exe().map_err(|error| format!("its own folder cannot be told ({error})"))?;
    Ok(own.with_file_name("libpentimento.so"))
}
