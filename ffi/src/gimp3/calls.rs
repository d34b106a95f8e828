//! The calls into libgimp 3. Items and images are objects there; libgimp keeps them, so we ask for them by
//! number each time and never own one.

use std::ffi::{CStr, c_int};
use std::ptr::null_mut;

use crate::call::{call, copied};
use crate::error::{HostError, Result};
use crate::gegl::{Buffer, Format, Gegl, Space, copied_bytes};
use crate::host::{BaseType, ImageId, ItemId, ParentWindow};
use crate::live::{Gimp, Kind};
use crate::pixels::Rect;
use crate::sys::common::GBytes;
use crate::sys::gimp3 as sys;

/// libgimp 3. Lives in one thread and, once made, as long as the process.
pub(crate) struct Gimp3 {
    pub(crate) api: &'static sys::Gimp3,
    pub(crate) gegl: Gegl,
}

impl Gimp3 {
    /// Why the last call failed, in GIMP's words.
    pub(crate) fn reason(&self) -> String {
        // SAFETY: libgimp's own object; the text stays until the next call.
        unsafe { copied(self.api.gimp_pdb_get_last_error(self.api.gimp_get_pdb())) }
    }

    /// The object of an image. libgimp owns it and keeps it as long as the process.
    fn image(&self, image: ImageId) -> Result<*mut sys::GimpImage> {
        // SAFETY: a plain number, and then the object that libgimp found for it.
        unsafe {
            let found = self.api.gimp_image_get_by_id(image.0);
            let there = !found.is_null() && self.api.gimp_image_is_valid(found) != 0;
            if there { Ok(found) } else { Err(HostError::Gone) }
        }
    }

    /// The object of an item. libgimp owns it and keeps it as long as the process.
    fn item(&self, item: ItemId) -> Result<*mut sys::GimpItem> {
        // SAFETY: a plain number, and then the object that libgimp found for it.
        unsafe {
            let found = self.api.gimp_item_get_by_id(item.0);
            let there = !found.is_null() && self.api.gimp_item_is_valid(found) != 0;
            if there { Ok(found) } else { Err(HostError::Gone) }
        }
    }

    fn drawable(&self, item: ItemId) -> Result<*mut sys::GimpDrawable> {
        // Layers, masks, channels and the selection are drawables; other items are refused by `Live`.
        Ok(self.item(item)?.cast())
    }

    fn layer(&self, item: ItemId) -> Result<*mut sys::GimpLayer> {
        Ok(self.item(item)?.cast())
    }

    /// The number of an object that libgimp has just handed to us.
    ///
    /// # Safety
    ///
    /// `item` is an item of libgimp's.
    pub(crate) unsafe fn number<T>(&self, item: *mut T) -> Result<ItemId> {
        // SAFETY: every item type begins with a GimpItem, and the caller promises that it is one.
        Ok(ItemId(unsafe { call!(self, gimp_item_get_id(item.cast())) }?))
    }

    /// Turns a window handle into what it means: eight bytes of an X11 number, or the name of a Wayland surface.
    ///
    /// # Safety
    ///
    /// As for [`Gegl::bytes`].
    unsafe fn window(&self, handle: *mut GBytes) -> ParentWindow {
        // SAFETY: the caller promises it.
        read_handle(&unsafe { self.gegl.bytes(handle) })
    }
}

/// Reads a window handle.
fn read_handle(bytes: &[u8]) -> ParentWindow {
    let x11 = match *bytes {
        [a, b, c, d] => Some(u64::from(u32::from_ne_bytes([a, b, c, d]))),
        [a, b, c, d, e, f, g, h] => Some(u64::from_ne_bytes([a, b, c, d, e, f, g, h])),
        _ => None,
    };
    match x11.filter(|window| u32::try_from(*window).is_ok()) {
        Some(0) => ParentWindow::None,
        Some(window) => ParentWindow::X11(window),
        // X11 numbers have 29 bits, so eight bytes without zeros among them are a short text.
        None => match std::str::from_utf8(bytes).map(|name| name.trim_end_matches('\0')) {
            Ok(name) if !name.is_empty() => ParentWindow::Wayland(name.to_owned()),
            _ => ParentWindow::None,
        },
    }
}

