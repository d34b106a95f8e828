//! A studio: one pack on one device, its models loaded as they are needed, what was found out remembered.

mod cache;
mod faces;
mod inversion;
mod models;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use models_onnx::direction::StyleSpace;
use models_onnx::inversion::{Refinement, Refiner};
use models_onnx::judge::Judges;
use models_onnx::landmarks::Mtcnn;
use models_onnx::mapper::Mapper;
use models_onnx::pack::Manifest;
use models_onnx::runtime::Options;
use models_onnx::segmentation::{Segmentation, Segmenter};
use models_onnx::text::TextEncoder;
use models_onnx::text_edit::{Settings, TextEdit};
use models_onnx::{Cancel, Code, Device, Generator, ModelError, Pack, Places, Role, Runtime, generator};
use ndarray::{Array1, Ix4};
use pentimento_protocol::job;
use pentimento_protocol::picture::Picture;
use pentimento_protocol::recipe::Step;

use crate::error::PluginError;
use crate::operation::{Edited, Order, Variant, Work};
use crate::ops;
use crate::packs;
use crate::pipeline::tensor;
use crate::strings::{fill, msgid, tr};

pub use inversion::{Effort, Inversion};

/// Stacks that are remembered, so that a slider of the last step does not make the others anew.
const REMEMBERED: usize = 16;

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
    segmented: Vec<(Code, Arc<Segmentation>)>,
    mapper: Option<(String, Mapper)>,
    optimiser: Option<(Settings, TextEdit)>,
    refiner: Option<(Refinement, Refiner)>,
    inverted: Option<(Picture, Effort, Inversion)>,
    made: Vec<(Key, Edited)>,
}

/// What a stack of edits was made of: an inversion, and the steps.
type Key = (String, Vec<Step>);

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
            segmented: Vec::new(),
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
}

/// A picture of a model as one to be shown; none where it is none.
fn pictured(picture: Option<&ndarray::ArrayViewD<'_, f32>>, manifest: &Manifest) -> Option<Picture> {
    let picture = picture?.to_owned().into_dimensionality::<Ix4>().ok()?;
    tensor::to_picture(&picture, manifest).ok()
}

/// Says that a model which was to help is not in the pack.
pub fn without(role: Role) -> String {
    fill(&tr(msgid("the pack has no {role}, so it did without")), "role", &tr(role.words()))
}
