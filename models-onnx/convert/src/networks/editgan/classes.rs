//! What the published classifiers tell apart.

use models_onnx::pack::Class;

/// EditGAN's palette for cars, in the order of the classes.
const CARS: [u32; 32] = [
    0xffffff, 0xeee566, 0x000000, 0x7c6322, 0xc17f0f, 0x6ab115, 0xf8d52a, 0xfc9b53, 0xdc934d, 0x635303,
    0x74748a, 0x3fb618, 0xc8e225, 0xe1b8a1, 0xe905db, 0x8eacf8, 0x997092, 0x2670fe, 0xe51e8d, 0x73d083,
    0x345354, 0xe53f6e, 0xc2577d, 0xe16012, 0x498be2, 0xac8f10, 0xa9656f, 0x1f66d3, 0x688365, 0x46a89c,
    0xb7f2d1, 0x48b8e2,
];

/// The groups of classes that its published vectors are about.
const PARTS: [(&str, &[usize]); 10] = [
    ("frontlight", &[4, 5]),
    ("handle", &[10, 11]),
    ("licenseplate", &[13, 14]),
    ("mirror", &[16]),
    ("window", &[16, 17, 28, 30]),
    ("backwindow", &[28]),
    ("carback", &[17, 28, 29]),
    ("wheel", &[21, 22, 24, 25, 26, 27]),
    ("frontwheel", &[22, 25, 27]),
    ("spoke", &[26, 27]),
];

/// The classes of classifiers that tell apart so many. Files do not name them: those of cars are known by their number,
/// others get colours that differ as much as can be.
pub fn classes(count: usize) -> Vec<Class> {
    let class = |index: usize| {
        let cars = (count == CARS.len()).then(|| CARS[index]);
        let parts = PARTS.iter().filter(|(_, classes)| cars.is_some() && classes.contains(&index));
        let parts: Vec<String> = parts.map(|(part, _)| (*part).to_owned()).collect();
        let name = match (index, parts.first()) {
            (0, _) => "background".to_owned(),
            (_, Some(part)) => format!("{part} {index}"),
            _ => format!("class {index}"),
        };
        let colour = cars.map_or_else(|| hue(index), |rgb| [16, 8, 0].map(|bits| (rgb >> bits) as u8));
        Class { name, colour, parts }
    };
    (0..count).map(class).collect()
}

/// White for the background, else hues by the golden angle, in three steps of lightness.
fn hue(index: usize) -> [u8; 3] {
    if index == 0 {
        return [255; 3];
    }
    let turn = (index as f64 * 0.618_033_988_749_895).fract();
    let light = [1.0, 0.75, 0.5][index % 3];
    [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|third| {
        let wave = 0.5 + 0.5 * ((turn - third) * std::f64::consts::TAU).cos();
        (255.0 * light * wave).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_names_and_colours_of_their_own() {
        for count in [1, 20, 32, 34] {
            let classes = classes(count);
            let names: std::collections::BTreeSet<_> = classes.iter().map(|c| &c.name).collect();
            let colours: std::collections::BTreeSet<_> = classes.iter().map(|c| c.colour).collect();
            assert_eq!((classes.len(), names.len(), colours.len()), (count, count, count));
        }
        let cars = classes(32);
        assert_eq!(
            (cars[4].colour, cars[4].parts.as_slice()),
            ([0xc1, 0x7f, 0x0f], &["frontlight".to_owned()][..])
        );
        assert_eq!(cars[22].parts, ["wheel", "frontwheel"]);
        assert!(classes(34).iter().all(|class| class.parts.is_empty()));
    }
}
