//! A studio: one pack on one device, its models loaded as they are needed, what was found out remembered.

mod cache;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use models_onnx::attribute::Attribute;
use models_onnx::direction::StyleSpace;
use models_onnx::inversion::{Refinement, Refiner};
use models_onnx::judge::Judges;
use models_onnx::landmarks::{self, Mtcnn};
use models_onnx::mapper::{Levels, Mapper};
use models_onnx::optimise::Watched;
use models_onnx::pack::Manifest;
use models_onnx::runtime::Options;
use models_onnx::segmentation::Segmenter;
use models_onnx::text::TextEncoder;
use models_onnx::text_edit::{self, Settings, TextEdit, Texts};
use models_onnx::tuning::{self, Tuner};
use models_onnx::{
    Cancel, Code, Device, Generator, ModelError, Pack, Places, Role, Runtime, fidelity, generator,
};
use ndarray::{Array1, Array2, Array3, Array4, Axis, Ix4};
use pentimento_protocol::job::{self, Face, Fidelity};
use pentimento_protocol::param::Values;
use pentimento_protocol::picture::Picture;
use pentimento_protocol::recipe::Step;

use crate::error::PluginError;
use crate::operation::{Edited, Order, Variant, Work};
use crate::ops;
use crate::packs;
use crate::pipeline::params::{QUALITY, REFINE, TUNE};
use crate::pipeline::tensor;
use crate::strings::{fill, msgid, tr};

/// Stacks that are remembered, so that a slider of the last step does not make the others anew.
const REMEMBERED: usize = 16;

/// Pictures that are shown while a code is refined.
const LIVE: usize = 20;

/// How far random pictures stay away from the mean; the usual ψ.
const TRUNCATION: f32 = 0.7;

/// The studios that are open, by pack and runtime.
pub struct Studios {
    places: Places,
    open: HashMap<(String, job::Runtime), Studio>,
    faces: Option<(job::Runtime, Mtcnn)>,
}

/// One pack on one device.
pub struct Studio {
    places: Places,
    pack: Arc<Pack>,
    runtime: Runtime,
    generator: Box<dyn Generator + Send>,
    text: Option<TextEncoder>,
    styles: Option<StyleSpace>,
    judges: Judges,
    segmenter: Option<Segmenter>,
    mapper: Option<(String, Mapper)>,
    optimiser: Option<(Settings, TextEdit)>,
    refiner: Option<(Refinement, Refiner)>,
    inverted: Option<(Picture, Effort, Inversion)>,
    made: Vec<(Key, Edited)>,
}

/// What a stack of edits was made of: an inversion, and the steps.
type Key = (String, Vec<Step>);

/// How much trouble is taken to find the code of a photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Steps of refinement of the code.
    pub refine: usize,
    /// Steps of tuning of the generator.
    pub tune: usize,
    /// The likeness in dB at which both may stop.
    pub quality: Option<f32>,
}

/// A picture as its pack knows it.
#[derive(Debug, Clone)]
pub struct Inversion {
    /// What tells it from others.
    pub id: String,
    /// Its code.
    pub code: Code,
    /// What the generator makes of the code.
    pub picture: Picture,
    /// How near that comes; none where there was no photo to come near.
    pub fidelity: Option<Fidelity>,
}

/// What came of a stack of edits.
pub struct Made {
    /// The codes.
    pub variants: Vec<Variant>,
    /// What several are to each other.
    pub order: Order,
    /// The text that the last step with one went towards, as an embedding.
    pub toward: Option<Array1<f32>>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Effort {
    /// As the parameters of the road say.
    pub fn of(road: &Values) -> Self {
        let quality = road.number(QUALITY) as f32;
        Self {
            refine: road.number(REFINE) as usize,
            tune: road.number(TUNE) as usize,
            quality: (quality > 0.0).then_some(quality),
        }
    }
}

impl Studios {
    /// None open yet.
    pub fn new(places: Places) -> Self {
        Self { places, open: HashMap::new(), faces: None }
    }

