//! Directions of attributes.

use std::sync::Arc;

use models_onnx::attribute::{Attribute, AttributeError};
use models_onnx::{Cancel, ModelError, PackError, generator};
use ndarray::{Array1, Array2, Axis, array};
use proptest::prelude::*;

use crate::support::{Damaged, hash, picture, runtime, tiny};

const L: usize = 3;
const W: usize = 7;

fn attribute(name: &str, values: Array2<f32>) -> Attribute {
    Attribute::new(name, values).unwrap()
}

prop_compose! {
    /// A direction: the same for all layers, or one for each.
    fn directions()(rows in prop_oneof![Just(1), Just(L)], values in prop::collection::vec(-1.0f32..1.0, L * W))
        -> Array2<f32>
    {
        let mut values = Array2::from_shape_vec((rows, W), values[..rows * W].to_vec()).unwrap();
        // None of them may be nothing.
        values[[0, 0]] += 2.0;
        values
    }
}

/// All layers one after the other, in double precision.
fn flat(direction: &Array2<f32>) -> Array1<f64> {
    direction.broadcast((L, W)).unwrap().iter().map(|v| f64::from(*v)).collect()
}

fn length(vector: &Array1<f64>) -> f64 {
    vector.dot(vector).sqrt()
}

proptest! {
    #[test]
    fn projections_are_those_of_the_paper(n in directions(), c in directions(), d in directions()) {
        let [all, others] = [attribute("n", n.clone()), attribute("c", c.clone())];
        let conditions = [others, attribute("d", d.clone())];
        let found = |count: usize| all.keeping(&conditions[..count]);
        let (n, c, d) = (flat(&n), flat(&c), flat(&d));
        // Nothing to keep, n − (n·ĉ) ĉ, and n − Cᵀ (C Cᵀ)⁻¹ C n with the inverse written out.
        let (cc, cd, dd) = (c.dot(&c), c.dot(&d), d.dot(&d));
        let determinant = cc * dd - cd * cd;
        prop_assume!(determinant > 1e-3 * cc * dd);
        let (a, b) = ((dd * n.dot(&c) - cd * n.dot(&d)) / determinant, (cc * n.dot(&d) - cd * n.dot(&c)) / determinant);
        let right = [n.clone(), &n - &(&c * (n.dot(&c) / cc)), &n - &(&c * a) - &(&d * b)];
        for (count, right) in right.into_iter().enumerate() {
            prop_assume!(length(&right) > 0.05 * length(&n));
            let found = flat(&found(count).unwrap().direction().to_owned());
            let right = &right * (length(&n) / length(&right));
            prop_assert!(length(&(&found - &right)) < 1e-4 * length(&n), "{count}");
        }
    }

    #[test]
    fn the_order_of_conditions_and_repeated_ones_do_not_matter(n in directions(), c in directions(), d in directions()) {
        let [n, c, d] = [("n", n), ("c", c), ("d", d)].map(|(name, values)| attribute(name, values));
        let Ok(once) = n.keeping(&[c.clone(), d.clone()]) else { return Ok(()) };
        let twice = n.keeping(&[d.clone(), c.clone(), d, c]).unwrap();
        let off = (&once.direction() - &twice.direction()).mapv(f32::abs).fold(0.0f32, |a, b| a.max(*b));
        prop_assert!(off < 1e-3, "{}", off);
    }
}

#[test]
fn a_projection_by_hand() {
    // (3, 4) without its part along (5, 0) is (0, 4); at its own length of 5 that is (0, 5).
    let age =
        attribute("age", array![[3.0, 4.0]]).keeping(&[attribute("smile", array![[5.0, 0.0]])]).unwrap();
    assert_eq!((age.name(), age.direction()), ("age", array![[0.0, 5.0]].view()));
}

