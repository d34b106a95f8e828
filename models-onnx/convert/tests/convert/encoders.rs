//! Encoders and judges against PyTorch. The goldens and layouts are made by `reference/encoder_goldens.py`.

use autodiff::{Differentiate, Loss, Measure, Model, Term};
use checkpoint::Checkpoint;
use convert::networks::editgan::pixels::{self, Enlarged};
use convert::networks::encoder::{self, Backbone, Rows};
use convert::networks::{editgan, identity, lpips};
use convert::{Error, Network};
use ndarray::{Array, ArrayD, Axis, Ix4, Slice};

use crate::support::{Runner, difference, npy, reference, uniform};

/// Squares of sixteen places with a grain, as in `encoder_goldens.py`.
fn picture(name: &str, [n, channels, height, width]: [usize; 4]) -> ArrayD<f32> {
    let coarse = uniform(&format!("{name}.coarse"), &[n, channels, height / 16, width / 16]);
    let fine = uniform(&format!("{name}.fine"), &[n, channels, height, width]);
    Array::from_shape_fn(Ix4(n, channels, height, width), |(i, c, y, x)| {
        coarse[[i, c, y / 16, x / 16]] * 0.75 + fine[[i, c, y, x]] * 0.25
    })
    .into_dyn()
}

fn golden(name: &str) -> ArrayD<f32> {
    npy(&format!("encoders/{name}.npy"))
}

fn run(network: &Network, role: &str, inputs: &[(&str, &ArrayD<f32>)], output: &str) -> ArrayD<f32> {
    let part = network.parts.iter().find(|p| p.role == role).unwrap();
    covered(&part.model);
    Runner::new(&part.model).run(inputs).remove(output).unwrap()
}

/// All these graphs are differentiated somewhere.
fn covered(model: &Model) {
    let missing: Vec<_> =
        autodiff::coverage(model).into_iter().filter(|o| !o.covered).map(|o| o.op).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The places `start..end` of an axis.
fn part(array: &ArrayD<f32>, axis: usize, range: std::ops::Range<usize>) -> ArrayD<f32> {
    array.slice_axis(Axis(axis), Slice::from(range)).to_owned()
}

/// Every `step`th number of the last axis.
fn some(array: &ArrayD<f32>, step: isize) -> ArrayD<f32> {
    array.slice_axis(Axis(array.ndim() - 1), Slice::new(0, None, step)).to_owned()
}

/// The tensors of a checkpoint under other names; those without are left out.
fn renamed(checkpoint: &Checkpoint, new: impl Fn(&str) -> Option<String>) -> Checkpoint {
    let tensors = checkpoint.names().filter_map(|name| Some((new(name)?, checkpoint.f32(name).unwrap())));
    Checkpoint::of(tensors.collect::<Vec<_>>())
}

/// The smallest cosine between rows.
fn cosine(a: &ArrayD<f32>, b: &ArrayD<f32>) -> f32 {
    let rows = a.outer_iter().zip(b.outer_iter());
    rows.map(|(a, b)| (&a * &b).sum() / ((&a * &a).sum() * (&b * &b).sum()).sqrt()).fold(1.0, f32::min)
}

fn class_of_each(logits: &ArrayD<f32>) -> ArrayD<f32> {
    logits.map_axis(Axis(1), |l| (0..l.len()).max_by(|&a, &b| l[a].total_cmp(&l[b])).unwrap() as f32)
}

/// The share of places where two are the same.
fn agreement(a: &ArrayD<f32>, b: &ArrayD<f32>) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f32 / a.len() as f32
}

