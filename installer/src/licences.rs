//! Checks that every dependency has a licence that `deny.toml` allows.
//!
//! `cargo deny` does the same and more, but compiling it takes longer than all our tests; this reads its file,
//! so there is one list.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::command::heard;
use crate::demo::cargo;
use crate::places::Tree;
use crate::steps::Done;

/// Names and versions of dependencies by their licence.
type Licences = BTreeMap<String, Vec<String>>;

/// Fails if a dependency has a licence that is not allowed.
pub(crate) fn check(tree: &Tree) -> Result<Done> {
    let path = tree.root.join("deny.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let allowed =
        allowed(&text).with_context(|| format!("no list of allowed licences in {}", path.display()))?;
    let licences = licences(tree)?;
    let mut refused = Vec::new();
    for (licence, packages) in &licences {
        if !fits(licence, &allowed)? {
            refused.push(format!("    {licence}: {}", packages.join(", ")));
        }
    }
    if !refused.is_empty() {
        bail!(
            "these dependencies have a licence that {} does not allow:\n{}",
            path.display(),
            refused.join("\n")
        );
    }
    let count: usize = licences.values().map(Vec::len).sum();
    Ok(Done::Now(format!("{count} dependencies, all allowed by deny.toml")))
}

/// Prints all dependencies, by licence.
pub(crate) fn print(tree: &Tree) -> Result<()> {
    for (licence, packages) in licences(tree)? {
        println!("{licence}\n    {}", packages.join(", "));
    }
    Ok(())
}

fn licences(tree: &Tree) -> Result<Licences> {
    // Development-only dependencies are not handed on to anyone.
    let listed = heard(cargo(tree).args([
        "tree",
        "--workspace",
        "--target",
        "all",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--no-dedupe",
        "--format",
        "{l}\t{p}",
    ]))?;
    Ok(by_licence(&listed))
}

fn by_licence(listed: &str) -> Licences {
    let mut licences = Licences::new();
    for (licence, package) in listed.lines().filter_map(|line| line.split_once('\t')) {
        // After name and version come the folder of our own crates and the mark of procedural macros.
        let package = package.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        licences.entry(licence.to_owned()).or_default().push(package);
    }
    for packages in licences.values_mut() {
        packages.sort();
        packages.dedup();
    }
    licences
}

/// The list `allow` of `[licenses]`.
fn allowed(text: &str) -> Option<Vec<String>> {
    let section =
        text.split("\n[").find_map(|part| part.trim_start_matches('[').strip_prefix("licenses]"))?;
    let list = section.split_once("\nallow = [")?.1.split_once(']')?.0;
    let quoted = list
        .lines()
        .filter_map(|line| line.trim().trim_end_matches(',').strip_prefix('"')?.strip_suffix('"'));
    Some(quoted.map(str::to_owned).collect())
}

/// Whether an SPDX expression can be met with allowed licences alone.
fn fits(expression: &str, allowed: &[String]) -> Result<bool> {
    // Older crates write a slash for OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut words = &words[..];
    let fits = either(&mut words, allowed).filter(|_| words.is_empty());
    fits.with_context(|| format!("“{expression}” is not an SPDX licence expression"))
}

fn either(words: &mut &[&str], allowed: &[String]) -> Option<bool> {
    let mut fits = both(words, allowed)?;
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        fits |= both(words, allowed)?;
    }
    Some(fits)
}

fn both(words: &mut &[&str], allowed: &[String]) -> Option<bool> {
    let mut fits = one(words, allowed)?;
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        fits &= one(words, allowed)?;
    }
    Some(fits)
}

fn one(words: &mut &[&str], allowed: &[String]) -> Option<bool> {
    let (&first, rest) = words.split_first()?;
    *words = rest;
    match first {
        "(" => {
            let fits = either(words, allowed)?;
            let (&close, rest) = words.split_first()?;
            *words = rest;
            (close == ")").then_some(fits)
        }
        ")" | "OR" | "AND" | "WITH" => None,
        name => {
            let mut name = name.to_owned();
            if let [with @ "WITH", exception, rest @ ..] = *words {
                name = format!("{name} {with} {exception}");
                *words = rest;
            }
            Some(allowed.contains(&name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let allowed =
            ["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned(), "Unicode-3.0".to_owned()];
        for (expression, fit) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-or-later", false),
            ("GPL-3.0-or-later OR MIT", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("MIT AND GPL-2.0-only", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0 WITH Classpath-exception-2.0", false),
        ] {
            assert_eq!(fits(expression, &allowed).unwrap(), fit, "{expression}");
        }
        for broken in ["", "MIT OR", "(MIT", "MIT MIT", "OR MIT"] {
            assert!(fits(broken, &allowed).is_err(), "{broken}");
        }
    }

    #[test]
    fn the_list_of_this_repository_is_read() {
        let allowed = allowed(include_str!("../../deny.toml")).unwrap();
        assert!(allowed.contains(&"MIT".to_owned()), "{allowed:?}");
        assert!(allowed.len() > 5 && !allowed.iter().any(|l| l.contains("GPL")), "{allowed:?}");
    }

    #[test]
    fn cargos_listing() {
        let listed = "MIT\ta v1.0.0 (/here)\n\nMIT\tb v2.0.0 (proc-macro)\nMIT\tb v2.0.0\nISC\tc v3.0.0\n";
        let licences = by_licence(listed);
        assert_eq!(licences["MIT"], ["a v1.0.0", "b v2.0.0"]);
        assert_eq!(licences["ISC"], ["c v3.0.0"]);
    }
}
