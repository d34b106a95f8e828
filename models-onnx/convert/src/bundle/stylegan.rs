//! A pack around a StyleGAN2 generator.

use autodiff::Model;
use checkpoint::Checkpoint;
use models_onnx::Role;
use models_onnx::pack::{Array, Cleaning, DirectionDefaults, Family, File, Style, Text};
use ndarray::Array2;

use super::manifest::manifest;
use super::{Brought, Bundle, Found, Wishes};
use crate::Network;
use crate::error::Error;
use crate::networks::editgan::{self, pixels};
use crate::networks::{clip, direction, encoder, identity, lpips, mapper, mtcnn, stylegan2};
use crate::pack::{Draft, NewPack};

/// Where StyleCLIP's sliders start.
const DIRECTION: DirectionDefaults = DirectionDefaults { strength: 4.1, disentanglement: 0.15 };

/// What the side of previews is divided by; see the README for what they cost.
const PREVIEW: usize = 4;

/// Generators of smaller pictures are fast enough without.
const PREVIEWED: usize = 256;

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
    let mut pack = NewPack::new(manifest(bundle, wishes, Family::StyleGan2, form.resolution, styles));
    generator(&mut pack, &file.checkpoint, form)?;
    for (file, found) in bundle.all() {
        add(&mut pack, bundle, file, found, form, wishes)?;
    }
    segmenters(&mut pack, bundle, &file.checkpoint, form)?;
    Ok(pack)
}

/// The generator's own graphs. Weights that the preview shares with the whole are kept once.
fn generator(pack: &mut NewPack, checkpoint: &Checkpoint, form: &stylegan2::Form) -> Result<(), Error> {
    let mut add = |role, make: fn(&Checkpoint) -> Result<Model, Error>| {
        let checkpoint = checkpoint.clone();
        pack.graphs.insert(role, Draft::new(move || make(&checkpoint)));
    };
    if form.mapping > 0 {
        add(Role::Mapping, |c| stylegan2::mapping(c)?.ok_or_else(|| Error::Unsupported("no mapping".into())));
    }
    add(Role::Affine, stylegan2::affine);
    add(Role::Synthesis, |c| stylegan2::synthesis(c, &stylegan2::Options::default()));
    if form.resolution >= PREVIEWED {
        let options = stylegan2::Options {
            stop_at: Some(form.resolution / PREVIEW),
            pictures: true,
            ..stylegan2::Options::default()
        };
        let checkpoint = checkpoint.clone();
        pack.graphs.insert(Role::Preview, Draft::new(move || stylegan2::synthesis(&checkpoint, &options)));
    }
    mean(pack, stylegan2::mean(checkpoint)?);
    Ok(())
}

/// The generator with the classifiers of its pixels, where there are any.
fn segmenters(
    pack: &mut NewPack,
    bundle: &Bundle,
    generator: &Checkpoint,
    form: &stylegan2::Form,
) -> Result<(), Error> {
    let classifiers = bundle.all().filter_map(|(file, found)| match found {
        Found::Pixels(pixels) => Some((file.checkpoint.clone(), pixels)),
        _ => None,
    });
    let (classifiers, forms): (Vec<_>, Vec<_>) = classifiers.unzip();
    let Some(first) = forms.first() else { return Ok(()) };
    for pixels in &forms {
        fits(pixels.features == form.features(), "classifier of pixels", form)?;
        if pixels.classes != first.classes {
            let why = format!(
                "one classifier of pixels knows {} classes, another {}",
                first.classes, pixels.classes
            );
            return Err(Error::Unsupported(why));
        }
    }
    pack.manifest.classes = editgan::classes(first.classes);
    let makers = [(Role::Segmenter, pixels::segmenter as Joined), (Role::SegmenterAt, pixels::segmenter_at)];
    for (role, make) in makers {
        let (generator, classifiers) = (generator.clone(), classifiers.clone());
        pack.graphs.insert(role, Draft::new(move || make(&generator, &classifiers)));
    }
    Ok(())
}

