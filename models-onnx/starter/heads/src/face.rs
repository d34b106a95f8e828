//! Builds the geometry of one face: morphs, hair shells, hat, glasses, and its projection.

use crate::attributes::{AFRO, Attributes, SHORT};
use crate::looks::Look;
use crate::makehuman::{Base, MORPHS, Material, RACES};
use crate::rng::Rng;
use crate::vector::{V3, add, cross, dot, scale, smooth, sub, unit};

/// Length of the parameter vector: morph weights, painter's numbers, geometry.
pub(crate) const PARAMS: usize = MORPHS + 98;

/// One face, completely decided but not yet drawn.
pub(crate) struct Face {
    /// The nameable part.
    pub(crate) attributes: Attributes,
    /// The continuous part.
    pub(crate) look: Look,
    weights: [f32; MORPHS],
}

/// A mesh ready to be drawn: one entry per vertex in all arrays but the last two.
#[derive(Default)]
pub(crate) struct Scene {
    /// Position in the head's square, both axes from 0 to 1 downwards, and depth.
    pub(crate) screen: Vec<V3>,
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
    /// Face number `seed`: the same on every machine.
    pub(crate) fn new(base: &Base, seed: u64) -> Self {
        let attributes = Attributes::sample(&mut Rng::new(seed, 0));
        Self::with_attributes(base, seed, attributes)
    }

    /// Face number `seed` with other attributes: everything else stays.
    pub(crate) fn with_attributes(base: &Base, seed: u64, attributes: Attributes) -> Self {
        let look = Look::sample(&attributes, &mut Rng::new(seed, 1));
        let weights = morph_weights(base, &attributes, &mut Rng::new(seed, 2));
        Self { attributes, look, weights }
    }

    /// The vector the generator is trained from.
    pub(crate) fn params(&self) -> [f32; PARAMS] {
        let mut out = [0.0; PARAMS];
        for (slot, weight) in out.iter_mut().zip(&self.weights) {
            *slot = weight * 1.5;
        }
        out[MORPHS..].copy_from_slice(&self.look.numbers(&self.attributes));
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
        let normals = normals(&points, &[&base.triangles, &base.long_hair]);
        let camera = Camera::new(&self.look, eye_height(base, &points));
        let mut builder = Builder { camera, scene: Scene::default() };
        builder.push(&points, &base.points, &normals, &base.triangles, Material::Body);
        builder.scene.materials.clone_from(&base.materials);
        builder.scene.region.clone_from(&base.regions);
        self.dress(base, &points, &normals, &mut builder);
        builder.scene
    }

