//! Pentimento as GIMP sees it: one procedure per operation, in all three run modes.

use std::path::{Path, PathBuf};

use models_onnx::Places;
use pentimento_ffi::host::{Host, ItemId};
use pentimento_ffi::plugin::{ArgKind, ArgValue, Argument, RunMode};
use pentimento_ffi::{Call, Finish, HostError, PlugIn, Procedure};
use pentimento_protocol::dialog::Choice;
use pentimento_protocol::job::{Device, Runtime, Verdict};
use pentimento_protocol::param::{Kind, Param, Value, Values};
use pentimento_protocol::recipe::{PARASITE, Recipe, Step};

use crate::dialog;
use crate::error::PluginError;
use crate::job::Engine;
use crate::kept::Shelf;
use crate::operation::Operation;
use crate::ops::{self, OPERATIONS};
use crate::packs::{self, Pack};
use crate::pipeline::params::{self, ROAD};
use crate::pipeline::{self, Edit, place};
use crate::strings::{DOMAIN, fill, msgid, tr};

const PREFIX: &str = "plug-in-pentimento-";
/// The procedure that does to other layers what was done before.
const APPLY: &str = "plug-in-pentimento-apply";
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
        let icon = icon.is_file().then_some(icon);
        let edits = OPERATIONS.iter().map(|operation| procedure(*operation, icon.clone()));
        edits.chain([apply(icon.clone())]).collect()
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
            "Edits a part of the layer and puts the result on a new layer with a layer mask. The photo, the selection \
             and everything outside the mask stay as they are.",
        )),
        icon,
        arguments: arguments(operation),
    }
}

fn apply(icon: Option<PathBuf>) -> Procedure {
    Procedure {
        name: APPLY.to_owned(),
        menu_label: tr(msgid("_Apply the last edit")),
        menu_path: MENU.to_owned(),
        blurb: tr(msgid("Does to each selected layer what was done last, or what a recipe says")),
        help: tr(msgid(
            "Each layer gets a new layer above it, as if the edit had been made there; faces are looked for in each. \
             Recipes are files that the dialog of an edit exports, or the names of presets.",
        )),
        icon,
        arguments: vec![
            Argument {
                name: "recipe".to_owned(),
                label: tr(msgid("_Recipe")),
                help: tr(msgid(
                    "A recipe's file, its text, or the name of a preset; empty for the last edit",
                )),
                kind: ArgKind::Text(String::new()),
            },
            device_argument(),
            threads_argument(),
        ],
    }
}

/// The arguments of a procedure: the operation's parameters, those of the road, then pack, device and threads.
fn arguments(operation: &dyn Operation) -> Vec<Argument> {
    let own = operation.params().iter().chain(ROAD.iter()).map(|param| Argument {
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
            Kind::Names { .. } => ArgKind::Text(String::new()),
        },
    });
    let common = [
        Argument {
            name: "pack".to_owned(),
            label: tr(msgid("P_ack")),
            help: tr(msgid("Identifier of the pack; empty for the first that can do this")),
            kind: ArgKind::Text(String::new()),
        },
        device_argument(),
        threads_argument(),
    ];
    own.chain(common).collect()
}

fn device_argument() -> Argument {
    Argument {
        name: "device".to_owned(),
        label: tr(msgid("De_vice")),
        help: tr(msgid("Where the models run: auto, cpu, cuda or tensorrt")),
        kind: ArgKind::Text("auto".to_owned()),
    }
}

fn threads_argument() -> Argument {
    Argument {
        name: "threads".to_owned(),
        label: tr(msgid("_Threads")),
        help: tr(msgid("Threads for one model; 0 for as many as there are cores")),
        kind: ArgKind::Number { min: 0.0, max: 256.0, default: 0.0 },
    }
}

