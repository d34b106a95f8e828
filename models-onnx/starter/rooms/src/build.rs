//! Things to solids: how a bed, a lamp, a plant is put together.

use crate::plan::{BACK, COLOURS, Class, Part, Room, Thing};
use crate::shapes::{Cuboid, Form, Vec3, around};

/// What is drawn onto a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pattern {
    Plain,
    Weave,
    Checks,
    /// Sky above hills, as seen through a window.
    View,
    /// Two doors.
    Doors,
}

/// A form with a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Solid {
    pub(crate) form: Form,
    pub(crate) colour: Vec3,
    pub(crate) pattern: Pattern,
    /// It shines by itself: neither shaded nor in the way of light.
    pub(crate) shines: bool,
}

/// One thing, ready to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) part: Part,
    pub(crate) class: Class,
    pub(crate) bounds: Cuboid,
    pub(crate) solids: Vec<Solid>,
}

const WHITE: Vec3 = [0.9, 0.9, 0.88];
const DARK: Vec3 = [0.13, 0.11, 0.09];

/// The solids of all things of a room.
pub(crate) fn bodies(room: &Room) -> Vec<Body> {
    let body = |thing: &Thing| {
        let solids = solids(room, thing);
        let bounds = around(solids.iter().map(|solid| solid.form.bounds()))?;
        Some(Body { part: thing.part, class: thing.class(), bounds, solids })
    };
    room.things.iter().filter_map(body).collect()
}

fn solid(form: Form, colour: Vec3) -> Solid {
    Solid { form, colour, pattern: Pattern::Plain, shines: false }
}

/// A box by the middle of its lower side.
fn block(at: Vec3, size: Vec3, colour: Vec3) -> Solid {
    let [x, y, z] = at;
    let [w, h, d] = size;
    let (low, high) = ([x - w / 2.0, y, z - d / 2.0], [x + w / 2.0, y + h, z + d / 2.0]);
    solid(Form::Box(Cuboid { low, high }), colour)
}

fn scaled(colour: Vec3, by: f32) -> Vec3 {
    colour.map(|v| (v * by).min(1.0))
}

fn solids(room: &Room, thing: &Thing) -> Vec<Solid> {
    let ([x, y, z], [w, h, d], colour) = (thing.at, thing.size, thing.rgb());
    let wood = room.wood_colour();
    match thing.part {
        Part::Seat if thing.look[0] > 0.5 => sofa(thing),
        Part::Seat => bed(thing, wood),
        Part::Lamp => lamp(thing),
        Part::Window => window(thing),
        Part::Plant => plant(thing),
        Part::Picture => picture(thing),
        Part::LeftCurtain | Part::RightCurtain => {
            let fold = |i: i32| block([x + 0.07 * i as f32, y, z + 0.06], [0.062, h, d], colour);
            vec![
                fold(-1),
                fold(0),
                fold(1),
                block([x, y, z + 0.05], [w - 0.06, h, d - 0.04], scaled(colour, 0.8)),
            ]
        }
        Part::Rug => {
            let form = Form::Ellipsoid { centre: [x, 0.0, z], radii: [w / 2.0, h, d / 2.0] };
            vec![Solid { pattern: Pattern::Weave, ..solid(form, colour) }]
        }
        Part::Nightstand => {
            let front = z + d / 2.0;
            let drawer =
                |up: f32| block([x, y + h * up, front], [w - 0.08, h * 0.3, 0.02], scaled(wood, 1.3));
            let knob = |up: f32| {
                solid(Form::Ellipsoid { centre: [x, y + h * up, front + 0.02], radii: [0.03; 3] }, WHITE)
            };
            vec![
                block(thing.at, thing.size, scaled(wood, 1.1)),
                drawer(0.18),
                drawer(0.58),
                knob(0.33),
                knob(0.73),
            ]
        }
        Part::Wardrobe => {
            vec![Solid { pattern: Pattern::Doors, ..block(thing.at, thing.size, scaled(wood, 1.2)) }]
        }
        Part::BackWall | Part::Ceiling | Part::LeftWall | Part::RightWall | Part::Floor => Vec::new(),
    }
}

fn bed(thing: &Thing, wood: Vec3) -> Vec<Solid> {
    let ([x, _, z], [w, _, d], colour) = (thing.at, thing.size, thing.rgb());
    let [_, checks, headboard] = thing.look;
    let back = z - d / 2.0;
    let pattern = if checks > 0.5 { Pattern::Checks } else { Pattern::Plain };
    let cover = block([x, 0.3, z + 0.2], [w + 0.03, 0.22, d - 0.4], colour);
    let pillow = |side: f32| {
        solid(
            Form::Ellipsoid { centre: [x + side * w * 0.24, 0.55, back + 0.32], radii: [w * 0.2, 0.1, 0.17] },
            [0.93; 3],
        )
    };
    vec![
        block([x, 0.0, z], [w, 0.28, d], wood),
        block([x, 0.28, z], [w - 0.05, 0.2, d - 0.05], WHITE),
        Solid { pattern, ..cover },
        block([x, 0.0, back + 0.05], [w + 0.1, 0.8 + 0.35 * headboard, 0.1], wood),
        pillow(-1.0),
        pillow(1.0),
    ]
}

