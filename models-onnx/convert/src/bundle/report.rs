//! What is said before anything is converted.

use super::{Brought, Bundle, Found};
use crate::networks::blobgan;
use crate::networks::mtcnn::Stage;

/// What can be done with a pack, and what each needs.
const USES: [(&str, &[Need]); 7] = [
    ("reconstructing photos", &[Need::Generator, Need::Encoder]),
    (
        "text edits by direction",
        &[Need::Generator, Need::Encoder, Need::Image, Need::Text, Need::Vocabulary, Need::Relevance],
    ),
    (
        "text edits by optimisation",
        &[Need::Generator, Need::Encoder, Need::Image, Need::Text, Need::Vocabulary],
    ),
    ("text edits by mapper", &[Need::Generator, Need::Encoder, Need::Mapper]),
    ("moving the things in a room", &[Need::Blobs, Need::Inverter]),
    ("keeping who it is", &[Need::Generator, Need::Identity]),
    ("finding faces", &[Need::Proposal, Need::Refinement, Need::Landmarks]),
];

#[derive(Clone, Copy)]
enum Need {
    Generator,
    Blobs,
    Inverter,
    Encoder,
    Image,
    Text,
    Vocabulary,
    Relevance,
    Mapper,
    Identity,
    Proposal,
    Refinement,
    Landmarks,
}

impl Need {
    fn words(self) -> &'static str {
        match self {
            Need::Generator => "a generator",
            Need::Blobs => "BlobGAN's generator (such as bedrooms.ckpt)",
            Need::Inverter => "BlobGAN's inverter (such as bedrooms_invert.ckpt)",
            Need::Encoder => "an encoder (such as e4e_ffhq_encode.pt)",
            Need::Image => "CLIP's image tower (such as ViT-B-32.pt)",
            Need::Text => "CLIP's text tower (such as ViT-B-32.pt)",
            Need::Vocabulary => "CLIP's vocabulary (bpe_simple_vocab_16e6.txt.gz)",
            Need::Relevance => "relevances (fs3.npy), which `pentimento relevance` can also measure",
            Need::Mapper => "a mapper of StyleCLIP",
            Need::Proposal => "MTCNN's P-Net (pnet.pt)",
            Need::Refinement => "MTCNN's R-Net (rnet.pt)",
            Need::Landmarks => "MTCNN's O-Net (onet.pt)",
            Need::Identity => "the judge of identities (model_ir_se50.pth)",
        }
    }

    fn met(self, found: &Found) -> bool {
        match (self, found) {
            (Need::Generator, Found::Generator(_))
            | (Need::Blobs, Found::Blobs(blobgan::Form { decoder: Some(_), .. }))
            | (Need::Inverter, Found::Blobs(blobgan::Form { inverter: Some(_), .. }))
            | (Need::Encoder, Found::Encoder(_))
            | (Need::Vocabulary, Found::Vocabulary(_))
            | (Need::Relevance, Found::Relevance(..))
            | (Need::Mapper, Found::Mapper(_))
            | (Need::Identity, Found::Identity(_)) => true,
            (Need::Proposal, Found::Faces(Stage::Proposal))
            | (Need::Refinement, Found::Faces(Stage::Refinement))
            | (Need::Landmarks, Found::Faces(Stage::Landmarks)) => true,
            (Need::Image, Found::Clip(clip)) => clip.image.is_some(),
            (Need::Text, Found::Clip(clip)) => clip.text.is_some(),
            _ => false,
        }
    }
}

pub(super) fn report(bundle: &Bundle) -> String {
    let mut lines = vec!["Found:".to_owned()];
    for file in &bundle.files {
        lines.push(format!("  {}", file.path.display()));
        lines.extend(contents(file).into_iter().map(|line| format!("    {line}")));
    }
    lines.push("What the pack has all parts for (text edits by direction are in the plug-in, the rest is yet to come):".into());
    for (what, needs) in USES {
        let missing = needs.iter().filter(|need| !bundle.all().any(|(_, found)| need.met(found)));
        let missing: Vec<&str> = missing.map(|need| need.words()).collect();
        lines.push(match missing.is_empty() {
            true => format!("  yes  {what}"),
            false => format!("  no   {what}: {} missing", missing.join(", ")),
        });
    }
    lines.push(
        "Terms under which such files were published (yours may have others: ask who made them):".into(),
    );
    for terms in bundle.terms() {
        lines.push(format!("  {} ({})", terms.what, terms.spdx));
        lines.push(format!("    {}", terms.text));
    }
    lines.join("\n")
}

fn contents(file: &Brought) -> Vec<String> {
    let mut lines: Vec<String> = file.found.iter().map(Found::words).collect();
    if lines.is_empty() {
        let count = file.checkpoint.names().count();
        let first: Vec<&str> = file.checkpoint.names().take(3).collect();
        lines.push(format!("nothing that Pentimento knows, among {count} tensors ({}…)", first.join(", ")));
    }
    let refused = file.checkpoint.refused().count();
    if refused > 0 {
        lines.push(format!("{refused} tensors cannot be read, since they depend on code in the file"));
    }
    lines
}
