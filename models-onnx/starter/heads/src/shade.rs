//! Paint and light: what colour a point of a head has, and what it is called.
//!
//! All paint is a function of the *neutral* position of the point, so that hair lines, brows
//! and beards follow the skin under any morph.

use crate::attributes::{AFRO, BALD, BOB, BUZZ, LONG};
use crate::face::hair_line;
use crate::looks::Look;
use crate::makehuman::Material;
use crate::vector::{V3, add, dot, mix, noise, scale, smooth, times};

/// The classes of the mask, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum Class {
    Background,
    Skin,
    Hair,
    Brows,
    Eyes,
    Lips,
    Teeth,
    Nose,
    Ears,
    Neck,
    Clothes,
    Glasses,
    Hat,
    Beard,
}

impl Class {
    /// Number of classes.
    pub(crate) const COUNT: usize = 14;
}

/// A point to be painted.
pub(crate) struct Surface {
    /// What it is made of.
    pub(crate) material: Material,
    /// Where it lies on the neutral head.
    pub(crate) neutral: V3,
    /// Unit normal in camera space.
    pub(crate) normal: V3,
    /// How much of a lip it is.
    pub(crate) lip: f32,
    /// How much of an ear it is.
    pub(crate) ear: f32,
}

/// Paint before light.
struct Paint {
    base: V3,
    class: Class,
    shine: f32,
    hardness: f32,
}

/// What a clear lens adds: a cool reflection, brighter towards the top.
pub(crate) fn lens_tint(p: V3) -> V3 {
    let g = smooth(6.95, 7.5, p[1]);
    [0.30 + 0.25 * g, 0.40 + 0.28 * g, 0.50 + 0.30 * g]
}

/// The look and style that paint depends on, besides the point.
pub(crate) fn shade(s: &Surface, look: &Look) -> Option<(V3, Class)> {
    let p = s.neutral;
    let paint = match s.material {
        Material::Body => skin(s, look),
        Material::Eye => eye(p, look),
        Material::Teeth => teeth(p),
        Material::Tongue => Paint::dull([0.49, 0.224, 0.224], Class::Teeth, 0.12),
        Material::Lash => Paint::dull([0.06, 0.05, 0.05], Class::Eyes, 0.0),
        Material::HairShell => shell_hair(s, look)?,
        Material::LongHair => long_hair(p, look)?,
        Material::Frame => Paint { base: look.frame, class: Class::Glasses, shine: 0.6, hardness: 40.0 },
        Material::DarkLens | Material::ClearLens => {
            let lift = 0.07 * (1.0 - smooth(7.1, 7.5, p[1]));
            let base = [0.05 + lift, 0.05 + lift, 0.06 + lift];
            Paint { base, class: Class::Glasses, shine: 0.22, hardness: 30.0 }
        }
        Material::Hat => hat(p, look)?,
    };
    Some((light(s, &paint, look), paint.class))
}

impl Paint {
    fn dull(base: V3, class: Class, shine: f32) -> Self {
        Self { base, class, shine, hardness: 20.0 }
    }
}

fn gauss(x: f32, y: f32) -> f32 {
    (-x * x - y * y).exp()
}

