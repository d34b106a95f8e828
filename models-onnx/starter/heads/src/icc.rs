//! A small ICC version 2 display profile, built from numbers: wide-gamut RGB primaries with a
//! pure gamma curve, compatible with what cameras call "Adobe RGB (1998)".

use crate::vector::{V3, dot};

/// Gamma of the profile: 2 + 51/256.
pub(crate) const GAMMA: f64 = 2.199_218_75;
/// Colorants as XYZ columns adapted to D50: red, green, blue.
const COLORANTS: [[f64; 3]; 3] =
    [[0.609_741, 0.311_111, 0.019_470], [0.205_276, 0.625_671, 0.060_867], [0.149_185, 0.063_217, 0.744_568]];
const D50: [f64; 3] = [0.9642, 1.0, 0.8249];

/// Linear sRGB to linear wide RGB (both with a D65 white, so no adaptation).
const FROM_SRGB: [V3; 3] = [[0.715_126, 0.284_874, 0.0], [0.0, 1.0, 0.0], [0.0, 0.041_162, 0.958_838]];

/// Display-coded sRGB to display-coded wide RGB.
pub(crate) fn from_srgb(rgb: V3) -> V3 {
    let linear = rgb.map(|v| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
    FROM_SRGB.map(|row| dot(row, linear).clamp(0.0, 1.0).powf(1.0 / GAMMA as f32))
}

/// The profile's bytes.
pub(crate) fn profile() -> Vec<u8> {
    let name = "Pentimento wide RGB";
    let curve = tag(b"curv", &[&1u32.to_be_bytes()[..], &((GAMMA * 256.0) as u16).to_be_bytes()].concat());
    let mut entries: Vec<([u8; 4], Vec<u8>)> =
        vec![(*b"desc", description(name)), (*b"cprt", tag(b"text", b"CC0-1.0\0")), (*b"wtpt", xyz(D50))];
    for (signature, column) in [*b"rXYZ", *b"gXYZ", *b"bXYZ"].into_iter().zip(COLORANTS) {
        entries.push((signature, xyz(column)));
    }
    for signature in [*b"rTRC", *b"gTRC", *b"bTRC"] {
        entries.push((signature, curve.clone()));
    }
    assemble(&entries)
}

fn assemble(entries: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    const HEADER: usize = 128;
    let mut table = (entries.len() as u32).to_be_bytes().to_vec();
    let mut body = Vec::new();
    let start = HEADER + 4 + 12 * entries.len();
    for (signature, bytes) in entries {
        let offset = start + body.len();
        table.extend(signature);
        table.extend((offset as u32).to_be_bytes());
        table.extend((bytes.len() as u32).to_be_bytes());
        body.extend(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut out = vec![0; HEADER];
    out[0..4].copy_from_slice(&((start + body.len()) as u32).to_be_bytes());
    out[8..12].copy_from_slice(&[2, 0x10, 0, 0]); // version 2.1
    out[12..16].copy_from_slice(b"mntr");
    out[16..20].copy_from_slice(b"RGB ");
    out[20..24].copy_from_slice(b"XYZ ");
    for (k, word) in [2026u16, 1, 1, 0, 0, 0].into_iter().enumerate() {
        out[24 + 2 * k..26 + 2 * k].copy_from_slice(&word.to_be_bytes());
    }
    out[36..40].copy_from_slice(b"acsp");
    for (k, value) in D50.into_iter().enumerate() {
        out[68 + 4 * k..72 + 4 * k].copy_from_slice(&fixed(value));
    }
    out.extend(table);
    out.extend(body);
    out
}

/// s15Fixed16, as ICC stores numbers.
fn fixed(value: f64) -> [u8; 4] {
    ((value * 65_536.0).round() as i32).to_be_bytes()
}

fn tag(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&kind[..], &[0; 4], body].concat()
}

fn xyz(value: [f64; 3]) -> Vec<u8> {
    tag(b"XYZ ", &value.map(fixed).concat())
}

/// textDescriptionType: ASCII, then empty Unicode and Macintosh parts.
fn description(text: &str) -> Vec<u8> {
    let mut body = (text.len() as u32 + 1).to_be_bytes().to_vec();
    body.extend(text.as_bytes());
    body.push(0);
    body.extend([0; 4 + 4 + 2 + 1 + 67]);
    tag(b"desc", &body)
}

#[cfg(test)]
mod tests {
    use super::{COLORANTS, D50, from_srgb, profile};

    #[test]
    fn colorants_add_up_to_white() {
        for k in 0..3 {
            let sum: f64 = COLORANTS.iter().map(|c| c[k]).sum();
            assert!((sum - D50[k]).abs() < 2e-3, "{sum}");
        }
    }

    #[test]
    fn white_and_grey_stay_neutral() {
        let grey = from_srgb([0.5; 3]);
        assert!((grey[0] - grey[2]).abs() < 1e-4);
        assert!((from_srgb([1.0; 3])[1] - 1.0).abs() < 1e-5);
    }

    #[test]
    fn size_field_is_the_size() {
        let bytes = profile();
        assert_eq!(&bytes[0..4], &(bytes.len() as u32).to_be_bytes());
        assert_eq!(&bytes[36..40], b"acsp");
    }
}