#[test]
fn identities_are_those_of_arcface_with_the_loss_of_styleclip() {
    let checkpoint = reference("irse50");
    let form = identity::recognise(&checkpoint).unwrap();
    assert_eq!((form.blocks, form.width), (24, 512));
    for (side, n) in [(256, 2), (320, 1)] {
        let network = identity::build(&checkpoint, &identity::Options { side }).unwrap();
        let image = picture("face", [n, 3, side, side]);
        let found = run(&network, "identity", &[("image", &image)], "identity");
        let right = golden(&format!("identity-{side}"));
        let (cosine, difference) = (cosine(&found, &right), difference(&found, &right));
        println!("identity {side}: cosine {cosine}, difference {difference:.1e}");
        // Single precision over some fifty layers; what was measured is below 1e-6.
        assert!(cosine >= 0.99999 && difference < 1e-4, "{cosine} {difference}");
        assert!(found.outer_iter().all(|row| ((&row * &row).sum() - 1.0).abs() < 1e-5));
        if side == 256 {
            let whole = self::cosine(&found, &golden("identity-whole"));
            assert!(whole < 0.999, "without the cut: {whole}");
        }
    }
}

#[test]
fn distances_are_those_of_lpips() {
    for (name, backbone) in [("vgg16", lpips::Backbone::Vgg16), ("alexnet", lpips::Backbone::AlexNet)] {
        let checkpoint = reference(&format!("lpips-{name}"));
        let form = lpips::recognise(&checkpoint).unwrap();
        assert!(form.backbone == backbone && form.calibrated);
        let options = lpips::Options { height: 96, width: 64 };
        // torchvision's file and that of the calibration are two.
        let features = renamed(&checkpoint, |n| n.starts_with("features").then(|| n.into()));
        let calibration = renamed(&checkpoint, |n| n.starts_with("lin").then(|| n.into()));
        assert!(!lpips::recognise(&features).unwrap().calibrated);
        let network = lpips::build(&features, &calibration, &options).unwrap();

        let one = picture("one", [2, 3, 96, 64]);
        let mut other = picture("other", [2, 3, 96, 64]);
        let near = &one.index_axis(Axis(0), 1) + &(&other.index_axis(Axis(0), 1) / 64.0);
        other.index_axis_mut(Axis(0), 1).assign(&near);
        let pair = [("a", &one), ("b", &other)];
        let found = run(&network, "perceptual", &pair, "distance");
        let right = golden(&format!("lpips-{name}"));
        for (found, right) in found.iter().zip(&right) {
            println!("{name}: {found} for {right}, {:.1e}", (found - right).abs() / right);
            assert!((found - right).abs() <= 1e-4 * right, "{name}: {found} for {right}");
        }
        assert_eq!(run(&network, "perceptual", &[("a", &one), ("b", &one)], "distance").sum(), 0.0);

        let mut sum = Array::zeros(2);
        let graph = network.parts.iter().find(|p| p.role == "perceptual-features").unwrap();
        covered(&graph.model);
        let mut runner = Runner::new(&graph.model);
        let (a, b) = (runner.run(&[("image", &one)]), runner.run(&[("image", &other)]));
        for (name, a) in &a {
            let square = (a - &b[name]).mapv(|v| v * v).sum_axis(Axis(1));
            sum += &square.mean_axis(Axis(2)).unwrap().mean_axis(Axis(1)).unwrap();
        }
        assert!(difference(&sum.into_dyn(), &right) < 1e-4);

        // The same under the names of the package, with the calibration named twice.
        let slices: &[&[usize]] = match backbone {
            lpips::Backbone::Vgg16 => &[&[0, 2], &[5, 7], &[10, 12, 14], &[17, 19, 21], &[24, 26, 28]],
            lpips::Backbone::AlexNet => &[&[0], &[3], &[6], &[8], &[10]],
        };
        let packaged = renamed(&checkpoint, |name| match name.strip_prefix("features.") {
            Some(rest) => {
                let place: usize = rest.split('.').next()?.parse().ok()?;
                let slice = slices.iter().position(|s| s.contains(&place))?;
                Some(format!("net.slice{}.{rest}", slice + 1))
            }
            None => Some(name.replacen("lin", "lins.", 1)),
        });
        let again = lpips::build(&packaged, &packaged, &options).unwrap();
        let bytes = |network: &Network| network.parts[0].model.to_bytes().unwrap();
        assert_eq!(bytes(&again), bytes(&network));
    }
}

