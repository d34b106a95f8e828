//! The starter pack's generator: its gradient against differences along directions.

use std::path::Path;

use autodiff::{Adam, Differentiate, Loss, Measure, Model, Schedule, Term, coverage};

use crate::support::{Array, Arrays, Runner, noise, slope};

#[test]
fn the_gradient_of_a_picture_by_its_styles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/starter-faces/synthesis.onnx");
    let model = Model::read_file(&path).unwrap();
    assert!(coverage(&model).iter().all(|c| c.covered), "{:?}", coverage(&model));
    let styles: usize = 2752;
    let loss = Loss::of(Term::new("brightness", Measure::MeanSquare, "image"));
    let gradient = Differentiate::new(model.clone()).loss(loss).wrt("styles").also("image").build().unwrap();
    let (before, after) = (model.to_bytes().unwrap().len(), gradient.model.to_bytes().unwrap().len());
    assert!(after < before + before / 50, "weights are not copied: {before} became {after} bytes");

    let mut runner = Runner::new(&gradient.model);
    let at: Array = (vec![1, styles], noise(1, styles).iter().map(|v| 1.0 + 0.5 * v).collect());
    let mut run =
        |values: Vec<f32>| runner.run(&Arrays::from([("styles".to_owned(), (vec![1, styles], values))]));
    let results = run(at.1.clone());
    let found: Vec<f64> = results["grad_styles"].1.iter().map(|&v| v.into()).collect();
    assert_eq!(found.len(), styles);
    for seed in 0..6 {
        // The gradient's own direction, then that of random halves of it: along these the slope is far above what
        // single precision leaves of a difference.
        let half = noise(seed + 20, styles);
        let half = found.iter().zip(half).map(|(g, r)| if seed == 0 || r > 0.0 { *g } else { 0.0 });
        let direction: Vec<f64> = half.collect();
        let length = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
        let mut square = |step: f64| {
            let moved = at.1.iter().zip(&direction).map(|(x, d)| (f64::from(*x) + step * d / length) as f32);
            // Summed here in double precision: the graph's own sum is too coarse for differences.
            let image = &run(moved.collect())["image"].1;
            image.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>() / image.len() as f64
        };
        let expected = slope(&mut square, 0.02);
        let along = found.iter().zip(&direction).map(|(g, d)| g * d).sum::<f64>() / length;
        let error = (along - expected).abs() / expected.abs();
        println!("direction {seed}: {along:.6e} and {expected:.6e}, off by {error:.1e}");
        // Leaky units bend at zero, some of them within the step.
        assert!(error < 1e-3, "{along} {expected}");
    }
}

#[test]
fn the_gradients_of_what_pictures_are_judged_by() {
    // Losses of edits: classes of pixels, whom a picture shows, how different two pictures look.
    let pixels = vec![1, 3, 128, 128];
    for (name, input, output, shape) in [
        ("segmenter", "styles", "logits", vec![1, 2752]),
        ("identity", "image", "identity", pixels.clone()),
        ("perceptual", "a", "distance", pixels.clone()),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../packs/starter-faces/{name}.onnx"));
        let model = Model::read_file(&path).unwrap();
        assert!(coverage(&model).iter().all(|c| c.covered), "{name}: {:?}", coverage(&model));
        let loss = Loss::of(Term::new("size", Measure::MeanSquare, output));
        let gradient = Differentiate::new(model).loss(loss).wrt(input).also(output).build().unwrap();
        let mut runner = Runner::new(&gradient.model);
        let count: usize = shape.iter().product();
        // Styles lie around one, pixels between -1 and 1; the picture compared with is another.
        let centre = if input == "styles" { 1.0 } else { 0.0 };
        let at: Vec<f32> = noise(1, count).iter().map(|v| centre + 0.5 * v).collect();
        let mut given = Arrays::from([(input.to_owned(), (shape.clone(), at.clone()))]);
        if name == "perceptual" {
            given.insert("b".into(), (shape.clone(), noise(2, count).iter().map(|v| 0.5 * v).collect()));
        }
        let found: Vec<f64> =
            runner.run(&given)[&format!("grad_{input}")].1.iter().map(|&v| v.into()).collect();
        let length = found.iter().map(|d| d * d).sum::<f64>().sqrt();
        let square = |step: f64| {
            let moved = at.iter().zip(&found).map(|(x, d)| (f64::from(*x) + step * d / length) as f32);
            given.insert(input.to_owned(), (shape.clone(), moved.collect()));
            let out = &runner.run(&given)[output].1;
            out.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>() / out.len() as f64
        };
        let expected = slope(square, 0.02);
        let error = (length - expected).abs() / expected.abs();
        println!("{name}, down its own direction: {length:.6e} and {expected:.6e}, off by {error:.1e}");
        // Leaky units bend at zero, some of them within the step.
        assert!(error < 2e-3, "{name}: {length} {expected}");
    }
}

