//! Pictures looked at between their pixels.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgb};

/// Three numbers a pixel, of any size and sign.
pub(super) struct Grid {
    width: u32,
    height: u32,
    values: Vec<f32>,
}

impl Grid {
    /// `None` where the length does not fit the size, or nothing is there.
    pub(super) fn new(width: u32, height: u32, values: Vec<f32>) -> Option<Self> {
        let fits = width > 0 && height > 0 && values.len() == width as usize * height as usize * 3;
        fits.then_some(Self { width, height, values })
    }

    /// Reduced to `side` pixels across, where it has more.
    pub(super) fn reduced(self, side: f64) -> Self {
        let new = (side.ceil() as u32).max(1);
        if new >= self.width {
            return self;
        }
        let height = (u64::from(self.height) * u64::from(new)).div_ceil(u64::from(self.width)) as u32;
        // The resizer clamps to 0..=1; shifted and quartered, what lies in −2..=2 passes unharmed.
        let coded: Vec<f32> = self.values.iter().map(|v| v * 0.25 + 0.5).collect();
        let Some(image) = ImageBuffer::<Rgb<f32>, _>::from_raw(self.width, self.height, coded) else {
            return self;
        };
        let small = imageops::resize(&image, new, height, FilterType::CatmullRom);
        let values = small.into_raw().iter().map(|v| (v - 0.5) * 4.0).collect();
        Self { width: new, height, values }
    }

    /// Three values a pixel, rows from the top.
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Width, height, and the values.
    pub(super) fn into_parts(self) -> (u32, u32, Vec<f32>) {
        (self.width, self.height, self.values)
    }

    /// The value at a place, `0..=1` across and down. Catmull-Rom, because what is enlarged twenty times must not show the
    /// grid of the model's pixels; beyond the edge the edge goes on.
    pub(super) fn at(&self, u: f64, v: f64) -> [f32; 3] {
        let (columns, across) = weights(u * f64::from(self.width) - 0.5, self.width);
        let (rows, down) = weights(v * f64::from(self.height) - 0.5, self.height);
        let mut sum = [0.0f32; 3];
        for (row, wy) in rows.iter().zip(down) {
            let line = &self.values[row * self.width as usize * 3..][..self.width as usize * 3];
            let mut inner = [0.0f32; 3];
            for (column, wx) in columns.iter().zip(across) {
                for c in 0..3 {
                    inner[c] += line[column * 3 + c] * wx;
                }
            }
            for c in 0..3 {
                sum[c] += inner[c] * wy;
            }
        }
        sum
    }
}

/// The four neighbours of a place and how much each counts (Catmull and Rom, 1974, with a tension of one half).
fn weights(at: f64, count: u32) -> ([usize; 4], [f32; 4]) {
    let low = at.floor();
    let t = (at - low) as f32;
    let pixel = |offset: i64| (low as i64 + offset).clamp(0, i64::from(count) - 1) as usize;
    let (t2, t3) = (t * t, t * t * t);
    let weights = [
        -0.5 * t + t2 - 0.5 * t3,
        1.0 - 2.5 * t2 + 1.5 * t3,
        0.5 * t + 2.0 * t2 - 1.5 * t3,
        -0.5 * t2 + 0.5 * t3,
    ];
    ([pixel(-1), pixel(0), pixel(1), pixel(2)], weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_middle_of_a_pixel_it_is_that_pixel() {
        let values: Vec<f32> = (0..27).map(|i| i as f32 - 13.0).collect();
        let grid = Grid::new(3, 3, values.clone()).unwrap();
        for y in 0..3 {
            for x in 0..3 {
                let found = grid.at((x as f64 + 0.5) / 3.0, (y as f64 + 0.5) / 3.0);
                for c in 0..3 {
                    assert!((found[c] - values[(y * 3 + x) * 3 + c]).abs() < 1e-5);
                }
            }
        }
        assert!(Grid::new(2, 2, values).is_none());
    }

    #[test]
    fn what_is_even_stays_even_at_any_size() {
        let values = [0.5, -0.25, 1.5].repeat(40 * 40);
        let grid = Grid::new(40, 40, values).unwrap().reduced(7.3);
        assert_eq!((grid.width, grid.height), (8, 8));
        for place in [0.0, 0.1, 0.77, 1.0] {
            for (found, expected) in grid.at(place, 1.0 - place).iter().zip([0.5, -0.25, 1.5]) {
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }
}
