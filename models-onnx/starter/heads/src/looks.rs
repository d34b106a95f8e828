//! How a face looks: the continuous dice (colours, hair line, framing) on top of the
//! named attributes. Every die is thrown for every face, used or not, so that changing one
//! attribute leaves all the others as they were.

use crate::attributes::{Attributes, BOB, SHORT};
use crate::photo::Photo;
use crate::rng::Rng;
use crate::vector::{V3, scale};

/// Hair colours in label order: black brown blond red grey white blue pink green purple.
pub(crate) const HAIR_COLOURS: [V3; 10] = [
    [0.07, 0.06, 0.06],
    [0.28, 0.16, 0.09],
    [0.85, 0.66, 0.36],
    [0.62, 0.22, 0.08],
    [0.62, 0.62, 0.64],
    [0.90, 0.90, 0.90],
    [0.12, 0.28, 0.80],
    [0.92, 0.40, 0.62],
    [0.14, 0.55, 0.25],
    [0.45, 0.18, 0.65],
];
/// From here on hair is dyed: brows and beards stay brown.
const FIRST_DYED: u8 = 6;
/// Cloth, hat and wall colours: red blue green white black yellow orange purple grey.
pub(crate) const CLOTH_COLOURS: [V3; 9] = [
    [0.70, 0.12, 0.12],
    [0.15, 0.30, 0.70],
    [0.15, 0.50, 0.25],
    [0.88, 0.88, 0.88],
    [0.10, 0.10, 0.11],
    [0.88, 0.74, 0.20],
    [0.88, 0.45, 0.12],
    [0.42, 0.20, 0.60],
    [0.45, 0.46, 0.48],
];
const EYE_COLOURS: [V3; 3] = [[0.28, 0.15, 0.07], [0.25, 0.50, 0.80], [0.25, 0.50, 0.28]];
const SKIN_COLOURS: [V3; 5] =
    [[0.93, 0.76, 0.66], [0.88, 0.68, 0.56], [0.76, 0.55, 0.41], [0.56, 0.37, 0.25], [0.36, 0.22, 0.15]];
/// Frames have to survive at 64 pixels, so they are dark or saturated; the first three are
/// those of sunglasses.
const FRAME_COLOURS: [V3; 6] = [
    [0.05, 0.05, 0.06],
    [0.05, 0.05, 0.06],
    [0.22, 0.10, 0.05],
    [0.60, 0.05, 0.07],
    [0.07, 0.12, 0.55],
    [0.78, 0.62, 0.25],
];

/// All continuous numbers that reach the painter.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// Hair style, as in `Attributes`.
    pub(crate) style: u8,
    /// Beard, as in `Attributes`.
    pub(crate) beard: u8,
    /// A hat presses the hair down.
    pub(crate) hat_on: bool,
    /// Skin.
    pub(crate) skin: V3,
    /// Hair.
    pub(crate) hair: V3,
    /// Brows, and the base of a beard.
    pub(crate) brow: V3,
    /// Iris.
    pub(crate) iris: V3,
    /// Lips.
    pub(crate) lips: V3,
    /// Clothes.
    pub(crate) clothes: V3,
    /// Frames of glasses.
    pub(crate) frame: V3,
    /// Hat.
    pub(crate) hat: V3,
    /// The two ends of the wall's gradient.
    pub(crate) wall: [V3; 2],
    /// Height at which long hair ends.
    pub(crate) hair_end: f32,
    /// Offset of the hair line on the forehead.
    pub(crate) hair_line: f32,
    /// Thickness of the brows.
    pub(crate) brow_width: f32,
    /// Offset into the noise field.
    pub(crate) noise_seed: f32,
    /// Depth of the neckline.
    pub(crate) neckline: f32,
    /// Slant of the hair line.
    pub(crate) parting: f32,
    /// Direction of the wall's gradient.
    pub(crate) wall_angle: f32,
    /// Slope of the brows.
    pub(crate) brow_slope: f32,
    /// Where the eyes look.
    pub(crate) gaze: [f32; 2],
    /// Strength of the lip colour.
    pub(crate) lip_amount: f32,
    /// Strength of freckles.
    pub(crate) freckles: f32,
    /// Strength of wrinkles.
    pub(crate) wrinkles: f32,
    /// Clouds on the wall.
    pub(crate) wall_noise: f32,
    /// Depth of the fringe.
    pub(crate) fringe: f32,
    /// Thickness of the hair shell, around one.
    pub(crate) hair_volume: f32,
    /// Extra height of short hair.
    pub(crate) hair_lift: f32,
    /// Width of long hair.
    pub(crate) hair_width: f32,
    /// Exponent of the frames' outline: 2 round, 4 square.
    pub(crate) frame_shape: f32,
    /// Size of the head in the picture, around one.
    pub(crate) zoom: f32,
    /// Sideways shift of the head, in picture widths.
    pub(crate) shift: f32,
    /// Turn of the head in degrees.
    pub(crate) yaw: f32,
    /// Nod of the head in degrees.
    pub(crate) pitch: f32,
}

