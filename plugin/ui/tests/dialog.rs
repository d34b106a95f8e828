//! Opens the real dialog, through the library that the plug-in opens, on a display made for the test.
//!
//! Each case runs in a process of its own (the test program again, as [`child`]), because GTK belongs to one
//! thread and cannot be started anew. Nothing is skipped: without Xvfb or GTK the tests fail and say so.

// Everything in this file is a test or serves one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fake;
mod stage;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pentimento_protocol::dialog::{Answer, Ask, Closed, Open};
use pentimento_protocol::job::{Device, Runtime};
use pentimento_protocol::param::Value;
use pentimento_protocol::recipe::Step;
use pentimento_protocol::{decode, encode};
use stage::{Display, case, run};

/// The library lies beside this program or one folder up.
fn library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let found = program.ancestors().skip(1).take(2).map(|folder| folder.join("libpentimento_ui.so"));
    found.into_iter().find(|path| path.is_file()).expect("libpentimento_ui.so is not built")
}

/// Opens the dialog as the plug-in does.
fn show(open: &Open, mut answer: impl FnMut(&Ask) -> Result<Answer, String>) -> Closed {
    let request = encode(open).unwrap();
    let closed = pentimento_ffi::dialog::open(&library(), &request, &mut |question| {
        encode(&answer(&decode(question).unwrap()).unwrap()).unwrap()
    });
    decode(&closed.expect("the dialog library needs GTK 4: apt-get install libgtk-4-1")).unwrap()
}

/// A request whose values are all unlike the defaults.
fn changed() -> Open {
    let mut open = fake::open();
    let mut step = fake::prompt("eine Person mit Brille “so”");
    step.values.set("neutral", Value::Text(String::new()));
    step.values.set("strength", Value::Number(-7.5));
    step.values.set("disentanglement", Value::Number(0.31));
    step.values.set("keep-grain", Value::Flag(false));
    step.values.set("method", Value::Text("optimise".into()));
    step.values.set("iterations", Value::Number(7.0));
    let second = Step { weight: -0.5, off: true, ..fake::prompt("second") };
    let road = &mut open.choice.road;
    road.set("place", Value::Text("points".into()));
    road.set("points", Value::Text("420,310 560,305 495,470".into()));
    road.set("start", Value::Text("random".into()));
    road.set("seed", Value::Number(77.0));
    road.set("refine", Value::Number(120.0));
    road.set("feather", Value::Number(0.1));
    road.set("variant", Value::Number(0.0));
    open.choice.steps = vec![step, second];
    open.choice.pack = "cars".into();
    open.choice.runtime = Runtime { device: Device::Cpu, threads: Some(3) };
    open
}

/// What a child does. Run by the other tests, not by hand.
#[test]
#[ignore = "a part of the other tests"]
fn child() {
    let Some(case) = case() else { return };
    let wait = Duration::from_millis(50);
    let started = Instant::now();
    let heard = fake::Heard::default();
    match case.as_str() {
        "apply" => {
            // Twice: a host may keep the library open, and GTK with it.
            for _ in 0..2 {
                let open = changed();
                let expected = Closed::Apply(open.choice.clone());
                assert_eq!(show(&open, fake::answerer(wait, &heard)), expected);
            }
        }
        "cancel" => assert_eq!(show(&fake::open(), fake::answerer(wait, &heard)), Closed::Cancel),
        "cancel without effect" => {
            let mut open = fake::open();
            open.choice.steps[0].values.set("strength", Value::Number(0.0));
            assert_eq!(show(&open, fake::answerer(wait, &heard)), Closed::Cancel);
        }
        "no display" => match show(&fake::open(), fake::answerer(wait, &heard)) {
            Closed::Failed(why) => assert!(why.contains("no display"), "{why}"),
            other => panic!("{other:?}"),
        },
        // A preview that cannot be had does not keep the user from applying.
        "failing previews" => {
            let failing = |_: &Ask| -> Result<Answer, String> { panic!("in the plug-in") };
            assert!(matches!(show(&fake::open(), failing), Closed::Apply(_)));
        }
        other => panic!("there is no case {other}"),
    }
    println!("{case}: {:?}, {}", started.elapsed(), memory());
}

/// The most memory that this process had.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
}

#[test]
fn apply_returns_what_the_controls_show() {
    let display = Display::start();
    let auto = Path::new("apply");
    println!("{}", run("apply", Some(&display), &[("PENTIMENTO_DIALOG_AUTO", auto)]));
    run("failing previews", Some(&display), &[("PENTIMENTO_DIALOG_AUTO", auto)]);
}

#[test]
fn without_a_display_it_fails_with_a_sentence() {
    run("no display", None, &[("PENTIMENTO_DIALOG_AUTO", Path::new("apply"))]);
}

#[test]
fn cancel_and_a_picture_of_before_and_after() {
    let display = Display::start();
    let folder = tempfile::tempdir().unwrap();
    let mut differences = Vec::new();
    for case in ["cancel", "cancel without effect"] {
        let shot = folder.path().join(format!("{case}.png"));
        let environment =
            [("PENTIMENTO_DIALOG_AUTO", Path::new("cancel")), ("PENTIMENTO_DIALOG_SHOT", &shot)];
        run(case, Some(&display), &environment);
        let image = image::open(&shot).unwrap().to_rgb8();
        assert!(image.width() >= 800 && image.height() >= 500, "{:?}", image.dimensions());
        differences.push(difference(&image));
    }
    // Two strips of one and the same sky differ by its slight gradient only.
    let [with, without] = differences[..] else { unreachable!() };
    assert!(without < 12.0, "{without}");
    assert!(with > without + 12.0, "{with} against {without}");
}

/// How much the upper left corner of the picture (before) differs from its upper right (after), in 0..=255.
///
/// The picture takes the left half of the window; the strips lie below the words in its corners.
fn difference(image: &image::RgbImage) -> f64 {
    let mean = |from: u32| {
        let mut sum = [0.0; 3];
        for (x, y) in (from..from + 40).flat_map(|x| (50..100).map(move |y| (x, y))) {
            for (sum, value) in sum.iter_mut().zip(image.get_pixel(x, y).0) {
                *sum += f64::from(value) / 2000.0;
            }
        }
        sum
    };
    let (before, after) = (mean(80), mean(480));
    assert!(before.iter().any(|value| *value < 230.0), "the picture before is blank: {before:?}");
    before.iter().zip(after).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
