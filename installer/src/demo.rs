//! `cargo demo`: from a bare machine to an edited portrait inside GIMP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{clean, shown};
use crate::display::Display;
use crate::gimp::{self, Gimp};
use crate::places::{Places, Tree};
use crate::steps::{Done, Steps};
use crate::{FETCH, apt, fetch, place_all};

/// One edit that is shown.
struct Show {
    title: &'static str,
    sample: &'static str,
    /// Begins the names of its files.
    prefix: &'static str,
    text: &'static str,
    /// The square around the head: left, top, side, as in `tests/samples/README.md`.
    head: [u32; 3],
}

const SHOWS: [Show; 2] = [
    Show {
        title: "a rendered portrait that the pack was not trained on, 16 bits a channel",
        sample: "portrait-16bit.png",
        prefix: "",
        text: TEXT,
        head: [820, 330, 1440],
    },
    Show {
        title: "a real photograph, which the starter pack does not know: expect it to say so",
        sample: "astronaut.png",
        prefix: "astronaut-",
        text: TEXT,
        head: [125, 7, 200],
    },
];
const TEXT: &str = "a person with blue hair";

/// Does everything that the README promises of `cargo demo`.
pub(crate) fn run(tree: &Tree, places: &Places, may_install: bool, asked: &[String]) -> Result<()> {
    let out = tree.target.join("demo");
    let packages = [&apt::TO_BUILD[..], &apt::TO_SHOW].concat();
    let mut steps = Steps::announce(
        "Pentimento: a portrait edited by a sentence inside GIMP",
        &[
            format!("install what is missing of: {}", packages.join(", ")),
            format!("get ONNX Runtime and the sentence encoder into {}", places.data.display()),
            "build the plug-in, the dialogs and the launcher (five to ten minutes the first time)".into(),
            "install them into every GIMP found, for this user only".into(),
            format!("edit two samples in GIMP without a window: “{TEXT}”"),
            format!("open the dialog on an invisible screen; pictures go to {}", out.display()),
        ],
    );
    if may_install {
        steps.run("packages", || apt::ensure(&packages))?;
    }
    steps.run(FETCH, || fetch::ensure(places, &places.data, may_install))?;
    steps.run("build", || build(tree))?;
    let found = gimp::found();
    let series = gimp::series_to_serve(asked, &found)?;
    place_all(tree, places, &series, &mut steps)?;
    let gimp = found.first().context("no GIMP is on the path to show the edit in")?;

    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    for show in &SHOWS {
        steps.run(format!("GIMP {}: {}", gimp.version, show.title), || edit(tree, gimp, show, &out))?;
    }
    steps.run("the dialog", || dialog(tree, gimp, &SHOWS[0], &out))?;
    println!("\nLook at:");
    for show in &SHOWS {
        for name in FILES {
            println!("  {}", file(&out, show, name).display());
        }
    }
    println!("  {}", out.join("dialog.png").display());
    println!("In GIMP: Filters → Pentimento → Text edit…   In a terminal: pentimento edit --help");
    steps.close();
    Ok(())
}

const FILES: [&str; 4] = ["before.png", "after.png", "mask.png", "edited.xcf"];

fn file(out: &Path, show: &Show, name: &str) -> PathBuf {
    out.join(format!("{}{name}", show.prefix))
}

/// Builds all that is installed and tested, in one selection so that nothing is built twice.
pub(crate) fn build(tree: &Tree) -> Result<Done> {
    shown(cargo(tree).args(["build", "--release", "--workspace", "--exclude", "pentimento-bindgen"]))?;
    Ok(Done::Now("release profile".into()))
}

/// Cargo in the tree.
pub(crate) fn cargo(tree: &Tree) -> Command {
    let mut cargo = clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&tree.root).arg("--locked");
    cargo
}

