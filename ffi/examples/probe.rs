//! A tiny plug-in that uses every part of the host layer, for trying it inside a real GIMP.
//!
//! It inserts an inverted copy of the layer, with a mask made of the selection (or of a ramp where nothing is
//! selected) and a parasite, and prints what it saw as lines that begin with `probe:`. See `README.md` here.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int};
use std::path::PathBuf;
use std::rc::Rc;

use pentimento_ffi::host::{Insert, NewLayer, Parasite, Strip, Where};
use pentimento_ffi::pixels::{Mask, Pixels, Rect};
use pentimento_ffi::plugin::{ArgKind, ArgValue, Argument};
use pentimento_ffi::{Call, Finish, Host, HostError, PlugIn, Procedure};

struct Probe;

fn argument(name: &str, label: &str, kind: ArgKind) -> Argument {
    Argument { name: name.into(), label: label.into(), help: format!("{label}."), kind }
}

impl PlugIn for Probe {
    fn procedures(&self) -> Vec<Procedure> {
        let icon = std::env::current_exe().ok().map(|own| own.with_file_name("icon.png"));
        vec![Procedure {
            name: "plug-in-pentimento-probe".into(),
            menu_label: "_Probe".into(),
            menu_path: "<Image>/Filters/Pentimento".into(),
            blurb: "Tries the host layer".into(),
            help: "Inserts an inverted copy of the layer.".into(),
            icon: icon.filter(|icon| icon.exists()),
            arguments: vec![
                argument("strength", "_Strength", ArgKind::Number { min: 0.0, max: 2.0, default: 1.0 }),
                argument("note", "_Note", ArgKind::Text("nothing".into())),
                argument("group", "As a _group", ArgKind::Flag(false)),
            ],
        }]
    }

    fn run(&self, host: &dyn Host, call: &Call) -> Result<Finish, String> {
        match &call.arguments[..] {
            [ArgValue::Number(strength), ArgValue::Text(note), ArgValue::Flag(group)] => {
                match note.as_str() {
                    "panic" => panic!("asked to"),
                    "cancel" => return Ok(Finish::Cancelled),
                    _ => {}
                }
                probe(host, call, *strength as f32, note, *group).map_err(|error| error.to_string())?;
                let kept = match call.mode {
                    pentimento_ffi::plugin::RunMode::Interactive => strength / 2.0,
                    _ => *strength,
                };
                Ok(Finish::Done(vec![
                    ArgValue::Number(kept),
                    ArgValue::Text(format!("{note}+")),
                    ArgValue::Flag(*group),
                ]))
            }
            other => Err(format!("unexpected arguments {other:?}")),
        }
    }

    fn translations(&self) -> Option<(String, PathBuf)> {
        let own = std::env::current_exe().ok()?;
        Some(("pentimento-probe".into(), own.with_file_name("locale")))
    }
}

