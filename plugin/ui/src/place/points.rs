//! Eyes and mouth: as text in pixels of the image, and in pixels of the photo as the dialog shows it.

use pentimento_protocol::job::Face;

/// Left eye, right eye and mouth, x and y.
pub(crate) type Points = [[f64; 2]; 3];

/// How the photo lies in the image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    origin: [f64; 2],
    scale: f64,
}

impl Frame {
    /// What lies at `p` in the photo lies at `origin + p · scale` in the image.
    pub(super) fn new(origin: [f64; 2], scale: f64) -> Self {
        Self { origin, scale: if scale.is_finite() && scale > 0.0 { scale } else { 1.0 } }
    }

    /// Points of the photo from text, as a road parameter has them.
    pub(super) fn read(&self, text: &str) -> Option<Points> {
        let words = text.split([',', ' ', ';']).filter(|word| !word.is_empty());
        let numbers: Vec<f64> = words
            .map(|word| word.parse().ok().filter(|number: &f64| number.is_finite()))
            .collect::<Option<_>>()?;
        let [a, b, c, d, e, f] = numbers.try_into().ok()?;
        let [x0, y0] = self.origin;
        Some([[a, b], [c, d], [e, f]].map(|[x, y]| [(x - x0) / self.scale, (y - y0) / self.scale]))
    }

    /// The reverse of [`Frame::read`], to a tenth of a pixel.
    pub(super) fn write(&self, points: &Points) -> String {
        let [x0, y0] = self.origin;
        let place = |[x, y]: &[f64; 2]| format!("{:.1},{:.1}", x0 + x * self.scale, y0 + y * self.scale);
        points.iter().map(place).collect::<Vec<_>>().join(" ")
    }
}

/// Where the points are before anybody moved them: those of the first face, or as a face in the middle would have
/// them.
pub(super) fn start(faces: &[Face], width: f64, height: f64) -> Points {
    if let Some(face) = faces.first() {
        let [left, right] = face.eyes;
        return [left, right, face.mouth];
    }
    let ([x, y], side) = ([width / 2.0, height / 2.0], width.min(height));
    // Eyes of a face that takes half of the picture, and the mouth as far below as faces have it on average.
    let (apart, below) = (side * 0.11, side * 0.24);
    [[x - apart, y - below / 2.0], [x + apart, y - below / 2.0], [x, y + below / 2.0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_points() {
        let frame = Frame::new([100.0, -50.0], 4.0);
        let points = frame.read("500,350 900,350 700;750").unwrap();
        assert_eq!(points, [[100.0, 100.0], [200.0, 100.0], [150.0, 200.0]]);
        assert_eq!(frame.write(&points), "500.0,350.0 900.0,350.0 700.0,750.0");
        for bad in ["", "1,2 3,4", "1,2 3,4 5,x", "1,2 3,4 5,inf", "1,2 3,4 5,6 7"] {
            assert_eq!(frame.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn they_start_on_the_face_or_in_the_middle() {
        let face = Face { edges: [0.0; 4], eyes: [[3.0, 4.0], [8.0, 4.0]], mouth: [5.0, 9.0] };
        assert_eq!(start(&[face], 100.0, 50.0), [[3.0, 4.0], [8.0, 4.0], [5.0, 9.0]]);
        let [left, right, mouth] = start(&[], 400.0, 200.0);
        assert!(left[0] < mouth[0] && mouth[0] < right[0] && left[1] == right[1] && mouth[1] > left[1]);
        assert!(
            [left, right, mouth].iter().all(|[x, y]| (0.0..400.0).contains(x) && (0.0..200.0).contains(y))
        );
    }
}
