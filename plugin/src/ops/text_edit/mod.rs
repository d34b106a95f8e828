//! Text edit: say what the picture should show.

mod params;

use models_onnx::pack::Manifest;
use models_onnx::{Cancel, Code, Role};
use pentimento_protocol::param::{Param, Value, Values};

use crate::error::PluginError;
use crate::operation::{Edited, Operation};
use crate::strings::{fill, msgid, tr};
use crate::studio::Studio;
use params::{DISENTANGLEMENT, NEUTRAL, PARAMS, PROMPT, STRENGTH};

/// StyleCLIP's global direction: forward passes only.
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
        &[Role::Encoder, Role::Affine, Role::Synthesis, Role::SentenceEncoder, Role::TextProjection]
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
        values
    }

    fn layer_name(&self, values: &Values) -> String {
        fill(&tr("Text edit: {prompt}"), "prompt", values.text(PROMPT).trim())
    }

    fn edit(
        &self,
        studio: &mut Studio,
        code: &Code,
        values: &Values,
        cancel: &Cancel,
    ) -> Result<Edited, PluginError> {
        let change = studio.text()?.change(values.text(PROMPT), values.text(NEUTRAL), cancel)?;
        let styles = studio.styles()?;
        let direction = styles.direction(change.view(), values.number(DISENTANGLEMENT) as f32)?;
        let note = match direction.moved() {
            0 => tr(msgid("Nothing moves at this disentanglement; lower it")),
            _ => String::new(),
        };
        let code = direction.apply(code, values.number(STRENGTH) as f32)?;
        Ok(Edited { codes: vec![code], note })
    }
}
