//! Generated tables of C functions, looked up at run time. See `ffi/bindgen`.

#![allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    clippy::all,
    clippy::undocumented_unsafe_blocks
)]

/// GLib, babl and GEGL, the same in both GIMPs.
pub(crate) mod common;
/// GIMP 2.10.
pub(crate) mod gimp2;
/// GIMP 3.
pub(crate) mod gimp3;
