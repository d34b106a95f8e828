//! Aligned picture → code → edited code → pictures: the part of the road that runs in a job.

use models_onnx::{Cancel, Code};
use ndarray::Array2;
use pentimento_protocol::job::{self, Edit, Event};
use pentimento_protocol::param::names;
use pentimento_protocol::picture::Picture;

use super::params::{AVERAGE_START, COMPOSITE, FIT, FRAMES, KEEP, PHOTO_START, RANDOM_START, SEED, START};
use crate::error::PluginError;
use crate::job::Pictures;
use crate::operation::{Order, Variant, Work};
use crate::strings::{fill, msgid, tr};
use crate::studio::{Effort, Studios};

/// Encodes (once per picture, pack and effort), makes the stack of edits, synthesises.
pub fn run(
    studios: &mut Studios,
    pictures: &Pictures,
    edit: &Edit,
    picture: &Picture,
    cancel: &Cancel,
    emit: &dyn Fn(Event),
) -> Result<job::Edited, PluginError> {
    let step = |fraction, doing: String| emit(Event::Progress { fraction, doing });
    step(0.0, tr(msgid("Loading the models")));
    let studio = studios.open(&edit.pack, &edit.steps, edit.runtime)?;
    emit(Event::Note(studio.device().to_owned()));

    let work = Work {
        cancel,
        progress: &|fraction, doing| step(0.05 + 0.45 * fraction, doing),
        note: &|note| emit(Event::Note(note)),
        preview: &|picture| emit(Event::Preview(pictures.put(picture))),
    };
    let inversion = match edit.road.text(START) {
        AVERAGE_START => studio.made_up(None, cancel)?,
        RANDOM_START => studio.made_up(Some(edit.road.number(SEED) as u64), cancel)?,
        _ => studio.invert(picture, &Effort::of(&edit.road), &work)?,
    };
    emit(Event::Inverted { picture: pictures.put(inversion.picture.clone()), fidelity: inversion.fidelity });

    let work = Work { progress: &|fraction, doing| step(0.5 + 0.4 * fraction, doing), ..work };
    let made = studio.stack(&inversion, &edit.steps, &work)?;
    made.notes.into_iter().filter(|note| !note.is_empty()).for_each(|note| emit(Event::Note(note)));
    let mut variants = frames(&inversion.code, made.variants, edit.road.number(FRAMES) as usize)?;

    let fits = edit.road.text(COMPOSITE) == FIT && edit.road.text(START) == PHOTO_START;
    let keep: Vec<&str> = names(edit.road.text(KEEP)).collect();
    let mut kept = match keep.as_slice() {
        [] => None,
        keep => Some(studio.share_of(keep, &inversion.code, cancel)?),
    };
    let count = variants.len();
    let mut drawn = Vec::new();
    for (i, variant) in variants.iter_mut().enumerate() {
        step(0.9 + 0.1 * i as f32 / count as f32, tr(msgid("Drawing")));
        drawn.push(match variant.picture.take() {
            // Of the way to the code, which is that of its end.
            Some(picture) => (picture, None),
            None => {
                let changed = if fits { studio.changed(&inversion, &variant.code, cancel)? } else { None };
                (studio.synthesise(&variant.code, cancel)?, changed)
            }
        });
        if let Some(kept) = &mut kept {
            let after = studio.share_of(&keep, &variant.code, cancel)?;
            kept.zip_mut_with(&after, |before, after| *before = before.max(*after));
        }
    }

    let mut results = Vec::new();
    for (variant, (picture, changed)) in variants.into_iter().zip(drawn) {
        // One picture needs no figures to be told from others, and a slider is not to wait for them.
        let judged = match count {
            1 => None,
            _ => Some(studio.judge(&inversion, &picture, made.toward.as_ref(), cancel)?),
        };
        let (gain, identity) = judged.unwrap_or_default();
        let changed = changed.map(|changed| pictures.put(grey(&changed)));
        let picture = pictures.put(picture);
        results.push(job::Variant { picture, label: variant.label, gain, identity, changed });
    }
    if made.order == Order::Candidates && edit.road.number(FRAMES) <= 1.0 {
        rank(&mut results);
    }
    Ok(job::Edited {
        inverted: pictures.put(inversion.picture.clone()),
        variants: results,
        // Everywhere but where the pack sees one of the kept classes, before the edit or after it.
        shown: kept.map(|kept| pictures.put(grey(&kept.mapv_into(|kept| 1.0 - kept)))),
        fidelity: inversion.fidelity,
    })
}

/// The best first. What a text gains and who is still to be seen count alike: each as a share of the best among them.
fn rank(variants: &mut [job::Variant]) {
    let best =
        |of: fn(&job::Variant) -> Option<f32>| variants.iter().filter_map(of).fold(f32::EPSILON, f32::max);
    let (gain, identity) = (best(|v| v.gain), best(|v| v.identity));
    let score = |v: &job::Variant| v.gain.unwrap_or(0.0) / gain + v.identity.unwrap_or(0.0) / identity;
    variants.sort_by(|a, b| score(b).total_cmp(&score(a)));
}

/// From the code before the edit to that after it, in so many steps; one step is the edit alone.
fn frames(before: &Code, variants: Vec<Variant>, count: usize) -> Result<Vec<Variant>, PluginError> {
    let [only] = variants.as_slice() else { return Ok(variants) };
    if count <= 1 {
        return Ok(variants);
    }
    let frame = |i: usize| {
        let share = i as f32 / (count - 1) as f32;
        let code = before.towards(&only.code, share)?;
        let label = fill(&tr(msgid("{percent} %")), "percent", &format!("{:.0}", share * 100.0));
        Ok(Variant { code, picture: None, label })
    };
    (0..count).map(frame).collect()
}

fn grey(values: &Array2<f32>) -> Picture {
    let (height, width) = values.dim();
    let rgb = values.iter().flat_map(|value| [*value; 3]).collect();
    Picture { width: width as u32, height: height as u32, rgb }
}
