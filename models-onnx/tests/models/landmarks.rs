//! The pack `landmarks` against facenet-pytorch on a photograph; `reference/mtcnn_goldens.py` writes the goldens.

use std::path::Path;

use models_onnx::landmarks::{Face, LandmarksError, Mtcnn, Settings};
use models_onnx::{Cancel, ModelError, Pack, Role};
use ndarray::{Array3, Axis, concatenate};

use crate::support::{runtime, tiny};

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn mtcnn() -> Mtcnn {
    let folder = here().join("packs/landmarks");
    Mtcnn::open(&Pack::open(&folder, &folder).unwrap(), &runtime()).unwrap()
}

/// The photograph `[3, 512, 512]`.
fn photo() -> Array3<f32> {
    let photo = image::open(here().join("../tests/samples/astronaut.png")).unwrap().to_rgb8();
    let (width, height) = photo.dimensions();
    Array3::from_shape_fn((3, height as usize, width as usize), |(plane, y, x)| {
        f32::from(photo.get_pixel(x as u32, y as u32).0[plane]) / 127.5 - 1.0
    })
}

/// The photograph and its mirror image beside it.
fn twice() -> Array3<f32> {
    let (one, mut other) = (photo(), photo());
    other.invert_axis(Axis(2));
    concatenate(Axis(2), &[one.view(), other.view()]).unwrap()
}

/// Edges, then five points, of each face.
fn numbers(face: &Face) -> Vec<f32> {
    let points = [face.eyes[0], face.eyes[1], face.nose, face.mouth[0], face.mouth[1]];
    face.edges.into_iter().chain(points.into_iter().flatten()).collect()
}

fn golden(name: &str) -> Vec<(f32, Vec<f32>)> {
    let text = std::fs::read_to_string(here().join("tests/golden/landmarks.json")).unwrap();
    let all: serde_json::Value = serde_json::from_str(&text).unwrap();
    let real = |value: &serde_json::Value| value.as_f64().unwrap() as f32;
    let face = |face: &serde_json::Value| {
        let points = face["points"].as_array().unwrap().iter().flat_map(|p| p.as_array().unwrap());
        (real(&face["score"]), face["edges"].as_array().unwrap().iter().chain(points).map(real).collect())
    };
    all[name].as_array().unwrap().iter().map(face).collect()
}

#[test]
fn faces_are_where_facenet_finds_them() {
    let mut mtcnn = mtcnn();
    for (name, photo) in [("whole", photo()), ("twice", twice())] {
        let start = std::time::Instant::now();
        let faces = mtcnn.find(photo.view(), &Settings::default(), &Cancel::new()).unwrap();
        let right = golden(name);
        assert_eq!(faces.len(), right.len(), "{name}");
        for (face, (score, right)) in faces.iter().zip(&right) {
            let away = numbers(face).iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!(
                "{name}: {away:.1e} pixels, score {:.1e}, {:?}",
                (face.score - score).abs(),
                start.elapsed()
            );
            // Rectangles are cut at whole pixels, so that single precision either makes no difference or one of a
            // pixel in what the last network sees; the faces are ninety pixels wide.
            assert!(away < 0.05 && (face.score - score).abs() < 1e-4, "{name}: {away} {face:?}");
        }
    }
}

#[test]
fn large_photos_are_looked_at_reduced() {
    let mut mtcnn = mtcnn();
    let photo = photo();
    let [faces, small] = [1024, 300].map(|longest| {
        let settings = Settings { longest, ..Settings::default() };
        mtcnn.find(photo.view(), &settings, &Cancel::new()).unwrap()
    });
    assert_eq!((faces.len(), small.len()), (1, 1));
    let away =
        numbers(&faces[0]).iter().zip(numbers(&small[0])).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{away} pixels");
    // Other pixels, other rectangles, but the same face: a thirtieth of its width, and not a factor of 300 / 512.
    assert!(away > 0.0 && away < 4.0, "{small:?} for {faces:?}");
    // No window of that size fits into the photo.
    let settings = Settings { smallest: 600.0, ..Settings::default() };
    assert!(mtcnn.find(photo.view(), &settings, &Cancel::new()).unwrap().is_empty());
}

#[test]
fn places_are_those_of_the_photo_whatever_its_shape() {
    let mut mtcnn = mtcnn();
    // The face at the right of a wide photo and at the bottom of a tall one.
    let photo = photo();
    let blank = Array3::from_elem((3, 512, 700), 0.2f32);
    let wide = concatenate(Axis(2), &[blank.view(), photo.view()]).unwrap();
    let blank = Array3::from_elem((3, 700, 512), 0.2f32);
    let tall = concatenate(Axis(1), &[blank.view(), photo.view()]).unwrap();
    let right = &golden("whole")[0].1;
    for (photo, shift) in [(wide, [700.0, 0.0]), (tall, [0.0, 700.0])] {
        let faces = mtcnn.find(photo.view(), &Settings::default(), &Cancel::new()).unwrap();
        assert_eq!(faces.len(), 1, "{faces:?}");
        for (at, (a, b)) in numbers(&faces[0]).iter().zip(right).enumerate() {
            assert!((a - b - shift[at % 2]).abs() < 4.0, "{faces:?}");
        }
        let face = faces[0];
        assert!(face.eyes[0][0] < face.eyes[1][0] && face.mouth[0][0] < face.mouth[1][0]);
        assert!(face.eyes[0][1] < face.nose[1] && face.nose[1] < face.mouth[0][1]);
    }
}

#[test]
fn photos_without_faces_and_without_sense() {
    let mut mtcnn = mtcnn();
    let cancel = Cancel::new();
    let settings = Settings::default();
    for (height, width) in [(0, 0), (1, 1), (5, 400), (200, 300)] {
        let grey = Array3::zeros((3, height, width));
        assert!(mtcnn.find(grey.view(), &settings, &cancel).unwrap().is_empty(), "{height} {width}");
    }
    let mut holes = Array3::zeros((3, 50, 50));
    holes[[1, 7, 7]] = f32::NAN;
    let one = Array3::zeros((1, 50, 50));
    for (photo, settings) in [
        (holes, settings),
        (one, settings),
        (Array3::zeros((3, 50, 50)), Settings { smallest: 0.0, ..settings }),
        (Array3::zeros((3, 50, 50)), Settings { smallest: f32::NAN, ..settings }),
        (Array3::zeros((3, 50, 50)), Settings { longest: 0, ..settings }),
    ] {
        let error = mtcnn.find(photo.view(), &settings, &cancel).unwrap_err();
        assert!(matches!(error, LandmarksError::Picture(_)), "{error}");
    }
    cancel.cancel();
    let error = mtcnn.find(photo().view(), &settings, &cancel).unwrap_err();
    assert!(matches!(error, LandmarksError::Model(ModelError::Cancelled)), "{error}");
    let error = Mtcnn::open(&tiny(), &runtime()).err().unwrap();
    assert!(matches!(error, ModelError::Missing { role, .. } if role == Role::FaceProposal.words()));
}
