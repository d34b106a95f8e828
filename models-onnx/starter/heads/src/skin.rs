//! What is painted on the body, as a function of the neutral position.

use crate::attributes::{BALD, BUZZ};
use crate::hair::hair_line;
use crate::looks::Look;
use crate::shade::{Class, Paint, Surface};
use crate::vector::{mix, noise, scale, smooth, times};

fn gauss(x: f32, y: f32) -> f32 {
    (-x * x - y * y).exp()
}

/// Everything that is painted on the body: skin, lips, brows, beard, roots of hair, clothes.
pub(crate) fn skin(s: &Surface, look: &Look) -> Paint {
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
    let ragged = noise(px * 22.0 + 7.0, y * 22.0, z * 22.0) - 0.5;
    let top = if x < 0.36 {
        6.52 + 0.05 * x
    } else {
        6.62 + 0.45 * smooth(0.35, 0.72, x) - 0.1 * smooth(0.2, 0.35, x) * (1.0 - smooth(0.35, 0.5, x))
    };
    // Each part fades out over its edge: a beard is not cut from felt.
    let edge = |inside: f32, soft: f32| smooth(-soft, soft, inside + 0.045 * ragged);
    let moustache =
        edge((y - 6.58).min(6.86 - 0.25 * x * x - 0.12 * x - y).min(0.42 - x), 0.025) * smooth(1.02, 1.1, z);
    let low = y - 5.85 - 0.25 * (1.0 - smooth(0.7, 1.2, z));
    let jaw = edge((top - y).min(low), 0.05) * smooth(0.08, 0.18, z);
    let chin = jaw * smooth(0.40, 0.33, x) * smooth(0.96, 1.04, z);
    let grown = match look.beard {
        2 => moustache,
        4 => chin.max(moustache),
        _ => jaw.max(moustache),
    };
    if grown < 0.02 {
        return;
    }
    let stubble = look.beard == 1;
    let density = if stubble { 0.5 } else { 1.0 };
    let amount = (density * grown * (0.97 + 0.2 * ragged)).min(1.0);
    // Darker than the brows, so that a beard reads on any skin.
    let hair = scale(look.brow, 0.46 + 0.26 * noise(px * 40.0, y * 12.0, z * 40.0));
    paint.base = mix(paint.base, hair, amount);
    paint.shine *= 1.0 - 0.7 * grown;
    if !stubble && grown > 0.5 {
        paint.class = Class::Beard;
    }
}

fn brows(s: &Surface, look: &Look, paint: &mut Paint) {
    let [px, y, z] = s.neutral;
    let along = (px.abs() - 0.12) / 0.46;
    if z <= 0.85 || !(-0.05..1.05).contains(&along) {
        return;
    }
    // A calm brow: its inner end no lower than its outer one, highest past the middle.
    let arch = (std::f32::consts::PI * (0.30 + along * 0.50).clamp(0.0, 1.0)).sin();
    let height = 7.50 + 0.085 * (arch - 0.6) + look.brow_slope * (along - 0.4);
    let width = look.brow_width * (1.0 - 0.6 * along * along) * (0.75 + 0.25 * smooth(0.0, 0.25, along));
    let hairs = noise(px * 60.0, y * 22.0 + px.abs() * 30.0, 3.0) - 0.5;
    let away = (y - height).abs() / width + 0.35 * hairs;
    let ends = smooth(-0.05, 0.14, along) * (1.0 - smooth(0.85, 1.05, along));
    let amount = (1.0 - smooth(0.5, 1.25, away)) * ends;
    if amount > 0.0 {
        paint.base = mix(paint.base, look.brow, amount * 0.85);
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
    let near = inside > -0.04 && paint.class != Class::Ears && y > 6.15;
    if look.style == BUZZ {
        if near {
            let grain = noise(px * 60.0, y * 60.0, z * 60.0) - 0.5;
            let amount = smooth(-0.04, 0.08, inside) * (0.82 + 0.2 * grain);
            paint.base = mix(paint.base, look.hair, amount);
            if amount > 0.35 {
                paint.class = Class::Hair;
            }
        }
        return;
    }
    if y > 7.3 && z > 0.2 {
        // Where hair is near, less sky reaches the forehead.
        paint.base = scale(paint.base, 1.0 - 0.15 * smooth(-0.2, 0.0, inside));
    }
    if near {
        // Skin shows between the roots: the hair line is not an edge.
        paint.base = mix(paint.base, scale(look.hair, 0.85), smooth(-0.04, 0.03, inside));
        if inside > 0.0 {
            paint.class = Class::Hair;
        }
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
