//! The whole road through a host in memory: what a user sees of every operation.

use std::collections::BTreeSet;

use models_onnx::Places;
use pentimento::PluginError;
use pentimento::gimp::Pentimento;
use pentimento::job::Engine;
use pentimento::ops::OPERATIONS;
use pentimento::pipeline::params::ROAD;
use pentimento_ffi::host::{BaseType, Host, ImageId, ItemId};
use pentimento_ffi::mock::{Item, MockHost, Precision, Space};
use pentimento_ffi::pixels::{Mask, Rect};
use pentimento_ffi::plugin::{ArgValue, RunMode};
use pentimento_ffi::{Call, Finish, PlugIn};
use pentimento_protocol::job::{Edit, Edited, Event, Outcome, Request, Runtime};
use pentimento_protocol::param::{Value, Values};
use pentimento_protocol::picture::Picture;
use pentimento_protocol::recipe::{PARASITE, Recipe, Step};
use pentimento_tests::{Data, text_edit};

fn text(text: &str) -> ArgValue {
    ArgValue::Text(text.to_owned())
}

/// Arguments of the text edit with the tiny pack, which knows “red”, and some others than usual.
fn red_with(strength: f64, changes: &[(&str, ArgValue)]) -> Vec<ArgValue> {
    let usual = [
        ("text", text("red")),
        ("strength", ArgValue::Number(strength)),
        ("pack", text("tiny")),
        ("threads", ArgValue::Number(1.0)),
    ];
    text_edit(&[&usual, changes].concat()).into_iter().map(|(_, value)| value).collect()
}

fn red(strength: f64) -> Vec<ArgValue> {
    red_with(strength, &[])
}

fn plug_in(places: &Places) -> Pentimento {
    Pentimento::new(places.clone(), std::env::temp_dir())
}

fn call(image: ImageId, drawable: ItemId, arguments: Vec<ArgValue>) -> Call {
    let procedure = "plug-in-pentimento-text-edit".to_owned();
    Call { procedure, mode: RunMode::NonInteractive, image, drawables: vec![drawable], arguments }
}

/// A photo of 120 × 90 with fine grain.
fn photo(host: &MockHost, base: BaseType, precision: Precision, rect: Rect) -> (ImageId, ItemId) {
    let image = host.add_image(base, 120, 90, precision);
    let layer = host.add_layer(image, "photo", rect, |x, y| {
        let grain = ((x * 7 + y * 13) % 17) as f32 / 200.0;
        [0.4 + grain, 0.5 - grain, 0.3 + y as f32 / 300.0, 1.0]
    });
    (image, layer)
}

#[test]
fn a_text_edit_is_a_new_layer_and_nothing_else() {
    let data = Data::new();
    let host = MockHost::new();
    for (base, precision) in [
        (BaseType::Rgb, Precision::U8),
        (BaseType::Rgb, Precision::U16),
        (BaseType::Rgb, Precision::FloatLinear),
        (BaseType::Grey, Precision::U16),
    ] {
        let (image, layer) = photo(&host, base, precision, Rect::new(0, 0, 120, 90));
        let selected = Rect::new(20, 10, 64, 64);
        host.select_rect(image, selected);
        let before = host.item(layer).unwrap();
        let selection = host.selection(image, Rect::new(0, 0, 120, 90)).unwrap();

        let done = plug_in(&data.places).run(&host, &call(image, layer, red(8.0))).unwrap();
        assert!(matches!(done, Finish::Done(arguments) if arguments == red(8.0)));

        assert_eq!(host.item(layer).unwrap(), before, "the photo was touched");
        assert_eq!(host.selection(image, Rect::new(0, 0, 120, 90)).unwrap(), selection);
        assert_eq!(host.undo_steps(image), 1);
        let stack = host.stack(image);
        assert_eq!(stack.len(), 2);
        assert_eq!(stack[1], layer, "the new layer lies above the photo");

        let new = host.item(stack[0]).unwrap();
        assert_eq!(new.name, "Text edit: red");
        let mask = new.mask.unwrap();
        assert_eq!(selected.intersect(&mask.rect), Some(mask.rect), "the layer lies inside the selection");
        let most = mask.values.iter().copied().fold(0.0, f32::max);
        assert!(most > 0.99, "{base:?} {precision:?}: the mask reaches only {most}");
        let parasite = new.parasites.iter().find(|parasite| parasite.name == PARASITE).unwrap();
        let recipe = Recipe::from_toml(std::str::from_utf8(&parasite.data).unwrap()).unwrap();
        assert_eq!((recipe.steps[0].operation.as_str(), recipe.pack.as_str()), ("text-edit", "tiny"));
        assert_eq!(recipe.steps[0].values.text("text"), "red");
        let made = recipe.made.unwrap();
        assert_eq!((made.layer.as_str(), made.centre, made.half), ("photo", [52.0, 42.0], [32.0, 0.0]));

        if base == BaseType::Rgb {
            let centre = |item: &pentimento_ffi::mock::Item| {
                let rect = item.pixels.rect;
                let i = ((42 - rect.y) as usize * rect.width as usize + (52 - rect.x) as usize) * 4;
                item.pixels.rgba[i] - item.pixels.rgba[i + 2]
            };
            let new = host.item(stack[0]).unwrap();
            assert!(centre(&new) > centre(&before) + 0.05, "“red” did not make it redder");
        }
        let shown = host.progress_shown();
        assert_eq!(shown.last().map(|step| step.0), Some(1.0), "progress ends");
        assert!(
            shown.windows(2).all(|pair| pair[1].0 >= pair[0].0 || pair[0].0 == 1.0),
            "progress runs forward"
        );
    }
}

