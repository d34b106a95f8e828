//! StyleGAN2 against PyTorch in double precision (`reference/stylegan2_golden.py`), in all published layouts.

use std::collections::BTreeMap;

use autodiff::Model;
use checkpoint::Checkpoint;
use convert::build::{Graph, batch};
use convert::networks::stylegan2::{self, Form, Layout, Noise, Options};
use convert::{Error, Network};
use ndarray::{ArrayD, Axis, IxDyn, concatenate};

use crate::support::{Runner, checkpoint, difference, npy, uniform};

/// Single precision through up to 17 convolutions, each a sum of thousands of products; seen: at most 1e-6.
const CLOSE: f32 = 1e-5;

fn load(name: &str) -> Checkpoint {
    checkpoint(&format!("stylegan2/{name}.layout"))
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

/// The largest differences of w, styles, and pictures (the smaller one too) from the goldens.
fn differences(name: &str, checkpoint: &Checkpoint) -> [f32; 4] {
    let form = stylegan2::recognise(checkpoint).unwrap();
    let options = Options { pictures: true, ..Options::default() };
    let network = stylegan2::build(checkpoint, &options).unwrap();
    let golden = |what: &str| npy(&format!("stylegan2/{name}-{what}.npy"));
    let n = golden("image").shape()[0];
    let z = uniform("z", &[n, form.latent]);
    let w = &Runner::new(part(&network, "mapping")).run(&[("z", &z)])["w"];
    let w_plus = uniform("w_plus", &[n, form.rows(), form.width]);
    let styles = &Runner::new(part(&network, "affine")).run(&[("w_plus", &w_plus)])["styles"];
    let pictures = Runner::new(part(&network, "synthesis")).run(&[("styles", styles)]);
    let smaller = &pictures[&format!("image_{}", form.resolution / 2)];
    [
        difference(w, &golden("w")),
        difference(styles, &golden("styles")),
        difference(&picked(&pictures["image"]), &golden("image")),
        difference(&picked(smaller), &golden("smaller")),
    ]
}

#[test]
fn pictures_are_those_of_pytorch_at_every_size_and_width() {
    for name in ["32", "64", "256", "256-half", "1024"] {
        let found = differences(name, &load(name));
        eprintln!("{name}: w, styles, image, smaller image {found:?}");
        assert!(found.iter().all(|&d| d < CLOSE), "{name}: {found:?}");
    }
}

#[test]
fn what_a_generator_is_like_follows_from_its_tensors() {
    let form = |name: &str| stylegan2::recognise(&load(name)).unwrap();
    let totals = |f: &Form| (f.resolution, f.rows(), f.styles().len(), f.channels_of_styles());
    // StyleSpace as Wu et al. count it.
    assert_eq!(totals(&form("1024")), (1024, 18, 26, 9088));
    assert_eq!(totals(&form("256")), (256, 14, 20, 8704));
    let plain: usize = form("1024").styles().iter().filter(|s| !s.rgb).map(|s| s.channels).sum();
    assert_eq!(plain, 6048);
    let rgb: Vec<usize> = (0..26).filter(|&i| form("1024").styles()[i].rgb).collect();
    assert_eq!(rgb, [1, 4, 7, 10, 13, 16, 19, 22, 25]);
    assert_eq!(form("256-half").channels, [512, 512, 512, 512, 256, 128, 64]);
    assert_eq!((form("256-half").mapping, form("64").width, form("64").latent), (2, 24, 24));
    assert!(stylegan2::recognise(&Checkpoint::default()).is_none());
}

/// A tensor's name and values in another layout, written from the table of the layouts, not from the code under test.
fn renamed(layout: Layout, name: &str, mut array: ArrayD<f32>) -> Option<(String, ArrayD<f32>)> {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let words: Vec<&str> = name.split('.').collect();
    let tf = layout == Layout::TensorFlow;
    let flat = |mut a: ArrayD<f32>, times: usize| {
        for _ in 0..times {
            a = a.index_axis_move(Axis(0), 0);
        }
        a
    };
    let new = match words.as_slice() {
        ["input", "input"] if tf => "synthesis/4x4/Const/const".into(),
        ["input", "input"] => {
            array = flat(array, 1);
            "synthesis.b4.const".into()
        }
        ["style", index, what] if tf => {
            array = array.reversed_axes();
            format!("mapping/Dense{}/{what}", number(index) - 1)
        }
        ["style", index, what] => format!("mapping.fc{}.{what}", number(index) - 1),
        ["noises", noise] => {
            let index = number(noise.strip_prefix("noise_").unwrap());
            let side = array.shape()[3];
            if tf {
                format!("synthesis/noise{index}")
            } else {
                array = flat(array, 2);
                format!("synthesis.b{side}.conv{}.noise_const", usize::from(index.is_multiple_of(2)))
            }
        }
        [layer @ .., _] => {
            let layer: Vec<&str> =
                layer.iter().copied().take_while(|w| !["conv", "noise", "activate"].contains(w)).collect();
            let (side, kind) = match layer.as_slice() {
                ["conv1"] => (4, "conv1"),
                ["to_rgb1"] => (4, "torgb"),
                ["convs", i] => (8 << (number(i) / 2), ["conv0", "conv1"][number(i) % 2]),
                ["to_rgbs", i] => (8 << number(i), "torgb"),
                _ => return None,
            };
            let what = match name.strip_prefix(&format!("{}.", layer.join("."))).unwrap() {
                "conv.weight" => "weight",
                "conv.modulation.weight" => "affine.weight",
                "conv.modulation.bias" => "affine.bias",
                "noise.weight" => "noise_strength",
                "activate.bias" | "bias" => "bias",
                _ => return None,
            };
            match what {
                "weight" => array = flat(array, 1),
                "noise_strength" => array = flat(array, 1),
                "bias" => {
                    array = ArrayD::from_shape_vec(IxDyn(&[array.len()]), array.iter().copied().collect())
                        .unwrap()
                }
                _ => {}
            }
            if !tf {
                format!("synthesis.b{side}.{kind}.{what}")
            } else {
                match what {
                    "weight" => {
                        array = array.permuted_axes(IxDyn(&[2, 3, 1, 0]));
                        if kind == "conv0" {
                            array.invert_axis(Axis(0));
                            array.invert_axis(Axis(1));
                        }
                    }
                    "affine.weight" => array = array.reversed_axes(),
                    "affine.bias" => array -= 1.0,
                    _ => {}
                }
                let kind = match (side, kind) {
                    (_, "torgb") => "ToRGB",
                    (4, _) => "Conv",
                    (_, "conv0") => "Conv0_up",
                    _ => "Conv1",
                };
                let what = what.replace("affine.", "mod_");
                format!("synthesis/{side}x{side}/{kind}/{what}")
            }
        }
        [] => return None,
    };
    // Files keep rows one after the other.
    Some((new, array.as_standard_layout().to_owned()))
}

fn relaid(checkpoint: &Checkpoint, layout: Layout, prefix: &str) -> Checkpoint {
    let tensors = checkpoint.names().map(|name| {
        let (name, array) =
            renamed(layout, name, checkpoint.f32(name).unwrap()).unwrap_or_else(|| panic!("{name}"));
        (format!("{prefix}{name}"), array)
    });
    Checkpoint::of(tensors)
}

fn bytes(network: &Network) -> Vec<Vec<u8>> {
    network.parts.iter().map(|p| p.model.to_bytes().unwrap()).collect()
}

#[test]
fn every_layout_of_the_same_weights_gives_the_same_bytes() {
    let original = load("64");
    let options = Options::default();
    let right = bytes(&stylegan2::build(&original, &options).unwrap());
    assert_eq!(right.len(), 3);
    let nvidia = relaid(&original, Layout::Nvidia, "G_ema.");
    assert_eq!(stylegan2::recognise(&nvidia).unwrap().layout, Layout::Nvidia);
    assert_eq!(bytes(&stylegan2::build(&nvidia, &options).unwrap()), right);
    let nested = relaid(&original, Layout::Nvidia, "");
    assert_eq!(bytes(&stylegan2::build(&nested, &options).unwrap()), right);
    let found = differences("64", &relaid(&original, Layout::TensorFlow, "Gs."));
    // A bias that had one taken off and added again is not always the same bits.
    assert!(found.iter().all(|&d| d < CLOSE), "{found:?}");
}

/// A change to one tensor.
fn changed(original: &Checkpoint, name: &str, change: impl Fn(&mut ArrayD<f32>)) -> Checkpoint {
    Checkpoint::of(original.names().map(|n| {
        let mut array = original.f32(n).unwrap();
        if n == name {
            change(&mut array);
        }
        (n.to_owned(), array)
    }))
}

#[test]
fn wrong_readings_of_the_layout_are_seen() {
    let original = load("64");
    let image = |checkpoint: &Checkpoint| differences("64", checkpoint)[2];
    // What a flipped kernel of the doubling would give.
    let flipped = changed(&original, "convs.2.conv.weight", |w| {
        w.invert_axis(Axis(3));
        w.invert_axis(Axis(4));
    });
    assert!(image(&flipped) > 0.01, "{}", image(&flipped));
    // A gain that one layer forgets; demodulation hides it from the weight, so that bias and noise have to carry it.
    let gainless = changed(&original, "convs.3.activate.bias", |b| *b /= std::f32::consts::SQRT_2);
    assert!(image(&gainless) > 1e-3, "{}", image(&gainless));
    // The one inside of the styles' bias left out.
    let centred = changed(&original, "convs.3.conv.modulation.bias", |b| *b -= 1.0);
    assert!(image(&centred) > 0.01, "{}", image(&centred));
}

#[test]
fn a_bilinear_skip_differs_at_the_borders_only() {
    let network = stylegan2::build(&load("64"), &Options::default()).unwrap();
    let mut proto = part(&network, "synthesis").proto().clone();
    let graph = proto.graph.as_mut().unwrap();
    let mut doubled = 0;
    for node in graph.node.iter_mut().filter(|n| n.op_type == "ConvTranspose" && n.name.contains("torgb")) {
        node.op_type = "Resize".into();
        node.input = vec![node.input[0].clone(), String::new(), "twice".into()];
        node.attribute = vec![autodiff::proto::AttributeProto {
            name: "mode".into(),
            s: b"linear".to_vec().into(),
            kind: 3,
            ..Default::default()
        }];
        doubled += 1;
    }
    assert_eq!(doubled, 4);
    graph.initializer.push(autodiff::tensor::of_floats("twice", &[4], &[1.0, 1.0, 2.0, 2.0]));
    let styles = npy("stylegan2/64-styles.npy");
    let wrong = &Runner::new(&Model::new(proto).unwrap()).run(&[("styles", &styles)])["image"];
    let right = &Runner::new(part(&network, "synthesis")).run(&[("styles", &styles)])["image"];
    assert!(difference(wrong, right) > 0.01);
    let inside = |a: &ArrayD<f32>| {
        let middle: Vec<usize> = (17..47).collect();
        a.select(Axis(2), &middle).select(Axis(3), &middle)
    };
    // Each doubling carries the border's difference one pixel inwards, which then counts twice: 2 + 4 + 8 + 2.
    assert!(difference(&inside(wrong), &inside(right)) < CLOSE);
}

#[test]
fn w_plus_to_pictures_is_affine_layers_and_synthesis_joined() {
    let network = stylegan2::build(&load("64"), &Options::default()).unwrap();
    let joined = part(&network, "affine")
        .clone()
        .join(part(&network, "synthesis").clone(), &[("styles", "styles")])
        .unwrap();
    let w_plus = uniform("w_plus", &[2, 10, 24]);
    let image = &Runner::new(&joined).run(&[("w_plus", &w_plus)])["image"];
    assert!(difference(&picked(image), &npy("stylegan2/64-image.npy")) < CLOSE);
}

#[test]
fn noise_is_stored_made_given_or_off() {
    let original = load("64");
    let synthesis = |checkpoint: &Checkpoint, noise, inputs: &[(&str, &ArrayD<f32>)]| {
        let options = Options { noise, ..Options::default() };
        let network = stylegan2::build(checkpoint, &options).unwrap();
        let styles = npy("stylegan2/64-styles.npy");
        let inputs = [&[("styles", &styles)], inputs].concat();
        Runner::new(part(&network, "synthesis")).run(&inputs)["image"].clone()
    };
    let stored = synthesis(&original, Noise::Stored, &[]);
    let noises: BTreeMap<String, ArrayD<f32>> = original
        .names()
        .filter_map(|n| Some((n.strip_prefix("noises.")?.to_owned(), original.f32(n).unwrap())))
        .collect();
    assert_eq!(noises.len(), 9);
    let inputs: Vec<(&str, &ArrayD<f32>)> = noises.iter().map(|(n, a)| (n.as_str(), a)).collect();
    assert!(difference(&synthesis(&original, Noise::Input, &inputs), &stored) < CLOSE);
    let quiet: BTreeMap<String, ArrayD<f32>> = noises.iter().map(|(n, a)| (n.clone(), a * 0.0)).collect();
    let inputs: Vec<(&str, &ArrayD<f32>)> = quiet.iter().map(|(n, a)| (n.as_str(), a)).collect();
    let off = synthesis(&original, Noise::Off, &[]);
    assert!(difference(&synthesis(&original, Noise::Input, &inputs), &off) < CLOSE);
    assert!(difference(&off, &stored) > 0.01);
    // Reference loaders accept checkpoints without; two of them give the same picture.
    let without = Checkpoint::of(
        original.names().filter(|n| !n.starts_with("noises.")).map(|n| (n.into(), original.f32(n).unwrap())),
    );
    let made = synthesis(&without, Noise::Stored, &[]);
    assert_eq!(made, synthesis(&without, Noise::Stored, &[]));
    assert!(difference(&made, &stored) > 0.01);
}

#[test]
fn previews_and_features_come_from_the_same_layers() {
    let original = load("64");
    let options = Options { features: true, pictures: true, ..Options::default() };
    let network = stylegan2::build(&original, &options).unwrap();
    let styles = npy("stylegan2/64-styles.npy");
    let all = Runner::new(part(&network, "synthesis")).run(&[("styles", &styles)]);
    let preview = Options { stop_at: Some(32), ..Options::default() };
    let preview = stylegan2::build(&original, &preview).unwrap();
    let small = &Runner::new(part(&preview, "synthesis")).run(&[("styles", &styles)])["image"];
    assert!(difference(small, &all["image_32"]) < CLOSE);
    let fewer = |n: &Network| part(n, "synthesis").graph().node.len();
    assert!(fewer(&preview) < fewer(&network));
    // Convolutions at 4, and two at each further resolution.
    let shapes: Vec<&[usize]> = (1..=9).map(|i| all[&format!("feature_{i}")].shape()).collect();
    assert_eq!(
        (shapes[0], shapes[1], shapes[8]),
        (&[2, 32, 4, 4][..], &[2, 32, 8, 8][..], &[2, 16, 64, 64][..])
    );
    // The last picture is the one before, doubled, and one product of the last feature.
    let bias = original.f32("to_rgbs.3.bias").unwrap();
    let weight = original.f32("to_rgbs.3.conv.weight").unwrap();
    let at = |y: usize, x: usize, c: usize| {
        let channels = (0..16).map(|i| {
            let style = styles[[0, styles.shape()[1] - 16 + i]];
            f64::from(all["feature_9"][[0, i, y, x]] * style * weight[[0, c, i, 0, 0]]) / 4.0
        });
        channels.sum::<f64>() + f64::from(bias[[0, c, 0, 0]])
    };
    let doubled = |y: usize, x: usize, c: usize| {
        let near = |at: usize| {
            if at.is_multiple_of(2) {
                [(at / 2 - 1, 0.25), (at / 2, 0.75)]
            } else {
                [(at / 2, 0.75), (at / 2 + 1, 0.25)]
            }
        };
        let old = &all["image_32"];
        let sum = near(y)
            .map(|(i, a)| near(x).map(|(j, b)| a * b * f64::from(old[[0, c, i, j]])).iter().sum::<f64>());
        sum.iter().sum::<f64>()
    };
    for (y, x, c) in [(10, 11, 0), (31, 40, 1), (50, 21, 2)] {
        let right = at(y, x, c) + doubled(y, x, c);
        assert!((f64::from(all["image"][[0, c, y, x]]) - right).abs() < 1e-4, "{y} {x} {c}");
    }
}

#[test]
fn values_are_clipped_where_half_precision_was_trained_so() {
    let original = load("64");
    let styles = npy("stylegan2/64-styles.npy");
    let run = |clamp| {
        let form = Form { clamp, ..stylegan2::recognise(&original).unwrap() };
        let graph = Graph::new("clipped");
        let input = graph.input("styles", &batch([form.channels_of_styles()])).unwrap();
        let made = stylegan2::synthesise(&graph, &original, &form, &input, &Options::default()).unwrap();
        graph.output("feature", &made.features[9]).unwrap();
        graph.output("image", &made.pictures[4]).unwrap();
        let mut outputs = Runner::new(&graph.finish().unwrap()).run(&[("styles", &styles)]);
        (outputs.remove("feature").unwrap(), outputs.remove("image").unwrap())
    };
    let free = run(None);
    let loose = run(Some(256.0));
    assert!(difference(&loose.1, &free.1) < CLOSE);
    let (feature, image) = run(Some(0.5));
    let most = |a: &ArrayD<f32>| a.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    assert!(most(&free.0) > 1.0);
    assert_eq!(most(&feature), 0.5);
    // Pictures of five resolutions add up, each clipped by itself; doubling makes none larger.
    assert!(most(&image) <= 2.5 && difference(&image, &free.1) > 0.1, "{}", most(&image));
}

/// A vector of length √n, in double precision.
fn unit(v: Vec<f64>) -> Vec<f64> {
    let root = (v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64 + 1e-8).sqrt();
    v.into_iter().map(|x| x / root).collect()
}

/// The mapping's layers after the first vector, written out in double precision.
fn mapped(narrow: &Checkpoint, first: &ArrayD<f32>, mut x: Vec<f64>) -> ArrayD<f32> {
    for index in 0..2 {
        let weight = match index {
            0 => first.clone(),
            _ => narrow.f32(&format!("G_ema.mapping.fc{index}.weight")).unwrap(),
        };
        let bias = narrow.f32(&format!("G_ema.mapping.fc{index}.bias")).unwrap();
        let row = |i: usize| {
            let sum: f64 = x.iter().enumerate().map(|(j, v)| v * f64::from(weight[[i, j]])).sum();
            let y = (sum / (x.len() as f64).sqrt() + f64::from(bias[[i]])) * 0.01;
            y.max(0.2 * y) * 2f64.sqrt()
        };
        x = (0..16).map(row).collect();
    }
    ArrayD::from_shape_vec(IxDyn(&[1, 16]), x.iter().map(|&v| v as f32).collect()).unwrap()
}

#[test]
fn labels_go_into_the_mapping_of_generators_that_know_classes() {
    let narrow = relaid(&load("32"), Layout::Nvidia, "G_ema.");
    // An embedding need not be as wide as z.
    let (weight, bias) = (uniform("embed.weight", &[12, 3]), uniform("embed.bias", &[12]));
    let before = narrow.f32("G_ema.mapping.fc0.weight").unwrap();
    let first = |more: usize| concatenate![Axis(1), before, uniform("more", &[16, more]) * 100.0];
    let z = uniform("z", &[1, 16]);
    let c = ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![0.0, 1.0, 0.0]).unwrap();
    let w = |checkpoint: &Checkpoint| {
        let network = stylegan2::build(checkpoint, &Options::default()).unwrap();
        Runner::new(part(&network, "mapping")).run(&[("z", &z), ("c", &c)]).remove("w").unwrap()
    };
    let with = |checkpoint: &Checkpoint, others: &[(&str, ArrayD<f32>)]| {
        let mut tensors: BTreeMap<String, ArrayD<f32>> =
            checkpoint.names().map(|n| (n.to_owned(), checkpoint.f32(n).unwrap())).collect();
        tensors.extend(
            others.iter().map(|(name, array)| ((*name).to_owned(), array.as_standard_layout().to_owned())),
        );
        Checkpoint::of(tensors)
    };
    let random = || z.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();

    // ADA, in PyTorch and in TensorFlow: a layer, and two vectors that are normalised each by itself.
    let embedded = (0..12).map(|i| f64::from(weight[[i, 1]]) / 3f64.sqrt() + f64::from(bias[[i]])).collect();
    let right = mapped(&narrow, &first(12), [unit(random()), unit(embedded)].concat());
    let torch = with(
        &narrow,
        &[
            ("G_ema.mapping.embed.weight", weight.clone()),
            ("G_ema.mapping.embed.bias", bias.clone()),
            ("G_ema.mapping.fc0.weight", first(12)),
        ],
    );
    let form = stylegan2::recognise(&torch).unwrap();
    assert_eq!((form.latent, form.width, form.labels, form.labels_with_z), (16, 16, 3, false));
    assert!(difference(&w(&torch), &right) < CLOSE, "{}", difference(&w(&torch), &right));
    let tensorflow = with(
        &relaid(&load("32"), Layout::TensorFlow, "Gs."),
        &[
            ("Gs.mapping/LabelEmbed/weight", weight.clone().reversed_axes()),
            ("Gs.mapping/LabelEmbed/bias", bias),
            ("Gs.mapping/Dense0/weight", first(12).reversed_axes()),
        ],
    );
    assert_eq!(stylegan2::recognise(&tensorflow).unwrap().labels, 3);
    assert!(difference(&w(&tensorflow), &right) < CLOSE, "{}", difference(&w(&tensorflow), &right));

    // Before ADA: a row for each label, as wide as z, and both normalised together.
    let rows = uniform("rows", &[3, 16]);
    let joined =
        random().into_iter().chain(rows.index_axis(Axis(0), 1).iter().map(|&v| f64::from(v))).collect();
    let right = mapped(&narrow, &first(16), unit(joined));
    let older = with(
        &relaid(&load("32"), Layout::TensorFlow, "Gs."),
        &[("Gs.mapping/LabelConcat/weight", rows), ("Gs.mapping/Dense0/weight", first(16).reversed_axes())],
    );
    let form = stylegan2::recognise(&older).unwrap();
    assert_eq!((form.latent, form.labels, form.labels_with_z), (16, 3, true));
    assert!(difference(&w(&older), &right) < CLOSE, "{}", difference(&w(&older), &right));
    // Normalised each by itself it would be something else.
    let other = mapped(&narrow, &first(16), {
        let rows = uniform("rows", &[3, 16]);
        [unit(random()), unit(rows.index_axis(Axis(0), 1).iter().map(|&v| f64::from(v)).collect())].concat()
    });
    assert!(difference(&other, &right) > 1e-3, "{}", difference(&other, &right));
}

