//! Faces in photos, by the first pack that finds some.

use models_onnx::landmarks::{self, Mtcnn};
use models_onnx::{Cancel, ModelError, Pack, Role};
use ndarray::Array3;
use pentimento_protocol::job::{self, Face};
use pentimento_protocol::picture::Picture;

use super::{Studios, open_runtime};
use crate::error::PluginError;
use crate::packs;

impl Studios {
    /// The faces of a photo, the largest first, by the first pack that finds some.
    ///
    /// # Errors
    /// [`PluginError::NoFinder`] where none does.
    pub fn faces(
        &mut self,
        picture: &Picture,
        runtime: job::Runtime,
        cancel: &Cancel,
    ) -> Result<Vec<Face>, PluginError> {
        if self.faces.as_ref().is_none_or(|(known, _)| *known != runtime) {
            let (installed, _) = packs::installed(&self.places);
            let finds = |pack: &&packs::Pack| {
                pack.manifest
                    .missing(&[Role::FaceProposal, Role::FaceRefinement, Role::FaceLandmarks])
                    .is_empty()
            };
            let wanted = installed.iter().find(finds).ok_or(PluginError::NoFinder)?;
            let pack = Pack::open(&wanted.folder, &self.places.shared()).map_err(ModelError::from)?;
            self.faces = Some((runtime, Mtcnn::open(&pack, &open_runtime(&self.places, runtime)?)?));
        }
        let (_, finder) = self.faces.as_mut().ok_or(PluginError::WorkerGone)?;
        let (height, width) = (picture.height as usize, picture.width as usize);
        let mut planes = Array3::from_shape_fn((3, height, width), |(c, y, x)| {
            picture.rgb[(y * width + x) * 3 + c] * 2.0 - 1.0
        });
        let mut faces = Vec::new();
        // The finder knows faces that are about upright. Where there are none, the photo is turned by a quarter, and again.
        for turns in 0..4 {
            let found = finder.find(planes.view(), &landmarks::Settings::default(), cancel)?;
            faces = found.iter().map(|found| turned_back(face(found), turns, [width, height])).collect();
            if !faces.is_empty() {
                break;
            }
            planes = quarter_turn(&planes);
        }
        let size = |face: &Face| (face.edges[2] - face.edges[0]) * (face.edges[3] - face.edges[1]);
        faces.sort_by(|a, b| size(b).total_cmp(&size(a)));
        Ok(faces)
    }
}

/// Planes turned clockwise.
fn quarter_turn(planes: &Array3<f32>) -> Array3<f32> {
    let (count, height, width) = planes.dim();
    Array3::from_shape_fn((count, width, height), |(c, y, x)| planes[[c, height - 1 - x, y]])
}

/// A face that was found after so many quarter turns, in the photo of that size before them.
fn turned_back(face: Face, turns: usize, [width, height]: [usize; 2]) -> Face {
    let (width, height) = (width as f64, height as f64);
    let place = |[x, y]: [f64; 2]| match turns {
        1 => [y, height - x],
        2 => [width - x, height - y],
        3 => [width - y, x],
        _ => [x, y],
    };
    let [left, top, right, bottom] = face.edges;
    let (a, b) = (place([left, top]), place([right, bottom]));
    let edges = [a[0].min(b[0]), a[1].min(b[1]), a[0].max(b[0]), a[1].max(b[1])];
    Face { edges, eyes: face.eyes.map(place), mouth: place(face.mouth) }
}

fn face(found: &landmarks::Face) -> Face {
    let wide = |place: [f32; 2]| place.map(f64::from);
    let [left, right] = found.mouth.map(wide);
    Face {
        edges: found.edges.map(f64::from),
        eyes: found.eyes.map(wide),
        mouth: [(left[0] + right[0]) / 2.0, (left[1] + right[1]) / 2.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_undone() {
        let (width, height) = (5usize, 3usize);
        let mut planes = Array3::zeros((1, height, width));
        planes[[0, 1, 4]] = 1.0;
        for turns in 0..4 {
            let (_, rows, columns) = planes.dim();
            let at = planes.iter().position(|v| *v == 1.0).unwrap();
            let place = [(at % columns) as f64 + 0.5, (at / columns) as f64 + 0.5];
            assert!(place[1] < rows as f64);
            let edges = [place[0] - 0.5, place[1] - 0.5, place[0] + 0.5, place[1] + 0.5];
            let face = Face { edges, eyes: [place; 2], mouth: place };
            let back = turned_back(face, turns, [width, height]);
            assert_eq!((back.mouth, back.edges), ([4.5, 1.5], [4.0, 1.0, 5.0, 2.0]), "after {turns} turns");
            planes = quarter_turn(&planes);
        }
    }
}
