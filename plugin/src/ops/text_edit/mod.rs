//! Text edit: say what the picture should show. The three methods of StyleCLIP (Patashnik et al., 2021).

mod direction;
mod mapper;
mod optimise;
mod params;

use models_onnx::pack::Manifest;
use models_onnx::{Code, Role};
use pentimento_protocol::param::{Param, Value, Values};

use crate::error::PluginError;
use crate::operation::{Edited, Operation, Work};
use crate::strings::{fill, msgid, tr};
use crate::studio::Studio;
use params::{
    BEGIN, DIRECTION, DISENTANGLEMENT, ENOUGH, MAPPER, MAPPER_NAME, MAPPING, METHOD, NEUTRAL, OPTIMISE,
    PARAMS, PREVIEWS, PROMPT, RESTRAINT, SPACE, STEPS, STRENGTH, W_PLUS,
};

/// Edits by text.
pub struct TextEdit;

impl Operation for TextEdit {
    fn id(&self) -> &'static str {
        "text-edit"
    }

    fn menu(&self) -> &'static str {
        msgid("_Text edit…")
    }

    fn about(&self) -> &'static str {
        msgid("Changes the picture towards a sentence, on a new layer")
    }

    fn needs(&self) -> &'static [Role] {
        &[Role::Affine, Role::Synthesis]
    }

    fn needs_for(&self, values: &Values) -> &'static [Role] {
        match values.text(METHOD) {
            // Which of the pack's text models there is, text encoder or sentence encoder, is its own business.
            OPTIMISE if values.text(SPACE) == MAPPING => &[Role::ImageEncoder, Role::Mapping],
            OPTIMISE => &[Role::ImageEncoder],
            DIRECTION if values.flag(ENOUGH) => &[Role::ImageEncoder],
            _ => &[],
        }
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn suggested(&self, pack: &Manifest) -> Values {
        let mut values = Values::default();
        if let Some(text) = &pack.text {
            values.set(NEUTRAL, Value::Text(text.neutral.clone()));
        }
        if let Some(direction) = &pack.direction {
            values.set(STRENGTH, Value::Number(direction.strength));
            values.set(DISENTANGLEMENT, Value::Number(direction.disentanglement));
        }
        if !pack.arrays.contains_key(&models_onnx::pack::Array::CodeAxes) {
            values.set(SPACE, Value::Text(W_PLUS.to_owned()));
            // That of the published code, for codes of the published kind.
            values.set(RESTRAINT, Value::Number(0.008));
        }
        // The optimiser finds in fewer steps what it would else miss, and loses the published way.
        let leads = pack.arrays.contains_key(&models_onnx::pack::Array::Relevance);
        values.set(BEGIN, Value::Flag(leads));
        if !leads {
            values.set(STEPS, Value::Number(100.0));
        }
        if leads && pack.arrays.contains_key(&models_onnx::pack::Array::CodeAxes) {
            // What is there already has only to be held.
            values.set(RESTRAINT, Value::Number(0.05));
        }
        if !pack.roles.contains_key(&Role::Preview) {
            values.set(PREVIEWS, Value::Number(0.0));
        }
        if let Some(first) = pack.mappers.keys().next() {
            values.set(MAPPER_NAME, Value::Text(first.clone()));
            // Some packs know nothing but mappers.
            if pack.text.is_none() {
                values.set(METHOD, Value::Text(MAPPER.to_owned()));
            }
        }
        values
    }

    fn layer_name(&self, values: &Values) -> String {
        let what = if values.text(METHOD) == MAPPER { values.text(MAPPER_NAME) } else { values.text(PROMPT) };
        fill(&tr(msgid("Text edit: {prompt}")), "prompt", what.trim())
    }

    fn is_slow(&self, values: &Values) -> bool {
        values.text(METHOD) == OPTIMISE
    }

    fn edit(
        &self,
        studio: &mut Studio,
        code: &Code,
        values: &Values,
        work: &Work<'_>,
    ) -> Result<Edited, PluginError> {
        match values.text(METHOD) {
            OPTIMISE => optimise::edit(studio, code, values, work),
            MAPPER => mapper::edit(studio, code, values, work),
            _ => direction::edit(studio, code, values, work),
        }
    }
}

/// From careful to bold: so many factors around one, the middle one being one.
fn spread(count: usize) -> impl Iterator<Item = f64> {
    // Half to double.
    (0..count).map(move |i| match count {
        1 => 1.0,
        _ => 2.0f64.powf(2.0 * i as f64 / (count - 1) as f64 - 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_spread_around_what_was_chosen() {
        assert_eq!(spread(1).collect::<Vec<_>>(), [1.0]);
        assert_eq!(spread(3).collect::<Vec<_>>(), [0.5, 1.0, 2.0]);
    }
}
