//! What a face is: the nameable attributes, and the dice that pick them.
//!
//! Sampling is balanced for training, not for realism: everything a text may ask for
//! (hair colours, glasses, beards) has to be common.

use std::str::FromStr;

use crate::rng::Rng;

/// Hair styles, in label order.
pub(crate) const BALD: u8 = 0;
/// Shaved to a millimetre: painted on the skin.
pub(crate) const BUZZ: u8 = 1;
/// Short hair shell.
pub(crate) const SHORT: u8 = 2;
/// Chin-length hair.
pub(crate) const BOB: u8 = 3;
/// A large curly shell.
pub(crate) const AFRO: u8 = 4;
/// Hair over the shoulders.
pub(crate) const LONG: u8 = 5;

/// Everything that has a name. The order of the fields is the order of the `labels` columns
/// and of `ATTRIBUTES` in `train/dataset.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// 0 man, 1 woman.
    pub(crate) gender: u8,
    /// 0 young, 1 old.
    pub(crate) age: u8,
    /// 0 pale … 4 dark.
    pub(crate) skin: u8,
    /// `BALD` … `LONG`.
    pub(crate) hair: u8,
    /// Index into `looks::HAIR_COLOURS`.
    pub(crate) hair_colour: u8,
    /// A fringe over the forehead.
    pub(crate) fringe: u8,
    /// 0 neutral, 1 smiling, 2 laughing, 3 surprised, 4 angry, 5 sad, 6 eyes closed.
    pub(crate) expression: u8,
    /// 0 none, 1 clear glasses, 2 sunglasses.
    pub(crate) glasses: u8,
    /// 0 none, 1 stubble, 2 moustache, 3 beard, 4 goatee.
    pub(crate) beard: u8,
    /// A woollen hat.
    pub(crate) hat: u8,
    /// Index into `looks::CLOTH_COLOURS`.
    pub(crate) clothes: u8,
    /// Index into `looks::CLOTH_COLOURS`.
    pub(crate) hat_colour: u8,
    /// Index into `looks::CLOTH_COLOURS`.
    pub(crate) background: u8,
    /// 0 brown, 1 blue, 2 green.
    pub(crate) eyes: u8,
    /// Red lips.
    pub(crate) lipstick: u8,
    /// Freckles on light skin.
    pub(crate) freckles: u8,
}

/// Number of `labels` columns.
pub(crate) const COLUMNS: usize = 16;

const COLOURS: &str = "red blue green white black yellow orange purple grey";
/// Name and values of each column, as in `ATTRIBUTES` of `train/dataset.py`.
const NAMES: [(&str, &str); COLUMNS] = [
    ("gender", "man woman"),
    ("age", "young old"),
    ("skin", "pale light tan brown dark"),
    ("hair", "bald buzz short bob afro long"),
    ("hair_colour", "black brown blond red grey white blue pink green purple"),
    ("fringe", "no yes"),
    ("expression", "neutral smiling laughing surprised angry sad eyes-closed"),
    ("glasses", "none glasses sunglasses"),
    ("beard", "none stubble moustache beard goatee"),
    ("hat", "no yes"),
    ("clothes", COLOURS),
    ("hat_colour", COLOURS),
    ("background", COLOURS),
    ("eyes", "brown blue green"),
    ("lipstick", "no yes"),
    ("freckles", "no yes"),
];

/// One attribute to be replaced, as `glasses=sunglasses`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    column: usize,
    value: u8,
}

impl FromStr for Change {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        let column = NAMES.iter().position(|n| n.0 == name).ok_or_else(|| {
            let all: Vec<&str> = NAMES.iter().map(|n| n.0).collect();
            format!("no attribute is called {name}; there are {}", all.join(" "))
        })?;
        let values = NAMES[column].1;
        let place = values.split(' ').position(|v| v == value);
        let value = place.ok_or_else(|| format!("{name} has no value {value}; there are {values}"))?;
        Ok(Self { column, value: value as u8 })
    }
}

