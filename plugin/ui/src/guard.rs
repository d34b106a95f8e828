//! Keeps panics of signal handlers away from C.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Runs signal handlers. GTK calls them from C, where a panic would abort the whole plug-in, so each one
/// runs in here: a panic is remembered, the main loop ends, and the dialog reports that it failed.
#[derive(Clone, Default)]
pub(crate) struct Guard {
    failed: Rc<Cell<bool>>,
    failure: Rc<Cell<Option<String>>>,
}

impl Guard {
    /// Runs `work`; `None` if it panicked.
    pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(done) => Some(done),
            Err(cause) => {
                self.failure.set(Some(sentence(&*cause)));
                self.failed.set(true);
                None
            }
        }
    }

    /// Whether something panicked.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// What the latest panic said.
    pub(crate) fn take_failure(&self) -> Option<String> {
        self.failure.take()
    }
}

/// What to tell the user after a panic.
pub(crate) fn sentence(cause: &(dyn Any + Send)) -> String {
    let what = match (cause.downcast_ref::<&str>(), cause.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "no reason given",
    };
    format!("the dialog broke off because of a mistake in Pentimento ({what}); please report it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_sentence() {
        let guard = Guard::default();
        assert_eq!(guard.run(|| 1), Some(1));
        assert!(!guard.has_failed());
        assert_eq!(guard.run(|| -> u8 { panic!("slider {}", 3) }), None);
        assert!(guard.take_failure().unwrap().contains("slider 3"));
    }
}