fn skin(s: &Surface, look: &Look) -> Paint {
    let [px, y, z] = s.neutral;
    let x = px.abs();
    let mottle = noise(px * 9.0 + look.noise_seed, y * 9.0, z * 9.0) - 0.5;
    let mut base = scale(look.skin, 1.0 + 0.06 * mottle);
    let mut paint = Paint::dull(base, Class::Skin, 0.12);
    let blush = times(base, [1.03, 0.80, 0.78]);
    if z > 0.7 {
        base = mix(base, blush, 0.55 * gauss((x - 0.47) / 0.24, (y - 6.95) / 0.22));
    }
    if z > 1.3 {
        base = mix(base, blush, 0.5 * gauss(x / 0.14, (y - 6.93) / 0.16));
    }
    if s.ear > 0.4 {
        base = mix(base, blush, 0.4);
        paint.class = Class::Ears;
        if look.covers_ears() {
            base = scale(look.hair, 0.62); // ears would poke through falling hair
            paint.class = Class::Hair;
        }
    }
    if z > 1.2 && x < 0.24 && y > 6.78 && y < 7.3 && x < 0.08 + (7.3 - y) * 0.32 {
        paint.class = Class::Nose;
    }
    if y < 6.12 - 0.25 * smooth(0.3, 1.3, z) && z < 1.3 {
        paint.class = Class::Neck;
    }
    if look.freckles > 0.0 && z > 0.9 && y < 7.3 && y > 6.75 && noise(px * 45.0, y * 45.0, z * 20.0) > 0.72 {
        base = mix(base, times(base, [0.72, 0.6, 0.5]), look.freckles);
    }
    if z > 1.0 {
        let socket = gauss((x - 0.32) / 0.2, (y - 7.3) / 0.13);
        base = mix(base, times(base, [0.75, 0.68, 0.68]), 0.45 * socket);
    }
    if look.wrinkles > 0.3 && z > 0.8 {
        base = mix(base, times(base, [0.72, 0.68, 0.66]), look.wrinkles * forehead_lines(px, y));
    }
    if s.lip > 0.02 {
        let amount = smooth(0.25, 0.55, s.lip);
        base = mix(base, look.lips, amount * look.lip_amount);
        if amount > 0.5 {
            paint.class = Class::Lips;
            paint.shine = 0.3;
        }
    }
    paint.base = base;
    beard(s, look, &mut paint);
    brows(s, look, &mut paint);
    scalp(s, look, &mut paint);
    clothes(s, look, &mut paint);
    paint
}

fn forehead_lines(px: f32, y: f32) -> f32 {
    let wave = (y * 70.0 + 3.0 * (px * 3.0).sin() + 2.0 * noise(px * 4.0, y * 3.0, 1.0)).sin();
    let line = (wave * 0.5 + 0.5).powi(3);
    let place = smooth(7.62, 7.7, y) * (1.0 - smooth(7.9, 8.0, y));
    line * place * (1.0 - smooth(0.4, 0.6, px.abs()))
}

fn beard(s: &Surface, look: &Look, paint: &mut Paint) {
    let [px, y, z] = s.neutral;
    if look.beard == 0 || z <= -0.1 || s.lip >= 0.4 {
        return;
    }
    let x = px.abs();
    let ragged = noise(px * 22.0 + 7.0, y * 22.0, z * 22.0);
    let top = if x < 0.36 {
        6.52 + 0.05 * x
    } else {
        6.62 + 0.45 * smooth(0.35, 0.72, x) - 0.1 * smooth(0.2, 0.35, x) * (1.0 - smooth(0.35, 0.5, x))
    };
    let moustache = y > 6.58 && y < 6.86 - 0.25 * x * x - 0.12 * x && x < 0.42 && z > 1.05;
    let jaw = y < top + (ragged - 0.5) * 0.1 && y > 5.85 + 0.25 * (1.0 - smooth(0.7, 1.2, z)) && z > 0.12;
    let chin = jaw && x < 0.36 && z > 1.0;
    let grown = match look.beard {
        2 => moustache,
        4 => chin || moustache,
        _ => jaw || moustache,
    };
    if !grown {
        return;
    }
    let stubble = look.beard == 1;
    let density = if stubble { 0.5 } else { 1.0 };
    let amount = (density * (0.95 + 0.25 * (ragged - 0.5))).min(1.0);
    // Darker than the brows, so that a beard reads on any skin.
    let hair = scale(look.brow, 0.42 + 0.36 * noise(px * 40.0, y * 12.0, z * 40.0));
    paint.base = mix(paint.base, hair, amount);
    paint.shine = 0.04;
    if !stubble {
        paint.class = Class::Beard;
    }
}