impl Gimp for Gimp3 {
    fn gegl(&self) -> &Gegl {
        &self.gegl
    }

    fn version(&self) -> String {
        // SAFETY: no arguments; the text becomes ours.
        unsafe { self.gegl.taken(self.api.gimp_version()) }.unwrap_or_else(|| "3".into())
    }

    fn image_size(&self, image: ImageId) -> Result<(u32, u32)> {
        let image = self.image(image)?;
        // SAFETY: an image of libgimp's.
        let size = unsafe {
            (call!(self, gimp_image_get_width(image))?, call!(self, gimp_image_get_height(image))?)
        };
        Ok((size.0.unsigned_abs(), size.1.unsigned_abs()))
    }

    fn base(&self, image: ImageId) -> Result<BaseType> {
        let image = self.image(image)?;
        // SAFETY: an image of libgimp's.
        match unsafe { self.api.gimp_image_get_base_type(image) } {
            sys::GIMP_RGB => Ok(BaseType::Rgb),
            sys::GIMP_GRAY => Ok(BaseType::Grey),
            sys::GIMP_INDEXED => Ok(BaseType::Indexed),
            _ => Err(HostError::Gone),
        }
    }

    fn profile(&self, image: ImageId) -> Result<Option<Vec<u8>>> {
        let image = self.image(image)?;
        // SAFETY: an image of libgimp's; the profile becomes ours.
        let profile = unsafe { self.api.gimp_image_get_color_profile(image) };
        if profile.is_null() {
            return Ok(None);
        }
        let mut length = 0;
        // SAFETY: a profile of ours; its bytes stay while we hold it.
        let bytes = unsafe { self.api.gimp_color_profile_get_icc_profile(profile, &mut length) };
        // SAFETY: libgimp promises `length` bytes.
        let bytes = unsafe { copied_bytes(bytes, length as usize) };
        // SAFETY: the reference that was handed to us, used for the last time.
        unsafe { self.gegl.api.g_object_unref(profile.cast()) };
        Ok(Some(bytes))
    }

    fn selection_bounds(&self, image: ImageId) -> Result<Option<Rect>> {
        let image = self.image(image)?;
        let (mut some, mut x1, mut y1, mut x2, mut y2) = (0, 0, 0, 0, 0);
        // SAFETY: an image of libgimp's, and places for the answers that outlive the call.
        unsafe { call!(self, gimp_selection_bounds(image, &mut some, &mut x1, &mut y1, &mut x2, &mut y2)) }?;
        let rect = Rect::new(x1, y1, (x2 - x1).max(0).unsigned_abs(), (y2 - y1).max(0).unsigned_abs());
        Ok((some != 0 && rect.area() > 0).then_some(rect))
    }

    fn selection_item(&self, image: ImageId) -> Result<ItemId> {
        let image = self.image(image)?;
        // SAFETY: an image of libgimp's, whose selection is an item.
        unsafe { self.number(call!(self, gimp_image_get_selection(image))?) }
    }

    fn kind(&self, item: ItemId) -> Result<Kind> {
        let object = self.item(item)?;
        // SAFETY: plain numbers; and casts to what libgimp has just said the object is.
        unsafe {
            if self.api.gimp_item_id_is_layer_mask(item.0) != 0 {
                let layer = call!(self, gimp_layer_from_mask(object.cast()))?;
                return Ok(Kind::MaskOf(self.number(layer)?));
            }
            if self.api.gimp_item_id_is_layer(item.0) == 0 {
                return Ok(Kind::Other);
            }
            let floating = self.api.gimp_layer_is_floating_sel(object.cast()) != 0;
            Ok(if floating { Kind::Floating } else { Kind::Layer })
        }
    }

