//! What a test does in GIMP, in the words of either script language (`ops.scm`, `ops.py`).

use std::path::{Path, PathBuf};

use pentimento_ffi::plugin::ArgValue;
use pentimento_tests::text_edit;

/// How the procedure is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A script gives all arguments.
    Script,
    /// A dialog.
    Dialog,
    /// The arguments of the last run.
    Again,
}

/// The arguments of a text edit.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) mode: Mode,
    pub(crate) text: &'static str,
    pub(crate) strength: f64,
    pub(crate) pack: &'static str,
    pub(crate) device: &'static str,
}

impl Edit {
    /// A script that asks for blue hair.
    pub(crate) fn usual() -> Self {
        Self { mode: Mode::Script, text: "a person with blue hair", strength: 4.0, pack: "", device: "cpu" }
    }

    /// The same in another mode.
    pub(crate) fn mode(mode: Mode) -> Self {
        Self { mode, ..Self::usual() }
    }
}

/// One step.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Open(PathBuf),
    /// `U16_LINEAR` and the like.
    Precision(&'static str),
    Grey,
    Indexed,
    /// An ellipse: left, top, width, height.
    Select([i32; 4]),
    Offset(i32, i32),
    Alpha,
    Group,
    /// Goes on with the uppermost layer.
    Uppermost,
    /// Goes on with the lowest layer.
    Lowest,
    Call(Edit),
    /// Writes down pixels and facts.
    Dump(PathBuf),
}

impl Op {
    /// For GIMP 2.10.
    pub(crate) fn scheme(&self) -> String {
        match self {
            Self::Open(file) => format!("(op-open {})", quoted(file)),
            Self::Precision(name) => format!("(op-precision PRECISION-{})", name.replace('_', "-")),
            Self::Grey => "(op-grey)".into(),
            Self::Indexed => "(op-indexed)".into(),
            Self::Select([x, y, width, height]) => format!("(op-select {x} {y} {width} {height})"),
            Self::Offset(x, y) => format!("(op-offset {x} {y})"),
            Self::Alpha => "(op-alpha)".into(),
            Self::Group => "(op-group)".into(),
            Self::Uppermost => "(op-uppermost)".into(),
            Self::Lowest => "(op-lowest)".into(),
            Self::Dump(folder) => format!("(op-dump {})", quoted(folder)),
            Self::Call(edit) => {
                let mode = match edit.mode {
                    Mode::Script => "RUN-NONINTERACTIVE",
                    Mode::Dialog => "RUN-INTERACTIVE",
                    Mode::Again => "RUN-WITH-LAST-VALS",
                };
                let values =
                    arguments(edit).iter().map(|(_, given)| value(given, ["0", "1"])).collect::<Vec<_>>();
                format!("(op-call {mode} (list {}))", values.join(" "))
            }
        }
    }

    /// For GIMP 3.
    pub(crate) fn python(&self) -> String {
        match self {
            Self::Open(file) => format!("op_open({})", quoted(file)),
            Self::Precision(name) => format!("op_precision(Gimp.Precision.{name})"),
            Self::Grey => "op_grey()".into(),
            Self::Indexed => "op_indexed()".into(),
            Self::Select([x, y, width, height]) => format!("op_select({x}, {y}, {width}, {height})"),
            Self::Offset(x, y) => format!("op_offset({x}, {y})"),
            Self::Alpha => "op_alpha()".into(),
            Self::Group => "op_group()".into(),
            Self::Uppermost => "op_uppermost()".into(),
            Self::Lowest => "op_lowest()".into(),
            Self::Dump(folder) => format!("op_dump({})", quoted(folder)),
            Self::Call(edit) => {
                let mode = match edit.mode {
                    Mode::Script => "NONINTERACTIVE",
                    Mode::Dialog => "INTERACTIVE",
                    Mode::Again => "WITH_LAST_VALS",
                };
                let all = arguments(edit);
                let pairs = all
                    .iter()
                    .map(|(name, given)| format!("(\"{name}\", {})", value(given, ["False", "True"])));
                format!("op_call(Gimp.RunMode.{mode}, [{}])", pairs.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The arguments by name, in their order.
fn arguments(edit: &Edit) -> Vec<(String, ArgValue)> {
    text_edit(&[
        ("text", ArgValue::Text(edit.text.into())),
        ("strength", ArgValue::Number(edit.strength)),
        ("pack", ArgValue::Text(edit.pack.into())),
        ("device", ArgValue::Text(edit.device.into())),
    ])
}

/// As either language writes it. Both write strings alike as long as they hold neither quotes nor backslashes, and ours do
/// not; how a yes is written differs.
fn value(value: &ArgValue, [no, yes]: [&str; 2]) -> String {
    match value {
        ArgValue::Text(text) => format!("\"{text}\""),
        ArgValue::Number(number) => format!("{number:?}"),
        ArgValue::Flag(flag) => if *flag { yes } else { no }.to_owned(),
    }
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}
