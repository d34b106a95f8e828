//! Opens the dialog without a host, to look at it and to try the keys:
//! `cargo run --release -p pentimento-ui --example preview [WORD …] [XID]`, where a word is one of
//! `dark`, `unknown`, `incomplete`, `nopacks`, `empty`, `fail`, `slow`, `stack`, `names`, `several`, `sweep`, `points`,
//! `nofaces`, `focus`.
//!
//! `focus` prints which control has the keyboard; a number is the window to stay in front of.
//! `PENTIMENTO_LOCALE` names a folder of compiled translations.

#[path = "../tests/fake/mod.rs"]
mod fake;

use std::time::Duration;

use gtk4::glib;
use gtk4::prelude::*;
use pentimento_protocol::dialog::Parent;
use pentimento_protocol::param::{Value, Values};
use pentimento_protocol::recipe::Step;

fn main() {
    let mut open = fake::open();
    open.locale_folder = std::env::var("PENTIMENTO_LOCALE").ok();
    let mut wait = Duration::from_millis(300);
    for word in std::env::args().skip(1) {
        let smile = || {
            let mut values = Values::default();
            values.set("attribute", Value::Text("smile".into()));
            values.set("others", Value::Text("age, glasses".into()));
            Step::new("attributes", values)
        };
        match word.as_str() {
            "dark" => open.dark = Some(true),
            "unknown" => open.choice.pack = "cars".into(),
            "incomplete" => open.choice.pack = "rooms".into(),
            "nopacks" => open.packs.clear(),
            "empty" => open.choice.steps = vec![fake::prompt("")],
            "fail" | "slow" | "several" => {
                open.choice.steps = vec![fake::prompt(&word)];
                if word == "slow" {
                    wait = Duration::from_secs(8);
                }
            }
            "stack" => {
                let off = Step { off: true, weight: -0.25, ..fake::prompt("a person with a hat") };
                open.choice.steps.extend([smile(), off]);
            }
            "names" => open.choice.steps = vec![smile()],
            "sweep" => open.choice.road.set("frames", Value::Number(12.0)),
            "points" => open.choice.road.set("place", Value::Text("points".into())),
            "nofaces" => open.faces.clear(),
            "focus" => print_focus(),
            other => match other.parse() {
                Ok(xid) => open.parent = Parent::X11(xid),
                Err(_) => return println!("what is “{other}”?"),
            },
        }
    }
    println!("{:#?}", pentimento_ui::show(&open, fake::answerer(wait, &fake::Heard::default())));
}

/// Prints the control that has the keyboard whenever another gets it, to check the order of Tab.
fn print_focus() {
    let mut last = None;
    glib::timeout_add_local(Duration::from_millis(20), move || {
        let tops = gtk4::Window::list_toplevels();
        let focus = tops
            .iter()
            .find_map(|top| top.downcast_ref::<gtk4::Root>().and_then(gtk4::prelude::RootExt::focus));
        if focus != last {
            if let Some(widget) = &focus {
                // The focus of an entry sits in the text inside it.
                let label =
                    [Some(widget.clone()), widget.parent()].into_iter().flatten().find_map(|widget| {
                        let label =
                            widget.list_mnemonic_labels().first().cloned().and_downcast::<gtk4::Label>();
                        let own = widget.downcast_ref::<gtk4::Button>().and_then(gtk4::Button::label);
                        label.map(|label| label.text()).or(own)
                    });
                println!("focus: {} {}", widget.type_(), label.unwrap_or_default());
            }
            last = focus;
        }
        glib::ControlFlow::Continue
    });
}