/// Whatever the colour space, pixels that the mask hides are the photo's own, bit for bit.
#[test]
fn hidden_pixels_are_the_photos_own() {
    let data = Data::new();
    let host = MockHost::new();
    for precision in [Precision::U8, Precision::U16, Precision::FloatLinear] {
        let (image, layer) = photo(&host, BaseType::Rgb, precision, Rect::new(-10, 5, 120, 90));
        host.set_space(image, Space::WIDE, None);
        // A round selection: its corners are hidden though they lie inside the new layer.
        let rect = Rect::new(0, 10, 80, 80);
        let values = (0..rect.area() as i32).map(|i| {
            let (x, y) = (i % 80 - 40, i / 80 - 40);
            if x * x + y * y < 38 * 38 { 1.0 } else { 0.0 }
        });
        host.select(image, Some(Mask { rect, values: values.collect() }));
        let before = host.item(layer).unwrap().pixels;
        plug_in(&data.places).run(&host, &call(image, layer, red(8.0))).unwrap();
        let new = host.item(host.stack(image)[0]).unwrap();
        let mask = new.mask.unwrap();
        let mut hidden = 0;
        for (i, value) in mask.values.iter().enumerate() {
            let (x, y) = (i % mask.rect.width as usize, i / mask.rect.width as usize);
            let (x, y) = (mask.rect.x + x as i32 - before.rect.x, mask.rect.y + y as i32 - before.rect.y);
            let j = (y as usize * before.rect.width as usize + x as usize) * 4;
            if *value == 0.0 {
                assert_eq!(new.pixels.rgba[i * 4..i * 4 + 4], before.rgba[j..j + 4], "{precision:?}");
                hidden += 1;
            }
        }
        assert!(hidden > 100, "the corners of a round selection are hidden: {hidden}");
    }
}

