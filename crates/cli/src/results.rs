//! Results of a command, before it computes anything: whether they can be written, and replace nothing that they are made of.
//!
//! Every command that writes asks here, with all that it reads: a file may have two names, and a folder's files count.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use lens_files::folder_of;
use lens_pack::folder::is_pack;
use lens_pack::instead::first_bytes;

/// Refuses results in a folder that is not there, in a folder's place, in the place of one of `inputs` or inside one of them (a
/// pack), and two of one name.
pub fn check(results: &[&Path], inputs: &[&Path]) -> Result<()> {
    let mut places: Vec<PathBuf> = Vec::with_capacity(results.len());
    for result in results {
        if result.as_os_str() == "-" {
            bail!("cannot write \"-\": name /dev/stdout to print a result, or ./- for a file of this name");
        }
        if result.is_dir() {
            bail!("cannot write {}: it is a folder; name a file in it", result.display());
        }
        let folder = folder_of(result);
        let Ok(place) = folder.canonicalize() else {
            bail!("cannot write {}: there is no folder {}; make it first", result.display(), folder.display());
        };
        if !place.is_dir() {
            bail!("cannot write {}: {} is not a folder", result.display(), folder.display());
        }
        let Some(name) = result.file_name() else {
            bail!("cannot write {}: it does not name a file", result.display())
        };
        let place = place.join(name);
        if places.contains(&place) {
            bail!("{} is named for two results; give each a file of its own", result.display());
        }
        replaces_none(result, inputs)?;
        places.push(place);
    }
    Ok(())
}

/// Refuses a result that is one of `inputs`, by whatever names, or that lies among the files of one that is a folder.
fn replaces_none(result: &Path, inputs: &[&Path]) -> Result<()> {
    let ours = places(result);
    let is_ours = |path: &Path| places(path).iter().any(|place| ours.contains(place));
    for input in inputs {
        if is_ours(input) {
            bail!("{} would replace what it is made of; name another file", result.display());
        }
        let Some(folder) = input.canonicalize().ok().filter(|input| input.is_dir()) else { continue };
        let lies_in = ours.iter().any(|place| place.parent() == Some(&folder));
        // A link in the folder may lead to the file.
        let has_link = || std::fs::read_dir(&folder).into_iter().flatten().flatten().any(|file| is_ours(&file.path()));
        if lies_in || (result.exists() && has_link()) {
            bail!("{} lies in {}, which is read; name a file elsewhere", result.display(), input.display());
        }
    }
    Ok(())
}

/// What `path` is without links: its name in the folder that it lies in, and the file that a link of this name leads to. None
/// of devices and pipes, which a command may read from and write to: a terminal is one.
fn places(path: &Path) -> Vec<PathBuf> {
    if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Vec::new();
    }
    let named = path.file_name().and_then(|name| Some(folder_of(path).canonicalize().ok()?.join(name)));
    named.into_iter().chain(path.canonicalize().ok()).collect()
}

/// Begins the format of an analysis, of every version.
pub const ANALYSIS_FORMAT: &str = "temporal-lens-analysis/";
/// Begins the format of an index of dashboards, of every version.
pub const DASHBOARDS_FORMAT: &str = "temporal-lens-dashboards/";

/// A folder for results.
pub struct Folder<'a> {
    /// Where.
    pub out: &'a Path,
    /// Names that are written into it, as far as they are known.
    pub names: &'a [&'a str],
    /// What the command reads.
    pub inputs: &'a [&'a Path],
    /// How the `format` of its index.json begins: the other `names` there are replaced only where that is ours.
    pub format: Option<&'a str>,
}

/// Refuses a folder for results that cannot be one: a file's place, a link to nothing, one of its inputs, a pack, whose files
/// have checksums; one whose index.json is of another kind than `format`, or that has one of `names` without such an index; and
/// one where a name is that of an input, of a folder, or of a device. A folder that does not exist yet is accepted.
pub fn check_folder(folder: &Folder<'_>) -> Result<()> {
    let Folder { out, names, inputs, format } = *folder;
    let refused = |why: &str| Err(anyhow!("cannot write into {}: {why}", out.display()));
    if out.as_os_str().is_empty() {
        bail!("--out is empty; name a folder");
    }
    if out.is_symlink() && !out.exists() {
        return refused("it is a link to a folder that is not there");
    }
    let there = out.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.exists());
    match there.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(file) if file == out => return refused("it is a file; name a folder"),
        Some(file) => return refused(&format!("{} is a file", file.display())),
        None => {}
    }
    if is_pack(out) {
        return refused("it is the folder of a pack; name another one");
    }
    let place = out.canonicalize().ok();
    if place.is_some() && inputs.iter().any(|input| input.canonicalize().ok() == place) {
        return refused("it is an input of this command; name another folder");
    }
    if place.is_none() {
        return Ok(());
    }
    for name in names {
        let path = out.join(name);
        if let Some(what) = not_a_file(&path) {
            return refused(&format!("its {name} is {what}, where a file is to be written; name another folder"));
        }
        replaces_none(&path, inputs)?;
    }
    let Some(format) = format else { return Ok(()) };
    // A link there is replaced, and what it leads to stays.
    let is_there = |name: &str| out.join(name).is_file() && !out.join(name).is_symlink();
    let index = "index.json";
    let is_ours = is_there(index) && std::fs::read_to_string(out.join(index)).is_ok_and(|json| json.contains(format));
    match std::iter::once(&index).chain(names).find(|name| is_there(name)) {
        Some(name) if !is_ours => {
            refused(&format!("its {name} is of something else, and would be replaced; name another folder"))
        }
        _ => Ok(()),
    }
}

