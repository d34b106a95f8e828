//! Faces in photos, by MTCNN (Zhang et al., “Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
//! Networks”, 2016): rectangles, eyes, noses and corners of mouths.
//!
//! P-Net looks at every place of the photo in a pyramid of sizes and proposes rectangles; R-Net drops most of them; O-Net
//! keeps what is a face and finds the points. Steps, thresholds and arithmetic are those of facenet-pytorch 2.6.0, whose
//! weights the pack `landmarks` has.
//!
//! Time is bounded: photos longer than [`Settings::longest`] are reduced first (means over areas), so that a face is found
//! if it is larger than `smallest / longest` of the longer side; and of the proposals of each size the best
//! [`PROPOSALS`] go on.

mod area;
mod boxes;

use ndarray::{Array4, ArrayD, ArrayView3, Axis, CowArray, Ix3, Ix4};

use crate::cancel::Cancel;
use crate::error::ModelError;
use crate::pack::{Pack, Role};
use crate::runtime::Runtime;
use crate::session::{Session, Tensor};
use boxes::{Against, Candidate, distinct};

/// What P-Net sees of a face.
const WINDOW: f64 = 12.0;
/// From one size of the pyramid to the next: half the area.
const FACTOR: f64 = 0.709;
/// What P-Net, R-Net and O-Net must be sure of at least.
const SURE: [f32; 3] = [0.6, 0.7, 0.7];
/// The most that two rectangles of one size of the pyramid may share, and of all.
const SHARED: [f32; 2] = [0.5, 0.7];
/// Proposals of one size of the pyramid that are looked at; photos seldom have a tenth of that.
pub const PROPOSALS: usize = 4096;
/// Candidates that run at once.
const BATCH: usize = 128;

/// A face in a photo. Places are `[x, y]` in pixels of the photo; zero is its left or upper edge, so that the middle of
/// the first pixel is 0.5. Left and right are the viewer's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Left, top, right and bottom edge of the face without hair. May reach beyond the photo.
    pub edges: [f32; 4],
    /// How sure it is that this is a face, `0..=1`.
    pub score: f32,
    /// Left and right eye.
    pub eyes: [[f32; 2]; 2],
    /// Tip of the nose.
    pub nose: [f32; 2],
    /// Left and right corner of the mouth.
    pub mouth: [[f32; 2]; 2],
}

/// How closely a photo is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// About the smallest face that is looked for, in pixels of the photo as it is looked at: the first window of P-Net.
    pub smallest: f32,
    /// The longest side of a photo as it is looked at; longer ones are reduced to it.
    pub longest: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { smallest: 20.0, longest: 1024 }
    }
}

/// Why no face can be looked for. Its text is one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum LandmarksError {
    /// A model is at fault, or the work was cancelled.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The photo or the settings.
    #[error("faces cannot be looked for: {0}")]
    Picture(&'static str),
}

/// The three networks, open.
pub struct Mtcnn {
    proposal: Session,
    refinement: Session,
    landmarks: Session,
}

