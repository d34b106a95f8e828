//! Synthesised pictures → photo, at the photo's own resolution and in its own colours, a strip at a time.
//!
//! Usually only the *difference* an edit makes is added, `photo' = photo + upsample(G(edited) − G(inverted))`, so that
//! grain, detail and everything the generator cannot draw stay as they were. What it cannot draw is the residual
//! `r = photo − G(inverted)`: the result is `G(edited) + r`. Where the pack sees something else than before, skin where hair
//! was, the residual is that of a thing which is gone and would shine through; there it is the membrane that goes on from
//! the residual around ([`seam`]). The made picture itself can be put in, too, blended or as it is.

use pentimento_ffi::error::Result as HostResult;
use pentimento_ffi::host::Strip;
use pentimento_ffi::pixels::{Mask, Rect};
use pentimento_protocol::picture::Picture;
use rayon::prelude::*;

use super::crop::Crop;
use super::sample::Grid;
use super::seam;
use super::{fit, params};
use crate::error::PluginError;

/// Below this share of being made anew a place still has the photo's own residual.
const OLD: f32 = 0.05;

/// What is brought into the square of a crop, and where of it.
pub struct Composite {
    colours: Colours,
    /// Where it may show, beside the mask of the crop: the product of these.
    shown: Vec<Grid>,
}

/// What becomes of the photo's colours.
enum Colours {
    /// They are added to.
    Added(Grid),
    /// Others take their place.
    Made(Grid),
    /// They are added to, or others take their place where `anew` is one.
    Fitted { added: Grid, made: Grid, anew: Grid },
}

/// What a composite is made of, all of one size.
#[derive(Clone, Copy)]
pub struct Made<'a> {
    /// The aligned photo.
    pub photo: &'a Picture,
    /// What the pack makes of it.
    pub before: &'a Picture,
    /// The edit.
    pub after: &'a Picture,
    /// How surely each pixel shows something else now, where that is known.
    pub changed: Option<&'a Picture>,
    /// Where the edit may show.
    pub shown: Option<&'a Picture>,
}

impl Composite {
    /// By the parameters [`params::COMPOSITE`] and [`params::FOCUS`].
    ///
    /// # Errors
    /// [`PluginError::Sizes`] for pictures of different sizes.
    pub fn new(way: &str, share: f64, made: Made<'_>) -> Result<Self, PluginError> {
        let Made { photo, before, after, changed, shown } = made;
        let size = (photo.width, photo.height);
        let all = [Some(before), Some(after), changed, shown];
        if all.iter().flatten().any(|picture| (picture.width, picture.height) != size) {
            return Err(PluginError::Sizes);
        }
        let grid = |values| Grid::new(size.0, size.1, values).ok_or(PluginError::Sizes);
        let less = |a: &Picture, b: &Picture| a.rgb.iter().zip(&b.rgb).map(|(a, b)| a - b).collect();
        let mut places = Vec::new();
        if let Some(shown) = shown {
            places.push(grid(shown.rgb.clone())?);
        }
        let anew = changed.map(fit::anew).transpose()?;
        if share > 0.0 {
            places.push(fit::focus(before, after, share, anew.as_ref())?);
        }
        let colours = match (way, anew) {
            (params::PIXELS, _) => Colours::Made(grid(after.rgb.clone())?),
            (params::BLEND, _) => {
                let outside = |u, v| share_of(&places, u, v) < 0.5;
                Colours::Made(grid(seam::bent(after, less(photo, after), outside))?)
            }
            (params::FIT, Some(anew)) => {
                let outside = |u, v| anew.at(u, v)[0] < OLD;
                let made = grid(seam::bent(after, less(photo, before), outside))?;
                Colours::Fitted { added: grid(less(after, before))?, made, anew }
            }
            _ => Colours::Added(grid(less(after, before))?),
        };
        Ok(Self { colours, shown: places })
    }

    /// A picture as it is.
    ///
    /// # Errors
    /// [`PluginError::Sizes`] for a picture of no size.
    pub fn plain(picture: &Picture) -> Result<Self, PluginError> {
        let grid = Grid::new(picture.width, picture.height, picture.rgb.clone());
        Ok(Self { colours: Colours::Made(grid.ok_or(PluginError::Sizes)?), shown: Vec::new() })
    }

