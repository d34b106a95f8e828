//! Texts of protocol 0, which are written in letters and escapes.

/// The text of a `raw-unicode-escape` line: Latin-1, with `\uXXXX` and `\UXXXXXXXX` as the only escapes.
pub(super) fn raw_unicode(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        let digits = match (first, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(*first));
                rest = after;
                continue;
            }
        };
        // Half of a surrogate pair is no letter.
        text.push(
            char::from_u32(hexadecimal(after.get(1..=digits)?)?).unwrap_or(char::REPLACEMENT_CHARACTER),
        );
        rest = &after[1 + digits..];
    }
    Some(text)
}

/// The bytes of a quoted text as Python 2 prints it.
pub(super) fn quoted(line: &[u8]) -> Option<Vec<u8>> {
    let (quote, rest) = line.split_first()?;
    let (end, inside) = rest.split_last()?;
    if quote != end || !matches!(quote, b'\'' | b'"') {
        return None;
    }
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        bytes.push(match escape {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let byte = u8::try_from(hexadecimal(after.get(..2)?)?).ok()?;
                rest = &after[2..];
                byte
            }
            b'\\' | b'\'' | b'"' => *escape,
            _ => return None,
        });
    }
    Some(bytes)
}

/// The bytes that a text stands for where bytes were written as Latin-1 letters.
pub(crate) fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_in_letters() {
        assert_eq!(raw_unicode(b"a\\u005cb\\U0001f600\xe9\\n").as_deref(), Some("a\\b😀é\\n"));
        assert_eq!(raw_unicode(b"\\u00"), None);
        assert_eq!(quoted(b"'a\\x00\\n\\\\\\''").as_deref(), Some(&b"a\0\n\\'"[..]));
        assert_eq!(quoted(b"'a"), None);
        assert_eq!(quoted(b"'a\\x0'"), None);
        assert_eq!(latin1("\u{ff}a").as_deref(), Some(&[0xff, b'a'][..]));
        assert_eq!(latin1("€"), None);
    }
}