impl Mtcnn {
    /// Opens the networks of a pack.
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Missing`] where the pack has no such networks.
    pub fn open(pack: &Pack, runtime: &Runtime) -> Result<Self, ModelError> {
        let open = |role| Session::open(runtime, pack, role);
        Ok(Self {
            proposal: open(Role::FaceProposal)?,
            refinement: open(Role::FaceRefinement)?,
            landmarks: open(Role::FaceLandmarks)?,
        })
    }

    /// The faces of a photo `[3, h, w]` of R'G'B' planes in −1..1, surest first.
    ///
    /// # Errors
    /// [`LandmarksError`]; [`ModelError::Cancelled`] at the latest one node of a network after `cancel` was used.
    pub fn find(
        &mut self,
        photo: ArrayView3<'_, f32>,
        settings: &Settings,
        cancel: &Cancel,
    ) -> Result<Vec<Face>, LandmarksError> {
        let wrong = |what| Err(LandmarksError::Picture(what));
        let (planes, height, width) = photo.dim();
        if planes != 3 {
            return wrong("the photo must have red, green and blue");
        }
        if !(settings.smallest >= 1.0 && settings.smallest.is_finite() && settings.longest > 0) {
            return wrong("the smallest face and the longest side must be at least one pixel");
        }
        if !photo.iter().all(|v| v.is_finite()) {
            return wrong("the photo holds numbers that are not finite");
        }
        let mut looked_at = CowArray::from(photo);
        if height.max(width) > settings.longest {
            let share = settings.longest as f64 / height.max(width) as f64;
            let reduced = |side: usize| ((side as f64 * share).round() as usize).max(1);
            looked_at = area::resized(photo, reduced(height), reduced(width)).into();
        }
        let back = [width as f32 / looked_at.dim().2 as f32, height as f32 / looked_at.dim().1 as f32];
        let proposed = self.proposed(looked_at.view(), f64::from(settings.smallest), cancel)?;
        let refined = self.refined(looked_at.view(), &proposed, cancel)?;
        let mut faces = self.located(looked_at.view(), &refined, cancel)?;
        for face in &mut faces {
            let [a, b] = face.eyes.each_mut();
            let [c, d] = face.mouth.each_mut();
            for place in [a, b, c, d, &mut face.nose] {
                *place = [place[0] * back[0], place[1] * back[1]];
            }
            let [left, top, right, bottom] = face.edges;
            face.edges = [left * back[0], top * back[1], right * back[0], bottom * back[1]];
        }
        Ok(faces)
    }

    /// P-Net over the pyramid.
    fn proposed(
        &mut self,
        photo: ArrayView3<'_, f32>,
        smallest: f64,
        cancel: &Cancel,
    ) -> Result<Vec<Candidate>, ModelError> {
        let (_, height, width) = photo.dim();
        let mut scale = WINDOW / smallest;
        let mut all: Vec<(Candidate, [f32; 4])> = Vec::new();
        while height.min(width) as f64 * scale >= WINDOW {
            cancel.check()?;
            let side = |side: usize| (side as f64 * scale + 1.0) as usize;
            let level = area::resized(photo, side(height), side(width)).insert_axis(Axis(0)).into_dyn();
            let outputs = self.proposal.run(&[("picture", Tensor::F32(level.view()))], cancel)?;
            all.extend(windows(&outputs, scale as f32)?);
            scale *= FACTOR;
        }
        let candidates: Vec<Candidate> = all.iter().map(|proposal| proposal.0).collect();
        let stay = distinct(&candidates, SHARED[1], Against::Both);
        Ok(stay.into_iter().map(|at| all[at].0.moved(all[at].1, 0.0).square()).collect())
    }

    /// What R-Net keeps.
    fn refined(
        &mut self,
        photo: ArrayView3<'_, f32>,
        proposed: &[Candidate],
        cancel: &Cancel,
    ) -> Result<Vec<Candidate>, ModelError> {
        let judged = judged(&mut self.refinement, ("candidate", 24), photo, proposed, cancel)?;
        let kept: Vec<&Judged> = judged.iter().filter(|j| j.candidate.score > SURE[1]).collect();
        let candidates: Vec<Candidate> = kept.iter().map(|j| j.candidate).collect();
        let stay = distinct(&candidates, SHARED[1], Against::Both);
        Ok(stay.into_iter().map(|at| kept[at].candidate.moved(kept[at].by, 1.0).square()).collect())
    }

    /// What O-Net keeps, and the points in it.
    fn located(
        &mut self,
        photo: ArrayView3<'_, f32>,
        refined: &[Candidate],
        cancel: &Cancel,
    ) -> Result<Vec<Face>, ModelError> {
        let judged = judged(&mut self.landmarks, ("face", 48), photo, refined, cancel)?;
        let kept: Vec<&Judged> = judged.iter().filter(|j| j.candidate.score > SURE[2]).collect();
        let candidates: Vec<Candidate> = kept.iter().map(|j| j.candidate.moved(j.by, 1.0)).collect();
        let face = |at: usize| {
            let [left, top, right, bottom] = kept[at].candidate.edges;
            let place = |i: usize| {
                let [x, y] = [kept[at].points[i], kept[at].points[i + 5]];
                // Rectangles start at one, places at zero.
                [(right - left + 1.0) * x + left - 1.0, (bottom - top + 1.0) * y + top - 1.0]
            };
            Face {
                edges: candidates[at].edges,
                score: candidates[at].score,
                eyes: [place(0), place(1)],
                nose: place(2),
                mouth: [place(3), place(4)],
            }
        };
        Ok(distinct(&candidates, SHARED[1], Against::Smaller).into_iter().map(face).collect())
    }
}

/// The windows in which P-Net is sure enough, those of one size of the pyramid that are distinct: rectangles in pixels of
/// the photo, and how far their edges are off.
fn windows(outputs: &[ArrayD<f32>], scale: f32) -> Result<Vec<(Candidate, [f32; 4])>, ModelError> {
    let [score, by] = outputs else { return Err(misfit(Role::FaceProposal)) };
    let (Ok(score), Ok(by)) =
        (score.view().into_dimensionality::<Ix3>(), by.view().into_dimensionality::<Ix4>())
    else {
        return Err(misfit(Role::FaceProposal));
    };
    if (score.dim().1, score.dim().2) != (by.dim().2, by.dim().3) {
        return Err(misfit(Role::FaceProposal));
    }
    let mut found = Vec::new();
    for ((_, y, x), &score) in score.indexed_iter().filter(|(_, score)| **score >= SURE[0]) {
        // Windows lie two pixels apart.
        let edge = |place: usize, end: f32| ((2.0 * place as f32 + end) / scale).floor();
        let edges = [edge(x, 1.0), edge(y, 1.0), edge(x, WINDOW as f32), edge(y, WINDOW as f32)];
        found.push((Candidate { edges, score }, [0, 1, 2, 3].map(|i| by[[0, i, y, x]])));
    }
    found.sort_by(|a, b| b.0.score.total_cmp(&a.0.score));
    found.truncate(PROPOSALS);
    let candidates: Vec<Candidate> = found.iter().map(|window| window.0).collect();
    Ok(distinct(&candidates, SHARED[0], Against::Both).into_iter().map(|at| found[at]).collect())
}

/// A candidate as R-Net or O-Net sees it.
struct Judged {
    /// Where it was looked for, and the score of the network.
    candidate: Candidate,
    /// How far its edges are off.
    by: [f32; 4],
    /// Five times x and five times y in it; zeros from R-Net.
    points: [f32; 10],
}

/// Cuts the candidates out and runs a network on them; those outside the photo are left out.
fn judged(
    session: &mut Session,
    (name, side): (&str, usize),
    photo: ArrayView3<'_, f32>,
    candidates: &[Candidate],
    cancel: &Cancel,
) -> Result<Vec<Judged>, ModelError> {
    let (_, height, width) = photo.dim();
    let inside: Vec<(Candidate, [usize; 4])> =
        candidates.iter().filter_map(|c| Some((*c, c.within(width, height)?))).collect();
    let mut all = Vec::with_capacity(inside.len());
    for some in inside.chunks(BATCH) {
        let mut crops = Array4::zeros((some.len(), 3, side, side));
        for (mut crop, &(_, [left, top, right, bottom])) in crops.outer_iter_mut().zip(some) {
            let rows = photo.slice_axis(Axis(1), (top..bottom).into());
            crop.assign(&area::resized(rows.slice_axis(Axis(2), (left..right).into()), side, side));
        }
        let crops = crops.into_dyn();
        let outputs = session.run(&[(name, Tensor::F32(crops.view()))], cancel)?;
        let [scores, by, points @ ..] = outputs.as_slice() else { return Err(misfit(session.role())) };
        for (at, &(candidate, _)) in some.iter().enumerate() {
            all.push(Judged {
                candidate: Candidate { score: scores[[at]], ..candidate },
                by: [0, 1, 2, 3].map(|i| by[[at, i]]),
                points: points.first().map_or([0.0; 10], |p| std::array::from_fn(|i| p[[at, i]])),
            });
        }
    }
    Ok(all)
}

/// Manifests are held against the roles' forms, sessions against manifests: only a graph that changes its mind comes here.
fn misfit(role: Role) -> ModelError {
    ModelError::Shape { role, what: "its results are not those of MTCNN".into() }
}
