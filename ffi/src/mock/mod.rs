//! A GIMP in memory, for tests: it keeps images, layers, groups, masks and selections, quantises as GIMP does,
//! counts undo steps, and can be told to fail.
//!
//! ```
//! use pentimento_ffi::host::{BaseType, Host};
//! use pentimento_ffi::mock::{MockHost, Precision};
//! use pentimento_ffi::pixels::Rect;
//!
//! let gimp = MockHost::new();
//! let image = gimp.add_image(BaseType::Rgb, 4, 4, Precision::U8);
//! let layer = gimp.add_layer(image, "photo", Rect::new(0, 0, 4, 4), |x, _| [x as f32 / 3.0, 0.5, 0.0, 1.0]);
//! assert_eq!(gimp.read(layer, Rect::new(3, 0, 1, 1)).unwrap().rgba[0], 1.0);
//! ```

mod colour;
mod host;

use std::cell::RefCell;
use std::collections::BTreeMap;

pub use colour::{Precision, Space};

use crate::error::{HostError, Result};
use crate::host::{BaseType, ImageId, ItemId, MainThread, Parasite, ParentWindow};
use crate::pixels::{Mask, Pixels, Rect};

/// A layer or group, as it lies in the image.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its image.
    pub image: ImageId,
    /// Its name.
    pub name: String,
    /// The group it is in.
    pub parent: Option<ItemId>,
    /// Its pixels, display-coded in the space of the image, with `rect` in image coordinates; empty for a group.
    pub pixels: Pixels,
    /// Whether it has alpha.
    pub alpha: bool,
    /// Its layer mask.
    pub mask: Option<Mask>,
    /// What it carries.
    pub parasites: Vec<Parasite>,
    /// What is in it, the first at the top; `None` for a layer.
    pub children: Option<Vec<ItemId>>,
}

#[derive(Debug)]
struct Image {
    base: BaseType,
    width: u32,
    height: u32,
    precision: Precision,
    space: Space,
    profile: Option<Vec<u8>>,
    selection: Option<Mask>,
    stack: Vec<ItemId>,
    active: Option<ItemId>,
    undo_steps: usize,
}

#[derive(Debug)]
struct State {
    next: i32,
    images: BTreeMap<i32, Image>,
    items: BTreeMap<i32, Item>,
    fail_insert: Option<String>,
    progress: Vec<(f32, String)>,
    said: Vec<String>,
    window: ParentWindow,
    dark: Option<bool>,
}

/// A GIMP in memory.
#[derive(Debug)]
pub struct MockHost {
    state: RefCell<State>,
    _stays: MainThread,
}

impl Default for MockHost {
    fn default() -> Self {
        Self::new()
    }
}

impl MockHost {
    /// Without images.
    pub fn new() -> Self {
        let state = State {
            next: 1,
            images: BTreeMap::new(),
            items: BTreeMap::new(),
            fail_insert: None,
            progress: Vec::new(),
            said: Vec::new(),
            window: ParentWindow::None,
            dark: None,
        };
        Self { state: RefCell::new(state), _stays: MainThread::default() }
    }

    /// Opens an empty image in sRGB with nothing selected.
    pub fn add_image(&self, base: BaseType, width: u32, height: u32, precision: Precision) -> ImageId {
        let mut state = self.state.borrow_mut();
        let number = state.number();
        let image = Image {
            base,
            width,
            height,
            precision,
            space: Space::SRGB,
            profile: None,
            selection: None,
            stack: Vec::new(),
            active: None,
            undo_steps: 0,
        };
        state.images.insert(number, image);
        ImageId(number)
    }

    /// Gives an image another colour space, and the profile that goes with it.
    pub fn set_space(&self, image: ImageId, space: Space, profile: Option<Vec<u8>>) {
        if let Some(image) = self.state.borrow_mut().images.get_mut(&image.0) {
            image.space = space;
            image.profile = profile;
        }
    }