    /// Closes all, so that the next job starts from the files.
    pub fn forget(&mut self) {
        self.open.clear();
        self.faces = None;
    }

    /// The studio of a pack on a device, opened now if it is not yet.
    pub fn open(
        &mut self,
        pack: &str,
        steps: &[Step],
        runtime: job::Runtime,
    ) -> Result<&mut Studio, PluginError> {
        let key = (pack.to_owned(), runtime);
        if !self.open.contains_key(&key) {
            let (installed, _) = packs::installed(&self.places);
            let wanted = packs::choose(&installed, pack, steps)?;
            self.open.insert(key.clone(), Studio::open(&self.places, wanted, runtime)?);
        }
        self.open.get_mut(&key).ok_or(PluginError::WorkerGone)
    }

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

fn open_runtime(places: &Places, runtime: job::Runtime) -> Result<Runtime, PluginError> {
    let options = Options {
        device: match runtime.device {
            job::Device::Auto => Device::Auto,
            job::Device::Cpu => Device::Cpu,
            job::Device::Cuda => Device::Cuda,
            job::Device::TensorRt => Device::TensorRt,
        },
        threads: runtime.threads.and_then(|threads| NonZeroUsize::new(threads as usize)),
    };
    Ok(Runtime::load(&places.onnxruntime(), options).map_err(ModelError::from)?)
}

impl Studio {
    fn open(places: &Places, pack: &packs::Pack, runtime: job::Runtime) -> Result<Self, PluginError> {
        let pack = Arc::new(Pack::open(&pack.folder, &places.shared()).map_err(ModelError::from)?);
        let runtime = open_runtime(places, runtime)?;
        let generator = generator::open(&pack, &runtime)?;
        Ok(Self {
            places: places.clone(),
            judges: Judges::new(&pack, &runtime),
            pack,
            runtime,
            generator,
            text: None,
            styles: None,
            segmenter: None,
            mapper: None,
            optimiser: None,
            refiner: None,
            inverted: None,
            made: Vec::new(),
        })
    }

    /// One sentence on which device is used and why.
    pub fn device(&self) -> &str {
        self.runtime.note()
    }

    /// The code of a picture, and how well it stands for it. The last one is remembered: a slider that moves
    /// costs no second inversion. What took trouble to find lies in a file, too, and is found again after a restart.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn invert(
        &mut self,
        picture: &Picture,
        effort: &Effort,
        work: &Work<'_>,
    ) -> Result<Inversion, PluginError> {
        if let Some((known, spent, inversion)) = &self.inverted
            && known == picture
            && spent == effort
        {
            return Ok(inversion.clone());
        }
        (work.progress)(0.0, tr(msgid("Reading the photo")));
        let manifest = self.pack.manifest();
        let image = tensor::from_picture(picture, manifest)?;
        let id = cache::key(&self.pack, picture, effort);
        let code = match cache::read(&self.places, &id, &self.pack) {
            Some(code) => code,
            None => {
                let mut code = self.generator.encode(&image, work.cancel)?;
                if effort.refine > 0 {
                    code = self.refine(&image, &code, effort, work)?;
                }
                cache::write(&self.places, &id, &code);
                code
            }
        };
        self.tune(&id, &image, &code, effort, work)?;
        let reconstruction = self.generator.synthesise(&code, work.cancel)?;
        let measured = fidelity::measure(&self.pack, &image, &reconstruction)?;
        let inversion = Inversion {
            id,
            code,
            picture: tensor::to_picture(&reconstruction, self.pack.manifest())?,
            fidelity: Some(Fidelity { psnr: measured.psnr, typical: measured.typical, poor: measured.poor }),
        };
        self.inverted = Some((picture.clone(), *effort, inversion.clone()));
        Ok(inversion)
    }

