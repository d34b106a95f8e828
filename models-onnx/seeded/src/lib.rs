//! Random weights that need no file: each tensor follows from its name, the same in Rust and in `seeded.py`.
//!
//! Networks of published sizes have hundreds of megabytes of weights, too many to keep beside the tests. Here a *layout*
//! (a text file of names, shapes and scales) stands for a checkpoint, and golden results of PyTorch for it can be
//! small.
//!
//! Values are even between `offset - scale` and `offset + scale`, on a grid of 2⁻²³: SplitMix64, started by the FNV-1a
//! hash of the name, gives 24 bits a value. Each step is exact or rounds as IEEE says, so both languages get the same
//! bits.
#![forbid(unsafe_code)]

/// A tensor of a layout.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name, by which its values are drawn.
    pub name: String,
    /// Its sizes; none for a single number.
    pub shape: Vec<usize>,
    /// Half the width of the range of its values.
    pub scale: f32,
    /// The middle of that range.
    pub offset: f32,
}

/// A line of a layout that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the layout is not “name sizes scale offset”: {text}")]
pub struct Unreadable {
    /// Counted from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
}

impl Entry {
    /// How many values it has.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its values, in row-major order.
    pub fn values(&self) -> Vec<f32> {
        uniform(&self.name, self.count(), self.scale, self.offset)
    }
}

/// Reads a layout: a tensor a line, as `name 64x3x3x3 scale offset`, `-` for a single number; lines that start with
/// `#` are comments.
///
/// # Errors
/// [`Unreadable`], naming the line.
pub fn layout(text: &str) -> Result<Vec<Entry>, Unreadable> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| entry(line).ok_or_else(|| Unreadable { line: at + 1, text: line.into() }))
        .collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace();
    let (name, sizes, scale, offset) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let shape = match sizes {
        "-" => Vec::new(),
        sizes => sizes.split('x').map(str::parse).collect::<Result<_, _>>().ok()?,
    };
    let entry = Entry { name: name.into(), shape, scale: scale.parse().ok()?, offset: offset.parse().ok()? };
    words.next().is_none().then_some(entry)
}

/// `count` values around `offset`, at most `scale` away from it, that follow from `name`.
pub fn uniform(name: &str, count: usize, scale: f32, offset: f32) -> Vec<f32> {
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        // 24 bits fit a single-precision number exactly.
        let unit = (x >> 40) as f32 / 8_388_608.0 - 1.0;
        unit * scale + offset
    };
    std::iter::repeat_with(draw).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same numbers stand in `seeded.py`.
    #[test]
    fn values_are_those_of_python() {
        let bits: Vec<u32> = uniform("conv1.weight", 4, 0.5, 0.25).iter().map(|v| v.to_bits()).collect();
        assert_eq!(bits, GOLDEN);
    }

    const GOLDEN: [u32; 4] = [1_050_088_464, 1_056_802_262, 3_194_521_400, 1_056_501_482];

    #[test]
    fn values_fill_their_range() {
        let values = uniform("x", 100_000, 2.0, 1.0);
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 1e5;
        let square = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / 1e5;
        assert!((mean - 1.0).abs() < 0.02 && (square - 4.0 / 3.0).abs() < 0.02, "{mean} {square}");
        assert!(values.iter().all(|&v| (-1.0..=3.0).contains(&v)));
    }

    #[test]
    fn layouts_say_names_sizes_and_ranges() -> Result<(), Unreadable> {
        let read = layout("# a comment\nconv.weight 2x3x1x1 0.5 0\nstrength - 0.1 1\n")?;
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].count(), read[1].count()), (6, 1));
        assert_eq!(layout("a 2x 1 0").map_err(|e| e.line).err(), Some(1));
        Ok(())
    }
}
