//! Directions, relevances and statistics, as they are published.

use checkpoint::Checkpoint;
use convert::Error;
use convert::networks::{direction, stylegan2};
use ndarray::{Array1, ArrayD, IxDyn};

use crate::support::{checkpoint, uniform};

fn one(array: ArrayD<f32>) -> Checkpoint {
    Checkpoint::of([("tensor".to_owned(), array)])
}

/// An `.npy` file in double precision, as InterFaceGAN writes its boundaries.
fn npy(shape: &[usize], values: &[f64]) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape:?}, }}").replace(['[', ']'], " ");
    header = header.replace("'shape':  ", "'shape': (").replace(" , }", "), }");
    header.extend(std::iter::repeat_n(' ', 127 - 10 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

#[test]
fn directions_lose_their_batch_and_keep_their_length() {
    let values: Vec<f64> = (0..6).map(|i| f64::from(i) / 10.0).collect();
    let file = Checkpoint::read(npy(&[1, 6], &values)).unwrap();
    let found = direction::direction(&file, 4, 6).unwrap();
    assert_eq!(found.shape(), [6]);
    assert_eq!(found[5], 0.5);
    for (shape, kept) in [(&[1, 6][..], &[6][..]), (&[1, 4, 6], &[4, 6]), (&[6], &[6]), (&[4, 6], &[4, 6])] {
        let array = uniform("direction", shape);
        let found = direction::direction(&one(array.clone()), 4, 6).unwrap();
        assert_eq!(found.shape(), kept);
        assert!(found.iter().eq(array.iter()));
    }
    for shape in [&[1, 5][..], &[1, 3, 6], &[2, 6], &[]] {
        let error = direction::direction(&one(uniform("direction", shape)), 4, 6).unwrap_err();
        assert!(matches!(error, Error::Sizes { .. }), "{error}");
    }
    let two = Checkpoint::of([("a".to_owned(), uniform("a", &[6])), ("b".to_owned(), uniform("b", &[6]))]);
    assert!(matches!(direction::direction(&two, 4, 6), Err(Error::Unsupported(_))));
}

#[test]
fn relevances_skip_rgb_outputs_and_may_end_early() {
    let styles = stylegan2::recognise(&checkpoint("stylegan2/1024.layout")).unwrap().styles();
    let all = uniform("relevance", &[6048, 3]);
    let found = direction::relevance(&one(all.clone()), &styles).unwrap();
    assert_eq!(found.dim(), (9088, 3));
    // The constant's convolution comes first, its RGB output next, then the first convolution of 8 pixels.
    assert_eq!(found[[511, 2]], all[[511, 2]]);
    assert!((512..1024).all(|row| found.row(row).iter().all(|&v| v == 0.0)));
    assert_eq!(found[[1024, 0]], all[[512, 0]]);
    // The last convolution has 32 channels, and so has its RGB output.
    assert_eq!(found[[9088 - 33, 1]], all[[6047, 1]]);
    assert!((9088 - 32..9088).all(|row| found[[row, 1]] == 0.0));

    // The published script stops at layer 16.
    let early = direction::relevance(&one(uniform("relevance", &[5376, 3])), &styles).unwrap();
    let start: usize = styles[..17].iter().map(|s| s.channels).sum();
    assert_eq!(styles[15].channels, 256);
    assert!(early.row(start - 257).iter().all(|&v| v != 0.0));
    assert!((start..9088).all(|row| early.row(row).iter().all(|&v| v == 0.0)));
    for rows in [5377, 6049] {
        let error = direction::relevance(&one(uniform("relevance", &[rows, 3])), &styles).unwrap_err();
        assert!(matches!(error, Error::Sizes { .. }), "{error}");
    }
}

#[test]
fn statistics_are_two_lists_of_vectors() {
    let styles = stylegan2::recognise(&checkpoint("stylegan2/64.layout")).unwrap().styles();
    let vectors = |list: usize| {
        styles.iter().enumerate().map(move |(i, s)| {
            (format!("{list}.{i}"), ArrayD::from_elem(IxDyn(&[s.channels]), (100 * list + i) as f32))
        })
    };
    let file = Checkpoint::of(vectors(0).chain(vectors(1)).collect::<Vec<_>>());
    let [mean, std] = direction::statistics(&file, &styles).unwrap();
    assert_eq!((mean.len(), std.len()), (416, 416));
    assert_eq!((mean[0], mean[32], mean[415], std[415]), (0.0, 1.0, 13.0, 113.0));
    let short = Checkpoint::of(vectors(0).collect::<Vec<_>>());
    assert!(direction::statistics(&short, &styles).unwrap_err().to_string().contains("1.0"));
    let thin = vectors(0).chain(vectors(1)).map(|(name, array)| {
        let array = if name == "1.3" { Array1::zeros(3).into_dyn() } else { array };
        (name, array)
    });
    let error = direction::statistics(&Checkpoint::of(thin.collect::<Vec<_>>()), &styles).unwrap_err();
    assert!(matches!(&error, Error::Sizes { tensor, .. } if tensor == "1.3"), "{error}");
}