#[test]
fn gradients_of_distances_are_finite_where_all_features_are_zero() {
    let checkpoint = reference("lpips-alexnet");
    // Nothing passes the last rectifier.
    let dead = checkpoint.names().map(|name| {
        let array = checkpoint.f32(name).unwrap();
        (name.to_owned(), if name == "features.10.bias" { array - 100.0 } else { array })
    });
    let dead = Checkpoint::of(dead.collect::<Vec<_>>());
    let network = lpips::build(&dead, &dead, &lpips::Options { height: 64, width: 64 }).unwrap();
    let loss = Loss::of(Term::new("likeness", Measure::Sum, "distance"));
    let model = network.parts[0].model.clone();
    let gradient = Differentiate::new(model).loss(loss).wrt("a").build().unwrap();
    let (a, b) = (picture("one", [1, 3, 64, 64]), picture("other", [1, 3, 64, 64]));
    let slope = &Runner::new(&gradient.model).run(&[("a", &a), ("b", &b)])["grad_a"];
    assert!(slope.iter().all(|v| v.is_finite()) && slope.iter().any(|&v| v != 0.0));
}

fn encoder(checkpoint: &Checkpoint, rows: Rows) -> Network {
    encoder::build(checkpoint, &encoder::Options { rows: Some(rows), ..Default::default() }).unwrap()
}

fn close(name: &str, found: &ArrayD<f32>, right: &ArrayD<f32>, tolerance: f32) {
    let difference = difference(found, right);
    println!("{name}: {difference:.1e}");
    assert!(difference < tolerance, "{name}: {difference}");
}

#[test]
fn rows_are_those_of_e4e_and_of_psp() {
    let checkpoint = reference("e4e-narrow");
    let form = encoder::recognise(&checkpoint).unwrap();
    assert_eq!((form.rows, form.width, form.channels, form.pyramid), (18, 128, 3, true));
    assert_eq!((form.backbone, form.prefix.as_str()), (Backbone::Irse50, "state_dict.encoder."));
    let image = picture("face", [2, 3, 256, 256]);
    let (e4e, psp) = (golden("e4e-narrow"), golden("psp-narrow"));
    let network = encoder(&checkpoint, Rows::FirstAndOffsets);
    let found = run(&network, "encoder", &[("image", &image)], "w_plus");
    close("e4e", &found, &e4e, 1e-4);
    assert!(difference(&found, &psp) > 1e-2);
    assert_eq!(network.arrays["code-mean"], checkpoint.f32("latent_avg").unwrap());
    let found = run(&encoder(&checkpoint, Rows::Each), "encoder", &[("image", &image)], "w_plus");
    close("psp", &found, &psp, 1e-4);

    // Corners that are not aligned give other rows, apart from the first three, which are not enlarged.
    let mut proto = network.parts[0].model.proto().clone();
    let nodes = proto.graph.iter_mut().flat_map(|g| &mut g.node);
    let modes = nodes.flat_map(|n| &mut n.attribute).filter(|a| a.s.as_ref() == b"align_corners");
    assert_eq!(modes.map(|a| a.s = b"half_pixel"[..].into()).count(), 2);
    let wrong = Runner::new(&Model::new(proto).unwrap()).run(&[("image", &image)]).remove("w_plus").unwrap();
    assert!(difference(&part(&wrong, 1, 0..3), &part(&e4e, 1, 0..3)) < 1e-4);
    assert!(difference(&wrong, &e4e) > 1e-3, "{}", difference(&wrong, &e4e));
}

