//! Host pixels → crop: which square of the photo is edited, and where the edit may show.
//!
//! A crop holds no pixels of the photo. Whoever needs some reads them in strips, so that memory does not grow with it.

use image::{ImageBuffer, Luma, imageops};
use models_onnx::alignment::Square;
use pentimento_ffi::HostError;
use pentimento_ffi::error::Result as HostResult;
use pentimento_ffi::host::{BaseType, Host, ImageId, ItemId, rows};
use pentimento_ffi::pixels::{Mask, Pixels, Rect};

use crate::error::PluginError;

/// Smallest side of a square worth editing, in pixels of the photo.
const SMALLEST: u32 = 16;

/// Smallest mask value above zero.
const FAINTEST: f32 = 1.0 / 255.0;

/// A selection is softened at this many pixels across; that is finer than any soft border of a larger one shows.
const SOFTENED: u32 = 1024;

/// A drawable that can be edited.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// Where it lives.
    pub host: &'a dyn Host,
    /// Its image.
    pub image: ImageId,
    /// Itself.
    pub drawable: ItemId,
    /// Where it lies in the image.
    pub rect: Rect,
}

/// A square of a photo with everything the rest of the road needs of it.
pub struct Crop<'a> {
    /// The layer it is cut out of.
    pub layer: Layer<'a>,
    /// The square in image coordinates; may be turned, and reach beyond the layer.
    pub square: Square,
    /// Width of the soft border as a part of the square's side.
    feather: f64,
    selection: Option<Selection>,
}

type Reduced = ImageBuffer<Luma<f32>, Vec<f32>>;

/// What is selected, and how it is softened inwards.
struct Selection {
    bounds: Rect,
    /// The selection, reduced: `by` pixels of the photo are one of it.
    hard: Reduced,
    /// The same, blurred.
    soft: Reduced,
    by: u32,
    /// What it covers, in image coordinates.
    rect: Rect,
}

impl<'a> Layer<'a> {
    /// A drawable of an image.
    ///
    /// # Errors
    /// [`PluginError`], for indexed images and what is gone.
    pub fn open(host: &'a dyn Host, image: ImageId, drawable: ItemId) -> Result<Self, PluginError> {
        if host.image(image)?.base == BaseType::Indexed {
            return Err(HostError::Indexed.into());
        }
        Ok(Self { host, image, drawable, rect: host.drawable(drawable)?.rect })
    }

    /// Its pixels in a rectangle of the image, in its own colour space, and the same in sRGB, display-coded, unclamped.
    pub(super) fn read(&self, rect: Rect) -> HostResult<(Pixels, Vec<f32>)> {
        let mut own = self.host.read(self.drawable, rect.moved(-self.rect.x, -self.rect.y))?;
        own.rect = rect;
        let mut srgb = own.rgba.clone();
        self.host.to_srgb(self.drawable, &mut srgb)?;
        Ok((own, srgb))
    }

    /// The square around the selection or, without one, the largest square in the middle.
    ///
    /// # Errors
    /// [`PluginError`] for selections beside the layer and areas too small to show anything.
    pub fn middle(&self) -> Result<Square, PluginError> {
        let rect = square(self.rect, self.host.selection_bounds(self.image)?)?;
        let half = f64::from(rect.width) / 2.0;
        Ok(Square { centre: [f64::from(rect.x) + half, f64::from(rect.y) + half], half: [half, 0.0] })
    }

    /// A square of it.
    ///
    /// # Errors
    /// [`PluginError`] for squares beside the layer or the selection, and those that are too small.
    pub fn crop(self, square: Square, feather: f64) -> Result<Crop<'a>, PluginError> {
        let side = 2.0 * square.half[0].hypot(square.half[1]);
        if side < f64::from(SMALLEST) {
            return Err(PluginError::TooSmall { side: side as u32, smallest: SMALLEST });
        }
        let touched = bounds(&square).intersect(&self.rect).ok_or(PluginError::SelectionOutside)?;
        let selection = match self.host.selection_bounds(self.image)? {
            None => None,
            Some(bounds) => {
                touched.intersect(&bounds).ok_or(PluginError::SelectionOutside)?;
                let feather = side * feather;
                // What is not selected around it softens its edges.
                let around = grown(bounds, (2.0 * feather).ceil() as i32 + 2);
                let rect = touched.intersect(&around).ok_or(PluginError::SelectionOutside)?;
                Some(Selection::read(&self, bounds, rect, feather)?)
            }
        };
        Ok(Crop { layer: self, square, feather, selection })
    }
}

