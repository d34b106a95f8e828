//! Every refusal of the pack loader.

use std::fs;

use models_onnx::pack::{Array, File};
use models_onnx::{ModelError, Pack, PackError, Role};
use proptest::prelude::*;

use crate::support::{Damaged, tiny, tiny_folder};

/// One sentence that ends with a path.
fn sentence(error: &PackError) -> String {
    let text = error.to_string();
    assert!(text.lines().count() == 1 && text.ends_with(')') && text.contains(';'), "{text}");
    text
}

fn unsound(from: &str, to: &str, says: &str) {
    let error = Damaged::with(from, to).open().unwrap_err();
    let text = sentence(&error);
    assert!(matches!(error, PackError::Unsound { .. }) && text.contains(says), "{from} -> {to}: {text}");
}

#[test]
fn the_tiny_pack_is_sound() {
    let pack = tiny();
    pack.verify().unwrap();
    assert_eq!(pack.manifest().id, "tiny");
    let missing = [
        Role::Layout,
        Role::Preview,
        Role::Restyle,
        Role::TextEncoder,
        Role::Segmenter,
        Role::SegmenterAt,
        Role::Identity,
        Role::Perceptual,
        Role::Mapper,
        Role::Denoiser,
        Role::LatentEncoder,
        Role::LatentDecoder,
        Role::Stylise,
        Role::FaceProposal,
        Role::FaceRefinement,
        Role::FaceLandmarks,
    ];
    assert_eq!(pack.missing(&Role::ALL), missing);
    assert_eq!(pack.hash(), crate::support::hash(&tiny_folder().join("pack.toml")));
}

#[test]
fn newer_and_older_versions() {
    for version in ["0", "2", "999999999999"] {
        let error = Damaged::with("version = 1", &format!("version = {version}")).open().unwrap_err();
        assert!(matches!(error, PackError::Version { .. }), "{error}");
        assert!(sentence(&error).contains("update Pentimento"));
    }
    // A newer manifest may have keys that this version does not know: the version is what is complained about.
    let copy = Damaged::with("version = 1", "version = 2\nrotation = 3");
    assert!(matches!(copy.open(), Err(PackError::Version { version: 2, .. })));
}

#[test]
fn unknown_keys_roles_and_words() {
    let changes = [
        ("version = 1", "version = 1\ncolour = 3"),
        ("low = -1.0", "low = -1.0\nlower = 0.0"),
        ("[roles.mapping]", "[roles.maping]"),
        ("[arrays.style-std]", "[arrays.style-dev]"),
        ("stylegan2", "stylegan9"),
        ("\"f32\"", "\"f16\""),
        ("pooling = \"mean\"", "pooling = \"max\""),
        ("kind = \"square\"", "kind = \"round\""),
        ("resolution = 8", "resolution = -8"),
    ];
    for (from, to) in changes {
        let error = Damaged::with(from, to).open().unwrap_err();
        let text = sentence(&error);
        assert!(
            matches!(error, PackError::Broken { .. }) && text.contains("line "),
            "{from} -> {to}: {text}"
        );
    }
}

#[test]
fn not_a_manifest() {
    let copy = Damaged::new();
    let path = copy.folder().join("pack.toml");
    for bytes in [&b"\xff\xfe"[..], b"", b"version = ", b"version = 'one'", b"[[[", &[b'['; 100_000]] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(copy.open(), Err(PackError::Broken { .. })), "{:?}", &bytes[..bytes.len().min(9)]);
    }
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(matches!(copy.open(), Err(PackError::TooLarge { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(copy.open(), Err(PackError::Unreadable { .. })));
}

proptest! {
    /// Whatever a manifest holds, it is refused or sound, and never panics.
    #[test]
    fn changed_manifests(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..6, "[ -~]{0,6}"), 1..4),
    ) {
        let copy = Damaged::new();
        let path = copy.folder().join("pack.toml");
        let mut text = fs::read_to_string(&path).unwrap();
        for (at, remove, insert) in changes {
            let start = at.index(text.len());
            let end = (start + remove).min(text.len());
            text.replace_range(start..end, &insert);
        }
        fs::write(&path, text).unwrap();
        if let Err(error) = copy.open() {
            sentence(&error);
        }
    }
}

#[test]
fn names_with_line_breaks() {
    unsound("file = \"synthesis.onnx\"", "file = \"synthesis.on\\nx\"", "a name with control characters");
    unsound("file = \"relevance.npy\"", "file = \"../\\u0007\"", "a name with control characters");
    let class = "[[classes]]\nname = \"hair\\nof the head\"\ncolour = [1, 2, 3]\n[text]";
    unsound("[text]", class, "a name with control characters");
}

