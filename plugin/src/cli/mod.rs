//! The command line: the same operations on picture files.

mod colour;
mod convert;
mod pack;
pub mod photo;
mod relevance;
mod run;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, value_parser};
use models_onnx::Places;
use pentimento_ffi::host::Host;
use pentimento_ffi::pixels::Rect;
use pentimento_protocol::job::{Runtime, Verdict};
use pentimento_protocol::param::{Kind, Param, Value};

use crate::error::PluginError;
use crate::gimp::{DEVICES, unknown};
use crate::job::Engine;
use crate::operation::Operation;
use crate::ops::OPERATIONS;
use crate::packs;
use crate::pipeline::{self, Edit};
use photo::Photo;

/// Short names, where the full one is long to type.
const ALIASES: [(&str, &str); 1] = [("text-edit", "edit")];

const EXAMPLES: &str = "Examples:
  pentimento edit portrait.tif --text \"a person with blue hair\" -o blue.tif
  pentimento edit photo.png --square 820,310,1400 --text \"glasses\" --strength 5 -o glasses.png
  pentimento packs";

/// Runs the command line; returns the exit status.
pub fn main(arguments: Vec<OsString>, places: &Places) -> i32 {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version come this way too. Nothing can be done where even printing fails.
            drop(error.print());
            return error.exit_code();
        }
    };
    let result = match matches.subcommand() {
        Some(("packs", _)) => pack::list(places),
        Some(("pack", matches)) => pack::run(matches, places),
        Some(("run", matches)) => run::run(matches, places),
        Some(("convert", matches)) => convert::run(matches, places),
        Some(("relevance", matches)) => relevance::run(matches, places),
        Some((name, matches)) => match OPERATIONS.iter().find(|operation| operation.id() == name) {
            Some(operation) => edit(*operation, matches, places),
            None => Err(PluginError::NoOperation(name.to_owned())),
        },
        None => Ok(()),
    };
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("pentimento: {error}");
            1
        }
    }
}

fn command() -> Command {
    let operations = OPERATIONS.iter().map(|operation| subcommand(*operation));
    Command::new("pentimento")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Edits photographs in the latent space of a generator; the same as in GIMP, on PNG and TIFF files")
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(operations)
        .subcommand(pack::command())
        .subcommand(run::command())
        .subcommand(convert::command())
        .subcommand(relevance::command())
        .subcommand(Command::new("packs").about("Lists the installed packs, what they can do and what is wrong with them"))
}

fn subcommand(operation: &'static dyn Operation) -> Command {
    let alias = ALIASES.iter().find(|(id, _)| *id == operation.id()).map(|(_, alias)| *alias);
    let file = |name: &'static str| Arg::new(name).value_parser(value_parser!(PathBuf)).required(true);
    let mut command = Command::new(operation.id())
        .about(operation.about())
        .after_help(EXAMPLES)
        .arg(file("IN").help("The photo: PNG or TIFF, 8 or 16 bits, profile kept"))
        .arg(
            file("out")
                .short('o')
                .long("out")
                .value_name("OUT")
                .help("Where to write the result (.png, .tif)"),
        )
        .arg(
            Arg::new("square")
                .long("square")
                .value_name("X,Y,SIDE")
                .value_parser(square)
                .help("The square to edit, in pixels; without it the largest one in the middle"),
        )
        .arg(
            Arg::new("pack")
                .long("pack")
                .default_value("")
                .hide_default_value(true)
                .help("Identifier of the pack; see `pentimento packs`"),
        )
        .arg(
            Arg::new("device")
                .long("device")
                .value_parser(DEVICES.map(|(name, _)| name))
                .default_value("auto")
                .help("Where the models run"),
        )
        .arg(
            Arg::new("threads")
                .long("threads")
                .value_parser(value_parser!(u32).range(1..=256))
                .help("Threads for one model"),
        );
    if let Some(alias) = alias {
        command = command.visible_alias(alias);
    }
    operation.params().iter().fold(command, |command, param| command.arg(flag(param)))
}

/// The flag of a parameter. Defaults come from the pack where it has some, so none is shown here.
fn flag(param: &'static Param) -> Arg {
    let arg = Arg::new(&*param.id).long(&*param.id).help(&*param.help).allow_hyphen_values(true);
    match &param.kind {
        Kind::Text { required, default, .. } => arg.required(*required && default.is_empty()),
        Kind::Number { .. } => arg.value_parser(value_parser!(f64)),
        Kind::Flag { .. } => arg.value_parser(value_parser!(bool)),
        Kind::Choice { options } => {
            arg.value_parser(PossibleValuesParser::new(options.iter().map(|o| &*o.0)))
        }
    }
}

fn square(text: &str) -> Result<Rect, String> {
    let numbers: Vec<i32> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    match numbers[..] {
        [x, y, side] if side > 0 => Ok(Rect::new(x, y, side.unsigned_abs(), side.unsigned_abs())),
        _ => Err("three whole numbers are needed: left edge, top edge, side".to_owned()),
    }
}

fn edit(operation: &'static dyn Operation, matches: &ArgMatches, places: &Places) -> Result<(), PluginError> {
    let path = |name: &str| matches.get_one::<PathBuf>(name).map(PathBuf::as_path).unwrap_or(Path::new(""));
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    let (installed, broken) = packs::installed(places);
    broken.iter().for_each(|why| log::warn!("{why}"));
    let pack = packs::choose(&installed, text("pack"), operation)?;

    let mut values = pack.suggested(operation);
    for param in operation.params() {
        if let Some(value) = given(param, matches) {
            values.set(&param.id, value);
        }
    }
    let device = DEVICES.iter().find(|(name, _)| *name == text("device")).map(|(_, device)| *device);
    let runtime =
        Runtime { device: device.unwrap_or_default(), threads: matches.get_one::<u32>("threads").copied() };
    let edit = Edit { operation, values: values.complete(operation.params())?, pack, runtime };

    let photo = Photo::open(path("IN"), matches.get_one::<Rect>("square").copied())?;
    let engine = Engine::start(places.clone());
    let done = pipeline::run(&photo, &engine, photo::IMAGE, photo::DRAWABLE, &edit)?;
    photo.save(path("out"))?;

    done.notes.iter().for_each(|note| photo.say(note));
    match done.fidelity.verdict() {
        Verdict::Unknown => {
            photo.say(&unknown(done.fidelity.psnr, done.fidelity.typical, &pack.manifest.name))
        }
        _ => photo.say(&format!(
            "reconstruction {:.1} dB (typical {:.1} dB)",
            done.fidelity.psnr, done.fidelity.typical
        )),
    }
    Ok(())
}

fn given(param: &Param, matches: &ArgMatches) -> Option<Value> {
    match &param.kind {
        Kind::Text { .. } | Kind::Choice { .. } => {
            matches.get_one::<String>(&param.id).cloned().map(Value::Text)
        }
        Kind::Number { .. } => matches.get_one::<f64>(&param.id).copied().map(Value::Number),
        Kind::Flag { .. } => matches.get_one::<bool>(&param.id).copied().map(Value::Flag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn squares_are_three_numbers() {
        assert_eq!(square("10, 20,30"), Ok(Rect::new(10, 20, 30, 30)));
        assert!(square("10,20").is_err());
        assert!(square("10,20,-5").is_err());
    }
}
