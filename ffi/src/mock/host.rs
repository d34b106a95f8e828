//! The in-memory host as a [`Host`].

use super::{Item, MockHost, Space, State};
use crate::call::text;
use crate::error::{HostError, Result};
use crate::gegl::zeros;
use crate::host::{
    BaseType, DrawableInfo, Host, ImageId, ImageInfo, Insert, ItemId, NewLayer, Parasite, ParentWindow,
    Strip, Where,
};
use crate::pixels::{Mask, Pixels, Rect};

impl Host for MockHost {
    fn name(&self) -> String {
        "GIMP in memory".into()
    }

    fn image(&self, image: ImageId) -> Result<ImageInfo> {
        let state = self.state.borrow();
        let image = state.image(image)?;
        Ok(ImageInfo {
            base: image.base,
            width: image.width,
            height: image.height,
            profile: image.profile.clone(),
        })
    }

    fn drawable(&self, drawable: ItemId) -> Result<DrawableInfo> {
        let state = self.state.borrow();
        let item = state.item(drawable)?;
        let image = state.image(item.image)?;
        Ok(DrawableInfo {
            name: item.name.clone(),
            rect: item.pixels.rect,
            alpha: item.alpha,
            format: image.precision.format(image.base, item.alpha),
        })
    }

    fn read(&self, drawable: ItemId, rect: Rect) -> Result<Pixels> {
        let state = self.state.borrow();
        let item = state.item(drawable)?;
        if state.image(item.image)?.base == BaseType::Indexed {
            return Err(HostError::Indexed);
        }
        let all = item.pixels.rect;
        if rect.area() == 0 || rect.intersect(&Rect::new(0, 0, all.width, all.height)) != Some(rect) {
            return Err(HostError::Area);
        }
        let mut rgba = zeros(rect.area() * 4)?;
        let (x, width) = (rect.x.unsigned_abs() as usize, rect.width as usize);
        for (row, y) in rgba.chunks_exact_mut(width * 4).zip(rect.y.unsigned_abs() as usize..) {
            let start = (y * all.width as usize + x) * 4;
            row.copy_from_slice(&item.pixels.rgba[start..start + width * 4]);
        }
        Ok(Pixels { rect, rgba })
    }

    fn to_srgb(&self, drawable: ItemId, rgba: &mut [f32]) -> Result<()> {
        let state = self.state.borrow();
        state.image(state.item(drawable)?.image)?.space.convert(&Space::SRGB, rgba);
        Ok(())
    }

    fn from_srgb(&self, drawable: ItemId, rgba: &mut [f32]) -> Result<()> {
        let state = self.state.borrow();
        Space::SRGB.convert(&state.image(state.item(drawable)?.image)?.space, rgba);
        Ok(())
    }

    fn selection_bounds(&self, image: ImageId) -> Result<Option<Rect>> {
        let state = self.state.borrow();
        let image = state.image(image)?;
        let Some(mask) = &image.selection else { return Ok(None) };
        let width = mask.rect.width.max(1) as usize;
        let selected = mask.values.iter().enumerate().filter(|(_, value)| **value > 0.0).map(|(index, _)| {
            // Positions in a mask are below its sides, which are 32-bit numbers.
            let (x, y) = ((index % width) as u32, (index / width) as u32);
            (mask.rect.x.saturating_add_unsigned(x), mask.rect.y.saturating_add_unsigned(y))
        });
        let edges = selected.fold(None, |edges: Option<[i32; 4]>, (x, y)| {
            let [left, top, right, bottom] = edges.unwrap_or([x, y, x, y]);
            Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
        });
        let whole = Rect::new(0, 0, image.width, image.height);
        Ok(edges.and_then(|[left, top, right, bottom]| {
            Rect::new(left, top, left.abs_diff(right) + 1, top.abs_diff(bottom) + 1).intersect(&whole)
        }))
    }

    fn selection(&self, image: ImageId, rect: Rect) -> Result<Mask> {
        let state = self.state.borrow();
        let image = state.image(image)?;
        if rect.area() == 0 {
            return Err(HostError::Area);
        }
        let mut values = zeros(rect.area())?;
        let whole = Rect::new(0, 0, image.width, image.height);
        let Some(mask) = &image.selection else { return Ok(Mask { rect, values }) };
        let Some(both) = rect.intersect(&mask.rect).and_then(|both| both.intersect(&whole)) else {
            return Ok(Mask { rect, values });
        };
        let at = |of: &Rect, x: i32, y: i32| {
            y.abs_diff(of.y) as usize * of.width as usize + x.abs_diff(of.x) as usize
        };
        for y in both.y..both.bottom() {
            for x in both.x..both.right() {
                values[at(&rect, x, y)] = mask.values[at(&mask.rect, x, y)];
            }
        }
        Ok(Mask { rect, values })
    }

