//! What a room is: its measures and its things, in metres, before anything is drawn.
//!
//! `x` goes right from the middle of the room, `y` up from the floor, `z` towards the camera; the back wall is at
//! [`BACK`].

use crate::dice::Dice;

/// Where the back wall is.
pub(crate) const BACK: f32 = -1.8;

/// The parts of a picture. Their numbers are those of blobs: the first is the background, later ones lie above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    BackWall,
    Ceiling,
    LeftWall,
    RightWall,
    Floor,
    Window,
    LeftCurtain,
    RightCurtain,
    Picture,
    Rug,
    Wardrobe,
    Nightstand,
    Lamp,
    /// A bed or a sofa.
    Seat,
    Plant,
}

/// How many parts there are.
pub(crate) const PARTS: usize = 15;

/// All parts, by number.
pub(crate) const ALL: [Part; PARTS] = {
    use Part::*;
    [
        BackWall,
        Ceiling,
        LeftWall,
        RightWall,
        Floor,
        Window,
        LeftCurtain,
        RightCurtain,
        Picture,
        Rug,
        Wardrobe,
        Nightstand,
        Lamp,
        Seat,
        Plant,
    ]
};

/// Classes of the segmentation; 0 is for what is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Wall = 1,
    Floor,
    Ceiling,
    Bed,
    Lamp,
    Window,
    Picture,
    Plant,
    Nightstand,
    Wardrobe,
    Rug,
    Sofa,
    Curtain,
}

/// Names of [`COLOURS`].
pub(crate) const COLOUR_NAMES: [&str; 10] =
    ["red", "blue", "green", "white", "beige", "yellow", "purple", "grey", "brown", "pink"];

/// Colours of things, linear 0..1.
pub(crate) const COLOURS: [[f32; 3]; 10] = [
    [0.70, 0.16, 0.15],
    [0.20, 0.34, 0.68],
    [0.25, 0.50, 0.30],
    [0.88, 0.87, 0.84],
    [0.82, 0.72, 0.56],
    [0.86, 0.72, 0.25],
    [0.45, 0.27, 0.60],
    [0.50, 0.51, 0.53],
    [0.42, 0.27, 0.16],
    [0.85, 0.52, 0.60],
];
const WOOD: [f32; 3] = COLOURS[8];
/// Floors, by index into [`COLOURS`]: brown, beige, grey, white.
const FLOORS: [usize; 4] = [8, 4, 7, 3];

/// One thing in a room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Thing {
    pub(crate) part: Part,
    /// The middle of its lower side; for what hangs on the wall `z` is the wall.
    pub(crate) at: [f32; 3],
    /// Width, height, depth.
    pub(crate) size: [f32; 3],
    /// Index into [`COLOURS`].
    pub(crate) colour: usize,
    /// How bright its colour is, about 1.
    pub(crate) shade: f32,
    /// What else there is to it, each 0..1; see `build`.
    pub(crate) look: [f32; 3],
}

/// A room.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Room {
    pub(crate) width: f32,
    pub(crate) height: f32,
    /// `x` and `y` of the camera.
    pub(crate) camera: [f32; 2],
    /// Strength of the light at the ceiling, about 0.6..1.1.
    pub(crate) light: f32,
    /// Index into [`COLOURS`], of which the wall has a pale version.
    pub(crate) wall: usize,
    /// Index into [`COLOURS`].
    pub(crate) floor: usize,
    /// Whether the floor has planks.
    pub(crate) planks: bool,
    /// Brightness of everything that is of wood.
    pub(crate) wood: f32,
    /// At most one of each part.
    pub(crate) things: Vec<Thing>,
}

