//! Plain pixel data that has left the host.

/// A rectangle in pixels. `x` and `y` may be negative where an image's layers begin left of or above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Rect {
    /// A rectangle from its corner and size.
    pub fn new(x: i32, y: i32, width: u32, height: u32) -> Self {
        Self { x, y, width, height }
    }

    /// Number of pixels.
    pub fn area(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// First column right of it.
    pub fn right(&self) -> i32 {
        self.x.saturating_add_unsigned(self.width)
    }

    /// First row below it.
    pub fn bottom(&self) -> i32 {
        self.y.saturating_add_unsigned(self.height)
    }

    /// What both cover; `None` if nothing.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let (right, bottom) = (self.right().min(other.right()), self.bottom().min(other.bottom()));
        (right > x && bottom > y).then(|| Self::new(x, y, right.abs_diff(x), bottom.abs_diff(y)))
    }

    /// The same rectangle seen from another origin.
    pub fn moved(&self, dx: i32, dy: i32) -> Self {
        Self { x: self.x.saturating_add(dx), y: self.y.saturating_add(dy), ..*self }
    }
}

/// R'G'B'A pixels, 32-bit float, interleaved, not premultiplied, in a colour space named by their source.
#[derive(Debug, Clone, PartialEq)]
pub struct Pixels {
    /// Where they lie in their drawable.
    pub rect: Rect,
    /// `area × 4` values, rows from the top.
    pub rgba: Vec<f32>,
}

/// One value per pixel, `0.0..=1.0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// Where it lies.
    pub rect: Rect,
    /// `area` values, rows from the top.
    pub values: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersections() {
        let a = Rect::new(-5, 0, 10, 10);
        assert_eq!(a.intersect(&Rect::new(0, 5, 100, 100)), Some(Rect::new(0, 5, 5, 5)));
        assert_eq!(a.intersect(&Rect::new(5, 0, 1, 1)), None);
        assert_eq!(a.intersect(&Rect::new(0, 0, 0, 5)), None);
    }
}
