//! Files as users bring them, under names that say nothing, become packs that open and run.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use convert::Error;
use convert::bundle::{Bundle, Wishes};
use convert::networks::encoder::Rows;
use convert::pack::Writing;
use models_onnx::pack::{AlignmentKind, Array};
use models_onnx::runtime::Options;
use models_onnx::session::{Session, Tensor};
use models_onnx::text::TextEncoder;
use models_onnx::{Cancel, Places, Role, Runtime};
use ndarray::{Array2, Array4, ArrayD};
use seeded::Entry;

/// Width of W in every file here, and rows of W+ of a generator of 1024 pixels.
const WIDTH: usize = 128;
const ROWS: usize = 18;

fn runtime() -> Runtime {
    let library = Places::from_environment().expect("HOME is set").onnxruntime();
    Runtime::load(&library, Options::default()).unwrap()
}

fn entry(name: String, shape: &[usize], scale: f32, offset: f32) -> Entry {
    Entry { name, shape: shape.to_vec(), scale, offset }
}

/// A generator with few channels of 4 · 2^`levels` pixels, in rosinality's layout.
fn generator(prefix: &str, levels: usize) -> Vec<Entry> {
    generator_of(prefix, levels, WIDTH)
}

/// The same with another width of W.
fn generator_of(prefix: &str, levels: usize, width: usize) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |name: String, shape: &[usize], scale, offset| {
        entries.push(entry(format!("{prefix}{name}"), shape, scale, offset));
    };
    for layer in 1..=2 {
        add(format!("style.{layer}.weight"), &[width, width], 173.0, 0.0);
        add(format!("style.{layer}.bias"), &[width], 10.0, 0.0);
    }
    let channels = |level: usize| if level < 4 { 16 } else { 4 };
    add("input.input".into(), &[1, channels(0), 4, 4], 1.7, 0.0);
    let mut layer = |name: String, inputs: usize, outputs: usize, rgb: bool| {
        let kernel = if rgb { 1 } else { 3 };
        add(format!("{name}.conv.weight"), &[1, outputs, inputs, kernel, kernel], 1.7, 0.0);
        add(format!("{name}.conv.modulation.weight"), &[inputs, width], 1.7, 0.0);
        add(format!("{name}.conv.modulation.bias"), &[inputs], 0.1, 1.0);
        if rgb {
            add(format!("{name}.bias"), &[1, 3, 1, 1], 0.1, 0.0);
        } else {
            add(format!("{name}.noise.weight"), &[1], 0.1, 0.0);
            add(format!("{name}.activate.bias"), &[outputs], 0.1, 0.0);
        }
    };
    layer("conv1".into(), channels(0), channels(0), false);
    layer("to_rgb1".into(), channels(0), 3, true);
    for level in 1..=levels {
        let (before, here) = (channels(level - 1), channels(level));
        layer(format!("convs.{}", 2 * level - 2), before, here, false);
        layer(format!("convs.{}", 2 * level - 1), here, here, false);
        layer(format!("to_rgbs.{}", level - 1), here, 3, true);
    }
    entries
}

