//! Where in a photo the square lies that a pack wants to see: geometry alone, no pixels.
//!
//! All places are `[x, y]` in pixels of the photo, y downwards; zero is its left or upper edge, so that the middle of the
//! first pixel is 0.5. Left and right are the viewer's.

use crate::landmarks::Face;
use crate::pack::{Alignment, AlignmentKind};

/// Eyes closer than this, in pixels of the photo, say nothing of how a head is turned.
const CLOSEST: f64 = 1.0;

/// The side of FFHQ's square beside the distance of the eyes, and beside that from the eyes to the mouth.
const SIDE: [f64; 2] = [4.0, 3.6];

/// How far the middle of FFHQ's square lies below the eyes, as a share of the way to the mouth.
const BELOW: f64 = 0.1;

/// Why a face gives no square. Its text is one sentence for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AlignmentError {
    /// A place that is not finite, or so far away that the square is not.
    #[error("the places of eyes and mouth are not usable numbers; choose the square by hand")]
    Number,
    /// Both eyes at one place.
    #[error("both eyes were found at the same place; choose the square by hand")]
    Eyes,
    /// Eyes and mouth contradict each other.
    #[error("the places of eyes and mouth do not tell which way up the face is; choose the square by hand")]
    Upright,
    /// A pack that wants both eyes at one place.
    #[error("the pack does not say where eyes should lie; install the pack again")]
    Pack,
}

/// The places by which a face is framed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Points {
    /// Middle of the left and of the right eye.
    pub eyes: [[f64; 2]; 2],
    /// Middle of the mouth, between its corners.
    pub mouth: [f64; 2],
}

impl Points {
    /// From the 68 points that dlib finds, in its order (iBUG 300-W): eyes are the means of their outlines, the mouth is
    /// half-way between its outer corners. dlib counts pixels, so add 0.5 to what it gives.
    pub fn of_68(points: &[[f64; 2]; 68]) -> Self {
        Self { eyes: [mean(&points[36..42]), mean(&points[42..48])], mouth: mean(&[points[48], points[54]]) }
    }
}

impl From<&Face> for Points {
    fn from(face: &Face) -> Self {
        let wide = |place: [f32; 2]| place.map(f64::from);
        Self { eyes: face.eyes.map(wide), mouth: mean(&face.mouth.map(wide)) }
    }
}

/// A square in a photo, turned in any way: what a similarity makes of an upright one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Square {
    /// Its middle.
    pub centre: [f64; 2],
    /// The vector from its middle to the middle of its right edge. A quarter turn clockwise, as seen, makes it the one
    /// to the middle of the lower edge.
    pub half: [f64; 2],
}

impl Square {
    /// The square of a face that a pack wants; none where the pack wants no certain one and leaves it to the user.
    ///
    /// # Errors
    /// [`AlignmentError`].
    pub fn of_face(alignment: &Alignment, points: &Points) -> Result<Option<Self>, AlignmentError> {
        match (alignment.kind, alignment.eyes) {
            (AlignmentKind::Ffhq, _) => Self::ffhq(points).map(Some),
            (AlignmentKind::Square, Some(eyes)) => Self::by_eyes(points.eyes, eyes).map(Some),
            (AlignmentKind::Square, None) => Ok(None),
        }
    }

    /// The square of the data set FFHQ, by which its generators and encoders see faces (Karras et al., “A Style-Based
    /// Generator Architecture for Generative Adversarial Networks”, 2019, appendix A, and the program that was published
    /// with it).
    ///
    /// # Errors
    /// [`AlignmentError`], in particular where eyes and mouth lie so that the square would be nearly nothing.
    pub fn ffhq(points: &Points) -> Result<Self, AlignmentError> {
        let eye_to_eye = across(points.eyes)?;
        let eyes = mean(&points.eyes);
        let eye_to_mouth = [points.mouth[0] - eyes[0], points.mouth[1] - eyes[1]];
        // Eyes say one way to the right, the line to the mouth another, a quarter turn from itself; both count.
        let down = turned(eye_to_mouth);
        let right = [eye_to_eye[0] - down[0], eye_to_eye[1] - down[1]];
        let (eyes_apart, mouth_away, length) = (length(eye_to_eye), length(eye_to_mouth), length(right));
        // A head seen from any side is far from here; eyes that were swapped and mouths above the eyes are not.
        if length < 0.25 * (eyes_apart + mouth_away) {
            return Err(AlignmentError::Upright);
        }
        let half = 0.5 * (SIDE[0] * eyes_apart).max(SIDE[1] * mouth_away);
        Self {
            centre: [eyes[0] + BELOW * eye_to_mouth[0], eyes[1] + BELOW * eye_to_mouth[1]],
            half: right.map(|v| v / length * half),
        }
        .finite()
    }