impl Room {
    /// The room of these dice. All are thrown in the same order, whatever they give: then each always means the same.
    pub(crate) fn new(z: [f32; crate::dice::DICE]) -> Self {
        let d = &mut Dice::new(z);
        let (width, height) = (d.range(3.7, 4.5), d.range(2.5, 2.9));
        let camera = [d.range(-0.45, 0.45), d.range(1.3, 1.6)];
        let (light, wood) = (d.range(0.6, 1.1), d.range(0.6, 1.5));
        let (wall, floor, planks) = (d.below(10), FLOORS[d.below(4)], d.chance(0.7));
        let mut room = Self { width, height, camera, light, wall, floor, planks, wood, things: Vec::new() };
        let seat = room.put_seat(d);
        room.put_beside(d, &seat);
        room.put_on_wall(d);

        let rug = d.chance(0.5);
        let size = [d.range(1.1, 1.8), 0.015, d.range(0.8, 1.1)];
        let at = [d.range(-0.9, 0.9), 0.0, BACK + d.range(1.9, 2.3)];
        room.put(d, rug, Part::Rug, at, size, [0.0; 3]);
        room
    }

    fn put_seat(&mut self, d: &mut Dice) -> Thing {
        let sofa = d.chance(0.3);
        let x = d.range(-0.5, 0.5);
        let (wide, deep) = (d.unit(), d.unit());
        let size =
            if sofa { [1.6 + 0.5 * wide, 0.85, 0.85] } else { [1.25 + 0.5 * wide, 1.0, 1.65 + 0.3 * deep] };
        let look = [yes(sofa), yes(d.chance(0.3)), d.unit()];
        self.put(d, true, Part::Seat, [x, 0.0, BACK + size[2] / 2.0], size, look)
    }

    /// What stands beside the bed: the lamp on one side, the plant on the other, the wardrobe where there is room.
    fn put_beside(&mut self, d: &mut Dice, seat: &Thing) {
        let side = if d.chance(0.5) { -1.0 } else { 1.0 };
        let (lamp, plant, wardrobe, stand) = (d.chance(0.7), d.chance(0.55), d.chance(0.5), d.chance(0.55));
        let half = self.width / 2.0;
        let beside = |side: f32, wide: f32, free: f32| {
            let edge = seat.at[0] + side * seat.size[0] / 2.0;
            let left = (half - side * edge - wide - 0.12).max(0.0);
            edge + side * (wide / 2.0 + 0.08 + left * free)
        };
        let x = beside(side, 0.45, d.unit());
        let size = [d.range(0.36, 0.5), d.range(0.4, 0.52), 0.42];
        let top = self.put(d, stand, Part::Nightstand, [x, 0.0, BACK + 0.28], size, [0.0; 3]).size[1];
        let tall = d.unit();
        let (base, tall) = if stand { (top, 0.48 + 0.14 * tall) } else { (0.0, 1.25 + 0.25 * tall) };
        let look = [yes(d.chance(0.55)), yes(stand), 0.0];
        let size = [d.range(0.36, 0.5), tall, 0.4];
        self.put(d, lamp, Part::Lamp, [x, base, BACK + 0.3], size, look);

        let at = [beside(-side, 0.5, d.unit()), 0.0, BACK + d.range(0.3, 0.6)];
        let size = [d.range(0.42, 0.6), d.range(0.75, 1.25), 0.4];
        let look = [d.unit(), d.unit(), d.unit()];
        self.put(d, plant, Part::Plant, at, size, look);

        let size = [d.range(0.65, 0.95), d.range(1.6, 2.05), 0.55];
        let at = [beside(if plant { side } else { -side }, size[0], d.unit()), 0.0, BACK + 0.28];
        let free = !plant || !(lamp || stand);
        self.put(d, wardrobe && free, Part::Wardrobe, at, size, [0.0; 3]);
    }

