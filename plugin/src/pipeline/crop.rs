//! Host pixels → crop: which square of the photo is edited, its pixels, and where the edit may show.

use image::{ImageBuffer, Luma, imageops};
use pentimento_ffi::host::{Host, ImageId, ItemId};
use pentimento_ffi::pixels::{Mask, Pixels, Rect};
use pentimento_ffi::{HostError, host::BaseType};

use crate::error::PluginError;

/// Smallest side of a square worth editing, in pixels of the photo.
const SMALLEST: u32 = 16;

/// Width of the soft border, as a part of the square's side.
const FEATHER: f32 = 0.06;

/// Smallest mask value above zero.
const FAINTEST: f32 = 1.0 / 255.0;

/// A square of a photo with everything the rest of the road needs of it.
#[derive(Debug, Clone)]
pub struct Crop {
    /// The square in image coordinates; may reach beyond the layer where a selection lies at its edge.
    pub square: Rect,
    /// Where the layer lies in the image.
    pub layer: Rect,
    /// The photo inside square and layer, in the layer's own colour space; image coordinates.
    pub own: Pixels,
    /// The same pixels in sRGB, display-coded, unclamped.
    pub srgb: Pixels,
    /// Where the edit may show; same rectangle. Zero at the border and outside the selection.
    pub mask: Mask,
}

/// Reads the square around the selection or, without one, the largest square in the middle of the layer.
///
/// Fails for indexed images, selections beside the layer and areas too small to show anything.
pub fn read(host: &dyn Host, image: ImageId, drawable: ItemId) -> Result<Crop, PluginError> {
    if host.image(image)?.base == BaseType::Indexed {
        return Err(HostError::Indexed.into());
    }
    let layer = host.drawable(drawable)?.rect;
    let selection = host.selection_bounds(image)?;
    let square = square(layer, selection)?;
    let rect = square.intersect(&layer).ok_or(PluginError::SelectionOutside)?;

    let mut own = host.read(drawable, rect.moved(-layer.x, -layer.y))?;
    own.rect = rect;
    if own.rgba.iter().any(|v| !v.is_finite()) {
        return Err(PluginError::NotFinite);
    }
    let mut srgb = own.clone();
    host.to_srgb(drawable, &mut srgb.rgba)?;

    let mut mask = border(square, rect);
    if selection.is_some() {
        within(&mut mask, &host.selection(image, rect)?, square.width as f32 * FEATHER);
    }
    // What an 8-bit mask cannot hold is not shown, so it is not edited either.
    mask.values.iter_mut().filter(|value| **value < FAINTEST).for_each(|value| *value = 0.0);
    Ok(Crop { square, layer, own, srgb, mask })
}

/// The square to edit, in image coordinates.
fn square(layer: Rect, selection: Option<Rect>) -> Result<Rect, PluginError> {
    let (region, side) = match selection {
        Some(selection) => {
            let region = selection.intersect(&layer).ok_or(PluginError::SelectionOutside)?;
            (region, region.width.max(region.height))
        }
        None => (layer, layer.width.min(layer.height)),
    };
    if side < SMALLEST {
        return Err(PluginError::TooSmall { side, smallest: SMALLEST });
    }
    // Centred on the region, then moved inside the layer as far as it fits, so that as little as possible
    // has to be invented beyond the layer's edge.
    let place = |start: i32, length: u32, low: i32, room: u32| {
        let centred = start + (length as i32 - side as i32) / 2;
        if side <= room { centred.clamp(low, low + (room - side) as i32) } else { centred }
    };
    let x = place(region.x, region.width, layer.x, layer.width);
    let y = place(region.y, region.height, layer.y, layer.height);
    Ok(Rect::new(x, y, side, side))
}

