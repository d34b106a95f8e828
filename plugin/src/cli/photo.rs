//! A picture file as a host, so that the command line walks the same road as GIMP.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use image::codecs::{png::PngEncoder, tiff::TiffEncoder};
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};
use indicatif::{ProgressBar, ProgressStyle};
use pentimento_ffi::HostError;
use pentimento_ffi::host::{
    BaseType, DrawableInfo, Host, ImageId, ImageInfo, Insert, ItemId, NewLayer, ParentWindow, Where,
};
use pentimento_ffi::pixels::{Mask, Pixels, Rect};

use super::colour::{Colour, Way};
use crate::error::PluginError;

/// The only image and drawable of a file.
pub const IMAGE: ImageId = ImageId(1);
/// The drawable of [`IMAGE`].
pub const DRAWABLE: ItemId = ItemId(1);

/// The most memory that a picture may take: a gigapixel of 16 bits.
const MOST_BYTES: u64 = 8 << 30;

/// A picture file, opened for editing. New layers are merged onto it.
pub struct Photo {
    samples: RefCell<DynamicImage>,
    profile: Option<Vec<u8>>,
    colour: Colour,
    selection: Option<Rect>,
    layers: Cell<i32>,
    /// Where layers of a group are written to, each by itself.
    apart: RefCell<Option<(PathBuf, bool)>>,
    progress: ProgressBar,
}

/// The name of one of several results: `out-01.tif`.
pub fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!("{stem}-{number:02}.{ending}"))
}

impl Photo {
    /// Opens a PNG or TIFF of 8 or 16 bits a channel, or 32-bit float.
    pub fn open(path: &Path, selection: Option<Rect>) -> Result<Self, PluginError> {
        let failed = |what: String| PluginError::File { what, path: path.display().to_string() };
        let file = File::open(path).map_err(|e| failed(format!("cannot open the picture ({e})")))?;
        let reader = ImageReader::new(BufReader::new(file)).with_guessed_format();
        let mut reader = reader.map_err(|e| failed(format!("cannot read the picture ({e})")))?;
        // The usual limit refuses photos of 100 megapixels.
        let mut limits = Limits::default();
        limits.max_alloc = Some(MOST_BYTES);
        reader.limits(limits);
        if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Tiff)) {
            return Err(failed("this is not a PNG or TIFF; convert it to one of them".to_owned()));
        }
        let mut decoder =
            reader.into_decoder().map_err(|e| failed(format!("the picture is damaged ({e})")))?;
        let profile =
            decoder.icc_profile().map_err(|e| failed(format!("the colour profile is damaged ({e})")))?;
        let samples = DynamicImage::from_decoder(decoder);
        let samples = samples.map_err(|e| failed(format!("the picture is damaged ({e})")))?;
        let colour = Colour::new(profile.as_deref(), samples.color().has_color()).map_err(failed)?;
        let style = ProgressStyle::with_template("{msg:28} {wide_bar} {percent:>3} %");
        let progress =
            ProgressBar::new(1000).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Ok(Self {
            samples: RefCell::new(samples),
            profile,
            colour,
            selection,
            layers: Cell::new(0),
            apart: RefCell::default(),
            progress,
        })
    }

    /// From now on each layer of a group is written to a numbered file of its own, and not onto the others; counted from
    /// the top, or, `upwards`, from the bottom.
    pub fn apart(&self, path: &Path, upwards: bool) {
        *self.apart.borrow_mut() = Some((path.to_owned(), upwards));
    }

    /// Writes a PNG or TIFF, by the ending of `path`, at the precision and with the profile of the original.
    pub fn save(&self, path: &Path) -> Result<(), PluginError> {
        if self.apart.borrow().is_some() && self.layers.get() > 1 {
            // They have been written one by one.
            return Ok(());
        }
        self.write(path)
    }

    fn write(&self, path: &Path) -> Result<(), PluginError> {
        let failed = |what: String| PluginError::File { what, path: path.display().to_string() };
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        let mut bytes = std::io::Cursor::new(Vec::new());
        let samples = self.samples.borrow();
        let written = match ending.as_str() {
            "png" => self.encode(PngEncoder::new(&mut bytes), &samples),
            "tif" | "tiff" => self.encode(TiffEncoder::new(&mut bytes), &samples),
            _ => return Err(failed("the name must end in .png, .tif or .tiff".to_owned())),
        };
        written.map_err(|e| failed(format!("this picture cannot be written as {ending} ({e})")))?;
        // Encoded in memory first: a full disk or a wrong format never leaves half a file in place of a whole.
        let mut file = BufWriter::new(File::create(path).map_err(|e| failed(format!("cannot write ({e})")))?);
        let end = file.write_all(bytes.get_ref()).and_then(|()| file.flush());
        end.map_err(|e| failed(format!("cannot write ({e})")))
    }

    fn encode(&self, mut encoder: impl ImageEncoder, samples: &DynamicImage) -> image::ImageResult<()> {
        if let Some(profile) = &self.profile {
            encoder.set_icc_profile(profile.clone()).map_err(image::ImageError::Unsupported)?;
        }
        samples.write_with_encoder(encoder)
    }

    fn rect(&self) -> Rect {
        let samples = self.samples.borrow();
        Rect::new(0, 0, samples.width(), samples.height())
    }

    /// Merges a layer. Where its mask is zero the samples stay as they are, bit for bit.
    fn merge(&self, layer: &NewLayer<'_>) -> Result<(), HostError> {
        for strip in layer.strips() {
            // Drawn before anything is borrowed: drawing reads these very samples, of rows that are yet to change.
            let strip = strip?;
            let rect = strip.pixels.rect;
            let place = |i: usize| {
                let (x, y) = (i % rect.width as usize, i / rect.width as usize);
                (rect.x as u32 + x as u32, rect.y as u32 + y as u32)
            };
            let mut samples = self.samples.borrow_mut();
            for (i, (pixel, mask)) in strip.pixels.rgba.chunks_exact(4).zip(&strip.mask.values).enumerate() {
                if *mask > 0.0 {
                    let (x, y) = place(i);
                    blend(&mut samples, x, y, pixel, *mask);
                }
            }
        }
        self.layers.set(self.layers.get() + 1);
        Ok(())
    }

    /// Merges layers, each onto the photo as it was, and writes each into a file.
    fn merge_apart(&self, layers: &[NewLayer<'_>], path: &Path, upwards: bool) -> Result<(), HostError> {
        let refused = |why: PluginError| HostError::Refused { call: "writing", reason: why.to_string() };
        for (i, layer) in layers.iter().enumerate() {
            let before = self.samples.borrow().clone();
            let merged = self.merge(layer);
            let number = if upwards { layers.len() - i } else { i + 1 };
            let written = merged.and_then(|()| self.write(&numbered(path, number)).map_err(refused));
            *self.samples.borrow_mut() = before;
            written?;
        }
        Ok(())
    }
}