fn brows(s: &Surface, look: &Look, paint: &mut Paint) {
    let [px, y, z] = s.neutral;
    let along = (px.abs() - 0.10) / 0.48;
    if z <= 0.85 || !(-0.05..1.05).contains(&along) {
        return;
    }
    let arch = (std::f32::consts::PI * (0.22 + along * 0.6).clamp(0.0, 1.0)).sin();
    let height = 7.485 + 0.055 * arch + look.brow_slope * (along - 0.4);
    let width = look.brow_width * (1.0 - 0.65 * along * along);
    let away = (y - height).abs() / width + 0.4 * (noise(px * 60.0, y * 40.0, 3.0) - 0.5);
    let ends = smooth(-0.05, 0.04, along) * (1.0 - smooth(0.95, 1.05, along));
    let amount = (1.0 - smooth(0.6, 1.15, away)) * ends;
    if amount > 0.0 {
        paint.base = mix(paint.base, look.brow, amount * 0.92);
        if amount > 0.4 {
            paint.class = Class::Brows;
            paint.shine = 0.03;
        }
    }
}

/// Hair painted on the skin: the whole of a buzz cut, and the roots of the other styles.
fn scalp(s: &Surface, look: &Look, paint: &mut Paint) {
    let [px, y, z] = s.neutral;
    if look.style == BALD {
        return;
    }
    let inside = hair_line(s.neutral, look);
    let hairy = inside > 0.0 && paint.class != Class::Ears && y > 6.15;
    if look.style == BUZZ {
        if hairy {
            let grain = noise(px * 60.0, y * 60.0, z * 60.0) - 0.5;
            let amount = smooth(0.0, 0.08, inside) * (0.82 + 0.25 * grain);
            paint.base = mix(paint.base, look.hair, amount);
            if amount > 0.35 {
                paint.class = Class::Hair;
            }
        }
    } else if hairy {
        paint.base = look.hair;
        paint.class = Class::Hair;
    } else if y > 7.3 && z > 0.2 {
        // The shadow that hair throws on the forehead.
        paint.base = scale(paint.base, 1.0 - 0.28 * smooth(-0.25, 0.0, inside));
    }
}

fn clothes(s: &Surface, look: &Look, paint: &mut Paint) {
    let [px, y, z] = s.neutral;
    let opening = look.neckline * smooth(0.7, 0.0, px.abs()) * smooth(0.1, 0.9, z);
    let collar = 5.62 + 0.28 * smooth(0.9, 0.0, z) - opening;
    if y < collar {
        let fold = 0.92 + 0.16 * noise(px * 3.0, y * 5.0, z * 3.0);
        let seam = if y > collar - 0.07 { 0.8 } else { 1.0 };
        *paint = Paint::dull(scale(look.clothes, fold * seam), Class::Clothes, 0.02);
    }
}

fn eye(p: V3, look: &Look) -> Paint {
    let center = if p[0] > 0.0 { 0.31 } else { -0.31 };
    let (dx, dy) = (p[0] - center - look.gaze[0], p[1] - 7.285 - look.gaze[1]);
    let r = dx.hypot(dy);
    let fibre = 0.75 + 0.5 * noise(dy.atan2(dx) * 8.0, r * 30.0, 0.0);
    let mut base = mix([0.93, 0.92, 0.91], scale(look.iris, fibre), 1.0 - smooth(0.066, 0.076, r));
    base = mix(base, [0.02; 3], 1.0 - smooth(0.028, 0.036, r));
    let rim = smooth(0.055, 0.068, r) * (1.0 - smooth(0.07, 0.08, r)) * 0.6;
    base = mix(base, scale(base, 0.5), rim);
    let glint = (dx - 0.022).hypot(dy - 0.026);
    base = mix(base, [2.2; 3], 1.0 - smooth(0.010, 0.018, glint));
    base = scale(base, 1.0 - 0.35 * smooth(7.31, 7.38, p[1])); // the lid's shadow
    Paint::dull(base, Class::Eyes, 0.0)
}

fn teeth(p: V3) -> Paint {
    let gap = 1.0 - 0.25 * smooth(0.92, 1.0, (p[0] * 32.0).sin().abs());
    let base = scale([0.92, 0.89, 0.84], gap * smooth(0.9, 1.35, p[2]));
    Paint::dull(base, Class::Teeth, 0.2)
}

fn shell_hair(s: &Surface, look: &Look) -> Option<Paint> {
    let p = s.neutral;
    if s.ear > 0.35 && look.style != AFRO {
        return None; // hair grows around ears, not out of them
    }
    let inside = hair_line(p, look);
    if inside < 0.0 || p[1] < 6.2 || (look.hat_on && p[1] > 7.72 + 0.15 * p[2]) {
        return None;
    }
    Some(strands(p, look, 0.75 + 0.25 * smooth(0.0, 0.12, inside)))
}

