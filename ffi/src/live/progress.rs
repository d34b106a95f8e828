//! The progress bar of the window that started us.

use std::cell::RefCell;
use std::ffi::CString;
use std::time::{Duration, Instant};

use super::Gimp;

/// Every update is a message to GIMP and back, so a worker's thousand steps a second are thinned out.
const OFTEN_ENOUGH: Duration = Duration::from_millis(40);

/// What is on show; nothing before the first and after the last call.
#[derive(Default)]
pub(super) struct Progress(RefCell<Option<Shown>>);

struct Shown {
    doing: String,
    since: Instant,
}

impl Progress {
    /// Shows `fraction` and what is being done; 1 ends it.
    pub(super) fn show(&self, gimp: &impl Gimp, fraction: f32, doing: &str) {
        let mut shown = self.0.borrow_mut();
        let done = fraction >= 1.0;
        match shown.as_mut() {
            None if done => return,
            None => {
                gimp.progress_start(&label(doing));
                *shown = Some(Shown { doing: doing.into(), since: Instant::now() });
            }
            Some(on) if on.doing == doing && !done && on.since.elapsed() < OFTEN_ENOUGH => return,
            Some(on) => {
                if on.doing != doing {
                    gimp.progress_text(&label(doing));
                    on.doing = doing.into();
                }
                on.since = Instant::now();
            }
        }
        // NaN would reach GIMP's own assertions.
        gimp.progress_at(if fraction.is_finite() { f64::from(fraction.clamp(0.0, 1.0)) } else { 0.0 });
        if done {
            gimp.progress_end();
            *shown = None;
        }
    }
}

fn label(doing: &str) -> CString {
    CString::new(doing.replace('\0', " ")).unwrap_or_default()
}
