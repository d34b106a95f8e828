//! Light on surfaces, and pictures of it.
//!
//! Each ray that leaves the camera asks for three more: one to a place on each of two lamps (soft shadows), one to a
//! place on the hemisphere (how open the surface is, ambient occlusion). Those places follow a lattice that is turned
//! from pixel to pixel, but in the same way in all pictures: two pictures of one room differ only where the rooms do.

use crate::build::{Body, Pattern, Solid, bodies};
use crate::camera::Camera;
use crate::plan::{BACK, COLOURS, Class, PARTS, Part, Room, class};
use crate::shapes::{Cuboid, Form, Ray, Vec3, both, dot, unit};

/// A picture and what is where in it, row by row.
pub(crate) struct Picture {
    pub(crate) side: usize,
    pub(crate) rgb: Vec<[u8; 3]>,
    /// Numbers of [`Part`].
    pub(crate) parts: Vec<u8>,
    /// Numbers of [`Class`].
    pub(crate) classes: Vec<u8>,
}

/// A room ready for rays.
pub(crate) struct Scene<'a> {
    room: &'a Room,
    camera: Camera,
    pub(crate) bodies: Vec<Body>,
    walls: Cuboid,
    lamps: [Lamp; 2],
    ambient: Vec3,
}

/// A light in the room.
#[derive(Clone, Copy)]
struct Lamp {
    at: Vec3,
    colour: Vec3,
    /// Its side: large lamps give soft shadows.
    size: f32,
    /// It fades as 1 / (a + b · distance²).
    fade: [f32; 2],
}

struct Surface {
    at: Vec3,
    normal: Vec3,
    colour: Vec3,
    part: Part,
    class: Class,
    shines: bool,
}

/// How far surfaces darken each other.
const NEARBY: f32 = 0.8;

impl<'a> Scene<'a> {
    pub(crate) fn new(room: &'a Room) -> Self {
        let half = room.width / 2.0;
        let walls = Cuboid { low: [-half, 0.0, BACK], high: [half, room.height, 6.0] };
        let ceiling = Lamp {
            at: [0.0, room.height - 0.15, 1.1],
            colour: [0.85, 0.82, 0.76].map(|v| v * room.light),
            size: 0.5,
            fade: [0.7, 0.09],
        };
        let burning = room.burning().map_or(ceiling, |lamp| Lamp {
            at: [lamp.at[0], lamp.at[1] + lamp.size[1] - 0.1, lamp.at[2] + 0.24],
            colour: [0.9, 0.72, 0.42],
            size: 0.18,
            fade: [0.6, 0.5],
        });
        let lamps =
            [ceiling, if room.burning().is_some() { burning } else { Lamp { colour: [0.0; 3], ..ceiling } }];
        let ambient = if room.is_night() { [0.26, 0.28, 0.34] } else { [0.34, 0.36, 0.39] };
        Self { room, camera: Camera::new(room), bodies: bodies(room), walls, lamps, ambient }
    }

    /// Draws it with `samples`² rays to a pixel.
    pub(crate) fn draw(&self, side: usize, samples: usize) -> Picture {
        let mut picture = Picture { side, rgb: Vec::new(), parts: Vec::new(), classes: Vec::new() };
        for y in 0..side {
            for x in 0..side {
                self.pixel(&mut picture, [x, y], samples);
            }
        }
        picture
    }

    fn pixel(&self, picture: &mut Picture, [x, y]: [usize; 2], samples: usize) {
        let turn = turned(x, y);
        let (mut sum, mut votes) = ([0.0; 3], [(0u16, 0u8); PARTS]);
        for i in 0..samples * samples {
            let offset = |i: usize| (i as f32 + 0.5) / samples as f32;
            let at = |p: usize, i: usize| (p as f32 + offset(i)) / picture.side as f32;
            let ray = self.camera.ray(at(x, i % samples), at(y, i / samples));
            let surface = self.seen(&ray);
            let colour = if surface.shines { surface.colour } else { self.lit(&surface, i, turn) };
            sum = both(sum, colour, |s, c| s + c.min(1.0));
            let vote = &mut votes[surface.part as usize];
            *vote = (vote.0 + 1, surface.class as u8);
        }
        let scale = 1.0 / (samples * samples) as f32;
        // A camera's curve rather than sRGB's: rooms are dim.
        picture.rgb.push(sum.map(|v| ((v * scale).powf(1.0 / 1.6) * 255.0 + 0.5) as u8));
        let (part, (_, class)) = (0u8..).zip(votes).max_by_key(|(_, (count, _))| *count).unwrap_or_default();
        picture.parts.push(part);
        picture.classes.push(class);
    }