    /// Adds a layer at the top. `pixel` gives display-coded R'G'B'A for each place in the layer; where any of
    /// them is not opaque, the layer has alpha.
    pub fn add_layer(
        &self,
        image: ImageId,
        name: &str,
        rect: Rect,
        mut pixel: impl FnMut(u32, u32) -> [f32; 4],
    ) -> ItemId {
        let rgba: Vec<f32> = (0..rect.height)
            .flat_map(|y| (0..rect.width).map(move |x| (x, y)))
            .flat_map(|(x, y)| pixel(x, y))
            .collect();
        let mut state = self.state.borrow_mut();
        let alpha = rgba.chunks_exact(4).any(|pixel| pixel[3] < 1.0);
        let pixels = state.kept(image, &Pixels { rect, rgba }, alpha);
        let number = state.number();
        let item = Item {
            image,
            name: name.into(),
            parent: None,
            pixels,
            alpha,
            mask: None,
            parasites: Vec::new(),
            children: None,
        };
        state.items.insert(number, item);
        if let Some(image) = state.images.get_mut(&image.0) {
            image.stack.insert(0, ItemId(number));
            image.active = Some(ItemId(number));
        }
        ItemId(number)
    }

    /// Selects; `None` selects nothing.
    pub fn select(&self, image: ImageId, mask: Option<Mask>) {
        if let Some(image) = self.state.borrow_mut().images.get_mut(&image.0) {
            image.selection = mask;
        }
    }

    /// Selects a rectangle fully.
    pub fn select_rect(&self, image: ImageId, rect: Rect) {
        self.select(image, Some(Mask { rect, values: vec![1.0; rect.area()] }));
    }

    /// Closes an image while the plug-in runs.
    pub fn close(&self, image: ImageId) {
        let mut state = self.state.borrow_mut();
        state.images.remove(&image.0);
        state.items.retain(|_, item| item.image != image);
    }

    /// Makes the next insertion fail.
    pub fn fail_next_insert(&self, reason: &str) {
        self.state.borrow_mut().fail_insert = Some(reason.into());
    }

    /// What [`crate::Host::parent_window`] and [`crate::Host::dark`] answer.
    pub fn set_desktop(&self, window: ParentWindow, dark: Option<bool>) {
        let mut state = self.state.borrow_mut();
        state.window = window;
        state.dark = dark;
    }

    /// Layers and groups at the top level of an image, the first at the top.
    pub fn stack(&self, image: ImageId) -> Vec<ItemId> {
        self.state.borrow().images.get(&image.0).map(|image| image.stack.clone()).unwrap_or_default()
    }

    /// A layer or group.
    pub fn item(&self, item: ItemId) -> Option<Item> {
        self.state.borrow().items.get(&item.0).cloned()
    }

    /// The layer that the user works on.
    pub fn active(&self, image: ImageId) -> Option<ItemId> {
        self.state.borrow().images.get(&image.0)?.active
    }

    /// How many undo steps an image has.
    pub fn undo_steps(&self, image: ImageId) -> usize {
        self.state.borrow().images.get(&image.0).map_or(0, |image| image.undo_steps)
    }

    /// All that was shown as progress.
    pub fn progress_shown(&self) -> Vec<(f32, String)> {
        self.state.borrow().progress.clone()
    }

    /// All that was said to the user.
    pub fn said(&self) -> Vec<String> {
        self.state.borrow().said.clone()
    }
}

impl State {
    fn number(&mut self) -> i32 {
        self.next += 1;
        self.next
    }

    fn image(&self, image: ImageId) -> Result<&Image> {
        self.images.get(&image.0).ok_or(HostError::Gone)
    }

    fn item(&self, item: ItemId) -> Result<&Item> {
        self.items.get(&item.0).ok_or(HostError::Gone)
    }

    /// Pixels as the image keeps them.
    fn kept(&self, image: ImageId, pixels: &Pixels, alpha: bool) -> Pixels {
        let Some(image) = self.images.get(&image.0) else { return pixels.clone() };
        let mut pixels = pixels.clone();
        for pixel in pixels.rgba.chunks_exact_mut(4) {
            if image.base == BaseType::Grey {
                let grey = colour::grey(&image.space, [pixel[0], pixel[1], pixel[2]]);
                pixel[..3].fill(grey);
            }
            for channel in &mut pixel[..3] {
                *channel = image.precision.kept(&image.space, *channel);
            }
            pixel[3] = if alpha { image.precision.kept_plain(pixel[3]) } else { 1.0 };
        }
        pixels
    }
}

#[cfg(test)]
mod tests;
