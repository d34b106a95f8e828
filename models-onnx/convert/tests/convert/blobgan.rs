//! BlobGAN against PyTorch in double precision (`reference/blobgan_golden.py`), and the published mathematics of blobs.

use autodiff::{Differentiate, Loss, Measure, Model, Term};
use checkpoint::Checkpoint;
use convert::build::Graph;
use convert::networks::blobgan::{self, Options, shares};
use convert::networks::stylegan2::{self, Noise};
use convert::{Error, Network};
use ndarray::{ArrayD, Axis, IxDyn, concatenate};

use crate::support::{Runner, checkpoint, difference, npy, uniform};

/// Single precision through a dozen convolutions; seen: at most 1e-6.
const CLOSE: f32 = 1e-5;

const FIELDS: [&str; 6] = ["xs", "ys", "sizes", "covs", "features", "styles"];

fn load(name: &str) -> Checkpoint {
    checkpoint(&format!("blobgan/{name}.layout"))
}

fn golden(name: &str, what: &str) -> ArrayD<f32> {
    npy(&format!("blobgan/{name}-{what}.npy"))
}

fn part<'a>(network: &'a Network, role: &str) -> &'a Model {
    &network.parts.iter().find(|p| p.role == role).unwrap().model
}

/// The rows and columns that the goldens keep.
fn picked(picture: &ArrayD<f32>) -> ArrayD<f32> {
    let side = picture.shape()[3];
    let places: std::collections::BTreeSet<usize> =
        (0..side).step_by((side / 24).max(1)).chain(0..3).chain(side - 3..side).collect();
    let places: Vec<usize> = places.into_iter().collect();
    picture.select(Axis(2), &places).select(Axis(3), &places)
}

/// A field of blobs with that of the background before it, which PyTorch's lack.
fn above_background(field: &str, blobs: &ArrayD<f32>) -> ArrayD<f32> {
    let mut background = blobs.select(Axis(1), &[0]);
    match field {
        "xs" | "ys" => background.fill(0.5),
        "sizes" => background.fill(blobgan::BACKGROUND),
        "covs" => background.indexed_iter_mut().for_each(|(at, v)| *v = f32::from(u8::from(at[2] == at[3]))),
        _ => return blobs.clone(),
    }
    concatenate![Axis(1), background, *blobs]
}

/// The fields that the picture was made of.
fn fields(name: &str, n: usize) -> Vec<ArrayD<f32>> {
    let field = |what: &&str| {
        let all = golden(name, what).select(Axis(0), &(0..n).collect::<Vec<_>>());
        above_background(what, &if *what == "sizes" { all + 1.0 } else { all })
    };
    FIELDS.iter().map(field).collect()
}

fn noises(model: &Model) -> Vec<(String, ArrayD<f32>)> {
    let part = convert::Part { role: "", model: model.clone() };
    let noises = part.inputs().into_iter().filter(|p| p.name.starts_with("noise_"));
    let noise = |p: convert::Port| {
        let shape: Vec<usize> = p.shape.iter().map(|d| d.size().unwrap()).collect();
        (p.name.clone(), uniform(&p.name, &shape))
    };
    noises.map(noise).collect()
}

/// A picture of fields, with the noise of the goldens.
fn picture(model: &Model, fields: &[ArrayD<f32>]) -> ArrayD<f32> {
    let noises = noises(model);
    let mut inputs: Vec<(&str, &ArrayD<f32>)> = FIELDS.into_iter().zip(fields).collect();
    inputs.extend(noises.iter().map(|(name, noise)| (name.as_str(), noise)));
    Runner::new(model).run(&inputs)["image"].clone()
}

