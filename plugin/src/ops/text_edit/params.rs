//! Parameters of the text edit.

use std::borrow::Cow::Borrowed;

use pentimento_protocol::param::{Kind, Param};

use crate::strings::msgid;

/// Identifiers, as the rest of the room names them.
pub(super) const PROMPT: &str = "text";
pub(super) const NEUTRAL: &str = "neutral";
pub(super) const STRENGTH: &str = "strength";
pub(super) const DISENTANGLEMENT: &str = "disentanglement";

/// Ranges are those of StyleCLIP's own interface (α −10…10) or wide enough for every text–image pair (β).
pub(super) static PARAMS: [Param; 4] = [
    Param {
        id: Borrowed(PROMPT),
        label: Borrowed(msgid("_Prompt")),
        help: Borrowed(msgid("What the picture should show, such as “a person with blue hair”")),
        kind: Kind::Text {
            default: Borrowed(""),
            placeholder: Borrowed(msgid("a person with blue hair")),
            required: true,
        },
    },
    Param {
        id: Borrowed(NEUTRAL),
        label: Borrowed(msgid("_Neutral prompt")),
        help: Borrowed(msgid(
            "What the picture shows now, in plain words; the edit goes from here to the prompt",
        )),
        kind: Kind::Text {
            default: Borrowed("a person"),
            placeholder: Borrowed(msgid("a person")),
            required: true,
        },
    },
    Param {
        id: Borrowed(STRENGTH),
        label: Borrowed(msgid("_Strength")),
        help: Borrowed(msgid("How far the edit goes; negative values go the other way")),
        kind: Kind::Number { min: -10.0, max: 10.0, default: 4.0, step: 0.1, digits: 1 },
    },
    Param {
        id: Borrowed(DISENTANGLEMENT),
        label: Borrowed(msgid("_Disentanglement")),
        help: Borrowed(msgid(
            "Higher values move fewer properties, so that less changes beside what the prompt names",
        )),
        kind: Kind::Number { min: 0.0, max: 0.5, default: 0.1, step: 0.005, digits: 3 },
    },
];
