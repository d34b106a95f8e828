//! Packs that are written, opened and run.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use autodiff::Model;
use convert::Error;
use convert::build::{Graph, batch};
use convert::pack::{NewPack, Writing, with_arrays};
use models_onnx::pack::{
    Alignment, AlignmentKind, Array, Family, Fidelity, Licence, Manifest, Precision, Range, Style,
};
use models_onnx::runtime::Options;
use models_onnx::session::{Session, Tensor};
use models_onnx::{Cancel, Pack, Places, Role, Runtime};
use ndarray::{Array1, Array2, ArrayD};

fn runtime() -> Runtime {
    let library = Places::from_environment().expect("HOME is set").onnxruntime();
    Runtime::load(&library, Options::default()).unwrap()
}

fn matrix(name: &str, rows: usize, columns: usize) -> Array2<f32> {
    let scale = (3.0 / columns as f32).sqrt();
    Array2::from_shape_vec((rows, columns), seeded::uniform(name, rows * columns, scale, 0.0)).unwrap()
}

/// One linear layer.
fn linear(name: &str, from: (&str, usize), to: (&str, usize)) -> Model {
    let graph = Graph::new(name);
    let x = graph.input(from.0, &batch([from.1])).unwrap();
    let y = graph.linear(&x, matrix(name, to.1, from.1), Some(Array1::zeros(to.1))).unwrap();
    graph.output(to.0, &y).unwrap();
    graph.finish().unwrap()
}

/// A generator of 8 × 8 pixels whose layers are linear.
fn small() -> NewPack {
    let affine = {
        let graph = Graph::new("affine");
        let w = graph.input("w_plus", &batch([2, 512])).unwrap();
        let flat = graph.reshape(&w, &[-1, 1024]).unwrap();
        let styles = graph.linear(&flat, matrix("affine", 600, 1024), None).unwrap();
        graph.output("styles", &styles).unwrap();
        graph.finish().unwrap()
    };
    let synthesis = {
        let graph = Graph::new("synthesis");
        let styles = graph.input("styles", &batch([600])).unwrap();
        let flat = graph.linear(&styles, matrix("synthesis", 192, 600), None).unwrap();
        let image = graph.reshape(&flat, &[-1, 3, 8, 8]).unwrap();
        graph.output("image", &image).unwrap();
        graph.finish().unwrap()
    };
    let mapper = linear("curly", ("styles", 600), ("delta", 600));
    let text = |text: &str| text.to_owned();
    let manifest = Manifest {
        version: models_onnx::pack::VERSION,
        id: text("small"),
        name: text("Small"),
        description: text("For tests"),
        family: Family::StyleGan2,
        resolution: 8,
        domain: text("noise"),
        licence: Licence { spdx: text("CC0-1.0"), text: text("Do what you like."), origin: text("a seed") },
        range: Range { low: -1.0, high: 1.0 },
        alignment: Alignment { kind: AlignmentKind::Square, eyes: None },
        fidelity: Some(Fidelity { typical: 20.0, poor: 10.0 }),
        roles: BTreeMap::new(),
        mappers: BTreeMap::new(),
        attributes: BTreeMap::new(),
        files: BTreeMap::new(),
        arrays: BTreeMap::new(),
        styles: vec![Style { name: text("all"), channels: 600, rgb: false }],
        classes: Vec::new(),
        text: None,
        direction: None,
        denoising: None,
    };
    NewPack {
        graphs: BTreeMap::from([
            (Role::Mapping, linear("mapping", ("z", 16), ("w", 512)).into()),
            (Role::Affine, affine.into()),
            (Role::Synthesis, synthesis.into()),
        ]),
        mappers: BTreeMap::from([(text("curly"), mapper.into())]),
        arrays: BTreeMap::from([(Array::CodeMean, ArrayD::from_elem(vec![2, 512], 0.5))]),
        attributes: BTreeMap::from([(text("age"), ArrayD::from_elem(vec![512], 0.25))]),
        ..NewPack::new(manifest)
    }
}