fn probe(host: &dyn Host, call: &Call, strength: f32, note: &str, group: bool) -> Result<(), HostError> {
    println!("probe: {} mode {:?} arguments {:?}", host.name(), call.mode, call.arguments);
    println!("probe: window {:?} dark {:?}", host.parent_window(), host.dark());
    let image = host.image(call.image)?;
    let profile = image.profile.as_ref().map(Vec::len);
    println!("probe: {:?} {}x{} profile {profile:?}", image.base, image.width, image.height);
    let layer = call.drawables[0];
    let facts = host.drawable(layer)?;
    println!("probe: {facts:?}");
    let bounds = host.selection_bounds(call.image)?;
    println!("probe: selection {bounds:?}");
    host.progress(0.0, "Reading");
    let whole = Rect::new(0, 0, facts.rect.width, facts.rect.height);
    let start = std::time::Instant::now();
    let pixels = host.read(layer, whole)?;
    println!("probe: read in {:?}", start.elapsed());
    println!("probe: first {:?}", &pixels.rgba[..4]);
    // More than any real machine has: must be an error and nothing else.
    println!("probe: absurd {:?}", host.read(layer, Rect::new(0, 0, u32::MAX, u32::MAX)).is_err());

    let mut there = pixels.rgba.clone();
    host.to_srgb(layer, &mut there)?;
    println!("probe: first in sRGB {:?}", &there[..4]);
    host.from_srgb(layer, &mut there)?;
    let apart = there.iter().zip(&pixels.rgba).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("probe: sRGB and back {apart:.7}");

    host.progress(0.5, "Inverting");
    let rect = whole.moved(facts.rect.x, facts.rect.y);
    let rgba: Vec<f32> = pixels
        .rgba
        .chunks_exact(4)
        .flat_map(|p| [0, 1, 2].map(|c| p[c] + strength * (1.0 - 2.0 * p[c])).into_iter().chain([p[3]]))
        .collect();
    let mask = match bounds {
        Some(_) => host.selection(call.image, rect)?,
        None => {
            let values = (0..rect.area()).map(|i| i as f32 / rect.area() as f32).collect();
            Mask { rect, values }
        }
    };
    let sum: f64 = mask.values.iter().map(|v| f64::from(*v)).sum();
    println!("probe: mask sum {sum:.4} first {:?}", mask.values.first());
    let parasites = vec![Parasite { name: "pentimento-probe".into(), data: note.as_bytes().to_vec() }];
    let part = |values: &[f32], strip: Rect, channels: usize| {
        let row = rect.width as usize * channels;
        let start = strip.y.abs_diff(rect.y) as usize * row;
        values[start..][..strip.area() * channels].to_vec()
    };
    let draw = |strip: Rect| {
        let pixels = Pixels { rect: strip, rgba: part(&rgba, strip, 4) };
        Ok(Strip { pixels, mask: Mask { rect: strip, values: part(&mask.values, strip, 1) } })
    };
    let name = format!("{} inverted", facts.name);
    let new = NewLayer { name, rect, draw: Rc::new(draw), parasites: parasites.clone() };
    // Something that must fail half way, and leave nothing behind.
    let mut bad = new.clone();
    bad.draw = Rc::new(|strip: Rect| {
        let pixels = Pixels { rect: strip, rgba: part(&rgba, strip, 4) };
        let elsewhere = strip.moved(1, 0);
        Ok(Strip { pixels, mask: Mask { rect: elsewhere, values: part(&mask.values, strip, 1) } })
    });
    let layers = vec![new.clone(), bad];
    let refused = host.insert(
        call.image,
        Where::Above(layer),
        &Insert::Group { name: "bad".into(), layers, parasites: vec![] },
    );
    println!("probe: bad group {}", refused.is_err());

    let what = if group {
        let mut second = new.clone();
        second.name = "second".into();
        Insert::Group { name: "Probes".into(), layers: vec![new, second], parasites }
    } else {
        Insert::Layer(new)
    };
    let start = std::time::Instant::now();
    let inserted = host.insert(call.image, Where::Above(layer), &what)?;
    println!("probe: inserted in {:?}", start.elapsed());
    println!("probe: inserted {:?}", host.drawable(inserted)?);
    let carried = host.parasite(inserted, "pentimento-probe")?.map(|data| data == note.as_bytes());
    println!("probe: parasite {carried:?}, another {:?}", host.parasite(inserted, "none")?);
    if !group {
        let back = host.read(inserted, whole)?;
        println!("probe: inserted first {:?}", &back.rgba[..4]);
        let worst = back.rgba.iter().zip(&pixels.rgba).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("probe: copy differs by {worst}");
        // Linear light goes through the curve and back.
        let least = if facts.format.contains('\'') { 0.0 } else { 1.5e-6 };
        assert!(strength != 0.0 || worst <= least, "a copy is not exact");
    }
    println!(
        "probe: gone {:?}",
        host.drawable(pentimento_ffi::host::ItemId(999_999)).map_err(|e| e.to_string())
    );
    let counts: BTreeMap<&str, usize> = [("pixels", pixels.rgba.len() / 4)].into();
    println!("probe: done {counts:?}");
    host.progress(1.0, "");
    Ok(())
}

/// The entry that the launcher calls.
///
/// # Safety
///
/// The words of C's `main`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pentimento_main(count: c_int, words: *const *const c_char) -> c_int {
    let body = |arguments: Vec<CString>| pentimento_ffi::main(&arguments, &Probe);
    // SAFETY: the launcher passes the words of its own `main`.
    unsafe { pentimento_ffi::enter(count, words, body) }
}
