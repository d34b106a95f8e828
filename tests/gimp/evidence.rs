//! What was written down about an image, and what may be claimed about it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use pentimento_protocol::recipe::Recipe;

/// Pixels exactly as a drawable holds them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    bytes: Vec<u8>,
}

/// An image before or after.
#[derive(Debug)]
pub(crate) struct Evidence {
    folder: std::path::PathBuf,
    /// Layers beside the photo, itself included.
    pub(crate) layers: usize,
    pub(crate) selection_bounds: String,
    pub(crate) photo_name: String,
    /// Length of the colour profile; 0 if there is none.
    pub(crate) profile: usize,
    pub(crate) photo: Raster,
    pub(crate) selection: Raster,
    /// What is seen; not there for indexed images.
    pub(crate) visible: Option<Raster>,
}

/// The layer on top.
#[derive(Debug)]
pub(crate) struct NewLayer {
    pub(crate) name: String,
    pub(crate) x: i64,
    pub(crate) y: i64,
    pub(crate) pixels: Raster,
    pub(crate) mask: Raster,
    pub(crate) recipe: Recipe,
}

impl Evidence {
    /// Reads a folder that `op-dump` wrote.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let fact = |name: &str| fact(folder, name);
        Ok(Self {
            folder: folder.to_owned(),
            layers: fact("layers")?.parse().context("layers")?,
            selection_bounds: fact("selection")?,
            photo_name: fact("photo-name")?,
            profile: fact("profile-bytes")?.parse().context("profile")?,
            photo: Raster::read(folder, "photo")?,
            selection: Raster::read(folder, "selection")?,
            visible: Raster::read(folder, "visible").ok(),
        })
    }

    /// The layer on top.
    pub(crate) fn new_layer(&self) -> Result<NewLayer> {
        let fact = |name: &str| fact(&self.folder, name);
        ensure!(fact("mask")? == "there", "the new layer has no mask");
        let recipe = fact("recipe")?;
        let pixels = Raster::read(&self.folder, "new")?;
        let size = format!("{} {}", fact("width")?, fact("height")?);
        ensure!(size == format!("{} {}", pixels.width, pixels.height), "the layer is {size}");
        Ok(NewLayer {
            name: fact("name")?,
            x: fact("x")?.parse()?,
            y: fact("y")?.parse()?,
            pixels,
            mask: Raster::read(&self.folder, "mask")?,
            recipe: Recipe::from_toml(&recipe).with_context(|| format!("this is no recipe: {recipe}"))?,
        })
    }
}

fn fact(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(format!("fact-{name}"));
    Ok(fs::read_to_string(&path)
        .with_context(|| format!("GIMP left no {}", path.display()))?
        .trim()
        .to_owned())
}

impl Raster {
    /// Reads `NAME.raw`, `.png` or `.tif`.
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let named = |end: &str| folder.join(format!("{name}.{end}"));
        if let Ok(all) = fs::read(named("raw")) {
            let line = all.iter().position(|&byte| byte == b'\n').context("no size in a raw file")?;
            let size = std::str::from_utf8(&all[..line])?;
            let (width, height) = size.split_once(' ').context("no size in a raw file")?;
            return Self::new(width.parse()?, height.parse()?, all[line + 1..].to_vec());
        }
        if named("png").is_file() {
            let mut reader = image::ImageReader::open(named("png"))?;
            reader.no_limits();
            let picture = reader.decode()?;
            return Self::new(picture.width(), picture.height(), picture.as_bytes().to_vec());
        }
        let path = named("tif");
        let file = fs::File::open(&path).with_context(|| format!("GIMP left no pixels of {name}"))?;
        let mut decoder = tiff::decoder::Decoder::new(std::io::BufReader::new(file))?
            .with_limits(tiff::decoder::Limits::unlimited());
        let (width, height) = decoder.dimensions()?;
        let bytes = match decoder.read_image()? {
            tiff::decoder::DecodingResult::U8(values) => values,
            tiff::decoder::DecodingResult::U16(values) => {
                values.iter().flat_map(|v| v.to_ne_bytes()).collect()
            }
            tiff::decoder::DecodingResult::F32(values) => {
                values.iter().flat_map(|v| v.to_ne_bytes()).collect()
            }
            _ => bail!("{} holds neither integers of 8 or 16 bits nor floats", path.display()),
        };
        Self::new(width, height, bytes)
    }

    fn new(width: u32, height: u32, bytes: Vec<u8>) -> Result<Self> {
        let (width, height) = (width as usize, height as usize);
        let whole = !bytes.is_empty() && bytes.len().is_multiple_of(width * height);
        ensure!(whole, "{} bytes are not {width} × {height} pixels", bytes.len());
        Ok(Self { width, height, bytes })
    }

    /// Bytes of one pixel, all channels.
    fn stride(&self) -> usize {
        self.bytes.len() / (self.width * self.height)
    }

    fn pixel(&self, x: usize, y: usize) -> &[u8] {
        let stride = self.stride();
        &self.bytes[(y * self.width + x) * stride..][..stride]
    }

    /// Whether a pixel is zero in every bit.
    fn is_zero(&self, x: usize, y: usize) -> bool {
        self.pixel(x, y).iter().all(|&byte| byte == 0)
    }
}

