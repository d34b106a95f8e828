//! Whole graphs: what is differentiated, what is left alone, and what is said where it cannot be.

use autodiff::proto::{AttributeProto, NodeProto};
use autodiff::{Device, Differentiate, Error, Loss, Measure, Model, Term, coverage, tensor};

use crate::support::{Array, Arrays, Runner, distance, info, model, node, noise, slope};

fn number(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: value, kind: 2, ..AttributeProto::default() }
}

fn simple(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto { name: String::new(), ..node(op, inputs, &[output], Vec::new()) }
}

/// Holds `grad_x` of a model of one input `x` and one output `y` against differences along some directions.
fn check(model: &Model, x: &Array) {
    let loss = Loss::of(Term::new("term", Measure::MeanSquare, "y"));
    let gradient = Differentiate::new(model.clone()).loss(loss).wrt("x").build().unwrap();
    let mut runner = Runner::new(&gradient.model);
    let mut at = |values: Vec<f32>| runner.run(&Arrays::from([("x".to_owned(), (x.0.clone(), values))]));
    let found: Vec<f64> = at(x.1.clone())["grad_x"].1.iter().map(|&v| v.into()).collect();
    for seed in 0..3 {
        let direction = noise(seed + 40, found.len());
        let moved = |step: f64| {
            let along =
                x.1.iter().zip(&direction).map(|(x, d)| (f64::from(*x) + step * f64::from(*d)) as f32);
            f64::from(at(along.collect())["term"].1[0])
        };
        let expected = slope(moved, 0.03);
        let along: f64 = found.iter().zip(&direction).map(|(g, d)| g * f64::from(*d)).sum();
        // A mean over few numbers in single precision.
        assert!(distance(&[along], &[expected], 1e-2) < 1e-3, "{along} {expected}");
    }
}

/// ScatterND would be the natural way back, but ONNX Runtime 1.31 loses sums in it on several threads.
#[test]
fn what_meets_at_one_place_is_all_summed() {
    const TAKEN: usize = 60_000;
    for (op, columns) in [("Gather", 1), ("GatherND", 1), ("GatherND", 2)] {
        let places: Vec<i64> = (0..TAKEN * columns).map(|i| (i % 3) as i64).collect();
        let shape = if op == "Gather" { vec![TAKEN] } else { vec![TAKEN, columns] };
        let weights = vec![tensor::of_integers("places", &shape, &places)];
        let nodes = vec![node(op, &["x", "places"], &["y"], Vec::new())];
        let model = model(17, vec![info("x", tensor::FLOAT, &[Ok(2048), Ok(4)])], weights, nodes, &["y"]);
        let gradient = Differentiate::new(model).pull_back("y").wrt("x").build().unwrap();
        let mut runner = Runner::on(&gradient.model, 2);
        let result: Vec<usize> = if columns == 2 { vec![TAKEN] } else { vec![TAKEN, 4] };
        let ones = vec![1.0; result.iter().product()];
        let x = (vec![2048, 4], noise(1, 2048 * 4));
        let given = Arrays::from([("x".to_owned(), x), ("cotangent_y".to_owned(), (result, ones))]);
        for _ in 0..10 {
            let found: f32 = runner.run(&given)["grad_x"].1.iter().sum();
            // Whole numbers as small as these are exact.
            let expected = if columns == 2 { TAKEN } else { TAKEN * 4 };
            assert_eq!(found, expected as f32, "{op} by {columns}");
        }
    }
}

