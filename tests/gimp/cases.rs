//! What must hold in every GIMP.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::evidence::{Evidence, NewLayer, edited, nothing_happened};
use crate::op::{Edit, Mode, Op};
use crate::pictures::{self, LARGE, SMALL};
use crate::stage::{Around, Case, TYPED, tail};

/// A case by name.
pub(crate) type Test = (&'static str, fn(&Case<'_>) -> Result<()>);

/// All cases, the same for every GIMP.
pub(crate) const CASES: [Test; 20] = [
    ("six_megapixels_16_bit_with_selection", large),
    ("six_megapixels_16_bit_with_wide_gamut_profile", wide_gamut),
    ("whole_layer_without_selection", whole),
    ("grey", grey),
    ("alpha", alpha),
    ("precision_16_bit_linear", |case| precision(case, "U16_LINEAR")),
    ("precision_32_bit_float_linear", |case| precision(case, "FLOAT_LINEAR")),
    ("layer_partly_outside_the_image", offset),
    ("layer_in_a_group", group),
    ("last_values_repeat_the_edit", again),
    ("indexed_is_refused", indexed),
    ("empty_prompt_is_refused", empty_prompt),
    ("strength_out_of_range_is_refused", too_strong),
    ("unknown_pack_is_refused", unknown_pack),
    ("unknown_device_is_refused", unknown_device),
    ("missing_runtime_is_a_sentence", no_runtime),
    ("missing_packs_are_a_sentence", no_packs),
    ("dialog_applies_and_cancels", dialog),
    ("an_edited_layer_opens_again", reopened),
    ("dialog_without_a_screen_is_a_sentence", no_screen),
];

/// A selection around the face of a picture of that size.
fn face([width, height]: [u32; 2]) -> Op {
    let side = height as i32 / 2;
    Op::Select([(width as i32 - side) / 2, (height as i32 - side) / 2, side, side])
}

fn small(case: &Case<'_>) -> Result<Op> {
    Ok(Op::Open(pictures::small(&case.stage.pictures())?))
}

/// The usual edit after `before`; the new layer, all promises checked.
fn usual(case: &Case<'_>, before: &[Op]) -> Result<NewLayer> {
    usual_in(case, before, 0).map(|(layer, _)| layer)
}

/// The same, and what was there before.
fn usual_in(case: &Case<'_>, before: &[Op], rounding: u16) -> Result<(NewLayer, Evidence)> {
    let call = Edit::usual();
    let (said, first, second) = case.compare(before, &[Op::Call(call.clone())], &Around::default())?;
    ensure!(said.contains("CALL-SUCCEEDED"), "the edit failed:\n{}", tail(&said));
    let layer = edited(&first, &second, rounding)?;
    ensure!(layer.name == format!("Text edit: {}", call.text), "the layer is called “{}”", layer.name);
    let [step] = layer.recipe.steps.as_slice() else { bail!("the recipe is {:?}", layer.recipe) };
    ensure!(step.operation == "text-edit", "the recipe is {:?}", layer.recipe);
    ensure!(step.values.text("text") == call.text, "the recipe forgot the prompt: {:?}", layer.recipe);
    Ok((layer, first))
}

/// A call that must fail with a sentence and change nothing.
fn refused(case: &Case<'_>, before: &[Op], call: Edit, around: &Around, sentence: &str) -> Result<String> {
    let (said, first, second) = case.compare(before, &[Op::Call(call)], around)?;
    ensure!(said.contains("CALL-FAILED"), "it should have failed:\n{}", tail(&said));
    let lower = said.to_lowercase();
    ensure!(lower.contains(&sentence.to_lowercase()), "nothing says “{sentence}”:\n{}", tail(&said));
    for crash in ["plug-in crashed", "panicked at", "segmentation fault"] {
        ensure!(!lower.contains(crash), "a crash instead of a sentence:\n{}", tail(&said));
    }
    nothing_happened(&first, &second)?;
    Ok(said)
}

fn large(case: &Case<'_>) -> Result<()> {
    let picture = pictures::large(&case.stage.pictures())?;
    let layer = usual(case, &[Op::Open(picture), face(LARGE)])?;
    // A small part of a large photo costs a small layer.
    let area = layer.pixels.width * layer.pixels.height;
    ensure!(area < (LARGE[0] * LARGE[1]) as usize / 2, "the new layer has {area} pixels");
    Ok(())
}