#[test]
fn missing_files() {
    for file in ["synthesis.onnx", "tokenizer.json", "relevance.npy"] {
        let copy = Damaged::new();
        fs::remove_file(copy.folder().join(file)).unwrap();
        let error = copy.open().unwrap_err();
        assert!(matches!(error, PackError::Unreadable { .. }) && sentence(&error).contains(file), "{error}");
    }
    let copy = Damaged::new();
    fs::remove_file(copy.folder().join("affine.onnx")).unwrap();
    fs::create_dir(copy.folder().join("affine.onnx")).unwrap();
    assert!(matches!(copy.open(), Err(PackError::Unreadable { .. })));
}

#[test]
fn shared_files_lie_elsewhere() {
    let shared = "file = \"mapping.onnx\"\nshared = true";
    let copy = Damaged::with("file = \"mapping.onnx\"", shared);
    assert!(matches!(copy.open(), Err(PackError::Unreadable { .. })));
    fs::rename(copy.folder().join("mapping.onnx"), copy.shared().join("mapping.onnx")).unwrap();
    copy.open().unwrap().verify().unwrap();
}

#[test]
fn changed_files_are_seen_when_they_are_read() {
    for (file, role) in [("affine.onnx", Role::Affine), ("synthesis.onnx", Role::Synthesis)] {
        let copy = Damaged::new();
        let path = copy.folder().join(file);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        let pack = copy.open().unwrap();
        assert!(matches!(pack.graph(pack.contract(role).unwrap()), Err(PackError::Hash(_))));
        assert!(matches!(pack.verify(), Err(PackError::Hash(_))));
        assert!(pack.graph(pack.contract(Role::Encoder).unwrap()).is_ok());
    }
    let copy = Damaged::new();
    fs::write(copy.folder().join("tokenizer.json"), "{}").unwrap();
    assert!(matches!(copy.open().unwrap().file(File::Tokenizer), Err(ModelError::Pack(PackError::Hash(_)))));
}

#[test]
fn files_outside_the_pack() {
    let copy = Damaged::new();
    fs::copy(copy.folder().join("mapping.onnx"), copy.folder().join("../outside.onnx")).unwrap();
    let absolute = copy.folder().join("mapping.onnx");
    for outside in
        ["../outside.onnx", "./mapping.onnx/../../outside.onnx", absolute.to_str().unwrap(), "", "."]
    {
        let copy = Damaged::with("file = \"mapping.onnx\"", &format!("file = \"{outside}\""));
        fs::write(copy.folder().join("../outside.onnx"), "x").unwrap();
        let error = copy.open().unwrap_err();
        assert!(matches!(error, PackError::Escapes { .. }), "{outside}: {error}");
    }
}

#[test]
#[cfg(unix)]
fn links_that_lead_outside() {
    let copy = Damaged::new();
    let (inside, outside) = (copy.folder().join("mapping.onnx"), copy.folder().join("../outside.onnx"));
    fs::rename(&inside, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &inside).unwrap();
    assert!(matches!(copy.open(), Err(PackError::Escapes { .. })));
    // A link to a neighbour in the pack is harmless.
    fs::rename(&outside, copy.folder().join("real.onnx")).unwrap();
    fs::remove_file(&inside).unwrap();
    std::os::unix::fs::symlink("real.onnx", &inside).unwrap();
    copy.open().unwrap().verify().unwrap();
}

#[test]
fn absurd_sizes() {
    unsound("resolution = 8", "resolution = 4294967295", "resolution");
    unsound("resolution = 8", "resolution = 0", "resolution");
    unsound("channels = 192", "channels = 0", "channels");
    unsound("channels = 192", "channels = 9999999", "channels");
    unsound("[\"n\", 96]", "[\"n\", 99999999999]", "mapping");
    unsound("[\"n\", 96]", "[\"n\", 0]", "mapping");
    unsound("[\"n\", 2, 96]", "[\"n\", 1000000, 1000000]", "style layers");
    unsound("[\"n\", 96]", "[\"n\", 1, 1, 1, 1, 1, 1, 1, 96]", "mapping");
    unsound("id = \"tiny\"", "id = \"../tiny\"", "lower-case letters");
    unsound("id = \"tiny\"", "id = \"\"", "lower-case letters");
    unsound("name = \"Tiny\"", &format!("name = \"{}\"", "x".repeat(70_000)), "too long");
    let hash = format!("sha256 = \"{}\"", crate::support::hash(&tiny_folder().join("mapping.onnx")));
    unsound(&hash, "sha256 = \"00\"", "SHA-256");
    unsound(&hash, &hash.to_uppercase().replace("SHA256", "sha256"), "SHA-256");
}

