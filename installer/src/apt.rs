//! Packages of the distribution.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{as_root, clean, find, heard, shown, typed};
use crate::steps::Done;

/// What building needs.
pub(crate) const TO_BUILD: [&str; 5] = ["gcc", "libc6-dev", "pkg-config", "libgtk-4-dev", "gettext"];
/// What a demonstration needs beyond that: GIMP, and a display that needs no screen.
pub(crate) const TO_SHOW: [&str; 3] = ["gimp", "xvfb", "fonts-dejavu-core"];
/// What the tests need beyond that.
pub(crate) const TO_TEST: [&str; 2] = ["xdotool", "openbox"];
/// What making another distribution's GIMP needs; `util-linux` has `unshare` and is always there.
pub(crate) const FOR_CHROOTS: [&str; 1] = ["debootstrap"];

/// Those of `packages` that are not installed.
pub(crate) fn missing<'a>(packages: &[&'a str]) -> Result<Vec<&'a str>> {
    if find("dpkg-query").is_none() {
        bail!(
            "this is not Debian or a relative of it, so packages cannot be installed for you; install what is \
             called {} in Debian and run this again with --no-apt",
            packages.join(", ")
        );
    }
    // Packages that were never heard of make dpkg-query fail, but it still lists the others.
    let output = clean("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status} ${Package}\\n"])
        .args(packages)
        .output()
        .context("dpkg-query could not be started")?;
    let listed = String::from_utf8_lossy(&output.stdout);
    Ok(not_in(&listed, packages))
}

fn not_in<'a>(listed: &str, packages: &[&'a str]) -> Vec<&'a str> {
    let there: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix("installed ")).collect();
    packages.iter().copied().filter(|package| !there.contains(package)).collect()
}

/// Installs what is missing; says what it lacks where it may not.
pub(crate) fn ensure(packages: &[&str]) -> Result<Done> {
    let missing = missing(packages)?;
    if missing.is_empty() {
        return Ok(Done::Already(packages.join(", ")));
    }
    let Some(mut install) = install(&missing) else {
        let mut command = Command::new("apt-get");
        command.args(INSTALL).args(&missing);
        bail!(
            "packages are missing, and neither are you root nor is there sudo; ask someone who is to run\n    {}",
            typed(&command)
        );
    };
    println!("   {}", typed(&install));
    // A first try tells whether the package lists are old; reading them anew costs time and is rarely needed.
    let can = clean("apt-get").args(["install", "--simulate", "-qq"]).args(&missing).output();
    if !can.is_ok_and(|output| output.status.success()) || shown(&mut install).is_err() {
        let mut update = as_root("apt-get").context("root is needed")?;
        shown(update.args(["update", "-qq"]))?;
        if let Some(mut again) = self::install(&missing) {
            shown(&mut again)?;
        }
    }
    Ok(Done::Now(format!("installed {}", missing.join(", "))))
}

const INSTALL: [&str; 4] = ["install", "-y", "-qq", "--no-install-recommends"];

fn install(packages: &[&str]) -> Option<Command> {
    let mut command = as_root("env")?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(INSTALL).args(packages);
    Some(command)
}

/// Where the package lists come from: the first archive of the distribution that apt is set up with.
pub(crate) fn archive() -> Result<String> {
    let listed =
        heard(clean("apt-get").args(["indextargets", "--format", "$(REPO_URI) $(SUITE) $(COMPONENT)"]))?;
    first_archive(&listed).context(
        "apt knows no archive of the distribution; add one to its sources, or name one with --archive",
    )
}

fn first_archive(listed: &str) -> Option<String> {
    let mut archives = listed.lines().filter_map(|line| {
        let (address, rest) = line.split_once(' ')?;
        // Security and update archives hold only a part.
        let whole = !rest.contains("security") && !rest.contains("updates") && rest.ends_with(" main");
        (whole && address.trim_end_matches('/').ends_with("debian")).then(|| address.trim_end_matches('/'))
    });
    archives.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_installed_packages_count_as_missing() {
        let listed = "installed gimp\nconfig-files xvfb\nnot-installed gettext\n";
        assert_eq!(not_in(listed, &["gimp", "xvfb", "gettext", "gcc"]), ["xvfb", "gettext", "gcc"]);
    }

    #[test]
    fn the_whole_archive_is_chosen() {
        let listed = "http://a.example/debian-security/ oldstable-security main\n\
                      http://a.example/debian/ bookworm-updates main\n\
                      http://a.example/debian/ oldstable main\n";
        assert_eq!(first_archive(listed).as_deref(), Some("http://a.example/debian"));
        assert_eq!(first_archive("http://a.example/tools stable main\n"), None);
    }
}
