//! Translated text.

use std::path::Path;

/// Domain of the translations, as in `pentimento.mo`.
pub const DOMAIN: &str = "pentimento";

/// Marks text that is translated where it is shown.
pub const fn msgid(text: &'static str) -> &'static str {
    text
}

/// Translates text for this user.
pub fn tr(text: &str) -> String {
    gettextrs::dgettext(DOMAIN, text)
}

/// Puts `value` where a translated text says `{name}`.
pub fn fill(text: &str, name: &str, value: &str) -> String {
    text.replace(&format!("{{{name}}}"), value)
}

/// Finds the translations in `folder`; the language has been taken from the environment before.
pub fn start(folder: &Path) {
    if let Err(error) = gettextrs::bindtextdomain(DOMAIN, folder) {
        log::debug!("no translations in {}: {error}", folder.display());
    }
    if let Err(error) = gettextrs::bind_textdomain_codeset(DOMAIN, "UTF-8") {
        log::debug!("translations cannot be had as UTF-8: {error}");
    }
}
