//! What models may be written in: functions, branches, half precision, older opsets.

use autodiff::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetId, TensorProto,
    ValueInfoProto,
};
use autodiff::{Differentiate, Error, Loss, Measure, Model, Term, coverage, tensor};
use bytes::Bytes;

use crate::support::{Array, Arrays, Runner, info, model, node, noise};

fn number(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i: value, kind: 2, ..AttributeProto::default() }
}

fn real(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f: value, kind: 1, ..AttributeProto::default() }
}

fn list(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: values.to_vec(), kind: 7, ..AttributeProto::default() }
}

fn inside(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto { name: name.into(), g: Some(graph), kind: 5, ..AttributeProto::default() }
}

/// An attribute that is its caller's of that name.
fn reference(name: &str, of: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: name.into(), ref_attr_name: of.into(), kind, ..AttributeProto::default() }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&w| w.into()).collect()
}

fn standard(version: i64) -> OperatorSetId {
    OperatorSetId { domain: String::new(), version }
}

fn own() -> OperatorSetId {
    OperatorSetId { domain: "own".into(), version: 1 }
}

fn call(name: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto { domain: "own".into(), ..node(name, inputs, &[output], attributes) }
}

fn function(name: &str, input: &[&str], output: &[&str], opset: i64, nodes: Vec<NodeProto>) -> FunctionProto {
    FunctionProto {
        name: name.into(),
        domain: "own".into(),
        input: words(input),
        output: words(output),
        node: nodes,
        opset_import: vec![standard(opset), own()],
        ..FunctionProto::default()
    }
}

/// The messages of a model of `x` (3 × 4) and `y`, to which functions are added.
fn calling(opset: i64, nodes: Vec<NodeProto>, functions: Vec<FunctionProto>) -> ModelProto {
    let plain = model(opset, vec![info("x", 1, &[Ok(3), Ok(4)])], Vec::new(), vec![], &[]);
    let mut proto = plain.proto().clone();
    let graph = proto.graph.as_mut().unwrap();
    graph.node = nodes;
    graph.output = vec![info("y", 1, &[Ok(3), Ok(4)])];
    proto.opset_import.push(own());
    proto.functions = functions;
    proto
}

/// `(x − mean x) / √(var x + ε)` as onnxscript writes layer normalisation, `ε` being an attribute.
fn normalise(opset: i64) -> FunctionProto {
    let reduce = |input, output| {
        let axes: Vec<AttributeProto> = if opset < 18 { vec![list("axes", &[-1])] } else { Vec::new() };
        let inputs: &[&str] = if opset < 18 { &[input] } else { &[input, "axes"] };
        node("ReduceMean", inputs, &[output], axes)
    };
    let axes = AttributeProto { kind: 7, ..list("value_ints", &[-1]) };
    let nodes = vec![
        node("Constant", &[], &["axes"], vec![axes]),
        node("Constant", &[], &["tiny"], vec![reference("value_float", "epsilon", 1)]),
        reduce("x", "mean"),
        node("Sub", &["x", "mean"], &["d"], Vec::new()),
        node("Mul", &["d", "d"], &["square"], Vec::new()),
        reduce("square", "var"),
        node("Add", &["var", "tiny"], &["safe"], Vec::new()),
        node("Sqrt", &["safe"], &["root"], Vec::new()),
        node("Div", &["d", "root"], &["out"], Vec::new()),
    ];
    let mut f = function("Normalise", &["x"], &["out"], opset, nodes);
    f.attribute_proto.push(real("epsilon", 1e-5));
    f
}

fn x() -> Arrays {
    Arrays::from([("x".to_owned(), (vec![3, 4], noise(3, 12)))])
}

/// The model's result, loss and gradient by `x`.
fn run(model: Model) -> Arrays {
    let loss = Loss::of(Term::new("term", Measure::Mean, "y").against("t"));
    let gradient = Differentiate::new(model).loss(loss).pull_back("y").wrt("x").also("y").build().unwrap();
    let mut given = x();
    given.insert("t".into(), (vec![3, 4], noise(4, 12)));
    given.insert("cotangent_y".into(), (vec![3, 4], noise(5, 12)));
    Runner::new(&gradient.model).run(&given)
}

