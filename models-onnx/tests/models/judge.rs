//! What judges say: of colours with the tiny pack, of faces with the starter pack.

use models_onnx::direction::StyleSpace;
use models_onnx::judge::Judges;
use models_onnx::text::TextEncoder;
use models_onnx::{Cancel, ModelError, generator};
use ndarray::{Array4, Axis, array, concatenate};

use super::starter::{picture, starter};
use crate::support::{runtime, tiny};

/// A picture of one colour.
fn plain(colour: [f32; 3]) -> Array4<f32> {
    Array4::from_shape_fn((1, 3, 8, 8), |(_, c, _, _)| colour[c])
}

#[test]
fn gains_by_hand() {
    let (pack, cancel) = (tiny(), Cancel::new());
    let mut judges = Judges::new(&pack, &runtime());
    // To the tiny pack a picture means its mean colour, and anything that it does not know the fourth axis.
    let (red, neutral) = (array![1.0, 0.0, 0.0, 0.0], array![0.0, 0.0, 0.0, 1.0]);
    let (before, after) = (plain([0.6, 0.8, 0.0]), plain([0.8, 0.6, 0.0]));
    assert!((judges.similarity(&before, red.view(), &cancel).unwrap().unwrap()[0] - 0.6).abs() < 1e-6);
    let gain = judges.gain(&before, &after, red.view(), neutral.view(), &cancel).unwrap().unwrap()[0];
    // From (0.6, 0.8) to (0.8, 0.6); the texts go along (1, 0, 0, −1) / √2, and the picture along (1, −1, 0, 0) / √2.
    assert!((gain.similarity - 0.2).abs() < 1e-6 && (gain.direction - 0.5).abs() < 1e-5, "{gain:?}");
    let none = judges.gain(&before, &before, red.view(), neutral.view(), &cancel).unwrap().unwrap()[0];
    assert_eq!((none.similarity, none.direction), (0.0, 0.0));
    // One picture before, several candidates.
    let candidates = concatenate(Axis(0), &[after.view(), before.view()]).unwrap();
    let gains = judges.gain(&before, &candidates, red.view(), neutral.view(), &cancel).unwrap().unwrap();
    assert_eq!(gains, [gain, none]);

    // It has no other judges.
    assert_eq!(judges.identity(&before, &after, &cancel).unwrap(), None);
    assert_eq!(judges.distance(&before, &after, &cancel).unwrap(), None);
    let same = judges.gain(&before, &after, red.view(), red.view(), &cancel);
    assert!(matches!(same, Err(ModelError::Direction(_))), "{same:?}");
    assert!(judges.similarity(&before, array![1.0].view(), &cancel).is_err());
    let three = concatenate(Axis(0), &[candidates.view(), before.view()]).unwrap();
    let uneven = judges.gain(&candidates, &three, red.view(), neutral.view(), &cancel);
    assert!(matches!(uneven, Err(ModelError::Foreign(_))), "{uneven:?}");
}

#[test]
fn faces_are_who_they_are_and_edits_do_what_words_say() {
    let (pack, runtime, cancel) = (starter(), runtime(), Cancel::new());
    let mut judges = Judges::new(&pack, &runtime);
    let mut generator = generator::open(&pack, &runtime).unwrap();
    let code = generator.encode(&picture("starter_image"), &cancel).unwrap();
    let before = generator.synthesise(&code, &cancel).unwrap();
    let mut text = TextEncoder::open(&pack, &runtime).unwrap();
    let neutral = text.embed("a person", &cancel).unwrap();
    let wanted = text.embed("a person with blue hair", &cancel).unwrap();
    let change = text.change("a person with blue hair", "a person", &cancel).unwrap();
    let direction = StyleSpace::open(&pack).unwrap().direction(change.view(), 0.1).unwrap();
    let mut edited = |strength| {
        let code = direction.apply(&code, strength).unwrap();
        generator.synthesise(&code, &cancel).unwrap()
    };
    let candidates = concatenate(Axis(0), &[edited(-2.0).view(), edited(2.0).view()]).unwrap();
    let gains = judges.gain(&before, &candidates, wanted.view(), neutral.view(), &cancel).unwrap().unwrap();
    println!("{gains:?}");
    assert!(gains[0].similarity < gains[1].similarity && gains[1].similarity > 0.0);
    // The other way there is no hair that is less blue than hers, so that it changes otherwise, but not as the words say.
    assert!(gains[1].direction > 0.3 && gains[0].direction < 0.5 * gains[1].direction);

    let other = generator::open(&pack, &runtime).unwrap().random(3, 0.7, &cancel).unwrap();
    let other = generator::open(&pack, &runtime).unwrap().synthesise(&other, &cancel).unwrap();
    let pictures = concatenate(
        Axis(0),
        &[before.view(), candidates.index_axis(Axis(0), 1).insert_axis(Axis(0)), other.view()],
    )
    .unwrap();
    let who = judges.identity(&before, &pictures, &cancel).unwrap().unwrap();
    let far = judges.distance(&pictures, &before, &cancel).unwrap().unwrap();
    println!("identity {who:?}, distance {far:?}");
    assert!((who[0] - 1.0).abs() < 1e-5 && who[1] > who[2] && who[2] < 0.9, "{who:?}");
    assert!(far[0].abs() < 1e-6 && far[1] < far[2], "{far:?}");
}
