//! The pack chooser.

use std::rc::Rc;

use gtk4::prelude::*;
use pentimento_protocol::dialog::PackEntry;

use crate::controls::Changed;
use crate::notice::{Notice, Weight};
use crate::rows::Rows;
use crate::words::{fill, tr};

/// A drop-down list of packs and a few lines about the chosen one.
pub(crate) struct Packs {
    entries: Rc<Vec<PackEntry>>,
    list: gtk4::DropDown,
}

impl Packs {
    /// Adds itself to `rows`; `changed` is called when another pack is chosen. Packs that cannot do `operations` are
    /// marked.
    pub(crate) fn new(
        rows: &mut Rows,
        entries: Vec<PackEntry>,
        chosen: &str,
        operations: &[String],
        changed: &Changed,
    ) -> Self {
        let able = |entry: &PackEntry| missing(entry, operations).is_empty();
        let name = |entry: &PackEntry| match able(entry) {
            true => entry.name.clone(),
            false => fill(&tr("{pack} (incomplete)"), &[("pack", &entry.name)]),
        };
        let names: Vec<String> = entries.iter().map(name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let list = gtk4::DropDown::from_strings(&names);
        list.set_widget_name("pack");
        let place = entries.iter().position(|entry| entry.id == chosen);
        // The chosen pack may have been removed since; then the first that can do the work.
        let place = place.or_else(|| entries.iter().position(able));
        list.set_selected(place.and_then(|i| u32::try_from(i).ok()).unwrap_or(0));
        let about = gtk4::Label::builder()
            .xalign(0.0)
            .wrap(true)
            .max_width_chars(40)
            .selectable(false)
            .css_classes(["dim-label", "small"])
            .build();
        if entries.is_empty() {
            let notice = Notice::new();
            notice.say(Weight::Warning, &none_installed());
            rows.add_wide(&notice.widget);
            return Self { entries: Rc::default(), list };
        }
        let help = tr("The trained models that make the edit. Each pack knows one kind of picture.");
        rows.add(&tr("Pac_k"), &help, &list, &[list.clone().upcast()]);
        rows.add_below(&about);
        list.update_relation(&[gtk4::accessible::Relation::DescribedBy(&[about.upcast_ref()])]);

        let entries = Rc::new(entries);
        let tell = {
            let (entries, about) = (entries.clone(), about);
            move |list: &gtk4::DropDown| {
                let text = entries.get(list.selected() as usize).map(|entry| entry.about.trim());
                about.set_text(text.unwrap_or_default());
                about.set_visible(text.is_some_and(|text| !text.is_empty()));
            }
        };
        tell(&list);
        let changed = changed.clone();
        list.connect_selected_notify(move |list| {
            tell(list);
            changed();
        });
        Self { entries, list }
    }

    /// The chosen pack.
    pub(crate) fn chosen(&self) -> Option<&PackEntry> {
        self.entries.get(self.list.selected() as usize)
    }

    /// Chooses a pack; whether there is such a one.
    pub(crate) fn choose(&self, id: &str) -> bool {
        let place = self.entries.iter().position(|entry| entry.id == id);
        let Some(place) = place.and_then(|i| u32::try_from(i).ok()) else { return false };
        self.list.set_selected(place);
        true
    }

    /// The chosen pack if it can do `operations`, else a translated sentence saying why not.
    pub(crate) fn usable(&self, operations: &[String]) -> Result<&PackEntry, String> {
        let Some(pack) = self.chosen() else { return Err(tr("There is no pack to apply the edit with.")) };
        let missing = missing(pack, operations);
        if missing.is_empty() {
            return Ok(pack);
        }
        let missing = missing.join(", ");
        let words =
            tr("The pack “{pack}” cannot be used for this edit; it lacks: {missing}. Choose another pack.");
        Err(fill(&words, &[("pack", &pack.name), ("missing", &missing)]))
    }
}

/// What the user reads when no pack can do this.
fn none_installed() -> String {
    tr(
        "No pack for this edit is installed. Packs hold the trained models; install one with the Pentimento installer, then open this dialog again.",
    )
}

/// What a pack lacks for `operations`, each once.
fn missing(pack: &PackEntry, operations: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for what in operations.iter().filter_map(|operation| pack.missing.get(operation)).flatten() {
        if !all.contains(what) {
            all.push(what.clone());
        }
    }
    all
}
