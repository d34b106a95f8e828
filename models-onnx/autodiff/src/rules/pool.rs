//! Pools.

use crate::backward::Step;
use crate::error::Refusal;
use crate::graph::{Attributes, Setting};
use crate::rules::reduce;
use crate::window::Window;

/// The mean of each window. It is a product of means along the axes, each of which is a matrix; ONNX Runtime's
/// depthwise transposed convolution, the other way to write this, is far slower.
pub(super) fn average(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, mut g) = (s.x(0)?, s.g()?);
    let sizes = s.tape.sizes_from(&x, 2)?;
    let window = window(s, &x)?;
    let padded = s.node.int("count_include_pad", 0) != 0;
    for (axis, &size) in sizes.iter().enumerate() {
        let outputs = window.outputs(axis, size).ok_or_else(|| Refusal::Shape(x.clone()))?;
        if window.kernel[axis].saturating_mul(outputs) > 1 << 26 {
            return Err(Refusal::Long(x));
        }
        let (before, after) = (window.before[axis], window.after[axis]);
        let (kernel, stride, dilation) = (window.kernel[axis], window.strides[axis], window.dilations[axis]);
        let entries = (0..outputs).flat_map(|output| {
            let taps = (0..kernel).map(move |k| output * stride + k * dilation);
            // Places are counted from the start of the padding.
            let inside: Vec<usize> = taps.clone().filter(|t| (before..before + size).contains(t)).collect();
            let counted =
                if padded { taps.filter(|&t| t < before + size + after).count() } else { inside.len() };
            inside.into_iter().map(move |tap| (tap - before, output, 1.0 / counted as f64))
        });
        g = s.tape.spread(&g, axis + 2, (size, outputs), entries)?;
    }
    s.give(0, g);
    Ok(())
}

/// The largest of each window. The operator tells which it was; there `g` goes, summed where windows overlap.
pub(super) fn max(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, g) = (s.x(0)?, s.g()?);
    let window = window(s, &x)?;
    if s.node.int("storage_order", 0) != 0 {
        return Err(Refusal::Attribute("storage_order"));
    }
    let overlap = (0..window.kernel.len()).any(|axis| window.reach(axis) > window.strides[axis]);
    // Without overlap no element gets two.
    let settings: &[_] = if overlap { &[("reduction", Setting::Word("add"))] } else { &[] };
    let indices = s.tape.further_output(s.place, 1);
    let list = s.tape.ints(&[-1]);
    let zeros = s.tape.zeros_like(&x)?;
    let flat = |s: &mut Step<'_>, value: &str| s.tape.op("Reshape", &[value, &list], &[]);
    let (zeros, indices, g) = (flat(s, &zeros), flat(s, &indices), flat(s, &g));
    let d = s.tape.op("ScatterElements", &[&zeros, &indices, &g], settings);
    let d = s.tape.reshape_like(&d, &x);
    s.give(0, d);
    Ok(())
}

/// The mean of each channel.
pub(super) fn global_average(s: &mut Step<'_>) -> Result<(), Refusal> {
    let x = s.x(0)?;
    let share = s.tape.per(&s.g()?, &x, &s.y())?;
    let d = s.tape.expand_like(&share, &x);
    s.give(0, d);
    Ok(())
}

/// The largest of each channel: shared equally by those that are it.
pub(super) fn global_max(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, y, g) = (s.x(0)?, s.y(), s.g()?);
    let axes: Vec<usize> = (2..s.tape.rank(&x)?).collect();
    reduce::shared(s, &x, &y, &g, &axes)
}

fn window(s: &Step<'_>, x: &str) -> Result<Window, Refusal> {
    let shape = s.tape.shape(x)?;
    let spatial = shape.get(2..).ok_or_else(|| Refusal::Shape(x.into()))?;
    Window::of(s.node, spatial, None).ok_or(Refusal::Attribute("pads"))
}
