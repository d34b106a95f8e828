//! Draws rooms by following rays of light: training shards, pairs with one thing changed, contact sheets. For
//! developers; nothing here runs on a user's machine.
//!
//! `dice` throws, `plan` says what stands where, `build` makes solids of it, `shapes` and `camera` know rays, `draw`
//! gives the picture, `layout` the blobs, `attributes` the words, `change` the same room with one thing changed.

mod attributes;
mod build;
mod camera;
mod change;
mod dice;
mod draw;
mod layout;
mod plan;
mod shapes;
mod shards;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use image::{Rgb, RgbImage};
use rayon::prelude::*;

use crate::attributes::{ATTRIBUTES, labels};
use crate::change::{change, random};
use crate::dice::normals;
use crate::draw::{Picture, Scene};
use crate::layout::{Ellipse, ellipses};
use crate::plan::Room;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Args)]
struct Many {
    /// Folder for the files.
    #[arg(long)]
    out: PathBuf,
    /// Number of files.
    #[arg(long, default_value_t = 10)]
    shards: u64,
    /// Rooms in a file.
    #[arg(long, default_value_t = 2000)]
    count: usize,
    /// Number of the first room.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Side of the pictures.
    #[arg(long, default_value_t = 64)]
    side: usize,
}

#[derive(Subcommand)]
enum Task {
    /// Write `shard-NNN.npz` files of consecutive rooms.
    Render(Many),
    /// Write `pairs-NNN.npz` files: rooms before and after one thing changed.
    Pairs(Many),
    /// Write `layouts-NNN.npz` files: no pictures, for many more rooms.
    Layouts(Many),
    /// Write one PNG to look at: rooms, their classes with the blobs' outlines, and the same with one thing changed.
    Sheet {
        /// The PNG.
        #[arg(long)]
        out: PathBuf,
        /// Number of the first room.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Side of each picture.
        #[arg(long, default_value_t = 128)]
        side: usize,
        /// Rooms in a row.
        #[arg(long, default_value_t = 8)]
        columns: usize,
        /// Rows.
        #[arg(long, default_value_t = 3)]
        rows: usize,
    },
    /// Print the attributes of rooms, one per line.
    List {
        /// Number of the first room.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Number of rooms.
        #[arg(long, default_value_t = 20)]
        count: u64,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Render(many) => {
            write(&many, "shard", |path, first| shards::rooms(path, first, many.count, many.side))
        }
        Task::Pairs(many) => {
            write(&many, "pairs", |path, first| shards::pairs(path, first, many.count, many.side))
        }
        Task::Layouts(many) => {
            write(&many, "layouts", |path, first| shards::rooms(path, first, many.count, 0))
        }
        Task::Sheet { out, first, side, columns, rows } => {
            ensure!(side * columns.max(3 * rows) < 20_000, "the sheet would be too large");
            Ok(sheet(first, side, columns, rows).save(out)?)
        }
        Task::List { first, count } => {
            for number in first..first + count {
                let row = labels(&Room::new(normals(number)));
                let words = ATTRIBUTES
                    .iter()
                    .zip(row)
                    .map(|((name, values), v)| format!("{name}: {}", values[usize::from(v)]));
                println!("{number} {}", words.collect::<Vec<_>>().join(", "));
            }
            Ok(())
        }
    }
}

fn write(many: &Many, name: &str, shard: impl Fn(&std::path::Path, u64) -> Result<()>) -> Result<()> {
    std::fs::create_dir_all(&many.out)?;
    for number in 0..many.shards {
        let path = many.out.join(format!("{name}-{number:03}.npz"));
        shard(&path, many.first + number * many.count as u64)?;
        println!("{}", path.display());
    }
    Ok(())
}

/// A colour for each class that is unlike those of its neighbours.
fn class_colour(class: u8) -> [u8; 3] {
    let hue = f32::from(class) * 0.618;
    [0.0, 0.33, 0.67].map(|shift| (120.0 + 100.0 * (std::f32::consts::TAU * (hue + shift)).sin()) as u8)
}

fn sheet(first: u64, side: usize, columns: usize, rows: usize) -> RgbImage {
    let tiles: Vec<[Picture; 3]> = (0..columns * rows)
        .into_par_iter()
        .map(|i| {
            let number = first + i as u64;
            let room = Room::new(normals(number));
            let scene = Scene::new(&room);
            let picture = scene.draw(side, 4);
            let mut map = Picture {
                side,
                rgb: picture.classes.iter().map(|&class| class_colour(class)).collect(),
                parts: Vec::new(),
                classes: Vec::new(),
            };
            for ellipse in ellipses(&scene).into_iter().flatten() {
                outline(&mut map, &ellipse);
            }
            let other = random(&room, number).map_or(room.clone(), |(part, what)| change(&room, part, what));
            let after = Scene::new(&other).draw(side, 4);
            [picture, map, after]
        })
        .collect();
    let mut sheet = RgbImage::new((side * columns) as u32, (3 * side * rows) as u32);
    for (i, tile) in tiles.iter().enumerate() {
        for (line, picture) in tile.iter().enumerate() {
            let (left, top) = (i % columns * side, (i / columns * 3 + line) * side);
            for (k, rgb) in picture.rgb.iter().enumerate() {
                sheet.put_pixel((left + k % side) as u32, (top + k / side) as u32, Rgb(*rgb));
            }
        }
    }
    sheet
}

fn outline(map: &mut Picture, ellipse: &Ellipse) {
    let side = map.side;
    let (sin, cos) = ellipse.angle.sin_cos();
    for step in 0..6 * side {
        let (s, c) = (std::f32::consts::TAU * step as f32 / (6 * side) as f32).sin_cos();
        let (p, q) = (ellipse.axes[0] * c, ellipse.axes[1] * s);
        let x = (ellipse.centre[0] + p * cos - q * sin) * side as f32;
        let y = (ellipse.centre[1] + p * sin + q * cos) * side as f32;
        if (0.0..side as f32).contains(&x) && (0.0..side as f32).contains(&y) {
            map.rgb[y as usize * side + x as usize] = [255; 3];
        }
    }
}
