//! A display, and processes of their own for the cases: GTK belongs to one thread and cannot be started anew.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Names the case that a child runs.
const CASE: &str = "PENTIMENTO_TEST_CASE";

/// The case that this process is to run, if it is a child.
pub(crate) fn case() -> Option<String> {
    std::env::var(CASE).ok()
}

/// A display of its own, as large as the smallest that we promise to fit.
pub(crate) struct Display {
    server: Child,
    name: String,
}

impl Display {
    pub(crate) fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb cannot be started; install it: apt-get install xvfb");
        let mut number = String::new();
        let output = server.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "Xvfb ended at once; is /tmp/.X11-unix writable?");
        Self { server, name: format!(":{}", number.trim()) }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Runs a case in a child, the test called `child`; its assertions are ours.
pub(crate) fn run(case: &str, display: Option<&Display>, environment: &[(&str, &Path)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(CASE, case)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("GTK_THEME")
        .env("LC_ALL", "C.UTF-8")
        // No GPU is promised, and no session bus.
        .env("GSK_RENDERER", "cairo")
        .env("GTK_A11Y", "none");
    if let Some(display) = display {
        child.env("DISPLAY", &display.name);
    }
    for (name, value) in environment {
        child.env(name, value);
    }
    let output = child.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "case {case}:\n{said}");
    assert!(!said.contains("CRITICAL"), "case {case}: GTK complains:\n{said}");
    said
}
