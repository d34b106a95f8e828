//! Refining the codes of encoders.

use models_onnx::family::stylegan::StyleGan;
use models_onnx::inversion::{Refinement, Refiner};
use models_onnx::optimise::{OptimiseError, Stopped};
use models_onnx::{Cancel, Code, ModelError, Role, generator};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::support::{picture, runtime, tiny};
use crate::{go, not_finite, portrait, sentence, starter};

#[test]
fn refined_codes_are_more_like_the_photo() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (image, start) = portrait(&pack);
    let settings = Refinement { steps: 40, show: 10, ..Refinement::default() };
    let mut refiner = Refiner::open(&pack, &runtime(), &settings).unwrap();
    let mut seen = Vec::new();
    let mut watch = |watched: &models_onnx::optimise::Watched<'_>| {
        assert_eq!(watched.steps, 40);
        let shape = watched.picture.as_ref().map(|p| p.shape().to_vec());
        assert_eq!(shape, watched.step.is_multiple_of(10).then(|| image.shape().to_vec()));
        seen.push(watched.reached);
        ControlFlow::Continue(())
    };
    let refined = refiner.refine(&image, &start, &cancel, &mut watch).unwrap();
    println!("{:.2} dB to {:.2} dB, {}", refined.before, refined.after, refined.stopped);
    assert!(refined.after > refined.before + 2.0, "{} {}", refined.before, refined.after);
    // Pixels beyond the range count while it goes on, and are cut for the result.
    assert!((seen[0] - refined.before).abs() < 0.2, "{} {}", seen[0], refined.before);
    assert_eq!((seen.len(), refined.steps, refined.stopped), (40, 40, Stopped::Finished));
    assert!(refined.missing.is_empty());
    // Both tensors of the code are new and belong together.
    let w_plus = refined.code.tensor("w_plus").unwrap().clone();
    let again = StyleGan::new(Arc::clone(&pack), runtime()).styled(w_plus, &cancel).unwrap();
    assert_eq!(again, refined.code);
    let made = generator::open(&pack, &runtime()).unwrap().synthesise(&refined.code, &cancel).unwrap();
    assert_eq!(made, refined.reconstruction);

    // The same refiner, stopped early by whoever watches: what was best so far stays.
    let mut watch = |w: &models_onnx::optimise::Watched<'_>| match w.step {
        12 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let stopped = refiner.refine(&image, &start, &cancel, &mut watch).unwrap();
    assert_eq!((stopped.stopped, stopped.steps), (Stopped::Asked, 12));
    assert!(stopped.after > stopped.before && stopped.after < refined.after);
}

#[test]
fn it_ends_when_it_is_good_enough_and_stays_near_on_demand() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (image, start) = portrait(&pack);
    let far = |settings: &Refinement| {
        let mut refiner = Refiner::open(&pack, &runtime(), settings).unwrap();
        let refined = refiner.refine(&image, &start, &cancel, &mut go).unwrap();
        let moved = &refined.code.w_plus().unwrap() - &start.w_plus().unwrap();
        (refined, moved.mapv(|v| v * v).mean().unwrap())
    };
    let settings = Refinement { steps: 30, ..Refinement::default() };
    let (free, by) = far(&settings);
    let (bound, less) = far(&Refinement { nearness: 20.0, ..settings });
    println!("moved by {by} for {:.2} dB, by {less} for {:.2} dB", free.after, bound.after);
    assert!(less < by / 2.0 && bound.after > bound.before, "{by} {less}");
    let enough = free.before + 1.0;
    let (early, _) = far(&Refinement { enough: Some(enough), ..settings });
    assert_eq!(early.stopped, Stopped::Reached);
    assert!(early.steps < 30 && early.after > enough - 0.3, "{} {}", early.steps, early.after);
}

#[test]
fn what_the_pack_lacks_is_said() {
    let (pack, cancel) = (tiny(), Cancel::new());
    let settings = Refinement { steps: 60, ..Refinement::default() };
    let mut refiner = Refiner::open(&pack, &runtime(), &settings).unwrap();
    let image = picture(1, 8);
    let start = generator::open(&pack, &runtime()).unwrap().encode(&image, &cancel).unwrap();
    let other = image.mapv(|v| -0.5 * v);
    let refined = refiner.refine(&other, &start, &cancel, &mut go).unwrap();
    assert_eq!(refined.missing, [Role::Perceptual, Role::Identity]);
    assert!(refined.after > refined.before + 3.0, "{} {}", refined.before, refined.after);
}

#[test]
fn what_cannot_be_refined_is_refused_in_words() {
    let (pack, cancel) = (starter(), Cancel::new());
    let (image, start) = portrait(&pack);
    let settings = Refinement { steps: 5, ..Refinement::default() };
    let mut refiner = Refiner::open(&pack, &runtime(), &settings).unwrap();
    let (small, two) = (picture(1, 32), picture(2, 64));
    let mut refine =
        |image, start: &Code, cancel: &Cancel| sentence(refiner.refine(image, start, cancel, &mut go));

    let foreign = generator::open(&tiny(), &runtime()).unwrap().encode(&picture(1, 8), &cancel).unwrap();
    assert!(matches!(refine(&image, &foreign, &cancel), ModelError::Foreign(_)));
    assert!(matches!(refine(&small, &start, &cancel), ModelError::Foreign(_)));
    assert!(matches!(refine(&two, &start, &cancel), ModelError::Foreign(_)));
    assert!(matches!(refine(&image, &Code::new(&pack), &cancel), ModelError::Foreign(_)));
    let shape = start.clone().with("w_plus", ndarray::ArrayD::zeros(vec![1, 9, 256]));
    assert!(matches!(refine(&image, &shape, &cancel), ModelError::Foreign(_)));

    let mut broken = image.clone();
    broken[[0, 1, 2, 3]] = f32::NAN;
    let error = refine(&broken, &start, &cancel);
    assert!(not_finite(&error), "{error}");
    let nowhere = start.tensor("w_plus").unwrap().mapv(|v| v * f32::INFINITY);
    let error = refine(&image, &start.clone().with("w_plus", nowhere), &cancel);
    assert!(not_finite(&error), "{error}");

    let stop = Cancel::new();
    stop.cancel();
    assert!(matches!(refine(&image, &start, &stop), ModelError::Cancelled));
    let stop = Cancel::new();
    let mut watch = |_: &models_onnx::optimise::Watched<'_>| {
        stop.cancel();
        ControlFlow::Continue(())
    };
    assert!(matches!(refiner.refine(&image, &start, &stop, &mut watch), Err(ModelError::Cancelled)));

    for settings in [
        Refinement { rate: f64::NAN, ..settings },
        Refinement { pixels: -1.0, ..settings },
        Refinement { nearness: f32::INFINITY, ..settings },
    ] {
        let error = sentence(Refiner::open(&pack, &runtime(), &settings));
        assert!(matches!(error, ModelError::Optimise(OptimiseError::Setting(_))), "{error}");
    }
}
