//! `pentimento edit` and its like: one operation on one picture file.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use models_onnx::Places;
use pentimento_ffi::host::Host;
use pentimento_ffi::pixels::Rect;
use pentimento_protocol::dialog::Choice;
use pentimento_protocol::job::{Outcome, Runtime, Verdict};
use pentimento_protocol::param::{Kind, Param, Value, Values};
use pentimento_protocol::picture::Picture;
use pentimento_protocol::recipe::Step;

use super::photo::{self, Photo};
use super::{ALIASES, EXAMPLES};
use crate::error::PluginError;
use crate::gimp::{DEVICES, unknown};
use crate::job::Engine;
use crate::kept::Shelf;
use crate::operation::Operation;
use crate::packs;
use crate::pipeline::params::{PHOTO_START, PLACE, ROAD, SQUARE_PLACE, START};
use crate::pipeline::{self, Done, Drawn, DrawnVariant, Edit};

pub(super) fn command(operation: &'static dyn Operation) -> Command {
    let alias = ALIASES.iter().find(|(id, _)| *id == operation.id()).map(|(_, alias)| *alias);
    let mut command =
        Command::new(operation.id())
            .about(operation.about())
            .after_help(EXAMPLES)
            .arg(Arg::new("IN").value_parser(value_parser!(PathBuf)).help(
                "The photo: PNG or TIFF, 8 or 16 bits or float, profile kept; none for a made-up picture",
            ))
            .arg(
                Arg::new("out")
                    .short('o')
                    .long("out")
                    .value_name("OUT")
                    .value_parser(value_parser!(PathBuf))
                    .required(true)
                    .help("Where to write the result (.png, .tif); several results are numbered"),
            )
            .arg(Arg::new("square").long("square").value_name("X,Y,SIDE").value_parser(square).help(
                "The square to edit, in pixels; without it the face, or the largest square in the middle",
            ))
            .arg(
                Arg::new("pack")
                    .long("pack")
                    .default_value("")
                    .hide_default_value(true)
                    .help("Identifier of the pack; see `pentimento packs`"),
            )
            .arg(
                Arg::new("weight")
                    .long("weight")
                    .value_parser(value_parser!(f64))
                    .allow_hyphen_values(true)
                    .help("How much of the edit counts; 1 is all of it"),
            )
            .arg(
                Arg::new("with")
                    .long("with")
                    .value_name("RECIPE")
                    .action(ArgAction::Append)
                    .help("Edits of a recipe, or of a preset, that are made before this one"),
            )
            .arg(
                Arg::new("export")
                    .long("export")
                    .value_name("RECIPE.toml")
                    .value_parser(value_parser!(PathBuf))
                    .help("Writes a recipe of the edit, for `pentimento apply` and for the dialog"),
            )
            .args(runtime_arguments());
    if let Some(alias) = alias {
        command = command.visible_alias(alias);
    }
    let command = operation.params().iter().fold(command, |command, param| command.arg(flag(param)));
    ROAD.iter().fold(command, |command, param| command.arg(flag(param).help_heading("Photo and blending")))
}

pub(super) fn runtime_arguments() -> [Arg; 2] {
    [
        Arg::new("device")
            .long("device")
            .value_parser(DEVICES.map(|(name, _)| name))
            .default_value("auto")
            .help("Where the models run"),
        Arg::new("threads")
            .long("threads")
            .value_parser(value_parser!(u32).range(1..=256))
            .help("Threads for one model"),
    ]
}

pub(super) fn runtime(matches: &ArgMatches) -> Runtime {
    let name = matches.get_one::<String>("device").map(String::as_str).unwrap_or_default();
    let device = DEVICES.iter().find(|(known, _)| *known == name).map(|(_, device)| *device);
    Runtime { device: device.unwrap_or_default(), threads: matches.get_one::<u32>("threads").copied() }
}

