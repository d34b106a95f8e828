//! Writes the gradient of a loss as a NumPy file, so that it can be held against another framework's:
//!
//! ```text
//! grad generator.onnx --loss mse:image=target.npy --wrt styles --in styles=x.npy -o grad.npy
//! ```
//!
//! Repeated `--loss` add up, and so do repeated `--wrt`, each with its own `-o`. ONNX Runtime is the library that
//! `--runtime` or the variable `PENTIMENTO_ORT` names.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use autodiff::{Differentiate, Loss, Measure, Model, Term, coverage};
use clap::Parser;
use ndarray::ArrayD;
use ndarray_npy::{read_npy, write_npy};
use ort::session::SessionInputValue;
use ort::value::Tensor;

/// Differentiates an ONNX model.
#[derive(Parser)]
struct Arguments {
    /// The model.
    model: PathBuf,
    /// MEASURE:OUTPUT or MEASURE:OUTPUT=TARGET.npy; measures are mean, sum, mse, sse, l1, norm, cosine, entropy.
    #[arg(long, required = true)]
    loss: Vec<String>,
    /// An input or an initializer.
    #[arg(long, required = true)]
    wrt: Vec<String>,
    /// NAME=FILE.npy, of float32, float64 (narrowed) or int64.
    #[arg(long = "in")]
    input: Vec<String>,
    /// Where the gradients go, in the order of --wrt.
    #[arg(short, long, required = true)]
    output: Vec<PathBuf>,
    /// Also writes the model that computes the gradients.
    #[arg(long)]
    save: Option<PathBuf>,
    /// The file of ONNX Runtime; else the variable PENTIMENTO_ORT names it.
    #[arg(long)]
    runtime: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    run(&Arguments::parse())
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.wrt.len() != arguments.output.len() {
        bail!("give one -o for each --wrt");
    }
    let model = Model::read_file(&arguments.model)?;
    for operator in coverage(&model).iter().filter(|c| !c.covered) {
        println!("{} ({} nodes) has no rule", operator.op, operator.nodes);
    }
    let mut inputs = Vec::new();
    for given in &arguments.input {
        let (name, file) = given.split_once('=').context("--in wants NAME=FILE.npy")?;
        inputs.push((name.to_owned(), Array::read(Path::new(file))?));
    }
    let mut loss = Loss::default();
    for (index, text) in arguments.loss.iter().enumerate() {
        let (term, target) = term(index, text)?;
        loss = loss.and(term);
        if let Some((name, file)) = target {
            inputs.push((name, Array::read(&file)?));
        }
    }
    let mut plan = Differentiate::new(model).loss(loss);
    for variable in &arguments.wrt {
        plan = plan.wrt(variable);
    }
    let gradient = plan.build()?;
    let bytes = gradient.model.to_bytes()?;
    if let Some(path) = &arguments.save {
        std::fs::write(path, &bytes)?;
    }
    let library = arguments.runtime.clone().or_else(|| std::env::var_os("PENTIMENTO_ORT").map(PathBuf::from));
    let library = library.context("say where ONNX Runtime is with --runtime")?;
    // A relative path would be looked for beside the executable first.
    let library = library.canonicalize().context("there is no ONNX Runtime at that place")?;
    let environment = ort::init_from(library)?.with_telemetry(false).build()?;
    let mut session = ort::session::builder::SessionBuilder::new(&environment)?.commit_from_memory(&bytes)?;
    let values = inputs.into_iter().map(|(name, array)| Ok((name, array.value()?)));
    let outputs = session.run(values.collect::<ort::Result<Vec<_>>>()?)?;
    for name in gradient.terms.iter().chain(&gradient.loss) {
        println!("{name} = {}", outputs[name.as_str()].try_extract_array::<f32>()?);
    }
    for (name, path) in gradient.gradients.iter().zip(&arguments.output) {
        let array = outputs[name.as_str()].try_extract_array::<f32>()?;
        write_npy(path, &array)?;
        println!("{name} {:?} is in {}", array.shape(), path.display());
    }
    Ok(())
}

