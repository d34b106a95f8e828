//! Parameters of operations: described once, used everywhere.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that is static in the plug-in and owned once it has crossed a border.
pub type Text = Cow<'static, str>;

/// One parameter of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Stable identifier in kebab-case: the procedure argument, the command-line flag, the recipe key.
    pub id: Text,
    /// Label in the dialog, untranslated, with a mnemonic underscore.
    pub label: Text,
    /// One sentence of help, untranslated.
    pub help: Text,
    /// Type, range and default.
    pub kind: Kind,
    /// Only of use while another parameter has one of these values: its identifier, and they. A dialog hides it
    /// otherwise.
    pub when: Option<(Text, Vec<Text>)>,
}

/// Type, range and default of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// A line of text.
    Text {
        /// Value of a fresh dialog.
        default: Text,
        /// Shown in the empty field, untranslated.
        placeholder: Text,
        /// Whether an empty value is refused.
        required: bool,
    },
    /// A number on a slider.
    Number {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
        /// Value of a fresh dialog.
        default: f64,
        /// Step of the slider.
        step: f64,
        /// Digits after the point.
        digits: u8,
    },
    /// Yes or no.
    Flag {
        /// Value of a fresh dialog.
        default: bool,
    },
    /// One of several.
    Choice {
        /// Identifier and untranslated label of each option; the first is the default.
        options: Vec<(Text, Text)>,
    },
    /// Names that only the pack knows, separated by commas; empty for none.
    Names {
        /// What they name.
        of: Known,
        /// Whether there may be several.
        several: bool,
    },
}

/// Things of a pack that go by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Known {
    /// Its mappers.
    Mapper,
    /// Its attributes.
    Attribute,
    /// What its segmenter tells apart.
    Class,
}

/// The value of one parameter. In files that people read it is written plainly, `2.0` or `"blue hair"`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// For [`Kind::Text`], [`Kind::Choice`] and [`Kind::Names`].
    Text(String),
    /// For [`Kind::Number`].
    Number(f64),
    /// For [`Kind::Flag`].
    Flag(bool),
}

/// Messages carry no names of types, so they need the variant beside the value.
#[derive(Serialize, Deserialize)]
enum Tagged {
    Text(String),
    Number(f64),
    Flag(bool),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Plain {
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = serializer.is_human_readable();
        match self.clone() {
            Value::Text(text) if plain => Plain::Text(text).serialize(serializer),
            Value::Number(number) if plain => Plain::Number(number).serialize(serializer),
            Value::Flag(flag) if plain => Plain::Flag(flag).serialize(serializer),
            Value::Text(text) => Tagged::Text(text).serialize(serializer),
            Value::Number(number) => Tagged::Number(number).serialize(serializer),
            Value::Flag(flag) => Tagged::Flag(flag).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Ok(match Plain::deserialize(deserializer)? {
                Plain::Flag(flag) => Value::Flag(flag),
                Plain::Whole(number) => Value::Number(number as f64),
                Plain::Number(number) => Value::Number(number),
                Plain::Text(text) => Value::Text(text),
            });
        }
        Ok(match Tagged::deserialize(deserializer)? {
            Tagged::Text(text) => Value::Text(text),
            Tagged::Number(number) => Value::Number(number),
            Tagged::Flag(flag) => Value::Flag(flag),
        })
    }
}

/// A value that does not fit its parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Required text is empty.
    #[error("“{0}” is empty; type what the picture should show")]
    Empty(String),
    /// A number outside its range, or not finite.
    #[error("“{id}” is {value}, but must lie between {min} and {max}")]
    Range {
        /// The parameter.
        id: String,
        /// What was given.
        value: String,
        /// Smallest value.
        min: String,
        /// Largest value.
        max: String,
    },
    /// A value of the wrong type or an unknown option.
    #[error("“{id}” cannot be {value}")]
    Wrong {
        /// The parameter.
        id: String,
        /// What was given.
        value: String,
    },
    /// A value for a parameter that the operation does not have.
    #[error("there is no parameter “{0}”")]
    Unknown(String),
}

impl Param {
    /// The value of a fresh dialog.
    pub fn default(&self) -> Value {
        match &self.kind {
            Kind::Text { default, .. } => Value::Text(default.to_string()),
            Kind::Number { default, .. } => Value::Number(*default),
            Kind::Flag { default } => Value::Flag(*default),
            Kind::Choice { options } => {
                Value::Text(options.first().map(|o| o.0.to_string()).unwrap_or_default())
            }
            Kind::Names { .. } => Value::Text(String::new()),
        }
    }

