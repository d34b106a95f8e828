//! Where pixels meet tensors.

use models_onnx::pack::Manifest;
use ndarray::{Array4, s};
use pentimento_protocol::picture::Picture;

use crate::error::PluginError;

/// A picture as a `[1, 3, height, width]` tensor in the pack's range.
pub fn from_picture(picture: &Picture, pack: &Manifest) -> Result<Array4<f32>, PluginError> {
    if !picture.is_sound() || picture.width != pack.resolution || picture.height != pack.resolution {
        return Err(PluginError::Sizes);
    }
    let (low, high) = (pack.range.low, pack.range.high);
    let side = pack.resolution as usize;
    Ok(Array4::from_shape_fn((1, 3, side, side), |(_, c, y, x)| {
        low + (high - low) * picture.rgb[(y * side + x) * 3 + c]
    }))
}

/// The first picture of a `[n, 3, height, width]` tensor, clamped to what can be shown.
pub fn to_picture(tensor: &Array4<f32>, pack: &Manifest) -> Result<Picture, PluginError> {
    let (n, channels, height, width) = tensor.dim();
    if n == 0 || channels != 3 {
        return Err(PluginError::Sizes);
    }
    let (low, high) = (pack.range.low, pack.range.high);
    let first = tensor.slice(s![0, .., .., ..]).permuted_axes([1, 2, 0]);
    let rgb = first.iter().map(|v| ((v - low) / (high - low)).clamp(0.0, 1.0)).collect();
    Ok(Picture { width: width as u32, height: height as u32, rgb })
}
