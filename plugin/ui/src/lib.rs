//! Pentimento's dialogs (GTK 4), opened only for interactive runs.
//!
//! They sit in a library of their own, so that a machine without GTK 4 still runs scripts, and because
//! GTK 4 must not share a process with the GTK of the host's own library.
//!
//! A dialog is only a way to choose a recipe. In order:
//!
//! 1. `entry` is called by the plug-in with an encoded `Open` and gives it back a `Closed`.
//! 2. `session` starts GTK and runs the main loop.
//! 3. `window` lays out the pack chooser (`packs`), the stack of edits with a control for each parameter (`steps`,
//!    `controls`), how the photo gets there and back (`road`), and what was kept (`kept`).
//! 4. `views` are of the edited part (`compare`) or of the whole photo (`place`); `candidates` are several results.
//! 5. `flow` follows every change with a preview; `newest` tells new answers from stale ones.
//! 6. `guard` keeps panics away from C.
//!
//! Nothing in here knows an operation: labels, ranges and help come from the parameters. Of the road a few parameters
//! are known by name, because the photo and the results are chosen with the pointer.

mod auto;
mod candidates;
mod compare;
mod computation;
mod controls;
mod entry;
mod flow;
mod guard;
mod kept;
mod newest;
mod notice;
mod packs;
mod place;
mod road;
mod rows;
mod session;
mod status;
mod steps;
mod texture;
mod transient;
mod views;
mod window;
mod words;

pub use session::show;
