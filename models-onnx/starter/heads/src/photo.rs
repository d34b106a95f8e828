//! How a face was photographed: light, lens, exposure, what stands behind it. Chance alone decides, so
//! these dice have a stream of their own: changing an attribute never changes the photograph.

use crate::rng::Rng;
use crate::vector::{V3, mix, noise, scale, smooth, unit};

/// Numbers that a photograph adds to the parameter vector.
pub(crate) const NUMBERS: usize = 14;

/// What stands behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A wall, from one shade to another.
    Wall,
    /// A wall with a pool of light.
    Spot,
    /// A room out of focus: a window, and something dark below.
    Room,
    /// Outdoors out of focus: sky, ground, two bushes.
    Outdoors,
}

const PLACES: [Place; 4] = [Place::Wall, Place::Spot, Place::Room, Place::Outdoors];

/// All that is decided by the photographer.
#[derive(Clone, Debug)]
pub(crate) struct Photo {
    /// Unit direction towards the light.
    pub(crate) light: V3,
    /// Colour of the light.
    pub(crate) light_colour: V3,
    /// Colour of the shade.
    pub(crate) ambient: V3,
    /// Unit direction towards the second, weaker light.
    pub(crate) fill: V3,
    /// Colour of the second light.
    pub(crate) fill_colour: V3,
    /// Distance of the camera: near is a wide lens, far a long one.
    pub(crate) distance: f32,
    /// What the light is multiplied with.
    pub(crate) exposure: f32,
    /// How much darker the corners are.
    pub(crate) vignette: f32,
    /// Standard deviation of the sensor's noise.
    pub(crate) grain: f32,
    /// Seed of that noise.
    pub(crate) grain_seed: u64,
    /// From cold to warm, about -1 to 1.
    warmth: f32,
    fill_strength: f32,
    place: Place,
    /// Where the things behind the head are, from 0 to 1.
    at: [f32; 4],
    /// Brightness of the window, or of the sky.
    glow: f32,
}

impl Photo {
    /// Throws the dice of one photograph.
    pub(crate) fn sample(rng: &mut Rng) -> Self {
        let light = unit([rng.normal(0.0, 0.7), rng.range(0.1, 0.95), 1.0]);
        let warmth = rng.normal(0.0, 0.5).clamp(-1.2, 1.2);
        let strength = rng.range(0.88, 1.14);
        let shade = rng.range(0.72, 1.2);
        let fill_strength = rng.range(0.0, 0.32);
        let fill_height = rng.range(-0.2, 0.5);
        let side = if light[0] > 0.0 { -1.0 } else { 1.0 };
        Self {
            light,
            light_colour: scale([0.78 + 0.09 * warmth, 0.76, 0.74 - 0.10 * warmth], strength),
            // What the light lacks in blue, the sky has, and the other way round.
            ambient: scale([0.36 - 0.03 * warmth, 0.37, 0.39 + 0.035 * warmth], shade),
            fill: unit([side, fill_height, 0.45]),
            fill_colour: scale([0.95 - 0.1 * warmth, 1.0, 1.05 + 0.1 * warmth], fill_strength),
            distance: 1.0 / rng.range(1.0 / 15.0, 1.0 / 5.5),
            exposure: rng.normal(1.0, 0.07).clamp(0.82, 1.2),
            vignette: rng.range(0.0, 0.35),
            grain: rng.range(0.0, 0.015),
            grain_seed: rng.below(1 << 40) as u64,
            warmth,
            fill_strength,
            place: PLACES[rng.weighted(&[0.5, 0.2, 0.15, 0.15])],
            at: [(); 4].map(|()| rng.unit()),
            glow: rng.unit(),
        }
    }

    /// The numbers of the parameter vector that are not in `Look::numbers` already.
    pub(crate) fn numbers(&self) -> [f32; NUMBERS] {
        let mut n = [0.0; NUMBERS];
        n[0] = (9.0 / self.distance - 1.0) * 3.0;
        n[1] = (self.exposure - 1.0) * 12.0;
        n[2] = self.fill_strength * 6.0 - 1.0;
        n[3] = self.vignette * 5.0 - 1.0;
        n[4] = self.warmth * 2.0;
        n[5 + self.place as usize] = 1.0;
        // Where nothing stands, its place says nothing.
        if self.place != Place::Wall {
            for (slot, value) in n[9..13].iter_mut().zip(self.at) {
                *slot = value * 3.0 - 1.5;
            }
            n[13] = self.glow * 3.0 - 1.5;
        }
        n
    }

