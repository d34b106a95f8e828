//! Lists the operators that lie between the inputs and the outputs of models, and whether gradients know them:
//!
//! ```text
//! coverage generator.onnx encoder.onnx
//! ```
#![allow(clippy::print_stdout)]

use std::path::Path;

use autodiff::{Model, coverage};

fn main() -> anyhow::Result<()> {
    for path in std::env::args_os().skip(1) {
        println!("{}", table(Path::new(&path))?);
    }
    Ok(())
}

/// A line for each operator, those without a rule first.
fn table(path: &Path) -> anyhow::Result<String> {
    let mut operators = coverage(&Model::read_file(path)?);
    operators.sort_by_key(|o| (o.covered, std::cmp::Reverse(o.nodes)));
    let wide = operators.iter().map(|o| o.op.len()).max().unwrap_or(0);
    let lines = operators.iter().map(|o| {
        let rule = if o.covered { "yes" } else { "NO" };
        format!("  {:wide$}  {:>6} nodes  {rule}", o.op, o.nodes)
    });
    let missing = operators.iter().filter(|o| !o.covered).count();
    let title = format!("{}: {} operators, {missing} without a rule", path.display(), operators.len());
    Ok(std::iter::once(title).chain(lines).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starters_generator_is_covered() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/starter-faces");
        let table = table(&folder.join("synthesis.onnx")).unwrap();
        assert!(table.contains("0 without a rule") && table.contains("Conv"), "{table}");
        assert!(table.lines().skip(1).all(|l| l.ends_with("yes")), "{table}");
    }
}
