//! The geometry of convolutions and pools: which elements of the input each element of the output sees.

use crate::dim::Dim;
use crate::graph::Attributes;
use crate::proto::NodeProto;

/// A sliding window; one number for each spatial axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: Vec<usize>,
    pub(crate) strides: Vec<usize>,
    pub(crate) dilations: Vec<usize>,
    pub(crate) before: Vec<usize>,
    pub(crate) after: Vec<usize>,
    pub(crate) ceil: bool,
}

/// Numbers up to 31 bits, so that sums and products of two of them are exact.
fn small(value: i64) -> Option<usize> {
    u32::try_from(value).ok().filter(|&v| v <= i32::MAX as u32).map(|v| v as usize)
}

impl Window {
    /// The window of a node over axes of the given sizes. `kernel` is that of the weights, where the node has any.
    pub(crate) fn of(node: &NodeProto, sizes: &[Dim], kernel: Option<&[usize]>) -> Option<Self> {
        let mut window = Self::read(node, sizes.len(), kernel)?;
        let lower = match node.word("auto_pad", "NOTSET") {
            "SAME_UPPER" => false,
            "SAME_LOWER" => true,
            _ => return Some(window),
        };
        for (axis, size) in sizes.iter().enumerate() {
            let total = if window.strides[axis] == 1 {
                // Whatever the size is.
                window.reach(axis) - 1
            } else {
                let size = size.size().and_then(|s| small(i64::try_from(s).ok()?))?;
                let covered = (size.div_ceil(window.strides[axis]).max(1) - 1) * window.strides[axis];
                (covered + window.reach(axis)).saturating_sub(size)
            };
            window.pad(axis, total, lower);
        }
        Some(window)
    }

    /// The window of a transposed convolution, whose padding may be what is left over the size that is asked for.
    pub(crate) fn transposed(node: &NodeProto, sizes: &[Dim], kernel: &[usize]) -> Option<Self> {
        let rank = sizes.len();
        let mut window = Self::read(node, rank, Some(kernel))?;
        let (auto, wanted) = (node.word("auto_pad", "NOTSET"), node.ints("output_shape"));
        if wanted.is_none() && !auto.starts_with("SAME") {
            return Some(window);
        }
        // Without padding.
        window.before.fill(0);
        window.after.fill(0);
        for (axis, size) in sizes.iter().enumerate() {
            let size = size.size()?;
            let extra = node.ints("output_padding").map_or(Some(0), |e| small(*e.get(axis)?))?;
            let to = match wanted {
                // Batch and channels may stand before.
                Some(all) => small(*all.get(all.len().checked_sub(rank)? + axis)?)?,
                None => size.checked_mul(window.strides[axis])?,
            };
            let total = window.spread(axis, size, extra)?.checked_sub(to)?;
            window.pad(axis, total, auto != "SAME_UPPER");
        }
        Some(window)
    }

    /// Pads one axis by so much in all; an odd one more goes before or after.
    fn pad(&mut self, axis: usize, total: usize, before: bool) {
        let (less, more) = (total / 2, total - total / 2);
        (self.before[axis], self.after[axis]) = if before { (more, less) } else { (less, more) };
    }

    /// What the attributes say, automatic padding being none.
    fn read(node: &NodeProto, rank: usize, kernel: Option<&[usize]>) -> Option<Self> {
        let list = |name: &str, default: i64, n: usize| -> Option<Vec<usize>> {
            match node.ints(name) {
                Some(values) if values.len() == n => values.iter().map(|&v| small(v)).collect(),
                Some(_) => None,
                None => Some(vec![small(default)?; n]),
            }
        };
        let kernel = match kernel {
            Some(kernel) => kernel.iter().map(|&k| small(i64::try_from(k).ok()?)).collect::<Option<_>>()?,
            None => list("kernel_shape", 0, rank)?,
        };
        let strides = list("strides", 1, rank)?;
        let dilations = list("dilations", 1, rank)?;
        if kernel.len() != rank || [&kernel, &strides, &dilations].iter().any(|l| l.contains(&0)) {
            return None;
        }
        let mut before = list("pads", 0, 2 * rank)?;
        let mut after = before.split_off(rank);
        let ceil = node.int("ceil_mode", 0) != 0;
        match node.word("auto_pad", "NOTSET") {
            "NOTSET" => {}
            "VALID" | "SAME_UPPER" | "SAME_LOWER" => {
                before.fill(0);
                after.fill(0);
            }
            _ => return None,
        }
        Some(Self { kernel, strides, dilations, before, after, ceil })
    }

    /// Elements of the input from the first to the last that one output sees.
    pub(crate) fn reach(&self, axis: usize) -> usize {
        self.dilations[axis] * (self.kernel[axis] - 1) + 1
    }

    /// Outputs along an axis of the given size.
    pub(crate) fn outputs(&self, axis: usize, size: usize) -> Option<usize> {
        let size = small(i64::try_from(size).ok()?)?;
        let stride = self.strides[axis];
        let room = (size + self.before[axis] + self.after[axis]).checked_sub(self.reach(axis))?;
        let mut n = if self.ceil { room.div_ceil(stride) } else { room / stride } + 1;
        // A window that would start in the padding after the input is left out.
        if self.ceil && (n - 1) * stride >= size + self.before[axis] {
            n -= 1;
        }
        Some(n)
    }

    /// Size of an axis from which a transposed convolution makes an output, `extra` being its output padding.
    pub(crate) fn spread(&self, axis: usize, size: usize, extra: usize) -> Option<usize> {
        let size = small(i64::try_from(size).ok()?)?;
        let full = self.strides[axis] * size.checked_sub(1)? + extra + self.reach(axis);
        full.checked_sub(self.before[axis] + self.after[axis])
    }

    /// Whether outputs are as many as inputs whatever the size is.
    pub(crate) fn keeps_size(&self, axis: usize) -> bool {
        self.strides[axis] == 1 && self.before[axis] + self.after[axis] + 1 == self.reach(axis)
    }

    /// Padding as the format lists it.
    pub(crate) fn pads(&self) -> Vec<i64> {
        self.before.iter().chain(&self.after).map(|&p| whole(p)).collect()
    }
}

/// A size as the format's attributes and tensors want it.
pub(crate) fn whole(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Sizes as the format's attributes and tensors want them.
pub(crate) fn wholes(sizes: &[usize]) -> Vec<i64> {
    sizes.iter().map(|&s| whole(s)).collect()
}
