//! The library from outside, with the tiny pack and with the starter pack.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod alignment;
mod direction;
mod edit;
mod landmarks;
mod pack;
mod relevance;
mod rooms;
mod session;
mod starter;
