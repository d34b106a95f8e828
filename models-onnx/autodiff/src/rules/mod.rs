//! The gradient of every operator: one file for each family, one list of all.
//!
//! In the comments `g` is the cotangent of a node's output `y`, and `dx` the gradient of an input `x`. To add an
//! operator, write its rule, list it in [`RULES`] and give it a case in `tests/autodiff/cases`: the tests fail without one.

mod activation;
mod arithmetic;
mod choice;
mod conv;
mod einsum;
mod indexing;
mod linear;
mod movement;
mod norm;
mod pool;
mod reduce;
mod resize;

use crate::backward::Step;
use crate::error::Refusal;
use crate::graph;
use crate::proto::NodeProto;

/// The rule of one operator.
#[derive(Debug)]
pub struct Rule {
    /// The operator, one of the standard set.
    pub op: &'static str,
    pub(crate) backward: Backward,
}

/// Gives the gradients of a node's inputs.
type Backward = fn(&mut Step<'_>) -> Result<(), Refusal>;

const fn rule(op: &'static str, backward: Backward) -> Rule {
    Rule { op, backward }
}

/// All rules, by name.
pub static RULES: &[Rule] = &[
    rule("Abs", arithmetic::abs),
    rule("Add", arithmetic::add),
    rule("AveragePool", pool::average),
    rule("BatchNormalization", norm::batch),
    rule("Cast", movement::cast),
    rule("Ceil", choice::steps),
    rule("Clip", choice::clip),
    rule("Concat", movement::concat),
    rule("Conv", conv::conv),
    rule("ConvTranspose", conv::transposed),
    rule("Cos", arithmetic::cos),
    rule("CumSum", reduce::running),
    rule("DepthToSpace", movement::depth_to_space),
    rule("Div", arithmetic::div),
    rule("Dropout", movement::dropout),
    rule("Einsum", einsum::einsum),
    rule("Elu", activation::elu),
    rule("Erf", arithmetic::erf),
    rule("Exp", arithmetic::exp),
    rule("Expand", movement::expand),
    rule("Flatten", movement::reshape),
    rule("Floor", choice::steps),
    rule("Gather", indexing::gather),
    rule("GatherElements", indexing::gather_elements),
    rule("GatherND", indexing::gather_nd),
    rule("Gelu", activation::gelu),
    rule("Gemm", linear::gemm),
    rule("GlobalAveragePool", pool::global_average),
    rule("GlobalMaxPool", pool::global_max),
    rule("GroupNormalization", norm::group),
    rule("HardSigmoid", activation::hard_sigmoid),
    rule("HardSwish", activation::hard_swish),
    rule("Identity", movement::identity),
    rule("InstanceNormalization", norm::instance),
    rule("LayerNormalization", norm::layer),
    rule("LeakyRelu", activation::leaky_relu),
    rule("Log", arithmetic::log),
    rule("LogSoftmax", activation::log_softmax),
    rule("MatMul", linear::matmul),
    rule("Max", choice::extreme),
    rule("MaxPool", pool::max),
    rule("Mean", arithmetic::mean),
    rule("Min", choice::extreme),
    rule("Mul", arithmetic::mul),
    rule("Neg", arithmetic::neg),
    rule("PRelu", activation::prelu),
    rule("Pad", indexing::pad),
    rule("Pow", arithmetic::pow),
    rule("RMSNormalization", norm::rms),
    rule("Reciprocal", arithmetic::reciprocal),
    rule("ReduceL1", reduce::l1),
    rule("ReduceL2", reduce::l2),
    rule("ReduceLogSumExp", reduce::log_sum_exp),
    rule("ReduceMax", reduce::extreme),
    rule("ReduceMean", reduce::mean),
    rule("ReduceMin", reduce::extreme),
    rule("ReduceSum", reduce::sum),
    rule("ReduceSumSquare", reduce::sum_square),
    rule("Relu", activation::relu),
    rule("Reshape", movement::reshape),
    rule("Resize", resize::resize),
    rule("Round", choice::steps),
    rule("ScatterElements", indexing::scatter_elements),
    rule("ScatterND", indexing::scatter_nd),
    rule("Sigmoid", activation::sigmoid),
    rule("Sign", choice::steps),
    rule("Sin", arithmetic::sin),
    rule("Slice", indexing::slice),
    rule("Softmax", activation::softmax),
    rule("Softplus", activation::softplus),
    rule("SpaceToDepth", movement::space_to_depth),
    rule("Split", movement::split),
    rule("Sqrt", arithmetic::sqrt),
    rule("Squeeze", movement::reshape),
    rule("Sub", arithmetic::sub),
    rule("Sum", arithmetic::add),
    rule("Tanh", activation::tanh),
    rule("Tile", movement::tile),
    rule("Transpose", movement::transpose),
    rule("Unsqueeze", movement::reshape),
    rule("Where", choice::choose),
];

/// The rule for a node.
pub(crate) fn find(node: &NodeProto) -> Option<&'static Rule> {
    let index = RULES.binary_search_by(|r| r.op.cmp(&node.op_type)).ok()?;
    graph::is_standard(&node.domain).then(|| &RULES[index])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_list_is_sorted_without_repeats() {
        assert!(super::RULES.is_sorted_by(|a, b| a.op < b.op));
    }
}
