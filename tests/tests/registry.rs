//! What must hold for every operation, walked over the list.

use std::collections::BTreeSet;

use pentimento::ops::OPERATIONS;
use pentimento::pipeline::params::ROAD;
use pentimento_protocol::param::{Kind, Param, Values};

#[test]
fn names_are_unique_and_in_kebab_case() {
    let mut seen = BTreeSet::new();
    for operation in OPERATIONS {
        assert!(seen.insert(operation.id()), "{} twice", operation.id());
        let mut params = BTreeSet::new();
        let kebab = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(kebab(operation.id()), "{}", operation.id());
        for name in operation.params().iter().map(|param| &*param.id) {
            assert!(kebab(name), "{name}");
            assert!(params.insert(name), "{name} twice in {}", operation.id());
        }
        for taken in ["pack", "device", "threads", "square", "out", "in", "weight", "with", "export"] {
            assert!(!params.contains(taken), "{taken} belongs to every operation");
        }
        for param in ROAD.iter() {
            assert!(params.insert(&param.id), "{} belongs to the road, and so to every operation", param.id);
        }
    }
}

#[test]
fn everything_is_described() {
    for operation in OPERATIONS {
        assert!(operation.menu().contains('_'), "{} has no mnemonic", operation.menu());
        assert!(operation.about().len() > 20);
        let readme = pentimento_tests::root().join("plugin/src/ops").join(operation.id().replace('-', "_"));
        assert!(readme.join("README.md").is_file(), "{} has no README", operation.id());
        described(operation.params());
    }
    described(&ROAD);
}

/// Help for each, and mnemonics that differ among those that can be seen at once.
fn described(params: &[Param]) {
    let mut mnemonics: Vec<(char, &Param)> = Vec::new();
    for param in params {
        assert!(param.help.len() > 20, "{} has no help", param.id);
        let mnemonic = param.label.split_once('_').and_then(|(_, rest)| rest.chars().next());
        let mnemonic = mnemonic.unwrap_or_else(|| panic!("{} has no mnemonic", param.label));
        let mnemonic = mnemonic.to_ascii_lowercase();
        let together = |a: &Param, b: &Param| match (&a.when, &b.when) {
            (Some((x, a)), Some((y, b))) => x != y || a.iter().any(|value| b.contains(value)),
            _ => true,
        };
        for (other, known) in &mnemonics {
            let clash = *other == mnemonic && together(known, param);
            assert!(!clash, "{mnemonic} stands for {} and {}", known.id, param.id);
        }
        mnemonics.push((mnemonic, param));
    }
}

#[test]
fn defaults_are_in_range() {
    for operation in OPERATIONS {
        for param in operation.params() {
            let required =
                matches!(&param.kind, Kind::Text { required: true, default, .. } if default.is_empty());
            assert!(required || param.check(&param.default()).is_ok(), "{}", param.id);
        }
        assert_eq!(Values::defaults(operation.params()).0.len(), operation.params().len());
    }
}
