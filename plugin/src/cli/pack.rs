//! `pentimento pack`: what is installed, what it is, whether it is whole, and away with it.

use std::fs;
use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use models_onnx::pack::{Contract, MANIFEST, Manifest};
use models_onnx::{ModelError, Pack, Places};

use crate::error::PluginError;
use crate::ops::OPERATIONS;
use crate::packs;

/// `pack` and what stands behind it.
pub(super) fn command() -> Command {
    let one = |name: &'static str, about: &'static str| Command::new(name).about(about).arg(named());
    Command::new("pack")
        .about("Lists packs, describes, checks and removes them")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("list").about("Lists the installed packs and what they can do"))
        .subcommand(one("info", "Describes a pack: graphs, arrays, origin and licence"))
        .subcommand(one("verify", "Reads every file of a pack and compares it with its hash"))
        .subcommand(one("remove", "Deletes an installed pack"))
}

/// The argument that names a pack.
pub(super) fn named() -> Arg {
    Arg::new("PACK").required(true).help("Identifier of an installed pack, or the folder of any")
}

pub(super) fn run(matches: &ArgMatches, places: &Places) -> Result<(), PluginError> {
    let Some((what, matches)) = matches.subcommand() else { return Ok(()) };
    let name = || matches.get_one::<String>("PACK").map(String::as_str).unwrap_or_default();
    match what {
        "list" => list(places),
        "info" => info(&find(places, name())?),
        "verify" => verify(&find(places, name())?),
        _ => remove(places, name()),
    }
}

/// An installed pack by its identifier, or any by its folder.
pub(super) fn find(places: &Places, name: &str) -> Result<Pack, PluginError> {
    let folder = Path::new(name);
    let folder = match folder.join(MANIFEST).is_file() {
        true => folder.to_owned(),
        false => installed(places, name)?.folder,
    };
    Ok(Pack::open(&folder, &places.shared()).map_err(ModelError::from)?)
}

fn installed(places: &Places, id: &str) -> Result<packs::Pack, PluginError> {
    let (installed, _) = packs::installed(places);
    let names: Vec<String> = installed.iter().map(|pack| pack.id.clone()).collect();
    installed.into_iter().find(|pack| pack.id == id).ok_or_else(|| PluginError::NoPack {
        name: id.to_owned(),
        installed: if names.is_empty() { "none".into() } else { names.join(", ") },
    })
}

pub(super) fn list(places: &Places) -> Result<(), PluginError> {
    let (installed, broken) = packs::installed(places);
    for pack in &installed {
        let manifest = &pack.manifest;
        println!("{}  {} px  {}  {}", pack.id, pack.resolution, manifest.licence.spdx, manifest.name);
        println!("    {}", manifest.description);
        abilities(manifest).iter().for_each(|line| println!("    {line}"));
    }
    broken.iter().for_each(|why| println!("broken: {why}"));
    if installed.is_empty() && broken.is_empty() {
        return Err(PluginError::NoPacks);
    }
    Ok(())
}

/// A line for each operation.
pub(super) fn abilities(manifest: &Manifest) -> Vec<String> {
    let line = |operation: &&dyn crate::operation::Operation| {
        let missing: Vec<&str> =
            manifest.missing(operation.needs()).iter().map(|role| role.words()).collect();
        match missing.is_empty() {
            true => format!("can do: {}", operation.id()),
            false => format!("cannot do {}: lacks {}", operation.id(), missing.join(", ")),
        }
    };
    OPERATIONS.iter().map(line).collect()
}

fn info(pack: &Pack) -> Result<(), PluginError> {
    let manifest = pack.manifest();
    println!("{} ({}), {} px, {}", manifest.name, manifest.id, manifest.resolution, manifest.domain);
    println!("{}", manifest.description);
    println!("folder   {}", pack.folder().display());
    println!("hash     {}", pack.hash());
    println!("licence  {}", manifest.licence.spdx);
    println!("origin   {}", manifest.licence.origin);
    println!("{}", manifest.licence.text);
    abilities(manifest).iter().for_each(|line| println!("{line}"));
    for (role, contract) in &manifest.roles {
        graph(role.name(), contract);
    }
    for (name, contract) in &manifest.mappers {
        graph(&format!("mapper/{name}"), contract);
    }
    if !manifest.classes.is_empty() {
        let names: Vec<&str> = manifest.classes.iter().map(|class| class.name.as_str()).collect();
        println!("classes  {}: {}", names.len(), names.join(", "));
    }
    let arrays = manifest.arrays.iter().map(|(array, file)| (array.name().to_owned(), file));
    let attributes = manifest.attributes.iter().map(|(name, file)| (format!("attribute/{name}"), file));
    for (name, file) in arrays.chain(attributes) {
        println!("{name}  {:?}  {}", file.dims, file.file);
    }
    Ok(())
}

fn graph(name: &str, contract: &Contract) {
    let ports = |ports: &[models_onnx::pack::Port]| {
        ports.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    println!("{name}  {} → {}  {}", ports(&contract.inputs), ports(&contract.outputs), contract.file);
    if let Some(storage) = contract.storage {
        println!("    weights in half precision, which changes its output by {:.1e} at most", storage.error);
    }
}

fn verify(pack: &Pack) -> Result<(), PluginError> {
    pack.verify().map_err(ModelError::from)?;
    println!("{}: all {} files are as they were made", pack.manifest().id, pack.sources().len());
    Ok(())
}

/// Only packs that lie where packs are installed go by this.
fn remove(places: &Places, id: &str) -> Result<(), PluginError> {
    let pack = installed(places, id)?;
    fs::remove_dir_all(&pack.folder).map_err(|why| PluginError::File {
        what: format!("the pack cannot be removed ({why})"),
        path: pack.folder.display().to_string(),
    })?;
    println!("removed {}", pack.folder.display());
    Ok(())
}
