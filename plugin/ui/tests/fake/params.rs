//! Parameters of every kind.

use std::borrow::Cow::Borrowed;

use pentimento_protocol::param::{Kind, Known, Param};

fn param(id: &'static str, label: &'static str, help: &'static str, kind: Kind) -> Param {
    Param { id: id.into(), label: label.into(), help: help.into(), kind, when: None }
}

fn when(param: Param, id: &'static str, value: &'static str) -> Param {
    Param { when: Some((Borrowed(id), vec![Borrowed(value)])), ..param }
}

fn number(min: f64, max: f64, default: f64, step: f64, digits: u8) -> Kind {
    Kind::Number { min, max, default, step, digits }
}

fn text(default: &'static str, placeholder: &'static str, required: bool) -> Kind {
    Kind::Text { default: default.into(), placeholder: placeholder.into(), required }
}

fn choice(options: &[(&'static str, &'static str)]) -> Kind {
    Kind::Choice { options: options.iter().map(|(id, label)| (Borrowed(*id), Borrowed(*label))).collect() }
}

/// Parameters like those of the text edit, with a switch and a choice besides.
pub(crate) fn text_edit() -> Vec<Param> {
    let method = choice(&[("direction", "Direction"), ("optimise", "Optimiser")]);
    let iterations = number(1.0, 500.0, 100.0, 1.0, 0);
    vec![
        param(
            "prompt",
            "_Prompt",
            "What the picture should show.",
            text("", "a person with blue hair", true),
        ),
        param("neutral", "_Neutral prompt", "What it shows now.", text("a person", "a person", false)),
        param("strength", "_Strength", "How far the edit goes.", number(-10.0, 10.0, 4.0, 0.1, 1)),
        param(
            "disentanglement",
            "_Disentanglement",
            "Less changes besides.",
            number(0.0, 0.5, 0.12, 0.01, 2),
        ),
        param(
            "keep-grain",
            "Keep grain",
            "Whether the grain of the photo stays.",
            Kind::Flag { default: true },
        ),
        param("method", "_Method", "How the edit is found.", method),
        when(
            param("iterations", "Iterations", "How long it is looked for.", iterations),
            "method",
            "optimise",
        ),
    ]
}

/// Parameters with names of the pack.
pub(crate) fn attributes() -> Vec<Param> {
    let names = |several| Kind::Names { of: Known::Attribute, several };
    vec![
        param("attribute", "_Attribute", "What becomes more or less.", names(false)),
        param("others", "Keep _others", "What stays as it is.", names(true)),
        param("strength", "_Strength", "How far the edit goes.", number(-10.0, 10.0, 2.0, 0.1, 1)),
    ]
}

/// The road, as far as the dialog cares.
pub(crate) fn road() -> Vec<Param> {
    let place = choice(&[
        ("face", "The face, or else the middle"),
        ("square", "The selection, or else the middle"),
        ("points", "Where I put eyes and mouth"),
    ]);
    let start = choice(&[("photo", "The photo"), ("random", "A picture the pack makes up")]);
    let points = text("", "420,310 560,305 495,470", true);
    let classes = Kind::Names { of: Known::Class, several: true };
    vec![
        param("place", "Pl_ace", "Which part of the photo is edited", place),
        when(param("face", "_Face", "Which face", number(0.0, 99.0, 1.0, 1.0, 0)), "place", "face"),
        when(param("points", "Eyes and mouth", "Where they are", points), "place", "points"),
        param("start", "S_tart from", "What the edit starts from", start),
        when(param("seed", "See_d", "Which picture", number(0.0, 999_999.0, 1.0, 1.0, 0)), "start", "random"),
        param("refine", "_Refine", "Steps that bring it nearer", number(0.0, 1000.0, 0.0, 1.0, 0)),
        param("keep", "_Keep", "Parts that stay as they are", classes),
        param("feather", "Soft _border", "Width of the soft border", number(0.0, 0.3, 0.06, 0.01, 2)),
        param("frames", "Swee_p", "Layers of a sweep", number(1.0, 120.0, 1.0, 1.0, 0)),
        param("variant", "_Variant", "Which of several results", number(0.0, 99.0, 1.0, 1.0, 0)),
    ]
}