impl Host for Photo {
    fn name(&self) -> String {
        concat!("pentimento ", env!("CARGO_PKG_VERSION")).to_owned()
    }

    fn image(&self, _: ImageId) -> pentimento_ffi::error::Result<ImageInfo> {
        let rect = self.rect();
        let base = if self.samples.borrow().color().has_color() { BaseType::Rgb } else { BaseType::Grey };
        Ok(ImageInfo { base, width: rect.width, height: rect.height, profile: self.profile.clone() })
    }

    fn drawable(&self, _: ItemId) -> pentimento_ffi::error::Result<DrawableInfo> {
        let samples = self.samples.borrow();
        Ok(DrawableInfo {
            name: "Photo".to_owned(),
            rect: self.rect(),
            alpha: samples.color().has_alpha(),
            format: format!("{:?}", samples.color()),
        })
    }

    fn read(&self, _: ItemId, rect: Rect) -> pentimento_ffi::error::Result<Pixels> {
        if rect.area() == 0 || self.rect().intersect(&rect) != Some(rect) {
            return Err(HostError::Area);
        }
        let samples = self.samples.borrow();
        let part = samples.crop_imm(rect.x as u32, rect.y as u32, rect.width, rect.height);
        Ok(Pixels { rect, rgba: part.to_rgba32f().into_raw() })
    }

    fn to_srgb(&self, _: ItemId, rgba: &mut [f32]) -> pentimento_ffi::error::Result<()> {
        self.colour.convert(Way::ToSrgb, rgba)
    }

