//! Resizing: along each axis a matrix, whose transpose is the gradient.

use crate::backward::Step;
use crate::error::Refusal;
use crate::graph::Attributes;
use crate::proto::NodeProto;
use crate::shapes;

/// See the module.
pub(super) fn resize(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (x, y, mut g) = (s.x(0)?, s.y(), s.g()?);
    let (before, after) = (s.tape.shape(&x)?, s.tape.shape(&y)?);
    for axis in 0..before.len().min(after.len()) {
        let scale = scale(s, axis, before.len());
        if before[axis] == after[axis] && scale.is_none_or(|s| s.total_cmp(&1.0).is_eq()) {
            continue;
        }
        let size = |d: &crate::dim::Dim| d.size().ok_or_else(|| Refusal::Shape(x.clone()));
        let (from, to) = (size(&before[axis])?, size(&after[axis])?);
        let axis_map = Axis { from, to, scale: scale.unwrap_or(to as f64 / from as f64) as f32 };
        let taps = axis_map.taps(s.node)?;
        g = match repeats(&taps, from) {
            Some(times) => repeated(s, &g, axis, (from, times))?,
            None => {
                let entries = taps.iter().enumerate().flat_map(|(output, taps)| {
                    taps.iter().map(move |&(input, weight)| (input, output, weight))
                });
                s.tape.spread(&g, axis, (from, to), entries)?
            }
        };
    }
    s.give(0, g);
    Ok(())
}

/// The scale that is given for an axis.
fn scale(s: &Step<'_>, axis: usize, rank: usize) -> Option<f64> {
    let scales = s.tape.facts.reals(s.node.input.get(2).filter(|i| !i.is_empty())?)?;
    let at = match s.node.ints("axes") {
        Some(axes) => axes.iter().position(|&a| shapes::axis(a, rank) == Some(axis))?,
        None => axis,
    };
    scales.get(at).copied()
}

/// How often each element is repeated, where that is all that happens.
fn repeats(taps: &[Vec<(usize, f64)>], from: usize) -> Option<usize> {
    let times = taps.len().checked_div(from)?;
    let plain = |(output, taps): (usize, &Vec<(usize, f64)>)| matches!(taps.as_slice(), [(input, weight)] if Some(*input) == output.checked_div(times) && *weight >= 1.0);
    (taps.len() == from * times && taps.iter().enumerate().all(plain)).then_some(times)
}

/// What was repeated is summed, which is far cheaper than a matrix.
fn repeated(
    s: &mut Step<'_>,
    g: &str,
    axis: usize,
    (from, times): (usize, usize),
) -> Result<String, Refusal> {
    let mut shape = s.tape.shape(g)?;
    shape.splice(axis..=axis, [crate::dim::Dim::known(from), crate::dim::Dim::known(times)]);
    let apart = s.tape.reshape(g, &shape)?;
    Ok(s.tape.sum(&apart, &[axis + 1], false))
}

/// One axis. Places are computed in single precision, as ONNX Runtime does, so that ties fall on the same side.
struct Axis {
    from: usize,
    to: usize,
    scale: f32,
}

impl Axis {
    /// For each output, the inputs it is made of with their weights.
    fn taps(&self, node: &NodeProto) -> Result<Vec<Vec<(usize, f64)>>, Refusal> {
        if self.from == 0 || self.to > 1 << 20 || self.from > 1 << 20 {
            return Err(Refusal::Attribute("sizes"));
        }
        (0..self.to).map(|output| self.tap(node, output)).collect()
    }

