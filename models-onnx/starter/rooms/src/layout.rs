//! Blobs: an ellipse for every part of a room, in the numbers of BlobGAN.
//!
//! A blob's opacity at distance `d` from its centre, measured by its covariance `Σ`, is `σ(s − d²)`. All `Σ` have the
//! same area, `√det Σ =` [`AREA`], so that the size `s` says how large it is: half of what lies below shows at
//! `d² = s`, which is an ellipse with semi-axes `p`, `q` where `s = p q / AREA`.

use crate::build::Body;
use crate::draw::Scene;
use crate::plan::{ALL, PARTS, Part};

/// The area of all shapes, which the checkpoint names `ab_norm`. The published value is 0.02; pictures of 64 pixels
/// have smaller things, whose blobs would all be faint and wide with it.
pub(crate) const AREA: f32 = 0.002;
/// The size of a blob that is not there.
pub(crate) const ABSENT: f32 = -10.0;
/// Numbers of a blob: x, y, size, ln(p / q), and direction of p as cosine and sine.
pub(crate) const NUMBERS: usize = 6;
/// Side of the grid on which outlines are measured.
const GRID: usize = 64;

/// Where a part is: an ellipse in units of the picture's side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ellipse {
    pub(crate) centre: [f32; 2],
    /// Semi-axes, the longer one first.
    pub(crate) axes: [f32; 2],
    /// Direction of the longer one, from x towards y, which goes down.
    pub(crate) angle: f32,
}

impl Ellipse {
    /// With axes along the picture's sides.
    fn upright(centre: [f32; 2], [across, down]: [f32; 2]) -> Self {
        let quarter = std::f32::consts::FRAC_PI_2;
        if across >= down {
            Self { centre, axes: [across, down], angle: 0.0 }
        } else {
            Self { centre, axes: [down, across], angle: quarter }
        }
    }

    /// With the mean and the covariance of places; nothing for too few to see.
    fn of(places: &[[f32; 2]]) -> Option<Self> {
        if places.len() < 6 {
            return None;
        }
        let mean = |f: &dyn Fn(&[f32; 2]) -> f32| places.iter().map(f).sum::<f32>() / places.len() as f32;
        let [x, y] = [mean(&|p| p[0]), mean(&|p| p[1])];
        // A pixel has a width, too.
        let pixel = 1.0 / (12.0 * (GRID * GRID) as f32);
        let (xx, yy) = (mean(&|p| (p[0] - x).powi(2)) + pixel, mean(&|p| (p[1] - y).powi(2)) + pixel);
        let xy = mean(&|p| (p[0] - x) * (p[1] - y));
        let (half, apart) = ((xx + yy) / 2.0, ((xx - yy) / 2.0).hypot(xy));
        // A filled ellipse reaches twice its standard deviation.
        let axes = [half + apart, (half - apart).max(pixel)].map(|variance| 2.0 * variance.sqrt());
        Some(Self { centre: [x, y], axes, angle: 0.5 * (2.0 * xy).atan2(xx - yy) })
    }

    fn numbers(&self) -> [f32; NUMBERS] {
        let ([x, y], [p, q]) = (self.centre, self.axes);
        let (sin, cos) = self.angle.sin_cos();
        [x, y, p * q / AREA, (p / q).ln(), cos, sin]
    }
}

/// The ellipses of a room's parts, by number; the background has none.
pub(crate) fn ellipses(scene: &Scene<'_>) -> [Option<Ellipse>; PARTS] {
    ALL.map(|part| match part {
        Part::BackWall => None,
        Part::Ceiling | Part::LeftWall | Part::RightWall | Part::Floor => side(scene, part),
        _ => {
            let body: Option<&Body> = scene.bodies.iter().find(|body| body.part == part);
            Ellipse::of(&scene.outline(body?, GRID))
        }
    })
}

