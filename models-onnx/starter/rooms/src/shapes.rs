//! What rays hit: boxes, ellipsoids and cones, and the room around them.

/// A point, a direction, or a colour.
pub(crate) type Vec3 = [f32; 3];

/// Two vectors, entry by entry.
pub(crate) fn both(a: Vec3, b: Vec3, f: impl Fn(f32, f32) -> f32) -> Vec3 {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2])]
}

pub(crate) fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// To length one.
pub(crate) fn unit(a: Vec3) -> Vec3 {
    let length = dot(a, a).sqrt().max(1e-9);
    a.map(|v| v / length)
}

/// A half-line.
#[derive(Clone, Copy)]
pub(crate) struct Ray {
    pub(crate) from: Vec3,
    /// Of length one.
    pub(crate) along: Vec3,
    inverse: Vec3,
}

impl Ray {
    pub(crate) fn new(from: Vec3, along: Vec3) -> Self {
        let inverse = along.map(|v| 1.0 / if v == 0.0 { 1e-9 } else { v });
        Self { from, along, inverse }
    }

    pub(crate) fn at(&self, distance: f32) -> Vec3 {
        both(self.from, self.along, |o, d| o + d * distance)
    }
}

/// Corners of a box with sides along the axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cuboid {
    pub(crate) low: Vec3,
    pub(crate) high: Vec3,
}

impl Cuboid {
    /// Distances at which a ray enters and leaves, and the axes of the sides that it crosses there.
    #[inline]
    fn crossed(&self, ray: &Ray) -> ([f32; 2], [usize; 2]) {
        let (mut t, mut axes) = ([f32::NEG_INFINITY, f32::INFINITY], [0; 2]);
        for axis in 0..3 {
            let a = (self.low[axis] - ray.from[axis]) * ray.inverse[axis];
            let b = (self.high[axis] - ray.from[axis]) * ray.inverse[axis];
            let (near, far) = if a < b { (a, b) } else { (b, a) };
            if near > t[0] {
                (t[0], axes[0]) = (near, axis);
            }
            if far < t[1] {
                (t[1], axes[1]) = (far, axis);
            }
        }
        (t, axes)
    }

    /// Whether a ray meets it before `limit`.
    #[inline]
    pub(crate) fn is_met(&self, ray: &Ray, limit: f32) -> bool {
        let ([enter, leave], _) = self.crossed(ray);
        enter <= leave && leave > 0.0 && enter < limit
    }

    /// Where a ray from inside leaves, and the axis of the side.
    #[inline]
    pub(crate) fn left(&self, ray: &Ray) -> (f32, usize) {
        let ([_, leave], [_, axis]) = self.crossed(ray);
        (leave, axis)
    }

    fn around(self, other: Self) -> Self {
        Self { low: both(self.low, other.low, f32::min), high: both(self.high, other.high, f32::max) }
    }
}

/// A form that a ray can hit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Box(Cuboid),
    Ellipsoid {
        centre: Vec3,
        radii: Vec3,
    },
    /// Upright, with a lid: the middle of its lower side, height, radii below and above.
    Cone {
        base: Vec3,
        height: f32,
        below: f32,
        above: f32,
    },
}

/// Rays start this far from what they were sent from.
const NEAR: f32 = 1e-4;

impl Form {
    pub(crate) fn bounds(&self) -> Cuboid {
        match *self {
            Self::Box(cuboid) => cuboid,
            Self::Ellipsoid { centre, radii } => {
                Cuboid { low: both(centre, radii, |c, r| c - r), high: both(centre, radii, |c, r| c + r) }
            }
            Self::Cone { base: [x, y, z], height, below, above } => {
                let r = below.max(above);
                Cuboid { low: [x - r, y, z - r], high: [x + r, y + height, z + r] }
            }
        }
    }

    /// Where a ray hits it before `limit`, and the surface's direction there.
    #[inline]
    pub(crate) fn hit(&self, ray: &Ray, limit: f32) -> Option<(f32, Vec3)> {
        match *self {
            Self::Box(cuboid) => {
                let ([enter, leave], [axis, _]) = cuboid.crossed(ray);
                let is_hit = enter > NEAR && enter <= leave && enter < limit;
                is_hit.then(|| {
                    let mut normal = [0.0; 3];
                    normal[axis] = -ray.along[axis].signum();
                    (enter, normal)
                })
            }
            Self::Ellipsoid { centre, radii } => {
                let from: Vec3 = std::array::from_fn(|i| (ray.from[i] - centre[i]) / radii[i]);
                let along = both(ray.along, radii, |d, r| d / r);
                let (a, b, c) = (dot(along, along), dot(from, along), dot(from, from) - 1.0);
                let inside = b * b - a * c;
                if inside <= 0.0 {
                    return None;
                }
                let t = (-b - inside.sqrt()) / a;
                (t > NEAR && t < limit)
                    .then(|| (t, unit(std::array::from_fn(|i| (from[i] + along[i] * t) / radii[i]))))
            }
            Self::Cone { base, height, below, above } => cone(ray, limit, base, height, below, above),
        }
    }
}

