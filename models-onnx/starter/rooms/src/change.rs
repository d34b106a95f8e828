//! The same room with one thing changed.

use crate::plan::{COLOURS, Part, Room, Thing};

/// What can happen to one thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    /// By metres to the right and, for what hangs on the wall, up.
    Move([f32; 2]),
    Resize(f32),
    Remove,
    /// To an index into [`COLOURS`].
    Recolour(usize),
}

impl Change {
    /// Its number in `changes`.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Move(_) => 0,
            Self::Resize(_) => 1,
            Self::Remove => 2,
            Self::Recolour(_) => 3,
        }
    }
}

/// Whether its colour shows: furniture of wood has that of the room's wood.
fn has_colour(part: Part) -> bool {
    !matches!(part, Part::Window | Part::Nightstand | Part::Wardrobe)
}

fn hangs(part: Part) -> bool {
    matches!(part, Part::Window | Part::LeftCurtain | Part::RightCurtain | Part::Picture)
}

/// Changes what there is of `part`; nothing happens to a room without it.
pub(crate) fn change(room: &Room, part: Part, change: Change) -> Room {
    let mut room = room.clone();
    let (half, height) = (room.width / 2.0, room.height);
    if change == Change::Remove {
        room.things.retain(|thing| thing.part != part);
        return room;
    }
    for thing in room.things.iter_mut().filter(|thing| thing.part == part) {
        match change {
            Change::Move([right, up]) => {
                let margin = thing.size[0] / 2.0 + 0.05;
                thing.at[0] = (thing.at[0] + right).clamp(margin - half, half - margin);
                if hangs(part) {
                    thing.at[1] = (thing.at[1] + up).clamp(0.2, height - thing.size[1] - 0.1);
                }
            }
            Change::Resize(by) => thing.size = thing.size.map(|v| v * by),
            Change::Recolour(colour) => thing.colour = colour,
            Change::Remove => {}
        }
    }
    room
}

/// A change to one of a room's things, drawn by `seed`; nothing for a room that is empty.
pub(crate) fn random(room: &Room, seed: u64) -> Option<(Part, Change)> {
    // Other numbers than those that made the room, from the same generator.
    let dice = crate::dice::normals(!seed);
    let mut dice = crate::dice::Dice::new(dice);
    let things: Vec<&Thing> = room.things.iter().collect();
    let thing = *things.get(dice.below(things.len().max(1)))?;
    let distance = dice.range(0.25, 0.9) * if dice.chance(0.5) { 1.0 } else { -1.0 };
    let up = dice.range(-0.3, 0.3);
    let change = match dice.below(6) {
        0..3 => Change::Move([distance, up]),
        3 => Change::Resize(dice.range(0.7, 1.35)),
        5 if has_colour(thing.part) => {
            Change::Recolour((thing.colour + 1 + dice.below(COLOURS.len() - 1)) % COLOURS.len())
        }
        _ => Change::Remove,
    };
    Some((thing.part, change))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::normals;
    use crate::draw::Scene;
    use crate::layout::ellipses;

    /// A room whose lamp is off (a lamp that moves changes all light), with this part.
    fn room_with(part: Part) -> Room {
        (0..)
            .map(|n| Room::new(normals(n)))
            .find(|r| r.burning().is_none() && r.find(part).is_some())
            .unwrap()
    }

    #[test]
    fn a_move_changes_its_thing_and_little_else() {
        for part in [Part::Picture, Part::Plant, Part::Seat, Part::Window] {
            let before = room_with(part);
            let side = if before.find(part).unwrap().at[0] > 0.0 { -0.5 } else { 0.5 };
            let after = change(&before, part, Change::Move([side, 0.0]));
            let pictures = [&before, &after].map(|room| Scene::new(room).draw(64, 2));
            // Near is where the part is in either picture, and 8 pixels around, where its shadow falls.
            let is_near = |i: usize| {
                let (x, y) = ((i % 64) as i32, (i / 64) as i32);
                pictures.iter().any(|p| {
                    p.parts.iter().enumerate().any(|(j, &found)| {
                        let (u, v) = ((j % 64) as i32, (j / 64) as i32);
                        found == part as u8 && (u - x).abs() <= 8 && (v - y).abs() <= 8
                    })
                })
            };
            let differs =
                |i: usize| (0..3).map(|c| pictures[0].rgb[i][c].abs_diff(pictures[1].rgb[i][c])).max();
            let (mut near, mut far) = (0, 0);
            for i in (0..64 * 64).filter(|&i| differs(i) > Some(2)) {
                if is_near(i) { near += 1 } else { far += 1 }
            }
            println!("{part:?}: {near} pixels near, {far} far");
            assert!(near > 20 && far <= near / 20, "{part:?}: {near} near, {far} far");

            let [a, b] = [&before, &after].map(|room| ellipses(&Scene::new(room)));
            for (i, (a, b)) in a.iter().zip(&b).enumerate() {
                assert_eq!(i != part as usize, a == b, "{part:?} moved the blob {i}");
            }
        }
    }

    #[test]
    fn what_is_removed_is_gone_and_colours_leave_places_alone() {
        let room = room_with(Part::Rug);
        assert!(change(&room, Part::Rug, Change::Remove).find(Part::Rug).is_none());
        let other = (room.find(Part::Rug).unwrap().colour + 3) % COLOURS.len();
        let red = change(&room, Part::Rug, Change::Recolour(other));
        let [a, b] = [&room, &red].map(|room| Scene::new(room).draw(64, 1));
        assert_eq!(a.parts, b.parts);
        assert_ne!(a.rgb, b.rgb);
        assert_eq!(room, change(&room, Part::Rug, Change::Resize(1.0)));
    }

    #[test]
    fn random_changes_change_something() {
        let changed = |number: &u64| {
            let room = Room::new(normals(*number));
            let (part, what) = random(&room, *number).unwrap();
            let [a, b] = [&room, &change(&room, part, what)].map(|room| Scene::new(room).draw(64, 1));
            a.rgb.iter().zip(&b.rgb).filter(|(a, b)| a != b).count() > 4
        };
        // All but what stands behind something else.
        let count = (0..50).filter(changed).count();
        assert!(count >= 45, "{count} of 50");
    }
}