impl Crop<'_> {
    /// Side of the square in pixels of the photo.
    pub fn side(&self) -> f64 {
        2.0 * self.square.half[0].hypot(self.square.half[1])
    }

    /// The pixels of the layer that the square touches, in image coordinates.
    pub fn touched(&self) -> Rect {
        bounds(&self.square).intersect(&self.layer.rect).unwrap_or_default()
    }

    /// Where the edit may show inside of `rect`: zero at the border of the square and outside of the selection.
    pub(super) fn mask(&self, rect: Rect) -> HostResult<Mask> {
        let selected = match &self.selection {
            None => None,
            Some(selection) if selection.bounds.intersect(&rect).is_none() => {
                return Ok(Mask { rect, values: vec![0.0; rect.area()] });
            }
            Some(_) => Some(self.layer.host.selection(self.layer.image, rect)?.values),
        };
        let width = rect.width.max(1) as usize;
        let mut values = vec![0.0f32; rect.area()];
        for (i, value) in values.iter_mut().enumerate() {
            let (x, y) = (f64::from(rect.x) + (i % width) as f64, f64::from(rect.y) + (i / width) as f64);
            let [u, v] = self.square.of(x + 0.5, y + 0.5);
            let border = self.border(u, v);
            if border > 0.0 {
                let kept = selected.as_ref().map_or(1.0, |all| all[i]);
                *value = border * self.soft(x + 0.5, y + 0.5, kept);
            }
        }
        // What an 8-bit mask cannot hold is not shown, so it is not edited either.
        values.iter_mut().filter(|value| **value < FAINTEST).for_each(|value| *value = 0.0);
        Ok(Mask { rect, values })
    }

    /// The mask over the whole square at `side` × `side`, for a preview; zero beyond the layer.
    pub fn square_mask(&self, side: u32) -> HostResult<Mask> {
        let touched = self.touched();
        let values = (0..side).flat_map(|y| (0..side).map(move |x| (x, y))).map(|(x, y)| {
            let (u, v) = ((f64::from(x) + 0.5) / f64::from(side), (f64::from(y) + 0.5) / f64::from(side));
            let [px, py] = self.square.at(u, v);
            if !holds(&touched, px, py) {
                return 0.0;
            }
            let kept = match &self.selection {
                Some(selection) if holds(&selection.bounds, px, py) => selection.at(&selection.hard, px, py),
                Some(_) => 0.0,
                None => 1.0,
            };
            self.border(u, v) * self.soft(px, py, kept)
        });
        Ok(Mask { rect: Rect::new(0, 0, side, side), values: values.collect() })
    }

    /// One inside the square, falling smoothly to exactly zero at its border. The pixels along the border are zero.
    fn border(&self, u: f64, v: f64) -> f32 {
        let side = self.side();
        let feather = (side * self.feather).max(1.0);
        let ramp = |at: f64| smoothstep((((at * side).min((1.0 - at) * side) - 0.5) / feather) as f32);
        ramp(u) * ramp(v)
    }

    /// How far a pixel is inside of the selection: a hard edge is softened inwards only, so what is not selected stays
    /// exactly zero; an edge the user has feathered is kept as it is where it is softer.
    fn soft(&self, x: f64, y: f64, selected: f32) -> f32 {
        let Some(selection) = &self.selection else { return 1.0 };
        // On a straight hard edge the blur is one half: that is where the softened edge reaches zero.
        selected * smoothstep(2.0 * selection.at(&selection.soft, x, y) - 1.0)
    }
}

