//! The tests' portrait: one held-out face in a larger scene, as a camera might have kept it:
//! six megapixels, 12 significant bits in 16, a wide-gamut profile, faint grain.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use crate::attributes::Change;
use crate::face::Face;
use crate::icc;
use crate::makehuman::Base;
use crate::raster::{Frame, draw};
use crate::rng::Rng;

/// The picture, and the square that a training picture of this head would show.
pub(crate) const FRAME: Frame = Frame { width: 3000, height: 2000, x: 820.0, y: 330.0, side: 1440.0 };
/// Levels of the pretended sensor.
const LEVELS: f32 = 4095.0;

/// Draws face number `number` and writes the PNG.
pub(crate) fn write(base: &Base, path: &Path, number: u64, changes: &[Change]) -> Result<()> {
    let face = Face::changed(base, number, changes);
    println!("{:?}", face.attributes);
    let picture = draw(base, &face, FRAME, 2);
    let mut grain = Rng::new(number, 9);
    let mut bytes = Vec::with_capacity(picture.rgb.len() * 6);
    for rgb in picture.rgb {
        // Grain of about half a sensor level: visible to a histogram, not to an eye.
        let shared = grain.normal(0.0, 0.45);
        for value in icc::from_srgb(rgb) {
            let level = (value * LEVELS + shared).round().clamp(0.0, LEVELS) as u16;
            // Repeat the upper bits below, so that white is 65535.
            bytes.extend((level << 4 | level >> 8).to_ne_bytes());
        }
    }
    let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    let mut encoder =
        PngEncoder::new_with_quality(BufWriter::new(file), CompressionType::Best, FilterType::Adaptive);
    encoder.set_icc_profile(icc::profile())?;
    encoder.write_image(&bytes, FRAME.width as u32, FRAME.height as u32, ExtendedColorType::Rgb16)?;
    println!("head square: x {}, y {}, side {}", FRAME.x, FRAME.y, FRAME.side);
    Ok(())
}
