//! Where everything sits: picture on the left, controls on the right, buttons below.

use std::rc::Rc;

use gtk4::prelude::*;
use pentimento_protocol::dialog::Open;

use crate::candidates::Candidates;
use crate::compare::Compare;
use crate::computation::Computation;
use crate::controls::Changed;
use crate::guard::Guard;
use crate::kept::{Shelf, Wish};
use crate::notice::Notice;
use crate::packs::Packs;
use crate::place::{Place, Placed};
use crate::road::Road;
use crate::rows::Rows;
use crate::status::Status;
use crate::steps::Steps;
use crate::views::Views;
use crate::words::tr;

/// Space between neighbours.
const GAP: i32 = 6;
/// Space around groups.
const MARGIN: i32 = 12;
/// Width of the controls: a slider is still precise, the picture keeps the larger part.
const PANEL: i32 = 360;

/// The window and the parts of it that change.
pub(crate) struct Window {
    pub(crate) window: gtk4::Window,
    pub(crate) views: Views,
    pub(crate) compare: Compare,
    pub(crate) place: Rc<Place>,
    pub(crate) candidates: Rc<Candidates>,
    pub(crate) progress: gtk4::ProgressBar,
    pub(crate) status: Status,
    pub(crate) preview: gtk4::Button,
    pub(crate) stop: gtk4::Button,
    pub(crate) notice: Notice,
    pub(crate) packs: Packs,
    pub(crate) steps: Rc<Steps>,
    pub(crate) road: Road,
    pub(crate) computation: Computation,
    pub(crate) shelf: Rc<Shelf>,
    pub(crate) reset: gtk4::Button,
    pub(crate) cancel: gtk4::Button,
    pub(crate) apply: gtk4::Button,
    pub(crate) reason: gtk4::Label,
}

/// What is called when the user does something.
pub(crate) struct Calls {
    /// Another pack was chosen.
    pub(crate) packed: Changed,
    /// Anything else among the controls changed.
    pub(crate) changed: Changed,
    /// Another result was chosen.
    pub(crate) varied: Changed,
    /// A place in the photo was chosen.
    pub(crate) placed: Rc<dyn Fn(Placed)>,
    /// Something of what is kept is wanted.
    pub(crate) wished: Rc<dyn Fn(Wish)>,
}

impl Window {
    /// Builds the window; it is not shown yet.
    pub(crate) fn new(open: &Open, guard: &Guard, calls: &Calls) -> Self {
        let window =
            gtk4::Window::builder().title(&open.title).default_width(980).default_height(660).build();

        let compare = Compare::new(&open.before, guard);
        let place = Place::new(open, guard, &calls.placed);
        let views = Views::new(&compare, &place, guard);
        let progress = gtk4::ProgressBar::builder()
            .valign(gtk4::Align::Start)
            .css_classes(["osd"])
            .visible(false)
            .build();
        progress.update_property(&[gtk4::accessible::Property::Label(&tr("Progress of the preview"))]);
        let picture = gtk4::Overlay::new();
        picture.set_child(Some(&views.pages));
        picture.add_overlay(&progress);

        let status = Status::new();
        let preview =
            button(&tr("Previe_w"), &tr("Make the edit as a preview, however long it takes (Ctrl+Enter)"));
        let stop = button(&tr("Stop"), &tr("Do not wait for this preview"));
        preview.set_widget_name("preview");
        stop.set_widget_name("stop");
        let below = gtk4::Box::new(gtk4::Orientation::Horizontal, MARGIN);
        below.append(&status.widget);
        for button in [&preview, &stop] {
            button.set_visible(false);
            below.append(button);
        }

        let candidates = Candidates::new(guard, &calls.varied);
        let notice = Notice::new();
        let left = gtk4::Box::new(gtk4::Orientation::Vertical, GAP);
        left.append(&picture);
        left.append(&views.buttons);
        left.append(&candidates.widget);
        left.append(&below);
        left.append(&notice.widget);

        let mut rows = Rows::new();
        let wanted: Vec<String> = open.choice.steps.iter().map(|step| step.operation.clone()).collect();
        let packs = Packs::new(&mut rows, open.packs.clone(), &open.choice.pack, &wanted, &calls.packed);
        let steps = Steps::new(&open.operations, &rows, guard, &calls.changed);
        // First the pack, so that its suggestions do not replace what is chosen.
        steps.set_pack(packs.chosen());
        steps.set(&open.choice.steps);
        let road = Road::new(&rows, &open.road, &open.choice.road, &packs, &calls.changed);
        let computation = Computation::new(&rows, open.choice.runtime, &calls.changed);
        let panel = gtk4::Box::new(gtk4::Orientation::Vertical, MARGIN);
        panel.append(&rows.grid);
        panel.append(&steps.widget);
        panel.append(&road.widget);
        panel.append(&computation.widget);
        let panel = gtk4::ScrolledWindow::builder()
            .child(&panel)
            .hscrollbar_policy(gtk4::PolicyType::Never)
            .width_request(PANEL)
            .build();
        // What is left over belongs to the picture.
        panel.set_hexpand(false);

        let body = gtk4::Box::new(gtk4::Orientation::Horizontal, MARGIN);
        body.set_vexpand(true);
        body.set_margin_top(MARGIN);
        body.set_margin_bottom(MARGIN);
        body.set_margin_start(MARGIN);
        body.set_margin_end(MARGIN);
        body.append(&left);
        body.append(&panel);

        let shelf = Shelf::new(guard, &calls.wished);
        shelf.show(guard, &open.kept);
        let reset = button(&tr("_Reset"), &tr("Back to the defaults of the edits and the pack"));
        let cancel = button(&tr("_Cancel"), &tr("Close and leave the image as it is"));
        let apply = button(&tr("_Apply"), &tr("Make the edit in full resolution, as a new layer"));
        apply.add_css_class("suggested-action");
        for (button, name) in [(&reset, "reset"), (&cancel, "cancel"), (&apply, "apply")] {
            button.set_widget_name(name);
        }
        let reason =
            gtk4::Label::builder().xalign(1.0).wrap(true).hexpand(true).css_classes(["small"]).build();
        apply.update_relation(&[gtk4::accessible::Relation::DescribedBy(&[reason.upcast_ref()])]);
        let actions = gtk4::Box::new(gtk4::Orientation::Horizontal, GAP);
        actions.add_css_class("actions");
        actions.append(&reset);
        actions.append(&shelf.button);
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
            views,
            compare,
            place,
            candidates,
            progress,
            status,
            preview,
            stop,
            notice,
            packs,
            steps,
            road,
            computation,
            shelf,
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
    // GTK names a button after its label twice, once with the underscore; a screen reader would say both.
    button.reset_property(gtk4::AccessibleProperty::Label);
    button
}
