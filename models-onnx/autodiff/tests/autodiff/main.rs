//! Gradients run by ONNX Runtime and held against differences.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod formats;
mod graphs;
mod losses;
mod mutated;
mod optimisers;
mod random;
mod recompute;
mod rules;
mod starter;
mod support;
