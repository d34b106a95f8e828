//! Folders of Stable Diffusion in ONNX: those that Optimum writes, and those of Diffusers' earlier script.
//!
//! ```text
//! model_index.json  scheduler/scheduler_config.json  tokenizer/{vocab.json, merges.txt, tokenizer_config.json}
//! text_encoder/model.onnx  unet/model.onnx  vae_encoder/model.onnx  vae_decoder/model.onnx
//! ```
//!
//! The two differ in how a step is given (a number, or one in a list; an integer or not), in the types of tokens, and
//! in what the encoder gives (mean and variance, or one sample of them). A pack knows only one way: see
//! [`Form::build`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use autodiff::tensor::{FLOAT, FLOAT16, INT64};
use autodiff::{Dim, Shape};
use models_onnx::Role;
use models_onnx::pack::{BetaSchedule, Denoising, Prediction, Spacing};
use serde_json::Value;

use super::ports::{Kept, Ports, Step};
use super::{Export, read, refused, settings, settings_if_any};
use crate::error::Error;
use crate::networks::clip;

/// What latents of Stable Diffusion are multiplied by, where a folder does not say: it was never anything else.
const SCALE: f64 = 0.18215;

/// Pixels per latent where a folder does not say, as in every Stable Diffusion.
const PIXELS: usize = 8;

/// Side of pictures where a folder does not say.
const RESOLUTION: usize = 512;

/// Longer vocabularies are none.
const VOCABULARY: u64 = 64 << 20;

/// What a folder holds.
#[derive(Debug, Clone)]
pub struct Form {
    folder: PathBuf,
    denoiser: Export,
    text: Option<Export>,
    encoder: Option<Export>,
    decoder: Option<Export>,
    /// Channels of latents.
    pub channels: usize,
    /// Width of what the denoiser listens to.
    pub width: usize,
    /// Side of the pictures that it was trained with.
    pub resolution: usize,
    /// How it was trained.
    pub denoising: Denoising,
    /// What latents are multiplied by between encoder and denoiser.
    scale: f64,
}

/// What the folder is like, if it is one of Stable Diffusion.
///
/// # Errors
/// [`Error`] where it is one, and cannot be used; says why.
pub fn recognise(folder: &Path) -> Result<Option<Form>, Error> {
    let unet = folder.join("unet/model.onnx");
    if !folder.join("model_index.json").is_file() && !unet.is_file() {
        return Ok(None);
    }
    if folder.join("text_encoder_2").exists() || folder.join("transformer").exists() {
        let why = "it is not of Stable Diffusion 1 or 2, and no other kind is known yet";
        return Err(refused(folder, why));
    }
    if !unet.is_file() {
        let why = "it has no unet/model.onnx; export it with `optimum-cli export onnx`";
        return Err(refused(folder, why));
    }
    let part = |name: &str| {
        let path = folder.join(name).join("model.onnx");
        path.is_file().then(|| Export::open(&path)).transpose()
    };
    let denoiser = Export::open(&unet)?;
    let unet = settings_if_any(&folder.join("unet/config.json"))?;
    let number = |settings: &Value, key: &str| {
        settings.get(key).and_then(Value::as_u64).and_then(|n| n.try_into().ok())
    };
    let untold = |what: &str| refused(denoiser.path(), format!("nothing says {what}"));
    let channels = denoiser.size_by_use("sample", 1).or_else(|| number(&unet, "in_channels"));
    let channels = channels.ok_or_else(|| untold("how many channels latents have"))?;
    let width =
        denoiser.size_by_use("encoder_hidden_states", 2).or_else(|| number(&unet, "cross_attention_dim"));
    let width = width.ok_or_else(|| untold("how wide texts are"))?;
    if number(&unet, "out_channels").is_some_and(|out: usize| out != channels) {
        let why =
            format!("it takes {channels} channels, as models for inpainting do, and those are not known yet");
        return Err(refused(denoiser.path(), why));
    }
    let vae =
        ["vae_decoder", "vae_encoder"].map(|name| settings_if_any(&folder.join(name).join("config.json")));
    let [decoder, encoder] = vae;
    let vae = [decoder?, encoder?];
    let said = |key: &str| vae.iter().find_map(|settings| settings.get(key).filter(|value| !value.is_null()));
    if said("shift_factor").and_then(Value::as_f64).is_some_and(|shift| shift != 0.0) {
        return Err(refused(folder, "its latents are shifted, which is not known yet"));
    }
    let blocks = said("block_out_channels").and_then(Value::as_array).map(Vec::len);
    let pixels = blocks.map_or(PIXELS, |blocks| 1 << blocks.saturating_sub(1).min(6));
    Ok(Some(Form {
        text: part("text_encoder")?,
        encoder: part("vae_encoder")?,
        decoder: part("vae_decoder")?,
        channels,
        width,
        resolution: number(&unet, "sample_size")
            .map_or(RESOLUTION, |side: usize| side.saturating_mul(pixels)),
        denoising: denoising(folder, pixels)?,
        scale: said("scaling_factor").and_then(Value::as_f64).unwrap_or(SCALE),
        folder: folder.to_owned(),
        denoiser,
    }))
}

