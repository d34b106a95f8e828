//! Crop → aligned picture: the square of the photo at the resolution of a pack, whatever its size and turn.
//!
//! The photo is read in strips and reduced by a whole number first, as FFHQ's alignment does, so that memory depends on
//! the pack and not on the photo; what is left is sampled along the square.

use pentimento_ffi::host::rows;
use pentimento_ffi::pixels::Rect;
use pentimento_protocol::picture::Picture;
use rayon::prelude::*;

use super::crop::{Crop, Layer, grown};
use crate::error::PluginError;

/// The grey that stands behind transparent pixels.
const BEHIND: f32 = 0.5;

/// The square of the crop at `side` × `side` pixels, in sRGB clamped to `0..=1`.
///
/// What the square shows beyond the layer is the layer's mirror image, as in FFHQ; transparency shows grey. Reduction is
/// antialiased with a triangle, as Pillow's bilinear is, which published encoders were trained with.
///
/// # Errors
/// [`PluginError::NotFinite`] for photos that hold NaN or infinity, and what the host says.
pub fn square(crop: &Crop<'_>, side: u32) -> Result<Picture, PluginError> {
    let scale = crop.side() / f64::from(side);
    // At least two pixels are left for each of the result, so that the triangle has something to weigh.
    let by = (scale / 2.0).floor().max(1.0) as u32;
    let touched = crop.touched();
    // What lies beside is needed where a triangle reaches over the edge of the square.
    let reach = (2.0 * scale).ceil() as i32 + 1;
    let wide = grown(touched, reach).intersect(&crop.layer.rect).unwrap_or(touched);
    let reduced = Reduced::read(&crop.layer, wide, by)?;
    let taps = Taps::of(scale / f64::from(by));
    let (step, place) = (1.0 / f64::from(side), crop.square);
    let mut rgb = vec![0.0; side as usize * side as usize * 3];
    rgb.par_chunks_exact_mut(3).enumerate().for_each(|(i, pixel)| {
        let (x, y) = (i % side as usize, i / side as usize);
        let mut sum = [0.0f32; 3];
        for (dy, wy) in &taps.0 {
            for (dx, wx) in &taps.0 {
                let (u, v) = ((x as f64 + 0.5 + dx) * step, (y as f64 + 0.5 + dy) * step);
                let [px, py] = place.at(u, v);
                let found = reduced.at(px, py);
                for (sum, found) in sum.iter_mut().zip(found) {
                    *sum += found * (wx * wy);
                }
            }
        }
        pixel.copy_from_slice(&sum.map(|v| v.clamp(0.0, 1.0)));
    });
    Ok(Picture { width: side, height: side, rgb })
}

/// The whole layer with its longer side reduced to `longest` pixels at most, and how many of the photo's pixels are one
/// of it.
///
/// # Errors
/// As [`square`].
pub fn overview(layer: &Layer<'_>, longest: u32) -> Result<(Picture, f64), PluginError> {
    let by = layer.rect.width.max(layer.rect.height).div_ceil(longest).max(1);
    let reduced = Reduced::read(layer, layer.rect, by)?;
    let rgb = reduced.rgb.iter().map(|v| v.clamp(0.0, 1.0)).collect();
    Ok((Picture { width: reduced.width, height: reduced.height, rgb }, f64::from(by)))
}

/// Where around the middle of a pixel it is looked at, in pixels, and how much each look counts.
struct Taps(Vec<(f64, f32)>);

impl Taps {
    /// For pixels that are as large as `scale` of what is looked at: a triangle two pixels wide, or, where nothing is
    /// reduced, one look between the neighbours.
    fn of(scale: f64) -> Self {
        if scale <= 1.0 {
            return Self(vec![(0.0, 1.0)]);
        }
        let count = 2 * scale.ceil() as usize;
        let place = |i: usize| (i as f64 + 0.5) / count as f64 * 2.0 - 1.0;
        let weights: Vec<f64> = (0..count).map(|i| 1.0 - place(i).abs()).collect();
        let sum: f64 = weights.iter().sum();
        Self((0..count).map(|i| (place(i), (weights[i] / sum) as f32)).collect())
    }
}

/// A part of a photo in sRGB on grey, `by` × `by` pixels averaged into one.
struct Reduced {
    rect: Rect,
    by: u32,
    width: u32,
    height: u32,
    rgb: Vec<f32>,
}

impl Reduced {
    fn read(layer: &Layer<'_>, rect: Rect, by: u32) -> Result<Self, PluginError> {
        let (width, height) = (rect.width.div_ceil(by), rect.height.div_ceil(by));
        let mut rgb = vec![0.0f32; width as usize * height as usize * 3];
        for strip in rows(rect) {
            let (own, srgb) = layer.read(strip)?;
            if own.rgba.iter().any(|v| !v.is_finite()) {
                return Err(PluginError::NotFinite);
            }
            let first = strip.y.abs_diff(rect.y) as usize;
            for (y, row) in srgb.chunks_exact(strip.width as usize * 4).enumerate() {
                let y = (first + y) / by as usize;
                let to = &mut rgb[y * width as usize * 3..][..width as usize * 3];
                for (x, pixel) in row.chunks_exact(4).enumerate() {
                    let to = &mut to[x / by as usize * 3..][..3];
                    for c in 0..3 {
                        to[c] += (pixel[c].clamp(0.0, 1.0) - BEHIND) * pixel[3].clamp(0.0, 1.0) + BEHIND;
                    }
                }
            }
        }
        // At the right and lower edge fewer pixels came together.
        let count = |at: u32, whole: u32| (whole - at * by).min(by);
        for (i, pixel) in rgb.chunks_exact_mut(3).enumerate() {
            let (x, y) = (i as u32 % width, i as u32 / width);
            let pixels = (count(x, rect.width) * count(y, rect.height)) as f32;
            pixel.iter_mut().for_each(|value| *value /= pixels);
        }
        Ok(Self { rect, by, width, height, rgb })
    }

