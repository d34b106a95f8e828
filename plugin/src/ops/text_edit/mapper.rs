//! The latent mapper (StyleCLIP, section 5): a network trained for one text.

use models_onnx::Code;
use models_onnx::mapper::Levels;
use pentimento_protocol::param::Values;

use super::params::{LEVELS, MAPPED, MAPPER_NAME};
use crate::error::PluginError;
use crate::operation::{Edited, Work};
use crate::strings::{msgid, tr};
use crate::studio::Studio;

pub(super) fn edit(
    studio: &mut Studio,
    code: &Code,
    values: &Values,
    work: &Work<'_>,
) -> Result<Edited, PluginError> {
    let [coarse, medium, fine] = LEVELS.map(|level| values.flag(level));
    let levels = Levels { coarse, medium, fine };
    let strength = values.number(MAPPED) as f32;
    let mut edited =
        Edited::one(studio.map(values.text(MAPPER_NAME), code, strength, levels, work.cancel)?);
    if !(coarse || medium || fine) {
        edited.note = tr(msgid("no level is chosen, so nothing changes"));
    }
    Ok(edited)
}
