//! Graphs of seeded weights, run by ONNX Runtime and compared with what PyTorch makes of the same weights.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod blobgan;
mod build;
mod clip;
mod direction;
mod encoders;
mod mapper;
mod mtcnn;
mod segmenter;
mod stylegan2;
mod support;
mod text_edit;
