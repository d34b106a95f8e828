//! A newer distribution in a folder, for the GIMPs that this one does not have.
//!
//! Everything that needs mounts runs in a mount namespace of its own (`unshare`): the kernel takes the mounts
//! away with the last process in it, however that ends, so none can be left behind and the folder can always
//! be removed without touching what was mounted in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{as_root, clean, find, heard, is_root, logged};
use crate::places::Tree;
use crate::steps::Done;
use crate::{apt, mounts};

/// A distribution and the GIMP it has.
pub(crate) struct Suite {
    /// Its name.
    pub(crate) name: &'static str,
    /// The series of its GIMP.
    pub(crate) series: &'static str,
    /// The script of debootstrap that can make it; names newer than debootstrap are not known to it.
    script: &'static str,
}

/// The suites with a GIMP 3.
pub(crate) const SUITES: [Suite; 2] = [
    Suite { name: "trixie", series: "3.0", script: "trixie" },
    Suite { name: "forky", series: "3.2", script: "sid" },
];

/// GIMP with what the tests and our dialogs need: Python with GIMP's bindings, GTK 4, letters.
const PACKAGES: [&str; 5] = ["gimp", "python3-gi", "gir1.2-gimp-3.0", "libgtk-4-1", "fonts-dejavu-core"];

/// Run as root in the new namespace: ROOT FOLDER… -- COMMAND….
const ENTER: &str = r#"set -e
root=$1
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    mkdir -p "$1" "$root$1"
    mount --bind "$1" "$root$1"
    shift
done
shift
# Not exec: as first process of its namespace this shell collects orphans, which GIMP would not.
set +e
chroot "$@"
exit $?
"#;

/// Where X servers put their sockets.
const X_SOCKETS: &str = "/tmp/.X11-unix";