#[test]
fn a_block_of_attention_with_shapes_computed_in_the_graph() {
    // Exported transformers ask for the batch's size and reshape by it.
    let nodes = vec![
        node("Shape", &["x"], &["shape"], Vec::new()),
        node("Gather", &["shape", "zero"], &["n"], Vec::new()),
        node("Concat", &["n", "heads"], &["to_heads"], vec![number("axis", 0)]),
        node("Concat", &["n", "rows"], &["to_rows"], vec![number("axis", 0)]),
        node("MatMul", &["x", "wq"], &["q0"], Vec::new()),
        node("MatMul", &["x", "wv"], &["v0"], Vec::new()),
        node("Reshape", &["q0", "to_heads"], &["q1"], Vec::new()),
        node("Reshape", &["v0", "to_heads"], &["v1"], Vec::new()),
        node("Transpose", &["q1"], &["q"], vec![list("perm", &[0, 2, 1, 3])]),
        node("Transpose", &["q1"], &["k"], vec![list("perm", &[0, 2, 3, 1])]),
        node("Transpose", &["v1"], &["v"], vec![list("perm", &[0, 2, 1, 3])]),
        node("MatMul", &["q", "k"], &["scores"], Vec::new()),
        node("Softmax", &["scores"], &["share"], vec![number("axis", -1)]),
        node("MatMul", &["share", "v"], &["mixed"], Vec::new()),
        node("Transpose", &["mixed"], &["back"], vec![list("perm", &[0, 2, 1, 3])]),
        node("Reshape", &["back", "to_rows"], &["rows_out"], Vec::new()),
        node("Add", &["rows_out", "x"], &["y"], Vec::new()),
    ];
    let weights = vec![
        tensor::of_floats("wq", &[4, 4], &noise(1, 16)),
        tensor::of_floats("wv", &[4, 4], &noise(2, 16)),
        tensor::of_integers("zero", &[1], &[0]),
        tensor::of_integers("heads", &[3], &[3, 2, 2]),
        tensor::of_integers("rows", &[2], &[3, 4]),
    ];
    let x = info("x", 1, &[Err("batch"), Ok(3), Ok(4)]);
    check(&model(17, vec![x], weights, nodes, &["y"]), &(vec![2, 3, 4], noise(3, 24)));
}

fn list(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: values.to_vec(), kind: 7, ..AttributeProto::default() }
}

#[test]
fn double_precision_in_the_middle() {
    let nodes = vec![
        node("Cast", &["x"], &["wide"], vec![number("to", 11)]),
        node("Sigmoid", &["wide"], &["bent"], Vec::new()),
        node("Cast", &["bent"], &["y"], vec![number("to", 1)]),
    ];
    check(&model(17, vec![info("x", 1, &[Ok(5)])], Vec::new(), nodes, &["y"]), &(vec![5], noise(4, 5)));
}

#[test]
fn a_value_used_often_and_ways_that_lead_nowhere() {
    // y = x·x·relu(x) + size of x; the way through integers carries nothing, and neither does what y does not use.
    let nodes = vec![
        simple("Mul", &["x", "x"], "square"),
        simple("Relu", &["x"], "positive"),
        simple("Mul", &["square", "positive"], "cube"),
        simple("Size", &["x"], "size"),
        node("Cast", &["size"], &["sized"], vec![number("to", 1)]),
        simple("Add", &["cube", "sized"], "y"),
        // No rule is needed for what the loss does not depend on.
        simple("Acosh", &["x"], "unused"),
    ];
    let graph = model(17, vec![info("x", 1, &[Ok(4)])], Vec::new(), nodes, &["y"]);
    check(&graph, &(vec![4], vec![0.5, -0.7, 1.2, 0.9]));
}

#[test]
fn lengths_of_nothing_have_no_slope_instead_of_nan() {
    // As LPIPS makes features of length one, with channels that are all zero behind a ReLU.
    let nodes = vec![
        simple("Mul", &["x", "x"], "square"),
        node("ReduceSum", &["square", "axis"], &["sum"], Vec::new()),
        simple("Sqrt", &["sum"], "length"),
        simple("Add", &["length", "tiny"], "safe"),
        simple("Div", &["x", "safe"], "y"),
    ];
    let weights = vec![tensor::of_integers("axis", &[1], &[1]), tensor::of_floats("tiny", &[], &[1e-10])];
    let graph = model(17, vec![info("x", 1, &[Ok(2), Ok(2)])], weights, nodes, &["y"]);
    let loss = Loss::of(Term::new("term", Measure::SumSquare, "y"));
    let gradient = Differentiate::new(graph).loss(loss).wrt("x").build().unwrap();
    let x: Array = (vec![2, 2], vec![0.0, 0.0, 0.3, -0.4]);
    let found = &Runner::new(&gradient.model).run(&Arrays::from([("x".to_owned(), x)]))["grad_x"].1;
    // The length of what has length one does not change either.
    assert!(found.iter().all(|g| g.abs() < 1e-5), "{found:?}");
}

