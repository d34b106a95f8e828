//! The calls into libgimp 2.10. Items and images are plain numbers there, which GIMP checks itself.

use std::ffi::{CStr, c_int};

use crate::call::{call, copied};
use crate::error::{HostError, Result};
use crate::gegl::{Buffer, Format, Gegl, Space, copied_bytes};
use crate::host::{BaseType, ImageId, ItemId, ParentWindow};
use crate::live::{Gimp, Kind};
use crate::pixels::Rect;
use crate::sys::gimp2 as sys;

/// libgimp 2.10. Lives in one thread and, once made, as long as the process.
pub(crate) struct Gimp2 {
    pub(crate) api: &'static sys::Gimp2,
    pub(crate) gegl: Gegl,
}

impl Gimp2 {
    /// Why the last call failed, in GIMP's words.
    pub(crate) fn reason(&self) -> String {
        // SAFETY: no arguments; the text stays until the next call.
        unsafe { copied(self.api.gimp_get_pdb_error()) }
    }

    /// A number that GIMP answers with, of which minus one means none.
    fn item(number: c_int) -> Option<ItemId> {
        (number > 0).then_some(ItemId(number))
    }
}

impl Gimp for Gimp2 {
    fn gegl(&self) -> &Gegl {
        &self.gegl
    }

    fn version(&self) -> String {
        // SAFETY: no arguments; the text becomes ours.
        unsafe { self.gegl.taken(self.api.gimp_version()) }.unwrap_or_else(|| "2.10".into())
    }

    fn image_size(&self, image: ImageId) -> Result<(u32, u32)> {
        // SAFETY: plain numbers.
        let (width, height) = unsafe {
            if self.api.gimp_image_is_valid(image.0) == 0 {
                return Err(HostError::Gone);
            }
            (self.api.gimp_image_width(image.0), self.api.gimp_image_height(image.0))
        };
        if width <= 0 || height <= 0 {
            return Err(HostError::Gone);
        }
        Ok((width.unsigned_abs(), height.unsigned_abs()))
    }

    fn base(&self, image: ImageId) -> Result<BaseType> {
        // SAFETY: plain numbers.
        match unsafe { self.api.gimp_image_base_type(image.0) } {
            sys::GIMP_RGB => Ok(BaseType::Rgb),
            sys::GIMP_GRAY => Ok(BaseType::Grey),
            sys::GIMP_INDEXED => Ok(BaseType::Indexed),
            _ => Err(HostError::Gone),
        }
    }

    fn profile(&self, image: ImageId) -> Result<Option<Vec<u8>>> {
        // SAFETY: plain numbers; the profile becomes ours.
        let profile = unsafe { self.api.gimp_image_get_color_profile(image.0) };
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
        let (mut some, mut x1, mut y1, mut x2, mut y2) = (0, 0, 0, 0, 0);
        // SAFETY: a plain number, and places for the answers that outlive the call.
        unsafe {
            call!(self, gimp_selection_bounds(image.0, &mut some, &mut x1, &mut y1, &mut x2, &mut y2))
        }?;
        let rect = Rect::new(x1, y1, (x2 - x1).max(0).unsigned_abs(), (y2 - y1).max(0).unsigned_abs());
        Ok((some != 0 && rect.area() > 0).then_some(rect))
    }

    fn selection_item(&self, image: ImageId) -> Result<ItemId> {
        // SAFETY: plain numbers.
        Ok(ItemId(unsafe { call!(self, gimp_image_get_selection(image.0)) }?))
    }

    fn kind(&self, item: ItemId) -> Result<Kind> {
        // SAFETY: plain numbers.
        unsafe {
            if self.api.gimp_item_is_valid(item.0) == 0 {
                return Err(HostError::Gone);
            }
            if self.api.gimp_item_is_layer_mask(item.0) != 0 {
                return Ok(Kind::MaskOf(ItemId(call!(self, gimp_layer_from_mask(item.0))?)));
            }
            if self.api.gimp_item_is_layer(item.0) == 0 {
                return Ok(Kind::Other);
            }
            Ok(if self.api.gimp_layer_is_floating_sel(item.0) != 0 { Kind::Floating } else { Kind::Layer })
        }
    }

