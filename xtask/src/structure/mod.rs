//! The structure of the tree: no import cycle inside a crate, no crate that depends on one of its own floor or
//! above; no dependency that is not used, or that deny.toml does not allow; no workflow that runs what it does not name by
//! its content.
//!
//! | file | what it does |
//! |---|---|
//! | [`source`] | one file's modules, definitions, re-exports, and the paths it names |
//! | [`graph`] | paths to files, files to import cycles |
//! | [`packages`] | where the packages are |
//! | [`manifest`] | what a package depends on |
//! | [`floors`] | crates and their floors |
//! | [`unused`] | dependencies that are in no use |
//! | [`dependencies`] | licenses, sources and versions against deny.toml |
//! | [`workflows`] | actions pinned by hash, `id-token` only where something is published |
//!
//! A cycle means that none of its files can be read, tested or moved without the others. `mod x;` is no
//! use of `x`, and a re-export (`pub use x::Y`) is followed to where `Y` is defined, so that a module's root may
//! list what is in it. Tests inside a file (`#[cfg(test)]`) are left out: they may use anything.

mod dependencies;
mod floors;
mod graph;
mod manifest;
mod packages;
mod source;
mod unused;
mod workflows;

use std::path::Path;

use anyhow::Result;

use manifest::Manifest;

/// What is wrong with the tree's structure, a sentence each; empty when all is well.
pub fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = workflows::problems(root)?;
    problems.extend(dependencies::problems(root)?);
    let workspace = manifest::of_workspace(root)?;
    let mut manifests = Vec::new();
    for folder in packages::folders(root)? {
        let manifest = Manifest::read(&folder, &workspace)?;
        problems.extend(floors::problems(&manifest));
        problems.extend(unused::problems(&folder, &manifest)?);
        manifests.push(manifest);
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
    problems.extend(unused::problems_of_workspace(&workspace, &manifests));
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
        write(&root, "crates/model/src/lib.rs", "pub use lens_pack::Rows;\n");
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
        write(
            &root,
            "crates/pack/src/rows.rs",
            "use crate::bytes::Bytes;\nuse lens_model as _;\npub struct Rows(Bytes);",
        );
        for (dependency, name) in [
            ("[dependencies]\nlens-model = { path = \"../model\" }", "lens_model"),
            ("[dependencies.lens-model]\npath = \"../model\"", "lens_model"),
            ("[target.'cfg(unix)'.dependencies]\nlens-model.workspace = true", "lens_model"),
            ("[dependencies]\nnets = { package = \"lens-model\", path = \"../model\" }", "nets"),
        ] {
            write(&root, "crates/pack/Cargo.toml", &format!("[package]\nname = \"lens-pack\"\n{dependency}\n"));
            write(&root, "crates/pack/src/rows.rs", &format!("use {name} as _;\npub struct Rows;"));
            let [problem] = problems(root.path()).unwrap().try_into().unwrap();
            assert!(problem.contains("lens-pack") && problem.contains("lens-model"), "{problem}");
        }
        // Tests may use anything.
        let text = "[package]\nname = \"lens-pack\"\n[dev-dependencies]\nlens-model.workspace = true\n";
        write(&root, "crates/pack/Cargo.toml", text);
        write(&root, "crates/pack/src/rows.rs", "pub struct Rows;");
        write(&root, "crates/pack/tests/all.rs", "#[path = \"../../model/shared.rs\"]\nmod shared;");
        write(&root, "crates/model/shared.rs", "use lens_model as _;");
        assert_eq!(problems(root.path()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn dependencies_without_a_use_are_found() {
        let root = workspace();
        write(&root, "crates/model/src/lib.rs", "// lens_pack\nconst NAME: &str = \"lens_pack\";");
        let [problem] = problems(root.path()).unwrap().try_into().unwrap();
        assert!(problem.contains("lens-model does not use lens-pack"), "{problem}");
        let root = workspace();
        write(
            &root,
            "Cargo.toml",
            "[workspace.dependencies]\nlens-pack = { path = \"a\" }\nlens-import = { path = \"b\" }\n",
        );
        let [problem] = problems(root.path()).unwrap().try_into().unwrap();
        assert!(problem.contains("no package has lens-import"), "{problem}");
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
