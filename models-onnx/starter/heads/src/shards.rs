//! Writes training shards: pictures, masks, parameters and labels of consecutive faces.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use ndarray::{Array2, Array3, Array4};
use ndarray_npy::NpzWriter;
use rayon::prelude::*;

use crate::attributes::COLUMNS;
use crate::face::{Face, PARAMS};
use crate::makehuman::Base;
use crate::raster::{Frame, Picture, draw};

/// Samples per pixel and axis in training pictures.
pub(crate) const OVERSAMPLING: usize = 2;

struct Row {
    picture: Picture,
    params: [f32; PARAMS],
    labels: [u8; COLUMNS],
}

/// Renders faces, as `face` makes them from `first .. first + count`, into one `.npz`.
pub(crate) fn write(
    base: &Base,
    path: &Path,
    first: u64,
    count: usize,
    side: usize,
    face: &(dyn Fn(u64) -> Face + Sync),
) -> Result<()> {
    let rows: Vec<Row> = (0..count as u64)
        .into_par_iter()
        .map(|i| {
            let face = face(first + i);
            let picture = draw(base, &face, Frame::square(side), OVERSAMPLING);
            Row { picture, params: face.params(), labels: face.attributes.row() }
        })
        .collect();
    let pixels = rows.iter().flat_map(|r| &r.picture.rgb).flatten();
    let image = pixels.map(|v| (v * 255.0 + 0.5) as u8).collect();
    let mask = rows.iter().flat_map(|r| r.picture.mask.iter().copied()).collect();
    let params = rows.iter().flat_map(|r| r.params).collect();
    let labels = rows.iter().flat_map(|r| r.labels).collect();

    // Trainings read folders that are still being filled: a shard has its name when it is whole.
    let part = path.with_extension("part");
    let file = File::create(&part).with_context(|| format!("creating {}", part.display()))?;
    let mut npz = NpzWriter::new(file);
    npz.add_array("image", &Array4::from_shape_vec((count, side, side, 3), image)?)?;
    npz.add_array("mask", &Array3::from_shape_vec((count, side, side), mask)?)?;
    npz.add_array("params", &Array2::from_shape_vec((count, PARAMS), params)?)?;
    npz.add_array("labels", &Array2::from_shape_vec((count, COLUMNS), labels)?)?;
    npz.finish()?;
    std::fs::rename(&part, path).with_context(|| format!("naming {}", path.display()))?;
    Ok(())
}
