//! What the plug-in answers, and what becomes of it.

use std::rc::Rc;

use pentimento_protocol::dialog::{Answer, Ask, Shown, ShownVariant};
use pentimento_protocol::picture::Picture;

use super::Flow;
use crate::newest::News;
use crate::notice::Weight;
use crate::status;
use crate::words::tr;

impl Flow {
    /// Shows what the plug-in answered to `ask`; an error is a sentence.
    pub(crate) fn hear(self: &Rc<Self>, ask: &Ask, answer: Result<Answer, String>) {
        match ask {
            Ask::Preview { .. } | Ask::Poll | Ask::Stop => self.hear_of_preview(answer),
            Ask::Keep { .. } | Ask::Forget { .. } | Ask::Export { .. } | Ask::Import { .. } => {
                self.hear_of_wish(ask, answer);
            }
        }
    }

    fn hear_of_preview(self: &Rc<Self>, answer: Result<Answer, String>) {
        let news = match answer {
            Ok(answer) => self.newest.borrow_mut().take(answer),
            Err(why) => {
                self.forget();
                News::Failed(why)
            }
        };
        let parts = &self.parts;
        match news {
            News::Nothing => return,
            News::Working { fraction, doing, shown } => {
                if fraction > 0.0 {
                    parts.progress.set_fraction(f64::from(fraction).clamp(0.0, 1.0));
                } else {
                    parts.progress.pulse();
                }
                if !self.slow.get() {
                    parts.status.set_note(&doing);
                }
                if let Some(shown) = shown
                    && let Some(variants) = self.show(*shown)
                    && let Some(after) = variants.first()
                {
                    // On the way there is nothing to choose from yet.
                    parts.compare.set_after(Some((&*self.before.borrow(), &after.after)));
                }
                return self.auto.alive();
            }
            News::Slow => {
                self.slow.set(true);
                parts.status.set_note(&slow());
                self.buttons();
                self.auto.alive();
                return if self.auto.waits() { self.preview_patiently() } else { self.preview_start() };
            }
            News::Ready { shown, note } => {
                let fidelity = shown.fidelity;
                match self.show(*shown) {
                    Some(variants) => {
                        parts.status.set_note(&if self.slow.get() { slow() } else { note });
                        match fidelity.as_ref().and_then(status::warning) {
                            Some(warning) => parts.notice.say(Weight::Warning, &warning),
                            None => parts.notice.hush(),
                        }
                        // The start of a slow edit is not its result.
                        if !self.slow.get() {
                            self.take_variants(variants);
                        }
                    }
                    None => {
                        parts.status.set_note("");
                        parts
                            .notice
                            .say(Weight::Error, &tr("The preview came out broken; try other values."));
                    }
                }
            }
            News::Failed(why) => {
                // Asked for again, it may work.
                self.asked.take();
                self.slow.set(self.patient.get());
                parts.status.set_note("");
                parts.notice.say(Weight::Error, &why);
            }
        }
        self.buttons();
        self.auto.answered(self, &self.guard);
    }

    /// Shows what the edits start from and gives back what became of it; `None` for broken pictures.
    fn show(&self, shown: Shown) -> Option<Vec<ShownVariant>> {
        let size = |picture: &Picture| (picture.width, picture.height);
        let old = size(&self.before.borrow());
        let expected = shown.before.as_ref().map_or(old, size);
        let after = shown.variants.iter().map(|variant| &variant.after);
        let sound = |one: &Picture| one.is_sound() && !one.rgb.is_empty() && size(one) == expected;
        if !shown.before.iter().chain([&shown.inverted]).chain(after).all(sound) {
            return None;
        }
        let parts = &self.parts;
        if let Some(before) = shown.before {
            parts.compare.set_before(&before);
            self.before.replace(before);
            self.variants.take();
            self.show_variant();
        }
        parts.compare.set_inverted(&shown.inverted);
        parts.place.set_corners(shown.corners);
        parts.status.set_fidelity(shown.fidelity.as_ref());
        Some(shown.variants)
    }
}

fn slow() -> String {
    tr("This edit takes a while: press Preview to see it.")
}
