//! CLIP as others exported it: one graph for both towers, as Optimum writes it, or one for each, as Transformers.js has
//! them.
//!
//! A graph of both gives four results from two inputs; each tower is what leads to its own result. How a picture is made
//! ready stands in `preprocessor_config.json`, and is put before the image tower.

use std::path::{Path, PathBuf};

use autodiff::tensor::FLOAT;
use autodiff::{Dim, Model};
use serde_json::Value;

use super::diffusion::tokens;
use super::ports::Ports;
use super::{Export, read, refused, settings_if_any};
use crate::error::Error;
use crate::networks::clip::{self, Picture, View};

/// Where the graphs of a folder may lie, the most exact first.
const PLACES: [&str; 7] = [
    "model.onnx",
    "text_model.onnx",
    "vision_model.onnx",
    "onnx/model.onnx",
    "onnx/text_model.onnx",
    "onnx/vision_model.onnx",
    "onnx/vision_model_fp16.onnx",
];

/// Longer tokenizers are none.
const TOKENIZER: u64 = 64 << 20;

/// One or both towers of a CLIP in one graph.
#[derive(Debug, Clone)]
pub struct Form {
    export: Export,
    /// Whether pictures are understood.
    pub understands_pictures: bool,
    /// Whether texts are understood.
    pub understands_texts: bool,
    /// Size of the embedding.
    pub embedding: usize,
    side: usize,
    mean: [f32; 3],
    deviation: [f32; 3],
}

/// Every graph of CLIP in a folder, each tower once.
///
/// # Errors
/// As [`recognise`].
pub fn recognise_all(folder: &Path) -> Result<Vec<Form>, Error> {
    let mut all: Vec<Form> = Vec::new();
    for place in PLACES {
        let path = folder.join(place);
        if !path.is_file() {
            continue;
        }
        if let Some(form) = recognise(&Export::open(&path)?)?
            && !all.iter().any(|other| {
                other.understands_pictures && form.understands_pictures
                    || other.understands_texts && form.understands_texts
            })
        {
            all.push(form);
        }
    }
    Ok(all)
}

/// What an export is like, if it is of CLIP.
///
/// # Errors
/// [`Error::Export`] where it is and nothing says what its sizes are.
pub fn recognise(export: &Export) -> Result<Option<Form>, Error> {
    let embeds = |name: &str| export.output(name);
    let image = export.input("pixel_values").zip(embeds("image_embeds"));
    let text = export.input("input_ids").zip(embeds("text_embeds"));
    let Some(of) = image.as_ref().or(text.as_ref()).map(|(_, output)| output.clone()) else {
        return Ok(None);
    };
    let config = settings_if_any(&beside(export.path(), "config.json"))?;
    let ready = settings_if_any(&beside(export.path(), "preprocessor_config.json"))?;
    let number = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let untold = |what: &str| {
        refused(export.path(), format!("neither the graph nor a config.json beside it says {what}"))
    };
    let embedding = of.shape.get(1).and_then(Dim::size).or_else(|| number(config.get("projection_dim")));
    let embedding = embedding.ok_or_else(|| untold("how wide its embeddings are"))?;
    let crop = ready.get("crop_size");
    let side = match &image {
        Some((pixels, _)) => {
            let own = pixels.shape.get(2).and_then(Dim::size);
            let said = || number(config.pointer("/vision_config/image_size"));
            let crop = || number(crop.and_then(|c| c.get("height").or(Some(c))));
            own.or_else(said).or_else(crop).ok_or_else(|| untold("how large its pictures are"))?
        }
        None => 0,
    };
    let colours = |key: &str, default: [f32; 3]| {
        let each = ready.get(key).and_then(Value::as_array).into_iter().flatten();
        let each: Vec<f32> = each.filter_map(Value::as_f64).map(|v| v as f32).collect();
        <[f32; 3]>::try_from(each).unwrap_or(default)
    };
    Ok(Some(Form {
        export: export.clone(),
        understands_pictures: image.is_some(),
        understands_texts: text.is_some(),
        embedding,
        side,
        mean: colours("image_mean", clip::MEAN),
        deviation: colours("image_std", clip::DEVIATION),
    }))
}

