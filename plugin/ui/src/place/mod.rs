//! The photo as a whole: which part of it is edited, the faces in it, and points to put onto eyes and mouth.

mod draw;
mod handle;
mod points;

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use gtk4::prelude::*;
use gtk4::{gdk, graphene};
use handle::HANDLE;
use pentimento_protocol::dialog::Open;
use pentimento_protocol::job::Face;
use pentimento_protocol::param::Values;
use points::{Frame, Points};

use crate::guard::Guard;
use crate::road::{FACE, FACE_PLACE, PLACE, POINTS, POINTS_PLACE};
use crate::texture::{fit, texture};
use crate::words::{fill, tr};

/// What the user did to the photo.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Placed {
    /// Chose a face, counted from one.
    Face(usize),
    /// Moved the points; as a road parameter has them.
    Points(String),
}

/// The view.
pub(crate) struct Place {
    /// The photo with a line of advice below.
    pub(crate) widget: gtk4::Box,
    overlay: gtk4::Overlay,
    lines: gtk4::DrawingArea,
    frames: Vec<gtk4::Button>,
    handles: [gtk4::Button; 3],
    advice: gtk4::Label,
    way: gtk4::Button,
    faces: Vec<Face>,
    frame: Frame,
    /// Width and height of the photo.
    size: [i32; 2],
    /// The part that is edited.
    corners: Cell<Option<[[f64; 2]; 4]>>,
    points: RefCell<Points>,
    /// The face that is chosen or was last, counted from one.
    face: Cell<usize>,
    /// Whether the points say where.
    by_points: Cell<bool>,
    /// The point that is being dragged.
    held: Cell<Option<usize>>,
    placed: Rc<dyn Fn(Placed)>,
}

impl Place {
    /// Shows the photo; `placed` is called for what the user does to it.
    pub(crate) fn new(open: &Open, guard: &Guard, placed: &Rc<dyn Fn(Placed)>) -> Rc<Self> {
        let size = [open.photo.width, open.photo.height].map(|side| i32::try_from(side).unwrap_or(i32::MAX));
        let place = Rc::new_cyclic(|weak: &Weak<Self>| {
            let frames = (1..=open.faces.len()).map(|number| {
                let button = gtk4::Button::builder().css_classes(["face"]).build();
                let name = fill(&tr("Face {number}"), &[("number", &number.to_string())]);
                button.set_tooltip_text(Some(&name));
                button.update_property(&[gtk4::accessible::Property::Label(&name)]);
                button.set_widget_name(&format!("face-{number}"));
                let (weak, safe) = (weak.clone(), guard.clone());
                button.connect_clicked(move |_| {
                    safe.run(|| {
                        if let Some(place) = weak.upgrade() {
                            (place.placed)(Placed::Face(number));
                        }
                    });
                });
                button
            });
            let [width, height] = size.map(f64::from);
            Self {
                widget: gtk4::Box::new(gtk4::Orientation::Vertical, 6),
                overlay: gtk4::Overlay::new(),
                lines: gtk4::DrawingArea::builder().can_target(false).build(),
                frames: frames.collect(),
                handles: handle::all(weak, guard),
                advice: gtk4::Label::builder()
                    .xalign(0.0)
                    .wrap(true)
                    .hexpand(true)
                    .css_classes(["small"])
                    .build(),
                way: gtk4::Button::builder().use_underline(true).valign(gtk4::Align::Center).build(),
                faces: open.faces.clone(),
                frame: Frame::new(open.origin, open.scale),
                size,
                corners: Cell::default(),
                points: RefCell::new(points::start(&open.faces, width, height)),
                face: Cell::new(1),
                by_points: Cell::default(),
                held: Cell::default(),
                placed: placed.clone(),
            }
        });
        place.arrange(open);
        place.connect(guard);
        place
    }

    fn arrange(&self, open: &Open) {
        let picture = gtk4::Picture::for_paintable(texture(&open.photo).as_ref().unwrap_or(&blank()));
        picture.set_size_request(200, 200);
        picture.set_hexpand(true);
        picture.set_vexpand(true);
        picture.set_alternative_text(Some(&tr("The photo")));
        self.overlay.set_child(Some(&picture));
        self.overlay.set_overflow(gtk4::Overflow::Hidden);
        self.overlay.add_css_class("photo");
        self.overlay.add_overlay(&self.lines);
        for child in self.frames.iter().chain(&self.handles) {
            self.overlay.add_overlay(child);
        }
        self.way.set_widget_name("by-hand");
        let below = gtk4::Box::new(gtk4::Orientation::Horizontal, 12);
        below.append(&self.advice);
        below.append(&self.way);
        self.widget.append(&self.overlay);
        self.widget.append(&below);
    }

    fn connect(self: &Rc<Self>, guard: &Guard) {
        let (weak, safe) = (Rc::downgrade(self), guard.clone());
        self.overlay.connect_get_child_position(move |_, child| {
            safe.run(|| weak.upgrade().and_then(|place| place.position(child))).flatten()
        });
        let (weak, safe) = (Rc::downgrade(self), guard.clone());
        self.lines.set_draw_func(move |_, on, _, _| {
            safe.run(|| {
                // What cairo cannot draw is left out.
                let drawn = weak.upgrade().map(|place| place.draw(on));
                if let Some(Err(error)) = drawn {
                    log::debug!("the photo's frame is not drawn: {error}");
                }
            });
        });
        let (weak, safe) = (Rc::downgrade(self), guard.clone());
        self.way.connect_clicked(move |_| {
            safe.run(|| {
                let Some(place) = weak.upgrade() else { return };
                let placed = match place.by_points.get() {
                    true => Placed::Face(place.face.get()),
                    false => Placed::Points(place.written()),
                };
                (place.placed)(placed);
            });
        });
        handle::drag(self, guard);
    }

