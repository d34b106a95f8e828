//! What the user has kept: presets by name, and a history of what was applied.
//!
//! Both are recipes in files of the data folder, with a small picture beside each where there is one. Files that cannot be
//! read are left alone and left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use models_onnx::Places;
use pentimento_protocol::dialog::Kept;
use pentimento_protocol::picture::Picture;
use pentimento_protocol::recipe::{Recipe, Step, VERSION};

use crate::error::PluginError;
use crate::pipeline::described;
use crate::strings::{fill, msgid, tr};

/// Edits that the history goes back.
const HISTORY: usize = 24;

/// Side of the small pictures.
pub const THUMBNAIL: u32 = 96;

/// Presets and history.
#[derive(Debug, Clone)]
pub struct Shelf {
    presets: PathBuf,
    history: PathBuf,
}

impl Shelf {
    /// Those in the data folder.
    pub fn new(places: &Places) -> Self {
        Self { presets: places.data().join("presets"), history: places.data().join("history") }
    }

    /// Presets by name, then the history, newest first.
    pub fn all(&self) -> Vec<Kept> {
        let mut presets: Vec<Kept> = entries(&self.presets)
            .into_iter()
            .map(|(name, recipe, thumbnail)| Kept { name, preset: true, thumbnail, steps: recipe.steps })
            .collect();
        presets.sort_by_key(|kept| kept.name.to_lowercase());
        let mut history = entries(&self.history);
        history.sort_by(|a, b| b.0.cmp(&a.0));
        let history = history.into_iter().map(|(_, recipe, thumbnail)| Kept {
            name: described(&recipe.steps),
            preset: false,
            thumbnail,
            steps: recipe.steps,
        });
        presets.into_iter().chain(history).collect()
    }

    /// Keeps steps under a name; an older preset of that name is replaced.
    ///
    /// # Errors
    /// [`PluginError`] for names that no file can have, and trouble with the disk.
    pub fn keep(&self, name: &str, steps: &[Step], picture: Option<&Picture>) -> Result<(), PluginError> {
        let name = name.trim();
        let unusable = name.is_empty() || name.starts_with('.') || name.chars().count() > 80;
        if unusable || name.chars().any(|c| c == '/' || c.is_control()) {
            return Err(PluginError::Job(fill(
                &tr(msgid("“{name}” cannot be the name of a preset; use letters, digits and spaces")),
                "name",
                name,
            )));
        }
        let recipe = Recipe {
            version: VERSION,
            pack: String::new(),
            pack_hash: String::new(),
            made: None,
            road: Default::default(),
            steps: steps.to_vec(),
        };
        write(&self.presets, name, &recipe, picture)
    }

    /// Forgets a preset.
    ///
    /// # Errors
    /// [`PluginError`] where there is none.
    pub fn forget(&self, name: &str) -> Result<(), PluginError> {
        let path = self.presets.join(format!("{name}.toml"));
        if name.contains('/') {
            return Err(failed("there is no such preset", &path));
        }
        fs::remove_file(&path).map_err(|why| failed(&why.to_string(), &path))?;
        let picture = path.with_extension("png");
        if picture.exists() {
            fs::remove_file(&picture).map_err(|why| failed(&why.to_string(), &picture))?;
        }
        Ok(())
    }

    /// Remembers what was applied and what it looked like. Trouble is told to the log only: the edit itself is done.
    pub fn remember(&self, recipe: &Recipe, picture: Option<&Picture>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        // Names of one length sort by time.
        if let Err(why) = write(&self.history, &format!("{now:020}"), recipe, picture) {
            log::info!("the edit is not in the history: {why}");
        }
        let mut files: Vec<PathBuf> = files(&self.history);
        files.sort();
        let old = files.len().saturating_sub(HISTORY);
        for file in files.iter().take(old) {
            for path in [file.clone(), file.with_extension("png")] {
                if path.exists()
                    && let Err(why) = fs::remove_file(&path)
                {
                    log::info!("{}: {why}", path.display());
                }
            }
        }
    }

    /// What was applied last.
    ///
    /// # Errors
    /// [`PluginError`] where nothing was.
    pub fn last(&self) -> Result<Recipe, PluginError> {
        let last = entries(&self.history).into_iter().max_by(|a, b| a.0.cmp(&b.0));
        last.map(|(_, recipe, _)| recipe).ok_or_else(|| {
            PluginError::Job(tr(msgid("nothing has been applied yet; make an edit, or name a recipe")))
        })
    }

    /// A recipe by the name of a preset, as a file, or as it is written.
    ///
    /// # Errors
    /// [`PluginError`] where it is none of these.
    pub fn find(&self, what: &str) -> Result<Recipe, PluginError> {
        if what.contains('\n') {
            return Ok(Recipe::from_toml(what)?);
        }
        let preset = self.presets.join(format!("{what}.toml"));
        let path = if !what.contains('/') && preset.is_file() { preset } else { PathBuf::from(what) };
        read(&path)
    }
}

