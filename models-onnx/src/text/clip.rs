//! What CLIP's tokenizer does to a text before it looks for words.
//!
//! Radford et al., “Learning Transferable Visual Models From Natural Language Supervision”, 2021, and the code that
//! was published with it. `tokenizer.json` has no word for most of this, so that it happens here.

use tokenizers::NormalizedString;

/// A text as CLIP's byte pairs expect it: entities of HTML are read, typography is made plain, white space is
/// collapsed, and everything is in lower case.
///
/// The published tokenizer also repairs text that was decoded wrongly (“cafÃ©”) and reads entities without their
/// semicolon, neither of which people type: that is left out.
pub fn clean(text: &str) -> String {
    // The published code unescapes before its repairs, unless there is a tag, and twice after them.
    let text = if text.contains('<') { text.to_owned() } else { unescape(text) };
    let plain: String = text.chars().filter(|c| !is_control(*c)).map(plain).collect();
    let mut composed = NormalizedString::from(plain);
    composed.nfc();
    let text = unescape(&unescape(composed.get()));
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn unescape(text: &str) -> String {
    html_escape::decode_html_entities(text).into_owned()
}

/// Characters without a shape, which come along when text is copied.
fn is_control(c: char) -> bool {
    matches!(c,
        '\0'..='\x08' | '\x0b' | '\x0e'..='\x1f' | '\x7f'
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}

/// The plain form of ligatures, curled quotes and full-width characters.
fn plain(c: char) -> String {
    match c {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => "'".into(),
        '\u{201c}'..='\u{201f}' => "\"".into(),
        // Two letters in one character.
        '\u{132}' => "IJ".into(),
        '\u{133}' => "ij".into(),
        '\u{149}' => "'n".into(),
        '\u{1c4}'..='\u{1cc}' | '\u{1f1}'..='\u{1f3}' | '\u{fb00}'..='\u{fb04}' | '\u{fb06}' => compatible(c),
        '\u{fb05}' => "ſt".into(),
        '\u{3000}' | '\u{ff01}'..='\u{ffef}' => compatible(c),
        c => c.into(),
    }
}

fn compatible(c: char) -> String {
    let mut text = NormalizedString::from(c.to_string());
    text.nfkc();
    text.get().to_owned()
}
