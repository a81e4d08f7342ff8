//! The site: Trunk builds it, the packed model goes next to it, and a stamp tells whether it still is
//! what the sources say.
//!
//! A build takes as little as what changed allows: cargo compiles a module again where its sources changed,
//! and `xtask/node/cached-tool.mjs` remembers what wasm-bindgen and wasm-opt made of a module. A changed
//! text or style compiles nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::console;
use crate::paths::Paths;
use crate::process::{Task, answer};
use crate::setup::{SiteTools, python};
use crate::{hash, landing, model, one_file, pack, setup, shell};

/// What tells trunk's hook, [`add_pack`], which [`Kind`] of site is built.
const KIND_VARIABLE: &str = "TEMPORAL_LENS_SITE";

/// What a site is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For any host: link-time optimization and wasm-opt, small and slow to build.
    Published,
    /// For this machine: the same page, built quickly.
    Quick,
    /// While it is worked on: built quickly, without policy and service worker, reloading itself.
    Dev,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Published, Self::Quick, Self::Dev];

    fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Quick => "quick",
            Self::Dev => "dev",
        }
    }

    /// Where Trunk puts it.
    pub fn folder(self, paths: &Paths) -> PathBuf {
        match self {
            Self::Published => paths.dist(),
            other => paths.target.join("site").join(other.name()),
        }
    }
}

/// All that the built site depends on. Tests and the command line alone are not part of it.
pub const SOURCES: [&str; 18] = [
    "index.html",
    "Trunk.toml",
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    "crates/analysis",
    "crates/engine",
    "crates/model",
    "crates/pack",
    "crates/session",
    "crates/tokenizer",
    "crates/umap",
    "crates/view",
    "web",
    "demo",
    "xtask/add-pack.sh",
    "xtask/src/landing",
    "xtask/src/one_file.rs",
];

/// Kept in the built site: the hash of the sources it was built from.
const STAMP: &str = ".built-from";

/// Where the default pack lies in the site; the page's own `<meta name="temporal-lens-pack">` says the same.
const PACK_FOLDER: &str = "models/default";

/// Builds the site with its pack unless it is there already; answers where.
pub fn build(paths: &Paths, kind: Kind) -> Result<PathBuf> {
    let dist = kind.folder(paths);
    let wanted = stamp(paths)?;
    if std::fs::read_to_string(dist.join(STAMP)).is_ok_and(|found| found == wanted) {
        console::line("    the site is up to date");
        return Ok(dist);
    }
    let tools = setup::for_site(paths)?;
    // Before trunk, so that its hook only has to link the files.
    pack::find_or_make(paths, &model::fetch(paths)?)?;
    run_trunk(paths, &tools, kind)?;
    // Last: a site that is not whole has no stamp.
    lens_files::write_whole(&dist.join(STAMP), wanted.as_bytes())?;
    Ok(dist)
}

/// Runs Trunk, whatever is there already.
pub fn run_trunk(paths: &Paths, tools: &SiteTools, kind: Kind) -> Result<()> {
    let folder = kind.folder(paths);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Task::new("building the site (trunk)", "trunk")
        .arg("build")
        .args((kind == Kind::Published).then_some("--release"))
        .arg("--dist")
        .arg(&folder)
        .envs(tools.env.iter().map(|(key, value)| (key, value)))
        .envs([("CARGO_TARGET_DIR", &paths.target), ("TEMPORAL_LENS_XTASK", &paths.own)])
        .envs([(KIND_VARIABLE, kind.name())])
        // trunk takes NO_COLOR=1 for a wrong value of its own flag.
        .without_env("NO_COLOR")
        .in_folder(&paths.root)
        .log_to(paths.logs().join("site.log"))
        .run()?;
    Ok(())
}

/// Puts the pack next to the pages in `folder`, and writes into the page how many bytes it is and which
/// commit was built. Trunk calls this after every build (xtask/add-pack.sh), so that `trunk serve` serves
/// the model, too.
pub fn add_pack(paths: &Paths, folder: &Path) -> Result<()> {
    let packed = pack::find_or_make(paths, &model::fetch(paths)?)?;
    link_folder(&packed, &folder.join(PACK_FOLDER))?;
    let page = folder.join("index.html");
    let html = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    let pack::Bytes { load, embedding, words } = pack::bytes(&packed)?;
    let html = with_pack_bytes(&html, "data-bytes", load)
        .and_then(|html| with_pack_bytes(&html, "data-embedding-bytes", embedding))
        .and_then(|html| with_pack_bytes(&html, "data-words-bytes", words))
        .context("index.html: no temporal-lens-pack tag")?;
    let html = with_commit(&html, &commit(paths)).context("index.html: no temporal-lens-commit tag")?;
    lens_files::write_whole(&page, html.as_bytes())?;
    // Whoever hosts the page may list more.
    let models = folder.join("models.json");
    let list = serde_json::json!({
        "format": "temporal-lens-models/1",
        "models": [{ "url": format!("{PACK_FOLDER}/"), "title": "Gemma 3 270M with the default TemporalSAE" }],
    });
    lens_files::write_whole(&models, format!("{list:#}\n").as_bytes())?;
    one_file::add(folder)?;
    landing::add(folder, landing::address::known()?.as_deref())?;
    // Trunk by itself serves what it builds: without policy and service worker, as while a page is worked on.
    let kind = std::env::var(KIND_VARIABLE).unwrap_or_else(|_| {
        let is_debug = std::env::var("TRUNK_PROFILE").is_ok_and(|profile| profile == "debug");
        if is_debug { String::new() } else { Kind::Published.name().to_owned() }
    });
    match Kind::ALL.into_iter().find(|known| known.name() == kind) {
        Some(Kind::Published | Kind::Quick) => shell::finish(folder),
        Some(Kind::Dev) => shell::add_reload(folder),
        None => Ok(()),
    }
}

