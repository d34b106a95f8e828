//! Says what is done, does it, and says how long it took.

use std::fmt::Display;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How a step ended.
pub(crate) enum Done {
    /// Something was done; what, in a few words.
    Now(String),
    /// It was there already.
    Already(String),
}

/// The steps of one command, with the time each took.
pub(crate) struct Steps {
    began: Instant,
    taken: Vec<(String, Duration)>,
}

impl Steps {
    /// Begins, telling the user the whole plan first.
    pub(crate) fn announce(title: &str, plan: &[String]) -> Self {
        println!("{title}");
        for (number, line) in plan.iter().enumerate() {
            println!("  {}. {line}", number + 1);
        }
        println!();
        Self { began: Instant::now(), taken: Vec::new() }
    }

    /// Does one step. An error is handed on with the step's name in front.
    pub(crate) fn run(&mut self, what: impl Display, work: impl FnOnce() -> Result<Done>) -> Result<()> {
        let what = what.to_string();
        println!("→ {what}");
        let began = Instant::now();
        let done = work().with_context(|| format!("“{what}” failed"))?;
        let took = began.elapsed();
        match done {
            Done::Now(note) => println!("   {note} ({})", seconds(took)),
            Done::Already(note) => println!("   already there: {note} ({})", seconds(took)),
        }
        self.taken.push((what, took));
        Ok(())
    }

    /// Where the time went, longest first.
    pub(crate) fn close(self) {
        let whole = self.began.elapsed();
        println!("\nTime: {} in all", seconds(whole));
        let mut taken = self.taken;
        taken.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
        for (what, took) in taken.iter().filter(|(_, took)| took.as_millis() >= 100) {
            println!("  {:>9}  {what}", seconds(*took));
        }
    }
}

/// `3.2 s`, `2 min 05 s`.
pub(crate) fn seconds(took: Duration) -> String {
    let tenths = (took.as_secs_f64() * 10.0).round() / 10.0;
    if tenths < 60.0 {
        return format!("{tenths:.1} s");
    }
    let whole = took.as_secs_f64().round() as u64;
    format!("{} min {:02} s", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(3_210)), "3.2 s");
        assert_eq!(seconds(Duration::from_millis(59_990)), "1 min 00 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
