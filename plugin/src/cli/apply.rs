//! `pentimento apply`: a recipe on many picture files.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use models_onnx::Places;

use super::edit::{on_photo, runtime, runtime_arguments, told};
use super::photo::Photo;
use crate::error::PluginError;
use crate::job::Engine;
use crate::kept::Shelf;
use crate::packs;
use crate::pipeline::Edit;

pub(super) fn command() -> Command {
    Command::new("apply")
        .about("Does to many photos what a recipe says")
        .after_help("Example:\n  pentimento apply beard.toml holiday/*.tif -o bearded")
        .arg(Arg::new("RECIPE").required(true).help("A recipe's file, or the name of a preset"))
        .arg(
            Arg::new("IN")
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append)
                .num_args(1..)
                .required(true)
                .help("The photos: PNG or TIFF"),
        )
        .arg(
            Arg::new("out")
                .short('o')
                .long("out")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .required(true)
                .help("Where to write the results, under the names of the photos"),
        )
        .args(runtime_arguments())
}

pub(super) fn run(matches: &ArgMatches, places: &Places) -> Result<(), PluginError> {
    let (installed, broken) = packs::installed(places);
    broken.iter().for_each(|why| log::warn!("{why}"));
    let recipe = matches.get_one::<String>("RECIPE").map(String::as_str).unwrap_or_default();
    let recipe = Shelf::new(places).find(recipe)?;
    let edit = Edit::of_recipe(&installed, &recipe, runtime(matches))?;
    if !recipe.pack_hash.is_empty() && recipe.pack_hash != edit.pack.hash {
        log::warn!("the recipe was made with another version of the pack “{}”", edit.pack.id);
    }
    let folder = matches.get_one::<PathBuf>("out").cloned().unwrap_or_default();
    std::fs::create_dir_all(&folder)
        .map_err(|why| PluginError::File { what: why.to_string(), path: folder.display().to_string() })?;

    // Models stay open from photo to photo. One bad photo does not keep the others waiting.
    let engine = Engine::start(places.clone());
    let mut failed = Vec::new();
    let photos: Vec<&PathBuf> = matches.get_many::<PathBuf>("IN").into_iter().flatten().collect();
    for path in &photos {
        let result = path.file_name().ok_or(PluginError::Cancelled).and_then(|name| {
            let photo = Photo::open(path, None)?;
            let done = on_photo(&photo, &engine, &edit, &folder.join(name))?;
            println!("{}", folder.join(name).display());
            told(&photo, &done, &edit.pack.manifest.name);
            Ok(())
        });
        if let Err(error) = result {
            eprintln!("{}: {error}", path.display());
            failed.push(path);
        }
    }
    match failed.len() {
        0 => Ok(()),
        count => Err(PluginError::Job(format!("{count} of {} photos could not be edited", photos.len()))),
    }
}