fn wide_gamut(case: &Case<'_>) -> Result<()> {
    let picture = pictures::wide_gamut(&case.stage.pictures())?;
    // GIMP 3 computes the curve of a profile that is not sRGB's only nearly: there, flattening the untouched
    // photo alone moves half of all 16-bit values by one. 2.10 is exact.
    let rounding = if case.stage.series == "2.10" { 0 } else { 1 };
    let (_, before) = usual_in(case, &[Op::Open(picture), face(LARGE)], rounding)?;
    ensure!(before.profile > 0, "the picture was opened without its profile");
    Ok(())
}

fn whole(case: &Case<'_>) -> Result<()> {
    usual(case, &[small(case)?]).map(drop)
}

fn grey(case: &Case<'_>) -> Result<()> {
    usual(case, &[small(case)?, Op::Grey, face(SMALL)]).map(drop)
}

fn alpha(case: &Case<'_>) -> Result<()> {
    usual(case, &[small(case)?, Op::Alpha, face(SMALL)]).map(drop)
}

fn precision(case: &Case<'_>, precision: &'static str) -> Result<()> {
    usual(case, &[small(case)?, Op::Precision(precision), face(SMALL)]).map(drop)
}

fn offset(case: &Case<'_>) -> Result<()> {
    usual(case, &[small(case)?, Op::Offset(-100, 60), face(SMALL)]).map(drop)
}

fn group(case: &Case<'_>) -> Result<()> {
    usual(case, &[small(case)?, Op::Group, face(SMALL)]).map(drop)
}

/// Only runs from a menu are remembered, as in every plug-in of GIMP, so a dialog goes first.
fn again(case: &Case<'_>) -> Result<()> {
    let calls = [Op::Call(Edit::mode(Mode::Dialog)), Op::Call(Edit::mode(Mode::Again))];
    let around = Around { data: None, dialog: Some(("apply", case.folder.join("dialog.png"))) };
    let (said, before, after) = case.compare(&[small(case)?, face(SMALL)], &calls, &around)?;
    ensure!(said.matches("CALL-SUCCEEDED").count() == 2, "not both calls succeeded:\n{}", tail(&said));
    ensure!(after.layers == before.layers + 2, "there are {} layers", after.layers);
    let layer = after.new_layer()?;
    ensure!(layer.name.starts_with(&format!("Text edit: {TYPED}")), "the second layer is “{}”", layer.name);
    ensure!(layer.recipe.steps[0].values.text("text") == TYPED, "the second recipe is {:?}", layer.recipe);
    Ok(())
}

fn indexed(case: &Case<'_>) -> Result<()> {
    let around = Around::default();
    refused(case, &[small(case)?, Op::Indexed], Edit::usual(), &around, "indexed").map(drop)
}

fn empty_prompt(case: &Case<'_>) -> Result<()> {
    let call = Edit { text: "", ..Edit::usual() };
    refused(case, &[small(case)?], call, &Around::default(), "is empty").map(drop)
}

fn too_strong(case: &Case<'_>) -> Result<()> {
    // GIMP 3 brings a number into the range of its argument before it calls; 2.10 hands it on as it is.
    let call = Edit { strength: 1000.0, ..Edit::usual() };
    if case.stage.series == "2.10" {
        return refused(case, &[small(case)?], call, &Around::default(), "between").map(drop);
    }
    let calls = [Op::Call(call)];
    let (said, _, after) = case.compare(&[small(case)?], &calls, &Around::default())?;
    ensure!(said.contains("CALL-SUCCEEDED") || said.contains("CALL-FAILED"), "{}", tail(&said));
    if said.contains("CALL-SUCCEEDED") {
        let recipe = after.new_layer()?.recipe.to_toml()?;
        ensure!(!recipe.contains("1000"), "a strength of 1000 was accepted: {recipe}");
    }
    Ok(())
}

fn unknown_pack(case: &Case<'_>) -> Result<()> {
    let call = Edit { pack: "no-such-pack", ..Edit::usual() };
    refused(case, &[small(case)?], call, &Around::default(), "no-such-pack").map(drop)
}

