//! Opening ONNX Runtime and choosing the device.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

/// A graph of one addition, to see whether a device can compute at all; `tests/tiny/make.py` writes it.
const PROBE: &[u8] = include_bytes!("probe.onnx");

/// Where models run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// CUDA where it works, else the processor. TensorRT is never taken by itself, because it compiles every graph
    /// for minutes before its first run.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU through CUDA.
    Cuda,
    /// An NVIDIA GPU through TensorRT.
    TensorRt,
}

/// How models run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Where.
    pub device: Device,
    /// Threads for one graph on the processor; `None` leaves it to ONNX Runtime, which takes one per physical core.
    pub threads: Option<NonZeroUsize>,
}

/// Why ONNX Runtime or a device cannot be used. Its text is one sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// There is no such file.
    #[error("ONNX Runtime is not installed; run pentimento-installer ({0})")]
    Missing(PathBuf),
    /// The file is not a library, or not for this machine.
    #[error("ONNX Runtime cannot be opened ({why}); run pentimento-installer again ({path})")]
    Broken {
        /// What the loader said.
        why: String,
        /// The file.
        path: PathBuf,
    },
    /// A library, but another one.
    #[error("the file that should be ONNX Runtime is another library; run pentimento-installer again ({0})")]
    Other(PathBuf),
    /// Older than what this Pentimento was built for.
    #[error(
        "ONNX Runtime is version {version}, but 1.{} or newer is needed; run pentimento-installer again ({path})",
        ort::MINOR_VERSION
    )]
    Old {
        /// What it is.
        version: String,
        /// The file.
        path: PathBuf,
    },
    /// A process can hold only one ONNX Runtime.
    #[error("another ONNX Runtime is already open in this process; restart GIMP to change it ({0})")]
    Second(PathBuf),
    /// It opened, but did not start.
    #[error("ONNX Runtime did not start ({why}); run pentimento-installer again ({path})")]
    Start {
        /// What it said.
        why: String,
        /// The file.
        path: PathBuf,
    },
    /// The chosen device does not work.
    #[error("{device} cannot be used ({why}); choose Auto or CPU as device")]
    Device {
        /// The device, in words.
        device: &'static str,
        /// What ONNX Runtime said.
        why: String,
    },
}

/// An open ONNX Runtime with a device that has been seen to work. Clones are cheap and share one library.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
    options: Options,
    device: Device,
    note: String,
}

struct Loaded {
    path: PathBuf,
    environment: Option<Environment>,
}

/// A process can load the library and make its environment only once; it stays for as long as the process.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

impl Runtime {
    /// Opens the library at `library` (the full path of a `libonnxruntime.so`, 1.22 or newer) without telemetry, and
    /// tries the device with a small graph. The same library can be opened repeatedly, with other options.
    ///
    /// # Errors
    /// [`RuntimeError`]; a chosen device that does not work is an error, never replaced by another in silence.
    pub fn load(library: &Path, options: Options) -> Result<Self, RuntimeError> {
        let environment = environment(library)?;
        let (device, note) = choose(&environment, options)?;
        log::info!("{note}");
        Ok(Self { environment, options, device, note })
    }

    /// ONNX Runtime's environment, of which a process can have only one: for sessions that belong to no pack.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The device that is used: never [`Device::Auto`].
    pub fn device(&self) -> Device {
        self.device
    }

    /// One sentence on which device is used and why.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// What the library says of its own build, such as its version and commit.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }

    /// A builder for sessions on the device.
    pub(crate) fn builder(&self) -> ort::Result<SessionBuilder> {
        builder(&self.environment, self.options, self.device)
    }

    /// A builder for sessions that run once: laying weights out anew would hold them in memory once or twice more.
    pub(crate) fn plain_builder(&self) -> ort::Result<SessionBuilder> {
        Ok(self
            .builder()?
            .with_optimization_level(GraphOptimizationLevel::Disable)?
            .with_prepacking(false)?)
    }
}

impl Device {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Device::Auto => "Auto",
            Device::Cpu => "The CPU",
            Device::Cuda => "The NVIDIA GPU (CUDA)",
            Device::TensorRt => "The NVIDIA GPU (TensorRT)",
        }
    }

    /// What ONNX Runtime is asked for; what follows the first is for nodes it cannot run.
    fn providers(self) -> Vec<ExecutionProviderDispatch> {
        let cuda = || ep::CUDA::default().build().error_on_failure();
        match self {
            Device::Auto | Device::Cpu => Vec::new(),
            Device::Cuda => vec![cuda()],
            Device::TensorRt => vec![ep::TensorRT::default().build().error_on_failure(), cuda()],
        }
    }
}

