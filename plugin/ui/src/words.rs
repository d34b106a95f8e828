//! Translations: every word the user reads goes through [`tr`].

use std::path::Path;

/// The gettext domain, and the name of the catalogues.
const DOMAIN: &str = "pentimento";

/// Tells gettext where the compiled catalogues lie.
///
/// The default domain of the process is left alone: it belongs to the host's library.
pub(crate) fn bind(folder: Option<&str>) {
    let Some(folder) = folder else { return };
    // gettext-rs panics on NUL bytes, and a relative folder would depend on where the host was started.
    if folder.contains('\0') || !Path::new(folder).is_absolute() {
        log::warn!("translations are not used: {folder:?} is not an absolute path");
        return;
    }
    let bound = gettextrs::bindtextdomain(DOMAIN, folder);
    let coded = gettextrs::bind_textdomain_codeset(DOMAIN, "UTF-8");
    if let Some(error) = bound.err().or(coded.err()) {
        log::warn!("translations are not used: {error} ({folder})");
    }
}

/// The translation of `msgid`, or `msgid` itself.
pub(crate) fn tr(msgid: &str) -> String {
    // The empty msgid stands for the catalogue's header.
    if msgid.is_empty() || msgid.contains('\0') {
        return msgid.to_owned();
    }
    gettextrs::dgettext(DOMAIN, msgid)
}

/// Puts values into a translated template: `{name}` becomes the value of `name`.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// Keeps a figure and its unit on one line.
pub(crate) fn bound(text: &str) -> String {
    text.replace(" dB", "\u{a0}dB")
}

/// A label without its mnemonic underscore, for sentences.
pub(crate) fn plain(label: &str) -> String {
    label.replacen('_', "", 1)
}

/// A figure with `digits` after the decimal separator of the language.
pub(crate) fn figure(value: f32, digits: usize) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    // TRANSLATORS: the decimal separator, as in 23.1
    format!("{value:.digits$}").replace('.', &tr("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_labels() {
        assert_eq!(fill("{a} of {b}, {a}", &[("a", "1"), ("b", "2")]), "1 of 2, 1");
        assert_eq!(bound("12 dB, 3 dB"), "12\u{a0}dB, 3\u{a0}dB");
        assert_eq!(plain("_Neutral prompt"), "Neutral prompt");
        assert_eq!(figure(23.14, 1), "23.1");
        assert_eq!(figure(f32::NAN, 1), "?");
        let header = "";
        assert_eq!(tr(header), "");
    }
}
