//! Results of a command, before it computes anything: whether they can be written, and replace nothing that they are made of.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

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

/// The folder that a file of that name lies in.
fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
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
}
