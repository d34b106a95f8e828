//! A GIMP to run scripts in: the one of this machine, or one in a chroot.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::evidence::Evidence;
use crate::op::Op;

/// The longest that one script may take; a busy machine needs some thirty seconds.
const LIMIT: Duration = Duration::from_secs(240);

/// What is typed into dialogs.
pub(crate) const TYPED: &str = "a person with red hair";

/// A GIMP, prepared.
pub(crate) struct Stage {
    /// `2.10`, `3.0`, `3.2`.
    pub(crate) series: String,
    /// The distribution it runs in; this machine's own if none.
    suite: Option<String>,
    /// Where everything happens; visible in the chroot under the same name.
    work: PathBuf,
    /// A home in which GIMP has been started once.
    home: PathBuf,
}

/// One case on a stage.
pub(crate) struct Case<'a> {
    pub(crate) stage: &'a Stage,
    /// Its own folder, empty at first.
    pub(crate) folder: PathBuf,
}

/// What surrounds a run.
#[derive(Default)]
pub(crate) struct Around {
    /// Another data folder.
    pub(crate) data: Option<PathBuf>,
    /// What a dialog does by itself (`apply`, `cancel`) and where it leaves its picture.
    pub(crate) dialog: Option<(&'static str, PathBuf)>,
}

impl Stage {
    /// Prepares the GIMP called `SERIES=SUITE` or `SERIES=here`.
    pub(crate) fn prepare(name: &str) -> Result<Self> {
        let (series, suite) = name.split_once('=').context("a GIMP is named SERIES=SUITE")?;
        let work =
            PathBuf::from(std::env::var_os("PENTIMENTO_TEST_WORK").context("no PENTIMENTO_TEST_WORK")?);
        let folder = work.join(series);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        let home = folder.join("home");
        let stage = Self {
            series: series.to_owned(),
            suite: (suite != "here").then(|| suite.to_owned()),
            work,
            home,
        };
        // GIMP makes its folder only if there is none, so it goes first.
        fs::create_dir_all(&stage.home)?;
        let case = Case { stage: &stage, folder: folder.join("first-start") };
        case.script(&[], &Around::default())?;
        copy(&case.folder.join("home"), &stage.home)?;
        let plug_in = stage.settings(&stage.home).join("plug-ins/pentimento");
        fs::create_dir_all(&plug_in)?;
        for entry in fs::read_dir(stage.work.join("plug-in")).context("the plug-in was not put there")? {
            let entry = entry?;
            fs::copy(entry.path(), plug_in.join(entry.file_name()))?;
        }
        // The first start asks the plug-in what it offers; later ones remember.
        let case = Case { stage: &stage, folder: folder.join("second-start") };
        let said = case.script(&[], &Around::default())?;
        ensure!(!said.contains("plug-in crashed"), "a plug-in crashed when it was asked:\n{said}");
        copy(&case.folder.join("home"), &stage.home)?;
        Ok(stage)
    }

    /// A case.
    pub(crate) fn case(&self, title: &str) -> Case<'_> {
        Case { stage: self, folder: self.work.join(&self.series).join(title) }
    }

    /// GIMP's own folder in a home.
    fn settings(&self, home: &Path) -> PathBuf {
        home.join(".config/GIMP").join(&self.series)
    }

    /// Pictures that the tests share.
    pub(crate) fn pictures(&self) -> PathBuf {
        self.work.join("pictures")
    }

    /// Screenshots that are kept.
    pub(crate) fn shots(&self) -> PathBuf {
        self.work.join("shots")
    }

    /// The data folder with runtime, encoder and starter pack.
    pub(crate) fn data(&self) -> PathBuf {
        self.work.join("data")
    }

    /// A command where this GIMP is, with nothing of our own environment but the given variables.
    pub(crate) fn command(
        &self,
        home: &Path,
        variables: &[(&str, String)],
        words: &[String],
    ) -> Result<Command> {
        let mut settings = vec![
            format!("HOME={}", home.display()),
            "PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
            "LANG=C.UTF-8".to_owned(),
            format!("XDG_RUNTIME_DIR={}", home.display()),
            // There is no session to talk to; asking for one costs time and warnings.
            "DBUS_SESSION_BUS_ADDRESS=disabled:".to_owned(),
            "NO_AT_BRIDGE=1".to_owned(),
            "GTK_A11Y=none".to_owned(),
            "RUST_BACKTRACE=1".to_owned(),
        ];
        settings.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
        let mut command = match &self.suite {
            None => Command::new("env"),
            Some(suite) => {
                let installer =
                    std::env::var_os("PENTIMENTO_INSTALLER").context("no PENTIMENTO_INSTALLER")?;
                let mut command = Command::new(installer);
                command.args(["chroot", "run", suite, "--bind"]).arg(&self.work).args(["--", "env"]);
                command
            }
        };
        command.args(["-i"]).args(settings).args(words).current_dir("/").stdin(Stdio::null());
        Ok(command)
    }
}

