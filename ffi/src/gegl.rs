//! Pixels: GEGL buffers and babl formats, which both GIMPs share.

use std::ffi::{CStr, c_int, c_long, c_void};
use std::ptr::{NonNull, null, null_mut};

use crate::call::{call, copied};
use crate::error::{HostError, Result};
use crate::native::Whole;
use crate::pixels::Rect;
use crate::sys::common::{self, Common};

/// How our pixels look in memory.
pub(crate) const OURS: &CStr = c"R'G'B'A float";
/// One channel as plain numbers.
pub(crate) const PLAIN: &CStr = c"Y float";
/// One channel that is coded for display, as the numbers that are kept.
pub(crate) const PLAIN_CODED: &CStr = c"Y' float";
/// Values we read or write at once, 16 MiB of floats. GEGL counts bytes in an `int`.
const BAND: usize = 4 << 20;
/// Pixels that babl converts at once.
const CHUNK: usize = 4096;

/// GLib, babl and GEGL as the running GIMP has them.
pub(crate) struct Gegl {
    pub(crate) api: Common,
}

/// A babl format. Babl keeps formats until the process ends.
#[derive(Clone, Copy)]
pub(crate) struct Format(NonNull<common::Babl>);

/// A babl colour space; null means sRGB. Babl keeps spaces until the process ends.
#[derive(Clone, Copy)]
pub(crate) struct Space(*const common::Babl);

impl Space {
    pub(crate) const SRGB: Self = Self(null());
}

/// Sixteen floats on a boundary of the widest vector registers.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Block {
    _floats: [f32; 16],
}

/// Room that babl's vector code may work in. Some of it, such as the matrices between colour spaces, loads whole
/// registers without asking whether the address is a multiple of 16, and crashes on ordinary slices.
struct Room(Vec<Block>);

impl Room {
    fn new(bytes: usize) -> Result<Self> {
        let count = bytes.div_ceil(size_of::<Block>()).max(1);
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count).map_err(|_| HostError::Memory)?;
        blocks.resize(count, Block { _floats: [0.0; 16] });
        Ok(Self(blocks))
    }

    fn floats(&mut self) -> &mut [f32] {
        let count = self.0.len() * 16;
        // SAFETY: blocks are sixteen floats each without gaps, as 64 is their size too.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), count) }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the memory of the blocks, which is initialised and has no gaps.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), size_of_val(self.0.as_slice())) }
    }

    fn address(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }
}

/// A GEGL buffer of a drawable, owned. Dropping it sends what was written to GIMP.
pub(crate) struct Buffer<'a> {
    gegl: &'a Gegl,
    raw: NonNull<common::GeglBuffer>,
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        // SAFETY: the one reference this value owns, see `Gegl::buffer`.
        unsafe { self.gegl.api.g_object_unref(self.raw.as_ptr().cast()) }
    }
}

impl Gegl {
    /// Looks everything up in `library` and what it stands on.
    pub(crate) fn open(library: &str) -> Result<Self> {
        // SAFETY: GIMP's own libraries; their constructors run in every plug-in.
        let api = unsafe { Common::new(library) }
            .map_err(|error| HostError::Library { library: library.into(), reason: error.to_string() })?;
        Ok(Self { api })
    }

    /// Must run once before any buffer is used.
    pub(crate) fn start(&self) {
        // SAFETY: null arguments are allowed: no options for GEGL.
        unsafe { self.api.gegl_init(null_mut(), null_mut()) }
    }

    /// Frees memory that GLib handed to us.
    ///
    /// # Safety
    ///
    /// `memory` is null or was allocated by GLib, belongs to the caller, and is not used again.
    pub(crate) unsafe fn free(&self, memory: *mut c_void) {
        // SAFETY: the caller promises it.
        unsafe { self.api.g_free(memory) }
    }

    /// Copies a text that GLib handed to us, and frees it. `None` for null.
    ///
    /// # Safety
    ///
    /// As for [`Self::free`]; and it is a text that ends with a zero byte.
    pub(crate) unsafe fn taken(&self, text: *mut std::ffi::c_char) -> Option<String> {
        if text.is_null() {
            return None;
        }
        // SAFETY: the caller promises it.
        let owned = unsafe { copied(text) };
        // SAFETY: the caller promises it, and we have our copy.
        unsafe { self.free(text.cast()) };
        Some(owned)
    }

    /// Copies bytes that GLib handed to us, and releases them. Empty for null.
    ///
    /// # Safety
    ///
    /// `bytes` is null, or a reference that belongs to the caller and is not used again.
    pub(crate) unsafe fn bytes(&self, bytes: *mut common::GBytes) -> Vec<u8> {
        if bytes.is_null() {
            return Vec::new();
        }
        let mut length: common::gsize = 0;
        // SAFETY: not null, so valid by the caller's promise.
        let data = unsafe { self.api.g_bytes_get_data(bytes, &mut length) }.cast::<u8>();
        // SAFETY: GBytes promises `length` bytes at `data` while we hold the reference.
        let owned = unsafe { copied_bytes(data, length as usize) };
        // SAFETY: the reference is ours to release.
        unsafe { self.api.g_bytes_unref(bytes) };
        owned
    }