fn close(a: &Array, b: &Array) {
    assert_eq!(a.0, b.0);
    // Both are single precision, a function and an operator of its own for the same thing.
    assert!(a.1.iter().zip(&b.1).all(|(a, b)| (a - b).abs() < 2e-6), "{a:?}\n{b:?}");
}

#[test]
fn functions_are_written_out() {
    // Twice calls another function twice, with an attribute of its own, with names that its caller has too.
    let twice = |opset| {
        let nodes = vec![
            call("Normalise", &["y"], "x", vec![reference("epsilon", "tiny", 1)]),
            call("Normalise", &["x"], "z", Vec::new()),
        ];
        let mut f = function("Twice", &["y"], &["z"], opset, nodes);
        f.attribute.push("tiny".into());
        f
    };
    let nodes = vec![
        node("Tanh", &["x"], &["d"], Vec::new()),
        call("Twice", &["d"], "out", vec![real("tiny", 0.5)]),
        node("Mul", &["out", "d"], &["y"], Vec::new()),
    ];
    let scale = || tensor::of_floats("one", &[4], &[1.0; 4]);
    let right = model(
        17,
        vec![info("x", 1, &[Ok(3), Ok(4)])],
        vec![scale()],
        vec![
            node("Tanh", &["x"], &["d"], Vec::new()),
            node("LayerNormalization", &["d", "one"], &["a"], vec![real("epsilon", 0.5)]),
            node("LayerNormalization", &["a", "one"], &["b"], vec![real("epsilon", 1e-5)]),
            node("Mul", &["b", "d"], &["y"], Vec::new()),
        ],
        &["y"],
    );
    let right = run(right);
    // The function may be in an older or a newer opset than the graph.
    for (opset, inner) in [(17, 17), (18, 18), (20, 17), (17, 20)] {
        let proto = calling(opset, nodes.clone(), vec![twice(inner), normalise(inner)]);
        let model = Model::new(proto).unwrap();
        assert!(model.proto().functions.is_empty());
        assert!(coverage(&model).iter().all(|c| c.covered), "{:?}", coverage(&model));
        let found = run(model);
        for name in ["y", "loss", "grad_x"] {
            close(&found[name], &right[name]);
        }
    }
}

#[test]
fn functions_that_never_end_are_refused() {
    let calls =
        |name: &str, of: &str| function(name, &["a"], &["b"], 17, vec![call(of, &["a"], "b", Vec::new())]);
    let nodes = || vec![call("F", &["x"], "y", Vec::new())];
    let error = Model::new(calling(17, nodes(), vec![calls("F", "G"), calls("G", "F")])).unwrap_err();
    assert!(error.to_string().contains("calls itself"), "{error}");
    // Ten functions that each call the next sixteen times.
    let many = |depth: usize| {
        let next = format!("F{}", depth + 1);
        let body = (0..16).map(|i| call(&next, &["a"], &format!("b{i}"), Vec::new())).collect();
        function(&format!("F{depth}"), &["a"], &["b0"], 17, body)
    };
    let mut functions: Vec<_> = (0..10).map(many).collect();
    functions.push(function("F10", &["a"], &["b"], 17, vec![node("Exp", &["a"], &["b"], Vec::new())]));
    let error = Model::new(calling(17, vec![call("F0", &["x"], "y", Vec::new())], functions)).unwrap_err();
    assert!(error.to_string().contains("nodes"), "{error}");
}

#[test]
fn functions_hand_on_what_they_are_given() {
    let pass = function("Pass", &["a", "b"], &["a", "c"], 17, vec![node("Exp", &["a"], &["c"], Vec::new())]);
    let mut first = call("Pass", &["x"], "same", Vec::new());
    first.output.push("e".into());
    let nodes = vec![first, node("Add", &["same", "e"], &["y"], Vec::new())];
    let found = run(Model::new(calling(17, nodes, vec![pass])).unwrap());
    for (y, x) in found["y"].1.iter().zip(&x()["x"].1) {
        assert!((y - (x + x.exp())).abs() < 1e-6, "{y} {x}");
    }
}

