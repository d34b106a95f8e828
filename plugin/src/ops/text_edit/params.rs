//! Parameters of the text edit.

use std::borrow::Cow::Borrowed;
use std::sync::LazyLock;

use pentimento_protocol::param::{Kind, Known, Param, Text};

use crate::strings::msgid;

/// Identifiers, as the rest of the room names them.
pub(super) const PROMPT: &str = "text";
pub(super) const NEUTRAL: &str = "neutral";
pub(super) const METHOD: &str = "method";
/// Values of [`METHOD`].
pub(super) const DIRECTION: &str = "direction";
pub(super) const OPTIMISE: &str = "optimise";
pub(super) const MAPPER: &str = "mapper";
pub(super) const STRENGTH: &str = "strength";
pub(super) const ENOUGH: &str = "automatic-strength";
pub(super) const AUTOMATIC: &str = "automatic";
pub(super) const DISENTANGLEMENT: &str = "disentanglement";
pub(super) const BEGIN: &str = "begin";
pub(super) const SPACE: &str = "space";
/// Values of [`SPACE`].
pub(super) const AXES: &str = "axes";
pub(super) const W_PLUS: &str = "w-plus";
pub(super) const STYLES: &str = "styles";
pub(super) const MAPPING: &str = "mapping";
pub(super) const DESCENT: &str = "descent";
/// Values of [`DESCENT`].
pub(super) const LBFGS: &str = "l-bfgs";
pub(super) const ADAM: &str = "adam";
pub(super) const STEPS: &str = "steps";
pub(super) const RATE: &str = "rate";
pub(super) const RESTRAINT: &str = "restraint";
pub(super) const IDENTITY: &str = "identity";
pub(super) const CHANGE: &str = "change";
pub(super) const COPIES: &str = "copies";
pub(super) const PREVIEWS: &str = "previews";
pub(super) const PROCESS: &str = "process";
pub(super) const MAPPER_NAME: &str = "mapper";
pub(super) const MAPPED: &str = "mapped";
pub(super) const LEVELS: [&str; 3] = ["coarse", "medium", "fine"];
pub(super) const CANDIDATES: &str = "candidates";

/// Of packs that have none of their own: about those that StyleCLIP's code begins with, 4.1 and 0.15.
pub(super) const USUAL_STRENGTH: f64 = 4.0;
pub(super) const USUAL_DISENTANGLEMENT: f64 = 0.15;