#[test]
fn numbers_that_are_none() {
    unsound("low = -1.0", "low = nan", "range");
    unsound("high = 1.0", "high = inf", "range");
    unsound("high = 1.0", "high = -1.0", "range");
    unsound("typical = 40.0", "typical = nan", "fidelity");
    unsound("poor = 20.0", "poor = 41.0", "fidelity");
    unsound("strength = 4.0", "strength = nan", "direction");
    unsound("disentanglement = 0.1", "disentanglement = -0.1", "direction");
    unsound("kind = \"square\"", "kind = \"square\"\neyes = [[0.4, nan], [0.6, 0.4]]", "eyes");
    unsound("kind = \"square\"", "kind = \"square\"\neyes = [[0.4, 0.4], [1.6, 0.4]]", "eyes");
    unsound(
        "kind = \"square\"",
        "kind = \"square\"\neyes = [[0.4, 0.4], [0.4, 0.4]]",
        "both eyes at one place",
    );
    unsound("kind = \"square\"", "kind = \"ffhq\"\neyes = [[0.4, 0.4], [0.6, 0.4]]", "places for eyes");
    assert!(Damaged::with("kind = \"square\"", "kind = \"ffhq\"").open().is_ok());
}

#[test]
fn shapes_that_contradict_each_other() {
    // Channels that no longer add up to what goes into the synthesis.
    unsound("channels = 3", "channels = 4", "styles");
    unsound("resolution = 8", "resolution = 16", "image");
    unsound("[\"n\", 2, 96]", "[\"n\", 2, 95]", "w");
    unsound("[\"n\", 2, 96]", "[\"n\", 3, 96]", "“L”");
    unsound("[\"n\", 4]", "[\"n\", 5]", "“D”");
    unsound("[\"n\", \"t\", 4]", "[\"n\", \"t\", 5]", "“H”");
    unsound("[\"n\", \"t\", 4]", "[\"n\", \"t\", \"h\"]", "*[n,t,H]");
    unsound("dims = [197]", "dims = [196]", "style_mean");
    // Axes of codes of another width; how many there are is free.
    let axes = |width: usize| {
        let hash = crate::support::hash(&tiny_folder().join("style_std.npy"));
        format!(
            "[arrays.code-axes]\nfile = \"style_std.npy\"\nsha256 = \"{hash}\"\ndims = [7, {width}]\n\n[text]"
        )
    };
    unsound("[text]", &axes(95), "style_std.npy of [7, 95]");
    Damaged::with("[text]", &axes(96)).open().unwrap();
    unsound("dims = [197, 4]", "dims = [4, 197]", "relevance");
    unsound("name = \"styles\"", "name = \"style\"", "style F32");
    unsound("name = \"input_ids\"", "name = \"ids\"", "ids");
    unsound("pooling = \"mean\"\n", "", "pooling");
    unsound("{}\", \"a picture", "\", \"a picture", "template");
}

/// A mapper's entry in the manifest; its graph is the affine one, which nobody runs here.
fn with_mapper(ports: &str) -> Result<Pack, PackError> {
    let hash = crate::support::hash(&tiny_folder().join("affine.onnx"));
    let entry =
        format!("[mappers.curly]\nfile = \"affine.onnx\"\nsha256 = \"{hash}\"\n{ports}\n\n[files.tokenizer]");
    Damaged::with("[files.tokenizer]", &entry).open()
}

#[test]
fn mappers_change_codes_or_styles_of_the_pack() {
    let port = |name: &str, dims: &str| {
        format!("[{{ name = \"{name}\", dims = [\"n\", {dims}], dtype = \"f32\" }}]")
    };
    let ports = |from: &str, to: &str| {
        with_mapper(&format!("inputs = {}\noutputs = {}", port("w_plus", from), port("delta", to)))
    };
    let pack = ports("2, 96", "2, 96").unwrap();
    assert!(pack.mapper("curly").is_ok());
    assert!(matches!(pack.mapper("straight"), Err(ModelError::Unknown { .. })));
    for (from, to) in [("3, 96", "3, 96"), ("2, 96", "2, 95"), ("2, 96", "197")] {
        let text = ports(from, to).unwrap_err().to_string();
        assert!(text.contains("mapper “curly”"), "{text}");
    }
    let styles = |size: usize| {
        let size = size.to_string();
        with_mapper(&format!("inputs = {}\noutputs = {}", port("styles", &size), port("delta", &size)))
    };
    assert!(styles(197).is_ok());
    assert!(styles(196).is_err());
}

