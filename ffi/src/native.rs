//! Whole numbers as GIMP keeps them, to floats and the same ones every time.
//!
//! babl chooses among several ways by timing them, and their last bits differ from run to run. What is remembered
//! by a hash of the pixels must not depend on that.

/// Display-coded whole numbers: how many channels, and bytes in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole {
    channels: usize,
    wide: bool,
}

impl Whole {
    /// From babl's name of an encoding; `None` for what we leave to babl.
    pub(crate) fn of(encoding: &str) -> Option<Self> {
        let (model, kind) = encoding.split_once(' ')?;
        let channels = match model {
            "Y'" => 1,
            "Y'A" => 2,
            "R'G'B'" => 3,
            "R'G'B'A" => 4,
            _ => return None,
        };
        let wide = match kind {
            "u8" => false,
            "u16" => true,
            _ => return None,
        };
        Some(Self { channels, wide })
    }

    /// Fills R'G'B'A floats from `kept`, which holds at least as many pixels.
    pub(crate) fn decode(self, kept: &[u8], rgba: &mut [f32]) {
        let size = self.channels * if self.wide { 2 } else { 1 };
        for (pixel, kept) in rgba.chunks_exact_mut(4).zip(kept.chunks_exact(size)) {
            let at = |channel: usize| {
                if self.wide {
                    f32::from(u16::from_ne_bytes([kept[channel * 2], kept[channel * 2 + 1]])) / 65_535.0
                } else {
                    f32::from(kept[channel]) / 255.0
                }
            };
            // An even number of channels has alpha as its last.
            let colours = self.channels - (self.channels + 1) % 2;
            for (channel, value) in pixel[..3].iter_mut().enumerate() {
                *value = at(channel.min(colours - 1));
            }
            pixel[3] = if colours < self.channels { at(colours) } else { 1.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: &str, kept: &[u8]) -> [f32; 4] {
        let mut pixel = [9.0; 4];
        Whole::of(encoding).unwrap().decode(kept, &mut pixel);
        pixel
    }

    #[test]
    fn every_kind() {
        assert_eq!(decoded("Y' u8", &[51]), [0.2, 0.2, 0.2, 1.0]);
        assert_eq!(decoded("Y'A u8", &[51, 0]), [0.2, 0.2, 0.2, 0.0]);
        assert_eq!(decoded("R'G'B' u8", &[0, 51, 255]), [0.0, 0.2, 1.0, 1.0]);
        assert_eq!(decoded("R'G'B'A u8", &[0, 51, 255, 102]), [0.0, 0.2, 1.0, 0.4]);
        let wide: Vec<u8> = [0_u16, 13_107, 65_535, 26_214].into_iter().flat_map(u16::to_ne_bytes).collect();
        assert_eq!(decoded("R'G'B'A u16", &wide), [0.0, 0.2, 1.0, 0.4]);
        assert_eq!(decoded("R'G'B' u16", &wide[..6]), [0.0, 0.2, 1.0, 1.0]);
    }

    #[test]
    fn the_rest_is_left_to_babl() {
        for encoding in ["R'G'B' float", "RGB u8", "R~G~B~ u8", "R'G'B' u32", "u8", ""] {
            assert_eq!(Whole::of(encoding), None, "{encoding}");
        }
    }
}
