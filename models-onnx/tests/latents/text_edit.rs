//! Edits by texts.

use std::ops::ControlFlow;
use std::sync::Arc;

use models_onnx::direction::{DirectionError, StyleSpace, text_change};
use models_onnx::judge::Judges;
use models_onnx::optimise::{OptimiseError, Stopped};
use models_onnx::pack::Array;
use models_onnx::text::TextEncoder;
use models_onnx::text_edit::{Descent, Settings, Settle, Space, TextEdit, Texts};
use models_onnx::{Cancel, ModelError, Pack, Role, generator};
use ndarray::{Array1, Axis, s};

use crate::support::{picture, runtime, tiny};
use crate::{go, not_finite, portrait, sentence, starter, starter_without};

fn embedded(pack: &Arc<Pack>, texts: [&str; 2]) -> [Array1<f32>; 2] {
    let mut encoder = TextEncoder::open(pack, &runtime()).unwrap();
    texts.map(|text| encoder.embed(text, &Cancel::new()).unwrap())
}

#[test]
fn along_axes_codes_stay_among_those_of_the_pack() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (_, start) = portrait(&pack);
    let [target, neutral] = embedded(&pack, ["blue hair", "a person"]);
    let texts = Texts { target: &target, neutral: &neutral };
    let axes = pack.matrix(Array::CodeAxes).unwrap();
    let edited = |space, groups: Option<usize>| {
        let settings = Settings { space, steps: 25, ..Settings::suited(pack.manifest()) };
        let mut edit = TextEdit::open(&pack, &runtime(), &settings).unwrap();
        let edited = edit.edit(&start, texts, &cancel, &mut go).unwrap();
        println!("{space:?}: {:.3} to {:.3}", edited.before, edited.after);
        assert!(edited.after > edited.before + 0.1 && edited.missing.is_empty());
        let moved = &edited.code.w_plus().unwrap() - &start.w_plus().unwrap();
        let layers: Vec<Array1<f32>> =
            moved.index_axis(Axis(0), 0).rows().into_iter().map(|r| r.to_owned()).collect();
        // Layers of one group move as one.
        if let Some(groups) = groups {
            for (at, layer) in layers.iter().enumerate() {
                let first =
                    (0..layers.len()).find(|l| l * groups / layers.len() == at * groups / layers.len());
                assert!((layer - &layers[first.unwrap()]).iter().all(|d| d.abs() < 1e-4));
            }
        }
        // The part of each layer's change that lies outside of the axes, which are orthogonal.
        let outside = layers.iter().map(|layer| {
            let mut left = layer.clone();
            for axis in axes.rows() {
                let along = left.dot(&axis) / axis.dot(&axis);
                left.scaled_add(-along, &axis);
            }
            left.dot(&left) / layer.dot(layer).max(1e-12)
        });
        outside.fold(0.0f32, f32::max)
    };
    assert!(edited(Space::Axes { groups: 1 }, Some(1)) < 1e-4);
    assert!(edited(Space::Axes { groups: 3 }, Some(3)) < 1e-4);
    assert!(edited(Space::WPlus, None) > 0.1);
}

#[test]
fn along_the_mapping_network_codes_move_as_one_from_the_photos_own() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (_, start) = portrait(&pack);
    let [target, neutral] = embedded(&pack, ["blue hair", "a person"]);
    let texts = Texts { target: &target, neutral: &neutral };
    let edited = |steps, nearness| {
        let settings =
            Settings { space: Space::Mapping, steps, nearness, ..Settings::suited(pack.manifest()) };
        let mut edit = TextEdit::open(&pack, &runtime(), &settings).unwrap();
        edit.edit(&start, texts, &cancel, &mut go).unwrap()
    };
    assert_eq!(edited(0, 0.01).code, start, "without a step nothing moves");
    let far = |code: &models_onnx::Code| {
        let moved = &code.w_plus().unwrap() - &start.w_plus().unwrap();
        let first = moved.index_axis(Axis(1), 0);
        assert!(moved.axis_iter(Axis(1)).all(|layer| (&layer - &first).iter().all(|d| d.abs() < 1e-4)));
        moved.mapv(|d| d * d).sum()
    };
    let (free, held) = (edited(40, 0.001), edited(40, 0.1));
    for edited in [&free, &held] {
        println!("{:.3} to {:.3}, {} from the start", edited.before, edited.after, far(&edited.code));
        assert!(edited.after > edited.before + 0.05 && edited.missing.is_empty());
    }
    assert!(far(&free.code) > 1.5 * far(&held.code), "what is held back goes less far");
}