impl Raster {
    /// Whether nothing is seen of a pixel with an alpha channel, whatever colour lies under it.
    fn is_transparent(&self, x: usize, y: usize) -> bool {
        // Pixels of three channels never have such sizes.
        let stride = self.stride();
        let pixel = self.pixel(x, y);
        matches!(stride, 4 | 8 | 16) && pixel[stride - stride / 4..].iter().all(|&byte| byte == 0)
    }
}

/// The user's layer and selection are as they were, bit for bit.
pub(crate) fn untouched(before: &Evidence, after: &Evidence) -> Result<()> {
    ensure!(before.photo == after.photo, "the user's own layer was changed");
    ensure!(before.photo_name == after.photo_name, "the user's layer was renamed to {}", after.photo_name);
    ensure!(before.profile == after.profile, "the colour profile was changed");
    ensure!(before.selection == after.selection, "the selection was changed");
    ensure!(before.selection_bounds == after.selection_bounds, "the selection has moved");
    Ok(())
}

/// Nothing at all has happened.
pub(crate) fn nothing_happened(before: &Evidence, after: &Evidence) -> Result<()> {
    untouched(before, after)?;
    ensure!(before.layers == after.layers, "there are {} layers instead of {}", after.layers, before.layers);
    ensure!(before.visible == after.visible, "the picture looks different");
    Ok(())
}

/// One layer came, and what is seen differs inside its mask and nowhere else. `rounding` is how far 16-bit
/// values may be off where GIMP itself cannot do better; 0 means bit for bit.
pub(crate) fn edited(before: &Evidence, after: &Evidence, rounding: u16) -> Result<NewLayer> {
    untouched(before, after)?;
    ensure!(
        after.layers == before.layers + 1,
        "there are {} layers instead of {}",
        after.layers,
        before.layers + 1
    );
    let layer = after.new_layer()?;
    let (old, new) = before.visible.as_ref().zip(after.visible.as_ref()).context("nothing is seen")?;
    ensure!((old.width, old.height) == (new.width, new.height), "the image has another size");
    ensure!(old.stride() == new.stride(), "the image has another precision");
    let (mut outside, mut changed, mut wrong) = (0usize, 0usize, 0usize);
    for y in 0..new.height {
        for x in 0..new.width {
            let same =
                old.pixel(x, y) == new.pixel(x, y) || (old.is_transparent(x, y) && new.is_transparent(x, y));
            if masked_in(&layer, x, y) {
                changed += usize::from(!same);
            } else {
                outside += 1;
                wrong += usize::from(!same && !off_by(old.pixel(x, y), new.pixel(x, y), rounding));
            }
        }
    }
    ensure!(wrong == 0, "{wrong} of {outside} pixels outside the mask are not bit-identical");
    ensure!(outside > 0, "the mask leaves nothing out");
    ensure!(changed > 100, "only {changed} pixels were changed");
    Ok(layer)
}

/// Whether two pixels of 16-bit values differ by no more than `rounding`.
fn off_by(old: &[u8], new: &[u8], rounding: u16) -> bool {
    let values = |bytes: &[u8]| -> Vec<u16> {
        bytes.chunks_exact(2).map(|two| u16::from_ne_bytes([two[0], two[1]])).collect()
    };
    rounding > 0 && values(old).iter().zip(values(new)).all(|(old, new)| old.abs_diff(new) <= rounding)
}

/// Whether the layer and its mask let anything through at a pixel of the image.
fn masked_in(layer: &NewLayer, x: usize, y: usize) -> bool {
    let (x, y) = (x as i64 - layer.x, y as i64 - layer.y);
    let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return false };
    x < layer.mask.width && y < layer.mask.height && !layer.mask.is_zero(x, y)
}
