//! What a file may hold, in a list that is gone through for each.

use std::path::Path;

use checkpoint::Checkpoint;

use super::terms::{self, Terms};
use crate::error::Error;
use crate::export::{self, Export};
use crate::networks::editgan::{self, pixels};
use crate::networks::{blobgan, clip, encoder, identity, lpips, mapper, mtcnn, stylegan2};

/// One thing that a file holds.
#[derive(Debug, Clone)]
pub enum Found {
    /// A StyleGAN2 generator.
    Generator(stylegan2::Form),
    /// Networks of BlobGAN.
    Blobs(blobgan::Form),
    /// An encoder of photos into W+.
    Encoder(encoder::Form),
    /// EditGAN's encoder of photos into W+, which takes pictures of one size.
    FixedEncoder(editgan::encoder::Form),
    /// A classifier of pixels, mostly one of several.
    Pixels(pixels::Form),
    /// A judge of identities.
    Identity(identity::Form),
    /// A judge of perceived difference, or its backbone alone.
    Judge(lpips::Form),
    /// The calibration of a judge of perceived difference.
    Calibration,
    /// One or both towers of CLIP.
    Clip(clip::Clip),
    /// The byte pairs of CLIP's tokenizer.
    Vocabulary(Vec<u8>),
    /// A network of MTCNN.
    Faces(mtcnn::Stage),
    /// A mapper of StyleCLIP.
    Mapper(mapper::Form),
    /// A direction in W or W+, of this width.
    Direction(usize),
    /// The relevances of StyleCLIP's global directions: rows and columns.
    Relevance(usize, usize),
    /// Means and deviations of StyleSpace.
    Statistics,
    /// One or both towers of CLIP in a graph that others exported.
    ClipExport(Box<export::clip::Form>),
    /// A folder of Stable Diffusion.
    Diffusion(Box<export::diffusion::Form>),
    /// A graph from picture to picture.
    Stylise(Box<export::stylise::Form>),
}

/// Goes through the list.
pub(super) fn recognise(checkpoint: &Checkpoint) -> Vec<Found> {
    let mut found = Vec::new();
    found.extend(stylegan2::recognise(checkpoint).map(Found::Generator));
    found.extend(blobgan::recognise(checkpoint).map(Found::Blobs));
    found.extend(encoder::recognise(checkpoint).map(Found::Encoder));
    found.extend(editgan::encoder::recognise(checkpoint).map(Found::FixedEncoder));
    found.extend(pixels::recognise(checkpoint).map(Found::Pixels));
    found.extend(identity::recognise(checkpoint).map(Found::Identity));
    found.extend(clip::recognise(checkpoint).map(Found::Clip));
    found.extend(mtcnn::recognise(checkpoint).map(Found::Faces));
    found.extend(mapper::recognise(checkpoint).map(Found::Mapper));
    found.extend(lpips::recognise(checkpoint).map(Found::Judge));
    found.extend(lpips::is_calibration(checkpoint).then_some(Found::Calibration));
    if found.is_empty() {
        found.extend(array(checkpoint));
    }
    found
}

/// What an ONNX graph is, or a folder of them.
///
/// # Errors
/// [`Error`] for graphs that cannot be read, and for folders of a known kind that cannot be used.
pub(super) fn exported(path: &Path) -> Result<Vec<Found>, Error> {
    if path.is_dir() {
        if let Some(form) = export::diffusion::recognise(path)? {
            return Ok(vec![Found::Diffusion(Box::new(form))]);
        }
        let towers = export::clip::recognise_all(path)?;
        return Ok(towers.into_iter().map(|form| Found::ClipExport(Box::new(form))).collect());
    }
    let export = Export::open(path)?;
    if let Some(form) = export::clip::recognise(&export)? {
        return Ok(vec![Found::ClipExport(Box::new(form))]);
    }
    let stylise = export::stylise::recognise(&export).map(|form| Found::Stylise(Box::new(form)));
    Ok(stylise.into_iter().collect())
}

/// Files that hold arrays only, by their sizes.
fn array(checkpoint: &Checkpoint) -> Option<Found> {
    let names: Vec<&str> = checkpoint.names().collect();
    if let [name] = names.as_slice() {
        return match *checkpoint.shape(name)? {
            [width] | [1, width] | [1, _, width] => Some(Found::Direction(width)),
            // W+ has at most 18 rows, StyleSpace has thousands.
            [rows, width] if rows <= 18 => Some(Found::Direction(width)),
            [rows, columns] if rows > columns => Some(Found::Relevance(rows, columns)),
            _ => None,
        };
    }
    let pairs = names.iter().all(|name| name.starts_with("0.") || name.starts_with("1."));
    (pairs && names.len() >= 4 && names.len().is_multiple_of(2)).then_some(Found::Statistics)
}