/// `if` with two branches, each of which reads `from` outside of it.
fn branching(condition: &str, from: &str, output: &str) -> NodeProto {
    let branch = |op: &str| {
        let mut inner = vec![
            node(op, &[from], &["inner"], Vec::new()),
            node("Mul", &["inner", "factor"], &["result"], Vec::new()),
        ];
        // Nodes inside are in order, as the format wants.
        inner.iter_mut().for_each(|n| n.name.clear());
        GraphProto {
            name: op.into(),
            node: inner,
            initializer: vec![tensor::of_floats("factor", &[], &[2.0])],
            output: vec![info("result", 1, &[Ok(3), Ok(4)])],
            ..GraphProto::default()
        }
    };
    let branches = vec![inside("then_branch", branch("Exp")), inside("else_branch", branch("Sin"))];
    node("If", &[condition], &[output], branches)
}

fn truth(name: &str, value: i32) -> TensorProto {
    TensorProto {
        name: name.into(),
        data_type: tensor::BOOL,
        int32_data: vec![value],
        ..TensorProto::default()
    }
}

#[test]
fn a_branch_that_is_always_taken_is_written_out() {
    let graph = |condition: Vec<NodeProto>| {
        let nodes = [
            condition,
            vec![
                node("Tanh", &["x"], &["inner"], Vec::new()),
                branching("condition", "inner_", "y"),
                node("Identity", &["inner"], &["inner_"], Vec::new()),
            ],
        ];
        nodes.concat()
    };
    let inputs = || vec![info("x", 1, &[Ok(3), Ok(4)])];
    for (value, op) in [(1, "Exp"), (0, "Sin")] {
        let folded = model(17, inputs(), vec![truth("condition", value)], graph(Vec::new()), &["y"]);
        assert!(folded.graph().node.iter().all(|n| n.op_type != "If"));
        let straight = vec![
            node("Tanh", &["x"], &["h"], Vec::new()),
            node(op, &["h"], &["u"], Vec::new()),
            node("Add", &["u", "u"], &["y"], Vec::new()),
        ];
        let right = run(model(17, inputs(), Vec::new(), straight, &["y"]));
        let found = run(folded);
        close(&found["grad_x"], &right["grad_x"]);
        close(&found["y"], &right["y"]);
    }
    // As exporters ask whether an axis is of size one.
    let asked = vec![
        node("Shape", &["x"], &["shape"], Vec::new()),
        node("Gather", &["shape", "first"], &["size"], Vec::new()),
        node("Equal", &["size", "one"], &["condition"], Vec::new()),
    ];
    let weights = vec![tensor::of_integers("first", &[], &[0]), tensor::of_integers("one", &[], &[1])];
    let folded = model(17, inputs(), weights, graph(asked), &["y"]);
    assert!(folded.graph().node.iter().all(|n| n.op_type != "If" && n.op_type != "Exp"));
}