/// Makes a graph of a generator and classifiers.
type Joined = fn(&Checkpoint, &[Checkpoint]) -> Result<Model, Error>;

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
    let checkpoint = file.checkpoint.clone();
    let name = || file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match found {
        Found::Encoder(encoder) if [3, 6].contains(&encoder.channels) => {
            fits(encoder.rows == form.rows() && encoder.width == form.width, "encoder", form)?;
            let rows = Some(encoder.rows_by(encoder.kind.or(wishes.encoder))?);
            let options = encoder::Options { side, rows, ..encoder::Options::default() };
            mean(pack, encoder::mean(&file.checkpoint)?);
            take(pack, encoder.role(), move || encoder::build(&checkpoint, &options));
        }
        Found::FixedEncoder(encoder) => {
            let rows: usize = encoder.rows.iter().sum();
            let own = (encoder.side, rows, encoder.width) == (side, form.rows(), form.width);
            fits(own, "encoder", form)?;
            take(pack, "encoder", move || editgan::encoder::build(&checkpoint, &Default::default()));
        }
        Found::Identity(_) => {
            take(pack, "identity", move || identity::build(&checkpoint, &identity::Options { side }));
        }
        Found::Judge(judge) => {
            let calibration = bundle.all().find(|(_, found)| matches!(found, Found::Calibration));
            let calibrated = if judge.calibrated { Some(file) } else { calibration.map(|(file, _)| file) };
            if let Some(calibrated) = calibrated {
                let options = lpips::Options { height: side, width: side };
                let calibrated = calibrated.checkpoint.clone();
                take(pack, "perceptual", move || lpips::build(&checkpoint, &calibrated, &options));
            }
        }
        Found::Clip(towers) => {
            let picture = clip::Picture { side, low: -1.0, high: 1.0, view: clip::View::Published };
            let options = clip::Options { picture: Some(picture), ..clip::Options::default() };
            let vocabulary = bundle.all().find_map(|(_, found)| match found {
                Found::Vocabulary(merges) => Some(merges),
                _ => None,
            });
            // Without a vocabulary no text can be given to it.
            if let (Some(merges), Some(text)) = (vocabulary, &towers.text) {
                let tokenizer = clip::tokenizer(merges, text.vocabulary, text.context, None)?;
                reads(pack, tokenizer, wishes);
                let (checkpoint, options) = (checkpoint.clone(), options.clone());
                let draft = Draft::new(move || clip::text(&checkpoint, &options));
                pack.graphs.entry(Role::TextEncoder).or_insert(draft);
            }
            if towers.image.is_some() {
                let draft = Draft::new(move || clip::image(&checkpoint, &options));
                pack.graphs.entry(Role::ImageEncoder).or_insert(draft);
            }
        }
        Found::ClipExport(towers) => {
            let picture = clip::Picture { side, low: -1.0, high: 1.0, view: clip::View::Published };
            if towers.understands_pictures {
                let towers = towers.clone();
                let draft = Draft::new(move || towers.image(picture));
                pack.graphs.entry(Role::ImageEncoder).or_insert(draft);
            }
            if towers.understands_texts && !pack.files.contains_key(&File::Tokenizer) {
                reads(pack, towers.tokenizer()?, wishes);
                let towers = towers.clone();
                pack.graphs.insert(Role::TextEncoder, Draft::new(move || towers.text()));
            }
        }
        Found::Faces(stage) => take(pack, stage.role(), move || mtcnn::build(&checkpoint)),
        Found::Mapper(mapper) => {
            let options = mapper::Options { layers: Some(form.rows()) };
            if let mapper::Space::Styles(channels) = &mapper.space {
                let own: Vec<usize> = form.styles().iter().map(|style| style.channels).collect();
                fits(*channels == own, "mapper", form)?;
            }
            pack.mappers.insert(slug(&name()), only("mapper", move || mapper::build(&checkpoint, &options)));
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
        | Found::Pixels(_)
        | Found::Calibration
        | Found::Vocabulary(_)
        | Found::Diffusion(_)
        | Found::Stylise(_) => {}
    }
    Ok(())
}

/// How CLIP's text tower is asked.
fn reads(pack: &mut NewPack, tokenizer: Vec<u8>, wishes: &Wishes) {
    pack.files.insert(File::Tokenizer, tokenizer);
    pack.manifest.text = Some(Text {
        templates: clip::templates(),
        neutral: neutral(wishes).to_owned(),
        cleaning: Some(Cleaning::Clip),
    });
    pack.manifest.direction = Some(DIRECTION);
}

/// Takes the graph of a network if its role is free.
pub(super) fn take(
    pack: &mut NewPack,
    role: &'static str,
    build: impl Fn() -> Result<Network, Error> + Send + Sync + 'static,
) {
    if let Some(known) = Role::named(role) {
        pack.graphs.entry(known).or_insert_with(|| only(role, build));
    }
}

/// The graph of a network that has this role.
fn only(role: &'static str, build: impl Fn() -> Result<Network, Error> + Send + Sync + 'static) -> Draft {
    Draft::new(move || {
        let part = build()?.parts.into_iter().find(|part| part.role == role);
        part.map(|part| part.model).ok_or_else(|| Error::Unsupported(format!("it makes no {role}")))
    })
}

/// Takes the mean of codes from whoever tells it first.
fn mean(pack: &mut NewPack, mean: Option<Array2<f32>>) {
    if let Some(mean) = mean {
        pack.arrays.entry(Array::CodeMean).or_insert_with(|| mean.into_dyn());
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