    fn image_of(&self, item: ItemId) -> Result<ImageId> {
        let item = self.item(item)?;
        // SAFETY: an item of libgimp's, and its image.
        unsafe {
            let image = call!(self, gimp_item_get_image(item))?;
            Ok(ImageId(call!(self, gimp_image_get_id(image))?))
        }
    }

    fn item_name(&self, item: ItemId) -> Result<String> {
        let item = self.item(item)?;
        // SAFETY: an item of libgimp's; the text becomes ours.
        unsafe { self.gegl.taken(call!(self, gimp_item_get_name(item))?) }.ok_or(HostError::Gone)
    }

    fn layer_named(&self, image: ImageId, name: &CStr) -> Result<Option<ItemId>> {
        let image = self.image(image)?;
        // SAFETY: an image of libgimp's, and a text that outlives the call.
        let layer = unsafe { self.api.gimp_image_get_layer_by_name(image, name.as_ptr()) };
        if layer.is_null() {
            return Ok(None);
        }
        // SAFETY: a layer of libgimp's, as it is not null.
        unsafe { self.number(layer) }.map(Some)
    }

    fn size(&self, item: ItemId) -> Result<(u32, u32)> {
        let item = self.drawable(item)?;
        // SAFETY: a drawable of libgimp's.
        let size = unsafe {
            (call!(self, gimp_drawable_get_width(item))?, call!(self, gimp_drawable_get_height(item))?)
        };
        Ok((size.0.unsigned_abs(), size.1.unsigned_abs()))
    }

    fn offsets(&self, item: ItemId) -> Result<(i32, i32)> {
        let item = self.drawable(item)?;
        let (mut x, mut y) = (0, 0);
        // SAFETY: a drawable of libgimp's, and places for the answers that outlive the call.
        unsafe { call!(self, gimp_drawable_get_offsets(item, &mut x, &mut y)) }?;
        Ok((x, y))
    }

    fn alpha(&self, item: ItemId) -> Result<bool> {
        let item = self.drawable(item)?;
        // SAFETY: a drawable of libgimp's.
        Ok(unsafe { self.api.gimp_drawable_has_alpha(item) } != 0)
    }

    fn format(&self, item: ItemId) -> Result<Format> {
        let item = self.drawable(item)?;
        // SAFETY: a drawable of libgimp's.
        Gegl::format(unsafe { call!(self, gimp_drawable_get_format(item)) }?)
    }

    fn way_to_srgb(&self, item: ItemId) -> Result<Vec<(Format, Format)>> {
        let format = self.format(item)?;
        let (own, srgb) = (self.gegl.space(format), self.gegl.ours(Space::SRGB)?);
        // Coded by the curve of their own space.
        if self.gegl.encoding(format).contains('\'') {
            return Ok(vec![(self.gegl.ours(own)?, srgb)]);
        }
        // Linear light or the perceptual curve, which is that of sRGB: it comes off before the space has its say.
        let bare = |space| self.gegl.with_space(c"RGBA float", space);
        Ok(vec![(srgb, bare(Space::SRGB)?), (bare(own)?, srgb)])
    }

