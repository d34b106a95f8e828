//! Where an edit shows, and where it replaces what the photo had.
//!
//! Both are soft maps over the square, found at no more than [`SIDE`] pixels: finer ones would follow the noise of models.

use image::imageops;
use image::{ImageBuffer, Rgb};
use pentimento_protocol::picture::Picture;

use super::sample::Grid;
use crate::error::PluginError;

/// Side of the maps at most.
const SIDE: f64 = 128.0;

/// How far changes are spread before they are compared, in pixels of a map: about an eyebrow's height.
const SPREAD: f32 = 2.0;

/// The changes that are stronger than all but 2 % are “the strongest”; the very strongest pixel is often a glint.
const STRONG: f64 = 0.98;

/// How sure the pack has to be that a pixel shows something else, for it to be made anew in part, and as a whole.
const SURE: [f32; 2] = [0.1, 0.5];

/// Weights of changes, `0..=1`: none of those weaker than half of `share` of the strongest, all of those stronger than one
/// and a half of it. What is made `anew` shows in any case: hair that goes may have had the colour of the wall behind it.
///
/// # Errors
/// [`PluginError::Sizes`] for pictures of no size.
pub(super) fn focus(
    before: &Picture,
    after: &Picture,
    share: f64,
    anew: Option<&Grid>,
) -> Result<Grid, PluginError> {
    let pairs = before.rgb.chunks_exact(3).zip(after.rgb.chunks_exact(3));
    let strength = pairs.flat_map(|(before, after)| {
        let sum: f32 = before.iter().zip(after).map(|(before, after)| (after - before).abs()).sum();
        [(sum / 3.0).min(1.0); 3]
    });
    let grid = Grid::new(before.width, before.height, strength.collect()).ok_or(PluginError::Sizes)?;
    let (width, height, values) = grid.reduced(SIDE).into_parts();
    let spread = blurred(width, height, values, SPREAD);
    let mut sorted: Vec<f32> = spread.iter().copied().step_by(3).collect();
    let at = ((sorted.len() as f64 * STRONG) as usize).min(sorted.len().saturating_sub(1));
    let strongest = *sorted.select_nth_unstable_by(at, f32::total_cmp).1;
    let share = share as f32 * strongest;
    let mut weights: Vec<f32> =
        spread.into_iter().map(|value| step(value, share * 0.5, share * 1.5)).collect();
    for (weight, anew) in weights.iter_mut().zip(anew.into_iter().flat_map(Grid::values)) {
        *weight = weight.max(*anew);
    }
    Grid::new(width, height, weights).ok_or(PluginError::Sizes)
}

/// Where the photo's detail goes with what it belonged to, `0..=1`: where something else is seen now, and a pixel around it.
///
/// # Errors
/// [`PluginError::Sizes`] for a picture of no size.
pub(super) fn anew(changed: &Picture) -> Result<Grid, PluginError> {
    let grid = Grid::new(changed.width, changed.height, changed.rgb.clone()).ok_or(PluginError::Sizes)?;
    let (width, height, values) = grid.reduced(SIDE).into_parts();
    let soft = blurred(width, height, grown(width, height, &values), 1.0);
    let [part, whole] = SURE;
    let weights = soft.into_iter().map(|value| step(value, part, whole)).collect();
    Grid::new(width, height, weights).ok_or(PluginError::Sizes)
}

/// From 0 at `low` to 1 at `high`, level at both. Where these are one, what reaches it counts.
fn step(value: f32, low: f32, high: f32) -> f32 {
    let t = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 1.0 };
    t * t * (3.0 - 2.0 * t)
}

/// The largest of each pixel and its eight neighbours.
fn grown(width: u32, height: u32, values: &[f32]) -> Vec<f32> {
    let (width, height) = (width as usize, height as usize);
    let around = |at: usize, end: usize| at.saturating_sub(1)..(at + 2).min(end);
    let largest = |y: usize, x: usize| {
        let rows = around(y, height).flat_map(|y| around(x, width).map(move |x| (y * width + x) * 3));
        rows.map(|at| values[at]).fold(0.0f32, f32::max)
    };
    (0..height).flat_map(|y| (0..width).flat_map(move |x| [largest(y, x); 3])).collect()
}

/// Values in `0..=1`, blurred by a Gaussian.
fn blurred(width: u32, height: u32, values: Vec<f32>, deviation: f32) -> Vec<f32> {
    match ImageBuffer::<Rgb<f32>, _>::from_raw(width, height, values) {
        Some(image) => imageops::blur(&image, deviation).into_raw(),
        None => Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Grey, with a square of another grey.
    fn with_square(corner: u32, side: u32, grey: f32) -> Picture {
        let mut picture = Picture::filled(128, 128, [0.5; 3]);
        for y in corner..corner + side {
            for x in corner..corner + side {
                picture.rgb[(y * 128 + x) as usize * 3..][..3].fill(grey);
            }
        }
        picture
    }

    #[test]
    fn weak_changes_stay_out() {
        let before = Picture::filled(128, 128, [0.5; 3]);
        let mut after = with_square(20, 40, 0.9);
        for (weak, strong) in after.rgb.iter_mut().zip(&with_square(80, 30, 0.54).rgb) {
            *weak += strong - 0.5;
        }
        let weights = focus(&before, &after, 0.25, None).unwrap();
        assert!(weights.at(0.31, 0.31)[0] > 0.99);
        assert!(weights.at(0.74, 0.74)[0] < 0.01);
        assert!(weights.at(0.05, 0.95)[0] < 0.01);
        let all = focus(&before, &after, 0.05, None).unwrap();
        assert!(all.at(0.74, 0.74)[0] > 0.9);
    }

    #[test]
    fn where_nothing_changes_or_all_may_nothing_is_held_back() {
        let picture = Picture::filled(64, 64, [0.3; 3]);
        assert_eq!(focus(&picture, &picture, 0.25, None).unwrap().at(0.5, 0.5)[0], 1.0);
        assert_eq!(focus(&picture, &with_square(0, 8, 0.9), 0.0, None).unwrap().at(0.9, 0.9)[0], 1.0);
    }

    #[test]
    fn what_is_something_else_is_made_anew_and_a_little_around_it() {
        let mut changed = with_square(40, 20, 1.0);
        changed.rgb.iter_mut().for_each(|value| *value = (*value - 0.5) * 2.0);
        let anew = anew(&changed).unwrap();
        let at = |x: f64| anew.at(x / 128.0, 50.5 / 128.0)[0];
        assert!(
            at(50.5) > 0.99 && at(39.5) > 0.9 && at(34.5) < 0.01,
            "{} {} {}",
            at(50.5),
            at(39.5),
            at(34.5)
        );
    }
}
