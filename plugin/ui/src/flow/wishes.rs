//! What the user does beside the controls: chooses a result, a place in the photo, or edits that were kept.

use std::rc::Rc;

use pentimento_protocol::dialog::{Answer, Ask, Choice, ShownVariant};
use pentimento_protocol::param::{Value, Values};
use pentimento_protocol::recipe::Step;

use super::Flow;
use crate::kept::{Wish, files};
use crate::notice::Weight;
use crate::place::Placed;
use crate::road::{FACE, FACE_PLACE, FRAMES, PLACE, POINTS, POINTS_PLACE, VARIANT};
use crate::words::{fill, tr};

impl Flow {
    /// New results. The one that was chosen is found again by its label, because the best comes first every time.
    pub(super) fn take_variants(self: &Rc<Self>, variants: Vec<ShownVariant>) {
        let (chosen, count) = (self.parts.candidates.chosen(), variants.len());
        let label = self.variants.borrow().get(chosen).map(|variant| variant.label.clone());
        let same = variants.iter().position(|variant| Some(&variant.label) == label.as_ref());
        self.variants.replace(variants);
        let number = self.parts.road.read().number(VARIANT) as usize;
        let chosen = match number {
            0 => same.unwrap_or(0),
            _ => same.unwrap_or(number - 1).min(count.saturating_sub(1)),
        };
        self.parts.candidates.show(&self.variants.borrow(), self.is_sequence());
        self.parts.candidates.choose(chosen, number == 0);
        self.show_variant();
        self.write_variant();
    }

    fn is_sequence(&self) -> bool {
        self.parts.road.read().number(FRAMES) > 1.0
    }

    /// Shows the chosen result.
    pub(super) fn show_variant(&self) {
        let (variants, before) = (self.variants.borrow(), self.before.borrow());
        if variants.is_empty() {
            self.parts.candidates.show(&[], false);
        }
        let after = variants.get(self.parts.candidates.chosen()).or(variants.first());
        self.parts.compare.set_after(after.map(|variant| (&*before, &variant.after)));
    }

    /// The user chose a result.
    pub(super) fn variant_chosen(self: &Rc<Self>) {
        self.show_variant();
        self.write_variant();
        self.changed();
    }

    /// Tells the road which result becomes the layer.
    fn write_variant(&self) {
        // Of a sequence all become layers, and choosing one only shows it.
        if self.is_sequence() || self.variants.borrow().is_empty() {
            return;
        }
        let candidates = &self.parts.candidates;
        let number = if candidates.all() { 0.0 } else { candidates.chosen() as f64 + 1.0 };
        let writing = self.writing.replace(true);
        self.parts.road.set([(VARIANT, Value::Number(number))]);
        self.writing.set(writing);
    }

    /// The number of the result may be changed among the controls, too.
    pub(super) fn follow_variant(&self, road: &Values) {
        let (number, count) = (road.number(VARIANT) as usize, self.variants.borrow().len());
        let candidates = &self.parts.candidates;
        if self.is_sequence() || count == 0 {
            return;
        }
        let chosen = number.checked_sub(1).filter(|chosen| *chosen < count).unwrap_or(candidates.chosen());
        if (chosen, number == 0) != (candidates.chosen(), candidates.all()) {
            candidates.choose(chosen, number == 0);
            self.show_variant();
        }
    }

    /// The user chose a place in the photo.
    pub(super) fn placed(self: &Rc<Self>, placed: Placed) {
        let text = |text: &str| Value::Text(text.to_owned());
        self.write(|flow| match placed {
            Placed::Face(number) => {
                flow.parts.road.set([(PLACE, text(FACE_PLACE)), (FACE, Value::Number(number as f64))]);
            }
            Placed::Points(points) => {
                flow.parts.road.set([(PLACE, text(POINTS_PLACE)), (POINTS, Value::Text(points))]);
            }
        });
    }

    /// The user wants something of what is kept.
    pub(super) fn wished(self: &Rc<Self>, wish: Wish) {
        match wish {
            Wish::Use(steps) => self.use_steps(&steps),
            Wish::Keep(name) => {
                if let Ok(Choice { steps, .. }) = self.choice() {
                    self.put(Ask::Keep { name, steps });
                }
            }
            Wish::Forget(name) => self.put(Ask::Forget { name }),
            Wish::Export => self.with_file(gtk4::FileChooserAction::Save, |flow, path| {
                if let Ok(choice) = flow.choice() {
                    flow.put(Ask::Export { path, choice });
                }
            }),
            Wish::Import => self.with_file(gtk4::FileChooserAction::Open, |flow, path| {
                flow.put(Ask::Import { path });
            }),
        }
    }

    fn with_file(self: &Rc<Self>, action: gtk4::FileChooserAction, then: fn(&Rc<Self>, String)) {
        let weak = Rc::downgrade(self);
        files::choose(&self.parts.window, action, &self.guard, move |path| {
            let Some(flow) = weak.upgrade() else { return };
            match path.into_os_string().into_string() {
                Ok(path) => then(&flow, path),
                Err(path) => {
                    let words = tr("The name “{file}” is not made of known letters; choose another.");
                    let words = fill(&words, &[("file", &path.to_string_lossy())]);
                    flow.parts.notice.say(Weight::Error, &words);
                }
            }
        });
    }

    fn use_steps(self: &Rc<Self>, steps: &[Step]) {
        let mut unknown = Vec::new();
        self.write(|flow| unknown = flow.parts.steps.set(steps));
        if !unknown.is_empty() {
            let words = tr("This Pentimento has no edit called {names}; it was left out.");
            let words = fill(&words, &[("names", &unknown.join(", "))]);
            self.parts.notice.say(Weight::Warning, &words);
        }
    }

    /// What became of a wish.
    pub(super) fn hear_of_wish(self: &Rc<Self>, ask: &Ask, answer: Result<Answer, String>) {
        match answer {
            Ok(Answer::Kept(kept)) => self.parts.shelf.show(&self.guard, &kept),
            Ok(Answer::Imported(choice)) => self.import(&choice),
            Ok(Answer::Failed { why, .. }) | Err(why) => self.parts.notice.say(Weight::Error, &why),
            Ok(_) => {
                if let Ask::Export { path, .. } = ask {
                    let words = tr("The recipe was written to {file}.");
                    self.parts.status.set_note(&fill(&words, &[("file", path)]));
                }
            }
        }
    }

    /// Shows what a recipe says, run as the user runs everything here.
    fn import(self: &Rc<Self>, choice: &Choice) {
        let had_pack = choice.pack.is_empty() || {
            // Its suggestions come before the values of the recipe.
            let mut had = false;
            self.write(|flow| had = flow.parts.packs.choose(&choice.pack));
            had
        };
        self.write(|flow| {
            flow.parts.road.controls().reset();
            flow.parts.road.controls().write(&choice.road);
        });
        self.use_steps(&choice.steps);
        if !had_pack {
            let words = tr(
                "The pack “{pack}” of the recipe is not installed; the edits are made with the chosen one.",
            );
            self.parts.notice.say(Weight::Warning, &fill(&words, &[("pack", &choice.pack)]));
        }
    }
}
