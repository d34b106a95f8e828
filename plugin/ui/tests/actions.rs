//! Uses the dialog as a user does, widget by widget, and looks at what it asks and returns.

// Everything in this file is a test or serves one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod drive;
mod fake;
mod stage;

use std::path::Path;
use std::time::Duration;

use drive::{difference, drive};
use gtk4::gdk;
use gtk4::prelude::*;
use pentimento_protocol::dialog::{Ask, Choice, Closed};
use pentimento_protocol::param::Value;
use stage::{Display, case, run};

const QUICK: Duration = Duration::from_millis(50);

/// What was applied.
fn applied(closed: Closed) -> Choice {
    match closed {
        Closed::Apply(choice) => choice,
        other => panic!("{other:?}"),
    }
}

/// What a child does. Run by the other tests, not by hand.
#[test]
#[ignore = "a part of the other tests"]
fn child() {
    match case().as_deref() {
        None => {}
        Some("stack") => stack(),
        Some("when") => when(),
        Some("slow") => slow(),
        Some("live") => live(),
        Some("candidates") => candidates(),
        Some("place") => place(),
        Some("kept") => kept(),
        Some("files") => files(),
        Some("packs") => packs(),
        Some(other) => panic!("there is no case {other}"),
    }
}

fn stack() {
    let choice = applied(drive(&fake::open(), QUICK, |it| async move {
        it.settled().await;
        assert!(!it.sees("move-up") && it.reads("Text edit"), "one edit alone needs no list");
        it.click("add-attributes");
        it.settled().await;
        assert!(it.sees("move-up") && it.sees("attribute") && !it.sees("prompt"), "the new one is chosen");
        assert_eq!(it.newest().steps.len(), 2);
        // Earlier, half of it, then a third, which is removed again.
        it.click("move-up");
        assert!(!it.usable("move-up") && it.usable("move-down"));
        it.click("add-text-edit");
        it.settled().await;
        assert!(!it.usable("apply") && it.reads("Fill in “Prompt”"), "its prompt is empty");
        assert!(it.newest().steps.is_empty(), "then only the reconstruction is wanted");
        it.click("remove");
        it.settled().await;
        let row = it.find::<gtk4::ListBox>("GtkListBox").row_at_index(0).unwrap();
        row.child().unwrap().last_child().and_downcast::<gtk4::SpinButton>().unwrap().set_value(0.5);
        it.find::<gtk4::ListBox>("GtkListBox").select_row(Some(&row));
        assert!(it.reads("Text edit: a person with blue hair"));
        row.child().unwrap().first_child().and_downcast::<gtk4::CheckButton>().unwrap().set_active(false);
        it.settled().await;
        it.click("apply");
    }));
    let steps: Vec<_> =
        choice.steps.iter().map(|step| (step.operation.as_str(), step.weight, step.off)).collect();
    assert_eq!(steps, [("attributes", 0.5, true), ("text-edit", 1.0, false)]);
    assert_eq!(choice.steps[1].values, fake::prompt("a person with blue hair").values);
}

fn when() {
    let choice = applied(drive(&fake::open(), QUICK, |it| async move {
        it.settled().await;
        assert!(!it.sees("iterations"));
        it.choose("method", 1);
        assert!(it.sees("iterations"));
        it.choose("method", 0);
        assert!(!it.sees("iterations"));
        it.find::<gtk4::Expander>("road").set_expanded(true);
        assert!(it.sees("face") && !it.sees("points") && !it.sees("seed"));
        it.choose("start", 1);
        assert!(it.sees("seed"));
        it.settled().await;
        assert_eq!(it.newest().road.text("start"), "random");
        assert!(
            !it.reads("Faithful reconstruction"),
            "a picture that is made up is not likened to the photo"
        );
        // Reset brings back the defaults and what the pack suggests.
        it.click("reset");
        it.settled().await;
        assert!(!it.usable("apply"), "the prompt is empty again");
        it.write("prompt", "a hat");
        it.settled().await;
        it.click("apply");
    }));
    assert_eq!(choice.road, fake::open().choice.road);
    assert_eq!(choice.steps[0].values.number("strength"), 3.0, "the pack's suggestion");
}

fn slow() {
    let mut open = fake::open();
    open.choice.steps = vec![fake::prompt("slow")];
    applied(drive(&open, Duration::from_millis(700), |it| async move {
        it.until("the button is there", |it| it.sees("preview")).await;
        it.until("what it starts from is known", |it| it.reads("Faithful reconstruction")).await;
        let asked: Vec<_> =
            it.previews().iter().map(|(choice, patient)| (choice.steps.len(), *patient)).collect();
        assert_eq!(asked, [(1, false), (0, false)]);
        assert!(it.reads("takes a while"));
        it.click("preview");
        it.until("it can be stopped", |it| it.sees("stop")).await;
        assert!(!it.sees("preview"));
        it.click("stop");
        it.until("it was stopped", |it| it.asks().last() == Some(&Ask::Stop)).await;
        assert!(it.sees("preview") && !it.sees("stop"));
        it.click("preview");
        it.settled().await;
        assert!(it.previews().last().unwrap().1, "patiently");
        assert!(!it.sees("preview") && !it.sees("stop") && it.reads("Processor, 2 threads"));
        // A change must be asked for again; the same is not.
        it.find::<gtk4::SpinButton>("strength").set_value(1.0);
        it.until("the button is back", |it| it.sees("preview")).await;
        it.settled().await;
        it.click("apply");
    }));
}

