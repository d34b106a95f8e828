//! Choosing the file of a recipe.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use gtk4::prelude::*;

use crate::guard::Guard;
use crate::words::tr;

/// Asks where to write a recipe, or which to read; `then` gets the file that the user chose.
pub(crate) fn choose(
    window: &gtk4::Window,
    action: gtk4::FileChooserAction,
    guard: &Guard,
    then: impl FnOnce(PathBuf) + 'static,
) {
    let (title, accept) = match action {
        gtk4::FileChooserAction::Save => (tr("Export recipe"), tr("Export")),
        _ => (tr("Import recipe"), tr("Import")),
    };
    let chooser = gtk4::FileChooserNative::builder()
        .title(title)
        .action(action)
        .accept_label(accept)
        .cancel_label(tr("_Cancel"))
        .transient_for(window)
        .modal(true)
        .build();
    if action == gtk4::FileChooserAction::Save {
        chooser.set_current_name(&format!("{}.toml", tr("recipe")));
    }
    let filter = gtk4::FileFilter::new();
    filter.set_name(Some(&tr("Recipes")));
    filter.add_pattern("*.toml");
    chooser.add_filter(&filter);
    let (then, safe) = (Cell::new(Some(then)), guard.clone());
    // GTK does not keep it, so it keeps itself until it is answered.
    let itself = Rc::new(Cell::new(Some(chooser.clone())));
    chooser.connect_response(move |chooser, response| {
        safe.run(|| {
            itself.take();
            let path = chooser.file().and_then(|file| file.path());
            if let (gtk4::ResponseType::Accept, Some(path), Some(then)) = (response, path, then.take()) {
                then(path);
            }
        });
    });
    chooser.show();
}
