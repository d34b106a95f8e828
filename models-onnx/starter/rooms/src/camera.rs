//! From the room to the picture and back.

use crate::plan::Room;
use crate::shapes::{Ray, Vec3, both, dot, unit};

/// Half the picture's side at distance one.
const HALF: f32 = 0.47;
/// How far in front of the middle of the room the camera stands.
const STANDS: f32 = 3.15;

/// A camera. Places in its picture go from 0 to 1, from the upper left.
pub(crate) struct Camera {
    eye: Vec3,
    forward: Vec3,
    right: Vec3,
    up: Vec3,
}

impl Camera {
    pub(crate) fn new(room: &Room) -> Self {
        let eye = [room.camera[0], room.camera[1], STANDS];
        let forward = unit(both([0.3 * eye[0], 0.98, -1.0], eye, |a, b| a - b));
        let right = unit([-forward[2], 0.0, forward[0]]);
        let up = [
            right[1] * forward[2] - right[2] * forward[1],
            right[2] * forward[0] - right[0] * forward[2],
            right[0] * forward[1] - right[1] * forward[0],
        ];
        Self { eye, forward, right, up }
    }

    /// What is seen at a place in the picture.
    pub(crate) fn ray(&self, x: f32, y: f32) -> Ray {
        let (u, v) = ((2.0 * x - 1.0) * HALF, (1.0 - 2.0 * y) * HALF);
        let along = std::array::from_fn(|i| self.forward[i] + self.right[i] * u + self.up[i] * v);
        Ray::new(self.eye, unit(along))
    }

    /// Where a point is seen.
    pub(crate) fn place(&self, point: Vec3) -> [f32; 2] {
        let to = both(point, self.eye, |a, b| a - b);
        let depth = dot(to, self.forward) * 2.0 * HALF;
        [0.5 + dot(to, self.right) / depth, 0.5 - dot(to, self.up) / depth]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::normals;

    #[test]
    fn points_are_seen_where_their_rays_go() {
        let camera = Camera::new(&Room::new(normals(3)));
        for (x, y) in [(0.5, 0.5), (0.1, 0.9), (0.8, 0.3)] {
            let [u, v] = camera.place(camera.ray(x, y).at(4.0));
            assert!((u - x).abs() < 1e-5 && (v - y).abs() < 1e-5, "{u} {v}");
        }
    }
}
