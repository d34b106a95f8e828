//! GIMP's own window on an invisible screen: the menu, the dialog over it, the new layer, one step back.
//!
//! Everything else is tested without a window; this needs one because only GIMP's own undo can be asked how
//! many steps an edit is, and only its window shows a menu.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::pictures;
use crate::screen::{Picture, Screen};
use crate::stage::Case;

/// The longest wait for anything on the screen, on a machine that does something else too.
const PATIENCE: Duration = Duration::from_secs(90);

/// Opens a picture in GIMP's window, edits by menu and dialog, takes it back by key.
pub(crate) fn own_window(case: &Case<'_>) -> Result<()> {
    let home = case.fresh_home()?;
    let settings = home.join(".config/GIMP").join(&case.stage.series).join("gimprc");
    let mut text = fs::read_to_string(&settings).unwrap_or_default();
    // Nothing may come between us and the picture, such as a question about its profile.
    text.push_str("\n(color-profile-policy keep)\n(single-window-mode yes)\n");
    if case.stage.series != "2.10" {
        text.push_str("(check-updates no)\n");
    }
    fs::write(&settings, text)?;

    let screen = Screen::open(&case.folder)?;
    let mut show = Show { case, screen, manager: None, gimp: None };
    let ended = show.play(&home);
    if ended.is_err() {
        let _ = show.keep("failed");
    }
    ended
}

/// The play and its actors; all leave the stage when it is dropped.
struct Show<'a> {
    case: &'a Case<'a>,
    screen: Screen,
    manager: Option<Child>,
    gimp: Option<Child>,
}