    /// Window, curtains, picture.
    fn put_on_wall(&mut self, d: &mut Dice) {
        let (window, night, curtains) = (d.chance(0.7), d.chance(0.25), d.chance(0.5));
        let size = [d.range(0.75, 1.2), d.range(0.8, 1.1), 0.06];
        let x = d.range(-1.0, 1.0) * (self.width / 2.0 - 0.95);
        let at = [x, self.height - d.range(0.3, 0.45) - size[1], BACK];
        let look = [yes(night), d.unit(), 0.0];
        self.put(d, window, Part::Window, at, size, look);
        let drape = [0.28, size[1] + 0.4, 0.08];
        let hang = |side: f32| [x + side * (size[0] / 2.0 + 0.1), at[1] - 0.25, BACK];
        let left = self.put(d, curtains && window, Part::LeftCurtain, hang(-1.0), drape, [0.0; 3]);
        if curtains && window {
            self.things.push(Thing { part: Part::RightCurtain, at: hang(1.0), ..left });
        }

        let picture = d.chance(0.65);
        let apart = if curtains { 0.45 } else { 0.15 } + size[0] / 2.0;
        let size = [d.range(0.42, 0.75), d.range(0.42, 0.65), 0.05];
        let mut at = [d.range(-1.0, 1.0) * (self.width / 2.0 - 0.5), d.range(1.35, 1.65), BACK];
        let apart = apart + size[0] / 2.0;
        if window && (at[0] - x).abs() < apart {
            // To the side of the window where there is more wall.
            at[0] = x - x.signum() * apart;
        }
        let look = [d.unit(), d.unit(), d.unit()];
        self.put(d, picture, Part::Picture, at, size, look);
    }

    /// Throws the dice of a thing's colour, and puts it into the room if it is `there`.
    fn put(
        &mut self,
        dice: &mut Dice,
        there: bool,
        part: Part,
        at: [f32; 3],
        size: [f32; 3],
        look: [f32; 3],
    ) -> Thing {
        let (colour, shade) = (dice.below(COLOURS.len()), dice.range(0.9, 1.1));
        let thing = Thing { part, at, size, colour, shade, look };
        if there {
            self.things.push(thing);
        }
        thing
    }

    /// The thing of this part, if the room has one.
    pub(crate) fn find(&self, part: Part) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.part == part)
    }

    /// The lamp, if it is on.
    pub(crate) fn burning(&self) -> Option<&Thing> {
        self.find(Part::Lamp).filter(|lamp| lamp.look[0] > 0.5)
    }

    /// Whether there is a window with the night behind it.
    pub(crate) fn is_night(&self) -> bool {
        self.find(Part::Window).is_some_and(|window| window.look[0] > 0.5)
    }

    /// Colour of the walls: a pale version of a thing's.
    pub(crate) fn wall_colour(&self) -> [f32; 3] {
        COLOURS[self.wall].map(|v| v * 0.5 + 0.45)
    }

    /// Colour of wood.
    pub(crate) fn wood_colour(&self) -> [f32; 3] {
        WOOD.map(|v| v * self.wood)
    }
}

fn yes(is: bool) -> f32 {
    f32::from(u8::from(is))
}

impl Thing {
    pub(crate) fn rgb(&self) -> [f32; 3] {
        COLOURS[self.colour].map(|v| (v * self.shade).min(1.0))
    }

    pub(crate) fn class(&self) -> Class {
        class(self.part, self.look[0] > 0.5)
    }
}

/// The class of a part; `sofa` tells the two seats apart.
pub(crate) fn class(part: Part, sofa: bool) -> Class {
    match part {
        Part::BackWall | Part::LeftWall | Part::RightWall => Class::Wall,
        Part::Floor => Class::Floor,
        Part::Ceiling => Class::Ceiling,
        Part::Seat if sofa => Class::Sofa,
        Part::Seat => Class::Bed,
        Part::Lamp => Class::Lamp,
        Part::Window => Class::Window,
        Part::Picture => Class::Picture,
        Part::Plant => Class::Plant,
        Part::Nightstand => Class::Nightstand,
        Part::Wardrobe => Class::Wardrobe,
        Part::Rug => Class::Rug,
        Part::LeftCurtain | Part::RightCurtain => Class::Curtain,
    }
}
