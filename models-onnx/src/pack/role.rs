//! What the graphs of a pack are for: one line per role.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::manifest::Family;

/// What a graph is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// From a random vector to a code that is the same for all layers.
    Mapping,
    /// From a code to the styles of all layers.
    Affine,
    /// From a code to blobs.
    Layout,
    /// From styles, or blobs, to a picture.
    Synthesis,
    /// From styles to a smaller picture, which costs a part of the time.
    Preview,
    /// From a photo to its code.
    Encoder,
    /// From a photo, a code and the picture of that code to a better code, step by step.
    Restyle,
    /// From a picture to its place among texts and pictures.
    ImageEncoder,
    /// From a text's tokens to its place among texts and pictures.
    TextEncoder,
    /// From a sentence's tokens to vectors of tokens.
    SentenceEncoder,
    /// From a sentence's vector to its place among pictures.
    TextProjection,
    /// From styles to classes of pixels.
    Segmenter,
    /// From styles to classes of some pixels, for edits that look at few.
    SegmenterAt,
    /// From a picture to whom it shows.
    Identity,
    /// From two pictures to how different people find them.
    Perceptual,
    /// From a code, or from styles, to what one text adds to it. Packs may have many; they go by name.
    Mapper,
    /// From noisy latents to what is noise in them.
    Denoiser,
    /// From a photo to the latents that a denoiser works on.
    LatentEncoder,
    /// From latents to a picture.
    LatentDecoder,
    /// From a picture to the same in another style, at once.
    Stylise,
    /// From a picture of any size to places where faces may be.
    FaceProposal,
    /// From one of these places to whether it is a face.
    FaceRefinement,
    /// From a face to its eyes, nose and mouth.
    FaceLandmarks,
}

/// The blobs of a picture, in the order in which they come out of graphs; see [`crate::family::blobgan`].
const BLOBS: &str = "xs[n,K] ys[n,K] sizes[n,K] covs[n,K,2,2] features[n,K,F] styles[n,K,V]";

/// Everything that there is to say about a role.
struct About {
    role: Role,
    /// Stable name, as in the manifest.
    name: &'static str,
    /// Name for the user.
    words: &'static str,
    /// What goes in and comes out; see [`super::form`].
    form: &'static str,
}

#[rustfmt::skip]
const ABOUT: [About; 23] = [
    About { role: Role::Mapping, name: "mapping", words: "mapping network", form: "z[n,Z] c[n,Y]? -> w[n,W]" },
    About { role: Role::Affine, name: "affine", words: "style layers", form: "w_plus[n,L,W] -> styles[n,S]" },
    About { role: Role::Layout, name: "layout", words: "layout network", form: "" },
    About { role: Role::Synthesis, name: "synthesis", words: "generator", form: "styles[n,S] -> image[n,3,R,R]" },
    About { role: Role::Preview, name: "preview", words: "generator of previews", form: "styles[n,S] -> image[n,3,P,P]" },
    About { role: Role::Encoder, name: "encoder", words: "photo encoder", form: "image[n,3,R,R] -> w_plus[n,L,W]" },
    About { role: Role::Restyle, name: "restyle", words: "photo encoder in steps", form: "image[n,3,R,R] reached[n,3,R,R] from[n,L,W] -> w_plus[n,L,W]" },
    About { role: Role::ImageEncoder, name: "image-encoder", words: "picture understanding model", form: "image[n,3,R,R] -> embedding[n,D]" },
    About { role: Role::TextEncoder, name: "text-encoder", words: "text understanding model", form: "input_ids:i64[n,t] -> embedding[n,D]" },
    About { role: Role::SentenceEncoder, name: "sentence-encoder", words: "text model", form: "input_ids:i64[n,t] attention_mask:i64[n,t]? token_type_ids:i64[n,t]? -> *[n,t,H]" },
    About { role: Role::TextProjection, name: "text-projection", words: "text to picture model", form: "sentence[n,H] -> embedding[n,D]" },
    About { role: Role::Segmenter, name: "segmenter", words: "segmentation model", form: "styles[n,S] -> logits[n,C,R,R]" },
    About { role: Role::SegmenterAt, name: "segmenter-at", words: "segmentation model for edits", form: "styles[n,S] pixels:i64[p] -> logits[n,C,p] image[n,3,R,R]" },
    About { role: Role::Identity, name: "identity", words: "identity model", form: "image[n,3,R,R] -> identity[n,I]" },
    About { role: Role::Perceptual, name: "perceptual", words: "model of perceived difference", form: "a[n,3,R,R] b[n,3,R,R] -> distance[n]" },
    About { role: Role::Mapper, name: "mapper", words: "mapper", form: "w_plus[n,L,W] -> delta[n,L,W] | styles[n,S] -> delta[n,S]" },
    About { role: Role::Denoiser, name: "denoiser", words: "denoiser", form: "sample[n,C,h,w] timestep[1] states[n,t,H] guidance[n,G]? -> prediction[n,C,h,w]" },
    About { role: Role::LatentEncoder, name: "latent-encoder", words: "encoder of pictures into latents", form: "image[n,3,y,x] -> mean[n,C,h,w]" },
    About { role: Role::LatentDecoder, name: "latent-decoder", words: "decoder of latents", form: "latent[n,C,h,w] -> image[n,3,y,x]" },
    About { role: Role::Stylise, name: "stylise", words: "stylisation", form: "image[1,3,R,R] -> stylised[1,3,R,R]" },
    About { role: Role::FaceProposal, name: "face-proposal", words: "finder of places", form: "picture[n,3,h,w] -> score[n,y,x] box[n,4,y,x]" },
    About { role: Role::FaceRefinement, name: "face-refinement", words: "finder of faces", form: "candidate[n,3,24,24] -> score[n] box[n,4]" },
    About { role: Role::FaceLandmarks, name: "face-landmarks", words: "finder of eyes and mouths", form: "face[n,3,48,48] -> score[n] box[n,4] points[n,10]" },
];

