//! Relevance, measured on the tiny pack and compared with what its pictures say.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use models_onnx::pack::Array;
use models_onnx::relevance::{PartialError, RelevanceError, Sample, Settings, measure, sample};
use models_onnx::{Cancel, ModelError, Pack, Places};
use ndarray::{Array2, ArrayView1, s};

use crate::support::{runtime, tiny};

const SETTINGS: Settings =
    Settings { seed: 5, samples: 3000, truncation: 0.7, pictures: 6, reach: 5.0, batch: 4 };

/// The tiny pack's styles, with the deviations of its manifest: no code of it ever moves the tints.
fn tiny_sample(pack: &Arc<Pack>) -> Sample {
    let made = sample(pack, &runtime(), &SETTINGS, &mut |_, _| {}, &Cancel::new()).unwrap();
    Sample { deviation: pack.vector(Array::StyleStd).unwrap(), ..made }
}

#[test]
fn statistics_are_those_of_the_mapping_and_the_affine_layers() {
    let pack = tiny();
    let mut told = Vec::new();
    let mut progress = |done, all| told.push((done, all));
    let made = sample(&pack, &runtime(), &SETTINGS, &mut progress, &Cancel::new()).unwrap();
    assert_eq!(told.last(), Some(&(3000, 3000)));
    assert_eq!(made.styles.dim(), (6, 197));
    // Pixels are twice a normal number, truncated by 0.7; the others never move. Five standard errors of 3000 numbers.
    for channel in 0..197 {
        let deviation = if channel < 192 { 1.4 } else { 0.0 };
        assert!((made.deviation[channel] - deviation).abs() <= 5.0 * deviation / 6000f32.sqrt(), "{channel}");
        assert!(made.mean[channel].abs() <= 5.0 * deviation / 3000f32.sqrt(), "{channel}");
    }
}

/// What the tiny pack's pictures give: its embedding is the mean of each colour, and nothing else.
fn right(sample: &Sample, channel: usize) -> [f64; 4] {
    let unit = |v: [f64; 4]| {
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.map(|x| x / length)
    };
    let embed = |styles: ArrayView1<'_, f32>, value: f32| {
        let mut styles = styles.to_owned();
        styles[channel] = value;
        let colour = |c: usize| {
            let pixels: f64 = styles.slice(s![c * 64..(c + 1) * 64]).iter().map(|&v| f64::from(v)).sum();
            pixels / 64.0 + f64::from(styles[192 + c]) + f64::from(styles[195]) + f64::from(styles[196])
        };
        unit([colour(0), colour(1), colour(2), 0.0])
    };
    let mut sum = [0.0; 4];
    for styles in sample.styles.rows() {
        let step = 5.0 * sample.deviation[channel];
        let ends = [-step, step].map(|step| embed(styles, sample.mean[channel] + step));
        let turned = unit([0, 1, 2, 3].map(|at| ends[1][at] - ends[0][at]));
        sum = [0, 1, 2, 3].map(|at| sum[at] + turned[at]);
    }
    unit(sum)
}

#[test]
fn rows_are_how_the_embedding_turns_and_rgb_outputs_stay() {
    let pack = tiny();
    let sample = tiny_sample(&pack);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relevance.part");
    let run = |file: &Path, settings: &Settings, stop: usize| {
        let cancel = Cancel::new();
        let mut progress = |done, _| {
            if done == stop {
                cancel.cancel();
            }
        };
        measure(&pack, &runtime(), &sample, settings, file, &mut progress, &cancel)
    };
    let whole = run(&file, &SETTINGS, usize::MAX).unwrap();
    assert_eq!(whole.dim(), (197, 4));
    for channel in 0..195 {
        for (found, right) in whole.row(channel).iter().zip(right(&sample, channel)) {
            // Differences of nearly equal unit vectors lose three of seven digits.
            assert!((f64::from(*found) - right).abs() < 2e-3, "{channel}: {found} {right}");
        }
    }
    assert!(whole.slice(s![195.., ..]).iter().all(|&v| v == 0.0));

    // Stopped in the middle, and once more in the middle of a row.
    let again = folder.path().join("again.part");
    let stopped = run(&again, &SETTINGS, 70).unwrap_err();
    assert!(matches!(stopped, RelevanceError::Model(ModelError::Cancelled)), "{stopped}");
    let bytes = std::fs::read(&again).unwrap();
    assert_eq!(std::fs::read(&file).unwrap()[..bytes.len()], bytes);
    std::fs::write(&again, &bytes[..bytes.len() - 7]).unwrap();
    assert_eq!(run(&again, &SETTINGS, usize::MAX).unwrap(), whole);
    assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&file).unwrap());

    let other = run(&file, &Settings { reach: 4.0, ..SETTINGS }, usize::MAX).unwrap_err();
    assert!(matches!(&other, RelevanceError::Partial(PartialError::Other(path)) if *path == file), "{other}");
    let nowhere = run(&folder.path().join("none/x"), &SETTINGS, usize::MAX).unwrap_err();
    assert!(matches!(nowhere, RelevanceError::Partial(PartialError::File { .. })), "{nowhere}");
    let nothing = run(&file, &Settings { pictures: 0, ..SETTINGS }, usize::MAX).unwrap_err();
    assert!(matches!(nothing, RelevanceError::Settings));
}

/// Prints how well a short measurement of the starter pack agrees with its own table; takes minutes.
#[test]
#[ignore = "minutes; for people"]
fn the_starter_pack_measured_again() {
    let shared = Places::from_environment().unwrap().shared();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs/starter-faces");
    let pack = Arc::new(Pack::open(&folder, &shared).unwrap());
    let settings = Settings { samples: 10_000, pictures: 16, ..Settings::default() };
    let (runtime, cancel) = (runtime(), Cancel::new());
    let start = Instant::now();
    let made = sample(&pack, &runtime, &settings, &mut |_, _| {}, &cancel).unwrap();
    println!("statistics: {:?}", start.elapsed());
    let start = Instant::now();
    let file = tempfile::tempdir().unwrap();
    let mut progress = |done: usize, all: usize| {
        if done.is_multiple_of(100) {
            println!("{done} of {all}, {:?} each", start.elapsed() / done.max(1) as u32);
        }
    };
    let part = file.path().join("x");
    let found = measure(&pack, &runtime, &made, &settings, &part, &mut progress, &cancel).unwrap();
    println!("relevance: {:?}", start.elapsed());
    let shipped: Array2<f32> = pack.matrix(Array::Relevance).unwrap();
    let deviation = pack.vector(Array::StyleStd).unwrap();
    let length = |v: ArrayView1<'_, f32>| v.dot(&v).sqrt();
    let mut cosines: Vec<f32> = (found.rows().into_iter().zip(shipped.rows()))
        .filter(|(a, b)| length(*a) > 0.5 && length(*b) > 0.5)
        .map(|(a, b)| a.dot(&b) / length(a) / length(b))
        .collect();
    cosines.sort_by(f32::total_cmp);
    let at = |part: usize| cosines[part * (cosines.len() - 1) / 10];
    println!("{} rows; cosine tenths {:?}", cosines.len(), [0, 1, 2, 3, 5, 7, 9, 10].map(at));
    let ratio =
        made.deviation.iter().zip(&deviation).map(|(a, b)| a / b).sum::<f32>() / deviation.len() as f32;
    println!("mean ratio of deviations {ratio}");
}
