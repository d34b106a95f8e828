//! The only crate that knows C.
//!
//! GIMP starts plug-ins as programs. Ours is a launcher of a few lines (`ffi/launcher`) that opens the
//! plug-in library and calls its one entry. The entry calls [`main`], which, in order,
//!
//! 1. tells from the arguments which GIMP started it (2.10 or 3.x) and opens that GIMP's libgimp at run time;
//! 2. registers the procedures that a [`PlugIn`] lists, when GIMP queries;
//! 3. turns a call from GIMP into a [`Call`] and hands it to [`PlugIn::run`] with a [`Host`];
//! 4. reports what came back, an error as one sentence, and never lets a panic cross the C border.
//!
//! The oddities of each GIMP stay behind [`Host`].
//!
//! Where to look: `live` holds what both GIMPs do the same way (reading, inserting, progress) over a trait of
//! single calls; `gimp2` and `gimp3` implement those calls, registration and runs; `gegl` holds pixels and colour
//! spaces; `sys` the generated tables of C functions and `call` the way every one of them is checked;
//! [`dialog`] is the border to the dialogs' library. A test takes `mock` (feature `mock`) for its GIMP.

mod arguments;
mod call;
pub mod dialog;
mod entry;
pub mod error;
mod gegl;
mod gimp2;
mod gimp3;
pub mod host;
mod live;
pub mod locale;
#[cfg(feature = "mock")]
pub mod mock;
mod native;
pub mod pixels;
pub mod plugin;
mod sys;
pub mod x11;

pub use entry::{enter, from_gimp, main, words};
pub use error::HostError;
pub use host::Host;
pub use plugin::{Call, Finish, PlugIn, Procedure};