fn compare(name: &str, n: usize) {
    let checkpoint = load(name);
    let network = blobgan::build(&checkpoint, &Options { noise: Noise::Input }).unwrap();
    let form = blobgan::recognise(&checkpoint).unwrap();
    let z = uniform("z", &[2, form.layout.unwrap().noise]);
    let w = &Runner::new(part(&network, "mapping")).run(&[("z", &z)])["w"];
    let mut found = vec![("w", difference(w, &golden(name, "w")))];
    let layout = Runner::new(part(&network, "layout")).run(&[("w", w)]);
    let side = form.decoder.unwrap().resolution();
    let image = uniform("image", &[1, 3, side, side]);
    let inverted = Runner::new(part(&network, "encoder")).run(&[("image", &image)]);
    for field in FIELDS {
        let blobs = |found: &ArrayD<f32>| match field {
            "features" | "styles" => found.clone(),
            // PyTorch's have no background there.
            _ => found.select(Axis(1), &(1..found.shape()[1]).collect::<Vec<_>>()),
        };
        let right = golden(name, field);
        let rows: Vec<usize> = (0..right.shape()[0]).collect();
        found.push((field, difference(&blobs(&layout[field]).select(Axis(0), &rows), &right)));
        let right = golden(name, &format!("inverted-{field}"));
        found.push((field, difference(&blobs(&inverted[field]), &right)));
        assert_eq!(inverted[field], above_background(field, &blobs(&inverted[field])));
    }
    let synthesis = part(&network, "synthesis");
    found.push((
        "picture",
        difference(&picked(&picture(synthesis, &fields(name, n))), &golden(name, "picture")),
    ));
    eprintln!("{name}: {found:?}");
    assert!(found.iter().all(|(_, d)| *d < CLOSE), "{name}: {found:?}");
}

#[test]
fn blobs_and_pictures_are_those_of_pytorch() {
    compare("narrow", 2);
}

#[test]
fn so_they_are_at_the_published_widths() {
    compare("wide", 1);
    let form = blobgan::recognise(&load("wide")).unwrap();
    let (layout, decoder) = (form.layout.unwrap(), form.decoder.unwrap());
    assert_eq!(layout.layers, [1024, 1024, 1024, 1024, 1024, 1024, 1024, 14151]);
    assert_eq!((decoder.resolution(), decoder.channels), (256, vec![768, 768, 768, 384, 192]));
}

/// Shares of blobs given as centres, sizes and covariances.
fn shared(side: usize, xs: &[f32], ys: &[f32], sizes: &[f32], covs: &[[f32; 4]]) -> ArrayD<f32> {
    let graph = Graph::new("shares");
    let k = xs.len() + 1;
    let input = |name: &str, shape: &[usize]| {
        let shape: Vec<autodiff::Dim> = shape.iter().map(|&s| s.into()).collect();
        graph.input(name, &shape).unwrap()
    };
    let places = blobgan::Places {
        xs: input("xs", &[1, k]),
        ys: input("ys", &[1, k]),
        sizes: input("sizes", &[1, k]),
        covs: input("covs", &[1, k, 2, 2]),
    };
    graph.output("shares", &shares(&graph, &places, side).unwrap()).unwrap();
    let array = |field: &'static str, shape: &[usize], values: &[f32]| {
        let blobs = ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap();
        (field, above_background(field, &blobs))
    };
    let inputs = [
        array("xs", &[1, k - 1], xs),
        array("ys", &[1, k - 1], ys),
        array("sizes", &[1, k - 1], sizes),
        array("covs", &[1, k - 1, 2, 2], &covs.concat()),
    ];
    let inputs: Vec<(&str, &ArrayD<f32>)> = inputs.iter().map(|(n, a)| (*n, a)).collect();
    Runner::new(&graph.finish().unwrap()).run(&inputs)["shares"].clone()
}

const TWO: ([f32; 2], [f32; 2], [f32; 2], [[f32; 4]; 2]) =
    ([0.5, 0.75], [0.5, 0.25], [2.0, 1.0], [[0.02001, 0.0, 0.0, 0.02001], [0.02501, 0.015, 0.015, 0.02501]]);

#[test]
fn two_blobs_share_a_grid_as_the_published_code_has_it() {
    let (xs, ys, sizes, covs) = TWO;
    let found = shared(4, &xs, &ys, &sizes, &covs);
    assert_eq!(found.shape(), [1, 3, 4, 4]);
    let at = |row: usize, column: usize| [0, 1, 2].map(|m| found[[0, m, row, column]]);
    let near = |found: [f32; 3], right: [f32; 3]| found.iter().zip(right).all(|(f, r)| (f - r).abs() < 1e-5);
    assert!(near(at(1, 3), [0.265147, 0.003794, 0.731059]), "{:?}", at(1, 3));
    assert!(near(at(1, 2), [0.715379, 0.232612, 0.052009]), "{:?}", at(1, 2));
    assert!(near(at(2, 2), [0.119202, 0.880788, 0.000010]), "{:?}", at(2, 2));
    assert!(near(at(0, 0), [1.0, 0.0, 0.0]), "{:?}", at(0, 0));
    assert!(found.sum_axis(Axis(1)).iter().all(|s| (s - 1.0).abs() < 1e-6));

    // Means of 2 × 2 places, and features laid there.
    let half = |m: usize, y: usize, x: usize| {
        (0..4).map(|i| found[[0, m, 2 * y + i / 2, 2 * x + i % 2]]).sum::<f32>() / 4.0
    };
    assert!(near([0, 1, 2].map(|m| half(m, 0, 1)), [0.705432, 0.059108, 0.235460]));
    assert!(near([0, 1, 2].map(|m| half(m, 1, 1)), [0.643775, 0.343220, 0.013005]));
    let features = [[1.0f32, 0.0], [0.0, 2.0], [3.0, -1.0]];
    let laid = |c: usize, y, x| (0..3).map(|m| half(m, y, x) * features[m][c]).sum::<f32>();
    for ((y, x), right) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().zip([
        [0.996526, 0.007028],
        [1.411813, -0.117244],
        [0.935122, 0.129755],
        [0.682789, 0.673436],
    ]) {
        let found = [laid(0, y, x), laid(1, y, x)];
        assert!((found[0] - right[0]).abs() < 1e-5 && (found[1] - right[1]).abs() < 1e-5, "{found:?}");
    }
}

