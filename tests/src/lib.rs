//! What the black-box tests share: where things lie, pictures to edit.
//!
//! The tests need ONNX Runtime and the sentence encoder, which `cargo pentimento-installer fetch` puts into the
//! data folder; a test that does not find them fails and says so.

use std::path::{Path, PathBuf};

use models_onnx::Places;
use pentimento::pipeline::params::ROAD;
use pentimento_ffi::plugin::ArgValue;
use pentimento_protocol::param::Value;
use tempfile::TempDir;

/// Root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A data folder of our own with the packs of the repository, the tiny test pack first, and the fetched runtime.
pub struct Data {
    /// The folder; removed at the end.
    pub folder: TempDir,
    /// As the plug-in sees it.
    pub places: Places,
}

impl Data {
    /// Sets it up.
    ///
    /// # Panics
    /// If the runtime has not been fetched, or the folder cannot be written.
    pub fn new() -> Self {
        let fetched = Places::from_environment().expect("HOME or PENTIMENTO_DATA must be set");
        for needed in [fetched.onnxruntime(), fetched.shared()] {
            assert!(
                needed.exists(),
                "{} is missing; run: cargo pentimento-installer fetch",
                needed.display()
            );
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let link = |from: &Path, to: &str| {
            let to = folder.path().join(to);
            std::fs::create_dir_all(to.parent().expect("inside the folder")).expect("a folder");
            std::os::unix::fs::symlink(from, to).expect("a link");
        };
        link(&fetched.onnxruntime().canonicalize().expect("the runtime"), "onnxruntime/libonnxruntime.so");
        link(&fetched.shared().canonicalize().expect("the shared folder"), "shared");
        for (from, to) in [
            ("models-onnx/packs/starter-faces", "packs/starter-faces"),
            ("models-onnx/packs/landmarks", "packs/landmarks"),
            ("tests/packs/tiny", "packs/a-tiny"),
        ] {
            link(&root().join(from).canonicalize().expect("a pack of the repository"), to);
        }
        let places = Places::at(folder.path());
        Self { folder, places }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self::new()
    }
}

/// The arguments of the text edit's procedure by name, in their order, with the values of a fresh one but for some.
///
/// # Panics
/// If there is no argument of a name that is to change.
pub fn text_edit(changes: &[(&str, ArgValue)]) -> Vec<(String, ArgValue)> {
    let operation = pentimento::ops::find("text-edit").expect("the first operation");
    let own = operation.params().iter().chain(ROAD.iter()).map(|param| {
        let value = match param.default() {
            Value::Text(text) => ArgValue::Text(text),
            Value::Number(number) => ArgValue::Number(number),
            Value::Flag(flag) => ArgValue::Flag(flag),
        };
        (param.id.to_string(), value)
    });
    let common = [
        ("pack".to_owned(), ArgValue::Text(String::new())),
        ("device".to_owned(), ArgValue::Text("cpu".to_owned())),
        ("threads".to_owned(), ArgValue::Number(2.0)),
    ];
    let mut arguments: Vec<(String, ArgValue)> = own.chain(common).collect();
    for (name, value) in changes {
        let argument = arguments.iter_mut().find(|(known, _)| known == name);
        argument.unwrap_or_else(|| panic!("there is no argument “{name}”")).1 = value.clone();
    }
    arguments
}

/// The program as it is installed: launcher beside its libraries.
///
/// # Panics
/// If it has not been built; `cargo verify` builds it first.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this test's own path");
    let built = test.ancestors().nth(2).expect("the folder that cargo builds into");
    for file in ["pentimento", "libpentimento.so"] {
        let file = built.join(file);
        assert!(file.exists(), "{} is missing; run: cargo build --release --workspace", file.display());
    }
    built.join("pentimento")
}

/// A portrait-like test picture of 16 bits: a face-coloured disc before a gradient, with fine grain everywhere, so
/// that a pixel that was touched shows.
pub fn scene(width: u32, height: u32) -> image::ImageBuffer<image::Rgb<u16>, Vec<u16>> {
    image::ImageBuffer::from_fn(width, height, |x, y| {
        let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let face = ((u - 0.5) * f64::from(width) / f64::from(height)).hypot(v - 0.5) < 0.25;
        let base = if face { [0.85, 0.62, 0.5] } else { [0.3 + 0.4 * u, 0.4, 0.7 - 0.4 * v] };
        // A multiplicative hash: cheap, the same everywhere, and no two neighbours alike.
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 20;
        image::Rgb(base.map(|c| (c * 60_000.0) as u16 + grain as u16 % 997))
    })
}
