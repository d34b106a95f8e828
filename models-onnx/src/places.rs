//! Where the parts that are not compiled in lie on this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The data folder and what lies in it. The plug-in and the installer both go by this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    data: PathBuf,
    library: Option<PathBuf>,
}

impl Places {
    /// From the environment: the data folder is `PENTIMENTO_DATA`, else `$XDG_DATA_HOME/pentimento`, else
    /// `~/.local/share/pentimento`; `PENTIMENTO_ORT` names another file for ONNX Runtime.
    ///
    /// `None` where neither of these nor `HOME` is set.
    pub fn from_environment() -> Option<Self> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// A given data folder, ONNX Runtime inside it.
    pub fn at(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), library: None }
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let path = |name| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        // The XDG base directory specification says that relative paths are to be ignored.
        let xdg = path("XDG_DATA_HOME").filter(|p| p.is_absolute());
        let data = path("PENTIMENTO_DATA")
            .or_else(|| xdg.map(|p| p.join("pentimento")))
            .or_else(|| path("HOME").map(|p| p.join(".local/share/pentimento")))?;
        Some(Self { data, library: path("PENTIMENTO_ORT") })
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// One folder per pack.
    pub fn packs(&self) -> PathBuf {
        self.data.join("packs")
    }

    /// Files that several packs use, such as a sentence encoder.
    pub fn shared(&self) -> PathBuf {
        self.data.join("shared")
    }

    /// The file of ONNX Runtime.
    pub fn onnxruntime(&self) -> PathBuf {
        self.library.clone().unwrap_or_else(|| self.data.join("onnxruntime").join("libonnxruntime.so"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)]) -> Option<Places> {
        Places::from_variables(|name| variables.iter().find(|v| v.0 == name).map(|v| v.1.into()))
    }

    #[test]
    fn the_most_particular_variable_wins() {
        let home = ("HOME", "/h");
        let xdg = ("XDG_DATA_HOME", "/x");
        let own = ("PENTIMENTO_DATA", "/p");
        let at = |variables: &[(&str, &str)]| places(variables).unwrap().data;
        assert_eq!(at(&[home]), Path::new("/h/.local/share/pentimento"));
        assert_eq!(at(&[home, xdg]), Path::new("/x/pentimento"));
        assert_eq!(at(&[home, xdg, own]), Path::new("/p"));
        assert_eq!(at(&[home, ("XDG_DATA_HOME", "relative")]), Path::new("/h/.local/share/pentimento"));
        assert_eq!(at(&[home, ("PENTIMENTO_DATA", "")]), Path::new("/h/.local/share/pentimento"));
        assert_eq!(places(&[]), None);
    }

    #[test]
    fn onnx_runtime_can_be_elsewhere() {
        let places = places(&[("PENTIMENTO_DATA", "/p"), ("PENTIMENTO_ORT", "/o/lib.so")]).unwrap();
        assert_eq!(places.onnxruntime(), Path::new("/o/lib.so"));
        assert_eq!(Places::at("/p").onnxruntime(), Path::new("/p/onnxruntime/libonnxruntime.so"));
    }
}