fn sofa(thing: &Thing) -> Vec<Solid> {
    let ([x, _, z], [w, h, d], colour) = (thing.at, thing.size, thing.rgb());
    let checks = if thing.look[1] > 0.5 { Pattern::Checks } else { Pattern::Plain };
    let arm = |side: f32| block([x + side * (w / 2.0 - 0.08), 0.05, z], [0.16, 0.58, d], scaled(colour, 0.9));
    let cushion = |side: f32| {
        let at = [x + side * (w - 0.32) / 4.0, 0.42, z + 0.08];
        Solid { pattern: checks, ..block(at, [(w - 0.36) / 2.0, 0.1, d - 0.2], scaled(colour, 1.08)) }
    };
    vec![
        block([x, 0.08, z], [w - 0.3, 0.34, d], colour),
        block([x, 0.3, z - d / 2.0 + 0.14], [w - 0.3, h - 0.3, 0.26], scaled(colour, 0.95)),
        arm(-1.0),
        arm(1.0),
        cushion(-1.0),
        cushion(1.0),
    ]
}

fn lamp(thing: &Thing) -> Vec<Solid> {
    let ([x, y, z], [w, h, _]) = (thing.at, thing.size);
    let on = thing.look[0] > 0.5;
    let colour = if on { thing.rgb().map(|v| (v * 0.85 + 0.35).min(1.0)) } else { thing.rgb() };
    let shade = h.mul_add(0.1, 0.17);
    let cone = |up: f32, height: f32, below: f32, above: f32, colour: Vec3| {
        solid(Form::Cone { base: [x, y + up, z], height, below, above }, colour)
    };
    vec![
        cone(0.0, 0.03, 0.13, 0.13, DARK),
        cone(0.0, h - shade, 0.025, 0.025, DARK),
        Solid { shines: on, ..cone(h - shade, shade, w / 2.0, w * 0.3, colour) },
    ]
}

fn window(thing: &Thing) -> Vec<Solid> {
    let ([x, y, z], [w, h, d]) = (thing.at, thing.size);
    let night = thing.look[0] > 0.5;
    let sky = if night { [0.05, 0.06, 0.17] } else { [0.62, 0.82, 1.0] };
    let pattern = if night { Pattern::Plain } else { Pattern::View };
    vec![
        block([x, y - 0.06, z], [w + 0.12, h + 0.12, d], WHITE),
        Solid { pattern, shines: true, ..block([x, y, z + 0.01], [w, h, d], sky) },
        block([x, y, z + 0.03], [0.04, h, d], WHITE),
        block([x, y + h / 2.0, z + 0.03], [w, 0.04, d], WHITE),
    ]
}

fn picture(thing: &Thing) -> Vec<Solid> {
    let ([x, y, z], [w, h, d], colour) = (thing.at, thing.size, thing.rgb());
    let [across, up, large] = thing.look;
    let centre = [x + (across - 0.5) * 0.3 * w, y + h * (0.35 + 0.3 * up), z + d];
    let radii = [w * (0.14 + 0.14 * large), h * (0.16 + 0.14 * large), 0.02];
    vec![
        block([x, y, z], [w, h, d], DARK),
        block([x, y + 0.04, z + 0.01], [w - 0.08, h - 0.08, d], colour.map(|v| v * 0.4 + 0.5)),
        solid(Form::Ellipsoid { centre, radii }, colour),
    ]
}

fn plant(thing: &Thing) -> Vec<Solid> {
    let ([x, _, z], [w, h, _]) = (thing.at, thing.size);
    let pot = h * 0.32;
    let mut solids = vec![
        solid(Form::Cone { base: [x, 0.0, z], height: pot, below: w * 0.24, above: w * 0.34 }, thing.rgb()),
        solid(
            Form::Cone { base: [x, 0.0, z], height: h * 0.6, below: 0.02, above: 0.015 },
            scaled(COLOURS[8], 0.8),
        ),
    ];
    for i in 0..9u8 {
        // Leaves turn by the golden angle, as those of plants do; `look` turns, lifts and thickens them.
        let angle = 2.399_963 * f32::from(i) + std::f32::consts::TAU * thing.look[0];
        let level = f32::from(i) / 8.0;
        let out = w * (0.34 - 0.2 * level);
        let centre = [
            x + out * angle.cos(),
            pot + (h - pot) * (0.2 + (0.6 + 0.1 * thing.look[1]) * level),
            (z + out * angle.sin() * 0.6).max(BACK + 0.1),
        ];
        let thick = 0.16 + 0.08 * thing.look[2];
        let radii = [w * thick, (h - pot) * (0.13 + 0.05 * thing.look[1]), w * thick];
        let green = 0.36 + 0.22 * ((f32::from(i) * 0.618).fract());
        solids.push(solid(Form::Ellipsoid { centre, radii }, [green * 0.32, green, green * 0.3]));
    }
    solids
}
