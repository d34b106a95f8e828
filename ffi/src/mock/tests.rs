use proptest::prelude::*;

use super::*;
use std::rc::Rc;

use crate::host::{Host, Insert, NewLayer, Strip, Where};

fn new_layer(rect: Rect) -> NewLayer<'static> {
    let draw = |rect: Rect| {
        Ok(Strip {
            pixels: Pixels { rect, rgba: vec![0.25; rect.area() * 4] },
            mask: Mask { rect, values: vec![0.5; rect.area()] },
        })
    };
    NewLayer {
        name: "edited".into(),
        rect,
        draw: Rc::new(draw),
        parasites: vec![Parasite { name: "recipe".into(), data: vec![1, 2, 3] }],
    }
}

fn photo() -> (MockHost, ImageId, ItemId) {
    let gimp = MockHost::new();
    let image = gimp.add_image(BaseType::Rgb, 8, 6, Precision::U8);
    let layer = gimp
        .add_layer(image, "photo", Rect::new(-2, 1, 6, 4), |x, y| [x as f32 / 5.0, y as f32 / 3.0, 0.5, 1.0]);
    (gimp, image, layer)
}

#[test]
fn a_layer_goes_above_with_mask_and_parasite_in_one_step() {
    let (gimp, image, layer) = photo();
    gimp.select_rect(image, Rect::new(0, 0, 2, 2));
    let top = gimp.add_layer(image, "top", Rect::new(0, 0, 1, 1), |_, _| [0.0; 4]);
    let before = gimp.item(layer);
    let inserted =
        gimp.insert(image, Where::Above(layer), &Insert::Layer(new_layer(Rect::new(0, 1, 2, 2)))).unwrap();
    assert_eq!(gimp.stack(image), [top, inserted, layer]);
    assert_eq!(gimp.undo_steps(image), 1);
    assert_eq!(gimp.active(image), Some(inserted));
    assert_eq!(gimp.item(layer), before);
    assert_eq!(gimp.parasite(inserted, "recipe").unwrap(), Some(vec![1, 2, 3]));
    let item = gimp.item(inserted).unwrap();
    assert_eq!(item.pixels.rgba[0], 64.0 / 255.0, "8 bits keep a quarter as 64");
    assert_eq!(item.mask.unwrap().values[0], 128.0 / 255.0);
    assert_eq!(gimp.selection_bounds(image).unwrap(), Some(Rect::new(0, 0, 2, 2)));
}

#[test]
fn a_group_goes_into_the_group_of_its_neighbour() {
    let (gimp, image, layer) = photo();
    let rect = Rect::new(0, 0, 2, 2);
    let group = |name: &str| Insert::Group {
        name: name.into(),
        layers: vec![new_layer(rect), new_layer(rect)],
        parasites: Vec::new(),
    };
    let outer = gimp.insert(image, Where::Above(layer), &group("outer")).unwrap();
    let children = gimp.item(outer).unwrap().children.unwrap();
    let inner = gimp.insert(image, Where::Above(children[1]), &group("inner")).unwrap();
    assert_eq!(gimp.item(outer).unwrap().children.unwrap(), [children[0], inner, children[1]]);
    assert_eq!(gimp.stack(image), [outer, layer]);
    assert_eq!(gimp.undo_steps(image), 2);
    assert_eq!(gimp.layer_named(image, "photo").unwrap(), Some(layer));
    assert_eq!(gimp.layer_named(image, "edited").unwrap(), Some(children[0]), "groups are looked into");
    assert_eq!(gimp.layer_named(image, "nobody").unwrap(), None);
    let new = gimp.insert(image, Where::InsteadOf(outer), &Insert::Layer(new_layer(rect))).unwrap();
    assert_eq!(gimp.stack(image), [new, layer]);
    assert_eq!(gimp.undo_steps(image), 3, "out and in is one step");
}

#[test]
fn failures_leave_nothing_behind() {
    let (gimp, image, layer) = photo();
    let good = new_layer(Rect::new(0, 0, 2, 2));
    gimp.fail_next_insert("no room");
    let error = gimp.insert(image, Where::Above(layer), &Insert::Layer(good.clone())).unwrap_err();
    assert!(error.to_string().contains("no room"));
    let mut bad = good.clone();
    bad.draw = Rc::new(|rect| {
        Ok(Strip {
            pixels: Pixels { rect, rgba: vec![0.0; rect.area() * 4] },
            mask: Mask { rect: rect.moved(1, 0), values: vec![0.0; rect.area()] },
        })
    });
    let group = Insert::Group { name: "g".into(), layers: vec![good.clone(), bad], parasites: Vec::new() };
    assert!(matches!(gimp.insert(image, Where::Above(layer), &group), Err(HostError::Area)));
    assert_eq!(gimp.stack(image), [layer]);
    assert_eq!(gimp.undo_steps(image), 0);
    assert!(gimp.insert(image, Where::Above(layer), &Insert::Layer(good)).is_ok(), "only the next one fails");
}

