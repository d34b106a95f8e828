//! Opens the dialog without a host, to look at it and to try the keys:
//! `cargo run --release -p pentimento-ui --example preview [dark] [unknown] [incomplete] [nopacks] [empty] [fail]`.
//!
//! `PENTIMENTO_LOCALE` names a folder of compiled translations.

#[path = "../tests/fake/mod.rs"]
mod fake;

use std::time::Duration;

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
            "slow" => wait = Duration::from_secs(8),
            other => match other.parse() {
                Ok(xid) => open.parent = Parent::X11(xid),
                Err(_) => return println!("what is “{other}”?"),
            },
        }
    }
    println!("{:#?}", pentimento_ui::show(&open, fake::answerer(wait)));
}