impl Look {
    /// Throws the dice for a face with these attributes.
    pub(crate) fn sample(a: &Attributes, rng: &mut Rng) -> Self {
        let mut vary = |colour: V3, amount: f32| {
            let k = 1.0 + rng.normal(0.0, amount);
            scale(colour, k).map(|v| v.clamp(0.0, 1.0))
        };
        let natural = SKIN_COLOURS[usize::from(a.skin)];
        let hair_base = HAIR_COLOURS[usize::from(a.hair_colour)];
        let skin = vary(natural, 0.06);
        let hair = vary(hair_base, 0.10);
        let brow_base = if a.hair_colour >= FIRST_DYED { HAIR_COLOURS[1] } else { scale(hair_base, 0.75) };
        let brow = vary(brow_base, 0.06);
        let iris = vary(EYE_COLOURS[usize::from(a.eyes)], 0.06);
        let natural_lips = [natural[0] * 0.92, natural[1] * 0.62, natural[2] * 0.62];
        let lips = vary(if a.lipstick == 1 { [0.72, 0.08, 0.14] } else { natural_lips }, 0.06);
        let clothes = vary(CLOTH_COLOURS[usize::from(a.clothes)], 0.06);
        let hat = vary(CLOTH_COLOURS[usize::from(a.hat_colour)], 0.06);
        let wall = CLOTH_COLOURS[usize::from(a.background)];
        let wall = [vary(wall.map(|v| v * 0.75 + 0.2), 0.06), vary(wall.map(|v| v * 0.45 + 0.1), 0.06)];
        let frame_die = rng.unit();
        let frames = if a.glasses == 2 { 3.0 } else { 6.0 };
        let frame_base = FRAME_COLOURS[(frame_die * frames) as usize];
        let frame = scale(frame_base, 1.0 + rng.normal(0.0, 0.06));
        let end_jitter = rng.range(-0.25, 0.25);
        let hair_end = end_jitter + if a.hair == BOB { 6.0 } else { 4.6 };
        let male = a.gender == 0;
        Self {
            style: a.hair,
            beard: a.beard,
            hat_on: a.hat == 1,
            skin,
            hair,
            brow,
            iris,
            lips,
            clothes,
            frame,
            hat,
            wall,
            hair_end: if a.has_long_hair() { hair_end } else { 9.0 + end_jitter },
            hair_line: rng.range(-0.06, 0.10),
            brow_width: rng.range(0.030, 0.050) * if male { 1.1 } else { 0.8 },
            noise_seed: rng.range(0.0, 50.0),
            neckline: rng.range(0.0, 0.5),
            parting: rng.range(-1.0, 1.0),
            wall_angle: rng.range(0.0, std::f32::consts::TAU),
            brow_slope: rng.range(-0.055, 0.005),
            gaze: [rng.normal(0.0, 0.02), rng.normal(0.0, 0.01)],
            lip_amount: if a.lipstick == 1 { 0.95 } else { 0.75 },
            freckles: if a.freckles == 1 { 0.8 } else { 0.0 },
            wrinkles: if a.age == 1 { 0.7 } else { 0.0 },
            wall_noise: rng.range(0.2, 1.0),
            fringe: if a.fringe == 1 { 0.32 } else { 0.0 },
            hair_volume: rng.range(0.8, 1.2),
            hair_lift: rng.range(0.0, 0.22),
            hair_width: rng.range(1.0, 1.2),
            frame_shape: [2.0, 2.6, 4.0][rng.below(3)],
            zoom: rng.range(0.95, 1.05),
            shift: rng.normal(0.0, 0.008),
            yaw: rng.normal(0.0, 13.0).clamp(-32.0, 32.0),
            pitch: rng.normal(0.0, 5.0).clamp(-12.0, 12.0),
        }
    }

