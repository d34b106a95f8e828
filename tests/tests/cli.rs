//! The command line as a user runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageDecoder, ImageEncoder};
use models_onnx::Pack;
use models_onnx::pack::Array;
use pentimento_tests::{Data, program, root, scene};
use sha2::{Digest, Sha256};

fn command(data: &Data, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env("PENTIMENTO_DATA", data.folder.path()).env("LC_ALL", "C");
    command.env_remove("PENTIMENTO_ORT");
    command
}

fn pentimento(data: &Data, arguments: &[&str]) -> Output {
    command(data, arguments).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The same bytes every time, though a profile holds the time it was made at.
fn wide_gamut() -> Vec<u8> {
    static PROFILE: LazyLock<Vec<u8>> =
        LazyLock::new(|| moxcms::ColorProfile::new_adobe_rgb().encode().unwrap());
    PROFILE.clone()
}

fn write(path: &Path, picture: &DynamicImage, profile: Option<Vec<u8>>) {
    let file = std::fs::File::create(path).unwrap();
    if path.extension().is_some_and(|ending| ending == "png") {
        let mut encoder = image::codecs::png::PngEncoder::new(file);
        if let Some(profile) = profile {
            encoder.set_icc_profile(profile).unwrap();
        }
        picture.write_with_encoder(encoder).unwrap();
    } else {
        let mut encoder = image::codecs::tiff::TiffEncoder::new(file);
        if let Some(profile) = profile {
            encoder.set_icc_profile(profile).unwrap();
        }
        picture.write_with_encoder(encoder).unwrap();
    }
}

fn read(path: &Path) -> (DynamicImage, Option<Vec<u8>>) {
    let mut decoder = image::ImageReader::open(path).unwrap().into_decoder().unwrap();
    let profile = decoder.icc_profile().unwrap();
    (DynamicImage::from_decoder(decoder).unwrap(), profile)
}

/// Six megapixels, 16 bits, a profile that is not sRGB: outside the square every sample is the same, inside the
/// edit shows, depth and profile are kept.
#[test]
fn six_megapixels_stay_bit_identical_outside_the_square() {
    let data = Data::new();
    for (from, to) in [("in.png", "out.png"), ("in.tif", "out.tif")] {
        let (from, to) = (data.folder.path().join(from), data.folder.path().join(to));
        write(&from, &DynamicImage::ImageRgb16(scene(3000, 2000)), Some(wide_gamut()));
        let (from_, to_) = (from.to_str().unwrap(), to.to_str().unwrap());
        let square = ["--square", "900,400,1200", "--pack", "tiny", "--strength", "8"];
        let output = pentimento(&data, &[&["edit", from_, "--text", "red", "-o", to_], &square[..]].concat());
        assert!(output.status.success(), "{}", errors(&output));

        let ((before, _), (after, profile)) = (read(&from), read(&to));
        assert_eq!(profile, Some(wide_gamut()));
        let (before, after) = (before.as_rgb16().unwrap(), after.as_rgb16().unwrap());
        let mut redder = 0usize;
        for ((x, y, before), after) in before.enumerate_pixels().zip(after.pixels()) {
            let inside = (900..2100).contains(&x) && (400..1600).contains(&y);
            assert!(inside || before == after, "({x}, {y}) was touched: {before:?} {after:?}");
            redder += usize::from(after.0[0] > before.0[0].saturating_add(1000));
        }
        assert!(redder > 500_000, "“red” made only {redder} pixels redder");
    }
}

/// Strength zero changes nothing: not a single sample, though colours are converted there and back.
#[test]
fn no_strength_no_change() {
    let data = Data::new();
    for (name, picture) in [
        ("rgb16.png", DynamicImage::ImageRgb16(scene(300, 200))),
        ("rgb8.tif", DynamicImage::ImageRgb8(DynamicImage::ImageRgb16(scene(300, 200)).to_rgb8())),
        ("rgba16.tif", DynamicImage::ImageRgba16(DynamicImage::ImageRgb16(scene(200, 300)).to_rgba16())),
        ("grey16.png", DynamicImage::ImageLuma16(DynamicImage::ImageRgb16(scene(200, 300)).to_luma16())),
        ("greya8.png", DynamicImage::ImageLumaA8(DynamicImage::ImageRgb16(scene(200, 300)).to_luma_alpha8())),
    ] {
        let (from, to) = (data.folder.path().join(name), data.folder.path().join(format!("out-{name}")));
        write(&from, &picture, picture.color().has_color().then(wide_gamut));
        let (from_, to_) = (from.to_str().unwrap(), to.to_str().unwrap());
        let output = pentimento(
            &data,
            &["edit", from_, "--text", "red", "--strength", "0", "--pack", "tiny", "-o", to_],
        );
        assert!(output.status.success(), "{name}: {}", errors(&output));
        assert_eq!(read(&from).0, read(&to).0, "{name}");
    }
}

#[test]
fn what_is_wrong_is_said_in_a_sentence_and_nothing_is_written() {
    let data = Data::new();
    let picture = data.folder.path().join("in.png");
    write(&picture, &DynamicImage::ImageRgb16(scene(300, 200)), None);
    let damaged = data.folder.path().join("damaged.png");
    std::fs::write(&damaged, &std::fs::read(&picture).unwrap()[..5000]).unwrap();
    let text = data.folder.path().join("text.png");
    std::fs::write(&text, "a picture, honestly").unwrap();
    let text = text.to_str().unwrap();
    let small = data.folder.path().join("small.png");
    write(&small, &DynamicImage::ImageRgb16(scene(8, 8)), None);
    let out = data.folder.path().join("out.png");
    let (picture, damaged, small, out_) = (
        picture.to_str().unwrap(),
        damaged.to_str().unwrap(),
        small.to_str().unwrap(),
        out.to_str().unwrap(),
    );
    for (arguments, sentence) in [
        (vec!["edit", "nowhere.png", "--text", "red", "-o", out_], "cannot open the picture"),
        (vec!["edit", damaged, "--text", "red", "-o", out_], "damaged"),
        (vec!["edit", text, "--text", "red", "-o", out_], "not a PNG or TIFF"),
        (vec!["edit", small, "--text", "red", "-o", out_], "only 8 pixels wide"),
        (vec!["edit", picture, "--text", " ", "-o", out_], "is empty"),
        (vec!["edit", picture, "--text", "red", "--neutral", "red", "-o", out_], "mean the same"),
        (vec!["edit", picture, "--text", "red", "--strength", "99", "-o", out_], "must lie between"),
        (vec!["edit", picture, "--text", "red", "--strength", "NaN", "-o", out_], "must lie between"),
        (vec!["edit", picture, "--text", "red", "--pack", "horses", "-o", out_], "there is no pack “horses”"),
        (vec!["edit", picture, "--text", "red", "--square", "500,500,100", "-o", out_], "beside the layer"),
        (vec!["edit", picture, "--text", "red", "--device", "cuda", "-o", out_], "cannot be used"),
        (vec!["edit", picture, "--text", "red", "-o", "out.jpg"], "must end in .png, .tif or .tiff"),
    ] {
        let output = pentimento(&data, &arguments);
        let said = errors(&output);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(sentence), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        assert!(!out.exists(), "{arguments:?}");
    }
}

#[test]
fn without_the_runtime_or_packs_it_says_what_to_do() {
    let data = Data::new();
    let picture = data.folder.path().join("in.png");
    let out = data.folder.path().join("out.png");
    write(&picture, &DynamicImage::ImageRgb16(scene(300, 200)), None);
    let edit = ["edit", picture.to_str().unwrap(), "--text", "red", "-o", out.to_str().unwrap()];
    let library = data.folder.path().join("onnxruntime/libonnxruntime.so");

    std::fs::remove_file(&library).unwrap();
    assert!(errors(&pentimento(&data, &edit)).contains("ONNX Runtime is not installed"));
    std::fs::write(&library, "not a library").unwrap();
    assert!(errors(&pentimento(&data, &edit)).contains("ONNX Runtime cannot be opened"));
    std::fs::remove_dir_all(data.folder.path().join("packs")).unwrap();
    let output = pentimento(&data, &edit);
    assert!(errors(&output).contains("no pack is installed"), "{}", errors(&output));
    assert!(!pentimento(&data, &["packs"]).status.success());
}

#[test]
fn help_has_examples_and_packs_are_listed() {
    let data = Data::new();
    let help = pentimento(&data, &["edit", "--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in ["Examples:", "--text", "--strength", "--square", "--device"] {
        assert!(help.contains(word), "{word} is missing:\n{help}");
    }
    let packs = pentimento(&data, &["packs"]);
    let packs = String::from_utf8_lossy(&packs.stdout).into_owned();
    assert!(packs.contains("starter-faces") && packs.contains("can do: text-edit"), "{packs}");
}

/// What `run` writes is what the same graph gives inside: styles go in, a picture comes out.
#[test]
fn graphs_of_a_pack_run_on_arrays() {
    let data = Data::new();
    let path = |name: &str| data.folder.path().join(name).to_str().unwrap().to_owned();
    let styles = ndarray::Array2::<f64>::zeros((2, 197));
    ndarray_npy::write_npy(path("styles.npy"), &styles).unwrap();
    let input = format!("styles={}", path("styles.npy"));
    let output = pentimento(&data, &["run", "tiny", "synthesis", &input, "-o", &path("out")]);
    assert!(output.status.success(), "{}", errors(&output));
    let image: ndarray::Array4<f32> = ndarray_npy::read_npy(path("out/image.npy")).unwrap();
    assert_eq!(image.dim(), (2, 3, 8, 8));

    for (arguments, says) in [
        (vec!["run", "tiny", "painter", &input, "-o", "x"], "roles are mapping, affine"),
        (vec!["run", "tiny", "affine", &input, "-o", "x"], "nothing called “styles” goes into this graph"),
        (vec!["run", "tiny", "mapper/curly", &input, "-o", "x"], "has no mapper, which"),
        (vec!["run", "huge", "affine", &input, "-o", "x"], "there is no pack “huge”"),
        (vec!["run", "tiny", "synthesis", "styles=/none.npy", "-o", "x"], "/none.npy"),
    ] {
        let output = pentimento(&data, &arguments);
        assert!(
            !output.status.success() && errors(&output).contains(says),
            "{arguments:?}: {}",
            errors(&output)
        );
    }
}

/// A pack `copy`, like the tiny one: the packs that tests share are links into the repository.
fn copy_of_tiny(data: &Data) -> PathBuf {
    let folder = data.folder.path().join("packs/copy");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(data.folder.path().join("packs/a-tiny")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let manifest = std::fs::read_to_string(folder.join("pack.toml")).unwrap();
    std::fs::write(folder.join("pack.toml"), manifest.replace("id = \"tiny\"", "id = \"copy\"")).unwrap();
    folder
}

/// A mapper and the sliders of attributes, which no prompt is needed for.
#[test]
fn mappers_and_attributes_edit_without_a_prompt() {
    let data = Data::new();
    let path = |name: &str| data.folder.path().join(name).to_str().unwrap().to_owned();
    write(Path::new(&path("in.png")), &DynamicImage::ImageRgb16(scene(300, 200)), None);
    let before = read(Path::new(&path("in.png"))).0;
    let run = |words: &[&str], out: &str| {
        let output = pentimento(&data, &[words, &["-o", &path(out)]].concat());
        assert!(output.status.success(), "{}", errors(&output));
        read(Path::new(&path(out))).0
    };
    // It adds half of what is there.
    let folder = copy_of_tiny(&data);
    let graph = std::fs::read(root().join("models-onnx/tests/tiny/mapper.onnx")).unwrap();
    let hash: String = Sha256::digest(&graph).iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(folder.join("mapper.onnx"), graph).unwrap();
    let port = |name: &str| format!("[{{ name = \"{name}\", dims = [\"n\", 2, 96], dtype = \"f32\" }}]");
    let manifest = std::fs::read_to_string(folder.join("pack.toml")).unwrap()
        + &format!("\n[mappers.half]\nfile = \"mapper.onnx\"\nsha256 = \"{hash}\"\n")
        + &format!("inputs = {}\noutputs = {}\n", port("w_plus"), port("delta"));
    std::fs::write(folder.join("pack.toml"), manifest).unwrap();
    let square = ["--square", "60,20,160", "--pack", "copy"];
    let mapper = |more: &[&str], out: &str| {
        run(
            &[&["edit", &path("in.png"), "--method", "mapper", "--mapper", "half"], &square[..], more]
                .concat(),
            out,
        )
    };
    let [left, top, right, bottom] = changed(&before, &mapper(&[], "mapped.png")).unwrap();
    assert!(left >= 60 && top >= 20 && right < 220 && bottom < 180, "{left} {top} {right} {bottom}");
    // Both of the pack's layers are coarse ones.
    let none = mapper(&["--coarse", "false"], "none.png");
    assert_eq!(changed(&before, &none), None);

    let slider = |strength: &str, out: &str| {
        let words = ["attribute", &path("in.png"), "--attribute", "beard", "--strength", strength];
        run(&[&words[..], &["--square", "60,20,160", "--pack", "starter-faces"]].concat(), out)
    };
    assert!(changed(&before, &slider("2", "beard.png")).is_some());
    assert_eq!(changed(&before, &slider("0", "still.png")), None);
}

/// Measured in one go, and measured by a process that was killed and another that went on: the same pack.
#[test]
fn relevance_is_measured_and_goes_on_where_it_was_stopped() {
    let arguments = ["relevance", "copy", "--pictures", "1600", "--samples", "2000"];
    let arrays = |data: &Data| {
        let found = Pack::open(&data.folder.path().join("packs/copy"), &data.places.shared()).unwrap();
        found.verify().unwrap();
        let statistics = [Array::StyleMean, Array::StyleStd].map(|array| found.vector(array).unwrap());
        (found.matrix(Array::Relevance).unwrap(), statistics, found.hash().to_owned())
    };
    let whole = Data::new();
    let folder = copy_of_tiny(&whole);
    let before = arrays(&whole);
    let output = pentimento(&whole, &arguments);
    assert!(output.status.success(), "{}", errors(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("197 of 197 channels") && said.contains("can do: text-edit"), "{said}");
    let after = arrays(&whole);
    assert_eq!(after.0.dim(), (197, 4));
    // The pictures' own pixels turn the embedding; channels of RGB outputs stay at zero.
    assert!(after.0.row(0).iter().any(|v| v.abs() > 0.5) && after.0.row(196).iter().all(|v| *v == 0.0));
    assert_ne!(before.1, after.1);
    assert!(!folder.join("relevance.partial").exists());

    let killed = Data::new();
    let partial = copy_of_tiny(&killed).join("relevance.partial");
    let mut process = command(&killed, &arguments).stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    // Rows of four numbers; some are there and some are not.
    while std::fs::metadata(&partial).map_or(0, |about| about.len()) < 20 * 16 {
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing is measured");
        std::thread::sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(partial.exists(), "it was done before it could be killed");
    let other = ["relevance", "copy", "--pictures", "1599", "--samples", "2000"];
    let refused = pentimento(&killed, &other);
    assert!(
        !refused.status.success() && errors(&refused).contains("relevance.partial"),
        "{}",
        errors(&refused)
    );
    let output = pentimento(&killed, &arguments);
    assert!(output.status.success(), "{}", errors(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains("\r0 of 197 channels"), "{said}");
    assert_eq!(arrays(&killed), after);
}

#[test]
fn packs_are_described_checked_and_removed() {
    let data = Data::new();
    let folder = copy_of_tiny(&data);
    let said = |arguments: &[&str]| String::from_utf8(pentimento(&data, arguments).stdout).unwrap();
    assert!(said(&["pack", "list"]).contains("tiny"));
    let info = said(&["pack", "info", "copy"]);
    assert!(
        info.contains("styles F32 [n, 197] → image F32 [n, 3, 8, 8]") && info.contains("can do: text-edit"),
        "{info}"
    );
    assert!(said(&["pack", "verify", "copy"]).contains("as they were made"));

    let file = folder.join("relevance.npy");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let output = pentimento(&data, &["pack", "verify", "copy"]);
    assert!(!output.status.success() && errors(&output).contains("damaged"), "{}", errors(&output));

    assert!(said(&["pack", "remove", "copy"]).contains("removed"));
    assert!(!folder.exists());
    assert!(errors(&pentimento(&data, &["pack", "remove", "copy"])).contains("there is no pack “copy”"));
    assert!(errors(&pentimento(&data, &["pack", "remove", "../.."])).contains("there is no pack"));
}

/// The starter pack's generator was trained in StyleGAN2's published layout: converted by the command line, its
/// checkpoint gives the pictures that the pack gives.
#[test]
fn the_starter_checkpoint_becomes_a_pack_that_gives_the_same_pictures() {
    let data = Data::new();
    let path = |name: &str| data.folder.path().join(name).to_str().unwrap().to_owned();
    let starter = pentimento_tests::root().join("models-onnx");
    let checkpoint = starter.join("starter/checkpoint/heads128.pt").to_str().unwrap().to_owned();
    let refused = pentimento(&data, &["convert", &checkpoint, "-o", "heads"]);
    assert!(
        !refused.status.success() && errors(&refused).contains("run it again with --yes"),
        "{}",
        errors(&refused)
    );
    assert!(!data.folder.path().join("packs/heads").exists());
    let report = String::from_utf8(refused.stdout).unwrap();
    assert!(report.contains("StyleGAN2 generator, 128 px, W+ of 12 × 256, 2752 style channels"), "{report}");

    let made = pentimento(&data, &["convert", &checkpoint, "-o", "heads", "--yes", "--domain", "head"]);
    assert!(made.status.success(), "{}", errors(&made));
    assert!(pentimento(&data, &["pack", "verify", "heads"]).status.success());
    let mean: ndarray::Array1<f32> =
        ndarray_npy::read_npy(starter.join("packs/starter-faces/style_mean.npy")).unwrap();
    ndarray_npy::write_npy(path("styles.npy"), &mean.insert_axis(ndarray::Axis(0))).unwrap();
    let input = format!("styles={}", path("styles.npy"));
    let [ours, theirs] = ["heads", "starter-faces"].map(|pack| {
        let output = pentimento(&data, &["run", pack, "synthesis", &input, "-o", &path(pack)]);
        assert!(output.status.success(), "{}", errors(&output));
        ndarray_npy::read_npy::<_, ndarray::Array4<f32>>(path(&format!("{pack}/image.npy"))).unwrap()
    });
    // The checkpoint is kept in half precision, whose eleven bits leave some thousandths after a dozen layers.
    let worst = (&ours - &theirs).fold(0.0f32, |m, v| m.max(v.abs()));
    assert!(worst < 5e-3, "{worst}");

    let page = path("ViT-B-32.pt");
    std::fs::write(&page, "<!DOCTYPE html><html>Sign in</html>").unwrap();
    let output = pentimento(&data, &["convert", &page, "-o", "page", "--yes"]);
    assert!(!output.status.success() && errors(&output).contains("ViT-B-32.pt"), "{}", errors(&output));
}

/// Where two pictures of the same size differ: left, top, right, bottom.
fn changed(before: &DynamicImage, after: &DynamicImage) -> Option<[u32; 4]> {
    let (before, after) = (before.to_rgb16(), after.to_rgb16());
    let pixels = before.enumerate_pixels().zip(after.pixels());
    pixels.filter(|((_, _, a), b)| a != b).fold(None, |edges: Option<[u32; 4]>, ((x, y, _), _)| {
        let [left, top, right, bottom] = edges.unwrap_or([x, y, x, y]);
        Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
    })
}

/// The face of a photograph is found wherever it is and however it is turned; everything else stays bit for bit.
#[test]
fn faces_are_found_upright_and_turned() {
    let data = Data::new();
    let photo = read(&root().join("tests/samples/astronaut.png")).0;
    let (out, out_) = (data.folder.path().join("out.png"), data.folder.path().join("out.png"));
    for (name, picture, middle) in [
        // The middle of the face lies at 226, 120 of 512.
        ("upright.png", photo.clone(), [226, 120]),
        ("quarter.png", photo.rotate90(), [511 - 120, 226]),
        ("over.png", photo.rotate180(), [511 - 226, 511 - 120]),
    ] {
        let from = data.folder.path().join(name);
        write(&from, &picture, None);
        let arguments = ["edit", from.to_str().unwrap(), "--text", "sunglasses", "--pack", "starter-faces"];
        let output = pentimento(&data, &[&arguments[..], &["-o", out.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", errors(&output));
        assert!(!errors(&output).contains("no face"), "{name}: {}", errors(&output));
        let [left, top, right, bottom] = changed(&picture, &read(&out_).0).unwrap();
        let centre = [(left + right) / 2, (top + bottom) / 2];
        let near = centre.iter().zip(middle).all(|(a, b)| a.abs_diff(b) < 60);
        assert!(near && right - left < 300, "{name}: {left}, {top} … {right}, {bottom}");
    }
    let from = data.folder.path().join("upright.png");
    let arguments = ["edit", from.to_str().unwrap(), "--text", "glasses", "--pack", "starter-faces"];
    let output = pentimento(&data, &[&arguments[..], &["--face", "2", "-o", out.to_str().unwrap()]].concat());
    assert!(errors(&output).contains("face 2 was asked for, but 1 were found"), "{}", errors(&output));
}

/// Behind dark glasses the eyes are gone: what the photo had there is not added to what the pack draws now.
#[test]
fn what_is_covered_does_not_shine_through() {
    let data = Data::new();
    let from = root().join("tests/samples/astronaut.png");
    let photo = read(&from).0.to_luma32f();
    let detail = |picture: &image::ImageBuffer<image::Luma<f32>, Vec<f32>>, x: u32, y: u32| {
        let at = |x: u32, y: u32| picture.get_pixel(x, y).0[0];
        at(x, y) - (at(x - 2, y) + at(x + 2, y) + at(x, y - 2) + at(x, y + 2)) / 4.0
    };
    // Of the pixels with detail that change, the share that has lost more than half of it.
    let lost = |composite: &str| {
        let out = data.folder.path().join(format!("{composite}.png"));
        let arguments = ["edit", from.to_str().unwrap(), "--text", "sunglasses", "--pack", "starter-faces"];
        let more = ["--strength", "4", "--composite", composite, "-o", out.to_str().unwrap()];
        let output = pentimento(&data, &[&arguments[..], &more].concat());
        assert!(output.status.success(), "{}", errors(&output));
        let edited = read(&out).0.to_luma32f();
        let (width, height) = photo.dimensions();
        let places = (2..height - 2).flat_map(|y| (2..width - 2).map(move |x| (x, y)));
        let seen = places.filter(|&(x, y)| {
            let change = edited.get_pixel(x, y).0[0] - photo.get_pixel(x, y).0[0];
            change.abs() > 0.02 && detail(&photo, x, y).abs() > 0.05
        });
        let seen: Vec<(u32, u32)> = seen.collect();
        let less = |&&(x, y): &&(u32, u32)| detail(&edited, x, y).abs() < 0.5 * detail(&photo, x, y).abs();
        assert!(seen.len() > 300, "{}", seen.len());
        seen.iter().filter(less).count() as f32 / seen.len() as f32
    };
    let (fit, difference) = (lost("fit"), lost("difference"));
    println!("{fit} {difference}");
    assert!(fit > 0.65 && difference < 0.5, "{fit} {difference}");
}

/// A recipe that one edit exports is done to many photos; a bad one among them keeps no other waiting.
#[test]
fn recipes_are_done_to_many_photos() {
    let data = Data::new();
    let path = |name: &str| data.folder.path().join(name).to_str().unwrap().to_owned();
    write(Path::new(&path("a.png")), &DynamicImage::ImageRgb16(scene(300, 200)), Some(wide_gamut()));
    write(
        Path::new(&path("b.tif")),
        &DynamicImage::ImageRgb32F(DynamicImage::ImageRgb16(scene(200, 300)).to_rgb32f()),
        None,
    );
    std::fs::write(path("c.png"), "no picture").unwrap();
    let edit = ["edit", &path("a.png"), "--text", "red", "--pack", "tiny", "--strength", "6"];
    let output =
        pentimento(&data, &[&edit[..], &["-o", &path("one.png"), "--export", &path("red.toml")]].concat());
    assert!(output.status.success(), "{}", errors(&output));
    let output = pentimento(
        &data,
        &["apply", &path("red.toml"), &path("a.png"), &path("b.tif"), &path("c.png"), "-o", &path("done")],
    );
    assert!(!output.status.success() && errors(&output).contains("1 of 3 photos"), "{}", errors(&output));
    assert_eq!(
        read(Path::new(&path("done/a.png"))),
        read(Path::new(&path("one.png"))),
        "the same edit is the same"
    );
    let (before, after) = (read(Path::new(&path("b.tif"))).0, read(Path::new(&path("done/b.tif"))).0);
    assert!(changed(&before, &after).is_some());
    assert_eq!(before.color(), after.color());

    std::fs::write(path("bad.toml"), "version = 2\nsteps = 3\n").unwrap();
    let output = pentimento(&data, &["apply", &path("bad.toml"), &path("a.png"), "-o", &path("done")]);
    assert!(errors(&output).contains("the recipe cannot be read"), "{}", errors(&output));
}

/// Sweeps and candidates are numbered files; a picture that the pack makes up is the same for the same seed.
#[test]
fn several_results_are_several_files() {
    let data = Data::new();
    let path = |name: &str| data.folder.path().join(name).to_str().unwrap().to_owned();
    write(Path::new(&path("in.png")), &DynamicImage::ImageRgb16(scene(300, 200)), None);
    let edit = ["edit", &path("in.png"), "--text", "red", "--pack", "tiny", "--strength", "6"];
    let run = |more: &[&str]| {
        let output = pentimento(&data, &[&edit[..], more].concat());
        assert!(output.status.success(), "{}", errors(&output));
    };
    run(&["--frames", "3", "-o", &path("sweep.png")]);
    run(&["-o", &path("whole.png")]);
    let frame = |number: u32| read(Path::new(&path(&format!("sweep-0{number}.png")))).0;
    let before = read(Path::new(&path("in.png"))).0;
    assert_eq!(changed(&before, &frame(1)), None, "a sweep begins with the photo");
    assert_eq!(frame(3), read(Path::new(&path("whole.png"))).0, "and ends with the edit");
    assert!(changed(&frame(2), &frame(3)).is_some());

    let made = |name: &str, seed: &str| {
        let words =
            ["edit", "--start", "random", "--seed", seed, "--text", "blue hair", "--pack", "starter-faces"];
        let output = pentimento(&data, &[&words[..], &["-o", &path(name)]].concat());
        assert!(output.status.success(), "{}", errors(&output));
        read(Path::new(&path(name))).0
    };
    assert_eq!(made("a.png", "7"), made("b.png", "7"));
    assert!(changed(&made("a.png", "7"), &made("c.png", "8")).is_some());
    let output = pentimento(&data, &["edit", "--text", "red", "-o", &path("x.png")]);
    assert!(errors(&output).contains("no photo was given"), "{}", errors(&output));
}

/// Refining brings the pack's picture nearer to the photo, and what was found is kept for the next time.
#[test]
fn refined_codes_are_kept() {
    let data = Data::new();
    let out = data.folder.path().join("out.png");
    let photo = root().join("tests/samples/astronaut.png");
    let edit = ["edit", photo.to_str().unwrap(), "--text", "glasses", "--pack", "starter-faces"];
    let decibels = |more: &[&str]| {
        let output = pentimento(&data, &[&edit[..], more, &["-o", out.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{}", errors(&output));
        let said = errors(&output);
        let (before, _) = said.rsplit_once(" dB").and_then(|(said, _)| said.rsplit_once(" dB")).unwrap();
        before.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let (plain, refined) = (decibels(&[]), decibels(&["--refine", "60"]));
    assert!(refined > plain + 5.0, "{plain} dB, refined {refined} dB");
    let kept = || std::fs::read_dir(data.folder.path().join("inversions")).unwrap().count();
    assert_eq!((kept(), decibels(&["--refine", "60"]), kept()), (2, refined, 2));
    let tuned = decibels(&["--refine", "60", "--tune", "60"]);
    assert!(tuned > refined, "refined {refined} dB, tuned {tuned} dB");
}