fn cone(ray: &Ray, limit: f32, base: Vec3, height: f32, below: f32, above: f32) -> Option<(f32, Vec3)> {
    let from = both(ray.from, base, |a, b| a - b);
    let d = ray.along;
    // x² + z² = (below + slope · y)².
    let slope = (above - below) / height;
    let radius = below + slope * from[1];
    let a = d[0] * d[0] + d[2] * d[2] - slope * slope * d[1] * d[1];
    let b = from[0] * d[0] + from[2] * d[2] - slope * d[1] * radius;
    let c = from[0] * from[0] + from[2] * from[2] - radius * radius;
    let inside = b * b - a * c;
    let mut hit = None;
    let mut limit = limit;
    if inside > 0.0 && a.abs() > 1e-9 {
        let t = (-b - inside.sqrt()) / a;
        let y = from[1] + d[1] * t;
        if t > NEAR && t < limit && (0.0..=height).contains(&y) {
            let (x, z) = (from[0] + d[0] * t, from[2] + d[2] * t);
            hit = Some((t, unit([x, -slope * (x * x + z * z).sqrt(), z])));
            limit = t;
        }
    }
    if d[1] != 0.0 {
        let t = (height - from[1]) / d[1];
        let (x, z) = (from[0] + d[0] * t, from[2] + d[2] * t);
        if t > NEAR && t < limit && x * x + z * z < above * above {
            hit = Some((t, [0.0, 1.0, 0.0]));
        }
    }
    hit
}

/// The box around forms; nothing for none.
pub(crate) fn around(forms: impl Iterator<Item = Cuboid>) -> Option<Cuboid> {
    forms.reduce(Cuboid::around)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(form: Form, from: Vec3, along: Vec3) -> Option<(f32, Vec3)> {
        form.hit(&Ray::new(from, unit(along)), 100.0)
    }

    #[test]
    fn distances_and_directions_are_right() {
        let cube = Form::Box(Cuboid { low: [-1.0; 3], high: [1.0; 3] });
        assert_eq!(met(cube, [0.0, 0.0, 5.0], [0.0, 0.0, -1.0]), Some((4.0, [-0.0, -0.0, 1.0])));
        assert_eq!(met(cube, [0.0, 3.0, 5.0], [0.0, 0.0, -1.0]), None);
        let egg = Form::Ellipsoid { centre: [0.0; 3], radii: [1.0, 2.0, 1.0] };
        let (t, normal) = met(egg, [0.0, 5.0, 0.0], [0.0, -1.0, 0.0]).unwrap();
        assert!((t - 3.0).abs() < 1e-5 && (normal[1] - 1.0).abs() < 1e-5);
        let shade = Form::Cone { base: [0.0; 3], height: 1.0, below: 1.0, above: 0.5 };
        // Half way up, the radius is 0.75, and the surface looks up a little.
        let (t, normal) = met(shade, [5.0, 0.5, 0.0], [-1.0, 0.0, 0.0]).unwrap();
        assert!((t - 4.25).abs() < 1e-4 && (normal[1] / normal[0] - 0.5).abs() < 1e-4);
        assert_eq!(met(shade, [0.2, 5.0, 0.0], [0.0, -1.0, 0.0]).unwrap().0, 4.0);
    }

    #[test]
    fn bounds_are_met_wherever_forms_are() {
        let cone = Form::Cone { base: [0.3, -0.2, 0.1], height: 0.8, below: 0.2, above: 0.6 };
        for i in 0..400 {
            let (a, b) = (i as f32 * 0.37, (i % 20) as f32 / 10.0 - 1.0);
            let ray = Ray::new([3.0 * a.cos(), b, 3.0 * a.sin()], unit([-a.cos(), -b * 0.3, -a.sin()]));
            if let Some((t, _)) = cone.hit(&ray, 100.0) {
                assert!(cone.bounds().is_met(&ray, t + 1e-3));
            }
        }
    }
}