#[test]
fn reading_keeps_to_the_layer() {
    let (gimp, image, layer) = photo();
    let part = gimp.read(layer, Rect::new(4, 2, 2, 2)).unwrap();
    assert_eq!(part.rgba[..2], [204.0 / 255.0, 170.0 / 255.0]);
    for outside in [Rect::new(-1, 0, 2, 2), Rect::new(5, 3, 2, 1), Rect::new(0, 0, 0, 1)] {
        assert!(matches!(gimp.read(layer, outside), Err(HostError::Area)), "{outside:?}");
    }
    gimp.close(image);
    assert!(matches!(gimp.read(layer, Rect::new(0, 0, 1, 1)), Err(HostError::Gone)));
}

#[test]
fn indexed_images_are_refused() {
    let gimp = MockHost::new();
    let image = gimp.add_image(BaseType::Indexed, 2, 2, Precision::U8);
    let layer = gimp.add_layer(image, "photo", Rect::new(0, 0, 2, 2), |_, _| [0.0, 0.0, 0.0, 1.0]);
    assert!(matches!(gimp.read(layer, Rect::new(0, 0, 1, 1)), Err(HostError::Indexed)));
}

#[test]
fn nothing_is_selected_outside_of_the_image() {
    let (gimp, image, _) = photo();
    assert_eq!(gimp.selection_bounds(image).unwrap(), None);
    gimp.select_rect(image, Rect::new(-3, -3, 5, 5));
    assert_eq!(gimp.selection_bounds(image).unwrap(), Some(Rect::new(0, 0, 2, 2)));
    let mask = gimp.selection(image, Rect::new(-1, 0, 3, 1)).unwrap();
    assert_eq!(mask.values, [0.0, 1.0, 1.0]);
}

#[test]
fn grey_stays_grey() {
    let gimp = MockHost::new();
    let image = gimp.add_image(BaseType::Grey, 2, 1, Precision::FloatLinear);
    let layer = gimp.add_layer(image, "photo", Rect::new(0, 0, 2, 1), |_, _| [0.3, 0.3, 0.3, 1.0]);
    assert_eq!(gimp.drawable(layer).unwrap().format, "Y float");
    assert_eq!(gimp.read(layer, Rect::new(0, 0, 1, 1)).unwrap().rgba, [0.3, 0.3, 0.3, 1.0]);
}

proptest! {
    #[test]
    fn a_wide_space_goes_to_srgb_and_back(rgb in prop::array::uniform3(0.02_f32..1.0), alpha in 0.0_f32..1.0) {
        let gimp = MockHost::new();
        let image = gimp.add_image(BaseType::Rgb, 1, 1, Precision::FloatLinear);
        gimp.set_space(image, Space::WIDE, Some(vec![0; 8]));
        let [r, g, b] = rgb;
        let layer = gimp.add_layer(image, "photo", Rect::new(0, 0, 1, 1), |_, _| [r, g, b, alpha]);
        let mut pixels = gimp.read(layer, Rect::new(0, 0, 1, 1)).unwrap().rgba;
        let before = pixels.clone();
        gimp.to_srgb(layer, &mut pixels).unwrap();
        gimp.from_srgb(layer, &mut pixels).unwrap();
        for (a, b) in pixels.iter().zip(&before) {
            // Two powers and two matrices in single precision.
            prop_assert!((a - b).abs() < 2e-4, "{before:?} became {pixels:?}");
        }
    }
}

#[test]
fn a_wide_green_leaves_srgb() {
    let gimp = MockHost::new();
    let image = gimp.add_image(BaseType::Rgb, 1, 1, Precision::FloatLinear);
    gimp.set_space(image, Space::WIDE, None);
    let layer = gimp.add_layer(image, "photo", Rect::new(0, 0, 1, 1), |_, _| [0.0, 1.0, 0.0, 1.0]);
    let mut green = vec![0.0, 1.0, 0.0, 1.0];
    gimp.to_srgb(layer, &mut green).unwrap();
    assert!(green[0] < -0.5 && (green[1] - 1.0).abs() < 1e-6, "{green:?}");
}
