//! Where in the photo an edit is made: the face, the selection, or where the user says.

use models_onnx::alignment::{Points, Square};
use models_onnx::pack::{AlignmentKind, Manifest};
use pentimento_protocol::job::{Face, Outcome, Request, Runtime};
use pentimento_protocol::param::Values;
use pentimento_protocol::picture::Picture;

use super::align;
use super::crop::{Crop, Layer};
use super::params::{FACE, FACE_PLACE, FEATHER, HERE_PLACE, PLACE, POINTS, POINTS_PLACE, SQUARE};
use crate::error::PluginError;
use crate::job::Engine;
use crate::strings::{fill, msgid, tr};

/// Longest side of the photo as faces are looked for in it, and as a dialog shows it.
const OVERVIEW: u32 = 1024;

/// A photo as a whole.
pub struct Scene {
    /// Reduced to what a screen shows.
    pub picture: Picture,
    /// How many pixels of the photo are one of [`Scene::picture`].
    pub scale: f64,
    /// The faces in it, in pixels of the image, the largest first; `None` where nobody could look.
    pub faces: Option<Vec<Face>>,
}

impl Scene {
    /// Looks at a layer. Faces are looked for where a pack that finds some is installed.
    ///
    /// # Errors
    /// [`PluginError`], in particular for photos with numbers that are not finite.
    pub fn look(layer: &Layer<'_>, engine: &Engine, runtime: Runtime) -> Result<Self, PluginError> {
        let (picture, scale) = align::overview(layer, OVERVIEW)?;
        let request = Request::Faces { picture: engine.pictures.put(picture.clone()), runtime };
        let faces = match engine.submit(request)?.wait(|_| {}) {
            Ok(Outcome::Faces(faces)) => Some(faces),
            Ok(Outcome::Edited(_)) => None,
            Err(PluginError::Cancelled) => return Err(PluginError::Cancelled),
            Err(error) => {
                log::info!("{error}");
                None
            }
        };
        let back =
            |[x, y]: [f64; 2]| [x * scale + f64::from(layer.rect.x), y * scale + f64::from(layer.rect.y)];
        let faces = faces.map(|faces| {
            let of = |face: Face| {
                let [left, top, right, bottom] = face.edges;
                let ([left, top], [right, bottom]) = (back([left, top]), back([right, bottom]));
                Face { edges: [left, top, right, bottom], eyes: face.eyes.map(back), mouth: back(face.mouth) }
            };
            faces.into_iter().map(of).collect()
        });
        Ok(Self { picture, scale, faces })
    }
}

/// The crops to edit: one, or one for each face. The note, if any, says what was not possible. `faces` are those of
/// [`Scene::faces`], asked for where they count.
///
/// # Errors
/// [`PluginError`] for points that cannot be read, a face that is not there, and what [`Layer::crop`] refuses.
pub fn crops<'a>(
    layer: Layer<'a>,
    pack: &Manifest,
    road: &Values,
    faces: impl FnOnce() -> Result<Option<Vec<Face>>, PluginError>,
) -> Result<(Vec<Crop<'a>>, Option<String>), PluginError> {
    let feather = road.number(FEATHER);
    let alone = |square| layer.crop(square, feather).map(|crop| vec![crop]);
    let middle = |note| Ok((alone(layer.middle()?)?, note));
    match road.text(PLACE) {
        POINTS_PLACE => {
            let [left, right, mouth] = places(road.text(POINTS))?;
            let points = Points { eyes: [left, right], mouth };
            // Packs that know no faces take the square that FFHQ would.
            let square = match Square::of_face(&pack.alignment, &points)? {
                Some(square) => square,
                None => Square::ffhq(&points)?,
            };
            Ok((alone(square)?, None))
        }
        HERE_PLACE => {
            let [centre, half] = places(road.text(SQUARE))?;
            Ok((alone(Square { centre, half })?, None))
        }
        FACE_PLACE if frames_faces(pack) => {
            let Some(mut faces) = faces()? else {
                return middle(Some(PluginError::NoFinder.to_string()));
            };
            if let Some(selection) = layer.host.selection_bounds(layer.image)? {
                // A selection says which faces are meant.
                faces.retain(|face| {
                    let middle = |a: usize, b: usize| ((face.edges[a] + face.edges[b]) / 2.0) as i32;
                    let (x, y) = (middle(0, 2), middle(1, 3));
                    (selection.x..selection.right()).contains(&x)
                        && (selection.y..selection.bottom()).contains(&y)
                });
            }
            let wanted = road.number(FACE) as usize;
            if faces.is_empty() {
                return middle(Some(tr(msgid(
                    "no face was found, so the middle is edited; if there is one, place eyes and mouth by hand",
                ))));
            }
            let chosen = match wanted {
                0 => faces,
                _ => {
                    let count = faces.len();
                    let face = faces.into_iter().nth(wanted - 1);
                    vec![face.ok_or(PluginError::NoFace { wanted, count })?]
                }
            };
            let mut all = Vec::new();
            for face in chosen {
                if let Some(square) =
                    Square::of_face(&pack.alignment, &Points { eyes: face.eyes, mouth: face.mouth })?
                {
                    all.push(layer.crop(square, feather)?);
                }
            }
            Ok((all, None))
        }
        _ => middle(None),
    }
}

/// Whether a pack frames its pictures by eyes and mouth.
pub fn frames_faces(pack: &Manifest) -> bool {
    pack.alignment.kind == AlignmentKind::Ffhq || pack.alignment.eyes.is_some()
}

