//! Everything we ask of GIMP.

use std::rc::Rc;

use crate::error::{HostError, Result};
use crate::pixels::{Mask, Pixels, Rect};

/// An image, by the number GIMP gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageId(pub i32);

/// A layer, mask or channel, by the number GIMP gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemId(pub i32);

/// Kind of colours an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseType {
    /// Red, green, blue.
    Rgb,
    /// Grey levels.
    Grey,
    /// A palette.
    Indexed,
}

/// Facts about an image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageInfo {
    /// Kind of colours.
    pub base: BaseType,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The embedded colour profile (ICC), if there is one.
    pub profile: Option<Vec<u8>>,
}

/// Facts about a drawable.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawableInfo {
    /// Name of the layer.
    pub name: String,
    /// Where it lies in its image.
    pub rect: Rect,
    /// Whether it has an alpha channel.
    pub alpha: bool,
    /// Its format in babl's words, such as `R'G'B' u16`.
    pub format: String,
}

/// A piece of data attached to an item and saved with the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parasite {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A part of a new layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// Its pixels in the colour space of the drawable that the layer belongs to.
    pub pixels: Pixels,
    /// Its part of the layer mask; same rectangle.
    pub mask: Mask,
}

/// Draws the part of a layer that lies in a rectangle of the image.
pub type Draw<'a> = dyn Fn(Rect) -> Result<Strip> + 'a;

/// A layer with a layer mask, to insert. It is drawn in strips from the top to the bottom while it is being made, so that
/// no more than one strip of a large photo is in memory.
#[derive(Clone)]
pub struct NewLayer<'a> {
    /// Its name.
    pub name: String,
    /// Where it lies, in image coordinates.
    pub rect: Rect,
    /// What it shows.
    pub draw: Rc<Draw<'a>>,
    /// What it carries.
    pub parasites: Vec<Parasite>,
}

/// Pixels of a strip, 4 Mi of them at most unless a single row has more: 64 MiB in our floats.
const STRIP: usize = 4 << 20;

impl NewLayer<'_> {
    /// Its strips from the top to the bottom. They are of the right size or an error.
    pub fn strips(&self) -> impl Iterator<Item = Result<Strip>> {
        rows(self.rect).map(|rect| {
            let strip = (self.draw)(rect)?;
            let fits = strip.pixels.rect == rect
                && strip.mask.rect == rect
                && strip.pixels.rgba.len() == rect.area().saturating_mul(4)
                && strip.mask.values.len() == rect.area();
            if fits { Ok(strip) } else { Err(HostError::Area) }
        })
    }
}

/// A rectangle in strips of whole rows.
pub fn rows(rect: Rect) -> impl Iterator<Item = Rect> {
    let height = (STRIP / rect.width.max(1) as usize).max(1);
    let height = u32::try_from(height).unwrap_or(u32::MAX).min(rect.height.max(1));
    (0..rect.height).step_by(height as usize).map(move |y| {
        Rect::new(rect.x, rect.y.saturating_add_unsigned(y), rect.width, height.min(rect.height - y))
    })
}

/// What to insert, in one undo step.
#[derive(Clone)]
pub enum Insert<'a> {
    /// One layer.
    Layer(NewLayer<'a>),
    /// A group of layers, the first at the top.
    Group {
        /// Name of the group.
        name: String,
        /// The layers.
        layers: Vec<NewLayer<'a>>,
        /// What the group carries.
        parasites: Vec<Parasite>,
    },
}

/// Where to insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Above a layer.
    Above(ItemId),
    /// In the place of a layer or group, which goes with the same undo step.
    InsteadOf(ItemId),
}

/// The window a dialog should stay in front of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentWindow {
    /// There is none.
    None,
    /// An X11 window.
    X11(u64),
    /// A Wayland surface exported by its compositor.
    Wayland(String),
}

/// What a host can do for us.
///
/// GIMP's procedure calls break when they come from two threads, so a host stays where it was made: an
/// implementation is neither `Send` nor `Sync` (see [`crate::host::MainThread`]), and neither is `&dyn Host`.
pub trait Host {
    /// Name and version, such as `GIMP 3.0.4`.
    fn name(&self) -> String;

    /// Facts about an image. Fails if it is gone.
    fn image(&self, image: ImageId) -> Result<ImageInfo>;

    /// Facts about a drawable. Fails if it is gone.
    fn drawable(&self, drawable: ItemId) -> Result<DrawableInfo>;

    /// Reads `rect` (in coordinates of the drawable) as R'G'B'A float in the drawable's own colour space,
    /// at any precision. Whole numbers of 8 and 16 bits become the same floats every time, and the same numbers
    /// again when written; linear light is coded with the curve of sRGB. Grey becomes three equal values. Fails for indexed images and for areas outside.
    fn read(&self, drawable: ItemId, rect: Rect) -> Result<Pixels>;

    /// Converts from the colour space of `drawable` to sRGB, display-coded, unclamped.
    fn to_srgb(&self, drawable: ItemId, rgba: &mut [f32]) -> Result<()>;

    /// Converts from sRGB to the colour space of `drawable`, unclamped.
    #[expect(clippy::wrong_self_convention, reason = "the pair of `to_srgb`, and of the host all the same")]
    fn from_srgb(&self, drawable: ItemId, rgba: &mut [f32]) -> Result<()>;

    /// Bounds of the selection in image coordinates; `None` if nothing is selected.
    fn selection_bounds(&self, image: ImageId) -> Result<Option<Rect>>;

    /// The selection inside `rect` (image coordinates); nothing but zeros where nothing is selected. What lies outside the image is unselected.
    fn selection(&self, image: ImageId, rect: Rect) -> Result<Mask>;

    /// Inserts in one undo step; leaves everything else, selection included, as it was; updates
    /// and flushes, so that thumbnails and displays are right. Returns the new layer or group. If anything
    /// fails, nothing stays behind.
    fn insert(&self, image: ImageId, place: Where, what: &Insert<'_>) -> Result<ItemId>;

    /// The layer of that name, the topmost if there are several.
    fn layer_named(&self, image: ImageId, name: &str) -> Result<Option<ItemId>>;

    /// The parasite called `name` of an item.
    fn parasite(&self, item: ItemId, name: &str) -> Result<Option<Vec<u8>>>;

    /// Shows progress: `fraction` in `0.0..=1.0` and what is being done. Passing 1 ends it.
    fn progress(&self, fraction: f32, doing: &str);

    /// Tells the user something that is not an error.
    fn say(&self, text: &str);

    /// The window to stay in front of.
    fn parent_window(&self) -> ParentWindow;

    /// Whether GIMP's theme is dark; `None` if it cannot be told.
    fn dark(&self) -> Option<bool>;
}

/// Ties a value to the thread it was made on.
///
/// ```compile_fail
/// fn elsewhere<T: Send>() {}
/// elsewhere::<pentimento_ffi::host::MainThread>();
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct MainThread(std::marker::PhantomData<*const ()>);
