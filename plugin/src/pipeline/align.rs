//! Crop → aligned picture, and back: the only geometry on the road.
//!
//! Alignment is a plain square for now: the square of the crop is resized to the resolution of the pack. The
//! way back (`differences` at photo resolution) uses the same square, so nothing else remembers where a
//! picture came from.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgb};
use pentimento_ffi::pixels::{Mask, Rect};
use pentimento_protocol::picture::Picture;

use super::crop::Crop;
use crate::error::PluginError;

/// A picture as the `image` crate resizes it.
pub(super) type Buffer = ImageBuffer<Rgb<f32>, Vec<f32>>;

/// The grey that stands behind transparent pixels.
const BEHIND: f32 = 0.5;

/// The square of the crop at `side` × `side` pixels, in sRGB clamped to `0..=1`.
///
/// What the square shows beyond the layer repeats the layer's edge; transparency shows grey. Reduction is
/// antialiased (triangle filter), as Pillow's bilinear is, which published encoders were trained with.
pub fn square(crop: &Crop, side: u32) -> Result<Picture, PluginError> {
    let rect = crop.srgb.rect;
    let pixels = crop.srgb.rgba.chunks_exact(4).flat_map(|p| {
        let over = |v: f32| (v.clamp(0.0, 1.0) - BEHIND) * p[3].clamp(0.0, 1.0) + BEHIND;
        [over(p[0]), over(p[1]), over(p[2])]
    });
    let inside = buffer(rect.width, rect.height, pixels.collect())?;
    if rect == crop.square {
        return Ok(picture(imageops::resize(&inside, side, side, FilterType::Triangle)));
    }
    // Resize what there is to its part of the square, then repeat its edge around it.
    let scale = f64::from(side) / f64::from(crop.square.width);
    let at = |offset: i32| (f64::from(offset) * scale).round() as u32;
    let (left, top) = (at(rect.x - crop.square.x), at(rect.y - crop.square.y));
    let right = at(rect.right() - crop.square.x).max(left + 1).min(side);
    let bottom = at(rect.bottom() - crop.square.y).max(top + 1).min(side);
    let (left, top) = (left.min(right - 1), top.min(bottom - 1));
    let part = imageops::resize(&inside, right - left, bottom - top, FilterType::Triangle);
    let whole = ImageBuffer::from_fn(side, side, |x, y| {
        *part.get_pixel(x.clamp(left, right - 1) - left, y.clamp(top, bottom - 1) - top)
    });
    Ok(picture(whole))
}

/// The mask over the whole square at `side` × `side`; zero beyond the layer.
pub fn square_mask(crop: &Crop, side: u32) -> Mask {
    let (rect, square) = (crop.mask.rect, crop.square);
    let step = f64::from(square.width) / f64::from(side);
    let nearest = |i: u32| ((f64::from(i) + 0.5) * step) as i32;
    let value = |x: u32, y: u32| {
        let (px, py) = (square.x + nearest(x) - rect.x, square.y + nearest(y) - rect.y);
        let inside = px >= 0 && py >= 0 && px < rect.width as i32 && py < rect.height as i32;
        if inside { crop.mask.values[py as usize * rect.width as usize + px as usize] } else { 0.0 }
    };
    let values = (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
    Mask { rect: Rect::new(0, 0, side, side), values }
}

/// `after − before`, two aligned pictures of the same size, resampled to `side` × `side`.
///
/// Catmull-Rom, because a difference enlarged twenty times must not show the grid of the model's pixels.
pub fn difference(before: &Picture, after: &Picture, side: u32) -> Result<Buffer, PluginError> {
    if (before.width, before.height) != (after.width, after.height) {
        return Err(PluginError::Sizes);
    }
    let values = before.rgb.iter().zip(&after.rgb).map(|(b, a)| a - b).collect();
    let small = buffer(before.width, before.height, values)?;
    // The resizer clamps to 0..=1; shifted and halved, differences in -1..=1 pass unharmed.
    let coded = ImageBuffer::from_fn(small.width(), small.height(), |x, y| {
        Rgb(small.get_pixel(x, y).0.map(|v| v * 0.25 + 0.5))
    });
    let mut large = imageops::resize(&coded, side, side, FilterType::CatmullRom);
    large.iter_mut().for_each(|v| *v = (*v - 0.5) * 4.0);
    Ok(large)
}

fn buffer(width: u32, height: u32, values: Vec<f32>) -> Result<Buffer, PluginError> {
    ImageBuffer::from_raw(width, height, values).ok_or(PluginError::Sizes)
}

fn picture(buffer: Buffer) -> Picture {
    Picture { width: buffer.width(), height: buffer.height(), rgb: buffer.into_raw() }
}
