//! The choke point: every call into GIMP that can fail goes through [`call!`].

use std::ffi::{CStr, CString, c_char, c_int};

use crate::error::{HostError, Result};

/// What a C function answers.
pub(crate) trait Answer: Copy {
    /// Whether it says that the call failed.
    fn failed(self) -> bool;
}

impl<T> Answer for *mut T {
    fn failed(self) -> bool {
        self.is_null()
    }
}

impl<T> Answer for *const T {
    fn failed(self) -> bool {
        self.is_null()
    }
}

/// A truth value, the number of an item or image, or a size: good ones are all above zero.
impl Answer for c_int {
    fn failed(self) -> bool {
        self <= 0
    }
}

/// Turns an answer into a result; `reason` is asked only when the call failed.
pub(crate) fn checked<A: Answer>(
    answer: A,
    call: &'static str,
    reason: impl FnOnce() -> String,
) -> Result<A> {
    if answer.failed() { Err(HostError::Refused { call, reason: reason() }) } else { Ok(answer) }
}

/// Calls a function of the table in `$on.api` and checks what it answers. The caller says in its `unsafe`
/// block why the arguments are right.
macro_rules! call {
    ($on:expr, $name:ident($($argument:expr),* $(,)?)) => {
        $crate::call::checked($on.api.$name($($argument),*), stringify!($name), || $on.reason())
    };
}
pub(crate) use call;

/// A text for C.
pub(crate) fn text(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| HostError::Text)
}

/// Copies a text from C; empty for null.
///
/// # Safety
///
/// `text` is null or ends with a zero byte, and stays as it is during the call.
pub(crate) unsafe fn copied(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller promises the rest.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Runs `body`; a panic becomes one sentence. Nothing may unwind into C.
pub(crate) fn guarded<T>(body: impl FnOnce() -> T) -> std::result::Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).map_err(|payload| {
        let what = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no reason given".to_owned());
        format!("Pentimento stopped because of a fault of its own ({what}); please report it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_false_and_minus_one_are_failures() {
        assert!(checked(std::ptr::null_mut::<u8>(), "f", || "why".into()).is_err());
        assert!(checked(-1, "f", || "why".into()).is_err());
        let error = checked(0, "f", || "why".into()).unwrap_err();
        assert_eq!(error.to_string(), "GIMP refused f: why");
        assert_eq!(checked(7, "f", String::new).unwrap(), 7);
    }

    #[test]
    fn a_panic_becomes_a_sentence() {
        assert!(guarded(|| panic!("code {}", 7)).unwrap_err().contains("(code 7)"));
        assert_eq!(guarded(|| 3), Ok(3));
    }
}