fn layout(file: &str) -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    seeded::layout(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A mapper of all layers.
fn mapper() -> Vec<Entry> {
    let layer = |i: usize| {
        let name = |what: &str| format!("state_dict.mapper.mapping.mapping.{i}.{what}");
        [entry(name("weight"), &[WIDTH, WIDTH], 173.0, 0.0), entry(name("bias"), &[WIDTH], 10.0, 0.0)]
    };
    (1..=4).flat_map(layer).collect()
}

/// Writes tensors in the format of safetensors: the length of a header, the header, the numbers.
fn write(path: PathBuf, entries: &[Entry]) -> PathBuf {
    write_from(path, entries, "")
}

/// The same for those tensors whose names start with `prefix`, which they lose; their values follow from the whole name.
fn write_from(path: PathBuf, entries: &[Entry], prefix: &str) -> PathBuf {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for entry in entries {
        let Some(name) = entry.name.strip_prefix(prefix) else { continue };
        let start = data.len();
        data.extend(entry.values().iter().flat_map(|v| v.to_le_bytes()));
        let about =
            serde_json::json!({ "dtype": "F32", "shape": entry.shape, "data_offsets": [start, data.len()] });
        header.insert(name.into(), about);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let length = u64::try_from(header.len()).unwrap().to_le_bytes();
    fs::write(&path, [&length[..], &header, &data].concat()).unwrap();
    path
}

struct Files {
    folder: tempfile::TempDir,
    photos: PathBuf,
    pair: PathBuf,
    words: PathBuf,
    age: PathBuf,
    relevance: PathBuf,
}

fn files() -> Files {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut photos = layout("../reference/layouts/e4e-narrow.txt");
    photos.extend(generator("state_dict.decoder.", 8));
    let age = at("c");
    ndarray_npy::write_npy(&age, &Array2::<f64>::from_elem((1, WIDTH), 0.5)).unwrap();
    let relevance = at("d");
    // The channels of all layers but those of RGB outputs.
    let channels = 16 * 7 + 16 + 4 * 9;
    ndarray_npy::write_npy(&relevance, &Array2::<f32>::from_elem((channels, 64), 0.25)).unwrap();
    Files {
        photos: write(at("a"), &photos),
        pair: write(at("b"), &layout("tests/golden/clip/small.txt")),
        words: write(at("Curly Hair.pt"), &mapper()),
        age,
        relevance,
        folder,
    }
}

#[test]
fn what_files_hold_is_seen_from_what_is_in_them() {
    let files = files();
    let bundle =
        Bundle::open(&[&files.photos, &files.pair, &files.words, &files.age, &files.relevance]).unwrap();
    let report = bundle.report();
    for line in [
        "StyleGAN2 generator, 1024 px, W+ of 18 × 128",
        "encoder of photos, into W+ of 18 × 128",
        "CLIP: image tower (ViT with patches of",
        "StyleCLIP mapper in W+",
        "direction of an attribute, 128 wide",
        "relevances of 164 style channels to embeddings of 64",
        "yes  reconstructing photos",
        "yes  text edits by mapper",
        "no   painting what shows where: classifiers of its pixels (car_model_0.pth to car_model_9.pth), a backbone of \
         LPIPS (such as vgg16-397923af.pth), LPIPS' calibration (vgg.pth) missing",
        "no   text edits by direction: CLIP's vocabulary (bpe_simple_vocab_16e6.txt.gz) missing",
        "NVIDIA Source Code License",
    ] {
        assert!(report.contains(line), "{line} is not in\n{report}");
    }
    let stranger = write(
        files.folder.path().join("z"),
        &[entry("conv.weight".into(), &[3, 3], 1.0, 0.0), entry("b".into(), &[3], 1.0, 0.0)],
    );
    let report = Bundle::open(&[&stranger]).unwrap().report();
    assert!(report.contains("nothing that Pentimento knows, among 2 tensors (b, conv.weight…)"), "{report}");
    let page = files.folder.path().join("page.pt");
    fs::write(&page, "<!DOCTYPE html><html>Sign in</html>").unwrap();
    let error = Bundle::open(&[&page]).unwrap_err();
    assert!(error.to_string().contains("page.pt"), "{error}");
}

#[test]
fn a_bundle_becomes_a_pack_that_runs() {
    let files = files();
    let bundle =
        Bundle::open(&[&files.photos, &files.pair, &files.words, &files.age, &files.relevance]).unwrap();
    let wishes = Wishes {
        id: "faces".into(),
        domain: "face".into(),
        encoder: Some(Rows::FirstAndOffsets),
        ..Wishes::default()
    };
    // Files of PyTorch say which it is; these hold nothing but tensors.
    let undecided = bundle.pack(&Wishes { encoder: None, ..wishes.clone() }).unwrap_err();
    assert!(undecided.to_string().contains("whether it is e4e or pSp"), "{undecided}");
    let new = bundle.pack(&wishes).unwrap();
    assert_eq!(new.manifest.alignment.kind, AlignmentKind::Ffhq);
    let place = files.folder.path().join("faces");
    let (runtime, cancel) = (runtime(), Cancel::new());
    let pack = new.write(&place, files.folder.path(), Writing::default(), &runtime, &cancel).unwrap();
    pack.verify().unwrap();
    let missing =
        pack.missing(&[Role::Mapping, Role::Affine, Role::Synthesis, Role::Encoder, Role::ImageEncoder]);
    assert!(missing.is_empty(), "{missing:?}");
    // Nobody brought the vocabulary, so there is no way to ask the text tower.
    assert_eq!(pack.missing(&[Role::TextEncoder]), [Role::TextEncoder]);
    assert!(pack.mapper("curly-hair").is_ok());
    assert_eq!(pack.manifest().attributes["c"].dims, [WIDTH]);
    // The file keeps the middle of all codes with its encoder.
    assert_eq!(pack.matrix(Array::CodeMean).unwrap().dim(), (ROWS, WIDTH));
    let relevance = pack.matrix(Array::Relevance).unwrap();
    let moved = relevance.rows().into_iter().filter(|row| row[0] != 0.0).count();
    assert_eq!((relevance.nrows(), moved), (pack.manifest().styles.iter().map(|s| s.channels).sum(), 164));

    // A picture of the generator's size goes through encoder, styles and generator.
    let image = ArrayD::from_shape_fn(vec![1, 3, 1024, 1024], |i| ((i[2] + i[3]) as f32 / 1024.0) - 1.0);
    let run = |role, name: &str, value: &ArrayD<f32>| {
        let mut session = Session::open(&runtime, &pack, role).unwrap();
        session.run(&[(name, Tensor::F32(value.view()))], &cancel).unwrap().remove(0)
    };
    let code = run(Role::Encoder, "image", &image);
    assert_eq!(code.shape(), [1, ROWS, WIDTH]);
    let styles = run(Role::Affine, "w_plus", &code);
    let picture = run(Role::Synthesis, "styles", &styles);
    assert_eq!(picture.shape(), image.shape());

    // The preview is what the generator has before its last two doublings, by the same weights.
    let preview = pack.contract(Role::Preview).unwrap();
    assert_eq!(preview.data, pack.contract(Role::Synthesis).unwrap().data);
    let found = run(Role::Preview, "styles", &styles);
    assert_eq!(found.shape(), [1, 3, 256, 256]);
}

#[test]
fn an_exported_clip_goes_with_a_generator() {
    let files = files();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/exports/clip");
    let bundle = Bundle::open(&[&files.photos, &clip]).unwrap();
    let report = bundle.report();
    assert!(report.contains("CLIP: image tower (32 px) and text tower, embeddings of 12"), "{report}");
    // The export has its own, unlike the checkpoint of a tower.
    assert!(!bundle.lacks_vocabulary() && Bundle::open(&[&files.pair]).unwrap().lacks_vocabulary());
    assert!(report.contains("yes  text edits by optimisation"), "{report}");
    let place = files.folder.path().join("pack");
    let wishes = Wishes {
        id: "pack".into(),
        domain: "face".into(),
        encoder: Some(Rows::FirstAndOffsets),
        ..Wishes::default()
    };
    let new = bundle.pack(&wishes).unwrap();
    let runtime = runtime();
    let cancel = Cancel::new();
    let pack = new.write(&place, files.folder.path(), Writing::default(), &runtime, &cancel).unwrap();
    let mut texts = TextEncoder::open(&Arc::new(pack), &runtime).unwrap();
    let change = |texts: &mut TextEncoder, text: &str| texts.change(text, "hair", &cancel).unwrap();
    let (red, cat) = (change(&mut texts, "red hair"), change(&mut texts, "cat"));
    assert_eq!(red.len(), 12);
    assert!(red != cat);
}

#[test]
fn parts_of_different_generators_do_not_go_together() {
    let files = files();
    let other = files.folder.path().join("e");
    // 32 pixels, whose W+ has 8 rows.
    let other = write(other, &generator("g_ema.", 3));
    let bundle = Bundle::open(&[&other, &files.photos]).unwrap();
    let error = bundle.pack(&Wishes { id: "mixed".into(), ..Wishes::default() }).unwrap_err();
    assert!(error.to_string().contains("the encoder belongs to another generator"), "{error}");
    let alone = Bundle::open(&[&files.pair]).unwrap();
    assert!(
        matches!(alone.pack(&Wishes::default()), Err(Error::Unsupported(why)) if why.contains("generator"))
    );
}

#[test]
fn generators_of_faces_are_framed_as_ffhq_unless_somebody_says_otherwise() {
    let files = files();
    let bundle = Bundle::open(&[&files.photos]).unwrap();
    let framed = |domain: &str, alignment| {
        let encoder = Some(Rows::FirstAndOffsets);
        let wishes = Wishes { domain: domain.into(), encoder, alignment, ..Wishes::default() };
        bundle.pack(&wishes).unwrap().manifest.alignment.kind
    };
    for (domain, kind) in [
        ("face", AlignmentKind::Ffhq),
        ("Faces of people", AlignmentKind::Ffhq),
        ("cars", AlignmentKind::Square),
        ("surfaces", AlignmentKind::Square),
        ("", AlignmentKind::Square),
    ] {
        assert_eq!(framed(domain, None), kind, "{domain}");
    }
    assert_eq!(framed("face", Some(AlignmentKind::Square)), AlignmentKind::Square);
    assert_eq!(framed("heads", Some(AlignmentKind::Ffhq)), AlignmentKind::Ffhq);
}

#[test]
fn blobs_become_a_pack_whose_pictures_go_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path().join("x"), &layout("tests/golden/blobgan/narrow.layout"));
    let bundle = Bundle::open(&[&file]).unwrap();
    let report = bundle.report();
    assert!(report.contains("yes  moving the things in a room"), "{report}");
    let wishes = Wishes { id: "rooms".into(), domain: "room".into(), ..Wishes::default() };
    let (place, cancel) = (folder.path().join("rooms"), Cancel::new());
    let new = bundle.pack(&wishes).unwrap();
    let pack = new.write(&place, folder.path(), Writing::default(), &runtime(), &cancel).unwrap();
    let side = pack.manifest().resolution as usize;
    let mut generator = models_onnx::generator::open(&Arc::new(pack), &runtime()).unwrap();
    let photo = Array4::from_shape_fn((1, 3, side, side), |(_, c, y, x)| ((x * y + c) as f32 * 0.01).sin());
    let code = generator.encode(&photo, &cancel).unwrap();
    let picture = generator.synthesise(&code, &cancel).unwrap();
    assert_eq!(picture.dim(), photo.dim());
    // A blob that is moved changes the picture; the same code gives the same one.
    let mut xs = code.tensor("xs").unwrap().clone();
    xs[[0, 1]] = 1.0 - xs[[0, 1]] + 0.25;
    let moved = generator.synthesise(&code.clone().with("xs", xs), &cancel).unwrap();
    assert_ne!(moved, picture);
    assert_eq!(generator.synthesise(&code, &cancel).unwrap(), picture);
}