impl Selection {
    /// Reads the selection inside `rect` and softens it over `feather` pixels.
    fn read(layer: &Layer<'_>, bounds: Rect, rect: Rect, feather: f64) -> Result<Self, PluginError> {
        let by = rect.width.max(rect.height).div_ceil(SOFTENED).max(1);
        let (width, height) = (rect.width.div_ceil(by), rect.height.div_ceil(by));
        let mut sums = vec![(0.0f32, 0u32); width as usize * height as usize];
        for strip in rows(rect) {
            let part = layer.host.selection(layer.image, strip)?;
            let row = strip.y.abs_diff(rect.y);
            for (i, value) in part.values.iter().enumerate() {
                let (x, y) = ((i % rect.width as usize) as u32, row + (i / rect.width as usize) as u32);
                let sum = &mut sums[(y / by) as usize * width as usize + (x / by) as usize];
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
        let means = sums.iter().map(|(sum, count)| sum / (*count).max(1) as f32).collect();
        let reduced = ImageBuffer::from_raw(width, height, means).ok_or(PluginError::Sizes)?;
        let sigma = (feather as f32 / by as f32 / 2.0).max(0.5);
        let soft = imageops::fast_blur(&reduced, sigma);
        Ok(Self { bounds, hard: reduced, soft, by, rect })
    }

    /// What a reduced map says of a place of the image, between its pixels.
    fn at(&self, map: &Reduced, x: f64, y: f64) -> f32 {
        let place = |at: f64, start: i32, count: u32| {
            let at = ((at - f64::from(start)) / f64::from(self.by) - 0.5).clamp(0.0, f64::from(count - 1));
            let low = at.floor();
            (low as u32, (low as u32 + 1).min(count - 1), (at - low) as f32)
        };
        let (left, right, dx) = place(x, self.rect.x, map.width());
        let (top, bottom, dy) = place(y, self.rect.y, map.height());
        let value = |x, y| map.get_pixel(x, y).0[0];
        let upper = value(left, top) + (value(right, top) - value(left, top)) * dx;
        let lower = value(left, bottom) + (value(right, bottom) - value(left, bottom)) * dx;
        upper + (lower - upper) * dy
    }
}

/// Whether a rectangle of pixels holds a place.
fn holds(rect: &Rect, x: f64, y: f64) -> bool {
    x >= f64::from(rect.x)
        && y >= f64::from(rect.y)
        && x < f64::from(rect.right())
        && y < f64::from(rect.bottom())
}

/// A rectangle with so many pixels more on each side.
pub(super) fn grown(rect: Rect, by: i32) -> Rect {
    let more = 2 * by.unsigned_abs();
    let (width, height) = (rect.width.saturating_add(more), rect.height.saturating_add(more));
    Rect { width, height, ..rect.moved(-by, -by) }
}

/// The pixels that a square touches.
fn bounds(square: &Square) -> Rect {
    let corners = square.corners();
    let edge = |axis: usize, pick: fn(f64, f64) -> f64| {
        corners.iter().map(|corner| corner[axis]).reduce(pick).unwrap_or_default()
    };
    // Corners that lie on a pixel's edge but for rounding do not touch the next one.
    let low = |axis| (edge(axis, f64::min) + 1e-6).floor();
    let high = |axis| (edge(axis, f64::max) - 1e-6).ceil();
    let (left, top) = (low(0), low(1));
    Rect::new(left as i32, top as i32, (high(0) - left) as u32, (high(1) - top) as u32)
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

fn smoothstep(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use pentimento_ffi::mock::{MockHost, Precision};
    use proptest::prelude::*;

    use super::*;

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

    fn photo(width: u32, height: u32) -> (MockHost, ImageId, ItemId) {
        let host = MockHost::new();
        let image = host.add_image(BaseType::Rgb, width, height, Precision::U8);
        let whole = Rect::new(0, 0, width, height);
        let layer = host.add_layer(image, "photo", whole, |_, _| [0.5, 0.5, 0.5, 1.0]);
        (host, image, layer)
    }

    #[test]
    fn the_border_is_zero_at_the_edge_and_one_inside() {
        let (host, image, layer) = photo(110, 110);
        let layer = Layer::open(&host, image, layer).unwrap();
        let crop = layer.crop(Square { centre: [55.0, 55.0], half: [50.0, 0.0] }, 0.06).unwrap();
        let rect = Rect::new(5, 5, 100, 100);
        assert_eq!(crop.touched(), rect);
        let mask = crop.mask(rect).unwrap();
        assert_eq!((mask.values[0], mask.values[50]), (0.0, 0.0));
        assert_eq!(mask.values[50 * 100 + 50], 1.0);
        let part = Rect::new(40, 20, 7, 9);
        let cut = |x: i32, y: i32| mask.values[(y - 5) as usize * 100 + (x - 5) as usize];
        let again = crop.mask(part).unwrap();
        assert!((0..63).all(|i| again.values[i as usize] == cut(40 + i % 7, 20 + i / 7)), "strips agree");
    }

    #[test]
    fn a_turned_square_shows_inside_of_itself_only() {
        let (host, image, layer) = photo(200, 200);
        let layer = Layer::open(&host, image, layer).unwrap();
        let crop = layer.crop(Square { centre: [100.0, 100.0], half: [30.0, 30.0] }, 0.06).unwrap();
        let mask = crop.mask(Rect::new(0, 0, 200, 200)).unwrap();
        let at = |x: usize, y: usize| mask.values[y * 200 + x];
        // A square turned by 45 degrees: its corners lie left, right, above and below.
        assert_eq!((at(100, 100), at(60, 60), at(45, 45)), (1.0, 0.0, 0.0));
        assert!(at(100, 60) > 0.9, "near the upper corner, {}", at(100, 60));
        let beyond = (0..200usize * 200).filter(|i| {
            let (x, y) = ((i % 200) as f64 + 0.5, (i / 200) as f64 + 0.5);
            (x - 100.0).abs() + (y - 100.0).abs() > 60.0 && mask.values[*i] > 0.0
        });
        assert_eq!(beyond.count(), 0);
    }

    #[test]
    fn a_hard_selection_is_softened_inwards_only() {
        for (side, feather) in [(64u32, 0.125), (2400, 0.06)] {
            let (host, image, layer) = photo(side, side);
            host.select_rect(image, Rect::new(side as i32 / 2, 0, side / 2, side));
            let layer = Layer::open(&host, image, layer).unwrap();
            let half = f64::from(side) / 2.0;
            let crop = layer.crop(Square { centre: [half, half], half: [half, 0.0] }, feather).unwrap();
            let middle = Rect::new(0, side as i32 / 2, side, 1);
            let row = crop.mask(middle).unwrap().values;
            let (edge, width) = (side as usize / 2, side as usize);
            assert!(row[..edge].iter().all(|value| *value == 0.0), "nothing beside the selection");
            assert!(row[edge + 1] < 0.5, "soft next to the edge: {}", row[edge + 1]);
            let inside = edge + width * 23 / 64;
            assert!(row[inside] > 0.99, "full inside: {}", row[inside]);
        }
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