impl Show<'_> {
    fn play(&mut self, home: &Path) -> Result<()> {
        self.manager = Some(
            Command::new("openbox")
                .env("DISPLAY", &self.screen.name)
                .env("HOME", home)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("openbox could not be started")?,
        );
        let picture = pictures::small(&self.case.stage.pictures())?;
        let variables = [
            ("DISPLAY", self.screen.name.clone()),
            ("GDK_BACKEND", "x11".to_owned()),
            ("GSK_RENDERER", "cairo".to_owned()),
            ("PENTIMENTO_DATA", self.case.stage.data().display().to_string()),
        ];
        let words = [
            format!("gimp-{}", self.case.stage.series),
            "-n".into(),
            "-s".into(),
            picture.display().to_string(),
        ];
        let said = fs::File::create(self.case.folder.join("said.txt"))?;
        let mut command = self.case.stage.command(home, &variables, &words)?;
        self.gimp = Some(command.stdout(said.try_clone()?).stderr(said).spawn().context("no GIMP")?);

        let window = self.window("RGB.*GIMP|GIMP.*RGB")?;
        if self.case.stage.series != "2.10" {
            self.send_welcome_away()?;
        }
        self.do_(&["windowactivate", "--sync", &window])?;
        self.do_(&["windowsize", "--sync", &window, "1390", "860"])?;
        // The pointer is part of the screen and must not lie in the middle.
        self.do_(&["mousemove", "700", "895"])?;
        let before = self.settled("opened")?;

        // The menu is shown for people to look at; the entry is then found by GIMP's own search for actions,
        // because where it stands among other plug-ins' menus differs.
        self.do_(&["key", "alt+r"])?;
        self.settled("menu")?;
        self.do_(&["key", "Escape"])?;
        self.do_(&["key", "Escape"])?;
        self.do_(&["key", "slash"])?;
        std::thread::sleep(Duration::from_secs(2));
        self.do_(&["type", "--delay", "60", "Changes the picture towards a sentence"])?;
        std::thread::sleep(Duration::from_secs(2));
        self.keep("search")?;
        self.do_(&["key", "Return"])?;

        let dialog = self.window("^Text edit$")?;
        self.do_(&["windowactivate", "--sync", &dialog])?;
        self.do_(&["key", "alt+p"])?;
        self.do_(&["type", "--delay", "40", "a person with blue hair"])?;
        self.settled("dialog")?;
        self.do_(&["key", "Return"])?;
        self.gone("^Text edit$")?;
        self.do_(&["mousemove", "700", "895"])?;

        let after =
            self.until("edited", |now| now.centre() != before.centre(), "the picture did not change")?;
        self.do_(&["windowactivate", "--sync", &window])?;
        self.do_(&["key", "ctrl+z"])?;
        self.until("undone", |now| now.centre() == before.centre(), "one undo did not take the edit back")?;
        self.do_(&["key", "ctrl+y"])?;
        self.until("redone", |now| now.centre() == after.centre(), "one redo did not bring the edit again")?;
        Ok(())
    }

    /// GIMP 3.0 greets at the first start of a version, whatever its settings say; 3.2 not over a picture.
    fn send_welcome_away(&self) -> Result<()> {
        for _ in 0..20 {
            if let Some(welcome) = self.search("^Welcome to GIMP")? {
                self.do_(&["windowactivate", "--sync", &welcome])?;
                self.do_(&["key", "Escape"])?;
                return self.gone("^Welcome to GIMP");
            }
            std::thread::sleep(Duration::from_millis(400));
        }
        Ok(())
    }

    /// Waits for a window with such a title.
    fn window(&mut self, title: &str) -> Result<String> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(gimp) = &mut self.gimp
                && let Some(status) = gimp.try_wait()?
            {
                bail!("GIMP ended with {status}");
            }
            if let Some(window) = self.search(title)? {
                return Ok(window);
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        bail!("no window “{title}” came; the last screenshot is in {}", self.case.stage.shots().display())
    }

    fn gone(&self, title: &str) -> Result<()> {
        let began = Instant::now();
        while self.search(title)?.is_some() {
            ensure!(began.elapsed() < PATIENCE, "the window “{title}” stays");
            std::thread::sleep(Duration::from_millis(300));
        }
        Ok(())
    }

    fn search(&self, title: &str) -> Result<Option<String>> {
        let mut command = self.xdotool(&["search", "--onlyvisible", "--name", title]);
        let found = command.output().context("xdotool could not be started")?;
        Ok(String::from_utf8_lossy(&found.stdout).lines().last().map(str::to_owned))
    }

    fn do_(&self, words: &[&str]) -> Result<()> {
        let status = self.xdotool(words).status().context("xdotool could not be started")?;
        ensure!(status.success(), "xdotool {words:?} failed");
        std::thread::sleep(Duration::from_millis(400));
        Ok(())
    }

    fn xdotool(&self, words: &[&str]) -> Command {
        let mut command = Command::new("xdotool");
        command.args(words).env("DISPLAY", &self.screen.name).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Waits until the middle of the screen has stayed the same for two seconds, and keeps a screenshot.
    fn settled(&self, name: &str) -> Result<Picture> {
        let began = Instant::now();
        let mut last = self.screen.look()?;
        let mut still = 0;
        while still < 4 && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.screen.look()?;
            still = if now.centre() == last.centre() { still + 1 } else { 0 };
            last = now;
        }
        self.keep(name)?;
        Ok(last)
    }

    fn until(&self, name: &str, fits: impl Fn(&Picture) -> bool, otherwise: &str) -> Result<Picture> {
        let began = Instant::now();
        loop {
            let now = self.settled(name)?;
            if fits(&now) {
                return Ok(now);
            }
            ensure!(began.elapsed() < PATIENCE, "{otherwise}");
        }
    }

    fn keep(&self, name: &str) -> Result<PathBuf> {
        let shots = self.case.stage.shots();
        fs::create_dir_all(&shots)?;
        let path = shots.join(format!("window-{}-{name}.png", self.case.stage.series));
        self.screen.look()?.save(&path)?;
        Ok(path)
    }
}

impl Drop for Show<'_> {
    fn drop(&mut self) {
        // The last called goes first; one that is gone already needs nothing.
        for child in [&mut self.gimp, &mut self.manager].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
