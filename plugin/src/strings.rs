//! Translated text.

use std::path::Path;

use gettextrs::LocaleCategory;

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

/// Chooses the user's language. Numbers stay as they are, so that nothing that reads them changes.
pub fn start(locale: &Path) {
    for category in [LocaleCategory::LcMessages, LocaleCategory::LcCType] {
        if gettextrs::setlocale(category, "").is_none() {
            log::debug!("the locale of the environment is not installed; texts stay in English");
        }
    }
    if let Err(error) = gettextrs::bindtextdomain(DOMAIN, locale) {
        log::debug!("no translations in {}: {error}", locale.display());
    }
    if let Err(error) = gettextrs::bind_textdomain_codeset(DOMAIN, "UTF-8") {
        log::debug!("translations cannot be had as UTF-8: {error}");
    }
}
