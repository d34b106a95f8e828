//! `cargo verify`: every check there is, in real GIMPs too.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::chroot::{SUITES, Suite};
use crate::command::{heard, typed};
use crate::demo::{build, cargo};
use crate::display::Display;
use crate::places::{Places, Tree};
use crate::steps::{Done, Steps};
use crate::{FETCH, apt, fetch, gimp, licences, place};

/// What to leave out or add.
#[derive(clap::Args)]
pub(crate) struct Wishes {
    /// Leave GIMP 3 out; it needs root for a chroot, two minutes and 1.3 GB the first time.
    #[arg(long)]
    without_gimp3: bool,
    /// Also test GIMP 3.2, in a second chroot.
    #[arg(long, conflicts_with = "without_gimp3")]
    gimp32: bool,
    /// Leave out what needs GIMP's own window on an invisible screen: menu, thumbnails, undo.
    #[arg(long)]
    without_screens: bool,
    /// Only the tests in real GIMPs whose names contain this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Never install packages of the distribution.
    #[arg(long)]
    no_apt: bool,
}

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: u32,
    failed: u32,
    ignored: u32,
}

/// A GIMP to test in.
struct Stage {
    series: String,
    /// The distribution it runs in; this one if none.
    suite: Option<&'static Suite>,
}

