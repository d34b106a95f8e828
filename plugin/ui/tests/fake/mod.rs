//! A plug-in that is not there: operations, packs, pictures, and an answerer that turns hues.

mod params;
mod picture;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pentimento_protocol::dialog::{
    Answer, Ask, Choice, Kept, Open, OperationEntry, PackEntry, Parent, Shown, ShownVariant,
};
use pentimento_protocol::job::{Face, Fidelity, Runtime};
use pentimento_protocol::param::{Known, Value, Values};
use pentimento_protocol::recipe::Step;

pub(crate) use params::{attributes, road, text_edit};
use picture::{SIDE, blurred, photo, turned};

/// A request with three packs: one that knows the picture, one that does not, one that cannot do the first edit.
pub(crate) fn open() -> Open {
    let operation = |id: &str, name: &str, about: &str, params| OperationEntry {
        id: id.into(),
        name: name.into(),
        about: about.into(),
        params,
    };
    let pack = |id: &str, name: &str, about: &str, missing: &[(&str, &[&str])]| PackEntry {
        id: id.into(),
        name: name.into(),
        about: about.into(),
        missing: missing
            .iter()
            .map(|(operation, roles)| {
                ((*operation).to_owned(), roles.iter().map(|role| (*role).to_owned()).collect())
            })
            .collect(),
        values: BTreeMap::new(),
        names: BTreeMap::new(),
    };
    let names = |of: Known, names: &[&str]| (of, names.iter().map(|name| (*name).to_owned()).collect());
    let mut faces = pack("faces", "Starter faces", "Frontal faces, 256 pixels. Licence: CC0-1.0.", &[]);
    let mut suggested = Values::default();
    suggested.set("strength", Value::Number(3.0));
    faces.values.insert("text-edit".into(), suggested);
    faces.names = [
        names(Known::Attribute, &["age", "smile", "glasses"]),
        names(Known::Class, &["skin", "hair", "eyes", "background"]),
    ]
    .into();
    let cars = "Cars seen from the side, 256 pixels. Licence: CC0-1.0.";
    let rooms: &[(&str, &[&str])] = &[("text-edit", &["image encoder", "text encoder"])];
    let photo = photo();
    let at = |x: f64, y: f64| [40.0 + f64::from(SIDE) * x, 40.0 + f64::from(SIDE) * y];
    let ([left, top], [right, bottom]) = (at(0.3, 0.2), at(0.7, 0.75));
    Open {
        title: "Text edit".into(),
        operations: vec![
            operation(
                "text-edit",
                "Text edit",
                "Changes the picture in the direction that leads from the neutral prompt to the prompt.",
                text_edit(),
            ),
            operation(
                "attributes",
                "Attributes",
                "Makes what the pack has a name for more or less.",
                attributes(),
            ),
        ],
        road: road(),
        packs: vec![
            faces,
            pack("cars", "Starter cars", cars, &[("attributes", &["attributes"])]),
            pack("rooms", "Rooms", "Bedrooms. Licence: CC BY-NC 4.0.", rooms),
        ],
        choice: Choice {
            steps: vec![prompt("a person with blue hair")],
            road: Values::defaults(&road()),
            pack: "faces".into(),
            runtime: Runtime::default(),
        },
        photo,
        origin: [100.0, -50.0],
        scale: 4.0,
        faces: vec![
            Face {
                edges: [left, top, right, bottom],
                eyes: [at(0.42, 0.44), at(0.58, 0.44)],
                mouth: at(0.5, 0.62),
            },
            Face {
                edges: [400.0, 60.0, 440.0, 110.0],
                eyes: [[412.0, 80.0], [428.0, 80.0]],
                mouth: [420.0, 98.0],
            },
        ],
        before: picture::picture(),
        kept: vec![
            kept("Blue hair", true, "a person with blue hair", 1.0),
            kept("A very long name that somebody gave to a preset", true, "a person with a beard", -0.7),
            kept("green eyes", false, "a person with green eyes", 0.4),
        ],
        parent: Parent::None,
        host: "Test 1.0".into(),
        dark: Some(false),
        locale_folder: None,
    }
}

/// A text edit with its other values at their defaults.
pub(crate) fn prompt(text: &str) -> Step {
    let mut values = Values::defaults(&text_edit());
    values.set("prompt", Value::Text(text.into()));
    Step::new("text-edit", values)
}

fn kept(name: &str, preset: bool, text: &str, angle: f32) -> Kept {
    let thumbnail = Some(turned(&picture::picture(), angle));
    Kept { name: name.into(), preset, thumbnail, steps: vec![prompt(text)] }
}

/// What was asked, for tests to look at.
pub(crate) type Heard = std::rc::Rc<std::cell::RefCell<Vec<Ask>>>;

/// A preview that runs.
struct Running {
    serial: u64,
    choice: Choice,
    since: Instant,
    /// Whether a live picture was sent.
    live: bool,
}

