//! The starter pack against what onnxruntime's Python package gave when it was exported.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use models_onnx::direction::StyleSpace;
use models_onnx::session::{Session, Tensor};
use models_onnx::text::TextEncoder;
use models_onnx::{Cancel, Pack, Places, Role, fidelity, generator};
use ndarray::{Array3, Array4, ArrayD, Axis};

use crate::support::runtime;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn golden(name: &str) -> ArrayD<f32> {
    ndarray_npy::read_npy(golden_path(name)).unwrap()
}

fn golden_path(name: &str) -> PathBuf {
    here().join("tests/golden").join(name).with_extension("npy")
}

pub(crate) fn starter() -> Arc<Pack> {
    let shared = Places::from_environment().expect("HOME is set").shared();
    let pack = Pack::open(&here().join("packs/starter-faces"), &shared);
    Arc::new(pack.unwrap_or_else(|e| panic!("{e}: run pentimento-installer")))
}

/// The picture the goldens were made from, in the pack's range.
fn image() -> Array4<f32> {
    let pixels: Array3<u8> = ndarray_npy::read_npy(golden_path("starter_image")).unwrap();
    let unit = pixels.mapv(|v| f32::from(v) / 127.5 - 1.0);
    unit.permuted_axes([2, 0, 1]).as_standard_layout().to_owned().insert_axis(Axis(0))
}

/// Same graphs and same ONNX Runtime, but other processors add up convolutions in another order: single precision
/// leaves about 1e-5 of the largest value after these depths, and ten times that is still far below what is visible.
fn close(found: &ArrayD<f32>, expected: &ArrayD<f32>, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let scale = expected.fold(0.0f32, |m, v| m.max(v.abs()));
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{what}: {worst:e} of {scale}");
    assert!(worst <= 1e-4 * scale, "{what}: {worst} of {scale}");
}

#[test]
fn pictures_become_codes_and_pictures_as_in_python() {
    let (pack, cancel) = (starter(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime()).unwrap();
    let image = image();
    let code = generator.encode(&image, &cancel).unwrap();
    close(&code.w_plus().unwrap().to_owned().into_dyn(), &golden("starter_w_plus"), "w_plus");
    close(&code.styles().unwrap().to_owned().into_dyn(), &golden("starter_styles"), "styles");
    let made = generator.synthesise(&code, &cancel).unwrap();
    close(&made.clone().into_dyn(), &golden("starter_reconstruction"), "reconstruction");
    let measured = fidelity::measure(&pack, &image, &made).unwrap();
    println!("{measured:?}");
    assert!(
        measured.psnr > measured.poor,
        "the pack does not know a picture of its own domain: {measured:?}"
    );
    let mut encoder = Session::open(&runtime(), &pack, Role::ImageEncoder).unwrap();
    let embedding = encoder.run(&[("image", Tensor::F32(image.view().into_dyn()))], &cancel).unwrap();
    close(&embedding[0], &golden("starter_image_embedding"), "image embedding");
}

#[test]
fn prompts_become_embeddings_as_in_python() {
    let (pack, cancel) = (starter(), Cancel::new());
    pack.verify().unwrap();
    let mut text = TextEncoder::open(&pack, &runtime()).unwrap();
    let embedding = text.embed("a person with blue hair", &cancel).unwrap();
    let embedding = embedding.insert_axis(Axis(0)).into_dyn();
    let expected = golden("starter_text");
    // The sentence encoder computes in 8 bits: a rounding that falls the other way is worth up to 1e-3 of a unit
    // vector, so that the angle is what is compared.
    let cosine: f32 = embedding.iter().zip(&expected).map(|(a, b)| a * b).sum();
    println!("text cosine {cosine}");
    assert!(cosine > 0.9999, "{cosine}");
}

#[test]
fn a_sentence_moves_the_picture_and_zero_strength_does_not() {
    let (pack, runtime, cancel) = (starter(), runtime(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime).unwrap();
    let code = generator.encode(&image(), &cancel).unwrap();
    let before = generator.synthesise(&code, &cancel).unwrap();
    let mut text = TextEncoder::open(&pack, &runtime).unwrap();
    let neutral = text.neutral().to_owned();
    let change = text.change("a person with blue hair", &neutral, &cancel).unwrap();
    let start = pack.manifest().direction.unwrap();
    let space = StyleSpace::open(&pack).unwrap();
    let direction = space.direction(change.view(), start.disentanglement as f32).unwrap();
    let mut difference = |strength: f64| {
        let edited = direction.apply(&code, strength as f32).unwrap();
        (generator.synthesise(&edited, &cancel).unwrap() - &before).mapv(f32::abs).mean().unwrap()
    };
    let (none, some) = (difference(0.0), difference(start.strength));
    println!("{} channels moved, mean difference {some}", direction.moved());
    assert_eq!(none, 0.0);
    // One grey level in 255 over the whole picture is what an eye can begin to see.
    assert!(direction.moved() > 0 && some > 2.0 / 255.0, "{some}");
}

#[test]
fn words_become_the_same_tokens_as_in_python() {
    let bytes = starter().file(models_onnx::pack::File::Tokenizer).unwrap();
    let mut tokenizer = tokenizers::Tokenizer::from_bytes(bytes).unwrap();
    tokenizer.with_padding(None);
    for (text, name) in [
        ("a person with blue hair", "starter_ids_blue"),
        ("A smiling  woman, no glasses!", "starter_ids_smile"),
    ] {
        let expected: ndarray::Array1<i64> = ndarray_npy::read_npy(golden_path(name)).unwrap();
        let found = tokenizer.encode(text, true).unwrap();
        let found: Vec<i64> = found.get_ids().iter().map(|id| i64::from(*id)).collect();
        assert_eq!(found, expected.to_vec(), "{text}");
    }
}
