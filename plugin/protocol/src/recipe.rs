//! What an edited layer remembers: enough to do the edit again, to change it, or to do the same elsewhere.
//!
//! A recipe is TOML, in a layer's parasite as in a file:
//!
//! ```toml
//! version = 2
//! pack = "starter-faces"
//!
//! [road]
//! refine = 100.0
//!
//! [[steps]]
//! operation = "text-edit"
//! values = { text = "a person with blue hair", strength = 2.0 }
//! ```

use serde::{Deserialize, Serialize};

use crate::param::Values;

/// Version of the layout of [`Recipe`]; newer ones are refused.
pub const VERSION: u32 = 2;

/// Name of the layer parasite that holds a recipe.
pub const PARASITE: &str = "pentimento-recipe";

/// A stack of edits, the pack they are made in, and how the photo gets there and back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// [`VERSION`].
    pub version: u32,
    /// Identifier of the pack; empty for the first that can do it.
    #[serde(default)]
    pub pack: String,
    /// Hash of the pack's manifest, hexadecimal SHA-256; empty in a recipe that somebody wrote by hand.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pack_hash: String,
    /// Where the edit was made; a recipe for other photos has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// How the photo gets into the pack and back, by parameter; what is missing takes its default.
    #[serde(default)]
    pub road: Values,
    /// The edits, in the order in which they are made.
    pub steps: Vec<Step>,
}

/// One edit of a stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Identifier of the operation.
    pub operation: String,
    /// Its parameters.
    pub values: Values,
    /// How much of it counts: 0 leaves the code as it was, 1 is the whole edit, and beyond goes on the same way.
    // Always written: messages carry no names of fields, so that none may be left out.
    #[serde(default = "whole")]
    pub weight: f64,
    /// Whether it is left out for now.
    #[serde(default)]
    pub off: bool,
}

/// Where an edit was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Name of the layer that it was made of.
    pub layer: String,
    /// Middle of the square in pixels of the image, x and y.
    pub centre: [f64; 2],
    /// From the middle to the middle of the square's right edge: its direction, and half its side.
    pub half: [f64; 2],
}

impl Step {
    /// The whole of an edit.
    pub fn new(operation: impl Into<String>, values: Values) -> Self {
        Self { operation: operation.into(), values, weight: 1.0, off: false }
    }
}

fn whole() -> f64 {
    1.0
}

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Not a recipe.
    #[error(
        "the recipe cannot be read ({0}); it was damaged, has a typing error or was written by another program"
    )]
    Broken(String),
    /// Written by a newer Pentimento, or by one before the first release.
    #[error(
        "the recipe has version {0}, this Pentimento reads version {VERSION}; make the edit again, or update Pentimento"
    )]
    Version(u32),
    /// It cannot be written; our bug.
    #[error("the recipe cannot be written: {0}")]
    Unwritable(#[from] toml::ser::Error),
}

impl Recipe {
    /// As TOML, for a parasite or a file.
    ///
    /// # Errors
    /// [`RecipeError::Unwritable`], which does not happen to recipes that were read.
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        Ok(toml::to_string(self)?)
    }

    /// Reads what [`Recipe::to_toml`] or a person wrote.
    ///
    /// # Errors
    /// [`RecipeError`].
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let broken = |e: toml::de::Error| {
            // What comes after the first line draws the place in the file.
            RecipeError::Broken(e.message().lines().next().unwrap_or_default().to_owned())
        };
        let head: Head = toml::from_str(text).map_err(broken)?;
        if head.version != VERSION {
            return Err(RecipeError::Version(head.version));
        }
        let recipe: Self = toml::from_str(text).map_err(broken)?;
        if let Some(step) = recipe.steps.iter().find(|step| !step.weight.is_finite()) {
            return Err(RecipeError::Broken(format!("the weight of “{}” is no number", step.operation)));
        }
        Ok(recipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::param::Value;

    fn recipe() -> Recipe {
        let mut values = Values::default();
        values.set("text", Value::Text("blue “hair”\n".into()));
        values.set("strength", Value::Number(4.0));
        values.set("process", Value::Flag(true));
        let mut road = Values::default();
        road.set("refine", Value::Number(100.0));
        let off = Step { weight: -0.5, off: true, ..Step::new("attributes", Values::default()) };
        Recipe {
            version: VERSION,
            pack: "starter-faces".into(),
            pack_hash: "00".into(),
            made: Some(Made { layer: "Photo".into(), centre: [10.5, 3.0], half: [4.0, -1.0] }),
            road,
            steps: vec![Step::new("text-edit", values), off],
        }
    }

    #[test]
    fn round_trips() {
        let text = recipe().to_toml().unwrap();
        assert_eq!(Recipe::from_toml(&text).unwrap(), recipe(), "{text}");
        let bytes = crate::encode(&recipe().steps).unwrap();
        assert_eq!(crate::decode::<Vec<Step>>(&bytes).unwrap(), recipe().steps);
    }

    #[test]
    fn people_write_them_short() {
        let text =
            "version = 2\n[[steps]]\noperation = \"text-edit\"\nvalues = { text = \"red\", strength = 3 }\n";
        let recipe = Recipe::from_toml(text).unwrap();
        assert_eq!(recipe.steps[0].values.number("strength"), 3.0, "whole numbers are numbers too");
        assert_eq!((recipe.steps[0].weight, recipe.steps[0].off), (1.0, false));
    }

    #[test]
    fn other_versions_and_rubbish_are_refused() {
        let newer = recipe().to_toml().unwrap().replace("version = 2", "version = 3");
        assert!(matches!(Recipe::from_toml(&newer), Err(RecipeError::Version(3))));
        assert!(matches!(Recipe::from_toml("{"), Err(RecipeError::Broken(_))));
        let typo = recipe().to_toml().unwrap().replace("[road]", "[raod]");
        assert!(Recipe::from_toml(&typo).unwrap_err().to_string().contains("raod"));
        let endless = recipe().to_toml().unwrap().replace("weight = -0.5", "weight = nan");
        assert!(Recipe::from_toml(&endless).unwrap_err().to_string().contains("attributes"));
    }
}
