//! What a generator is like, from the names and sizes of its tensors.

use checkpoint::{Checkpoint, Value};

use super::keys::{embedding, name_of};

/// How a checkpoint names and stores its tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// rosinality's PyTorch code.
    Rosinality,
    /// NVIDIA's PyTorch code.
    Nvidia,
    /// NVIDIA's TensorFlow code.
    TensorFlow,
}

/// A generator in a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// How its tensors are stored.
    pub layout: Layout,
    /// What the names of its tensors start with, such as `g_ema.`.
    pub prefix: String,
    /// Side of its pictures.
    pub resolution: usize,
    /// Width of W.
    pub width: usize,
    /// Width of z; that of labels is apart.
    pub latent: usize,
    /// Classes of a generator with labels.
    pub labels: usize,
    /// Whether z and what stands for the label are normalised together, as in StyleGAN2 before ADA; else each by itself.
    pub labels_with_z: bool,
    /// Layers of the mapping.
    pub mapping: usize,
    /// Channels at 4, 8, 16….
    pub channels: Vec<usize>,
    /// Beyond which values layers are clipped, in generators that were trained in half precision.
    pub clamp: Option<f32>,
}

/// A modulated layer, and with it a vector of StyleSpace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) resolution: usize,
    pub(super) kind: Kind,
    /// Channels that go in, of which each has a style.
    pub(super) inputs: usize,
    /// Channels that come out.
    pub(super) outputs: usize,
    /// The row of W+ that it reads.
    pub(super) row: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first convolution of a resolution, which doubles sides.
    Up,
    /// The other one.
    Conv,
    /// To red, green and blue.
    Rgb,
}

/// A vector of StyleSpace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    /// Its layer, as in NVIDIA's PyTorch code: `b64.conv0`.
    pub name: String,
    /// How many channels it has.
    pub channels: usize,
    /// Whether it belongs to an RGB output.
    pub rgb: bool,
}

impl Form {
    /// Rows of W+: 2 · log₂ R − 2.
    pub fn rows(&self) -> usize {
        2 * self.channels.len()
    }

    /// Channels of all feature maps: of the constant, and of what each convolution makes.
    pub fn features(&self) -> usize {
        2 * self.channels.iter().sum::<usize>()
    }

    /// StyleSpace in the order in which its layers run.
    pub fn styles(&self) -> Vec<Style> {
        let style = |l: Layer| Style { name: l.name(), channels: l.inputs, rgb: matches!(l.kind, Kind::Rgb) };
        self.layers().into_iter().map(style).collect()
    }

    /// The size of StyleSpace.
    pub fn channels_of_styles(&self) -> usize {
        self.layers().iter().map(|l| l.inputs).sum()
    }

    /// The layers in the order in which they run.
    pub(super) fn layers(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        for (level, &channels) in self.channels.iter().enumerate() {
            let resolution = 4 << level;
            let mut add = |kind, inputs, outputs, row| {
                layers.push(Layer { resolution, kind, inputs, outputs, row });
            };
            if let Some(before) = level.checked_sub(1) {
                add(Kind::Up, self.channels[before], channels, 2 * level - 1);
            }
            add(Kind::Conv, channels, channels, 2 * level);
            // It shares its row with the convolution that comes next.
            add(Kind::Rgb, channels, 3, 2 * level + 1);
        }
        layers
    }
}

impl Layer {
    /// As in NVIDIA's PyTorch code.
    pub(super) fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Up => "conv0",
            Kind::Conv => "conv1",
            Kind::Rgb => "torgb",
        };
        format!("b{}.{kind}", self.resolution)
    }

    /// Which noise it adds; RGB layers add none.
    pub(super) fn noise(&self) -> usize {
        let level = self.resolution.trailing_zeros() as usize - 2;
        if self.kind == Kind::Up { 2 * level - 1 } else { 2 * level }
    }
}

/// See [`super::recognise`].
pub(super) fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let mut found: Vec<(Layout, &str)> = Vec::new();
    for name in checkpoint.names() {
        for (layout, landmark) in [
            (Layout::Rosinality, "conv1.conv.modulation.bias"),
            (Layout::Nvidia, "synthesis.b4.conv1.affine.bias"),
            (Layout::TensorFlow, "synthesis/4x4/Conv/mod_bias"),
        ] {
            if let Some(prefix) = name.strip_suffix(landmark).filter(|p| is_prefix(p)) {
                found.push((layout, prefix));
            }
        }
    }
    // The moving average is the better generator; `Gs` is its name in TensorFlow files.
    let averaged = |prefix: &str| prefix.to_ascii_lowercase().contains("ema") || prefix.starts_with("Gs");
    let (layout, prefix) = found.iter().find(|(_, p)| averaged(p)).or(found.first())?;
    form(checkpoint, *layout, prefix)
}

/// Names of modules end in dots, those of TensorFlow's networks in slashes.
fn is_prefix(prefix: &str) -> bool {
    prefix.is_empty() || prefix.ends_with(['.', '/'])
}

fn form(checkpoint: &Checkpoint, layout: Layout, prefix: &str) -> Option<Form> {
    let shape = |name: String| checkpoint.shape(&format!("{prefix}{name}"));
    let bias = |resolution| {
        let layer = Layer { resolution, kind: Kind::Conv, inputs: 0, outputs: 0, row: 0 };
        shape(name_of(layout, &layer, "bias"))?.first().copied()
    };
    let channels: Vec<usize> = (2..=13).map_while(|level| bias(1 << level)).collect();
    let dense = |index: usize| {
        let shape = shape(match layout {
            Layout::Rosinality => format!("style.{}.weight", index + 1),
            Layout::Nvidia => format!("mapping.fc{index}.weight"),
            Layout::TensorFlow => format!("mapping/Dense{index}/weight"),
        })?;
        let &[a, b] = shape else { return None };
        // Outputs come first in PyTorch.
        Some(if layout == Layout::TensorFlow { (b, a) } else { (a, b) })
    };
    // BlobGAN's decoders have the same layers, but start from blobs.
    let start = match layout {
        Layout::Rosinality => "input.input",
        Layout::Nvidia => "synthesis.b4.const",
        Layout::TensorFlow => "synthesis/4x4/Const/const",
    };
    shape(start.into())?;
    let mapping = (0..64).map_while(dense).count();
    let first = Layer { resolution: 4, kind: Kind::Conv, inputs: 0, outputs: 0, row: 0 };
    let affine = shape(name_of(layout, &first, "affine.weight"))?;
    let width = *if layout == Layout::TensorFlow { affine.first() } else { affine.get(1) }?;
    let embed = match layout {
        Layout::Rosinality => None,
        _ => [false, true]
            .into_iter()
            .find_map(|with_z| Some((with_z, shape(embedding(layout, with_z).into())?))),
    };
    let (labels_with_z, embedded, labels) = match embed {
        // Outputs come first in PyTorch.
        Some((with_z, &[a, b])) if layout == Layout::TensorFlow => (with_z, b, a),
        Some((with_z, &[a, b])) => (with_z, a, b),
        _ => (false, 0, 0),
    };
    let latent = dense(0).map_or(0, |(_, inputs)| inputs.saturating_sub(embedded));
    let resolution = 4 << channels.len().checked_sub(1)?;
    // All layers have the same.
    let clamp = checkpoint.value(&format!("{prefix}synthesis.b4.conv1.conv_clamp")).and_then(Value::float);
    let clamp = clamp.map(|c| c as f32);
    Some(Form {
        layout,
        prefix: prefix.into(),
        resolution,
        width,
        latent,
        labels,
        labels_with_z,
        mapping,
        channels,
        clamp,
    })
}