fn environment(library: &Path) -> Result<Environment, RuntimeError> {
    // A relative path would be looked for beside the executable first.
    let path = library.canonicalize().map_err(|_| RuntimeError::Missing(library.to_owned()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match loaded.as_ref() {
        Some(other) if other.path != path => return Err(RuntimeError::Second(other.path.clone())),
        Some(Loaded { environment: Some(environment), .. }) => return Ok(environment.clone()),
        _ => {}
    }
    let build = ort::init_from(&path).map_err(|e| load_error(e, &path))?;
    // From here on the library stays loaded, so that another path must be refused even if the next step fails.
    let slot = loaded.insert(Loaded { path: path.clone(), environment: None });
    let environment = build
        .with_name("pentimento")
        .with_telemetry(false)
        .with_logger(Arc::new(write_log))
        .build()
        .map_err(|e| RuntimeError::Start { why: first_line(e.message()), path })?;
    environment.set_log_level(LogLevel::Warning);
    slot.environment = Some(environment.clone());
    Ok(environment)
}

/// ONNX Runtime would write to the terminal, even that a cancelled run failed. What matters comes back as an error.
fn write_log(level: LogLevel, _category: &str, _id: &str, place: &str, message: &str) {
    let level = if matches!(level, LogLevel::Fatal) { log::Level::Error } else { log::Level::Debug };
    log::log!(level, "ONNX Runtime: {message} ({place})");
}

fn load_error(error: ort::LoadDynamicError, path: &Path) -> RuntimeError {
    let path = path.to_owned();
    match error {
        ort::LoadDynamicError::Dlopen { error, .. } => {
            RuntimeError::Broken { why: first_line(&error.to_string()), path }
        }
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            RuntimeError::Old { version: version_str, path }
        }
        ort::LoadDynamicError::MissingApi { .. } | ort::LoadDynamicError::InvalidVersionString => {
            RuntimeError::Other(path)
        }
    }
}

/// The device to use and a sentence on why.
fn choose(environment: &Environment, options: Options) -> Result<(Device, String), RuntimeError> {
    let refused = |device: Device, e: ort::Error| RuntimeError::Device {
        device: device.words(),
        why: first_line(e.message()),
    };
    if options.device != Device::Auto {
        probe(environment, options, options.device).map_err(|e| refused(options.device, e))?;
        return Ok((options.device, format!("{} is used, as chosen.", options.device.words())));
    }
    match probe(environment, options, Device::Cuda) {
        Ok(()) => Ok((Device::Cuda, format!("{} is used; it works here.", Device::Cuda.words()))),
        Err(gpu) => {
            probe(environment, options, Device::Cpu).map_err(|e| refused(Device::Cpu, e))?;
            let why = first_line(gpu.message());
            Ok((Device::Cpu, format!("The CPU is used, because no NVIDIA GPU can be ({why}).")))
        }
    }
}

/// Adds two numbers on the device.
fn probe(environment: &Environment, options: Options, device: Device) -> ort::Result<()> {
    let mut session = builder(environment, options, device)?.commit_from_memory(PROBE)?;
    let one = ort::value::Tensor::from_array(([1usize], vec![1.0f32]))?;
    let outputs = session.run(ort::inputs!["x" => one])?;
    match outputs.values().next().map(|two| two.try_extract_tensor::<f32>().map(|t| t.1.to_vec())) {
        Some(Ok(two)) if two == [2.0] => Ok(()),
        Some(Err(e)) => Err(e),
        _ => Err(ort::Error::new("it adds wrongly")),
    }
}

fn builder(environment: &Environment, options: Options, device: Device) -> ort::Result<SessionBuilder> {
    // Level All brings the NCHWc layout, worth 17 % on StyleGAN2. Spinning threads would take the cores that the
    // user's painting needs. With the memory pattern of the first run, the second asks for all its memory in one piece,
    // beside what the first one left: half as much again, for no gain in time.
    let mut builder = SessionBuilder::new(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_op_spinning(false)?
        .with_memory_pattern(false)?
        .with_execution_providers(device.providers())?;
    if let Some(threads) = options.threads {
        builder = builder.with_intra_threads(threads.get())?;
    }
    Ok(builder)
}

/// ONNX Runtime's messages go on for pages; the first line says it.
pub(crate) fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim_end_matches(['.', ':']);
    line.chars().take(300).collect()
}
