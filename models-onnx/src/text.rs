//! Prompts to embeddings in the space of a pack's image encoder.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, Ix2, Ix3};
use tokenizers::{Tokenizer, TruncationParams};

use crate::cancel::Cancel;
use crate::direction::{norm, text_change};
use crate::error::ModelError;
use crate::pack::{File, Pack, Role, Text};
use crate::runtime::Runtime;
use crate::session::{Lazy, Tensor};

/// Longer prompts are cut, unless the tokenizer's file says otherwise: what sentence encoders are trained with.
const MAX_TOKENS: usize = 128;

/// A pack's text model: tokenizer, sentence encoder and projection, with what it has already read.
pub struct TextEncoder {
    text: Text,
    tokenizer: Tokenizer,
    sentence: Lazy,
    projection: Lazy,
    inputs: Vec<String>,
    known: HashMap<String, Array1<f32>>,
}

impl TextEncoder {
    /// Reads the tokenizer; the graphs are opened when they are first used.
    ///
    /// # Errors
    /// [`ModelError::Missing`] where the pack has no text model, [`ModelError::Pack`] where its files are broken.
    pub fn open(pack: &Arc<Pack>, runtime: &Runtime) -> Result<Self, ModelError> {
        let missing = |role| ModelError::Missing { pack: pack.manifest().id.clone(), role };
        let text = pack.manifest().text.clone().ok_or_else(|| missing("text templates"))?;
        let sentence = pack.contract(Role::SentenceEncoder)?;
        let inputs = sentence.inputs.iter().map(|i| i.name.clone()).collect();
        pack.contract(Role::TextProjection)?;
        let bytes = pack.file(File::Tokenizer)?;
        let broken = |e: tokenizers::Error| ModelError::Open {
            role: Role::SentenceEncoder,
            why: format!("its tokenizer cannot be read: {e}"),
        };
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(broken)?;
        // One sentence at a time needs no padding, and padding would change what int8 graphs compute.
        tokenizer.with_padding(None);
        if tokenizer.get_truncation().is_none() {
            let limit = TruncationParams { max_length: MAX_TOKENS, ..Default::default() };
            tokenizer.with_truncation(Some(limit)).map_err(broken)?;
        }
        let lazy = |role| Lazy::new(Arc::clone(pack), runtime.clone(), role);
        Ok(Self {
            text,
            tokenizer,
            sentence: lazy(Role::SentenceEncoder),
            projection: lazy(Role::TextProjection),
            inputs,
            known: HashMap::new(),
        })
    }

    /// The prompt that stands for “nothing in particular” in this pack.
    pub fn neutral(&self) -> &str {
        &self.text.neutral
    }

    /// The direction `[D]` of unit length from `neutral` to `target` in the space of the image encoder.
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Direction`] where both mean the same.
    pub fn change(
        &mut self,
        target: &str,
        neutral: &str,
        cancel: &Cancel,
    ) -> Result<Array1<f32>, ModelError> {
        let target = self.embed(target, cancel)?;
        let neutral = self.embed(neutral, cancel)?;
        Ok(text_change(target.view(), neutral.view())?)
    }

    /// The embedding `[D]` of unit length of a prompt: each of the pack's templates is embedded and normalised, and
    /// so is their mean (StyleCLIP section 6, after the prompt ensembles of Radford et al., 2021).
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Text`] where the tokenizer finds no words.
    pub fn embed(&mut self, prompt: &str, cancel: &Cancel) -> Result<Array1<f32>, ModelError> {
        let prompt = prompt.trim();
        if let Some(known) = self.known.get(prompt) {
            return Ok(known.clone());
        }
        let mut mean: Option<Array1<f32>> = None;
        for template in self.text.templates.clone() {
            cancel.check()?;
            let one = self.embed_one(&template.replace("{}", prompt), cancel)?;
            mean = Some(match mean {
                None => one,
                Some(sum) => sum + one,
            });
        }
        let none = || text_error(prompt, "the pack has no templates");
        let mean = normalised(mean.ok_or_else(none)?, prompt)?;
        self.known.insert(prompt.to_owned(), mean.clone());
        Ok(mean)
    }

    /// One filled template: sentence encoder, mean over its tokens, unit length, projection, unit length.
    fn embed_one(&mut self, sentence: &str, cancel: &Cancel) -> Result<Array1<f32>, ModelError> {
        let encoding =
            self.tokenizer.encode(sentence, true).map_err(|e| text_error(sentence, &e.to_string()))?;
        let row = |values: &[u32]| -> Result<ArrayD<i64>, ModelError> {
            if values.is_empty() {
                return Err(text_error(sentence, "no words were found"));
            }
            let values = values.iter().map(|&v| i64::from(v)).collect();
            Array2::from_shape_vec((1, encoding.get_ids().len()), values)
                .map(Array2::into_dyn)
                .map_err(|e| text_error(sentence, &e.to_string()))
        };
        let mask = encoding.get_attention_mask();
        let tensors = [
            ("input_ids", row(encoding.get_ids())?),
            ("attention_mask", row(mask)?),
            ("token_type_ids", row(encoding.get_type_ids())?),
        ];
        let inputs: Vec<_> = tensors
            .iter()
            .filter(|t| self.inputs.iter().any(|i| i == t.0))
            .map(|t| (t.0, Tensor::I64(t.1.view())))
            .collect();
        let hidden = self.sentence.one(&inputs, cancel)?;
        let pooled = normalised(mean_over_mask(hidden, mask)?, sentence)?;
        let pooled = pooled.insert_axis(ndarray::Axis(0)).into_dyn();
        let projected = self.projection.one(&[("sentence", Tensor::F32(pooled.view()))], cancel)?;
        let projected = projected
            .into_dimensionality::<Ix2>()
            .map_err(|e| ModelError::Shape { role: Role::TextProjection, what: e.to_string() })?;
        normalised(projected.row(0).to_owned(), sentence)
    }
}

/// The mean of the token vectors `[1, t, H]` that the mask `[t]` keeps.
fn mean_over_mask(hidden: ArrayD<f32>, mask: &[u32]) -> Result<Array1<f32>, ModelError> {
    let shape = |what: String| ModelError::Shape { role: Role::SentenceEncoder, what };
    let hidden = hidden.into_dimensionality::<Ix3>().map_err(|e| shape(e.to_string()))?;
    let (n, tokens, width) = hidden.dim();
    if n != 1 || tokens != mask.len() {
        return Err(shape(format!("{tokens} token vectors for {} tokens", mask.len())));
    }
    let mut sum = Array1::<f32>::zeros(width);
    for (vector, _) in
        hidden.index_axis(ndarray::Axis(0), 0).rows().into_iter().zip(mask).filter(|v| *v.1 != 0)
    {
        sum += &vector;
    }
    let kept = mask.iter().filter(|m| **m != 0).count();
    Ok(sum / kept.max(1) as f32)
}

fn normalised(vector: Array1<f32>, text: &str) -> Result<Array1<f32>, ModelError> {
    let length = norm(vector.view());
    if length > 0.0 { Ok(vector / length) } else { Err(text_error(text, "it has no meaning to this pack")) }
}

fn text_error(text: &str, why: &str) -> ModelError {
    ModelError::Text { text: text.chars().take(80).collect(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unmasked_tokens_count() {
        let hidden = ndarray::array![[[1.0f32, 2.0], [3.0, 4.0], [100.0, 100.0]]].into_dyn();
        assert_eq!(mean_over_mask(hidden.clone(), &[1, 1, 0]).unwrap(), ndarray::array![2.0, 3.0]);
        assert!(mean_over_mask(hidden, &[1, 1]).is_err());
    }
}
