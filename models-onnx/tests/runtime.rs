//! Libraries that are not ONNX Runtime, in a process of their own: the first good one stays for good.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, reason = "each test crate uses its part")]
mod support;

use std::fs;
use std::path::Path;

use models_onnx::runtime::Options;
use models_onnx::{Device, Runtime, RuntimeError};

fn refusal(path: &Path) -> RuntimeError {
    let error = Runtime::load(path, Options::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("run pentimento-installer") && text.lines().count() == 1, "{text}");
    error
}

#[test]
fn bad_libraries_are_refused_in_words_and_the_good_one_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("libonnxruntime.so");
    assert!(matches!(refusal(&missing), RuntimeError::Missing(_)));

    let text = folder.path().join("text.so");
    fs::write(&text, "This is not a library, but long enough to be read as one. ".repeat(4)).unwrap();
    assert!(matches!(refusal(&text), RuntimeError::Broken { .. }));
    assert!(matches!(refusal(folder.path()), RuntimeError::Broken { .. }));

    // Any library will do; this one is mapped into the process already.
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc =
        maps.lines().filter_map(|l| l.split_whitespace().nth(5)).find(|p| p.contains("/libc")).unwrap();
    assert!(matches!(refusal(Path::new(libc)), RuntimeError::Other(_)));

    let auto = Runtime::load(&support::library(), Options::default()).unwrap();
    assert_ne!(auto.device(), Device::Auto);
    assert!(auto.note().contains("is used"), "{}", auto.note());
    assert!(!auto.build_info().is_empty());

    // The same again is the same; another is refused.
    assert!(Runtime::load(&support::library(), Options::default()).is_ok());
    let second = Runtime::load(&text, Options::default()).unwrap_err();
    assert!(matches!(second, RuntimeError::Second(_)), "{second}");

    // A chosen device works or says why not; it never becomes another one.
    for device in [Device::Cpu, Device::Cuda, Device::TensorRt] {
        match Runtime::load(&support::library(), Options { device, ..Options::default() }) {
            Ok(runtime) => assert_eq!(runtime.device(), device),
            Err(RuntimeError::Device { why, .. }) => assert!(device != Device::Cpu && !why.is_empty()),
            Err(other) => panic!("{other}"),
        }
    }
}
