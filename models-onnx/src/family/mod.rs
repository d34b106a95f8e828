//! One file per kind of generator.

pub mod stylegan;
