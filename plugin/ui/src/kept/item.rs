//! One kept edit: a small picture and its name; presets can be removed.

use std::rc::Rc;

use gtk4::pango;
use gtk4::prelude::*;
use pentimento_protocol::dialog::Kept;

use super::Wish;
use crate::guard::Guard;
use crate::texture::thumbnail;
use crate::words::{fill, tr};

/// Side of the small picture.
const SIDE: i32 = 40;

/// A row for `kept`.
pub(super) fn row(kept: &Kept, guard: &Guard, wish: Rc<impl Fn(Wish) + 'static>) -> gtk4::Box {
    let picture = gtk4::Image::builder().pixel_size(SIDE).build();
    let small = kept.thumbnail.as_ref().and_then(|one| thumbnail(one, SIDE.unsigned_abs()));
    picture.set_paintable(small.as_ref());
    let name = gtk4::Label::builder()
        .label(&kept.name)
        .xalign(0.0)
        .ellipsize(pango::EllipsizeMode::End)
        .max_width_chars(32)
        .build();
    let inside = gtk4::Box::new(gtk4::Orientation::Horizontal, 8);
    inside.append(&picture);
    inside.append(&name);
    let button = gtk4::Button::builder()
        .child(&inside)
        .css_classes(["flat", "item"])
        .hexpand(true)
        .tooltip_text(&kept.name)
        .build();
    button.update_property(&[gtk4::accessible::Property::Label(&kept.name)]);
    button.set_widget_name(&format!("use-{}", kept.name));
    let (use_it, steps, safe) = (wish.clone(), kept.steps.clone(), guard.clone());
    button.connect_clicked(move |_| {
        safe.run(|| use_it(Wish::Use(steps.clone())));
    });
    let row = gtk4::Box::new(gtk4::Orientation::Horizontal, 4);
    row.append(&button);
    if kept.preset {
        let help = fill(&tr("Remove the preset “{name}”"), &[("name", &kept.name)]);
        let forget = gtk4::Button::builder()
            .icon_name("user-trash-symbolic")
            .css_classes(["flat"])
            .valign(gtk4::Align::Center)
            .tooltip_text(&help)
            .build();
        forget.update_property(&[gtk4::accessible::Property::Label(&help)]);
        forget.set_widget_name(&format!("forget-{}", kept.name));
        let (name, safe) = (kept.name.clone(), guard.clone());
        forget.connect_clicked(move |_| {
            safe.run(|| wish(Wish::Forget(name.clone())));
        });
        row.append(&forget);
    }
    row
}
