//! How well the pack knows the picture, in words and number, and what else the user should know.

use gtk4::prelude::*;
use pentimento_protocol::job::{Fidelity, Verdict};

use crate::words::{bound, figure, fill, tr};

/// The line under the picture.
pub(crate) struct Status {
    /// Holds the fidelity and the note below it.
    pub(crate) widget: gtk4::Box,
    fidelity: gtk4::Label,
    note: gtk4::Label,
}

impl Status {
    pub(crate) fn new() -> Self {
        let fidelity = gtk4::Label::builder().xalign(0.0).wrap(true).visible(false).build();
        let note = gtk4::Label::builder()
            .xalign(0.0)
            .visible(false)
            .ellipsize(gtk4::pango::EllipsizeMode::End)
            .css_classes(["dim-label", "small"])
            .build();
        let widget = gtk4::Box::new(gtk4::Orientation::Vertical, 0);
        widget.set_valign(gtk4::Align::Center);
        widget.set_hexpand(true);
        widget.append(&fidelity);
        widget.append(&note);
        Self { widget, fidelity, note }
    }

    /// Says how faithful the reconstruction is; `None` while it is not known.
    pub(crate) fn set_fidelity(&self, fidelity: Option<&Fidelity>) {
        self.fidelity.set_text(&fidelity.map(in_words).unwrap_or_default());
        self.fidelity.set_visible(fidelity.is_some());
        let help = tr(
            "How closely the pack can redraw this picture before any edit, as peak signal-to-noise ratio. Pictures that it knows well typically reach {typical} dB.",
        );
        let help = fidelity.map(|known| fill(&help, &[("typical", &figure(known.typical, 1))]));
        self.fidelity.set_tooltip_text(help.as_deref());
    }

    /// A short remark below.
    pub(crate) fn set_note(&self, note: &str) {
        self.note.set_text(note);
        self.note.set_tooltip_text(Some(note).filter(|note| !note.is_empty()));
        self.note.set_visible(!note.is_empty());
    }
}

/// The verdict and the figure behind it.
fn in_words(fidelity: &Fidelity) -> String {
    let words = match fidelity.verdict() {
        Verdict::Faithful => tr("Faithful reconstruction ({psnr} dB)"),
        Verdict::Fair => tr("Fair reconstruction, fine detail is lost ({psnr} dB)"),
        Verdict::Unknown => tr("Poor reconstruction ({psnr} dB)"),
    };
    bound(&fill(&words, &[("psnr", &figure(fidelity.psnr, 1))]))
}

/// The warning for a picture that the pack does not know.
pub(crate) fn warning(fidelity: &Fidelity) -> Option<String> {
    if fidelity.verdict() != Verdict::Unknown {
        return None;
    }
    let words = tr(
        "This pack does not know pictures like this one ({psnr} dB, typical is {typical} dB); the edit will look painted on.",
    );
    let figures = [("psnr", &*figure(fidelity.psnr, 1)), ("typical", &*figure(fidelity.typical, 1))];
    Some(bound(&fill(&words, &figures)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fidelity_is_said_in_words_and_number() {
        let at = |psnr| Fidelity { psnr, typical: 21.3, poor: 15.0 };
        assert_eq!(in_words(&at(23.1)), "Faithful reconstruction (23.1\u{a0}dB)");
        assert_eq!(warning(&at(16.0)), None);
        let said = warning(&at(12.3)).unwrap();
        assert!(said.contains("12.3\u{a0}dB, typical is 21.3\u{a0}dB"), "{said}");
        assert!(warning(&at(f32::NAN)).is_some());
    }
}