#[test]
fn an_initializer_can_be_trained() {
    let weights = vec![tensor::of_floats("w", &[3, 2], &noise(5, 6))];
    let nodes = vec![node("MatMul", &["x", "w"], &["y"], Vec::new())];
    let graph = model(17, vec![info("x", 1, &[Ok(1), Ok(3)])], weights, nodes, &["y"]);
    let loss = Loss::of(Term::new("term", Measure::Sum, "y"));
    let gradient = Differentiate::new(graph).loss(loss).wrt("w").also("y").build().unwrap();
    let mut runner = Runner::new(&gradient.model);
    let x: Array = (vec![1, 3], vec![1.0, 2.0, 3.0]);
    let default = runner.run(&Arrays::from([("x".to_owned(), x.clone())]));
    // d Σ(x w)/dw repeats x along the columns.
    assert_eq!(default["grad_w"], (vec![3, 2], vec![1.0, 1.0, 2.0, 2.0, 3.0, 3.0]));
    let w: Array = (vec![3, 2], vec![1.0; 6]);
    let given = runner.run(&Arrays::from([("x".to_owned(), x), ("w".to_owned(), w)]));
    assert_eq!(given["y"].1, [6.0, 6.0]);
    assert_ne!(default["y"].1, [6.0, 6.0]);
}

#[test]
fn two_models_become_one() {
    let half =
        |op: &str| model(17, vec![info("x", 1, &[Ok(3)])], Vec::new(), vec![simple(op, &["x"], "y")], &["y"]);
    let both = || half("Exp").prefixed("a.").unwrap();
    let joined = both().join(half("Tanh"), &[("a.y", "x")]).unwrap();
    assert_eq!(joined.graph().input.len(), 1);
    let loss = Loss::of(Term::new("term", Measure::Sum, "y"));
    let gradient = Differentiate::new(joined).loss(loss).wrt("a.x").build().unwrap();
    let x: Array = (vec![3], vec![0.1, -0.4, 0.7]);
    let found = Runner::new(&gradient.model).run(&Arrays::from([("a.x".to_owned(), x.clone())]));
    for (found, x) in found["grad_a.x"].1.iter().zip(x.1) {
        let expected = x.exp() * (1.0 - x.exp().tanh().powi(2));
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }

    assert!(matches!(half("Exp").join(half("Exp"), &[]), Err(Error::Taken(_))));
    assert!(matches!(both().join(half("Exp"), &[("a.z", "x")]), Err(Error::NoValue(v)) if v == "a.z"));
    assert!(matches!(both().join(half("Exp"), &[("a.y", "q")]), Err(Error::NoValue(v)) if v == "q"));
}

#[test]
fn what_has_no_rule_is_named_with_its_path() {
    let nodes = vec![simple("Exp", &["x"], "a"), simple("Acosh", &["a"], "b"), simple("Tanh", &["b"], "y")];
    let graph = model(17, vec![info("x", 1, &[Ok(3)])], Vec::new(), nodes, &["y"]);
    let found: Vec<_> = coverage(&graph).into_iter().map(|c| (c.op, c.nodes, c.covered)).collect();
    assert_eq!(found, [("Acosh".into(), 1, false), ("Exp".into(), 1, true), ("Tanh".into(), 1, true)]);
    let error = Differentiate::new(graph).pull_back("y").wrt("x").build().unwrap_err();
    assert!(matches!(error, Error::NoRule { .. }));
    assert_eq!(error.to_string(), "Acosh of node “b” has no rule, and it lies on the path x → a → b → y");

    // A use that a rule does not cover is named alike.
    let clip = node("Clip", &["x", "", "high"], &["y"], Vec::new());
    let inputs = vec![info("x", 1, &[Ok(3)]), info("high", 1, &[])];
    let graph = model(17, inputs, Vec::new(), vec![clip], &["y"]);
    let error = Differentiate::new(graph).pull_back("y").wrt("high").build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "Clip of node “the_y”, on the path high → y, cannot be differentiated: \
         no rule gives the gradient of its input 2"
    );
}

