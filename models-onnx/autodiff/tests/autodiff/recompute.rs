//! Values that are computed again: the same gradients from less memory.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use autodiff::proto::AttributeProto;
use autodiff::{Differentiate, Error, Gradient, Keep, Loss, Measure, Model, Term, tensor};

use crate::support::{Array, Arrays, Runner, distance, info, model, node, noise};

fn list(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: values.to_vec(), kind: 7, ..AttributeProto::default() }
}

/// Convolutions in a row, each with a leaky unit, `x` being 1 × 16 × `size` × `size`.
fn chain(layers: usize, size: usize) -> Model {
    let weights = (0..layers).map(|i| {
        let scaled: Vec<f32> = noise(i as u64, 16 * 16 * 9).iter().map(|v| v * 0.15).collect();
        tensor::of_floats(&format!("w{i}"), &[16, 16, 3, 3], &scaled)
    });
    let mut nodes = Vec::new();
    let mut at = "x".to_owned();
    for i in 0..layers {
        let (linear, next, w) = (format!("a{i}"), format!("h{i}"), format!("w{i}"));
        nodes.push(node("Conv", &[&at, &w], &[&linear], vec![list("pads", &[1, 1, 1, 1])]));
        nodes.push(node("LeakyRelu", &[&linear], &[&next], Vec::new()));
        at = next;
    }
    let x = info("x", 1, &[Ok(1), Ok(16), Ok(size), Ok(size)]);
    model(17, vec![x], weights.collect(), nodes, &[&at])
}

fn of_chain(layers: usize, size: usize, keep: Keep) -> Gradient {
    let loss = Loss::of(Term::new("term", Measure::MeanSquare, format!("h{}", layers - 1)));
    Differentiate::new(chain(layers, size)).loss(loss).wrt("x").keep(keep).build().unwrap()
}

fn of_starter(keep: Keep) -> Gradient {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/starter-faces/synthesis.onnx");
    let loss = Loss::of(Term::new("term", Measure::MeanSquare, "image"));
    Differentiate::new(Model::read_file(&path).unwrap()).loss(loss).wrt("styles").keep(keep).build().unwrap()
}

fn styles() -> Arrays {
    let values = noise(1, 2752).iter().map(|v| 1.0 + 0.5 * v).collect();
    Arrays::from([("styles".to_owned(), (vec![1, 2752], values))])
}

fn picture(size: usize) -> Arrays {
    Arrays::from([("x".to_owned(), (vec![1, 16, size, size], noise(5, 16 * size * size)))])
}

fn convolutions(model: &Model) -> usize {
    model.graph().node.iter().filter(|n| n.op_type == "Conv").count()
}

#[test]
fn gradients_are_the_same_whatever_is_kept() {
    let named = ["h2", "h5", "h8"].map(str::to_owned).to_vec();
    let all = of_chain(12, 16, Keep::All);
    let right = Runner::new(&all.model).run(&picture(16));
    for keep in [Keep::Values(named), Keep::Values(vec!["x".into(), "h11".into()]), Keep::Few] {
        let found = Runner::new(&of_chain(12, 16, keep.clone()).model).run(&picture(16));
        assert_eq!(found["grad_x"], right["grad_x"], "{keep:?}");
        assert_eq!(found["loss"], right["loss"], "{keep:?}");
    }
    let right = Runner::new(&of_starter(Keep::All).model).run(&styles())["grad_styles"].1.clone();
    let found = Runner::new(&of_starter(Keep::Few).model).run(&styles())["grad_styles"].1.clone();
    let wide = |v: Vec<f32>| v.into_iter().map(f64::from).collect::<Vec<_>>();
    // The same sums, perhaps in another order where the runtime has fused other nodes.
    let off = distance(&wide(found), &wide(right), 0.0);
    println!("the starter's gradient is off by {off:.1e}");
    assert!(off < 1e-6, "{off}");
}

#[test]
fn what_is_named_is_made_once_and_the_rest_twice_even_after_optimisation() {
    let gradient = of_chain(12, 16, Keep::Values(["h2", "h5", "h8"].map(str::to_owned).to_vec()));
    // Twelve there, twelve back, and the first three segments again but for the last layer of each, whose result is
    // kept.
    assert_eq!(convolutions(&gradient.model), 12 + 12 + 3 * 2);
    assert_eq!(convolutions(&Runner::folded(&gradient.model)), 12 + 12 + 3 * 2);
    // Nothing is computed again where nothing is left out.
    assert_eq!(convolutions(&of_chain(12, 16, Keep::All).model), 24);
    let nobody =
        Differentiate::new(chain(2, 8)).pull_back("h1").wrt("x").keep(Keep::Values(vec!["q".into()]));
    assert!(matches!(nobody.build(), Err(Error::NoValue(v)) if v == "q"));
}

