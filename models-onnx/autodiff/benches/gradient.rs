//! Steps of loss and gradient by ONNX Runtime: how long one takes, and how much memory the process needs at most.
//!
//! ```text
//! cargo bench -p pentimento-autodiff --bench gradient -- \
//!     stylegan2-256.onnx --join eye.onnx:picture=photo --loss cosine:embedding --wrt w_plus --threads 2
//! ```
//!
//! prints one line: milliseconds (median and least) and seconds of processor time of a step, megabytes at most, seconds
//! to write the gradient and to open it, nodes, and the loss and the length of the gradient, by which PyTorch's same
//! step is known to be the same (`eager.py`). It stands here and not beside the generator's bench, because it needs
//! this crate and ONNX Runtime only. One process measures one configuration: memory at most is never given back.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use autodiff::{Differentiate, Loss, Measure, Model, Term};
use clap::Parser;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{Tensor, ValueType};

/// Times the gradient of an ONNX model.
#[derive(Parser)]
struct Arguments {
    /// The model.
    model: PathBuf,
    /// MODEL:VALUE=INPUT, a model to feed a value of the first one into.
    #[arg(long)]
    join: Option<String>,
    /// mse:VALUE or cosine:VALUE, against the input “target”.
    #[arg(long)]
    loss: String,
    /// The variable.
    #[arg(long)]
    wrt: String,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Steps that are timed, after one that is not.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Lets ONNX Runtime keep weights in the order in which matrix products read them, beside the weights themselves.
    #[arg(long)]
    packed: bool,
    /// Writes ONNX Runtime's profile to a file that starts with this.
    #[arg(long)]
    profile: Option<PathBuf>,
    /// What cargo gives to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let (path, nodes) = write(&arguments, folder.path())?;
    let mut session = open(&arguments, &path)?;
    let opened = start.elapsed().as_secs_f64();
    let mut inputs = Vec::new();
    for input in session.inputs() {
        let ValueType::Tensor { shape, .. } = input.dtype() else { bail!("{} is no tensor", input.name()) };
        let sizes = shape.iter().map(|&s| usize::try_from(s)).collect::<Result<Vec<_>, _>>()?;
        let values = seeded::uniform(input.name(), sizes.iter().product(), 1.0, 0.0);
        inputs.push((input.name().to_owned(), Tensor::from_array((sizes, values))?));
    }
    let mut times = Vec::with_capacity(arguments.runs);
    let (mut loss, mut length) = (0.0, 0.0);
    let mut busy = 0.0;
    for run in 0..=arguments.runs {
        let values: Vec<(&str, SessionInputValue<'_>)> =
            inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.into())).collect();
        let start = Instant::now();
        let outputs = session.run(values)?;
        if run == 0 {
            let (_, slope) = outputs[format!("grad_{}", arguments.wrt)].try_extract_tensor::<f32>()?;
            length = slope.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>().sqrt();
            loss = outputs["loss"].try_extract_tensor::<f32>()?.1[0].into();
            busy = processor()?;
        } else {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let busy = (processor()? - busy) / arguments.runs as f64;
    times.sort_by(f64::total_cmp);
    let (median, least) = (times[times.len() / 2], times[0]);
    let peak = most()?;
    println!(
        "{median:.1} ms, least {least:.1}, processor {busy:.3} s, {peak:.0} MB, opened in {opened:.2} s, \
         {nodes} nodes, loss {loss:.7}, slope {length:.7e}"
    );
    if arguments.profile.is_some() {
        println!("{}", session.end_profiling()?);
    }
    Ok(())
}

/// Writes the gradient. Weights go from the models to the file, so that they are in memory once.
fn write(arguments: &Arguments, folder: &Path) -> anyhow::Result<(PathBuf, usize)> {
    let mut model = Model::read_file(&arguments.model)?;
    if let Some(join) = &arguments.join {
        let (other, link) = join.rsplit_once(':').context("--join wants MODEL:VALUE=INPUT")?;
        let (value, input) = link.split_once('=').context("--join wants MODEL:VALUE=INPUT")?;
        let other = Model::read_file(Path::new(other))?.prefixed("second_")?;
        model = model.join(other, &[(value, &format!("second_{input}"))])?;
    }
    let (measure, of) = arguments.loss.split_once(':').context("--loss wants MEASURE:VALUE")?;
    let measure = match measure {
        "mse" => Measure::MeanSquare,
        "cosine" => Measure::Cosine,
        other => bail!("there is no measure “{other}”"),
    };
    let of = if arguments.join.is_some() { format!("second_{of}") } else { of.to_owned() };
    let loss = Loss::of(Term::new("term", measure, of).against("target"));
    let gradient = Differentiate::new(model).loss(loss).wrt(&arguments.wrt).build()?;
    let path = folder.join("gradient.onnx");
    gradient.model.write_file(&path)?;
    Ok((path, gradient.model.graph().node.len()))
}

/// Opens it as Pentimento's runtime would.
fn open(arguments: &Arguments, path: &Path) -> anyhow::Result<Session> {
    let set = |name| std::env::var_os(name).map(PathBuf::from);
    let installed = || set("HOME").map(|home| home.join(".local/share/pentimento"));
    let data = set("PENTIMENTO_DATA").or_else(installed).context("HOME is not set")?;
    let library = set("PENTIMENTO_ORT").unwrap_or_else(|| data.join("onnxruntime/libonnxruntime.so"));
    let quiet = Arc::new(|_, _: &str, _: &str, _: &str, _: &str| {});
    let environment =
        ort::init_from(library.canonicalize()?)?.with_telemetry(false).with_logger(quiet).build()?;
    let open = || {
        let mut builder = SessionBuilder::new(&environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(arguments.threads)?
            .with_intra_op_spinning(false)?
            .with_memory_pattern(false)?
            .with_prepacking(arguments.packed)?;
        if let Some(profile) = &arguments.profile {
            builder = builder.with_profiling(profile)?;
        }
        builder.commit_from_file(path)
    };
    open().map_err(|e: ort::Error| anyhow::anyhow!("{e}"))
}

/// Seconds that processors spent in this process. Unlike the time on the wall it hardly depends on what else runs.
fn processor() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // The name, in parentheses, may have spaces; of what follows, the 12th and 13th are times in hundredths.
    let (_, after) = text.rsplit_once(')').context("/proc/self/stat is not as expected")?;
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// The most memory that the process has had, in megabytes.
fn most() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find(|l| l.starts_with("VmHWM")).context("/proc/self/status has no VmHWM")?;
    let kibibytes: f64 = line.split_whitespace().nth(1).context("VmHWM has no number")?.parse()?;
    Ok(kibibytes * 1024.0 / 1e6)
}