#[test]
fn bad_input_is_a_sentence_and_leaves_the_image_as_it_was() {
    let data = Data::new();
    let host = MockHost::new();
    let (image, layer) = photo(&host, BaseType::Rgb, Precision::U8, Rect::new(0, 0, 120, 90));
    for (name, value, sentence) in [
        ("text", text("  "), "is empty"),
        ("neutral", text("red"), "mean the same"),
        ("strength", ArgValue::Number(f64::NAN), "must lie between"),
        ("disentanglement", ArgValue::Number(-1.0), "must lie between"),
        ("method", text("magic"), "“method” cannot be \"magic\""),
        ("place", text("points"), "is empty"),
        ("variant", ArgValue::Number(2.0), "result 2 was asked for, but the edit has 1"),
        ("keep", text("eyes"), "segmentation model"),
        ("pack", text("horses"), "there is no pack “horses”; installed are: tiny, landmarks, starter-faces"),
        ("pack", text("landmarks"), "lacks"),
        ("device", text("abacus"), "there is no device “abacus”"),
        ("device", text("cuda"), "cannot be used"),
    ] {
        let call = call(image, layer, red_with(4.0, &[(name, value)]));
        let error = plug_in(&data.places).run(&host, &call).unwrap_err();
        assert!(error.contains(sentence), "{name}: {error}");
    }

    let refused = |image, layer| plug_in(&data.places).run(&host, &call(image, layer, red(4.0))).unwrap_err();
    let (aside, half) = photo(&host, BaseType::Rgb, Precision::U8, Rect::new(60, 0, 60, 90));
    host.select_rect(aside, Rect::new(0, 0, 50, 50));
    assert!(refused(aside, half).contains("beside the layer"));
    host.select_rect(image, Rect::new(10, 10, 5, 5));
    assert!(refused(image, layer).contains("5 pixels wide"));
    let rect = Rect::new(0, 0, 64, 64);
    host.select(image, Some(Mask { rect, values: vec![0.001; rect.area()] }));
    assert!(refused(image, layer).contains("too faint"));
    host.select(image, None);

    let (indexed, palette) = photo(&host, BaseType::Indexed, Precision::U8, Rect::new(0, 0, 120, 90));
    let error = plug_in(&data.places).run(&host, &call(indexed, palette, red(4.0))).unwrap_err();
    assert!(error.contains("Mode → RGB"), "{error}");

    let (broken, rays) = photo(&host, BaseType::Rgb, Precision::FloatLinear, Rect::new(0, 0, 120, 90));
    let nan = host.add_layer(broken, "nan", Rect::new(0, 0, 64, 64), |x, _| {
        if x == 3 { [f32::NAN, 0.0, 0.0, 1.0] } else { [0.5, 0.5, 0.5, 1.0] }
    });
    assert!(plug_in(&data.places).run(&host, &call(broken, nan, red(4.0))).unwrap_err().contains("NaN"));
    assert_eq!(host.stack(broken), [nan, rays]);

    let mut none = call(image, layer, red(4.0));
    none.drawables.clear();
    assert!(plug_in(&data.places).run(&host, &none).unwrap_err().contains("no layer is selected"));

    host.fail_next_insert("out of memory");
    assert!(
        plug_in(&data.places)
            .run(&host, &call(image, layer, red(4.0)))
            .unwrap_err()
            .contains("out of memory")
    );
    assert_eq!(host.stack(image), [layer]);
    assert_eq!(host.undo_steps(image), 0);

    host.close(image);
    assert!(
        plug_in(&data.places)
            .run(&host, &call(image, layer, red(4.0)))
            .unwrap_err()
            .contains("no longer there")
    );
}

/// Scripts are told when a pack does not know a picture; noise is what no pack of heads knows.
#[test]
fn a_pack_says_when_it_does_not_know_a_picture() {
    let data = Data::new();
    let host = MockHost::new();
    let image = host.add_image(BaseType::Rgb, 128, 128, Precision::U8);
    let noise = host.add_layer(image, "noise", Rect::new(0, 0, 128, 128), |x, y| {
        // Blocks as large as a pixel of the pack, so that resizing does not average them away.
        let hash = (x / 2).wrapping_mul(2_654_435_761) ^ (y / 2).wrapping_mul(2_246_822_519);
        [0, 8, 16]
            .map(|shift| (hash >> shift & 255) as f32 / 255.0)
            .iter()
            .copied()
            .chain([1.0])
            .collect::<Vec<_>>()[..]
            .try_into()
            .unwrap()
    });
    let changes = [("text", text("a person with blue hair")), ("pack", text("starter-faces"))];
    let arguments = red_with(2.0, &changes);
    plug_in(&data.places).run(&host, &call(image, noise, arguments)).unwrap();
    let said = host.said().join("\n");
    assert!(said.contains("does not know pictures like this one"), "{said}");
}

