//! What is drawn over the photo: the part that is edited, and the triangle of the points.

use gtk4::cairo::{Context, Error};
use gtk4::graphene::Rect;

/// A closed line that is seen on any picture. `points` are pixels of the widget.
pub(super) fn outline(on: &Context, points: &[[f64; 2]], dashed: bool) -> Result<(), Error> {
    let Some(([x, y], rest)) = points.split_first() else { return Ok(()) };
    on.move_to(*x, *y);
    for [x, y] in rest {
        on.line_to(*x, *y);
    }
    on.close_path();
    on.set_line_width(3.0);
    on.set_source_rgba(0.0, 0.0, 0.0, 0.6);
    on.stroke_preserve()?;
    on.set_line_width(1.5);
    on.set_source_rgba(1.0, 1.0, 1.0, 0.95);
    if dashed {
        on.set_dash(&[5.0, 4.0], 0.0);
    }
    on.stroke()?;
    on.set_dash(&[], 0.0);
    Ok(())
}

/// Darkens all of `area` but the part inside `points`.
pub(super) fn shade(on: &Context, area: &Rect, points: &[[f64; 2]]) -> Result<(), Error> {
    let Some(([x, y], rest)) = points.split_first() else { return Ok(()) };
    on.save()?;
    let [left, top, width, height] = [area.x(), area.y(), area.width(), area.height()].map(f64::from);
    // The photo may be drawn half a pixel beyond.
    on.rectangle(left - 1.0, top - 1.0, width + 2.0, height + 2.0);
    on.clip_preserve();
    on.move_to(*x, *y);
    for [x, y] in rest {
        on.line_to(*x, *y);
    }
    on.close_path();
    on.set_fill_rule(gtk4::cairo::FillRule::EvenOdd);
    on.set_source_rgba(0.0, 0.0, 0.0, 0.3);
    on.fill()?;
    on.restore()
}
