//! What networks a checkpoint holds, from the names and sizes of its tensors.

use checkpoint::{Checkpoint, Value};

use super::fields::Fields;
use crate::error::Error;

/// The side of the decoder's input.
pub(super) const SMALLEST: usize = 16;

/// The networks in a checkpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    /// From noise to blobs.
    pub layout: Option<Layout>,
    /// From blobs to pictures.
    pub decoder: Option<Decoder>,
    /// From pictures to blobs.
    pub inverter: Option<Inverter>,
    /// The area of all blobs' shapes, before a little is added to their covariances; nothing where they differ.
    pub area: Option<f32>,
}

/// The layout network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What the names of its tensors start with.
    pub prefix: String,
    /// Width of z.
    pub noise: usize,
    /// Outputs of its layers.
    pub layers: Vec<usize>,
}

/// The decoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoder {
    /// What the names of its tensors start with.
    pub prefix: String,
    /// Width of features.
    pub features: usize,
    /// Width of styles.
    pub styles: usize,
    /// Channels at 16, 32….
    pub channels: Vec<usize>,
}

/// The inverter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inverter {
    /// What the names of its tensors start with.
    pub prefix: String,
    /// Side of the pictures it takes.
    pub resolution: usize,
    /// Channels at that side, half of it… 4.
    pub channels: Vec<usize>,
    /// How many numbers it gives: as many as the layout's last layer.
    pub outputs: usize,
}

impl Decoder {
    /// Side of its pictures.
    pub fn resolution(&self) -> usize {
        SMALLEST << (self.channels.len() - 1)
    }
}

impl Form {
    /// What its graphs are for.
    pub fn roles(&self) -> Vec<&'static str> {
        let all = [
            ("mapping", self.layout.is_some()),
            ("layout", self.layout.is_some()),
            ("synthesis", self.decoder.is_some()),
            ("encoder", self.inverter.is_some()),
        ];
        all.into_iter().filter(|(_, there)| *there).map(|(role, _)| role).collect()
    }

    /// How `outputs` numbers are fields of blobs. An inverter's file may lack the decoder, which says how wide they
    /// are; the published ones are alike.
    pub(super) fn fields(&self, outputs: usize) -> Result<Fields, Error> {
        let (features, styles) = self.decoder.as_ref().map_or((768, 512), |d| (d.features, d.styles));
        let area = self
            .area
            .ok_or_else(|| Error::Unsupported("the shapes of its blobs have no common area".into()))?;
        // Each blob has a size, a place, a shape and two vectors; the background has a size and two vectors.
        let background = 1 + features + styles;
        let blobs = outputs.checked_sub(background).filter(|rest| rest % (background + 6) == 0);
        let blobs = blobs.map(|rest| rest / (background + 6)).filter(|&b| b > 0);
        let unfit =
            || format!("{outputs} numbers are no blobs with features of {features} and styles of {styles}");
        Ok(Fields { blobs: blobs.ok_or_else(|| Error::Unsupported(unfit()))?, features, styles, area })
    }
}

/// See [`super::recognise`].
pub(super) fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let prefix = |landmark: &str| Some(checkpoint.names().find_map(|n| n.strip_suffix(landmark))?.to_owned());
    // Averaged first.
    let either = |network: &str, landmark: &str| {
        ["_ema.", "."].iter().find_map(|end| {
            let start = format!("{network}{end}");
            Some(prefix(&format!("{start}{landmark}"))? + &start)
        })
    };
    let shape = |name: String, axis: usize| checkpoint.shape(&name)?.get(axis).copied();
    let layout = either("layout_net", "mlp.1.weight").and_then(|prefix| {
        let noise = shape(format!("{prefix}mlp.1.weight"), 1)?;
        let layers = (1..64).map_while(|i| shape(format!("{prefix}mlp.{i}.weight"), 0)).collect();
        Some(Layout { prefix, noise, layers })
    });
    let decoder = either("generator", "conv1.conv.modulation.weight").and_then(|prefix| {
        let of = |name: &str, axis| shape(format!("{prefix}{name}"), axis);
        // StyleGAN2's generators start from a constant.
        if checkpoint.shape(&format!("{prefix}input.input")).is_some() {
            return None;
        }
        let (features, styles) =
            (of("conv1.conv.modulation.weight", 0)?, of("conv1.conv.modulation.weight", 1)?);
        let mut channels = vec![of("conv1.activate.bias", 0)?];
        channels.extend((0..6).map_while(|i| of(&format!("convs.{}.activate.bias", 2 * i + 1), 0)));
        Some(Decoder { features, styles, channels, prefix })
    });
    let inverter = prefix("inverter.final_linear.0.weight").and_then(|start| {
        let prefix = format!("{start}inverter.");
        let of = |name: String| shape(format!("{prefix}{name}"), 0);
        let mut channels = vec![of("convs.0.0.weight".into())?];
        channels.extend((1..9).map_while(|i| of(format!("convs.{i}.conv2.1.weight"))));
        let (resolution, outputs) = (4 << (channels.len() - 1), of("final_linear.1.weight".into())?);
        Some(Inverter { resolution, outputs, channels, prefix })
    });
    let said = ["hyper_parameters.ab_norm", "hyper_parameters._content.ab_norm._val"];
    let area = match said.iter().find_map(|name| checkpoint.value(name)) {
        // The published configuration does not name it.
        None => Some(0.02),
        Some(value) => Value::float(value).map(|v| v as f32),
    };
    let known = layout.is_some() || inverter.is_some();
    known.then_some(Form { layout, decoder, inverter, area })
}
