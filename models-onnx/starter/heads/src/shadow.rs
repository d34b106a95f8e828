//! Cast shadows: the depth of the scene as the light sees it.

use crate::face::Scene;
use crate::looks::Look;
use crate::makehuman::Material;
use crate::shade::grows;
use crate::vector::{V3, add, cross, dot, scale, smooth, sub, unit};

/// Cells along a side of the map.
const SIDE: usize = 112;
/// Half of the side in units of the head; what lies outside casts nothing.
const REACH: f32 = 2.0;
/// Radius of the blur, in units of the head: the light is a soft box, not a point.
const SOFTNESS: f32 = 0.045;
/// How far behind the nearest surface a point may lie and still count as lit.
const BIAS: f32 = 0.05;

/// What lies nearest to the light in every cell of a grid across its direction.
pub(crate) struct Shadow {
    nearest: Vec<f32>,
    right: V3,
    up: V3,
    light: V3,
}

impl Shadow {
    /// Draws the depth map of `scene` along the unit direction `light`, both in camera space.
    pub(crate) fn new(scene: &Scene, look: &Look, light: V3) -> Self {
        let right = unit(cross([0.0, 1.0, 0.0], light));
        let up = cross(light, right);
        let mut shadow = Self { nearest: vec![f32::MIN; SIDE * SIDE], right, up, light };
        let seen: Vec<V3> = scene.screen.iter().map(|&s| shadow.cell(scene.place(s))).collect();
        for (triangle, &material) in scene.triangles.iter().zip(&scene.materials) {
            // Lashes are thinner than a cell; clear glass, eyes and teeth throw no shadow to speak of.
            let casts = !matches!(
                material,
                Material::ClearLens | Material::Lash | Material::Eye | Material::Teeth | Material::Tongue
            );
            if casts {
                shadow.triangle(scene, look, &seen, *triangle, material);
            }
        }
        shadow
    }

    /// Camera space to cells and depth towards the light.
    fn cell(&self, p: V3) -> V3 {
        let k = SIDE as f32 / (2.0 * REACH);
        [(dot(p, self.right) + REACH) * k, (dot(p, self.up) + REACH) * k, dot(p, self.light)]
    }

    fn triangle(&mut self, scene: &Scene, look: &Look, seen: &[V3], triangle: [u32; 3], material: Material) {
        let v = triangle.map(|i| i as usize);
        let [a, b, c] = v.map(|i| seen[i]);
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        if area.abs() < 1e-9 {
            return;
        }
        let span = |k: usize| {
            let low = a[k].min(b[k]).min(c[k]).floor().max(0.0) as usize;
            let high = a[k].max(b[k]).max(c[k]).ceil().max(0.0) as usize;
            low..(high + 1).min(SIDE)
        };
        for y in span(1) {
            for x in span(0) {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let l0 = ((b[0] - px) * (c[1] - py) - (b[1] - py) * (c[0] - px)) / area;
                let l1 = ((c[0] - px) * (a[1] - py) - (c[1] - py) * (a[0] - px)) / area;
                let l2 = 1.0 - l0 - l1;
                if l0 < 0.0 || l1 < 0.0 || l2 < 0.0 {
                    continue;
                }
                let depth = l0 * a[2] + l1 * b[2] + l2 * c[2];
                let nearest = &mut self.nearest[y * SIDE + x];
                if depth <= *nearest {
                    continue;
                }
                let [n0, n1, n2] = v.map(|i| scene.neutral[i]);
                let neutral = add(add(scale(n0, l0), scale(n1, l1)), scale(n2, l2));
                if grows(material, neutral, look) {
                    *nearest = depth;
                }
            }
        }
    }

    /// How much of the light reaches a point with that normal, from 0 to 1.
    pub(crate) fn lit(&self, point: V3, normal: V3) -> f32 {
        // A step along the normal keeps a surface from shading itself.
        let [x, y, depth] = self.cell(add(point, scale(normal, 0.03)));
        let reach = SOFTNESS * SIDE as f32 / (2.0 * REACH);
        let mut open = 0.0;
        for (dx, dy) in [(0.0, 0.0), (1.0, 0.35), (-0.35, 1.0), (-1.0, -0.35), (0.35, -1.0)] {
            open += self.open_at(x + dx * reach, y + dy * reach, depth);
        }
        open / 5.0
    }

    /// Linear between the four cells around.
    fn open_at(&self, x: f32, y: f32, depth: f32) -> f32 {
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (x.floor(), y.floor());
        if left < 0.0 || top < 0.0 || left >= SIDE as f32 - 1.0 || top >= SIDE as f32 - 1.0 {
            return 1.0;
        }
        let (fx, fy) = (x - left, y - top);
        let at = top as usize * SIDE + left as usize;
        let open = |i: usize| smooth(BIAS + 0.02, BIAS, self.nearest[i] - depth);
        let above = open(at) * (1.0 - fx) + open(at + 1) * fx;
        let below = open(at + SIDE) * (1.0 - fx) + open(at + SIDE + 1) * fx;
        above * (1.0 - fy) + below * fy
    }
}

/// The unit vector halfway between the light and the camera: where a mirror would flash.
pub(crate) fn halfway(light: V3) -> V3 {
    unit(sub(light, [0.0, 0.0, -1.0]))
}
