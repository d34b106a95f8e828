//! The tiny pack from picture to edited picture.

use models_onnx::direction::{DirectionError, StyleSpace};
use models_onnx::text::TextEncoder;
use models_onnx::{Cancel, ModelError, fidelity, generator};
use ndarray::{Array4, s};

use crate::support::{picture, runtime, tiny};

/// The mean of each colour.
fn colours(image: &Array4<f32>) -> [f32; 3] {
    [0, 1, 2].map(|c| image.slice(s![.., c, .., ..]).mean().unwrap())
}

#[test]
fn the_tiny_pack_gives_back_what_it_is_given() {
    let (pack, cancel) = (tiny(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime()).unwrap();
    for n in [1, 3] {
        let image = picture(n, 8);
        let code = generator.encode(&image, &cancel).unwrap();
        assert_eq!(code.w_plus().unwrap().dim(), (n, 2, 96));
        assert_eq!(code.styles().unwrap().dim(), (n, 197));
        assert_eq!(code.pack(), pack.hash());
        let back = generator.synthesise(&code, &cancel).unwrap();
        // Halving, doubling and adding zero are exact.
        assert_eq!(back, image);
        let measured = fidelity::measure(&pack, &image, &back).unwrap();
        assert_eq!((measured.psnr, measured.typical, measured.poor), (f32::INFINITY, 40.0, 20.0));
    }
}

#[test]
fn words_do_what_they_say() {
    let (pack, runtime, cancel) = (tiny(), runtime(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime).unwrap();
    let mut text = TextEncoder::open(&pack, &runtime).unwrap();
    let space = StyleSpace::open(&pack).unwrap();
    let image = picture(1, 8);
    let code = generator.encode(&image, &cancel).unwrap();
    let before = colours(&image);
    let neutral = text.neutral().to_owned();
    let cases = [
        ("a red person", [1, 0, 0]),
        ("Green!", [0, 1, 0]),
        ("blue", [0, 0, 1]),
        ("dark face", [-1, -1, -1]),
        ("bright", [1, 1, 1]),
    ];
    for (prompt, sign) in cases {
        let change = text.change(prompt, &neutral, &cancel).unwrap();
        let direction = space.direction(change.view(), 0.1).unwrap();
        assert_eq!(direction.moved(), sign.iter().filter(|s| **s != 0).count(), "{prompt}");
        let edited = generator.synthesise(&direction.apply(&code, 4.0).unwrap(), &cancel).unwrap();
        let after = colours(&edited);
        for c in 0..3 {
            // Strength 4 at a deviation of 0.1; nothing else may move, the RGB output least of all.
            let moved = after[c] - before[c];
            assert!((moved - 0.4 * sign[c] as f32).abs() < 1e-5, "{prompt}: {moved} in colour {c}");
        }
        let same = generator.synthesise(&direction.apply(&code, 0.0).unwrap(), &cancel).unwrap();
        assert_eq!(same, image);
    }
}

#[test]
fn texts_without_a_direction_are_refused_in_words() {
    let (pack, cancel) = (tiny(), Cancel::new());
    let mut text = TextEncoder::open(&pack, &runtime()).unwrap();
    // Words that the pack does not know mean nothing in particular to it.
    for prompt in ["a person", "  a   PERSON ", "xyzzy", "", "🙂"] {
        let error = text.change(prompt, "a person", &cancel).unwrap_err();
        assert!(matches!(error, ModelError::Direction(DirectionError::Same)), "{prompt:?}: {error}");
        assert!(error.to_string().contains("other words"), "{error}");
    }
}

#[test]
fn embeddings_have_unit_length_and_are_remembered() {
    let (pack, cancel) = (tiny(), Cancel::new());
    let mut text = TextEncoder::open(&pack, &runtime()).unwrap();
    let red = text.embed("red", &cancel).unwrap();
    assert!((red.dot(&red) - 1.0).abs() < 1e-6);
    // A cancelled run cannot compute anything, but what is known is known.
    cancel.cancel();
    assert_eq!(text.embed(" red ", &cancel).unwrap(), red);
    assert!(matches!(text.embed("green", &cancel), Err(ModelError::Cancelled)));
    // Far longer than any text model reads.
    let long = "red ".repeat(50_000);
    assert!(text.embed(&long, &Cancel::new()).is_ok());
}

#[test]
fn without_a_text_model_there_is_no_text_edit_but_all_else() {
    let copy = crate::support::Damaged::with("[files.tokenizer]\nfile", "[files]\n[files.tokenizer]\nfile");
    let path = copy.folder().join("pack.toml");
    let manifest = std::fs::read_to_string(&path).unwrap();
    let (before, after) = manifest.split_once("[text]").unwrap();
    let (_, after) = after.split_once("[direction]").unwrap();
    std::fs::write(&path, format!("{before}[direction]{after}")).unwrap();
    let pack = std::sync::Arc::new(copy.open().unwrap());
    let error = TextEncoder::open(&pack, &runtime()).err().unwrap();
    assert!(matches!(error, ModelError::Missing { .. }), "{error}");
    assert!(generator::open(&pack, &runtime()).unwrap().encode(&picture(1, 8), &Cancel::new()).is_ok());
}