/// The commit that is checked out; empty where there is no repository.
fn commit(paths: &Paths) -> String {
    let root = paths.root.to_string_lossy();
    answer("git", &["-C", &root, "rev-parse", "--short=12", "HEAD"]).unwrap_or_default()
}

/// Writes `commit` into the tag named temporal-lens-commit.
fn with_commit(html: &str, commit: &str) -> Option<String> {
    let name = html.find("temporal-lens-commit")?;
    let start = html[..name].rfind('<')?;
    let end = name + html[name..].find('>')?;
    Some(format!("{}<meta name=\"temporal-lens-commit\" content=\"{commit}\" /{}", &html[..start], &html[end..]))
}

/// What the site would be built from now, as a hash.
pub fn stamp(paths: &Paths) -> Result<String> {
    let mut files = BTreeMap::new();
    for source in SOURCES {
        hash::files(&paths.root.join(source), source, &mut files)?;
    }
    let mut hasher = Sha256::new();
    for (name, hash) in files {
        hasher.update(format!("{name} {hash}\n"));
    }
    hasher.update(pack::key(paths)?);
    hasher.update(landing::address::known()?.unwrap_or_default());
    Ok(hash::hex(&hasher.finalize()))
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

/// Greatest file that common static hosts take.
const HOSTED_BYTES_MAX: u64 = 50_000_000;

/// Copies the built site with its model to `out`, and zips it beside: a folder for any static host. Answers
/// the zip and how many bytes the folder has.
pub fn bundle(dist: &Path, out: &Path) -> Result<(PathBuf, u64)> {
    if out.exists() {
        // Only what looks like an earlier one is replaced.
        let is_ours = out.join("index.html").is_file() && out.join("worker-loader.js").is_file();
        if !is_ours && std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
            bail!("{} is there already and is not an earlier copy of the site", out.display());
        }
        std::fs::remove_dir_all(out).with_context(|| format!("cannot remove {}", out.display()))?;
    }
    let bytes = copy_folder(dist, out)?;
    let zip = out.with_extension("zip");
    let python = python::require_pip()?;
    Task::new("zipping the site", &python).args(["-m", "zipfile", "-c"]).args([&zip]).args([out]).run()?;
    Ok((zip, bytes))
}

/// Copies a folder's files but hidden ones; answers their bytes.
fn copy_folder(from: &Path, to: &Path) -> Result<u64> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let mut bytes = 0;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            bytes += copy_folder(&path, &target)?;
            continue;
        }
        let copied = std::fs::copy(&path, &target).with_context(|| format!("cannot write {}", target.display()))?;
        if copied > HOSTED_BYTES_MAX {
            bail!("{} has {copied} bytes: many hosts take at most {HOSTED_BYTES_MAX}", path.display());
        }
        bytes += copied;
    }
    Ok(bytes)
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
    fn a_bundle_replaces_only_an_earlier_one_and_has_no_large_file() {
        let base = std::env::temp_dir().join(format!("xtask-bundle-{}", std::process::id()));
        let (dist, out) = (base.join("dist"), base.join("out"));
        std::fs::create_dir_all(dist.join("models")).unwrap();
        for name in ["index.html", "worker-loader.js", "models/a", ".built-from"] {
            std::fs::write(dist.join(name), "12345").unwrap();
        }
        for _ in 0..2 {
            let (zip, bytes) = bundle(&dist, &out).unwrap();
            assert!(bytes == 15 && zip.is_file() && !out.join(".built-from").exists());
        }
        let large = std::fs::File::create(dist.join("models/large")).unwrap();
        large.set_len(HOSTED_BYTES_MAX + 1).unwrap();
        assert!(bundle(&dist, &out).unwrap_err().to_string().contains("models/large"));
        let other = base.join("other");
        std::fs::create_dir_all(&other).unwrap();
        std::fs::write(other.join("thesis.txt"), "").unwrap();
        assert!(bundle(&dist, &other).unwrap_err().to_string().contains("not an earlier copy"));
        assert!(other.join("thesis.txt").exists());
        std::fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn the_page_names_the_bytes_of_its_pack_and_its_commit() {
        let html = r#"<p><meta name="temporal-lens-pack" content="models/default/" data-bytes="0" /><p>"#;
        let expected = r#"<p><meta name="temporal-lens-pack" content="models/default/" data-bytes="123" /><p>"#;
        assert_eq!(with_pack_bytes(html, "data-bytes", 123).unwrap(), expected);
        let terse = "<meta name=temporal-lens-pack data-bytes=0>";
        assert_eq!(with_pack_bytes(terse, "data-bytes", 7).unwrap(), "<meta name=temporal-lens-pack data-bytes=\"7\">");
        assert!(with_pack_bytes("<p>", "data-bytes", 1).is_none());
        let named = r#"<p><meta name="temporal-lens-commit" content="abc" /><p>"#;
        for html in [
            r#"<p><meta name="temporal-lens-commit" content="" /><p>"#,
            "<p><meta name=temporal-lens-commit content><p>",
        ] {
            assert_eq!(with_commit(html, "abc").unwrap(), named);
        }
        assert!(with_commit("<p>", "abc").is_none());
    }
}
