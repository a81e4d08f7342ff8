//! Results of a command, before it computes anything: whether they can be written, and replace nothing that they are made of.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use lens_files::folder_of;
use lens_pack::folder::is_pack;

/// Refuses results in a folder that is not there, in a folder's place, in the place of one of `inputs` or inside one of them (a
/// pack), and two of one name.
pub fn check(results: &[&Path], inputs: &[&Path]) -> Result<()> {
    let mut places: Vec<PathBuf> = Vec::with_capacity(results.len());
    for result in results {
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
        for input in inputs.iter().filter_map(|input| input.canonicalize().ok()) {
            if place == input {
                bail!("{} would replace what it is made of; name another file", result.display());
            }
            if input.is_dir() && place.parent() == Some(&input) {
                bail!("{} lies in {}, which is read; name a file elsewhere", result.display(), input.display());
            }
        }
        places.push(place);
    }
    Ok(())
}

/// Refuses a folder for results that cannot be one: a file's place, a link to nothing, one of `inputs`, a pack, whose files have
/// checksums; or one whose index.json is of another kind than `format`. A folder that does not exist yet is accepted.
pub fn check_folder(out: &Path, inputs: &[&Path], format: Option<&str>) -> Result<()> {
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
    let index = out.join("index.json");
    // A link there is replaced, and what it leads to stays.
    let is_there = index.is_file() && !index.is_symlink();
    match format {
        Some(format) if is_there && !std::fs::read_to_string(&index).is_ok_and(|json| json.contains(format)) => {
            refused("its index.json is of something else, and would be replaced; name another folder")
        }
        _ => Ok(()),
    }
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
    fn folders_that_hold_something_else_are_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        for folder in ["pack", "texts", "ours", "theirs", "new-app"] {
            std::fs::create_dir(at(folder)).unwrap();
        }
        for (file, text) in [
            ("pack/manifest.json", "{\"format\": \"temporal-lens-pack\"}"),
            ("new-app/manifest.json", "{\"name\": \"an app\"}"),
            ("file", ""),
            ("ours/index.json", "{\"format\": \"ours/1\"}"),
            ("theirs/index.json", "{}"),
        ] {
            std::fs::write(at(file), text).unwrap();
        }
        let refusal = |out: &str| check_folder(&at(out), &[&at("texts")], Some("ours/")).map_err(|e| e.to_string());
        for out in ["new", "new/below", "ours", "new-app"] {
            assert_eq!(refusal(out), Ok(()), "{out}");
        }
        for (out, words) in [
            ("file", "name a folder"),
            ("file/below", "file is a file"),
            ("pack", "a pack"),
            ("texts", "an input of this command"),
            ("theirs", "something else"),
        ] {
            let found = refusal(out).unwrap_err();
            assert!(found.contains(words), "{out}: {found}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
            assert!(refusal("link").unwrap_err().contains("a link to a folder that is not there"));
        }
    }
}
