//! The sentences in which StyleCLIP asks CLIP for a text.

/// StyleCLIP's 79 templates, in which `{}` stands for the text: those that Radford et al. (2021, section 3.1.4) found
/// for ImageNet, without the one of “many”.
///
/// A pack writes them into `text.templates`; their order does not matter, since their embeddings are averaged.
pub fn templates() -> Vec<String> {
    let mut all = Vec::new();
    for article in ["a", "the"] {
        let looks = [
            "bad",
            "low resolution",
            "cropped",
            "bright",
            "dark",
            "close-up",
            "black and white",
            "jpeg corrupted",
            "blurry",
            "good",
            "pixelated",
        ];
        let kinds = ["hard to see", "clean", "dirty", "cool", "large", "nice", "weird", "small"];
        let works =
            ["sculpture", "rendering", "tattoo", "drawing", "painting", "doodle", "sketch", "rendition"];
        let materials = ["embroidered", "plastic", "origami", "toy", "cartoon", "plushie"];
        all.extend(looks.map(|x| format!("a {x} photo of {article} {{}}.")));
        all.extend(kinds.map(|x| format!("a photo of {article} {x} {{}}.")));
        all.extend(works.map(|x| format!("a {x} of {article} {{}}.")));
        all.extend(["graffiti", "art", "itap"].map(|x| format!("{x} of {article} {{}}.")));
        all.extend(materials.map(|x| format!("{article} {x} {{}}.")));
        all.push(format!("{article} {{}} in a video game."));
        all.push(format!("a photo of {article} {{}}."));
    }
    all.extend(["a photo of my {}.", "a photo of one {}.", "itap of my {}."].map(Into::into));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_79_different_ones() {
        let all: std::collections::BTreeSet<String> = templates().into_iter().collect();
        assert_eq!((all.len(), templates().len()), (79, 79));
        assert!(all.iter().all(|t| t.matches("{}").count() == 1));
    }
}
