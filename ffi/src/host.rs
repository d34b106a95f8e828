//! Everything we ask of GIMP.

use crate::error::Result;
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

/// A layer to insert.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLayer {
    /// Its name.
    pub name: String,
    /// Its pixels in the colour space of the drawable it belongs to; `rect` is in image coordinates.
    pub pixels: Pixels,
    /// Its layer mask; same rectangle.
    pub mask: Option<Mask>,
    /// What it carries.
    pub parasites: Vec<Parasite>,
}

/// What to insert above a drawable, in one undo step.
#[derive(Debug, Clone, PartialEq)]
pub enum Insert {
    /// One layer.
    Layer(NewLayer),
    /// A group of layers, the first at the top.
    Group {
        /// Name of the group.
        name: String,
        /// The layers.
        layers: Vec<NewLayer>,
        /// What the group carries.
        parasites: Vec<Parasite>,
    },
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

    /// Inserts above `above` in one undo step; leaves everything else, selection included, as it was; updates
    /// and flushes, so that thumbnails and displays are right. Returns the new layer or group. If anything
    /// fails, nothing stays behind.
    fn insert(&self, image: ImageId, above: ItemId, what: &Insert) -> Result<ItemId>;

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
