//! `cargo xtask dev`: serves the page while it is worked on, and builds it again whenever a source changes.
//!
//! The sources are looked at several times a second: a few hundred files take a millisecond or two, and no
//! system's own way of watching files is needed. A build that fails leaves the last page in place.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};

use crate::paths::Paths;
use crate::setup::SiteTools;
use crate::site::Kind;
use crate::{console, model, pack, server, setup, shell, site};

/// How often the sources are looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// Builds, serves, and builds again until it is stopped.
pub fn run(paths: &Paths, port: u16) -> Result<()> {
    let tools = setup::for_site(paths)?;
    pack::find_or_make(paths, &model::fetch(paths)?)?;
    let folder = Kind::Dev.folder(paths);
    let mut seen = modified(paths)?;
    build(paths, &tools);
    let running = server::start(server::Options {
        port,
        prefix: "/".to_owned(),
        ranges: true,
        folders: vec![(String::new(), folder)],
    })?;
    console::line("watching the sources; end with Ctrl-C");
    println!("{}", running.url);
    loop {
        std::thread::sleep(INTERVAL);
        let found = modified(paths)?;
        if found == seen {
            continue;
        }
        for name in changes(&seen, &found) {
            console::line(&format!("    {name}"));
        }
        // From before the build: what is saved while it runs is built next.
        seen = found;
        build(paths, &tools);
    }
}

/// Builds the page; what went wrong is printed, and the page stays as it was.
fn build(paths: &Paths, tools: &SiteTools) {
    let started = Instant::now();
    let built = site::run_trunk(paths, tools, Kind::Dev).and_then(|()| {
        let number = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let file = Kind::Dev.folder(paths).join(shell::BUILD_FILE);
        Ok(lens_files::write_whole(&file, number.to_string().as_bytes())?)
    });
    match built {
        Ok(()) => console::line(&format!("    the page is new [{}]", console::spell(started.elapsed()))),
        Err(error) => console::line(&format!("{error:#}\n    the page stays as it was; save a file to try again")),
    }
}

/// When each source was changed last, by its path in the tree.
fn modified(paths: &Paths) -> Result<BTreeMap<String, SystemTime>> {
    let mut files = BTreeMap::new();
    for source in site::SOURCES {
        add_modified(&paths.root.join(source), source, &mut files)?;
    }
    Ok(files)
}

fn add_modified(path: &Path, name: &str, into: &mut BTreeMap<String, SystemTime>) -> Result<()> {
    // An editor may replace a file between two calls: what is gone for a moment is no error.
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?.flatten() {
            add_modified(&entry.path(), &format!("{name}/{}", entry.file_name().to_string_lossy()), into)?;
        }
    } else {
        into.insert(name.to_owned(), metadata.modified().context("this system keeps no times of files")?);
    }
    Ok(())
}

/// Names of the files that are in one of the two only, or differ.
fn changes<'a>(before: &'a BTreeMap<String, SystemTime>, after: &'a BTreeMap<String, SystemTime>) -> Vec<&'a str> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let changed = after.iter().filter(|(name, time)| before.get(*name) != Some(time)).map(|(name, _)| name);
    gone.chain(changed).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_changed_and_removed_files_are_changes() {
        let base = tempfile::tempdir().unwrap();
        let scan = || {
            let mut files = BTreeMap::new();
            add_modified(base.path(), "web", &mut files).unwrap();
            files
        };
        let write = |name: &str, text: &str| std::fs::write(base.path().join(name), text).unwrap();
        write("same.rs", "");
        write("gone.rs", "");
        let before = scan();
        assert_eq!(changes(&before, &scan()), Vec::<&str>::new());
        std::fs::remove_file(base.path().join("gone.rs")).unwrap();
        write("new.rs", "");
        let after = scan();
        assert_eq!(changes(&before, &after), ["web/gone.rs", "web/new.rs"]);
        let file = std::fs::File::options().write(true).open(base.path().join("new.rs")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(changes(&after, &scan()), ["web/new.rs"]);
    }
}