/// The procedure that GIMP sees has a default for every argument, and repeating with last values is the same edit.
#[test]
fn procedures_follow_from_the_parameters() {
    let data = Data::new();
    let procedures = plug_in(&data.places).procedures();
    assert_eq!(procedures.len(), OPERATIONS.len() + 1);
    assert_eq!(procedures[OPERATIONS.len()].name, "plug-in-pentimento-apply");
    for (procedure, operation) in procedures.iter().zip(OPERATIONS) {
        assert_eq!(procedure.name, format!("plug-in-pentimento-{}", operation.id()));
        assert_eq!(procedure.arguments.len(), operation.params().len() + ROAD.len() + 3);
        let names: BTreeSet<&str> = procedure.arguments.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(
            names.len(),
            procedure.arguments.len(),
            "two arguments of {} share a name",
            procedure.name
        );
        assert!(procedure.menu_path.starts_with("<Image>/Filters"));
    }

    let host = MockHost::new();
    let (image, layer) = photo(&host, BaseType::Rgb, Precision::U8, Rect::new(0, 0, 120, 90));
    let Ok(Finish::Done(last)) = plug_in(&data.places).run(&host, &call(image, layer, red(4.0))) else {
        panic!("the first run failed")
    };
    let again = Call { mode: RunMode::WithLastValues, ..call(image, layer, last) };
    plug_in(&data.places).run(&host, &again).unwrap();
    let stack = host.stack(image);
    let pixels = |item| host.item(item).unwrap().pixels;
    assert_eq!(pixels(stack[0]), pixels(stack[1]));
}

fn request(engine: &Engine, steps: &[Step], side: u32) -> Request {
    Request::Edit(Edit {
        steps: steps.to_vec(),
        road: Values::defaults(&ROAD),
        pack: "tiny".into(),
        picture: engine.pictures.put(Picture::filled(side, side, [0.4, 0.5, 0.6])),
        runtime: Runtime::default(),
    })
}

fn towards(prompt: &str) -> Step {
    let mut values = Values::default();
    values.set("text", Value::Text(prompt.into()));
    let operation = pentimento::ops::find("text-edit").unwrap();
    Step::new("text-edit", values.complete(operation.params()).unwrap())
}

fn edited(outcome: Outcome) -> Edited {
    let Outcome::Edited(edited) = outcome else { panic!("{outcome:?}") };
    edited
}

#[test]
fn jobs_can_be_cancelled_and_the_next_one_runs() {
    let data = Data::new();
    let engine = Engine::start(data.places.clone());
    let cancelled = engine.submit(request(&engine, &[towards("red")], 8)).unwrap();
    cancelled.cancel();
    assert!(matches!(cancelled.wait(|_| {}), Err(PluginError::Cancelled)));

    let mut notes = Vec::new();
    let job = engine.submit(request(&engine, &[towards("red")], 8)).unwrap();
    let outcome = job
        .wait(|event| {
            if let Event::Note(note) = event {
                notes.push(note.clone());
            }
        })
        .unwrap();
    assert!(notes.iter().any(|note| note.contains("is used")), "the device is told: {notes:?}");
    let outcome = edited(outcome);
    assert_eq!(outcome.variants.len(), 1);
    let psnr = outcome.fidelity.unwrap().psnr;
    assert!(psnr > 40.0, "the tiny pack gives pictures back: {psnr}");

    let outcome = edited(engine.submit(request(&engine, &[], 8)).unwrap().wait(|_| {}).unwrap());
    assert!(outcome.variants.is_empty(), "only the reconstruction was asked for");

    let wrong = request(&engine, &[towards("red")], 9);
    assert!(matches!(engine.submit(wrong).unwrap().wait(|_| {}), Err(PluginError::Job(_))));
}

/// A stack is made in its order; weights scale a step, and steps that are off are not made.
#[test]
fn stacks_have_order_weights_and_switches() {
    let data = Data::new();
    let engine = Engine::start(data.places.clone());
    let colour = |steps: &[Step]| {
        let job = engine.submit(request(&engine, steps, 8)).unwrap();
        let outcome = edited(job.wait(|_| {}).unwrap());
        let picture = engine.pictures.take(outcome.variants[0].picture).unwrap();
        picture.pixel(4, 4)
    };
    let (red, off) = (towards("red"), Step { off: true, ..towards("blue") });
    let whole = colour(std::slice::from_ref(&red));
    let half = colour(&[Step { weight: 0.5, ..red.clone() }]);
    let none = colour(&[Step { weight: 0.0, ..red.clone() }]);
    assert!((half[0] - (whole[0] + none[0]) / 2.0).abs() < 1e-3, "{none:?} {half:?} {whole:?}");
    assert!((none[0] - 0.4).abs() < 0.02, "a weight of zero leaves the photo: {none:?}");
    assert_eq!(colour(&[red.clone(), off.clone()]), whole, "what is off is not made");
    let both = colour(&[red.clone(), towards("blue")]);
    assert!(both[2] > whole[2] + 0.02, "blue comes on top of red: {whole:?} {both:?}");
    assert_eq!(colour(&[off, red]), whole);
}

