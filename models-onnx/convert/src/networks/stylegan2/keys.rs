//! A generator's tensors, whatever their layout.

use checkpoint::Checkpoint;
use ndarray::{Array1, Array2, Array3, Array4, ArrayD, Dimension, IntoDimension, IxDyn};

use super::form::{Form, Kind, Layer, Layout};
use super::noise;
use crate::error::Error;
use crate::networks::tensor;

/// What a layer's tensor is called; `what` is NVIDIA's word for it.
pub(super) fn name_of(layout: Layout, layer: &Layer, what: &str) -> String {
    let Layer { resolution: r, kind, .. } = layer;
    let block = (r.trailing_zeros() as usize).saturating_sub(3);
    match layout {
        Layout::Nvidia => format!("synthesis.{}.{what}", layer.name()),
        Layout::Rosinality => {
            let name = match (kind, r) {
                (Kind::Rgb, 4) => "to_rgb1".into(),
                (_, 4) => "conv1".into(),
                (Kind::Up, _) => format!("convs.{}", 2 * block),
                (Kind::Conv, _) => format!("convs.{}", 2 * block + 1),
                (Kind::Rgb, _) => format!("to_rgbs.{block}"),
            };
            match what {
                "weight" => format!("{name}.conv.weight"),
                "affine.weight" => format!("{name}.conv.modulation.weight"),
                "affine.bias" => format!("{name}.conv.modulation.bias"),
                "noise_strength" => format!("{name}.noise.weight"),
                "noise_const" => format!("noises.noise_{}", layer.noise()),
                _ if *kind == Kind::Rgb => format!("{name}.bias"),
                _ => format!("{name}.activate.bias"),
            }
        }
        Layout::TensorFlow => {
            let name = match (kind, r) {
                (Kind::Rgb, _) => "ToRGB",
                (_, 4) => "Conv",
                (Kind::Up, _) => "Conv0_up",
                (Kind::Conv, _) => "Conv1",
            };
            let what = match what {
                "noise_const" => return format!("synthesis/noise{}", layer.noise()),
                "affine.weight" => "mod_weight",
                "affine.bias" => "mod_bias",
                what => what,
            };
            format!("synthesis/{r}x{r}/{name}/{what}")
        }
    }
}

/// What stands for labels: a layer, or before ADA, when it was normalised with z, a row for each.
pub(super) fn embedding(layout: Layout, with_z: bool) -> &'static str {
    match (layout, with_z) {
        (Layout::TensorFlow, true) => "mapping/LabelConcat/weight",
        (Layout::TensorFlow, false) => "mapping/LabelEmbed/weight",
        _ => "mapping.embed.weight",
    }
}

/// Reads a generator's tensors in NVIDIA's PyTorch shapes.
pub(super) struct Keys<'a> {
    checkpoint: &'a Checkpoint,
    form: &'a Form,
}

impl<'a> Keys<'a> {
    pub(super) fn new(checkpoint: &'a Checkpoint, form: &'a Form) -> Self {
        Self { checkpoint, form }
    }

    /// A tensor of the layout's own sizes.
    fn stored<I: IntoDimension>(&self, name: &str, sizes: I) -> Result<ArrayD<f32>, Error> {
        let sizes = IxDyn(sizes.into_dimension().slice());
        tensor(self.checkpoint, &format!("{}{name}", self.form.prefix), sizes)
    }

    /// The same with other sizes; callers know that the elements are as many.
    fn reshaped<I: IntoDimension, J: IntoDimension>(
        &self,
        name: &str,
        sizes: I,
        to: J,
    ) -> Result<ndarray::Array<f32, J::Dim>, Error> {
        let array = self.stored(name, sizes)?;
        let wrong = || Error::Sizes {
            tensor: name.into(),
            found: array.shape().to_vec(),
            expected: "the network has other sizes there".into(),
        };
        Ok(array.to_shape(to.into_dimension()).map_err(|_| wrong())?.into_owned())
    }

