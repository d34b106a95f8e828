//! The global direction (StyleCLIP, section 6): forward passes only.

use models_onnx::Code;
use models_onnx::direction::{CHANNELS_OF_FACES, CHANNELS_OF_OTHERS, Direction};
use pentimento_protocol::param::Values;

use super::params::{AUTOMATIC, CANDIDATES, DISENTANGLEMENT, NEUTRAL, PROMPT, STRENGTH};
use super::spread;
use crate::error::PluginError;
use crate::operation::{Edited, Order, Variant, Work};
use crate::strings::{fill, msgid, tr};
use crate::studio::Studio;

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
    let styles = studio.styles()?;
    let beta = match values.flag(AUTOMATIC) {
        true => {
            let channels = if faces { CHANNELS_OF_FACES } else { CHANNELS_OF_OTHERS };
            styles.disentanglement(change.view(), channels, usual.unwrap_or(0.15) as f32)?
        }
        false => values.number(DISENTANGLEMENT) as f32,
    };
    let count = values.number(CANDIDATES) as usize;
    let mut variants = Vec::new();
    let mut note = String::new();
    for factor in spread(count.max(1)) {
        let beta = beta * factor as f32;
        let direction = styles.direction(change.view(), beta)?;
        let label = fill(&tr(msgid("disentanglement {value}")), "value", &format!("{beta:.3}"));
        let label = if count > 1 { label } else { String::new() };
        if factor == 1.0 || note.is_empty() {
            note = told(&direction, beta);
        }
        let code = direction.apply(code, values.number(STRENGTH) as f32)?;
        variants.push(Variant { code, picture: None, label });
    }
    Ok(Edited { variants, order: Order::Candidates, toward: Some(toward), note })
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
