//! Opens the dialog without a host, to look at it and to try the keys:
//! `cargo run --release -p pentimento-ui --example preview [dark] [unknown] [incomplete] [nopacks] [empty] [fail] [slow] [focus] [XID]`.
//!
//! `focus` prints which control has the keyboard; a number is the window to stay in front of.
//! `PENTIMENTO_LOCALE` names a folder of compiled translations.

#[path = "../tests/fake/mod.rs"]
mod fake;

use std::time::Duration;

use gtk4::glib;
use gtk4::prelude::*;
use pentimento_protocol::dialog::Parent;
use pentimento_protocol::param::Value;

fn main() {
    let mut open = fake::open();
    open.locale_folder = std::env::var("PENTIMENTO_LOCALE").ok();
    let mut wait = Duration::from_millis(300);
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "dark" => open.dark = Some(true),
            "unknown" => open.pack = "cars".into(),
            "incomplete" => open.pack = "rooms".into(),
            "nopacks" => open.packs.clear(),
            "empty" => open.values.set("prompt", Value::Text(String::new())),
            "fail" => open.values.set("prompt", Value::Text("fail".into())),
            "focus" => print_focus(),
            "slow" => wait = Duration::from_secs(8),
            other => match other.parse() {
                Ok(xid) => open.parent = Parent::X11(xid),
                Err(_) => return println!("what is “{other}”?"),
            },
        }
    }
    println!("{:#?}", pentimento_ui::show(&open, fake::answerer(wait)));
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