    fn dress(&self, base: &Base, points: &[V3], normals: &[V3], builder: &mut Builder) {
        let (a, look) = (&self.attributes, &self.look);
        let mut on_scalp = vec![false; points.len()];
        for &v in base.scalp.iter().flatten() {
            on_scalp[v as usize] = true;
        }
        let lift = |thickness: &dyn Fn(V3) -> f32, rise: &dyn Fn(V3) -> f32| -> Vec<V3> {
            (0..points.len())
                .map(|v| {
                    if !on_scalp[v] {
                        return points[v];
                    }
                    let moved = add(points[v], scale(normals[v], thickness(base.points[v])));
                    [moved[0], moved[1] + rise(base.points[v]), moved[2]]
                })
                .collect()
        };
        if a.hair >= SHORT {
            let shell = look.shell(a.hair);
            let low = if a.hair == AFRO { 6.2 } else { 6.4 };
            // Thin at the temples and in front, full at the back and on top.
            let thickness = |p: V3| {
                let grown = ((p[1] - low) / 0.9).clamp(0.0, 1.0);
                let back = (1.25 - p[2]) / 0.5 + ((p[1] - 7.9) / 0.3).clamp(0.0, 1.0);
                shell * grown * (0.35 + 0.65 * back.clamp(0.0, 1.0))
            };
            let height = if a.hair == SHORT { look.hair_lift } else { 0.0 };
            let rise = |p: V3| ((p[1] - 7.9) / 0.5).clamp(0.0, 1.0) * height;
            builder.shell(&lift(&thickness, &rise), base, Material::HairShell);
        }
        if a.has_long_hair() {
            let mut hair = points.to_vec();
            for &v in base.long_hair.iter().flatten() {
                let (from, to) = (points[v as usize], &mut hair[v as usize]);
                *to = [from[0] * look.hair_width, from[1], from[2] + 0.02];
            }
            let hair_normals = self::normals(&hair, &[&base.long_hair]);
            builder.push(&hair, &base.points, &hair_normals, &base.long_hair, Material::LongHair);
        }
        if a.hat == 1 {
            let thickness = 0.24 + if a.hair >= SHORT { 0.1 } else { 0.0 };
            let rise = |p: V3| 0.25 * ((p[1] - 8.0) / 0.4).clamp(0.0, 1.0);
            builder.shell(&lift(&|_| thickness, &rise), base, Material::Hat);
        }
        if a.glasses > 0 {
            glasses(base, points, look.frame_shape, a.glasses == 2, builder);
        }
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

fn center(points: &[V3], vertices: &[u32]) -> V3 {
    let sum = vertices.iter().fold([0.0; 3], |s, &v| add(s, points[v as usize]));
    scale(sum, 1.0 / vertices.len() as f32)
}

/// Area-weighted vertex normals.
fn normals(points: &[V3], meshes: &[&[[u32; 3]]]) -> Vec<V3> {
    let mut sums = vec![[0.0; 3]; points.len()];
    for &[a, b, c] in meshes.iter().copied().flatten() {
        let corner = points[a as usize];
        let normal = cross(sub(points[b as usize], corner), sub(points[c as usize], corner));
        for v in [a, b, c] {
            sums[v as usize] = add(sums[v as usize], normal);
        }
    }
    sums.into_iter().map(unit).collect()
}

/// The pose of the head and a camera nine units away, framed on the eyes.
struct Camera {
    rows: [V3; 3],
    target: V3,
    half: f32,
    shift: f32,
}

impl Camera {
    const DISTANCE: f32 = 9.0;

    fn new(look: &Look, eye_height: f32) -> Self {
        let (sy, cy) = look.yaw.to_radians().sin_cos();
        let (sp, cp) = look.pitch.to_radians().sin_cos();
        Self {
            rows: [[cy, 0.0, sy], [sp * sy, cp, -sp * cy], [-cp * sy, sp, cp * cy]],
            target: [0.0, eye_height - 0.12, 0.2],
            half: 1.62 * look.zoom,
            shift: look.shift,
        }
    }

    fn turn(&self, v: V3) -> V3 {
        self.rows.map(|row| dot(row, v))
    }

    fn project(&self, point: V3) -> V3 {
        let p = self.turn(sub(point, self.target));
        let k = Self::DISTANCE / (Self::DISTANCE - p[2]) / (2.0 * self.half);
        [0.5 + p[0] * k + self.shift, 0.5 - p[1] * k + 0.015, p[2]]
    }
}

struct Builder {
    camera: Camera,
    scene: Scene,
}

impl Builder {
    fn push(
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
        let shell_normals = normals(points, &[&base.scalp]);
        let first = self.scene.screen.len();
        self.push(points, &base.points, &shell_normals, &base.scalp, material);
        self.scene.region[first..].copy_from_slice(&base.regions);
    }

    fn tube(&mut self, path: &[V3], radius: f32, material: Material) {
        let (points, triangles) = tube(path, radius);
        let tube_normals = normals(&points, &[&triangles]);
        self.push(&points, &points, &tube_normals, &triangles, material);
    }
}

/// Rings, lenses, bridge and arms, fitted to the eyeballs.
fn glasses(base: &Base, points: &[V3], shape: f32, dark: bool, builder: &mut Builder) {
    const STEPS: usize = 28;
    const WIDTH: f32 = 0.27;
    const HEIGHT: f32 = 0.21;
    let eyes = [0, 1].map(|i| center(points, &base.eyeballs[i]));
    let deepest = base.eyeballs.iter().flatten().map(|&v| points[v as usize][2]);
    let front = deepest.fold(f32::MIN, f32::max) + 0.16;
    // A superellipse: exponent 2 is round, 4 nearly square.
    let bend = |v: f32| v.signum() * v.abs().powf(2.0 / shape);
    for eye in eyes {
        let ring: Vec<V3> = (0..STEPS)
            .map(|i| {
                let (sin, cos) = (i as f32 / STEPS as f32 * std::f32::consts::TAU).sin_cos();
                let x = eye[0] + WIDTH * bend(cos);
                let curve = cos * WIDTH + eye[0];
                [x, eye[1] - 0.02 + HEIGHT * bend(sin), front - 0.25 * curve * curve]
            })
            .collect();
        builder.tube(&ring, if dark { 0.034 } else { 0.046 }, Material::Frame);
        let mut lens = ring;
        lens.push(center(&lens, &(0..STEPS as u32).collect::<Vec<_>>()));
        let fan: Vec<[u32; 3]> =
            (0..STEPS as u32).map(|i| [i, (i + 1) % STEPS as u32, STEPS as u32]).collect();
        let lens_normals = normals(&lens, &[&fan]);
        let glass = if dark { Material::DarkLens } else { Material::ClearLens };
        builder.push(&lens, &lens, &lens_normals, &fan, glass);
        let side = eye[0].signum();
        let hinge = [eye[0] + side * WIDTH, eye[1] + 0.02, front - 0.1];
        let temple = [side * 0.74, eye[1] + 0.03, 0.9];
        builder.tube(&[hinge, temple, [side * 0.80, eye[1], 0.15], temple], 0.026, Material::Frame);
    }
    let [left, right] = eyes;
    let middle = [0.0, left[1] + 0.03, front + 0.03];
    let path = [[left[0] - WIDTH, left[1], front], middle, [right[0] + WIDTH, right[1], front], middle];
    builder.tube(&path, 0.036, Material::Frame);
}

/// A closed tube of five sides along a closed path.
fn tube(path: &[V3], radius: f32) -> (Vec<V3>, Vec<[u32; 3]>) {
    const SIDES: usize = 5;
    let count = path.len();
    let mut points = Vec::with_capacity(count * SIDES);
    for i in 0..count {
        let (before, after) = (path[(i + count - 1) % count], path[(i + 1) % count]);
        // Where the path turns back on itself, look ahead only.
        let there = if before == after { path[i] } else { before };
        let along = unit(sub(after, there));
        let mut across = cross(along, [0.0, 0.0, 1.0]);
        if dot(across, across) < 1e-10 {
            across = [1.0, 0.0, 0.0]; // straight at the camera
        }
        let (across, up) = (unit(across), cross(along, unit(across)));
        for k in 0..SIDES {
            let (sin, cos) = (k as f32 / SIDES as f32 * std::f32::consts::TAU).sin_cos();
            let offset = add(scale(across, radius * cos), scale(up, radius * sin));
            points.push(add(path[i], offset));
        }
    }
    let at = |i: usize, k: usize| ((i % count) * SIDES + k % SIDES) as u32;
    let mut triangles = Vec::with_capacity(count * SIDES * 2);
    for i in 0..count {
        for k in 0..SIDES {
            triangles.push([at(i, k), at(i + 1, k), at(i, k + 1)]);
            triangles.push([at(i, k + 1), at(i + 1, k), at(i + 1, k + 1)]);
        }
    }
    (points, triangles)
}

/// The wall behind the head at a point of the head's square (which it may leave).
pub(crate) fn wall(look: &Look, u: f32, v: f32) -> V3 {
    let along = u * look.wall_angle.cos() + v * look.wall_angle.sin();
    let cloud = crate::vector::noise(u * 3.0 + look.noise_seed, v * 3.0, look.noise_seed) - 0.5;
    let t = 0.5 + (along - 0.5) * 0.9 + look.wall_noise * cloud * 1.6;
    let [from, to] = look.wall;
    crate::vector::mix(from, to, t.clamp(0.0, 1.0))
}

/// How far a point lies inside the scalp's hair, negative outside: `p` on the neutral head.
pub(crate) fn hair_line(p: V3, look: &Look) -> f32 {
    let [px, y, z] = p;
    let x = px.abs();
    let jitter = (crate::vector::noise(px * 14.0 + look.noise_seed, y * 14.0, z * 14.0) - 0.5) * 0.10;
    let mut front = 7.98 + look.hair_line - 0.10 * x * x + look.parting * px * 0.25;
    if look.fringe > 0.0 {
        front -= look.fringe * (1.0 - smooth(0.55, 0.8, x));
    }
    let temple = z - (0.62 + 0.35 * smooth(7.2, 7.9, y));
    let side = (-temple).min(y - (6.9 - smooth(0.35, -0.1, z)));
    let mut line = (y - front).max(side);
    let at_ear = z < 0.25 && z > -0.1 && x > 0.70 && y < 7.35 && y > 6.6;
    if at_ear {
        line = line.min(-0.01);
    }
    line + jitter
}
