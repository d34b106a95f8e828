//! From paint to colour: two lights, the sky, highlights, cast shadow.

use crate::makehuman::Material;
use crate::photo::Photo;
use crate::shade::{Class, Paint, Surface};
use crate::shadow::halfway;
use crate::vector::{V3, dot, smooth};

/// Wrapped diffuse light, a second light without shadow, hemispheric ambient, a highlight and a
/// faint rim. `lit` is the share of the first light that is not in cast shadow.
pub(crate) fn light(s: &Surface, paint: &Paint, photo: &Photo, lit: f32) -> V3 {
    let n = s.normal;
    // Some light gets everywhere by way of walls: cast shadow is not black.
    let lit = 0.22 + 0.78 * lit;
    let diffuse = (dot(n, photo.light) * 0.78 + 0.22).max(0.0) * lit;
    let fill = (dot(n, photo.fill) * 0.75 + 0.25).max(0.0);
    let sky = 0.6 + 0.4 * (0.55 + 0.45 * n[1]);
    let body = s.material == Material::Body;
    let mut open = 1.0;
    if body && paint.class == Class::Neck {
        open = 0.78 + 0.22 * smooth(6.2, 5.7, s.neutral[1]);
    }
    if s.material == Material::Tongue {
        open = 0.35;
    }
    if s.material == Material::LongHair && n[2] > 0.0 && s.inner {
        open = 0.45; // the inside of hair that falls behind the neck
    }
    let facing = dot(n, halfway(photo.light)).max(0.0);
    let highlight = paint.shine * facing.powf(paint.hardness) * lit;
    let rim = (1.0 - n[2].max(0.0)).powi(3) * 0.12;
    // Light that has gone through skin comes out red.
    let bleed: V3 = if body && paint.class != Class::Clothes { [0.06, 0.015, 0.0] } else { [0.0; 3] };
    std::array::from_fn(|k| {
        let first = photo.light_colour[k] * (diffuse + bleed[k] * (1.0 - diffuse));
        let all = first + photo.fill_colour[k] * fill * 0.6 + photo.ambient[k] * sky;
        let glow = highlight * photo.light_colour[k] + rim * paint.base[k];
        photo.exposure * open * (paint.base[k] * all + glow)
    })
}
