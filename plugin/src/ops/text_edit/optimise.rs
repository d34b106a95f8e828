//! The latent optimiser (StyleCLIP, section 4), with what keeps it among pictures that the pack knows.

use std::ops::ControlFlow;

use models_onnx::Code;
use models_onnx::pack::Manifest;
use models_onnx::text_edit::{Descent, Settings, Space};
use pentimento_protocol::param::Values;

use super::params::{
    ADAM, AXES, BEGIN, CANDIDATES, CHANGE, COPIES, DESCENT, IDENTITY, MAPPING, NEUTRAL, PREVIEWS, PROCESS,
    PROMPT, RATE, RESTRAINT, SPACE, STEPS, STYLES,
};
use super::{direction, spread};
use crate::error::PluginError;
use crate::operation::{Edited, Order, Variant, Work};
use crate::strings::{fill, msgid, tr};
use crate::studio::{Studio, without};

/// Pictures on the way, for the eye.
const LIVE: usize = 20;

pub(super) fn edit(
    studio: &mut Studio,
    code: &Code,
    values: &Values,
    work: &Work<'_>,
) -> Result<Edited, PluginError> {
    let count = (values.number(CANDIDATES) as usize).max(1);
    let text = studio.text()?;
    let target = text.embed(values.text(PROMPT), work.cancel)?;
    let neutral = text.embed(values.text(NEUTRAL), work.cancel)?;
    let led = match values.flag(BEGIN) {
        true => Some(direction::led(studio, code, (&target, &neutral), work)?),
        false => None,
    };
    let code = led.as_ref().unwrap_or(code);
    let mut variants = Vec::new();
    let mut notes = Vec::new();
    for (i, factor) in spread(count).enumerate() {
        let settings = settings(values, factor, studio.manifest());
        let mut way = Vec::new();
        let process = values.number(PROCESS) as usize;
        let mut watch = |step: usize, picture: Option<pentimento_protocol::picture::Picture>| {
            let share = step as f32 / settings.steps as f32;
            let doing = tr(msgid("Optimising, step {step} of {steps}"));
            let doing = fill(&fill(&doing, "step", &step.to_string()), "steps", &settings.steps.to_string());
            (work.progress)((i as f32 + share) / count as f32, doing);
            if let Some(picture) = picture {
                if process > 0 && way.len() < process {
                    way.push((step, picture.clone()));
                }
                (work.preview)(picture);
            }
            ControlFlow::Continue(())
        };
        let edited = studio.optimise(&settings, code, (&target, &neutral), work.cancel, &mut watch)?;
        for role in &edited.missing {
            notes.push(without(*role));
        }
        let text = tr(msgid("similarity to the text {before} → {after} in {steps} steps"));
        let text = fill(&text, "before", &format!("{:.3}", edited.before));
        let text = fill(&text, "after", &format!("{:.3}", edited.after));
        notes.push(fill(&text, "steps", &edited.steps.to_string()));
        let full = studio.manifest().resolution;
        let label = match count {
            1 if process > 0 => tr(msgid("result")),
            1 => String::new(),
            _ => fill(&tr(msgid("restraint {value}")), "value", &format!("{:.4}", settings.nearness)),
        };
        // The result is the first, which is the one that is taken, and lies at the top; the way leads up to it.
        variants.push(Variant { code: edited.code.clone(), picture: None, label });
        for (step, picture) in way.into_iter().rev().filter(|(_, picture)| picture.width == full) {
            let label = fill(&tr(msgid("step {step}")), "step", &step.to_string());
            variants.push(Variant { code: edited.code.clone(), picture: Some(picture), label });
        }
    }
    notes.dedup();
    let sequence = values.number(PROCESS) > 0.0;
    let order = if sequence { Order::Sequence } else { Order::Candidates };
    Ok(Edited { variants, order, toward: Some(target), note: notes.join(" · ") })
}

/// The settings of one candidate: the bolder, the less it is held back.
fn settings(values: &Values, boldness: f64, pack: &Manifest) -> Settings {
    let steps = values.number(STEPS) as usize;
    let process = values.number(PROCESS) as usize;
    let show = steps.div_ceil(if process > 0 { process } else { LIVE }).max(1);
    Settings {
        space: match values.text(SPACE) {
            AXES => Space::Axes { groups: 1 },
            STYLES => Space::Styles,
            MAPPING => Space::Mapping,
            _ => Space::WPlus,
        },
        descent: if values.text(DESCENT) == ADAM { Descent::Adam } else { Descent::Lbfgs },
        steps,
        rate: values.number(RATE),
        nearness: (values.number(RESTRAINT) / boldness) as f32,
        identity: values.number(IDENTITY) as f32,
        direction: values.number(CHANGE) as f32,
        copies: values.number(COPIES) as usize,
        // Pictures of the way are wanted in full.
        coarse: if process > 0 { 0.0 } else { values.number(PREVIEWS) },
        show,
        ..Settings::suited(pack)
    }
}
