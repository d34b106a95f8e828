//! Where things lie in the view, and how divider and tags are drawn.

use gtk4::prelude::*;
use gtk4::{gdk, graphene, gsk, pango};

use super::difference::RAMP;
use crate::words::{figure, fill, tr};

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

/// What the colours of a difference mean: a bar from none to `most`, in a lower corner.
pub(super) fn legend(snapshot: &gtk4::Snapshot, widget: &gtk4::Widget, area: &graphene::Rect, most: f32) {
    const MARGIN: f32 = 8.0;
    const PAD: f32 = 6.0;
    let percent = |part: f32| fill(&tr("{percent} %"), &[("percent", &figure(part * 100.0, 0))]);
    let [least, most] = [percent(0.0), percent(most)].map(|words| widget.create_pango_layout(Some(&words)));
    let size = |layout: &pango::Layout| {
        let (w, h) = layout.pixel_size();
        (w as f32, h as f32)
    };
    let ((from, high), (to, _)) = (size(&least), size(&most));
    let bar = 120.0_f32.min(area.width() - 2.0 * MARGIN - from - to - 4.0 * PAD);
    if bar < 20.0 || area.height() < high + 4.0 * MARGIN {
        return;
    }
    let top = area.y() + area.height() - MARGIN - high - PAD;
    let back = graphene::Rect::new(area.x() + MARGIN, top, bar + from + to + 4.0 * PAD, high + PAD);
    snapshot.push_rounded_clip(&gsk::RoundedRect::from_rect(back, 4.0));
    snapshot.append_color(&gdk::RGBA::new(0.0, 0.0, 0.0, 0.7), &back);
    snapshot.pop();
    let mut x = back.x() + PAD;
    let words = |layout: &pango::Layout, x: f32| {
        snapshot.save();
        snapshot.translate(&graphene::Point::new(x, top + PAD / 2.0));
        snapshot.append_layout(layout, &gdk::RGBA::WHITE);
        snapshot.restore();
    };
    words(&least, x);
    x += from + PAD;
    words(&most, x + bar + PAD);
    let strip = graphene::Rect::new(x, top + PAD / 2.0 + high * 0.2, bar, high * 0.6);
    let stop = |(i, [r, g, b]): (usize, &[f32; 3])| {
        gsk::ColorStop::new(i as f32 / (RAMP.len() - 1) as f32, gdk::RGBA::new(*r, *g, *b, 1.0))
    };
    let stops: Vec<gsk::ColorStop> = RAMP.iter().enumerate().map(stop).collect();
    let (start, end) = (graphene::Point::new(x, 0.0), graphene::Point::new(x + bar, 0.0));
    snapshot.append_linear_gradient(&strip, &start, &end, &stops);
    let edge = gdk::RGBA::new(1.0, 1.0, 1.0, 0.5);
    snapshot.append_border(&gsk::RoundedRect::from_rect(strip, 0.0), &[1.0; 4], &[edge; 4]);
}

#[cfg(test)]
mod tests {
    use super::*;

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
