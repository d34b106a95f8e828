//! Other programs: run, overheard, and quoted when they fail.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Variables that `cargo run` sets for us and that no other program should see: with the first, a GIMP started
/// from here would find libraries in cargo's folder that an installed plug-in would miss.
const CARGOS: [&str; 3] = ["LD_LIBRARY_PATH", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"];

/// A command without the variables that `cargo run` left in our environment, and without standard input.
pub(crate) fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for variable in CARGOS {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// The command as one could type it.
pub(crate) fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:+,@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Runs with the terminal as it is.
pub(crate) fn shown(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| missing(command))?;
    if !status.success() {
        bail!("`{}` ended with {status}; its own words are above", typed(command));
    }
    Ok(())
}

/// Runs and returns standard output; on failure quotes what the program said.
pub(crate) fn heard(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| missing(command))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` ended with {}:\n{}", typed(command), output.status, last_lines(&said, 15));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs with all that it says kept in a file; on failure quotes the end of it.
pub(crate) fn logged(command: &mut Command, log: &Path) -> Result<()> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command.stdout(file.try_clone()?).stderr(file);
    let status = command.status().with_context(|| missing(command))?;
    if !status.success() {
        let said = std::fs::read(log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        bail!(
            "`{}` ended with {status}:\n{}\nall of it is in {}",
            typed(command),
            last_lines(&said, 25),
            log.display()
        );
    }
    Ok(())
}

/// Where a program is, if it is on the path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Whether we may do everything.
pub(crate) fn is_root() -> bool {
    // The real user's home may belong to somebody else under sudo, so ask the kernel, not the environment.
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status
            .lines()
            .find_map(|line| line.strip_prefix("Uid:"))
            .and_then(|ids| ids.split_whitespace().nth(1).map(|effective| effective == "0"))
            .unwrap_or(false)
    })
}

/// A command as root: directly, or through sudo; `None` if neither is possible.
pub(crate) fn as_root(program: &str) -> Option<Command> {
    if is_root() {
        return Some(clean(program));
    }
    let sudo = find("sudo")?;
    let mut command = clean(sudo);
    // Standard input is closed, so sudo asks for the password on the terminal, or fails if there is none.
    command.arg(program);
    Some(command)
}

fn missing(command: &Command) -> String {
    format!("`{}` could not be started; is it installed?", command.get_program().to_string_lossy())
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_quoted_for_a_shell() {
        let mut command = Command::new("apt-get");
        command.args(["install", "a b", "it's", ""]);
        assert_eq!(typed(&command), r"apt-get install 'a b' 'it'\''s' ''");
    }

    #[test]
    fn a_failing_program_is_quoted() {
        let why = heard(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"])).unwrap_err();
        assert!(why.to_string().contains("no such thing"), "{why}");
        let why = heard(&mut Command::new("no-such-program-at-all")).unwrap_err();
        assert!(why.to_string().contains("is it installed?"), "{why}");
    }

    #[test]
    fn only_the_end_is_quoted() {
        assert_eq!(last_lines("a\n\nb\nc\n", 2), "    b\n    c\n");
    }
}
