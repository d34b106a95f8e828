//! Every rule against finite differences, by one loop over the list of rules.

use std::collections::BTreeMap;

use autodiff::{Device, Differentiate, RULES};

use crate::cases::{self, Case};
use crate::support::{Array, Arrays, Runner, distance, noise, slope};

/// Differences are good to about 1e-5 (see [`slope`]), a little less where many numbers are summed. A wrong factor or
/// sign, a shifted or swapped axis are off by 1e-2 and more.
const TOLERANCE: f64 = 1e-4;

/// Small against the distance of all numbers in the cases from where a function has a kink.
const STEP: f64 = 0.03;

/// The worst relative error over a case's variables.
fn error(case: &Case, opset: i64, open: bool, device: Device) -> Result<f64, String> {
    let model = case.model(opset, open);
    let variables = case.variables();
    let mut plan = Differentiate::new(model.clone()).device(device);
    for output in case.outputs() {
        plan = plan.pull_back(output);
    }
    for (name, _) in &variables {
        plan = plan.wrt(name);
    }
    let gradient = plan.build().map_err(|why| why.to_string())?;
    let mut forward = Runner::open(&model)?;
    let inputs: Arrays = variables.into_iter().collect();
    let results = forward.run(&inputs);
    let outputs = case.outputs();
    let cotangents: BTreeMap<&str, Array> = (outputs.iter().enumerate())
        .map(|(i, name)| {
            let (shape, values) = &results[name];
            (name.as_str(), (shape.clone(), noise(900 + i as u64, values.len())))
        })
        .collect();
    let mut total = |inputs: &Arrays| -> f64 {
        let results = forward.run(inputs);
        let dot = |(name, c): (&&str, &Array)| -> f64 {
            results[*name].1.iter().zip(&c.1).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum()
        };
        cotangents.iter().map(dot).sum()
    };

    let mut given = inputs.clone();
    given.extend(cotangents.iter().map(|(name, c)| (format!("cotangent_{name}"), c.clone())));
    let found = Runner::open(&gradient.model)?.run(&given);

    let mut worst: f64 = 0.0;
    for (name, (shape, values)) in &inputs {
        let (gradient_shape, gradient) = &found[&format!("grad_{name}")];
        if gradient_shape != shape {
            return Err(format!("by {name}: the gradient's shape is {gradient_shape:?}"));
        }
        let expected: Vec<f64> = (0..values.len())
            .map(|place| {
                let mut moved = inputs.clone();
                let f = |step: f64| {
                    moved.get_mut(name).unwrap().1[place] = (f64::from(values[place]) + step) as f32;
                    total(&moved)
                };
                slope(f, STEP)
            })
            .collect();
        let gradient: Vec<f64> = gradient.iter().map(|&v| v.into()).collect();
        let error = distance(&gradient, &expected, 0.1);
        if error.is_nan() || error > TOLERANCE {
            return Err(format!("by {name} it is off by {error:.1e}:\n{gradient:.4?}\n{expected:.4?}"));
        }
        worst = worst.max(error);
    }
    Ok(worst)
}

#[test]
fn every_rule_agrees_with_finite_differences() {
    let cases = cases::all();
    let mut wrong = Vec::new();
    let mut errors: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for case in &cases {
        assert!(RULES.iter().any(|r| r.op == case.op), "{} has a case and no rule", case.op);
        let entry = errors.entry(case.op).or_default();
        let variants = case.opsets.iter().flat_map(|&o| [(o, false), (o, true)]);
        for (opset, open) in variants.filter(|&(_, open)| case.batch || !open) {
            // The only operator whose gradient is written for a device.
            let devices: &[_] = if case.op == "Conv" { &[Device::Cpu, Device::Gpu] } else { &[Device::Cpu] };
            for &device in devices {
                match error(case, opset, open, device) {
                    Ok(error) => *entry = (entry.0.max(error), entry.1 + 1),
                    Err(why) => {
                        wrong
                            .push(format!("{}, opset {opset}, open {open}, {device:?}: {why}", case.label()));
                    }
                }
            }
        }
    }
    for (op, (error, checks)) in &errors {
        println!("{op:24} {checks:3} checks, off by at most {error:.1e}");
    }
    assert!(wrong.is_empty(), "{} of the checks fail:\n{}", wrong.len(), wrong.join("\n"));
    let missing: Vec<_> = RULES.iter().filter(|r| !errors.contains_key(r.op)).map(|r| r.op).collect();
    assert!(missing.is_empty(), "these rules have no case: {missing:?}");
}
