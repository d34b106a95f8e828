//! Mappers, with graphs that add half of what is there, in a copy of the starter pack.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use models_onnx::family::stylegan::StyleGan;
use models_onnx::generator::Generator as _;
use models_onnx::mapper::{Levels, Mapper};
use models_onnx::{Cancel, Code, ModelError, Pack, Places, Runtime, generator};
use ndarray::Axis;
use tempfile::TempDir;

use crate::support::{copy_files, hash, runtime, tiny};

const NONE: Levels = Levels { coarse: false, medium: false, fine: false };

/// The starter pack with a mapper in each space; the folder goes when the first is dropped.
fn with_mappers() -> (TempDir, Arc<Pack>) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    copy_files(&here.join("packs/starter-faces"), folder.path());
    let manifest = folder.path().join("pack.toml");
    let mut text = fs::read_to_string(&manifest).unwrap();
    let spaces = [
        ("codes", "mapper.onnx", "w_plus", "[\"n\", 12, 256]"),
        ("styles", "mapper-styles.onnx", "styles", "[\"n\", 2752]"),
    ];
    for (name, file, input, dims) in spaces {
        let graph = here.join("tests/tiny").join(file);
        fs::copy(&graph, folder.path().join(file)).unwrap();
        let port = |name: &str| format!("[{{ name = \"{name}\", dims = {dims}, dtype = \"f32\" }}]");
        text += &format!(
            "\n[mappers.{name}]\nfile = \"{file}\"\nsha256 = \"{}\"\ninputs = {}\noutputs = {}\n",
            hash(&graph),
            port(input),
            port("delta"),
        );
    }
    fs::write(&manifest, text).unwrap();
    let shared = Places::from_environment().expect("HOME is set").shared();
    let pack = Arc::new(Pack::open(folder.path(), &shared).unwrap());
    (folder, pack)
}

fn mapped(
    pack: &Arc<Pack>,
    runtime: &Runtime,
    name: &str,
    code: &Code,
    strength: f32,
    levels: Levels,
) -> Code {
    let mut generator = generator::open(pack, runtime).unwrap();
    let mut mapper = Mapper::open(pack, runtime, name).unwrap();
    mapper.apply(code, strength, levels, &mut *generator, &Cancel::new()).unwrap()
}

#[test]
fn codes_get_what_the_mapper_adds_in_the_levels_that_are_wanted() {
    let ((_folder, pack), runtime, cancel) = (with_mappers(), runtime(), Cancel::new());
    let mut generator = StyleGan::new(Arc::clone(&pack), runtime.clone());
    let code = generator.random(1, 0.7, &cancel).unwrap();
    let before = code.w_plus().unwrap();
    for (levels, layers) in [
        (Levels::ALL, 0..12),
        (Levels { coarse: true, ..NONE }, 0..4),
        (Levels { medium: true, ..NONE }, 4..8),
        (Levels { fine: true, ..NONE }, 8..12),
    ] {
        let after = mapped(&pack, &runtime, "codes", &code, 2.0, levels);
        let w_plus = after.w_plus().unwrap();
        for layer in 0..12 {
            // Half, twice: doubling is exact.
            let factor = if layers.contains(&layer) { 2.0 } else { 1.0 };
            let right = before.index_axis(Axis(1), layer).mapv(|v| v * factor);
            assert_eq!(w_plus.index_axis(Axis(1), layer), right, "{levels:?}, layer {layer}");
        }
        assert_eq!(after, generator.styled(w_plus.to_owned().into_dyn(), &cancel).unwrap());
        let [a, b] = [&code, &after].map(|code| generator.synthesise(code, &cancel).unwrap());
        assert!((a - b).mapv(f32::abs).mean().unwrap() > 1e-3, "{levels:?}");
    }
    assert_eq!(mapped(&pack, &runtime, "codes", &code, 0.0, Levels::ALL), code);
    assert_eq!(mapped(&pack, &runtime, "codes", &code, 3.0, NONE), code);
}

#[test]
fn styles_get_what_the_mapper_adds_in_the_levels_that_are_wanted() {
    let ((_folder, pack), runtime) = (with_mappers(), runtime());
    let code = generator::open(&pack, &runtime).unwrap().random(2, 0.7, &Cancel::new()).unwrap();
    let before = code.styles().unwrap();
    let layers = pack.manifest().styles.iter();
    let start = |name: &str| -> usize {
        layers.clone().take_while(|style| style.name != name).map(|style| style.channels).sum()
    };
    // The first layers of styles that W+ drives by its layers 4 and 8.
    let (medium, fine) = (start("convs.3"), start("convs.7"));
    for (levels, channels) in [
        (Levels { coarse: true, ..NONE }, 0..medium),
        (Levels { medium: true, ..NONE }, medium..fine),
        (Levels { fine: true, ..NONE }, fine..2752),
    ] {
        let after = mapped(&pack, &runtime, "styles", &code, -2.0, levels);
        for (at, (a, b)) in after.styles().unwrap().iter().zip(before).enumerate() {
            assert_eq!(*a, if channels.contains(&at) { 0.0 } else { *b }, "{levels:?}, channel {at}");
        }
        assert_eq!(after.w_plus().unwrap(), code.w_plus().unwrap());
    }
    assert_eq!(mapped(&pack, &runtime, "styles", &code, 0.0, Levels::ALL), code);
}

#[test]
fn what_cannot_be_mapped_is_said_in_words() {
    let ((_folder, pack), runtime, cancel) = (with_mappers(), runtime(), Cancel::new());
    let error = Mapper::open(&pack, &runtime, "curly").err().unwrap();
    let text = error.to_string();
    assert!(text.ends_with("no mapper “curly”; choose one of “codes”, “styles”"), "{text}");
    let error = Mapper::open(&tiny(), &runtime, "curly").err().unwrap();
    assert!(matches!(error, ModelError::Missing { role: "mapper", .. }), "{error}");

    let mut generator = generator::open(&pack, &runtime).unwrap();
    let mut mapper = Mapper::open(&pack, &runtime, "codes").unwrap();
    let code = generator.mean(&cancel).unwrap();
    let result = mapper.apply(&code, f32::NAN, Levels::ALL, &mut *generator, &cancel);
    assert!(matches!(result, Err(ModelError::Number("strength"))), "{result:?}");
    let foreign = generator::open(&tiny(), &runtime).unwrap().random(1, 1.0, &cancel).unwrap();
    let result = mapper.apply(&foreign, 1.0, Levels::ALL, &mut *generator, &cancel);
    assert!(matches!(result, Err(ModelError::Foreign(_))), "{result:?}");
}