#[test]
fn edits_of_styles_before_it_stay() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (_, start) = portrait(&pack);
    let mut drawing = generator::open(&pack, &runtime()).unwrap();
    let [target, neutral] = embedded(&pack, ["sunglasses", "a person"]);
    let change = text_change(target.view(), neutral.view()).unwrap();
    let direction = StyleSpace::open(&pack).unwrap().direction(change.view(), 0.05).unwrap();
    let begun = direction.apply(&start, 3.0).unwrap();
    let picture = drawing.synthesise(&begun, &cancel).unwrap();
    let alike = Judges::new(&pack, &runtime()).similarity(&picture, target.view(), &cancel).unwrap().unwrap();
    for space in [Space::WPlus, Space::Axes { groups: 1 }, Space::Mapping] {
        let settings = Settings { space, steps: 3, ..Settings::published(space) };
        let mut edit = TextEdit::open(&pack, &runtime(), &settings).unwrap();
        let texts = Texts { target: &target, neutral: &neutral };
        let edited = edit.edit(&begun, texts, &cancel, &mut go).unwrap();
        assert!((edited.before - alike[0]).abs() < 1e-4, "{space:?}: {} {}", edited.before, alike[0]);
        let plain = drawing.with_w_plus(&start, edited.code.w_plus().unwrap(), &cancel).unwrap();
        let kept = &edited.code.styles().unwrap() - &plain.styles().unwrap();
        for (kept, shift) in kept.iter().zip(direction.shift()) {
            // Sums of styles of up to 20, in single precision.
            assert!((kept - 3.0 * shift).abs() < 1e-4, "{space:?}: {kept} {shift}");
        }
    }
}

#[test]
fn l_bfgs_needs_fewer_steps_than_adam_for_the_same_loss() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (_, start) = portrait(&pack);
    let [target, neutral] = embedded(&pack, ["blue hair", "a person"]);
    let texts = Texts { target: &target, neutral: &neutral };
    let edited = |descent, steps| {
        let settings = Settings { descent, steps, ..Settings::published(Space::WPlus) };
        let mut edit = TextEdit::open(&pack, &runtime(), &settings).unwrap();
        let edited = edit.edit(&start, texts, &cancel, &mut go).unwrap();
        let moved = &edited.code.w_plus().unwrap() - &start.w_plus().unwrap();
        let loss = 1.0 - edited.after + settings.nearness * moved.mapv(|d| d * d).sum();
        println!("{descent:?}: {:.4} to {:.4}, loss {loss:.4}", edited.before, edited.after);
        (edited.before, loss)
    };
    let (adam, quick) = (edited(Descent::Adam, 90), edited(Descent::Lbfgs, 45));
    assert!(quick.1 < adam.1);
    assert!((adam.0 - quick.0).abs() < 1e-5, "both tell where they began");
}

#[test]
fn copies_are_seen_to_by_a_seed() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (_, start) = portrait(&pack);
    let [target, neutral] = embedded(&pack, ["blue hair", "a person"]);
    let texts = Texts { target: &target, neutral: &neutral };
    let edited = |copies, seed| {
        let settings = Settings { steps: 12, copies, seed, ..Settings::suited(pack.manifest()) };
        let mut edit = TextEdit::open(&pack, &runtime(), &settings).unwrap();
        let edited = edit.edit(&start, texts, &cancel, &mut go).unwrap();
        println!("{copies} copies: {:.4} to {:.4}", edited.before, edited.after);
        assert!(edited.after > edited.before + 0.05);
        edited
    };
    let (none, two) = (edited(0, 1), edited(2, 1));
    assert!((none.before - two.before).abs() < 1e-4, "the picture itself is what is told");
    assert_eq!(edited(2, 1).code, two.code, "the same seed is the same edit");
    assert_ne!(edited(2, 2).code, two.code);
    assert_ne!(none.code, two.code);
}

#[test]
fn it_ends_when_nothing_is_gained_and_shows_what_it_does() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (_, start) = portrait(&pack);
    let [target, neutral] = embedded(&pack, ["sunglasses", "a person"]);
    let texts = Texts { target: &target, neutral: &neutral };
    // A gain that cannot be.
    let settle = Some(Settle { steps: 6, gain: 3.0 });
    let settings = Settings { steps: 40, settle, coarse: 0.0, show: 2, ..Settings::suited(pack.manifest()) };
    let mut edit = TextEdit::open(&pack, &runtime(), &settings).unwrap();
    let mut shown = 0;
    let mut watch = |watched: &models_onnx::optimise::Watched<'_>| {
        shown += usize::from(watched.picture.is_some());
        ControlFlow::Continue(())
    };
    let edited = edit.edit(&start, texts, &cancel, &mut watch).unwrap();
    assert_eq!((edited.stopped, shown), (Stopped::Settled, edited.steps / 2));
    assert!(edited.steps < 10 && edited.elapsed.as_nanos() > 0, "{}", edited.steps);
    let again = edit.edit(&start, texts, &cancel, &mut go).unwrap();
    assert_eq!(again.code, edited.code);
}