impl Attributes {
    /// Throws the dice of one face.
    pub(crate) fn sample(rng: &mut Rng) -> Self {
        let gender = rng.below(2) as u8;
        let age = rng.weighted(&[0.75, 0.25]) as u8;
        let skin = rng.below(5) as u8;
        let mut hair = rng.weighted(&[0.15, 0.12, 0.22, 0.17, 0.10, 0.24]) as u8;
        let mut hair_colour =
            rng.weighted(&[0.14, 0.14, 0.14, 0.10, 0.08, 0.08, 0.10, 0.08, 0.07, 0.07]) as u8;
        if age == 1 && rng.chance(0.4) {
            hair_colour = 4 + rng.below(2) as u8; // grey or white
        }
        if gender == 1 && hair <= BUZZ && rng.chance(0.6) {
            hair = [BOB, LONG][rng.below(2)];
        }
        if gender == 0 && (hair == BOB || hair == LONG) && rng.chance(0.45) {
            hair = SHORT;
        }
        let fringe = rng.chance(0.25) && matches!(hair, SHORT | BOB | LONG);
        let expression = rng.weighted(&[0.26, 0.24, 0.16, 0.10, 0.09, 0.09, 0.06]) as u8;
        let glasses = rng.weighted(&[0.48, 0.36, 0.16]) as u8;
        let beard = rng.weighted(&[0.45, 0.10, 0.11, 0.24, 0.10]) as u8;
        let hat = rng.chance(0.08);
        let [clothes, hat_colour, background] = [rng.below(9), rng.below(9), rng.below(9)];
        let eyes = rng.below(3) as u8;
        let lipstick = rng.chance(0.35) && gender == 1;
        let freckles = rng.chance(0.12) && skin < 2;
        Self {
            gender,
            age,
            skin,
            hair,
            hair_colour,
            fringe: fringe.into(),
            expression,
            glasses,
            beard: if gender == 0 { beard } else { 0 },
            hat: hat.into(),
            clothes: clothes as u8,
            hat_colour: hat_colour as u8,
            background: background as u8,
            eyes,
            lipstick: lipstick.into(),
            freckles: freckles.into(),
        }
    }

    /// The same face with one attribute replaced, whatever the dice would have allowed.
    pub(crate) fn with(mut self, change: Change) -> Self {
        *self.columns()[change.column] = change.value;
        self
    }

    /// The row of the `labels` array.
    pub(crate) fn row(mut self) -> [u8; COLUMNS] {
        self.columns().map(|value| *value)
    }

    fn columns(&mut self) -> [&mut u8; COLUMNS] {
        [
            &mut self.gender,
            &mut self.age,
            &mut self.skin,
            &mut self.hair,
            &mut self.hair_colour,
            &mut self.fringe,
            &mut self.expression,
            &mut self.glasses,
            &mut self.beard,
            &mut self.hat,
            &mut self.clothes,
            &mut self.hat_colour,
            &mut self.background,
            &mut self.eyes,
            &mut self.lipstick,
            &mut self.freckles,
        ]
    }

    /// Hair that falls beside the face.
    pub(crate) fn has_long_hair(&self) -> bool {
        matches!(self.hair, BOB | LONG)
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Change, NAMES, Rng};

    #[test]
    fn dice_are_balanced_and_consistent() {
        let faces: Vec<_> = (0..4000).map(|i| Attributes::sample(&mut Rng::new(i, 0))).collect();
        let share = |f: fn(&Attributes) -> bool| faces.iter().filter(|a| f(a)).count() as f32 / 4000.0;
        assert!((0.32..0.40).contains(&share(|a| a.glasses == 1)));
        assert!(faces.iter().all(|a| a.gender == 0 || a.beard == 0));
        assert!(faces.iter().all(|a| a.gender == 1 || a.lipstick == 0));
        assert!((0..10).all(|c| faces.iter().filter(|a| a.hair_colour == c).count() > 200));
    }

    #[test]
    fn one_change_changes_one_column() {
        let face = Attributes::sample(&mut Rng::new(3, 0));
        for (column, (name, values)) in NAMES.iter().enumerate() {
            for (value, word) in values.split(' ').enumerate() {
                let change: Change = format!("{name}={word}").parse().unwrap();
                let mut wanted = face.row();
                wanted[column] = value as u8;
                assert_eq!(face.with(change).row(), wanted);
            }
        }
        assert!("glasses=purple".parse::<Change>().unwrap_err().contains("sunglasses"));
        assert!("nose=big".parse::<Change>().is_err());
    }
}
