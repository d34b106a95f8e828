//! The manifest of a pack, `pack.toml`, version 1.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::role::Role;

/// The only version of the manifest so far.
pub const VERSION: u32 = 1;

/// A pack's description of itself. Unknown keys are refused, so that a typing error cannot pass for a default.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// Identifier: lower-case letters, digits and hyphens, up to 64.
    pub id: String,
    /// Name for the user.
    pub name: String,
    /// A sentence or two for the user.
    pub description: String,
    /// The kind of generator.
    pub family: Family,
    /// Side of its pictures in pixels.
    pub resolution: u32,
    /// What its pictures show, a few words.
    pub domain: String,
    /// Under what terms it may be used.
    pub licence: Licence,
    /// The values of black and white in its pictures.
    pub range: Range,
    /// How its pictures are framed.
    pub alignment: Alignment,
    /// How well it reconstructs pictures; for families that have codes.
    pub fidelity: Option<Fidelity>,
    /// Its graphs.
    pub roles: BTreeMap<Role, Contract>,
    /// Its mappers, each for one text: from a code, or from styles, to what is added to them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mappers: BTreeMap<String, Contract>,
    /// Its attributes: directions to go along.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, ArrayFile>,
    /// Its other files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<File, Source>,
    /// Its arrays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arrays: BTreeMap<Array, ArrayFile>,
    /// The layers of its StyleSpace in the order in which they run; their channels add up to `S`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub styles: Vec<Style>,
    /// What its segmenters tell apart, in the order of their logits; as many as `C`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// How its text model is asked.
    pub text: Option<Text>,
    /// Where the sliders of a global direction start.
    pub direction: Option<DirectionDefaults>,
    /// How its denoiser was trained; only for the family `diffusion`.
    pub denoising: Option<Denoising>,
}

/// Kinds of generators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum Family {
    /// StyleGAN2 and its descendants with the same StyleSpace.
    #[serde(rename = "stylegan2")]
    StyleGan2,
    /// BlobGAN: pictures made of blobs.
    #[serde(rename = "blobgan")]
    BlobGan,
    /// Latent diffusion: pictures that are noise at first.
    #[serde(rename = "diffusion")]
    Diffusion,
    /// One pass from picture to picture; no codes.
    #[serde(rename = "feed-forward")]
    FeedForward,
    /// No generator: MTCNN, which finds faces for the packs that make them. Its resolution is the
    /// side of what its last network sees.
    #[serde(rename = "mtcnn")]
    Mtcnn,
}

/// Under what terms a pack may be used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// SPDX identifier or expression.
    pub spdx: String,
    /// The terms in a sentence, or in full.
    pub text: String,
    /// Where the weights and the data behind them come from.
    pub origin: String,
}

/// The values of black and white.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Black.
    pub low: f32,
    /// White.
    pub high: f32,
}

/// How pictures are framed.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Alignment {
    /// The shape of the crop.
    pub kind: AlignmentKind,
    /// Where the left and the right eye (as seen by the viewer) should lie: x and y in `0..=1` from the top left. Only for
    /// [`AlignmentKind::Square`].
    pub eyes: Option<[[f64; 2]; 2]>,
}

/// Shapes of crops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlignmentKind {
    /// A square around what the pack knows: by the eyes where it says where they should lie, else as the user chooses.
    Square,
    /// The square of the data set FFHQ, by eyes and mouth; see [`crate::alignment::Square::ffhq`].
    Ffhq,
}

/// How well a pack reconstructs pictures.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fidelity {
    /// PSNR that pictures of its domain typically reach, dB.
    pub typical: f32,
    /// PSNR below which the pack does not know such pictures, dB.
    pub poor: f32,
}

/// Files that are neither graphs nor arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum File {
    /// `tokenizer.json` of the sentence encoder, in the format of Hugging Face's `tokenizers`.
    Tokenizer,
}

/// Arrays of single-precision numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Array {
    /// Mean of each StyleSpace channel over the pack's own pictures, `[S]`.
    StyleMean,
    /// Standard deviation of the same, `[S]`.
    StyleStd,
    /// How the embedding of a picture turns with each channel, `[S, D]`.
    Relevance,
    /// The mean code `[L, W]`, to which truncation and free generation go back.
    CodeMean,
    /// Principal axes of the codes of the pack's own pictures, `[A, W]`, each as long as the standard deviation along
    /// it: the mean code plus Σ zᵢ·axisᵢ, z of unit variance, is such a code. Optimisation that stays there stays with
    /// what the generator knows.
    CodeAxes,
}

impl Array {
    /// Its stable name, as in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Array::StyleMean => "style-mean",
            Array::StyleStd => "style-std",
            Array::Relevance => "relevance",
            Array::CodeMean => "code-mean",
            Array::CodeAxes => "code-axes",
        }
    }
}

/// A file and its hash.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Path inside the pack, or inside the folder of shared files.
    pub file: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Whether it lies in the folder of shared files.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
}

