//! Mappers of StyleCLIP: networks that were each trained for one text and say what to add to a code.
//!
//! Patashnik et al., “StyleCLIP: Text-Driven Manipulation of StyleGAN Imagery”, 2021, section 5: ŵ = w + 0.1 M(w). The
//! factor is part of a pack's graph, so that strength 1 is the published edit.

use std::sync::Arc;

use ndarray::Axis;

use crate::cancel::Cancel;
use crate::code::{Code, STYLES, W_PLUS};
use crate::error::ModelError;
use crate::generator::Generator;
use crate::pack::{Pack, Role};
use crate::runtime::Runtime;
use crate::session::{Session, Tensor};

/// Which layers of W+ an edit changes. The published mappers have a part for each of these groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// Layers 0 to 3: pose, shape of the head and of the hair.
    pub coarse: bool,
    /// Layers 4 to 7: features of the face, smaller shapes.
    pub medium: bool,
    /// Layers from 8 on: colours, skin, light.
    pub fine: bool,
}

impl Levels {
    /// Every layer.
    pub const ALL: Levels = Levels { coarse: true, medium: true, fine: true };

    /// Whether they hold a layer of W+, counted from zero.
    pub fn hold(self, layer: usize) -> bool {
        match layer {
            0..=3 => self.coarse,
            4..=7 => self.medium,
            _ => self.fine,
        }
    }
}

/// A mapper of a pack, open.
pub struct Mapper {
    pack: Arc<Pack>,
    session: Session,
    /// The tensor of codes that it works on.
    space: &'static str,
}

impl Mapper {
    /// Opens the mapper `name` of a pack. Whoever edits more than once keeps it.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] where the pack has none of that name, [`ModelError::Missing`] where it has none at all.
    pub fn open(pack: &Arc<Pack>, runtime: &Runtime, name: &str) -> Result<Self, ModelError> {
        let in_styles = pack.mapper(name)?.inputs.iter().any(|port| port.name == STYLES);
        let space = if in_styles { STYLES } else { W_PLUS };
        Ok(Self { session: Session::mapper(runtime, pack, name)?, space, pack: Arc::clone(pack) })
    }

    /// The code with `strength` times what the mapper adds, in the layers of `levels`: ŵ = w + strength · 0.1 M(w). The
    /// published strength is 1; negative ones go the other way. At zero, and without any level, the very same code.
    ///
    /// Mappers in W+ have the `generator`, which must be that of the pack, make styles of the new vectors; those in
    /// StyleSpace change styles only.
    ///
    /// # Errors
    /// [`ModelError::Number`] for a strength that is not finite, [`ModelError::Foreign`] for a code of another pack.
    pub fn apply(
        &mut self,
        code: &Code,
        strength: f32,
        levels: Levels,
        generator: &mut dyn Generator,
        cancel: &Cancel,
    ) -> Result<Code, ModelError> {
        if !strength.is_finite() {
            return Err(ModelError::Number("strength"));
        }
        code.expect(&self.pack)?;
        let before = code.tensor(self.space)?;
        let results = self.session.run(&[(self.space, Tensor::F32(before.view()))], cancel)?;
        let misfit = |what: String| ModelError::Shape { role: Role::Mapper, what };
        let delta = results.first().filter(|delta| delta.shape() == before.shape());
        let delta = delta.ok_or_else(|| misfit("what it adds does not fit the code".into()))?;
        let mut after = before.clone();
        let layers = self.layers(after.len_of(Axis(1)));
        for ((mut after, delta), layer) in
            after.axis_iter_mut(Axis(1)).zip(delta.axis_iter(Axis(1))).zip(layers)
        {
            if levels.hold(layer) {
                after.scaled_add(strength, &delta);
            }
        }
        if self.space == STYLES {
            return Ok(code.clone().with(STYLES, after));
        }
        let w_plus = after.view().into_dimensionality().map_err(|e| misfit(e.to_string()))?;
        generator.with_w_plus(code, w_plus, cancel)
    }

    /// The layer of W+ to which each of `count` layers of W+, or each of as many channels of StyleSpace, belongs.
    fn layers(&self, count: usize) -> Vec<usize> {
        if self.space == W_PLUS {
            return (0..count).collect();
        }
        let styles = self.pack.manifest().styles.iter().enumerate();
        styles.flat_map(|(at, style)| std::iter::repeat_n(driving(at), style.channels)).collect()
    }
}

/// The layer of W+ that drives a layer of StyleSpace. Those are a convolution and an RGB output, then again and again two
/// convolutions and an RGB output, which shares its vector with the first convolution after it.
fn driving(style: usize) -> usize {
    match style.checked_sub(2) {
        None => style,
        Some(later) => 2 * (later / 3) + 1 + later % 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_w_plus_drive_those_of_styles_as_published() {
        // rosinality's generator: conv1 by 0, to_rgb1 by 1, then convs.0 by 1, convs.1 by 2, to_rgbs.0 by 3, …
        let found: Vec<usize> = (0..26).map(driving).collect();
        let block = |k: usize| [2 * k + 1, 2 * k + 2, 2 * k + 3];
        let right: Vec<usize> = [0, 1].into_iter().chain((0..8).flat_map(block)).collect();
        assert_eq!(found, right);
        // 1024 pixels have 18 layers, 64 have 10.
        assert_eq!((found[25], found[13]), (17, 9));
    }
}
