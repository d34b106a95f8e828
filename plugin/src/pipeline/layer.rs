//! Composite → new layer.

use std::rc::Rc;

use pentimento_ffi::error::Result as HostResult;
use pentimento_ffi::host::{Insert, ItemId, NewLayer, Parasite, Where, rows};
use pentimento_ffi::pixels::{Mask, Rect};
use pentimento_protocol::recipe::{PARASITE, Recipe};

use super::composite::Composite;
use super::crop::Crop;
use crate::error::PluginError;

/// One edited crop on its way into the image.
pub struct Result<'a> {
    /// What it will be called.
    pub name: String,
    /// Where it was cut out.
    pub crop: &'a Crop<'a>,
    /// What was made of it.
    pub composite: Composite,
    /// How it was made.
    pub recipe: Recipe,
}

/// Inserts edited crops in one undo step: a named layer with a layer mask and its recipe, or, for several, a group of
/// them, the first at the top.
///
/// # Errors
/// [`PluginError::NothingShows`] where all masks are empty; those that are empty among others are left out.
pub fn insert(group: &str, results: &[Result<'_>], place: Where) -> std::result::Result<ItemId, PluginError> {
    let mut layers = Vec::new();
    for result in results {
        let Some(rect) = shown(result)? else { continue };
        let parasite = Parasite { name: PARASITE.to_owned(), data: result.recipe.to_toml()?.into_bytes() };
        layers.push(NewLayer {
            name: result.name.clone(),
            rect,
            draw: Rc::new(|strip| result.composite.strip(result.crop, strip)),
            parasites: vec![parasite],
        });
    }
    let first = results.first().ok_or(PluginError::NothingShows)?;
    let (host, image) = (first.crop.layer.host, first.crop.layer.image);
    let what = match layers.len() {
        0 => return Err(PluginError::NothingShows),
        1 => layers.pop().map(Insert::Layer).ok_or(PluginError::NothingShows)?,
        _ => Insert::Group { name: group.to_owned(), layers, parasites: Vec::new() },
    };
    Ok(host.insert(image, place, &what)?)
}

/// The smallest rectangle outside of which the mask is zero.
fn shown(result: &Result<'_>) -> HostResult<Option<Rect>> {
    let mut whole: Option<Rect> = None;
    for strip in rows(result.crop.touched()) {
        let part = around(&result.composite.mask(result.crop, strip)?);
        whole = match (whole, part) {
            (Some(a), Some(b)) => {
                let (x, y) = (a.x.min(b.x), a.y.min(b.y));
                let (right, bottom) = (a.right().max(b.right()), a.bottom().max(b.bottom()));
                Some(Rect::new(x, y, right.abs_diff(x), bottom.abs_diff(y)))
            }
            (a, b) => a.or(b),
        };
    }
    Ok(whole)
}

/// The smallest rectangle of a mask outside of which it is zero.
fn around(mask: &Mask) -> Option<Rect> {
    let width = mask.rect.width.max(1) as usize;
    let (mut left, mut right, mut top, mut bottom) = (width, 0, usize::MAX, 0);
    for (y, row) in mask.values.chunks_exact(width).enumerate() {
        let Some(first) = row.iter().position(|value| *value > 0.0) else { continue };
        let last = row.iter().rposition(|value| *value > 0.0).unwrap_or(first);
        (left, right) = (left.min(first), right.max(last));
        (top, bottom) = (top.min(y), y);
    }
    if top == usize::MAX {
        return None;
    }
    let rect = Rect::new(left as i32, top as i32, (right - left + 1) as u32, (bottom - top + 1) as u32);
    Some(rect.moved(mask.rect.x, mask.rect.y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_as_small_as_what_shows() {
        let rect = Rect::new(10, 20, 4, 3);
        let values = vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        assert_eq!(around(&Mask { rect, values }), Some(Rect::new(11, 21, 2, 2)));
    }

    #[test]
    fn a_mask_of_zeros_shows_nothing() {
        let rect = Rect::new(0, 0, 2, 2);
        assert_eq!(around(&Mask { rect, values: vec![0.0; 4] }), None);
    }
}