    /// Whether it is of use beside these values.
    pub fn applies(&self, values: &Values) -> bool {
        self.when.as_ref().is_none_or(|(id, among)| among.iter().any(|value| value == values.text(id)))
    }

    /// Checks type and range.
    pub fn check(&self, value: &Value) -> Result<(), ValueError> {
        let wrong = |value: &dyn std::fmt::Debug| ValueError::Wrong {
            id: self.id.to_string(),
            value: format!("{value:?}"),
        };
        match (&self.kind, value) {
            (Kind::Text { required, .. }, Value::Text(text)) => {
                if *required && text.trim().is_empty() {
                    return Err(ValueError::Empty(self.id.to_string()));
                }
                Ok(())
            }
            (Kind::Number { min, max, .. }, Value::Number(number)) => {
                if (*min..=*max).contains(number) {
                    return Ok(());
                }
                Err(ValueError::Range {
                    id: self.id.to_string(),
                    value: number.to_string(),
                    min: min.to_string(),
                    max: max.to_string(),
                })
            }
            (Kind::Flag { .. }, Value::Flag(_)) => Ok(()),
            (Kind::Names { several, .. }, Value::Text(text)) => {
                if *several || names(text).count() <= 1 {
                    Ok(())
                } else {
                    Err(wrong(text))
                }
            }
            (Kind::Choice { options }, Value::Text(text)) => {
                if options.iter().any(|(id, _)| id == text) {
                    Ok(())
                } else {
                    Err(wrong(text))
                }
            }
            (_, other) => Err(wrong(other)),
        }
    }
}

/// The names in a value of [`Kind::Names`].
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// Values by parameter id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(pub BTreeMap<String, Value>);

impl Values {
    /// The defaults of `params`.
    pub fn defaults(params: &[Param]) -> Self {
        Self(params.iter().map(|p| (p.id.to_string(), p.default())).collect())
    }

    /// Checks every value, refuses unknown ones and fills in defaults for what is missing.
    pub fn complete(mut self, params: &[Param]) -> Result<Self, ValueError> {
        if let Some(unknown) = self.0.keys().find(|id| params.iter().all(|p| p.id != id.as_str())) {
            return Err(ValueError::Unknown(unknown.clone()));
        }
        for param in params {
            self.0.entry(param.id.to_string()).or_insert_with(|| param.default());
        }
        for param in params {
            let Some(value) = self.0.get(&*param.id) else { continue };
            match param.check(value) {
                // What is of no use may be empty, but not of the wrong type.
                Err(ValueError::Empty(_)) if !param.applies(&self) => {}
                checked => checked?,
            }
        }
        Ok(self)
    }

    /// Sets one value.
    pub fn set(&mut self, id: &str, value: Value) {
        self.0.insert(id.to_owned(), value);
    }

    /// The text of `id`; empty where there is none.
    pub fn text(&self, id: &str) -> &str {
        match self.0.get(id) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// The number of `id`; zero where there is none.
    pub fn number(&self, id: &str) -> f64 {
        match self.0.get(id) {
            Some(Value::Number(number)) => *number,
            _ => 0.0,
        }
    }

    /// The flag of `id`; false where there is none.
    pub fn flag(&self, id: &str) -> bool {
        matches!(self.0.get(id), Some(Value::Flag(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strength() -> Param {
        let kind = Kind::Number { min: -10.0, max: 10.0, default: 4.0, step: 0.1, digits: 1 };
        Param { id: "strength".into(), label: "_Strength".into(), help: "How far".into(), kind, when: None }
    }

    #[test]
    fn missing_values_become_defaults() {
        let values = Values::default().complete(&[strength()]).unwrap();
        assert_eq!(values.number("strength"), 4.0);
    }

    #[test]
    fn out_of_range_nan_and_unknown_are_refused() {
        for bad in [11.0, f64::NAN, f64::INFINITY] {
            let mut values = Values::default();
            values.set("strength", Value::Number(bad));
            assert!(matches!(values.complete(&[strength()]), Err(ValueError::Range { .. })), "{bad}");
        }
        let mut values = Values::default();
        values.set("strenght", Value::Number(1.0));
        assert_eq!(values.complete(&[strength()]), Err(ValueError::Unknown("strenght".into())));
        let mut values = Values::default();
        values.set("strength", Value::Text("much".into()));
        assert!(matches!(values.complete(&[strength()]), Err(ValueError::Wrong { .. })));
    }

    #[test]
    fn values_survive_the_border() {
        let values = Values::defaults(&[strength()]);
        let bytes = crate::encode(&values).unwrap();
        assert_eq!(crate::decode::<Values>(&bytes).unwrap(), values);
    }
}