    /// The square in which the eyes, which lie at `eyes` in the photo, lie at `places`: x and y in `0..=1` from its upper
    /// left corner. Two places determine a similarity.
    ///
    /// # Errors
    /// [`AlignmentError`].
    pub fn by_eyes(eyes: [[f64; 2]; 2], places: [[f64; 2]; 2]) -> Result<Self, AlignmentError> {
        let photo = across(eyes)?;
        let square = [places[1][0] - places[0][0], places[1][1] - places[0][1]];
        let squared = square[0] * square[0] + square[1] * square[1];
        if !(squared.is_finite() && squared > 0.0) {
            return Err(AlignmentError::Pack);
        }
        // Turning and scaling is a product of complex numbers: one side of the square is what `square` must be
        // multiplied by to become `photo`, a quotient.
        let side = [
            (photo[0] * square[0] + photo[1] * square[1]) / squared,
            (photo[1] * square[0] - photo[0] * square[1]) / squared,
        ];
        let half = side.map(|v| v * 0.5);
        let from_middle = turned_by(half, places[0].map(|v| 2.0 * v - 1.0));
        Self { centre: [eyes[0][0] - from_middle[0], eyes[0][1] - from_middle[1]], half }.finite()
    }

    /// The place in the photo of the place `u`, `v` of the square, each in `0..=1` from its upper left corner. Other values
    /// lie outside.
    pub fn at(&self, u: f64, v: f64) -> [f64; 2] {
        let [x, y] = turned_by(self.half, [2.0 * u - 1.0, 2.0 * v - 1.0]);
        [self.centre[0] + x, self.centre[1] + y]
    }

    /// The place in the square of the place `x`, `y` of the photo; the inverse of [`Self::at`].
    pub fn of(&self, x: f64, y: f64) -> [f64; 2] {
        let [dx, dy] = [x - self.centre[0], y - self.centre[1]];
        let [a, b] = self.half;
        let squared = a * a + b * b;
        [0.5 + 0.5 * (dx * a + dy * b) / squared, 0.5 + 0.5 * (dy * a - dx * b) / squared]
    }

    /// Its corners, clockwise as seen from the upper left one.
    pub fn corners(&self) -> [[f64; 2]; 4] {
        [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]].map(|[u, v]| self.at(u, v))
    }

    /// Length of its sides in pixels of the photo.
    pub fn side(&self) -> f64 {
        2.0 * length(self.half)
    }

    fn finite(self) -> Result<Self, AlignmentError> {
        let finite = self.centre.iter().chain(&self.half).all(|v| v.is_finite());
        if finite { Ok(self) } else { Err(AlignmentError::Number) }
    }
}

/// From the left eye to the right one.
fn across([left, right]: [[f64; 2]; 2]) -> Result<[f64; 2], AlignmentError> {
    let across = [right[0] - left[0], right[1] - left[1]];
    let length = length(across);
    if !length.is_finite() {
        return Err(AlignmentError::Number);
    }
    if length < CLOSEST { Err(AlignmentError::Eyes) } else { Ok(across) }
}

/// A quarter turn clockwise, as seen: right becomes down.
fn turned([x, y]: [f64; 2]) -> [f64; 2] {
    [-y, x]
}

/// `by[0]` times `vector` and `by[1]` times the same after a quarter turn: their product as complex numbers.
fn turned_by(vector: [f64; 2], by: [f64; 2]) -> [f64; 2] {
    let down = turned(vector);
    [by[0] * vector[0] + by[1] * down[0], by[0] * vector[1] + by[1] * down[1]]
}

fn mean(places: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|axis| places.iter().map(|place| place[axis]).sum::<f64>() / places.len() as f64)
}

fn length([x, y]: [f64; 2]) -> f64 {
    x.hypot(y)
}
