//! Runs the plug-in in real GIMPs and looks at what they made of it.
//!
//! `cargo verify` prepares everything (packages, other distributions, a copy of the plug-in) and names the
//! GIMPs in `PENTIMENTO_TEST_GIMPS`; without it these tests cannot run and say so. Every case runs in a GIMP
//! of its own with a fresh home: open a picture, write down all pixels, call the plug-in, write them down
//! again. The comparison is made here, on every value, so GIMP 2.10 and 3 are held to the same.

mod cases;
mod evidence;
mod op;
mod pictures;
mod screen;
mod screens;
mod stage;

use std::process::ExitCode;
use std::time::Instant;

use stage::Stage;

fn main() -> ExitCode {
    let Ok(named) = std::env::var("PENTIMENTO_TEST_GIMPS") else {
        println!("the tests in real GIMPs are run by `cargo verify`, which prepares them");
        return ExitCode::SUCCESS;
    };
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let (mut passed, mut failed) = (0, 0);
    for name in named.split_whitespace() {
        let began = Instant::now();
        let stage = match Stage::prepare(name) {
            Ok(stage) => stage,
            Err(why) => {
                println!("gimp {name}: cannot be prepared: {why:#}");
                failed += 1;
                continue;
            }
        };
        println!("gimp {name}: first start, {:.1} s", began.elapsed().as_secs_f32());
        let mut cases = cases::CASES.to_vec();
        if std::env::var_os("PENTIMENTO_TEST_SCREENS").is_some() {
            cases.push(("own_window_menu_and_undo", screens::own_window));
        }
        for (title, case) in cases {
            if !wanted.is_empty() && !wanted.iter().any(|part| title.contains(part.as_str())) {
                continue;
            }
            let began = Instant::now();
            let ended = case(&stage.case(title));
            let took = began.elapsed().as_secs_f32();
            match ended {
                Ok(()) => {
                    passed += 1;
                    println!("test {name} {title} ... ok ({took:.1} s)");
                }
                Err(why) => {
                    failed += 1;
                    println!("test {name} {title} ... FAILED ({took:.1} s)\n     {why:#}");
                }
            }
        }
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed; 0 ignored");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
