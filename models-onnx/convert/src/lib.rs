//! From published checkpoints to ONNX graphs and packs.
#![forbid(unsafe_code)]