/// An edited layer that is edited again by a recipe: each selected layer gets what the recipe says, and the history knows.
#[test]
fn the_last_edit_is_done_to_other_layers() {
    let data = Data::new();
    let host = MockHost::new();
    let (image, layer) = photo(&host, BaseType::Rgb, Precision::U8, Rect::new(0, 0, 120, 90));
    let apply = |drawables: Vec<ItemId>, recipe: &str| {
        let procedure = "plug-in-pentimento-apply".to_owned();
        let arguments = vec![text(recipe), text("cpu"), ArgValue::Number(1.0)];
        let call = Call { procedure, mode: RunMode::NonInteractive, image, drawables, arguments };
        plug_in(&data.places).run(&host, &call)
    };
    assert!(apply(vec![layer], "").unwrap_err().contains("nothing has been applied"));
    plug_in(&data.places).run(&host, &call(image, layer, red(8.0))).unwrap();
    let other =
        host.add_layer(image, "other", Rect::new(0, 0, 100, 80), |x, _| [0.3, x as f32 / 200.0, 0.5, 1.0]);
    apply(vec![layer, other], "").unwrap();
    let names: Vec<String> = host.stack(image).iter().map(|item| host.item(*item).unwrap().name).collect();
    assert_eq!(names, ["Text edit: red", "other", "Text edit: red", "Text edit: red", "photo"]);
    let [first, second] = [3, 2].map(|i| host.item(host.stack(image)[i]).unwrap());
    assert_eq!(first.pixels, second.pixels, "the same edit of the same layer is the same");

    let recipe =
        "version = 2\npack = \"tiny\"\n[[steps]]\noperation = \"text-edit\"\nvalues = { text = \"blue\" }\n";
    apply(vec![other], recipe).unwrap();
    assert_eq!(host.item(host.stack(image)[1]).unwrap().name, "Text edit: blue");
    assert!(apply(vec![other], "no such preset").unwrap_err().contains("no such preset"));
}

/// A sweep is a group of layers from the photo to the edit.
#[test]
fn a_sweep_is_a_group_of_layers() {
    let data = Data::new();
    let host = MockHost::new();
    let (image, layer) = photo(&host, BaseType::Rgb, Precision::U16, Rect::new(0, 0, 120, 90));
    let arguments = red_with(8.0, &[("frames", ArgValue::Number(5.0))]);
    plug_in(&data.places).run(&host, &call(image, layer, arguments)).unwrap();
    assert_eq!(host.undo_steps(image), 1);
    let group = host.item(host.stack(image)[0]).unwrap();
    let frames = group.children.unwrap();
    assert_eq!(frames.len(), 5);
    let redness = |item: &ItemId| {
        let item = host.item(*item).unwrap();
        let i = (45 * item.pixels.rect.width as usize + 45) * 4;
        item.pixels.rgba[i] - item.pixels.rgba[i + 2]
    };
    let all: Vec<f32> = frames.iter().map(redness).collect();
    // An animation begins at the bottom.
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "each frame is redder than the one below: {all:?}");
}

/// A photo and its layer after ten steps of an optimisation towards red.
fn optimised(data: &Data, host: &MockHost, space: &str, changes: &[(&str, ArgValue)]) -> (Item, Item) {
    let (image, layer) = photo(host, BaseType::Rgb, Precision::FloatLinear, Rect::new(0, 0, 120, 90));
    let usual = [
        ("method", text("optimise")),
        ("space", text(space)),
        ("begin", ArgValue::Flag(false)),
        ("restraint", ArgValue::Number(0.0)),
        ("steps", ArgValue::Number(10.0)),
    ];
    let arguments = red_with(4.0, &[&usual, changes].concat());
    plug_in(&data.places).run(host, &call(image, layer, arguments)).unwrap();
    (host.item(layer).unwrap(), host.item(host.stack(image)[0]).unwrap())
}

/// How much redder than blue a layer is on the whole.
fn redness(item: &Item) -> f32 {
    let pixels = item.pixels.rgba.chunks_exact(4);
    pixels.map(|pixel| pixel[0] - pixel[2]).sum::<f32>() / item.pixels.rect.area() as f32
}

