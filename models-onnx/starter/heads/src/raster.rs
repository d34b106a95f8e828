//! A z-buffer rasteriser: scene to picture and class mask, supersampled.

use crate::face::{Face, Scene};
use crate::makehuman::{Base, Material};
use crate::rng::Rng;
use crate::shade::{Class, Surface, lens_tint, shade};
use crate::shadow::Shadow;
use crate::vector::{V3, add, mix, scale, unit};

/// Where the head's square lies in the picture.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// Size of the picture.
    pub(crate) width: usize,
    /// Size of the picture.
    pub(crate) height: usize,
    /// Left edge of the head's square.
    pub(crate) x: f32,
    /// Upper edge of the head's square.
    pub(crate) y: f32,
    /// Side of the head's square.
    pub(crate) side: f32,
}

impl Frame {
    /// The picture is the head's square: how training pictures are made.
    pub(crate) fn square(side: usize) -> Self {
        Self { width: side, height: side, x: 0.0, y: 0.0, side: side as f32 }
    }
}

/// A finished picture.
pub(crate) struct Picture {
    /// Display-coded RGB in `[0, 1]`, row by row.
    pub(crate) rgb: Vec<V3>,
    /// The most frequent class of each pixel.
    pub(crate) mask: Vec<u8>,
}

struct Sample {
    colour: V3,
    depth: f32,
    class: Class,
}

/// Draws a face with `over` × `over` samples per pixel.
pub(crate) fn draw(base: &Base, face: &Face, frame: Frame, over: usize) -> Picture {
    let scene = face.scene(base);
    let (look, photo) = (&face.look, &face.photo);
    let (width, height) = (frame.width * over, frame.height * over);
    let unit_pixels = frame.side * over as f32;
    let origin = [frame.x * over as f32, frame.y * over as f32];
    let mut samples: Vec<Sample> = (0..width * height)
        .map(|i| {
            let u = ((i % width) as f32 + 0.5 - origin[0]) / unit_pixels;
            let v = ((i / width) as f32 + 0.5 - origin[1]) / unit_pixels;
            let colour = photo.background(look.wall, look.wall_angle, look.wall_noise, look.noise_seed, u, v);
            Sample { colour: scale(colour, photo.exposure), depth: f32::MIN, class: Class::Background }
        })
        .collect();
    let shadow = Shadow::new(&scene, look, photo.light);
    let mut canvas =
        Canvas { samples: &mut samples, width, height, unit_pixels, origin, face, scene: &scene, shadow };
    // Clear lenses are blended over everything else, so they come last.
    for clear in [false, true] {
        for (triangle, &material) in scene.triangles.iter().zip(&scene.materials) {
            if (material == Material::ClearLens) == clear {
                canvas.triangle(*triangle, material);
            }
        }
    }
    develop(resolve(&samples, width, frame, over), face, frame)
}

struct Canvas<'a> {
    samples: &'a mut [Sample],
    width: usize,
    height: usize,
    unit_pixels: f32,
    origin: [f32; 2],
    face: &'a Face,
    scene: &'a Scene,
    shadow: Shadow,
}

