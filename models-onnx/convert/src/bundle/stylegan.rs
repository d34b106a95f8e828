//! A pack around a StyleGAN2 generator.

use std::collections::BTreeMap;

use models_onnx::Role;
use models_onnx::pack::{
    Alignment, AlignmentKind, Array, Cleaning, DirectionDefaults, Family, Fidelity, File, Licence, Manifest,
    Range, Style, Text, VERSION,
};

use super::{Brought, Bundle, Found, Wishes};
use crate::Network;
use crate::error::Error;
use crate::networks::{clip, direction, encoder, identity, lpips, mapper, stylegan2};
use crate::pack::NewPack;

/// e4e on photographs of faces: a mean square of 0.0475 between −1 and 1 (Tov et al., 2021, table 1), which are 19.2 dB,
/// and well below that a picture that is hardly the same person. Nobody measured the pack itself.
const FIDELITY: Fidelity = Fidelity { typical: 19.2, poor: 15.0 };

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

    let mut pack = NewPack {
        manifest: manifest(bundle, wishes, form),
        graphs: BTreeMap::new(),
        mappers: BTreeMap::new(),
        arrays: BTreeMap::new(),
        attributes: BTreeMap::new(),
        files: BTreeMap::new(),
    };
    let network = stylegan2::build(&file.checkpoint, &stylegan2::Options::default())?;
    if let Some(mean) = network.arrays.get("w-mean") {
        pack.arrays.insert(Array::CodeMean, mean.clone());
    }
    take(&mut pack, network);
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
        Found::Encoder(encoder) if encoder.channels == 3 => {
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
        Found::Generator(_) | Found::Encoder(_) | Found::Calibration | Found::Vocabulary(_) => {}
    }
    Ok(())
}

/// Takes the graphs of a network whose roles are free.
fn take(pack: &mut NewPack, network: Network) {
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

fn manifest(bundle: &Bundle, wishes: &Wishes, form: &stylegan2::Form) -> Manifest {
    let terms = bundle.terms();
    let mut spdx: Vec<&str> = terms.iter().map(|t| t.spdx).collect();
    spdx.sort_unstable();
    spdx.dedup();
    let text: Vec<String> = terms.iter().map(|t| format!("{}: {}", t.what, t.text)).collect();
    let files: Vec<_> = bundle.files.iter().filter_map(|f| f.path.file_name()?.to_str()).collect();
    let name = if wishes.name.is_empty() { &wishes.id } else { &wishes.name };
    let domain = if wishes.domain.is_empty() { "pictures nobody described" } else { &wishes.domain };
    let style = |s: stylegan2::Style| Style { name: s.name, channels: s.channels, rgb: s.rgb };
    Manifest {
        version: VERSION,
        id: wishes.id.clone(),
        name: name.clone(),
        description: format!("Converted from {}", files.join(", ")),
        family: Family::StyleGan2,
        resolution: u32::try_from(form.resolution).unwrap_or(u32::MAX),
        domain: domain.to_owned(),
        licence: Licence {
            spdx: spdx.join(" AND "),
            text: text.join("\n"),
            origin: "Files of the user's own, converted by Pentimento".into(),
        },
        range: Range { low: -1.0, high: 1.0 },
        alignment: Alignment { kind: AlignmentKind::Square, eyes: None },
        fidelity: FIDELITY,
        roles: BTreeMap::new(),
        mappers: BTreeMap::new(),
        attributes: BTreeMap::new(),
        files: BTreeMap::new(),
        arrays: BTreeMap::new(),
        styles: form.styles().into_iter().map(style).collect(),
        text: None,
        direction: None,
    }
}