    /// The format that `raw` names; fails for null.
    pub(crate) fn format(raw: *const common::Babl) -> Result<Format> {
        NonNull::new(raw.cast_mut()).map(Format).ok_or(HostError::Gone)
    }

    /// The name of a format without its colour space, such as `R'G'B' u16`.
    pub(crate) fn encoding(&self, format: Format) -> String {
        // SAFETY: formats live for ever, and so do their names.
        unsafe { copied(self.api.babl_format_get_encoding(format.0.as_ptr())) }
    }

    /// The colour space of a format.
    pub(crate) fn space(&self, of: Format) -> Space {
        // SAFETY: formats live for ever, and so do their spaces.
        Space(unsafe { self.api.babl_format_get_space(of.0.as_ptr()) })
    }

    /// The colour space that a profile describes. Babl knows matrices and curves, not tables; a profile of
    /// tables is taken for sRGB, as GIMP 3 does.
    pub(crate) fn space_of_profile(&self, icc: &[u8]) -> Space {
        let Ok(length) = c_int::try_from(icc.len()) else { return Space::SRGB };
        let mut error = null();
        // SAFETY: `length` bytes that outlive the call, and a place for a text that lives for ever.
        let space = unsafe {
            self.api.babl_space_from_icc(
                icc.as_ptr().cast(),
                length,
                common::BABL_ICC_INTENT_RELATIVE_COLORIMETRIC,
                &mut error,
            )
        };
        if space.is_null() {
            // SAFETY: null or a text that lives for ever.
            log::warn!("the colour profile is taken for sRGB: {}", unsafe { copied(error) });
        }
        Space(space)
    }

    /// Our own pixel format in a colour space.
    pub(crate) fn ours(&self, space: Space) -> Result<Format> {
        self.with_space(OURS, space)
    }

    /// The format `encoding` in a colour space.
    pub(crate) fn with_space(&self, encoding: &CStr, space: Space) -> Result<Format> {
        // SAFETY: a known encoding and a space of babl's or null.
        let raw = unsafe { call!(self, babl_format_with_space(encoding.as_ptr(), space.0)) }?;
        Self::format(raw)
    }

    /// The same encoding as if its space were sRGB.
    fn as_srgb(&self, format: Format) -> Result<Format> {
        // SAFETY: formats live for ever, and so do their names; a null space means sRGB.
        let raw = unsafe {
            let encoding = call!(self, babl_format_get_encoding(format.0.as_ptr()))?;
            call!(self, babl_format_with_space(encoding, null()))
        }?;
        Self::format(raw)
    }

    /// Room for pixels of a format.
    fn room(&self, format: Format, pixels: usize) -> Result<Room> {
        // SAFETY: formats live for ever.
        let size = unsafe { call!(self, babl_format_get_bytes_per_pixel(format.0.as_ptr())) }?;
        Room::new(pixels.checked_mul(size.unsigned_abs() as usize).ok_or(HostError::Memory)?)
    }

    /// Converts from one format to another.
    fn fish(&self, from: Format, to: Format) -> Result<*const common::Babl> {
        // SAFETY: two formats of babl's.
        unsafe { call!(self, babl_fish(from.0.as_ptr().cast(), to.0.as_ptr().cast())) }
    }

    /// Converts pixels of four floats in place.
    pub(crate) fn convert(&self, rgba: &mut [f32], from: Format, to: Format) -> Result<()> {
        if from.0 == to.0 {
            return Ok(());
        }
        if !rgba.len().is_multiple_of(4) {
            return Err(HostError::Area);
        }
        let fish = self.fish(from, to)?;
        let (mut before, mut after) = (Room::new(CHUNK * 16)?, Room::new(CHUNK * 16)?);
        for chunk in rgba.chunks_mut(CHUNK * 4) {
            let pixels = chunk.len() / 4;
            before.floats()[..chunk.len()].copy_from_slice(chunk);
            // SAFETY: both have room for `pixels` pixels of four floats, as both formats say, and are apart.
            unsafe { self.api.babl_process(fish, before.address(), after.address(), pixels as c_long) };
            chunk.copy_from_slice(&after.floats()[..chunk.len()]);
        }
        Ok(())
    }

    /// Takes a buffer over.
    ///
    /// # Safety
    ///
    /// `raw` is a buffer of the running GIMP, with one reference that becomes ours.
    pub(crate) unsafe fn buffer(&self, raw: *mut common::GeglBuffer) -> Result<Buffer<'_>> {
        NonNull::new(raw).map(|raw| Buffer { gegl: self, raw }).ok_or(HostError::Gone)
    }

    /// Why a call of these libraries failed; they do not say.
    pub(crate) fn reason(&self) -> String {
        "no reason given".into()
    }
}