#[test]
fn restyle_reaches_the_photo_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut entries = layout("../reference/layouts/restyle-irse50.txt");
    entries.extend(generator("state_dict.decoder.", 6));
    let file = write(folder.path().join("x"), &entries);
    let wishes = Wishes { id: "steps".into(), encoder: Some(Rows::Each), ..Wishes::default() };
    let new = Bundle::open(&[&file]).unwrap().pack(&wishes).unwrap();
    let (place, cancel, runtime) = (folder.path().join("steps"), Cancel::new(), runtime());
    let pack = Arc::new(new.write(&place, folder.path(), Writing::default(), &runtime, &cancel).unwrap());
    assert!(pack.missing(&[Role::Encoder]).is_empty(), "it stands for an encoder of one step");
    let photo =
        Array4::from_shape_fn((1, 3, 256, 256), |(_, c, y, x)| ((x + 2 * y + 50 * c) as f32 * 0.03).sin());
    let code = models_onnx::generator::open(&pack, &runtime).unwrap().encode(&photo, &cancel).unwrap();

    // The same five steps by hand.
    let session = |role| Session::open(&runtime, &pack, role).unwrap();
    let (mut affine, mut synthesis, mut step) =
        (session(Role::Affine), session(Role::Synthesis), session(Role::Restyle));
    let one = |session: &mut Session, inputs: &[(&str, &ArrayD<f32>)]| {
        let inputs: Vec<_> = inputs.iter().map(|(name, array)| (*name, Tensor::F32(array.view()))).collect();
        session.run(&inputs, &cancel).unwrap().remove(0)
    };
    let photo = photo.into_dyn();
    let mut from = pack.matrix(Array::CodeMean).unwrap().insert_axis(ndarray::Axis(0)).into_dyn();
    for _ in 0..5 {
        let styles = one(&mut affine, &[("w_plus", &from)]);
        let reached = one(&mut synthesis, &[("styles", &styles)]);
        from = one(&mut step, &[("image", &photo), ("reached", &reached), ("from", &from)]);
    }
    assert_eq!(code.tensor("w_plus").unwrap(), &from);
}