fn edit(tree: &Tree, gimp: &Gimp, show: &Show, out: &Path) -> Result<Done> {
    for name in FILES {
        // What an earlier run left must not pass for the result of this one.
        let _ = fs::remove_file(file(out, show, name));
    }
    let head = head(show);
    let out_ = quoted(&file(out, show, ""));
    let call = format!("(demo {} {out_} {} {head})", sample(tree, show), recipe(show));
    let said = script(tree, gimp, &call, &out.join(format!("{}demo.scm", show.prefix)), None)?;
    for name in FILES {
        let file = file(out, show, name);
        if !file.is_file() {
            bail!("GIMP left no {}; it said:\n{said}", file.display());
        }
    }
    // What the plug-in had to say about the picture, such as that the pack does not know it.
    let warnings = said.lines().filter(|line| line.contains("does not know"));
    warnings.for_each(|line| println!("   {}", line.trim()));
    Ok(Done::Now(format!("{} files", FILES.len())))
}

fn dialog(tree: &Tree, gimp: &Gimp, show: &Show, out: &Path) -> Result<Done> {
    let picture = out.join("dialog.png");
    let _ = fs::remove_file(&picture);
    let display = Display::open()?;
    let call = format!("(demo-dialog {} {})", sample(tree, show), head(show));
    let said = script(tree, gimp, &call, &out.join("dialog.scm"), Some((&display, &picture)))?;
    if !picture.is_file() {
        bail!("the dialog left no picture; GIMP said:\n{said}");
    }
    Ok(Done::Now(picture.display().to_string()))
}

fn sample(tree: &Tree, show: &Show) -> String {
    quoted(&tree.root.join("tests/samples").join(show.sample))
}

fn head(show: &Show) -> String {
    show.head.map(|number| number.to_string()).join(" ")
}

/// The edit as a recipe, as this script language writes a text: what is not said is as the pack suggests.
fn recipe(show: &Show) -> String {
    let values = format!("{{ text = '{}' }}", show.text);
    format!("\"version = 2\\n[[steps]]\\noperation = 'text-edit'\\nvalues = {values}\\n\"")
}

/// Runs one call in GIMP's own script language; returns what GIMP said.
fn script(
    tree: &Tree,
    gimp: &Gimp,
    call: &str,
    file: &Path,
    dialog: Option<(&Display, &Path)>,
) -> Result<String> {
    let words = if gimp.series == "2.10" { "demo-2.scm" } else { "demo-3.scm" };
    let scripts = tree.root.join("installer/scripts");
    let load = |name: &str| format!("(load {})\n", quoted(&scripts.join(name)));
    fs::write(file, format!("{}{}{call}\n", load(words), load("demo.scm")))
        .with_context(|| format!("cannot write {}", file.display()))?;

    let mut command = clean(&gimp.console);
    command.args(["--no-interface", "--no-data", "--no-fonts", "--no-splash"]);
    command
        .args(["--batch-interpreter", "plug-in-script-fu-eval", "--batch"])
        .arg(format!("(load {})", quoted(file)));
    if gimp.series == "2.10" {
        command.args(["--batch", "(gimp-quit 0)"]);
    } else {
        command.arg("--quit");
    }
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    if let Some((display, picture)) = dialog {
        command.env("DISPLAY", &display.name).env("GDK_BACKEND", "x11").env("GSK_RENDERER", "cairo");
        command.env("PENTIMENTO_DIALOG_TEXT", TEXT);
        command.env("PENTIMENTO_DIALOG_AUTO", "apply").env("PENTIMENTO_DIALOG_SHOT", picture);
    }
    let output =
        command.output().with_context(|| format!("{} could not be started", gimp.console.display()))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    // GIMP 2.10 ends with 0 whatever happened.
    if !said.contains("PENTIMENTO-DEMO-DONE") {
        bail!("the script did not come to its end; GIMP said:\n{said}");
    }
    Ok(said)
}

fn quoted(path: &Path) -> String {
    text(&path.display().to_string())
}

/// A string in Scheme.
fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_strings() {
        assert_eq!(text(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }
}