/// Runs all; true if nothing failed. The last line printed is `N passed, N failed`.
pub(crate) fn run(tree: &Tree, places: &Places, wishes: &Wishes) -> bool {
    let mut tally = Tally::default();
    let mut left_out = Vec::new();
    if let Err(why) = all(tree, places, wishes, &mut tally, &mut left_out) {
        eprintln!("\nerror: {why:#}");
        tally.failed += 1;
    }
    for line in left_out {
        println!("left out: {line}");
    }
    if tally.ignored > 0 {
        println!("left out: {} tests that are marked as ignored", tally.ignored);
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    tally.failed == 0
}

fn all(
    tree: &Tree,
    places: &Places,
    wishes: &Wishes,
    tally: &mut Tally,
    left_out: &mut Vec<String>,
) -> Result<()> {
    let work = tree.target.join("verify");
    let suites: Vec<&'static Suite> = SUITES
        .iter()
        .filter(|suite| !wishes.without_gimp3 && (suite.series == "3.0" || wishes.gimp32))
        .collect();
    let mut packages = [&apt::TO_BUILD[..], &apt::TO_SHOW, &apt::TO_TEST].concat();
    if !suites.is_empty() {
        packages.extend(apt::FOR_CHROOTS);
    }
    let mut steps = Steps::announce("Pentimento: all checks", &plan(&packages, &suites, &work));
    if !wishes.no_apt {
        steps.run("packages", || apt::ensure(&packages))?;
    }
    let data = work.join("data");
    steps.run(FETCH, || fetch::ensure(places, &data, !wishes.no_apt))?;
    if wishes.only.is_none() {
        check(&mut steps, tally, "format", || quiet(cargo(tree).args(["fmt", "--all", "--check"])));
        check(&mut steps, tally, "clippy", || quiet(&mut clippy(tree)));
        check(&mut steps, tally, "licences of dependencies", || licences::check(tree));
    }
    steps.run("build", || build(tree))?;
    steps.run("packs and translations", || place::data(tree, &data))?;
    let display = Display::open()?;
    if wishes.only.is_none() {
        steps.run("unit and black-box tests", || {
            let mut command = tests(tree, &display, &data);
            count(command.args(["--no-fail-fast"]), tally)
        })?;
    }
    let stages = stages(&mut steps, tree, &suites, wishes, left_out)?;
    let files = work.join("plug-in");
    steps.run("plug-in for the tests", || place::plug_in(tree, &files))?;
    steps.run("tests in real GIMPs", || {
        let mut command = tests(tree, &display, &data);
        let named: Vec<String> = stages
            .iter()
            .map(|stage| format!("{}={}", stage.series, stage.suite.map_or("here", |suite| suite.name)))
            .collect();
        command.args(["--test", "gimp"]).env("PENTIMENTO_TEST_GIMPS", named.join(" "));
        command.env("PENTIMENTO_TEST_WORK", &work);
        // Not the path of this process: the build may have replaced the file.
        command.env("PENTIMENTO_INSTALLER", tree.built("pentimento-installer"));
        if !wishes.without_screens {
            command.env("PENTIMENTO_TEST_SCREENS", "1");
        }
        command.arg("--").args(&wishes.only);
        count(&mut command, tally)
    })?;
    if wishes.without_screens {
        left_out.push("GIMP's own window (menu, thumbnail, undo by key): --without-screens was given".into());
    }
    steps.close();
    Ok(())
}

fn plan(packages: &[&str], suites: &[&Suite], work: &Path) -> Vec<String> {
    let mut plan = vec![
        format!("install what is missing of: {}", packages.join(", ")),
        format!("get ONNX Runtime and the sentence encoder into {}", work.join("data").display()),
        "check format, lints and licences; build; run unit and black-box tests".into(),
    ];
    for suite in suites {
        plan.push(format!(
            "make a Debian {} with GIMP {} in a folder, if it is not there (as root)",
            suite.name, suite.series
        ));
    }
    plan.push(format!("run the plug-in in real GIMPs; pictures go to {}", work.display()));
    plan
}

/// A step that counts as one test; a failure is told and the rest goes on.
fn check(steps: &mut Steps, tally: &mut Tally, what: &str, work: impl FnOnce() -> Result<Done>) {
    match steps.run(what, work) {
        Ok(()) => tally.passed += 1,
        Err(why) => {
            println!("   FAILED: {why:#}");
            tally.failed += 1;
        }
    }
}

fn quiet(command: &mut Command) -> Result<Done> {
    heard(command)?;
    Ok(Done::Now("clean".into()))
}

fn clippy(tree: &Tree) -> Command {
    // In the release profile, so that build scripts and macros are shared with the build.
    let mut command = cargo(tree);
    command.args(["clippy", "--release", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    command
}

fn tests(tree: &Tree, display: &Display, data: &Path) -> Command {
    let mut command = cargo(tree);
    command.args(["test", "--release", "--workspace", "--exclude", "pentimento-bindgen"]);
    command.env("PENTIMENTO_DATA", data).env("DISPLAY", &display.name);
    command.env("GDK_BACKEND", "x11").env("GSK_RENDERER", "cairo").env("GTK_A11Y", "none");
    command
}

/// The GIMPs to test in.
fn stages(
    steps: &mut Steps,
    tree: &Tree,
    suites: &[&'static Suite],
    wishes: &Wishes,
    left_out: &mut Vec<String>,
) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> =
        gimp::found().into_iter().map(|gimp| Stage { series: gimp.series, suite: None }).collect();
    for suite in suites {
        if stages.iter().any(|stage| stage.series == suite.series) {
            continue;
        }
        steps.run(format!("Debian {} with GIMP {}", suite.name, suite.series), || suite.ensure(tree))?;
        stages.push(Stage { series: suite.series.to_owned(), suite: Some(suite) });
    }
    for (series, why) in [
        ("2.10", "it is not on this machine"),
        ("3.0", "--without-gimp3 was given"),
        ("3.2", if wishes.gimp32 { "" } else { "ask for it with --gimp32" }),
    ] {
        if stages.iter().all(|stage| stage.series != series) {
            left_out.push(format!("GIMP {series} ({why})"));
        }
    }
    if stages.is_empty() {
        bail!("there is no GIMP to test in");
    }
    Ok(stages)
}

/// Runs cargo's tests, shows what they say and counts.
fn count(command: &mut Command, tally: &mut Tally) -> Result<Done> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` could not be started", typed(command)))?;
    let mut own = Tally::default();
    if let Some(said) = child.stdout.take() {
        for line in BufReader::new(said).lines() {
            let line = line.context("cargo's output cannot be read")?;
            if let Some(result) = result_in(&line) {
                own.passed += result.passed;
                own.failed += result.failed;
                own.ignored += result.ignored;
            }
            // A line for each test binary without tests tells nobody anything.
            if !line.trim().is_empty() && !line.contains("running 0 tests") && !line.contains("ok. 0 passed")
            {
                println!("   {line}");
            }
        }
    }
    let status = child.wait()?;
    if !status.success() && own.failed == 0 {
        // A crash, or code that does not compile, has no line of its own.
        own.failed = 1;
        println!("   cargo test ended with {status}");
    }
    tally.passed += own.passed;
    tally.failed += own.failed;
    tally.ignored += own.ignored;
    Ok(Done::Now(format!("{} passed, {} failed", own.passed, own.failed)))
}

/// The numbers in a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn result_in(line: &str) -> Option<Tally> {
    let numbers = line.trim().strip_prefix("test result: ")?.split_once(". ")?.1;
    let number = |what: &str| {
        numbers
            .split("; ")
            .find_map(|part| part.strip_suffix(what))
            .and_then(|count| count.trim().parse().ok())
    };
    Some(Tally {
        passed: number(" passed")?,
        failed: number(" failed")?,
        ignored: number(" ignored").unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let line =
            "test result: ok. 19 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(result_in(line), Some(Tally { passed: 19, failed: 0, ignored: 2 }));
        let line = "test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured";
        assert_eq!(result_in(line), Some(Tally { passed: 1, failed: 3, ignored: 0 }));
        assert_eq!(result_in("test gimp ... ok"), None);
    }
}
