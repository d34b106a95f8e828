//! The GIMPs on this machine.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::command::{clean, find, heard};

/// The series of GIMP that Pentimento works in.
pub(crate) const SERIES: [&str; 3] = ["2.10", "3.0", "3.2"];

/// One GIMP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gimp {
    /// Its console program, which needs no display.
    pub(crate) console: PathBuf,
    /// Its version, such as `2.10.34`.
    pub(crate) version: String,
    /// Name of its folder in the user's settings, such as `2.10`.
    pub(crate) series: String,
}

/// All GIMPs on the path that we know, oldest first, one per series.
pub(crate) fn found() -> Vec<Gimp> {
    let mut gimps: Vec<Gimp> = Vec::new();
    // The names with a version come first: a plain `gimp-console` is a link to one of them.
    let named = SERIES.iter().map(|series| format!("gimp-console-{series}"));
    for name in named.chain(["gimp-console".to_owned(), "gimp".to_owned()]) {
        let Some(console) = find(&name) else { continue };
        let Ok(said) = heard(clean(&console).arg("--version")) else { continue };
        let Some((version, series)) = version_in(&said) else { continue };
        if SERIES.contains(&series.as_str()) && gimps.iter().all(|gimp| gimp.series != series) {
            gimps.push(Gimp { console, version, series });
        }
    }
    gimps.sort_by_key(|gimp| SERIES.iter().position(|series| *series == gimp.series));
    gimps
}

impl Gimp {
    /// Starts it without a window and leaves it at once.
    ///
    /// GIMP makes its folder, with the settings of an older version taken over, only if there is none: a plug-in
    /// put there before its first start would cost the user those settings.
    pub(crate) fn start_once(&self) -> Result<()> {
        let mut command = clean(&self.console);
        command.args(["--no-interface", "--no-data", "--no-fonts", "--no-splash"]);
        if self.series == "2.10" {
            command.args(["--batch", "(gimp-quit 0)"]);
        } else {
            command.arg("--quit");
        }
        heard(command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY")).map(drop)
    }
}

/// The series to install into: those asked for, else those found.
pub(crate) fn series_to_serve(asked: &[String], found: &[Gimp]) -> Result<Vec<String>> {
    if let Some(unknown) = asked.iter().find(|series| !SERIES.contains(&series.as_str())) {
        bail!("Pentimento works in GIMP {}, not in {unknown}", SERIES.join(", "));
    }
    let series: Vec<String> = if asked.is_empty() {
        found.iter().map(|gimp| gimp.series.clone()).collect()
    } else {
        asked.to_vec()
    };
    if series.is_empty() {
        bail!(
            "no GIMP {} was found on the path; install one (`apt-get install gimp`), or, if it lies elsewhere, \
             name its version with --gimp",
            SERIES.join(", ")
        );
    }
    Ok(series)
}

/// Version and series in what `gimp --version` says.
fn version_in(said: &str) -> Option<(String, String)> {
    let version = said
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))?;
    let mut numbers = version.split('.');
    let (major, minor) = (numbers.next()?.parse::<u32>().ok()?, numbers.next()?.parse::<u32>().ok()?);
    Some((version.to_owned(), format!("{major}.{minor}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told() {
        let told = |said: &str| version_in(said).map(|(version, series)| format!("{version} {series}"));
        let said = "GNU Image Manipulation Program version 2.10.34";
        assert_eq!(told(said).as_deref(), Some("2.10.34 2.10"));
        let said = "GNU Image Manipulation Program version 3.0.4\ngit-describe: GIMP_3_0_2";
        assert_eq!(told(said).as_deref(), Some("3.0.4 3.0"));
        assert_eq!(told("version 3.2.0-RC1").as_deref(), Some("3.2.0-RC1 3.2"));
        assert_eq!(told("no such option"), None);
    }

    #[test]
    fn asked_for_series_win() {
        let gimp = Gimp { console: "x".into(), version: "3.0.4".into(), series: "3.0".into() };
        let found = [gimp];
        assert_eq!(series_to_serve(&[], &found).unwrap(), ["3.0"]);
        assert_eq!(series_to_serve(&["2.10".into()], &found).unwrap(), ["2.10"]);
        assert!(series_to_serve(&["2.8".into()], &found).is_err());
        let why = series_to_serve(&[], &[]).unwrap_err().to_string();
        assert!(why.contains("apt-get install gimp"), "{why}");
    }
}
