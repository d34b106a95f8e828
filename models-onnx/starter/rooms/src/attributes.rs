//! What can be said about a room, and the numbers that networks get to know its parts by.

use crate::plan::{ALL, COLOUR_NAMES, COLOURS, PARTS, Part, Room};

/// Names and values of the columns of `labels`; the same as in `train_rooms/dataset.py`. What colour something has is
/// told whether or not it is there.
pub(crate) const ATTRIBUTES: [(&str, &[&str]); 20] = [
    ("seat", &["bed", "sofa"]),
    ("seat_colour", &COLOUR_NAMES),
    ("checks", &["no", "yes"]),
    ("walls", &COLOUR_NAMES),
    ("floor", &COLOUR_NAMES),
    ("planks", &["no", "yes"]),
    ("lamp", &["none", "off", "on"]),
    ("lamp_colour", &COLOUR_NAMES),
    ("lamp_stands", &["on the floor", "on a nightstand"]),
    ("window", &["none", "day", "night"]),
    ("curtains", &["no", "yes"]),
    ("curtain_colour", &COLOUR_NAMES),
    ("picture", &["no", "yes"]),
    ("picture_colour", &COLOUR_NAMES),
    ("plant", &["no", "yes"]),
    ("nightstand", &["no", "yes"]),
    ("wardrobe", &["no", "yes"]),
    ("rug", &["no", "yes"]),
    ("rug_colour", &COLOUR_NAMES),
    ("light", &["dim", "bright"]),
];

/// The row of `labels` of a room.
pub(crate) fn labels(room: &Room) -> [u8; ATTRIBUTES.len()] {
    let there = |part| u8::from(room.find(part).is_some());
    let colour = |part| room.find(part).map_or(0, |thing| thing.colour as u8);
    let look = |part, i: usize| room.find(part).map_or(0, |thing| u8::from(thing.look[i] > 0.5));
    [
        look(Part::Seat, 0),
        colour(Part::Seat),
        look(Part::Seat, 1),
        room.wall as u8,
        room.floor as u8,
        u8::from(room.planks),
        there(Part::Lamp) + look(Part::Lamp, 0),
        colour(Part::Lamp),
        look(Part::Lamp, 1),
        there(Part::Window) + look(Part::Window, 0),
        there(Part::LeftCurtain),
        colour(Part::LeftCurtain),
        there(Part::Picture),
        colour(Part::Picture),
        there(Part::Plant),
        there(Part::Nightstand),
        there(Part::Wardrobe),
        there(Part::Rug),
        colour(Part::Rug),
        u8::from(room.light > 0.85),
    ]
}

/// Numbers of a part.
pub(crate) const PARAMS: usize = 10;
/// Numbers of a room that all its parts look different with.
pub(crate) const GLOBALS: usize = 7;

/// Colour, brightness of wood, size and look of every part: all but where it is.
pub(crate) fn params(room: &Room) -> [[f32; PARAMS]; PARTS] {
    ALL.map(|part| {
        let (colour, size, look) = match (part, room.find(part)) {
            (_, Some(thing)) => (thing.rgb(), thing.size, thing.look),
            (Part::Floor, _) => {
                (COLOURS[room.floor], [room.width, 0.0, 0.0], [f32::from(u8::from(room.planks)), 0.0, 0.0])
            }
            (Part::BackWall | Part::LeftWall | Part::RightWall, _) => {
                (room.wall_colour(), [0.0; 3], [0.0; 3])
            }
            _ => ([0.0; 3], [0.0; 3], [0.0; 3]),
        };
        let ([r, g, b], [w, h, d], [x, y, z]) = (colour, size, look);
        [r, g, b, room.wood, w, h, d, x, y, z]
    })
}

/// Camera, measures and light.
pub(crate) fn globals(room: &Room) -> [f32; GLOBALS] {
    let [x, y] = room.camera;
    let yes = |is: bool| f32::from(u8::from(is));
    [x, y, room.width, room.height, room.light, yes(room.is_night()), yes(room.burning().is_some())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::normals;

    #[test]
    fn labels_name_values_and_all_values_come_up() {
        let rooms: Vec<_> = (0..1000).map(|n| labels(&Room::new(normals(n)))).collect();
        for (column, (name, values)) in ATTRIBUTES.iter().enumerate() {
            assert!(rooms.iter().all(|row| usize::from(row[column]) < values.len()), "{name}");
            for value in (0..values.len()).filter(|&v| *name != "floor" || [3, 4, 7, 8].contains(&v)) {
                let share = rooms.iter().filter(|row| usize::from(row[column]) == value).count();
                assert!(share >= 15, "{name} is {} in {share} of 1,000", values[value]);
            }
        }
    }
}
