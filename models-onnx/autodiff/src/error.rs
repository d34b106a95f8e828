//! What can go wrong.

use std::path::PathBuf;

/// Why a model cannot be read, joined or differentiated. Its text is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("the model cannot be read ({why}; {path})")]
    File {
        /// What the system said.
        why: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The bytes are no ONNX model.
    #[error("this is not an ONNX model ({0})")]
    Decode(#[from] prost::DecodeError),
    /// The weights that lie outside the file cannot be had.
    #[error("the external data of “{tensor}” cannot be used: {why}")]
    External {
        /// The tensor.
        tensor: String,
        /// What is wrong.
        why: String,
    },
    /// The model contradicts itself or the format.
    #[error("the model is not sound: {0}")]
    Unsound(String),
    /// More than a protobuf file can hold.
    #[error("the model is larger than the 2 GiB that one file can hold; write it with external data")]
    TooLarge,
    /// An opset outside of what the rules were written for.
    #[error("the model is written in opset {0}, but gradients are known for opsets 13 to 24")]
    Opset(i64),
    /// A name that is not in the graph.
    #[error("the graph has no value “{0}”")]
    NoValue(String),
    /// A name that is taken.
    #[error("the graph has a value “{0}” already; rename it")]
    Taken(String),
    /// Models to be joined that use a further set of operators in different versions.
    #[error(
        "one model uses version {1} of the operators “{0}” and the other version {2}; export both with the same"
    )]
    Opsets(String, i64, i64),
    /// An operator that changed its meaning between two opsets.
    #[error(
        "{op} of node “{node}” means something else in opset {to} than in {from}, in which it was written; \
         export all models in the same opset"
    )]
    Raise {
        /// The operator.
        op: String,
        /// The node's name, or that of its first output.
        node: String,
        /// The model's opset.
        from: i64,
        /// The one that it should be written in.
        to: i64,
    },
    /// Nothing was asked for.
    #[error("{0}")]
    Nothing(&'static str),
    /// The result does not depend on what it should be differentiated by.
    #[error("“{of}” does not depend on “{wrt}”, so that it has no gradient there")]
    Independent {
        /// The result.
        of: String,
        /// The variable.
        wrt: String,
    },
    /// An operator that runs graphs inside of it.
    #[error(
        "{op} of node “{node}” decides during the run what happens, and lies on the path {path}; export the model \
         without it, such as by tracing"
    )]
    ControlFlow {
        /// The operator.
        op: String,
        /// The node's name, or that of its first output.
        node: String,
        /// From the variable to the result, as values.
        path: String,
    },
    /// An operator without a rule.
    #[error("{op} of node “{node}” has no rule, and it lies on the path {path}")]
    NoRule {
        /// The operator, with its domain where that is not the standard one.
        op: String,
        /// The node's name, or that of its first output.
        node: String,
        /// From the variable to the result, as values.
        path: String,
    },
    /// An operator with a rule that does not cover this use.
    #[error("{op} of node “{node}”, on the path {path}, cannot be differentiated: {why}")]
    Refused {
        /// The operator.
        op: String,
        /// The node's name, or that of its first output.
        node: String,
        /// From the variable to the result, as values.
        path: String,
        /// What the rule cannot do.
        why: Refusal,
    },
    /// A loss that does not fit its value.
    #[error("the term “{term}” of the loss does not fit: {why}")]
    Loss {
        /// The term.
        term: String,
        /// Why not.
        why: Refusal,
    },
}

/// What a rule cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The shape is needed.
    #[error("the shape of “{0}” is not known well enough")]
    Shape(String),
    /// A constant is needed.
    #[error("“{0}” is computed, and only a constant will do")]
    Computed(String),
    /// An attribute outside of what the rule covers.
    #[error("its attribute {0} has a value that no rule covers")]
    Attribute(&'static str),
    /// An input without derivative.
    #[error("no rule gives the gradient of its input {0}")]
    Input(usize),
    /// An output without derivative.
    #[error("no rule gives the gradient through its output {0}")]
    Output(usize),
    /// An input that has to be there.
    #[error("its input {0} is missing")]
    Missing(usize),
    /// A linear map that is too large to write down as a matrix.
    #[error("“{0}” is too long along an axis for the matrix that its gradient is made with")]
    Long(String),
    /// Another precision.
    #[error("“{0}” is not of single or double precision")]
    Precision(String),
}