fn write(pack: &NewPack, folder: &Path, writing: Writing) -> Result<Pack, Error> {
    pack.write(folder, folder, writing, &runtime(), &Cancel::new())
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    let pack = write(&small(), &a, Writing::default()).unwrap();
    write(&small(), &b, Writing::default()).unwrap();
    assert_eq!(files(&a), files(&b));
    pack.verify().unwrap();
    // The large weights lie beside their graph, the small ones in it.
    let names: Vec<String> = files(&a).into_iter().map(|file| file.0).collect();
    assert!(
        names.contains(&"affine.onnx.data".into()) && !names.contains(&"mapping.onnx.data".into()),
        "{names:?}"
    );
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "nothing else stays behind");
}

#[test]
fn half_precision_halves_the_pack_and_says_what_it_costs() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, half] = ["whole", "half"].map(|name| folder.path().join(name));
    write(&small(), &whole, Writing::default()).unwrap();
    let pack = write(&small(), &half, Writing { half: true, replace: false }).unwrap();
    let size = |folder: &Path| files(folder).iter().map(|f| f.1.len()).sum::<usize>() as f64;
    let ratio = size(&half) / size(&whole);
    assert!((0.45..0.6).contains(&ratio), "{ratio}");
    for contract in pack.manifest().roles.values().chain(pack.manifest().mappers.values()) {
        let storage = contract.storage.unwrap();
        // Eleven bits of each weight are kept, so sums of hundreds of products are off by some 1e-4 at most.
        assert!(
            storage.precision == Precision::F16 && storage.error > 0.0 && storage.error < 1e-3,
            "{storage:?}"
        );
    }
    let again = folder.path().join("again");
    write(&small(), &again, Writing { half: true, replace: false }).unwrap();
    assert_eq!(files(&half), files(&again));
}

#[test]
fn what_is_there_stays_unless_it_is_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pack");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("mine"), "mine").unwrap();
    let error = write(&small(), &place, Writing::default()).unwrap_err();
    assert!(matches!(error, Error::Exists(_)), "{error}");
    assert_eq!(files(&place), [("mine".to_owned(), b"mine".to_vec())]);
    // A pack that fails in the middle leaves the old one, too.
    let mut broken = small();
    broken.manifest.styles[0].channels = 601;
    assert!(matches!(write(&broken, &place, Writing { half: false, replace: true }), Err(Error::Pack(_))));
    assert_eq!(files(&place).len(), 1);
    let cancel = Cancel::new();
    cancel.cancel();
    let writing = Writing { half: false, replace: true };
    assert!(matches!(small().write(&place, &place, writing, &runtime(), &cancel), Err(Error::Run(_))));
    assert_eq!((files(&place).len(), fs::read_dir(folder.path()).unwrap().count()), (1, 1));
    write(&small(), &place, writing).unwrap();
    assert!(!place.join("mine").exists());
}

#[test]
fn arrays_come_into_a_pack_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("pack");
    let pack = write(&small(), &place, Writing::default()).unwrap();
    assert!(pack.vector(Array::StyleMean).is_err());
    let mean = |size| BTreeMap::from([(Array::StyleMean, ArrayD::from_elem(vec![size], 0.5))]);
    let more = with_arrays(&pack, &place, &mean(600)).unwrap();
    more.verify().unwrap();
    assert_eq!(more.vector(Array::StyleMean).unwrap(), Array1::from_elem(600, 0.5));
    assert_eq!(more.manifest().roles, pack.manifest().roles);
    // What does not fit leaves the pack as it was.
    assert!(matches!(with_arrays(&more, &place, &mean(601)), Err(Error::Pack(_))));
    Pack::open(&place, &place).unwrap().verify().unwrap();
}

