//! Pentimento's dialogs (GTK 4), opened only for interactive runs.
//!
//! They sit in a library of their own, so that a machine without GTK 4 still runs scripts, and because
//! GTK 4 must not share a process with the GTK of the host's own library.
//!
//! A dialog is only a way to choose a recipe. In order:
//!
//! 1. `entry` is called by the plug-in with an encoded `Open` and gives it back a `Closed`.
//! 2. `session` starts GTK and runs the main loop.
//! 3. `window` lays out a control for each parameter (`controls`), the pack chooser (`packs`) and the
//!    picture before and after (`compare`).
//! 4. `flow` follows every change with a preview; `newest` tells new answers from stale ones.
//! 5. `guard` keeps panics away from C.
//!
//! Nothing in here knows an operation: labels, ranges and help come from the parameters.

mod auto;
mod compare;
mod computation;
mod controls;
mod entry;
mod flow;
mod guard;
mod newest;
mod notice;
mod packs;
mod rows;
mod session;
mod status;
mod transient;
mod window;
mod words;

pub use session::show;