/// How the denoiser was trained, by the folder's scheduler. What it does not say is as Diffusers has it.
fn denoising(folder: &Path, pixels: usize) -> Result<Denoising, Error> {
    let path = folder.join("scheduler/scheduler_config.json");
    let said = settings(&path)?;
    let class = said.get("_class_name").and_then(Value::as_str).unwrap_or_default();
    let word = |key: &str, default: &'static str| match said.get(key) {
        Some(Value::String(word)) => word.clone(),
        _ => default.to_owned(),
    };
    let number = |key: &str, default: f64| said.get(key).and_then(Value::as_f64).unwrap_or(default);
    let unknown = |key: &str, word: &str| refused(&path, format!("its {key} “{word}” is not known"));
    if said.get("rescale_betas_zero_snr") == Some(&Value::Bool(true))
        || said.get("trained_betas").is_some_and(Value::is_array)
    {
        return Err(refused(&path, "its noise follows a schedule that is not known yet"));
    }
    let prediction = word("prediction_type", "epsilon");
    let schedule = word("beta_schedule", "linear");
    // Samplers that need no steps of their own go from end to end.
    let leading = ["DDIM", "PNDM", "LCM", "DDPM"].iter().any(|name| class.starts_with(name));
    let spacing = word("timestep_spacing", if leading { "leading" } else { "linspace" });
    Ok(Denoising {
        prediction: match prediction.as_str() {
            "epsilon" => Prediction::Noise,
            "v_prediction" => Prediction::Velocity,
            "sample" => Prediction::Clean,
            other => return Err(unknown("prediction_type", other)),
        },
        schedule: match schedule.as_str() {
            "linear" => BetaSchedule::Linear,
            "scaled_linear" => BetaSchedule::ScaledLinear,
            other => return Err(unknown("beta_schedule", other)),
        },
        spacing: match spacing.as_str() {
            "leading" => Spacing::Leading,
            "trailing" => Spacing::Trailing,
            "linspace" => Spacing::Linspace,
            other => return Err(unknown("timestep_spacing", other)),
        },
        beta_start: number("beta_start", 0.0001),
        beta_end: number("beta_end", 0.02),
        steps: number("num_train_timesteps", 1000.0) as u32,
        offset: number("steps_offset", 0.0) as u32,
        ends_clean: said
            .get("set_alpha_to_one")
            .and_then(Value::as_bool)
            .unwrap_or(!class.starts_with("PNDM")),
        pixels_per_latent: u32::try_from(pixels).unwrap_or(u32::MAX),
        distilled: class.starts_with("LCM"),
    })
}

impl Form {
    /// In words.
    pub fn words(&self) -> String {
        let half = if self.denoiser.input("sample").is_some_and(|p| p.kind == FLOAT16) {
            ", half precision"
        } else {
            ""
        };
        let has = [("text encoder", &self.text), ("encoder", &self.encoder), ("decoder", &self.decoder)];
        let missing: Vec<&str> =
            has.iter().filter(|(_, part)| part.is_none()).map(|(name, _)| *name).collect();
        let missing =
            if missing.is_empty() { String::new() } else { format!("; without {}", missing.join(" and ")) };
        format!(
            "Stable Diffusion, {} px, latents of {} channels, texts {} wide{half}{missing}",
            self.resolution, self.channels, self.width
        )
    }

    /// Whether all parts are there.
    pub fn complete(&self) -> bool {
        self.text.is_some() && self.encoder.is_some() && self.decoder.is_some()
    }

