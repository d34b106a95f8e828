//! Every fixture, read and held against what Python saw: all names, sizes, kinds and values, bit for bit.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use checkpoint::{Checkpoint, Dtype, Kind, Value};
use serde_json::Value as Json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A double that Python wrote in hexadecimal.
fn hexadecimal(text: &str) -> f64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1.0, text), |digits| (-1.0, digits));
    match digits {
        "inf" => return sign * f64::INFINITY,
        "nan" => return f64::NAN,
        _ => {}
    }
    let (mantissa, exponent) = digits.strip_prefix("0x").unwrap().split_once('p').unwrap();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = u64::from_str_radix(&format!("{whole}{fraction}"), 16).unwrap();
    let shift = exponent.parse::<i32>().unwrap() - 4 * i32::try_from(fraction.len()).unwrap();
    // In two steps, because the scale of the smallest numbers is itself too small.
    sign * all as f64 * 2_f64.powi(shift / 2) * 2_f64.powi(shift - shift / 2)
}

fn dtype(name: &str) -> Dtype {
    match name {
        "float64" => Dtype::F64,
        "float32" => Dtype::F32,
        "float16" => Dtype::F16,
        "bfloat16" => Dtype::Bf16,
        "int64" => Dtype::I64,
        "int32" => Dtype::I32,
        "int16" => Dtype::I16,
        "int8" => Dtype::I8,
        "uint8" => Dtype::U8,
        "uint16" => Dtype::U16,
        "bool" => Dtype::Bool,
        _ => panic!("{name}"),
    }
}

fn setting(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) if number.is_i64() => Value::Int(number.as_i64().unwrap()),
        Json::Number(number) => Value::Float(number.as_f64().unwrap()),
        Json::String(text) => Value::Text(text.as_str().into()),
        Json::Object(class) => Value::StandIn(class["class"].as_str().unwrap().into()),
        Json::Array(_) => panic!("{json}"),
    }
}

/// Compares a file with what Python saw in it.
fn check(name: &str, kind: Kind) {
    let expected = std::fs::read_to_string(folder().join(format!("{name}.expected.json"))).unwrap();
    let expected: Json = serde_json::from_str(&expected).unwrap();
    let opened = Checkpoint::open(folder().join(name)).unwrap();
    let read = Checkpoint::read(std::fs::read(folder().join(name)).unwrap()).unwrap();
    let tensors: BTreeMap<_, _> = expected["tensors"].as_object().unwrap().iter().collect();
    for checkpoint in [opened, read] {
        assert_eq!(checkpoint.kind(), Some(kind), "{name}");
        assert_eq!(checkpoint.refused().collect::<Vec<_>>(), [], "{name}");
        assert_eq!(
            checkpoint.names().collect::<Vec<_>>(),
            tensors.keys().map(|name| name.as_str()).collect::<Vec<_>>(),
            "{name}"
        );
        for (tensor, expected) in &tensors {
            let shape: Vec<usize> = serde_json::from_value(expected["shape"].clone()).unwrap();
            assert_eq!(checkpoint.shape(tensor), Some(&shape[..]), "{name}: {tensor}");
            assert_eq!(
                checkpoint.dtype(tensor),
                Some(dtype(expected["dtype"].as_str().unwrap())),
                "{name}: {tensor}"
            );
            let exact: Vec<f64> = expected["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| hexadecimal(v.as_str().unwrap()))
                .collect();
            let double = checkpoint.f64(tensor).unwrap();
            assert_eq!(double.shape(), shape);
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(double.as_slice().unwrap()), bits(&exact), "{name}: {tensor}");
            let single = checkpoint.f32(tensor).unwrap();
            let rounded: Vec<u32> = exact.iter().map(|value| (*value as f32).to_bits()).collect();
            assert_eq!(
                single.iter().map(|value| value.to_bits()).collect::<Vec<_>>(),
                rounded,
                "{name}: {tensor}"
            );
        }
        for (key, expected) in expected["settings"].as_object().unwrap() {
            assert_eq!(checkpoint.value(key), Some(&setting(expected)), "{name}: {key}");
        }
    }
}

