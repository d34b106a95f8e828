//! Graphs as Optimum, Diffusers, Transformers and PyTorch export them become packs that give what PyTorch gives.
//!
//! What is in `golden/exports` was written by the exporters themselves; see `models-onnx/reference/exports.py`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use convert::bundle::{Bundle, Wishes};
use convert::networks::clip::{Picture, View};
use convert::pack::Writing;
use convert::{Error, export};
use models_onnx::pack::{BetaSchedule, File, Prediction, Spacing};
use models_onnx::runtime::Options;
use models_onnx::session::{Session, Tensor};
use models_onnx::{Cancel, Pack, Places, Role, Runtime};
use ndarray::{ArrayD, Axis};
use ndarray_npy::ReadNpyExt;
use tempfile::TempDir;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/exports").join(name)
}

fn array(name: &str) -> ArrayD<f32> {
    ArrayD::read_npy(fs::File::open(golden(&format!("{name}.npy"))).unwrap()).unwrap()
}

fn integers(name: &str) -> ArrayD<i64> {
    ArrayD::read_npy(fs::File::open(golden(&format!("{name}.npy"))).unwrap()).unwrap()
}

fn runtime() -> Runtime {
    let library = Places::from_environment().expect("HOME is set").onnxruntime();
    Runtime::load(&library, Options::default()).unwrap()
}

fn converted(paths: &[PathBuf]) -> (Pack, TempDir) {
    let wishes = Wishes { id: "pack".into(), ..Wishes::default() };
    let folder = tempfile::tempdir().unwrap();
    let new = Bundle::open(paths).unwrap().pack(&wishes).unwrap();
    let place = folder.path().join("pack");
    let pack = new.write(&place, folder.path(), Writing::default(), &runtime(), &Cancel::new()).unwrap();
    pack.verify().unwrap();
    (pack, folder)
}