    /// What stands against tuning the denoiser to one picture, if anything does.
    pub fn untunable(&self) -> Option<String> {
        match self.denoiser.without_gradient() {
            None => Some("its opset has no gradients".into()),
            Some(missing) => {
                let operators: Vec<String> =
                    missing.into_iter().map(|(op, nodes)| format!("{op} ({nodes} nodes)")).collect();
                (!operators.is_empty())
                    .then(|| format!("no gradients are known for {}", operators.join(", ")))
            }
        }
    }

    /// The graphs, in the one form that packs know:
    ///
    /// * `text-encoder`: `input_ids [n, t]` → `states [n, t, H]`;
    /// * `denoiser`: `sample [n, C, h, w]`, `timestep [1]`, `states`, and `guidance [n, G]` where it was distilled with
    ///   one → `prediction [n, C, h, w]`. Steps may have fractions; a graph that takes whole ones gets the nearest;
    /// * `latent-encoder`: `image [n, 3, y, x]`, black −1 and white 1 → `mean [n, C, h, w]` and, unless the graph draws
    ///   a sample itself, `deviation`, both in the denoiser's scale;
    /// * `latent-decoder`: `latent [n, C, h, w]`, in that scale → `image [n, 3, y, x]`.
    ///
    /// # Errors
    /// [`Error::Export`] for graphs with other ports.
    pub fn build(&self) -> Result<BTreeMap<Role, Kept>, Error> {
        let mut graphs = BTreeMap::from([(Role::Denoiser, self.denoiser()?)]);
        if let Some(text) = &self.text {
            graphs.insert(Role::TextEncoder, self.text_encoder(text)?);
        }
        if let Some(encoder) = &self.encoder {
            graphs.insert(Role::LatentEncoder, self.latent_encoder(encoder)?);
        }
        if let Some(decoder) = &self.decoder {
            graphs.insert(Role::LatentDecoder, self.latent_decoder(decoder)?);
        }
        Ok(graphs)
    }

    fn denoiser(&self) -> Result<Kept, Error> {
        let export = &self.denoiser;
        let mut ports = Ports::of(export);
        for port in export.inputs() {
            match port.name.as_str() {
                "sample" => ports.input("sample", "sample", FLOAT, self.latents(), Vec::new()),
                "timestep" => {
                    let mut steps = Vec::new();
                    if port.shape.is_empty() {
                        steps.push(Step::reshape(&[]));
                    }
                    if ![FLOAT, FLOAT16].contains(&port.kind) {
                        steps.extend([Step::plus(&[0.5]), Step::floor()]);
                    }
                    ports.input("timestep", "timestep", FLOAT, vec![Dim::known(1)], steps);
                }
                "encoder_hidden_states" => {
                    ports.input("encoder_hidden_states", "states", FLOAT, self.states(), Vec::new());
                }
                "timestep_cond" => {
                    let width = export.size_by_use("timestep_cond", 1);
                    let width = width
                        .ok_or_else(|| refused(export.path(), "nothing says how wide its guidance is"))?;
                    let shape = vec![Dim::named("n"), Dim::known(width)];
                    ports.input("timestep_cond", "guidance", FLOAT, shape, Vec::new());
                }
                other => {
                    return Err(refused(
                        export.path(),
                        format!("nothing is known that could be its “{other}”"),
                    ));
                }
            }
        }
        for wanted in ["sample", "timestep", "encoder_hidden_states"] {
            export.input(wanted).ok_or_else(|| refused(export.path(), format!("it takes no “{wanted}”")))?;
        }
        ports.output(first(export, &["out_sample"])?, "prediction", self.latents(), Vec::new());
        Ok(ports.finish())
    }

    fn text_encoder(&self, export: &Export) -> Result<Kept, Error> {
        let mut ports = Ports::of(export);
        tokens(export, &mut ports)?;
        ports.output(first(export, &["last_hidden_state"])?, "states", self.states(), Vec::new());
        Ok(ports.finish())
    }