#[test]
fn the_later_blob_lies_above_and_places_begin_at_the_edge() {
    let (xs, ys, sizes, covs) = TWO;
    let swap = |a: [f32; 2]| [a[1], a[0]];
    let swapped = shared(4, &swap(xs), &swap(ys), &swap(sizes), &[covs[1], covs[0]]);
    // At (1, 2): now the small blob is below.
    assert!((swapped[[0, 1, 1, 2]] - 0.039247).abs() < 1e-5);
    assert!((swapped[[0, 2, 1, 2]] - 0.245374).abs() < 1e-5);
    assert!((swapped[[0, 0, 1, 2]] - 0.715379).abs() < 1e-5);
    // Half a pixel further is another picture.
    let further = shared(4, &xs.map(|x| x - 0.125), &ys.map(|y| y - 0.125), &sizes, &covs);
    assert!(difference(&further, &shared(4, &xs, &ys, &sizes, &covs)) > 0.1);
}

#[test]
fn blobs_without_direction_or_far_larger_than_the_picture_stay_finite() {
    let found = shared(
        8,
        &[0.5; 3],
        &[0.5; 3],
        &[50.0, -200.0, 90.0],
        &[[1e-5, 0.0, 0.0, 1e-5], [0.24, 0.0, 0.0, 0.0017], [0.5, 0.49, 0.49, 0.5]],
    );
    assert!(found.iter().all(|v| (0.0..=1.0).contains(v)));
    assert!(found.sum_axis(Axis(1)).iter().all(|s| (s - 1.0).abs() < 1e-6));
    // The last covers everything.
    assert!(found[[0, 3, 4, 4]] > 0.999);
}

#[test]
fn wrong_orders_and_grids_are_seen_in_the_picture() {
    let network = blobgan::build(&load("narrow"), &Options { noise: Noise::Input }).unwrap();
    let synthesis = part(&network, "synthesis");
    let right = fields("narrow", 2);
    let off = |fields: &[ArrayD<f32>]| {
        difference(&picked(&picture(synthesis, fields)), &golden("narrow", "picture"))
    };
    assert!(off(&right) < CLOSE);
    let turned: Vec<ArrayD<f32>> = right.iter().map(|field| field.select(Axis(1), &[0, 3, 2, 1])).collect();
    assert!(off(&turned) > 0.01, "{}", off(&turned));
    let mut shifted = right.clone();
    shifted[0] -= 0.5 / 64.0;
    shifted[1] -= 0.5 / 64.0;
    assert!(off(&shifted) > 0.01, "{}", off(&shifted));
}

#[test]
fn a_blob_too_small_to_show_may_as_well_not_be_there() {
    let network = blobgan::build(&load("narrow"), &Options::default()).unwrap();
    let synthesis = part(&network, "synthesis");
    let three = fields("narrow", 1);
    let mut hidden = three.clone();
    hidden[2].index_axis_mut(Axis(1), 2).fill(-1e3);
    let two: Vec<ArrayD<f32>> = three.iter().map(|f| f.select(Axis(1), &[0, 1, 3])).collect();
    assert!(difference(&picture(synthesis, &two), &picture(synthesis, &hidden)) < CLOSE);
}