#[test]
fn sizes_of_generators_and_pictures_follow_from_the_checkpoint() {
    let checkpoint = reference("e4e-narrow");
    let image = part(&picture("face", [2, 3, 256, 256]), 0, 0..1);
    let right = part(&golden("e4e-narrow"), 0, 0..1);
    for rows in [14, 16] {
        let fewer = renamed(&checkpoint, |name| {
            let head = name.strip_prefix("state_dict.encoder.styles.").and_then(|n| n.split('.').next());
            let kept = head.is_none_or(|head| head.parse::<usize>().unwrap() < rows);
            (kept && name != "latent_avg").then(|| name.into())
        });
        assert_eq!(encoder::recognise(&fewer).unwrap().rows, rows);
        let network = encoder(&fewer, Rows::FirstAndOffsets);
        assert!(network.arrays.is_empty());
        let found = run(&network, "encoder", &[("image", &image)], "w_plus");
        let mean = checkpoint.f32("latent_avg").unwrap();
        close("fewer rows", &(found + part(&mean, 0, 0..rows)), &part(&right, 1, 0..rows), 1e-4);
    }
    // Cars have black above and below, which the encoder does not see; faces may come larger than it sees them.
    for (name, side, height) in [("car", 512, 192), ("face", 320, 256)] {
        let options = encoder::Options { side, height, rows: Some(Rows::FirstAndOffsets) };
        let image = picture(name, [1, 3, side, side]);
        let network = encoder::build(&checkpoint, &options).unwrap();
        let found = run(&network, "encoder", &[("image", &image)], "w_plus");
        close(name, &found, &golden(&format!("e4e-narrow-{name}-{side}")), 1e-4);
    }
}

#[test]
fn restyle_adds_to_what_it_has_reached() {
    for (name, backbone) in [("irse50", Backbone::Irse50), ("resnet34", Backbone::ResNet34)] {
        let checkpoint = reference(&format!("restyle-{name}"));
        let form = encoder::recognise(&checkpoint).unwrap();
        assert_eq!((form.backbone, form.channels, form.rows, form.pyramid), (backbone, 6, 14, false));
        let pair = picture("pair", [1, 6, 256, 256]);
        let (image, reached) = (part(&pair, 1, 0..3), part(&pair, 1, 3..6));
        let from = checkpoint.f32("latent_avg").unwrap().insert_axis(Axis(0));
        let inputs = [("image", &image), ("reached", &reached), ("from", &from)];
        for (rows, over) in [(Rows::FirstAndOffsets, "e4e"), (Rows::Each, "psp")] {
            let found = run(&encoder(&checkpoint, rows), "restyle", &inputs, "w_plus");
            close(over, &found, &golden(&format!("restyle-{name}-{over}")), 1e-4);
        }
    }
}

#[test]
fn restyle_runs_five_times_from_the_mean() {
    let checkpoint = reference("restyle-resnet34");
    let options = encoder::Options { side: 512, rows: Some(Rows::Each), ..Default::default() };
    let network = encoder::build(&checkpoint, &options).unwrap();
    // What stands for the generator here gives squares of sixteen pixels.
    let columns = uniform("render", &[14 * 128, 3 * 32 * 32]).into_shape_with_order((14 * 128, 3 * 32 * 32));
    let columns = columns.unwrap() * 0.02;
    let render = |w: &ArrayD<f32>| {
        let flat = w.flatten().dot(&columns).mapv(f32::tanh);
        Array::from_shape_fn(Ix4(1, 3, 512, 512), |(_, c, y, x)| flat[(c * 32 + y / 16) * 32 + x / 16])
            .into_dyn()
    };
    let image = picture("face", [1, 3, 512, 512]);
    let mut w = network.arrays["code-mean"].clone().insert_axis(Axis(0));
    let mut reached = picture("mean", [1, 3, 512, 512]);
    let mut runner = Runner::new(&network.parts[0].model);
    for _ in 0..encoder::PASSES {
        let inputs = [("image", &image), ("reached", &reached), ("from", &w)];
        w = runner.run(&inputs).remove("w_plus").unwrap();
        reached = render(&w);
    }
    close("five passes", &w, &golden("restyle-loop"), 1e-4);
}

#[test]
fn codes_are_those_of_editgan() {
    editgan("-narrow", 64, 1);
}

