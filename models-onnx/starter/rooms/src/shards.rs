//! Writes shards: pictures of consecutive rooms and what is known about them.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use ndarray::{Array, Array1, Dimension, IntoDimension};
use ndarray_npy::{NpzWriter, WritableElement};
use rayon::prelude::*;

use crate::attributes::{ATTRIBUTES, GLOBALS, PARAMS, globals, labels, params};
use crate::change::{change, random};
use crate::dice::{DICE, normals};
use crate::draw::{Picture, Scene};
use crate::layout::{NUMBERS, blobs};
use crate::plan::{PARTS, Room};

/// Rays of a pixel along each axis, in training pictures.
pub(crate) const SAMPLES: usize = 3;

struct Row {
    picture: Picture,
    blobs: Vec<[f32; NUMBERS]>,
    params: [[f32; PARAMS]; PARTS],
    globals: [f32; GLOBALS],
    labels: [u8; ATTRIBUTES.len()],
}

impl Row {
    fn new(room: &Room, side: usize) -> Self {
        let scene = Scene::new(room);
        Self {
            picture: scene.draw(side, SAMPLES),
            blobs: blobs(&scene),
            params: params(room),
            globals: globals(room),
            labels: labels(room),
        }
    }
}

/// Writes rooms `first .. first + count` into one `.npz`; with `side` 0 without pictures.
pub(crate) fn rooms(path: &Path, first: u64, count: usize, side: usize) -> Result<()> {
    let numbers: Vec<u64> = (first..first + count as u64).collect();
    let rows: Vec<Row> = numbers.par_iter().map(|&n| Row::new(&Room::new(normals(n)), side)).collect();
    let mut npz = Npz::create(path)?;
    npz.rows(&rows, side)?;
    npz.add("z", (count, DICE), numbers.into_iter().flat_map(normals).collect())?;
    npz.finish()
}

/// Writes the same rooms in pairs, before and after one thing changed: rows 2i and 2i + 1.
pub(crate) fn pairs(path: &Path, first: u64, count: usize, side: usize) -> Result<()> {
    let changed: Vec<_> = (first..first + count as u64)
        .into_par_iter()
        .filter_map(|number| {
            let room = Room::new(normals(number));
            let (part, what) = random(&room, number)?;
            let rows = [Row::new(&room, side), Row::new(&change(&room, part, what), side)];
            Some((rows, part as u8, what.number()))
        })
        .collect();
    let mut npz = Npz::create(path)?;
    let of = |f: fn(&([Row; 2], u8, u8)) -> u8| changed.iter().map(f).collect::<Array1<u8>>();
    npz.0.add_array("part", &of(|c| c.1))?;
    npz.0.add_array("change", &of(|c| c.2))?;
    let rows: Vec<Row> = changed.into_iter().flat_map(|(rows, ..)| rows).collect();
    npz.rows(&rows, side)?;
    npz.finish()
}

struct Npz(NpzWriter<File>);

impl Npz {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(NpzWriter::new(file)))
    }

    fn add<T: WritableElement, D: IntoDimension<Dim: Dimension>>(
        &mut self,
        name: &str,
        shape: D,
        values: Vec<T>,
    ) -> Result<()> {
        Ok(self.0.add_array(name, &Array::from_shape_vec(shape, values)?)?)
    }

    fn rows(&mut self, rows: &[Row], side: usize) -> Result<()> {
        let n = rows.len();
        if side > 0 {
            let pixels = rows.iter().flat_map(|row| row.picture.rgb.iter().flatten().copied());
            self.add("image", (n, side, side, 3), pixels.collect())?;
            let of =
                |f: fn(&Picture) -> &[u8]| rows.iter().flat_map(|row| f(&row.picture)).copied().collect();
            self.add("parts", (n, side, side), of(|p| &p.parts))?;
            self.add("classes", (n, side, side), of(|p| &p.classes))?;
        }
        let blobs = rows.iter().flat_map(|row| row.blobs.iter().flatten().copied()).collect();
        self.add("blobs", (n, PARTS - 1, NUMBERS), blobs)?;
        let params = rows.iter().flat_map(|row| row.params.as_flattened().iter().copied()).collect();
        self.add("params", (n, PARTS, PARAMS), params)?;
        self.add("globals", (n, GLOBALS), rows.iter().flat_map(|row| row.globals).collect())?;
        self.add("labels", (n, ATTRIBUTES.len()), rows.iter().flat_map(|row| row.labels).collect())
    }

    fn finish(self) -> Result<()> {
        self.0.finish()?;
        Ok(())
    }
}
