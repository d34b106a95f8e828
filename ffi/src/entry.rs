//! How the process comes in: from the launcher, and on to the GIMP that started it.

use std::ffi::{CStr, CString, OsString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;

use crate::call::guarded;
use crate::plugin::PlugIn;
use crate::{gimp2, gimp3};

/// Words with which GIMP 2.10 starts a plug-in: itself, `-gimp`, two pipes, `-query` or `-run`, a stack trace mode.
const WORDS_2_10: usize = 6;

/// Whether GIMP started this process, rather than a user in a terminal.
pub fn from_gimp(arguments: &[CString]) -> bool {
    arguments.len() >= WORDS_2_10 && arguments.get(1).is_some_and(|word| word.as_bytes() == b"-gimp")
}

/// Serves the GIMP that started us until it lets us go. Returns the exit status of the process.
///
/// 2.10 passes six words, 3.x one more, the version of its protocol.
pub fn main(arguments: &[CString], plugin: &'static dyn PlugIn) -> i32 {
    if !from_gimp(arguments) {
        eprintln!("pentimento: this is a plug-in; start it from GIMP");
        return 2;
    }
    let ended = if arguments.len() == WORDS_2_10 {
        gimp2::main(arguments, plugin)
    } else {
        gimp3::main(arguments, plugin)
    };
    ended.unwrap_or_else(|error| {
        eprintln!("pentimento: {error}");
        3
    })
}

/// The body of the one exported function of the plug-in library: takes the words of `main` over, and lets no
/// panic out into C.
///
/// # Safety
///
/// `words` points to `count` texts that each end with a zero byte and stay during the call, as those of C's
/// `main` do. The launcher makes sure of it.
pub unsafe fn enter(
    count: c_int,
    words: *const *const c_char,
    body: impl FnOnce(Vec<CString>) -> i32,
) -> c_int {
    let count = if words.is_null() { 0 } else { usize::try_from(count).unwrap_or(0) };
    let arguments = (0..count)
        // SAFETY: the caller promises `count` pointers.
        .map(|index| unsafe { *words.add(index) })
        .take_while(|word| !word.is_null())
        // SAFETY: not null, and the caller promises a text.
        .map(|word| unsafe { CStr::from_ptr(word) }.to_owned())
        .collect();
    guarded(|| body(arguments)).unwrap_or_else(|sentence| {
        eprintln!("pentimento: {sentence}");
        101
    })
}

/// The words as the operating system's texts, for a command line.
pub fn words(arguments: &[CString]) -> Vec<OsString> {
    arguments.iter().map(|word| OsString::from_vec(word.as_bytes().to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_and_panics_stay_out() {
        let owned = [c"pentimento", c"doctor"].map(CStr::to_owned);
        let pointers = owned.each_ref().map(|word| word.as_ptr());
        let seen = |arguments: Vec<CString>| {
            assert_eq!(words(&arguments), ["pentimento", "doctor"]);
            assert!(!from_gimp(&arguments));
            7
        };
        // SAFETY: two texts that outlive the call.
        assert_eq!(unsafe { enter(2, pointers.as_ptr(), seen) }, 7);
        // SAFETY: no texts are read.
        assert_eq!(unsafe { enter(0, std::ptr::null(), |_| panic!("inside")) }, 101);
    }

    #[test]
    fn gimp_is_told_from_a_terminal() {
        let gimp = [c"p", c"-gimp", c"5", c"6", c"-query", c"2"].map(CStr::to_owned);
        assert!(from_gimp(&gimp));
        assert!(!from_gimp(&gimp[..2]));
    }
}
