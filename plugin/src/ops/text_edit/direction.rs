//! The global direction (StyleCLIP, section 6): forward passes only.

use models_onnx::Code;
use models_onnx::ModelError;
use models_onnx::direction::{CHANNELS_OF_FACES, CHANNELS_OF_OTHERS, Direction, text_change};
use ndarray::Array1;
use pentimento_protocol::param::Values;

use super::params::{
    AUTOMATIC, CANDIDATES, DISENTANGLEMENT, ENOUGH, NEUTRAL, PROMPT, STRENGTH, USUAL_DISENTANGLEMENT,
    USUAL_STRENGTH,
};
use super::spread;
use crate::error::PluginError;
use crate::operation::{Edited, Order, Variant, Work};
use crate::strings::{fill, msgid, tr};
use crate::studio::Studio;

/// Strengths that are tried, as parts of the pack's own.
const PARTS: [f64; 7] = [0.33, 0.5, 0.67, 0.83, 1.0, 1.33, 1.67];

/// See [`enough`]; chosen by the judges (`models-onnx/starter/judges`).
const MOST: f32 = 0.95;

/// Channels that are named to the user.
const NAMED: usize = 8;

pub(super) fn edit(
    studio: &mut Studio,
    code: &Code,
    values: &Values,
    work: &Work<'_>,
) -> Result<Edited, PluginError> {
    let text = studio.text()?;
    let change = text.change(values.text(PROMPT), values.text(NEUTRAL), work.cancel)?;
    let toward = text.embed(values.text(PROMPT), work.cancel)?;
    let faces = crate::pipeline::place::frames_faces(studio.manifest());
    let usual = studio.manifest().direction.map(|direction| direction.disentanglement);
    let beta = match values.flag(AUTOMATIC) {
        true => {
            let channels = if faces { CHANNELS_OF_FACES } else { CHANNELS_OF_OTHERS };
            studio.styles()?.disentanglement(
                change.view(),
                channels,
                usual.unwrap_or(USUAL_DISENTANGLEMENT) as f32,
            )?
        }
        false => values.number(DISENTANGLEMENT) as f32,
    };
    let count = values.number(CANDIDATES) as usize;
    let mut variants = Vec::new();
    let mut note = String::new();
    for (i, factor) in spread(count.max(1)).enumerate() {
        let progress = |share, doing| (work.progress)((i as f32 + share) / count.max(1) as f32, doing);
        let work = &Work { progress: &progress, ..*work };
        let beta = beta * factor as f32;
        let direction = studio.styles()?.direction(change.view(), beta)?;
        let label = fill(&tr(msgid("disentanglement {value}")), "value", &format!("{beta:.3}"));
        let label = if count > 1 { label } else { String::new() };
        let strength = match values.flag(ENOUGH) && direction.moved() > 0 {
            true => enough(studio, code, &direction, &toward, work)?,
            false => values.number(STRENGTH) as f32,
        };
        if factor == 1.0 || note.is_empty() {
            note = told(&direction, beta);
            if values.flag(ENOUGH) {
                let text = tr(msgid("strength {value}"));
                note = format!("{} · {note}", fill(&text, "value", &format!("{strength:.1}")));
            }
        }
        let code = direction.apply(code, strength)?;
        variants.push(Variant { code, picture: None, label });
    }
    Ok(Edited { variants, order: Order::Candidates, toward: Some(toward), note })
}

/// The code where the direction leads to with the pack's own disentanglement, at its [`enough`] strength.
pub(super) fn led(
    studio: &mut Studio,
    code: &Code,
    (target, neutral): (&Array1<f32>, &Array1<f32>),
    work: &Work<'_>,
) -> Result<Code, PluginError> {
    let change = text_change(target.view(), neutral.view()).map_err(ModelError::from)?;
    let usual =
        studio.manifest().direction.map_or(USUAL_DISENTANGLEMENT, |direction| direction.disentanglement);
    let direction = studio.styles()?.direction(change.view(), usual as f32)?;
    if direction.moved() == 0 {
        return Ok(code.clone());
    }
    let strength = enough(studio, code, &direction, target, work)?;
    Ok(direction.apply(code, strength)?)
}

/// The least of some strengths at which the picture has [`MOST`] of what it gains by the text at any of them. Beyond, what
/// changes is something else; and how far that is differs from text to text, since directions are scaled by their strongest
/// channel, and from picture to picture.
fn enough(
    studio: &mut Studio,
    code: &Code,
    direction: &Direction,
    toward: &Array1<f32>,
    work: &Work<'_>,
) -> Result<f32, PluginError> {
    let usual = studio.manifest().direction.map_or(USUAL_STRENGTH, |direction| direction.strength);
    let before = studio.similarity(code, toward, work.cancel)?;
    let mut tried = Vec::new();
    for (i, part) in PARTS.into_iter().enumerate() {
        let done = i as f32 / PARTS.len() as f32;
        (work.progress)(done, tr(msgid("Trying strengths")));
        let strength = (usual * part) as f32;
        let edited = direction.apply(code, strength)?;
        tried.push((strength, studio.similarity(&edited, toward, work.cancel)? - before));
    }
    let most = tried.iter().fold(0.0f32, |most, (_, gain)| most.max(*gain));
    // Where nothing is gained at all, the user's eye decides.
    let first = tried.iter().find(|(_, gain)| most > 0.0 && *gain >= MOST * most);
    Ok(first.map_or(usual as f32, |(strength, _)| *strength))
}

/// What a direction moves, for people who want to know.
fn told(direction: &Direction, beta: f32) -> String {
    let channels = direction.channels();
    if channels.is_empty() {
        return tr(msgid("Nothing moves at this disentanglement; lower it"));
    }
    let named =
        channels.iter().take(NAMED).map(|c| format!("{} {} ({:+.2})", c.layer, c.index, c.deviations));
    let text = tr(msgid("{count} channels move at disentanglement {beta}, most of all {channels}"));
    let text = fill(&text, "count", &channels.len().to_string());
    let text = fill(&text, "beta", &format!("{beta:.3}"));
    fill(&text, "channels", &named.collect::<Vec<_>>().join(", "))
}
