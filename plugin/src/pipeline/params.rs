//! Parameters of the road: how a photo gets into the pack and back, the same for all operations.

use std::borrow::Cow::Borrowed;
use std::sync::LazyLock;

use pentimento_protocol::param::{Kind, Known, Param, Value, Values};

use crate::strings::msgid;

/// Which part of the photo is edited.
pub const PLACE: &str = "place";
/// [`PLACE`]: the face, where the pack is about faces and there is one.
pub const FACE_PLACE: &str = "face";
/// [`PLACE`]: the square around the selection, or the largest in the middle.
pub const SQUARE_PLACE: &str = "square";
/// [`PLACE`]: where [`POINTS`] say.
pub const POINTS_PLACE: &str = "points";
/// [`PLACE`]: the square [`SQUARE`].
pub const HERE_PLACE: &str = "here";
/// A square of the image.
pub const SQUARE: &str = "where";
/// Which face, counted from the largest; 0 for all.
pub const FACE: &str = "face";
/// Left eye, right eye and mouth.
pub const POINTS: &str = "points";
/// What the edit starts from.
pub const START: &str = "start";
/// [`START`]: the photo.
pub const PHOTO_START: &str = "photo";
/// [`START`]: the average picture of the pack.
pub const AVERAGE_START: &str = "average";
/// [`START`]: a picture that the pack makes up.
pub const RANDOM_START: &str = "random";
/// Which made-up picture.
pub const SEED: &str = "seed";
/// Steps of refinement of the code.
pub const REFINE: &str = "refine";
/// Steps of tuning of the generator.
pub const TUNE: &str = "tune";
/// The quality at which both may stop, dB.
pub const QUALITY: &str = "quality";
/// Classes of pixels that stay as they are.
pub const KEEP: &str = "keep";
/// How the edit is brought into the photo.
pub const COMPOSITE: &str = "composite";
/// [`COMPOSITE`]: what the edit changes is added to the photo, and what shows something else now is made anew.
pub const FIT: &str = "fit";
/// [`COMPOSITE`]: what the edit changes is added to the photo.
pub const DIFFERENCE: &str = "difference";
/// [`COMPOSITE`]: the made picture, its colours bent to meet the photo.
pub const BLEND: &str = "blend";
/// [`COMPOSITE`]: the made picture as it is.
pub const PIXELS: &str = "pixels";
/// Which changes are too weak to show.
pub const FOCUS: &str = "focus";
/// Width of the soft border.
pub const FEATHER: &str = "feather";
/// Layers of a sweep.
pub const FRAMES: &str = "frames";
/// Which of several results.
pub const VARIANT: &str = "variant";

/// The most layers that one edit makes.
pub const MOST_FRAMES: f64 = 120.0;

/// The road as it is for other photos: a place in one is none in another.
pub fn for_other_photos(mut road: Values) -> Values {
    if [POINTS_PLACE, HERE_PLACE].contains(&road.text(PLACE)) {
        road.set(PLACE, Value::Text(FACE_PLACE.to_owned()));
    }
    road.set(POINTS, Value::Text(String::new()));
    road.set(SQUARE, Value::Text(String::new()));
    road
}