#[test]
fn questions_without_an_answer_are_refused() {
    let graph = || {
        let inputs = vec![info("x", 1, &[Ok(3)]), info("other", 1, &[Ok(3)]), info("ids", 7, &[Ok(3)])];
        model(17, inputs, Vec::new(), vec![simple("Exp", &["x"], "y")], &["y"])
    };
    let error = |plan: Differentiate| plan.build().unwrap_err().to_string();
    assert!(error(Differentiate::new(graph()).pull_back("y")).contains("no variable"));
    assert!(error(Differentiate::new(graph()).wrt("x")).contains("neither a loss"));
    assert!(error(Differentiate::new(graph()).pull_back("y").wrt("nobody")).contains("“nobody”"));
    let independent = error(Differentiate::new(graph()).pull_back("y").wrt("other"));
    assert_eq!(independent, "“y” does not depend on “other”, so that it has no gradient there");
}

#[test]
fn stride_one_goes_back_as_a_convolution_that_shares_its_weights() {
    let weights = vec![tensor::of_floats("w", &[4, 1, 3, 3], &noise(6, 36))];
    let attributes = vec![number("group", 4), list("pads", &[1, 1, 1, 1])];
    let nodes = vec![node("Conv", &["x", "w"], &["y"], attributes)];
    let graph =
        model(17, vec![info("x", 1, &[Err("n"), Ok(4), Err("h"), Err("w_")])], weights, nodes, &["y"]);
    let before = graph.to_bytes().unwrap().len();
    let on_gpu =
        Differentiate::new(graph.clone()).device(Device::Gpu).pull_back("y").wrt("x").build().unwrap();
    let gradient = Differentiate::new(graph).pull_back("y").wrt("x").also("y").build().unwrap();
    let ops = |op: &str| gradient.model.graph().node.iter().filter(|n| n.op_type == op).count();
    assert_eq!((ops("Conv"), ops("ConvTranspose")), (2, 0));
    // Weights of 144 bytes are there once.
    let weights: usize = gradient.model.graph().initializer.iter().map(|t| t.raw_data.len()).sum();
    assert!(weights < 2 * 144, "{weights} bytes of constants, {before} before");
    // The flip is written as nodes, which are gone once a session is open.
    let slices = |m: &Model| m.graph().node.iter().filter(|n| n.op_type == "Slice").count();
    assert_eq!((slices(&gradient.model), slices(&Runner::folded(&gradient.model))), (1, 0));
    // Sizes of pictures and of the batch are open until the run.
    let x: Array = (vec![2, 4, 3, 5], noise(7, 120));
    let given = Arrays::from([("x".to_owned(), x.clone()), ("cotangent_y".to_owned(), x)]);
    assert_eq!(Runner::new(&gradient.model).run(&given)["grad_x"].0, [2, 4, 3, 5]);

    // For a GPU it is a transposed one that reads the weights as they are.
    let back = &on_gpu.model.graph().node[0];
    assert_eq!((back.op_type.as_str(), back.input[1].as_str()), ("ConvTranspose", "w"));
    let wide =
        |m: &Model| Runner::new(m).run(&given)["grad_x"].1.iter().map(|&v| v.into()).collect::<Vec<_>>();
    assert!(distance(&wide(&on_gpu.model), &wide(&gradient.model), 0.0) < 1e-6);
}
