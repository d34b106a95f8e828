//! Graphs that are yet to be made.

use std::fmt;
use std::sync::Arc;

use autodiff::Model;

use crate::error::Error;

/// A graph that is made when it is written. Its tensors stay in the checkpoint's file until then, so that of all graphs
/// of a pack one at a time is in memory.
#[derive(Clone)]
pub struct Draft(Arc<dyn Fn() -> Result<Model, Error> + Send + Sync>);

impl Draft {
    /// That which `make` makes; the same each time.
    pub fn new(make: impl Fn() -> Result<Model, Error> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// Makes the graph.
    ///
    /// # Errors
    /// Whatever the network refuses.
    pub fn make(&self) -> Result<Model, Error> {
        (self.0)()
    }
}

impl From<Model> for Draft {
    fn from(model: Model) -> Self {
        Self::new(move || Ok(model.clone()))
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Draft")
    }
}