#[test]
fn gradients_reach_every_field() {
    let network = blobgan::build(&load("narrow"), &Options::default()).unwrap();
    let likeness = Term::new("likeness", Measure::MeanSquare, "image").against("target");
    let mut whole = Differentiate::new(part(&network, "synthesis").clone()).loss(Loss::of(likeness));
    for field in FIELDS {
        whole = whole.wrt(field);
    }
    let gradient = whole.build().unwrap();
    let mut runner = Runner::new(&gradient.model);
    let target = uniform("target", &[1, 3, 64, 64]);
    let given = fields("narrow", 1);
    let mut run = |fields: &[ArrayD<f32>]| {
        let mut inputs: Vec<(&str, &ArrayD<f32>)> = FIELDS.into_iter().zip(fields).collect();
        inputs.push(("target", &target));
        runner.run(&inputs)
    };
    let slopes = run(&given);
    for (index, field) in FIELDS.iter().enumerate() {
        let slope = &slopes[&format!("grad_{field}")];
        assert_eq!(slope.shape(), given[index].shape());
        // Along its gradient, the loss rises by the gradient's length.
        let length = slope.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!(length > 1e-5, "{field}: {length}");
        let step = 5e-4 * if *field == "covs" { 0.1 } else { 1.0 };
        let mut moved = |by: f32| {
            let mut fields = given.clone();
            fields[index] = &fields[index] + &(slope * (by * step / length));
            f64::from(run(&fields)["loss"].sum())
        };
        // Differences of fourth order; rectifiers bend the loss, and single precision rounds it to 1e-7 of itself.
        let near = moved(1.0) - moved(-1.0);
        let far = moved(2.0) - moved(-2.0);
        let rise = (8.0 * near - far) / (12.0 * f64::from(step));
        let length = f64::from(length);
        eprintln!("{field}: rises by {rise}, gradient {length}");
        assert!((rise - length).abs() < 0.03 * length + 1e-3, "{field}: {rise} {length}");
    }
}

#[test]
fn files_of_other_networks_and_of_other_sizes_are_refused() {
    assert!(blobgan::recognise(&checkpoint("stylegan2/64.layout")).is_none());
    assert!(stylegan2::recognise(&load("narrow")).is_none());
    let original = load("narrow");
    let only = |keep: &dyn Fn(&str) -> bool| {
        let kept = original.names().filter(|n| keep(n)).map(|n| (n.to_owned(), original.f32(n).unwrap()));
        blobgan::build(&Checkpoint::of(kept.collect::<Vec<_>>()), &Options::default())
    };
    let missing = only(&|n| !n.ends_with("convs.1.conv.weight")).unwrap_err().to_string();
    assert!(missing.contains("convs.1.conv.weight"), "{missing}");
    // Without the decoder, fields are taken to be as wide as in all published files; these are not.
    let error = only(&|n| !n.contains("generator_ema")).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    let roles: Vec<_> = only(&|n| !n.contains("inverter")).unwrap().parts.iter().map(|p| p.role).collect();
    assert_eq!(roles, ["mapping", "layout", "synthesis"]);
}

#[test]
fn the_checkpoint_of_the_starter_pack_has_its_own_area_and_widths() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let checkpoint = Checkpoint::open(here.join("../starter/checkpoint/rooms64.ckpt")).unwrap();
    let form = blobgan::recognise(&checkpoint).unwrap();
    assert_eq!(form.area, Some(0.002));
    let (layout, decoder, inverter) = (form.layout.unwrap(), form.decoder.unwrap(), form.inverter.unwrap());
    assert_eq!((layout.noise, layout.layers.len(), layout.layers[7]), (80, 8, inverter.outputs));
    assert_eq!((decoder.resolution(), decoder.channels), (64, vec![96, 48, 24]));
    assert_eq!((decoder.features, decoder.styles, inverter.resolution), (64, 64, 64));

    // The pack holds the same weights, rounded to half precision once more after gains were folded into them.
    let golden = |name: &str| -> ArrayD<f32> {
        ndarray_npy::read_npy(here.join(format!("../tests/golden/rooms_{name}.npy"))).unwrap()
    };
    let network = blobgan::build(&checkpoint, &Options::default()).unwrap();
    let blobs: Vec<ArrayD<f32>> = FIELDS.iter().map(|field| golden(field)).collect();
    let inputs: Vec<(&str, &ArrayD<f32>)> = FIELDS.into_iter().zip(&blobs).collect();
    let made = &Runner::new(part(&network, "synthesis")).run(&inputs)["image"];
    let off = difference(made, &golden("reconstruction"));
    assert!(off < 5e-3, "{off}");
}