    fn latent_encoder(&self, export: &Export) -> Result<Kept, Error> {
        let mut ports = Ports::of(export);
        let [input] = &export.inputs()[..] else {
            return Err(refused(export.path(), "it takes more than a picture"));
        };
        ports.input(&input.name, "image", FLOAT, picture(), Vec::new());
        let output = first(export, &["latent_parameters", "latent_sample"])?;
        let found = export.output(output).and_then(|port| port.shape.get(1)?.size());
        let (scale, c) = (self.scale as f32, self.channels as i64);
        if output == "latent_parameters" || found == Some(2 * self.channels) {
            // The mean and the logarithm of the variance, which is held within bounds as in training.
            let (mean, variance): (Vec<i64>, Vec<i64>) = ((0..c).collect(), (c..2 * c).collect());
            ports.output(output, "mean", self.latents(), vec![Step::take(1, &mean), Step::times(&[scale])]);
            let deviation = vec![
                Step::take(1, &variance),
                Step::least(-30.0),
                Step::most(20.0),
                Step::times(&[0.5]),
                Step::exp(),
                Step::times(&[scale]),
            ];
            ports.output(output, "deviation", self.latents(), deviation);
        } else {
            ports.output(output, "mean", self.latents(), vec![Step::times(&[scale])]);
        }
        Ok(ports.finish())
    }

    fn latent_decoder(&self, export: &Export) -> Result<Kept, Error> {
        let mut ports = Ports::of(export);
        let [input] = &export.inputs()[..] else {
            return Err(refused(export.path(), "it takes more than latents"));
        };
        ports.input(
            &input.name,
            "latent",
            FLOAT,
            self.latents(),
            vec![Step::times(&[(1.0 / self.scale) as f32])],
        );
        ports.output(first(export, &["sample"])?, "image", picture(), Vec::new());
        Ok(ports.finish())
    }

    /// `tokenizer.json` of its texts, which are filled up to the length that the denoiser was trained with.
    ///
    /// # Errors
    /// [`Error::Export`] where the folder's tokenizer is incomplete.
    pub fn tokenizer(&self) -> Result<Vec<u8>, Error> {
        let folder = self.folder.join("tokenizer");
        let (vocabulary, merges) = (folder.join("vocab.json"), folder.join("merges.txt"));
        let said = settings_if_any(&folder.join("tokenizer_config.json"))?;
        let length =
            said.get("model_max_length").and_then(Value::as_u64).filter(|length| (2..=4096).contains(length));
        let length = length.map_or(clip::CONTEXT, |length| length as usize);
        let padding =
            said.get("pad_token").and_then(|token| token.as_str().or_else(|| token.get("content")?.as_str()));
        let fill = padding.unwrap_or("<|endoftext|>");
        clip::tokenizer_of(&read(&vocabulary, VOCABULARY)?, &read(&merges, VOCABULARY)?, length, fill)
            .map_err(|why| refused(&folder, why.to_string()))
    }

    fn latents(&self) -> Shape {
        vec![Dim::named("n"), Dim::known(self.channels), Dim::named("h"), Dim::named("w")]
    }

    fn states(&self) -> Shape {
        vec![Dim::named("n"), Dim::named("t"), Dim::known(self.width)]
    }
}

fn picture() -> Shape {
    vec![Dim::named("n"), Dim::known(3), Dim::named("y"), Dim::named("x")]
}

/// Gives `input_ids` to a graph of texts, whatever integers it takes, and ones to its mask. Texts look back only, so what
/// comes after their end does not matter.
pub(super) fn tokens(export: &Export, ports: &mut Ports) -> Result<(), Error> {
    let shape = vec![Dim::named("n"), Dim::named("t")];
    export.input("input_ids").ok_or_else(|| refused(export.path(), "it takes no “input_ids”"))?;
    for port in export.inputs() {
        match port.name.as_str() {
            "input_ids" => ports.input("input_ids", "input_ids", INT64, shape.clone(), Vec::new()),
            "attention_mask" => ports.fill("attention_mask", "input_ids"),
            // The other half of a graph for both texts and pictures.
            "pixel_values" => {}
            other => {
                return Err(refused(export.path(), format!("nothing is known that could be its “{other}”")));
            }
        }
    }
    Ok(())
}

/// The first of these names that comes out of a graph.
fn first<'a>(export: &Export, names: &[&'a str]) -> Result<&'a str, Error> {
    let found = names.iter().find(|name| export.output(name).is_some());
    found.copied().ok_or_else(|| refused(export.path(), format!("it gives no “{}”", names.join("” or “"))))
}