/// What is in a file's place and cannot be replaced by one; links are replaced, but for those to folders.
pub fn not_a_file(path: &Path) -> Option<&'static str> {
    let found = path.symlink_metadata().ok()?;
    match found.file_type() {
        kind if kind.is_dir() => Some("a folder"),
        kind if kind.is_symlink() => path.is_dir().then_some("a link to a folder"),
        kind if kind.is_file() => None,
        _ => Some("a device or a pipe"),
    }
}

/// Whether the file at `path` is there and begins as none that has one of `formats` in it: a user's own, which a result of
/// ours is not to replace. What is empty holds nothing; a link is replaced, and what it leads to stays.
pub fn is_foreign(path: &Path, formats: &[&str]) -> bool {
    let is_there = path.is_file() && !path.is_symlink();
    let head = if is_there { first_bytes(path) } else { Vec::new() };
    let head = String::from_utf8_lossy(&head);
    !head.is_empty() && !formats.iter().any(|format| head.contains(format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_in_a_wrong_place_are_refused_with_a_sentence() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        std::fs::create_dir(at("pack")).unwrap();
        std::fs::write(at("text.txt"), "a").unwrap();
        let refusal = |results: &[PathBuf]| {
            let results: Vec<&Path> = results.iter().map(PathBuf::as_path).collect();
            check(&results, &[&at("text.txt"), &at("pack")]).map_err(|e| e.to_string())
        };
        assert_eq!(refusal(&[at("a.json"), at("b.json")]), Ok(()));
        assert_eq!(refusal(&[PathBuf::from("result-that-is-not-there.json")]), Ok(()));
        for (results, words) in [
            (vec![at("none/a.json")], "there is no folder"),
            (vec![at("text.txt/a.json")], "text.txt"),
            (vec![at("pack")], "it is a folder"),
            (vec![at("a.json"), at("pack/../a.json")], "two results"),
            (vec![at("pack/../text.txt")], "replace what it is made of"),
            (vec![at("pack/manifest.json")], "which is read"),
        ] {
            let found = refusal(&results).unwrap_err();
            assert!(found.contains(words), "{found}");
        }
    }

    #[test]
    fn a_users_own_file_is_distinguished_from_a_result() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("a.json");
        assert!(!is_foreign(&file, &["\"ours/"]));
        for (text, foreign) in [("", false), ("my notes", true), ("{\"format\":\"ours/1\", cut sh", false)] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(is_foreign(&file, &["\"ours/"]), foreign, "{text}");
        }
    }

    #[test]
    fn folders_that_hold_something_else_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        for folder in ["pack", "texts", "ours", "theirs", "new-app", "page", "notes", "odd/index.js"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for (file, text) in [
            ("pack/manifest.json", "{\"format\": \"temporal-lens-pack\"}"),
            ("new-app/manifest.json", "{\"name\": \"an app\"}"),
            ("file", ""),
            ("ours/index.json", "{\"format\": \"ours/1\"}"),
            ("theirs/index.json", "{}"),
            ("ours/index.js", "of the last run"),
            ("page/index.js", "my own"),
            ("notes/index.js", "read by the command"),
        ] {
            std::fs::write(at(file), text).unwrap();
        }
        let refusal = |out: &str| {
            let (out, texts, notes) = (at(out), at("texts"), at("notes/index.js"));
            let inputs: &[&Path] = &[&texts, &notes];
            check_folder(&Folder { out: &out, names: &["index.js"], inputs, format: Some("ours/") })
                .map_err(|e| e.to_string())
        };
        for out in ["new", "new/below", "ours", "new-app"] {
            assert_eq!(refusal(out), Ok(()), "{out}");
        }
        for (out, words) in [
            ("file", "name a folder"),
            ("file/below", "file is a file"),
            ("pack", "a pack"),
            ("texts", "an input of this command"),
            ("theirs", "its index.json is of something else"),
            ("page", "its index.js is of something else"),
            ("notes", "would replace what it is made of"),
            ("odd", "its index.js is a folder"),
        ] {
            let found = refusal(out).unwrap_err();
            assert!(found.contains(words), "{out}: {found}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
            assert!(refusal("link").unwrap_err().contains("a link to a folder that is not there"));
            // What a link leads to is an input under another name.
            std::os::unix::fs::symlink(at("file"), at("texts/link.txt")).unwrap();
            std::os::unix::fs::symlink(at("file"), at("other-name")).unwrap();
            for (result, input) in
                [("file", "texts"), ("file", "other-name"), ("other-name", "file"), ("other-name", "other-name")]
            {
                let found = check(&[&at(result)], &[&at(input)]).map_err(|e| e.to_string());
                let words = if input == "texts" { "which is read" } else { "replace what it is made of" };
                assert!(found.as_ref().is_err_and(|e| e.contains(words)), "{result} made of {input}: {found:?}");
            }
            let null = Path::new("/dev/null");
            assert_eq!(check(&[null], &[null]).map_err(|e| e.to_string()), Ok(()));
            std::os::unix::fs::symlink(null, at("to-null")).unwrap();
            assert_eq!(not_a_file(&at("to-null")), None, "the link is replaced");
            assert_eq!(not_a_file(null), Some("a device or a pipe"));
        }
    }
}
