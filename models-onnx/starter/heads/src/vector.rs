//! Three-component arithmetic, and the two functions every shader needs.

/// A point, a direction or a colour.
pub(crate) type V3 = [f32; 3];

/// Component-wise sum.
pub(crate) fn add(a: V3, b: V3) -> V3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// Component-wise difference.
pub(crate) fn sub(a: V3, b: V3) -> V3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// A vector times a number.
pub(crate) fn scale(a: V3, k: f32) -> V3 {
    [a[0] * k, a[1] * k, a[2] * k]
}

/// Component-wise product.
pub(crate) fn times(a: V3, b: V3) -> V3 {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// Scalar product.
pub(crate) fn dot(a: V3, b: V3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Vector product.
pub(crate) fn cross(a: V3, b: V3) -> V3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The vector at unit length; zero stays zero.
pub(crate) fn unit(a: V3) -> V3 {
    scale(a, 1.0 / dot(a, a).sqrt().max(1e-9))
}

/// From `a` towards `b` by `t`.
pub(crate) fn mix(a: V3, b: V3, t: f32) -> V3 {
    add(a, scale(sub(b, a), t))
}

/// Smooth step from 0 at `low` to 1 at `high`; works with `low > high` too.
pub(crate) fn smooth(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Value noise in `[0, 1]` on the integer lattice.
pub(crate) fn noise(x: f32, y: f32, z: f32) -> f32 {
    let cell = [x.floor(), y.floor(), z.floor()];
    let ease = |v: f32| v * v * (3.0 - 2.0 * v);
    let (fx, fy, fz) = (ease(x - cell[0]), ease(y - cell[1]), ease(z - cell[2]));
    let corner =
        |dx: i32, dy: i32, dz: i32| hash(cell[0] as i32 + dx, cell[1] as i32 + dy, cell[2] as i32 + dz);
    let edge = |dy, dz| {
        let (a, b) = (corner(0, dy, dz), corner(1, dy, dz));
        a + (b - a) * fx
    };
    let near = edge(0, 0) + (edge(1, 0) - edge(0, 0)) * fy;
    let far = edge(0, 1) + (edge(1, 1) - edge(0, 1)) * fy;
    near + (far - near) * fz
}

fn hash(x: i32, y: i32, z: i32) -> f32 {
    let mut h = (x as u32)
        .wrapping_mul(374_761_393)
        .wrapping_add((y as u32).wrapping_mul(668_265_263))
        .wrapping_add((z as u32).wrapping_mul(2_147_483_647));
    h = (h ^ (h >> 13)).wrapping_mul(1_274_126_177);
    ((h ^ (h >> 16)) & 65_535) as f32 / 65_535.0
}
