//! Packs of ONNX graphs and the mathematics of generators. Knows nothing of GIMP.
//!
//! Everything here happens in this order:
//!
//! 1. [`places`] says where packs, shared files and ONNX Runtime lie on this machine.
//! 2. [`pack`] reads a pack's manifest, refuses what is not sound and hands out bytes that match their hashes.
//! 3. [`runtime`] opens ONNX Runtime and chooses the device; [`session`] runs one graph of a pack on it.
//! 4. [`generator`] turns a picture into a [`code`] and a code into a picture; [`family`] holds one file per
//!    kind of generator.
//! 5. [`fidelity`] says how much of the picture survived that.
//! 6. [`text`] turns prompts into embeddings and [`direction`] turns two embeddings into a change of the code; so do a
//!    pack's [`mapper`]s, each for one text, and its [`attribute`]s. [`judge`] says what came of it, and [`segmentation`]
//!    where.
//! 7. [`optimise`] changes inputs of a model until a loss is small, by the gradients that [`autodiff`] writes.
//! 8. [`inversion`] refines codes that way, [`text_edit`] changes them until a picture means what a text means, and
//!    [`tuning`] changes the generator itself until it makes a photo.
//! 9. [`relevance`] measures how the embedding of a picture turns with each style, where a pack has no such table yet.
//! 10. [`landmarks`] finds faces, eyes, noses and mouths in photos, and [`alignment`] frames them as a pack wants.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use models_onnx::direction::StyleSpace;
//! use models_onnx::runtime::Options;
//! use models_onnx::text::TextEncoder;
//! use models_onnx::{Cancel, ModelError, Pack, Places, Runtime, generator};
//!
//! # fn main() -> Result<(), ModelError> {
//! # let image = ndarray::Array4::zeros((1, 3, 128, 128));
//! let places = Places::at("/home/me/.local/share/pentimento");
//! let pack = Arc::new(Pack::open(&places.packs().join("starter-faces"), &places.shared())?);
//! let runtime = Runtime::load(&places.onnxruntime(), Options::default())?;
//! let cancel = Cancel::new();
//!
//! let mut generator = generator::open(&pack, &runtime)?;
//! let code = generator.encode(&image, &cancel)?;
//!
//! let change = TextEncoder::open(&pack, &runtime)?.change("blue hair", "a person", &cancel)?;
//! let direction = StyleSpace::open(&pack)?.direction(change.view(), 0.1)?;
//! let edited = generator.synthesise(&direction.apply(&code, 4.0)?, &cancel)?;
//! # Ok(())
//! # }
//! ```
//!
//! Whatever takes time takes a [`Cancel`] and stops within about one node of a graph after it is used.
#![forbid(unsafe_code)]

pub mod alignment;
pub mod attribute;
pub mod cancel;
pub mod code;
pub mod direction;
pub mod error;
pub mod family;
pub mod fidelity;
pub mod generator;
pub mod inversion;
mod joined;
pub mod judge;
pub mod landmarks;
pub mod mapper;
pub mod optimise;
pub mod pack;
pub mod places;
mod random;
pub mod relevance;
pub mod runtime;
pub mod segmentation;
pub mod session;
pub mod text;
pub mod text_edit;
pub mod tuning;

pub use autodiff;
pub use cancel::Cancel;
pub use code::Code;
pub use error::ModelError;
pub use generator::Generator;
pub use pack::{Pack, PackError, Role};
pub use places::Places;
pub use runtime::{Device, Runtime, RuntimeError};