    /// The background at a point of the head's square (which it may leave), out of focus:
    /// `wall` are the two shades of the wall, `angle` the direction from one to the other.
    pub(crate) fn background(&self, wall: [V3; 2], angle: f32, clouds: f32, seed: f32, u: f32, v: f32) -> V3 {
        let along = u * angle.cos() + v * angle.sin();
        let cloud = noise(u * 3.0 + seed, v * 3.0, seed) - 0.5;
        let t = 0.5 + (along - 0.5) * 0.9 + clouds * cloud * 1.2;
        let [from, to] = wall;
        let plain = mix(from, to, t.clamp(0.0, 1.0));
        let [a, b, c, d] = self.at;
        match self.place {
            Place::Wall => plain,
            Place::Spot => {
                let away = (u - 0.2 - 0.6 * a).hypot(v - 0.15 - 0.5 * b);
                let lit = scale(from, 1.1 + 0.25 * self.glow);
                mix(lit, scale(to, 0.7), smooth(0.05, 0.85, away))
            }
            Place::Room => {
                // A window on one side of the head, a dark piece of furniture at the foot of the wall.
                let left = if a < 0.5 { a * 0.3 - 0.1 } else { 0.6 + a * 0.3 };
                let (right, low) = (left + 0.18 + 0.2 * c, 0.3 + 0.35 * b);
                let inside = smooth(left - 0.07, left + 0.07, u)
                    * smooth(right + 0.07, right - 0.07, u)
                    * smooth(low + 0.08, low - 0.08, v);
                let day = mix([0.80, 0.88, 0.97], [0.98, 0.90, 0.74], self.glow);
                let furniture = smooth(0.62 + 0.3 * d - 0.04, 0.62 + 0.3 * d + 0.04, v);
                mix(mix(plain, scale(to, 0.55), furniture), day, 0.85 * inside)
            }
            Place::Outdoors => {
                let horizon = 0.40 + 0.35 * b;
                let sky = mix(mix(from, [0.72, 0.83, 0.95], 0.55), [0.95; 3], 0.3 * self.glow);
                let open = mix(sky, scale(plain, 0.85), smooth(horizon - 0.12, horizon + 0.12, v));
                let bush = |x: f32, size: f32| {
                    let away = ((u - x) / size).hypot((v - horizon + 0.05) / (size * 1.1));
                    1.0 - smooth(0.2, 1.4, away)
                };
                let shade = bush(a * 0.35 - 0.05, 0.16 + 0.1 * c).max(bush(0.68 + 0.35 * d, 0.24 - 0.1 * c));
                mix(open, scale(to, 0.6), 0.8 * shade)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES, Photo, Place, Rng};

    #[test]
    fn photographs_vary_within_their_ranges() {
        let photos: Vec<Photo> = (0..3000).map(|i| Photo::sample(&mut Rng::new(i, 3))).collect();
        for place in PLACES {
            assert!(photos.iter().filter(|p| p.place == place).count() > 300, "{place:?}");
        }
        assert!(photos.iter().all(|p| (5.4..15.1).contains(&p.distance)));
        assert!(photos.iter().all(|p| p.light[2] > 0.3), "the light is in front of the face");
        assert!(photos.iter().all(|p| p.light[0] * p.fill[0] <= 0.0), "the fill comes from the other side");
        let walls = |v: f32| {
            photos
                .iter()
                .map(|p| p.background([[0.6; 3], [0.3; 3]], 0.4, 0.5, 7.0, 0.1, v))
                .collect::<Vec<_>>()
        };
        assert!([0.0, 0.5, 1.0].into_iter().flat_map(walls).flatten().all(|v| (0.0..=1.3).contains(&v)));
        assert_eq!(Place::Wall as usize, 0);
    }
}
