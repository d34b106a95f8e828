//! MTCNN's networks against PyTorch. The goldens and layouts are made by `reference/mtcnn_goldens.py`.

use convert::Error;
use convert::networks::mtcnn::{self, Stage};

use crate::support::{Runner, difference, npy, reference, uniform};

/// Stage, name among the goldens, role, input, its sizes, outputs.
type Case = (Stage, &'static str, &'static str, &'static str, [usize; 4], &'static [&'static str]);

const CASES: [Case; 3] = [
    (Stage::Proposal, "pnet", "face-proposal", "picture", [2, 3, 33, 46], &["score", "box"]),
    (Stage::Refinement, "rnet", "face-refinement", "candidate", [5, 3, 24, 24], &["score", "box"]),
    (Stage::Landmarks, "onet", "face-landmarks", "face", [5, 3, 48, 48], &["score", "box", "points"]),
];

#[test]
fn faces_are_judged_as_by_mtcnn() {
    for (stage, name, role, input, sizes, outputs) in CASES {
        let checkpoint = reference(&format!("mtcnn-{name}"));
        assert_eq!(mtcnn::recognise(&checkpoint), Some(stage));
        let network = mtcnn::build(&checkpoint).unwrap();
        assert_eq!(network.parts[0].role, role);
        let picture = uniform("picture", &sizes);
        let mut runner = Runner::new(&network.parts[0].model);
        let found = runner.run(&[(input, &picture)]);
        assert_eq!(found.len(), outputs.len());
        let mirrored = runner.run(&[(input, &picture.slice_each_axis(mirror).to_owned())]);
        for output in outputs {
            let right = npy(&format!("mtcnn/{name}-{output}.npy"));
            let seen = difference(&found[*output], &right);
            println!("{name} {output}: {seen:.1e}");
            // Single precision over at most six layers; what was measured is below 1e-6.
            assert!(seen < 1e-5, "{name} {output}: {seen}");
            // Rows in place of columns must not pass.
            assert!(difference(&mirrored[*output], &right) > 1e-3, "{name} {output}");
        }
    }
}

fn mirror(axis: ndarray::AxisDescription) -> ndarray::Slice {
    ndarray::Slice::new(0, None, if axis.axis.index() == 3 { -1 } else { 1 })
}

#[test]
fn layers_over_all_places_have_their_columns_in_the_order_of_maps() {
    let checkpoint = reference("mtcnn-rnet");
    // The same file with the order that PyTorch's own flattening would have.
    let turned = checkpoint.names().map(|name| {
        let array = checkpoint.f32(name).unwrap();
        let turned = match name {
            "dense4.weight" => {
                let maps = array.into_shape_with_order((128, 3, 3, 64)).unwrap();
                let turned = maps.permuted_axes([0, 3, 2, 1]).as_standard_layout().into_owned();
                turned.into_shape_with_order((128, 576)).unwrap().into_dyn()
            }
            _ => array,
        };
        (name.to_owned(), turned)
    });
    let turned = checkpoint::Checkpoint::of(turned.collect::<Vec<_>>());
    let network = mtcnn::build(&turned).unwrap();
    let picture = uniform("picture", &[5, 3, 24, 24]);
    let found = Runner::new(&network.parts[0].model).run(&[("candidate", &picture)]);
    assert!(difference(&found["box"], &npy("mtcnn/rnet-box.npy")) > 1e-2);
}

#[test]
fn what_is_missing_is_named() {
    let checkpoint = reference("mtcnn-onet");
    let without = checkpoint.names().filter(|name| *name != "conv3.bias");
    let without: Vec<_> = without.map(|name| (name.to_owned(), checkpoint.f32(name).unwrap())).collect();
    let error = mtcnn::build(&checkpoint::Checkpoint::of(without)).unwrap_err();
    assert!(error.to_string().contains("conv3.bias"), "{error}");
    let other = mtcnn::build(&reference("lpips-alexnet")).unwrap_err();
    assert!(matches!(other, Error::Unsupported(_)), "{other}");
    assert_eq!(mtcnn::recognise(&reference("lpips-alexnet")), None);
}
