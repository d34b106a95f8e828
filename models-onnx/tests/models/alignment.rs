//! Squares around faces; `reference/alignment_goldens.py` writes the goldens.

use models_onnx::alignment::{AlignmentError, Points, Square};
use models_onnx::landmarks::Face;
use models_onnx::pack::{Alignment, AlignmentKind};
use proptest::prelude::*;
use serde::Deserialize;

/// 68 points and the corners upper left, lower left, lower right, upper right.
#[derive(Deserialize)]
struct Case {
    points: Vec<[f64; 2]>,
    quad: [[f64; 2]; 4],
}

const FACE: Points = Points { eyes: [[40.0, 50.0], [60.0, 50.0]], mouth: [50.0, 72.0] };

fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

prop_compose! {
    /// Squares of any place, size and turn.
    fn squares()(centre in [-5e3..5e3, -5e3..5e3f64], side in 1.0..4e3f64, angle in -4.0..4.0f64) -> Square {
        Square { centre, half: [0.5 * side * angle.cos(), 0.5 * side * angle.sin()] }
    }
}

prop_compose! {
    /// Eyes and mouth as heads have them that are turned by up to a right angle in the plane.
    fn faces()(
        eyes in [-90.0..-10.0f64, -20.0..20.0f64, 10.0..90.0f64, -20.0..20.0f64],
        mouth in [-30.0..30.0f64, 40.0..150.0f64],
    ) -> Points {
        Points { eyes: [[eyes[0], eyes[1]], [eyes[2], eyes[3]]], mouth }
    }
}

/// A similarity: turns by `angle`, scales, moves.
fn moved([x, y]: [f64; 2], angle: f64, scale: f64, by: [f64; 2]) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [scale * (cos * x - sin * y) + by[0], scale * (sin * x + cos * y) + by[1]]
}

