//! Edits portraits by text as the plug-in does, for those who judge: see `models-onnx/starter/judges/README.md`.
//!
//! `cargo run --release -p pentimento --example edits -- FOLDER METHOD [KEY=VALUE…]`
//!
//! `FOLDER` has `portraits.npy` and `prompts.json`. Written are `before.npy` and one file for each prompt: in
//! `FOLDER/METHOD` what the generator draws, in `FOLDER/METHOD-layer` what becomes of the portrait with the layer over it,
//! but for the soft border. Keys are parameters of the text edit (`method=optimise`) and of the road (`refine=100`), `pack` and `threads`.

use std::error::Error;
use std::path::Path;

use models_onnx::Places;
use ndarray::{Array4, Axis, s};
use ndarray_npy::{read_npy, write_npy};
use pentimento::job::Engine;
use pentimento::pipeline::params::ROAD;
use pentimento::pipeline::{Drawn, Edit};
use pentimento::{ops, packs};
use pentimento_ffi::pixels::{Mask, Rect};
use pentimento_protocol::dialog::Choice;
use pentimento_protocol::job::{Outcome, Runtime};
use pentimento_protocol::param::{Kind, Param, Value, Values};
use pentimento_protocol::picture::Picture;
use pentimento_protocol::recipe::Step;

/// A prompt and the portraits that it is tried on.
#[derive(serde::Deserialize)]
struct Prompt {
    prompt: String,
    file: String,
    portraits: Vec<usize>,
}

#[derive(serde::Deserialize)]
struct Prompts {
    prompts: Vec<Prompt>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, method, rest @ ..] = words.as_slice() else {
        return Err("FOLDER METHOD [KEY=VALUE…]".into());
    };
    let folder = Path::new(folder);
    let operation = ops::find("text-edit")?;
    let (mut values, mut road) = (Values::default(), Values::default());
    let (mut pack, mut runtime) = (String::new(), Runtime::default());
    for word in rest {
        let (key, value) = word.split_once('=').ok_or("KEY=VALUE")?;
        match key {
            "pack" => pack = value.to_owned(),
            "threads" => runtime.threads = Some(value.parse()?),
            _ if set(&mut values, operation.params(), key, value)? => {}
            _ if set(&mut road, &ROAD, key, value)? => {}
            _ => return Err(format!("there is no parameter “{key}”").into()),
        }
    }
    let portraits: Array4<f32> = read_npy(folder.join("portraits.npy"))?;
    let prompts: Prompts = serde_json::from_str(&std::fs::read_to_string(folder.join("prompts.json"))?)?;
    let places = Places::from_environment().ok_or("HOME is not set")?;
    let (installed, _) = packs::installed(&places);
    let engine = Engine::start(places);
    let (drawings, layers) = (folder.join(method), folder.join(format!("{method}-layer")));
    std::fs::create_dir_all(&drawings)?;
    std::fs::create_dir_all(&layers)?;

    let draw = |portrait: usize, steps: Vec<Step>| -> Result<(Drawn, Choice), Box<dyn Error>> {
        let choice = Choice { steps, road: road.clone(), pack: pack.clone(), runtime };
        let edit = Edit::new(&installed, choice)?;
        let photo = std::sync::Arc::new(picture(&portraits, portrait));
        let request = edit.request(engine.pictures.put(std::sync::Arc::clone(&photo)));
        let Outcome::Edited(edited) = engine.submit(request)?.wait(|_| {})? else {
            return Err("no edit".into());
        };
        Ok((Drawn::take(&engine, photo, edited)?, edit.choice))
    };
    let mut before = Array4::zeros(portraits.dim());
    for portrait in 0..portraits.dim().0 {
        put(&mut before, portrait, &draw(portrait, Vec::new())?.0.inverted);
    }
    write_npy(drawings.join("before.npy"), &before)?;
    write_npy(layers.join("before.npy"), &portraits)?;
    for Prompt { prompt, file, portraits: which } in prompts.prompts {
        values.set("text", Value::Text(prompt.clone()));
        let (_, planes, height, width) = portraits.dim();
        let mut after = Array4::zeros((which.len(), planes, height, width));
        let mut layered = after.clone();
        let start = std::time::Instant::now();
        for (row, portrait) in which.iter().enumerate() {
            let (drawn, choice) = draw(*portrait, vec![Step::new("text-edit", values.clone())])?;
            let best = drawn.variants.first().ok_or("nothing was made")?;
            put(&mut after, row, &best.picture);
            let all = Mask {
                rect: Rect { x: 0, y: 0, width: width as u32, height: height as u32 },
                values: vec![1.0; height * width],
            };
            put(&mut layered, row, &drawn.composite(&choice, best)?.preview(&drawn.photo, &all));
        }
        println!("{prompt}: {:.2} s each", start.elapsed().as_secs_f64() / which.len() as f64);
        write_npy(drawings.join(&file).with_extension("npy"), &after)?;
        write_npy(layers.join(&file).with_extension("npy"), &layered)?;
    }
    Ok(())
}

fn set(values: &mut Values, params: &[Param], key: &str, value: &str) -> Result<bool, Box<dyn Error>> {
    let Some(param) = params.iter().find(|param| param.id == key) else { return Ok(false) };
    let value = match param.kind {
        Kind::Number { .. } => Value::Number(value.parse()?),
        Kind::Flag { .. } => Value::Flag(value.parse()?),
        _ => Value::Text(value.to_owned()),
    };
    values.set(key, value);
    Ok(true)
}

/// Planes in −1..1 as a picture.
fn picture(all: &Array4<f32>, index: usize) -> Picture {
    let (_, _, height, width) = all.dim();
    let pixels = all.slice(s![index, .., .., ..]).permuted_axes([1, 2, 0]);
    let rgb = pixels.iter().map(|v| (v + 1.0) / 2.0).collect();
    Picture { width: width as u32, height: height as u32, rgb }
}

/// The reverse of [`picture`].
fn put(all: &mut Array4<f32>, index: usize, picture: &Picture) {
    let mut planes = all.index_axis_mut(Axis(0), index);
    for ((c, y, x), value) in planes.indexed_iter_mut() {
        *value = picture.pixel(x as u32, y as u32)[c] * 2.0 - 1.0;
    }
}
