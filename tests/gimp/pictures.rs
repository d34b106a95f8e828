//! Pictures to edit, made here so that every bit of them is known.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageDecoder, ImageEncoder};

/// Width and height of the large picture: six megapixels.
pub(crate) const LARGE: [u32; 2] = [3000, 2000];
/// Width and height of the small picture.
pub(crate) const SMALL: [u32; 2] = [480, 360];

/// Six megapixels, 16 bits a channel, noise in the lowest bits, sRGB.
pub(crate) fn large(folder: &Path) -> Result<PathBuf> {
    six_megapixels(&folder.join("large-16.png"), None)
}

/// The same values in a space with wider primaries and another curve.
pub(crate) fn wide_gamut(folder: &Path) -> Result<PathBuf> {
    six_megapixels(&folder.join("wide-gamut-16.png"), Some(profile()?))
}

fn six_megapixels(path: &Path, profile: Option<Vec<u8>>) -> Result<PathBuf> {
    make(path, |path| {
        let [width, height] = LARGE;
        let mut noise = Noise(1);
        let mut bytes = Vec::with_capacity(width as usize * height as usize * 6);
        for y in 0..height {
            for x in 0..width {
                for value in portrait(x, y, width, height) {
                    // Noise over the lowest eight bits: an edit made at 8 bits would lose it.
                    let fine = value * 65000.0 + f32::from(noise.next() as u8);
                    bytes.extend((fine as u16).to_ne_bytes());
                }
            }
        }
        write(path, &bytes, [width, height], ExtendedColorType::Rgb16, profile)
    })
}

/// A small one, 8 bits a channel.
pub(crate) fn small(folder: &Path) -> Result<PathBuf> {
    make(&folder.join("small-8.png"), |path| {
        let [width, height] = SMALL;
        let mut noise = Noise(2);
        let mut bytes = Vec::with_capacity(width as usize * height as usize * 3);
        for y in 0..height {
            for x in 0..width {
                for value in portrait(x, y, width, height) {
                    bytes.push((value * 240.0) as u8 + (noise.next() % 8) as u8);
                }
            }
        }
        write(path, &bytes, SMALL, ExtendedColorType::Rgb8, None)
    })
}

/// A very plain face: hair, skin, ground.
fn portrait(x: u32, y: u32, width: u32, height: u32) -> [f32; 3] {
    let u = (x as f32 - width as f32 / 2.0) / (height as f32 * 0.3);
    let v = (y as f32 - height as f32 / 2.0) / (height as f32 * 0.4);
    let light = 0.8 + 0.2 * x as f32 / width as f32;
    let colour = match u * u + v * v {
        r if r < 0.6 && v > -0.45 => [0.85, 0.65, 0.55],
        r if r < 1.0 => [0.25, 0.15, 0.1],
        _ => [0.45, 0.5, 0.55],
    };
    colour.map(|value| value * light)
}

fn make(path: &Path, work: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    if !path.is_file() {
        fs::create_dir_all(path.parent().context("no folder")?)?;
        let part = path.with_extension("part");
        work(&part)?;
        fs::rename(&part, path)?;
    }
    Ok(path.to_owned())
}

fn write(
    path: &Path,
    bytes: &[u8],
    [width, height]: [u32; 2],
    colour: ExtendedColorType,
    profile: Option<Vec<u8>>,
) -> Result<()> {
    let file = std::io::BufWriter::new(fs::File::create(path)?);
    let mut encoder = PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Sub);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile)?;
    }
    encoder.write_image(bytes, width, height, colour)?;
    Ok(())
}

/// The wide-gamut profile of the sample portrait.
fn profile() -> Result<Vec<u8>> {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/portrait-16bit.png");
    let mut decoder = image::ImageReader::open(&sample)
        .with_context(|| format!("no {}", sample.display()))?
        .into_decoder()?;
    decoder.icc_profile()?.context("the sample portrait has no profile")
}

/// The same numbers every time (xorshift).
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }
}
