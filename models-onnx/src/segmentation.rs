//! Which part of a picture shows what, from its code alone.
//!
//! Zhang et al., “DatasetGAN”, 2021: what a generator computes on its way to a picture tells what each pixel shows. Packs
//! whose makers trained such classifiers have the role `segmenter`, from styles to a number for each class and pixel.

use std::sync::Arc;

use ndarray::{Array3, Array4, Axis, Ix4};

use crate::cancel::Cancel;
use crate::code::{Code, STYLES};
use crate::error::ModelError;
use crate::pack::{Class, Pack, Role};
use crate::runtime::Runtime;
use crate::session::{Session, Tensor};

/// The segmenter of a pack, open.
pub struct Segmenter {
    pack: Arc<Pack>,
    session: Session,
}

impl Segmenter {
    /// Opens the segmenter of a pack. Whoever segments more than once keeps it.
    ///
    /// # Errors
    /// [`ModelError::Missing`] where the pack has none, or one without names for its classes.
    pub fn open(pack: &Arc<Pack>, runtime: &Runtime) -> Result<Self, ModelError> {
        pack.contract(Role::Segmenter)?;
        if pack.manifest().classes.is_empty() {
            let role = "names for what its segmentation model tells apart";
            return Err(ModelError::Missing { pack: pack.manifest().id.clone(), role });
        }
        Ok(Self { session: Session::open(runtime, pack, Role::Segmenter)?, pack: Arc::clone(pack) })
    }

    /// What it tells apart, in the order of the indices of classes.
    pub fn classes(&self) -> &[Class] {
        &self.pack.manifest().classes
    }

    /// The indices of classes by name, whatever the case of letters: that of a class such as `hair`, or those of all
    /// classes of a part such as `wheel`.
    ///
    /// # Errors
    /// [`ModelError::Unknown`], listing what the pack knows.
    pub fn named(&self, name: &str) -> Result<Vec<usize>, ModelError> {
        let wanted = name.trim().to_lowercase();
        let is = |known: &String| known.to_lowercase() == wanted;
        let with = |like: &dyn Fn(&Class) -> bool| -> Vec<usize> {
            self.classes().iter().enumerate().filter(|(_, class)| like(class)).map(|(at, _)| at).collect()
        };
        let mut found = with(&|class| is(&class.name));
        if found.is_empty() {
            found = with(&|class| class.parts.iter().any(is));
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let mut known: Vec<&String> = Vec::new();
        let names = self.classes().iter().map(|class| &class.name);
        for name in names.chain(self.classes().iter().flat_map(|class| &class.parts)) {
            if !known.contains(&name) {
                known.push(name);
            }
        }
        Err(self.pack.unknown("class of pixels", name, known.into_iter()))
    }

    /// What the pictures of a code show.
    ///
    /// # Errors
    /// [`ModelError`], in particular [`ModelError::Foreign`] for a code of another pack.
    pub fn segment(&mut self, code: &Code, cancel: &Cancel) -> Result<Segmentation, ModelError> {
        code.expect(&self.pack)?;
        let styles = code.tensor(STYLES)?;
        let results = self.session.run(&[("styles", Tensor::F32(styles.view()))], cancel)?;
        let misfit =
            || ModelError::Shape { role: Role::Segmenter, what: "it gives no map of classes".into() };
        let logits = results.into_iter().next().ok_or_else(misfit)?;
        Ok(Segmentation::of(&logits.into_dimensionality::<Ix4>().map_err(|_| misfit())?))
    }
}

/// What each pixel of some pictures shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    probabilities: Array4<f32>,
}

impl Segmentation {
    /// By logits `[n, C, R, R]` (softmax).
    fn of(logits: &Array4<f32>) -> Self {
        let largest = logits.fold_axis(Axis(1), f32::NEG_INFINITY, |a, b| a.max(*b));
        // Less the largest, so that no exponential overflows.
        let mut probabilities = (logits - &largest.insert_axis(Axis(1))).mapv_into(f32::exp);
        let sums = probabilities.sum_axis(Axis(1)).insert_axis(Axis(1));
        probabilities /= &sums;
        Self { probabilities }
    }

    /// The class of each pixel, `[n, R, R]`: the index of the likeliest, of equally likely ones the first.
    pub fn classes(&self) -> Array3<usize> {
        self.probabilities.map_axis(Axis(1), |all| {
            let all = all.iter().enumerate();
            all.fold((0, f32::NEG_INFINITY), |best, (at, &p)| if p > best.1 { (at, p) } else { best }).0
        })
    }

    /// How sure it is of each class at each pixel, `[n, C, R, R]` in `0..=1`: the classes of a pixel add up to one.
    pub fn probabilities(&self) -> &Array4<f32> {
        &self.probabilities
    }

    /// How surely each pixel shows something else than in the same pictures of `other`, `[n, R, R]` in `0..=1`: the total
    /// variation `½ Σ|p − q|` of the two [probabilities](Self::probabilities), which a pixel that neither is sure of does
    /// not raise.
    ///
    /// # Errors
    /// [`ModelError::Shape`] where the two are of different shapes.
    pub fn changed(&self, other: &Self) -> Result<Array3<f32>, ModelError> {
        if self.probabilities.dim() != other.probabilities.dim() {
            let what = "two of its maps differ in size".to_owned();
            return Err(ModelError::Shape { role: Role::Segmenter, what });
        }
        let apart = (&self.probabilities - &other.probabilities).mapv_into(f32::abs);
        Ok(apart.sum_axis(Axis(1)) / 2.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(logits: [f32; 6]) -> Segmentation {
        Segmentation::of(&Array4::from_shape_vec((1, 2, 1, 3), logits.to_vec()).unwrap())
    }

    #[test]
    fn what_shows_something_else_has_changed() {
        // Sure of the first class, unsure, sure of the second.
        let before = of([20.0, 0.0, 0.0, 0.0, 0.0, 20.0]);
        let after = of([0.0, 0.0, 0.0, 20.0, 0.0, 20.0]);
        let changed = before.changed(&after).unwrap();
        for (found, expected) in changed.iter().zip([1.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{changed}");
        }
        let other = Segmentation::of(&Array4::zeros((1, 2, 1, 4)));
        assert!(before.changed(&other).is_err());
    }
}
