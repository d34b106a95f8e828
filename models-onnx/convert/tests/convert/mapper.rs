//! StyleCLIP's mappers against PyTorch in double precision (`reference/mapper_golden.py`).

use checkpoint::Checkpoint;
use convert::networks::mapper::{self, Options, Space};
use convert::{Error, Network};
use ndarray::{ArrayD, Axis, concatenate};

use crate::support::{Runner, checkpoint, difference, npy, uniform};

/// Four products of matrices in single precision; seen: 3e-7.
const CLOSE: f32 = 1e-6;

fn load(name: &str) -> Checkpoint {
    checkpoint(&format!("mapper/{name}.layout"))
}

fn ten() -> Options {
    Options { layers: Some(10) }
}

fn delta(network: &Network, input: &str, code: &ArrayD<f32>) -> ArrayD<f32> {
    assert_eq!(network.parts.len(), 1);
    Runner::new(&network.parts[0].model).run(&[(input, code)])["delta"].clone()
}

#[test]
fn deltas_are_those_of_pytorch() {
    for (name, space, input, shape) in [
        ("single", Space::Single, "w_plus", &[2, 10, 24][..]),
        ("levels", Space::Levels, "w_plus", &[2, 10, 24]),
        ("levels-no-fine", Space::Levels, "w_plus", &[2, 10, 24]),
        ("styles", Space::Styles([&[32; 12][..], &[16; 2]].concat()), "styles", &[2, 416]),
    ] {
        let checkpoint = load(name);
        assert_eq!(mapper::recognise(&checkpoint).unwrap().space, space);
        let network = mapper::build(&checkpoint, &ten()).unwrap();
        let code = uniform("code", shape);
        let found = delta(&network, input, &code);
        let off = difference(&found, &npy(&format!("mapper/{name}.npy")));
        eprintln!("{name}: {off:e}");
        assert!(off < CLOSE, "{name}: {off}");
    }
}

#[test]
fn a_group_without_mapper_adds_nothing() {
    let network = mapper::build(&load("levels-no-fine"), &ten()).unwrap();
    let found = delta(&network, "w_plus", &uniform("code", &[1, 10, 24]));
    let layer = |i| found.index_axis(Axis(1), i).iter().fold(0.0f32, |m, v| m.max(v.abs()));
    assert!(layer(7) > 0.0);
    assert!(layer(8) == 0.0 && layer(9) == 0.0);
}

#[test]
fn norms_go_over_the_layers_of_a_group() {
    // The trap of the published code. Were the norm over channels, each layer would be treated by itself, and a
    // change to one would leave the others alone.
    let network = mapper::build(&load("levels"), &ten()).unwrap();
    let code = uniform("code", &[1, 10, 24]);
    let mut changed = code.clone();
    changed.index_axis_mut(Axis(1), 1).mapv_inplace(|v| v * 4.0);
    let (one, other) = (delta(&network, "w_plus", &code), delta(&network, "w_plus", &changed));
    let moved = |i: usize| {
        let layer = |a: &ArrayD<f32>| a.index_axis(Axis(1), i).to_owned();
        difference(&layer(&other), &layer(&one))
    };
    assert!(moved(0) > 0.01 && moved(3) > 0.01, "{} {}", moved(0), moved(3));
    assert!(moved(4) == 0.0 && moved(9) == 0.0);
}

#[test]
fn the_number_of_layers_comes_from_the_generator_in_the_file() {
    let own = load("levels");
    let generator = checkpoint("stylegan2/64.layout");
    let all = own
        .names()
        .map(|n| (n.to_owned(), own.f32(n).unwrap()))
        .chain(generator.names().map(|n| (format!("state_dict.decoder.{n}"), generator.f32(n).unwrap())));
    let both = Checkpoint::of(all.collect::<Vec<_>>());
    let network = mapper::build(&both, &Options::default()).unwrap();
    assert_eq!(network.parts[0].outputs()[0].shape[1].size(), Some(10));
    let error = mapper::build(&own, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
}

#[test]
fn what_is_missing_or_of_other_sizes_is_named() {
    let original = load("single");
    let with = |change: fn(&str, ArrayD<f32>) -> Option<ArrayD<f32>>| {
        let tensors =
            original.names().filter_map(|n| Some((n.to_owned(), change(n, original.f32(n).unwrap())?)));
        mapper::build(&Checkpoint::of(tensors.collect::<Vec<_>>()), &ten()).unwrap_err().to_string()
    };
    let missing = with(|name, array| (!name.ends_with("3.bias")).then_some(array));
    assert!(missing.contains("mapping.mapping.3.bias"), "{missing}");
    let wide = with(|name, array| {
        Some(if name.ends_with("2.weight") { concatenate![Axis(1), array, array] } else { array })
    });
    assert!(wide.contains("mapping.mapping.2.weight") && wide.contains("[24, 48]"), "{wide}");
    assert!(mapper::recognise(&checkpoint("stylegan2/64.layout")).is_none());
}
