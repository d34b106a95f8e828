//! Properties of global directions.

use models_onnx::direction::{
    CHANNELS_OF_FACES, Channel, Direction, DirectionError, StyleSpace, text_change,
};
use models_onnx::pack::Style;
use models_onnx::{Code, ModelError};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

use crate::support::tiny;

fn code(styles: &Array1<f32>) -> Code {
    Code::new(&tiny()).with("styles", styles.clone().insert_axis(Axis(0)).into_dyn())
}

fn moved(direction: &Direction, styles: &Array1<f32>, strength: f32) -> Array1<f32> {
    direction.apply(&code(styles), strength).unwrap().styles().unwrap().row(0).to_owned()
}

const S: usize = 24;
const D: usize = 5;

/// A layer for each channel: of an RGB output where it must not move.
fn layers(movable: &[bool]) -> Vec<Style> {
    movable.iter().map(|m| Style { name: "one".into(), channels: 1, rgb: !m }).collect()
}

prop_compose! {
    /// Relevance, deviations, which may move, a change of text, styles.
    fn cases()(
        relevance in prop::collection::vec(-1.0f32..1.0, S * D),
        deviation in prop::collection::vec(0.01f32..2.0, S),
        movable in prop::collection::vec(any::<bool>(), S),
        change in prop::collection::vec(-1.0f32..1.0, D),
        styles in prop::collection::vec(-3.0f32..3.0, S),
    ) -> (Array2<f32>, Array1<f32>, Vec<bool>, Array1<f32>, Array1<f32>) {
        let relevance = Array2::from_shape_vec((S, D), relevance).unwrap();
        (relevance, deviation.into(), movable, change.into(), styles.into())
    }
}