    fn name(&self, layer: &Layer, what: &str) -> String {
        name_of(self.form.layout, layer, what)
    }

    /// The weight of a convolution, `[outputs, inputs, k, k]`, as it is stored: not scaled by its fan-in.
    pub(super) fn weight(&self, layer: &Layer) -> Result<Array4<f32>, Error> {
        let k = if layer.kind == Kind::Rgb { 1 } else { 3 };
        let (i, o) = (layer.inputs, layer.outputs);
        let name = self.name(layer, "weight");
        match self.form.layout {
            Layout::Nvidia => self.reshaped(&name, (o, i, k, k), (o, i, k, k)),
            Layout::Rosinality => self.reshaped(&name, (1, o, i, k, k), (o, i, k, k)),
            Layout::TensorFlow => {
                let weight = self.reshaped(&name, (k, k, i, o), (k, k, i, o))?;
                let mut weight = weight.permuted_axes((3, 2, 0, 1));
                // TensorFlow's code flips the filters of its transposed convolutions before it uses them.
                if layer.kind == Kind::Up {
                    weight.invert_axis(ndarray::Axis(2));
                    weight.invert_axis(ndarray::Axis(3));
                }
                Ok(weight)
            }
        }
    }

    /// The affine layer that makes the styles: `[inputs, width]` as it is stored, and `[inputs]`.
    pub(super) fn affine(&self, layer: &Layer) -> Result<(Array2<f32>, Array1<f32>), Error> {
        let (i, w) = (layer.inputs, self.form.width);
        let weight = self.linear(&self.name(layer, "affine.weight"), i, w)?;
        let bias = self.reshaped(&self.name(layer, "affine.bias"), i, i)?;
        // TensorFlow's code adds the one around which styles lie when it runs.
        let one = if self.form.layout == Layout::TensorFlow { 1.0 } else { 0.0 };
        Ok((weight, bias + one))
    }

    fn linear(&self, name: &str, outputs: usize, inputs: usize) -> Result<Array2<f32>, Error> {
        if self.form.layout == Layout::TensorFlow {
            return Ok(self.reshaped(name, (inputs, outputs), (inputs, outputs))?.reversed_axes());
        }
        self.reshaped(name, (outputs, inputs), (outputs, inputs))
    }

    /// The bias of a convolution, `[outputs]`.
    pub(super) fn bias(&self, layer: &Layer) -> Result<Array1<f32>, Error> {
        let name = self.name(layer, "bias");
        let o = layer.outputs;
        if self.form.layout == Layout::Rosinality && layer.kind == Kind::Rgb {
            return self.reshaped(&name, (1, o, 1, 1), o);
        }
        self.reshaped(&name, o, o)
    }

    /// How strong a layer's noise is.
    pub(super) fn strength(&self, layer: &Layer) -> Result<f32, Error> {
        let name = self.name(layer, "noise_strength");
        let array = match self.form.layout {
            Layout::Rosinality => self.stored(&name, 1)?,
            _ => self.stored(&name, ())?,
        };
        Ok(array.sum())
    }

    /// A layer's noise; where there is none, one of our own.
    pub(super) fn noise(&self, layer: &Layer) -> Result<Array2<f32>, Error> {
        let name = self.name(layer, "noise_const");
        let r = layer.resolution;
        if self.checkpoint.shape(&format!("{}{name}", self.form.prefix)).is_none() {
            return Ok(noise::seeded(layer.noise(), r));
        }
        match self.form.layout {
            Layout::Nvidia => self.reshaped(&name, (r, r), (r, r)),
            _ => self.reshaped(&name, (1, 1, r, r), (r, r)),
        }
    }

    /// The constant that everything starts from, `[channels, 4, 4]`.
    pub(super) fn start(&self) -> Result<Array3<f32>, Error> {
        let c = self.form.channels[0];
        match self.form.layout {
            Layout::Nvidia => self.reshaped("synthesis.b4.const", (c, 4, 4), (c, 4, 4)),
            Layout::Rosinality => self.reshaped("input.input", (1, c, 4, 4), (c, 4, 4)),
            Layout::TensorFlow => self.reshaped("synthesis/4x4/Const/const", (1, c, 4, 4), (c, 4, 4)),
        }
    }

