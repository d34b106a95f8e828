//! Attribute: one slider for each property that the pack knows a direction of (InterFaceGAN, Shen et al., 2020; e4e).

mod params;

use models_onnx::pack::Manifest;
use models_onnx::{Code, Role};
use pentimento_protocol::param::{Param, Value, Values, names};

use crate::error::PluginError;
use crate::operation::{Edited, Operation, Work};
use crate::strings::{fill, msgid, tr};
use crate::studio::Studio;
use params::{ATTRIBUTE, HOLD, PARAMS, STRENGTH};

/// Moves one attribute, others being held.
pub struct Attribute;

impl Operation for Attribute {
    fn id(&self) -> &'static str {
        "attribute"
    }

    fn menu(&self) -> &'static str {
        msgid("_Attribute…")
    }

    fn about(&self) -> &'static str {
        msgid("Moves one property of the picture, such as age or a smile, on a new layer")
    }

    fn needs(&self) -> &'static [Role] {
        &[Role::Affine, Role::Synthesis]
    }

    fn params(&self) -> &'static [Param] {
        &PARAMS
    }

    fn suggested(&self, pack: &Manifest) -> Values {
        let mut values = Values::default();
        if let Some(first) = pack.attributes.keys().next() {
            values.set(ATTRIBUTE, Value::Text(first.clone()));
        }
        values
    }

    fn layer_name(&self, values: &Values) -> String {
        let text = fill(&tr(msgid("{attribute} {strength}")), "attribute", values.text(ATTRIBUTE));
        fill(&text, "strength", &format!("{:+.1}", values.number(STRENGTH)))
    }

    fn edit(
        &self,
        studio: &mut Studio,
        code: &Code,
        values: &Values,
        work: &Work<'_>,
    ) -> Result<Edited, PluginError> {
        let held: Vec<&str> = names(values.text(HOLD)).collect();
        let strength = values.number(STRENGTH) as f32;
        let edited = studio.move_attribute(values.text(ATTRIBUTE), &held, code, strength, work.cancel)?;
        Ok(Edited::one(edited))
    }
}
