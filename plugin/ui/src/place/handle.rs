//! The three points: dragged with the pointer, moved with the arrow keys.

use std::rc::{Rc, Weak};

use gtk4::prelude::*;
use gtk4::{gdk, glib};

use super::Place;
use crate::guard::Guard;
use crate::words::tr;

/// Side of a handle in pixels of the display.
pub(super) const HANDLE: i32 = 18;

/// How far from a point a press still takes it, in pixels of the display.
const REACH: f64 = 16.0;

/// Handles for the left eye, the right eye and the mouth.
pub(super) fn all(place: &Weak<Place>, guard: &Guard) -> [gtk4::Button; 3] {
    let mut number = 0;
    [tr("Left eye"), tr("Right eye"), tr("Mouth")].map(|name| {
        let handle = gtk4::Button::builder().css_classes(["point"]).build();
        handle.set_tooltip_text(Some(&name));
        handle.update_property(&[
            gtk4::accessible::Property::Label(&name),
            gtk4::accessible::Property::Description(&tr("The arrow keys move it, with Shift faster")),
        ]);
        handle.set_widget_name(&format!("point-{}", number + 1));
        handle.add_controller(keys(number, place, guard));
        number += 1;
        handle
    })
}

fn keys(i: usize, place: &Weak<Place>, guard: &Guard) -> gtk4::EventControllerKey {
    let keys = gtk4::EventControllerKey::new();
    let (weak, safe) = (place.clone(), guard.clone());
    keys.connect_key_pressed(move |_, key, _, state| {
        let step = if state.contains(gdk::ModifierType::SHIFT_MASK) { 10.0 } else { 1.0 };
        let [dx, dy] = match key {
            gdk::Key::Left | gdk::Key::KP_Left => [-step, 0.0],
            gdk::Key::Right | gdk::Key::KP_Right => [step, 0.0],
            gdk::Key::Up | gdk::Key::KP_Up => [0.0, -step],
            gdk::Key::Down | gdk::Key::KP_Down => [0.0, step],
            _ => return glib::Propagation::Proceed,
        };
        safe.run(|| {
            let Some(place) = weak.upgrade() else { return };
            let point = place.points.borrow().get(i).copied();
            if let Some([x, y]) = point {
                place.move_point(i, [x + dx, y + dy]);
            }
        });
        glib::Propagation::Stop
    });
    keys
}

/// Lets the pointer drag the points. The view listens, not the handle, which moves under the pointer.
pub(super) fn drag(place: &Rc<Place>, guard: &Guard) {
    let drag = gtk4::GestureDrag::new();
    // Before the frames of faces that may lie below.
    drag.set_propagation_phase(gtk4::PropagationPhase::Capture);
    let (weak, safe) = (Rc::downgrade(place), guard.clone());
    drag.connect_drag_begin(move |drag, x, y| {
        safe.run(|| {
            let held = weak.upgrade().and_then(|place| place.grab([x, y]));
            drag.set_state(match held {
                Some(()) => gtk4::EventSequenceState::Claimed,
                None => gtk4::EventSequenceState::Denied,
            });
        });
    });
    let (weak, safe) = (Rc::downgrade(place), guard.clone());
    drag.connect_drag_update(move |drag, dx, dy| {
        safe.run(|| {
            if let (Some(place), Some((x, y))) = (weak.upgrade(), drag.start_point()) {
                place.drag_to([x + dx, y + dy]);
            }
        });
    });
    let (weak, safe) = (Rc::downgrade(place), guard.clone());
    drag.connect_end(move |_, _| {
        safe.run(|| {
            if let Some(place) = weak.upgrade() {
                place.held.set(None);
                for handle in &place.handles {
                    handle.set_has_tooltip(true);
                }
            }
        });
    });
    place.overlay.add_controller(drag);
}

impl Place {
    /// Takes the point next to a press, if there is one.
    fn grab(&self, [x, y]: [f64; 2]) -> Option<()> {
        let area = self.area().filter(|_| self.by_points.get())?;
        let points = self.points.borrow().map(|point| self.in_view(&area, point));
        let far = |[px, py]: &[f64; 2]| (px - x).hypot(py - y);
        let near = (0..).zip(&points).filter(|(_, point)| far(point) <= REACH);
        let (i, _) = near.min_by(|a, b| far(a.1).total_cmp(&far(b.1)))?;
        self.held.set(Some(i));
        let handle = self.handles.get(i)?;
        handle.grab_focus();
        // It would cover what the point is dragged to.
        handle.set_has_tooltip(false);
        Some(())
    }

    /// Moves the point that is held.
    fn drag_to(&self, [x, y]: [f64; 2]) {
        let (Some(i), Some(area)) = (self.held.get(), self.area()) else { return };
        let scale = f64::from(self.size[0].max(1)) / f64::from(area.width()).max(1.0);
        self.move_point(i, [(x - f64::from(area.x())) * scale, (y - f64::from(area.y())) * scale]);
    }
}