fn live() {
    applied(drive(&fake::open(), Duration::from_secs(4), |it| async move {
        it.until("it is worked on", |it| it.sees("progressbar.osd")).await;
        while difference(it.colours().await) < 8.0 {
            assert!(it.sees("progressbar.osd"), "it was ready before there was a live picture");
        }
        assert!(it.sees("progressbar.osd"), "it is still being worked on");
        assert!(it.reads("Faithful reconstruction"), "the reconstruction is known on the way");
        let on_the_way = it.colours().await[1];
        it.settled().await;
        assert!(difference([it.colours().await[1], on_the_way]) > 4.0, "and then it is done");
        it.click("apply");
    }));
}

fn candidates() {
    let mut open = fake::open();
    open.choice.steps = vec![fake::prompt("several")];
    let choice = applied(drive(&open, QUICK, |it| async move {
        it.settled().await;
        assert!(it.reads("Candidate B") && it.reads("0.16 · 0.83"));
        it.find::<gtk4::Expander>("road").set_expanded(true);
        let (first, asked) = (it.colours().await[1], it.previews().len());
        it.find::<gtk4::ToggleButton>("variant-2").set_active(true);
        assert!(difference([it.colours().await[1], first]) > 8.0, "the chosen one is shown");
        assert_eq!(it.find::<gtk4::SpinButton>("variant").value(), 2.0);
        it.find::<gtk4::CheckButton>("all-variants").set_active(true);
        assert_eq!(it.find::<gtk4::SpinButton>("variant").value(), 0.0);
        it.find::<gtk4::CheckButton>("all-variants").set_active(false);
        it.find::<gtk4::SpinButton>("variant").set_value(3.0);
        assert!(it.find::<gtk4::ToggleButton>("variant-3").is_active(), "the figure chooses, too");
        it.settled().await;
        assert_eq!(it.previews().len(), asked, "all of them are there already");
        it.click("apply");
    }));
    assert_eq!(choice.road.number("variant"), 3.0);

    // The frames of a sweep are looked at, and all become layers.
    let mut open = fake::open();
    open.choice.road.set("frames", Value::Number(4.0));
    let choice = applied(drive(&open, QUICK, |it| async move {
        it.settled().await;
        assert!(it.sees("variant-4") && !it.sees("all-variants"));
        it.find::<gtk4::ToggleButton>("variant-4").set_active(true);
        it.click("apply");
    }));
    assert_eq!(choice.road.number("variant"), 1.0);
}

fn place() {
    let mut open = fake::open();
    let choice = applied(drive(&open, QUICK, |it| async move {
        it.settled().await;
        it.find::<gtk4::ToggleButton>("view-photo").set_active(true);
        it.click("face-2");
        it.settled().await;
        assert_eq!(it.newest().road.number("face"), 2.0);
        it.click("by-hand");
        it.settled().await;
        // The eyes and the mouth of that face, in pixels of the image: 100 + 4 · 412, …
        let start = "1748.0,270.0 1812.0,270.0 1780.0,342.0";
        assert_eq!(it.newest().road.text("points"), start);
        assert!(it.press("point-1", gdk::Key::Left, gdk::ModifierType::empty()));
        assert!(it.press("point-3", gdk::Key::Down, gdk::ModifierType::SHIFT_MASK));
        assert!(!it.press("point-3", gdk::Key::Tab, gdk::ModifierType::empty()), "Tab goes on");
        it.settled().await;
        it.click("apply");
    }));
    assert_eq!(choice.road.text("place"), "points");
    // One pixel of the photo is four of the image.
    assert_eq!(choice.road.text("points"), "1744.0,270.0 1812.0,270.0 1780.0,382.0");

    open.faces.clear();
    let choice = applied(drive(&open, QUICK, |it| async move {
        it.settled().await;
        it.find::<gtk4::ToggleButton>("view-photo").set_active(true);
        assert!(it.reads("No face was found"));
        it.find::<gtk4::Expander>("road").set_expanded(true);
        it.choose("place", 2);
        it.settled().await;
        it.click("apply");
    }));
    assert_eq!(choice.road.text("points").split([' ', ',']).count(), 6, "a triangle in the middle");
}