fn golden(name: &str) -> ArrayD<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.npy"));
    ndarray_npy::read_npy(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn off(found: &ArrayD<f32>, right: &ArrayD<f32>) -> f32 {
    assert_eq!(found.shape(), right.shape());
    found.iter().zip(right).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()))
}

/// The ensemble whose goldens `reference/segmenter_golden.py` makes, as files.
fn classifiers(folder: &Path) -> Vec<PathBuf> {
    let all = layout("../reference/layouts/segmenter.txt");
    (0..3).map(|i| write_from(folder.join(format!("car_model_{i}.pth")), &all, &format!("{i}."))).collect()
}

#[test]
fn classifiers_of_pixels_become_segmenters_that_agree_with_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let generator = write(folder.path().join("g"), &layout("tests/golden/stylegan2/64.layout"));
    let files = [&[generator][..], &classifiers(folder.path())[..]].concat();
    let bundle = Bundle::open(&files).unwrap();
    let report = bundle.report();
    for line in
        ["classifier of pixels, 20 classes by 288 features", "EditGAN's encoder and classifiers of pixels"]
    {
        assert!(report.contains(line), "{line} is not in\n{report}");
    }
    let new = bundle.pack(&Wishes { id: "cars".into(), ..Wishes::default() }).unwrap();
    let (place, runtime, cancel) = (folder.path().join("cars"), runtime(), Cancel::new());
    let pack = new.write(&place, folder.path(), Writing::default(), &runtime, &cancel).unwrap();
    assert_eq!(pack.manifest().classes.len(), 20);
    // Pictures as small as these need no previews.
    assert!(pack.contract(Role::Preview).is_err());

    let styles = golden("stylegan2/64-styles");
    let mut session = Session::open(&runtime, &pack, Role::Segmenter).unwrap();
    let mut found = session.run(&[("styles", Tensor::F32(styles.view()))], &cancel).unwrap();
    assert_eq!((found[0].shape(), found[1].shape()), (&[2, 20, 64, 64][..], &[2, 3, 64, 64][..]));
    let logits = found.swap_remove(0).into_dimensionality::<ndarray::Ix4>().unwrap();
    let kept = logits.slice(ndarray::s![1, .., ..;4, ..;4]).to_owned().into_dyn();
    let worst = off(&kept, &golden("encoders/segmenter-bilinear-logits"));
    assert!(worst < 1e-3, "{worst}");
    let pixels = ArrayD::from_shape_fn(vec![256], |i| (i[0] / 16 * 4 * 64 + i[0] % 16 * 4) as i64);
    let mut session = Session::open(&runtime, &pack, Role::SegmenterAt).unwrap();
    let inputs = [("styles", Tensor::F32(styles.view())), ("pixels", Tensor::I64(pixels.view()))];
    let found = session.run(&inputs, &cancel).unwrap().remove(0);
    let kept =
        found.slice(ndarray::s![1, .., ..]).to_owned().into_shape_with_order(vec![20, 16, 16]).unwrap();
    let worst = off(&kept, &golden("encoders/segmenter-nearest-logits"));
    assert!(worst < 1e-3, "{worst}");
}