    fn image_of(&self, item: ItemId) -> Result<ImageId> {
        // SAFETY: plain numbers.
        Ok(ImageId(unsafe { call!(self, gimp_item_get_image(item.0)) }?))
    }

    fn item_name(&self, item: ItemId) -> Result<String> {
        // SAFETY: a plain number; the text becomes ours.
        unsafe { self.gegl.taken(call!(self, gimp_item_get_name(item.0))?) }.ok_or(HostError::Gone)
    }

    fn layer_named(&self, image: ImageId, name: &CStr) -> Result<Option<ItemId>> {
        // SAFETY: a plain number, and a text that outlives the call.
        let layer = unsafe { self.api.gimp_image_get_layer_by_name(image.0, name.as_ptr()) };
        Ok((layer >= 0).then_some(ItemId(layer)))
    }

    fn size(&self, item: ItemId) -> Result<(u32, u32)> {
        // SAFETY: plain numbers.
        let size = unsafe {
            (call!(self, gimp_drawable_width(item.0))?, call!(self, gimp_drawable_height(item.0))?)
        };
        Ok((size.0.unsigned_abs(), size.1.unsigned_abs()))
    }

    fn offsets(&self, item: ItemId) -> Result<(i32, i32)> {
        let (mut x, mut y) = (0, 0);
        // SAFETY: a plain number, and places for the answers that outlive the call.
        unsafe { call!(self, gimp_drawable_offsets(item.0, &mut x, &mut y)) }?;
        Ok((x, y))
    }

    fn alpha(&self, item: ItemId) -> Result<bool> {
        // SAFETY: plain numbers.
        Ok(unsafe { self.api.gimp_drawable_has_alpha(item.0) } != 0)
    }

    fn format(&self, item: ItemId) -> Result<Format> {
        // SAFETY: a plain number.
        Gegl::format(unsafe { call!(self, gimp_drawable_get_format(item.0)) }?)
    }

    /// Formats carry no colour space in 2.10: numbers are kept as if they were sRGB, and a profile beside them says
    /// what they mean. Where they are kept in linear light, the curve of sRGB, which was put on when they were
    /// read, comes off before the profile has its say.
    fn way_to_srgb(&self, item: ItemId) -> Result<Vec<(Format, Format)>> {
        let Some(profile) = self.profile(self.image_of(item)?)? else { return Ok(Vec::new()) };
        let srgb = self.gegl.ours(Space::SRGB)?;
        let own = self.gegl.ours(self.gegl.space_of_profile(&profile))?;
        let linear = !self.gegl.encoding(self.format(item)?).contains('\'');
        let off = linear.then(|| self.gegl.with_space(c"RGBA float", Space::SRGB)).transpose()?;
        Ok(off.map(|bare| (srgb, bare)).into_iter().chain([(own, srgb)]).collect())
    }