impl Suite {
    /// The suite of that name.
    pub(crate) fn named(name: &str) -> Result<&'static Suite> {
        let names = || SUITES.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", ");
        SUITES
            .iter()
            .find(|suite| suite.name == name)
            .with_context(|| format!("there is no suite {name}; known are {}", names()))
    }

    /// Its folder.
    pub(crate) fn root(&self, tree: &Tree) -> PathBuf {
        let chroots = std::env::var_os("PENTIMENTO_CHROOTS").filter(|folder| !folder.is_empty());
        chroots.map_or_else(|| tree.target.join("chroots"), PathBuf::from).join(self.name)
    }

    /// Makes it, or adds what it lacks.
    pub(crate) fn ensure(&self, tree: &Tree) -> Result<Done> {
        let root = self.root(tree);
        let mut made = false;
        if !root.is_dir() {
            self.bootstrap(tree, &root)?;
            made = true;
        }
        let root = root.canonicalize().with_context(|| format!("cannot enter {}", root.display()))?;
        if installed_in(&root)? {
            return Ok(Done::Already(root.display().to_string()));
        }
        self.install(tree, &root)?;
        let what = if made { "made" } else { "added packages to" };
        Ok(Done::Now(format!("{what} {}", root.display())))
    }

    /// A command inside it. `folders` appear inside under the same names as outside.
    pub(crate) fn command<S: AsRef<OsStr>>(
        &self,
        tree: &Tree,
        folders: &[PathBuf],
        words: impl IntoIterator<Item = S>,
    ) -> Result<Command> {
        let root = self.root(tree);
        let root = root.canonicalize().with_context(|| {
            format!(
                "{} is not there; make it: cargo pentimento-installer chroot make {}",
                root.display(),
                self.name
            )
        })?;
        let mut command = enter(&root, folders)?;
        if !is_root() {
            // What is written into our folders should belong to us.
            command.arg(format!("--userspec={}", own_ids()?));
        }
        command.arg(&root).args(words);
        Ok(command)
    }

    fn bootstrap(&self, tree: &Tree, root: &Path) -> Result<()> {
        let part = root.with_extension("part");
        if part.exists() {
            remove(&part)?;
        }
        fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
        let debootstrap = find("debootstrap").unwrap_or_else(|| "/usr/sbin/debootstrap".into());
        let mut command = namespace()?;
        command.arg(debootstrap).args(["--variant=minbase", self.name]).arg(&part).arg(apt::archive()?);
        command.arg(Path::new("/usr/share/debootstrap/scripts").join(self.script));
        logged(&mut command, &self.log(tree, "debootstrap"))?;
        // The name without “part” says that it is whole.
        fs::rename(&part, root).with_context(|| format!("cannot rename {}", part.display()))
    }

    fn install(&self, tree: &Tree, root: &Path) -> Result<()> {
        // The user's proxy, certificates and the like hold inside as well.
        let settings = heard(clean("apt-config").args(["dump", "Acquire"]))?;
        write_as_root(&root.join("etc/apt/apt.conf.d/99from-host"), &settings)?;
        // No service may start in there.
        let policy = root.join("usr/sbin/policy-rc.d");
        write_as_root(&policy, "#!/bin/sh\nexit 101\n")?;
        heard(as_root("chmod").context(NEEDS_ROOT)?.arg("+x").arg(&policy))?;
        for (name, words) in [("update", vec!["update"]), ("install", [&INSTALL[..], &PACKAGES].concat())] {
            let mut command = enter(root, &[])?;
            command.arg(root).args(["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "apt-get"]);
            logged(command.args(words), &self.log(tree, name))?;
        }
        // Downloaded packages are of no more use and take as much room as GIMP.
        heard(enter(root, &[])?.arg(root).args(["apt-get", "clean"]))?;
        Ok(())
    }

    fn log(&self, tree: &Tree, name: &str) -> PathBuf {
        tree.target.join("chroots/logs").join(format!("{}-{name}.log", self.name))
    }
}

const INSTALL: [&str; 3] = ["install", "-y", "--no-install-recommends"];
const NEEDS_ROOT: &str = "a GIMP of another distribution needs root (mounts, chroot), and neither are you root nor \
                          is there sudo; run this as root, or leave GIMP 3 out with --without-gimp3";

/// Removes a folder, but never through a mount.
pub(crate) fn remove(root: &Path) -> Result<()> {
    let inside = mounts::inside(root)?;
    if !inside.is_empty() {
        bail!("{} has mounts inside ({}); unmount them first", root.display(), inside.join(", "));
    }
    let mut command = as_root("rm").context(NEEDS_ROOT)?;
    heard(command.args(["-r", "-f", "--one-file-system", "--"]).arg(root))?;
    Ok(())
}

/// Whether all packages are there.
fn installed_in(root: &Path) -> Result<bool> {
    let output = clean("dpkg-query")
        .arg(format!("--admindir={}", root.join("var/lib/dpkg").display()))
        .args(["--show", "--showformat=${db:Status-Status} ${Package}\\n"])
        .args(PACKAGES)
        .output()
        .context("dpkg-query could not be started")?;
    let listed = String::from_utf8_lossy(&output.stdout);
    Ok(PACKAGES.iter().all(|package| listed.lines().any(|line| line == format!("installed {package}"))))
}

/// A new mount and process namespace; it and all in it end when this command is killed.
fn namespace() -> Result<Command> {
    let mut command = as_root("unshare").context(NEEDS_ROOT)?;
    // Inside a chroot the root folder is no mount, and the kernel refuses to make it private; whoever made the
    // chroot answers for that.
    let propagation = if mounts::has_root()? { "private" } else { "unchanged" };
    command.args([
        "--mount",
        "--propagation",
        propagation,
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]);
    Ok(command)
}

/// Up to and without the arguments of `chroot`.
fn enter(root: &Path, folders: &[PathBuf]) -> Result<Command> {
    let mut command = namespace()?;
    command.args(["sh", "-c", ENTER, "enter"]).arg(root).arg(X_SOCKETS).args(folders).arg("--");
    Ok(command)
}

fn write_as_root(path: &Path, text: &str) -> Result<()> {
    let mut command = as_root("sh").context(NEEDS_ROOT)?;
    heard(command.args(["-c", "printf %s \"$1\" > \"$2\"", "write", text]).arg(path))?;
    Ok(())
}

/// `user:group` of this process.
fn own_ids() -> Result<String> {
    let status = fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let id = |key: &str| {
        status.lines().find_map(|line| line.strip_prefix(key)).and_then(|ids| ids.split_whitespace().next())
    };
    Ok(format!("{}:{}", id("Uid:").context("no user id")?, id("Gid:").context("no group id")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_known_by_name() {
        assert_eq!(Suite::named("trixie").unwrap().series, "3.0");
        assert!(Suite::named("sarge").is_err());
    }

    #[test]
    fn our_own_ids() {
        let ids = own_ids().unwrap();
        let (user, group) = ids.split_once(':').unwrap();
        assert!(user.parse::<u32>().is_ok() && group.parse::<u32>().is_ok(), "{ids}");
    }
}
