//! Graphs that turn a picture into the same picture in another style, in one pass: CartoonGAN and its kin.
//!
//! Nothing in such a graph says in which order its colours are or which number is white, so a small file beside it does,
//! of the same name with the ending `.toml`:
//!
//! ```toml
//! name = "Mosaic"
//! licence = "MIT"                     # SPDX
//! origin = "where it comes from"
//! resolution = 512                    # the side it is best at; only for graphs that take any
//! [input]
//! channels = "rgb"                    # or "bgr"
//! black = 0.0                         # one number, or one for each channel
//! white = 255.0
//! [output]
//! channels = "rgb"
//! black = 0.0
//! white = 255.0
//! ```
//!
//! A graph normalised by mean and deviation has, for each channel, the black `−mean / deviation` and the white
//! `(1 − mean) / deviation`.

use std::path::PathBuf;

use autodiff::tensor::{DOUBLE, FLOAT, FLOAT16};
use autodiff::{Dim, Shape};
use serde::Deserialize;

use super::ports::{Kept, Ports, Step};
use super::{Export, read, refused};
use crate::Port;
use crate::error::Error;

/// The side for graphs that take pictures of any, where nobody says what they are best at.
const RESOLUTION: usize = 512;

/// A graph of stylisation.
#[derive(Debug, Clone)]
pub struct Form {
    export: Export,
    input: Picture,
    output: Picture,
    /// The side of its pictures, where the graph takes only that one.
    side: Option<usize>,
}

/// One picture that goes in or comes out.
#[derive(Debug, Clone)]
struct Picture {
    name: String,
    /// Whether colours are the last axis, and not the second.
    interleaved: bool,
}

/// What the file beside a graph says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SideFile {
    /// Name for people.
    pub name: String,
    /// SPDX identifier or expression.
    pub licence: String,
    /// Where it comes from.
    pub origin: String,
    /// The side of pictures that it is best at.
    pub resolution: Option<usize>,
    /// What goes in.
    pub input: Values,
    /// What comes out.
    pub output: Values,
}

/// What the numbers of a picture mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    /// The order of colours.
    pub channels: Channels,
    /// Black.
    pub black: Level,
    /// White.
    pub white: Level,
}

/// Orders of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// A number, or one for each channel in the order of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Level {
    /// The same for all.
    All(f32),
    /// One each.
    Each([f32; 3]),
}

impl Level {
    fn each(self) -> [f32; 3] {
        match self {
            Self::All(level) => [level; 3],
            Self::Each(levels) => levels,
        }
    }
}

/// What an export is like, if one picture goes into it and one comes out.
pub fn recognise(export: &Export) -> Option<Form> {
    let (inputs, outputs) = (export.inputs(), export.outputs());
    let ([goes_in], [comes_out]) = (&inputs[..], &outputs[..]) else { return None };
    let input = Picture::of(goes_in)?;
    let output = Picture::of(comes_out).or_else(|| {
        // Shapes of results are often left out.
        let open = comes_out.shape.len() != 4 || comes_out.shape.iter().all(|dim| dim.size().is_none());
        open.then(|| Picture { name: comes_out.name.clone(), interleaved: input.interleaved })
    })?;
    let axes = if input.interleaved { [1, 2] } else { [2, 3] };
    let side = axes.map(|axis| goes_in.shape.get(axis).and_then(Dim::size));
    let side = match side {
        [Some(height), Some(width)] if height == width => Some(height),
        [None, None] => None,
        _ => return None,
    };
    Some(Form { export: export.clone(), input, output, side })
}

impl Picture {
    fn of(port: &Port) -> Option<Self> {
        let real = [FLOAT, FLOAT16, DOUBLE].contains(&port.kind);
        let colours = |axis: usize| port.shape.get(axis).and_then(Dim::size) == Some(3);
        let fits = real && port.shape.len() == 4 && (colours(1) || colours(3));
        fits.then(|| Self { name: port.name.clone(), interleaved: !colours(1) })
    }
}

impl Form {
    /// The file that says what the graph does not.
    pub fn side_file(&self) -> PathBuf {
        self.export.path().with_extension("toml")
    }

