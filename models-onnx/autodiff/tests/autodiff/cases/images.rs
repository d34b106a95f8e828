//! Convolutions, pools, normalisations and resizing.

use autodiff::tensor::of_floats;

use super::{Case, case};

pub(crate) fn cases() -> Vec<Case> {
    [convolutions(), pools(), normalisations(), resizings()].concat()
}

fn convolutions() -> Vec<Case> {
    let conv = || case("Conv").opsets(&[17]);
    let transposed = || case("ConvTranspose").opsets(&[17]);
    vec![
        conv().x(&[2, 2, 4, 3]).x(&[3, 2, 3, 2]).x(&[3]),
        conv().x(&[1, 2, 4, 4]).x(&[2, 2, 3, 3]).lists("pads", &[1, 1, 1, 1]),
        conv().x(&[1, 2, 4, 4]).x(&[2, 2, 3, 2]).lists("pads", &[0, 1, 2, 0]),
        // More padding than overlap, where no flipped kernel goes back.
        conv().x(&[1, 1, 3, 3]).x(&[1, 1, 2, 2]).lists("pads", &[2, 2, 2, 2]),
        conv().x(&[1, 2, 5, 4]).x(&[3, 2, 1, 1]).x(&[3]),
        // The last row is seen by no window.
        conv().x(&[1, 2, 6, 5]).x(&[2, 2, 3, 3]).lists("strides", &[2, 2]),
        conv().x(&[2, 2, 5, 5]).x(&[2, 2, 3, 3]).lists("strides", &[2, 2]).lists("pads", &[1, 1, 1, 1]),
        conv().x(&[1, 1, 4, 4]).x(&[2, 1, 2, 2]).lists("strides", &[2, 2]),
        conv().x(&[1, 2, 6, 6]).x(&[2, 2, 2, 3]).lists("dilations", &[2, 2]).lists("pads", &[1, 0, 0, 2]),
        conv().x(&[1, 1, 7, 7]).x(&[1, 1, 2, 2]).lists("dilations", &[2, 3]).lists("strides", &[2, 2]),
        conv().x(&[2, 4, 3, 3]).x(&[6, 2, 2, 2]).x(&[6]).with("group", 2),
        conv().x(&[2, 3, 4, 4]).x(&[3, 1, 3, 3]).with("group", 3).lists("pads", &[1, 1, 1, 1]),
        conv().x(&[1, 2, 4, 4]).x(&[4, 1, 3, 3]).with("group", 2).lists("strides", &[2, 2]),
        conv().x(&[1, 2, 5, 4]).x(&[2, 2, 3, 3]).word("auto_pad", "SAME_UPPER").lists("strides", &[2, 2]),
        conv().x(&[1, 2, 5, 4]).x(&[2, 2, 2, 2]).word("auto_pad", "SAME_LOWER"),
        conv().x(&[1, 2, 4, 4]).x(&[2, 2, 2, 2]).word("auto_pad", "VALID"),
        conv().x(&[2, 2, 6]).x(&[3, 2, 3]).lists("pads", &[1, 1]),
        transposed().x(&[1, 2, 3, 2]).x(&[2, 3, 2, 2]).x(&[3]),
        transposed().x(&[1, 2, 3, 3]).x(&[2, 2, 3, 3]).lists("strides", &[2, 2]),
        transposed().x(&[2, 2, 3, 2]).x(&[2, 2, 4, 4]).lists("strides", &[2, 2]).lists("pads", &[1, 1, 1, 1]),
        transposed()
            .x(&[1, 2, 2, 3])
            .x(&[2, 1, 3, 3])
            .lists("strides", &[2, 2])
            .lists("output_padding", &[1, 0]),
        transposed().x(&[2, 4, 3, 2]).x(&[4, 2, 2, 2]).x(&[4]).with("group", 2),
        transposed().x(&[1, 3, 3, 3]).x(&[3, 1, 4, 4]).with("group", 3).lists("strides", &[2, 2]),
        transposed().x(&[1, 2, 3, 3]).x(&[2, 2, 2, 2]).lists("dilations", &[2, 1]),
        transposed()
            .x(&[1, 2, 3, 2])
            .x(&[2, 2, 3, 3])
            .lists("strides", &[2, 2])
            .lists("output_shape", &[6, 4]),
        transposed()
            .x(&[1, 2, 3, 2])
            .x(&[2, 2, 4, 3])
            .lists("strides", &[2, 2])
            .lists("output_shape", &[5, 4])
            .word("auto_pad", "SAME_UPPER"),
        transposed()
            .x(&[1, 2, 3, 2])
            .x(&[2, 2, 3, 4])
            .lists("strides", &[2, 2])
            .word("auto_pad", "SAME_UPPER"),
        transposed()
            .x(&[1, 2, 3, 2])
            .x(&[2, 2, 3, 4])
            .lists("strides", &[2, 2])
            .word("auto_pad", "SAME_LOWER"),
    ]
}