#[test]
fn the_mean_of_w_has_a_row_for_each_layer() {
    let with = |mean: ArrayD<f32>| {
        let original = load("32");
        let own = original.names().map(|n| (format!("g_ema.{n}"), original.f32(n).unwrap()));
        let own: Vec<_> = own.chain([("latent_avg".to_owned(), mean)]).collect();
        stylegan2::build(&Checkpoint::of(own), &Options::default())
    };
    let network = with(uniform("mean", &[16])).unwrap();
    let mean = &network.arrays["code-mean"];
    assert_eq!(mean.shape(), [8, 16]);
    assert_eq!(mean.index_axis(Axis(0), 7), uniform("mean", &[16]));
    assert_eq!(with(uniform("mean", &[8, 16])).unwrap().arrays["code-mean"], uniform("mean", &[8, 16]));
    assert!(matches!(with(uniform("mean", &[3])), Err(Error::Sizes { .. })));
}

#[test]
fn what_is_missing_or_of_other_sizes_is_named() {
    let original = load("32");
    let without = |gone: &str| {
        let rest = original.names().filter(|n| *n != gone).map(|n| (n.to_owned(), original.f32(n).unwrap()));
        stylegan2::build(&Checkpoint::of(rest), &Options::default())
    };
    for name in ["convs.1.conv.weight", "to_rgbs.1.bias", "convs.0.noise.weight"] {
        let error = without(name).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
    let thin = changed(&original, "convs.1.conv.weight", |w| *w = w.select(Axis(2), &[0, 1]));
    let error = stylegan2::build(&thin, &Options::default()).unwrap_err();
    assert!(matches!(&error, Error::Sizes { tensor, .. } if tensor == "convs.1.conv.weight"), "{error}");
    let filter = |row: [f32; 4]| {
        let kernel = ArrayD::from_shape_fn(IxDyn(&[4, 4]), |at| row[at[0]] * row[at[1]]);
        let own = original.names().map(|n| (n.to_owned(), original.f32(n).unwrap()));
        let all = own.chain([("to_rgbs.0.upsample.kernel".to_owned(), kernel)]);
        stylegan2::build(&Checkpoint::of(all), &Options::default())
    };
    assert!(filter([1.0, 3.0, 3.0, 1.0]).is_ok());
    assert!(filter([1.0, 2.0, 2.0, 1.0]).unwrap_err().to_string().contains("to_rgbs.0.upsample.kernel"));
    for stop_at in [2, 48, 64] {
        let options = Options { stop_at: Some(stop_at), ..Options::default() };
        assert!(matches!(stylegan2::build(&original, &options), Err(Error::Unsupported(_))));
    }
}
