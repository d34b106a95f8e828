//! StyleCLIP's latent optimiser against PyTorch in double precision (`reference/text_edit_golden.py`): the same networks,
//! the same steps.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use convert::Network;
use convert::networks::clip::{self, Picture, View};
use convert::networks::{identity, stylegan2};
use convert::pack::{NewPack, Writing};
use models_onnx::family::stylegan::StyleGan;
use models_onnx::pack::{
    Alignment, AlignmentKind, Family, Fidelity, Licence, Manifest, Range, Style, VERSION,
};
use models_onnx::text_edit::{Edited, Settings, Space, TextEdit, Texts};
use models_onnx::{Cancel, Code, Pack, Places, Role, Runtime};
use ndarray::{Array1, ArrayD, IxDyn};

use crate::support::{checkpoint, difference, npy, uniform};

const SIDE: usize = 256;
const STEPS: usize = 12;
/// Lower than published: over networks that learned nothing, longer steps lead two roundings to two places.
const RATE: f64 = 0.02;
/// λ2 and λid of each golden, and how far numbers may be apart after eleven moves, over the largest change. Adam divides
/// gradients by the root of their mean square, so that what rounding makes of the smallest counts as much as the largest;
/// an identity, whose gradient is nothing but rounding at first, makes that worse. By the processor 1.2e-4 or 1.3e-3 are
/// seen, with similarities equal to 1.5e-8, and 6.2e-3 or 8.6e-3.
const CASES: [(&str, f32, f32, f32); 2] = [("plain", 0.008, 0.0, 2e-3), ("with-identity", 0.008, 0.1, 2e-2)];

fn part(network: Network, role: &str) -> autodiff::Model {
    network.parts.into_iter().find(|p| p.role == role).unwrap().model
}

/// The goldens' networks as a pack, with previews of a quarter of the side.
fn pack(folder: &Path, runtime: &Runtime) -> Arc<Pack> {
    let text = |text: &str| text.to_owned();
    let generator = checkpoint("text-edit/generator.layout");
    let form = stylegan2::recognise(&generator).unwrap();
    let styles = form.styles().into_iter();
    let styles = styles.map(|s| Style { name: s.name, channels: s.channels, rgb: s.rgb }).collect();
    let manifest = Manifest {
        version: VERSION,
        id: text("seeded"),
        name: text("Seeded"),
        description: text("For tests"),
        family: Family::StyleGan2,
        resolution: 256,
        domain: text("noise"),
        licence: Licence { spdx: text("CC0-1.0"), text: text("Do what you like."), origin: text("a seed") },
        range: Range { low: -1.0, high: 1.0 },
        alignment: Alignment { kind: AlignmentKind::Square, eyes: None },
        fidelity: Some(Fidelity { typical: 20.0, poor: 10.0 }),
        roles: BTreeMap::new(),
        mappers: BTreeMap::new(),
        attributes: BTreeMap::new(),
        files: BTreeMap::new(),
        arrays: BTreeMap::new(),
        styles,
        classes: Vec::new(),
        text: None,
        direction: None,
        denoising: None,
    };
    let options = stylegan2::Options::default();
    let small = stylegan2::Options { stop_at: Some(SIDE / 4), ..stylegan2::Options::default() };
    let picture = Picture { side: SIDE, low: -1.0, high: 1.0, view: View::StyleClip };
    let eye = clip::Options { picture: Some(picture), ..clip::Options::default() };
    let eye = clip::build(&checkpoint("text-edit/eye.layout"), &eye).unwrap();
    let judge =
        identity::build(&checkpoint("text-edit/judge.layout"), &identity::Options { side: SIDE }).unwrap();
    let new = NewPack {
        graphs: BTreeMap::from([
            (Role::Affine, stylegan2::affine(&generator).unwrap().into()),
            (Role::Synthesis, stylegan2::synthesis(&generator, &options).unwrap().into()),
            (Role::Preview, stylegan2::synthesis(&generator, &small).unwrap().into()),
            (Role::ImageEncoder, part(eye, "image-encoder").into()),
            (Role::Identity, part(judge, "identity").into()),
        ]),
        ..NewPack::new(manifest)
    };
    Arc::new(new.write(folder, folder, Writing::default(), runtime, &Cancel::new()).unwrap())
}

struct Given {
    _folder: tempfile::TempDir,
    pack: Arc<Pack>,
    runtime: Runtime,
    start: Code,
    target: Array1<f32>,
}