/// The flag of a parameter. Defaults come from the pack where it has some, so none is shown here.
fn flag(param: &Param) -> Arg {
    let id = param.id.to_string();
    let arg = Arg::new(id.clone()).long(id).help(param.help.to_string()).allow_hyphen_values(true);
    match &param.kind {
        Kind::Text { .. } | Kind::Names { .. } => arg,
        Kind::Number { .. } => arg.value_parser(value_parser!(f64)),
        Kind::Flag { .. } => arg.value_parser(value_parser!(bool)),
        Kind::Choice { options } => {
            let names: Vec<String> = options.iter().map(|o| o.0.to_string()).collect();
            arg.value_parser(PossibleValuesParser::new(names))
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

pub(super) fn run(
    operation: &'static dyn Operation,
    matches: &ArgMatches,
    places: &Places,
) -> Result<(), PluginError> {
    let path = |name: &str| matches.get_one::<PathBuf>(name).map(PathBuf::as_path);
    let out = path("out").unwrap_or(Path::new(""));
    let (installed, broken) = packs::installed(places);
    broken.iter().for_each(|why| log::warn!("{why}"));
    let shelf = Shelf::new(places);

    let mut steps = Vec::new();
    for recipe in matches.get_many::<String>("with").into_iter().flatten() {
        steps.extend(shelf.find(recipe)?.steps);
    }
    let mut step = Step::new(operation.id(), given(operation.params(), matches));
    step.weight = matches.get_one::<f64>("weight").copied().unwrap_or(1.0);
    steps.push(step);
    let mut road = given(&ROAD, matches);
    let selection = matches.get_one::<Rect>("square").copied();
    if selection.is_some() && road.text(PLACE).is_empty() {
        road.set(PLACE, Value::Text(SQUARE_PLACE.to_owned()));
    }
    let pack = matches.get_one::<String>("pack").cloned().unwrap_or_default();
    let edit = Edit::new(&installed, Choice { steps, road, pack, runtime: runtime(matches) })?;

    let engine = Engine::start(places.clone());
    match path("IN") {
        Some(input) => {
            let photo = Photo::open(input, selection)?;
            let done = on_photo(&photo, &engine, &edit, out)?;
            told(&photo, &done, &edit.pack.manifest.name);
        }
        None if edit.choice.road.text(START) == PHOTO_START => {
            return Err(PluginError::Job(
                "no photo was given; name one, or add --start random for a made-up picture".into(),
            ));
        }
        None => of_nothing(&engine, &edit, out)?,
    }
    if let Some(path) = path("export") {
        let recipe = edit.recipe_for_all().to_toml()?;
        std::fs::write(path, recipe)
            .map_err(|why| PluginError::File { what: why.to_string(), path: path.display().to_string() })?;
    }
    Ok(())
}

/// Edits an open photo and writes what came of it.
pub(super) fn on_photo(
    photo: &Photo,
    engine: &Engine,
    edit: &Edit<'_>,
    out: &Path,
) -> Result<Done, PluginError> {
    if edit.has_several_results() {
        photo.apart(out, edit.is_sweep());
    }
    let done = pipeline::run(photo, engine, (photo::IMAGE, photo::DRAWABLE), edit, None)?;
    photo.save(out)?;
    Ok(done)
}

/// Says what a dialog would have shown.
pub(super) fn told(photo: &Photo, done: &Done, pack: &str) {
    done.notes.iter().for_each(|note| photo.say(note));
    for fidelity in &done.fidelity {
        match fidelity.verdict() {
            Verdict::Unknown => photo.say(&unknown(fidelity.psnr, fidelity.typical, pack)),
            _ => photo
                .say(&format!("reconstruction {:.1} dB (typical {:.1} dB)", fidelity.psnr, fidelity.typical)),
        }
    }
}

/// Edits a picture that the pack makes up, and writes it as it is.
fn of_nothing(engine: &Engine, edit: &Edit<'_>, out: &Path) -> Result<(), PluginError> {
    let side = edit.pack.resolution;
    let nothing = engine.pictures.put(Picture::filled(side, side, [0.5; 3]));
    let outcome = engine.submit(edit.request(nothing))?.wait(|_| {})?;
    let Outcome::Edited(edited) = outcome else { return Err(PluginError::WorkerGone) };
    let drawn = Drawn::take(engine, Picture::filled(side, side, [0.5; 3]).into(), edited)?;
    let count = drawn.variants.len();
    for (i, DrawnVariant { picture, .. }) in drawn.variants.iter().enumerate() {
        let path = if count > 1 { photo::numbered(out, i + 1) } else { out.to_owned() };
        let samples = picture.rgb.iter().map(|v| (v.clamp(0.0, 1.0) * 65535.0).round() as u16).collect();
        let image = image::ImageBuffer::<image::Rgb<u16>, Vec<u16>>::from_raw(side, side, samples)
            .ok_or(PluginError::Sizes)?;
        image.save(&path).map_err(|why| PluginError::File {
            what: format!("cannot write ({why})"),
            path: path.display().to_string(),
        })?;
    }
    Ok(())
}

/// The parameters that were given.
fn given(params: &[Param], matches: &ArgMatches) -> Values {
    let mut values = Values::default();
    for param in params {
        let id: &str = &param.id;
        let value = match &param.kind {
            Kind::Text { .. } | Kind::Choice { .. } | Kind::Names { .. } => {
                matches.get_one::<String>(id).cloned().map(Value::Text)
            }
            Kind::Number { .. } => matches.get_one::<f64>(id).copied().map(Value::Number),
            Kind::Flag { .. } => matches.get_one::<bool>(id).copied().map(Value::Flag),
        };
        if let Some(value) = value {
            values.set(id, value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_three_numbers() {
        assert_eq!(square("10, 20,30"), Ok(Rect::new(10, 20, 30, 30)));
        assert!(square("10,20").is_err());
        assert!(square("10,20,-5").is_err());
    }
}
