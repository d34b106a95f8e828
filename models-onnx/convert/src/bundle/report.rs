//! What is said before anything is converted.

use super::{Brought, Bundle, Found};
use crate::networks::blobgan;
use crate::networks::mtcnn::Stage;

/// What can be done with a pack, and what each needs.
const USES: [(&str, &[Need]); 10] = [
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
    (
        "painting what shows where",
        &[Need::Generator, Need::Encoder, Need::Pixels, Need::Judge, Need::Calibration],
    ),
    ("moving the things in a room", &[Need::Blobs, Need::Inverter]),
    ("keeping who it is", &[Need::Generator, Need::Identity]),
    ("describing one picture anew", &[Need::Denoiser]),
    ("another style in one pass", &[Need::Stylise]),
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
    Pixels,
    Judge,
    Calibration,
    Identity,
    Denoiser,
    Stylise,
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
            Need::Pixels => "classifiers of its pixels (car_model_0.pth to car_model_9.pth)",
            Need::Judge => "a backbone of LPIPS (such as vgg16-397923af.pth)",
            Need::Calibration => "LPIPS' calibration (vgg.pth)",
            Need::Proposal => "MTCNN's P-Net (pnet.pt)",
            Need::Refinement => "MTCNN's R-Net (rnet.pt)",
            Need::Landmarks => "MTCNN's O-Net (onet.pt)",
            Need::Identity => "the judge of identities (model_ir_se50.pth)",
            Need::Denoiser => "a whole folder of Stable Diffusion in ONNX",
            Need::Stylise => "an ONNX graph from picture to picture, with its side file",
        }
    }

    fn met(self, found: &Found) -> bool {
        match (self, found) {
            (Need::Generator, Found::Generator(_))
            | (Need::Blobs, Found::Blobs(blobgan::Form { decoder: Some(_), .. }))
            | (Need::Inverter, Found::Blobs(blobgan::Form { inverter: Some(_), .. }))
            | (Need::Encoder, Found::Encoder(_) | Found::FixedEncoder(_))
            | (Need::Pixels, Found::Pixels(_))
            | (Need::Vocabulary, Found::Vocabulary(_))
            | (Need::Relevance, Found::Relevance(..))
            | (Need::Mapper, Found::Mapper(_))
            | (Need::Judge, Found::Judge(_))
            | (Need::Calibration, Found::Calibration)
            | (Need::Identity, Found::Identity(_)) => true,
            (Need::Image, Found::ClipExport(clip)) => clip.understands_pictures,
            // An export brings its own vocabulary.
            (Need::Text | Need::Vocabulary, Found::ClipExport(clip)) => clip.understands_texts,
            (Need::Denoiser, Found::Diffusion(form)) => form.complete(),
            (Need::Stylise, Found::Stylise(form)) => form.side_file().is_file(),
            (Need::Proposal, Found::Faces(Stage::Proposal))
            | (Need::Refinement, Found::Faces(Stage::Refinement))
            | (Need::Landmarks, Found::Faces(Stage::Landmarks)) => true,
            (Need::Image, Found::Clip(clip)) => clip.image.is_some(),
            (Need::Text, Found::Clip(clip)) => clip.text.is_some(),
            (Need::Calibration, Found::Judge(judge)) => judge.calibrated,
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
    if lines.is_empty() && file.path.is_dir() {
        lines.push("nothing that Pentimento knows: neither Stable Diffusion nor CLIP in ONNX".into());
    }
    if lines.is_empty() && crate::export::is_export(&file.path) {
        lines.push("an ONNX graph, but neither CLIP nor one from picture to picture".into());
    }
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