    /// The points, as a road parameter has them.
    pub(crate) fn written(&self) -> String {
        self.frame.write(&self.points.borrow())
    }

    /// Follows the parameters of the road.
    pub(crate) fn show(&self, road: &Values) {
        let place = road.text(PLACE);
        self.by_points.set(place == POINTS_PLACE);
        if self.by_points.get()
            && self.held.get().is_none()
            && let Some(points) = self.frame.read(road.text(POINTS))
        {
            self.points.replace(points);
        }
        let (by_face, face) = (place == FACE_PLACE, road.number(FACE) as usize);
        // Whoever goes on by hand begins with the face that was chosen.
        if let Some(chosen) = face.checked_sub(1).and_then(|i| self.faces.get(i)).filter(|_| by_face) {
            let [left, right] = chosen.eyes;
            self.points.replace([left, right, chosen.mouth]);
            self.face.set(face);
        }
        for (number, button) in (1..).zip(&self.frames) {
            let chosen = by_face && (face == 0 || face == number);
            if chosen {
                button.add_css_class("chosen");
            } else {
                button.remove_css_class("chosen");
            }
            button.set_visible(!self.by_points.get());
        }
        for handle in &self.handles {
            handle.set_visible(self.by_points.get());
        }
        self.advise(by_face);
        self.redraw();
    }

    fn advise(&self, by_face: bool) {
        let known = !self.faces.is_empty();
        let advice = match (self.by_points.get(), known) {
            (true, _) => tr(
                "Drag the points onto the eyes and the mouth, or choose one with Tab and move it with the arrow keys.",
            ),
            (false, false) => tr("No face was found. If there is one, place eyes and mouth by hand."),
            (false, true) if by_face => tr("Click a face to edit that one."),
            (false, true) => tr("A face is edited when you click it."),
        };
        self.advice.set_text(&advice);
        let (label, help) = match self.by_points.get() {
            true => (tr("Use the face that was found"), String::new()),
            false => (tr("Place by han_d"), tr("Put three points onto the eyes and the mouth")),
        };
        self.way.set_label(&label);
        self.way.reset_property(gtk4::AccessibleProperty::Label);
        self.way.set_tooltip_text(Some(&help).filter(|help| !help.is_empty()).map(String::as_str));
        self.way.set_visible(known || !self.by_points.get());
    }

    /// Shows which part is edited; corners in pixels of the photo.
    pub(crate) fn set_corners(&self, corners: [[f64; 2]; 4]) {
        let sound = corners.iter().flatten().all(|value| value.is_finite());
        self.corners.set(Some(corners).filter(|_| sound));
        self.redraw();
    }

    fn redraw(&self) {
        self.overlay.queue_allocate();
        self.lines.queue_draw();
    }

    /// Where the photo lies in the view.
    fn area(&self) -> Option<graphene::Rect> {
        let [width, height] = self.size;
        fit(self.overlay.width(), self.overlay.height(), width, height)
    }

    /// A place of the photo in the view.
    fn in_view(&self, area: &graphene::Rect, [x, y]: [f64; 2]) -> [f64; 2] {
        let scale = f64::from(area.width()) / f64::from(self.size[0].max(1));
        [f64::from(area.x()) + x * scale, f64::from(area.y()) + y * scale]
    }

    /// Where a frame or a handle lies in the view.
    fn position(&self, child: &gtk4::Widget) -> Option<gdk::Rectangle> {
        let area = self.area()?;
        if let Some(i) = self.handles.iter().position(|handle| handle == child) {
            let [x, y] = self.in_view(&area, *self.points.borrow().get(i)?);
            let corner = |value: f64| (value - f64::from(HANDLE) / 2.0).round() as i32;
            return Some(gdk::Rectangle::new(corner(x), corner(y), HANDLE, HANDLE));
        }
        let face = self.faces.get(self.frames.iter().position(|frame| frame == child)?)?;
        let [left, top, right, bottom] = face.edges;
        let [x, y] = self.in_view(&area, [left, top]);
        let [right, bottom] = self.in_view(&area, [right, bottom]);
        let length = |from: f64, to: f64| ((to - from).round() as i32).max(8);
        Some(gdk::Rectangle::new(x.round() as i32, y.round() as i32, length(x, right), length(y, bottom)))
    }

    fn draw(&self, on: &gtk4::cairo::Context) -> Result<(), gtk4::cairo::Error> {
        let Some(area) = self.area() else { return Ok(()) };
        if let Some(corners) = self.corners.get() {
            let corners = corners.map(|corner| self.in_view(&area, corner));
            draw::shade(on, &area, &corners)?;
            draw::outline(on, &corners, false)?;
        }
        if self.by_points.get() {
            let points = self.points.borrow().map(|point| self.in_view(&area, point));
            draw::outline(on, &points, true)?;
        }
        Ok(())
    }

    /// Moves a point, within the photo.
    fn move_point(&self, i: usize, to: [f64; 2]) {
        let [width, height] = self.size.map(f64::from);
        if let Some(point) = self.points.borrow_mut().get_mut(i) {
            *point = [to[0].clamp(0.0, width), to[1].clamp(0.0, height)];
        }
        self.redraw();
        (self.placed)(Placed::Points(self.written()));
    }
}

/// In place of a photo that cannot be shown.
fn blank() -> gdk::Texture {
    let bytes = gtk4::glib::Bytes::from_static(&[128; 3]);
    gdk::MemoryTexture::new(1, 1, gdk::MemoryFormat::R8g8b8, &bytes, 3).upcast()
}
