//! Prompts to embeddings in the space of a pack's image encoder.

pub mod clip;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, Axis, Ix2, Ix3};
use tokenizers::{Encoding, PaddingStrategy, Tokenizer, TruncationParams};

use crate::cancel::Cancel;
use crate::direction::{norm, text_change};
use crate::error::ModelError;
use crate::pack::{Cleaning, File, Pack, Role, Text};
use crate::runtime::Runtime;
use crate::session::{Lazy, Tensor};

/// Longer prompts are cut, unless the tokenizer's file says otherwise: what sentence encoders are trained with.
const MAX_TOKENS: usize = 128;

/// The same for text encoders, which are trained together with image encoders: that of CLIP.
const MAX_TOWER_TOKENS: usize = 77;

/// So many sentences at once keep all cores busy and the wait for a cancelled run short.
const BATCH: usize = 16;

/// A pack's text model with what it has already read.
pub struct TextEncoder {
    text: Text,
    tokenizer: Tokenizer,
    model: Model,
    known: HashMap<String, Array1<f32>>,
}

/// Graphs between tokens and embeddings.
enum Model {
    /// A text encoder alone, such as CLIP's.
    Tower(Lazy),
    /// A sentence encoder, which knows nothing of pictures, and the projection that brings it among them.
    Sentence { sentence: Lazy, projection: Box<Lazy>, inputs: Vec<String> },
}

impl TextEncoder {
    /// Reads the tokenizer; the graphs are opened when they are first used.
    ///
    /// # Errors
    /// [`ModelError::Missing`] where the pack has no text model, [`ModelError::Pack`] where its files are broken.
    pub fn open(pack: &Arc<Pack>, runtime: &Runtime) -> Result<Self, ModelError> {
        let missing = |role| ModelError::Missing { pack: pack.manifest().id.clone(), role };
        let text = pack.manifest().text.clone().ok_or_else(|| missing("text templates"))?;
        let lazy = |role| Lazy::new(Arc::clone(pack), runtime.clone(), role);
        let tower = pack.manifest().roles.contains_key(&Role::TextEncoder);
        let model = if tower {
            Model::Tower(lazy(Role::TextEncoder))
        } else {
            let sentence = pack.contract(Role::SentenceEncoder)?;
            let inputs = sentence.inputs.iter().map(|i| i.name.clone()).collect();
            pack.contract(Role::TextProjection)?;
            let [sentence, projection] = [Role::SentenceEncoder, Role::TextProjection].map(lazy);
            Model::Sentence { sentence, projection: Box::new(projection), inputs }
        };
        let tokenizer = tokenizer(&pack.file(File::Tokenizer)?, tower).map_err(|e| ModelError::Open {
            role: if tower { Role::TextEncoder } else { Role::SentenceEncoder },
            why: format!("its tokenizer cannot be read: {e}"),
        })?;
        Ok(Self { text, tokenizer, model, known: HashMap::new() })
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
        let sentences = self.text.templates.iter().map(|t| cleaned(&self.text, &t.replace("{}", prompt)));
        let all = match &mut self.model {
            Model::Tower(tower) => by_tower(tower, &self.tokenizer, sentences.collect(), cancel)?,
            Model::Sentence { sentence, projection, inputs } => {
                let mut one = |text: String| {
                    cancel.check()?;
                    by_sentence(sentence, projection, inputs, &self.tokenizer, &text, cancel)
                };
                sentences.map(&mut one).collect::<Result<_, _>>()?
            }
        };
        let sum = all.into_iter().reduce(|sum, one| sum + one);
        let mean = normalised(sum.ok_or_else(|| text_error(prompt, "the pack has no templates"))?, prompt)?;
        self.known.insert(prompt.to_owned(), mean.clone());
        Ok(mean)
    }
}

/// The tokenizer of a pack. What a file says of the length of texts is kept for text encoders.
fn tokenizer(bytes: &[u8], tower: bool) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(bytes)?;
    // One sentence at a time, or those of one length, need no padding, and padding would change what int8 graphs
    // compute; but some text encoders want all texts to be equally long.
    let fixed = tokenizer.get_padding().is_some_and(|p| matches!(p.strategy, PaddingStrategy::Fixed(_)));
    if !(tower && fixed) {
        tokenizer.with_padding(None);
    }
    if tokenizer.get_truncation().is_none() {
        let max_length = if tower { MAX_TOWER_TOKENS } else { MAX_TOKENS };
        tokenizer.with_truncation(Some(TruncationParams { max_length, ..Default::default() }))?;
    }
    Ok(tokenizer)
}

