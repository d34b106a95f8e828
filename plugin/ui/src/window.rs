//! Where everything sits: picture on the left, controls on the right, buttons below.

use gtk4::prelude::*;
use pentimento_protocol::dialog::Open;

use crate::compare::{Compare, Show};
use crate::computation::Computation;
use crate::controls::{Changed, Controls};
use crate::guard::Guard;
use crate::notice::Notice;
use crate::packs::Packs;
use crate::rows::Rows;
use crate::status::Status;
use crate::words::tr;

/// Space between neighbours.
const GAP: i32 = 6;
/// Space around groups.
const MARGIN: i32 = 12;
/// Width of the controls: a slider is still precise, the picture keeps the larger part of 900 pixels.
const PANEL: i32 = 350;

/// The window and the parts of it that change.
pub(crate) struct Window {
    pub(crate) window: gtk4::Window,
    pub(crate) compare: Compare,
    pub(crate) progress: gtk4::ProgressBar,
    pub(crate) status: Status,
    pub(crate) notice: Notice,
    pub(crate) packs: Packs,
    pub(crate) controls: Controls,
    pub(crate) computation: Computation,
    pub(crate) reset: gtk4::Button,
    pub(crate) cancel: gtk4::Button,
    pub(crate) apply: gtk4::Button,
    pub(crate) reason: gtk4::Label,
}

impl Window {
    /// Builds the window; it is not shown yet. `packed` is called when another pack is chosen, `changed`
    /// when anything else changes.
    pub(crate) fn new(open: &Open, guard: &Guard, packed: &Changed, changed: &Changed) -> Self {
        let window =
            gtk4::Window::builder().title(&open.title).default_width(900).default_height(600).build();

        let compare = Compare::new(&open.before, guard);
        let progress = gtk4::ProgressBar::builder()
            .valign(gtk4::Align::Start)
            .css_classes(["osd"])
            .visible(false)
            .build();
        progress.update_property(&[gtk4::accessible::Property::Label(&tr("Progress of the preview"))]);
        let picture = gtk4::Overlay::new();
        picture.set_child(Some(&compare));
        picture.add_overlay(&progress);

        let status = Status::new();
        let below = gtk4::Box::new(gtk4::Orientation::Horizontal, MARGIN);
        below.append(&shows(&compare, guard));
        below.append(&status.widget);

        let notice = Notice::new();
        let left = gtk4::Box::new(gtk4::Orientation::Vertical, GAP);
        left.append(&picture);
        left.append(&below);
        left.append(&notice.widget);

        let mut rows = Rows::new();
        let packs = Packs::new(&mut rows, open.packs.clone(), &open.pack, packed);
        let controls = Controls::new(&mut rows, &open.params, &open.values, changed);
        let computation = Computation::new(&rows, open.runtime, changed);
        let panel = gtk4::Box::new(gtk4::Orientation::Vertical, MARGIN);
        let about = gtk4::Label::builder().label(tr(&open.about)).xalign(0.0).wrap(true).build();
        about.set_visible(!open.about.is_empty());
        panel.append(&about);
        panel.append(&rows.grid);
        panel.append(&computation.widget);
        let panel = gtk4::ScrolledWindow::builder()
            .child(&panel)
            .hscrollbar_policy(gtk4::PolicyType::Never)
            .width_request(PANEL)
            .build();

        let body = gtk4::Box::new(gtk4::Orientation::Horizontal, MARGIN);
        body.set_vexpand(true);
        body.set_margin_top(MARGIN);
        body.set_margin_bottom(MARGIN);
        body.set_margin_start(MARGIN);
        body.set_margin_end(MARGIN);
        body.append(&left);
        body.append(&panel);

        let reset = button(&tr("_Reset"), &tr("Back to the defaults of the edit and the pack"));
        let cancel = button(&tr("_Cancel"), &tr("Close and leave the image as it is"));
        let apply = button(&tr("_Apply"), &tr("Make the edit in full resolution, as a new layer"));
        apply.add_css_class("suggested-action");
        let reason =
            gtk4::Label::builder().xalign(1.0).wrap(true).hexpand(true).css_classes(["small"]).build();
        apply.update_relation(&[gtk4::accessible::Relation::DescribedBy(&[reason.upcast_ref()])]);
        let actions = gtk4::Box::new(gtk4::Orientation::Horizontal, GAP);
        actions.add_css_class("actions");
        actions.append(&reset);
        actions.append(&reason);
        actions.append(&cancel);
        actions.append(&apply);

        let all = gtk4::Box::new(gtk4::Orientation::Vertical, 0);
        all.append(&body);
        all.append(&actions);
        window.set_child(Some(&all));
        window.set_default_widget(Some(&apply));
        Self {
            window,
            compare,
            progress,
            status,
            notice,
            packs,
            controls,
            computation,
            reset,
            cancel,
            apply,
            reason,
        }
    }
}

fn button(label: &str, help: &str) -> gtk4::Button {
    let button = gtk4::Button::builder().label(label).use_underline(true).valign(gtk4::Align::Center).build();
    button.set_tooltip_text(Some(help));
    named_once(&button);
    button
}

/// GTK names a button after its label twice, once with the underscore; a screen reader would say both.
fn named_once(button: &gtk4::Button) {
    button.reset_property(gtk4::AccessibleProperty::Label);
}

/// Before, both or after.
fn shows(compare: &Compare, guard: &Guard) -> gtk4::Box {
    let linked = gtk4::Box::new(gtk4::Orientation::Horizontal, 0);
    linked.add_css_class("linked");
    linked.set_valign(gtk4::Align::Center);
    let choices = [
        (Show::Before, tr("_Before"), tr("Show only the picture before the edit")),
        (
            Show::Split,
            tr("Sp_lit"),
            tr(
                "Show both. Drag the divider or move it with the arrow keys; hold the space bar to see the picture before.",
            ),
        ),
        (
            Show::After,
            tr("A_fter"),
            tr("Show only the picture after the edit. Press on it to see the picture before."),
        ),
    ];
    let mut first: Option<gtk4::ToggleButton> = None;
    for (show, label, help) in choices {
        let toggle = gtk4::ToggleButton::builder().label(label).use_underline(true).build();
        toggle.set_tooltip_text(Some(&help));
        named_once(toggle.upcast_ref());
        toggle.set_group(first.as_ref());
        toggle.set_active(show == Show::default());
        let (view, safe) = (compare.downgrade(), guard.clone());
        toggle.connect_toggled(move |toggle| {
            safe.run(|| {
                if let Some(view) = view.upgrade().filter(|_| toggle.is_active()) {
                    view.set_show(show);
                }
            });
        });
        linked.append(&toggle);
        first.get_or_insert(toggle);
    }
    linked
}