impl Role {
    /// Every role.
    pub const ALL: [Role; ABOUT.len()] = {
        let mut all = [Role::Mapping; ABOUT.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = ABOUT[at].role;
            at += 1;
        }
        all
    };

    /// Its stable name, as in the manifest.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// Its name for the user.
    pub fn words(self) -> &'static str {
        self.about().words
    }

    /// The role of that stable name.
    pub fn named(name: &str) -> Option<Role> {
        ABOUT.iter().find(|about| about.name == name).map(|about| about.role)
    }

    /// What goes in and comes out in a family, as `styles[n,S] -> image[n,3,R,R]`; nothing where the family has no such
    /// role. In that line, small letters are open sizes, capitals are
    /// sizes that the whole pack shares (`S` style channels, `R` its resolution), `?` marks what may be missing and `*`
    /// what may be called or shaped in any way, ` | ` stands between alternatives; numbers are of single precision where no type is given.
    pub fn form(self, family: Family) -> Option<String> {
        use Role::*;
        let judges = matches!(
            self,
            ImageEncoder | TextEncoder | SentenceEncoder | TextProjection | Identity | Perceptual
        );
        let faces = matches!(self, FaceProposal | FaceRefinement | FaceLandmarks);
        let belongs = match family {
            Family::StyleGan2 => {
                judges
                    || matches!(
                        self,
                        Mapping
                            | Affine
                            | Synthesis
                            | Preview
                            | Encoder
                            | Restyle
                            | Segmenter
                            | SegmenterAt
                            | Mapper
                    )
            }
            Family::BlobGan => judges || matches!(self, Mapping | Layout | Synthesis | Encoder),
            Family::Diffusion => judges || matches!(self, Denoiser | LatentEncoder | LatentDecoder),
            Family::FeedForward => self == Stylise,
            Family::Mtcnn => faces,
        };
        // Packs of any family may find faces for themselves.
        (belongs || faces).then(|| match (family, self) {
            // Blobs of a picture may be any number.
            (Family::BlobGan, Synthesis) => format!("{} -> image[n,3,R,R]", BLOBS.replace('K', "k")),
            (Family::BlobGan, Encoder) => format!("image[n,3,R,R] -> {BLOBS}"),
            (Family::BlobGan, Layout) => format!("w[n,W] -> {BLOBS}"),
            // What a denoiser listens to is every token, not the text as a whole.
            (Family::Diffusion, TextEncoder) => "input_ids:i64[n,t] -> states[n,t,H]".into(),
            _ => self.about().form.to_owned(),
        })
    }

    fn about(self) -> &'static About {
        // The list is in the order of the enumeration, which a test sees to.
        &ABOUT[self as usize]
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Role::named(&name).ok_or_else(|| D::Error::custom(format!("no role is called “{name}”")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        assert!(ABOUT.iter().enumerate().all(|(at, about)| about.role as usize == at));
    }
}
