//! Parameters of the attributes.

use std::borrow::Cow::Borrowed;

use pentimento_protocol::param::{Kind, Known, Param};

use crate::strings::msgid;

pub(super) const ATTRIBUTE: &str = "attribute";
pub(super) const STRENGTH: &str = "strength";
pub(super) const HOLD: &str = "hold";

/// Directions come at the length at which they were published; e4e's samples go from −5 to 5, InterFaceGAN's from −3 to 3.
pub(super) static PARAMS: [Param; 3] = [
    Param {
        id: Borrowed(ATTRIBUTE),
        label: Borrowed(msgid("_Attribute")),
        help: Borrowed(msgid("Which property changes")),
        kind: Kind::Names { of: Known::Attribute, several: false },
        when: None,
    },
    Param {
        id: Borrowed(STRENGTH),
        label: Borrowed(msgid("_Strength")),
        help: Borrowed(msgid("How far it goes; negative values go the other way")),
        kind: Kind::Number { min: -10.0, max: 10.0, default: 2.0, step: 0.1, digits: 1 },
        when: None,
    },
    Param {
        id: Borrowed(HOLD),
        label: Borrowed(msgid("_Hold")),
        help: Borrowed(msgid("Properties that must not change along with it")),
        kind: Kind::Names { of: Known::Attribute, several: true },
        when: None,
    },
];
