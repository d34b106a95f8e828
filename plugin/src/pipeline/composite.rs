//! Synthesised pictures → photo: only the *difference* an edit makes is added, at photo resolution.
//!
//! `photo' = photo + upsample(G(edited) − G(inverted))`, so grain, detail and everything the generator cannot
//! draw stay as they were. Done in sRGB, where the models work; see [`difference`] for how the photo's own
//! colour space comes through without loss.

use pentimento_ffi::host::{Host, ItemId};
use pentimento_ffi::pixels::{Mask, Pixels};
use pentimento_protocol::picture::Picture;

use super::align;
use super::crop::Crop;
use crate::error::PluginError;

/// The edited pixels of a crop in the layer's own colour space, and their mask.
///
/// `own' = own + (convert(srgb + d) − convert(srgb))`: the errors of the conversion cancel, and where the
/// difference `d` or the mask is zero the pixel is the photo's own, bit for bit.
pub fn difference(
    host: &dyn Host,
    drawable: ItemId,
    crop: &Crop,
    before: &Picture,
    after: &Picture,
) -> Result<(Pixels, Mask), PluginError> {
    let d = align::difference(before, after, crop.square.width)?;
    let rect = crop.own.rect;
    let (dx, dy) = (crop.square.x, crop.square.y);

    let mut back = crop.srgb.rgba.clone();
    host.from_srgb(drawable, &mut back)?;
    let mut edited = crop.srgb.rgba.clone();
    for (i, pixel) in edited.chunks_exact_mut(4).enumerate() {
        let x = rect.x + (i % rect.width as usize) as i32 - dx;
        let y = rect.y + (i / rect.width as usize) as i32 - dy;
        let difference = d.get_pixel(x as u32, y as u32).0;
        for (value, difference) in pixel.iter_mut().zip(difference) {
            *value = add(*value, difference);
        }
    }
    host.from_srgb(drawable, &mut edited)?;

    let mut own = crop.own.clone();
    let pixels = own.rgba.chunks_exact_mut(4).zip(edited.chunks_exact(4)).zip(back.chunks_exact(4));
    for (((own, edited), back), mask) in pixels.zip(&crop.mask.values) {
        if *mask > 0.0 {
            for c in 0..3 {
                own[c] += edited[c] - back[c];
            }
        }
    }
    Ok((own, crop.mask.clone()))
}

/// What the crop will look like, at the size of `crop`, the crop's square as a picture.
pub fn preview(
    crop: &Picture,
    mask: &Mask,
    before: &Picture,
    after: &Picture,
) -> Result<Picture, PluginError> {
    let d = align::difference(before, after, crop.width)?;
    let pixels = crop.rgb.chunks_exact(3).zip(d.pixels()).zip(&mask.values);
    let rgb =
        pixels.flat_map(|((p, d), m)| [0, 1, 2].map(|c| p[c] + (add(p[c], d.0[c]) - p[c]) * m)).collect();
    Ok(Picture { rgb, ..*crop })
}

/// Adds a difference without leaving `0..=1`, except as far as the photo already had (wide gamut, float).
fn add(value: f32, difference: f32) -> f32 {
    (value + difference).clamp(value.min(0.0), value.max(1.0))
}
