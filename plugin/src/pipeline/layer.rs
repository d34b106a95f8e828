//! Composite → new layer.

use pentimento_ffi::host::{Host, ImageId, Insert, ItemId, NewLayer, Parasite};
use pentimento_ffi::pixels::{Mask, Pixels, Rect};
use pentimento_protocol::recipe::{PARASITE, Recipe};

use crate::error::PluginError;

/// Inserts one edited crop as a named layer with a layer mask and its recipe, in one undo step.
pub fn insert(
    host: &dyn Host,
    image: ImageId,
    above: ItemId,
    name: String,
    (pixels, mask): (Pixels, Mask),
    recipe: &Recipe,
) -> Result<ItemId, PluginError> {
    let shown = shown(&mask).ok_or(PluginError::NothingShows)?;
    let pixels = Pixels { rect: shown, rgba: part(&pixels.rgba, pixels.rect, shown, 4) };
    let mask = Mask { rect: shown, values: part(&mask.values, mask.rect, shown, 1) };
    let recipe = Parasite { name: PARASITE.to_owned(), data: recipe.to_json()?.into_bytes() };
    let layer = NewLayer { name, pixels, mask: Some(mask), parasites: vec![recipe] };
    Ok(host.insert(image, above, &Insert::Layer(layer))?)
}

/// The smallest rectangle outside of which the mask is zero.
fn shown(mask: &Mask) -> Option<Rect> {
    let width = mask.rect.width as usize;
    let rows: Vec<usize> = mask
        .values
        .chunks_exact(width)
        .enumerate()
        .filter(|(_, row)| row.iter().any(|v| *v > 0.0))
        .map(|(y, _)| y)
        .collect();
    let shows = |x: usize| rows.iter().any(|y| mask.values[y * width + x] > 0.0);
    let (top, bottom) = (*rows.first()?, *rows.last()?);
    let (left, right) = ((0..width).find(|x| shows(*x))?, (0..width).rev().find(|x| shows(*x))?);
    let rect = Rect::new(left as i32, top as i32, (right - left + 1) as u32, (bottom - top + 1) as u32);
    Some(rect.moved(mask.rect.x, mask.rect.y))
}

/// The part `to` of interleaved values over `from`; `to` lies inside `from`.
fn part(values: &[f32], from: Rect, to: Rect, channels: usize) -> Vec<f32> {
    let width = from.width as usize * channels;
    let left = (to.x - from.x) as usize * channels;
    let rows = (to.y - from.y) as usize..(to.bottom() - from.y) as usize;
    rows.flat_map(|y| &values[y * width + left..][..to.width as usize * channels]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_as_small_as_what_shows() {
        let rect = Rect::new(10, 20, 4, 3);
        let values = vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let mask = Mask { rect, values };
        let shown = shown(&mask).unwrap();
        assert_eq!(shown, Rect::new(11, 21, 2, 2));
        assert_eq!(part(&mask.values, rect, shown, 1), [0.5, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_mask_of_zeros_shows_nothing() {
        let rect = Rect::new(0, 0, 2, 2);
        assert_eq!(shown(&Mask { rect, values: vec![0.0; 4] }), None);
    }
}
