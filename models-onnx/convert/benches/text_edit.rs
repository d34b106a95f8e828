//! Steps of an edit by a text, in a pack of published sizes with seeded weights: StyleGAN2 (config-f) and CLIP ViT-B/32.
//!
//! `cargo bench -p pentimento-convert --bench text_edit -- PACK make 256` writes the pack;
//! `… -- PACK edit THREADS STEPS COARSE DESCENT` makes steps of StyleCLIP's optimiser in W+, a part of them on previews, by
//! `adam` or `l-bfgs`, and prints each: seconds since the first that processors spent in it, seconds on the clock,
//! similarity; `… -- PACK slide THREADS RUNS` times a move of a global direction's slider. A process does one of these, so
//! that the most memory it had is that thing's. `text_edit.py` runs it beside PyTorch.

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use checkpoint::Checkpoint;
use convert::networks::clip::{self, Picture, View};
use convert::networks::stylegan2;
use convert::pack::{NewPack, Writing};
use models_onnx::code::STYLES;
use models_onnx::direction::StyleSpace;
use models_onnx::family::stylegan::StyleGan;
use models_onnx::pack::{
    Alignment, AlignmentKind, Family, Fidelity, Licence, Manifest, Range, Style, VERSION,
};
use models_onnx::runtime::Options;
use models_onnx::text_edit::{Descent, Settings, Space, TextEdit, Texts};
use models_onnx::{Cancel, Code, Device, Generator, Pack, Places, Role, Runtime};
use ndarray::{Array1, Array2, ArrayD, IxDyn};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [folder, "make", side] => make(Path::new(folder), side.parse()?),
        [folder, "edit", threads, steps, coarse, descent] => {
            let descent = match *descent {
                "adam" => Descent::Adam,
                "l-bfgs" => Descent::Lbfgs,
                other => return Err(format!("there is no descent “{other}”").into()),
            };
            let (steps, coarse) = (steps.parse()?, coarse.parse()?);
            let settings = Settings { steps, coarse, descent, ..Settings::published(Space::WPlus) };
            edit(Path::new(folder), &runtime(threads.parse()?)?, &settings)
        }
        [folder, "slide", threads, runs] => {
            slide(Path::new(folder), &runtime(threads.parse()?)?, runs.parse()?)
        }
        // Whoever runs all benches has no pack for this one.
        _ => {
            println!("PACK make SIDE | PACK edit THREADS STEPS COARSE DESCENT | PACK slide THREADS RUNS");
            Ok(())
        }
    }
}

fn runtime(threads: usize) -> Outcome<Runtime> {
    let places = Places::from_environment().ok_or("HOME is not set")?;
    let options = Options { device: Device::Cpu, threads: NonZeroUsize::new(threads) };
    Ok(Runtime::load(&places.onnxruntime(), options)?)
}

fn seeded(text: &str) -> Outcome<Checkpoint> {
    let tensors = seeded::layout(text)?.into_iter().map(|entry| {
        let array = ArrayD::from_shape_vec(IxDyn(&entry.shape), entry.values())?;
        Ok((entry.name, array))
    });
    Ok(Checkpoint::of(tensors.collect::<Result<Vec<_>, ndarray::ShapeError>>()?))
}

fn uniform(name: &str, shape: &[usize]) -> Outcome<ArrayD<f32>> {
    let values = seeded::uniform(name, shape.iter().product(), 1.0, 0.0);
    Ok(ArrayD::from_shape_vec(IxDyn(shape), values)?)
}