impl Buffer<'_> {
    /// Reads `rect` of a buffer kept as `native` into `channels` floats per pixel in the encoding `wanted`. What lies
    /// outside of the buffer is zero.
    ///
    /// The numbers are taken as they are kept, as if their space were sRGB: within another space babl goes
    /// through its approximated curves even from 16 bits to float, and up to 46 of 65535 levels are lost on the
    /// way there and back. What the space means for colours is `Gimp::way_to_srgb`'s business.
    pub(crate) fn read(
        &self,
        rect: Rect,
        native: Format,
        wanted: &CStr,
        channels: usize,
    ) -> Result<Vec<f32>> {
        let gegl = self.gegl;
        let fish = gegl.fish(gegl.as_srgb(native)?, gegl.with_space(wanted, Space::SRGB)?)?;
        let mut values = zeros(rect.area().checked_mul(channels).ok_or(HostError::Memory)?)?;
        let whole = Whole::of(&gegl.encoding(native)).filter(|_| wanted == OURS);
        let (row, rows) = band(rect, channels);
        let mut kept = gegl.room(native, rows.saturating_mul(rect.width as usize))?;
        let mut ours = Room::new(rows.saturating_mul(row).saturating_mul(4))?;
        for (index, part) in values.chunks_mut(rows * row).enumerate() {
            let area = rectangle(rect, index * rows, part.len() / row)?;
            // SAFETY: `kept` has room for a band in `native`, `ours` for the same pixels in `wanted`; 0 means rows
            // without gaps.
            unsafe {
                gegl.api.gegl_buffer_get(
                    self.raw.as_ptr(),
                    &area,
                    1.0,
                    native.0.as_ptr(),
                    kept.address(),
                    0,
                    common::GEGL_ABYSS_NONE,
                );
            }
            if let Some(whole) = whole {
                whole.decode(kept.bytes(), part);
                continue;
            }
            let pixels = (part.len() / channels) as c_long;
            // SAFETY: as above.
            unsafe { gegl.api.babl_process(fish, kept.address(), ours.address(), pixels) };
            part.copy_from_slice(&ours.floats()[..part.len()]);
        }
        Ok(values)
    }

    /// Writes `rect` of a buffer kept as `native` from `channels` floats per pixel in the encoding `given`, the
    /// reverse of [`Self::read`].
    pub(crate) fn write(
        &self,
        rect: Rect,
        native: Format,
        given: &CStr,
        channels: usize,
        values: &[f32],
    ) -> Result<()> {
        if rect.area() == 0 || rect.area().checked_mul(channels) != Some(values.len()) {
            return Err(HostError::Area);
        }
        let gegl = self.gegl;
        let fish = gegl.fish(gegl.with_space(given, Space::SRGB)?, gegl.as_srgb(native)?)?;
        let (row, rows) = band(rect, channels);
        let mut kept = gegl.room(native, rows.saturating_mul(rect.width as usize))?;
        let mut ours = Room::new(rows.saturating_mul(row).saturating_mul(4))?;
        for (index, part) in values.chunks(rows * row).enumerate() {
            let area = rectangle(rect, index * rows, part.len() / row)?;
            ours.floats()[..part.len()].copy_from_slice(part);
            // SAFETY: as for reading; GEGL copies before it returns.
            unsafe {
                let pixels = (part.len() / channels) as c_long;
                gegl.api.babl_process(fish, ours.address(), kept.address(), pixels);
                gegl.api.gegl_buffer_set(self.raw.as_ptr(), &area, 0, native.0.as_ptr(), kept.address(), 0);
            }
        }
        Ok(())
    }
}

/// Values in a row, and rows in a band.
fn band(rect: Rect, channels: usize) -> (usize, usize) {
    let row = (rect.width as usize * channels).max(1);
    (row, (BAND / row).clamp(1, rect.height.max(1) as usize))
}

/// Copies bytes from C.
///
/// # Safety
///
/// `data` is null or points to `length` bytes.
pub(crate) unsafe fn copied_bytes(data: *const u8, length: usize) -> Vec<u8> {
    if data.is_null() || length == 0 {
        return Vec::new();
    }
    // SAFETY: not null, and the caller promises the rest.
    unsafe { std::slice::from_raw_parts(data, length) }.to_vec()
}

/// `count` zeros, or an error where the machine has no room for them.
pub(crate) fn zeros(count: usize) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| HostError::Memory)?;
    values.resize(count, 0.0);
    Ok(values)
}

fn rectangle(rect: Rect, row: usize, height: usize) -> Result<common::GeglRectangle> {
    let number = |value: usize| i32::try_from(value).map_err(|_| HostError::Area);
    Ok(common::GeglRectangle {
        x: rect.x,
        y: rect.y.checked_add(number(row)?).ok_or(HostError::Area)?,
        width: number(rect.width as usize)?,
        height: number(height)?,
    })
}