    /// The places, 0..1 across and down, where a body would be seen if nothing were before it.
    pub(crate) fn outline(&self, body: &Body, side: usize) -> Vec<[f32; 2]> {
        let place = |i: usize| (i as f32 + 0.5) / side as f32;
        let places = (0..side * side).map(|i| [place(i % side), place(i / side)]);
        places
            .filter(|&[x, y]| {
                let ray = self.camera.ray(x, y);
                body.bounds.is_met(&ray, f32::MAX)
                    && body.solids.iter().any(|solid| solid.form.hit(&ray, f32::MAX).is_some())
            })
            .collect()
    }

    /// Where the corners of the back wall are seen: upper left, upper right, lower left, lower right.
    pub(crate) fn corners(&self) -> [[f32; 2]; 4] {
        let (half, height) = (self.room.width / 2.0, self.room.height);
        [[-half, height], [half, height], [-half, 0.0], [half, 0.0]]
            .map(|[x, y]| self.camera.place([x, y, BACK]))
    }

    /// Where the edge between floor (or ceiling) and a side wall leaves the picture: the height at its border.
    pub(crate) fn leaves(&self, right: bool, up: bool) -> f32 {
        let x = if right { self.room.width } else { -self.room.width } / 2.0;
        let y = if up { self.room.height } else { 0.0 };
        let [[x0, y0], [x1, y1]] = [BACK, 0.0].map(|z| self.camera.place([x, y, z]));
        let border = if right { 1.0 } else { 0.0 };
        y0 + (y1 - y0) * (border - x0) / (x1 - x0)
    }

    fn seen(&self, ray: &Ray) -> Surface {
        let (mut limit, axis) = self.walls.left(ray);
        let mut found = None;
        for body in &self.bodies {
            if body.bounds.is_met(ray, limit) {
                for solid in &body.solids {
                    if let Some((t, normal)) = solid.form.hit(ray, limit) {
                        limit = t;
                        found = Some((body, solid, normal));
                    }
                }
            }
        }
        let at = ray.at(limit);
        let Some((body, solid, normal)) = found else { return self.wall(at, axis, ray.along[axis]) };
        Surface {
            at,
            normal,
            colour: painted(solid, at),
            part: body.part,
            class: body.class,
            shines: solid.shines,
        }
    }

    fn wall(&self, at: Vec3, axis: usize, towards: f32) -> Surface {
        let wall = self.room.wall_colour();
        let (part, colour) = match (axis, towards > 0.0) {
            (0, false) => (Part::LeftWall, wall.map(|v| v * 0.97)),
            (0, true) => (Part::RightWall, wall.map(|v| v * 0.97)),
            (1, false) => (Part::Floor, self.floor(at)),
            (1, true) => (Part::Ceiling, [0.9, 0.9, 0.88]),
            _ => (Part::BackWall, wall),
        };
        let mut normal = [0.0; 3];
        normal[axis] = -towards.signum();
        Surface { at, normal, colour, part, class: class(part, false), shines: false }
    }

    fn floor(&self, at: Vec3) -> Vec3 {
        let colour = COLOURS[self.room.floor];
        if !self.room.planks {
            return colour;
        }
        let along = (at[0] * 3.0 + 50.0).fract();
        let gap = if (along - 0.5).abs() < 0.04 { 0.75 } else { 1.0 };
        // Every plank is a little different.
        let plank = ((at[0] * 3.0 + 50.0 - 0.54).floor() * 0.618).fract();
        colour.map(|v| v * gap * (0.9 + 0.14 * plank))
    }

    /// The light that a surface sends back.
    fn lit(&self, surface: &Surface, sample: usize, turn: [f32; 2]) -> Vec3 {
        let from = both(surface.at, surface.normal, |p, n| p + 2e-3 * n);
        let open = self.openness(from, surface.normal, sample, turn);
        let sky = 0.8 + 0.2 * surface.normal[1];
        let mut light = self.ambient.map(|v| v * sky * open);
        for (number, lamp) in self.lamps.iter().enumerate().filter(|(_, lamp)| lamp.colour != [0.0; 3]) {
            let [a, b] = lattice(sample + 32 * (number + 1), turn).map(|v| v - 0.5);
            let on = [lamp.at[0] + lamp.size * a, lamp.at[1], lamp.at[2] + lamp.size * b];
            let to = both(on, from, |a, b| a - b);
            let square = dot(to, to);
            let distance = square.sqrt();
            let along = to.map(|v| v / distance);
            let facing = dot(surface.normal, along);
            if facing > 0.0 && !self.blocked(&Ray::new(from, along), distance - 0.02) {
                let strength = facing / (lamp.fade[0] + lamp.fade[1] * square);
                light = both(light, lamp.colour, |l, c| l + c * strength * (0.6 + 0.4 * open));
            }
        }
        both(surface.colour, light, |c, l| c * l)
    }

    fn blocked(&self, ray: &Ray, limit: f32) -> bool {
        let mut near = self.bodies.iter().filter(|body| body.bounds.is_met(ray, limit));
        near.any(|body| body.solids.iter().any(|s| !s.shines && s.form.hit(ray, limit).is_some()))
    }