    fn insert(&self, image: ImageId, place: Where, what: &Insert<'_>) -> Result<ItemId> {
        let (Where::Above(above) | Where::InsteadOf(above)) = place;
        // Everything is drawn and checked before anything changes, so that a failure leaves no trace. Drawing reads from
        // this very host.
        let layers = match what {
            Insert::Layer(layer) => std::slice::from_ref(layer),
            Insert::Group { name, layers, .. } => {
                text(name)?;
                layers
            }
        };
        let drawn = layers.iter().map(drawn).collect::<Result<Vec<_>>>()?;
        let mut state = self.state.borrow_mut();
        let beside = state.item(above)?;
        if beside.image != image {
            return Err(HostError::Gone);
        }
        if state.image(image)?.base == BaseType::Indexed {
            return Err(HostError::Indexed);
        }
        let parent = beside.parent;
        if let Some(reason) = state.fail_insert.take() {
            return Err(HostError::Refused { call: "insert", reason });
        }
        let mut all = layers.iter().zip(drawn);
        let root = match what {
            Insert::Layer(_) => {
                let (layer, strip) = all.next().ok_or(HostError::Area)?;
                state.add(image, parent, layer, strip)
            }
            Insert::Group { name, layers, parasites } => {
                let group = state.add_group(image, parent, name, layers, parasites);
                let children =
                    all.map(|(layer, strip)| state.add(image, Some(group), layer, strip)).collect();
                if let Some(item) = state.items.get_mut(&group.0) {
                    item.children = Some(children);
                }
                group
            }
        };
        state.put(image, parent, place, root);
        Ok(root)
    }

    fn layer_named(&self, image: ImageId, name: &str) -> Result<Option<ItemId>> {
        let state = self.state.borrow();
        let mut todo = state.image(image)?.stack.clone();
        while !todo.is_empty() {
            let item = todo.remove(0);
            let Ok(found) = state.item(item) else { continue };
            if found.name == name {
                return Ok(Some(item));
            }
            todo.splice(0..0, found.children.iter().flatten().copied());
        }
        Ok(None)
    }

    fn parasite(&self, item: ItemId, name: &str) -> Result<Option<Vec<u8>>> {
        let state = self.state.borrow();
        let parasites = &state.item(item)?.parasites;
        Ok(parasites.iter().rfind(|parasite| parasite.name == name).map(|parasite| parasite.data.clone()))
    }

    fn progress(&self, fraction: f32, doing: &str) {
        self.state.borrow_mut().progress.push((fraction, doing.into()));
    }

    fn say(&self, what: &str) {
        self.state.borrow_mut().said.push(what.into());
    }

    fn parent_window(&self) -> ParentWindow {
        self.state.borrow().window.clone()
    }

    fn dark(&self) -> Option<bool> {
        self.state.borrow().dark
    }
}

/// Draws the whole of a layer; refuses what a real GIMP would refuse.
fn drawn(layer: &NewLayer<'_>) -> Result<Strip> {
    text(&layer.name)?;
    layer.parasites.iter().try_for_each(|parasite| text(&parasite.name).map(drop))?;
    let rect = layer.rect;
    if rect.area() == 0 {
        return Err(HostError::Area);
    }
    let mut whole =
        Strip { pixels: Pixels { rect, rgba: Vec::new() }, mask: Mask { rect, values: Vec::new() } };
    for strip in layer.strips() {
        let strip = strip?;
        whole.pixels.rgba.extend(strip.pixels.rgba);
        whole.mask.values.extend(strip.mask.values);
    }
    Ok(whole)
}

impl State {
    fn add(&mut self, image: ImageId, parent: Option<ItemId>, layer: &NewLayer<'_>, strip: Strip) -> ItemId {
        let pixels = self.kept(image, &strip.pixels, true);
        let mut mask = strip.mask;
        if let Ok(image) = self.image(image) {
            for value in &mut mask.values {
                *value = image.precision.kept_plain(*value);
            }
        }
        let number = self.number();
        let item = Item {
            image,
            name: layer.name.clone(),
            parent,
            pixels,
            alpha: true,
            mask: Some(mask),
            parasites: layer.parasites.clone(),
            children: None,
        };
        self.items.insert(number, item);
        ItemId(number)
    }

    fn add_group(
        &mut self,
        image: ImageId,
        parent: Option<ItemId>,
        name: &str,
        layers: &[NewLayer<'_>],
        parasites: &[Parasite],
    ) -> ItemId {
        let number = self.number();
        let rect = layers.iter().map(|layer| layer.rect).reduce(around).unwrap_or_default();
        let item = Item {
            image,
            name: name.into(),
            parent,
            pixels: Pixels { rect, rgba: Vec::new() },
            alpha: true,
            mask: None,
            parasites: parasites.to_vec(),
            children: Some(Vec::new()),
        };
        self.items.insert(number, item);
        ItemId(number)
    }

    /// Puts `item` where it belongs, as one undo step.
    fn put(&mut self, image: ImageId, parent: Option<ItemId>, place: Where, item: ItemId) {
        let (Where::Above(above) | Where::InsteadOf(above)) = place;
        let place = |stack: &mut Vec<ItemId>| {
            let position = stack.iter().position(|other| *other == above).unwrap_or(0);
            stack.insert(position, item);
            if let Where::InsteadOf(old) = place {
                stack.retain(|other| *other != old);
            }
        };
        if let Some(stack) =
            parent.and_then(|parent| self.items.get_mut(&parent.0)).and_then(|group| group.children.as_mut())
        {
            place(stack);
        }
        if let Some(image) = self.images.get_mut(&image.0) {
            if parent.is_none() {
                place(&mut image.stack);
            }
            image.active = Some(item);
            image.undo_steps += 1;
        }
    }
}

/// The smallest rectangle that covers both.
fn around(a: Rect, b: Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let (right, bottom) = (a.right().max(b.right()), a.bottom().max(b.bottom()));
    Rect::new(x, y, right.abs_diff(x), bottom.abs_diff(y))
}
