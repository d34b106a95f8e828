//! Optimisations with ONNX Runtime: small graphs, and the starter pack.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod graphs;
#[allow(dead_code, reason = "each test crate uses its part")]
#[path = "../support/mod.rs"]
mod support;

use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use models_onnx::autodiff::{
    Adam, Differentiate, Gradient, Lbfgs, Loss, Measure, Model, Schedule, Search, Term,
};
use models_onnx::optimise::{GradientSession, Optimisation, OptimiseError, Progress, Stopped};
use models_onnx::session::Tensor;
use models_onnx::{Cancel, ModelError};
use ndarray::{Array1, Array2, Array4, ArrayD, arr0, arr1};

use crate::graphs::{COUNT, weight};
use crate::support::runtime;

fn open(gradient: Gradient) -> GradientSession {
    GradientSession::open(&runtime(), gradient).unwrap()
}

/// The constants of `graphs::two`.
struct Constants {
    target: ArrayD<f32>,
    wish: ArrayD<f32>,
    strength: ArrayD<f32>,
}

impl Constants {
    fn new() -> Self {
        let target = Array2::from_shape_fn((1, COUNT), |(_, i)| (i as f32).sin()).into_dyn();
        Self { target, wish: arr1(&[3.0f32, -1.0]).into_dyn(), strength: arr0(0.5f32).into_dyn() }
    }

    fn plan<'a>(&'a self, session: &'a mut GradientSession) -> Optimisation<'a> {
        Optimisation::new(session)
            .constant("target", Tensor::F32(self.target.view()))
            .constant("wish", Tensor::F32(self.wish.view()))
            .constant("strength", Tensor::F32(self.strength.view()))
            .variable("x", Array2::zeros((1, COUNT)))
    }
}

