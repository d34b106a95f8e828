//! Puts files where they belong, and takes them away again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{clean, find, heard};
use crate::hash;
use crate::places::{NAME, Places, Tree};
use crate::steps::Done;

/// What cargo builds and GIMP needs: the launcher, the plug-in, the dialogs.
pub(crate) const BUILT: [&str; 3] = ["pentimento", "libpentimento.so", "libpentimento_ui.so"];
/// The parts of the data folder that are ours; the user's own packs lie beside them.
const OURS: [&str; 8] = ["onnxruntime", "shared", PACKS[0], PACKS[1], PACKS[2], PACKS[3], "locale", "bin"];
/// The packs that come along, in the data folder and in `models-onnx`.
pub(crate) const PACKS: [&str; 4] =
    ["packs/starter-faces", "packs/starter-rooms", "packs/starter-denoiser", "packs/landmarks"];

/// Copies the plug-in into `folder`.
pub(crate) fn plug_in(tree: &Tree, folder: &Path) -> Result<Done> {
    let mut files: Vec<(PathBuf, PathBuf)> =
        BUILT.iter().map(|name| (tree.built(name), folder.join(name))).collect();
    for entry in fs::read_dir(tree.root.join("plugin/data")).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|end| end == "png" || end == "svg") {
            files.push((entry.path(), folder.join(entry.file_name())));
        }
    }
    copy_all(&files, folder)
}

/// Copies the command-line program into the data folder and links it into the user's programs.
pub(crate) fn program(tree: &Tree, places: &Places) -> Result<Done> {
    let folder = places.data.join("bin");
    // The launcher looks for the library beside its real place, so a link is enough.
    let files: Vec<_> = BUILT[..2].iter().map(|name| (tree.built(name), folder.join(name))).collect();
    let done = copy_all(&files, &folder)?;
    let (link, target) = (places.program(), folder.join(NAME));
    if fs::read_link(&link).is_ok_and(|at| at == target) {
        return Ok(done);
    }
    if link.symlink_metadata().is_ok() {
        if !is_our_link(&link, &places.data) {
            bail!("{} belongs to something else; move it away and run this again", link.display());
        }
        fs::remove_file(&link).with_context(|| format!("cannot replace {}", link.display()))?;
    }
    make(&places.programs)?;
    std::os::unix::fs::symlink(&target, &link).with_context(|| format!("cannot write {}", link.display()))?;
    Ok(Done::Now(format!("{} → {}", link.display(), target.display())))
}

/// Copies the packs that come along and compiles the translations into a data folder.
pub(crate) fn data(tree: &Tree, data: &Path) -> Result<Done> {
    let packs = tree.root.join("models-onnx/packs");
    let mut files = Vec::new();
    for pack in fs::read_dir(&packs).with_context(|| format!("no packs in {}", packs.display()))? {
        let pack = pack?.path();
        if pack.join("pack.toml").is_file() {
            below(&pack, &data.join("packs").join(pack.file_name().unwrap_or_default()), &mut files)?;
        }
    }
    let copied = copy_all(&files, &data.join("packs"))?;
    let compiled = translations(&tree.root.join("plugin/po"), &data.join("locale"))?;
    Ok(match copied {
        Done::Now(note) => Done::Now(format!("{note}; {compiled} translations")),
        Done::Already(note) => Done::Already(format!("{note}; {compiled} translations")),
    })
}

/// Takes the plug-in away from one GIMP.
pub(crate) fn remove_plug_in(places: &Places, series: &str) -> Result<Done> {
    let folder = places.plug_in(series);
    if !folder.exists() {
        return Ok(Done::Already(format!("nothing in {}", folder.display())));
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    Ok(Done::Now(format!("removed {}", folder.display())))
}

/// Takes away the command-line program and, if asked, our part of the data folder.
pub(crate) fn remove_rest(places: &Places, with_data: bool) -> Result<Done> {
    let mut removed = Vec::new();
    let link = places.program();
    if is_our_link(&link, &places.data) {
        fs::remove_file(&link).with_context(|| format!("cannot remove {}", link.display()))?;
        removed.push(link);
    }
    let parts: &[&str] = if with_data { &OURS } else { &["bin"] };
    for part in parts {
        let part = places.data.join(part);
        if part.exists() {
            fs::remove_dir_all(&part).with_context(|| format!("cannot remove {}", part.display()))?;
            removed.push(part);
        }
    }
    // Goes only if empty: packs of the user's own stay.
    for folder in [places.data.join("packs"), places.data.clone()] {
        if with_data && fs::remove_dir(&folder).is_ok() {
            removed.push(folder);
        }
    }
    if removed.is_empty() {
        return Ok(Done::Already("nothing of ours is left".into()));
    }
    let removed: Vec<_> = removed.iter().map(|path| path.display().to_string()).collect();
    Ok(Done::Now(format!("removed {}", removed.join(", "))))
}

fn is_our_link(link: &Path, data: &Path) -> bool {
    fs::read_link(link).is_ok_and(|at| at.starts_with(data))
}

/// Lists all files below `from` with their place below `to`.
fn below(from: &Path, to: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            below(&entry.path(), &place, files)?;
        } else {
            files.push((entry.path(), place));
        }
    }
    Ok(())
}