/// Of the golden, every `step`th number of a row is kept.
fn editgan(name: &str, width: usize, step: isize) {
    use editgan::encoder::{self, Options, Statistics};
    let checkpoint = reference(&format!("editgan{name}"));
    let form = encoder::recognise(&checkpoint).unwrap();
    assert_eq!((form.side, form.width, form.rows), (512, width, [3, 4, 9]));
    let image = picture("car", [1, 3, 512, 512]);
    let found = |statistics| {
        let network = encoder::build(&checkpoint, &Options { statistics }).unwrap();
        some(&run(&network, "encoder", &[("image", &image)], "w_plus"), step)
    };
    let right = ["picture", "trained"].map(|s| golden(&format!("editgan{name}-{s}")));
    close("statistics of the picture", &found(Statistics::default()), &right[0], 1e-3);
    close("statistics of training", &found(Statistics::Trained), &right[1], 1e-3);
    assert!(difference(&right[1], &right[0]) > 0.1, "{}", difference(&right[1], &right[0]));
}

const MAPS: [(usize, usize); 10] = [
    (512, 4),
    (512, 4),
    (512, 8),
    (512, 8),
    (512, 16),
    (512, 16),
    (512, 32),
    (512, 32),
    (256, 64),
    (128, 64),
];

#[test]
fn pixels_are_classified_before_maps_are_enlarged() {
    let all = reference("pixels");
    let checkpoints: Vec<Checkpoint> = (0..10).map(|i| all.under(&format!("{i}."))).collect();
    let form = pixels::recognise(&checkpoints[0]).unwrap();
    assert_eq!((form.features, form.classes), (4480, 32));
    let names: Vec<String> = (0..MAPS.len()).map(|i| format!("feature_{i}")).collect();
    let maps = MAPS.iter().enumerate();
    let maps: Vec<_> = maps.map(|(i, &(c, s))| uniform(&format!("map{i}"), &[1, c, s, s]) * 1.5).collect();
    let inputs: Vec<_> = names.iter().map(String::as_str).zip(&maps).collect();
    for (enlarged, mode) in [(Enlarged::Bilinear, "bilinear"), (Enlarged::Nearest, "nearest")] {
        let options = pixels::Options { maps: MAPS.into(), side: 64, enlarged };
        let network = pixels::build(&checkpoints, &options).unwrap();
        let logits = run(&network, "pixel-classifier", &inputs, "logits");
        let some =
            logits.slice_each_axis(|axis| Slice::new(0, None, if axis.axis.index() > 1 { 8 } else { 1 }));
        let some = some.index_axis(Axis(0), 0).to_owned();
        let right = golden(&format!("pixels-{mode}-logits"));
        let off = (&some - &right).iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let classes = class_of_each(&logits);
        let agreed = agreement(&classes, &golden(&format!("pixels-{mode}-classes")));
        println!("{mode}: logits {off:.1e}, classes {agreed}");
        assert!(off <= 1e-3 && agreed >= 0.999, "{mode}: {off} {agreed}");
        if enlarged == Enlarged::Bilinear {
            for wrong in ["pixels-probabilities", "pixels-nearest-classes"] {
                let agreed = agreement(&classes, &golden(wrong));
                assert!(agreed < 0.999, "{wrong}: {agreed}");
            }
        }
    }
}

#[track_caller]
fn says(made: Result<Network, Error>, words: &str) {
    let text = made.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains(words), "{text}");
}

