//! The starter pack of rooms against what onnxruntime's Python package gave when it was exported, and what a moved blob
//! does.

use std::path::Path;
use std::sync::Arc;

use models_onnx::family::blobgan::FIELDS;
use models_onnx::session::{Session, Tensor};
use models_onnx::{Cancel, Pack, Role, fidelity, generator};
use ndarray::ArrayD;

use crate::starter::{close, picture};
use crate::support::runtime;

fn golden(name: &str) -> ArrayD<f32> {
    let path = format!("{}/tests/golden/rooms_{name}.npy", env!("CARGO_MANIFEST_DIR"));
    ndarray_npy::read_npy(path).unwrap()
}

pub(crate) fn rooms() -> Arc<Pack> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/starter-rooms");
    Arc::new(Pack::open(&folder, &folder).unwrap())
}

#[test]
fn pictures_become_blobs_and_pictures_as_in_python() {
    let (pack, cancel) = (rooms(), Cancel::new());
    pack.verify().unwrap();
    let mut generator = generator::open(&pack, &runtime()).unwrap();
    // A held-out render.
    let image = picture("rooms_image");
    let code = generator.encode(&image, &cancel).unwrap();
    for field in FIELDS {
        close(code.tensor(field).unwrap(), &golden(field), field);
    }
    let made = generator.synthesise(&code, &cancel).unwrap();
    close(&made.clone().into_dyn(), &golden("reconstruction"), "reconstruction");
    let measured = fidelity::measure(&pack, &image, &made).unwrap();
    assert!(measured.psnr > measured.poor, "{measured:?}");
}

#[test]
fn noise_becomes_a_room_as_in_python() {
    let (pack, cancel) = (rooms(), Cancel::new());
    let mut mapping = Session::open(&runtime(), &pack, Role::Mapping).unwrap();
    let w = mapping.run(&[("z", Tensor::F32(golden("z").view()))], &cancel).unwrap();
    let mut layout = Session::open(&runtime(), &pack, Role::Layout).unwrap();
    let blobs = layout.run(&[("w", Tensor::F32(w[0].view()))], &cancel).unwrap();
    let named: Vec<_> = FIELDS.into_iter().zip(blobs.iter().map(|b| Tensor::F32(b.view()))).collect();
    let mut synthesis = Session::open(&runtime(), &pack, Role::Synthesis).unwrap();
    close(&synthesis.run(&named, &cancel).unwrap()[0], &golden("sample"), "sample");
}

#[test]
fn a_moved_blob_changes_the_picture_there_and_nowhere_else() {
    let (pack, cancel) = (rooms(), Cancel::new());
    let mut generator = generator::open(&pack, &runtime()).unwrap();
    let code = generator.encode(&picture("rooms_image"), &cancel).unwrap();
    let before = generator.synthesise(&code, &cancel).unwrap();
    // The bed or sofa.
    const SEAT: usize = 13;
    let (mut xs, sizes) = (code.tensor("xs").unwrap().to_owned(), code.tensor("sizes").unwrap());
    assert!(sizes[[0, SEAT]] > 0.0, "the golden has no bed: {sizes}");
    let from = xs[[0, SEAT]];
    let to = if from < 0.5 { from + 0.15 } else { from - 0.15 };
    xs[[0, SEAT]] = to;
    let after = generator.synthesise(&code.clone().with("xs", xs), &cancel).unwrap();
    let change = (&after - &before).mapv(f32::abs);
    let columns: Vec<f32> =
        (0..64).map(|x| change.slice(ndarray::s![0, .., .., x]).mean().unwrap()).collect();
    let largest = columns.iter().copied().fold(0.0, f32::max);
    assert!(largest > 0.05, "{columns:?}");
    // At the other end of the picture next to nothing has: the decoder only looks around.
    let far = if to + from < 1.0 { 63 } else { 0 };
    assert!(columns[far] < largest / 25.0, "{columns:?}");
}
