//! What an edited layer remembers: enough to do the edit again or to change it.

use serde::{Deserialize, Serialize};

use crate::param::Values;

/// Version of the layout of [`Recipe`]; newer ones are refused.
pub const VERSION: u32 = 1;

/// Name of the layer parasite that holds a recipe as JSON.
pub const PARASITE: &str = "pentimento-recipe";

/// Pack, operation, parameters and place of one edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// [`VERSION`].
    pub version: u32,
    /// Identifier of the operation.
    pub operation: String,
    /// Its parameters.
    pub values: Values,
    /// Identifier of the pack.
    pub pack: String,
    /// Hash of the pack's manifest, hexadecimal SHA-256.
    pub pack_hash: String,
    /// The square of the photo that was edited: x, y, side in pixels of the image.
    pub square: [i32; 3],
}

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Not a recipe.
    #[error("the recipe cannot be read ({0}); it was damaged or written by another program")]
    Broken(#[from] serde_json::Error),
    /// Written by a newer Pentimento.
    #[error("the recipe has version {0}, this Pentimento reads up to {VERSION}; update Pentimento")]
    Newer(u32),
}

impl Recipe {
    /// As JSON, for a parasite or a file.
    pub fn to_json(&self) -> Result<String, RecipeError> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Reads what [`Recipe::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, RecipeError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_str(text)?;
        if head.version > VERSION {
            return Err(RecipeError::Newer(head.version));
        }
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::param::Value;

    #[test]
    fn round_trip_and_newer_versions() {
        let mut values = Values::default();
        values.set("prompt", Value::Text("blue hair".into()));
        values.set("strength", Value::Number(4.0));
        let recipe = Recipe {
            version: VERSION,
            operation: "text-edit".into(),
            values,
            pack: "starter-faces".into(),
            pack_hash: "00".into(),
            square: [1, 2, 3],
        };
        let json = recipe.to_json().unwrap();
        assert_eq!(Recipe::from_json(&json).unwrap(), recipe);
        let newer = json.replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(Recipe::from_json(&newer), Err(RecipeError::Newer(2))));
        assert!(matches!(Recipe::from_json("{"), Err(RecipeError::Broken(_))));
    }
}
