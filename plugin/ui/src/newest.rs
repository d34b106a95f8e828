//! Which preview counts: the newest one asked for. Answers to older ones are ignored.

use pentimento_protocol::dialog::{Answer, Shown};

/// Serial numbers, and whether the newest preview is still awaited.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    serial: u64,
    awaited: bool,
}

/// What an answer means for the dialog.
#[derive(Debug, PartialEq)]
pub(crate) enum News {
    /// Nothing new, or old news.
    Nothing,
    /// The newest preview is being worked on; what it looks like so far, if that is new.
    Working { fraction: f32, doing: String, shown: Option<Box<Shown>> },
    /// It would take long.
    Slow,
    /// The newest preview is there.
    Ready { shown: Box<Shown>, note: String },
    /// The newest preview failed.
    Failed(String),
}

impl Newest {
    /// The serial of a new preview; everything before it is old news.
    pub(crate) fn begin(&mut self) -> u64 {
        self.serial += 1;
        self.awaited = true;
        self.serial
    }

    /// Makes whatever still comes old news.
    pub(crate) fn forget(&mut self) {
        self.serial += 1;
        self.awaited = false;
    }

    /// Whether a preview is awaited.
    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited
    }

    /// Sorts an answer.
    pub(crate) fn take(&mut self, answer: Answer) -> News {
        let (serial, news) = match answer {
            Answer::Nothing | Answer::Kept(_) | Answer::Imported(_) => return News::Nothing,
            Answer::Working { serial, fraction, doing, shown } => {
                (serial, News::Working { fraction, doing, shown })
            }
            Answer::Slow { serial } => (serial, News::Slow),
            Answer::Ready { serial, shown, note } => (serial, News::Ready { shown, note }),
            Answer::Failed { serial, why } => (serial, News::Failed(why)),
        };
        if serial != self.serial || !self.awaited {
            return News::Nothing;
        }
        self.awaited = matches!(news, News::Working { .. });
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(serial: u64) -> Answer {
        Answer::Failed { serial, why: format!("{serial}") }
    }

    #[test]
    fn only_the_newest_counts_and_only_once() {
        let mut newest = Newest::default();
        assert_eq!(newest.take(failed(0)), News::Nothing, "nothing was asked yet");
        let first = newest.begin();
        let second = newest.begin();
        assert!(second > first);
        assert_eq!(newest.take(failed(first)), News::Nothing);
        let working = Answer::Working { serial: second, fraction: 0.5, doing: "x".into(), shown: None };
        assert!(matches!(newest.take(working), News::Working { .. }));
        assert!(newest.is_awaited());
        assert_eq!(newest.take(failed(second)), News::Failed("2".into()));
        assert!(!newest.is_awaited());
        assert_eq!(newest.take(failed(second)), News::Nothing, "an end comes once");
    }

    #[test]
    fn forgotten_previews_stay_forgotten() {
        let mut newest = Newest::default();
        let serial = newest.begin();
        newest.forget();
        assert_eq!(newest.take(failed(serial)), News::Nothing);
        assert!(!newest.is_awaited());
        assert!(newest.begin() > serial + 1, "a forgotten serial is not given again");
    }
}
