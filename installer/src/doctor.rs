//! Says what is there, what is missing, and what to do about it.

use anyhow::{Result, bail};

use crate::command::{clean, find, heard};
use crate::places::{Places, Tree};
use crate::{fetch, gimp, hash, place};

/// One line of the report.
struct Finding {
    good: bool,
    what: String,
    /// What to do; empty if all is well.
    cure: String,
}

fn good(what: impl Into<String>) -> Finding {
    Finding { good: true, what: what.into(), cure: String::new() }
}

fn bad(what: impl Into<String>, cure: impl Into<String>) -> Finding {
    Finding { good: false, what: what.into(), cure: cure.into() }
}

/// Looks at everything; fails if something that edits need is missing.
pub(crate) fn examine(tree: &Tree, places: &Places) -> Result<()> {
    let mut findings = gimps(tree, places)?;
    findings.extend(data(places)?);
    findings.push(dialogs());
    findings.push(program(places));
    for finding in &findings {
        println!("{} {}", if finding.good { "  ok   " } else { "MISSING" }, finding.what);
        if !finding.good {
            println!("         → {}", finding.cure);
        }
    }
    let missing = findings.iter().filter(|finding| !finding.good).count();
    if missing > 0 {
        bail!("{missing} of {} things are missing; the lines with an arrow say what to do", findings.len());
    }
    println!("\nEverything is in place.");
    Ok(())
}

fn gimps(tree: &Tree, places: &Places) -> Result<Vec<Finding>> {
    let found = gimp::found();
    let mut findings = Vec::new();
    if found.is_empty() {
        findings.push(bad("no GIMP 2.10, 3.0 or 3.2 on the path", "install one: apt-get install gimp"));
    }
    for gimp in found {
        let folder = places.plug_in(&gimp.series);
        let what = format!("GIMP {}, plug-in in {}", gimp.version, folder.display());
        let absent: Vec<&str> =
            place::BUILT.into_iter().filter(|name| !folder.join(name).is_file()).collect();
        if !absent.is_empty() {
            let lacks = format!("{what}: lacks {}", absent.join(", "));
            findings.push(bad(lacks, "cargo pentimento-installer install"));
            continue;
        }
        let mut old = false;
        for name in place::BUILT {
            old |= tree.built(name).is_file() && !hash::same(&tree.built(name), &folder.join(name))?;
        }
        if old {
            let older = format!("{what}: another build than the one in {}", tree.target.display());
            findings.push(bad(older, "cargo pentimento-installer install"));
        } else {
            findings.push(good(what));
        }
    }
    Ok(findings)
}

fn data(places: &Places) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for piece in &fetch::PIECES {
        let what = format!("{}: {}", piece.title, piece.place(&places.data).display());
        findings.push(if piece.is_in(&places.data)? {
            good(what)
        } else {
            bad(format!("{what} (absent or damaged)"), "cargo pentimento-installer fetch")
        });
    }
    findings.extend(place::PACKS.map(|pack| {
        let pack = places.data.join(pack);
        if pack.join("pack.toml").is_file() {
            good(format!("pack: {}", pack.display()))
        } else {
            bad(format!("pack: {}", pack.display()), "cargo pentimento-installer install")
        }
    }));
    Ok(findings)
}

fn dialogs() -> Finding {
    // ldconfig is not on every user's path.
    let listed = ["ldconfig", "/sbin/ldconfig"]
        .into_iter()
        .find_map(|program| heard(clean(program).arg("-p")).ok())
        .unwrap_or_default();
    if listed.contains("libgtk-4.so.1") {
        good("GTK 4, for the dialogs")
    } else {
        bad("GTK 4: without it scripts work, dialogs do not", "apt-get install libgtk-4-1")
    }
}

fn program(places: &Places) -> Finding {
    let program = places.program();
    let packs = clean(&program).arg("packs").env("PENTIMENTO_DATA", &places.data).output();
    match packs {
        Ok(output) if output.status.success() => {
            if find("pentimento").is_some() {
                good(format!("command line: {}", program.display()))
            } else {
                good(format!("command line: {} (its folder is not on the path)", program.display()))
            }
        }
        Ok(output) => bad(
            format!(
                "command line: `pentimento packs` says: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            "cargo pentimento-installer install",
        ),
        Err(_) => bad(format!("command line: {}", program.display()), "cargo pentimento-installer install"),
    }
}
