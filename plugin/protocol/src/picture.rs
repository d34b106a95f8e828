//! Pictures as the models see them.

use serde::{Deserialize, Serialize};

/// An opaque picture in display-coded sRGB (R'G'B'), interleaved, nominally in `0.0..=1.0`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width × height × 3` values, rows from the top.
    pub rgb: Vec<f32>,
}

impl Picture {
    /// A picture of one colour.
    pub fn filled(width: u32, height: u32, colour: [f32; 3]) -> Self {
        let pixels = width as usize * height as usize;
        Self { width, height, rgb: std::iter::repeat_n(colour, pixels).flatten().collect() }
    }

    /// Whether the length of `rgb` fits the size and every value is finite.
    pub fn is_sound(&self) -> bool {
        self.rgb.len() == self.width as usize * self.height as usize * 3
            && self.rgb.iter().all(|v| v.is_finite())
    }

    /// The three values of pixel (`x`, `y`).
    pub fn pixel(&self, x: u32, y: u32) -> [f32; 3] {
        let i = (y as usize * self.width as usize + x as usize) * 3;
        [self.rgb[i], self.rgb[i + 1], self.rgb[i + 2]]
    }
}
