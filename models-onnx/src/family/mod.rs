//! One file per kind of generator.

pub mod blobgan;
pub mod stylegan;
