//! A pack around a StyleGAN2 generator.

use std::collections::BTreeMap;

use models_onnx::Role;
use models_onnx::pack::{Array, Cleaning, DirectionDefaults, Family, File, Style, Text};

use super::manifest::manifest;
use super::{Brought, Bundle, Found, Wishes};
use crate::Network;
use crate::error::Error;
use crate::networks::{clip, direction, encoder, identity, lpips, mapper, mtcnn, stylegan2};
use crate::pack::NewPack;

/// Where StyleCLIP's sliders start.
const DIRECTION: DirectionDefaults = DirectionDefaults { strength: 4.1, disentanglement: 0.15 };

pub(super) fn pack(bundle: &Bundle, wishes: &Wishes) -> Result<NewPack, Error> {
    let none = || Error::Unsupported("none of the files holds a generator".into());
    // A generator of its own comes before one that lies in an encoder's or a mapper's file.
    let alone = |(file, _): &(&Brought, &Found)| file.found.len() == 1;
    let mut all = bundle.all().filter(alone).chain(bundle.all()).filter_map(|(file, found)| match found {
        Found::Generator(form) => Some((file, form)),
        _ => None,
    });
    let (file, form) = all.next().ok_or_else(none)?;

    let style = |s: stylegan2::Style| Style { name: s.name, channels: s.channels, rgb: s.rgb };
    let styles = form.styles().into_iter().map(style).collect();
    let mut pack = NewPack {
        manifest: manifest(bundle, wishes, Family::StyleGan2, form.resolution, styles),
        graphs: BTreeMap::new(),
        mappers: BTreeMap::new(),
        arrays: BTreeMap::new(),
        attributes: BTreeMap::new(),
        files: BTreeMap::new(),
    };
    take(&mut pack, stylegan2::build(&file.checkpoint, &stylegan2::Options::default())?);
    for (file, found) in bundle.all() {
        add(&mut pack, bundle, file, found, form, wishes)?;
    }
    Ok(pack)
}

/// Adds what is not the generator. What comes a second time is left out.
fn add(
    pack: &mut NewPack,
    bundle: &Bundle,
    file: &Brought,
    found: &Found,
    form: &stylegan2::Form,
    wishes: &Wishes,
) -> Result<(), Error> {
    let side = form.resolution;
    let name = || file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match found {
        Found::Encoder(encoder) if [3, 6].contains(&encoder.channels) => {
            fits(encoder.rows == form.rows() && encoder.width == form.width, "encoder", form)?;
            let rows = encoder.kind.or(wishes.encoder);
            let options = encoder::Options { side, rows, ..encoder::Options::default() };
            take(pack, encoder::build(&file.checkpoint, &options)?);
        }
        Found::Identity(_) => take(pack, identity::build(&file.checkpoint, &identity::Options { side })?),
        Found::Judge(judge) => {
            let calibration = bundle.all().find(|(_, found)| matches!(found, Found::Calibration));
            let calibrated = if judge.calibrated { Some(file) } else { calibration.map(|(file, _)| file) };
            if let Some(calibrated) = calibrated {
                let options = lpips::Options { height: side, width: side };
                take(pack, lpips::build(&file.checkpoint, &calibrated.checkpoint, &options)?);
            }
        }
        Found::Clip(towers) => {
            let picture = clip::Picture { side, low: -1.0, high: 1.0, view: clip::View::Published };
            let options = clip::Options { picture: Some(picture), ..clip::Options::default() };
            let vocabulary = bundle.all().find_map(|(_, found)| match found {
                Found::Vocabulary(merges) => Some(merges),
                _ => None,
            });
            let mut network = clip::build(&file.checkpoint, &options)?;
            match (vocabulary, &towers.text) {
                (Some(merges), Some(text)) => {
                    let tokenizer = clip::tokenizer(merges, text.vocabulary, text.context, None)?;
                    pack.files.insert(File::Tokenizer, tokenizer);
                    pack.manifest.text = Some(Text {
                        templates: clip::templates(),
                        neutral: neutral(wishes).to_owned(),
                        cleaning: Some(Cleaning::Clip),
                    });
                    pack.manifest.direction = Some(DIRECTION);
                }
                // Without a vocabulary no text can be given to it.
                _ => network.parts.retain(|part| part.role != "text-encoder"),
            }
            take(pack, network);
        }
        Found::Faces(_) => take(pack, mtcnn::build(&file.checkpoint)?),
        Found::Mapper(mapper) => {
            let options = mapper::Options { layers: Some(form.rows()) };
            let network = mapper::build(&file.checkpoint, &options)?;
            if let mapper::Space::Styles(channels) = &mapper.space {
                let own: Vec<usize> = form.styles().iter().map(|style| style.channels).collect();
                fits(*channels == own, "mapper", form)?;
            }
            pack.mappers.extend(network.parts.into_iter().map(|part| (slug(&name()), part.model)));
        }
        Found::Direction(_) => {
            let direction = direction::direction(&file.checkpoint, form.rows(), form.width)?;
            pack.attributes.insert(slug(&name()), direction);
        }
        Found::Relevance(..) => {
            let relevance = direction::relevance(&file.checkpoint, &form.styles())?;
            pack.arrays.insert(Array::Relevance, relevance.into_dyn());
        }
        Found::Statistics => {
            let [mean, deviation] = direction::statistics(&file.checkpoint, &form.styles())?;
            pack.arrays.insert(Array::StyleMean, mean.into_dyn());
            pack.arrays.insert(Array::StyleStd, deviation.into_dyn());
        }
        Found::Generator(_)
        | Found::Blobs(_)
        | Found::Encoder(_)
        | Found::Calibration
        | Found::Vocabulary(_) => {}
    }
    Ok(())
}

/// Takes the graphs of a network whose roles are free, and the mean of codes from whoever tells it first.
fn take(pack: &mut NewPack, network: Network) {
    if let Some(mean) = network.arrays.get(Array::CodeMean.name()) {
        pack.arrays.entry(Array::CodeMean).or_insert_with(|| mean.clone());
    }
    for part in network.parts {
        if let Some(role) = Role::named(part.role) {
            pack.graphs.entry(role).or_insert(part.model);
        }
    }
}

fn fits(fits: bool, what: &str, form: &stylegan2::Form) -> Result<(), Error> {
    let why = || {
        let (rows, width, side) = (form.rows(), form.width, form.resolution);
        format!(
            "the {what} belongs to another generator than the one of {side} px with W+ of {rows} × {width}"
        )
    };
    if fits { Ok(()) } else { Err(Error::Unsupported(why())) }
}

fn neutral(wishes: &Wishes) -> &str {
    [&wishes.neutral, &wishes.domain].into_iter().find(|text| !text.is_empty()).map_or("picture", |text| text)
}

/// A name that a manifest's key, a file and a command line can have.
fn slug(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(letter).take(64).collect()
}