    /// Fits it to a crop: where the square is smaller than the pictures, they are reduced first.
    pub fn fitted(mut self, crop: &Crop<'_>) -> Self {
        let side = crop.side();
        self.colours = match self.colours {
            Colours::Added(added) => Colours::Added(added.reduced(side)),
            Colours::Made(made) => Colours::Made(made.reduced(side)),
            Colours::Fitted { added, made, anew } => Colours::Fitted {
                added: added.reduced(side),
                made: made.reduced(side),
                anew: anew.reduced(side),
            },
        };
        self.shown = self.shown.into_iter().map(|shown| shown.reduced(side)).collect();
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
        if self.shown.is_empty() {
            return Ok(mask);
        }
        let (width, square) = (rect.width.max(1) as usize, crop.square);
        mask.values.par_iter_mut().enumerate().for_each(|(i, value)| {
            if *value > 0.0 {
                let (x, y) = (f64::from(rect.x) + (i % width) as f64, f64::from(rect.y) + (i / width) as f64);
                let [u, v] = square.of(x + 0.5, y + 0.5);
                *value *= share_of(&self.shown, u, v);
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
            let shows = shows * share_of(&self.shown, u, v);
            let new = self.over([pixel[0], pixel[1], pixel[2]], u, v);
            for (old, new) in pixel.iter_mut().zip(new) {
                *old += (new - *old) * shows;
            }
        });
        Picture { rgb, ..*before }
    }

    /// The colour of a pixel after the edit.
    fn over(&self, pixel: [f32; 3], u: f64, v: f64) -> [f32; 3] {
        let instead = |made: &Grid| made.at(u, v).map(|v| v.clamp(0.0, 1.0));
        // Without leaving 0..=1, except as far as the photo already had (wide gamut, float).
        let plus = |added: &Grid| -> [f32; 3] {
            let added = added.at(u, v);
            std::array::from_fn(|c| (pixel[c] + added[c]).clamp(pixel[c].min(0.0), pixel[c].max(1.0)))
        };
        match &self.colours {
            Colours::Added(added) => plus(added),
            Colours::Made(made) => instead(made),
            Colours::Fitted { added, made, anew } => {
                let (old, new, share) = (plus(added), instead(made), anew.at(u, v)[0].clamp(0.0, 1.0));
                std::array::from_fn(|c| old[c] + (new[c] - old[c]) * share)
            }
        }
    }
}

/// How much shows at a place of the square.
fn share_of(shown: &[Grid], u: f64, v: f64) -> f32 {
    shown.iter().map(|shown| shown.at(u, v)[0].clamp(0.0, 1.0)).product()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SIDE: u32 = 64;

    fn grey(of: impl Fn(u32, u32) -> f32) -> Picture {
        let rgb = (0..SIDE * SIDE).flat_map(|i| [of(i % SIDE, i / SIDE); 3]).collect();
        Picture { width: SIDE, height: SIDE, rgb }
    }

    /// A photo with grain that the pack does not draw, in which a square becomes lighter.
    fn edited(way: &str, focus: f64) -> (Picture, Picture) {
        let square = |x: u32, y: u32| (20..44).contains(&x) && (20..44).contains(&y);
        let photo = grey(|x, y| 0.4 + if (x + y) % 2 == 0 { 0.05 } else { -0.05 });
        let (before, after) = (grey(|_, _| 0.4), grey(|x, y| if square(x, y) { 0.7 } else { 0.42 }));
        let changed = grey(|x, y| if square(x, y) { 1.0 } else { 0.0 });
        let (changed, shown) = (Some(&changed), None);
        let made = Made { photo: &photo, before: &before, after: &after, changed, shown };
        let rect = Rect::new(0, 0, SIDE, SIDE);
        let mask = Mask { rect, values: vec![1.0; rect.area()] };
        let result = Composite::new(way, focus, made).unwrap().preview(&photo, &mask);
        (photo, result)
    }

    #[test]
    fn what_shows_something_else_loses_the_photos_grain_and_the_rest_keeps_it() {
        let grain = |picture: &Picture, x: u32| picture.pixel(x, 32)[0] - picture.pixel(x + 1, 32)[0];
        let (photo, fitted) = edited(params::FIT, 0.0);
        assert!(grain(&fitted, 30).abs() < 0.01, "{}", grain(&fitted, 30));
        assert!((fitted.pixel(30, 32)[0] - 0.7).abs() < 0.02, "{}", fitted.pixel(30, 32)[0]);
        assert!((grain(&fitted, 4) - grain(&photo, 4)).abs() < 1e-5);
        let (_, added) = edited(params::DIFFERENCE, 0.0);
        assert!((grain(&added, 30) - grain(&photo, 30)).abs() < 1e-5, "{}", grain(&added, 30));
    }

    #[test]
    fn a_focus_leaves_weak_changes_out() {
        for way in [params::FIT, params::DIFFERENCE, params::BLEND, params::PIXELS] {
            let (photo, result) = edited(way, 0.3);
            assert_eq!(result.pixel(4, 4), photo.pixel(4, 4), "{way}");
            assert!(result.pixel(32, 32)[0] > 0.6, "{way}");
        }
        let (photo, result) = edited(params::DIFFERENCE, 0.0);
        assert!((result.pixel(4, 4)[0] - photo.pixel(4, 4)[0] - 0.02).abs() < 1e-5);
    }
}