impl Found {
    /// What it is, for people.
    pub fn words(&self) -> String {
        match self {
            Self::Generator(form) => format!(
                "StyleGAN2 generator, {} px, W+ of {} × {}, {} style channels",
                form.resolution,
                form.rows(),
                form.width,
                form.channels_of_styles()
            ),
            Self::Blobs(form) => {
                let layout = form.layout.as_ref().map(|_| "layout network".to_owned());
                let decoder = form.decoder.as_ref().map(|d| format!("generator of {} px", d.resolution()));
                let inverter = form.inverter.as_ref().map(|_| "encoder of photos".to_owned());
                let parts: Vec<String> = [layout, decoder, inverter].into_iter().flatten().collect();
                format!("BlobGAN: {}", parts.join(", "))
            }
            Self::Encoder(form) => {
                let kind = if form.channels == 6 {
                    "ReStyle encoder of photos, in steps"
                } else {
                    "encoder of photos"
                };
                format!("{kind}, into W+ of {} × {}", form.rows, form.width)
            }
            Self::FixedEncoder(form) => {
                let rows: usize = form.rows.iter().sum();
                format!("encoder of photos of {} px (EditGAN), into W+ of {rows} × {}", form.side, form.width)
            }
            Self::Pixels(form) => {
                format!("classifier of pixels, {} classes by {} features", form.classes, form.features)
            }
            Self::Identity(form) => format!("judge of identities, {} blocks", form.blocks),
            Self::Judge(form) => {
                let judge = match form.backbone {
                    lpips::Backbone::Vgg16 => "VGG16",
                    lpips::Backbone::AlexNet => "AlexNet",
                };
                let alone = if form.calibrated { "" } else { ", without its calibration" };
                format!("judge of perceived difference ({judge}{alone})")
            }
            Self::Calibration => "calibration of a judge of perceived difference".into(),
            Self::Clip(clip) => {
                let image = clip.image.as_ref().map(|tower| {
                    let kind = match tower {
                        clip::ImageTower::Transformer { patch, .. } => format!("ViT with patches of {patch}"),
                        clip::ImageTower::ResNet { .. } => "ResNet".into(),
                    };
                    format!("image tower ({kind}, {} px)", tower.side())
                });
                let text = clip.text.as_ref().map(|tower| format!("text tower ({} tokens)", tower.context));
                let towers: Vec<String> = [image, text].into_iter().flatten().collect();
                format!("CLIP: {}", towers.join(" and "))
            }
            Self::Vocabulary(_) => "byte pairs of CLIP's tokenizer".into(),
            Self::Faces(stage) => {
                let part = match stage {
                    mtcnn::Stage::Proposal => "P-Net, which proposes places",
                    mtcnn::Stage::Refinement => "R-Net, which looks closer",
                    mtcnn::Stage::Landmarks => "O-Net, which finds eyes, nose and mouth",
                };
                format!("finder of faces (MTCNN: {part})")
            }
            Self::Mapper(form) => {
                let space = match form.space {
                    mapper::Space::Single => "W+",
                    mapper::Space::Levels => "W+ by levels",
                    mapper::Space::Styles(_) => "StyleSpace",
                };
                format!("StyleCLIP mapper in {space}")
            }
            Self::Direction(width) => format!("direction of an attribute, {width} wide"),
            Self::Relevance(rows, columns) => {
                format!("relevances of {rows} style channels to embeddings of {columns}")
            }
            Self::Statistics => "means and deviations of style channels".into(),
            Self::ClipExport(form) => form.words(),
            Self::Diffusion(form) => {
                let tuning = form
                    .untunable()
                    .map_or_else(String::new, |why| format!("; cannot be tuned to one picture: {why}"));
                format!("{}{tuning}", form.words())
            }
            Self::Stylise(form) => form.words(),
        }
    }

    /// The terms under which it was published; none for what has none of its own.
    pub fn terms(&self) -> Option<&'static Terms> {
        match self {
            Self::Generator(_) => Some(&terms::STYLEGAN2),
            Self::Blobs(_) => Some(&terms::BLOBGAN),
            Self::Encoder(_) => Some(&terms::ENCODERS),
            Self::FixedEncoder(_) | Self::Pixels(_) => Some(&terms::EDITGAN),
            Self::Identity(_) => Some(&terms::IDENTITY),
            Self::Judge(_) | Self::Calibration => Some(&terms::LPIPS),
            Self::Clip(_) | Self::Vocabulary(_) | Self::ClipExport(_) => Some(&terms::CLIP),
            Self::Faces(_) => Some(&terms::MTCNN),
            Self::Mapper(_) | Self::Relevance(..) | Self::Statistics => Some(&terms::STYLECLIP),
            Self::Diffusion(_) => Some(&terms::DIFFUSION),
            // Its side file says them.
            Self::Direction(_) | Self::Stylise(_) => None,
        }
    }
}