    /// Brings a code nearer to its photo.
    fn refine(
        &mut self,
        image: &Array4<f32>,
        code: &Code,
        effort: &Effort,
        work: &Work<'_>,
    ) -> Result<Code, PluginError> {
        let settings = Refinement {
            steps: effort.refine,
            enough: effort.quality,
            show: effort.refine.div_ceil(LIVE).max(1),
            ..Refinement::default()
        };
        if self.refiner.as_ref().is_none_or(|(known, _)| *known != settings) {
            self.refiner = Some((settings, Refiner::open(&self.pack, &self.runtime, &settings)?));
        }
        let (_, refiner) = self.refiner.as_mut().ok_or(PluginError::WorkerGone)?;
        let manifest = self.pack.manifest();
        let refined = refiner.refine(image, code, work.cancel, &mut |watched| {
            tell(work, msgid("Refining, step {step} of {steps}: {psnr} dB"), watched, manifest);
            ControlFlow::Continue(())
        })?;
        Ok(refined.code)
    }

    /// Teaches the generator one photo, or has it forget the last one.
    fn tune(
        &mut self,
        id: &str,
        image: &Array4<f32>,
        code: &Code,
        effort: &Effort,
        work: &Work<'_>,
    ) -> Result<(), PluginError> {
        self.inverted = None;
        if effort.tune == 0 {
            return Ok(self.generator.tune(None)?);
        }
        let tuned = match cache::read_tuned(&self.places, id) {
            Some(tuned) => tuned,
            None => {
                let settings = tuning::Settings {
                    steps: effort.tune,
                    enough: effort.quality,
                    show: effort.tune.div_ceil(LIVE).max(1),
                    ..tuning::Settings::default()
                };
                let mut tuner = Tuner::open(&self.pack, &self.runtime, &settings)?;
                let told = msgid("Tuning, step {step} of {steps}: {psnr} dB");
                let manifest = self.pack.manifest();
                let mut watch = |watched: &Watched<'_>| {
                    tell(work, told, watched, manifest);
                    ControlFlow::Continue(())
                };
                let tuned = tuner.tune(image, code, work.cancel, &mut watch)?.tuned;
                cache::write_tuned(&self.places, id, &tuned);
                tuned
            }
        };
        Ok(self.generator.tune(Some(&tuned))?)
    }

    /// A picture that nobody gave: the pack's average, or one that a seed chooses.
    ///
    /// # Errors
    /// [`PluginError`], in particular where the pack cannot make pictures of nothing.
    pub fn made_up(&mut self, seed: Option<u64>, cancel: &Cancel) -> Result<Inversion, PluginError> {
        self.inverted = None;
        self.generator.tune(None)?;
        let (id, code) = match seed {
            None => ("average".to_owned(), self.generator.mean(cancel)?),
            Some(seed) => (format!("random {seed}"), self.generator.random(seed, TRUNCATION, cancel)?),
        };
        Ok(Inversion { id, picture: self.synthesise(&code, cancel)?, code, fidelity: None })
    }