impl Case<'_> {
    /// Opens a picture, does `before`, writes everything down, does `call`, writes it down again.
    pub(crate) fn compare(
        &self,
        before: &[Op],
        call: &[Op],
        around: &Around,
    ) -> Result<(String, Evidence, Evidence)> {
        let (first, second) = (self.folder.join("before"), self.folder.join("after"));
        let mut script = before.to_vec();
        script.push(Op::Dump(first.clone()));
        script.extend_from_slice(call);
        script.push(Op::Dump(second.clone()));
        let said = self.script(&script, around)?;
        Ok((said, Evidence::read(&first)?, Evidence::read(&second)?))
    }

    /// Runs a script in a GIMP without a window and returns all that it said. Fails unless the script came to
    /// its end: the exit status of GIMP 2.10 says nothing.
    pub(crate) fn script(&self, script: &[Op], around: &Around) -> Result<String> {
        let home = self.fresh_home()?;
        for op in script {
            if let Op::Dump(folder) = op {
                fs::create_dir_all(folder)?;
            }
        }
        let two = self.stage.series == "2.10";
        let (prelude, end) =
            if two { ("ops.scm", "(gimp-message \"ALL-DONE\")") } else { ("ops.py", "print(\"ALL-DONE\")") };
        let prelude = Path::new(env!("CARGO_MANIFEST_DIR")).join("gimp").join(prelude);
        let mut text = fs::read_to_string(&prelude).with_context(|| format!("no {}", prelude.display()))?;
        for op in script {
            text.push('\n');
            text.push_str(&if two { op.scheme() } else { op.python() });
        }
        text.push_str(&format!("\n{end}\n"));
        let file = self.folder.join(if two { "script.scm" } else { "script.py" });
        fs::write(&file, text)?;

        let console = format!("gimp-console-{}", self.stage.series);
        let mut words: Vec<String> = vec![console];
        words.extend(["-i", "-d", "-f", "-s"].map(str::to_owned));
        if two {
            words.extend([
                "-b".into(),
                format!("(load \"{}\")", file.display()),
                "-b".into(),
                "(gimp-quit 0)".into(),
            ]);
        } else {
            words.push("--batch-interpreter=python-fu-eval".into());
            words.extend([
                "--quit".into(),
                "-b".into(),
                format!("exec(open(\"{}\").read())", file.display()),
            ]);
        }
        let log = self.folder.join("said.txt");
        let status = self.run(&home, &self.variables(around)?, &words, &log)?;
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        ensure!(
            said.contains("ALL-DONE"),
            "GIMP ({status}) did not come to the end of {}:\n{}",
            file.display(),
            tail(&said)
        );
        Ok(said)
    }

    fn variables(&self, around: &Around) -> Result<Vec<(&'static str, String)>> {
        let data = around.data.clone().unwrap_or_else(|| self.stage.data());
        let mut variables = vec![("PENTIMENTO_DATA", data.display().to_string())];
        if let Some((act, picture)) = &around.dialog {
            variables.extend(self.display()?);
            variables.push(("PENTIMENTO_DIALOG_AUTO", (*act).to_owned()));
            variables.push(("PENTIMENTO_DIALOG_TEXT", TYPED.to_owned()));
            variables.push(("PENTIMENTO_DIALOG_SHOT", picture.display().to_string()));
        }
        Ok(variables)
    }

    /// The variables that name the invisible screen.
    pub(crate) fn display(&self) -> Result<Vec<(&'static str, String)>> {
        let display = std::env::var("DISPLAY").context("no DISPLAY for the dialogs")?;
        // Drawn by the processor: the screen has no graphics card.
        Ok(vec![("DISPLAY", display), ("GDK_BACKEND", "x11".into()), ("GSK_RENDERER", "cairo".into())])
    }

    /// A copy of the prepared home.
    pub(crate) fn fresh_home(&self) -> Result<PathBuf> {
        let home = self.folder.join("home");
        fs::create_dir_all(&self.folder)?;
        copy(&self.stage.home, &home)?;
        Ok(home)
    }

    fn run(
        &self,
        home: &Path,
        variables: &[(&str, String)],
        words: &[String],
        log: &Path,
    ) -> Result<ExitStatus> {
        let said = File::create(log)?;
        let mut command = self.stage.command(home, variables, words)?;
        command.stdout(said.try_clone()?).stderr(said);
        let child = command.spawn().with_context(|| format!("{words:?} could not be started"))?;
        wait(child).with_context(|| format!("what it said is in {}", log.display()))
    }
}

/// Waits, but not for ever.
fn wait(mut child: Child) -> Result<ExitStatus> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if began.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            bail!("it was ended after {} s", LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// Copies a folder, times and all, so that GIMP finds its plug-ins unchanged.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").args(["-a", "-T"]).arg(from).arg(to).status().context("no cp")?;
    ensure!(status.success(), "cannot copy {} to {}", from.display(), to.display());
    Ok(())
}

/// The last lines of what a program said.
pub(crate) fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(25)..].iter().map(|line| format!("     | {line}\n")).collect()
}
