//! Packs the pages: every file below `web/` goes into the binary as it is and gzipped, with its type
//! and an entity tag. The result is the table that `src/pages.rs` includes.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=web");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let web = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("web");
    let mut files = Vec::new();
    collect(&web, &mut files)?;
    files.sort();

    let mut table = String::from("static ASSETS: &[Asset] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let name = file.strip_prefix(&web)?.to_str().ok_or("a name in UTF-8")?;
        let Some(kind) = content_type(name) else {
            continue;
        };
        let plain = fs::read(file)?;
        let packed = out.join(format!("{number}.gz"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&plain)?;
        fs::write(&packed, encoder.finish()?)?;
        let mut tag = String::new();
        for byte in &Sha256::digest(&plain)[..8] {
            write!(tag, "{byte:02x}")?;
        }
        let packed = packed.to_str().ok_or("a build directory in UTF-8")?;
        let file = file.to_str().ok_or("a source directory in UTF-8")?;
        writeln!(
            table,
            "    Asset {{ path: {name:?}, content_type: {kind:?}, tag: {tag:?}, \
             plain: include_bytes!({file:?}), gzip: include_bytes!({packed:?}) }},"
        )?;
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The type of a file that is served; other files (notes, sources of bundles) are not.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "css" => "text/css;charset=UTF-8",
        "html" => "text/html;charset=UTF-8",
        "js" => "text/javascript;charset=UTF-8",
        "json" => "application/json;charset=UTF-8",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain;charset=UTF-8",
        "woff2" => "font/woff2",
        _ => return None,
    })
}