    fn buffer(&self, item: ItemId) -> Result<Buffer<'_>> {
        let item = self.drawable(item)?;
        // SAFETY: a drawable of libgimp's; the buffer becomes ours.
        unsafe { self.gegl.buffer(call!(self, gimp_drawable_get_buffer(item))?) }
    }

    fn updated(&self, item: ItemId, width: u32, height: u32) -> Result<()> {
        let item = self.drawable(item)?;
        // SAFETY: a drawable of libgimp's, and plain numbers.
        unsafe { call!(self, gimp_drawable_update(item, 0, 0, side(width)?, side(height)?)) }.map(drop)
    }

    fn parent(&self, item: ItemId) -> Result<Option<ItemId>> {
        let item = self.item(item)?;
        // SAFETY: an item of libgimp's, and its parent if there is one.
        unsafe {
            let parent = self.api.gimp_item_get_parent(item);
            if parent.is_null() { Ok(None) } else { self.number(parent).map(Some) }
        }
    }

    fn position(&self, image: ImageId, item: ItemId) -> Result<i32> {
        let (image, item) = (self.image(image)?, self.item(item)?);
        // SAFETY: objects of libgimp's.
        let position = unsafe { self.api.gimp_image_get_item_position(image, item) };
        if position < 0 { Err(HostError::Gone) } else { Ok(position) }
    }

    fn new_layer(&self, image: ImageId, name: &CStr, rect: Rect, grey: bool) -> Result<ItemId> {
        let image = self.image(image)?;
        let kind = if grey { sys::GIMP_GRAYA_IMAGE } else { sys::GIMP_RGBA_IMAGE };
        let (width, height) = (side(rect.width)?, side(rect.height)?);
        // SAFETY: an image of libgimp's, plain numbers, a text that outlives the call, and the layer it made.
        unsafe {
            let layer = call!(
                self,
                gimp_layer_new(image, name.as_ptr(), width, height, kind, 100.0, sys::GIMP_LAYER_MODE_NORMAL)
            )?;
            let item = self.number(layer)?;
            call!(self, gimp_layer_set_offsets(layer, rect.x, rect.y)).inspect_err(|_| self.discard(item))?;
            Ok(item)
        }
    }

    fn new_group(&self, image: ImageId, name: &CStr) -> Result<ItemId> {
        let image = self.image(image)?;
        // SAFETY: an image of libgimp's, a text that outlives the call, and the group it made.
        unsafe { self.number(call!(self, gimp_group_layer_new(image, name.as_ptr()))?) }
    }

    fn new_mask(&self, layer: ItemId) -> Result<ItemId> {
        let layer = self.layer(layer)?;
        // SAFETY: a layer of libgimp's, and the mask it made.
        unsafe {
            let mask = call!(self, gimp_layer_create_mask(layer, sys::GIMP_ADD_MASK_WHITE))?;
            let item = self.number(mask)?;
            call!(self, gimp_layer_add_mask(layer, mask)).inspect_err(|_| self.discard(item))?;
            Ok(item)
        }
    }

    fn attach(&self, item: ItemId, name: &CStr, data: &[u8]) -> Result<()> {
        let item = self.item(item)?;
        let length = u32::try_from(data.len()).map_err(|_| HostError::Memory)?;
        // SAFETY: name and data outlive the call, which copies them; the parasite is freed once.
        unsafe {
            let parasite =
                call!(self, gimp_parasite_new(name.as_ptr(), PERSISTENT, length, data.as_ptr().cast()))?;
            let answer = call!(self, gimp_item_attach_parasite(item, parasite));
            self.api.gimp_parasite_free(parasite);
            answer.map(drop)
        }
    }

    fn put(&self, image: ImageId, layer: ItemId, parent: Option<ItemId>, position: i32) -> Result<()> {
        let (image, layer) = (self.image(image)?, self.layer(layer)?);
        let parent = parent.map_or(Ok(null_mut()), |parent| self.layer(parent))?;
        // SAFETY: objects of libgimp's; a null parent means none.
        unsafe { call!(self, gimp_image_insert_layer(image, layer, parent, position)) }.map(drop)
    }

    fn activate(&self, image: ImageId, layer: ItemId) -> Result<()> {
        let (image, layer) = (self.image(image)?, self.layer(layer)?);
        let mut layers = [layer.cast_const(), null_mut()];
        // SAFETY: an image of libgimp's, and a list of its layers that ends with a null and outlives the call.
        unsafe { call!(self, gimp_image_set_selected_layers(image, layers.as_mut_ptr())) }.map(drop)
    }

    fn remove(&self, image: ImageId, layer: ItemId) {
        if let (Ok(image), Ok(layer)) = (self.image(image), self.layer(layer)) {
            // SAFETY: objects of libgimp's.
            unsafe { self.api.gimp_image_remove_layer(image, layer) };
        }
    }

    fn discard(&self, item: ItemId) {
        if let Ok(item) = self.item(item) {
            // SAFETY: an item of libgimp's that is in no image.
            unsafe { self.api.gimp_item_delete(item) };
        }
    }

    // An image without undo answers no here, which is no reason to stop.
    fn undo_start(&self, image: ImageId) {
        if let Ok(image) = self.image(image) {
            // SAFETY: an image of libgimp's.
            unsafe { self.api.gimp_image_undo_group_start(image) };
        }
    }

    fn undo_end(&self, image: ImageId) {
        if let Ok(image) = self.image(image) {
            // SAFETY: an image of libgimp's.
            unsafe { self.api.gimp_image_undo_group_end(image) };
        }
    }

    fn flush(&self) {
        // SAFETY: no arguments.
        unsafe { self.api.gimp_displays_flush() };
    }

    fn parasite(&self, item: ItemId, name: &CStr) -> Result<Option<Vec<u8>>> {
        let item = self.item(item)?;
        // SAFETY: an item of libgimp's, and a text that outlives the call.
        let parasite = unsafe { self.api.gimp_item_get_parasite(item, name.as_ptr()) };
        if parasite.is_null() {
            return Ok(None);
        }
        let mut length = 0;
        // SAFETY: a parasite of ours with `length` bytes of data, freed once after copying.
        unsafe {
            let data = self.api.gimp_parasite_get_data(parasite, &mut length);
            let data = copied_bytes(data.cast(), length as usize);
            self.api.gimp_parasite_free(parasite);
            Ok(Some(data))
        }
    }

    fn progress_start(&self, doing: &CStr) {
        // SAFETY: a text that outlives the call.
        unsafe { self.api.gimp_progress_init(doing.as_ptr()) };
    }

    fn progress_text(&self, doing: &CStr) {
        // SAFETY: a text that outlives the call.
        unsafe { self.api.gimp_progress_set_text(doing.as_ptr()) };
    }

    fn progress_at(&self, fraction: f64) {
        // SAFETY: a plain number.
        unsafe { self.api.gimp_progress_update(fraction) };
    }

    fn progress_end(&self) {
        // SAFETY: no arguments.
        unsafe { self.api.gimp_progress_end() };
    }

    fn say(&self, what: &CStr) {
        // SAFETY: a text that outlives the call.
        unsafe { self.api.gimp_message(what.as_ptr()) };
    }

    fn parent_window(&self) -> ParentWindow {
        // SAFETY: no arguments; the handle becomes ours.
        let own = unsafe { self.window(self.api.gimp_progress_get_window_handle()) };
        if own != ParentWindow::None {
            return own;
        }
        // SAFETY: libgimp's display, if there is one; the handle becomes ours.
        unsafe {
            let display = self.api.gimp_default_display();
            if display.is_null() {
                return ParentWindow::None;
            }
            self.window(self.api.gimp_display_get_window_handle(display))
        }
    }

    fn setting(&self, name: &CStr) -> Option<String> {
        // SAFETY: a text that outlives the call; the answer becomes ours.
        unsafe { self.gegl.taken(self.api.gimp_gimprc_query(name.as_ptr())) }
    }
}

/// `GIMP_PARASITE_PERSISTENT`, a macro that the generator does not see: saved with the image.
const PERSISTENT: u32 = 1;

/// A width or height for C.
fn side(pixels: u32) -> Result<c_int> {
    c_int::try_from(pixels).map_err(|_| HostError::Area)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_handles() {
        assert_eq!(read_handle(&[]), ParentWindow::None);
        assert_eq!(read_handle(&0_u64.to_ne_bytes()), ParentWindow::None);
        assert_eq!(read_handle(&0x1c0_0007_u64.to_ne_bytes()), ParentWindow::X11(0x1c0_0007));
        assert_eq!(read_handle(b"AbCdEfGh"), ParentWindow::Wayland("AbCdEfGh".into()));
        assert_eq!(read_handle(b"a-longer-name\0"), ParentWindow::Wayland("a-longer-name".into()));
    }
}