#[test]
fn branches_pools_and_several_variables() {
    // Two branches that meet, one of them over a long way; indices of a pool; a mask that is no number; a trained
    // weight in the middle; and a value that is an output too.
    let nodes = vec![
        node("Conv", &["x", "w"], &["a"], vec![list("pads", &[1, 1, 1, 1])]),
        node("Tanh", &["a"], &["b"], Vec::new()),
        node("Greater", &["b", "zero"], &["mask"], Vec::new()),
        node("MaxPool", &["b"], &["c"], vec![list("kernel_shape", &[2, 2]), list("strides", &[1, 1])]),
        node("Conv", &["c", "v"], &["d"], vec![list("pads", &[1, 1, 1, 1])]),
        node("Sigmoid", &["d"], &["e"], Vec::new()),
        node("Mul", &["d", "e"], &["f"], Vec::new()),
        node("Pad", &["f", "pads"], &["g"], Vec::new()),
        node("Where", &["mask", "g", "b"], &["h"], Vec::new()),
        node("Shape", &["h"], &["shape"], Vec::new()),
        node("Reshape", &["h", "shape"], &["i"], Vec::new()),
        node("Softplus", &["i"], &["j"], Vec::new()),
        node("Mul", &["j", "a"], &["y"], Vec::new()),
    ];
    let weights = vec![
        tensor::of_floats("w", &[4, 2, 3, 3], &noise(1, 72)),
        tensor::of_floats("v", &[4, 4, 3, 3], &noise(2, 144)),
        tensor::of_floats("zero", &[], &[0.0]),
        tensor::of_integers("pads", &[8], &[0, 0, 0, 0, 0, 0, 1, 1]),
    ];
    let graph = model(17, vec![info("x", 1, &[Err("n"), Ok(2), Ok(6), Ok(6)])], weights, nodes, &["y"]);
    let build = |keep: Keep| {
        let plan = Differentiate::new(graph.clone()).pull_back("y").wrt("x").wrt("v").wrt("w").also("f");
        plan.keep(keep).build().unwrap()
    };
    let x: Array = (vec![2, 2, 6, 6], noise(3, 144));
    let cotangent: Array = (vec![2, 4, 6, 6], noise(4, 288));
    let given = Arrays::from([("x".to_owned(), x), ("cotangent_y".to_owned(), cotangent)]);
    let right = Runner::new(&build(Keep::All).model).run(&given);
    let marks: [&[&str]; 4] = [&["c"], &["b", "e", "h"], &["a", "b", "c", "d", "e", "f", "g", "h"], &["h"]];
    for marks in marks {
        let keep = Keep::Values(marks.iter().map(|&m| m.to_owned()).collect());
        assert_eq!(Runner::new(&build(keep).model).run(&given), right, "{marks:?}");
    }
    assert_eq!(Runner::new(&build(Keep::Few).model).run(&given), right);
}

const TASK: &str = "PENTIMENTO_RECOMPUTE";

/// What [`peak`] runs in a process of its own: memory is only ever counted upwards.
#[test]
#[ignore = "a part of another test"]
fn one_task() {
    let Ok(task) = std::env::var(TASK) else { return };
    let keep = if task == "few" { Keep::Few } else { Keep::All };
    let (gradient, given) = (of_chain(64, 256, keep), picture(256));
    let bytes = |key: &str| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|l| l.starts_with(key)).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
    };
    let mut runner = Runner::new(&gradient.model);
    let before = bytes("VmRSS");
    runner.run(&given);
    let start = Instant::now();
    runner.run(&given);
    println!("RESULT {} {}", bytes("VmHWM").saturating_sub(before), start.elapsed().as_millis());
}

/// Megabytes that a step takes beyond what the session takes, and its milliseconds.
fn peak(task: &str) -> (u64, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--exact", "recompute::one_task", "--ignored", "--nocapture"]);
    let output = child.env(TASK, task).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let result = text.lines().find_map(|l| l.split_once("RESULT ")).unwrap_or_else(|| panic!("{text}")).1;
    let (memory, time) = result.split_once(' ').unwrap();
    (memory.parse().unwrap(), time.parse().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_step_takes_less_memory() {
    // 64 layers of 4 MB each; with eight segments some sixteen of them are there at a time. Graphs of few megabytes, as
    // those of the starter pack, cannot be told from what else a process does.
    let (all, few) = (peak("all"), peak("few"));
    println!("{} MB in {} ms, computed again {} MB in {} ms", all.0, all.1, few.0, few.1);
    assert!(few.0 * 2 < all.0, "{} of {} MB", few.0, all.0);
}
