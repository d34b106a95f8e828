//! The graphs that networks are built with.

use convert::Error;
use convert::build::{Graph, Resize, batch};
use ndarray::{Array1, Array2, Array4, arr1, arr2, array};

use crate::support::Runner;

fn small() -> Graph {
    let graph = Graph::new("small");
    let x = graph.input("x", &batch([2, 4, 4])).unwrap();
    let weight = Array4::from_shape_fn((3, 2, 3, 3), |(o, i, y, x)| (o + 2 * i + y * x) as f32);
    let g = graph.scope("first");
    let y = g.conv(&x, &g.weight("weight", weight).unwrap(), None, 1, 1).unwrap();
    let y = g.leaky_relu(&g.mul(&y, &g.scalar(0.5)).unwrap(), 0.2).unwrap();
    assert_eq!(y.to_string(), "small/first/LeakyRelu [n, 3, 4, 4]");
    let y = g.mul(&y, &g.scalar(0.5)).unwrap();
    assert_eq!(y.name(), "small/first/Mul_1");
    graph.output("y", &y).unwrap();
    graph.output("same", &y).unwrap();
    graph
}

#[test]
fn a_graph_runs_under_the_names_it_was_given_and_is_the_same_each_time() {
    let model = small().finish().unwrap();
    assert_eq!(model.to_bytes().unwrap(), small().finish().unwrap().to_bytes().unwrap());
    // One constant for both factors, one node more for the value that comes out twice.
    let sizes = (model.graph().initializer.len(), model.graph().node.len());
    assert_eq!(sizes, (2, 5));
    let x = Array4::from_elem((2, 2, 4, 4), 1.0).into_dyn();
    let outputs = Runner::new(&model).run(&[("x", &x)]);
    assert_eq!(outputs["y"].shape(), [2, 3, 4, 4]);
    assert_eq!(outputs["y"], outputs["same"]);
    // The middle sees all weights of its channel: twice 9 · o, 2 · 9, and 2 · (1 + 2 + 2 + 4).
    assert!((outputs["y"][[0, 1, 1, 1]] - 0.25 * (18.0 + 18.0 + 18.0)).abs() < 1e-5);
}

#[test]
fn what_does_not_fit_names_the_node_and_the_shapes() {
    let graph = Graph::new("wrong");
    let x = graph.input("x", &batch([2, 4, 4])).unwrap();
    let g = graph.scope("block");
    let says = |made: Result<_, Error>, words: &[&str]| {
        let text = made.map(|v: convert::build::Value| v.to_string()).unwrap_err().to_string();
        assert!(words.iter().all(|w| text.contains(w)), "{text}");
    };
    let weight = g.weight("weight", Array4::zeros((3, 5, 3, 3))).unwrap();
    says(
        g.conv(&x, &weight, None, 1, 1),
        &["Conv of node “wrong/block/Conv”", "[n, 2, 4, 4] and [3, 5, 3, 3]", "5"],
    );
    says(g.conv_transpose(&x, &weight, 2, 0), &["ConvTranspose", "channels: 2"]);
    says(g.weight("weight", Array1::zeros(3)), &["block/weight"]);
    says(g.reshape(&x, &[0, 33]), &["32·n elements"]);
    says(g.concat(&[&x, &g.slice(&x, 2, 0, 3).unwrap()], 1), &["sizes: 4, others: 3"]);
    says(g.add(&x, &g.numbers(&arr1(&[1.0, 2.0, 3.0]))), &["[3]"]);
    says(g.prelu(&x, &g.numbers(&Array1::zeros(3))), &["slopes: 3"]);
    says(g.split(&x, 1, &[1, 2]).map(|mut all| all.remove(0)), &["all parts: 3"]);
    let flat = g.reshape(&x, &[0, -1]).unwrap();
    says(g.scope("fc").linear(&flat, Array2::zeros((7, 31)), None), &["“wrong/block/fc/Gemm”", "[n, 32]"]);
    says(g.matmul(&flat, &g.numbers(&Array2::zeros((33, 2)))), &["columns: 32, rows: 33"]);
    says(g.op("NoSuchThing", &[&x], &[]), &["NoSuchThing"]);
    let other = Graph::new("other");
    says(g.add(&x, &other.input("z", &batch([2, 4, 4])).unwrap()), &["“z” is of another graph"]);
    assert!(matches!(graph.input("x", &[]), Err(Error::Taken(_))));
}

#[test]
fn operators_do_what_they_say() {
    let graph = Graph::new("operators");
    let x = graph.input("x", &batch([4])).unwrap();
    let out = |name: &str, value| graph.output(name, &value).unwrap();
    let fc = graph.scope("fc");
    out(
        "linear",
        fc.linear(&x, arr2(&[[1., 0., 0., 0.], [1., 1., 1., 1.]]), Some(arr1(&[0., 10.]))).unwrap(),
    );
    let rows = graph.reshape(&x, &[0, 2, 2]).unwrap();
    let fc = graph.scope("rows");
    out("rows", fc.linear(&rows, arr2(&[[1., 2.]]), Some(arr1(&[0.5]))).unwrap());
    out("gelu", graph.gelu(&x).unwrap());
    out("rsqrt", graph.rsqrt(&graph.mul(&x, &x).unwrap(), 0.0).unwrap());
    let picture = graph.reshape(&x, &[0, 1, 2, 2]).unwrap();
    let resize = |how| graph.slice(&graph.resize(&picture, 3, 3, how).unwrap(), 2, 0, 1).unwrap();
    out("nearest", resize(Resize::Nearest));
    out("bilinear", resize(Resize::Bilinear));
    out("corners", resize(Resize::BilinearCorners));
    out("padded", graph.pad(&picture, [0, 1, 2, 0]).unwrap());
    let parts = graph.split(&x, 1, &[1, 3]).unwrap();
    out("part", parts[1].clone());
    out("row", graph.row(&rows, 1, 1).unwrap());
    out("mean", graph.reduce("ReduceMean", &x, &[1], false).unwrap());
    out("most", graph.max_pool(&picture, 2, 2, 0).unwrap());
    let given = array![[1.0f32, 2.0, 3.0, 6.0]].into_dyn();
    let found = Runner::new(&graph.finish().unwrap()).run(&[("x", &given)]);
    let right: &[(&str, &[f32])] = &[
        ("linear", &[1.0, 22.0]),
        ("rows", &[5.5, 15.5]),
        ("gelu", &[0.841_344_7, 1.954_499_7, 2.995_950_3, 6.0]),
        ("rsqrt", &[1.0, 0.5, 1.0 / 3.0, 1.0 / 6.0]),
        ("nearest", &[1.0, 1.0, 2.0]),
        ("bilinear", &[1.0, 1.5, 2.0]),
        ("corners", &[1.0, 1.5, 2.0]),
        ("padded", &[0., 0., 1., 2., 0., 0., 3., 6., 0., 0., 0., 0.]),
        ("part", &[2.0, 3.0, 6.0]),
        ("row", &[3.0, 6.0]),
        ("mean", &[3.0]),
        ("most", &[6.0]),
    ];
    for (name, right) in right {
        let close = found[*name].iter().zip(*right).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close && found[*name].len() == right.len(), "{name}: {:?}", found[*name]);
    }
}