#[test]
fn conditions_that_are_the_attribute_itself_are_refused_in_words() {
    let age = attribute("age", array![[1.0, 1.0, 0.0]]);
    let error = age.keeping(&[attribute("wrinkles", array![[-2.0, -2.0, 0.001]])]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("“age” cannot change by itself, since to this pack it is the same as “wrinkles”")
    );
    let both = [attribute("a", array![[1.0, 0.0, 0.0]]), attribute("b", array![[0.0, 1.0, 0.0]])];
    let error = age.keeping(&both).unwrap_err();
    assert!(
        matches!(&error, AttributeError::Parallel { conditions, .. } if conditions == "“a” and “b”"),
        "{error}"
    );
    let misfits = [
        age.keeping(&[attribute("wide", array![[1.0, 0.0]])]),
        Attribute::new("nothing", array![[0.0, 0.0]]),
        Attribute::new("nan", array![[0.0, f32::NAN]]),
    ];
    for result in misfits {
        assert!(matches!(result, Err(AttributeError::Misfit(_))), "{result:?}");
    }
}

/// A copy of the tiny pack with attributes; W+ has 2 × 96 numbers there.
fn with_attributes() -> Damaged {
    let copy = Damaged::new();
    let age = Array1::from_shape_fn(96, |i| i as f32 / 64.0);
    let pose = Array2::from_shape_fn((2, 96), |(layer, i)| if i == layer { 0.5 } else { 0.0 });
    for (name, values) in [("age", age.into_dyn()), ("pose", pose.into_dyn())] {
        let path = copy.folder().join(format!("{name}.npy"));
        ndarray_npy::write_npy(&path, &values).unwrap();
        let entry = format!(
            "[attributes.{name}]\nfile = \"{name}.npy\"\nsha256 = \"{}\"\ndims = {:?}\n\n[text]",
            hash(&path),
            values.shape()
        );
        copy.replace("[text]", &entry);
    }
    copy
}

#[test]
fn codes_go_along_the_directions_of_a_pack() {
    let (copy, cancel) = (with_attributes(), Cancel::new());
    let pack = Arc::new(copy.open().unwrap());
    let mut generator = generator::open(&pack, &runtime()).unwrap();
    // Two pictures at once.
    let code = generator.encode(&picture(2, 8), &cancel).unwrap();
    for (name, rows) in [("age", 1), ("pose", 2)] {
        let attribute = Attribute::open(&pack, name).unwrap();
        assert_eq!(attribute.direction().dim(), (rows, 96));
        let moved = attribute.apply(&code, -2.0, &mut *generator, &cancel).unwrap();
        let right = &code.w_plus().unwrap() - &(&attribute.direction() * 2.0);
        assert_eq!(moved.w_plus().unwrap(), right);
        // The affine layers of the tiny pack double, and leave the last five channels at zero.
        let styles = moved.styles().unwrap();
        let flat = right.to_shape((2, 192)).unwrap().mapv(|v| v * 2.0);
        assert_eq!(styles.slice_axis(Axis(1), (..192).into()), flat);
        assert_eq!(attribute.apply(&code, 0.0, &mut *generator, &cancel).unwrap(), code);
        let result = attribute.apply(&code, f32::INFINITY, &mut *generator, &cancel);
        assert!(matches!(result, Err(ModelError::Number("strength"))), "{result:?}");
    }
}

#[test]
fn attributes_that_a_pack_does_not_have_or_cannot_read() {
    let copy = with_attributes();
    let pack = Arc::new(copy.open().unwrap());
    let text = Attribute::open(&pack, "beard\n").unwrap_err().to_string();
    assert!(text.ends_with("no attribute “beard”; choose one of “age”, “pose”"), "{text}");
    let error = Attribute::open(&tiny(), "age").unwrap_err();
    assert!(matches!(error, ModelError::Missing { role: "attribute", .. }), "{error}");
    std::fs::write(copy.folder().join("age.npy"), "age").unwrap();
    assert!(matches!(Attribute::open(&pack, "age"), Err(ModelError::Pack(PackError::Hash(_)))));
}
