//! Colour profiles of picture files. (Inside GIMP, babl converts.)

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformF32Executor, TransformOptions};
use pentimento_ffi::HostError;

/// Direction of a conversion.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// From the file's colour space to sRGB.
    ToSrgb,
    /// From sRGB to the file's colour space.
    FromSrgb,
}

/// Converts between a file's colour space and sRGB. Files without a profile, and grey ones, are taken as sRGB.
pub(super) struct Colour(Option<[Arc<TransformF32Executor>; 2]>);

impl Colour {
    /// The conversions of an ICC profile; the error is one sentence.
    pub(super) fn new(profile: Option<&[u8]>, colour: bool) -> Result<Self, String> {
        let (Some(profile), true) = (profile, colour) else { return Ok(Self(None)) };
        let damaged =
            |e| format!("the colour profile cannot be used ({e}); assign another one and try again");
        let own = ColorProfile::new_from_slice(profile).map_err(damaged)?;
        if own.color_space != DataColorSpace::Rgb {
            return Err(
                "the colour profile is not one for RGB pictures; convert the picture to RGB first".to_owned()
            );
        }
        let srgb = ColorProfile::new_srgb();
        let options = TransformOptions { allow_extended_range_rgb_xyz: true, ..TransformOptions::default() };
        let to = own.create_transform_f32(Layout::Rgba, &srgb, Layout::Rgba, options).map_err(damaged)?;
        let from = srgb.create_transform_f32(Layout::Rgba, &own, Layout::Rgba, options).map_err(damaged)?;
        Ok(Self(Some([to, from])))
    }

    /// Converts R'G'B'A pixels in place.
    pub(super) fn convert(&self, way: Way, rgba: &mut [f32]) -> Result<(), HostError> {
        let Some(ways) = &self.0 else { return Ok(()) };
        let source = rgba.to_vec();
        let refused =
            |e: moxcms::CmsError| HostError::Refused { call: "the colour conversion", reason: e.to_string() };
        ways[way as usize].transform(&source, rgba).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_gamut_comes_back() {
        let wide = ColorProfile::new_adobe_rgb().encode().unwrap();
        let colour = Colour::new(Some(&wide), true).unwrap();
        let original = [0.9, 0.1, 0.2, 1.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.5, 0.5, 1.0];
        let mut pixels = original;
        colour.convert(Way::ToSrgb, &mut pixels).unwrap();
        assert!(pixels[4] < -0.1, "pure Adobe green lies outside sRGB: {pixels:?}");
        colour.convert(Way::FromSrgb, &mut pixels).unwrap();
        for (a, b) in original.iter().zip(pixels) {
            // What is left of the error cancels in the composite.
            assert!((a - b).abs() < 2e-3, "{a} {b}");
        }
    }

    #[test]
    fn rubbish_is_refused() {
        assert!(Colour::new(Some(&[1, 2, 3]), true).is_err());
        assert!(Colour::new(None, true).unwrap().0.is_none());
    }
}