impl Canvas<'_> {
    fn triangle(&mut self, triangle: [u32; 3], material: Material) {
        let scene = self.scene;
        let v = triangle.map(|i| i as usize);
        let corner = v.map(|i| {
            let s = scene.screen[i];
            [s[0] * self.unit_pixels + self.origin[0], s[1] * self.unit_pixels + self.origin[1], s[2]]
        });
        let [a, b, c] = corner;
        let area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        let closed = matches!(material, Material::Body | Material::Eye | Material::Teeth | Material::Tongue);
        // The y axis points down, so front faces have negative area.
        if area.abs() < 1e-9 || (area > 0.0 && closed) {
            return;
        }
        let span = |axis: usize, limit: usize| {
            let low = a[axis].min(b[axis]).min(c[axis]).floor().max(0.0) as usize;
            let high = a[axis].max(b[axis]).max(c[axis]).ceil().max(0.0) as usize;
            low..(high + 1).min(limit)
        };
        for y in span(1, self.height) {
            for x in span(0, self.width) {
                let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
                let l0 = ((b[0] - px) * (c[1] - py) - (b[1] - py) * (c[0] - px)) / area;
                let l1 = ((c[0] - px) * (a[1] - py) - (c[1] - py) * (a[0] - px)) / area;
                let l2 = 1.0 - l0 - l1;
                if l0 < 0.0 || l1 < 0.0 || l2 < 0.0 {
                    continue;
                }
                let depth = l0 * a[2] + l1 * b[2] + l2 * c[2];
                let sample = &mut self.samples[y * self.width + x];
                if depth <= sample.depth {
                    continue;
                }
                let blend = |values: &[V3]| {
                    add(add(scale(values[v[0]], l0), scale(values[v[1]], l1)), scale(values[v[2]], l2))
                };
                let neutral = blend(&scene.neutral);
                if material == Material::ClearLens {
                    sample.colour = mix(sample.colour, lens_tint(neutral), 0.26);
                    sample.depth = depth;
                    continue;
                }
                let mut normal = unit(blend(&scene.normal));
                let inner = !closed && normal[2] < 0.0;
                if inner {
                    normal = scale(normal, -1.0);
                }
                let region = [0, 1].map(|k| {
                    l0 * scene.region[v[0]][k] + l1 * scene.region[v[1]][k] + l2 * scene.region[v[2]][k]
                });
                let screen = [
                    (px - self.origin[0]) / self.unit_pixels,
                    (py - self.origin[1]) / self.unit_pixels,
                    depth,
                ];
                let place = scene.place(screen);
                let [lip, ear] = region;
                let surface = Surface { material, neutral, place, normal, inner, lip, ear };
                let (look, photo) = (&self.face.look, &self.face.photo);
                if let Some((colour, class)) = shade(&surface, look, photo, &self.shadow) {
                    *sample = Sample { colour, depth, class };
                }
            }
        }
    }
}

/// Averages the samples of each pixel and picks its most frequent class.
fn resolve(samples: &[Sample], width: usize, frame: Frame, over: usize) -> Picture {
    let count = frame.width * frame.height;
    let mut picture = Picture { rgb: Vec::with_capacity(count), mask: Vec::with_capacity(count) };
    for y in 0..frame.height {
        for x in 0..frame.width {
            let mut sum = [0.0; 3];
            let mut votes = [0u16; Class::COUNT];
            for dy in 0..over {
                for sample in &samples[(y * over + dy) * width + x * over..][..over] {
                    sum = add(sum, sample.colour.map(shoulder));
                    votes[sample.class as usize] += 1;
                }
            }
            let mean = scale(sum, 1.0 / (over * over) as f32);
            picture.rgb.push(mean.map(|v| v.powf(1.0 / 1.15)));
            let best = (0..Class::COUNT).rev().max_by_key(|&c| votes[c]).unwrap_or(0);
            picture.mask.push(best as u8);
        }
    }
    picture
}

/// Film's answer to too much light: linear up to three quarters, then ever slower towards one.
fn shoulder(v: f32) -> f32 {
    let over = (v - 0.75).max(0.0) / 0.25;
    v.clamp(0.0, 0.75) + 0.25 * over / (1.0 + over)
}

/// What lens and sensor do: darker corners, and noise that is stronger in the dark.
fn develop(mut picture: Picture, face: &Face, frame: Frame) -> Picture {
    let photo = &face.photo;
    let mut noise = Rng::new(photo.grain_seed, 0);
    for (i, rgb) in picture.rgb.iter_mut().enumerate() {
        let u = ((i % frame.width) as f32 + 0.5 - frame.x) / frame.side - 0.5;
        let v = ((i / frame.width) as f32 + 0.5 - frame.y) / frame.side - 0.5;
        let dark = 1.0 - photo.vignette * (u * u + v * v).min(0.7);
        let shared = noise.normal(0.0, photo.grain);
        for value in rgb {
            let own = noise.normal(0.0, 0.5 * photo.grain);
            *value = (*value * dark + (shared + own) * (1.2 - 0.6 * *value)).clamp(0.0, 1.0);
        }
    }
    picture
}
