//! Rings, lenses, bridge and arms of a pair of glasses.

use crate::face::{Builder, center, normals};
use crate::makehuman::{Base, Material};
use crate::vector::{V3, add, cross, dot, scale, sub, unit};

/// Rings, lenses, bridge and arms, fitted to the eyeballs.
pub(crate) fn glasses(base: &Base, points: &[V3], shape: f32, dark: bool, builder: &mut Builder) {
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
        push_tube(builder, &ring, if dark { 0.034 } else { 0.046 }, Material::Frame);
        let mut lens = ring;
        lens.push(center(&lens, &(0..STEPS as u32).collect::<Vec<_>>()));
        let fan: Vec<[u32; 3]> =
            (0..STEPS as u32).map(|i| [i, (i + 1) % STEPS as u32, STEPS as u32]).collect();
        let lens_normals = normals(&lens, &fan);
        let glass = if dark { Material::DarkLens } else { Material::ClearLens };
        builder.push(&lens, &lens, &lens_normals, &fan, glass);
        let side = eye[0].signum();
        let hinge = [eye[0] + side * WIDTH, eye[1] + 0.02, front - 0.1];
        let temple = [side * 0.74, eye[1] + 0.03, 0.9];
        push_tube(builder, &[hinge, temple, [side * 0.80, eye[1], 0.15], temple], 0.026, Material::Frame);
    }
    let [left, right] = eyes;
    let middle = [0.0, left[1] + 0.03, front + 0.03];
    let path = [[left[0] - WIDTH, left[1], front], middle, [right[0] + WIDTH, right[1], front], middle];
    push_tube(builder, &path, 0.036, Material::Frame);
}

fn push_tube(builder: &mut Builder, path: &[V3], radius: f32, material: Material) {
    let (points, triangles) = tube(path, radius);
    let tube_normals = normals(&points, &triangles);
    builder.push(&points, &points, &tube_normals, &triangles, material);
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