/// Reads a recipe from a file.
///
/// # Errors
/// [`PluginError`].
pub fn read(path: &Path) -> Result<Recipe, PluginError> {
    let text = fs::read_to_string(path).map_err(|why| failed(&why.to_string(), path))?;
    Ok(Recipe::from_toml(&text)?)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect()
}

/// Name, recipe and small picture of everything in a folder.
fn entries(folder: &Path) -> Vec<(String, Recipe, Option<Picture>)> {
    let entry = |path: PathBuf| {
        let recipe = read(&path).inspect_err(|why| log::info!("{why}")).ok()?;
        let picture = image::open(path.with_extension("png")).ok().map(|picture| {
            let picture = picture.to_rgb32f();
            Picture { width: picture.width(), height: picture.height(), rgb: picture.into_raw() }
        });
        Some((path.file_stem()?.to_str()?.to_owned(), recipe, picture))
    };
    files(folder).into_iter().filter_map(entry).collect()
}

fn write(folder: &Path, name: &str, recipe: &Recipe, picture: Option<&Picture>) -> Result<(), PluginError> {
    let path = folder.join(format!("{name}.toml"));
    let wrong = |why: std::io::Error| failed(&why.to_string(), &path);
    fs::create_dir_all(folder).map_err(wrong)?;
    fs::write(&path, recipe.to_toml()?).map_err(wrong)?;
    let beside = path.with_extension("png");
    if let Some(picture) = picture {
        let bytes = picture.rgb.iter().map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
        let image =
            image::RgbImage::from_raw(picture.width, picture.height, bytes).ok_or(PluginError::Sizes)?;
        let small = image::imageops::thumbnail(&image, THUMBNAIL, THUMBNAIL);
        small.save(&beside).map_err(|why| failed(&why.to_string(), &beside))?;
    } else if beside.exists() {
        fs::remove_file(&beside).map_err(wrong)?;
    }
    Ok(())
}

fn failed(what: &str, path: &Path) -> PluginError {
    PluginError::File { what: what.to_owned(), path: path.display().to_string() }
}

#[cfg(test)]
mod tests {
    use pentimento_protocol::param::{Value, Values};

    use super::*;

    fn step(text: &str) -> Step {
        let mut values = Values::default();
        values.set("text", Value::Text(text.into()));
        Step::new("text-edit", values)
    }

    fn recipe(text: &str) -> Recipe {
        let steps = vec![step(text)];
        let (road, made) = (Values::default(), None);
        Recipe { version: VERSION, pack: "p".into(), pack_hash: "00".into(), made, road, steps }
    }

    #[test]
    fn presets_come_back_with_their_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(&Places::at(folder.path()));
        let picture = Picture::filled(200, 200, [1.0, 0.0, 0.5]);
        shelf.keep("Blue hair", &[step("blue hair")], Some(&picture)).unwrap();
        shelf.keep("a beard", &[step("a beard")], None).unwrap();
        let all = shelf.all();
        assert_eq!(all.iter().map(|kept| kept.name.as_str()).collect::<Vec<_>>(), ["a beard", "Blue hair"]);
        assert_eq!(all[1].steps, [step("blue hair")]);
        let small = all[1].thumbnail.clone().unwrap();
        assert_eq!((small.width, small.height), (THUMBNAIL, THUMBNAIL));
        assert!((small.pixel(5, 5)[2] - 0.5).abs() < 0.01);
        assert_eq!(shelf.find("a beard").unwrap().steps, [step("a beard")]);
        shelf.forget("Blue hair").unwrap();
        assert_eq!(shelf.all().len(), 1);
        for bad in ["", "../escape", ".hidden", "two\nlines"] {
            assert!(
                shelf.keep(bad, &[step("x")], None).unwrap_err().to_string().contains("preset"),
                "{bad:?}"
            );
        }
        assert!(shelf.forget("../history/1").is_err());
    }

    #[test]
    fn the_history_is_newest_first_and_ends_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(&Places::at(folder.path()));
        assert!(shelf.last().unwrap_err().to_string().contains("nothing has been applied"));
        for i in 0..HISTORY + 3 {
            shelf.remember(&recipe(&format!("edit {i}")), Some(&Picture::filled(8, 8, [0.5; 3])));
        }
        assert_eq!(shelf.last().unwrap(), recipe(&format!("edit {}", HISTORY + 2)));
        let all = shelf.all();
        assert_eq!(all.len(), HISTORY);
        assert!(all.iter().all(|kept| kept.thumbnail.is_some()));
        let files = fs::read_dir(folder.path().join("history")).unwrap().count();
        assert_eq!(files, 2 * HISTORY, "pictures go with their recipes");
        assert_eq!(all[1].steps, [step(&format!("edit {}", HISTORY + 1))]);
        fs::write(folder.path().join("history/99999999999999999999.toml"), "rubbish").unwrap();
        assert_eq!(shelf.all().len(), HISTORY, "what cannot be read is left out");
    }
}
