//! The site: Trunk builds it, the packed model goes beside it, and a stamp tells whether all that
//! is still what the sources say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::console;
use crate::paths::Paths;
use crate::process::Task;
use crate::setup::SiteTools;
use crate::{model, pack, setup, shell};

/// All that the built site depends on. Tests and the command line alone are not part of it.
const SOURCES: [&str; 14] = [
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "crates/analysis",
    "crates/engine",
    "crates/model",
    "crates/umap",
    "crates/view",
    "crates/weights",
    "web",
    "demo",
    "xtask/add-pack.sh",
];

/// Kept in the built site: the hash of the sources it was built from.
const STAMP: &str = ".built-from";

/// Where the default pack lies in the site; the page's own `<meta name="temporal-lens-pack">` says the same.
const PACK_FOLDER: &str = "models/default";

/// Builds the site with its pack unless it is there already; answers where.
pub fn build(paths: &Paths) -> Result<PathBuf> {
    let dist = paths.dist();
    let wanted = stamp(paths)?;
    if std::fs::read_to_string(dist.join(STAMP)).is_ok_and(|found| found == wanted) {
        console::line("    the site is up to date");
        return Ok(dist);
    }
    let tools = setup::for_site(paths)?;
    // Before trunk, so that its hook only has to link the files.
    pack::find_or_make(paths, &model::fetch(paths)?)?;
    run_trunk(paths, &tools)?;
    // Last: a site that is not whole has no stamp.
    std::fs::write(dist.join(STAMP), wanted)?;
    Ok(dist)
}

fn run_trunk(paths: &Paths, tools: &SiteTools) -> Result<()> {
    Task::new("building the site (trunk)", "trunk")
        .args(["build", "--release"])
        .envs(tools.env.iter().map(|(key, value)| (key, value)))
        .envs([("CARGO_TARGET_DIR", &paths.target), ("TEMPORAL_LENS_XTASK", &paths.own)])
        // trunk takes NO_COLOR=1 for a wrong value of its own flag.
        .without_env("NO_COLOR")
        .in_folder(&paths.root)
        .log_to(paths.logs().join("site.log"))
        .run()?;
    Ok(())
}

/// Puts the pack beside the pages in `folder` and tells the page how many bytes it is. Trunk calls
/// this after every build (xtask/add-pack.sh), so that `trunk serve` serves the model, too.
pub fn add_pack(paths: &Paths, folder: &Path) -> Result<()> {
    let packed = pack::find_or_make(paths, &model::fetch(paths)?)?;
    link_folder(&packed, &folder.join(PACK_FOLDER))?;
    let page = folder.join("index.html");
    let html = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    let (load, embedding) = pack::bytes(&packed)?;
    let html = with_pack_bytes(&html, "data-bytes", load)
        .and_then(|html| with_pack_bytes(&html, "data-embedding-bytes", embedding))
        .context("index.html: no temporal-lens-pack tag")?;
    std::fs::write(&page, html).with_context(|| format!("cannot write {}", page.display()))?;
    // `trunk serve` puts a script of its own into the page and builds again and again: no policy and
    // no service worker there.
    if std::env::var("TRUNK_PROFILE").is_ok_and(|profile| profile == "debug") { Ok(()) } else { shell::finish(folder) }
}

/// What the site would be built from now, as a hash.
pub fn stamp(paths: &Paths) -> Result<String> {
    let mut files = BTreeMap::new();
    for source in SOURCES {
        hash_files(&paths.root.join(source), source, &mut files)?;
    }
    let mut hasher = Sha256::new();
    for (name, hash) in files {
        hasher.update(format!("{name} {hash}\n"));
    }
    hasher.update(pack::key(paths)?);
    Ok(model::hex(&hasher.finalize()))
}

/// Hashes the files at and below `path` into `into`, by name.
pub fn hash_files(path: &Path, name: &str, into: &mut BTreeMap<String, String>) -> Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
            let entry = entry?;
            hash_files(&entry.path(), &format!("{name}/{}", entry.file_name().to_string_lossy()), into)?;
        }
    } else if path.is_file() {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        into.insert(name.to_owned(), model::hex(&Sha256::digest(&bytes)));
    }
    Ok(())
}

/// Hard links every file of a flat folder (a copy where that cannot be).
fn link_folder(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to).with_context(|| format!("cannot remove {}", to.display()))?;
    }
    std::fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if std::fs::hard_link(entry.path(), &target).is_err() {
            std::fs::copy(entry.path(), &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}

/// Sets a number of the tag named temporal-lens-pack. Trunk may have taken the quotes away.
fn with_pack_bytes(html: &str, attribute: &str, bytes: u64) -> Option<String> {
    let name = html.find("temporal-lens-pack")?;
    let start = html[..name].rfind('<')?;
    let end = name + html[name..].find('>')?;
    let attribute = format!(" {attribute}=");
    let value = start + html[start..end].find(&attribute)? + attribute.len();
    let length = html[value..end].find(|c: char| !(c.is_ascii_digit() || c == '"')).unwrap_or(end - value);
    Some(format!("{}\"{bytes}\"{}", &html[..value], &html[value + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_the_bytes_of_its_pack() {
        let html = r#"<p><meta name="temporal-lens-pack" content="models/default/" data-bytes="0" /><p>"#;
        let expected = r#"<p><meta name="temporal-lens-pack" content="models/default/" data-bytes="123" /><p>"#;
        assert_eq!(with_pack_bytes(html, "data-bytes", 123).unwrap(), expected);
        let terse = "<meta name=temporal-lens-pack data-bytes=0>";
        assert_eq!(with_pack_bytes(terse, "data-bytes", 7).unwrap(), "<meta name=temporal-lens-pack data-bytes=\"7\">");
        assert!(with_pack_bytes("<p>", "data-bytes", 1).is_none());
    }
}