/// Ellipses of what surrounds the back wall: centred on the picture's border, their edge goes through the wall's
/// corners and, for side walls, through the places where floor and ceiling leave the picture.
fn side(scene: &Scene<'_>, part: Part) -> Option<Ellipse> {
    let [upper_left, upper_right, lower_left, lower_right] = scene.corners();
    match part {
        Part::Ceiling | Part::Floor => {
            let ([a, b], border) = if part == Part::Floor {
                ([lower_left, lower_right], 0.99)
            } else {
                ([upper_left, upper_right], 0.01)
            };
            let middle = (a[0] + b[0]) / 2.0;
            let reach = ((a[1] + b[1]) / 2.0 - border).abs();
            // Twice as wide as the picture, so that its edge is nearly straight.
            (reach > 0.01).then(|| Ellipse::upright([middle.clamp(0.05, 0.95), border], [1.6, reach]))
        }
        _ => {
            let right = part == Part::RightWall;
            let (border, [up, down]) =
                if right { (0.99, [upper_right, lower_right]) } else { (0.01, [upper_left, lower_left]) };
            let [top, bottom] = [scene.leaves(right, true), scene.leaves(right, false)];
            let middle = ((top + bottom) / 2.0).clamp(0.05, 0.95);
            let (tall, reach) = ((bottom - top) / 2.0, (up[0] - border).abs());
            let inner = (down[1] - up[1]) / (bottom - top).max(1e-3);
            let bulge = (1.0 - inner * inner).max(0.2).sqrt();
            (reach > 0.01).then(|| Ellipse::upright([border, middle], [reach / bulge, tall]))
        }
    }
}

/// The blobs of a room, without the background: [`NUMBERS`] for each part.
pub(crate) fn blobs(scene: &Scene<'_>) -> Vec<[f32; NUMBERS]> {
    let absent = [0.5, 0.5, ABSENT, 0.0, 1.0, 0.0];
    ellipses(scene)[1..].iter().map(|ellipse| ellipse.map_or(absent, |e| e.numbers())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::normals;
    use crate::plan::Room;

    impl Ellipse {
        /// Squared distance from the centre, 1 at the edge.
        fn distance(&self, [x, y]: [f32; 2]) -> f32 {
            let (sin, cos) = self.angle.sin_cos();
            let (dx, dy) = (x - self.centre[0], y - self.centre[1]);
            ((dx * cos + dy * sin) / self.axes[0]).powi(2) + ((dy * cos - dx * sin) / self.axes[1]).powi(2)
        }
    }

    #[test]
    fn an_ellipse_has_the_moments_of_the_places_that_it_covers() {
        let right = Ellipse { centre: [0.45, 0.6], axes: [0.3, 0.1], angle: 0.7 };
        let places: Vec<[f32; 2]> = (0..GRID * GRID)
            .map(|i| [(i % GRID) as f32 + 0.5, (i / GRID) as f32 + 0.5].map(|v| v / GRID as f32))
            .filter(|&place| right.distance(place) < 1.0)
            .collect();
        let found = Ellipse::of(&places).unwrap();
        let near = |a: f32, b: f32| (a - b).abs() < 0.01;
        assert!(near(found.centre[0], 0.45) && near(found.centre[1], 0.6), "{found:?}");
        assert!(near(found.axes[0], 0.3) && near(found.axes[1], 0.1) && near(found.angle, 0.7), "{found:?}");
    }

    #[test]
    fn blobs_cover_what_is_seen_of_their_parts() {
        let (mut seen, mut covered) = ([0.0f32; PARTS], [0.0f32; PARTS]);
        for number in 0..60 {
            let room = Room::new(normals(number));
            let scene = Scene::new(&room);
            let picture = scene.draw(64, 1);
            let ellipses = ellipses(&scene);
            for (i, &part) in picture.parts.iter().enumerate() {
                let place = [(i % 64) as f32 + 0.5, (i / 64) as f32 + 0.5].map(|v| v / 64.0);
                seen[usize::from(part)] += 1.0;
                let inside = ellipses[usize::from(part)].is_some_and(|e| e.distance(place) < 1.3);
                covered[usize::from(part)] += f32::from(u8::from(inside));
            }
        }
        for part in &ALL[1..] {
            let share = covered[*part as usize] / seen[*part as usize];
            println!("{part:?}: {share}");
            // Corners of boxes lie outside of their ellipses.
            assert!(share > 0.8, "{part:?}: {share}");
        }
    }
}
