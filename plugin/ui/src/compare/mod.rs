//! Before and after in one picture, with a divider that can be dragged.

mod difference;
mod draw;
mod imp;

use gtk4::glib::subclass::prelude::*;
use gtk4::prelude::*;
use gtk4::{gdk, glib};
use pentimento_protocol::picture::Picture;

use crate::guard::Guard;
use crate::texture::texture;
use crate::words::tr;

/// What the view shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Show {
    /// The picture before the edit.
    Before,
    /// Before and after, on either side of the divider.
    #[default]
    Split,
    /// The picture after the edit.
    After,
    /// Before the edit, and as the pack knows it.
    Reconstruction,
    /// How much the edit changes where.
    Difference,
}

glib::wrapper! {
    /// The view; a slider for screen readers, because its value is the place of the divider.
    pub(crate) struct Compare(ObjectSubclass<imp::Compare>)
        @extends gtk4::Widget, @implements gtk4::Accessible;
}

impl Compare {
    /// A view of `before`; the others are set later.
    pub(crate) fn new(before: &Picture, guard: &Guard) -> Self {
        let view: Self = glib::Object::builder()
            .property("focusable", true)
            .property("hexpand", true)
            .property("vexpand", true)
            .property("overflow", gtk4::Overflow::Hidden)
            .build();
        let inner = view.imp();
        inner.place.set(0.5);
        inner.words.replace(imp::Words {
            before: tr("Before"),
            inverted: tr("Reconstruction"),
            after: tr("After"),
        });
        view.set_before(before);
        view.update_property(&[
            gtk4::accessible::Property::Label(&tr("Before and after")),
            gtk4::accessible::Property::Description(&tr(
                "The divider between the picture before and after the edit",
            )),
            gtk4::accessible::Property::ValueMin(0.0),
            gtk4::accessible::Property::ValueMax(100.0),
        ]);
        view.tell();
        view.listen(guard);
        view
    }

    /// Another part of the photo; what was made of the part before is gone.
    pub(crate) fn set_before(&self, before: &Picture) {
        self.imp().textures.replace(imp::Textures { before: texture(before), ..Default::default() });
        self.refresh();
    }

    /// The picture as the pack knows it.
    pub(crate) fn set_inverted(&self, inverted: &Picture) {
        self.imp().textures.borrow_mut().inverted = texture(inverted);
        self.refresh();
    }

    /// Shows what became of `before`, or nothing but the picture before.
    pub(crate) fn set_after(&self, change: Option<(&Picture, &Picture)>) {
        let difference = change.and_then(|(before, after)| difference::between(before, after));
        let mut textures = self.imp().textures.borrow_mut();
        textures.after = change.and_then(|(_, after)| texture(after));
        textures.difference = difference.and_then(|(map, most)| Some((texture(&map)?, most)));
        drop(textures);
        self.refresh();
    }

    /// Chooses what to show.
    pub(crate) fn set_show(&self, show: Show) {
        self.imp().show.set(show);
        self.refresh();
    }

    /// Moves the divider, `0.0..=1.0` of the picture's width.
    fn set_place(&self, place: f64) {
        self.imp().place.set(place.clamp(0.0, 1.0));
        self.tell();
        self.queue_draw();
    }

    /// Shows the picture before for as long as a key is held.
    fn hold(&self, held: bool) {
        if self.imp().held.replace(held) != held {
            self.queue_draw();
        }
    }

    fn refresh(&self) {
        let divided = self.imp().divided();
        self.set_cursor_from_name(divided.then_some("col-resize"));
        self.queue_draw();
    }

    /// Tells screen readers where the divider is.
    fn tell(&self) {
        let percent = self.imp().place.get() * 100.0;
        self.update_property(&[
            gtk4::accessible::Property::ValueNow(percent),
            gtk4::accessible::Property::ValueText(&format!("{percent:.0} %")),
        ]);
    }

    /// Pointer and keys.
    fn listen(&self, guard: &Guard) {
        let drag = gtk4::GestureDrag::new();
        let safe = guard.clone();
        drag.connect_drag_begin(glib::clone!(
            #[weak(rename_to = view)]
            self,
            move |_, x, _| {
                safe.run(|| {
                    view.grab_focus();
                    view.drag_to(x);
                    // Without a divider to drag, a press compares.
                    view.hold(!view.imp().divided());
                });
            }
        ));
        let safe = guard.clone();
        drag.connect_drag_update(glib::clone!(
            #[weak(rename_to = view)]
            self,
            move |drag, by, _| {
                safe.run(|| {
                    if let Some((from, _)) = drag.start_point() {
                        view.drag_to(from + by);
                    }
                });
            }
        ));
        // Also when the press is taken away, as by a menu that opens.
        let safe = guard.clone();
        drag.connect_end(glib::clone!(
            #[weak(rename_to = view)]
            self,
            move |_, _| {
                safe.run(|| view.hold(false));
            }
        ));
        self.add_controller(drag);

        let keys = gtk4::EventControllerKey::new();
        let safe = guard.clone();
        keys.connect_key_pressed(glib::clone!(
            #[weak(rename_to = view)]
            self,
            #[upgrade_or]
            glib::Propagation::Proceed,
            move |_, key, _, state| {
                // Alt and Control belong to mnemonics and shortcuts.
                let ours = !state.intersects(gdk::ModifierType::ALT_MASK | gdk::ModifierType::CONTROL_MASK);
                match safe.run(|| ours && view.key(key)) {
                    Some(true) => glib::Propagation::Stop,
                    _ => glib::Propagation::Proceed,
                }
            }
        ));
        let safe = guard.clone();
        keys.connect_key_released(glib::clone!(
            #[weak(rename_to = view)]
            self,
            move |_, key, _, _| {
                safe.run(|| {
                    if key == gdk::Key::space {
                        view.hold(false);
                    }
                });
            }
        ));
        self.add_controller(keys);
        // A release that happens elsewhere never arrives.
        let safe = guard.clone();
        self.connect_has_focus_notify(move |view| {
            safe.run(|| view.hold(false));
        });
    }

    fn drag_to(&self, x: f64) {
        let inner = self.imp();
        if let Some(area) = inner.area().filter(|_| inner.divided()) {
            self.set_place((x - f64::from(area.x())) / f64::from(area.width()).max(1.0));
        }
    }

    fn key(&self, key: gdk::Key) -> bool {
        let inner = self.imp();
        if key == gdk::Key::space {
            self.hold(true);
            return true;
        }
        let place = inner.place.get();
        let to = match key {
            gdk::Key::Left | gdk::Key::KP_Left => place - 0.02,
            gdk::Key::Right | gdk::Key::KP_Right => place + 0.02,
            gdk::Key::Page_Up => place - 0.1,
            gdk::Key::Page_Down => place + 0.1,
            gdk::Key::Home => 0.0,
            gdk::Key::End => 1.0,
            _ => return false,
        };
        if inner.divided() {
            self.set_place(to);
        }
        true
    }
}