/// The parameters, in the order in which a dialog shows them.
pub static ROAD: LazyLock<Vec<Param>> = LazyLock::new(|| {
    let param = |id, label, help, kind| Param {
        id: Borrowed(id),
        label: Borrowed(label),
        help: Borrowed(help),
        kind,
        when: None,
    };
    let when = |param: Param, id, value| Param { when: Some((Borrowed(id), vec![Borrowed(value)])), ..param };
    let whole = |max, default| Kind::Number { min: 0.0, max, default, step: 1.0, digits: 0 };
    let options = |all: &[(&'static str, &'static str)]| Kind::Choice {
        options: all.iter().map(|(id, label)| (Borrowed(*id), Borrowed(*label))).collect(),
    };
    vec![
        param(
            PLACE,
            msgid("Pl_ace"),
            msgid("Which part of the photo is edited"),
            options(&[
                (FACE_PLACE, msgid("The face, or else the middle")),
                (SQUARE_PLACE, msgid("The selection, or else the middle")),
                (POINTS_PLACE, msgid("Where I put eyes and mouth")),
                (HERE_PLACE, msgid("A certain square")),
            ]),
        ),
        when(
            param(
                FACE,
                msgid("_Face"),
                msgid("Which face, counted from the largest; 0 edits all of them, each on a layer"),
                whole(99.0, 1.0),
            ),
            PLACE,
            FACE_PLACE,
        ),
        when(
            param(
                POINTS,
                msgid("Eyes and m_outh"),
                msgid(
                    "Left eye, right eye and mouth as the viewer sees them, in pixels of the image: “x,y x,y x,y”",
                ),
                Kind::Text {
                    default: Borrowed(""),
                    placeholder: Borrowed("420,310 560,305 495,470"),
                    required: true,
                },
            ),
            PLACE,
            POINTS_PLACE,
        ),
        when(
            param(
                SQUARE,
                msgid("S_quare"),
                msgid(
                    "Its middle, and the way from there to the middle of its right edge, in pixels of the image: “x,y dx,dy”",
                ),
                Kind::Text { default: Borrowed(""), placeholder: Borrowed("500,400 180,0"), required: true },
            ),
            PLACE,
            HERE_PLACE,
        ),
        param(
            START,
            msgid("S_tart from"),
            msgid("What the edit starts from; a picture that the pack makes up covers the photo"),
            options(&[
                (PHOTO_START, msgid("The photo")),
                (AVERAGE_START, msgid("The pack's average picture")),
                (RANDOM_START, msgid("A picture the pack makes up")),
            ]),
        ),
        when(
            param(
                SEED,
                msgid("See_d"),
                msgid("Another number makes up another picture"),
                whole(999_999.0, 1.0),
            ),
            START,
            RANDOM_START,
        ),
        when(
            param(
                REFINE,
                msgid("_Refine"),
                msgid(
                    "Steps that bring the pack's picture nearer to the photo before the edit; 0 for none, 100 for portraits",
                ),
                whole(1000.0, 0.0),
            ),
            START,
            PHOTO_START,
        ),
        when(
            param(
                TUNE,
                msgid("T_une"),
                msgid("Steps that teach the generator this photo after that; slow, and most faithful"),
                whole(1000.0, 0.0),
            ),
            START,
            PHOTO_START,
        ),
        when(
            param(
                QUALITY,
                msgid("Qualit_y"),
                msgid("The likeness in dB at which refining and tuning may stop early; 0 makes all steps"),
                Kind::Number { min: 0.0, max: 60.0, default: 0.0, step: 0.5, digits: 1 },
            ),
            START,
            PHOTO_START,
        ),
        param(
            KEEP,
            msgid("_Keep"),
            msgid("Parts of the picture that stay as they are, such as “eyes, background”"),
            Kind::Names { of: Known::Class, several: true },
        ),
        param(
            COMPOSITE,
            msgid("_Composite"),
            msgid("How the edit is brought into the photo"),
            options(&[
                (FIT, msgid("Add what changes, make anew what shows something else")),
                (DIFFERENCE, msgid("Add what changes (keeps all of the photo's detail)")),
                (BLEND, msgid("Blend the new picture in (for large changes of shape)")),
                (PIXELS, msgid("Put the new picture in as it is")),
            ]),
        ),
        param(
            FOCUS,
            msgid("Focu_s"),
            msgid("Changes weaker than this part of the strongest stay out; 0 lets all of them in"),
            Kind::Number { min: 0.0, max: 1.0, default: 0.3, step: 0.05, digits: 2 },
        ),
        param(
            FEATHER,
            msgid("Soft _border"),
            msgid("Width of the soft border, as a part of the square's side"),
            Kind::Number { min: 0.0, max: 0.3, default: 0.06, step: 0.01, digits: 2 },
        ),
        param(
            FRAMES,
            msgid("Swee_p"),
            msgid("Layers from the photo to the whole edit, as for an animation; 1 for the edit alone"),
            Kind::Number { min: 1.0, max: MOST_FRAMES, default: 1.0, step: 1.0, digits: 0 },
        ),
        param(
            VARIANT,
            msgid("_Variant"),
            msgid(
                "Which of several results becomes the layer, the best being 1; 0 for all of them in a group",
            ),
            whole(99.0, 1.0),
        ),
    ]
});