/// Every space that an optimisation can look in, and copies, lead from the procedure's arguments to the layer.
#[test]
fn an_optimisation_looks_where_it_is_told_to() {
    let data = Data::new();
    let host = MockHost::new();
    let plain = ("w-plus", 0.0);
    let seen = [plain, ("styles", 0.0), ("mapping", 0.0), ("w-plus", 2.0)].map(|(space, copies)| {
        let copies = [("copies", ArgValue::Number(copies))];
        let (before, after) = optimised(&data, &host, space, &copies);
        assert!(
            redness(&after) > redness(&before) + 0.02,
            "{space}: {} {}",
            redness(&before),
            redness(&after)
        );
        after.pixels
    });
    let (first, others) = seen.split_first().unwrap();
    assert!(others.iter().all(|other| other != first), "each looks elsewhere");
}

/// What begins with the direction is there at once, and goes on.
#[test]
fn an_optimisation_begins_with_the_direction() {
    let data = Data::new();
    let host = MockHost::new();
    let after = |begin: bool| {
        let begins = [("begin", ArgValue::Flag(begin)), ("steps", ArgValue::Number(1.0))];
        redness(&optimised(&data, &host, "w-plus", &begins).1)
    };
    let (alone, led) = (after(false), after(true));
    assert!(led > alone + 0.05, "{alone} {led}");

    let engine = Engine::start(data.places.clone());
    let alike = |begin: bool| {
        let mut step = towards("red");
        step.values.set("method", Value::Text("optimise".into()));
        step.values.set("space", Value::Text("w-plus".into()));
        step.values.set("begin", Value::Flag(begin));
        // The similarity alone is what counts.
        ["change", "restraint"].into_iter().for_each(|weight| step.values.set(weight, Value::Number(0.0)));
        let mut notes = String::new();
        let job = engine.submit(request(&engine, &[step], 8)).unwrap();
        job.wait(|event| {
            if let Event::Note(note) = event {
                notes += note;
            }
        })
        .unwrap();
        let (before, after) = notes.split_once("the text ").unwrap().1.split_once(" → ").unwrap();
        [before, &after[..5]].map(|number| number.parse::<f32>().unwrap())
    };
    let ([plain, _], [begun, done]) = (alike(false), alike(true));
    assert!(begun > plain + 0.05 && done > begun, "{plain} {begun} {done}");
}

/// The automatic strength finds one by the picture, whatever the slider says.
#[test]
fn a_direction_goes_as_far_as_the_picture_gains() {
    let data = Data::new();
    let host = MockHost::new();
    let after = |strength: f64, automatic: bool| {
        let (image, layer) = photo(&host, BaseType::Rgb, Precision::FloatLinear, Rect::new(0, 0, 120, 90));
        let arguments = red_with(strength, &[("automatic-strength", ArgValue::Flag(automatic))]);
        plug_in(&data.places).run(&host, &call(image, layer, arguments)).unwrap();
        redness(&host.item(host.stack(image)[0]).unwrap())
    };
    assert!(after(0.0, true) > after(0.0, false) + 0.05);
    assert_eq!(after(0.0, true), after(9.0, true));
}

/// The way of an optimisation as layers: its result is the first of its results, which alone becomes the layer unless all
/// are asked for; then they lie as they came, the result at the top.
#[test]
fn an_optimisation_shows_its_way_below_its_result() {
    let data = Data::new();
    let host = MockHost::new();
    let optimised = |variant: f64| {
        let way = [("process", ArgValue::Number(3.0)), ("variant", ArgValue::Number(variant))];
        optimised(&data, &host, "w-plus", &way).1
    };
    let taken = optimised(1.0);
    assert_eq!((taken.name.as_str(), taken.children), ("Text edit: red (result)", None));
    let all: Vec<_> =
        optimised(0.0).children.unwrap().into_iter().map(|item| host.item(item).unwrap()).collect();
    let names: Vec<&str> = all.iter().map(|item| item.name.as_str()).collect();
    let right = ["Text edit: red (result)", "Text edit: red (step 8)", "Text edit: red (step 4)"];
    assert_eq!(names, right);
    assert_eq!(all[0].pixels, taken.pixels, "what is taken is the result");
    let all: Vec<f32> = all.iter().map(redness).collect();
    assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "it grows redder on the way up: {all:?}");
}
