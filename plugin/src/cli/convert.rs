//! `pentimento convert`: published checkpoints become a pack.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use convert::bundle::{Bundle, Wishes};
use convert::networks::encoder::Rows;
use convert::pack::Writing;
use models_onnx::pack::AlignmentKind;
use models_onnx::{Cancel, ModelError, Places, Runtime};

use super::pack;
use crate::error::PluginError;

/// The vocabulary of CLIP among the shared files.
const MERGES: &str = "clip-merges.txt.gz";

pub(super) fn command() -> Command {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).default_value("").hide_default_value(true).help(help)
    };
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("convert")
        .about("Makes a pack of published checkpoints and exported graphs; no code in them is run")
        .after_help(
            "Examples:\n  pentimento convert e4e_ffhq_encode.pt ViT-B-32.pt fs3.npy S_mean_std -o ffhq --domain face\n  \
             pentimento convert stable-diffusion-onnx/ -o sd15 --domain anything\n  \
             pentimento convert mosaic.onnx -o mosaic      (with mosaic.toml beside it)",
        )
        .arg(
            Arg::new("FILE")
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append)
                .required(true)
                .help("Checkpoints of any kind and name, ONNX graphs, and folders of them; what they are is seen from what they hold"),
        )
        .arg(
            Arg::new("out")
                .short('o')
                .long("out")
                .value_name("PACK")
                .required_unless_present("report")
                .help("Identifier of the new pack, which is installed; or a folder, if it has a slash"),
        )
        .arg(text("name", "NAME", "Name of the pack for people"))
        .arg(text("domain", "WORDS", "What its pictures show, such as “face”"))
        .arg(text("neutral", "WORDS", "The text for “nothing in particular”; the domain if not given"))
        .arg(
            Arg::new("encoder")
                .long("encoder")
                .value_parser(["e4e", "psp"])
                .help("What kind an encoder is, where its file does not say it"),
        )
        .arg(
            Arg::new("alignment")
                .long("alignment")
                .value_parser(["ffhq", "square"])
                .help("How its pictures are framed: as the faces of FFHQ, by eyes and mouth, or in any square; if not given, a StyleGAN2 whose domain speaks of faces is framed as FFHQ"),
        )
        .arg(flag("half", "Keep weights in half precision: half the size, errors are measured"))
        .arg(flag("replace", "Put it in the place of a pack that is there"))
        .arg(flag("report", "Only say what the files are and what can be made of them"))
        .arg(flag("yes", "Do not ask"))
}

pub(super) fn run(matches: &ArgMatches, places: &Places) -> Result<(), PluginError> {
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let files: Vec<PathBuf> = matches.get_many("FILE").into_iter().flatten().cloned().collect();
    let mut bundle = Bundle::open(&files)?;
    // The installer fetches the vocabulary that every CLIP has in common.
    let merges = places.shared().join(MERGES);
    if bundle.lacks_vocabulary() && merges.is_file() {
        bundle.add(&merges)?;
    }
    println!("{}", bundle.report());
    if matches.get_flag("report") {
        return Ok(());
    }
    if !matches.get_flag("yes") && !agreed()? {
        return Err(PluginError::Cancelled);
    }
    let start = Instant::now();
    let out = text("out");
    let folder = if out.contains('/') { PathBuf::from(&out) } else { places.packs().join(&out) };
    let id = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let encoder = matches.get_one::<String>("encoder").map(|kind| match kind.as_str() {
        "psp" => Rows::Each,
        _ => Rows::FirstAndOffsets,
    });
    let (name, domain, neutral) = (text("name"), text("domain"), text("neutral"));
    let alignment = matches.get_one::<String>("alignment").map(|kind| match kind.as_str() {
        "ffhq" => AlignmentKind::Ffhq,
        _ => AlignmentKind::Square,
    });
    let wishes = Wishes { id, name, domain, neutral, encoder, alignment };
    let runtime = Runtime::load(&places.onnxruntime(), Default::default()).map_err(ModelError::from)?;

    let new = bundle.pack(&wishes)?;
    println!("making the graphs, one after the other, and running each once…");
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).map_err(|why| failed(&why.to_string(), parent))?;
    }
    let writing = Writing { half: matches.get_flag("half"), replace: matches.get_flag("replace") };
    let made = new.write(&folder, &places.shared(), writing, &runtime, &Cancel::new())?;
    let bytes: u64 = made
        .sources()
        .iter()
        .filter_map(|s| std::fs::metadata(folder.join(&s.file)).ok())
        .map(|m| m.len())
        .sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("wrote {} ({:.1} MB) in {seconds:.1} s", folder.display(), bytes as f64 / 1e6);
    pack::abilities(made.manifest()).iter().for_each(|line| println!("    {line}"));
    Ok(())
}

/// Asks; without a terminal there is nobody to ask.
fn agreed() -> Result<bool, PluginError> {
    if !std::io::stdin().is_terminal() {
        return Err(PluginError::Job("read the terms above, then run it again with --yes".into()));
    }
    print!("Convert under these terms? [y/N] ");
    let mut line = String::new();
    let read = std::io::stdout().flush().and_then(|()| std::io::stdin().read_line(&mut line));
    read.map_err(|why| PluginError::Job(why.to_string()))?;
    Ok(line.trim().eq_ignore_ascii_case("y"))
}

fn failed(what: &str, path: &Path) -> PluginError {
    PluginError::File { what: what.to_owned(), path: path.display().to_string() }
}
