//! Pentimento, the plug-in: what the user meets.
//!
//! In the order things happen:
//!
//! 1. [`entry`] is called by the launcher; GIMP's calls go to [`gimp`], others to the command line in [`cli`].
//! 2. [`ops`] lists the operations, [`packs`] the installed packs.
//! 3. An interactive run asks the user through [`dialog`]; scripts and the command line bring their values.
//! 4. [`pipeline`] walks the road from host pixels to a new layer; its middle part is a [`job`] on a worker
//!    thread, which owns the models of each pack in a [`studio`].
//!
//! To add an operation: a folder in `ops/`, a line in `ops/mod.rs`.

pub mod cli;
pub mod dialog;
pub mod entry;
pub mod error;
pub mod gimp;
pub mod job;
pub mod kept;
pub mod operation;
pub mod ops;
pub mod packs;
pub mod pipeline;
pub mod strings;
pub mod studio;

pub use error::PluginError;