    fn buffer(&self, item: ItemId) -> Result<Buffer<'_>> {
        // SAFETY: a plain number; the buffer becomes ours.
        unsafe { self.gegl.buffer(call!(self, gimp_drawable_get_buffer(item.0))?) }
    }

    fn updated(&self, item: ItemId, width: u32, height: u32) -> Result<()> {
        // SAFETY: plain numbers.
        unsafe { call!(self, gimp_drawable_update(item.0, 0, 0, side(width)?, side(height)?)) }.map(drop)
    }

    fn parent(&self, item: ItemId) -> Result<Option<ItemId>> {
        // SAFETY: plain numbers.
        Ok(Self::item(unsafe { self.api.gimp_item_get_parent(item.0) }))
    }

    fn position(&self, image: ImageId, item: ItemId) -> Result<i32> {
        // SAFETY: plain numbers.
        let position = unsafe { self.api.gimp_image_get_item_position(image.0, item.0) };
        if position < 0 { Err(HostError::Gone) } else { Ok(position) }
    }

    fn new_layer(&self, image: ImageId, name: &CStr, rect: Rect, grey: bool) -> Result<ItemId> {
        let kind = if grey { sys::GIMP_GRAYA_IMAGE } else { sys::GIMP_RGBA_IMAGE };
        let (width, height) = (side(rect.width)?, side(rect.height)?);
        // SAFETY: plain numbers, and a text that outlives the call.
        unsafe {
            let layer = call!(
                self,
                gimp_layer_new(
                    image.0,
                    name.as_ptr(),
                    width,
                    height,
                    kind,
                    100.0,
                    sys::GIMP_LAYER_MODE_NORMAL
                )
            )?;
            call!(self, gimp_layer_set_offsets(layer, rect.x, rect.y))
                .inspect_err(|_| self.discard(ItemId(layer)))?;
            Ok(ItemId(layer))
        }
    }

    fn new_group(&self, image: ImageId, name: &CStr) -> Result<ItemId> {
        // SAFETY: plain numbers, and a text that outlives the call.
        unsafe {
            let group = call!(self, gimp_layer_group_new(image.0))?;
            call!(self, gimp_item_set_name(group, name.as_ptr()))
                .inspect_err(|_| self.discard(ItemId(group)))?;
            Ok(ItemId(group))
        }
    }

    fn new_mask(&self, layer: ItemId) -> Result<ItemId> {
        // SAFETY: plain numbers.
        unsafe {
            let mask = call!(self, gimp_layer_create_mask(layer.0, sys::GIMP_ADD_MASK_WHITE))?;
            call!(self, gimp_layer_add_mask(layer.0, mask)).inspect_err(|_| self.discard(ItemId(mask)))?;
            Ok(ItemId(mask))
        }
    }

    fn attach(&self, item: ItemId, name: &CStr, data: &[u8]) -> Result<()> {
        let length = u32::try_from(data.len()).map_err(|_| HostError::Memory)?;
        // SAFETY: name and data outlive the call, which copies them; the parasite is freed once.
        unsafe {
            let parasite =
                call!(self, gimp_parasite_new(name.as_ptr(), PERSISTENT, length, data.as_ptr().cast()))?;
            let answer = call!(self, gimp_item_attach_parasite(item.0, parasite));
            self.api.gimp_parasite_free(parasite);
            answer.map(drop)
        }
    }

    fn put(&self, image: ImageId, layer: ItemId, parent: Option<ItemId>, position: i32) -> Result<()> {
        let parent = parent.map_or(0, |parent| parent.0);
        // SAFETY: plain numbers.
        unsafe { call!(self, gimp_image_insert_layer(image.0, layer.0, parent, position)) }.map(drop)
    }

    fn activate(&self, image: ImageId, layer: ItemId) -> Result<()> {
        // SAFETY: plain numbers.
        unsafe { call!(self, gimp_image_set_active_layer(image.0, layer.0)) }.map(drop)
    }

    fn remove(&self, image: ImageId, layer: ItemId) {
        // SAFETY: plain numbers.
        unsafe { self.api.gimp_image_remove_layer(image.0, layer.0) };
    }

    fn discard(&self, item: ItemId) {
        // SAFETY: plain numbers.
        unsafe { self.api.gimp_item_delete(item.0) };
    }

    // An image without undo answers no here, which is no reason to stop.
    fn undo_start(&self, image: ImageId) {
        // SAFETY: plain numbers.
        unsafe { self.api.gimp_image_undo_group_start(image.0) };
    }

    fn undo_end(&self, image: ImageId) {
        // SAFETY: plain numbers.
        unsafe { self.api.gimp_image_undo_group_end(image.0) };
    }

    fn flush(&self) {
        // SAFETY: no arguments.
        unsafe { self.api.gimp_displays_flush() };
    }

    fn parasite(&self, item: ItemId, name: &CStr) -> Result<Option<Vec<u8>>> {
        // SAFETY: a plain number, and a text that outlives the call.
        let parasite = unsafe { self.api.gimp_item_get_parasite(item.0, name.as_ptr()) };
        if parasite.is_null() {
            return Ok(None);
        }
        // SAFETY: a parasite of ours, with `size` bytes of data, freed once after copying.
        unsafe {
            let data = copied_bytes((*parasite).data.cast(), (*parasite).size as usize);
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
        // SAFETY: plain numbers.
        let own = unsafe { self.api.gimp_progress_get_window_handle() };
        let window = match own {
            // SAFETY: plain numbers.
            0 => unsafe { self.api.gimp_display_get_window_handle(self.api.gimp_default_display()) },
            window => window,
        };
        // GIMP 2.10 speaks X11 only. It keeps the number unsigned.
        match window.cast_unsigned() {
            0 => ParentWindow::None,
            window => ParentWindow::X11(u64::from(window)),
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
