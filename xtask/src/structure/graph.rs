//! Which file of a crate uses which, and the import cycles among them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::source::SourceFile;

/// Files that use each other.
#[derive(Debug)]
pub struct ImportCycle {
    /// The files, in order of their names.
    pub files: Vec<PathBuf>,
    /// What each takes from the others.
    pub imports: Vec<Import>,
}

/// One file's use of another.
#[derive(Debug)]
pub struct Import {
    /// The file that uses.
    pub from: PathBuf,
    /// The file that is used.
    pub to: PathBuf,
    /// The names it takes.
    pub names: Vec<String>,
}

/// Import cycles among the files below `folder`, the `src` of a crate. Every binary's root is a crate of its own.
pub fn import_cycles(folder: &Path) -> Result<Vec<ImportCycle>> {
    let mut found = Vec::new();
    for root in ["lib.rs", "main.rs"].map(|name| folder.join(name)).iter().filter(|root| root.is_file()) {
        let modules = Modules::read(root)?;
        let imports = modules.imports();
        for files in components(modules.files.len(), &imports) {
            let name = |index: usize| modules.files[index].path.clone();
            let mut between: Vec<Import> = Vec::new();
            for ((from, to), names) in &imports {
                if files.contains(from) && files.contains(to) {
                    between.push(Import { from: name(*from), to: name(*to), names: names.iter().cloned().collect() });
                }
            }
            found.push(ImportCycle { files: files.into_iter().map(name).collect(), imports: between });
        }
    }
    Ok(found)
}

/// A file with the module that it is.
struct File {
    path: PathBuf,
    module: Vec<String>,
    source: SourceFile,
}

/// All files of a crate.
struct Modules {
    files: Vec<File>,
    by_module: BTreeMap<Vec<String>, usize>,
}

/// From one file to another: the names taken.
type Imports = BTreeMap<(usize, usize), BTreeSet<String>>;

/// A chain of re-exports longer than this is one that leads back to itself.
const REEXPORTS_MAX: usize = 16;

impl Modules {
    /// Reads the crate whose root is `root`, child modules included.
    fn read(root: &Path) -> Result<Self> {
        let mut modules = Self { files: Vec::new(), by_module: BTreeMap::new() };
        let mut waiting = vec![(root.to_owned(), Vec::new())];
        while let Some((path, module)) = waiting.pop() {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let source = SourceFile::parse(&text).with_context(|| path.display().to_string())?;
            // Children of `a.rs` lie in `a/`, those of a root or of `mod.rs` next to it.
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            let is_root = module.is_empty() || path.file_name().is_some_and(|name| name == "mod.rs");
            let folder = if is_root { folder } else { folder.join(path.file_stem().unwrap_or_default()) };
            for child in &source.children {
                let candidates = [folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs")];
                if let Some(file) = candidates.into_iter().find(|file| file.is_file()) {
                    waiting.push((file, [module.as_slice(), std::slice::from_ref(child)].concat()));
                }
            }
            modules.by_module.insert(module.clone(), modules.files.len());
            modules.files.push(File { path, module, source });
        }
        Ok(modules)
    }

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (index, file) in self.files.iter().enumerate() {
            let mut add = |path: &[String], is_public: bool| {
                let Some(to) = self.file_of(index, path, 0).filter(|to| *to != index) else { return };
                // A module's root may list what is in it.
                if !(is_public && self.files[to].module.starts_with(&file.module)) {
                    imports.entry((index, to)).or_default().extend(path.last().cloned());
                }
            };
            file.source.uses.iter().for_each(|it| add(&it.path, it.is_public));
            file.source.paths.iter().for_each(|path| add(path, false));
        }
        imports
    }

    /// The file that a path named in file `from` leads to; none outside the crate.
    fn file_of(&self, from: usize, path: &[String], depth: usize) -> Option<usize> {
        let file = &self.files[from];
        let (first, rest) = path.split_first()?;
        let (module, rest) = match first.as_str() {
            "crate" => (Vec::new(), rest),
            "self" | "super" => {
                let rest = if first == "self" { rest } else { path };
                let ups = rest.iter().take_while(|part| *part == "super").count();
                let module = &file.module[..file.module.len().checked_sub(ups)?];
                (module.to_vec(), &rest[ups..])
            }
            // A child module, or a module that a `use` brought in.
            name if file.source.children.iter().any(|child| child == name) => (file.module.clone(), path),
            name => {
                let used = file.source.uses.iter().find(|it| it.name == name && it.path.len() > 1)?;
                if depth > REEXPORTS_MAX || used.path == path {
                    return None;
                }
                return self.file_of(from, &[used.path.as_slice(), rest].concat(), depth + 1);
            }
        };
        self.definition(*self.by_module.get(&module)?, rest, depth)
    }

    /// The file that defines what `rest` names inside the module of file `index`.
    fn definition(&self, index: usize, rest: &[String], depth: usize) -> Option<usize> {
        let file = &self.files[index];
        let Some((name, after)) = rest.split_first() else { return Some(index) };
        let child = [file.module.as_slice(), std::slice::from_ref(name)].concat();
        if let Some(&child) = self.by_module.get(&child) {
            return self.definition(child, after, depth);
        }
        if depth > REEXPORTS_MAX || file.source.defined.contains(name) {
            return Some(index);
        }
        let named = file.source.uses.iter().filter(|it| it.name == *name);
        let all = file.source.uses.iter().filter(|it| it.name == "*");
        for used in named.chain(all) {
            let path = if used.name == "*" { &used.path[..used.path.len() - 1] } else { &used.path[..] };
            let path = if used.name == "*" { [path, rest].concat() } else { [path, after].concat() };
            if let Some(found) = self.file_of(index, &path, depth + 1)
                && (used.name != "*" || self.files[found].source.defined.contains(name))
            {
                return Some(found);
            }
        }
        Some(index)
    }
}

/// Groups of two and more files that reach each other.
fn components(count: usize, imports: &Imports) -> Vec<Vec<usize>> {
    let reach = |from: usize| {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![from];
        while let Some(at) = waiting.pop() {
            let next = imports.range((at, 0)..=(at, usize::MAX)).map(|((_, to), _)| *to);
            waiting.extend(next.filter(|to| seen.insert(*to)));
        }
        seen
    };
    let reached: Vec<BTreeSet<usize>> = (0..count).map(reach).collect();
    let mut groups: BTreeSet<Vec<usize>> = BTreeSet::new();
    for (file, seen) in reached.iter().enumerate().filter(|(file, seen)| seen.contains(file)) {
        groups.insert(seen.iter().copied().filter(|other| reached[*other].contains(&file)).collect());
    }
    groups.into_iter().collect()
}