fn run(pack: &Pack, role: Role, inputs: &[(&str, Tensor<'_>)]) -> Vec<ArrayD<f32>> {
    Session::open(&runtime(), pack, role).unwrap().run(inputs, &Cancel::new()).unwrap()
}

fn real(values: &ArrayD<f32>) -> Tensor<'_> {
    Tensor::F32(values.view())
}

/// The largest difference as a share of the largest value.
fn error(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let most = |values: &ArrayD<f32>| values.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    most(&(found - expected)) / most(expected)
}

fn near(found: &ArrayD<f32>, expected: &str, tolerance: f32) {
    let error = error(found, &array(expected));
    println!("{expected}: {error:e}");
    assert!(error <= tolerance, "{expected}: {error:e}");
}

/// Two runtimes add the same numbers in different orders.
const SINGLE: f32 = 2e-5;

#[test]
fn stable_diffusion_of_optimum() {
    let (pack, _folder) = converted(&[golden("optimum")]);
    let denoising = pack.manifest().denoising.unwrap();
    assert_eq!(denoising.prediction, Prediction::Noise);
    assert_eq!((denoising.schedule, denoising.spacing), (BetaSchedule::ScaledLinear, Spacing::Leading));
    assert_eq!((denoising.beta_start, denoising.beta_end, denoising.steps), (0.00085, 0.012, 1000));
    assert_eq!((denoising.offset, denoising.ends_clean, denoising.pixels_per_latent), (1, false, 8));
    assert_eq!(pack.manifest().resolution, 64);
    everything_but_the_encoder(&pack);
    let encoded = run(&pack, Role::LatentEncoder, &[("image", real(&array("image")))]);
    near(&encoded[0], "mean", SINGLE);
    near(&encoded[1], "deviation", SINGLE);

    let half_step = ndarray::arr1(&[481.5]).into_dyn();
    let (sample, states) = (array("sample"), array("states"));
    let inputs =
        [("sample", &sample), ("timestep", &half_step), ("states", &states)].map(|(n, v)| (n, real(v)));
    near(&run(&pack, Role::Denoiser, &inputs)[0], "half_step", SINGLE);
}

#[test]
fn stable_diffusion_of_diffusers_script() {
    let (pack, _folder) = converted(&[golden("legacy")]);
    everything_but_the_encoder(&pack);
    // The denoiser's weights came along as a file of their own, byte for byte.
    let weights = fs::read(pack.folder().join("denoiser.onnx.data")).unwrap();
    assert!(weights == fs::read(golden("legacy/unet/weights.pb")).unwrap());
    // This encoder draws a sample itself, which lies within a few deviations of the mean.
    let drawn = run(&pack, Role::LatentEncoder, &[("image", real(&array("image")))]);
    assert_eq!(drawn.len(), 1);
    let off = (&drawn[0] - &array("mean")) / array("deviation");
    assert!(off.iter().all(|off| off.abs() < 6.0) && off.iter().any(|off| off.abs() > 0.5), "{off}");
}

fn everything_but_the_encoder(pack: &Pack) {
    let ids = integers("input_ids");
    near(&run(pack, Role::TextEncoder, &[("input_ids", Tensor::I64(ids.view()))])[0], "states", SINGLE);
    let (sample, timestep, states) = (array("sample"), array("timestep"), array("states"));
    let inputs =
        [("sample", &sample), ("timestep", &timestep), ("states", &states)].map(|(n, v)| (n, real(v)));
    near(&run(pack, Role::Denoiser, &inputs)[0], "prediction", SINGLE);
    let latent = sample.index_axis(Axis(0), 0).insert_axis(Axis(0)).to_owned();
    near(&run(pack, Role::LatentDecoder, &[("latent", real(&latent))])[0], "decoded", SINGLE);

    let tokenizer = tokenizers::Tokenizer::from_bytes(pack.file(File::Tokenizer).unwrap()).unwrap();
    for (text, row) in ["a cat with red hair", "hair"].iter().zip(ids.outer_iter()) {
        let found = tokenizer.encode(*text, true).unwrap();
        let found: Vec<i64> = found.get_ids().iter().map(|&id| id.into()).collect();
        assert_eq!(found, row.iter().copied().collect::<Vec<i64>>(), "{text}");
    }
}

#[test]
fn denoisers_of_half_precision_and_whole_steps() {
    let bundle = Bundle::open(&[golden("half")]).unwrap();
    let report = bundle.report();
    assert!(report.contains("half precision; without text encoder and encoder and decoder"), "{report}");
    assert!(report.contains("no   describing one picture anew"), "{report}");
    let (pack, _folder) = converted(&[golden("half")]);
    let (sample, states) = (array("sample"), array("states"));
    let at = |step: f32| {
        let step = ndarray::arr1(&[step]).into_dyn();
        let inputs =
            [("sample", &sample), ("timestep", &step), ("states", &states)].map(|(n, v)| (n, real(v)));
        run(&pack, Role::Denoiser, &inputs).swap_remove(0)
    };
    // Half precision has eleven bits, and the error of a sum of dozens of layers is some of the last ones.
    near(&at(481.0), "prediction", 5e-3);
    assert!(
        at(480.6) == at(481.0) && at(481.4) == at(481.0) && at(482.0) != at(481.0),
        "the nearest step is taken"
    );
}

#[test]
fn exported_denoisers_can_be_differentiated() {
    for folder in ["optimum", "legacy", "half"] {
        let form = export::diffusion::recognise(&golden(folder)).unwrap().unwrap();
        assert_eq!(form.untunable(), None, "{folder}");
    }
}

/// A picture as the tests' CLIP sees it without resizing.
const PICTURE: Picture = Picture { side: 32, low: -1.0, high: 1.0, view: View::Published };

#[test]
fn clip_in_one_graph_and_in_two() {
    for folder in ["clip", "clip-split"] {
        let forms = export::clip::recognise_all(&golden(folder)).unwrap();
        assert_eq!(forms.len(), if folder == "clip" { 1 } else { 2 });
        let mut roles = Vec::new();
        let image =
            forms.iter().filter(|form| form.understands_pictures).map(|form| form.image(PICTURE).unwrap());
        let text = forms.iter().filter(|form| form.understands_texts).map(|form| form.text().unwrap());
        for (role, model) in image.map(|m| ("image-encoder", m)).chain(text.map(|m| ("text-encoder", m))) {
            let inputs: Vec<&str> = model.graph().input.iter().map(|port| port.name.as_str()).collect();
            let (expected, found) = match role {
                "image-encoder" => {
                    assert_eq!(inputs, ["image"]);
                    ("image_embeds", given(ort(&model), "image", &array("clip_image")))
                }
                _ => {
                    assert_eq!(inputs, ["input_ids"]);
                    ("text_embeds", given_ids(ort(&model), &integers("clip_ids")))
                }
            };
            roles.push(role);
            // A graph of both gives embeddings of unit length.
            let unit = |rows: ArrayD<f32>| {
                let length = rows.mapv(|v| v * v).sum_axis(Axis(1)).mapv(f32::sqrt).insert_axis(Axis(1));
                rows / length
            };
            let error = error(&unit(found), &unit(array(expected)));
            println!("{folder}, {expected}: {error:e}");
            assert!(error <= SINGLE, "{folder}, {expected}: {error:e}");
        }
        roles.sort_unstable();
        assert_eq!(roles, ["image-encoder", "text-encoder"], "{folder}");
        let reads = forms.iter().find(|form| form.understands_texts).unwrap();
        let tokenizer = tokenizers::Tokenizer::from_bytes(reads.tokenizer().unwrap()).unwrap();
        let found = tokenizer.encode("a red cat", true).unwrap();
        let expected: Vec<i64> = integers("clip_ids").index_axis(Axis(0), 0).iter().copied().collect();
        assert_eq!(found.get_ids().iter().map(|&id| i64::from(id)).collect::<Vec<_>>(), expected);
    }
}

fn ort(model: &autodiff::Model) -> ort::session::Session {
    let mut builder = ort::session::builder::SessionBuilder::new(runtime().environment()).unwrap();
    builder.commit_from_memory(&model.to_bytes().unwrap()).unwrap()
}

fn given(mut session: ort::session::Session, name: &str, values: &ArrayD<f32>) -> ArrayD<f32> {
    let value = ort::value::TensorRef::from_array_view(values.view()).unwrap();
    let outputs = session.run(ort::inputs![name => value]).unwrap();
    outputs["embedding"].try_extract_array::<f32>().unwrap().to_owned()
}

fn given_ids(mut session: ort::session::Session, values: &ArrayD<i64>) -> ArrayD<f32> {
    let value = ort::value::TensorRef::from_array_view(values.view()).unwrap();
    let outputs = session.run(ort::inputs!["input_ids" => value]).unwrap();
    outputs["embedding"].try_extract_array::<f32>().unwrap().to_owned()
}

#[test]
fn graphs_of_stylisation() {
    for (name, side) in [("cartoon", 32), ("mosaic", 24)] {
        let (pack, _folder) = converted(&[golden(&format!("{name}.onnx"))]);
        let about = pack.manifest();
        assert_eq!((about.resolution, about.licence.spdx.as_str()), (side, "CC0-1.0"));
        assert!(about.name.eq_ignore_ascii_case(name));
        let image = array(&format!("{name}_image"));
        let stylised = run(&pack, Role::Stylise, &[("image", real(&image))]);
        near(&stylised[0], &format!("{name}_stylised"), SINGLE);
        // Colours in the wrong order would show.
        let mut swapped = image.clone();
        swapped.invert_axis(Axis(1));
        let swapped = swapped.as_standard_layout().into_owned();
        let other = run(&pack, Role::Stylise, &[("image", real(&swapped))]);
        assert!(error(&other[0], &array(&format!("{name}_stylised"))) > 1e-2);
    }
}

/// A copy of a golden folder that may be spoilt.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

fn refusal(paths: &[PathBuf]) -> String {
    let wishes = Wishes { id: "pack".into(), ..Wishes::default() };
    let error: Error = match Bundle::open(paths) {
        Err(error) => error,
        Ok(bundle) => bundle.pack(&wishes).unwrap_err(),
    };
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("sd");
    copy(&golden("legacy"), &place);
    let says = |words: &str| {
        let text = refusal(std::slice::from_ref(&place));
        assert!(text.contains(words), "{text}");
    };
    let change = |file: &str, from: &str, to: &str| {
        let path = place.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
        text
    };
    let scheduler = "scheduler/scheduler_config.json";
    let before = change(scheduler, "scaled_linear", "squaredcos_cap_v2");
    says("beta_schedule “squaredcos_cap_v2” is not known");
    fs::write(place.join(scheduler), "{").unwrap();
    says("settings cannot be read");
    fs::write(place.join(scheduler), before).unwrap();

    fs::rename(place.join("tokenizer/merges.txt"), place.join("merges.txt")).unwrap();
    says("merges.txt");
    fs::rename(place.join("merges.txt"), place.join("tokenizer/merges.txt")).unwrap();

    fs::create_dir(place.join("text_encoder_2")).unwrap();
    says("not of Stable Diffusion 1 or 2");
    fs::remove_dir(place.join("text_encoder_2")).unwrap();

    fs::rename(place.join("unet/weights.pb"), place.join("weights.pb")).unwrap();
    says("the weights of a graph are missing");
    fs::rename(place.join("weights.pb"), place.join("unet/weights.pb")).unwrap();
    Bundle::open(std::slice::from_ref(&place)).unwrap();

    let graph = fs::read(golden("legacy/unet/model.onnx")).unwrap();
    // The same number of letters, so that the message stays whole.
    let outside: Vec<u8> = {
        let text = String::from_utf8_lossy(&graph).into_owned();
        assert!(text.contains("weights.pb"));
        let mut bytes = graph.clone();
        let at: Vec<usize> = (0..bytes.len() - 10).filter(|&i| &bytes[i..i + 10] == b"weights.pb").collect();
        at.iter().for_each(|&i| bytes[i..i + 10].copy_from_slice(b"../ghts.pb"));
        bytes
    };
    fs::write(place.join("unet/model.onnx"), outside).unwrap();
    says("its weights lie outside of its folder, in “../ghts.pb”");
    fs::write(place.join("unet/model.onnx"), &graph[..graph.len() / 2]).unwrap();
    says("it is not an ONNX graph");
    fs::remove_file(place.join("unet/model.onnx")).unwrap();
    says("it has no unet/model.onnx");

    let cartoon = folder.path().join("cartoon.onnx");
    fs::copy(golden("cartoon.onnx"), &cartoon).unwrap();
    let text = refusal(std::slice::from_ref(&cartoon));
    assert!(text.contains("which number is black") && text.contains("cartoon.toml"), "{text}");
    for (from, to, says) in [
        ("black = 0.0", "black = 255.0", "two different numbers"),
        ("\"bgr\"", "\"cmy\"", "cmy"),
        ("white", "wite", "wite"),
    ] {
        let side = fs::read_to_string(golden("cartoon.toml")).unwrap();
        fs::write(folder.path().join("cartoon.toml"), side.replace(from, to)).unwrap();
        let text = refusal(std::slice::from_ref(&cartoon));
        assert!(text.contains(says), "{text}");
    }
    let mosaic = folder.path().join("mosaic.onnx");
    fs::copy(golden("mosaic.onnx"), &mosaic).unwrap();
    let side = fs::read_to_string(golden("cartoon.toml")).unwrap();
    fs::write(folder.path().join("mosaic.toml"), side).unwrap();
    assert!(refusal(&[mosaic]).contains("it says 32 pixels, but the graph takes 24 only"));
}

#[test]
fn spoilt_graphs_never_panic() {
    for name in ["cartoon.onnx", "clip-split/onnx/text_model.onnx"] {
        let bytes = fs::read(golden(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spoilt.onnx");
        fs::copy(golden("cartoon.toml"), path.with_extension("toml")).unwrap();
        let wishes = Wishes { id: "pack".into(), ..Wishes::default() };
        let mut seed = 1u64;
        let mut next = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % most
        };
        for _ in 0..300 {
            let mut spoilt = bytes.clone();
            for _ in 0..=next(4) {
                let at = next(spoilt.len());
                spoilt[at] = next(256) as u8;
            }
            spoilt.truncate(bytes.len() - next(8) * next(bytes.len()) / 8);
            fs::write(&path, spoilt).unwrap();
            if let Ok(bundle) = Bundle::open(std::slice::from_ref(&path)) {
                drop((bundle.report(), bundle.pack(&wishes)));
            }
        }
    }
}
