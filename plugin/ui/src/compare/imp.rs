//! The widget behind [`super::Compare`]. GTK calls it from C without a guard, so nothing here can panic:
//! no index, no unwrap, no checked arithmetic on integers.

use std::cell::{Cell, RefCell};

use gtk4::prelude::*;
use gtk4::subclass::prelude::*;
use gtk4::{gdk, glib, graphene, gsk};

use super::{Show, draw};

/// Textures, the place of the divider and what is shown.
#[derive(Default)]
pub(crate) struct Compare {
    pub(super) before: RefCell<Option<gdk::Texture>>,
    pub(super) after: RefCell<Option<gdk::Texture>>,
    pub(super) show: Cell<Show>,
    pub(super) held: Cell<bool>,
    pub(super) place: Cell<f64>,
    /// The words “Before” and “After”.
    pub(super) tags: RefCell<[String; 2]>,
}

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
        let (Ok(before), Ok(after), Ok(tags)) =
            (self.before.try_borrow(), self.after.try_borrow(), self.tags.try_borrow())
        else {
            return;
        };
        let [tag_before, tag_after] = &*tags;
        let widget = self.obj();
        let split = draw::split(&area, self.place.get());
        let (left, right) = match self.shown(after.is_some()) {
            Show::Before => (Some(area), None),
            Show::After => (None, Some(area)),
            Show::Split => (Some(split.left), Some(split.right)),
        };
        for (texture, part) in [(before.as_ref(), left), (after.as_ref(), right)] {
            if let (Some(texture), Some(part)) = (texture, part) {
                snapshot.push_clip(&part);
                snapshot.append_texture(texture, &area);
                snapshot.pop();
            }
        }
        if let (Some(_), Some(_)) = (left, right) {
            draw::divider(snapshot, &area, split.x);
        }
        // Nothing to tell apart as long as there is only one picture.
        if after.is_some() {
            if let Some(part) = left {
                draw::tag(snapshot, widget.upcast_ref(), &part, tag_before, draw::Corner::Left);
            }
            if let Some(part) = right {
                draw::tag(snapshot, widget.upcast_ref(), &part, tag_after, draw::Corner::Right);
            }
        }
        let edge = gdk::RGBA::new(0.5, 0.5, 0.5, 0.35);
        let outline = gsk::RoundedRect::from_rect(area, 0.0);
        snapshot.append_border(&outline, &[1.0; 4], &[edge; 4]);
    }
}

impl Compare {
    /// What is shown right now.
    fn shown(&self, has_after: bool) -> Show {
        if self.held.get() || !has_after { Show::Before } else { self.show.get() }
    }

    /// Whether there is a divider to move.
    pub(super) fn divided(&self) -> bool {
        self.show.get() == Show::Split && self.after.try_borrow().is_ok_and(|after| after.is_some())
    }

    /// Where the picture lies in the widget.
    pub(super) fn area(&self) -> Option<graphene::Rect> {
        let before = self.before.try_borrow().ok()?;
        let texture = before.as_ref()?;
        let widget = self.obj();
        draw::fit(widget.width(), widget.height(), texture.width(), texture.height())
    }
}