fn kept() {
    let choice = applied(drive(&fake::open(), QUICK, |it| async move {
        it.settled().await;
        it.find::<gtk4::MenuButton>("kept").popup();
        assert!(!it.usable("keep"), "without a name");
        it.write("prompt", "a moustache");
        it.write("preset-name", " Moustache ");
        it.click("keep");
        it.until("it is kept", |it| it.reads("Moustache")).await;
        let Some(Ask::Keep { name, steps }) =
            it.asks().into_iter().find(|ask| matches!(ask, Ask::Keep { .. }))
        else {
            panic!("nothing was kept")
        };
        assert_eq!((name.as_str(), steps[0].values.text("prompt")), ("Moustache", "a moustache"));
        it.click("forget-Blue hair");
        it.until("it is gone", |it| !it.reads("Blue hair")).await;
        it.click("use-green eyes");
        it.settled().await;
        it.click("apply");
    }));
    assert_eq!(choice.steps, [fake::prompt("a person with green eyes")]);
}

fn files() {
    let choice = applied(drive(&fake::open(), QUICK, |it| async move {
        it.settled().await;
        for (name, said) in [("good.toml", "was written to"), ("unwritable.toml", "cannot be written")] {
            it.click("export");
            it.until("a file is asked for", |it| it.sees("GtkFileChooserDialog")).await;
            let chooser = it.find::<gtk4::FileChooserDialog>("GtkFileChooserDialog");
            let folder = gtk4::gio::File::for_path(std::env::temp_dir());
            chooser.set_current_folder(Some(&folder)).unwrap();
            chooser.set_current_name(name);
            it.until("the name is taken", |_| chooser.file().and_then(|file| file.basename()).is_some())
                .await;
            chooser.response(gtk4::ResponseType::Accept);
            it.until("it is said", |it| it.reads(said)).await;
        }
        let Some(Ask::Export { path, choice }) =
            it.asks().into_iter().find(|ask| matches!(ask, Ask::Export { .. }))
        else {
            panic!("nothing was exported")
        };
        assert!(path.ends_with("good.toml"), "{path}");
        assert_eq!(choice.steps, fake::open().choice.steps);
        it.click("import");
        it.until("a file is asked for", |it| it.sees("GtkFileChooserDialog")).await;
        let chooser = it.find::<gtk4::FileChooserDialog>("GtkFileChooserDialog");
        let this = gtk4::gio::File::for_path(std::env::current_exe().unwrap());
        chooser.set_file(&this).unwrap();
        it.until("the file is chosen", |_| chooser.file().is_some()).await;
        chooser.response(gtk4::ResponseType::Accept);
        it.until("it is there", |it| it.sees("move-up")).await;
        assert!(it.reads("lacks: attributes"), "the recipe's pack cannot do its second edit");
        it.choose("pack", 0);
        it.settled().await;
        it.click("apply");
    }));
    let steps: Vec<_> = choice.steps.iter().map(|step| (step.operation.as_str(), step.weight)).collect();
    assert_eq!(steps, [("text-edit", 1.0), ("attributes", 0.5)]);
    assert_eq!(choice.steps[0].values.text("prompt"), "imported");
    assert_eq!(choice.road.number("refine"), 50.0);
}

fn packs() {
    let choice = applied(drive(&fake::open(), QUICK, |it| async move {
        it.settled().await;
        it.click("add-attributes");
        it.find::<gtk4::Expander>("road").set_expanded(true);
        assert!(it.usable("attribute") && it.usable("keep"));
        for name in ["smile", "glasses"] {
            let boxes = it.find::<gtk4::MenuButton>("others").popover().unwrap();
            let mut left = vec![boxes.upcast::<gtk4::Widget>()];
            while let Some(widget) = left.pop() {
                let label = widget.downcast_ref::<gtk4::CheckButton>().and_then(|check| check.label());
                if label.is_some_and(|label| label == name) {
                    widget.downcast_ref::<gtk4::CheckButton>().unwrap().set_active(true);
                }
                let mut child = widget.first_child();
                while let Some(one) = child {
                    child = one.next_sibling();
                    left.push(one);
                }
            }
        }
        it.settled().await;
        assert_eq!(it.newest().steps[1].values.text("others"), "smile, glasses", "in the pack's order");
        // Cars have no attributes: nothing can be applied, and the button says so.
        let asked = it.previews().len();
        it.choose("pack", 1);
        assert!(!it.usable("attribute") && !it.usable("apply") && !it.usable("add-attributes"));
        assert!(it.find::<gtk4::Widget>("attribute").tooltip_text().unwrap().contains("has none"));
        assert!(it.reads("lacks: attributes"));
        it.choose("pack", 0);
        it.settled().await;
        assert!(it.previews().len() > asked && it.usable("apply"));
        it.click("apply");
    }));
    assert_eq!(choice.steps[1].values.text("others"), "smile, glasses", "what was chosen is remembered");
}

/// One display for all cases, each in a process of its own.
#[test]
fn everything_can_be_done() {
    let display = Display::start();
    for case in ["stack", "when", "slow", "live", "candidates", "place", "kept", "files", "packs"] {
        run(case, Some(&display), &[("GTK_USE_PORTAL", Path::new("0"))]);
    }
}
