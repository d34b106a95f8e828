//! A plug-in that is not there: parameters, packs, a picture, and an answerer that turns hues.

use std::time::{Duration, Instant};

use pentimento_protocol::dialog::{Answer, Ask, Open, PackEntry, Parent};
use pentimento_protocol::job::{Fidelity, Runtime};
use pentimento_protocol::param::{Kind, Param, Value, Values};
use pentimento_protocol::picture::Picture;

/// Side of the fake picture.
const SIDE: u32 = 256;

/// Parameters like those of the text edit, with a switch and a choice besides.
pub(crate) fn params() -> Vec<Param> {
    let text = |default: &'static str, placeholder: &'static str, required| Kind::Text {
        default: default.into(),
        placeholder: placeholder.into(),
        required,
    };
    let number = |min, max, default, step, digits| Kind::Number { min, max, default, step, digits };
    let param = |id: &'static str, label: &'static str, help: &'static str, kind| Param {
        id: id.into(),
        label: label.into(),
        help: help.into(),
        kind,
    };
    vec![
        param(
            "prompt",
            "_Prompt",
            "What the picture should show.",
            text("", "a person with blue hair", true),
        ),
        param("neutral", "_Neutral prompt", "What it shows now.", text("a person", "a person", false)),
        param("strength", "_Strength", "How far the edit goes.", number(-10.0, 10.0, 4.0, 0.1, 1)),
        param(
            "disentanglement",
            "_Disentanglement",
            "Less changes besides.",
            number(0.0, 0.5, 0.12, 0.01, 2),
        ),
        param(
            "keep-grain",
            "Keep _grain",
            "Whether the grain of the photo stays.",
            Kind::Flag { default: true },
        ),
        param(
            "method",
            "_Method",
            "How the edit is found.",
            Kind::Choice {
                options: vec![
                    ("direction".into(), "Direction".into()),
                    ("optimise".into(), "Optimiser".into()),
                ],
            },
        ),
    ]
}

/// A request with three packs: one that knows the picture, one that does not, one incomplete.
pub(crate) fn open() -> Open {
    let pack = |id: &str, name: &str, about: &str, missing: &[&str]| PackEntry {
        id: id.into(),
        name: name.into(),
        about: about.into(),
        missing: missing.iter().map(|role| (*role).to_owned()).collect(),
        values: Values::default(),
    };
    let mut faces = pack("faces", "Starter faces", "Frontal faces, 256 pixels. Licence: CC0-1.0.", &[]);
    faces.values.set("strength", Value::Number(3.0));
    let mut values = Values::defaults(&params());
    values.set("prompt", Value::Text("a person with blue hair".into()));
    Open {
        title: "Text edit".into(),
        about: "Changes the picture in the direction that leads from the neutral prompt to the prompt."
            .into(),
        params: params(),
        values,
        packs: vec![
            faces,
            pack("cars", "Starter cars", "Cars seen from the side, 256 pixels. Licence: CC0-1.0.", &[]),
            pack("rooms", "Rooms", "Bedrooms. Licence: CC BY-NC 4.0.", &["image encoder", "text encoder"]),
        ],
        pack: "faces".into(),
        runtime: Runtime::default(),
        before: picture(),
        parent: Parent::None,
        host: "Test 1.0".into(),
        dark: Some(false),
        locale_folder: None,
    }
}