    /// A layer of the mapping: `[outputs, inputs]` and `[outputs]`, as they are stored.
    pub(super) fn mapping(&self, index: usize, inputs: usize) -> Result<(Array2<f32>, Array1<f32>), Error> {
        let (name, slash) = match self.form.layout {
            Layout::Rosinality => (format!("style.{}", index + 1), '.'),
            Layout::Nvidia => (format!("mapping.fc{index}"), '.'),
            Layout::TensorFlow => (format!("mapping/Dense{index}"), '/'),
        };
        let w = self.form.width;
        let weight = self.linear(&format!("{name}{slash}weight"), w, inputs)?;
        Ok((weight, self.reshaped(&format!("{name}{slash}bias"), w, w)?))
    }

    /// What stands for each label beside z, as a layer: `[embedded, labels]`, ready to be used, and `[embedded]` where
    /// there is a bias.
    pub(super) fn embedding(&self) -> Result<(Array2<f32>, Option<Array1<f32>>), Error> {
        let Form { labels, labels_with_z, layout, .. } = *self.form;
        let name = embedding(layout, labels_with_z);
        let sizes = self.checkpoint.shape(&format!("{}{name}", self.form.prefix)).unwrap_or_default();
        let embedded = *if layout == Layout::TensorFlow { sizes.last() } else { sizes.first() }.unwrap_or(&0);
        let weight = self.linear(name, embedded, labels)?;
        if labels_with_z {
            return Ok((weight, None));
        }
        let bias = self.reshaped(&name.replace("weight", "bias"), embedded, embedded)?;
        Ok((weight / (labels as f32).sqrt(), Some(bias)))
    }

    /// The mean of W, a row for each layer.
    pub(super) fn mean(&self) -> Result<Option<Array2<f32>>, Error> {
        let (rows, width) = (self.form.rows(), self.form.width);
        let prefix = &self.form.prefix;
        let names = match self.form.layout {
            // It lies beside the generator's own dictionary.
            Layout::Rosinality => [format!("{prefix}latent_avg"), "latent_avg".into()],
            Layout::Nvidia => [format!("{prefix}mapping.w_avg"), format!("{prefix}w_avg")],
            Layout::TensorFlow => [format!("{prefix}dlatent_avg"), "dlatent_avg".into()],
        };
        let Some(name) = names.iter().find(|n| self.checkpoint.shape(n).is_some()) else { return Ok(None) };
        let mean = self.checkpoint.f32(name)?;
        let found = mean.shape().to_vec();
        let expected = format!("a mean of W has {width}, or {rows} rows of as many");
        let wrong = || Error::Sizes { tensor: name.clone(), found: found.clone(), expected };
        let mean = mean.broadcast((rows, width)).ok_or_else(wrong)?;
        Ok(Some(mean.to_owned()))
    }

    /// Refuses what the graphs are not made for: other filters than `[1, 3, 3, 1]`.
    pub(super) fn check(&self) -> Result<(), Error> {
        let ends = [".blur.kernel", ".upsample.kernel", ".resample_filter"];
        let ours =
            |name: &&str| name.starts_with(&self.form.prefix) && ends.iter().any(|e| name.ends_with(e));
        for name in self.checkpoint.names().filter(ours) {
            let filter = self.checkpoint.f32(name)?;
            let sum = filter.sum();
            let row = [1.0, 3.0, 3.0, 1.0];
            let close =
                |(at, v): (usize, &f32)| (v / sum - row[at / 4 % 4] * row[at % 4] / 64.0).abs() < 1e-6;
            if filter.shape() != [4, 4] || !filter.iter().enumerate().all(close) {
                return Err(Error::Unsupported(format!("its filter “{name}” is not [1, 3, 3, 1]")));
            }
        }
        Ok(())
    }
}
