//! Stopping work from another thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::ModelError;

/// Stops the work it was handed to, once and for good; clones share one state.
///
/// ONNX Runtime reports a stopped run as an ordinary failure, so the flag kept here is what tells the two apart.
#[derive(Clone, Default)]
pub struct Cancel(Arc<State>);

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    serial: AtomicU64,
    runs: Mutex<Vec<(u64, Stop)>>,
}

type Stop = Box<dyn Fn() + Send>;

impl Cancel {
    /// Not yet cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the graph that is running and whatever would run next. May be called from any thread, repeatedly.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        for (_, stop) in self.runs().iter() {
            stop();
        }
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// For use between steps.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`] once cancelled.
    pub fn check(&self) -> Result<(), ModelError> {
        if self.is_cancelled() { Err(ModelError::Cancelled) } else { Ok(()) }
    }

    /// Has `stop` called on cancellation for as long as the result lives.
    ///
    /// Whoever calls this must [`check`](Self::check) afterwards: a cancellation that came before is not replayed.
    pub(crate) fn during(&self, stop: impl Fn() + Send + 'static) -> During<'_> {
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        self.runs().push((serial, Box::new(stop)));
        During { cancel: self, serial }
    }

    fn runs(&self) -> MutexGuard<'_, Vec<(u64, Stop)>> {
        // A list of closures is sound whatever its last user did.
        self.0.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

/// See [`Cancel::during`].
pub(crate) struct During<'a> {
    cancel: &'a Cancel,
    serial: u64,
}

impl Drop for During<'_> {
    fn drop(&mut self) {
        self.cancel.runs().retain(|run| run.0 != self.serial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn stops_what_runs_and_nothing_that_is_over() {
        let cancel = Cancel::new();
        let stops = Arc::new(AtomicU32::new(0));
        let count = |stops: &Arc<AtomicU32>| {
            let stops = Arc::clone(stops);
            move || {
                stops.fetch_add(1, Ordering::SeqCst);
            }
        };
        drop(cancel.during(count(&stops)));
        let running = cancel.during(count(&stops));
        assert!(cancel.check().is_ok());
        cancel.clone().cancel();
        assert_eq!(stops.load(Ordering::SeqCst), 1);
        assert!(matches!(cancel.check(), Err(ModelError::Cancelled)));
        drop(running);
        cancel.cancel();
        assert_eq!(stops.load(Ordering::SeqCst), 1);
    }
}