#[test]
fn weights_beside_a_graph_are_checked_like_the_graph() {
    let hash = crate::support::hash(&tiny_folder().join("mapping.onnx"));
    let line = format!("sha256 = \"{hash}\"");
    let with = |file: &str, sum: &str| {
        Damaged::with(&line, &format!("{line}\ndata = [{{ file = \"{file}\", sha256 = \"{sum}\" }}]"))
    };
    let data = crate::support::hash(&tiny_folder().join("affine.onnx"));
    let copy = with("affine.onnx", &data);
    let pack = copy.open().unwrap();
    pack.verify().unwrap();
    let weights = pack.weights(pack.contract(Role::Mapping).unwrap()).unwrap();
    assert_eq!((weights.len(), weights[0].0.as_str()), (1, "affine.onnx"));
    let copy = with("affine.onnx", &hash);
    assert!(matches!(copy.open().unwrap().verify(), Err(PackError::Hash(_))));
    assert!(matches!(with("none.data", &data).open(), Err(PackError::Unreadable { .. })));
    assert!(matches!(with("../x", &data).open(), Err(PackError::Escapes { .. })));
}

#[test]
fn manifests_are_written_as_they_are_read() {
    for pack in [tiny(), crate::starter::starter()] {
        let text = toml::to_string(pack.manifest()).unwrap();
        let again: models_onnx::pack::Manifest = toml::from_str(&text).unwrap();
        assert_eq!(&again, pack.manifest());
    }
}

#[test]
fn arrays_that_are_not_what_the_manifest_says() {
    let write = |copy: &Damaged, file: &str, values: ndarray::ArrayD<f32>| {
        let path = copy.folder().join(file);
        let before = crate::support::hash(&path);
        ndarray_npy::write_npy(&path, &values).unwrap();
        copy.replace(&before, &crate::support::hash(&path));
    };
    let copy = Damaged::new();
    write(&copy, "style_std.npy", ndarray::ArrayD::from_elem(vec![197], f32::NAN));
    write(&copy, "relevance.npy", ndarray::ArrayD::zeros(vec![4, 197]));
    let pack = copy.open().unwrap();
    for result in [pack.vector(Array::StyleStd).map(drop), pack.matrix(Array::Relevance).map(drop)] {
        assert!(matches!(result, Err(ModelError::Pack(PackError::Array { .. }))), "{result:?}");
    }
    // Hashes match, but it is no array.
    let copy = Damaged::new();
    let path = copy.folder().join("relevance.npy");
    let before = crate::support::hash(&path);
    fs::write(&path, "\u{93}NUMPY not really").unwrap();
    copy.replace(&before, &crate::support::hash(&path));
    let result = copy.open().unwrap().matrix(Array::Relevance);
    assert!(matches!(result, Err(ModelError::Pack(PackError::Array { .. }))), "{result:?}");
}

#[test]
fn what_a_pack_lacks_is_said_in_words() {
    let copy = Damaged::new();
    let path = copy.folder().join("pack.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("[roles.sentence-encoder]").unwrap();
    let (_, after) = after.split_once("[files.tokenizer]").unwrap();
    fs::write(&path, format!("{before}[files.tokenizer]{after}")).unwrap();
    let pack = copy.open().unwrap();
    assert_eq!(pack.missing(&[Role::Encoder, Role::SentenceEncoder]), [Role::SentenceEncoder]);
    let error = pack.contract(Role::SentenceEncoder).unwrap_err();
    assert!(error.to_string().contains("text model"), "{error}");
}

#[test]
fn lists_are_cheap_sorted_and_hold_the_broken_ones() {
    let copy = Damaged::new();
    let packs = copy.folder().parent().unwrap().to_owned();
    fs::create_dir(packs.join("broken")).unwrap();
    fs::write(packs.join("broken/pack.toml"), "version = 7").unwrap();
    fs::create_dir(packs.join("empty")).unwrap();
    fs::write(packs.join("stray"), "").unwrap();
    // A list looks into no file but the manifest.
    fs::remove_file(copy.folder().join("synthesis.onnx")).unwrap();
    let list = Pack::list(&[packs.clone(), packs.join("nowhere")]);
    assert_eq!(list.len(), 2);
    assert!(matches!(list[0], Err(PackError::Version { version: 7, .. })));
    let tiny = list[1].as_ref().unwrap();
    assert_eq!((tiny.manifest.id.as_str(), &tiny.folder), ("tiny", &copy.folder()));
}

#[test]
fn names_of_roles_are_stable_and_different() {
    let names: std::collections::BTreeSet<_> = Role::ALL.iter().map(|r| r.name()).collect();
    let words: std::collections::BTreeSet<_> = Role::ALL.iter().map(|r| r.words()).collect();
    assert_eq!((names.len(), words.len()), (Role::ALL.len(), Role::ALL.len()));
    // The manifest and `name` agree.
    for role in Role::ALL {
        let text = format!("[roles.{}]\nfile = 'f'\nsha256 = ''\ninputs = []\noutputs = []", role.name());
        #[derive(serde::Deserialize)]
        struct Roles {
            roles: std::collections::BTreeMap<Role, models_onnx::pack::Contract>,
        }
        let parsed: Roles = toml::from_str(&text).unwrap();
        assert!(parsed.roles.contains_key(&role));
    }
}