fn run(host: &dyn Host, call: &Call, places: &Places, library: &Path) -> Result<Finish, PluginError> {
    let (installed, broken) = packs::installed(places);
    broken.iter().for_each(|why| log::warn!("{why}"));
    let engine = Engine::start(places.clone());
    let shelf = Shelf::new(places);
    if call.procedure == APPLY {
        return run_again(host, call, &engine, &installed, &shelf);
    }
    let operation = ops::find(call.procedure.trim_start_matches(PREFIX))?;
    let [selected] = call.drawables[..] else { return Err(HostError::NoLayer.into()) };
    let choice = read(operation, &call.arguments)?;

    // An edited layer is opened again: what it was made of is edited anew, and takes its place.
    let reopened = match call.mode {
        RunMode::Interactive => recipe_of(host, selected)?,
        RunMode::NonInteractive | RunMode::WithLastValues => None,
    };
    let (drawable, instead) = match reopened.as_ref().and_then(|recipe| recipe.made.as_ref()) {
        Some(made) => {
            let source = host.layer_named(call.image, &made.layer)?;
            (source.ok_or_else(|| PluginError::NoSource(made.layer.clone()))?, Some(selected))
        }
        None => (selected, None),
    };

    let choice = match call.mode {
        RunMode::NonInteractive | RunMode::WithLastValues => choice,
        RunMode::Interactive => {
            let start = match reopened {
                Some(recipe) => of_recipe(recipe, choice.runtime),
                // A fresh dialog starts with what the pack suggests; later ones with what was used last.
                None => suggested(operation, &installed, choice),
            };
            let place = (call.image, drawable);
            let files = (library, locale(places));
            let Some(chosen) = dialog::choose(host, &engine, place, &installed, &shelf, start, files)? else {
                return Ok(Finish::Cancelled);
            };
            chosen
        }
    };

    let edit = Edit::new(&installed, choice)?;
    let done = pipeline::run(host, &engine, (call.image, drawable), &edit, instead)?;
    shelf.remember(&edit.recipe_for_all(), Some(&done.picture));
    // A dialog has shown all this already; a script's user has to be told.
    if call.mode != RunMode::Interactive {
        warn(host, &done, &edit.pack.manifest.name);
    }
    Ok(Finish::Done(write(operation, &edit.choice)))
}

/// Does to each of the selected layers what a recipe says, or what was done last.
fn run_again(
    host: &dyn Host,
    call: &Call,
    engine: &Engine,
    installed: &[Pack],
    shelf: &Shelf,
) -> Result<Finish, PluginError> {
    if call.drawables.is_empty() {
        return Err(HostError::NoLayer.into());
    }
    let mut given = call.arguments.iter();
    let recipe = match given.next() {
        Some(ArgValue::Text(text)) if !text.trim().is_empty() => shelf.find(text)?,
        _ => shelf.last()?,
    };
    let runtime = runtime(given)?;
    let edit = Edit::of_recipe(installed, &recipe, runtime)?;
    for drawable in &call.drawables {
        let done = pipeline::run(host, engine, (call.image, *drawable), &edit, None)?;
        warn(host, &done, &edit.pack.manifest.name);
    }
    Ok(Finish::Done(call.arguments.clone()))
}

/// The recipe of an edited layer.
fn recipe_of(host: &dyn Host, drawable: ItemId) -> Result<Option<Recipe>, PluginError> {
    let Some(bytes) = host.parasite(drawable, PARASITE)? else { return Ok(None) };
    match Recipe::from_toml(&String::from_utf8_lossy(&bytes)) {
        Ok(recipe) => Ok(Some(recipe)),
        // The layer can still be edited as any other.
        Err(error) => {
            host.say(&error.to_string());
            Ok(None)
        }
    }
}

