//! The running GIMP. What differs between 2.10 and 3.x is behind [`Gimp`]; what does not is written once here.

mod insert;
mod progress;

use std::ffi::CStr;

use crate::call::text;
use crate::error::{HostError, Result};
use crate::gegl::{Buffer, Format, Gegl, OURS, PLAIN, PLAIN_CODED, zeros};
use crate::host::{
    BaseType, DrawableInfo, Host, ImageId, ImageInfo, Insert, ItemId, MainThread, ParentWindow, Where,
};
use crate::pixels::{Mask, Pixels, Rect};

/// What an item is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A layer, a group included.
    Layer,
    /// A floating selection.
    Floating,
    /// The mask of this layer.
    MaskOf(ItemId),
    /// A channel, a path, the selection.
    Other,
}

/// The calls whose names or types differ between the GIMPs: one C call each, more or less.
pub(crate) trait Gimp {
    fn gegl(&self) -> &Gegl;
    fn version(&self) -> String;

    fn image_size(&self, image: ImageId) -> Result<(u32, u32)>;
    fn base(&self, image: ImageId) -> Result<BaseType>;
    fn profile(&self, image: ImageId) -> Result<Option<Vec<u8>>>;
    fn selection_bounds(&self, image: ImageId) -> Result<Option<Rect>>;
    fn selection_item(&self, image: ImageId) -> Result<ItemId>;

    /// Fails with [`HostError::Gone`] where there is no such item.
    fn kind(&self, item: ItemId) -> Result<Kind>;
    fn image_of(&self, item: ItemId) -> Result<ImageId>;
    fn item_name(&self, item: ItemId) -> Result<String>;
    fn layer_named(&self, image: ImageId, name: &CStr) -> Result<Option<ItemId>>;
    fn size(&self, item: ItemId) -> Result<(u32, u32)>;
    fn offsets(&self, item: ItemId) -> Result<(i32, i32)>;
    fn alpha(&self, item: ItemId) -> Result<bool>;
    fn format(&self, item: ItemId) -> Result<Format>;
    /// The way from our pixels, which are read as if they were sRGB, to sRGB in truth: conversions to make one after
    /// the other, where the next may take what the last one made for something else.
    fn way_to_srgb(&self, item: ItemId) -> Result<Vec<(Format, Format)>>;
    fn buffer(&self, item: ItemId) -> Result<Buffer<'_>>;
    fn updated(&self, item: ItemId, width: u32, height: u32) -> Result<()>;

    fn parent(&self, item: ItemId) -> Result<Option<ItemId>>;
    fn position(&self, image: ImageId, item: ItemId) -> Result<i32>;
    /// A layer with alpha that is not in the image yet.
    fn new_layer(&self, image: ImageId, name: &CStr, rect: Rect, grey: bool) -> Result<ItemId>;
    /// A group that is not in the image yet.
    fn new_group(&self, image: ImageId, name: &CStr) -> Result<ItemId>;
    /// Gives a layer a white mask.
    fn new_mask(&self, layer: ItemId) -> Result<ItemId>;
    fn attach(&self, item: ItemId, name: &CStr, data: &[u8]) -> Result<()>;
    fn put(&self, image: ImageId, layer: ItemId, parent: Option<ItemId>, position: i32) -> Result<()>;
    fn activate(&self, image: ImageId, layer: ItemId) -> Result<()>;
    /// Takes a layer out of the image.
    fn remove(&self, image: ImageId, layer: ItemId);
    /// Forgets an item that was never in the image.
    fn discard(&self, item: ItemId);
    fn undo_start(&self, image: ImageId);
    fn undo_end(&self, image: ImageId);
    fn flush(&self);

    fn parasite(&self, item: ItemId, name: &CStr) -> Result<Option<Vec<u8>>>;

    fn progress_start(&self, doing: &CStr);
    fn progress_text(&self, doing: &CStr);
    fn progress_at(&self, fraction: f64);
    fn progress_end(&self);
    fn say(&self, what: &CStr);
    fn parent_window(&self) -> ParentWindow;
    fn setting(&self, name: &CStr) -> Option<String>;
}

/// A GIMP that runs us.
pub(crate) struct Live<G: Gimp> {
    pub(crate) gimp: G,
    progress: progress::Progress,
    _stays: MainThread,
}

impl<G: Gimp> Live<G> {
    /// Over a connection that is ready for calls.
    pub(crate) fn new(gimp: G) -> Self {
        gimp.gegl().start();
        Self { gimp, progress: progress::Progress::default(), _stays: MainThread::default() }
    }

    /// The layer to work on: the one selected, or, while its mask is being edited, the one it belongs to.
    pub(crate) fn layer(&self, item: ItemId) -> Result<ItemId> {
        let layer = match self.gimp.kind(item)? {
            Kind::Layer => item,
            Kind::MaskOf(layer) => layer,
            Kind::Floating => return Err(HostError::Floating),
            Kind::Other => return Err(HostError::NotALayer),
        };
        match self.gimp.base(self.gimp.image_of(layer)?)? {
            BaseType::Indexed => Err(HostError::Indexed),
            BaseType::Rgb | BaseType::Grey => Ok(layer),
        }
    }