    /// What that file says.
    ///
    /// # Errors
    /// [`Error::Export`] where it is missing, saying what to write, or makes no sense.
    pub fn said(&self) -> Result<SideFile, Error> {
        let path = self.side_file();
        if !path.is_file() {
            return Err(refused(
                &path,
                "a small file must say which number is black and which is white: write name, licence and origin, and \
                 under [input] and [output] channels = \"rgb\" or \"bgr\", black and white",
            ));
        }
        let bytes = read(&path, super::SETTINGS)?;
        let text = str::from_utf8(&bytes).map_err(|why| refused(&path, why.to_string()))?;
        let side: SideFile = toml::from_str(text).map_err(|why| refused(&path, said_by(&why)))?;
        for values in [&side.input, &side.output] {
            let levels = values.black.each().into_iter().zip(values.white.each());
            if !levels.clone().all(|(black, white)| black.is_finite() && white.is_finite() && black != white)
            {
                return Err(refused(&path, "black and white must be two different numbers"));
            }
        }
        Ok(side)
    }

    /// The side of the pictures that it is given.
    ///
    /// # Errors
    /// [`Error::Export`] where graph and side file disagree.
    pub fn resolution(&self, said: &SideFile) -> Result<usize, Error> {
        match (self.side, said.resolution) {
            (Some(side), Some(said)) if side != said => Err(refused(
                &self.side_file(),
                format!("it says {said} pixels, but the graph takes {side} only"),
            )),
            (Some(side), _) | (None, Some(side)) => Ok(side),
            (None, None) => Ok(RESOLUTION),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let side = self.side.map_or("any size".to_owned(), |side| format!("{side} px"));
        let missing = if self.side_file().is_file() { "" } else { "; its side file is missing" };
        format!("graph from picture to picture, {side}{missing}")
    }

    /// The graph as `stylise`: `image [1, 3, R, R]` → `stylised [1, 3, R, R]`, black −1 and white 1.
    ///
    /// # Errors
    /// As [`Self::said`] and [`Self::resolution`].
    pub fn build(&self) -> Result<Kept, Error> {
        let said = self.said()?;
        let side = self.resolution(&said)?;
        let shape: Shape = [1, 3, side, side].map(Dim::known).into();
        let mut ports = Ports::of(&self.export);
        // x is between −1 and 1: black + (x + 1) / 2 · (white − black).
        let (black, white) = (said.input.black.each(), said.input.white.each());
        let half: Vec<f32> = black.iter().zip(white).map(|(b, w)| (w - b) / 2.0).collect();
        let middle: Vec<f32> = black.iter().zip(white).map(|(b, w)| (w + b) / 2.0).collect();
        let mut steps = said.input.channels.swapped();
        steps.extend([Step::times(&half), Step::plus(&middle)]);
        if self.input.interleaved {
            steps.push(Step::transpose([0, 2, 3, 1]));
        }
        ports.input(&self.input.name, "image", FLOAT, shape.clone(), steps);

        let (black, white) = (said.output.black.each(), said.output.white.each());
        let half: Vec<f32> = black.iter().zip(white).map(|(b, w)| 2.0 / (w - b)).collect();
        let middle: Vec<f32> = black.iter().zip(white).map(|(b, w)| -(w + b) / (w - b)).collect();
        let mut steps = Vec::new();
        if self.output.interleaved {
            steps.push(Step::transpose([0, 3, 1, 2]));
        }
        steps.extend([Step::times(&half), Step::plus(&middle)]);
        steps.extend(said.output.channels.swapped());
        ports.output(&self.output.name, "stylised", shape, steps);
        Ok(ports.finish())
    }
}

impl Channels {
    /// From or to the order of everything here.
    fn swapped(self) -> Vec<Step> {
        match self {
            Self::Rgb => Vec::new(),
            Self::Bgr => vec![Step::take(1, &[2, 1, 0])],
        }
    }
}

/// What is wrong with a file, on one line.
fn said_by(why: &toml::de::Error) -> String {
    why.message().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
