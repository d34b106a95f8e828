//! Values of procedure arguments: defaults, checks, and the bytes in which 2.10 keeps the last ones.

use crate::plugin::{ArgKind, ArgValue, Argument};

/// The default of every argument.
pub(crate) fn defaults(arguments: &[Argument]) -> Vec<ArgValue> {
    arguments
        .iter()
        .map(|argument| match &argument.kind {
            ArgKind::Text(default) => ArgValue::Text(default.clone()),
            ArgKind::Number { default, .. } => ArgValue::Number(*default),
            ArgKind::Flag(default) => ArgValue::Flag(*default),
        })
        .collect()
}

/// Whether `values` are what `arguments` asks for; the error is one sentence for the caller.
pub(crate) fn check(arguments: &[Argument], values: &[ArgValue]) -> Result<(), String> {
    if arguments.len() != values.len() {
        return Err(format!("{} arguments are needed, not {}", arguments.len(), values.len()));
    }
    for (argument, value) in arguments.iter().zip(values) {
        match (&argument.kind, value) {
            (ArgKind::Text(_), ArgValue::Text(_)) | (ArgKind::Flag(_), ArgValue::Flag(_)) => {}
            (ArgKind::Number { min, max, .. }, ArgValue::Number(number)) => {
                if !(min..=max).contains(&number) {
                    return Err(format!(
                        "{} must lie between {min} and {max}, not at {number}",
                        argument.name
                    ));
                }
            }
            _ => return Err(format!("{} has a value of another type", argument.name)),
        }
    }
    Ok(())
}

/// As bytes: a letter for the type, then the value, texts with their length before them.
pub(crate) fn encode(values: &[ArgValue]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in values {
        match value {
            ArgValue::Text(text) => {
                bytes.push(b't');
                bytes.extend((text.len() as u64).to_le_bytes());
                bytes.extend(text.as_bytes());
            }
            ArgValue::Number(number) => {
                bytes.push(b'n');
                bytes.extend(number.to_le_bytes());
            }
            ArgValue::Flag(flag) => bytes.extend([b'f', u8::from(*flag)]),
        }
    }
    bytes
}

/// Back from bytes; `None` if they are not ours.
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<ArgValue>> {
    let mut values = Vec::new();
    while let Some((kind, rest)) = bytes.split_first() {
        let (value, rest) = match kind {
            b't' => {
                let (length, rest) = rest.split_first_chunk::<8>()?;
                let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
                let (text, rest) = rest.split_at_checked(length)?;
                (ArgValue::Text(std::str::from_utf8(text).ok()?.to_owned()), rest)
            }
            b'n' => {
                let (number, rest) = rest.split_first_chunk::<8>()?;
                (ArgValue::Number(f64::from_le_bytes(*number)), rest)
            }
            b'f' => {
                let (flag, rest) = rest.split_first()?;
                (ArgValue::Flag(*flag != 0), rest)
            }
            _ => return None,
        };
        values.push(value);
        bytes = rest;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = ArgValue> {
        prop_oneof![
            any::<String>().prop_map(ArgValue::Text),
            (-1e300..1e300).prop_map(ArgValue::Number),
            any::<bool>().prop_map(ArgValue::Flag),
        ]
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(values in proptest::collection::vec(value(), 0..12)) {
            prop_assert_eq!(decode(&encode(&values)), Some(values));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn ranges_are_kept() {
        let strength = Argument {
            name: "strength".into(),
            label: "Strength".into(),
            help: "How much.".into(),
            kind: ArgKind::Number { min: 0.0, max: 2.0, default: 1.0 },
        };
        let arguments = [strength];
        assert!(check(&arguments, &defaults(&arguments)).is_ok());
        assert!(check(&arguments, &[ArgValue::Number(f64::NAN)]).is_err());
        assert!(check(&arguments, &[ArgValue::Number(2.5)]).unwrap_err().contains("between 0 and 2"));
        assert!(check(&arguments, &[ArgValue::Flag(true)]).is_err());
        assert!(check(&arguments, &[]).is_err());
    }
}
