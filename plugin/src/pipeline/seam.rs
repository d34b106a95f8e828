//! Seamless blending: a made picture whose colours are bent so that they meet the photo at the border.
//!
//! Pérez, Gangnet and Blake, “Poisson Image Editing”, 2003, section 2: inside a region the result has the gradients of the
//! made picture, at its border the colours of the photo. That is the made picture plus the membrane `Δm = 0` with
//! `m = photo − made` at the border. Membranes are smooth, so it is solved on a small grid and enlarged.

use pentimento_protocol::picture::Picture;

use super::sample::Grid;

/// Side of the grid that the membrane is solved on.
const SIDE: usize = 64;

/// How often every place becomes the mean of its neighbours. With over-relaxation the error falls by `1 − 2π / SIDE` each
/// time: after 200 of them a millionth is left.
const SWEEPS: usize = 200;

/// The width of the frame that shows the photo, as a part of the side: the soft border of the mask lies on it.
const FRAME: f64 = 0.06;

/// The colours of `made` with the membrane of `difference` on them, which is held where `holds` says so, at places in
/// `0..=1`, and in a frame.
pub(super) fn bent(made: &Picture, difference: Vec<f32>, holds: impl Fn(f64, f64) -> bool) -> Vec<f32> {
    let Some(difference) = Grid::new(made.width, made.height, difference) else { return made.rgb.clone() };
    let difference = difference.reduced(SIDE as f64);
    let place = |i: usize| (i as f64 + 0.5) / SIDE as f64;
    let held = |x: usize, y: usize| {
        let (u, v) = (place(x), place(y));
        let inside = u.min(1.0 - u).min(v).min(1.0 - v) > FRAME;
        !inside || holds(u, v)
    };
    let held: Vec<bool> = (0..SIDE * SIDE).map(|i| held(i % SIDE, i / SIDE)).collect();
    let start = (0..SIDE * SIDE).map(|i| difference.at(place(i % SIDE), place(i / SIDE)));
    let mut membrane: Vec<[f32; 3]> =
        start.zip(&held).map(|(value, held)| if *held { value } else { [0.0; 3] }).collect();
    // Successive over-relaxation with the best factor for a square (Young, 1954).
    let factor = 2.0 / (1.0 + (std::f32::consts::PI / SIDE as f32).sin());
    for _ in 0..SWEEPS {
        for i in 0..SIDE * SIDE {
            // The frame is held, so every place inside has four neighbours.
            if !held[i] {
                let around = [i - 1, i + 1, i - SIDE, i + SIDE].map(|place| membrane[place]);
                for (c, value) in membrane[i].iter_mut().enumerate() {
                    let mean = around.iter().map(|colour| colour[c]).sum::<f32>() / 4.0;
                    *value += factor * (mean - *value);
                }
            }
        }
    }
    let flat = membrane.into_iter().flatten().collect();
    let side = SIDE as u32;
    let Some(membrane) = Grid::new(side, side, flat) else { return made.rgb.clone() };
    let (width, height) = (made.width as usize, made.height as usize);
    let colours = made.rgb.chunks_exact(3).enumerate().flat_map(|(i, pixel)| {
        let (u, v) = ((i % width) as f64 + 0.5, (i / width) as f64 + 0.5);
        let bend = membrane.at(u / width as f64, v / height as f64);
        [0, 1, 2].map(|c| pixel[c] + bend[c])
    });
    colours.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(a: &Picture, b: &Picture) -> Vec<f32> {
        a.rgb.iter().zip(&b.rgb).map(|(a, b)| a - b).collect()
    }

    #[test]
    fn a_picture_of_another_brightness_is_bent_to_the_photo() {
        let photo = Picture::filled(100, 100, [0.6, 0.5, 0.4]);
        let made = Picture::filled(100, 100, [0.2, 0.9, 0.4]);
        let bent = bent(&made, difference(&photo, &made), |_, _| false);
        for (found, expected) in bent.iter().zip(&photo.rgb) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn shapes_inside_keep_their_gradients() {
        let photo = Picture::filled(96, 96, [0.5; 3]);
        let mut made = Picture::filled(96, 96, [0.3; 3]);
        for y in 40..56 {
            for x in 40..56 {
                made.rgb[(y * 96 + x) * 3..][..3].fill(0.8);
            }
        }
        let bent = bent(&made, difference(&photo, &made), |_, _| false);
        let at = |x: usize, y: usize| bent[(y * 96 + x) * 3];
        assert!((at(48, 48) - at(30, 48) - 0.5).abs() < 0.02, "{} {}", at(48, 48), at(30, 48));
        assert!((at(3, 48) - 0.5).abs() < 0.02, "it meets the photo: {}", at(3, 48));
    }
}
