//! The command line: the same operations on picture files.

mod apply;
mod colour;
mod convert;
mod edit;
mod pack;
pub mod photo;
mod relevance;
mod run;

use std::ffi::OsString;

use clap::Command;
use models_onnx::Places;

use crate::error::PluginError;
use crate::ops::OPERATIONS;

/// Short names, where the full one is long to type.
const ALIASES: [(&str, &str); 1] = [("text-edit", "edit")];

const EXAMPLES: &str = "Examples:
  pentimento edit portrait.tif --text \"a person with blue hair\" -o blue.tif
  pentimento edit photo.png --square 820,310,1400 --text \"glasses\" --strength 5 -o glasses.png
  pentimento edit photo.tif --text \"a beard\" --method optimise --refine 100 --export beard.toml -o beard.tif
  pentimento apply beard.toml holiday/*.tif -o bearded
  pentimento edit --start random --seed 7 --text \"blue hair\" -o nobody.png
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
        Some(("apply", matches)) => apply::run(matches, places),
        Some((name, matches)) => match OPERATIONS.iter().find(|operation| operation.id() == name) {
            Some(operation) => edit::run(*operation, matches, places),
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
    let operations = OPERATIONS.iter().map(|operation| edit::command(*operation));
    Command::new("pentimento")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Edits photographs in the latent space of a generator; the same as in GIMP, on PNG and TIFF files")
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(operations)
        .subcommand(apply::command())
        .subcommand(pack::command())
        .subcommand(run::command())
        .subcommand(convert::command())
        .subcommand(relevance::command())
        .subcommand(Command::new("packs").about("Lists the installed packs, what they can do and what is wrong with them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