/// What a reopened dialog starts with: the same in the same square, whatever is selected by now.
fn of_recipe(recipe: Recipe, runtime: Runtime) -> Choice {
    let mut road = recipe.road;
    if let Some(made) = &recipe.made {
        road.set(params::PLACE, Value::Text(params::HERE_PLACE.into()));
        road.set(params::SQUARE, Value::Text(place::written(&[made.centre, made.half])));
    }
    Choice { steps: recipe.steps, road, pack: recipe.pack, runtime }
}

/// A first choice with what the pack suggests, where nothing was chosen yet.
fn suggested(operation: &dyn Operation, installed: &[Pack], mut choice: Choice) -> Choice {
    let fresh = |step: &Step| step.values == Values::defaults(operation.params());
    if let Some(step) = choice.steps.first_mut().filter(|step| fresh(step))
        && let Ok(pack) = packs::choose(installed, &choice.pack, std::slice::from_ref(step))
    {
        step.values = pack.suggested(operation);
    }
    choice
}

fn warn(host: &dyn Host, done: &pipeline::Done, pack: &str) {
    let unknown_ = done.fidelity.iter().filter(|fidelity| fidelity.verdict() == Verdict::Unknown);
    unknown_.for_each(|fidelity| host.say(&unknown(fidelity.psnr, fidelity.typical, pack)));
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
fn read(operation: &dyn Operation, given: &[ArgValue]) -> Result<Choice, PluginError> {
    let mut given = given.iter();
    let mut values = |params: &[Param]| {
        let mut values = Values::default();
        // Not the other way round: a zip takes one more of what comes first.
        for param in params {
            let Some(given) = given.next() else { break };
            let value = match given {
                ArgValue::Text(text) => Value::Text(text.clone()),
                ArgValue::Number(number) => Value::Number(*number),
                ArgValue::Flag(flag) => Value::Flag(*flag),
            };
            values.set(&param.id, value);
        }
        values
    };
    let (own, road) = (values(operation.params()), values(&ROAD));
    let pack = match given.next() {
        Some(ArgValue::Text(pack)) => pack.trim().to_owned(),
        _ => String::new(),
    };
    let steps = vec![Step::new(operation.id(), own)];
    Ok(Choice { steps, road, pack, runtime: runtime(given)? })
}

/// Reads device and threads, which come last.
fn runtime<'a>(mut given: impl Iterator<Item = &'a ArgValue>) -> Result<Runtime, PluginError> {
    let device = match given.next() {
        Some(ArgValue::Text(name)) => device(name)?,
        _ => Device::Auto,
    };
    let threads = match given.next() {
        Some(ArgValue::Number(threads)) if *threads >= 1.0 => Some(*threads as u32),
        _ => None,
    };
    Ok(Runtime { device, threads })
}

/// The arguments that would repeat a choice, in the order of [`arguments`]: those of the first step of this operation.
fn write(operation: &dyn Operation, choice: &Choice) -> Vec<ArgValue> {
    let own = choice.steps.iter().find(|step| step.operation == operation.id());
    let own = own.map_or_else(|| Values::defaults(operation.params()), |step| step.values.clone());
    let plain = |param: &Param, values: &Values| match values.0.get(&*param.id) {
        Some(Value::Number(number)) => ArgValue::Number(*number),
        Some(Value::Flag(flag)) => ArgValue::Flag(*flag),
        Some(Value::Text(text)) => ArgValue::Text(text.clone()),
        None => ArgValue::Text(String::new()),
    };
    let road = params::for_other_photos(choice.road.clone());
    let device =
        DEVICES.iter().find(|(_, device)| *device == choice.runtime.device).map_or("auto", |(name, _)| *name);
    let common = [
        ArgValue::Text(choice.pack.clone()),
        ArgValue::Text(device.to_owned()),
        ArgValue::Number(f64::from(choice.runtime.threads.unwrap_or(0))),
    ];
    let own: Vec<ArgValue> = operation.params().iter().map(|param| plain(param, &own)).collect();
    own.into_iter().chain(ROAD.iter().map(|param| plain(param, &road))).chain(common).collect()
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
