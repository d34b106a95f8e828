//! The starter pack against what onnxruntime's Python package gave when it was exported.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use models_onnx::direction::StyleSpace;
use models_onnx::family::stylegan::StyleGan;
use models_onnx::generator::Generator as _;
use models_onnx::pack::Array;
use models_onnx::session::{Session, Tensor};
use models_onnx::text::TextEncoder;
use models_onnx::{Cancel, Pack, Places, Role, fidelity, generator};
use ndarray::{Array3, Array4, ArrayD, Axis};

use crate::support::runtime;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn golden(name: &str) -> ArrayD<f32> {
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
    picture("starter_image")
}

/// A picture among the goldens, black −1 and white 1.
pub(crate) fn picture(name: &str) -> Array4<f32> {
    let pixels: Array3<u8> = ndarray_npy::read_npy(golden_path(name)).unwrap();
    let unit = pixels.mapv(|v| f32::from(v) / 127.5 - 1.0);
    unit.permuted_axes([2, 0, 1]).as_standard_layout().to_owned().insert_axis(Axis(0))
}

/// Same graphs and same ONNX Runtime, but other processors add up convolutions in another order: single precision
/// leaves about 1e-5 of the largest value after these depths, and ten times that is still far below what is visible.
pub(crate) fn close(found: &ArrayD<f32>, expected: &ArrayD<f32>, what: &str) {
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
fn codes_become_classes_and_pictures_are_compared_as_in_python() {
    let (pack, cancel) = (starter(), Cancel::new());
    let styles = golden("starter_styles");
    let mut segmenter = Session::open(&runtime(), &pack, Role::Segmenter).unwrap();
    let logits = segmenter.run(&[("styles", Tensor::F32(styles.view()))], &cancel).unwrap().swap_remove(0);
    close(&logits, &golden("starter_logits"), "logits");
    // The face that the goldens show has skin, and a wall behind its upper corners.
    let names: Vec<_> = pack.manifest().classes.iter().map(|c| c.name.as_str()).collect();
    let class_at = |y: usize, x: usize| {
        let best = (0..names.len()).max_by(|&a, &b| logits[[0, a, y, x]].total_cmp(&logits[[0, b, y, x]]));
        names[best.unwrap()]
    };
    let side = logits.shape()[3];
    assert_eq!([class_at(0, 0), class_at(0, side - 1)], ["background"; 2]);
    assert!((0..side).any(|y| class_at(y, side / 2) == "skin"), "no skin down the middle");

    // Some of the pixels, with the picture: what a painted mask is optimised through.
    let middle = (side / 2 * side + side / 2) as i64;
    let pixels = ndarray::arr1(&[0, side as i64 - 1, middle, (side * side) as i64 - 1]).into_dyn();
    let mut some = Session::open(&runtime(), &pack, Role::SegmenterAt).unwrap();
    let inputs = [("styles", Tensor::F32(styles.view())), ("pixels", Tensor::I64(pixels.view()))];
    let results = some.run(&inputs, &cancel).unwrap();
    for (at, &pixel) in pixels.iter().enumerate() {
        let (y, x) = (pixel as usize / side, pixel as usize % side);
        for class in 0..names.len() {
            let (here, whole) = (results[0][[0, class, at]], logits[[0, class, y, x]]);
            assert!((here - whole).abs() < 1e-3, "{class} at {pixel}: {here}, of the whole {whole}");
        }
    }
    // Both graphs have the same weights, and their sums may be taken in another order.
    let made = golden("starter_reconstruction");
    let off = results[1].iter().zip(&made).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("picture beside the classes: {off}");
    assert!(off < 1e-4, "{off}");

    let image = image().into_dyn();
    let mut identity = Session::open(&runtime(), &pack, Role::Identity).unwrap();
    let who = identity.run(&[("image", Tensor::F32(image.view()))], &cancel).unwrap().swap_remove(0);
    close(&who, &golden("starter_identity"), "identity");
    let mut perceptual = Session::open(&runtime(), &pack, Role::Perceptual).unwrap();
    let mut between = |a: &ArrayD<f32>, b: &ArrayD<f32>| {
        let inputs = [("a", Tensor::F32(a.view())), ("b", Tensor::F32(b.view()))];
        perceptual.run(&inputs, &cancel).unwrap().swap_remove(0)
    };
    let made = golden("starter_reconstruction").mapv(|v| v.clamp(-1.0, 1.0));
    let distance = between(&image, &made);
    close(&distance, &golden("starter_distance"), "distance");
    assert_eq!(between(&image, &image)[[0]], 0.0);
    let mut mirrored = image.clone();
    mirrored.invert_axis(Axis(3));
    assert!(between(&image, &mirrored)[[0]] > distance[[0]], "a mirrored face is farther than a soft one");
}

#[test]
fn the_prior_spans_codes_that_the_generator_knows() {
    let (pack, cancel) = (starter(), Cancel::new());
    let mean = pack.matrix(Array::CodeMean).unwrap();
    let axes = pack.matrix(Array::CodeAxes).unwrap();
    // Axes stand at right angles, the longest first.
    let gram = axes.dot(&axes.t());
    let longest = gram[[0, 0]];
    for ((i, j), value) in gram.indexed_iter() {
        assert!(i == j || value.abs() < 1e-3 * longest, "axes {i} and {j}: {value}");
        assert!(i != j || i == 0 || *value <= gram[[i - 1, j - 1]] * 1.001, "axis {i} is too long");
    }
    // A code of the encoder lies nearly in their span: what optimisation is held to does not exclude faces.
    let code = golden("starter_w_plus").into_dimensionality::<ndarray::Ix3>().unwrap();
    let away = &code.index_axis(Axis(0), 0).row(0) - &mean.row(0);
    let within = axes.dot(&away) / gram.diag();
    let left = &away - &within.dot(&axes);
    let (left, all) = (left.dot(&left), away.dot(&away));
    println!("{left} of {all} outside {} axes; deviations {}", axes.nrows(), within.dot(&within).sqrt());
    assert!(left < 0.15 * all, "{left} of {all} lies outside the prior");
    // And steps along the first axis show.
    let mut generator = StyleGan::new(Arc::clone(&pack), runtime());
    let mut picture = |amount: f32| {
        let rows = &mean + &(&axes.row(0) * amount);
        let code = generator.styled(rows.insert_axis(Axis(0)).into_dyn(), &cancel).unwrap();
        generator.synthesise(&code, &cancel).unwrap()
    };
    let difference = (picture(1.0) - picture(-1.0)).mapv(f32::abs).mean().unwrap();
    assert!(difference > 4.0 / 255.0, "{difference}");
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
