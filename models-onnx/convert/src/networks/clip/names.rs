//! Tensors by their published names, whatever the layout of the checkpoint.

use checkpoint::Checkpoint;
use ndarray::{Array, Array1, Array2, Axis, Dimension, IntoDimension, concatenate};

use crate::error::Error;
use crate::networks::tensor;

/// A checkpoint that answers to the names of the published archives.
pub(super) struct Names<'a> {
    checkpoint: &'a Checkpoint,
    /// Whether it has the names of the library transformers.
    transformers: bool,
}

/// Parts of names in the published archives and in the library transformers.
const TRANSFORMERS: [(&str, &str); 17] = [
    ("visual.transformer.resblocks.", "vision_model.encoder.layers."),
    ("visual.conv1.", "vision_model.embeddings.patch_embedding."),
    ("visual.class_embedding", "vision_model.embeddings.class_embedding"),
    ("visual.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    // The library's own spelling.
    ("visual.ln_pre.", "vision_model.pre_layrnorm."),
    ("visual.ln_post.", "vision_model.post_layernorm."),
    ("visual.proj", "visual_projection.weight"),
    ("transformer.resblocks.", "text_model.encoder.layers."),
    ("token_embedding.", "text_model.embeddings.token_embedding."),
    ("positional_embedding", "text_model.embeddings.position_embedding.weight"),
    ("ln_final.", "text_model.final_layer_norm."),
    ("text_projection", "text_projection.weight"),
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
    (".attn.", ".self_attn."),
];

impl<'a> Names<'a> {
    /// Where the layout is a known one.
    pub(super) fn of(checkpoint: &'a Checkpoint) -> Option<Self> {
        let has = |name: &str| checkpoint.shape(name).is_some();
        let names = |transformers| Self { checkpoint, transformers };
        if has("visual.conv1.weight") || has("token_embedding.weight") {
            Some(names(false))
        } else if has("vision_model.embeddings.patch_embedding.weight")
            || has("text_model.embeddings.token_embedding.weight")
        {
            Some(names(true))
        } else {
            None
        }
    }

    /// The name in the checkpoint.
    fn own(&self, name: &str) -> String {
        let mut own = name.to_owned();
        if self.transformers {
            // A part that stands for the beginning must not be found in what it was replaced by.
            if let Some((from, to)) = TRANSFORMERS[..12].iter().find(|(from, _)| name.starts_with(from)) {
                own = own.replacen(from, to, 1);
            }
            for (from, to) in &TRANSFORMERS[12..] {
                own = own.replacen(from, to, 1);
            }
        }
        own
    }

    /// Whether there is such a tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    /// Its sizes.
    pub(super) fn shape(&self, name: &str) -> Option<&'a [usize]> {
        self.checkpoint.shape(&self.own(name))
    }

    /// How many blocks there are whose tensor `name` says, beginning with block 0.
    pub(super) fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..).take_while(|&at| self.has(&name(at))).count()
    }

    /// A tensor of given sizes.
    pub(super) fn tensor<I: IntoDimension>(&self, name: &str, sizes: I) -> Result<Array<f32, I::Dim>, Error>
    where
        I::Dim: Dimension,
    {
        tensor(self.checkpoint, &self.own(name), sizes.into_dimension())
    }

    /// The matrix `[width, embedding]` that makes an embedding of a tower's last signal.
    pub(super) fn projection(
        &self,
        name: &str,
        width: usize,
        embedding: usize,
    ) -> Result<Array2<f32>, Error> {
        if self.transformers {
            return Ok(self.tensor(name, [embedding, width])?.reversed_axes());
        }
        self.tensor(name, [width, embedding])
    }

    /// Sizes of the same: width and embedding.
    pub(super) fn projected(&self, name: &str) -> Option<(usize, usize)> {
        match *self.shape(name)? {
            [embedding, width] if self.transformers => Some((width, embedding)),
            [width, embedding] => Some((width, embedding)),
            _ => None,
        }
    }

    /// Weights `[3·width, width]` and biases of queries, keys and values, one above the other.
    pub(super) fn attention(&self, block: &str, width: usize) -> Result<(Array2<f32>, Array1<f32>), Error> {
        if !self.transformers {
            let weight = self.tensor(&format!("{block}attn.in_proj_weight"), [3 * width, width])?;
            return Ok((weight, self.tensor(&format!("{block}attn.in_proj_bias"), 3 * width)?));
        }
        let part = |kind: &str| -> Result<(Array2<f32>, Array1<f32>), Error> {
            let weight = self.tensor(&format!("{block}attn.{kind}_proj.weight"), [width, width])?;
            Ok((weight, self.tensor(&format!("{block}attn.{kind}_proj.bias"), width)?))
        };
        let (q, k, v) = (part("q")?, part("k")?, part("v")?);
        let unfit = |e: ndarray::ShapeError| Error::Unsupported(e.to_string());
        let weight = concatenate(Axis(0), &[q.0.view(), k.0.view(), v.0.view()]).map_err(unfit)?;
        let bias = concatenate(Axis(0), &[q.1.view(), k.1.view(), v.1.view()]).map_err(unfit)?;
        Ok((weight, bias))
    }
}