#[test]
fn branches_of_the_run_are_named_on_the_way_and_left_alone_beside_it() {
    let asked = |nodes: Vec<NodeProto>| {
        let inputs =
            vec![info("x", 1, &[Ok(3), Ok(4)]), info("side", 1, &[Ok(3), Ok(4)]), info("flag", 9, &[])];
        model(17, inputs, Vec::new(), nodes, &["y"])
    };
    let on_the_way = asked(vec![
        node("Tanh", &["x"], &["t"], Vec::new()),
        branching("flag", "t", "b"),
        node("Exp", &["b"], &["y"], Vec::new()),
    ]);
    let error = Differentiate::new(on_the_way).pull_back("y").wrt("x").build().unwrap_err();
    assert!(matches!(error, Error::ControlFlow { .. }));
    let text = error.to_string();
    assert!(text.contains("If of node “the_b”") && text.contains("x → t → b → y"), "{text}");

    // Beside the way: out of order, with a prefix, joined, and among nodes that nobody needs.
    let beside = asked(vec![
        branching("flag", "outer", "b"),
        node("Sin", &["side"], &["outer"], Vec::new()),
        node("Cos", &["side"], &["unused"], Vec::new()),
        node("Mul", &["x", "b"], &["y"], Vec::new()),
    ]);
    let next = model(
        18,
        vec![info("inner", 1, &[Ok(3), Ok(4)])],
        Vec::new(),
        vec![node("Neg", &["inner"], &["z"], Vec::new())],
        &["z"],
    );
    // A name inside of a graph is taken as much as one outside.
    let taken = beside.clone().join(next.clone().prefixed("").unwrap(), &[]);
    assert!(matches!(taken, Err(Error::Taken(v)) if v == "inner"));
    let whole = beside.prefixed("a.").unwrap().join(next, &[("a.y", "inner")]).unwrap();
    let gradient = Differentiate::new(whole).pull_back("z").wrt("a.x").build().unwrap();
    assert!(gradient.model.graph().node.iter().all(|n| n.op_type != "Cos"), "nobody needs it");
    let values = |seed| (vec![3, 4], noise(seed, 12));
    let given = Arrays::from([
        ("a.x".to_owned(), values(1)),
        ("a.side".to_owned(), values(2)),
        ("cotangent_z".to_owned(), values(3)),
    ]);
    for flag in [true, false] {
        let found = Runner::new(&gradient.model).run_with_flag(&given, "a.flag", flag);
        for ((g, side), c) in found["grad_a.x"].1.iter().zip(&values(2).1).zip(&values(3).1) {
            let outer = side.sin();
            let expected = -c * 2.0 * if flag { outer.exp() } else { outer.sin() };
            assert!((g - expected).abs() < 1e-5, "{g} {expected}");
        }
    }
}

/// Half precision as a tensor.
fn halves(name: &str, dims: &[i64], values: &[f32], brain: bool) -> TensorProto {
    let bits = values.iter().map(|&v| match brain {
        true => half::bf16::from_f32(v).to_bits(),
        false => half::f16::from_f32(v).to_bits(),
    });
    let raw: Vec<u8> = bits.flat_map(u16::to_le_bytes).collect();
    let data_type = if brain { tensor::BFLOAT16 } else { tensor::FLOAT16 };
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type,
        raw_data: Bytes::from(raw),
        ..TensorProto::default()
    }
}

#[test]
fn weights_of_half_precision_are_computed_with_in_single() {
    let (w, b) = (noise(8, 16), noise(9, 4));
    let rounded = |v: &[f32], brain: bool| -> Vec<f32> {
        let one =
            |&v: &f32| if brain { half::bf16::from_f32(v).to_f32() } else { half::f16::from_f32(v).to_f32() };
        v.iter().map(one).collect()
    };
    let nodes = |w: &str, to: i64| {
        vec![
            node("MatMul", &["x", w], &["a"], Vec::new()),
            node("Shape", &["a"], &["s"], Vec::new()),
            node("Add", &["a", "b"], &["c"], Vec::new()),
            node("Cast", &["c"], &["d"], vec![number("to", to)]),
            node("Tanh", &["d"], &["y"], Vec::new()),
        ]
    };
    for brain in [false, true] {
        let kind = if brain { tensor::BFLOAT16 } else { tensor::FLOAT16 };
        let inputs = |kind| vec![info("x", kind, &[Ok(3), Ok(4)])];
        let stored = || vec![halves("w", &[4, 4], &w, brain), halves("b", &[4], &b, brain)];
        let right = {
            let (w, b) = (rounded(&w, brain), rounded(&b, brain));
            let weights = vec![tensor::of_floats("w", &[4, 4], &w), tensor::of_floats("b", &[4], &b)];
            run(model(17, inputs(1), weights, nodes("w", 1), &["y"]))
        };
        // All in half precision.
        let mut proto = model(17, inputs(kind), stored(), nodes("w", kind.into()), &["y"]).proto().clone();
        proto.graph.as_mut().unwrap().output =
            inputs(kind).into_iter().map(|v| ValueInfoProto { name: "y".into(), ..v }).collect();
        let half = Model::new(proto).unwrap();
        assert_eq!(run(half.clone()), right);
        let wide = half.clone().widened().unwrap();
        assert_eq!(wide.graph().initializer, half.graph().initializer, "weights stay as they are");
        assert_eq!(Runner::new(&wide).run(&x())["y"], right["y"]);

        // Weights only, with casts.
        let mut casts = vec![
            node("Cast", &["w"], &["w_"], vec![number("to", 1)]),
            node("Cast", &["b_half"], &["b"], vec![number("to", 1)]),
        ];
        casts.extend(nodes("w_", 1));
        let stored = vec![halves("w", &[4, 4], &w, brain), halves("b_half", &[4], &b, brain)];
        let usual = model(17, inputs(1), stored, casts, &["y"]);
        assert_eq!(run(usual.clone()), right);

        // By a weight: in single precision, and so is the weight that is to be trained.
        let sum = |of: &str| Loss::of(Term::new("term", Measure::SumSquare, of));
        let by_weight = |m: Model| Differentiate::new(m).loss(sum("y")).wrt("w").build().unwrap();
        let found = Runner::new(&by_weight(usual).model).run(&x());
        assert_eq!(Runner::new(&by_weight(half).model).run(&x())["grad_w"], found["grad_w"]);
        assert_eq!(found["grad_w"].0, [4, 4]);
        assert!(found["grad_w"].1.iter().any(|g| g.abs() > 0.1));
    }
}