#[test]
fn graphs_that_give_no_numbers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut pack = small();
    let graph = Graph::new("mapping");
    let z = graph.input("z", &batch([16])).unwrap();
    let w = graph.linear(&z, Array2::from_elem((512, 16), f32::NAN), None).unwrap();
    graph.output("w", &w).unwrap();
    pack.graphs.insert(Role::Mapping, graph.finish().unwrap().into());
    let error = write(&pack, &folder.path().join("pack"), Writing::default()).unwrap_err();
    assert!(error.to_string().contains("mapping network gave numbers that are not finite"), "{error}");
}

/// Styles through a layer that has many weights, and another of the pack's own.
fn deep(name: &str, weights: &str, output: &str) -> Model {
    let graph = Graph::new("synthesis");
    let styles = graph.input("styles", &batch([600])).unwrap();
    let hidden = graph.scope("shared").linear(&styles, matrix(weights, 1200, 600), None).unwrap();
    let flat = graph.scope(name).linear(&hidden, matrix(name, 192, 1200), None).unwrap();
    let side = if output == "image" { 8 } else { 4 };
    let flat = if side == 4 { graph.slice(&flat, 1, 0, 48).unwrap() } else { flat };
    let image = graph.reshape(&flat, &[-1, 3, side, side]).unwrap();
    graph.output("image", &image).unwrap();
    graph.finish().unwrap()
}

#[test]
fn weights_that_two_graphs_have_are_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut pack = small();
    pack.graphs.insert(Role::Synthesis, deep("whole", "weights", "image").into());
    pack.graphs.insert(Role::Preview, deep("part", "weights", "preview").into());
    for half in [false, true] {
        let place = folder.path().join(format!("shared-{half}"));
        let written = write(&pack, &place, Writing { half, replace: false }).unwrap();
        written.verify().unwrap();
        let data = |role| -> Vec<String> {
            written.contract(role).unwrap().data.iter().map(|data| data.file.clone()).collect()
        };
        let named = written.sources().iter().filter(|source| source.file == "synthesis.onnx.data").count();
        assert_eq!(named, 1);
        // What only the preview has is small enough to lie in its own file.
        assert_eq!(
            (data(Role::Synthesis), data(Role::Preview)),
            (vec!["synthesis.onnx.data".into()], vec!["synthesis.onnx.data".into()])
        );
        let preview = files(&place).into_iter().find(|file| file.0 == "preview.onnx").unwrap();
        let own = if half { 192 * 1200 * 2 } else { 192 * 1200 * 4 };
        assert!((own..own + 4096).contains(&preview.1.len()), "{}", preview.1.len());
        // Opened as the plug-in does it, from memory.
        let mut session = Session::open(&runtime(), &written, Role::Preview).unwrap();
        let styles = ArrayD::from_shape_vec(vec![1, 600], seeded::uniform("s", 600, 1.0, 0.0)).unwrap();
        let found = session.run(&[("styles", Tensor::F32(styles.view()))], &Cancel::new()).unwrap().remove(0);
        let row = styles.into_shape_with_order(600).unwrap();
        let right = matrix("part", 192, 1200).dot(&matrix("weights", 1200, 600).dot(&row));
        let worst = found.iter().zip(&right).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
        assert!(worst < if half { 1e-2 } else { 1e-4 }, "{worst}");
    }
    // Other bytes under the same name are other weights.
    pack.graphs.insert(Role::Preview, deep("part", "other weights", "preview").into());
    let apart = write(&pack, &folder.path().join("apart"), Writing::default()).unwrap();
    assert_eq!(apart.contract(Role::Preview).unwrap().data[0].file, "preview.onnx.data");
}

#[test]
fn a_preview_is_smaller_than_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let mut pack = small();
    let preview = deep("part", "weights", "image");
    pack.graphs.insert(Role::Preview, preview.into());
    let error = write(&pack, &folder.path().join("pack"), Writing::default()).unwrap_err();
    assert!(error.to_string().contains("a preview that is not smaller"), "{error}");
}
