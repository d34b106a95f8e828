//! `pentimento relevance`: measures what global directions need, for packs that nobody measured.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, ArgMatches, Command, value_parser};
use models_onnx::pack::Array;
use models_onnx::relevance::{Settings, measure, sample};
use models_onnx::{Cancel, ModelError, Places, Runtime};

use super::pack;
use crate::error::PluginError;

/// What was measured so far, in the pack's folder.
const PARTIAL: &str = "relevance.partial";

pub(super) fn command() -> Command {
    let number = |name: &'static str, default: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name("N")
            .default_value(default)
            .value_parser(value_parser!(u32).range(1..=1_000_000))
            .help(help)
    };
    Command::new("relevance")
        .about("Measures which style channel does what, so that a pack can do text edits by direction")
        .after_help("It takes hours with large generators. It can be stopped at any time, and goes on where it stopped when it is called again.")
        .arg(pack::named())
        .arg(number("pictures", "100", "Pictures in which each channel is moved"))
        .arg(number("samples", "100000", "Codes that the statistics are made of"))
}

pub(super) fn run(matches: &ArgMatches, places: &Places) -> Result<(), PluginError> {
    let name = matches.get_one::<String>("PACK").map(String::as_str).unwrap_or_default();
    let number = |name: &str| matches.get_one::<u32>(name).map_or(1, |n| *n as usize);
    let found = Arc::new(pack::find(places, name)?);
    let settings =
        Settings { pictures: number("pictures"), samples: number("samples"), ..Settings::default() };
    let runtime = Runtime::load(&places.onnxruntime(), Default::default()).map_err(ModelError::from)?;
    let cancel = Cancel::new();
    let sampled = sample(&found, &runtime, &settings, &mut progress("codes"), &cancel)?;
    let partial: PathBuf = found.folder().join(PARTIAL);
    let relevance =
        measure(&found, &runtime, &sampled, &settings, &partial, &mut progress("channels"), &cancel)?;
    let arrays = BTreeMap::from([
        (Array::StyleMean, sampled.mean.into_dyn()),
        (Array::StyleStd, sampled.deviation.into_dyn()),
        (Array::Relevance, relevance.into_dyn()),
    ]);
    let made = convert::pack::with_arrays(&found, &places.shared(), &arrays)?;
    // All of it is in the pack now.
    drop(std::fs::remove_file(&partial));
    println!();
    pack::abilities(made.manifest()).iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// A line that is written over and over.
fn progress(what: &'static str) -> impl FnMut(usize, usize) {
    move |done, all| {
        print!("\r{done} of {all} {what}   ");
        // A terminal that is gone changes nothing about the work.
        drop(std::io::stdout().flush());
    }
}