#[test]
fn older_models_are_raised_to_newer_ones() {
    let older = |opset: i64| {
        let nodes = vec![
            node("Split", &["x"], &["a", "b"], vec![number("axis", 1)]),
            node("ReduceMax", &["a"], &["m"], vec![list("axes", &[1]), number("keepdims", 1)]),
            node("ReduceL2", &["b"], &["l"], vec![list("axes", &[-1]), number("keepdims", 1)]),
            node("Pad", &["a", "pads"], &["p"], Vec::new()),
            node("Mul", &["p", "m"], &["q"], Vec::new()),
            node("Div", &["q", "l"], &["y"], Vec::new()),
        ];
        let pads = tensor::of_integers("pads", &[4], &[0, 1, 0, 1]);
        model(opset, vec![info("x", 1, &[Ok(3), Ok(4)])], vec![pads], nodes, &["y"])
    };
    let right = Runner::new(&older(13)).run(&x())["y"].clone();
    let gradient = run(older(13))["grad_x"].clone();
    for to in [14, 18, 20, 21, 22, 23, 24] {
        let raised = older(13).raised(to).unwrap();
        assert_eq!(raised.opset(), to);
        assert_eq!(Runner::new(&raised).run(&x())["y"], right, "opset {to}");
        assert_eq!(run(raised)["grad_x"], gradient, "opset {to}");
    }
    assert_eq!(older(13).raised(13).unwrap(), older(13));
    assert!(matches!(older(13).raised(25), Err(Error::Opset(25))));
    // A generator in one opset, a judge in another, either being older.
    let judge = |opset| {
        let inputs = vec![info("picture", 1, &[Ok(3), Ok(4)])];
        model(opset, inputs, Vec::new(), vec![node("Exp", &["picture"], &["z"], Vec::new())], &["z"])
    };
    for (a, b) in [(13, 20), (17, 14)] {
        let joined = older(a).join(judge(b), &[("y", "picture")]).unwrap();
        assert_eq!(joined.opset(), a.max(b));
        let found = Runner::new(&joined).run(&x());
        assert!(found["z"].1.iter().zip(&right.1).all(|(z, y)| (z - y.exp()).abs() < 1e-5));
    }
    let groups = model(
        18,
        vec![info("x", 1, &[Ok(1), Ok(4), Ok(2)]), info("s", 1, &[Ok(2)])],
        Vec::new(),
        vec![node("GroupNormalization", &["x", "s", "s"], &["g"], vec![number("num_groups", 2)])],
        &["g"],
    );
    let error = groups.join(judge(21), &[]).unwrap_err();
    assert!(error.to_string().contains("GroupNormalization of node “the_g” means something else"), "{error}");
}
