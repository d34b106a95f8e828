//! What a pack says of itself.

use std::collections::BTreeMap;

use models_onnx::pack::{
    Alignment, AlignmentKind, Family, Fidelity, Licence, Manifest, Range, Style, VERSION,
};

use super::{Bundle, Wishes};

/// e4e on photographs of faces: a mean square of 0.0475 between −1 and 1 (Tov et al., 2021, table 1), which are 19.2 dB,
/// and well below that a picture that is hardly the same person. Nobody measured the pack itself.
const FIDELITY: Fidelity = Fidelity { typical: 19.2, poor: 15.0 };

/// The manifest of a pack whose files are yet to come.
pub(super) fn manifest(
    bundle: &Bundle,
    wishes: &Wishes,
    family: Family,
    resolution: usize,
    styles: Vec<Style>,
) -> Manifest {
    let terms = bundle.terms();
    let mut spdx: Vec<&str> = terms.iter().map(|t| t.spdx).collect();
    spdx.sort_unstable();
    spdx.dedup();
    let text: Vec<String> = terms.iter().map(|t| format!("{}: {}", t.what, t.text)).collect();
    let files: Vec<_> = bundle.files.iter().filter_map(|f| f.path.file_name()?.to_str()).collect();
    let name = if wishes.name.is_empty() { &wishes.id } else { &wishes.name };
    let domain = if wishes.domain.is_empty() { "pictures nobody described" } else { &wishes.domain };
    Manifest {
        version: VERSION,
        id: wishes.id.clone(),
        name: name.clone(),
        description: format!("Converted from {}", files.join(", ")),
        family,
        resolution: u32::try_from(resolution).unwrap_or(u32::MAX),
        domain: domain.to_owned(),
        licence: Licence {
            spdx: spdx.join(" AND "),
            text: text.join("\n"),
            origin: "Files of the user's own, converted by Pentimento".into(),
        },
        range: Range { low: -1.0, high: 1.0 },
        alignment: Alignment {
            kind: wishes.alignment.unwrap_or_else(|| framing(family, domain)),
            eyes: None,
        },
        fidelity: matches!(family, Family::StyleGan2 | Family::BlobGan).then_some(FIDELITY),
        roles: BTreeMap::new(),
        mappers: BTreeMap::new(),
        attributes: BTreeMap::new(),
        files: BTreeMap::new(),
        arrays: BTreeMap::new(),
        styles,
        classes: Vec::new(),
        text: None,
        direction: None,
        denoising: None,
    }
}

/// How pictures of a domain are framed that nobody spoke of: the published generators and encoders of faces saw FFHQ, or
/// faces that were cut out as FFHQ's were.
fn framing(family: Family, domain: &str) -> AlignmentKind {
    let mut words = domain.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    let faces = family == Family::StyleGan2 && words.any(|word| word.starts_with("face"));
    if faces { AlignmentKind::Ffhq } else { AlignmentKind::Square }
}
