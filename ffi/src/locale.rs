//! The user's language, for the translations of GNU gettext.

use gettextrs::LocaleCategory;

/// Takes language and characters from the environment. Numbers stay as they are, so that nothing that reads or
/// writes them changes. Returns whether the locale is installed.
///
/// Call it first in a process, before there are threads.
pub fn from_environment() -> bool {
    [LocaleCategory::LcMessages, LocaleCategory::LcCType].into_iter().all(|category| {
        // SAFETY: no other thread may read the locale meanwhile; the entry of the plug-in calls this before it
        // starts any and before GIMP's library is opened.
        unsafe { gettextrs::setlocale(category, "") }.is_some()
    })
}