#[test]
fn all_of_editgan_becomes_a_pack_to_paint_with() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Few channels, so that classifiers are small: 160 features.
    let classifier = |i: usize| {
        let sizes = [(0, vec![8, 160]), (3, vec![6, 8]), (6, vec![5, 6])];
        let mut entries: Vec<Entry> = Vec::new();
        for (layer, shape) in sizes {
            let name = |layer: usize, what: &str| format!("model_state_dict.module.layers.{layer}.{what}");
            entries.push(entry(name(layer, "bias"), &shape[..1], 0.1, 0.0));
            for what in ["weight", "bias", "running_mean", "running_var"].iter().filter(|_| layer < 6) {
                entries.push(entry(name(layer + 2, what), &shape[..1], 0.2, 1.0));
            }
            entries.push(entry(name(layer, "weight"), &shape, 0.2, 0.0));
        }
        write(at(&format!("model_{i}")), &entries)
    };
    let files = [
        write(at("stylegan2.pt"), &generator_of("g_ema.", 7, 64)),
        write(at("encoder.pth"), &layout("../reference/layouts/editgan-narrow.txt")),
        classifier(0),
        classifier(1),
        write(at("alex"), &layout("../reference/layouts/lpips-alexnet.txt")),
    ];
    let bundle = Bundle::open(&files).unwrap();
    let report = bundle.report();
    for line in [
        "yes  painting what shows where",
        "encoder of photos of 512 px (EditGAN), into W+ of 16 × 64",
        "classifier of pixels, 5 classes by 160 features",
    ] {
        assert!(report.contains(line), "{line} is not in\n{report}");
    }
    let new = bundle.pack(&Wishes { id: "cars".into(), ..Wishes::default() }).unwrap();
    let (place, runtime, cancel) = (at("cars"), runtime(), Cancel::new());
    let pack = new.write(&place, folder.path(), Writing::default(), &runtime, &cancel).unwrap();
    pack.verify().unwrap();
    let needed = [Role::Encoder, Role::Preview, Role::Segmenter, Role::SegmenterAt, Role::Perceptual];
    assert!(pack.missing(&needed).is_empty(), "{:?}", pack.missing(&needed));
    for role in [Role::Preview, Role::Segmenter, Role::SegmenterAt] {
        let data = &pack.contract(role).unwrap().data;
        assert_eq!(data, &pack.contract(Role::Synthesis).unwrap().data, "{role} keeps weights of its own");
    }
    // The picture of the goldens goes through the pack's encoder.
    let coarse = seeded::uniform("car.coarse", 3 * 32 * 32, 1.0, 0.0);
    let fine = seeded::uniform("car.fine", 3 * 512 * 512, 1.0, 0.0);
    let car = ArrayD::from_shape_fn(vec![1, 3, 512, 512], |i| {
        coarse[(i[1] * 32 + i[2] / 16) * 32 + i[3] / 16] * 0.75
            + fine[(i[1] * 512 + i[2]) * 512 + i[3]] * 0.25
    });
    let mut encoder = Session::open(&runtime, &pack, Role::Encoder).unwrap();
    let code = encoder.run(&[("image", Tensor::F32(car.view()))], &cancel).unwrap().remove(0);
    let right = golden("encoders/editgan-narrow-picture");
    let most = right.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    assert!(off(&code, &right) / most < 1e-3, "{}", off(&code, &right) / most);

    // Classifiers of another generator, and such as do not know the same classes.
    let foreign = [&[files[0].clone()][..], &classifiers(folder.path())[..]].concat();
    let error = Bundle::open(&foreign).unwrap().pack(&Wishes::default()).unwrap_err();
    assert!(error.to_string().contains("the classifier of pixels belongs to another generator"), "{error}");
}

