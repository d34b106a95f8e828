//! An X server whose screen is a file, so that looking at it needs no other program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The server; ends when dropped.
pub(crate) struct Screen {
    server: Child,
    /// Its name, such as `:7`.
    pub(crate) name: String,
    file: PathBuf,
}

/// What was to be seen.
#[derive(PartialEq, Eq)]
pub(crate) struct Picture(image::RgbImage);

impl Screen {
    /// Starts a server that keeps its screen in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-fbdir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Xvfb could not be started")?;
        let mut number = String::new();
        if let Some(said) = server.stdout.take() {
            BufReader::new(said).read_line(&mut number)?;
        }
        let screen = Self { server, name: format!(":{}", number.trim()), file: folder.join("Xvfb_screen0") };
        ensure!(!number.trim().is_empty(), "Xvfb ended at once");
        Ok(screen)
    }

    /// Reads the screen, a file in the X window dump format.
    pub(crate) fn look(&self) -> Result<Picture> {
        let bytes = fs::read(&self.file).with_context(|| format!("no screen in {}", self.file.display()))?;
        let field = |index: usize| -> Result<usize> {
            let four = bytes.get(index * 4..index * 4 + 4).context("a short header")?;
            Ok(u32::from_be_bytes(four.try_into()?) as usize)
        };
        let (header, width, height) = (field(0)?, field(4)?, field(5)?);
        let (bits, line, colours) = (field(11)?, field(12)?, field(19)?);
        ensure!(bits == 32, "the screen has {bits} bits a pixel");
        let pixels = bytes.get(header + colours * 12..).context("no pixels")?;
        ensure!(pixels.len() >= line * height, "the screen is cut off");
        let picture = image::RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let at = y as usize * line + x as usize * 4;
            // Blue comes first on machines with the low byte first.
            image::Rgb([pixels[at + 2], pixels[at + 1], pixels[at]])
        });
        Ok(Picture(picture))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Picture {
    /// The middle, where GIMP's window shows the picture and nothing else.
    pub(crate) fn centre(&self) -> Vec<u8> {
        let (width, height) = self.0.dimensions();
        image::imageops::crop_imm(&self.0, width / 2 - 100, height / 2 - 100, 200, 200).to_image().into_raw()
    }

    /// Writes it as PNG.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        self.0.save(path).with_context(|| format!("cannot write {}", path.display()))
    }
}