    /// The painter's 58 numbers and 40 geometric ones, scaled as the mapper expects them.
    /// The layout is fixed by the checkpoint: fields that carry no meaning stay zero.
    pub(crate) fn numbers(&self, a: &Attributes, photo: &Photo) -> [f32; 98] {
        let mut n = [0.0; 98];
        let colours = [
            self.skin,
            self.hair,
            self.brow,
            self.iris,
            self.lips,
            self.clothes,
            self.frame,
            self.hat,
            self.wall[0],
            self.wall[1],
        ];
        for (slot, value) in n.iter_mut().zip(colours.iter().flatten()) {
            *slot = (value - 0.45) * 3.0;
        }
        // What is not worn has no colour to tell.
        if a.glasses == 0 {
            n[18..21].fill(0.0);
        }
        if a.hat == 0 {
            n[21..24].fill(0.0);
        }
        n[30..33].copy_from_slice(&scale(photo.light, 2.0));
        n[33..36].copy_from_slice(&photo.light_colour);
        n[36..39].copy_from_slice(&photo.ambient);
        n[40] = if a.has_long_hair() { (self.hair_end - 5.0) * 0.8 } else { 0.0 };
        n[41] = self.hair_line * 15.0;
        n[43] = self.brow_width * 20.0;
        n[44] = f32::from(a.hat);
        n[46] = self.neckline * 3.0;
        n[48] = self.parting;
        n[50] = self.brow_slope * 30.0;
        n[51] = self.gaze[0] * 30.0;
        n[52] = self.gaze[1] * 30.0;
        n[53] = self.lip_amount;
        n[54] = self.freckles;
        n[55] = self.wrinkles;
        n[56] = self.wall_noise;
        n[57] = self.fringe;
        let extra = &mut n[58..];
        if a.hair >= SHORT {
            extra[0] = (self.hair_volume - 1.0) * 8.0;
        }
        if a.hair == SHORT {
            extra[1] = self.hair_lift * 8.0;
        }
        if a.has_long_hair() {
            extra[2] = (self.hair_width - 1.1) * 15.0;
        }
        if a.glasses > 0 {
            extra[3] = self.frame_shape / 2.0;
        }
        extra[4] = (self.zoom - 1.0) * 30.0;
        extra[5] = self.shift * 100.0;
        extra[6] = self.yaw / 15.0;
        extra[7] = self.pitch / 6.0;
        extra[8 + usize::from(a.hair)] = 1.0;
        extra[14 + usize::from(a.beard)] = 1.0;
        extra[19 + usize::from(a.glasses)] = 1.0;
        extra[22] = f32::from(a.hat);
        extra[23] = f32::from(a.fringe);
        extra[24] = f32::from(a.age);
        extra[25] = 1.0 - f32::from(a.gender);
        extra[26] = f32::from(a.lipstick);
        extra[27] = f32::from(a.freckles);
        extra[28 + usize::from(a.expression)] = 1.0;
        extra[35] = self.wall_angle.cos();
        extra[36] = self.wall_angle.sin();
        n
    }
}