proptest! {
    #[test]
    fn zero_strength_is_the_very_same_code((r, d, m, t, s) in cases(), beta in 0.0f32..2.0) {
        let direction = StyleSpace::new(r, d, layers(&m)).unwrap().direction(t.view(), beta).unwrap();
        prop_assert_eq!(moved(&direction, &s, 0.0), s);
    }

    #[test]
    fn endless_disentanglement_moves_nothing_and_stays_finite((r, d, m, t, s) in cases()) {
        let space = StyleSpace::new(r, d, layers(&m)).unwrap();
        for beta in [f32::INFINITY, 1e30] {
            let direction = space.direction(t.view(), beta).unwrap();
            prop_assert_eq!(direction.moved(), 0);
            prop_assert_eq!(moved(&direction, &s, 10.0), s.clone());
        }
    }

    #[test]
    fn rgb_channels_never_move((r, d, m, t, s) in cases(), alpha in -25.0f32..25.0) {
        let direction = StyleSpace::new(r, d, layers(&m)).unwrap().direction(t.view(), 0.0).unwrap();
        let after = moved(&direction, &s, alpha);
        for i in (0..S).filter(|i| !m[*i]) {
            prop_assert_eq!(after[i], s[i]);
        }
        prop_assert!(direction.moved() <= m.iter().filter(|m| **m).count());
    }

    #[test]
    fn no_channel_moves_by_more_than_its_deviation((r, d, m, t, _s) in cases(), beta in 0.0f32..1.0) {
        let direction = StyleSpace::new(r, d.clone(), layers(&m)).unwrap().direction(t.view(), beta).unwrap();
        let shift = direction.shift();
        let parts: Vec<f32> = shift.iter().zip(&d).map(|(s, d)| s.abs() / d).collect();
        let largest = parts.iter().copied().fold(0.0, f32::max);
        // Exactly one deviation for the most relevant channel that may move, up to one rounding.
        prop_assert!(direction.moved() == 0 || (largest - 1.0).abs() < 1e-6, "{}", largest);
        prop_assert_eq!(parts.iter().filter(|p| **p != 0.0).count(), direction.moved());
    }

    #[test]
    fn the_scale_of_relevance_and_threshold_does_not_matter(
        (r, d, m, t, _s) in cases(), beta in 0.0f32..1.0, power in -6i32..6,
    ) {
        // Powers of two scale without rounding.
        let scale = 2f32.powi(power);
        let one = StyleSpace::new(r.clone(), d.clone(), layers(&m)).unwrap().direction(t.view(), beta).unwrap();
        let other = StyleSpace::new(r * scale, d, layers(&m)).unwrap().direction(t.view(), beta * scale).unwrap();
        prop_assert_eq!(one, other);
    }

    #[test]
    fn more_disentanglement_never_moves_more(
        (r, d, m, t, _s) in cases(), a in 0.0f32..1.0, b in 0.0f32..1.0,
    ) {
        let space = StyleSpace::new(r, d, layers(&m)).unwrap();
        let count = |beta| space.direction(t.view(), beta).unwrap().moved();
        prop_assert!(count(a.max(b)) <= count(a.min(b)));
    }

    #[test]
    fn opposite_texts_move_oppositely((r, d, m, t, _s) in cases(), beta in 0.0f32..1.0) {
        let space = StyleSpace::new(r, d, layers(&m)).unwrap();
        let there = space.direction(t.view(), beta).unwrap();
        let back = space.direction((-&t).view(), beta).unwrap();
        prop_assert_eq!(there.shift().mapv(|v| -v), back.shift());
    }

    #[test]
    fn a_change_of_text_has_unit_length(a in prop::collection::vec(-1.0f32..1.0, D)) {
        let a = Array1::from(a);
        let change = text_change(a.view(), Array1::zeros(D).view());
        if let Ok(change) = change {
            prop_assert!((change.dot(&change) - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn a_worked_example() {
    // r = (3, -1.5, 0.3, 5); β 0.5 drops the third, the fourth is RGB; divided by 3, times deviations (2, 4).
    let relevance = array![[3.0, 0.0], [-1.5, 9.0], [0.3, 0.0], [5.0, 0.0]];
    let space =
        StyleSpace::new(relevance, array![2.0, 4.0, 1.0, 1.0], layers(&[true, true, true, false])).unwrap();
    let direction = space.direction(array![1.0, 0.0].view(), 0.5).unwrap();
    assert_eq!((direction.shift(), direction.moved()), (array![2.0, -2.0, 0.0, 0.0].view(), 2));
    assert_eq!(moved(&direction, &array![1.0, 1.0, 1.0, 1.0], 3.0), array![7.0, -5.0, 1.0, 1.0]);
}

#[test]
fn numbers_and_lengths_that_are_wrong() {
    let space = StyleSpace::new(Array2::ones((3, 2)), Array1::ones(3), layers(&[true; 3])).unwrap();
    let change = array![1.0, 0.0];
    assert_eq!(space.direction(change.view(), f32::NAN), Err(DirectionError::Number("disentanglement")));
    assert_eq!(space.direction(array![1.0].view(), 0.1), Err(DirectionError::Mismatch));
    assert_eq!(
        StyleSpace::new(Array2::ones((3, 2)), Array1::ones(2), layers(&[true; 3])),
        Err(DirectionError::Mismatch)
    );
    let direction = space.direction(change.view(), 0.0).unwrap();
    for strength in [f32::NAN, f32::INFINITY] {
        let result = direction.apply(&code(&array![1.0, 2.0, 3.0]), strength);
        assert!(
            matches!(result, Err(ModelError::Direction(DirectionError::Number("strength")))),
            "{result:?}"
        );
    }
    let result = direction.apply(&code(&array![1.0, 2.0]), 1.0);
    assert!(matches!(result, Err(ModelError::Direction(DirectionError::Mismatch))), "{result:?}");
    assert_eq!(text_change(change.view(), change.view()), Err(DirectionError::Same));
    assert_eq!(text_change(array![f32::NAN].view(), array![0.0].view()), Err(DirectionError::Same));
}

proptest! {
    #[test]
    fn the_channels_are_those_that_move((r, d, m, t, _s) in cases(), beta in 0.0f32..1.0) {
        let direction = StyleSpace::new(r, d, layers(&m)).unwrap().direction(t.view(), beta).unwrap();
        let channels = direction.channels();
        prop_assert_eq!(channels.len(), direction.moved());
        prop_assert!(channels.windows(2).all(|w| w[0].deviations.abs() >= w[1].deviations.abs()));
        let sum: f32 = channels.iter().map(|c| c.shift.abs()).sum();
        let all: f32 = direction.shift().iter().map(|s| s.abs()).sum();
        prop_assert!((sum - all).abs() <= 1e-4 * all);
    }

    #[test]
    fn a_found_disentanglement_is_the_largest_that_leaves_enough(
        (r, d, m, t, _s) in cases(), channels in 0usize..S, usual in 0.1f32..1.0,
    ) {
        let space = StyleSpace::new(r, d, layers(&m)).unwrap();
        let found = space.disentanglement(t.view(), channels, usual).unwrap();
        let moved = |beta| space.direction(t.view(), beta).unwrap().moved();
        let step = usual / 15.0;
        let smallest = (found - 10.0 * step).abs() < 1e-5;
        prop_assert!(moved(found) > channels || smallest, "{}", found);
        prop_assert!(found > 28.9 * step || moved(found + 1.001 * step) <= channels, "{}", found);
    }
}

#[test]
fn channels_by_hand() {
    let style = |name: &str, channels, rgb| Style { name: name.into(), channels, rgb };
    let layers = vec![style("conv1", 2, false), style("to_rgb1", 1, true), style("convs.0", 1, false)];
    let relevance = array![[0.1], [-0.2], [9.0], [0.4]];
    let space = StyleSpace::new(relevance, array![1.0, 4.0, 1.0, 0.5], layers).unwrap();
    let direction = space.direction(array![1.0].view(), 0.15).unwrap();
    let right = [
        Channel { layer: "convs.0", index: 0, deviations: 1.0, shift: 0.5 },
        Channel { layer: "conv1", index: 1, deviations: -0.5, shift: -2.0 },
    ];
    assert_eq!(direction.channels(), right);
}

#[test]
fn the_published_choice_of_disentanglement() {
    // 30 channels of relevance 0.005, 0.015 … 0.295: β = 0.01 i keeps 30 − i of them, so that the largest β which keeps more
    // than 20 is 0.09, below all that are tried; more than 15, 0.14; more than 0, 0.29.
    let relevance = Array2::from_shape_fn((30, 1), |(i, _)| 0.005 + 0.01 * i as f32);
    let space = StyleSpace::new(relevance, Array1::ones(30), layers(&[true; 30])).unwrap();
    let found = |channels, usual| space.disentanglement(array![1.0].view(), channels, usual).unwrap();
    for (channels, right) in [(CHANNELS_OF_FACES, 0.10), (15, 0.14), (0, 0.29)] {
        assert!((found(channels, 0.15) - right).abs() < 1e-6, "{channels}: {}", found(channels, 0.15));
    }
    // Twice the scale, twice the choices.
    assert!((found(15, 0.3) - 0.20).abs() < 1e-6 && (found(5, 0.3) - 0.24).abs() < 1e-6);
    let wrong = space.disentanglement(array![1.0].view(), 3, f32::NAN);
    assert_eq!(wrong, Err(DirectionError::Number("usual disentanglement")));
}
