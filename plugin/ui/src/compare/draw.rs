//! Where things lie in the view, and how divider and tags are drawn.

use gtk4::prelude::*;
use gtk4::{gdk, graphene, gsk, pango};

/// The picture cut in two.
pub(super) struct Halves {
    pub(super) left: graphene::Rect,
    pub(super) right: graphene::Rect,
    pub(super) x: f32,
}

/// Which corner of its part a tag sits in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Corner {
    Left,
    Right,
}

/// The largest place for a picture that keeps its proportions, centred, on whole pixels.
pub(super) fn fit(width: i32, height: i32, across: i32, down: i32) -> Option<graphene::Rect> {
    let [width, height, across, down] = [width, height, across, down].map(|length| length as f32);
    if width < 1.0 || height < 1.0 || across < 1.0 || down < 1.0 {
        return None;
    }
    let scale = (width / across).min(height / down);
    let (w, h) = ((across * scale).floor().max(1.0), (down * scale).floor().max(1.0));
    let (x, y) = (((width - w) / 2.0).floor(), ((height - h) / 2.0).floor());
    Some(graphene::Rect::new(x, y, w, h))
}

/// Cuts `area` at `place` of its width.
pub(super) fn split(area: &graphene::Rect, place: f64) -> Halves {
    let offset = (area.width() * place as f32).round();
    let (top, height) = (area.y(), area.height());
    let x = area.x() + offset;
    Halves {
        left: graphene::Rect::new(area.x(), top, offset, height),
        right: graphene::Rect::new(x, top, area.width() - offset, height),
        x,
    }
}

/// A white line with a dark rim, so that it is seen on any picture, and a grip in the middle.
pub(super) fn divider(snapshot: &gtk4::Snapshot, area: &graphene::Rect, x: f32) {
    let dark = gdk::RGBA::new(0.0, 0.0, 0.0, 0.55);
    let bright = gdk::RGBA::new(1.0, 1.0, 1.0, 0.95);
    let line = |width: f32| graphene::Rect::new(x - width / 2.0, area.y(), width, area.height());
    snapshot.append_color(&dark, &line(4.0));
    snapshot.append_color(&bright, &line(2.0));
    let middle = area.y() + area.height() / 2.0;
    for (width, height, colour) in [(14.0, 38.0, dark), (12.0, 36.0, bright)] {
        let grip = graphene::Rect::new(x - width / 2.0, middle - height / 2.0, width, height);
        snapshot.push_rounded_clip(&gsk::RoundedRect::from_rect(grip, width / 2.0));
        snapshot.append_color(&colour, &grip);
        snapshot.pop();
    }
    for offset in [-2.0, 1.0] {
        snapshot.append_color(&dark, &graphene::Rect::new(x + offset, middle - 7.0, 1.0, 14.0));
    }
}

/// A word in an upper corner of `part`; left out where the part is too narrow for it.
pub(super) fn tag(
    snapshot: &gtk4::Snapshot,
    widget: &gtk4::Widget,
    part: &graphene::Rect,
    word: &str,
    corner: Corner,
) {
    const MARGIN: f32 = 8.0;
    let layout: pango::Layout = widget.create_pango_layout(Some(word));
    let (w, h) = layout.pixel_size();
    let (w, h) = (w as f32 + 12.0, h as f32 + 4.0);
    if part.width() < w + 2.0 * MARGIN || part.height() < h + 2.0 * MARGIN {
        return;
    }
    let x = match corner {
        Corner::Left => part.x() + MARGIN,
        Corner::Right => part.x() + part.width() - MARGIN - w,
    };
    let back = graphene::Rect::new(x, part.y() + MARGIN, w, h);
    snapshot.push_rounded_clip(&gsk::RoundedRect::from_rect(back, 4.0));
    snapshot.append_color(&gdk::RGBA::new(0.0, 0.0, 0.0, 0.6), &back);
    snapshot.pop();
    snapshot.save();
    snapshot.translate(&graphene::Point::new(x + 6.0, part.y() + MARGIN + 2.0));
    snapshot.append_layout(&layout, &gdk::RGBA::WHITE);
    snapshot.restore();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_proportions() {
        let area = fit(500, 400, 256, 256).unwrap();
        assert_eq!((area.x(), area.y(), area.width(), area.height()), (50.0, 0.0, 400.0, 400.0));
        let area = fit(300, 400, 200, 100).unwrap();
        assert_eq!((area.x(), area.y(), area.width(), area.height()), (0.0, 125.0, 300.0, 150.0));
        assert!(fit(0, 400, 200, 100).is_none());
        assert!(fit(300, 400, 0, 100).is_none());
    }

    #[test]
    fn halves_meet_at_the_divider() {
        let area = graphene::Rect::new(10.0, 0.0, 101.0, 50.0);
        for place in [0.0, 0.3, 1.0] {
            let halves = split(&area, place);
            assert_eq!(halves.left.width() + halves.right.width(), 101.0);
            assert_eq!(halves.left.x() + halves.left.width(), halves.x);
            assert_eq!(halves.right.x(), halves.x);
        }
    }
}
