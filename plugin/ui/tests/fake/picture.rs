//! Pictures that nobody took.

use pentimento_protocol::picture::Picture;

/// Side of the part that is edited.
pub(crate) const SIDE: u32 = 256;

/// A face of sorts before a sky: soft gradients, some detail, no symmetry.
pub(crate) fn picture() -> Picture {
    let mut picture = Picture::filled(SIDE, SIDE, [0.0; 3]);
    let mix = |a: [f32; 3], b: [f32; 3], t: f32| {
        let t = t.clamp(0.0, 1.0);
        [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
    };
    for (i, rgb) in picture.rgb.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((i as u32 % SIDE) as f32 / SIDE as f32, (i as u32 / SIDE) as f32 / SIDE as f32);
        let inside = |cx: f32, cy: f32, rx: f32, ry: f32| {
            let d = (((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2)).sqrt();
            ((1.0 - d) * rx * 60.0).clamp(0.0, 1.0)
        };
        let mut colour = mix([0.55, 0.66, 0.78], [0.86, 0.80, 0.70], y + 0.1 * x);
        colour = mix(colour, [0.25, 0.30, 0.42], inside(0.5, 1.15, 0.42, 0.36));
        let strand = 0.5 + 0.5 * ((x * 90.0 + (y * 9.0).sin() * 3.0).sin());
        colour =
            mix(colour, mix([0.24, 0.13, 0.07], [0.45, 0.27, 0.14], strand), inside(0.5, 0.42, 0.29, 0.36));
        let skin = mix([0.93, 0.74, 0.62], [0.72, 0.50, 0.40], (x - 0.35) * 1.6);
        colour = mix(colour, skin, inside(0.5, 0.72, 0.10, 0.22));
        colour = mix(colour, skin, inside(0.5, 0.48, 0.20, 0.27));
        for eye in [0.42, 0.58] {
            colour = mix(colour, [0.95, 0.94, 0.92], inside(eye, 0.44, 0.042, 0.020));
            colour = mix(colour, [0.20, 0.14, 0.10], inside(eye, 0.44, 0.018, 0.019));
            colour = mix(colour, [0.30, 0.18, 0.10], inside(eye, 0.39, 0.05, 0.010));
        }
        colour = mix(colour, [0.70, 0.30, 0.30], inside(0.5, 0.62, 0.075, 0.020));
        rgb.copy_from_slice(&colour);
    }
    picture
}

/// A wide photo with that face in it, on the left.
pub(crate) fn photo() -> Picture {
    let (face, mut photo) = (picture(), Picture::filled(480, 320, [0.0; 3]));
    for (i, rgb) in photo.rgb.chunks_exact_mut(3).enumerate() {
        let (x, y) = (i as u32 % 480, i as u32 / 480);
        let inside = (40..40 + SIDE).contains(&x) && (40..40 + SIDE).contains(&y);
        let meadow = [0.42 + 0.2 * (y as f32 / 320.0), 0.52, 0.40 + 0.1 * (x as f32 / 480.0)];
        rgb.copy_from_slice(&if inside { face.pixel(x - 40, y - 40) } else { meadow });
    }
    photo
}

/// As a generator would have it: without the finest detail.
pub(crate) fn blurred(picture: &Picture) -> Picture {
    let mut blurred = picture.clone();
    for (i, rgb) in blurred.rgb.chunks_exact_mut(3).enumerate() {
        let (x, y) = (i as u32 % picture.width, i as u32 / picture.width);
        let (x, y) = (x / 5 * 5, y / 5 * 5);
        rgb.copy_from_slice(&picture.pixel(x, y));
    }
    blurred
}

/// The picture with its hues turned by `angle`, mostly where it is dark and warm.
pub(crate) fn turned(picture: &Picture, angle: f32) -> Picture {
    let (sin, cos) = angle.sin_cos();
    let mut picture = picture.clone();
    for rgb in picture.rgb.chunks_exact_mut(3) {
        let grey = (rgb[0] + rgb[1] + rgb[2]) / 3.0;
        let (u, v) = (rgb[0] - grey, (rgb[1] - rgb[2]) * 0.577);
        let (u, v) = (u * cos - v * sin, u * sin + v * cos);
        let side = v / 0.577;
        rgb.copy_from_slice(&[grey + u, grey - u / 2.0 + side / 2.0, grey - u / 2.0 - side / 2.0]);
    }
    picture
}
