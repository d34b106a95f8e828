//! Colour spaces and precisions of the in-memory host, small enough to check by hand.

use crate::host::BaseType;

/// A colour space: a power curve and a matrix from its linear light to that of sRGB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Space {
    /// Exponent of the curve; none for the curve of sRGB.
    pub gamma: Option<f32>,
    /// From linear light of this space to linear light of sRGB, rows first.
    pub to_srgb: [[f32; 3]; 3],
}

impl Space {
    /// sRGB itself.
    pub const SRGB: Self = Self { gamma: None, to_srgb: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] };
    /// The space of Adobe RGB (1998): wider than sRGB in green, so that conversions leave `0.0..=1.0`.
    pub const WIDE: Self = Self {
        gamma: Some(2.199_218_8),
        to_srgb: [[1.398_355_7, -0.398_355_7, 0.0], [0.0, 1.0, 0.0], [0.0, -0.042_929, 1.042_929]],
    };

    /// To linear light; negative values are mirrored.
    pub fn decode(&self, value: f32) -> f32 {
        let v = value.abs();
        value.signum()
            * match self.gamma {
                Some(gamma) => v.powf(gamma),
                None if v <= 0.040_45 => v / 12.92,
                None => ((v + 0.055) / 1.055).powf(2.4),
            }
    }

    /// From linear light.
    pub fn encode(&self, value: f32) -> f32 {
        let v = value.abs();
        value.signum()
            * match self.gamma {
                Some(gamma) => v.powf(1.0 / gamma),
                None if v <= 0.003_130_8 => v * 12.92,
                None => 1.055 * v.powf(1.0 / 2.4) - 0.055,
            }
    }

    /// Converts display-coded pixels from this space to `other`, unclamped; alpha stays.
    pub fn convert(&self, other: &Self, rgba: &mut [f32]) {
        if self == other {
            return;
        }
        let back = inverse(&other.to_srgb);
        for pixel in rgba.chunks_exact_mut(4) {
            let linear = [0, 1, 2].map(|channel| self.decode(pixel[channel]));
            let there = times(&back, times(&self.to_srgb, linear));
            for (channel, value) in pixel.iter_mut().zip(there) {
                *channel = other.encode(value);
            }
        }
    }
}

/// How exactly an image keeps its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 8 bits, display-coded.
    U8,
    /// 16 bits, display-coded.
    U16,
    /// 16 bits, linear light.
    U16Linear,
    /// 32-bit float, linear light.
    FloatLinear,
}

impl Precision {
    /// The format in babl's words.
    pub(super) fn format(self, base: BaseType, alpha: bool) -> String {
        let (coded, kind) = match self {
            Self::U8 => (true, "u8"),
            Self::U16 => (true, "u16"),
            Self::U16Linear => (false, "u16"),
            Self::FloatLinear => (false, "float"),
        };
        let model = match (base, coded) {
            (BaseType::Grey, true) => "Y'",
            (BaseType::Grey, false) => "Y",
            (_, true) => "R'G'B'",
            (_, false) => "RGB",
        };
        format!("{model}{} {kind}", if alpha { "A" } else { "" })
    }

    /// Display-coded values as this precision keeps them.
    pub(super) fn kept(self, space: &Space, value: f32) -> f32 {
        let steps = |value: f32, most: f32| (value.clamp(0.0, 1.0) * most).round() / most;
        match self {
            Self::U8 => steps(value, 255.0),
            Self::U16 => steps(value, 65_535.0),
            Self::U16Linear => space.encode(steps(space.decode(value), 65_535.0)),
            Self::FloatLinear => value,
        }
    }

    /// Values of a mask or of alpha, which are plain numbers.
    pub(super) fn kept_plain(self, value: f32) -> f32 {
        match self {
            Self::U8 => (value.clamp(0.0, 1.0) * 255.0).round() / 255.0,
            Self::U16 | Self::U16Linear => (value.clamp(0.0, 1.0) * 65_535.0).round() / 65_535.0,
            Self::FloatLinear => value,
        }
    }
}

/// One grey value for a colour, by its luminance; a grey is left exactly as it is.
pub(super) fn grey(space: &Space, [r, g, b]: [f32; 3]) -> f32 {
    if r == g && g == b {
        return r;
    }
    space.encode(0.2126 * space.decode(r) + 0.7152 * space.decode(g) + 0.0722 * space.decode(b))
}

fn times(matrix: &[[f32; 3]; 3], vector: [f32; 3]) -> [f32; 3] {
    matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// The inverse by cofactors, in double precision; the matrices of colour spaces always have one.
fn inverse(matrix: &[[f32; 3]; 3]) -> [[f32; 3]; 3] {
    let m = matrix.map(|row| row.map(f64::from));
    let minor = |row: usize, column: usize| {
        let (r1, r2) = ((row + 1) % 3, (row + 2) % 3);
        let (c1, c2) = ((column + 1) % 3, (column + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| (minor(column, row) / determinant) as f32))
}
