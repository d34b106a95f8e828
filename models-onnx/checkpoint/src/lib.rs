//! Reads published checkpoints without running a line of what is inside them.
//!
//! [`Checkpoint::open`] looks at the first bytes of a file and reads its table of contents: a zip by PyTorch, numpy or
//! TorchScript, an older PyTorch stream, safetensors, an `.npy` file, or a plain pickle (NVIDIA's generators, those of
//! TensorFlow's time, lists of arrays). Numbers stay in the file until [`Checkpoint::f32`] asks for them.
//!
//! ```no_run
//! # fn main() -> Result<(), checkpoint::Error> {
//! let generator = checkpoint::Checkpoint::open("stylegan2-ffhq-config-f.pt")?.under("g_ema.");
//! let constant = generator.f32("input.input")?;
//! # Ok(())
//! # }
//! ```
//!
//! Most of these files are pickles: programs, which Python obeys when it opens them. Here they are read as data, see
//! `pickle`. Nothing that a file names is imported, constructed or called; source text that NVIDIA's files carry is
//! passed over. Objects of classes that are not tensors stand as [`Value::StandIn`].
//!
//! Sizes, counts and offsets in a file are claims. They are held against what the file really holds before anything
//! is allocated, and the limits on everything else are constants at the top of the file that keeps them.
#![forbid(unsafe_code)]

mod checkpoint;
mod container;
mod dtype;
mod error;
mod meaning;
mod pickle;
mod source;
mod tensor;
mod value;

pub use checkpoint::Checkpoint;
pub use container::Kind;
pub use dtype::Dtype;
pub use error::Error;
pub use value::Value;