/// So many places, as “x,y x,y …”.
pub fn places<const N: usize>(text: &str) -> Result<[[f64; 2]; N], PluginError> {
    let words = text.split([',', ' ', ';']).filter(|word| !word.is_empty());
    let numbers: Option<Vec<f64>> =
        words.map(|word| word.parse().ok().filter(|number: &f64| number.is_finite())).collect();
    let pairs = numbers.filter(|numbers| numbers.len() == 2 * N);
    pairs.map(|numbers| std::array::from_fn(|i| [numbers[2 * i], numbers[2 * i + 1]])).ok_or_else(|| {
        let text = fill(
            &tr(msgid("“{places}” are not {count} places; write each as “x,y”, with spaces between them")),
            "places",
            text,
        );
        PluginError::Points(fill(&text, "count", &N.to_string()))
    })
}

/// The reverse of [`places`].
pub fn written(places: &[[f64; 2]]) -> String {
    places.iter().map(|[x, y]| format!("{x:.3},{y:.3}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use pentimento_ffi::host::{BaseType, ImageId};
    use pentimento_ffi::mock::{MockHost, Precision};
    use pentimento_ffi::pixels::Rect;
    use pentimento_protocol::param::Value;

    use super::super::params::ROAD;
    use super::*;

    /// Two faces in a photo of 600 × 400, the left one larger.
    fn faces() -> Vec<Face> {
        let face = |x: f64, y: f64, size: f64| Face {
            edges: [x - size, y - size, x + size, y + size],
            eyes: [[x - size / 2.0, y - size / 3.0], [x + size / 2.0, y - size / 3.0]],
            mouth: [x, y + size / 2.0],
        };
        vec![face(150.0, 200.0, 60.0), face(450.0, 150.0, 40.0)]
    }

    fn photo(host: &MockHost) -> (ImageId, Layer<'_>) {
        let image = host.add_image(BaseType::Rgb, 600, 400, Precision::U8);
        let id = host.add_layer(image, "photo", Rect::new(0, 0, 600, 400), |_, _| [0.5, 0.5, 0.5, 1.0]);
        (image, Layer::open(host, image, id).unwrap())
    }

    fn pack(id: &str) -> Manifest {
        let packs = concat!(env!("CARGO_MANIFEST_DIR"), "/../models-onnx/packs");
        let all = models_onnx::Pack::list(&[std::path::PathBuf::from(packs)]);
        all.into_iter().flatten().find(|pack| pack.manifest.id == id).unwrap().manifest
    }

    fn road(changes: &[(&str, Value)]) -> Values {
        let mut road = Values::defaults(&ROAD);
        changes.iter().for_each(|(id, value)| road.set(id, value.clone()));
        road
    }

    #[test]
    fn faces_are_chosen_by_number_and_by_selection() {
        let host = MockHost::new();
        let (image, layer) = photo(&host);
        let pack = pack("starter-faces");
        let found = |changes: &[(&str, Value)]| {
            let (crops, note) = crops(layer, &pack, &road(changes), || Ok(Some(faces())))?;
            let middles: Vec<i32> = crops.iter().map(|crop| crop.square.centre[0].round() as i32).collect();
            Ok::<_, PluginError>((middles, note))
        };
        let number = |n: f64| [(FACE, Value::Number(n))];
        let near = |found: Vec<i32>, wanted: &[i32]| {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(a, b)| a.abs_diff(*b) < 5)
        };
        assert!(near(found(&[]).unwrap().0, &[150]), "the largest first");
        assert!(near(found(&number(2.0)).unwrap().0, &[450]));
        assert!(near(found(&number(0.0)).unwrap().0, &[150, 450]), "all of them");
        assert!(matches!(found(&number(3.0)), Err(PluginError::NoFace { wanted: 3, count: 2 })));
        host.select_rect(image, Rect::new(400, 100, 120, 120));
        assert!(near(found(&[]).unwrap().0, &[450]), "a selection says which is meant");
        host.select_rect(image, Rect::new(260, 0, 80, 80));
        let (middles, note) = found(&[]).unwrap();
        assert_eq!(middles, [300], "without a face the selection itself");
        assert!(note.unwrap().contains("no face was found"));
        host.select(image, None);
        let (middle, note) = crops(layer, &pack, &road(&[]), || Ok(None)).unwrap();
        assert_eq!(
            (middle.len(), middle[0].square.centre),
            (1, [300.0, 200.0]),
            "without a finder the middle"
        );
        assert!(note.unwrap().contains("no pack that finds faces"));
    }

    #[test]
    fn eyes_lie_where_the_pack_wants_them() {
        let host = MockHost::new();
        let (_, layer) = photo(&host);
        let pack = pack("starter-faces");
        let hand = [[100.0, 150.0], [180.0, 190.0], [120.0, 240.0]];
        let by_hand =
            road(&[(PLACE, Value::Text(POINTS_PLACE.into())), (POINTS, Value::Text(written(&hand)))]);
        let (crops, _) = crops(layer, &pack, &by_hand, || panic!("nobody has to look")).unwrap();
        for (eye, wanted) in hand.iter().zip(pack.alignment.eyes.unwrap()) {
            let found = crops[0].square.of(eye[0], eye[1]);
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?} {wanted:?}");
        }
    }

    #[test]
    fn places_are_pairs_of_numbers() {
        let all = [[1.5, 2.0], [3.0, -4.0], [5.0, 6.25]];
        assert_eq!(places("1.5,2 3,-4; 5 6.25").unwrap(), all);
        assert_eq!(places::<3>(&written(&all)).unwrap(), all);
        for bad in ["", "1,2 3,4", "1,2 3,4 5,x", "1,2 3,4 5,inf", "1,2 3,4 5,6 7"] {
            assert!(places::<3>(bad).unwrap_err().to_string().contains("3 places"), "{bad}");
        }
    }
}
