//! Pictures for the display.

use gtk4::prelude::*;
use gtk4::{gdk, glib, graphene};
use pentimento_protocol::picture::Picture;

/// The picture as the display takes it, eight bits a value: the result is computed from the floats elsewhere. `None`
/// for broken pictures.
pub(crate) fn texture(picture: &Picture) -> Option<gdk::Texture> {
    if picture.rgb.is_empty() || !picture.is_sound() {
        return None;
    }
    let (width, height) = (i32::try_from(picture.width).ok()?, i32::try_from(picture.height).ok()?);
    let bytes: Vec<u8> =
        picture.rgb.iter().map(|value| (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect();
    let stride = usize::try_from(width).ok()?.checked_mul(3)?;
    let bytes = glib::Bytes::from_owned(bytes);
    Some(gdk::MemoryTexture::new(width, height, gdk::MemoryFormat::R8g8b8, &bytes, stride).upcast())
}

/// The picture reduced by a whole number, so that its longer side comes near `side`: a strip of hundred candidates
/// need not hold hundred pictures.
pub(crate) fn thumbnail(picture: &Picture, side: u32) -> Option<gdk::Texture> {
    let by = (picture.width.max(picture.height) / side.max(1)).max(1);
    if by == 1 || picture.rgb.is_empty() || !picture.is_sound() {
        return texture(picture);
    }
    let (width, height) = ((picture.width / by).max(1), (picture.height / by).max(1));
    let count = (by.min(picture.width) * by.min(picture.height)) as f32;
    let mut small = Picture::filled(width, height, [0.0; 3]);
    let stride = picture.width as usize * 3;
    for (y, row) in picture.rgb.chunks_exact(stride).take((height * by) as usize).enumerate() {
        for (x, rgb) in row.chunks_exact(3).take((width * by) as usize).enumerate() {
            let at = (y / by as usize * width as usize + x / by as usize) * 3;
            for (sum, value) in small.rgb.iter_mut().skip(at).zip(rgb) {
                *sum += value / count;
            }
        }
    }
    texture(&small)
}

/// The largest place for a picture that keeps its proportions, centred, on whole pixels.
pub(crate) fn fit(width: i32, height: i32, across: i32, down: i32) -> Option<graphene::Rect> {
    let [width, height, across, down] = [width, height, across, down].map(|length| length as f32);
    if width < 1.0 || height < 1.0 || across < 1.0 || down < 1.0 {
        return None;
    }
    let scale = (width / across).min(height / down);
    let (w, h) = ((across * scale).floor().max(1.0), (down * scale).floor().max(1.0));
    let (x, y) = (((width - w) / 2.0).floor(), ((height - h) / 2.0).floor());
    Some(graphene::Rect::new(x, y, w, h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_proportions() {
        let area = fit(500, 400, 256, 256).unwrap();
        assert_eq!((area.x(), area.y(), area.width(), area.height()), (50.0, 0.0, 400.0, 400.0));
        let area = fit(300, 400, 200, 100).unwrap();
        assert_eq!((area.x(), area.y(), area.width(), area.height()), (0.0, 125.0, 300.0, 150.0));
        assert!(fit(0, 400, 200, 100).is_none());
        assert!(fit(300, 400, 0, 100).is_none());
    }

    #[test]
    fn thumbnails_are_means() {
        let mut picture = Picture::filled(9, 6, [0.0; 3]);
        for (i, rgb) in picture.rgb.chunks_exact_mut(3).enumerate() {
            rgb.fill(if i % 9 < 4 && i / 9 < 4 { 1.0 } else { 0.0 });
        }
        // By two: four whole blocks are white.
        let small = thumbnail(&picture, 4).unwrap();
        assert_eq!((small.width(), small.height()), (4, 3));
        let mut bytes = vec![0; 4 * 4 * 3];
        small.download(&mut bytes, 16);
        let blue: Vec<u8> = bytes.chunks_exact(4).map(|pixel| pixel[0]).collect();
        assert_eq!(blue, [255, 255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0]);
        let none = Picture { width: 0, height: 900, rgb: Vec::new() };
        assert!(thumbnail(&none, 4).is_none());
        assert!(texture(&Picture { width: 3, height: 3, rgb: vec![0.0; 5] }).is_none());
    }
}