fn unknown_device(case: &Case<'_>) -> Result<()> {
    let call = Edit { device: "abacus", ..Edit::usual() };
    refused(case, &[small(case)?], call, &Around::default(), "abacus").map(drop)
}

/// A data folder that has all but one part of the real one.
fn without(case: &Case<'_>, part: &str) -> Result<Around> {
    let (real, lacking) = (case.stage.data(), case.folder.join("data"));
    fs::create_dir_all(&lacking)?;
    for entry in fs::read_dir(&real).with_context(|| format!("no {}", real.display()))? {
        let entry = entry?;
        if entry.file_name() != Path::new(part) {
            let link = lacking.join(entry.file_name());
            std::os::unix::fs::symlink(entry.path(), link)?;
        }
    }
    Ok(Around { data: Some(lacking), dialog: None })
}

fn no_runtime(case: &Case<'_>) -> Result<()> {
    let around = without(case, "onnxruntime")?;
    refused(case, &[small(case)?], Edit::usual(), &around, "ONNX Runtime").map(drop)
}

fn no_packs(case: &Case<'_>) -> Result<()> {
    let around = without(case, "packs")?;
    refused(case, &[small(case)?], Edit::usual(), &around, "pack").map(drop)
}

fn dialog(case: &Case<'_>) -> Result<()> {
    let picture = case.folder.join("dialog.png");
    for (act, layers, ended) in [("apply", 1, "CALL-SUCCEEDED"), ("cancel", 0, "CALL-")] {
        let _ = fs::remove_file(&picture);
        let around = Around { data: None, dialog: Some((act, picture.clone())) };
        let call = [Op::Call(Edit::mode(Mode::Dialog))];
        let (said, before, after) = case.compare(&[small(case)?, face(SMALL)], &call, &around)?;
        // Scripts of 2.10 are not told that the user cancelled.
        ensure!(said.contains(ended), "{act} should end with {ended}:\n{}", tail(&said));
        if act == "apply" {
            let layer = edited(&before, &after, 0)?;
            ensure!(layer.name == format!("Text edit: {TYPED}"), "the layer is “{}”", layer.name);
        } else {
            nothing_happened(&before, &after)?;
        }
        let came = after.layers - before.layers;
        ensure!(came == layers, "{act}: {came} layers came, not {layers}:\n{}", tail(&said));
        let shown =
            image::open(&picture).with_context(|| format!("no picture of the dialog:\n{}", tail(&said)))?;
        ensure!(
            shown.width() > 300 && shown.height() > 200,
            "the dialog was {} × {}",
            shown.width(),
            shown.height()
        );
        let kept = case.stage.shots().join(format!("dialog-{}-{act}.png", case.stage.series));
        fs::create_dir_all(case.stage.shots())?;
        fs::copy(&picture, kept)?;
    }
    Ok(())
}

/// An edited layer is opened again: what it was made of is edited anew, and the new layer takes its place.
fn reopened(case: &Case<'_>) -> Result<()> {
    let calls = [Op::Call(Edit::usual()), Op::Uppermost, Op::Call(Edit::mode(Mode::Dialog)), Op::Lowest];
    let around = Around { data: None, dialog: Some(("apply", case.folder.join("dialog.png"))) };
    let (said, before, after) = case.compare(&[small(case)?, face(SMALL)], &calls, &around)?;
    ensure!(said.matches("CALL-SUCCEEDED").count() == 2, "not both calls succeeded:\n{}", tail(&said));
    let layer = edited(&before, &after, 0)?;
    ensure!(after.layers == before.layers + 1, "there are {} layers", after.layers);
    let [step] = layer.recipe.steps.as_slice() else { bail!("the recipe is {:?}", layer.recipe) };
    ensure!(step.values.text("text") == TYPED, "the recipe is {:?}", layer.recipe);
    ensure!(
        step.values.number("strength") == 4.0,
        "the strength of the first edit is gone: {:?}",
        layer.recipe
    );
    ensure!(layer.recipe.road.text("place") == "here", "it was made elsewhere: {:?}", layer.recipe);
    Ok(())
}

fn no_screen(case: &Case<'_>) -> Result<()> {
    let around = Around::default();
    refused(case, &[small(case)?], Edit::mode(Mode::Dialog), &around, "display").map(drop)
}
