//! Directions of attributes, such as age or a smile, along which codes are moved.
//!
//! Shen et al., “InterFaceGAN: Interpreting the Disentangled Face Representation Learned by GANs”, 2020. A direction is the
//! normal of the plane that parts codes with an attribute from those without (section 2.2); what it also brings along is
//! taken out of it by projection (section 2.3). Edits are made in W+, where they add up: unlike in W, a code may lie
//! anywhere beside such a plane, so that its distance from it says little.

use ndarray::{Array2, Array3, ArrayView2, Axis, Ix2};

use crate::cancel::Cancel;
use crate::code::Code;
use crate::error::ModelError;
use crate::generator::Generator;
use crate::pack::Pack;

/// What is left of a direction, as a share of its length, below which it is the conditions in disguise.
const PARALLEL: f64 = 1e-2;

/// What a condition adds to those before it, as a share of its length, below which it adds rounding.
const REPEATED: f64 = 1e-6;

/// Why an attribute cannot be used. Its text is one sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// Nothing is left once the conditions are taken out.
    #[error(
        "“{attribute}” cannot change by itself, since to this pack it is the same as {conditions}; keep fewer attributes"
    )]
    Parallel {
        /// The attribute.
        attribute: String,
        /// What was to stay.
        conditions: String,
    },
    /// Directions of different spaces, or of no length.
    #[error("the direction of “{0}” does not fit this pack’s codes; install the pack again")]
    Misfit(String),
}

/// The direction of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    name: String,
    /// `[1, W]`, the same for all layers, or `[L, W]`.
    direction: Array2<f32>,
}

impl Attribute {
    /// The direction of an attribute of a pack, by name. It keeps the length at which it was published, since that is what
    /// published ranges of sliders go with.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] where the pack has none of that name, [`ModelError::Missing`] where it has none at all,
    /// [`ModelError::Pack`] where its file is broken.
    pub fn open(pack: &Pack, name: &str) -> Result<Self, ModelError> {
        let direction = pack.attribute(name)?;
        let direction = match direction.ndim() {
            1 => direction.insert_axis(Axis(0)),
            _ => direction,
        };
        let direction = direction.into_dimensionality::<Ix2>();
        Ok(Self::new(name, direction.map_err(|_| AttributeError::Misfit(name.to_owned()))?)?)
    }

    /// From a direction `[1, W]`, the same for all layers, or `[L, W]`.
    ///
    /// # Errors
    /// [`AttributeError::Misfit`] for one of no length or with numbers that are not finite.
    pub fn new(name: &str, direction: Array2<f32>) -> Result<Self, AttributeError> {
        let length = length(&direction.iter().map(|v| f64::from(*v)).collect::<Vec<_>>());
        if !(length.is_finite() && length > 0.0) {
            return Err(AttributeError::Misfit(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), direction })
    }

    /// Its name in the pack.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is added to a code at strength 1: `[1, W]` to every layer, or `[L, W]`.
    pub fn direction(&self) -> ArrayView2<'_, f32> {
        self.direction.view()
    }

    /// The same attribute without what it has in common with `others`, at its own length: a linear measure of any of them
    /// does not change along it. For one condition c of unit length it is n − (n·c) c, for several, as rows of C,
    /// n − Cᵀ (C Cᵀ)⁻¹ C n. A condition that follows from the others changes nothing.
    ///
    /// # Errors
    /// [`AttributeError::Parallel`] where nothing to speak of is left, [`AttributeError::Misfit`] for directions of
    /// different widths.
    pub fn keeping(&self, others: &[Attribute]) -> Result<Self, AttributeError> {
        let layers = others.iter().map(|other| other.direction.nrows()).max().unwrap_or(1);
        let shape = (layers.max(self.direction.nrows()), self.direction.ncols());
        let mut left = self.flat(shape)?;
        let before = length(&left);
        // An orthonormal basis of the conditions, by Gram and Schmidt. What is orthogonal to it solves the equations with
        // C Cᵀ, without an inverse that two similar conditions would spoil.
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for other in others {
            let mut condition = other.flat(shape)?;
            let whole = length(&condition);
            remove(&mut condition, &basis);
            let own = length(&condition);
            if own > REPEATED * whole {
                condition.iter_mut().for_each(|v| *v /= own);
                basis.push(condition);
            }
        }
        remove(&mut left, &basis);
        let after = length(&left);
        if after < PARALLEL * before {
            let names: Vec<String> = others.iter().map(|other| format!("“{}”", other.name)).collect();
            return Err(AttributeError::Parallel {
                attribute: self.name.clone(),
                conditions: names.join(" and "),
            });
        }
        let values = left.iter().map(|v| (v / after * before) as f32).collect();
        let direction = Array2::from_shape_vec(shape, values);
        // A direction that was the same for all layers and stays so is as long in each of them as before.
        Ok(Self { name: self.name.clone(), direction: direction.map_err(|_| self.misfit())? })
    }

    /// The code moved along the direction: w + strength · n in every layer. Negative strengths go the other way; at zero
    /// it is the very same code.
    ///
    /// # Errors
    /// [`ModelError::Number`] for a strength that is not finite, [`ModelError::Attribute`] for codes of another shape.
    pub fn apply(
        &self,
        code: &Code,
        strength: f32,
        generator: &mut dyn Generator,
        cancel: &Cancel,
    ) -> Result<Code, ModelError> {
        if !strength.is_finite() {
            return Err(ModelError::Number("strength"));
        }
        let before = code.w_plus()?;
        let direction = self.direction.broadcast(before.dim()).ok_or_else(|| self.misfit())?;
        let after: Array3<f32> = &before + &(&direction * strength);
        generator.with_w_plus(code, after.view(), cancel)
    }

    /// Its values in all layers of `shape`, in double precision.
    fn flat(&self, shape: (usize, usize)) -> Result<Vec<f64>, AttributeError> {
        let direction = self.direction.broadcast(shape).ok_or_else(|| self.misfit())?;
        Ok(direction.iter().map(|v| f64::from(*v)).collect())
    }

    fn misfit(&self) -> AttributeError {
        AttributeError::Misfit(self.name.clone())
    }
}

/// Takes out of a vector what lies along an orthonormal basis; twice, since once leaves what rounding brought in.
fn remove(vector: &mut [f64], basis: &[Vec<f64>]) {
    for axis in basis.iter().chain(basis) {
        let along: f64 = vector.iter().zip(axis).map(|(v, a)| v * a).sum();
        vector.iter_mut().zip(axis).for_each(|(v, a)| *v -= along * a);
    }
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|v| v * v).sum::<f64>().sqrt()
}