#[test]
fn three_networks_become_a_pack_that_finds_faces() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| layout(&format!("../reference/layouts/mtcnn-{name}.txt"));
    let files = ["onet", "pnet", "rnet"].map(|name| write(folder.path().join(&name[..1]), &at(name)));
    let bundle = Bundle::open(&files).unwrap();
    let report = bundle.report();
    assert!(report.contains("yes  finding faces") && report.contains("facenet-pytorch (MIT)"), "{report}");
    let wishes = Wishes { id: "landmarks".into(), ..Wishes::default() };
    let (place, cancel, runtime) = (folder.path().join("landmarks"), Cancel::new(), runtime());
    let new = bundle.pack(&wishes).unwrap();
    let pack = Arc::new(new.write(&place, folder.path(), Writing::default(), &runtime, &cancel).unwrap());
    pack.verify().unwrap();
    // Weights of a seed find nothing in particular, in pictures of any shape.
    let mut mtcnn = models_onnx::landmarks::Mtcnn::open(&pack, &runtime).unwrap();
    for (height, width) in [(40, 90), (90, 41), (24, 24)] {
        let photo =
            ndarray::Array3::from_shape_fn((3, height, width), |(c, y, x)| ((x * y + c) as f32).sin());
        mtcnn.find(photo.view(), &Default::default(), &cancel).unwrap();
    }
    // It has no generator, and says so.
    let error = models_onnx::generator::open(&pack, &runtime).err().unwrap();
    assert!(error.to_string().contains("has no generator"), "{error}");

    let two = Bundle::open(&files[..2]).unwrap();
    assert!(two.report().contains("no   finding faces: MTCNN's R-Net (rnet.pt) missing"));
    let error = two.pack(&wishes).unwrap_err();
    assert!(error.to_string().contains("R-Net is missing"), "{error}");
}