proptest! {
    #[test]
    fn there_and_back_again(square in squares(), u in -3.0..3.0f64, v in -3.0..3.0f64) {
        let [x, y] = square.at(u, v);
        prop_assert!(apart(square.of(x, y), [u, v]) < 1e-9 * 1e4 / square.side().min(1e4));
    }

    #[test]
    fn corners_are_those_of_a_square(square in squares()) {
        let [a, b, c, d] = square.corners();
        let side = square.side();
        for (from, to) in [(a, b), (b, c), (c, d), (d, a)] {
            prop_assert!((apart(from, to) - side).abs() < 1e-8);
        }
        prop_assert!((apart(a, c) - side * 2f64.sqrt()).abs() < 1e-8);
        // Clockwise as seen, which is a positive area where y points down.
        let area = (b[0] - a[0]) * (d[1] - a[1]) - (b[1] - a[1]) * (d[0] - a[0]);
        prop_assert!((area / (side * side) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_square_turns_grows_and_moves_with_the_face(
        face in faces(), angle in -4.0..4.0f64, scale in 1.0..30.0f64, by in [-3e3..3e3, -3e3..3e3f64],
        places in [[0.2..0.45f64, 0.3..0.5f64], [0.55..0.8f64, 0.3..0.5f64]],
    ) {
        let there = |place| moved(place, angle, scale, by);
        let other = Points { eyes: face.eyes.map(there), mouth: there(face.mouth) };
        let pairs = [
            (Square::ffhq(&face).unwrap(), Square::ffhq(&other).unwrap()),
            (Square::by_eyes(face.eyes, places).unwrap(), Square::by_eyes(other.eyes, places).unwrap()),
        ];
        for (before, after) in pairs {
            for (a, b) in before.corners().into_iter().zip(after.corners()) {
                prop_assert!(apart(there(a), b) < 1e-7, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn eyes_lie_exactly_where_a_pack_wants_them(
        face in faces(), places in [[0.0..0.45f64, 0.0..1.0f64], [0.55..1.0f64, 0.0..1.0f64]],
    ) {
        let square = Square::by_eyes(face.eyes, places).unwrap();
        for (eye, place) in face.eyes.into_iter().zip(places) {
            prop_assert!(apart(square.at(place[0], place[1]), eye) < 1e-9);
        }
    }
}

#[test]
fn ffhq_as_published() {
    let text = include_str!("../golden/alignment.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    let mut by_mouth = 0;
    for case in &cases {
        let points = Points::of_68(case.points.as_slice().try_into().unwrap());
        let [a, b, c, d] = Square::ffhq(&points).unwrap().corners();
        for (found, right) in [a, d, c, b].into_iter().zip(case.quad) {
            assert!(apart(found, right) < 1e-8, "{found:?} is not {right:?}");
        }
        let eyes_apart = apart(points.eyes[0], points.eyes[1]);
        by_mouth += usize::from(apart(a, b) > 4.0 * eyes_apart + 1e-6);
    }
    assert!(0 < by_mouth && by_mouth < cases.len(), "both distances must decide about some sizes");
}

#[test]
fn an_upright_face_by_hand() {
    // Eyes 20 apart, the mouth 22 below: the side is 4 · 20 = 80 against 3.6 · 22 = 79.2, the middle 2.2 below the eyes.
    let square = Square::ffhq(&FACE).unwrap();
    assert!(apart(square.centre, [50.0, 52.2]) < 1e-12 && apart(square.half, [40.0, 0.0]) < 1e-12);
    assert!(apart(square.corners()[0], [10.0, 12.2]) < 1e-12);
    assert!(apart(square.of(50.0, 12.2), [0.5, 0.0]) < 1e-12);
    let face = Face {
        edges: [30.0, 30.0, 70.0, 90.0],
        score: 1.0,
        eyes: [[40.0, 50.0], [60.0, 50.0]],
        nose: [50.0, 60.0],
        mouth: [[44.0, 71.0], [56.0, 73.0]],
    };
    assert_eq!(Points::from(&face), FACE);
}

#[test]
fn packs_say_which_square() {
    let of = |kind, eyes| Square::of_face(&Alignment { kind, eyes }, &FACE).unwrap();
    assert_eq!(of(AlignmentKind::Ffhq, None), Some(Square::ffhq(&FACE).unwrap()));
    assert_eq!(of(AlignmentKind::Square, None), None);
    let square = of(AlignmentKind::Square, Some([[0.375, 0.5], [0.625, 0.5]])).unwrap();
    assert!(apart(square.centre, [50.0, 50.0]) < 1e-12 && apart(square.half, [40.0, 0.0]) < 1e-12);
}

#[test]
fn faces_that_cannot_be_framed() {
    let face = |eyes, mouth| Points { eyes, mouth };
    let cases = [
        (face([[5.0, 5.0], [5.0, 5.0]], [5.0, 9.0]), AlignmentError::Eyes),
        (face([[f64::NAN, 5.0], [9.0, 5.0]], [5.0, 9.0]), AlignmentError::Number),
        (face([[1.0, 5.0], [9.0, 5.0]], [5.0, f64::INFINITY]), AlignmentError::Number),
        (face([[-1e308, 5.0], [1e308, 5.0]], [5.0, 9.0]), AlignmentError::Number),
        (face([[40.0, 50.0], [60.0, 50.0]], [50.0, 30.0]), AlignmentError::Upright),
        (face([[60.0, 50.0], [40.0, 50.0]], [50.0, 72.0]), AlignmentError::Upright),
    ];
    for (points, error) in cases {
        assert_eq!(Square::ffhq(&points), Err(error), "{points:?}");
        let text = error.to_string();
        assert!(text.lines().count() == 1 && text.contains("; "), "{text}");
    }
    // A head seen from the side has its eyes close together, and is framed by the mouth.
    assert!(Square::ffhq(&face([[50.0, 50.0], [51.0, 50.0]], [40.0, 90.0])).is_ok());
    let eyes = FACE.eyes;
    for places in [[[0.5, 0.5], [0.5, 0.5]], [[f64::NAN, 0.5], [0.6, 0.5]]] {
        assert_eq!(Square::by_eyes(eyes, places), Err(AlignmentError::Pack));
    }
    assert_eq!(Square::by_eyes([eyes[0]; 2], [[0.4, 0.5], [0.6, 0.5]]), Err(AlignmentError::Eyes));
}
