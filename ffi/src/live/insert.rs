//! Putting a result into the image: everything is prepared outside of it, then goes in with one undo step.

use super::{Gimp, Kind, Live};
use crate::call::text;
use crate::error::{HostError, Result};
use crate::gegl::OURS;
use crate::host::{BaseType, ImageId, Insert, ItemId, NewLayer, Parasite, Where};

/// An item outside of the image; forgotten again unless it is kept.
struct Pending<'a, G: Gimp> {
    gimp: &'a G,
    item: ItemId,
}

impl<G: Gimp> Pending<'_, G> {
    /// It is in the image now.
    fn keep(self) -> ItemId {
        let item = self.item;
        std::mem::forget(self);
        item
    }
}

impl<G: Gimp> Drop for Pending<'_, G> {
    fn drop(&mut self) {
        self.gimp.discard(self.item);
    }
}

impl<G: Gimp> Live<G> {
    pub(super) fn insert_at(&self, image: ImageId, place: Where, what: &Insert<'_>) -> Result<ItemId> {
        let gimp = &self.gimp;
        let (Where::Above(above) | Where::InsteadOf(above)) = place;
        let above = match gimp.kind(above)? {
            Kind::Layer => above,
            Kind::MaskOf(layer) => layer,
            Kind::Floating => return Err(HostError::Floating),
            Kind::Other => return Err(HostError::NotALayer),
        };
        if gimp.image_of(above)? != image {
            return Err(HostError::Gone);
        }
        let grey = match gimp.base(image)? {
            BaseType::Rgb => false,
            BaseType::Grey => true,
            BaseType::Indexed => return Err(HostError::Indexed),
        };
        let parent = gimp.parent(above)?;
        let position = gimp.position(image, above)?;
        let make_room = || {
            if let Where::InsteadOf(_) = place {
                gimp.remove(image, above);
            }
        };
        let root = match what {
            Insert::Layer(layer) => {
                let layer = self.prepare(image, layer, grey)?;
                self.in_one_step(image, || {
                    gimp.put(image, layer.item, parent, position)?;
                    make_room();
                    Ok(layer.keep())
                })?
            }
            Insert::Group { name, layers, parasites } => {
                let group = gimp.new_group(image, text(name)?.as_c_str())?;
                let group = Pending { gimp, item: group };
                self.carry(group.item, parasites)?;
                let layers: Vec<_> =
                    layers.iter().map(|layer| self.prepare(image, layer, grey)).collect::<Result<_>>()?;
                self.in_one_step(image, || {
                    gimp.put(image, group.item, parent, position)?;
                    let inserted = group.keep();
                    self.fill(image, inserted, layers).inspect_err(|_| gimp.remove(image, inserted))?;
                    make_room();
                    Ok(inserted)
                })?
            }
        };
        self.settle(image, root);
        gimp.flush();
        Ok(root)
    }

    /// Makes a layer with its pixels, mask and parasites, outside of the image, so that a failure on the way
    /// leaves no trace and the undo step stays one insertion.
    fn prepare(&self, image: ImageId, layer: &NewLayer<'_>, grey: bool) -> Result<Pending<'_, G>> {
        let gimp = &self.gimp;
        let rect = layer.rect;
        if rect.area() == 0 {
            return Err(HostError::Area);
        }
        let item = gimp.new_layer(image, text(&layer.name)?.as_c_str(), rect, grey)?;
        let pending = Pending { gimp, item };
        let mask = gimp.new_mask(item)?;
        let (native, plain) = self.one_channel(mask)?;
        {
            let (pixels, shows) = (gimp.buffer(item)?, gimp.buffer(mask)?);
            let format = gimp.format(item)?;
            for strip in layer.strips() {
                let strip = strip?;
                let part = strip.pixels.rect.moved(-rect.x, -rect.y);
                pixels.write(part, format, OURS, 4, &strip.pixels.rgba)?;
                shows.write(part, native, plain, 1, &strip.mask.values)?;
            }
            // What was written goes to GIMP as the buffers go.
        }
        gimp.updated(item, rect.width, rect.height)?;
        gimp.updated(mask, rect.width, rect.height)?;
        self.carry(item, &layer.parasites)?;
        Ok(pending)
    }

    fn carry(&self, item: ItemId, parasites: &[Parasite]) -> Result<()> {
        parasites
            .iter()
            .try_for_each(|parasite| self.gimp.attach(item, text(&parasite.name)?.as_c_str(), &parasite.data))
    }

    fn fill(&self, image: ImageId, group: ItemId, layers: Vec<Pending<'_, G>>) -> Result<()> {
        for (layer, position) in layers.into_iter().zip(0..) {
            self.gimp.put(image, layer.item, Some(group), position)?;
            layer.keep();
        }
        Ok(())
    }

    fn in_one_step<T>(&self, image: ImageId, body: impl FnOnce() -> Result<T>) -> Result<T> {
        self.gimp.undo_start(image);
        let result = body();
        self.gimp.undo_end(image);
        result
    }

    /// Makes the new item the one that the user works on next, as GIMP does for layers of its own. A floating
    /// selection keeps that place, which is no reason to fail.
    fn settle(&self, image: ImageId, inserted: ItemId) {
        if let Err(error) = self.gimp.activate(image, inserted) {
            log::debug!("the new layer is not the active one: {error}");
        }
    }
}
