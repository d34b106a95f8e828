//! Translations are complete, well-formed, keep their placeholders, and no letter of Alt is given twice.

// Everything in this file is a test or serves one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One text of a catalogue.
#[derive(Default)]
struct Entry {
    places: String,
    original: String,
    translation: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../po")
}

fn catalogues() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = files.filter(|path| path.extension().is_some_and(|ext| ext == "po")).collect();
    assert!(found.len() >= 2, "{found:?}");
    found
}

/// The entries of a catalogue, without its header and obsolete ones.
fn entries(path: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(path).unwrap();
    let entries = text.split("\n\n").map(|block| {
        let mut entry = Entry::default();
        let mut translated = false;
        for line in block.lines().filter(|line| !line.starts_with("#~")) {
            if let Some(places) = line.strip_prefix("#: ") {
                entry.places.push_str(places);
                continue;
            }
            translated |= line.starts_with("msgstr");
            let quoted = line.find('"').and_then(|start| line.get(start + 1..line.rfind('"')?));
            let part = quoted.filter(|_| !line.starts_with('#')).unwrap_or_default();
            if translated { &mut entry.translation } else { &mut entry.original }.push_str(part);
        }
        entry
    });
    entries.filter(|entry| !entry.original.is_empty()).collect()
}

/// The names in braces.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// The letter after the underscore, in lower case.
fn mnemonic(text: &str) -> Option<char> {
    text.split_once('_').and_then(|(_, rest)| rest.chars().next()).map(|letter| letter.to_ascii_lowercase())
}

#[test]
fn catalogues_compile() {
    for path in catalogues() {
        let check = Command::new("msgfmt").args(["--check", "--output-file=/dev/null"]).arg(&path).output();
        let check = check.expect("msgfmt cannot be started; install it: apt-get install gettext");
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    }
}

#[test]
fn catalogues_are_complete_and_keep_placeholders() {
    let template = entries(&folder().join("pentimento.pot"));
    assert!(template.len() > 40, "{}", template.len());
    for path in catalogues() {
        let known: BTreeMap<String, String> =
            entries(&path).into_iter().map(|entry| (entry.original, entry.translation)).collect();
        for Entry { original, .. } in &template {
            let translation = known.get(original).map(String::as_str).unwrap_or_default();
            assert!(!translation.is_empty(), "{}: “{original}” is not translated", path.display());
            assert_eq!(
                placeholders(original),
                placeholders(translation),
                "{}: {translation}",
                path.display()
            );
            assert_eq!(mnemonic(original).is_some(), mnemonic(translation).is_some(), "{translation}");
        }
    }
}

/// The dialog's own letters, in every language. Those of parameters are not all seen at once, and GTK goes from one to
/// the other where two that are seen share a letter.
#[test]
fn every_letter_of_the_dialog_is_given_once() {
    for path in catalogues() {
        let all = entries(&path);
        for english in [true, false] {
            let mut taken = BTreeMap::new();
            for entry in all.iter().filter(|entry| entry.places.contains("plugin/ui/src/")) {
                let label = if english { &entry.original } else { &entry.translation };
                let Some(letter) = mnemonic(label) else { continue };
                let other = taken.insert(letter, label);
                assert!(other.is_none(), "{}: {label} and {other:?} share a letter", path.display());
            }
            assert!(taken.len() > 15, "{}: {taken:?}", path.display());
        }
    }
}