fn make(folder: &Path, side: u32) -> Outcome<()> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let layout = |name: &str| std::fs::read_to_string(golden.join(name));
    let generator = seeded(&layout(&format!("stylegan2/{side}.layout"))?)?;
    let visual: Vec<String> = layout("clip/vit-b32.txt")?
        .lines()
        .filter(|line| line.starts_with("visual."))
        .map(str::to_owned)
        .collect();
    let form = stylegan2::recognise(&generator).ok_or("no generator")?;
    let text = |text: &str| text.to_owned();
    let manifest = Manifest {
        version: VERSION,
        id: text("seeded"),
        name: text("Seeded"),
        description: text("For benches"),
        family: Family::StyleGan2,
        resolution: side,
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
        styles: (form.styles().into_iter())
            .map(|s| Style { name: s.name, channels: s.channels, rgb: s.rgb })
            .collect(),
        classes: Vec::new(),
        text: None,
        direction: None,
        denoising: None,
    };
    let side = side as usize;
    let whole = stylegan2::Options::default();
    let small = stylegan2::Options { stop_at: Some(side / 4), ..stylegan2::Options::default() };
    let picture = Picture { side, low: -1.0, high: 1.0, view: View::StyleClip };
    let options = clip::Options { picture: Some(picture), ..clip::Options::default() };
    let eye = clip::build(&seeded(&visual.join("\n"))?, &options)?.parts;
    let eye = eye.into_iter().find(|p| p.role == "image-encoder").ok_or("no image encoder")?.model;
    let new = NewPack {
        graphs: BTreeMap::from([
            (Role::Affine, stylegan2::affine(&generator)?.into()),
            (Role::Synthesis, stylegan2::synthesis(&generator, &whole)?.into()),
            (Role::Preview, stylegan2::synthesis(&generator, &small)?.into()),
            (Role::ImageEncoder, eye.into()),
        ]),
        ..NewPack::new(manifest)
    };
    new.write(folder, folder, Writing::default(), &runtime(2)?, &Cancel::new())?;
    Ok(())
}

fn start(pack: &Arc<Pack>, runtime: &Runtime) -> Outcome<(StyleGan, Code)> {
    let side = pack.manifest().resolution;
    let layers = 2 * side.ilog2() as usize - 2;
    let mut generator = StyleGan::new(Arc::clone(pack), runtime.clone());
    let code = generator.styled(uniform("w_plus", &[1, layers, 512])?, &Cancel::new())?;
    Ok((generator, code))
}

fn edit(folder: &Path, runtime: &Runtime, settings: &Settings) -> Outcome<()> {
    let pack = Arc::new(Pack::open(folder, folder)?);
    let (_, code) = start(&pack, runtime)?;
    let opened = Instant::now();
    let mut edit = TextEdit::open(&pack, runtime, settings)?;
    let opened = opened.elapsed().as_secs_f64();
    let target = Array1::from_iter(uniform("target", &[512])?);
    let texts = Texts { target: &target, neutral: &target };
    let (begun, busy) = (Instant::now(), processor()?);
    let mut watch = |watched: &models_onnx::optimise::Watched<'_>| {
        let spent = processor().unwrap_or(f64::NAN) - busy;
        let passed = begun.elapsed().as_secs_f64();
        println!("step {} {spent:.2} {passed:.3} {:.6}", watched.step, watched.reached);
        ControlFlow::Continue(())
    };
    let edited = edit.edit(&code, texts, &Cancel::new(), &mut watch)?;
    let moved = &edited.code.w_plus()? - &code.w_plus()?;
    println!("reached {:.6}, moved by {:.3}", edited.after, moved.mapv(|v| v * v).sum());
    println!("opened in {opened:.2} s, at most {:.0} MB", most()?);
    Ok(())
}

fn slide(folder: &Path, runtime: &Runtime, runs: usize) -> Outcome<()> {
    let pack = Arc::new(Pack::open(folder, folder)?);
    let (mut generator, code) = start(&pack, runtime)?;
    let channels = code.tensor(STYLES)?.len();
    let relevance = uniform("relevance", &[channels, 512])?.into_shape_with_order((channels, 512))?;
    let relevance: Array2<f32> = relevance * 0.05;
    let layers = pack.manifest().styles.clone();
    let space = StyleSpace::new(relevance, Array1::ones(channels), layers)?;
    let change = Array1::from_iter(uniform("change", &[512])?);
    let change = &change / change.dot(&change).sqrt();
    for run in 0..=runs {
        let (begun, busy) = (Instant::now(), processor()?);
        let direction = space.direction(change.view(), 0.05)?;
        let moved = direction.apply(&code, run as f32 * 0.1)?;
        generator.synthesise(&moved, &Cancel::new())?;
        println!("move {run} {:.2} {:.3}", processor()? - busy, begun.elapsed().as_secs_f64());
    }
    println!("at most {:.0} MB", most()?);
    Ok(())
}

/// Seconds that processors spent in this process. Unlike the time on the clock it hardly depends on what else runs.
fn processor() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    // The 14th and 15th fields of the file, in hundredths.
    Ok((ticks(11).ok_or("no time")? + ticks(12).ok_or("no time")?) / 100.0)
}

/// The most memory that this process had, in MB.
fn most() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}
