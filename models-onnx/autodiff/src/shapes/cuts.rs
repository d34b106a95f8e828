//! What slices take and what padding adds.

use super::places;
use crate::facts::Facts;
use crate::proto::NodeProto;

/// What a slice takes along one axis.
pub(crate) struct Cut {
    pub(crate) axis: usize,
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) count: usize,
}

impl Cut {
    /// The places taken, in order.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        let (start, step) = (i128::from(self.start), i128::from(self.step));
        (0..self.count).map(move |i| usize::try_from(start + step * i as i128).unwrap_or(usize::MAX))
    }
}

/// What a slice takes, where its bounds and the sizes they apply to are numbers.
pub(crate) fn cuts(facts: &Facts, node: &NodeProto) -> Option<Vec<Cut>> {
    let x = facts.shape(node.input.first()?)?;
    let list = |index: usize| match node.input.get(index).filter(|i| !i.is_empty()) {
        Some(name) => facts.integers(name).map(Some),
        None => Some(None),
    };
    let (starts, ends) = (list(1)??, list(2)??);
    let all = || (0..starts.len()).map(|i| i64::try_from(i).unwrap_or(i64::MAX)).collect();
    let axes = places(&list(3)?.unwrap_or_else(all), x.len())?;
    let steps = list(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|&n| n != starts.len()) {
        return None;
    }
    let mut cuts = Vec::with_capacity(axes.len());
    for (i, axis) in axes.into_iter().enumerate() {
        let size = i64::try_from(x[axis].size()?).ok()?;
        let from_end = |v: i64| if v < 0 { v.saturating_add(size) } else { v };
        let step = steps[i];
        let (start, count) = if step > 0 {
            let start = from_end(starts[i]).clamp(0, size);
            (start, (from_end(ends[i]).clamp(0, size) - start).max(0).checked_add(step - 1)? / step)
        } else if step < 0 && step > i64::MIN {
            let start = from_end(starts[i]).clamp(-1, size - 1);
            (start, (start - from_end(ends[i]).clamp(-1, size - 1)).max(0).checked_add(-step - 1)? / -step)
        } else {
            return None;
        };
        cuts.push(Cut { axis, start, step, count: usize::try_from(count).ok()? });
    }
    Some(cuts)
}

/// The axes that padding changes, with what comes before and after.
pub(crate) fn paddings(facts: &Facts, node: &NodeProto, rank: usize) -> Option<Vec<(usize, i64, i64)>> {
    let pads = facts.integers(node.input.get(1)?)?;
    let axes = match node.input.get(3).filter(|i| !i.is_empty()) {
        Some(axes) => places(&facts.integers(axes)?, rank)?,
        None => (0..rank).collect(),
    };
    let n = axes.len();
    (pads.len() == 2 * n)
        .then(|| axes.into_iter().enumerate().map(|(i, a)| (a, pads[i], pads[n + i])).collect())
}
