//! Prints the faces of a photo; with a second path writes the photo with rectangles and points drawn into it.
//!
//! `cargo run --release -p pentimento-models --example landmarks -- photo.png marked.png`

use std::error::Error;
use std::path::Path;

use image::{Rgb, RgbImage};
use models_onnx::landmarks::{Mtcnn, Settings};
use models_onnx::runtime::Options;
use models_onnx::{Cancel, Pack, Places, Runtime};
use ndarray::Array3;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let mut photo = image::open(paths.first().ok_or("which photo?")?)?.to_rgb8();
    let (width, height) = photo.dimensions();
    let value = |(plane, y, x): (usize, usize, usize)| {
        f32::from(photo.get_pixel(x as u32, y as u32).0[plane]) / 127.5 - 1.0
    };
    let planes = Array3::from_shape_fn((3, height as usize, width as usize), value);

    let places = Places::from_environment().ok_or("HOME is not set")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/landmarks");
    let pack = Pack::open(&folder, &places.shared())?;
    let runtime = Runtime::load(&places.onnxruntime(), Options::default())?;
    let mut mtcnn = Mtcnn::open(&pack, &runtime)?;
    for face in mtcnn.find(planes.view(), &Settings::default(), &Cancel::new())? {
        println!("{face:?}");
        for [x, y] in [face.eyes[0], face.eyes[1], face.nose, face.mouth[0], face.mouth[1]] {
            for d in -2..=2 {
                mark(&mut photo, x as i64 + d, y as i64);
                mark(&mut photo, x as i64, y as i64 + d);
            }
        }
        let [left, top, right, bottom] = face.edges.map(|edge| edge as i64);
        (left..right).for_each(|x| [top, bottom].iter().for_each(|&y| mark(&mut photo, x, y)));
        (top..bottom).for_each(|y| [left, right].iter().for_each(|&x| mark(&mut photo, x, y)));
    }
    if let Some(marked) = paths.get(1) {
        photo.save(marked)?;
    }
    Ok(())
}

fn mark(photo: &mut RgbImage, x: i64, y: i64) {
    if (0..i64::from(photo.width())).contains(&x) && (0..i64::from(photo.height())).contains(&y) {
        photo.put_pixel(x as u32, y as u32, Rgb([0, 255, 0]));
    }
}