/// A face of sorts before a sky: soft gradients, some detail, no symmetry.
pub(crate) fn picture() -> Picture {
    let mut picture = Picture::filled(SIDE, SIDE, [0.0; 3]);
    let mix = |a: [f32; 3], b: [f32; 3], t: f32| {
        let t = t.clamp(0.0, 1.0);
        [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
    };
    for (i, rgb) in picture.rgb.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((i as u32 % SIDE) as f32 / SIDE as f32, (i as u32 / SIDE) as f32 / SIDE as f32);
        let inside = |cx: f32, cy: f32, rx: f32, ry: f32| {
            let d = (((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2)).sqrt();
            ((1.0 - d) * rx * 60.0).clamp(0.0, 1.0)
        };
        let mut colour = mix([0.55, 0.66, 0.78], [0.86, 0.80, 0.70], y + 0.1 * x);
        colour = mix(colour, [0.25, 0.30, 0.42], inside(0.5, 1.15, 0.42, 0.36));
        let strand = 0.5 + 0.5 * ((x * 90.0 + (y * 9.0).sin() * 3.0).sin());
        colour =
            mix(colour, mix([0.24, 0.13, 0.07], [0.45, 0.27, 0.14], strand), inside(0.5, 0.42, 0.29, 0.36));
        let skin = mix([0.93, 0.74, 0.62], [0.72, 0.50, 0.40], (x - 0.35) * 1.6);
        colour = mix(colour, skin, inside(0.5, 0.72, 0.10, 0.22));
        colour = mix(colour, skin, inside(0.5, 0.48, 0.20, 0.27));
        for eye in [0.42, 0.58] {
            colour = mix(colour, [0.95, 0.94, 0.92], inside(eye, 0.44, 0.042, 0.020));
            colour = mix(colour, [0.20, 0.14, 0.10], inside(eye, 0.44, 0.018, 0.019));
            colour = mix(colour, [0.30, 0.18, 0.10], inside(eye, 0.39, 0.05, 0.010));
        }
        colour = mix(colour, [0.70, 0.30, 0.30], inside(0.5, 0.62, 0.075, 0.020));
        rgb.copy_from_slice(&colour);
    }
    picture
}

/// Answers like the plug-in: a moment of work, then the picture with turned hues.
///
/// The prompt “fail” fails. A new preview cancels the one before.
pub(crate) fn answerer(wait: Duration) -> impl FnMut(&Ask) -> Result<Answer, String> {
    let mut running: Option<(u64, Values, String, Instant)> = None;
    move |ask| {
        if let Ask::Preview { serial, values, pack, .. } = ask {
            running = Some((*serial, values.clone().unwrap_or_default(), pack.clone(), Instant::now()));
        }
        let Some((serial, values, pack, since)) = running.take() else { return Ok(Answer::Nothing) };
        let passed = since.elapsed();
        if passed < wait {
            let fraction = passed.as_secs_f32() / wait.as_secs_f32();
            running = Some((serial, values, pack, since));
            return Ok(Answer::Working { serial, fraction, doing: "Looking for the direction…".into() });
        }
        if values.text("prompt") == "fail" {
            let why = "The model asks for 9 GB of memory and 4 GB are free; close other programs or choose the processor.";
            return Ok(Answer::Failed { serial, why: why.into() });
        }
        let psnr = if pack == "faces" { 23.1 } else { 12.3 };
        Ok(Answer::Ready {
            serial,
            after: turned(&picture(), values.number("strength") as f32 * 0.25),
            fidelity: Fidelity { psnr, typical: 21.3, poor: 15.0 },
            note: "Processor, 2 threads".into(),
        })
    }
}

/// The picture with its hues turned by `angle`, mostly where it is dark and warm.
pub(crate) fn turned(picture: &Picture, angle: f32) -> Picture {
    let (sin, cos) = angle.sin_cos();
    let mut picture = picture.clone();
    for rgb in picture.rgb.chunks_exact_mut(3) {
        let grey = (rgb[0] + rgb[1] + rgb[2]) / 3.0;
        let (u, v) = (rgb[0] - grey, (rgb[1] - rgb[2]) * 0.577);
        let (u, v) = (u * cos - v * sin, u * sin + v * cos);
        let side = v / 0.577;
        rgb.copy_from_slice(&[grey + u, grey - u / 2.0 + side / 2.0, grey - u / 2.0 - side / 2.0]);
    }
    picture
}