/// Answers like the plug-in: a moment of work, then the picture with turned hues.
///
/// The prompt “fail” fails, “slow” has to be asked for patiently, “several” makes three results. A new preview cancels
/// the one before.
pub(crate) fn answerer(wait: Duration, heard: &Heard) -> impl FnMut(&Ask) -> Result<Answer, String> + use<> {
    let heard = heard.clone();
    let mut running: Option<Running> = None;
    let mut shelf = open().kept;
    move |ask| {
        if *ask != Ask::Poll {
            heard.borrow_mut().push(ask.clone());
        }
        match ask {
            Ask::Preview { serial, choice, patient } => {
                running = None;
                if !patient && asks_for(choice, "slow") {
                    return Ok(Answer::Slow { serial: *serial });
                }
                running = Some(Running {
                    serial: *serial,
                    choice: choice.clone(),
                    since: Instant::now(),
                    live: false,
                });
            }
            Ask::Poll => {}
            Ask::Stop => running = None,
            Ask::Keep { name, steps } => {
                shelf.retain(|kept| kept.name != *name);
                shelf.insert(
                    0,
                    Kept { name: name.clone(), preset: true, thumbnail: None, steps: steps.clone() },
                );
                return Ok(Answer::Kept(shelf.clone()));
            }
            Ask::Forget { name } => {
                shelf.retain(|kept| kept.name != *name);
                return Ok(Answer::Kept(shelf.clone()));
            }
            Ask::Export { path, .. } if path.contains("unwritable") => {
                return Ok(Answer::Failed {
                    serial: 0,
                    why: format!("{path} cannot be written; choose another"),
                });
            }
            Ask::Export { .. } => return Ok(Answer::Nothing),
            Ask::Import { .. } => {
                let steps = vec![
                    prompt("imported"),
                    Step { weight: 0.5, ..Step::new("attributes", Values::default()) },
                ];
                let mut road = Values::default();
                road.set("refine", Value::Number(50.0));
                let choice = Choice { steps, road, pack: "cars".into(), runtime: Runtime::default() };
                return Ok(Answer::Imported(choice));
            }
        }
        Ok(news(&mut running, wait))
    }
}

fn asks_for(choice: &Choice, text: &str) -> bool {
    choice.steps.iter().any(|step| !step.off && step.values.text("prompt") == text)
}

fn news(running: &mut Option<Running>, wait: Duration) -> Answer {
    let Some(now) = running else { return Answer::Nothing };
    let (serial, passed) = (now.serial, now.since.elapsed());
    if passed < wait {
        let fraction = passed.as_secs_f32() / wait.as_secs_f32();
        let live = !now.live && fraction > 0.3;
        now.live |= live;
        let shown = live.then(|| Box::new(shown(&now.choice, 1, 0.3)));
        return Answer::Working { serial, fraction, doing: "Looking for the direction…".into(), shown };
    }
    let Some(Running { choice, .. }) = running.take() else { return Answer::Nothing };
    if asks_for(&choice, "fail") {
        let why = "The model asks for 9 GB of memory and 4 GB are free; close other programs or choose the processor.";
        return Answer::Failed { serial, why: why.into() };
    }
    let count = if asks_for(&choice, "several") { 3 } else { choice.road.number("frames").max(1.0) as usize };
    let shown = Box::new(shown(&choice, count, 1.0));
    Answer::Ready { serial, shown, note: "Processor, 2 threads".into() }
}

/// Hues turned by the sum of the strengths, a little more for every further result.
fn shown(choice: &Choice, count: usize, part: f32) -> Shown {
    let before = picture::picture();
    let on = choice.steps.iter().filter(|step| !step.off);
    let angle: f64 = on.map(|step| step.values.number("strength") * step.weight * 0.25).sum();
    let variant = |i: usize| ShownVariant {
        after: turned(&before, (angle as f32 + 0.8 * i as f32) * part),
        label: if count > 1 {
            format!("Candidate {}", char::from(b'A' + (i % 26) as u8))
        } else {
            String::new()
        },
        gain: (count > 1).then_some(0.21 - 0.05 * i as f32),
        identity: (count > 1).then_some(0.93 - 0.1 * i as f32),
    };
    let psnr = if choice.pack == "faces" { 23.1 } else { 12.3 };
    let side = f64::from(SIDE);
    let made_up = choice.road.text("start") == "random";
    Shown {
        before: None,
        corners: [[40.0, 40.0], [40.0 + side, 40.0], [40.0 + side, 40.0 + side], [40.0, 40.0 + side]],
        inverted: blurred(&before),
        fidelity: (!made_up).then_some(Fidelity { psnr, typical: 21.3, poor: 15.0 }),
        variants: if choice.steps.is_empty() { Vec::new() } else { (0..count).map(variant).collect() },
    }
}
