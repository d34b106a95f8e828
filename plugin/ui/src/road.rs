//! How the photo gets into the pack and back: folded away, because it suits most as it comes.

use gtk4::prelude::*;
use pentimento_protocol::param::{Param, Value, Values};

use crate::controls::{Changed, Controls};
use crate::packs::Packs;
use crate::rows::Rows;
use crate::words::{plain, tr};

/// Which part of the photo is edited.
pub(crate) const PLACE: &str = "place";
/// [`PLACE`]: the face [`FACE`].
pub(crate) const FACE_PLACE: &str = "face";
/// [`PLACE`]: where [`POINTS`] say.
pub(crate) const POINTS_PLACE: &str = "points";
/// Which face, counted from the largest.
pub(crate) const FACE: &str = "face";
/// Eyes and mouth in pixels of the image.
pub(crate) const POINTS: &str = "points";
/// Which of several results, counted from one; zero for all.
pub(crate) const VARIANT: &str = "variant";
/// Layers of a sweep.
pub(crate) const FRAMES: &str = "frames";

/// The controls of the road.
pub(crate) struct Road {
    /// The expander that holds them.
    pub(crate) widget: gtk4::Expander,
    controls: Controls,
}

impl Road {
    /// Shows `values`, aligned with `rows`.
    pub(crate) fn new(
        rows: &Rows,
        params: &[Param],
        values: &Values,
        packs: &Packs,
        changed: &Changed,
    ) -> Self {
        let mut rows = rows.beside();
        rows.grid.set_margin_top(6);
        let names = packs.chosen().map(|pack| pack.names.clone()).unwrap_or_default();
        let controls = Controls::new(&mut rows, params, values, &names, changed);
        let label = tr("Photo and blendin_g");
        let widget = gtk4::Expander::with_mnemonic(&label);
        widget.update_property(&[gtk4::accessible::Property::Label(&plain(&label))]);
        widget.set_widget_name("road");
        widget.set_child(Some(&rows.grid));
        widget.set_visible(!params.is_empty());
        Self { widget, controls }
    }

    /// The controls.
    pub(crate) fn controls(&self) -> &Controls {
        &self.controls
    }

    /// What is chosen, sound or not.
    pub(crate) fn read(&self) -> Values {
        self.controls.read()
    }

    /// Sets some of it.
    pub(crate) fn set<const N: usize>(&self, values: [(&str, Value); N]) {
        self.controls.write(&Values(values.map(|(id, value)| (id.to_owned(), value)).into()));
    }
}
