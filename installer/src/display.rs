//! A screen that nobody sees.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::clean;

/// An X server without a screen; goes when dropped.
pub(crate) struct Display {
    server: Child,
    /// Its name, such as `:7`.
    pub(crate) name: String,
}

impl Display {
    /// Starts one under a number that nobody uses.
    pub(crate) fn open() -> Result<Self> {
        let mut server = clean("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Xvfb could not be started; install it (`apt-get install xvfb`)")?;
        // The server writes its number once it takes connections.
        let mut number = String::new();
        if let Some(said) = server.stdout.take() {
            BufReader::new(said).read_line(&mut number).context("Xvfb said nothing")?;
        }
        let display = Self { server, name: format!(":{}", number.trim()) };
        if number.trim().is_empty() {
            bail!("Xvfb ended at once; run `Xvfb :99` to see why");
        }
        Ok(display)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing left to do.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
