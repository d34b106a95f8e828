//! Regenerates `ffi/src/sys` from GIMP's headers. See `README.md` beside this crate.
//!
//! Three files come out: `common.rs` (GLib, babl and GEGL, which both GIMPs share), `gimp2.rs` and `gimp3.rs`.
//! Each holds a table of functions looked up at run time, so neither GIMP nor its headers are needed to build
//! Pentimento itself. A function that is not listed in `wanted.rs` does not exist for us.

mod wanted;

use anyhow::{Context, Result, bail};
use bindgen::callbacks::{DeriveTrait, ImplementsTrait, ParseCallbacks};
use bindgen::{Builder, EnumVariation};
use std::path::{Path, PathBuf};

/// What one generated file is made of.
struct Table {
    file: &'static str,
    name: &'static str,
    headers: &'static str,
    functions: &'static [&'static str],
    types: &'static [&'static str],
    /// Items of the shared libraries come from `common.rs` instead of being generated again.
    borrows: bool,
}

const COMMON: Table = Table {
    file: "common.rs",
    name: "Common",
    headers: "#include <gegl.h>\n#include <gio/gio.h>\n",
    functions: wanted::COMMON,
    types: wanted::COMMON_TYPES,
    borrows: false,
};
const GIMP2: Table = Table {
    file: "gimp2.rs",
    name: "Gimp2",
    headers: "#include <libgimp/gimp.h>\n",
    functions: wanted::GIMP2,
    types: wanted::GIMP2_TYPES,
    borrows: true,
};
const GIMP3: Table = Table {
    file: "gimp3.rs",
    name: "Gimp3",
    headers: "#include <libgimp/gimp.h>\n",
    functions: wanted::GIMP3,
    types: wanted::GIMP3_TYPES,
    borrows: true,
};

/// The types borrowed from `common.rs` are plain data, which bindgen cannot see for itself.
#[derive(Debug)]
struct Plain;

impl ParseCallbacks for Plain {
    fn blocklisted_type_implements_trait(&self, _name: &str, derive: DeriveTrait) -> Option<ImplementsTrait> {
        matches!(derive, DeriveTrait::Copy).then_some(ImplementsTrait::Yes)
    }
}

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [root2, root3] = arguments.as_slice() else {
        bail!("usage: pentimento-bindgen ROOT-WITH-GIMP-2.10 ROOT-WITH-GIMP-3.0 (a root is / or a chroot)");
    };
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/sys");
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    generate(&COMMON, root2, "2", &out)?;
    generate(&GIMP2, root2, "2", &out)?;
    generate(&GIMP3, root3, "3", &out)
}

fn generate(table: &Table, root: &Path, version: &str, out: &Path) -> Result<()> {
    let functions = format!("({})", table.functions.join("|"));
    let types = format!("({})", table.types.join("|"));
    let mut builder = Builder::default()
        .header_contents("wanted.h", table.headers)
        .clang_args(clang_arguments(root, version))
        .allowlist_function(functions)
        .allowlist_type(types)
        .dynamic_library_name(table.name)
        // A missing symbol is one clear error at start, not a crash in the middle of an edit.
        .dynamic_link_require_all(true)
        .default_enum_style(EnumVariation::Consts)
        .prepend_enum_name(false)
        .generate_comments(false)
        .merge_extern_blocks(true)
        .layout_tests(false)
        .derive_debug(false)
        .parse_callbacks(Box::new(Plain))
        .raw_line("// Made by `cargo run -p pentimento-bindgen`: do not edit.");
    if table.borrows {
        builder = builder
            .blocklist_file(".*/(glib-2\\.0|gegl-0\\.4|babl-0\\.1|json-glib-1\\.0|gdk-pixbuf-2\\.0|cairo)/.*")
            .raw_line("use super::common::*;");
    }
    let bindings = builder.generate().with_context(|| format!("bindgen failed on {}", table.file))?;
    let path = out.join(table.file);
    bindings.write_to_file(&path).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// Include folders of GIMP `version` and of what it stands on, below `root`.
fn clang_arguments(root: &Path, version: &str) -> Vec<String> {
    let usr = root.join("usr");
    let include = |folder: &str| format!("-I{}", usr.join(folder).display());
    let mut arguments: Vec<String> = [
        "include/gegl-0.4",
        "include/babl-0.1",
        "include/glib-2.0",
        "lib/x86_64-linux-gnu/glib-2.0/include",
        "include/gdk-pixbuf-2.0",
        "include/cairo",
        "include/json-glib-1.0",
        "include/gexiv2",
        "include/gexiv2-0.16",
        "include/pango-1.0",
        "include/harfbuzz",
        "include/freetype2",
    ]
    .map(include)
    .into();
    arguments.insert(0, include(&format!("include/gimp-{version}.0")));
    if root != Path::new("/") {
        arguments.insert(0, format!("--sysroot={}", root.display()));
    }
    arguments
}