#[test]
fn three_graphs_of_the_pack_in_a_chain() {
    // What an optimiser of sentences needs: from the code through the picture to what it means, and how far that is
    // from where it should be.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/starter-faces");
    let read =
        |name: &str| Model::read_file(&folder.join(name)).unwrap().prefixed(&format!("{name}/")).unwrap();
    let chain = read("affine.onnx")
        .join(read("synthesis.onnx"), &[("affine.onnx/styles", "synthesis.onnx/styles")])
        .and_then(|m| {
            m.join(read("image-encoder.onnx"), &[("synthesis.onnx/image", "image-encoder.onnx/image")])
        })
        .unwrap();
    let code = "affine.onnx/w_plus";
    assert_eq!(chain.graph().input.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), [code]);
    let angle = Term::new("angle", Measure::Cosine, "image-encoder.onnx/embedding").against("wish");
    let gradient = Differentiate::new(chain).loss(Loss::of(angle)).wrt(code).build().unwrap();
    let mut runner = Runner::new(&gradient.model);
    let shape = vec![1, 12, 256];
    let mut given: Arrays = [(code.to_owned(), (shape.clone(), noise(2, 3072)))].into();
    given.insert("wish".into(), (vec![1, 128], noise(3, 128)));
    let found: Vec<f64> = runner.run(&given)["grad_affine.onnx/w_plus"].1.iter().map(|&v| v.into()).collect();
    let length = found.iter().map(|d| d * d).sum::<f64>().sqrt();
    let start = given[code].1.clone();
    let angle = |step: f64| {
        let moved = start.iter().zip(&found).map(|(x, d)| (f64::from(*x) + step * d / length) as f32);
        given.insert(code.to_owned(), (shape.clone(), moved.collect()));
        f64::from(runner.run(&given)["angle"].1[0])
    };
    let expected = slope(angle, 0.005);
    let error = (length - expected).abs() / expected.abs();
    println!("down its own direction: {length:.6e} and {expected:.6e}, off by {error:.1e}");
    // Leaky units bend at zero, some of them within the step, and the chain has many.
    assert!(error < 2e-3, "{length} {expected}");
}

#[test]
fn styles_are_found_that_make_a_picture() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/starter-faces/synthesis.onnx");
    let likeness = Term::new("likeness", Measure::MeanSquare, "image").against("target");
    let plan = Differentiate::new(Model::read_file(&path).unwrap()).loss(Loss::of(likeness)).wrt("styles");
    let mut runner = Runner::new(&plan.also("image").build().unwrap().model);
    let count = 2752;
    let zeros: Array = (vec![1, 3, 128, 128], vec![0.0; 3 * 128 * 128]);
    let styles = |values: &[f32]| ("styles".to_owned(), (vec![1, count], values.to_vec()));
    let wished: Vec<f32> = noise(4, count).iter().map(|v| 1.0 + 0.5 * v).collect();
    let target = runner.run(&Arrays::from([styles(&wished), ("target".to_owned(), zeros)]))["image"].clone();

    let mut x = vec![1.0f32; count];
    let mut adam = Adam::default().start(count);
    let schedule = Schedule::ramped(0.05);
    let mut losses = Vec::new();
    for step in 0..60 {
        let results = runner.run(&Arrays::from([styles(&x), ("target".to_owned(), target.clone())]));
        losses.push(results["loss"].1[0]);
        adam.step(&mut x, losses[step], &results["grad_styles"].1, schedule.at(step, 60)).unwrap();
    }
    println!("from {:.2e} to {:.2e}", losses[0], losses[59]);
    assert!(losses[59] < losses[0] / 10.0, "{losses:?}");
}
