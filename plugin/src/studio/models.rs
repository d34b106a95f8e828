//! What operations ask of a pack's models beside generator and texts; each is opened when it is first needed.

use std::ops::ControlFlow;
use std::sync::Arc;

use models_onnx::attribute::Attribute;
use models_onnx::mapper::{Levels, Mapper};
use models_onnx::optimise::Watched;
use models_onnx::segmentation::{Segmentation, Segmenter};
use models_onnx::text_edit::{self, Settings, TextEdit, Texts};
use models_onnx::{Cancel, Code, ModelError, Role};
use ndarray::{Array1, Array2, Axis};
use pentimento_protocol::picture::Picture;

use super::{Inversion, Studio, pictured};
use crate::error::PluginError;
use crate::pipeline::tensor;

impl Studio {
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

    /// The cosine between what a code's picture shows and a text's embedding.
    ///
    /// # Errors
    /// [`PluginError`], in particular where the pack has no picture understanding model.
    pub fn similarity(
        &mut self,
        code: &Code,
        text: &Array1<f32>,
        cancel: &Cancel,
    ) -> Result<f32, PluginError> {
        let image = self.generator.synthesise(code, cancel)?;
        let found = self.judges.similarity(&image, text.view(), cancel)?;
        let missing = || {
            let (pack, role) = (self.pack.manifest().id.clone(), Role::ImageEncoder.words());
            PluginError::from(ModelError::Missing { pack, role })
        };
        found.and_then(|all| all.first().copied()).ok_or_else(missing)
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
        let segmenter = self.segmenter()?;
        let mut classes = Vec::new();
        for name in names {
            classes.extend(segmenter.named(name)?);
        }
        classes.sort_unstable();
        classes.dedup();
        let seen = self.segmented(code, cancel)?;
        let first = seen.probabilities().index_axis(Axis(0), 0);
        let mut share = Array2::zeros((first.dim().1, first.dim().2));
        for class in classes {
            share += &first.index_axis(Axis(0), class);
        }
        Ok(share)
    }

    /// How surely each pixel of a code's picture shows something else than the inversion's, `0..=1`; none where the pack
    /// cannot tell what pixels show.
    ///
    /// # Errors
    /// [`PluginError`].
    pub fn changed(
        &mut self,
        inversion: &Inversion,
        code: &Code,
        cancel: &Cancel,
    ) -> Result<Option<Array2<f32>>, PluginError> {
        let manifest = self.pack.manifest();
        if !manifest.roles.contains_key(&Role::Segmenter) || manifest.classes.is_empty() {
            return Ok(None);
        }
        let before = self.segmented(&inversion.code, cancel)?;
        let changed = self.segmented(code, cancel)?.changed(&before)?;
        Ok(Some(changed.index_axis_move(Axis(0), 0)))
    }

    /// What the pack sees in a code's picture. The last two are remembered: a slider asks for the same inversion each time,
    /// and classes to keep for the code that was just compared.
    fn segmented(&mut self, code: &Code, cancel: &Cancel) -> Result<Arc<Segmentation>, PluginError> {
        let known = self.segmented.iter().position(|(known, _)| known == code);
        let seen = match known {
            Some(known) => self.segmented.remove(known),
            None => (code.clone(), Arc::new(self.segmenter()?.segment(code, cancel)?)),
        };
        let segmentation = Arc::clone(&seen.1);
        self.segmented.push(seen);
        if self.segmented.len() > 2 {
            self.segmented.remove(0);
        }
        Ok(segmentation)
    }

    fn segmenter(&mut self) -> Result<&mut Segmenter, PluginError> {
        if self.segmenter.is_none() {
            self.segmenter = Some(Segmenter::open(&self.pack, &self.runtime)?);
        }
        self.segmenter.as_mut().ok_or(PluginError::WorkerGone)
    }
}