    fn from_srgb(&self, _: ItemId, rgba: &mut [f32]) -> pentimento_ffi::error::Result<()> {
        self.colour.convert(Way::FromSrgb, rgba)
    }

    fn selection_bounds(&self, _: ImageId) -> pentimento_ffi::error::Result<Option<Rect>> {
        Ok(self.selection)
    }

    fn selection(&self, _: ImageId, rect: Rect) -> pentimento_ffi::error::Result<Mask> {
        let selected = self.selection.unwrap_or_else(|| self.rect());
        let inside = |x: i32, y: i32| selected.intersect(&Rect::new(x, y, 1, 1)).is_some();
        let rows = rect.y..rect.bottom();
        let values =
            rows.flat_map(|y| (rect.x..rect.right()).map(move |x| if inside(x, y) { 1.0 } else { 0.0 }));
        Ok(Mask { rect, values: values.collect() })
    }

    fn insert(&self, _: ImageId, _: Where, what: &Insert<'_>) -> pentimento_ffi::error::Result<ItemId> {
        let apart = self.apart.borrow().clone();
        match (what, apart) {
            (Insert::Layer(layer), _) => self.merge(layer)?,
            (Insert::Group { layers, .. }, Some((path, upwards))) => {
                self.merge_apart(layers, &path, upwards)?
            }
            // The first lies on top, so it is merged last.
            (Insert::Group { layers, .. }, None) => {
                layers.iter().rev().try_for_each(|layer| self.merge(layer))?;
            }
        }
        Ok(ItemId(DRAWABLE.0 + self.layers.get()))
    }

    fn layer_named(&self, _: ImageId, _: &str) -> pentimento_ffi::error::Result<Option<ItemId>> {
        Ok(Some(DRAWABLE))
    }

    fn parasite(&self, _: ItemId, _: &str) -> pentimento_ffi::error::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn progress(&self, fraction: f32, doing: &str) {
        if fraction >= 1.0 {
            return self.progress.finish_and_clear();
        }
        self.progress.set_message(doing.to_owned());
        self.progress.set_position((fraction.clamp(0.0, 1.0) * 1000.0) as u64);
    }

    fn say(&self, text: &str) {
        self.progress.suspend(|| eprintln!("{text}"));
    }

    fn parent_window(&self) -> ParentWindow {
        ParentWindow::None
    }

    fn dark(&self) -> Option<bool> {
        None
    }
}

/// Blends one R'G'B'A pixel over a sample of any precision; alpha stays.
fn blend(samples: &mut DynamicImage, x: u32, y: u32, new: &[f32], mask: f32) {
    let colour = [new[0], new[1], new[2]];
    // Rec. 709 luma; of an equal-valued difference it is that value.
    let grey = [0.2126 * new[0] + 0.7152 * new[1] + 0.0722 * new[2]];
    let eight = |old: u8, new: f32| (f32::from(old) + (new * 255.0 - f32::from(old)) * mask).round() as u8;
    let sixteen =
        |old: u16, new: f32| (f32::from(old) + (new * 65535.0 - f32::from(old)) * mask).round() as u16;
    let float = |old: f32, new: f32| old + (new - old) * mask;
    macro_rules! each {
        ($image:expr, $new:expr, $mix:expr) => {
            $image.get_pixel_mut(x, y).0.iter_mut().zip($new).for_each(|(old, new)| *old = $mix(*old, new))
        };
    }
    match samples {
        DynamicImage::ImageLuma8(image) => each!(image, grey, eight),
        DynamicImage::ImageLumaA8(image) => each!(image, grey, eight),
        DynamicImage::ImageRgb8(image) => each!(image, colour, eight),
        DynamicImage::ImageRgba8(image) => each!(image, colour, eight),
        DynamicImage::ImageLuma16(image) => each!(image, grey, sixteen),
        DynamicImage::ImageLumaA16(image) => each!(image, grey, sixteen),
        DynamicImage::ImageRgb16(image) => each!(image, colour, sixteen),
        DynamicImage::ImageRgba16(image) => each!(image, colour, sixteen),
        DynamicImage::ImageRgb32F(image) => each!(image, colour, float),
        DynamicImage::ImageRgba32F(image) => each!(image, colour, float),
        // `DynamicImage` may gain formats; PNG and TIFF decode to none but these.
        _ => log::error!("a picture of an unknown format was left as it was"),
    }
}