fn long_hair(p: V3, look: &Look) -> Option<Paint> {
    let [px, y, z] = p;
    let ragged = noise(px * 7.0 + look.noise_seed, z * 7.0, 2.0) - 0.5;
    let over_face = z > 0.80 && y < 8.1 && px.abs() < 0.70;
    if y < look.hair_end + 0.25 * ragged || over_face || (look.hat_on && y > 7.5) {
        return None;
    }
    Some(strands(p, look, 0.9 * (1.0 - 0.25 * smooth(7.0, 6.0, y))))
}

fn strands(p: V3, look: &Look, brightness: f32) -> Paint {
    let [px, y, z] = p;
    let (strand, shine) = if look.style == AFRO {
        let curl = noise(px * 11.0 + look.noise_seed, y * 11.0, z * 11.0) * 0.6
            + noise(px * 26.0, y * 26.0, z * 26.0) * 0.4;
        (0.62 + 0.76 * curl, 0.03)
    } else {
        let around = (px + 0.001).atan2(0.35 - z * 0.3);
        let bend = 2.0 * noise(px * 3.0, y * 2.0, z * 3.0);
        let lock = noise(around * 22.0 + look.noise_seed + bend, y * 1.6, z * 1.2) * 0.6
            + noise(around * 60.0, y * 2.5, z * 2.0) * 0.4;
        (0.58 + 0.84 * lock, 0.22)
    };
    let hardness = if look.style == AFRO { 20.0 } else { 14.0 };
    Paint { base: scale(look.hair, strand * brightness), class: Class::Hair, shine, hardness }
}

fn hat(p: V3, look: &Look) -> Option<Paint> {
    let [px, y, z] = p;
    if y < 7.64 + 0.13 * z {
        return None;
    }
    let rib = 0.86 + 0.14 * (px.atan2(0.3 - z) * 26.0).sin();
    let wool = rib + 0.08 * (noise(px * 20.0, y * 20.0, z * 20.0) - 0.5);
    let brim = if y < 7.90 + 0.13 * z { 1.12 } else { 1.0 };
    Some(Paint::dull(scale(look.hat, wool * brim), Class::Hat, 0.02))
}

/// Wrapped diffuse light, hemispheric ambient, a highlight and a faint rim.
fn light(s: &Surface, paint: &Paint, look: &Look) -> V3 {
    let n = s.normal;
    let diffuse = (dot(n, look.light) * 0.78 + 0.22).max(0.0);
    let sky = 0.6 + 0.4 * (0.55 + 0.45 * n[1]);
    let body = s.material == Material::Body;
    let mut occlusion = 1.0;
    if body && paint.class == Class::Neck {
        occlusion = 0.62 + 0.38 * smooth(6.2, 5.7, s.neutral[1]);
    }
    if s.material == Material::Tongue {
        occlusion = 0.35;
    }
    if body && paint.class == Class::Clothes && s.neutral[1] > 5.2 && s.neutral[0].abs() < 0.6 {
        occlusion = 0.85;
    }
    let half = add(look.light, [0.0, 0.0, 1.0]);
    let facing = (dot(n, half) / dot(half, half).sqrt()).max(0.0);
    let highlight = paint.shine * facing.powf(paint.hardness);
    let rim = (1.0 - n[2].max(0.0)).powi(3) * 0.12;
    // Light that has gone through skin comes out red.
    let bleed: V3 = if body && paint.class != Class::Clothes { [0.06, 0.015, 0.0] } else { [0.0; 3] };
    let mut out = [0.0; 3];
    for k in 0..3 {
        let lit = look.light_colour[k] * (diffuse + bleed[k] * (1.0 - diffuse)) + look.ambient[k] * sky;
        let glow = highlight * look.light_colour[k] + rim * paint.base[k];
        out[k] = occlusion * (paint.base[k] * lit + glow);
    }
    out
}

impl Look {
    fn covers_ears(&self) -> bool {
        matches!(self.style, BOB | LONG)
    }
}
