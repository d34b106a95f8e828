//! How long the plug-in's engine takes from a slider's move to the new picture, with the starter pack.
//!
//! `cargo bench -p pentimento-tests --bench slider -- [THREADS]` prints a table: `first`, an engine of its own that
//! loads the models and finds the code of a photo it has never seen; `text`, another prompt; `slider`, another strength
//! or disentanglement of the same.

use std::error::Error;
use std::time::Instant;

use pentimento::job::Engine;
use pentimento::pipeline::params::ROAD;
use pentimento_protocol::job::{Device, Edit, Outcome, Request, Runtime};
use pentimento_protocol::param::{Value, Values};
use pentimento_protocol::picture::Picture;
use pentimento_protocol::recipe::Step;
use pentimento_tests::Data;

const FIRST: usize = 5;
const TEXTS: [&str; 6] = ["blue hair", "sunglasses", "a beard", "a bald person", "a smiling person", "a hat"];
const MOVES: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let threads = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let runtime = Runtime { device: Device::Cpu, threads };
    let [mut first, mut text, mut slider] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..FIRST {
        // With folders of its own, in which no code is remembered.
        let data = Data::new();
        let engine = Engine::start(data.places.clone());
        let photo = photo(&data)?;
        for (at, prompt) in TEXTS.into_iter().enumerate() {
            let into = if at == 0 { &mut first } else { &mut text };
            into.push(time(&engine, runtime, &photo, (prompt, 2.0, 0.1))?);
        }
        for at in 0..MOVES / FIRST {
            let strength = 2.0 + 0.1 * (1 + at) as f64;
            let disentanglement = if at % 2 == 0 { 0.1 } else { 0.12 };
            slider.push(time(&engine, runtime, &photo, (TEXTS[0], strength, disentanglement))?);
        }
    }
    println!("          median ms  least ms  ninetieth ms");
    for (name, mut times) in [("first", first), ("text", text), ("slider", slider)] {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[(times.len() - 1) * part / 10];
        println!("{name:8}  {:9.1}  {:8.1}  {:12.1}", at(5), at(0), at(9));
    }
    Ok(())
}

/// A picture of the pack's size with some structure: what it shows does not change how long anything takes.
fn photo(data: &Data) -> Result<Picture, Box<dyn Error>> {
    let (installed, _) = pentimento::packs::installed(&data.places);
    let pack =
        installed.iter().find(|pack| pack.id == "starter-faces").ok_or("the starter pack is missing")?;
    let side = pack.resolution;
    let rgb = (0..side * side * 3).map(|i| (i * 7 % 255) as f32 / 255.0).collect();
    Ok(Picture { width: side, height: side, rgb })
}

/// Milliseconds from the request to the picture.
fn time(
    engine: &Engine,
    runtime: Runtime,
    photo: &Picture,
    (prompt, strength, disentanglement): (&str, f64, f64),
) -> Result<f64, Box<dyn Error>> {
    let mut values = Values::default();
    values.set("text", Value::Text(prompt.to_owned()));
    values.set("strength", Value::Number(strength));
    values.set("disentanglement", Value::Number(disentanglement));
    let values = values.complete(pentimento::ops::find("text-edit")?.params())?;
    let begun = Instant::now();
    let job = engine.submit(Request::Edit(Edit {
        steps: vec![Step::new("text-edit", values)],
        road: Values::defaults(&ROAD),
        pack: "starter-faces".to_owned(),
        picture: engine.pictures.put(photo.clone()),
        runtime,
    }))?;
    let Outcome::Edited(edited) = job.wait(|_| {})? else { return Err("no picture came".into()) };
    let variant = edited.variants.first().ok_or("no picture came")?;
    engine.pictures.take(variant.picture)?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