#[test]
fn torch_zip() {
    check("torch_zip.pt", Kind::TorchZip);
    check("training.ckpt", Kind::TorchZip);
    check("module.pt", Kind::TorchZip);
    check("module_stream.pt", Kind::TorchStream);
    check("bare.pt", Kind::TorchZip);
}

#[test]
fn torch_stream() {
    check("torch_stream.pt", Kind::TorchStream);
    check("training_stream.ckpt", Kind::TorchStream);
}

#[test]
fn strangers_are_refused_by_name() {
    let checkpoint = Checkpoint::open(folder().join("strangers.pt")).unwrap();
    assert_eq!(checkpoint.shape("sound"), Some(&[2][..]));
    assert!(checkpoint.f32("sound").is_ok());
    for (name, why) in [
        ("sparse", "torch._utils._rebuild_sparse_tensor"),
        ("complex", "torch.ComplexFloatStorage"),
        ("eight", "torch.float8_e4m3fn"),
        ("meta", "torch._utils._rebuild_meta_tensor_no_storage"),
        ("text", "numpy._core.multiarray.scalar"),
    ] {
        let said = checkpoint.f32(name).unwrap_err().to_string();
        assert!(said.contains(name) && said.contains(why), "{said}");
        assert!(checkpoint.names().all(|readable| readable != name));
    }
    assert!(matches!(checkpoint.f32("nothing"), Err(checkpoint::Error::Missing(_))));
}

#[test]
fn parts_share_the_file() {
    let whole = Checkpoint::open(folder().join("nvidia_4.pkl")).unwrap();
    let part = whole.under("G_ema.synthesis.");
    assert_eq!(part.f32("b4.conv1.weight").unwrap(), whole.f32("G_ema.synthesis.b4.conv1.weight").unwrap());
    assert_eq!(part.value("b4.conv1.conv_clamp"), Some(&Value::Int(256)));
    assert_eq!((part.kind(), part.size()), (whole.kind(), whole.size()));
    assert_eq!(whole.under("nothing").names().count(), 0);
}

#[test]
fn torchscript() {
    check("script.pt", Kind::TorchScript);
}

#[test]
fn safetensors() {
    check("tensors.safetensors", Kind::Safetensors);
}

#[test]
fn nvidia() {
    check("nvidia_3.pkl", Kind::Pickle);
    check("nvidia_4.pkl", Kind::Pickle);
}

#[test]
fn tensorflow() {
    check("tensorflow.pkl", Kind::Pickle);
}

#[test]
fn numpy_pickles() {
    for protocol in 0..=5 {
        check(&format!("numpy_{protocol}.pkl"), Kind::Pickle);
    }
}

#[test]
fn numpy_files() {
    check("array.npy", Kind::Npy);
    check("fortran.npy", Kind::Npy);
    check("objects.npy", Kind::Npy);
    check("stored.npz", Kind::Npz);
    check("deflated.npz", Kind::Npz);
}

/// Python 2 wrote texts as bytes: names, the code of a dtype, its byte order, and the numbers themselves.
#[test]
fn python_2() {
    let mut pickle = b"\x80\x02}(U\x01a".to_vec();
    pickle
        .extend(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01K\x02\x85");
    pickle
        .extend(b"cnumpy\ndtype\nU\x02f4K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb");
    pickle.extend(b"\x89U\x08\0\0\x80?\0\0\0@tb");
    pickle.extend(b"S'opts\\x41'\n(dp1\nS'size'\nI256\nsu.");
    let checkpoint = Checkpoint::read(pickle).unwrap();
    assert_eq!(checkpoint.f32("a").unwrap().as_slice(), Some(&[1.0, 2.0][..]));
    assert_eq!(checkpoint.value("optsA.size"), Some(&Value::Int(256)));
}
