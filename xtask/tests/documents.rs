//! Documents name files that exist: links, paths in the text, and documents named in the source.

// A test that cannot read the tree has failed.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// Folders of the tree; a word that begins with one of them is a path.
const FOLDERS: [&str; 8] = ["crates/", "web/", "tests/", "docs/", "demo/", "xtask/", ".github/", ".cargo/"];

/// What source files are.
const SOURCES: [&str; 8] = ["rs", "mjs", "js", "py", "css", "html", "wgsl", "toml"];

/// Named in the source as files of other projects.
const ELSEWHERE: [&str; 1] = ["docs/gguf.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Files with one of these endings at and below `folder`; builds and downloads are left out.
fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if !["target", "node_modules", "fixtures", ".git", "dist"].iter().any(|skipped| name == *skipped) {
                files(&path, endings, found);
            }
        } else if path.extension().is_some_and(|ending| endings.iter().any(|it| ending == *it)) {
            found.push(path);
        }
    }
}

/// The project's documents.
fn documents() -> Vec<PathBuf> {
    let root = root();
    let mut found: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .iter()
        .chain(&["demo/README.md", "tests/fixtures/README.md"])
        .map(|name| root.join(name))
        .collect();
    files(&root.join("docs"), &["md"], &mut found);
    found
}

/// Paths of the tree that `text` names.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-./*<>{}".contains(c)))
        .map(|word| word.trim_end_matches(['.', '/']))
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        // Patterns of other kinds stand for several files.
        .filter(|word| !word.contains(['<', '>', '{', '}']) && !ELSEWHERE.contains(word))
}

/// Whether `path` exists below `base`; of a path with a star, what comes before it.
fn exists(base: &Path, path: &str) -> bool {
    match path.split_once('*') {
        Some((before, _)) => base.join(before.rsplit_once('/').map_or("", |(folder, _)| folder)).is_dir(),
        None => base.join(path).exists(),
    }
}

/// Targets of the relative links of a document, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

#[test]
fn every_link_and_path_of_a_document_exists() {
    let root = root();
    let mut missing = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        let name = document.strip_prefix(&root).unwrap().display().to_string();
        missing.extend(links(&text).filter(|link| !folder.join(link).exists()).map(|link| format!("{name}: {link}")));
        // A change log names what was, too.
        if !name.starts_with("CHANGELOG") {
            missing.extend(paths(&text).filter(|path| !exists(&root, path)).map(|path| format!("{name}: {path}")));
        }
    }
    assert!(missing.is_empty(), "these do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_document_named_in_the_source_exists() {
    let root = root();
    let mut sources = Vec::new();
    files(&root, &SOURCES, &mut sources);
    assert!(sources.len() > 100, "{} source files", sources.len());
    let mut missing = Vec::new();
    for source in sources {
        let Ok(text) = std::fs::read_to_string(&source) else { continue };
        let named = paths(&text).filter(|path| path.starts_with("docs/") && !exists(&root, path));
        missing.extend(named.map(|path| format!("{}: {path}", source.display())));
    }
    assert!(missing.is_empty(), "these do not exist:\n{}", missing.join("\n"));
}

#[test]
fn paths_and_links_are_found() {
    let text = "See [it](a/b.md#part), [all](https://x/y) and `crates/no/such.rs`, tests/*.mjs or crates/<name>/src.";
    assert_eq!(links(text).collect::<Vec<_>>(), ["a/b.md"]);
    assert_eq!(paths(text).collect::<Vec<_>>(), ["crates/no/such.rs", "tests/*.mjs"]);
    assert!(exists(&root(), "tests/*.mjs") && !exists(&root(), "crates/no/such.rs"));
}
