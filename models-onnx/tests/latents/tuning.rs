//! Tuning the generator to a photo.

use std::ops::ControlFlow;

use models_onnx::optimise::Stopped;
use models_onnx::tuning::{Settings, Tuned, Tuner};
use models_onnx::{Cancel, ModelError, generator};

use crate::support::{picture, runtime, tiny};
use crate::{go, not_finite, portrait, sentence, starter};

#[test]
fn a_tuned_generator_makes_the_photo_and_the_pack_stays_as_it_is() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (image, pivot) = portrait(&pack);
    let mut generator = generator::open(&pack, &runtime()).unwrap();
    let own = generator.synthesise(&pivot, &cancel).unwrap();
    let settings = Settings { steps: 25, rate: 3e-3, near: None, ..Settings::default() };
    let mut tuner = Tuner::open(&pack, &runtime(), &settings).unwrap();
    let mut reached = Vec::new();
    let mut watch = |watched: &models_onnx::optimise::Watched<'_>| {
        reached.push(watched.reached);
        ControlFlow::Continue(())
    };
    let tuning = tuner.tune(&image, &pivot, &cancel, &mut watch).unwrap();
    println!("{:.2} dB to {:.2} dB, {} tensors", tuning.before, tuning.after, tuning.tuned.weights().len());
    assert!(tuning.after > tuning.before + 2.0 && reached[24] > reached[0] + 1.0, "{reached:?}");
    assert!(tuning.missing.is_empty() && tuning.steps == 25 && tuning.stopped == Stopped::Finished);
    // Weights and biases of eleven convolutions and six RGB outputs; no filter, noise or demodulation.
    let weights = tuning.tuned.weights();
    let names: Vec<&String> = weights.keys().collect();
    assert!(!names.iter().any(|n| ["fir", "noise", "energy"].iter().any(|no| n.contains(no))), "{names:?}");
    assert_eq!(names.iter().filter(|n| weights[**n].ndim() == 4).count(), 11 + 11 + 6);

    // What it is by itself, with the weights, and without them again.
    assert_eq!(generator.synthesise(&pivot, &cancel).unwrap(), own);
    let kept = Tuned::from_bytes(&tuning.tuned.to_bytes()).unwrap();
    assert_eq!(kept, tuning.tuned);
    generator.tune(Some(&kept)).unwrap();
    assert_eq!(generator.synthesise(&pivot, &cancel).unwrap(), tuning.reconstruction);
    generator.tune(None).unwrap();
    assert_eq!(generator.synthesise(&pivot, &cancel).unwrap(), own);
    pack.verify().unwrap();

    // The next photo begins with the pack's own weights.
    let again = tuner.tune(&image, &pivot, &cancel, &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!((again.before, again.steps, again.stopped), (tuning.before, 1, Stopped::Asked));
    assert!((again.after - again.before).abs() < 1e-3);

    let settings = Settings { enough: Some(tuning.before + 0.5), ..settings };
    let early =
        Tuner::open(&pack, &runtime(), &settings).unwrap().tune(&image, &pivot, &cancel, &mut go).unwrap();
    assert!(early.stopped == Stopped::Reached && early.steps < 25, "{}", early.steps);
}

#[test]
fn what_cannot_be_tuned_is_refused_in_words() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (image, pivot) = portrait(&pack);
    let settings = Settings { steps: 2, ..Settings::default() };
    let mut tuner = Tuner::open(&pack, &runtime(), &settings).unwrap();
    let foreign = generator::open(&tiny(), &runtime()).unwrap().encode(&picture(1, 8), &cancel).unwrap();
    assert!(matches!(sentence(tuner.tune(&image, &foreign, &cancel, &mut go)), ModelError::Foreign(_)));
    assert!(matches!(sentence(tuner.tune(&picture(1, 8), &pivot, &cancel, &mut go)), ModelError::Foreign(_)));
    let mut broken = image.clone();
    broken[[0, 0, 0, 0]] = f32::INFINITY;
    assert!(not_finite(&sentence(tuner.tune(&broken, &pivot, &cancel, &mut go))));
    let stop = Cancel::new();
    let mut watch = |_: &models_onnx::optimise::Watched<'_>| {
        stop.cancel();
        ControlFlow::Continue(())
    };
    assert!(matches!(tuner.tune(&image, &pivot, &stop, &mut watch), Err(ModelError::Cancelled)));
    sentence(Tuner::open(&pack, &runtime(), &Settings { rate: -1.0, ..settings }));
    // A generator without convolutions.
    sentence(Tuner::open(&tiny(), &runtime(), &settings));

    let tuned = tuner.tune(&image, &pivot, &cancel, &mut go).unwrap().tuned;
    let mut other = generator::open(&tiny(), &runtime()).unwrap();
    assert!(matches!(sentence(other.tune(Some(&tuned))), ModelError::Foreign(_)));
    let bytes = tuned.to_bytes();
    for length in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        let error = Tuned::from_bytes(&bytes[..length]).unwrap_err().to_string();
        assert!(error.lines().count() == 1 && error.contains("tune it again"), "{error}");
    }
    let mut huge = bytes.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(Tuned::from_bytes(&huge).is_err());
    let mut nan = bytes.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(Tuned::from_bytes(&nan).is_err());
    // Another number of numbers than the shape says.
    let text = String::from_utf8_lossy(&bytes[8..]).into_owned();
    let shape = text.find("[256,256,3,3]").unwrap();
    let mut wrong = bytes;
    wrong[8 + shape + 1] = b'9';
    assert!(Tuned::from_bytes(&wrong).is_err());
}