fn given() -> Given {
    let runtime = Runtime::load(&Places::from_environment().unwrap().onnxruntime(), <_>::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pack = pack(&folder.path().join("pack"), &runtime);
    let w_plus = uniform("code", &[1, 14, 24]);
    let start = StyleGan::new(Arc::clone(&pack), runtime.clone()).styled(w_plus, &Cancel::new()).unwrap();
    let target = uniform("target", &[32]).into_shape_with_order(32).unwrap();
    Given { _folder: folder, pack, runtime, start, target }
}

impl Given {
    fn edit(&self, settings: &Settings) -> Edited {
        let mut edit = TextEdit::open(&self.pack, &self.runtime, settings).unwrap();
        let texts = Texts { target: &self.target, neutral: &self.target };
        edit.edit(&self.start, texts, &Cancel::new(), &mut |_| ControlFlow::Continue(())).unwrap()
    }
}

/// The change of a code beside the golden's, over the golden's largest.
fn change(found: &ArrayD<f32>, right: &ArrayD<f32>, start: &ArrayD<f32>) -> f32 {
    difference(&(found - start), &(right - start))
}

#[test]
fn codes_and_styles_go_where_they_go_in_pytorch() {
    let given = given();
    for (name, nearness, identity, close) in CASES {
        let alike = npy(&format!("text-edit/{name}-alike.npy"));
        for (at, (space, what)) in
            [(Space::WPlus, "w_plus"), (Space::Styles, "styles")].into_iter().enumerate()
        {
            let settings =
                Settings { steps: STEPS, rate: RATE, nearness, identity, ..Settings::published(space) };
            let edited = given.edit(&settings);
            let right = npy(&format!("text-edit/{name}-{what}.npy"));
            let far = change(edited.code.tensor(what).unwrap(), &right, given.start.tensor(what).unwrap());
            let other = (edited.after - alike[IxDyn(&[at])]).abs();
            println!(
                "{name}, {what}: changes differ by {far:.1e} of the largest, similarities by {other:.1e}"
            );
            assert!(far < close && other < 1e-3, "{name}, {what}: {far:e}, {other:e}");
            assert!(edited.after > edited.before + 0.08 && edited.missing.is_empty());
            // Another weight is another way.
            let settings = Settings { nearness: nearness + 0.05, ..settings };
            let edited = given.edit(&settings);
            let far = change(edited.code.tensor(what).unwrap(), &right, given.start.tensor(what).unwrap());
            assert!(far > 3.0 * close, "{name}, {what}: {far:e}");
        }
    }
}

#[test]
fn styles_of_rgb_outputs_stay() {
    let given = given();
    let edited = given.edit(&Settings { steps: STEPS, ..Settings::published(Space::Styles) });
    let (before, after) = (given.start.styles().unwrap(), edited.code.styles().unwrap());
    let movable = given.pack.manifest().styles.iter().flat_map(|s| std::iter::repeat_n(!s.rgb, s.channels));
    let moved = movable.zip(before.iter().zip(after));
    assert!(moved.clone().all(|(movable, (before, after))| movable || before == after));
    assert!(moved.filter(|(movable, (before, after))| *movable && before != after).count() > 100);
}

#[test]
fn previews_lead_the_way() {
    let given = given();
    let whole = given.edit(&Settings { steps: 20, ..Settings::published(Space::WPlus) });
    let mut sides = Vec::new();
    let settings = Settings { steps: 20, coarse: 0.5, show: 1, ..Settings::published(Space::WPlus) };
    let mut edit = TextEdit::open(&given.pack, &given.runtime, &settings).unwrap();
    let texts = Texts { target: &given.target, neutral: &given.target };
    let mut watch = |watched: &models_onnx::optimise::Watched<'_>| {
        assert_eq!((watched.step, watched.steps), (sides.len() + 1, 20));
        sides.push(watched.picture.as_ref().unwrap().shape()[2]);
        ControlFlow::Continue(())
    };
    let edited = edit.edit(&given.start, texts, &Cancel::new(), &mut watch).unwrap();
    assert_eq!(sides, [[SIDE / 4; 10], [SIDE; 10]].concat());
    assert_eq!(edited.steps, 20);
    println!("{:.3} to {:.3}, with previews {:.3}", whole.before, whole.after, edited.after);
    assert!(edited.after > whole.before + 0.5 * (whole.after - whole.before));
}

/// What the networks here make of several pictures at a time is what they make of each.
#[test]
fn copies_are_looked_at_beside_the_picture() {
    let given = given();
    let settings = Settings { steps: 10, coarse: 0.5, ..Settings::published(Space::WPlus) };
    let alone = given.edit(&settings);
    let edited = given.edit(&Settings { copies: 2, ..settings });
    println!(
        "{:.4} to {:.4}, with copies {:.4} to {:.4}",
        alone.before, alone.after, edited.before, edited.after
    );
    assert!((edited.before - alone.before).abs() < 1e-4 && edited.missing.is_empty());
    assert!(edited.after > edited.before + 0.03);
}