    /// Makes a stack of edits, one after the other. What was made before is not made again: neither the steps before one
    /// that changed, nor the edits themselves where only a weight did.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn stack(
        &mut self,
        inversion: &Inversion,
        steps: &[Step],
        work: &Work<'_>,
    ) -> Result<Made, PluginError> {
        let mut made = Made { variants: Vec::new(), order: Order::Sequence, toward: None, notes: Vec::new() };
        let steps: Vec<&Step> = steps.iter().filter(|step| !step.off).collect();
        let mut code = inversion.code.clone();
        for (i, step) in steps.iter().enumerate() {
            let mut key: Key = (inversion.id.clone(), steps[..=i].iter().map(|s| (*s).clone()).collect());
            // Its own weight is laid on afterwards.
            key.1.last_mut().iter_mut().for_each(|last| last.weight = 1.0);
            let known = self.made.iter().find(|(known, _)| *known == key).map(|(_, edited)| edited.clone());
            let edited = match known {
                Some(edited) => edited,
                None => {
                    let share = |fraction: f32| (i as f32 + fraction) / steps.len() as f32;
                    (work.progress)(share(0.0), tr(msgid("Editing")));
                    let progress = |fraction, doing| (work.progress)(share(fraction), doing);
                    let operation = ops::find(&step.operation)?;
                    let own = Work { progress: &progress, ..*work };
                    let edited = operation.edit(self, &code, &step.values, &own)?;
                    if self.made.len() >= REMEMBERED {
                        self.made.remove(0);
                    }
                    self.made.push((key, edited.clone()));
                    edited
                }
            };
            made.notes.push(edited.note);
            made.toward = edited.toward.or(made.toward);
            let weighted = |variant: Variant| match step.weight {
                1.0 => Ok(variant),
                weight => {
                    let code = code.towards(&variant.code, weight as f32)?;
                    Ok::<_, ModelError>(Variant { code, picture: None, ..variant })
                }
            };
            let mut variants = edited.variants;
            if step.weight != 1.0 && variants.iter().any(|variant| variant.picture.is_some()) {
                variants.retain(|variant| variant.picture.is_none());
                made.notes.push(tr(msgid("the way there is shown for edits of weight 1 only")));
            }
            let variants: Vec<Variant> = variants.into_iter().map(weighted).collect::<Result<_, _>>()?;
            let last = i + 1 == steps.len();
            if variants.len() > 1 && !last {
                made.notes.push(fill(
                    &tr(msgid("“{step}” gives several pictures; what follows goes on from the last of them")),
                    "step",
                    &ops::find(&step.operation)?.layer_name(&step.values),
                ));
            }
            if let Some(variant) = variants.last() {
                code = variant.code.clone();
            }
            (made.variants, made.order) = (variants, edited.order);
        }
        Ok(made)
    }

    /// The picture of a code.
    pub fn synthesise(&mut self, code: &Code, cancel: &Cancel) -> Result<Picture, PluginError> {
        let image = self.generator.synthesise(code, cancel)?;
        tensor::to_picture(&image, self.pack.manifest())
    }

    /// The pack's text model.
    pub fn text(&mut self) -> Result<&mut TextEncoder, PluginError> {
        if self.text.is_none() {
            self.text = Some(TextEncoder::open(&self.pack, &self.runtime)?);
        }
        self.text.as_mut().ok_or(PluginError::WorkerGone)
    }

    /// What the pack knows of its StyleSpace channels.
    pub fn styles(&mut self) -> Result<&StyleSpace, PluginError> {
        if self.styles.is_none() {
            self.styles = Some(StyleSpace::open(&self.pack)?);
        }
        self.styles.as_ref().ok_or(PluginError::WorkerGone)
    }

    /// What the pack says of itself.
    pub fn manifest(&self) -> &Manifest {
        self.pack.manifest()
    }

    /// Optimises a code until its picture means what a text means: `texts` are the embeddings of what is wanted and of
    /// what is there. `watch` hears of each step, and sees a picture on some.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn optimise(
        &mut self,
        settings: &Settings,
        code: &Code,
        (target, neutral): (&Array1<f32>, &Array1<f32>),
        cancel: &Cancel,
        watch: &mut dyn FnMut(usize, Option<Picture>) -> ControlFlow<()>,
    ) -> Result<text_edit::Edited, PluginError> {
        if self.optimiser.as_ref().is_none_or(|(known, _)| known != settings) {
            self.optimiser = Some((*settings, TextEdit::open(&self.pack, &self.runtime, settings)?));
        }
        let (_, optimiser) = self.optimiser.as_mut().ok_or(PluginError::WorkerGone)?;
        let manifest = self.pack.manifest();
        let mut see =
            |watched: &Watched<'_>| watch(watched.step, pictured(watched.picture.as_ref(), manifest));
        Ok(optimiser.edit(code, Texts { target, neutral }, cancel, &mut see)?)
    }

    /// The code after one of the pack's mappers.
    ///
    /// # Errors
    /// [`PluginError`], in particular for names the pack does not know.
    pub fn map(
        &mut self,
        name: &str,
        code: &Code,
        strength: f32,
        levels: Levels,
        cancel: &Cancel,
    ) -> Result<Code, PluginError> {
        if self.mapper.as_ref().is_none_or(|(known, _)| known != name) {
            self.mapper = Some((name.to_owned(), Mapper::open(&self.pack, &self.runtime, name)?));
        }
        let (_, mapper) = self.mapper.as_mut().ok_or(PluginError::WorkerGone)?;
        Ok(mapper.apply(code, strength, levels, &mut *self.generator, cancel)?)
    }

    /// The code with one of the pack's attributes moved, others being held.
    ///
    /// # Errors
    /// [`PluginError`], in particular for names the pack does not know.
    pub fn move_attribute(
        &mut self,
        name: &str,
        held: &[&str],
        code: &Code,
        strength: f32,
        cancel: &Cancel,
    ) -> Result<Code, PluginError> {
        let held: Vec<Attribute> =
            held.iter().map(|name| Attribute::open(&self.pack, name)).collect::<Result<_, _>>()?;
        let attribute = Attribute::open(&self.pack, name)?.keeping(&held).map_err(ModelError::from)?;
        Ok(attribute.apply(code, strength, &mut *self.generator, cancel)?)
    }

    /// How much nearer to a text a picture is than the inversion's, and how much it still shows the same person.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn judge(
        &mut self,
        inversion: &Inversion,
        picture: &Picture,
        toward: Option<&Array1<f32>>,
        cancel: &Cancel,
    ) -> Result<(Option<f32>, Option<f32>), PluginError> {
        let manifest = self.pack.manifest();
        let before = tensor::from_picture(&inversion.picture, manifest)?;
        let after = tensor::from_picture(picture, manifest)?;
        let mut gain = None;
        if let Some(text) = toward {
            let [before, after] = [&before, &after].map(|p| self.judges.similarity(p, text.view(), cancel));
            if let (Some(before), Some(after)) = (before?, after?) {
                gain = after.first().zip(before.first()).map(|(after, before)| after - before);
            }
        }
        let identity = self.judges.identity(&before, &after, cancel)?;
        Ok((gain, identity.and_then(|all| all.first().copied())))
    }

    /// How sure the pack is that each pixel of a code's picture belongs to one of these classes, `0..=1`.
    ///
    /// # Errors
    /// [`PluginError`], in particular for names the pack does not know.
    pub fn share_of(
        &mut self,
        names: &[&str],
        code: &Code,
        cancel: &Cancel,
    ) -> Result<Array2<f32>, PluginError> {
        if self.segmenter.is_none() {
            self.segmenter = Some(Segmenter::open(&self.pack, &self.runtime)?);
        }
        let segmenter = self.segmenter.as_mut().ok_or(PluginError::WorkerGone)?;
        let mut classes = Vec::new();
        for name in names {
            classes.extend(segmenter.named(name)?);
        }
        classes.sort_unstable();
        classes.dedup();
        let all = segmenter.segment(code, cancel)?.probabilities();
        let first = all.index_axis(Axis(0), 0);
        let mut share = Array2::zeros((first.dim().1, first.dim().2));
        for class in classes {
            share += &first.index_axis(Axis(0), class);
        }
        Ok(share)
    }
}

/// Tells how an optimisation is going.
fn tell(work: &Work<'_>, text: &str, watched: &Watched<'_>, manifest: &Manifest) {
    let text = fill(&tr(text), "step", &watched.step.to_string());
    let text = fill(&text, "steps", &watched.steps.to_string());
    let text = fill(&text, "psnr", &format!("{:.1}", watched.reached));
    (work.progress)(watched.step as f32 / watched.steps as f32, text);
    if let Some(picture) = pictured(watched.picture.as_ref(), manifest) {
        (work.preview)(picture);
    }
}

/// A picture of a model as one to be shown; none where it is none.
fn pictured(picture: Option<&ndarray::ArrayViewD<'_, f32>>, manifest: &Manifest) -> Option<Picture> {
    let picture = picture?.to_owned().into_dimensionality::<Ix4>().ok()?;
    tensor::to_picture(&picture, manifest).ok()
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