    /// The native format of one channel, and the encoding that gives the plain numbers in it: masks are linear,
    /// selections and channels may be coded for display, and neither must be bent on the way.
    fn one_channel(&self, item: ItemId) -> Result<(Format, &'static CStr)> {
        let format = self.gimp.format(item)?;
        let coded = ["Y'", "Y~"].iter().any(|model| self.gimp.gegl().encoding(format).starts_with(model));
        // As if sRGB, both codings are the same.
        Ok((format, if coded { PLAIN_CODED } else { PLAIN }))
    }
}

impl<G: Gimp> Host for Live<G> {
    fn name(&self) -> String {
        format!("GIMP {}", self.gimp.version())
    }

    fn image(&self, image: ImageId) -> Result<ImageInfo> {
        let (width, height) = self.gimp.image_size(image)?;
        Ok(ImageInfo { base: self.gimp.base(image)?, width, height, profile: self.gimp.profile(image)? })
    }

    fn drawable(&self, drawable: ItemId) -> Result<DrawableInfo> {
        self.gimp.kind(drawable)?;
        let (width, height) = self.gimp.size(drawable)?;
        let (x, y) = self.gimp.offsets(drawable)?;
        Ok(DrawableInfo {
            name: self.gimp.item_name(drawable)?,
            rect: Rect { x, y, width, height },
            alpha: self.gimp.alpha(drawable)?,
            format: self.gimp.gegl().encoding(self.gimp.format(drawable)?),
        })
    }

    fn read(&self, drawable: ItemId, rect: Rect) -> Result<Pixels> {
        self.gimp.kind(drawable)?;
        if self.gimp.base(self.gimp.image_of(drawable)?)? == BaseType::Indexed {
            return Err(HostError::Indexed);
        }
        let (width, height) = self.gimp.size(drawable)?;
        if rect.area() == 0 || rect.intersect(&Rect::new(0, 0, width, height)) != Some(rect) {
            return Err(HostError::Area);
        }
        let native = self.gimp.format(drawable)?;
        Ok(Pixels { rect, rgba: self.gimp.buffer(drawable)?.read(rect, native, OURS, 4)? })
    }

    fn to_srgb(&self, drawable: ItemId, rgba: &mut [f32]) -> Result<()> {
        self.gimp.kind(drawable)?;
        let way = self.gimp.way_to_srgb(drawable)?;
        way.into_iter().try_for_each(|(from, to)| self.gimp.gegl().convert(rgba, from, to))
    }

    fn from_srgb(&self, drawable: ItemId, rgba: &mut [f32]) -> Result<()> {
        self.gimp.kind(drawable)?;
        let way = self.gimp.way_to_srgb(drawable)?;
        way.into_iter().rev().try_for_each(|(to, from)| self.gimp.gegl().convert(rgba, from, to))
    }

    fn selection_bounds(&self, image: ImageId) -> Result<Option<Rect>> {
        self.gimp.image_size(image)?;
        self.gimp.selection_bounds(image)
    }

    fn selection(&self, image: ImageId, rect: Rect) -> Result<Mask> {
        let (width, height) = self.gimp.image_size(image)?;
        if rect.area() == 0 {
            return Err(HostError::Area);
        }
        if rect.intersect(&Rect::new(0, 0, width, height)).is_none() {
            return Ok(Mask { rect, values: zeros(rect.area())? });
        }
        let item = self.gimp.selection_item(image)?;
        let (native, plain) = self.one_channel(item)?;
        Ok(Mask { rect, values: self.gimp.buffer(item)?.read(rect, native, plain, 1)? })
    }

    fn insert(&self, image: ImageId, place: Where, what: &Insert<'_>) -> Result<ItemId> {
        self.insert_at(image, place, what)
    }

    fn layer_named(&self, image: ImageId, name: &str) -> Result<Option<ItemId>> {
        self.gimp.image_size(image)?;
        self.gimp.layer_named(image, &text(name)?)
    }

    fn parasite(&self, item: ItemId, name: &str) -> Result<Option<Vec<u8>>> {
        self.gimp.kind(item)?;
        self.gimp.parasite(item, &text(name)?)
    }

    fn progress(&self, fraction: f32, doing: &str) {
        self.progress.show(&self.gimp, fraction, doing);
    }

    fn say(&self, what: &str) {
        // A zero byte is no reason to keep silent.
        if let Ok(what) = text(&what.replace('\0', " ")) {
            self.gimp.say(&what);
        }
    }

    fn parent_window(&self) -> ParentWindow {
        self.gimp.parent_window()
    }

    fn dark(&self) -> Option<bool> {
        // 3.x names a colour scheme (older ones a switch), 2.10 the theme itself.
        [c"theme-color-scheme", c"prefer-dark-theme", c"theme"]
            .iter()
            .find_map(|name| darkness(&self.gimp.setting(name)?))
    }
}

/// Reads a setting of the theme.
fn darkness(setting: &str) -> Option<bool> {
    let setting = setting.trim_matches(['"', ' ']).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| setting.contains(word));
    match setting.as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ if says(&["dark", "gray", "grey"]) => Some(true),
        _ if says(&["light"]) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::darkness;

    #[test]
    fn themes() {
        assert_eq!(darkness("Dark"), Some(true));
        assert_eq!(darkness("\"light\""), Some(false));
        assert_eq!(darkness("system"), None);
        assert_eq!(darkness("Default"), None);
        assert_eq!(darkness("yes"), Some(true));
    }
}