/// A graph: its file and what goes in and out.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Path inside the pack, or inside the folder of shared files.
    pub file: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Whether it lies in the folder of shared files.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// What goes in.
    pub inputs: Vec<Port>,
    /// What comes out; the first is the one its role is about.
    pub outputs: Vec<Port>,
    /// Weights that the graph keeps beside itself; they lie where the graph lies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Data>,
    /// How its weights are kept, where not as they were.
    pub storage: Option<Storage>,
    /// How token vectors become one; only for the sentence encoder.
    pub pooling: Option<Pooling>,
}

/// Weights beside a graph.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The location that the graph names, a path inside the pack.
    pub file: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// How weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// In what precision; it is computed in single precision all the same.
    pub precision: Precision,
    /// The largest difference that this made to the first output when it was measured, relative to the output's
    /// largest value.
    pub error: f64,
}

/// Precisions of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Half precision.
    F16,
}

/// An array: its file and its shape.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ArrayFile {
    /// Path inside the pack of an `.npy` file of little-endian `f4`.
    pub file: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Whether it lies in the folder of shared files.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// Its shape.
    pub dims: Vec<usize>,
}

/// One tensor that goes into or comes out of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// Its shape.
    pub dims: Vec<Dim>,
    /// Its type.
    pub dtype: Dtype,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<_> = self.dims.iter().map(Dim::to_string).collect();
        write!(f, "{} {:?} [{}]", self.name, self.dtype, dims.join(", "))
    }
}

/// One dimension of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Dim {
    /// Always this.
    Size(usize),
    /// Any size, the same wherever the name is the same.
    Any(String),
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Size(size) => size.fmt(f),
            Dim::Any(name) => name.fmt(f),
        }
    }
}

/// Types of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Single precision.
    F32,
    /// 64-bit integers.
    I64,
}

/// How token vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over the attention mask.
    Mean,
}

/// One layer of StyleSpace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Style {
    /// Its name.
    pub name: String,
    /// How many channels it has.
    pub channels: usize,
    /// Whether it feeds an RGB output that edits leave alone, as StyleCLIP does; a generator that keeps hue in these
    /// layers says `false` here.
    pub rgb: bool,
}

/// One class of pixels.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// How it is shown and painted: red, green and blue.
    pub colour: [u8; 3],
    /// The parts of things that it belongs to, such as `wheel`, for edits that are about a part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
}

/// How a text model is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Sentences in which `{}` stands for the prompt; their embeddings are averaged.
    pub templates: Vec<String>,
    /// The prompt that stands for “nothing in particular”.
    pub neutral: String,
    /// What is done to a sentence before the tokenizer, beyond what its file says.
    pub cleaning: Option<Cleaning>,
}

/// What is done to a sentence before the tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cleaning {
    /// As CLIP does; see [`crate::text::clip::clean`].
    Clip,
}

/// Where the sliders of a global direction start.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DirectionDefaults {
    /// α.
    pub strength: f64,
    /// β.
    pub disentanglement: f64,
}

/// How a denoiser was trained: what it is told and what it predicts.
///
/// A latent `x₀` under noise `ε` is `xₜ = √ᾱₜ x₀ + √(1 − ᾱₜ) ε`, where `ᾱₜ` is the product of `1 − β` up to step `t`
/// (Ho et al., 2020, equation 4).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Denoising {
    /// What comes out of it.
    pub prediction: Prediction,
    /// How `β` grows.
    pub schedule: BetaSchedule,
    /// `β` of the first step.
    pub beta_start: f64,
    /// `β` of the last step.
    pub beta_end: f64,
    /// How many steps of noise there are.
    pub steps: u32,
    /// Which of them a sampler goes through.
    pub spacing: Spacing,
    /// What is added to the steps under [`Spacing::Leading`].
    pub offset: u32,
    /// Whether `ᾱ` before the first step is 1, and not that of the first step.
    pub ends_clean: bool,
    /// Pixels per latent, along one side.
    pub pixels_per_latent: u32,
    /// Whether it was distilled to do without guidance in a few steps.
    #[serde(default, skip_serializing_if = "is_false")]
    pub distilled: bool,
}

/// What a denoiser predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prediction {
    /// The noise `ε`.
    Noise,
    /// `√ᾱₜ ε − √(1 − ᾱₜ) x₀` (Salimans and Ho, 2022).
    Velocity,
    /// The clean latent `x₀`.
    Clean,
}

/// How `β` grows from step to step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BetaSchedule {
    /// Evenly.
    Linear,
    /// Its square root grows evenly, as in Stable Diffusion.
    ScaledLinear,
}

/// Which of the steps a sampler goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// From the first on.
    Leading,
    /// From the last back.
    Trailing,
    /// From the first to the last.
    Linspace,
}

fn is_false(value: &bool) -> bool {
    !value
}