#[test]
fn coarse_steps_look_at_previews_where_the_pack_has_them() {
    let (pack, cancel) = (starter(), Cancel::new());
    let [target, neutral] = embedded(&pack, ["sunglasses", "a person"]);
    let texts = Texts { target: &target, neutral: &neutral };
    let settings =
        Settings { steps: 20, settle: None, coarse: 0.5, show: 2, ..Settings::suited(pack.manifest()) };
    let sides = |pack| {
        let mut sides = Vec::new();
        let mut watch = |watched: &models_onnx::optimise::Watched<'_>| {
            sides.extend(watched.picture.as_ref().map(|picture| picture.shape()[3]));
            ControlFlow::Continue(())
        };
        let mut edit = TextEdit::open(pack, &runtime(), &settings).unwrap();
        let edited = edit.edit(&portrait(pack).1, texts, &cancel, &mut watch).unwrap();
        assert!(edited.after > edited.before, "{} {}", edited.before, edited.after);
        (sides, edited.missing)
    };
    let side = pack.manifest().resolution as usize;
    assert_eq!(sides(&pack), ([[side / 2; 5], [side; 5]].concat(), vec![]));
    // Without previews, all steps are full ones, and that is said.
    let (_folder, plain) = starter_without("preview");
    assert_eq!(sides(&plain), (vec![side; 10], vec![Role::Preview]));
}

#[test]
fn what_cannot_be_edited_is_refused_in_words() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (_, start) = portrait(&pack);
    let settings = Settings { steps: 3, direction: 1.0, ..Settings::suited(pack.manifest()) };
    let mut edit = TextEdit::open(&pack, &runtime(), &settings).unwrap();
    let unit = |at: usize| Array1::from_shape_fn(128, |i| f32::from(u8::from(i == at)));
    let (target, neutral) = (unit(0), unit(1));
    let texts = Texts { target: &target, neutral: &neutral };
    let foreign = generator::open(&tiny(), &runtime()).unwrap().encode(&picture(1, 8), &cancel).unwrap();
    assert!(matches!(sentence(edit.edit(&foreign, texts, &cancel, &mut go)), ModelError::Foreign(_)));
    let two = start.w_plus().unwrap();
    let two = ndarray::concatenate(Axis(0), &[two, two]).unwrap().into_dyn();
    let two = start.clone().with("w_plus", two);
    assert!(matches!(sentence(edit.edit(&two, texts, &cancel, &mut go)), ModelError::Foreign(_)));
    let nowhere = start.tensor("w_plus").unwrap().mapv(|v| v * f32::NAN);
    let nowhere = start.clone().with("w_plus", nowhere);
    assert!(not_finite(&sentence(edit.edit(&nowhere, texts, &cancel, &mut go))));

    let short = target.slice(s![..100]).to_owned();
    let mut refuse = |target: &Array1<f32>, neutral: &Array1<f32>| {
        sentence(edit.edit(&start, Texts { target, neutral }, &cancel, &mut go))
    };
    assert!(matches!(refuse(&short, &neutral), ModelError::Direction(DirectionError::Mismatch)));
    assert!(matches!(refuse(&target, &short), ModelError::Direction(DirectionError::Mismatch)));
    assert!(matches!(refuse(&target, &target), ModelError::Direction(DirectionError::Same)));

    let stop = Cancel::new();
    let mut watch = |_: &models_onnx::optimise::Watched<'_>| {
        stop.cancel();
        ControlFlow::Continue(())
    };
    assert!(matches!(edit.edit(&start, texts, &stop, &mut watch), Err(ModelError::Cancelled)));

    for settings in [
        Settings { rate: f64::INFINITY, ..settings },
        Settings { coarse: 1.5, ..settings },
        Settings { space: Space::Axes { groups: 0 }, ..settings },
        Settings { space: Space::Axes { groups: 13 }, ..settings },
    ] {
        let error = sentence(TextEdit::open(&pack, &runtime(), &settings));
        assert!(matches!(error, ModelError::Optimise(OptimiseError::Setting(_))), "{error}");
    }
    // The tiny pack has no axes.
    assert!(matches!(sentence(TextEdit::open(&tiny(), &runtime(), &settings)), ModelError::Missing { .. }));
}
