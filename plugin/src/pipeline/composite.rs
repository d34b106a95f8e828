//! Synthesised pictures → photo, at the photo's own resolution and in its own colours, a strip at a time.
//!
//! Usually only the *difference* an edit makes is added, `photo' = photo + upsample(G(edited) − G(inverted))`, so that
//! grain, detail and everything the generator cannot draw stay as they were. Where the shape of things changes much, the
//! old shape would shine through; then the made picture itself is put in, as it is or blended.

use pentimento_ffi::error::Result as HostResult;
use pentimento_ffi::host::Strip;
use pentimento_ffi::pixels::{Mask, Rect};
use pentimento_protocol::picture::Picture;
use rayon::prelude::*;

use super::crop::Crop;
use super::params;
use super::sample::Grid;
use super::seam;
use crate::error::PluginError;

/// What is brought into the square of a crop, and where of it.
pub struct Composite {
    colours: Grid,
    /// Whether the colours are added to the photo or take its place.
    added: bool,
    /// Where it may show, beside the mask of the crop.
    shown: Option<Grid>,
}

impl Composite {
    /// Of the pictures before and after an edit, by the parameter [`params::COMPOSITE`]; `photo` is the aligned photo,
    /// `shown` where the edit may show.
    ///
    /// # Errors
    /// [`PluginError::Sizes`] for pictures of different sizes.
    pub fn new(
        way: &str,
        photo: &Picture,
        before: &Picture,
        after: &Picture,
        shown: Option<&Picture>,
    ) -> Result<Self, PluginError> {
        let size = (photo.width, photo.height);
        let all = [Some(before), Some(after), shown];
        if all.iter().flatten().any(|picture| (picture.width, picture.height) != size) {
            return Err(PluginError::Sizes);
        }
        let colours = match way {
            params::PIXELS => after.rgb.clone(),
            params::BLEND => seam::blended(photo, after, shown),
            _ => before.rgb.iter().zip(&after.rgb).map(|(b, a)| a - b).collect(),
        };
        let grid = |values| Grid::new(size.0, size.1, values).ok_or(PluginError::Sizes);
        Ok(Self {
            colours: grid(colours)?,
            added: !matches!(way, params::PIXELS | params::BLEND),
            shown: shown.map(|picture| grid(picture.rgb.clone())).transpose()?,
        })
    }

    /// A picture as it is.
    ///
    /// # Errors
    /// [`PluginError::Sizes`] for a picture of no size.
    pub fn plain(picture: &Picture) -> Result<Self, PluginError> {
        let grid = Grid::new(picture.width, picture.height, picture.rgb.clone());
        Ok(Self { colours: grid.ok_or(PluginError::Sizes)?, added: false, shown: None })
    }

    /// Fits it to a crop: where the square is smaller than the pictures, they are reduced first.
    pub fn fitted(mut self, crop: &Crop<'_>) -> Self {
        let side = crop.side();
        self.colours = self.colours.reduced(side);
        self.shown = self.shown.map(|shown| shown.reduced(side));
        self
    }

    /// The edited pixels of a strip of the photo in the layer's own colour space, and their mask.
    ///
    /// `own' = own + (convert(srgb + d) − convert(srgb))`: the errors of the conversion cancel, and where the
    /// difference `d` or the mask is zero the pixel is the photo's own, bit for bit.
    pub fn strip(&self, crop: &Crop<'_>, rect: Rect) -> HostResult<Strip> {
        let mask = self.mask(crop, rect)?;
        let layer = &crop.layer;
        let (mut own, srgb) = layer.read(rect)?;
        let mut edited = srgb.clone();
        let (width, square) = (rect.width.max(1) as usize, crop.square);
        edited.par_chunks_exact_mut(4).zip(&mask.values).enumerate().for_each(|(i, (pixel, shows))| {
            if *shows > 0.0 {
                let (x, y) = (f64::from(rect.x) + (i % width) as f64, f64::from(rect.y) + (i / width) as f64);
                let [u, v] = square.of(x + 0.5, y + 0.5);
                let new = self.over([pixel[0], pixel[1], pixel[2]], u, v);
                pixel[..3].copy_from_slice(&new);
            }
        });
        let mut back = srgb;
        layer.host.from_srgb(layer.drawable, &mut back)?;
        layer.host.from_srgb(layer.drawable, &mut edited)?;
        let pixels = own.rgba.chunks_exact_mut(4).zip(edited.chunks_exact(4)).zip(back.chunks_exact(4));
        for (((own, edited), back), shows) in pixels.zip(&mask.values) {
            if *shows > 0.0 {
                for c in 0..3 {
                    own[c] += edited[c] - back[c];
                }
            }
        }
        Ok(Strip { pixels: own, mask })
    }

    /// Where the edit shows in a part of the photo.
    pub fn mask(&self, crop: &Crop<'_>, rect: Rect) -> HostResult<Mask> {
        let mut mask = crop.mask(rect)?;
        let Some(shown) = &self.shown else { return Ok(mask) };
        let (width, square) = (rect.width.max(1) as usize, crop.square);
        mask.values.par_iter_mut().enumerate().for_each(|(i, value)| {
            if *value > 0.0 {
                let (x, y) = (f64::from(rect.x) + (i % width) as f64, f64::from(rect.y) + (i / width) as f64);
                let [u, v] = square.of(x + 0.5, y + 0.5);
                *value *= shown.at(u, v)[0].clamp(0.0, 1.0);
            }
        });
        Ok(mask)
    }

    /// What the crop will look like, at the size of `before`, the crop's square as a picture, under its mask.
    pub fn preview(&self, before: &Picture, mask: &Mask) -> Picture {
        let step = 1.0 / f64::from(before.width.max(1));
        let width = before.width.max(1) as usize;
        let mut rgb = before.rgb.clone();
        rgb.par_chunks_exact_mut(3).zip(&mask.values).enumerate().for_each(|(i, (pixel, shows))| {
            let (u, v) = (((i % width) as f64 + 0.5) * step, ((i / width) as f64 + 0.5) * step);
            let shows = self.shown.as_ref().map_or(*shows, |shown| shows * shown.at(u, v)[0].clamp(0.0, 1.0));
            let new = self.over([pixel[0], pixel[1], pixel[2]], u, v);
            for (old, new) in pixel.iter_mut().zip(new) {
                *old += (new - *old) * shows;
            }
        });
        Picture { rgb, ..*before }
    }

    /// The colour of a pixel after the edit.
    fn over(&self, pixel: [f32; 3], u: f64, v: f64) -> [f32; 3] {
        let colour = self.colours.at(u, v);
        if !self.added {
            return colour.map(|v| v.clamp(0.0, 1.0));
        }
        // Without leaving 0..=1, except as far as the photo already had (wide gamut, float).
        std::array::from_fn(|c| (pixel[c] + colour[c]).clamp(pixel[c].min(0.0), pixel[c].max(1.0)))
    }
}