fn pools() -> Vec<Case> {
    let average = || case("AveragePool").opsets(&[19, 21]);
    let max = || case("MaxPool").opsets(&[17]);
    vec![
        average().x(&[2, 2, 4, 4]).lists("kernel_shape", &[2, 2]).lists("strides", &[2, 2]).batch(),
        average().x(&[1, 2, 5, 4]).lists("kernel_shape", &[3, 2]),
        average().x(&[1, 1, 4, 4]).lists("kernel_shape", &[3, 3]).lists("pads", &[1, 1, 1, 1]),
        average()
            .x(&[1, 1, 4, 4])
            .lists("kernel_shape", &[3, 3])
            .lists("pads", &[1, 1, 1, 1])
            .with("count_include_pad", 1),
        average()
            .x(&[1, 1, 6, 6])
            .lists("kernel_shape", &[3, 3])
            .lists("strides", &[2, 2])
            .with("ceil_mode", 1),
        average()
            .x(&[1, 1, 6, 6])
            .lists("kernel_shape", &[3, 3])
            .lists("strides", &[2, 2])
            .lists("pads", &[1, 1, 1, 1])
            .with("ceil_mode", 1)
            .with("count_include_pad", 1),
        average().x(&[1, 1, 6, 6]).lists("kernel_shape", &[2, 2]).lists("dilations", &[2, 2]),
        max()
            .apart(&[2, 2, 4, 4])
            .lists("kernel_shape", &[2, 2])
            .lists("strides", &[2, 2])
            .opsets(&[13, 17])
            .batch(),
        max().apart(&[2, 2, 5, 4]).lists("kernel_shape", &[3, 2]).opsets(&[13, 17]).batch(),
        max()
            .apart(&[1, 2, 5, 5])
            .lists("kernel_shape", &[3, 3])
            .lists("strides", &[2, 2])
            .lists("pads", &[1, 1, 1, 1]),
        max()
            .apart(&[1, 1, 6, 6])
            .lists("kernel_shape", &[3, 3])
            .lists("strides", &[2, 2])
            .with("ceil_mode", 1),
        max().apart(&[1, 1, 5, 5]).lists("kernel_shape", &[2, 2]).lists("dilations", &[2, 2]),
        case("GlobalAveragePool").x(&[2, 3, 2, 2]).batch(),
        case("GlobalMaxPool").apart(&[2, 3, 2, 2]).batch(),
    ]
}

fn normalisations() -> Vec<Case> {
    let statistics = |c: Case| {
        c.fixed(of_floats("", &[2], &[0.3, -0.2])).fixed(of_floats("", &[2], &[0.5, 1.4])).opsets(&[15, 17])
    };
    vec![
        statistics(case("BatchNormalization").x(&[2, 2, 2, 2]).x(&[2]).x(&[2])),
        statistics(case("BatchNormalization").x(&[3, 2]).x(&[2]).x(&[2]).real("epsilon", 0.1)),
        statistics(
            case("BatchNormalization").x(&[3, 2, 2]).x(&[2]).x(&[2]).with("training_mode", 1).unused(2),
        ),
        case("LayerNormalization").x(&[2, 4]).x(&[4]).x(&[4]),
        case("LayerNormalization").x(&[2, 3, 2]).x(&[3, 2]).with("axis", 1).real("epsilon", 0.01),
        case("InstanceNormalization").x(&[2, 2, 2, 3]).x(&[2]).x(&[2]),
        case("InstanceNormalization").x(&[2, 2, 4]).x(&[2]).x(&[2]).real("epsilon", 0.1),
        case("GroupNormalization").x(&[2, 4, 2, 2]).x(&[4]).x(&[4]).with("num_groups", 2).opsets(&[21]),
        // Where a scale is for a group; what ONNX Runtime has for it is a function of the format.
        case("GroupNormalization").x(&[2, 4, 2, 2]).x(&[2]).x(&[2]).with("num_groups", 2).opsets(&[18]),
        case("RMSNormalization").x(&[2, 4]).x(&[4]).opsets(&[23]),
        case("RMSNormalization").x(&[2, 3, 2]).x(&[3, 2]).with("axis", 1).opsets(&[23]),
    ]
}

fn resizings() -> Vec<Case> {
    let mut all = Vec::new();
    let floats = |v: &[f32]| of_floats("", &[v.len()], v);
    let sized = |sizes: &[i64]| case("Resize").x(&[1, 2, 4, 3]).absent().absent().list(sizes).opsets(&[17]);
    let scaled = |s: &[f32]| case("Resize").x(&[1, 2, 4, 3]).absent().fixed(floats(s)).opsets(&[17, 19]);
    all.push(scaled(&[1.0, 1.0, 2.0, 2.0]).word("coordinate_transformation_mode", "asymmetric").batch());
    for rounding in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] {
        all.push(sized(&[1, 2, 6, 2]).word("nearest_mode", rounding));
        all.push(scaled(&[1.0, 1.0, 0.6, 1.5]).word("nearest_mode", rounding));
    }
    for transformation in ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"] {
        for mode in ["nearest", "linear", "cubic"] {
            let with = |c: Case| c.word("mode", mode).word("coordinate_transformation_mode", transformation);
            all.push(with(sized(&[1, 2, 7, 5])));
            all.push(with(sized(&[1, 2, 3, 1])));
            all.push(with(scaled(&[1.0, 1.0, 2.0, 0.7])));
        }
    }
    let cubic = || sized(&[1, 2, 6, 5]).word("mode", "cubic");
    all.push(cubic().real("cubic_coeff_a", -0.5));
    all.push(cubic().with("exclude_outside", 1));
    for mode in ["linear", "cubic"] {
        let smooth = |c: Case| c.word("mode", mode).with("antialias", 1).opsets(&[18]);
        all.push(smooth(sized(&[1, 2, 2, 2])));
        all.push(smooth(scaled(&[1.0, 1.0, 0.6, 1.7])));
        all.push(smooth(sized(&[1, 2, 2, 1]).with("exclude_outside", 1)));
    }
    let symmetric = scaled(&[1.0, 1.0, 1.6, 0.7]).opsets(&[19]);
    all.push(symmetric.word("mode", "linear").word("coordinate_transformation_mode", "half_pixel_symmetric"));
    all.push(
        case("Resize")
            .x(&[1, 2, 4, 3])
            .absent()
            .absent()
            .list(&[6, 6])
            .lists("axes", &[-2, -1])
            .opsets(&[19]),
    );
    all
}
