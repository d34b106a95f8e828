//! The widget behind [`super::Compare`]. GTK calls it from C without a guard, so nothing here can panic:
//! no index, no unwrap, no checked arithmetic on integers.

use std::cell::{Cell, RefCell};

use gtk4::prelude::*;
use gtk4::subclass::prelude::*;
use gtk4::{gdk, glib, graphene, gsk};

use super::{Show, draw};
use crate::texture::fit;

/// Textures, the place of the divider and what is shown.
#[derive(Default)]
pub(crate) struct Compare {
    pub(super) textures: RefCell<Textures>,
    pub(super) show: Cell<Show>,
    pub(super) held: Cell<bool>,
    pub(super) place: Cell<f64>,
    /// What the pictures are called.
    pub(super) words: RefCell<Words>,
}

/// The pictures that there are.
#[derive(Default)]
pub(super) struct Textures {
    pub(super) before: Option<gdk::Texture>,
    /// As the pack knows it.
    pub(super) inverted: Option<gdk::Texture>,
    pub(super) after: Option<gdk::Texture>,
    /// Where before and after differ, and the most that they do.
    pub(super) difference: Option<(gdk::Texture, f32)>,
}

/// What the pictures are called, translated.
#[derive(Default)]
pub(super) struct Words {
    pub(super) before: String,
    pub(super) inverted: String,
    pub(super) after: String,
}

/// A picture on one side of the divider, and its name.
type Side<'a> = Option<(&'a gdk::Texture, &'a str)>;

#[glib::object_subclass]
impl ObjectSubclass for Compare {
    const NAME: &'static str = "PentimentoCompare";
    type Type = super::Compare;
    type ParentType = gtk4::Widget;

    fn class_init(class: &mut Self::Class) {
        class.set_css_name("compare");
        class.set_accessible_role(gtk4::AccessibleRole::Slider);
    }
}

impl ObjectImpl for Compare {}

impl WidgetImpl for Compare {
    fn measure(&self, _: gtk4::Orientation, _: i32) -> (i32, i32, i32, i32) {
        (200, 460, -1, -1)
    }

    fn snapshot(&self, snapshot: &gtk4::Snapshot) {
        let Some(area) = self.area() else { return };
        let (Ok(textures), Ok(words)) = (self.textures.try_borrow(), self.words.try_borrow()) else { return };
        let widget = self.obj();
        let difference = textures.difference.as_ref();
        if let (Show::Difference, false, Some((map, most))) = (self.show.get(), self.held.get(), difference) {
            snapshot.append_texture(map, &area);
            draw::legend(snapshot, widget.upcast_ref(), &area, *most);
        } else {
            let (left, right) = self.sides(&textures, &words);
            let split = draw::split(&area, self.place.get());
            let parts = match (left, right) {
                (Some(_), Some(_)) => (split.left, split.right),
                _ => (area, area),
            };
            // Nothing to tell apart as long as there is only one picture.
            let several = textures.after.is_some() || right.is_some();
            for (side, part, corner) in
                [(left, parts.0, draw::Corner::Left), (right, parts.1, draw::Corner::Right)]
            {
                let Some((texture, word)) = side else { continue };
                snapshot.push_clip(&part);
                snapshot.append_texture(texture, &area);
                snapshot.pop();
                if several {
                    draw::tag(snapshot, widget.upcast_ref(), &part, word, corner);
                }
            }
            if let (Some(_), Some(_)) = (left, right) {
                draw::divider(snapshot, &area, split.x);
            }
        }
        let edge = gdk::RGBA::new(0.5, 0.5, 0.5, 0.35);
        let outline = gsk::RoundedRect::from_rect(area, 0.0);
        snapshot.append_border(&outline, &[1.0; 4], &[edge; 4]);
    }
}

impl Compare {
    /// What is shown right now, left and right of the divider; one alone fills the view.
    fn sides<'a>(&self, textures: &'a Textures, words: &'a Words) -> (Side<'a>, Side<'a>) {
        let before = textures.before.as_ref().map(|texture| (texture, words.before.as_str()));
        let inverted = textures.inverted.as_ref().map(|texture| (texture, words.inverted.as_str()));
        let after = textures.after.as_ref().map(|texture| (texture, words.after.as_str()));
        match self.show.get() {
            _ if self.held.get() => (before, None),
            Show::Before | Show::Difference => (before, None),
            Show::Split => (before, after),
            Show::After if after.is_some() => (None, after),
            Show::After => (before, None),
            Show::Reconstruction => (before, inverted),
        }
    }

    /// Whether there is a divider to move.
    pub(super) fn divided(&self) -> bool {
        let Ok(textures) = self.textures.try_borrow() else { return false };
        match self.show.get() {
            Show::Split => textures.after.is_some(),
            Show::Reconstruction => textures.inverted.is_some(),
            Show::Before | Show::After | Show::Difference => false,
        }
    }

    /// Where the picture lies in the widget.
    pub(super) fn area(&self) -> Option<graphene::Rect> {
        let textures = self.textures.try_borrow().ok()?;
        let texture = textures.before.as_ref()?;
        let widget = self.obj();
        fit(widget.width(), widget.height(), texture.width(), texture.height())
    }
}