fn cleaned(text: &Text, sentence: &str) -> String {
    match text.cleaning {
        Some(Cleaning::Clip) => clip::clean(sentence),
        None => sentence.to_owned(),
    }
}

fn encoded(tokenizer: &Tokenizer, sentence: &str) -> Result<Encoding, ModelError> {
    let encoding = tokenizer.encode(sentence, true).map_err(|e| text_error(sentence, &e.to_string()))?;
    if encoding.get_ids().is_empty() {
        return Err(text_error(sentence, "no words were found"));
    }
    Ok(encoding)
}

/// `[n, t]` of rows that are equally long.
fn rows(rows: &[&[u32]], sentence: &str) -> Result<ArrayD<i64>, ModelError> {
    let values = rows.iter().flat_map(|row| row.iter()).map(|&v| i64::from(v)).collect();
    Array2::from_shape_vec((rows.len(), rows.first().map_or(0, |row| row.len())), values)
        .map(Array2::into_dyn)
        .map_err(|e| text_error(sentence, &e.to_string()))
}

/// Sentences by a text encoder: unit length each, in their order. Those of the same length run together.
fn by_tower(
    tower: &mut Lazy,
    tokenizer: &Tokenizer,
    sentences: Vec<String>,
    cancel: &Cancel,
) -> Result<Vec<Array1<f32>>, ModelError> {
    let encodings: Vec<Encoding> =
        sentences.iter().map(|s| encoded(tokenizer, s)).collect::<Result<_, _>>()?;
    let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, encoding) in encodings.iter().enumerate() {
        by_length.entry(encoding.len()).or_default().push(at);
    }
    let mut all = vec![Array1::zeros(0); sentences.len()];
    for group in by_length.values().flat_map(|places| places.chunks(BATCH)) {
        let ids: Vec<&[u32]> = group.iter().map(|&at| encodings[at].get_ids()).collect();
        let ids = rows(&ids, &sentences[group[0]])?;
        let embeddings = tower.one(&[("input_ids", Tensor::I64(ids.view()))], cancel)?;
        let embeddings = matrix(embeddings, Role::TextEncoder)?;
        for (&at, embedding) in group.iter().zip(embeddings.rows()) {
            all[at] = normalised(embedding.to_owned(), &sentences[at])?;
        }
    }
    Ok(all)
}

/// One sentence: sentence encoder, mean over its tokens, unit length, projection, unit length.
fn by_sentence(
    sentence: &mut Lazy,
    projection: &mut Lazy,
    wanted: &[String],
    tokenizer: &Tokenizer,
    text: &str,
    cancel: &Cancel,
) -> Result<Array1<f32>, ModelError> {
    let encoding = encoded(tokenizer, text)?;
    let mask = encoding.get_attention_mask();
    let tensors = [
        ("input_ids", rows(&[encoding.get_ids()], text)?),
        ("attention_mask", rows(&[mask], text)?),
        ("token_type_ids", rows(&[encoding.get_type_ids()], text)?),
    ];
    let inputs: Vec<_> = tensors
        .iter()
        .filter(|t| wanted.iter().any(|name| name == t.0))
        .map(|t| (t.0, Tensor::I64(t.1.view())))
        .collect();
    let hidden = sentence.one(&inputs, cancel)?;
    let pooled = normalised(mean_over_mask(hidden, mask)?, text)?;
    let pooled = pooled.insert_axis(Axis(0)).into_dyn();
    let projected = projection.one(&[("sentence", Tensor::F32(pooled.view()))], cancel)?;
    normalised(matrix(projected, Role::TextProjection)?.row(0).to_owned(), text)
}

fn matrix(array: ArrayD<f32>, role: Role) -> Result<Array2<f32>, ModelError> {
    array.into_dimensionality::<Ix2>().map_err(|e| ModelError::Shape { role, what: e.to_string() })
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
