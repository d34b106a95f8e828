//! The library from outside, with the tiny pack and with the starter pack.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod alignment;
mod attribute;
mod denoiser;
mod direction;
mod edit;
mod judge;
mod landmarks;
mod mapper;
mod pack;
mod random;
mod relevance;
mod rooms;
mod segmentation;
mod session;
mod starter;
