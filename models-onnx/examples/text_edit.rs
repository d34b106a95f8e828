//! Edits pictures by texts: their codes are optimised until the pictures mean what the texts mean.
//!
//! `cargo run --release -p pentimento-models --example text_edit -- PACK pictures.npy OUT [KEY=VALUE…] PROMPT…`
//!
//! `pictures.npy` is `[n, 3, R, R]` in the range of the pack. Written are `OUT/before.npy`, what the encoder makes of them,
//! and `OUT/PROMPT.npy` for each text; for whoever makes the same edits with another program, the W+ vectors of both in
//! `codes.npy` and `PROMPT.codes.npy` and the text's embedding in `PROMPT.text.npy`. Keys are the fields of
//! `text_edit::Settings`; `space` is `w+`, `styles`, `mapping` or a number, that of the groups of layers that move along the
//! pack's axes; `settle` is `STEPS,GAIN`, or `no`. `published=SPACE` sets all as published, `threads` is the runtime's.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use models_onnx::runtime::Options;
use models_onnx::text::TextEncoder;
use models_onnx::text_edit::{Descent, Settings, Settle, Space, TextEdit, Texts};
use models_onnx::{Cancel, Code, Pack, Places, Runtime, generator};
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
    let mut options = Options::default();
    for word in rest {
        match word.split_once('=') {
            Some(("threads", count)) => options.threads = Some(count.parse()?),
            Some((key, value)) => set(&mut settings, key, value)?,
            None => prompts.push(word.as_str()),
        }
    }
    let runtime = Runtime::load(&places.onnxruntime(), options)?;
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
    write_codes(out, "codes", &codes)?;
    let mut texts = TextEncoder::open(&pack, &runtime)?;
    let neutral = texts.neutral().to_owned();
    let neutral = texts.embed(&neutral, &cancel)?;
    let mut edit = TextEdit::open(&pack, &runtime, &settings)?;
    println!("{settings:?}");
    for prompt in prompts {
        let target = texts.embed(prompt, &cancel)?;
        ndarray_npy::write_npy(Path::new(out).join(format!("{prompt}.text.npy")), &target)?;
        let (mut after, mut moved) = (Vec::new(), Vec::new());
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
            moved.push(edited.code);
        }
        write(out, prompt, &after)?;
        write_codes(out, &format!("{prompt}.codes"), &moved)?;
    }
    Ok(())
}

fn write(folder: &str, name: &str, pictures: &[Array4<f32>]) -> Result<(), Box<dyn Error>> {
    let views: Vec<_> = pictures.iter().map(|p| p.view()).collect();
    ndarray_npy::write_npy(Path::new(folder).join(format!("{name}.npy")), &concatenate(Axis(0), &views)?)?;
    Ok(())
}

fn write_codes(folder: &str, name: &str, codes: &[Code]) -> Result<(), Box<dyn Error>> {
    let views = codes.iter().map(Code::w_plus).collect::<Result<Vec<_>, _>>()?;
    ndarray_npy::write_npy(Path::new(folder).join(format!("{name}.npy")), &concatenate(Axis(0), &views)?)?;
    Ok(())
}

fn set(settings: &mut Settings, key: &str, value: &str) -> Result<(), Box<dyn Error>> {
    match key {
        "published" => *settings = Settings::published(space(value)?),
        "space" => settings.space = space(value)?,
        "descent" => {
            settings.descent = match value {
                "adam" => Descent::Adam,
                "l-bfgs" => Descent::Lbfgs,
                other => return Err(format!("there is no descent “{other}”").into()),
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
        "settle" if value == "no" => settings.settle = None,
        "settle" => {
            let (steps, gain) = value.split_once(',').ok_or("settle=STEPS,GAIN")?;
            settings.settle = Some(Settle { steps: steps.parse()?, gain: gain.parse()? });
        }
        other => return Err(format!("there is no setting “{other}”").into()),
    }
    Ok(())
}

fn space(value: &str) -> Result<Space, Box<dyn Error>> {
    Ok(match value {
        "w+" => Space::WPlus,
        "styles" => Space::Styles,
        "mapping" => Space::Mapping,
        groups => Space::Axes { groups: groups.parse()? },
    })
}
