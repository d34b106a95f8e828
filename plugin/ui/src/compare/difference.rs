//! How much an edit changes where, as a map of colours.

use pentimento_protocol::picture::Picture;

/// From no change to the largest: the colours of “inferno” by Nathaniel Smith and Stéfan van der Walt at every
/// eighth, which grow evenly brighter for the eye and are told apart by the colour-blind, too.
pub(super) const RAMP: [[f32; 3]; 9] = [
    [0.001, 0.000, 0.014],
    [0.130, 0.047, 0.292],
    [0.342, 0.062, 0.429],
    [0.542, 0.134, 0.415],
    [0.736, 0.216, 0.330],
    [0.894, 0.353, 0.193],
    [0.978, 0.557, 0.035],
    [0.976, 0.797, 0.208],
    [0.988, 0.998, 0.645],
];

/// The brightest colour stands for no less than this, so that rounding is not blown up.
const LEAST: f32 = 0.05;

/// The map, and what its brightest colour stands for: a part of the range from black to white. `None` for pictures
/// that cannot be compared.
///
/// Display-coded values are near to even steps for the eye; of the three that of the most changed counts, because a
/// change of hue alone is a change, too.
pub(super) fn between(before: &Picture, after: &Picture) -> Option<(Picture, f32)> {
    let same = (before.width, before.height) == (after.width, after.height);
    if !same || !before.is_sound() || !after.is_sound() {
        return None;
    }
    let pairs = before.rgb.chunks_exact(3).zip(after.rgb.chunks_exact(3));
    let changes: Vec<f32> = pairs
        .map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs().min(1.0)).fold(0.0, f32::max))
        .collect();
    let most = changes.iter().copied().fold(LEAST, f32::max);
    let rgb = changes.iter().flat_map(|change| colour(change / most)).collect();
    Some((Picture { width: before.width, height: before.height, rgb }, most))
}

/// The colour of `part` in `0.0..=1.0`.
fn colour(part: f32) -> [f32; 3] {
    let place = part.clamp(0.0, 1.0) * (RAMP.len() - 1) as f32;
    let at = (place as usize).min(RAMP.len() - 2);
    let (low, high) = (RAMP[at], RAMP[at + 1]);
    let t = place - at as f32;
    [0, 1, 2].map(|i| low[i] + (high[i] - low[i]) * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_change_is_brightest() {
        let before = Picture::filled(3, 1, [0.5; 3]);
        let mut after = before.clone();
        after.rgb[4] = 0.9;
        after.rgb[8] = 0.3;
        let (map, most) = between(&before, &after).unwrap();
        assert!((most - 0.4).abs() < 1e-6);
        assert_eq!(map.pixel(0, 0), RAMP[0]);
        assert_eq!(map.pixel(1, 0), RAMP[8]);
        assert!((map.pixel(2, 0)[0] - RAMP[4][0]).abs() < 1e-5, "half of it is in the middle");
    }

    #[test]
    fn brightness_grows_with_the_change() {
        let luma = |rgb: [f32; 3]| 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
        let all: Vec<f32> = (0..=64).map(|i| luma(colour(i as f32 / 64.0))).collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
    }

    #[test]
    fn noise_stays_dark_and_strangers_are_refused() {
        let before = Picture::filled(2, 2, [0.5; 3]);
        let (map, most) = between(&before, &Picture::filled(2, 2, [0.502; 3])).unwrap();
        assert_eq!(most, LEAST);
        assert!(map.rgb.iter().all(|value| *value < 0.15), "{:?}", map.rgb);
        assert!(between(&before, &Picture::filled(3, 2, [0.5; 3])).is_none());
    }
}