#[test]
fn checkpoints_that_do_not_fit_are_refused_by_name() {
    let e4e = reference("e4e-narrow");
    says(encoder::build(&e4e, &Default::default()), "e4e or pSp");
    let options = encoder::Options { rows: Some(Rows::Each), ..Default::default() };
    let without = |name: &'static str| renamed(&e4e, move |n| (n != name).then(|| n.into()));
    let lost = "state_dict.encoder.body.9.res_layer.5.fc1.weight";
    says(encoder::build(&without(lost), &options), "body.9.res_layer.5.fc1.weight");
    says(encoder::build(&e4e, &encoder::Options { height: 0, ..options }), "no 0 of 256 rows");
    says(encoder::build(&e4e, &encoder::Options { side: 300, height: 192, ..options }), "300 pixels");
    let halved = without("state_dict.encoder.styles.0.convs.6.weight");
    says(encoder::build(&halved, &options), "“styles.0” does not come down to one place");
    let restyle = reference("restyle-resnet34");
    let swapped =
        renamed(&restyle, |n| Some(n.replace("conv1", "x").replace("conv2", "conv1").replace('x', "conv2")));
    assert!(encoder::build(&swapped, &options).is_err());
    says(encoder::build(&reference("irse50"), &options), "no encoder");
    says(identity::build(&e4e, &identity::Options { side: 256 }), "no judge");
    says(lpips::build(&e4e, &e4e, &lpips::Options { height: 64, width: 64 }), "neither VGG16 nor AlexNet");
    let alexnet = reference("lpips-alexnet");
    let options = lpips::Options { height: 16, width: 16 };
    says(lpips::build(&alexnet, &alexnet, &options), "MaxPool");
    let backbone = renamed(&alexnet, |n| n.starts_with("features").then(|| n.into()));
    says(
        lpips::build(&backbone, &backbone, &lpips::Options { height: 64, width: 64 }),
        "lin0.model.1.weight",
    );
    let pixels = reference("pixels").under("0.");
    let options = pixels::Options { maps: MAPS[1..].into(), side: 64, enlarged: Enlarged::Bilinear };
    says(pixels::build(&[pixels], &options), "4480 channels of features, the generator has 3968");
    says(pixels::build(&[], &options), "no classifier");
}

/// The dense features alone would take 6.3 GB. Measures nothing by itself: run it under `time -v`.
#[test]
#[ignore = "takes minutes"]
fn full_size_pixels() {
    let wide: usize = 512 * 10 + 2 * (256 + 128 + 64);
    let all = reference("pixels");
    let widened = all.names().map(|name| {
        let array = all.f32(name).unwrap();
        let first = name.ends_with("layers.0.weight");
        (name.to_owned(), if first { uniform(name, &[256, wide]) * 0.03 } else { array })
    });
    let all = Checkpoint::of(widened.collect::<Vec<_>>());
    let checkpoints: Vec<Checkpoint> = (0..10).map(|i| all.under(&format!("{i}."))).collect();
    let maps = (0..16).map(|i| ([512, 512, 512, 512, 512, 256, 128, 64][i / 2], 4 << (i / 2)));
    let options = pixels::Options { maps: maps.collect(), side: 512, enlarged: Enlarged::Bilinear };
    let network = pixels::build(&checkpoints, &options).unwrap();
    let maps = options.maps.iter().enumerate();
    let maps: Vec<_> = maps.map(|(i, &(c, s))| uniform(&format!("map{i}"), &[1, c, s, s])).collect();
    let names: Vec<String> = (0..maps.len()).map(|i| format!("feature_{i}")).collect();
    let inputs: Vec<_> = names.iter().map(String::as_str).zip(&maps).collect();
    let logits = run(&network, "pixel-classifier", &inputs, "logits");
    assert_eq!(logits.shape(), [1, 32, 512, 512]);
}

/// `cargo test --release -p pentimento-convert -- --ignored full_size_encoders`.
#[test]
#[ignore = "takes 6.3 GB"]
fn full_size_encoders() {
    let checkpoint = reference("e4e");
    let form = encoder::recognise(&checkpoint).unwrap();
    assert_eq!((form.rows, form.width), (18, 512));
    let network = encoder(&checkpoint, Rows::FirstAndOffsets);
    drop(checkpoint);
    let image = picture("face", [1, 3, 256, 256]);
    let found = run(&network, "encoder", &[("image", &image)], "w_plus");
    close("e4e", &some(&found, 8), &golden("e4e"), 1e-4);
    drop(network);
    editgan("", 512, 8);
}
