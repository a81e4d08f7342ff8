//! The structure of the tree: no import cycle inside a crate, no crate that depends on one of its own floor or
//! above; no workflow that runs what it does not name by its content; no dependency that deny.toml does not allow.
//!
//! | file | what it does |
//! |---|---|
//! | [`source`] | one file's modules, definitions, re-exports, and the paths it names |
//! | [`graph`] | paths to files, files to import cycles |
//! | [`packages`] | where the packages are |
//! | [`floors`] | crates and their floors |
//! | [`dependencies`] | licenses, sources and versions against deny.toml |
//! | [`workflows`] | actions pinned by hash, `id-token` only where something is published |
//!
//! A cycle means that none of its files can be read, tested or moved without the others. `mod x;` is no
//! use of `x`, and a re-export (`pub use x::Y`) is followed to where `Y` is defined, so that a module's root may
//! list what is in it. Tests inside a file (`#[cfg(test)]`) are left out: they may use anything.

mod dependencies;
mod floors;
mod graph;
mod packages;
mod source;
mod workflows;

use std::path::Path;

use anyhow::Result;

/// What is wrong with the tree's structure, a sentence each; empty when all is well.
pub fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = floors::problems(root)?;
    problems.extend(workflows::problems(root)?);
    problems.extend(dependencies::problems(root)?);
    for folder in packages::folders(root)? {
        let name = |file: &Path| file.strip_prefix(root).unwrap_or(file).display().to_string();
        for cycle in graph::import_cycles(&folder.join("src"))? {
            let mut lines = vec![format!(
                "an import cycle of {} files; move what they share below both, or join them:",
                cycle.files.len()
            )];
            for import in &cycle.imports {
                lines.push(format!(
                    "  {} uses {} of {}",
                    name(&import.from),
                    import.names.join(", "),
                    name(&import.to)
                ));
            }
            problems.push(lines.join("\n"));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of two crates; what each test changes in it is wrong.
    fn workspace() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        write(&root, "crates/pack/Cargo.toml", "[package]\nname = \"lens-pack\"\n");
        write(&root, "crates/pack/src/lib.rs", "mod bytes;\nmod rows;\npub use rows::Rows;\n");
        write(&root, "crates/pack/src/bytes.rs", "pub struct Bytes;");
        write(&root, "crates/pack/src/rows.rs", "use crate::bytes::Bytes;\npub struct Rows(Bytes);");
        write(
            &root,
            "crates/model/Cargo.toml",
            "[package]\nname = \"lens-model\"\n[dependencies]\nlens-pack.workspace = true\n",
        );
        write(&root, "crates/model/src/lib.rs", "");
        root
    }

    fn write(root: &tempfile::TempDir, file: &str, text: &str) {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_sound_workspace_has_no_problem() {
        assert_eq!(problems(workspace().path()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_planted_import_cycle_is_found_through_a_re_export() {
        let root = workspace();
        write(&root, "crates/pack/src/bytes.rs", "pub struct Bytes;\nfn f(_: &crate::Rows) {}");
        let [problem] = problems(root.path()).unwrap().try_into().unwrap();
        assert!(problem.contains("crates/pack/src/bytes.rs uses Rows of crates/pack/src/rows.rs"), "{problem}");
        assert!(problem.contains("crates/pack/src/rows.rs uses Bytes of crates/pack/src/bytes.rs"), "{problem}");
    }

    #[test]
    fn a_planted_upward_dependency_is_found() {
        let root = workspace();
        let text = "[package]\nname = \"lens-pack\"\n[dependencies]\nlens-model = { path = \"../model\" }\n";
        write(&root, "crates/pack/Cargo.toml", text);
        let [problem] = problems(root.path()).unwrap().try_into().unwrap();
        assert!(problem.contains("lens-pack") && problem.contains("lens-model"), "{problem}");
    }

    #[test]
    fn a_crate_without_a_floor_is_asked_for_one() {
        let root = workspace();
        write(&root, "crates/new/Cargo.toml", "[package]\nname = \"lens-new\"\n");
        write(&root, "crates/new/src/lib.rs", "");
        let [problem] = problems(root.path()).unwrap().try_into().unwrap();
        assert!(problem.contains("lens-new") && problem.contains("floor"), "{problem}");
    }
}