    fn tap(&self, node: &NodeProto, output: usize) -> Result<Vec<(usize, f64)>, Refusal> {
        if node.int("antialias", 0) != 0 {
            return self.blurred(node, output);
        }
        let place = self.place(node.word("coordinate_transformation_mode", "half_pixel"), output)?;
        let last = self.from as f32 - 1.0;
        match node.word("mode", "nearest") {
            "nearest" => {
                let rounded = match node.word("nearest_mode", "round_prefer_floor") {
                    "round_prefer_floor" => (place - 0.5).ceil(),
                    "round_prefer_ceil" => (place + 0.5).floor(),
                    "floor" => place.floor(),
                    "ceil" => place.ceil(),
                    _ => return Err(Refusal::Attribute("nearest_mode")),
                };
                Ok(vec![(rounded.clamp(0.0, last) as usize, 1.0)])
            }
            "linear" => {
                let place = place.clamp(0.0, last);
                let (low, part) = (place.floor() as usize, f64::from(place.fract()));
                Ok(vec![(low, 1.0 - part), ((low + 1).min(self.from - 1), part)])
            }
            "cubic" => {
                let (first, part) = (place.floor(), f64::from(place - place.floor()));
                let weights = cubic(part, node.float("cubic_coeff_a", -0.75).into());
                let outside = |at: f32| !(0.0..=last).contains(&at);
                let exclude = node.int("exclude_outside", 0) != 0;
                let taps = weights.into_iter().zip([-1.0f32, 0.0, 1.0, 2.0]).map(|(w, k)| (first + k, w));
                let taps: Vec<_> = taps.filter(|&(at, _)| !(exclude && outside(at))).collect();
                let total: f64 = if exclude { taps.iter().map(|t| t.1).sum() } else { 1.0 };
                Ok(taps.into_iter().map(|(at, w)| (at.clamp(0.0, last) as usize, w / total)).collect())
            }
            _ => Err(Refusal::Attribute("mode")),
        }
    }

    /// Where pictures get smaller, antialiasing widens the kernel by as much, and scales it to a sum of one.
    fn blurred(&self, node: &NodeProto, output: usize) -> Result<Vec<(usize, f64)>, Refusal> {
        let a = f64::from(node.float("cubic_coeff_a", -0.75));
        let reach = match node.word("mode", "nearest") {
            "linear" => 1.0,
            "cubic" => 2.0,
            _ => return Err(Refusal::Attribute("mode")),
        };
        let place = self.place(node.word("coordinate_transformation_mode", "half_pixel"), output)?;
        let centre = f64::from(place) + 0.5;
        let wider = (1.0 / f64::from(self.scale)).max(1.0);
        let support = wider * reach;
        if support.is_nan() || support > self.from as f64 * 4.0 + 4.0 {
            return Err(Refusal::Attribute("scales"));
        }
        let (first, end) = ((centre - support + 0.5).floor(), (centre + support + 0.5).floor());
        let last = self.from as f64 - 1.0;
        let exclude = node.int("exclude_outside", 0) != 0;
        let mut taps = Vec::new();
        let mut at = first;
        while at < end {
            let distance = ((at - centre + 0.5) / wider).abs();
            let weight = if reach < 2.0 { (1.0 - distance).max(0.0) } else { keys(distance, a) };
            if !exclude || (0.0..=last).contains(&at) {
                taps.push((at.clamp(0.0, last) as usize, weight));
            }
            at += 1.0;
        }
        let total: f64 = taps.iter().map(|t| t.1).sum();
        Ok(taps.into_iter().map(|(at, weight)| (at, weight / total)).collect())
    }

    /// Where in the input an output lies.
    fn place(&self, mode: &str, output: usize) -> Result<f32, Refusal> {
        let (x, from, to) = (output as f32, self.from as f32, self.to as f32);
        Ok(match mode {
            "half_pixel" => (x + 0.5) / self.scale - 0.5,
            "pytorch_half_pixel" if self.to == 1 => 0.0,
            "pytorch_half_pixel" => (x + 0.5) / self.scale - 0.5,
            "align_corners" if self.to == 1 => 0.0,
            "align_corners" => x * (from - 1.0) / (to - 1.0),
            "asymmetric" => x / self.scale,
            "half_pixel_symmetric" => {
                let offset = from / 2.0 * (1.0 - to / (self.scale * from));
                offset + (x + 0.5) / self.scale - 0.5
            }
            _ => return Err(Refusal::Attribute("coordinate_transformation_mode")),
        })
    }
}

/// Keys' kernel at the four places around one that lies `t` after the second.
fn cubic(t: f64, a: f64) -> [f64; 4] {
    [keys(t + 1.0, a), keys(t, a), keys(1.0 - t, a), keys(2.0 - t, a)]
}

/// Keys' kernel at a distance from its middle.
fn keys(d: f64, a: f64) -> f64 {
    match d {
        d if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
        d if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
        _ => 0.0,
    }
}