fn go(_: &Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn several_variables_reach_the_bottom_together() {
    let constants = Constants::new();
    let mut session = open(graphs::two());
    assert_eq!(session.variables().collect::<Vec<_>>(), ["x", "y"]);
    for search in [None, Some(Search::Armijo), Some(Search::StrongWolfe)] {
        let plan = constants.plan(&mut session).variable("y", Array1::zeros(2));
        let plan = match search {
            None => plan.adam(Adam::default(), Schedule::ramped(0.1)).steps(300),
            Some(search) => plan.lbfgs(Lbfgs { search, ..Lbfgs::default() }).steps(60),
        };
        let mut lasts = (0, 0.0);
        let outcome = plan
            .run(&Cancel::new(), |progress| {
                lasts = (progress.step, progress.loss);
                let terms: Vec<_> = progress.terms().collect();
                assert_eq!([terms[0].0, terms[1].0], ["likeness", "nearness"]);
                // The loss is the sum of its terms, single precision apart.
                let sum = f64::from(terms[0].1 + 0.5 * terms[1].1);
                assert!((sum - progress.loss).abs() <= 1e-5 * progress.loss.abs() + 1e-12);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(lasts, (outcome.losses.len(), *outcome.losses.last().unwrap()));
        println!("{search:?}: {} after {} steps, {}", outcome.best_loss, lasts.0, outcome.stopped);
        assert!(outcome.best_loss < 1e-6, "{}", outcome.best_loss);
        let x = &outcome.best["x"];
        assert_eq!((x.shape(), outcome.best["y"].shape()), (&[1, COUNT][..], &[2][..]));
        for i in 0..COUNT {
            assert!((x[[0, i]] * weight(i) - constants.target[[0, i]]).abs() < 2e-2, "{i}");
        }
        assert!((outcome.values["y"][0] - 3.0).abs() < 1e-2);
        match search {
            None => assert_eq!(outcome.stopped, Stopped::Finished),
            Some(_) => assert_eq!(outcome.stopped, Stopped::Settled),
        }
    }
}

#[test]
fn a_variable_can_stay_and_previews_come_when_asked_for() {
    let constants = Constants::new();
    let mut session = open(graphs::two());
    let stays = arr1(&[1.0f32, 1.0]).into_dyn();
    let mut previews = Vec::new();
    let outcome = constants
        .plan(&mut session)
        .constant("y", Tensor::F32(stays.view()))
        .adam(Adam::default(), Schedule::flat(0.1))
        .steps(50)
        .preview("product", 4)
        .run(&Cancel::new(), |progress| {
            if let Some(preview) = &progress.preview {
                assert_eq!(preview.shape(), [1, COUNT]);
                previews.push((progress.step, preview[[0, 1]]));
            }
            if progress.step == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((outcome.stopped, outcome.losses.len()), (Stopped::Asked, 10));
    assert_eq!(previews.iter().map(|p| p.0).collect::<Vec<_>>(), [4, 8]);
    // Adam's first steps are of one rate: three before the fourth run.
    assert!((previews[0].1 - 0.3 * weight(1)).abs() < 0.02, "{previews:?}");
    assert_eq!(outcome.values.keys().collect::<Vec<_>>(), ["x"]);
    // The best was seen before the last update.
    assert_eq!(outcome.best_step, 10);
    assert_ne!(outcome.best, outcome.values);
}

#[test]
fn weights_of_a_model_can_be_variables() {
    let target = Array2::from_elem((1, COUNT), 2.0f32).into_dyn();
    let mut session = open(graphs::trained());
    let x = Array2::from_elem((1, COUNT), 1.0f32).into_dyn();
    let start = Array1::from_shape_fn(COUNT, weight);
    let plan = |session| {
        Optimisation::new(session)
            .constant("x", Tensor::F32(x.view()))
            .constant("target", Tensor::F32(target.view()))
            .lbfgs(Lbfgs::default())
    };
    let outcome = plan(&mut session).variable("w", start).run(&Cancel::new(), go).unwrap();
    assert!(outcome.best["w"].iter().all(|w| (w - 2.0).abs() < 1e-3));
}

#[test]
fn what_is_not_finite_is_undone_and_said() {
    let mut session = open(graphs::bottomless());
    let cancel = Cancel::new();
    let mut plan = |start: f32, lbfgs: Option<Search>| {
        let plan = Optimisation::new(&mut session).variable("x", Array1::from_elem(3, start));
        match lbfgs {
            Some(search) => plan.lbfgs(Lbfgs { search, ..Lbfgs::default() }).run(&cancel, go),
            None => plan.adam(Adam::default(), Schedule::flat(0.4)).run(&cancel, go),
        }
    };
    // To 0.1, and then over the edge.
    let outcome = plan(0.5, None).unwrap();
    assert_eq!((outcome.stopped, outcome.best_step), (Stopped::NotFinite { step: 2 }, 2));
    assert!((outcome.values["x"][0] - 0.1).abs() < 1e-5 && outcome.best == outcome.values);
    let text = outcome.stopped.to_string();
    assert!(text.contains("step 2") && text.contains("lower rate"), "{text}");

    let outcome = plan(0.5, Some(Search::Fixed(1.0))).unwrap();
    assert!(matches!(outcome.stopped, Stopped::NotFinite { .. }), "{:?}", outcome.stopped);
    assert!(outcome.values["x"][0] > 0.0 && outcome.best_loss.is_finite());

    for method in [None, Some(Search::StrongWolfe)] {
        let error = plan(-1.0, method).unwrap_err();
        assert!(matches!(error, ModelError::Optimise(OptimiseError::NotFinite)), "{error}");
    }
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let constants = Constants::new();
    let mut session = open(graphs::two());
    let (cancel, y) = (Cancel::new(), || Array1::<f32>::zeros(2));
    let whole = ndarray::ArrayD::<i64>::zeros(vec![2]);
    let mut named = |change: &dyn Fn(Optimisation<'_>) -> Result<(), ModelError>, name: &str| {
        let error = change(constants.plan(&mut session)).unwrap_err();
        assert!(
            matches!(&error, ModelError::Optimise(OptimiseError::Input { name: n, .. }) if n == name),
            "{error}"
        );
        assert_eq!(error.to_string().lines().count(), 1);
    };
    let run = |plan: Optimisation<'_>| plan.run(&cancel, go).map(|_| ());
    named(&|plan| run(plan), "y");
    named(&|plan| run(plan.variable("y", Array1::zeros(3))), "y");
    named(&|plan| run(plan.variable("y", y()).variable("z", y())), "z");
    named(&|plan| run(plan.variable("y", y()).variable("y", y())), "y");
    named(&|plan| run(plan.variable("y", y()).preview("picture", 1)), "picture");
    // Only what outlives the plan can be given to it, hence a plan of its own.
    let error = Optimisation::new(&mut session)
        .variable("x", Array2::<f32>::zeros((1, COUNT)))
        .constant("y", Tensor::I64(whole.view()))
        .run(&cancel, go)
        .unwrap_err();
    assert!(error.to_string().contains("“y”"), "{error}");
}

#[test]
fn a_long_step_stops_soon_after_cancel() {
    let mut session = open(graphs::slow());
    let cancel = Cancel::new();
    let from_outside = cancel.clone();
    let canceller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        from_outside.cancel();
        Instant::now()
    });
    let start = Array2::from_elem((256, 256), 0.5f32);
    let result = Optimisation::new(&mut session).variable("x", start).steps(50).run(&cancel, go);
    let stopped = Instant::now();
    let cancelled = canceller.join().unwrap();
    assert!(matches!(result, Err(ModelError::Cancelled)), "{:?}", result.map(|o| o.stopped));
    let took = stopped.saturating_duration_since(cancelled);
    println!("stopped {took:?} after cancel");
    assert!(took < Duration::from_secs(1), "{took:?}");
    // The model is fine, and another cancel is fresh.
    let start = Array2::from_elem((256, 256), 0.5f32);
    let plan = Optimisation::new(&mut session).variable("x", start).steps(1);
    let begun = Instant::now();
    assert!(plan.run(&Cancel::new(), go).is_ok());
    println!("a whole step takes {:?}", begun.elapsed());
}

#[test]
fn steps_after_the_first_allocate_only_what_ort_wraps_results_in() {
    let constants = Constants::new();
    let stays = arr1(&[1.0f32, 1.0]).into_dyn();
    // Loss, two terms and one gradient; then loss, one term and one gradient.
    let mut two = open(graphs::two());
    let mut one = open(graphs::trained());
    let weights = Array1::from_shape_fn(COUNT, weight).into_dyn();
    let mut count = |results: u64, lbfgs: bool| {
        let mut blocks = |steps: usize| {
            let plan = match results {
                4 => constants.plan(&mut two).constant("y", Tensor::F32(stays.view())),
                _ => Optimisation::new(&mut one)
                    .constant("target", Tensor::F32(constants.target.view()))
                    .constant("w", Tensor::F32(weights.view()))
                    .variable("x", Array2::zeros((1, COUNT))),
            };
            let plan = match lbfgs {
                // So slow that nothing settles, with more steps than it remembers.
                true => plan.lbfgs(Lbfgs {
                    memory: 2,
                    search: Search::Fixed(1e-2),
                    gradient_tolerance: 0.0,
                    change_tolerance: 0.0,
                }),
                false => plan.adam(Adam { clip_norm: Some(0.1), ..Adam::default() }, Schedule::ramped(0.1)),
            };
            let cancel = Cancel::new();
            let counted = allocation_counter::measure(|| {
                let outcome = plan.steps(steps).run(&cancel, go).unwrap();
                assert_eq!(outcome.losses.len(), steps);
            });
            counted.count_total
        };
        let (few, many) = (blocks(5), blocks(25));
        (many - few) as f64 / 20.0
    };
    for lbfgs in [false, true] {
        let found = [count(3, lbfgs), count(4, lbfgs)];
        println!("with 3 and 4 results: {found:?} blocks per step");
        // ort makes two blocks around each bound result (the handle of its allocator and the value). Nothing else is
        // allocated: what is found is in proportion to the results alone.
        assert_eq!(found, [6.0, 8.0]);
    }
}

/// The starter pack's generator, to be held against `target` by its styles.
fn inversion() -> Gradient {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/starter-faces/synthesis.onnx");
    let likeness = Term::new("likeness", Measure::MeanSquare, "image").against("target");
    let model = Model::read_file(&path).unwrap();
    Differentiate::new(model).loss(Loss::of(likeness)).wrt("styles").also("image").build().unwrap()
}

#[test]
fn styles_of_the_starter_pack_are_found_again() {
    let mut session = open(inversion());
    let cancel = Cancel::new();
    let zeros = Array4::<f32>::zeros((1, 3, 128, 128)).into_dyn();
    let wished = Array2::from_shape_fn((1, 2752), |(_, i)| 1.0 + 0.5 * (i as f32 * 12.9898).sin());
    // One step without a rate renders.
    let mut target = None;
    Optimisation::new(&mut session)
        .variable("styles", wished)
        .constant("target", Tensor::F32(zeros.view()))
        .steps(1)
        .preview("image", 1)
        .run(&cancel, |progress| {
            target = progress.preview.as_ref().map(|p| p.to_owned());
            ControlFlow::Continue(())
        })
        .unwrap();
    let target = target.unwrap();
    for lbfgs in [false, true] {
        let plan = Optimisation::new(&mut session)
            .variable("styles", Array2::ones((1, 2752)))
            .constant("target", Tensor::F32(target.view()));
        let plan = match lbfgs {
            true => plan.lbfgs(Lbfgs::default()).steps(40),
            false => plan.adam(Adam::default(), Schedule::ramped(0.05)).steps(60),
        };
        let begun = Instant::now();
        let outcome = plan.run(&cancel, go).unwrap();
        let (first, best) = (outcome.losses[0], outcome.best_loss);
        println!("from {first:.2e} to {best:.2e} in {:?}, {}", begun.elapsed(), outcome.stopped);
        assert!(best < first / 10.0, "{first} {best}");
    }
}

/// What does not fit into one file: run by hand, since it takes 9 GB of memory.
#[test]
#[ignore = "takes 9 GB of memory"]
fn a_model_above_two_gigabytes_is_opened_and_run() {
    let mut session = open(graphs::large());
    let side = graphs::LARGE;
    println!("open, {}", memory());
    let outcome = Optimisation::new(&mut session)
        .variable("x", Array2::from_elem((1, side), 1.0f32))
        .adam(Adam::default(), Schedule::flat(0.1))
        .steps(5)
        .run(&Cancel::new(), go)
        .unwrap();
    println!("{:?}, {}", outcome.losses, memory());
    assert!((outcome.losses[0] - graphs::large_loss()).abs() < 1e-3 * graphs::large_loss());
    assert!(outcome.losses[4] < outcome.losses[0]);
}

/// What the starter pack takes: `cargo test --release -p pentimento-models --test optimise -- --ignored hundred`.
#[test]
#[ignore = "a measurement"]
fn a_hundred_steps_of_the_starter_pack() {
    println!("before: {}", memory());
    let mut session = open(inversion());
    println!("open: {}", memory());
    let target = Array4::<f32>::zeros((1, 3, 128, 128)).into_dyn();
    let begun = Instant::now();
    let plan = Optimisation::new(&mut session)
        .variable("styles", Array2::ones((1, 2752)))
        .constant("target", Tensor::F32(target.view()));
    let outcome = plan.steps(100).run(&Cancel::new(), go).unwrap();
    println!("{} steps in {:?}: {}", outcome.losses.len(), begun.elapsed(), memory());
}

/// Resident memory of this process, now and at most.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let lines = status.lines().filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM"));
    lines.collect::<Vec<_>>().join(", ")
}
