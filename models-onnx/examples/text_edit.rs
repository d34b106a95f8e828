//! Edits pictures by texts: their codes are optimised until the pictures mean what the texts mean.
//!
//! `cargo run --release -p pentimento-models --example text_edit -- PACK pictures.npy OUT [KEY=VALUE…] PROMPT…`
//!
//! `pictures.npy` is `[n, 3, R, R]` in the range of the pack. Written are `OUT/before.npy`, what the encoder makes of them,
//! and `OUT/PROMPT.npy` for each text. Keys are the fields of `text_edit::Settings`; `space` is `w+`,
//! `styles`, `mapping` or a number, that of the groups of layers that move along the pack's axes; `settle` is `STEPS,GAIN`.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use models_onnx::runtime::Options;
use models_onnx::text::TextEncoder;
use models_onnx::text_edit::{Settings, Settle, Space, TextEdit, Texts};
use models_onnx::{Cancel, Pack, Places, Runtime, generator};
use ndarray::{Array4, Axis, concatenate};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, pictures, out, rest @ ..] = words.as_slice() else {
        return Err("PACK pictures.npy OUT [KEY=VALUE…] PROMPT…".into());
    };
    let places = Places::from_environment().ok_or("HOME is not set")?;
    let pack = Arc::new(Pack::open(Path::new(folder), &places.shared())?);
    let mut settings = Settings::suited(pack.manifest());
    let mut prompts = Vec::new();
    for word in rest {
        match word.split_once('=') {
            Some((key, value)) => set(&mut settings, key, value)?,
            None => prompts.push(word.as_str()),
        }
    }
    let runtime = Runtime::load(&places.onnxruntime(), Options::default())?;
    let cancel = Cancel::new();
    std::fs::create_dir_all(out)?;

    let pictures: Array4<f32> = ndarray_npy::read_npy(pictures)?;
    let mut generator = generator::open(&pack, &runtime)?;
    let mut codes = Vec::new();
    let mut before = Vec::new();
    for picture in pictures.axis_chunks_iter(Axis(0), 1) {
        let code = generator.encode(&picture.to_owned(), &cancel)?;
        before.push(generator.synthesise(&code, &cancel)?);
        codes.push(code);
    }
    write(out, "before", &before)?;
    let mut texts = TextEncoder::open(&pack, &runtime)?;
    let neutral = texts.neutral().to_owned();
    let neutral = texts.embed(&neutral, &cancel)?;
    let mut edit = TextEdit::open(&pack, &runtime, &settings)?;
    println!("{settings:?}");
    for prompt in prompts {
        let target = texts.embed(prompt, &cancel)?;
        let mut after = Vec::new();
        for code in &codes {
            let texts = Texts { target: &target, neutral: &neutral };
            let edited = edit.edit(code, texts, &cancel, &mut |_| ControlFlow::Continue(()))?;
            println!(
                "{prompt}: {:.3} to {:.3}, {} steps, {:.2} s, {}",
                edited.before,
                edited.after,
                edited.steps,
                edited.elapsed.as_secs_f64(),
                edited.stopped
            );
            after.push(generator.synthesise(&edited.code, &cancel)?);
        }
        write(out, prompt, &after)?;
    }
    Ok(())
}

fn write(folder: &str, name: &str, pictures: &[Array4<f32>]) -> Result<(), Box<dyn Error>> {
    let views: Vec<_> = pictures.iter().map(|p| p.view()).collect();
    ndarray_npy::write_npy(Path::new(folder).join(format!("{name}.npy")), &concatenate(Axis(0), &views)?)?;
    Ok(())
}

fn set(settings: &mut Settings, key: &str, value: &str) -> Result<(), Box<dyn Error>> {
    match key {
        "space" => {
            settings.space = match value {
                "w+" => Space::WPlus,
                "styles" => Space::Styles,
                "mapping" => Space::Mapping,
                groups => Space::Axes { groups: groups.parse()? },
            }
        }
        "steps" => settings.steps = value.parse()?,
        "rate" => settings.rate = value.parse()?,
        "nearness" => settings.nearness = value.parse()?,
        "identity" => settings.identity = value.parse()?,
        "direction" => settings.direction = value.parse()?,
        "copies" => settings.copies = value.parse()?,
        "seed" => settings.seed = value.parse()?,
        "coarse" => settings.coarse = value.parse()?,
        "settle" => {
            let (steps, gain) = value.split_once(',').ok_or("settle=STEPS,GAIN")?;
            settings.settle = Some(Settle { steps: steps.parse()?, gain: gain.parse()? });
        }
        other => return Err(format!("there is no setting “{other}”").into()),
    }
    Ok(())
}