/// One inside the square, falling smoothly to exactly zero at its border; over `rect`, a part of the square.
fn border(square: Rect, rect: Rect) -> Mask {
    let side = square.width as f32;
    let feather = (side * FEATHER).max(1.0);
    let ramp = |offset: i32| {
        let centre = offset as f32 + 0.5;
        smoothstep((centre.min(side - centre) - 0.5) / feather)
    };
    let columns: Vec<f32> = (rect.x..rect.right()).map(|x| ramp(x - square.x)).collect();
    let rows = (rect.y..rect.bottom()).map(|y| ramp(y - square.y));
    let values = rows.flat_map(|row| columns.iter().map(move |column| row * column)).collect();
    Mask { rect, values }
}

/// Keeps the mask inside the selection: a hard edge is softened inwards only, so what is not selected stays
/// exactly zero; an edge the user has feathered is kept as it is where it is softer.
fn within(mask: &mut Mask, selection: &Mask, feather: f32) {
    let (width, height) = (mask.rect.width, mask.rect.height);
    let Some(image) = ImageBuffer::<Luma<f32>, _>::from_raw(width, height, selection.values.clone()) else {
        return;
    };
    let soft = imageops::fast_blur(&image, (feather / 2.0).max(0.5));
    for ((value, selected), soft) in mask.values.iter_mut().zip(&selection.values).zip(soft.pixels()) {
        // On a straight hard edge the blur is one half: that is where the softened edge reaches zero.
        *value *= selected * smoothstep(2.0 * soft.0[0] - 1.0);
    }
}

fn smoothstep(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn without_a_selection_the_largest_centred_square() {
        assert_eq!(square(Rect::new(10, 20, 300, 100), None).unwrap(), Rect::new(110, 20, 100, 100));
    }

    #[test]
    fn a_selection_at_the_edge_is_moved_inside() {
        let layer = Rect::new(0, 0, 300, 200);
        let selection = Some(Rect::new(250, 10, 50, 100));
        assert_eq!(square(layer, selection).unwrap(), Rect::new(200, 10, 100, 100));
    }

    #[test]
    fn selections_beside_the_layer_and_tiny_ones_are_refused() {
        let layer = Rect::new(0, 0, 300, 200);
        assert!(matches!(square(layer, Some(Rect::new(400, 0, 50, 50))), Err(PluginError::SelectionOutside)));
        assert!(matches!(square(layer, Some(Rect::new(0, 0, 5, 5))), Err(PluginError::TooSmall { .. })));
    }

    #[test]
    fn the_border_is_zero_at_the_edge_and_one_inside() {
        let square = Rect::new(5, 5, 100, 100);
        let mask = border(square, square);
        assert_eq!(mask.values[0], 0.0);
        assert_eq!(mask.values[50], 0.0);
        assert_eq!(mask.values[50 * 100 + 50], 1.0);
    }

    #[test]
    fn a_hard_selection_is_softened_inwards_only() {
        let rect = Rect::new(0, 0, 64, 64);
        let mut mask = Mask { rect, values: vec![1.0; 64 * 64] };
        let selected: Vec<f32> = (0..64 * 64).map(|i| if i % 64 >= 32 { 1.0 } else { 0.0 }).collect();
        within(&mut mask, &Mask { rect, values: selected.clone() }, 8.0);
        for (value, selected) in mask.values.iter().zip(&selected) {
            assert!(value <= selected);
        }
        let row = &mask.values[32 * 64..33 * 64];
        assert!(row[33] < 0.5, "soft next to the edge: {}", row[33]);
        assert!(row[55] > 0.99, "full inside: {}", row[55]);
    }

    proptest! {
        #[test]
        fn squares_are_square_and_cover_the_selection(
            x in -500i32..500, y in -500i32..500, w in 16u32..2000, h in 16u32..2000,
            sx in -500i32..500, sy in -500i32..500, sw in 16u32..900, sh in 16u32..900,
        ) {
            let layer = Rect::new(x, y, w, h);
            let selection = Rect::new(sx, sy, sw, sh);
            if let Ok(square) = square(layer, Some(selection)) {
                prop_assert_eq!(square.width, square.height);
                let region = selection.intersect(&layer).unwrap();
                prop_assert_eq!(square.intersect(&region), Some(region));
            }
        }
    }
}
