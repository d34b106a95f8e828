//! `pentimento run`: a graph of a pack on arrays, so that anyone can hold it against a framework of their own.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use models_onnx::pack::Dtype;
use models_onnx::session::{Session, Tensor};
use models_onnx::{Cancel, ModelError, Places, Role, Runtime};
use ndarray::ArrayD;
use ndarray_npy::{ReadNpyError, ReadNpyExt, WriteNpyExt};

use super::pack;
use crate::error::PluginError;

pub(super) fn command() -> Command {
    Command::new("run")
        .about("Runs one graph of a pack on .npy arrays and writes what comes out")
        .after_help("Example:\n  pentimento run starter-faces synthesis styles=s.npy -o out\n  pentimento pack info starter-faces    (names and shapes)")
        .arg(pack::named())
        .arg(Arg::new("ROLE").required(true).help("Which graph: a role such as “synthesis”, or “mapper/NAME”"))
        .arg(
            Arg::new("INPUT")
                .value_name("NAME=FILE.npy")
                .required(true)
                .action(ArgAction::Append)
                .help("What goes in, by name"),
        )
        .arg(
            Arg::new("out")
                .short('o')
                .long("out")
                .value_name("FOLDER")
                .value_parser(value_parser!(PathBuf))
                .required(true)
                .help("Where to write NAME.npy for everything that comes out"),
        )
}

/// An array of a file.
enum Array {
    F32(ArrayD<f32>),
    I64(ArrayD<i64>),
}

pub(super) fn run(matches: &ArgMatches, places: &Places) -> Result<(), PluginError> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    let pack = pack::find(places, text("PACK"))?;
    let runtime = Runtime::load(&places.onnxruntime(), Default::default()).map_err(ModelError::from)?;
    let (contract, mut session) = match text("ROLE").split_once('/') {
        Some(("mapper", name)) => (pack.mapper(name)?, Session::mapper(&runtime, &pack, name)?),
        _ => {
            let role = Role::named(text("ROLE")).ok_or_else(|| unknown(text("ROLE")))?;
            (pack.contract(role)?, Session::open(&runtime, &pack, role)?)
        }
    };
    let mut arrays = Vec::new();
    for input in matches.get_many::<String>("INPUT").into_iter().flatten() {
        let (name, file) = input.split_once('=').ok_or_else(|| PluginError::File {
            what: "inputs are given as NAME=FILE.npy".into(),
            path: input.clone(),
        })?;
        let port = contract.inputs.iter().find(|port| port.name == name);
        let port = port.ok_or_else(|| PluginError::File {
            what: format!("nothing called “{name}” goes into this graph"),
            path: input.clone(),
        })?;
        arrays.push((name, read(Path::new(file), port.dtype)?));
    }
    let inputs: Vec<(&str, Tensor<'_>)> = arrays
        .iter()
        .map(|(name, array)| match array {
            Array::F32(array) => (*name, Tensor::F32(array.view())),
            Array::I64(array) => (*name, Tensor::I64(array.view())),
        })
        .collect();
    let outputs = session.run(&inputs, &Cancel::new())?;
    let folder = matches.get_one::<PathBuf>("out").map(PathBuf::as_path).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|why| failed(&why.to_string(), folder))?;
    for (port, output) in contract.outputs.iter().zip(outputs) {
        let path = folder.join(&port.name).with_extension("npy");
        let file = fs::File::create(&path).map_err(|why| failed(&why.to_string(), &path))?;
        output.as_standard_layout().write_npy(file).map_err(|why| failed(&why.to_string(), &path))?;
        println!("{}  {:?}", path.display(), output.shape());
    }
    Ok(())
}

/// Reads numbers of whichever type numpy wrote, as the graph wants them.
fn read(path: &Path, dtype: Dtype) -> Result<Array, PluginError> {
    let bytes = fs::read(path).map_err(|why| failed(&why.to_string(), path))?;
    fn as_is<T: ndarray_npy::ReadableElement>(bytes: &[u8]) -> Result<ArrayD<T>, ReadNpyError> {
        ArrayD::read_npy(bytes)
    }
    let read = match dtype {
        Dtype::F32 => as_is::<f32>(&bytes)
            .or_else(|_| as_is::<f64>(&bytes).map(|a| a.mapv(|v| v as f32)))
            .map(Array::F32),
        Dtype::I64 => {
            as_is::<i64>(&bytes).or_else(|_| as_is::<i32>(&bytes).map(|a| a.mapv(i64::from))).map(Array::I64)
        }
    };
    read.map_err(|why| failed(&format!("it holds no array of the kind that is needed: {why}"), path))
}

fn failed(what: &str, path: &Path) -> PluginError {
    PluginError::File { what: what.to_owned(), path: path.display().to_string() }
}

fn unknown(role: &str) -> PluginError {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
    PluginError::File {
        what: format!("there is no role of that name; roles are {}", names.join(", ")),
        path: role.into(),
    }
}
