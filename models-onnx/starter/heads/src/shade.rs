//! Paint and light: what colour a point of a head has, and what it is called.
//!
//! All paint is a function of the *neutral* position of the point, so that hair lines, brows
//! and beards follow the skin under any morph.

use crate::attributes::AFRO;
use crate::hair::{curtain_grows, hair_line, shell_grows};
use crate::light::light;
use crate::looks::Look;
use crate::makehuman::Material;
use crate::photo::Photo;
use crate::shadow::{Shadow, halfway};
use crate::skin::skin;
use crate::vector::{V3, mix, noise, scale, smooth};

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
    /// Where it lies in camera space.
    pub(crate) place: V3,
    /// Unit normal in camera space, towards the camera.
    pub(crate) normal: V3,
    /// Whether the camera sees the back of the mesh.
    pub(crate) inner: bool,
    /// How much of a lip it is.
    pub(crate) lip: f32,
    /// How much of an ear it is.
    pub(crate) ear: f32,
}

/// Paint before light.
pub(crate) struct Paint {
    pub(crate) base: V3,
    pub(crate) class: Class,
    pub(crate) shine: f32,
    pub(crate) hardness: f32,
}

/// What a clear lens adds: a cool reflection, brighter towards the top.
pub(crate) fn lens_tint(p: V3) -> V3 {
    let g = smooth(6.95, 7.5, p[1]);
    [0.30 + 0.25 * g, 0.40 + 0.28 * g, 0.50 + 0.30 * g]
}

/// Whether there is anything at a point of a mesh: hair and hat end where they please.
pub(crate) fn grows(material: Material, neutral: V3, look: &Look) -> bool {
    match material {
        Material::HairShell => shell_grows(neutral, look),
        Material::LongHair => curtain_grows(neutral, look),
        Material::Hat => neutral[1] >= 7.64 + 0.13 * neutral[2],
        _ => true,
    }
}

/// Colour and class of a point, or nothing where the mesh has none.
pub(crate) fn shade(s: &Surface, look: &Look, photo: &Photo, shadow: &Shadow) -> Option<(V3, Class)> {
    let p = s.neutral;
    if !grows(s.material, p, look) {
        return None;
    }
    let paint = match s.material {
        Material::Body => skin(s, look),
        Material::Eye => eye(p, look, photo),
        Material::Teeth => teeth(p),
        Material::Tongue => Paint::dull([0.49, 0.224, 0.224], Class::Teeth, 0.12),
        Material::Lash => Paint::dull([0.06, 0.05, 0.05], Class::Eyes, 0.0),
        Material::HairShell => strands(p, look, 0.78 + 0.22 * smooth(0.0, 0.12, hair_line(p, look))),
        Material::LongHair => strands(p, look, 0.95 * (1.0 - 0.2 * smooth(7.0, 6.0, p[1]))),
        Material::Frame => Paint { base: look.frame, class: Class::Glasses, shine: 0.6, hardness: 40.0 },
        Material::DarkLens | Material::ClearLens => {
            let lift = 0.07 * (1.0 - smooth(7.1, 7.5, p[1]));
            let base = [0.05 + lift, 0.05 + lift, 0.06 + lift];
            Paint { base, class: Class::Glasses, shine: 0.22, hardness: 30.0 }
        }
        Material::Hat => hat(p, look),
    };
    // The eye is small and round: its own lids would put it in the dark.
    let lit = if s.material == Material::Eye { 0.9 } else { shadow.lit(s.place, s.normal) };
    Some((light(s, &paint, photo, lit), paint.class))
}

impl Paint {
    pub(crate) fn dull(base: V3, class: Class, shine: f32) -> Self {
        Self { base, class, shine, hardness: 20.0 }
    }
}

fn eye(p: V3, look: &Look, photo: &Photo) -> Paint {
    let center = if p[0] > 0.0 { 0.31 } else { -0.31 };
    let (dx, dy) = (p[0] - center - look.gaze[0], p[1] - 7.285 - look.gaze[1]);
    let r = dx.hypot(dy);
    let fibre = 0.85 + 0.5 * noise(dy.atan2(dx) * 8.0, r * 30.0, 0.0);
    // Light falls through the cornea onto the far side of the iris.
    let through = 1.0 - 5.0 * (dx * photo.light[0] + dy * photo.light[1]);
    let iris = scale(look.iris, fibre * through.clamp(0.6, 1.5));
    let mut base = mix([0.90, 0.89, 0.88], iris, 1.0 - smooth(0.068, 0.078, r));
    let rim = smooth(0.055, 0.068, r) * (1.0 - smooth(0.07, 0.084, r)) * 0.6;
    base = mix(base, scale(base, 0.4), rim);
    base = mix(base, [0.02; 3], 1.0 - smooth(0.026, 0.034, r));
    base = scale(base, 1.0 - 0.4 * smooth(7.31, 7.38, p[1])); // the lid's shadow
    // The catch-light: the lamp, mirrored by the cornea where its normal is halfway to the camera.
    let flash = halfway(photo.light);
    let glint = (dx - 0.085 * flash[0]).hypot(dy - 0.07 * flash[1]);
    base = mix(base, [2.4; 3], 1.0 - smooth(0.015, 0.025, glint));
    Paint::dull(base, Class::Eyes, 0.0)
}

fn teeth(p: V3) -> Paint {
    let gap = 1.0 - 0.25 * smooth(0.92, 1.0, (p[0] * 32.0).sin().abs());
    let base = scale([0.92, 0.89, 0.84], gap * smooth(0.9, 1.35, p[2]));
    Paint::dull(base, Class::Teeth, 0.2)
}

fn strands(p: V3, look: &Look, brightness: f32) -> Paint {
    let [px, y, z] = p;
    let (strand, shine) = if look.style == AFRO {
        let curl = noise(px * 11.0 + look.noise_seed, y * 11.0, z * 11.0) * 0.6
            + noise(px * 26.0, y * 26.0, z * 26.0) * 0.4;
        (0.70 + 0.60 * curl, 0.03)
    } else {
        let around = (px + 0.001).atan2(0.35 - z * 0.3);
        let bend = 2.0 * noise(px * 3.0, y * 2.0, z * 3.0);
        let lock = noise(around * 14.0 + look.noise_seed + bend, y * 1.2, z * 1.0) * 0.65
            + noise(around * 48.0, y * 2.0, z * 1.6) * 0.35;
        (0.68 + 0.64 * lock, 0.2)
    };
    let hardness = if look.style == AFRO { 20.0 } else { 12.0 };
    Paint { base: scale(look.hair, strand * brightness), class: Class::Hair, shine, hardness }
}

fn hat(p: V3, look: &Look) -> Paint {
    let [px, y, z] = p;
    let rib = 0.86 + 0.14 * (px.atan2(0.3 - z) * 26.0).sin();
    let wool = rib + 0.08 * (noise(px * 20.0, y * 20.0, z * 20.0) - 0.5);
    let brim = if y < 7.90 + 0.13 * z { 1.12 } else { 1.0 };
    Paint::dull(scale(look.hat, wool * brim), Class::Hat, 0.02)
}