impl Form {
    /// In words.
    pub fn words(&self) -> String {
        let image = self.understands_pictures.then(|| format!("image tower ({} px)", self.side));
        let towers: Vec<String> =
            image.into_iter().chain(self.understands_texts.then(|| "text tower".into())).collect();
        format!("CLIP: {}, embeddings of {}", towers.join(" and "), self.embedding)
    }

    /// `image-encoder`: `image [n, 3, side, side]` of such pictures → `embedding [n, D]`.
    ///
    /// # Errors
    /// [`Error::Model`] for graphs in opsets below 13.
    pub fn image(&self, picture: Picture) -> Result<Model, Error> {
        let view = View::Normalised { mean: self.mean, deviation: self.deviation };
        let view = clip::view(&Picture { view, ..picture }, self.side)?;
        let mut ports = Ports::of(&self.export);
        self.pixels(&mut ports);
        if self.understands_texts {
            // What leads to texts goes again below.
            tokens(&self.export, &mut ports)?;
        }
        ports.output("image_embeds", "embedding", self.embedded(), Vec::new());
        let tower = ports.finish().model()?.only(&["embedding"])?;
        Ok(view.join(tower, &[("view", "pixel_values")])?.only(&["embedding"])?)
    }

    /// `text-encoder`: `input_ids [n, t]` → `embedding [n, D]`.
    ///
    /// # Errors
    /// As [`Self::image`].
    pub fn text(&self) -> Result<Model, Error> {
        let mut ports = Ports::of(&self.export);
        if self.understands_pictures {
            self.pixels(&mut ports);
        }
        tokens(&self.export, &mut ports)?;
        ports.output("text_embeds", "embedding", self.embedded(), Vec::new());
        Ok(ports.finish().model()?.only(&["embedding"])?)
    }

    fn pixels(&self, ports: &mut Ports) {
        let shape = [3, self.side, self.side].map(Dim::known);
        let shape = [Dim::named("n")].into_iter().chain(shape).collect();
        ports.input("pixel_values", "pixel_values", FLOAT, shape, Vec::new());
    }

    /// `tokenizer.json` of the folder, with texts filled up to one length where the graph wants one.
    ///
    /// # Errors
    /// [`Error::Export`] where there is none.
    pub fn tokenizer(&self) -> Result<Vec<u8>, Error> {
        let file = |name: &str| beside(self.export.path(), name);
        let length = self.export.input("input_ids").and_then(|port| port.shape.get(1)?.size());
        let whole = file("tokenizer.json");
        if whole.is_file() {
            return clip::padded(&read(&whole, TOKENIZER)?, length)
                .map_err(|why| refused(&whole, why.to_string()));
        }
        let (vocabulary, merges) = (file("vocab.json"), file("merges.txt"));
        if !vocabulary.is_file() || !merges.is_file() {
            let why = "there is no tokenizer.json in its folder, and no vocab.json with merges.txt";
            return Err(refused(self.export.path(), why));
        }
        let made = clip::tokenizer_of(
            &read(&vocabulary, TOKENIZER)?,
            &read(&merges, TOKENIZER)?,
            length.unwrap_or(clip::CONTEXT),
            "<|endoftext|>",
        );
        made.map_err(|why| refused(&vocabulary, why.to_string()))
    }

    fn embedded(&self) -> autodiff::Shape {
        vec![Dim::named("n"), Dim::known(self.embedding)]
    }
}

/// A file in the folder of a graph, or in the one above: Transformers.js has its graphs one deeper.
fn beside(path: &Path, name: &str) -> PathBuf {
    let here = path.with_file_name(name);
    match path.parent().and_then(Path::parent) {
        Some(above) if !here.is_file() && above.join(name).is_file() => above.join(name),
        _ => here,
    }
}
