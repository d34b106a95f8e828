//! Where things lie.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Name of the plug-in's folder and of the executable in it; GIMP insists that they are the same.
pub(crate) const NAME: &str = "pentimento";

/// The folders of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// Runtime, packs, translations.
    pub(crate) data: PathBuf,
    /// Wheels as they were downloaded.
    pub(crate) cache: PathBuf,
    /// Programs of the user.
    pub(crate) programs: PathBuf,
    /// Parent of GIMP's own folders.
    gimps: PathBuf,
}

impl Places {
    /// The folders of the user who runs us.
    pub(crate) fn of_user() -> Result<Self> {
        Self::from(|name| std::env::var_os(name))
    }

    /// The folders named by an environment.
    pub(crate) fn from(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        // The XDG rules: empty and relative paths count as unset.
        let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = folder("HOME").context("HOME is not set, so there is no place to install to")?;
        let under = |name: &str, usual: &str| folder(name).unwrap_or_else(|| home.join(usual));
        Ok(Self {
            data: folder("PENTIMENTO_DATA")
                .unwrap_or_else(|| under("XDG_DATA_HOME", ".local/share").join(NAME)),
            cache: folder("PENTIMENTO_CACHE").unwrap_or_else(|| under("XDG_CACHE_HOME", ".cache").join(NAME)),
            programs: home.join(".local/bin"),
            gimps: under("XDG_CONFIG_HOME", ".config").join("GIMP"),
        })
    }

    /// The user's folder of one GIMP, called by its series, such as `3.0`.
    pub(crate) fn settings(&self, series: &str) -> PathBuf {
        self.gimps.join(series)
    }

    /// The folder of our plug-in in one GIMP.
    pub(crate) fn plug_in(&self, series: &str) -> PathBuf {
        self.settings(series).join("plug-ins").join(NAME)
    }

    /// The series of GIMP that this user has a folder for and where our plug-in lies.
    pub(crate) fn installed_series(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.gimps).into_iter().flatten().flatten();
        let mut series: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|series| self.plug_in(series).is_dir())
            .collect();
        series.sort();
        series
    }

    /// The command-line program.
    pub(crate) fn program(&self) -> PathBuf {
        self.programs.join(NAME)
    }
}

/// The source tree and what cargo built in it.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// Root of the repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
}

impl Tree {
    /// The tree that this program was built from.
    pub(crate) fn of_this_program() -> Result<Self> {
        // Cargo names the folder when it runs us; a program started by hand remembers where it was built.
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.parent().context("the installer has no parent folder")?.to_owned();
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let target = program
            .parent()
            .filter(|folder| folder.ends_with("release") || folder.ends_with("debug"))
            .and_then(Path::parent)
            .map_or_else(|| root.join("target"), Path::to_owned);
        Ok(Self { root, target })
    }

    /// A file built in the release profile.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)]) -> Result<Places> {
        Places::from(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.into()))
    }

    #[test]
    fn usual_places() {
        let places = places(&[("HOME", "/home/ada")]).unwrap();
        assert_eq!(places.data, Path::new("/home/ada/.local/share/pentimento"));
        assert_eq!(places.cache, Path::new("/home/ada/.cache/pentimento"));
        assert_eq!(places.program(), Path::new("/home/ada/.local/bin/pentimento"));
        let plug_in = Path::new("/home/ada/.config/GIMP/2.10/plug-ins/pentimento");
        assert_eq!(places.plug_in("2.10"), plug_in);
    }

    #[test]
    fn environment_decides() {
        let places = places(&[
            ("HOME", "/home/ada"),
            ("PENTIMENTO_DATA", "/big/data"),
            ("XDG_CONFIG_HOME", "/big/config"),
            ("XDG_CACHE_HOME", "relative/is/ignored"),
        ])
        .unwrap();
        assert_eq!(places.data, Path::new("/big/data"));
        assert_eq!(places.cache, Path::new("/home/ada/.cache/pentimento"));
        assert_eq!(places.plug_in("3.0"), Path::new("/big/config/GIMP/3.0/plug-ins/pentimento"));
    }

    #[test]
    fn no_home_is_an_error() {
        assert!(places(&[]).is_err());
        assert!(places(&[("HOME", "")]).is_err());
    }
}
