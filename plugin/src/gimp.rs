//! Pentimento as GIMP sees it: one procedure per operation, in all three run modes.

use std::path::{Path, PathBuf};

use models_onnx::Places;
use pentimento_ffi::host::Host;
use pentimento_ffi::plugin::{ArgKind, ArgValue, Argument, RunMode};
use pentimento_ffi::{Call, Finish, HostError, PlugIn, Procedure};
use pentimento_protocol::job::{Device, Runtime, Verdict};
use pentimento_protocol::param::{Kind, Value, Values};

use crate::dialog::{self, Start};
use crate::error::PluginError;
use crate::job::Engine;
use crate::operation::Operation;
use crate::ops::{self, OPERATIONS};
use crate::packs;
use crate::pipeline::{self, Edit};
use crate::strings::{DOMAIN, fill, msgid, tr};

const PREFIX: &str = "plug-in-pentimento-";
const MENU: &str = "<Image>/Filters/Pentimento";

/// The plug-in.
pub struct Pentimento {
    /// Where packs, runtime and translations lie.
    places: Places,
    /// Where this library lies, with the dialogs and the icon beside it.
    folder: PathBuf,
}

impl Pentimento {
    /// The plug-in whose files lie in `folder`.
    pub fn new(places: Places, folder: PathBuf) -> Self {
        Self { places, folder }
    }
}

impl PlugIn for Pentimento {
    fn procedures(&self) -> Vec<Procedure> {
        let icon = self.folder.join("pentimento.png");
        OPERATIONS
            .iter()
            .map(|operation| procedure(*operation, icon.is_file().then(|| icon.clone())))
            .collect()
    }

    fn run(&self, host: &dyn Host, call: &Call) -> Result<Finish, String> {
        run(host, call, &self.places, &self.folder.join("libpentimento_ui.so"))
            .map_err(|error| error.to_string())
    }

    fn translations(&self) -> Option<(String, PathBuf)> {
        Some((DOMAIN.to_owned(), locale(&self.places)))
    }
}

/// Folder of the compiled translations.
pub fn locale(places: &Places) -> PathBuf {
    places.data().join("locale")
}

fn procedure(operation: &dyn Operation, icon: Option<PathBuf>) -> Procedure {
    Procedure {
        name: format!("{PREFIX}{}", operation.id()),
        menu_label: tr(operation.menu()),
        menu_path: MENU.to_owned(),
        blurb: tr(operation.about()),
        help: tr(msgid(
            "Edits the selected part of the layer, or its largest middle square, and puts the result on a new \
             layer with a layer mask. The photo, the selection and everything outside the mask stay as they are.",
        )),
        icon,
        arguments: arguments(operation),
    }
}

/// The arguments of a procedure: the operation's parameters, then pack, device and threads.
fn arguments(operation: &dyn Operation) -> Vec<Argument> {
    let own = operation.params().iter().map(|param| Argument {
        name: param.id.to_string(),
        label: tr(&param.label),
        help: tr(&param.help),
        kind: match &param.kind {
            Kind::Text { default, .. } => ArgKind::Text(default.to_string()),
            Kind::Number { min, max, default, .. } => {
                ArgKind::Number { min: *min, max: *max, default: *default }
            }
            Kind::Flag { default } => ArgKind::Flag(*default),
            Kind::Choice { options } => {
                ArgKind::Text(options.first().map(|option| option.0.to_string()).unwrap_or_default())
            }
        },
    });
    let common = [
        Argument {
            name: "pack".to_owned(),
            label: tr(msgid("P_ack")),
            help: tr(msgid("Identifier of the pack; empty for the first that can do this")),
            kind: ArgKind::Text(String::new()),
        },
        Argument {
            name: "device".to_owned(),
            label: tr(msgid("De_vice")),
            help: tr(msgid("Where the models run: auto, cpu, cuda or tensorrt")),
            kind: ArgKind::Text("auto".to_owned()),
        },
        Argument {
            name: "threads".to_owned(),
            label: tr(msgid("_Threads")),
            help: tr(msgid("Threads for one model; 0 for as many as there are cores")),
            kind: ArgKind::Number { min: 0.0, max: 256.0, default: 0.0 },
        },
    ];
    own.chain(common).collect()
}