    /// The colour at a place of the image, between its pixels; mirrored beyond the edges.
    fn at(&self, x: f64, y: f64) -> [f32; 3] {
        let inner = |at: f64, start: i32| (at - f64::from(start)) / f64::from(self.by) - 0.5;
        let ([left, right], dx) = neighbours(inner(x, self.rect.x), self.width);
        let ([top, bottom], dy) = neighbours(inner(y, self.rect.y), self.height);
        let pixel = |x: usize, y: usize| &self.rgb[(y * self.width as usize + x) * 3..][..3];
        let (a, b, c, d) = (pixel(left, top), pixel(right, top), pixel(left, bottom), pixel(right, bottom));
        std::array::from_fn(|i| {
            let upper = a[i] + (b[i] - a[i]) * dx;
            let lower = c[i] + (d[i] - c[i]) * dx;
            upper + (lower - upper) * dy
        })
    }
}

/// The two pixels on either side of a place, mirrored beyond the edges, and how far it is towards the second.
fn neighbours(at: f64, count: u32) -> ([usize; 2], f32) {
    let low = at.floor();
    ([mirrored(low as i64, count), mirrored(low as i64 + 1, count)], (at - low) as f32)
}

/// A pixel beyond the edges is that as far inside.
fn mirrored(at: i64, count: u32) -> usize {
    let end = i64::from(count.max(1));
    let around = at.rem_euclid(2 * end);
    (if around < end { around } else { 2 * end - 1 - around }) as usize
}

#[cfg(test)]
mod tests {
    use models_onnx::alignment::Square;
    use pentimento_ffi::host::BaseType;
    use pentimento_ffi::mock::{MockHost, Precision};

    use super::*;

    /// A layer whose colours say where they are, in hundredths.
    fn layer(host: &MockHost, width: u32, height: u32) -> Layer<'_> {
        let image = host.add_image(BaseType::Rgb, width, height, Precision::FloatLinear);
        let rect = Rect::new(-3, 5, width, height);
        let id = host.add_layer(image, "photo", rect, move |x, y| {
            [x as f32 / width as f32, y as f32 / height as f32, 0.25, 1.0]
        });
        Layer::open(host, image, id).unwrap()
    }

    #[test]
    fn a_square_of_any_size_and_turn_shows_what_lies_there() {
        let host = MockHost::new();
        let layer = layer(&host, 900, 700);
        for half in [[10.0, 0.0], [40.0, -15.0], [0.0, 200.0], [-150.0, 90.0], [230.0, 10.0]] {
            let square_ = Square { centre: [430.0, 360.0], half };
            let crop = layer.crop(square_, 0.06).unwrap();
            let picture = square(&crop, 32).unwrap();
            for (x, y) in [(1, 1), (30, 2), (16, 16), (3, 29)] {
                let place = crop.square.at((f64::from(x) + 0.5) / 32.0, (f64::from(y) + 0.5) / 32.0);
                // The middle of the first pixel of the layer is at −2.5, 5.5.
                let expected = [(place[0] + 3.0 - 0.5) / 900.0, (place[1] - 5.0 - 0.5) / 700.0, 0.25];
                for (found, expected) in picture.pixel(x, y).iter().zip(expected) {
                    assert!(
                        (f64::from(*found) - expected).abs() < 2e-3,
                        "{half:?} ({x}, {y}): {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn beyond_the_layer_it_is_mirrored() {
        assert_eq!([-3, -1, 0, 4, 5, 7].map(|at| mirrored(at, 5)), [2, 0, 0, 4, 4, 2]);
        let host = MockHost::new();
        let layer = layer(&host, 200, 200);
        let crop = layer.crop(Square { centre: [-3.0, 105.0], half: [50.0, 0.0] }, 0.06).unwrap();
        let picture = square(&crop, 20).unwrap();
        for y in 0..20 {
            for x in 0..10 {
                let (left, right) = (picture.pixel(x, y)[0], picture.pixel(19 - x, y)[0]);
                assert!((left - right).abs() < 1e-5, "({x}, {y}): {left} {right}");
            }
        }
    }

    #[test]
    fn an_overview_is_as_small_as_asked() {
        let host = MockHost::new();
        let (picture, by) = overview(&layer(&host, 1030, 333), 256).unwrap();
        assert_eq!((picture.width, picture.height, by), (206, 67, 5.0));
        assert!((picture.pixel(205, 66)[0] - 1027.0 / 1030.0).abs() < 1e-3, "{:?}", picture.pixel(205, 66));
    }
}