fn copy_all(files: &[(PathBuf, PathBuf)], folder: &Path) -> Result<Done> {
    let mut copied = 0;
    for (from, to) in files {
        if hash::same(from, to)? {
            continue;
        }
        if let Some(parent) = to.parent() {
            make(parent)?;
        }
        // A GIMP that runs keeps the old file open; the new one takes its name in one go.
        let part = to.with_extension("part");
        let why = || format!("cannot copy {} to {}", from.display(), to.display());
        fs::copy(from, &part).with_context(why)?;
        fs::rename(&part, to).with_context(why)?;
        copied += 1;
    }
    let what = format!("{} files in {}", files.len(), folder.display());
    Ok(if copied == 0 { Done::Already(what) } else { Done::Now(format!("{copied} of {what}")) })
}

/// Compiles every `LANG.po` to `LANG/LC_MESSAGES/pentimento.mo`; returns how many there are.
fn translations(po: &Path, locale: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(po).into_iter().flatten().flatten() {
        let file = entry.path();
        if file.extension().is_none_or(|end| end != "po") {
            continue;
        }
        if find("msgfmt").is_none() {
            bail!("translations need msgfmt; install it (`apt-get install gettext`) and run this again");
        }
        let folder = locale.join(file.file_stem().unwrap_or_default()).join("LC_MESSAGES");
        make(&folder)?;
        let compiled = folder.join(format!("{NAME}.mo"));
        heard(clean("msgfmt").arg("--check").arg("--output-file").arg(&compiled).arg(&file))?;
        count += 1;
    }
    Ok(count)
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(home: &Path) -> Places {
        Places::from(|name| (name == "HOME").then(|| home.into())).unwrap()
    }

    fn built(root: &Path) -> Tree {
        let tree = Tree { root: root.join("source"), target: root.join("target") };
        fs::create_dir_all(tree.target.join("release")).unwrap();
        for name in BUILT {
            fs::write(tree.built(name), name).unwrap();
        }
        for pack in PACKS {
            let pack = tree.root.join("models-onnx").join(pack);
            fs::create_dir_all(pack.join("deep")).unwrap();
            fs::write(pack.join("pack.toml"), "version = 1").unwrap();
            fs::write(pack.join("deep/g.onnx"), "graph").unwrap();
        }
        tree
    }

    #[test]
    fn install_twice_and_remove() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, places) = (built(folder.path()), user(folder.path()));
        let plug = places.plug_in("3.0");
        assert!(matches!(plug_in(&tree, &plug).unwrap(), Done::Now(_)));
        assert!(matches!(plug_in(&tree, &plug).unwrap(), Done::Already(_)));
        assert_eq!(places.installed_series(), ["3.0"]);
        assert!(matches!(program(&tree, &places).unwrap(), Done::Now(_)));
        assert!(matches!(program(&tree, &places).unwrap(), Done::Already(_)));
        data(&tree, &places.data).unwrap();
        for pack in PACKS {
            assert_eq!(fs::read(places.data.join(pack).join("deep/g.onnx")).unwrap(), b"graph");
        }
        assert_eq!(fs::read(places.program()).unwrap(), b"pentimento");

        fs::create_dir_all(places.data.join("packs/mine")).unwrap();
        remove_plug_in(&places, "3.0").unwrap();
        assert!(places.installed_series().is_empty());
        remove_rest(&places, true).unwrap();
        assert!(places.program().symlink_metadata().is_err());
        assert!(places.data.join("packs/mine").is_dir(), "the user's own packs stay");
        assert!(PACKS.iter().all(|pack| !places.data.join(pack).exists()));
    }

    #[test]
    fn a_changed_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, places) = (built(folder.path()), user(folder.path()));
        plug_in(&tree, &places.plug_in("2.10")).unwrap();
        fs::write(tree.built("libpentimento.so"), "newer").unwrap();
        assert!(matches!(plug_in(&tree, &places.plug_in("2.10")).unwrap(), Done::Now(_)));
        assert_eq!(fs::read(places.plug_in("2.10").join("libpentimento.so")).unwrap(), b"newer");
    }

    #[test]
    fn programs_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, places) = (built(folder.path()), user(folder.path()));
        fs::create_dir_all(&places.programs).unwrap();
        fs::write(places.program(), "somebody else's").unwrap();
        assert!(program(&tree, &places).is_err());
        remove_rest(&places, true).unwrap();
        assert_eq!(fs::read(places.program()).unwrap(), b"somebody else's");
    }
}