    /// How far one ray of the hemisphere gets: 1 in the open, 0.7 where something is close.
    fn openness(&self, from: Vec3, normal: Vec3, sample: usize, turn: [f32; 2]) -> f32 {
        let [a, b] = lattice(sample, turn);
        // A point on the unit ball, moved out by the normal, is a cosine-weighted direction.
        let (up, angle) = (2.0 * a - 1.0, std::f32::consts::TAU * b);
        let flat = (1.0 - up * up).max(0.0).sqrt();
        let ball = [flat * angle.cos(), up, flat * angle.sin()];
        let ray = Ray::new(from, unit(both(normal, ball, |n, b| n + 0.98 * b)));
        let mut limit = self.walls.left(&ray).0.min(NEARBY);
        for body in self.bodies.iter().filter(|body| body.bounds.is_met(&ray, NEARBY)) {
            for solid in body.solids.iter().filter(|solid| !solid.shines) {
                if let Some((t, _)) = solid.form.hit(&ray, limit) {
                    limit = t;
                }
            }
        }
        0.7 + 0.3 * limit / NEARBY
    }
}

fn painted(solid: &Solid, at: Vec3) -> Vec3 {
    let scaled = |by: f32| solid.colour.map(|v| v * by);
    let Form::Box(Cuboid { low, high }) = solid.form else {
        let weave = 0.93 + 0.07 * (at[0] * 20.0).sin() * (at[2] * 20.0).sin();
        return scaled(if solid.pattern == Pattern::Weave { weave } else { 1.0 });
    };
    // Place on the front, 0..1.
    let [across, up] = [0, 1].map(|axis| (at[axis] - low[axis]) / (high[axis] - low[axis]));
    match solid.pattern {
        Pattern::Plain | Pattern::Weave => solid.colour,
        Pattern::Checks => {
            let odd = ((at[0] * 5.0).floor() + (at[1] * 5.0).floor() + (at[2] * 5.0).floor()) as i32 & 1;
            scaled(if odd == 1 { 1.0 } else { 0.72 })
        }
        Pattern::View if up < 0.3 + 0.06 * (across * 9.0).sin() => [0.35, 0.55, 0.3],
        Pattern::View => scaled(0.75 + 0.25 * up),
        Pattern::Doors => {
            let edge = (across - 0.5).abs() < 0.02 || (up - 0.5).abs() > 0.47;
            scaled(if edge { 0.6 } else { 1.0 })
        }
    }
}

/// The same turn of the lattice for a pixel of any picture, 0..1.
fn turned(x: usize, y: usize) -> [f32; 2] {
    // Interleaved gradient noise (Jimenez, 2014): neighbours differ as much as they can.
    let noise = |x: f32, y: f32| (52.982_918 * (0.067_110_56 * x + 0.005_837_15 * y).fract()).fract();
    [noise(x as f32, y as f32), noise(y as f32 + 47.0, x as f32 + 17.0)]
}

/// Places 0..1 that cover the square evenly, whatever their count (Roberts's R2 sequence).
fn lattice(i: usize, turn: [f32; 2]) -> [f32; 2] {
    let i = i as f32;
    [(turn[0] + 0.754_877_7 * i).fract(), (turn[1] + 0.569_840_3 * i).fract()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::normals;

    #[test]
    fn the_same_number_gives_the_same_picture() {
        let draw = |number| Scene::new(&Room::new(normals(number))).draw(32, 2);
        let (a, b, other) = (draw(5), draw(5), draw(6));
        assert_eq!((&a.rgb, &a.parts, &a.classes), (&b.rgb, &b.parts, &b.classes));
        assert_ne!(a.rgb, other.rgb);
    }

    #[test]
    fn a_burning_lamp_lights_the_wall_and_a_night_is_darker() {
        let room =
            (0..).map(|n| Room::new(normals(n))).find(|r| r.burning().is_some() && !r.is_night()).unwrap();
        let brightness = |room: &Room| {
            let picture = Scene::new(room).draw(32, 1);
            picture.rgb.iter().flatten().map(|&v| f32::from(v)).sum::<f32>() / (3 * 32 * 32) as f32
        };
        let mut dark = room.clone();
        dark.things.retain(|thing| thing.part != Part::Lamp);
        assert!(brightness(&room) > brightness(&dark) + 4.0);
        let numbered = |n| Room::new(normals(n));
        let mut day = (0..).map(numbered).find(|r| r.find(Part::Window).is_some() && !r.is_night()).unwrap();
        let light = brightness(&day);
        day.things.iter_mut().filter(|t| t.part == Part::Window).for_each(|t| t.look[0] = 1.0);
        assert!(light > brightness(&day) + 4.0);
    }
}
