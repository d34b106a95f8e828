//! A studio: one pack on one device, its models loaded as they are needed, the last inversion remembered.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use models_onnx::direction::StyleSpace;
use models_onnx::runtime::Options;
use models_onnx::text::TextEncoder;
use models_onnx::{Cancel, Code, Device, Generator, Pack, Places, Runtime, fidelity, generator};
use pentimento_protocol::job::{self, Fidelity};
use pentimento_protocol::picture::Picture;

use crate::error::PluginError;
use crate::operation::Operation;
use crate::packs;
use crate::pipeline::tensor;

/// The studios that are open, by pack and runtime.
pub struct Studios {
    places: Places,
    open: HashMap<(String, job::Runtime), Studio>,
}

/// One pack on one device.
pub struct Studio {
    pack: Arc<Pack>,
    runtime: Runtime,
    generator: Box<dyn Generator + Send>,
    text: Option<TextEncoder>,
    styles: Option<StyleSpace>,
    inverted: Option<(Picture, Inversion)>,
}

/// A picture as its pack knows it.
#[derive(Debug, Clone)]
pub struct Inversion {
    /// Its code.
    pub code: Code,
    /// What the generator makes of the code.
    pub picture: Picture,
    /// How near that comes.
    pub fidelity: Fidelity,
}

impl Studios {
    /// None open yet.
    pub fn new(places: Places) -> Self {
        Self { places, open: HashMap::new() }
    }

    /// Closes all, so that the next job starts from the files.
    pub fn forget(&mut self) {
        self.open.clear();
    }

    /// The studio of a pack on a device, opened now if it is not yet.
    pub fn open(
        &mut self,
        pack: &str,
        operation: &dyn Operation,
        runtime: job::Runtime,
    ) -> Result<&mut Studio, PluginError> {
        let key = (pack.to_owned(), runtime);
        if !self.open.contains_key(&key) {
            let (installed, _) = packs::installed(&self.places);
            let wanted = packs::choose(&installed, pack, operation)?;
            self.open.insert(key.clone(), Studio::open(&self.places, wanted, runtime)?);
        }
        self.open.get_mut(&key).ok_or(PluginError::WorkerGone)
    }
}

impl Studio {
    fn open(places: &Places, pack: &packs::Pack, runtime: job::Runtime) -> Result<Self, PluginError> {
        let options = Options {
            device: match runtime.device {
                job::Device::Auto => Device::Auto,
                job::Device::Cpu => Device::Cpu,
                job::Device::Cuda => Device::Cuda,
                job::Device::TensorRt => Device::TensorRt,
            },
            threads: runtime.threads.and_then(|threads| NonZeroUsize::new(threads as usize)),
        };
        let pack =
            Arc::new(Pack::open(&pack.folder, &places.shared()).map_err(models_onnx::ModelError::from)?);
        let runtime = Runtime::load(&places.onnxruntime(), options).map_err(models_onnx::ModelError::from)?;
        let generator = generator::open(&pack, &runtime)?;
        Ok(Self { pack, runtime, generator, text: None, styles: None, inverted: None })
    }

    /// One sentence on which device is used and why.
    pub fn device(&self) -> &str {
        self.runtime.note()
    }

    /// The code of a picture, and how well it stands for it. The last one is remembered: a slider that moves
    /// costs no second inversion.
    pub fn invert(&mut self, picture: &Picture, cancel: &Cancel) -> Result<Inversion, PluginError> {
        if let Some((known, inversion)) = &self.inverted
            && known == picture
        {
            return Ok(inversion.clone());
        }
        let manifest = self.pack.manifest();
        let image = tensor::from_picture(picture, manifest)?;
        let code = self.generator.encode(&image, cancel)?;
        let reconstruction = self.generator.synthesise(&code, cancel)?;
        let measured = fidelity::measure(&self.pack, &image, &reconstruction)?;
        let inversion = Inversion {
            code,
            picture: tensor::to_picture(&reconstruction, manifest)?,
            fidelity: Fidelity { psnr: measured.psnr, typical: measured.typical, poor: measured.poor },
        };
        self.inverted = Some((picture.clone(), inversion.clone()));
        Ok(inversion)
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
}
