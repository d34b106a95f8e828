//! A number: a slider for the hand, a field for the exact figure.

use gtk4::prelude::*;
use pentimento_protocol::param::Value;

use super::{Changed, Control};

/// What a number may be.
pub(crate) struct Range {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) step: f64,
    pub(crate) digits: u8,
    pub(crate) default: f64,
}

/// A slider and a spin button over one adjustment.
pub(super) fn control(range: &Range, changed: &Changed) -> Control {
    let Range { min, max, step, digits, default } = *range;
    let adjustment = gtk4::Adjustment::new(default, min, max, step, step * 10.0, 0.0);
    let scale = gtk4::Scale::builder()
        .adjustment(&adjustment)
        .draw_value(false)
        .hexpand(true)
        .width_request(96)
        .build();
    scale.set_round_digits(i32::from(digits));
    // A bar from the left end would make a negative strength look like a weak positive one.
    scale.set_has_origin(min >= 0.0);
    let spin = spin(range, &adjustment);
    let both = gtk4::Box::new(gtk4::Orientation::Horizontal, 6);
    both.append(&scale);
    both.append(&spin);
    let changed = changed.clone();
    adjustment.connect_value_changed(move |_| changed());
    let (read, write) = (adjustment.clone(), adjustment);
    Control {
        widget: both.upcast(),
        fields: vec![spin.upcast(), scale.upcast()],
        read: Box::new(move || Value::Number(round(read.value(), digits).clamp(min, max))),
        write: Box::new(move |value| {
            if let Value::Number(number) = value {
                write.set_value(*number);
            }
        }),
        offer: None,
    }
}

/// A field for the exact figure.
pub(crate) fn spin(range: &Range, adjustment: &gtk4::Adjustment) -> gtk4::SpinButton {
    let spin = gtk4::SpinButton::builder()
        .adjustment(adjustment)
        .digits(u32::from(range.digits))
        .numeric(true)
        .valign(gtk4::Align::Center)
        .build();
    spin.set_width_chars(figures(range).max(5));
    enter_applies(&spin);
    spin
}

/// Enter in a spin button applies, as in an entry. GTK has a property for this only since 4.14.
pub(crate) fn enter_applies(spin: &gtk4::SpinButton) {
    if let Some(text) = spin.delegate().and_downcast::<gtk4::Text>() {
        text.set_activates_default(true);
    }
}

/// Characters that the longest figure needs.
fn figures(range: &Range) -> i32 {
    let longest = |value: f64| format!("{value:.*}", usize::from(range.digits)).len();
    i32::try_from(longest(range.min).max(longest(range.max))).unwrap_or(8)
}

/// Without the crumbs that dragging leaves, such as 4.300000000000001.
fn round(value: f64, digits: u8) -> f64 {
    let scale = 10_f64.powi(i32::from(digits));
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_crumbs() {
        let range = Range { min: -10.0, max: 10.0, step: 0.1, digits: 1, default: 0.0 };
        assert_eq!(figures(&range), 5);
        assert_eq!(round(4.300_000_000_000_001, 1), 4.3);
        assert_eq!(round(-0.127, 2), -0.13);
    }
}
