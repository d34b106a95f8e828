//! The packs we ship.

use std::path::Path;

use models_onnx::Pack;
use pentimento::ops::OPERATIONS;

fn shipped() -> Vec<std::path::PathBuf> {
    let folder = pentimento_tests::root().join("models-onnx/packs");
    let mut packs: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    packs.retain(|path| path.is_dir());
    assert!(!packs.is_empty());
    packs
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| if e.path().is_dir() { size(&e.path()) } else { e.metadata().unwrap().len() }).sum()
}

#[test]
fn every_file_has_the_hash_its_manifest_says() {
    let data = pentimento_tests::Data::new();
    for folder in shipped() {
        let pack = Pack::open(&folder, &data.places.shared()).unwrap();
        pack.verify().unwrap();
    }
}

#[test]
fn every_operation_can_be_done_with_one_of_them() {
    let data = pentimento_tests::Data::new();
    let packs: Vec<Pack> =
        shipped().iter().map(|folder| Pack::open(folder, &data.places.shared()).unwrap()).collect();
    for operation in OPERATIONS {
        let mut able = packs.iter().filter(|pack| pack.missing(operation.needs()).is_empty()).peekable();
        assert!(able.peek().is_some(), "{}", operation.id());
        for pack in able {
            let suggested = operation.suggested(pack.manifest());
            for param in operation.params() {
                if let Some(value) = suggested.0.get(&*param.id) {
                    param.check(value).unwrap();
                }
            }
        }
    }
}

#[test]
fn they_say_where_they_come_from() {
    let data = pentimento_tests::Data::new();
    for folder in shipped() {
        let pack = Pack::open(&folder, &data.places.shared()).unwrap();
        let licence = &pack.manifest().licence;
        assert!(!licence.spdx.is_empty() && licence.text.len() > 20 && licence.origin.len() > 20);
    }
}

#[test]
fn they_stay_small() {
    let sizes: Vec<_> = shipped().into_iter().map(|folder| (size(&folder), folder)).collect();
    let all: u64 = sizes.iter().map(|(size, _)| size).sum();
    // What a repository and a download bear, beside the sentence encoder that is fetched.
    assert!(all <= 60_000_000, "{all} bytes: {sizes:?}");
}