fn run(host: &dyn Host, call: &Call, places: &Places, library: &Path) -> Result<Finish, PluginError> {
    let operation = ops::find(call.procedure.trim_start_matches(PREFIX))?;
    let [drawable] = call.drawables[..] else { return Err(HostError::NoLayer.into()) };
    let (values, pack, runtime) = read(operation, &call.arguments)?;

    let (installed, broken) = packs::installed(places);
    broken.iter().for_each(|why| log::warn!("{why}"));
    let engine = Engine::start(places.clone());

    let (values, pack, runtime) = match call.mode {
        RunMode::NonInteractive | RunMode::WithLastValues => (values, pack, runtime),
        RunMode::Interactive => {
            // A fresh dialog starts with what the pack suggests; later ones with what was used last.
            let fresh = values == Values::defaults(operation.params());
            let suggested = packs::choose(&installed, &pack, operation).ok().filter(|_| fresh);
            let values = suggested.map_or(values, |pack| pack.suggested(operation));
            let start = Start { operation, values, pack: &pack, runtime };
            let where_ = (call.image, drawable);
            let chosen =
                dialog::choose(host, &engine, where_, &installed, start, (library, &locale(places)))?;
            let Some(chosen) = chosen else { return Ok(Finish::Cancelled) };
            chosen
        }
    };

    let pack = packs::choose(&installed, &pack, operation)?;
    let edit = Edit { operation, values: values.complete(operation.params())?, pack, runtime };
    let done = pipeline::run(host, &engine, call.image, drawable, &edit)?;
    // A dialog has shown all this already; a script's user has to be told.
    if call.mode != RunMode::Interactive {
        warn(host, &done, &pack.manifest.name);
    }
    Ok(Finish::Done(write(&edit)))
}

fn warn(host: &dyn Host, done: &pipeline::Done, pack: &str) {
    if done.fidelity.verdict() == Verdict::Unknown {
        host.say(&unknown(done.fidelity.psnr, done.fidelity.typical, pack));
    }
    done.notes.iter().for_each(|note| log::info!("{note}"));
}

/// The plain sentence for photos outside a pack's domain.
pub(crate) fn unknown(psnr: f32, typical: f32, pack: &str) -> String {
    let text = tr(msgid(
        "The pack “{pack}” does not know pictures like this one (reconstruction {psnr} dB, typical {typical} dB): \
         the edit will look painted on",
    ));
    let text = fill(&text, "pack", pack);
    let text = fill(&text, "psnr", &format!("{psnr:.1}"));
    fill(&text, "typical", &format!("{typical:.1}"))
}

/// Reads procedure arguments, in the order of [`arguments`].
fn read(operation: &dyn Operation, given: &[ArgValue]) -> Result<(Values, String, Runtime), PluginError> {
    let params = operation.params();
    let mut values = Values::default();
    for (param, given) in params.iter().zip(given) {
        let value = match given {
            ArgValue::Text(text) => Value::Text(text.clone()),
            ArgValue::Number(number) => Value::Number(*number),
            ArgValue::Flag(flag) => Value::Flag(*flag),
        };
        values.set(&param.id, value);
    }
    let mut rest = given.iter().skip(params.len());
    let pack = match rest.next() {
        Some(ArgValue::Text(pack)) => pack.trim().to_owned(),
        _ => String::new(),
    };
    let device = match rest.next() {
        Some(ArgValue::Text(name)) => device(name)?,
        _ => Device::Auto,
    };
    let threads = match rest.next() {
        Some(ArgValue::Number(threads)) if *threads >= 1.0 => Some(*threads as u32),
        _ => None,
    };
    Ok((values, pack, Runtime { device, threads }))
}

/// The arguments that would repeat `edit`, in the order of [`arguments`].
fn write(edit: &Edit<'_>) -> Vec<ArgValue> {
    let own = edit.operation.params().iter().map(|param| match edit.values.0.get(&*param.id) {
        Some(Value::Number(number)) => ArgValue::Number(*number),
        Some(Value::Flag(flag)) => ArgValue::Flag(*flag),
        Some(Value::Text(text)) => ArgValue::Text(text.clone()),
        None => ArgValue::Text(String::new()),
    });
    let device =
        DEVICES.iter().find(|(_, device)| *device == edit.runtime.device).map_or("auto", |(name, _)| *name);
    let common = [
        ArgValue::Text(edit.pack.id.clone()),
        ArgValue::Text(device.to_owned()),
        ArgValue::Number(f64::from(edit.runtime.threads.unwrap_or(0))),
    ];
    own.chain(common).collect()
}

/// Devices by the name that scripts and the command line give them.
pub(crate) const DEVICES: [(&str, Device); 4] =
    [("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda", Device::Cuda), ("tensorrt", Device::TensorRt)];

fn device(name: &str) -> Result<Device, PluginError> {
    let name = if name.trim().is_empty() { "auto" } else { name.trim() };
    let found = DEVICES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, device)| *device).ok_or_else(|| {
        PluginError::Job(fill(
            &tr(msgid("there is no device “{device}”; choose auto, cpu, cuda or tensorrt")),
            "device",
            name,
        ))
    })
}
