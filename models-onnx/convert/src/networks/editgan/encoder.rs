//! The encoder of EditGAN, published as `BEST_loss….pth`: ResNet50 (He et al., 2016), a feature pyramid (Lin et al., 2017)
//! and a head for each row of W+.
//!
//! | role | inputs | outputs |
//! |---|---|---|
//! | `encoder` | `image [n, 3, S, S]` in −1..1, RGB, centred on black where it is wider than high | `w_plus [n, rows, W]` |
//!
//! S is 512 for the published file; it follows from the number of layers of the heads.
//!
//! The released tool never leaves training mode, so that its batch norms take mean and variance of the picture at hand.
//! Its codes, and the numbers in the paper, come from that. [`Statistics::OfPicture`] is therefore the default;
//! [`Statistics::Trained`] takes those that were gathered in training, which gives other codes.

use checkpoint::Checkpoint;

use crate::build::{Graph, Resize, Value, batch};
use crate::error::Error;
use crate::networks::layers::{self, Layers};
use crate::{Network, Part};

/// Heads by the map that they see, coarsest first (sic).
const HEADS: [&str; 3] = ["course_styles", "medium_styles", "fine_styles"];

/// An encoder in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What the names of its tensors start with: `model_state_dict.` in published files.
    pub prefix: String,
    /// Side of the pictures.
    pub side: usize,
    /// Rows of W+ from each map, coarsest first.
    pub rows: [usize; 3],
    /// Width of W.
    pub width: usize,
}

/// How the graph is built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// What batch norms go by.
    pub statistics: Statistics,
}

/// What batch norms go by; see the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Statistics {
    /// The picture at hand, each of a batch by itself.
    #[default]
    OfPicture,
    /// Those of training.
    Trained,
}

/// What encoder a checkpoint holds, from the names and sizes of its tensors.
pub fn recognise(checkpoint: &Checkpoint) -> Option<Form> {
    let prefix = layers::prefix(checkpoint, "FPN_module.conv1.weight")?;
    let rows = HEADS.map(|heads| layers::count(checkpoint, &format!("{prefix}{heads}"), "linear.weight"));
    let linear = checkpoint.shape(&format!("{prefix}course_styles.0.linear.weight"))?;
    // Activations stand between convolutions. The finest map has a quarter of the side.
    let halvings = (0..16)
        .filter(|i| checkpoint.shape(&format!("{prefix}fine_styles.0.convs.{}.weight", 2 * i)).is_some());
    Some(Form { prefix: prefix.into(), side: 4 << halvings.count(), rows, width: *linear.first()? })
}

/// The graph of the encoder in a checkpoint.
///
/// # Errors
/// [`Error`], naming the tensor that is missing or has other sizes.
pub fn build(checkpoint: &Checkpoint, options: &Options) -> Result<Network, Error> {
    let unknown = || Error::Unsupported("it holds no encoder of EditGAN".into());
    let form = recognise(checkpoint).ok_or_else(unknown)?;
    let graph = Graph::new("encoder");
    let image = graph.input("image", &batch([3, form.side, form.side]))?;
    let own = checkpoint.under(&form.prefix);
    let network =
        Pyramid { layers: Layers { graph: &graph, checkpoint: &own }, statistics: options.statistics };
    let mut rows = Vec::new();
    for ((heads, count), map) in HEADS.iter().zip(form.rows).zip(network.maps(&image)?) {
        for row in 0..count {
            rows.push(network.layers.head(&map, &format!("{heads}.{row}"), 1.0)?);
        }
    }
    graph.output("w_plus", &network.layers.stacked(&rows)?)?;
    let model = graph.finish()?;
    Ok(Network { parts: vec![Part { role: "encoder", model }], ..Network::default() })
}

struct Pyramid<'a> {
    layers: Layers<'a>,
    statistics: Statistics,
}

impl Pyramid<'_> {
    fn conv_norm(&self, x: &Value, names: [String; 2], kernel: usize, stride: usize) -> Result<Value, Error> {
        let [conv, norm] = names.each_ref().map(String::as_str);
        match self.statistics {
            Statistics::Trained => self.layers.conv_norm(x, [conv, norm], kernel, stride),
            Statistics::OfPicture => {
                self.layers.norm_of_picture(&self.layers.conv(x, conv, kernel, stride)?, norm)
            }
        }
    }

    /// The maps that heads see, coarsest first.
    fn maps(&self, image: &Value) -> Result<Vec<Value>, Error> {
        let g = self.layers.graph;
        let name = |part: &str| format!("FPN_module.{part}");
        let x = self.conv_norm(image, [name("conv1"), name("bn1")], 7, 2)?;
        let mut stages = vec![g.max_pool(&g.relu(&x)?, 3, 2, 1)?];
        for stage in 1..=4 {
            let mut x = stages[stage - 1].clone();
            let blocks = name(&format!("layer{stage}"));
            for index in 0..layers::count(self.layers.checkpoint, &blocks, "conv1.weight") {
                let stride = if stage > 1 && index == 0 { 2 } else { 1 };
                x = self.block(&x, &format!("{blocks}.{index}"), stride)?;
            }
            stages.push(x);
        }
        let mut x = self.layers.conv(&stages[4], &name("toplayer"), 1, 1)?;
        let mut maps = Vec::new();
        for level in 1..=3 {
            let side = self.layers.conv(&stages[4 - level], &name(&format!("latlayer{level}")), 1, 1)?;
            let (height, width) = (side.size(2).unwrap_or_default(), side.size(3).unwrap_or_default());
            x = g.add(&g.resize(&x, height, width, Resize::Bilinear)?, &side)?;
            maps.push(self.layers.conv(&x, &name(&format!("smooth{level}")), 3, 1)?);
        }
        Ok(maps)
    }

    fn block(&self, x: &Value, name: &str, stride: usize) -> Result<Value, Error> {
        let g = self.layers.graph;
        let pair = |index: usize| [format!("{name}.conv{index}"), format!("{name}.bn{index}")];
        let y = g.relu(&self.conv_norm(x, pair(1), 1, 1)?)?;
        let y = g.relu(&self.conv_norm(&y, pair(2), 3, stride)?)?;
        let y = self.conv_norm(&y, pair(3), 1, 1)?;
        let short = [format!("{name}.shortcut.0"), format!("{name}.shortcut.1")];
        let short = if self.layers.has(&format!("{}.weight", short[0])) {
            self.conv_norm(x, short, 1, stride)?
        } else {
            x.clone()
        };
        g.relu(&g.add(&y, &short)?)
    }
}
