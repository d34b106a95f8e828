//! Arithmetic, activations and choices.

use autodiff::proto::TensorProto;
use autodiff::tensor::{BOOL, of_floats};

use super::{Case, case};

fn truth(shape: &[i64], values: &[i32]) -> TensorProto {
    TensorProto {
        dims: shape.to_vec(),
        data_type: BOOL,
        int32_data: values.to_vec(),
        ..TensorProto::default()
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    // Broadcasting in every direction.
    for op in ["Add", "Sub", "Mul", "Div"] {
        all.push(case(op).x(&[2, 3]).positive(&[2, 3]).batch());
        all.push(case(op).x(&[2, 3]).positive(&[3]));
        all.push(case(op).x(&[2, 1, 3]).positive(&[4, 1]));
        all.push(case(op).x(&[]).positive(&[2, 2]));
        all.push(case(op).x(&[2, 2]).positive(&[]));
    }
    for op in ["Sum", "Mean"] {
        all.push(case(op).x(&[2, 3]).x(&[3]).x(&[2, 1]));
        all.push(case(op).x(&[2, 3]));
    }
    for op in ["Exp", "Erf", "Sin", "Cos", "Neg", "Identity", "Tanh", "Sigmoid", "Softplus"] {
        all.push(case(op).x(&[2, 3]).batch());
    }
    for op in ["Log", "Sqrt", "Reciprocal"] {
        all.push(case(op).positive(&[2, 3]).batch());
    }
    for op in ["Abs", "Relu", "LeakyRelu", "Elu"] {
        all.push(case(op).apart(&[2, 4]).batch());
    }
    all.push(case("LeakyRelu").apart(&[5]).real("alpha", 0.2));
    all.push(case("LeakyRelu").apart(&[5]).real("alpha", -0.3));
    all.push(case("LeakyRelu").apart(&[5]).real("alpha", 0.0));
    all.push(case("Elu").apart(&[5]).real("alpha", 0.7));
    all.push(case("PRelu").apart(&[2, 3, 2]).x(&[3, 1]));
    all.push(case("PRelu").apart(&[2, 3]).x(&[1]));
    all.push(case("HardSigmoid").apart(&[9]));
    all.push(case("HardSigmoid").apart(&[9]).real("alpha", 0.4).real("beta", 0.3));
    let hard = case("HardSwish").values(&[6], vec![-4.0, -2.5, -0.3, 0.6, 2.7, 3.3]);
    all.push(hard.opsets(&[14, 21]));
    all.push(case("Gelu").x(&[2, 5]).opsets(&[20, 21]));
    all.push(case("Gelu").x(&[2, 5]).word("approximate", "tanh").opsets(&[20]));
    for op in ["Softmax", "LogSoftmax"] {
        all.push(case(op).x(&[2, 4]).batch());
        all.push(case(op).x(&[2, 3, 2]).with("axis", 1));
    }
    all.push(case("Pow").positive(&[2, 3]).x(&[3]));
    all.push(case("Pow").positive(&[3]).x(&[2, 3]));
    for exponent in [2.0, 3.0, 0.5, -1.5] {
        all.push(case("Pow").positive(&[4]).fixed(of_floats("", &[], &[exponent])));
    }
    all.push(case("Pow").x(&[4]).int(2));
    all.push(case("Where").fixed(truth(&[2, 2], &[1, 0, 0, 1])).x(&[2, 2]).x(&[2, 2]));
    all.push(case("Where").fixed(truth(&[2, 1], &[1, 0])).x(&[]).x(&[3]));
    for op in ["Max", "Min"] {
        all.push(case(op).apart(&[2, 3]).apart(&[2, 3]).batch());
        all.push(case(op).apart(&[2, 3]).apart(&[3]).apart(&[2, 1]));
        all.push(case(op).apart(&[3]));
    }
    all.push(case("Clip").apart(&[8]).fixed(of_floats("", &[], &[-1.0])).fixed(of_floats("", &[], &[0.9])));
    all.push(case("Clip").apart(&[8]).absent().fixed(of_floats("", &[], &[0.9])));
    all.push(case("Clip").apart(&[8]).fixed(of_floats("", &[], &[0.0])));
    for op in ["Floor", "Ceil", "Round", "Sign"] {
        all.push(case(op).values(&[2, 3], vec![-1.3, -0.7, 0.2, 0.8, 1.3, 2.7]).batch());
    }
    all.push(case("Cast").x(&[2, 2]).with("to", 1));
    all.push(case("Dropout").x(&[2, 3]));
    let ratio = of_floats("", &[], &[0.5]);
    all.push(case("Dropout").x(&[2, 3]).fixed(ratio).fixed(truth(&[], &[0])));
    all
}
