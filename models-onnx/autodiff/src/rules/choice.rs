//! Operators that choose between numbers, or cut them off.

use crate::backward::Step;
use crate::error::Refusal;

/// `y = a` where the condition holds, else `b`.
pub(super) fn choose(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, condition) = (s.g()?, s.x(0)?);
    if s.wants(1) {
        let d = s.tape.only(&condition, &g)?;
        s.give_summed(1, &d)?;
    }
    if s.wants(2) {
        let zero = s.tape.scalar(0.0, &g)?;
        let d = s.tape.choose(&condition, &zero, &g);
        s.give_summed(2, &d)?;
    }
    Ok(())
}

/// The largest or smallest of several: `g` goes to the first that equals the result.
pub(super) fn extreme(s: &mut Step<'_>) -> Result<(), Refusal> {
    let (g, y) = (s.g()?, s.y());
    let mut taken: Option<String> = None;
    let last = s.node.input.len() - 1;
    for index in 0..=last {
        let x = s.x(index)?;
        let hit = match &taken {
            // Whatever nobody before has taken is the last one's.
            Some(taken) if index == last => s.tape.unary("Not", taken),
            Some(taken) => {
                let (equal, free) = (s.tape.op("Equal", &[&x, &y], &[]), s.tape.unary("Not", taken));
                s.tape.op("And", &[&equal, &free], &[])
            }
            None => s.tape.op("Equal", &[&x, &y], &[]),
        };
        if s.wants(index) {
            let d = s.tape.only(&hit, &g)?;
            s.give_summed(index, &d)?;
        }
        taken = Some(match taken {
            Some(taken) => s.tape.op("Or", &[&taken, &hit], &[]),
            None => hit,
        });
    }
    Ok(())
}

/// `y = min(max(x, low), high)`: `g` passes where the number is unchanged, bounds included.
pub(super) fn clip(s: &mut Step<'_>) -> Result<(), Refusal> {
    s.only_before(1)?;
    let unchanged = s.tape.op("Equal", &[&s.x(0)?, &s.y()], &[]);
    let d = s.tape.only(&unchanged, &s.g()?)?;
    s.give(0, d);
    Ok(())
}

/// Functions that are flat between their jumps.
pub(super) fn steps(s: &mut Step<'_>) -> Result<(), Refusal> {
    let zeros = s.tape.zeros_like(&s.x(0)?)?;
    s.give(0, zeros);
    Ok(())
}