/// A term from its text, with the input and the file that it is held against.
fn term(index: usize, text: &str) -> anyhow::Result<(Term, Option<(String, PathBuf)>)> {
    let (measure, rest) = text.split_once(':').context("--loss wants MEASURE:OUTPUT")?;
    let measure = match measure {
        "mean" => Measure::Mean,
        "sum" => Measure::Sum,
        "mse" => Measure::MeanSquare,
        "sse" => Measure::SumSquare,
        "l1" => Measure::L1,
        "norm" => Measure::Norm,
        "cosine" => Measure::Cosine,
        "entropy" => Measure::CrossEntropy,
        other => bail!("there is no measure “{other}”"),
    };
    let name = format!("term_{index}");
    let Some((output, file)) = rest.split_once('=') else {
        return Ok((Term::new(name, measure, rest), None));
    };
    let target = format!("target_{index}");
    Ok((Term::new(name, measure, output).against(&target), Some((target, file.into()))))
}

/// What goes into a graph.
enum Array {
    F32(ArrayD<f32>),
    I64(ArrayD<i64>),
}

impl Array {
    fn read(path: &Path) -> anyhow::Result<Self> {
        if let Ok(array) = read_npy(path) {
            return Ok(Self::F32(array));
        }
        if let Ok(array) = read_npy(path) {
            return Ok(Self::I64(array));
        }
        let array: ArrayD<f64> = read_npy(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self::F32(array.mapv(|v| v as f32)))
    }

    fn value(self) -> ort::Result<SessionInputValue<'static>> {
        Ok(match self {
            Self::F32(array) => Tensor::from_array(array)?.into(),
            Self::I64(array) => Tensor::from_array(array)?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    /// Where the other tests look for it too.
    fn library() -> PathBuf {
        let named = std::env::var_os("PENTIMENTO_ORT").map(PathBuf::from);
        let data = std::env::var_os("PENTIMENTO_DATA").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".local/share/pentimento");
        named.unwrap_or_else(|| data.unwrap_or_else(home).join("onnxruntime/libonnxruntime.so"))
    }

    #[test]
    fn the_starters_text_projection_by_its_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let sentence: ArrayD<f32> = ArrayD::from_shape_fn(vec![1, 384], |i| (i[1] as f32 * 0.7).sin());
        write_npy(file("x.npy"), &sentence).unwrap();
        write_npy(file("t.npy"), &ArrayD::<f32>::zeros(vec![1, 128])).unwrap();
        let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../packs/starter-faces/text-projection.onnx");
        let (input, target) =
            (format!("sentence={}", file("x.npy")), format!("sse:embedding={}", file("t.npy")));
        let library = library().display().to_string();
        let mut words = vec!["grad", model, "--wrt", "sentence", "--in", &input, "--loss", &target];
        let output = file("g.npy");
        words.extend(["-o", &output, "--runtime", &library]);
        run(&Arguments::parse_from(words)).unwrap();
        let gradient: ArrayD<f32> = read_npy(file("g.npy")).unwrap();
        assert_eq!(gradient.shape(), [1, 384]);
        assert!(gradient.iter().any(|&g| g.abs() > 1e-6) && gradient.iter().all(|g| g.is_finite()));
    }

    #[test]
    fn texts_are_read_or_refused() {
        assert!(matches!(term(0, "cosine:y=t.npy"), Ok((_, Some((name, _)))) if name == "target_0"));
        assert!(matches!(term(1, "sum:y"), Ok((_, None))));
        assert!(term(0, "best:y").is_err() && term(0, "sum").is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write_npy(&path, &arr2(&[[1.0f64, 2.0]])).unwrap();
        assert!(matches!(Array::read(&path), Ok(Array::F32(a)) if a.shape() == [1, 2]));
        write_npy(&path, &arr2(&[[1i64, 2]])).unwrap();
        assert!(matches!(Array::read(&path), Ok(Array::I64(_))));
        assert!(Array::read(&folder.path().join("none.npy")).is_err());
    }
}