/// Ranges are those of StyleCLIP's own interface (α −10…10), or wide enough for every text–image pair (β) and every
/// generator (rates and weights, which go by the size of its codes).
pub(super) static PARAMS: LazyLock<Vec<Param>> = LazyLock::new(|| {
    let param = |id: &'static str, label, help, kind| Param {
        id: Borrowed(id),
        label: Borrowed(label),
        help: Borrowed(help),
        kind,
        when: None,
    };
    let of = |methods: &[&'static str], param: Param| {
        let methods = methods.iter().map(|method| Borrowed(*method)).collect();
        Param { when: Some((Borrowed(METHOD), methods)), ..param }
    };
    let options = |all: &[(&'static str, &'static str)]| Kind::Choice {
        options: all.iter().map(|(id, label)| (Text::Borrowed(*id), Text::Borrowed(*label))).collect(),
    };
    let number = |min, max, default, step, digits| Kind::Number { min, max, default, step, digits };
    let flag = |default| Kind::Flag { default };
    vec![
        of(
            &[DIRECTION, OPTIMISE],
            param(
                PROMPT,
                msgid("_Prompt"),
                msgid("What the picture should show, such as “a person with blue hair”"),
                Kind::Text {
                    default: Borrowed(""),
                    placeholder: Borrowed(msgid("a person with blue hair")),
                    required: true,
                },
            ),
        ),
        of(
            &[DIRECTION, OPTIMISE],
            param(
                NEUTRAL,
                msgid("_Neutral prompt"),
                msgid("What the picture shows now, in plain words; the edit goes from here to the prompt"),
                Kind::Text {
                    default: Borrowed("a person"),
                    placeholder: Borrowed(msgid("a person")),
                    required: true,
                },
            ),
        ),
        param(
            METHOD,
            msgid("_Method"),
            msgid("How the edit is found"),
            options(&[
                (DIRECTION, msgid("Direction: at once")),
                (OPTIMISE, msgid("Optimise: step by step, finds what a direction does not")),
                (MAPPER, msgid("Mapper: trained for one edit")),
            ]),
        ),
        of(
            &[DIRECTION],
            param(
                STRENGTH,
                msgid("_Strength"),
                msgid("How far the edit goes; negative values go the other way"),
                number(-10.0, 10.0, USUAL_STRENGTH, 0.1, 1),
            ),
        ),
        of(
            &[DIRECTION],
            param(
                ENOUGH,
                msgid("Automatic stren_gth"),
                msgid("Goes as far as this picture gains by the prompt, and no further"),
                flag(false),
            ),
        ),
        of(
            &[DIRECTION],
            param(
                AUTOMATIC,
                msgid("A_utomatic disentanglement"),
                msgid("Chooses the disentanglement by the number of properties that it leaves to move"),
                flag(false),
            ),
        ),
        of(
            &[DIRECTION],
            param(
                DISENTANGLEMENT,
                msgid("_Disentanglement"),
                msgid(
                    "Higher values move fewer properties, so that less changes beside what the prompt names",
                ),
                number(0.0, 0.5, USUAL_DISENTANGLEMENT, 0.005, 3),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                BEGIN,
                msgid("Begin _with the direction"),
                msgid(
                    "Goes where the direction goes first, at its automatic strength, and looks on from there",
                ),
                flag(false),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                SPACE,
                msgid("Searc_h in"),
                msgid("Where the edit is looked for; the pack's own variety keeps to what it knows"),
                options(&[
                    (AXES, msgid("The pack's own variety")),
                    (W_PLUS, msgid("All layers (W+)")),
                    (STYLES, msgid("All channels (StyleSpace)")),
                    (MAPPING, msgid("Pictures that the pack makes up")),
                ]),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                DESCENT,
                msgid("Steps b_y"),
                msgid(
                    "What finds the next step; the published method is Adam with a restraint of 0.008 and 300 steps",
                ),
                options(&[(LBFGS, msgid("L-BFGS: the fewest steps")), (ADAM, msgid("Adam: as published"))]),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                STEPS,
                msgid("St_eps"),
                msgid("How many steps it makes at most"),
                number(1.0, 2000.0, 30.0, 1.0, 0),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                RATE,
                msgid("Learning r_ate"),
                msgid("How far one step of Adam goes; L-BFGS finds that out by itself"),
                number(0.001, 1.0, 0.1, 0.005, 3),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                RESTRAINT,
                msgid("Res_traint"),
                msgid("Higher values keep the picture nearer to what it was"),
                number(0.0, 1.0, 0.01, 0.001, 4),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                IDENTITY,
                msgid("_Identity"),
                msgid("Higher values keep the person more alike"),
                number(0.0, 2.0, 0.0, 0.005, 3),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                CHANGE,
                msgid("Chan_ge as the texts do"),
                msgid("Weight of going the way from the neutral prompt to the prompt, and no other"),
                number(0.0, 5.0, 2.0, 0.05, 2),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                COPIES,
                msgid("Shi_fted copies"),
                msgid(
                    "So many shifted and grainy copies of the picture have to show it too, against colour noise; slower",
                ),
                number(0.0, 4.0, 0.0, 1.0, 0),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                PREVIEWS,
                msgid("Steps in sma_ll"),
                msgid(
                    "Part of the steps that look at a smaller picture, which is faster where the pack has one",
                ),
                number(0.0, 0.95, 0.7, 0.05, 2),
            ),
        ),
        of(
            &[OPTIMISE],
            param(
                PROCESS,
                msgid("Sh_ow the way"),
                msgid(
                    "So many pictures of the way there become layers, too, below the result, where variant is 0",
                ),
                number(0.0, 60.0, 0.0, 1.0, 0),
            ),
        ),
        of(
            &[MAPPER],
            param(
                MAPPER_NAME,
                msgid("Ma_pper"),
                msgid("Which of the pack's mappers"),
                Kind::Names { of: Known::Mapper, several: false },
            ),
        ),
        of(
            &[MAPPER],
            param(
                MAPPED,
                msgid("_Strength"),
                msgid("How much of it; 1 is as published"),
                number(-3.0, 3.0, 1.0, 0.05, 2),
            ),
        ),
        of(
            &[MAPPER],
            param(
                LEVELS[0],
                msgid("_Coarse"),
                msgid("Changes pose and the shape of head and hair"),
                flag(true),
            ),
        ),
        of(
            &[MAPPER],
            param(
                LEVELS[1],
                msgid("Me_dium"),
                msgid("Changes features of the face and smaller shapes"),
                flag(true),
            ),
        ),
        of(&[MAPPER], param(LEVELS[2], msgid("_Fine"), msgid("Changes colours, skin and light"), flag(true))),
        of(
            &[DIRECTION, OPTIMISE],
            param(
                CANDIDATES,
                msgid("_Candidates"),
                msgid("So many results to choose from, between careful and bold, the best first"),
                number(1.0, 9.0, 1.0, 1.0, 0),
            ),
        ),
    ]
});
