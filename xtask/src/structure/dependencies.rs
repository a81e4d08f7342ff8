//! The dependencies against `deny.toml`: every license is one of those allowed, every crate comes from an allowed registry,
//! none is banned, and of each crate that is there in two versions the older one is listed with what needs it. What
//! cargo-deny checks in addition, advisories above all, is left to the workflow that CI runs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::paths::cargo_metadata;

/// What `deny.toml` says, as far as this check goes.
#[derive(Debug, Default, PartialEq)]
struct Rules {
    /// Licenses that may be.
    licenses: Vec<String>,
    /// Crates that name no license, with the one that they have.
    clarified: BTreeMap<String, String>,
    /// Crates that may not be.
    banned: Vec<String>,
    /// `name@version` of the older ones.
    older: Vec<String>,
    /// Where crates may come from.
    registries: Vec<String>,
}

/// A crate of the lock file.
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None for those of the tree.
    source: Option<String>,
}

/// What is wrong with the dependencies of the tree, a sentence each.
pub fn problems(root: &Path) -> Result<Vec<String>> {
    let Ok(rules) = std::fs::read_to_string(root.join("deny.toml")) else { return Ok(Vec::new()) };
    let metadata = cargo_metadata(root, "--locked")?;
    Ok(problems_of(&read_rules(&rules), &read_packages(&metadata)?))
}

fn problems_of(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for it in packages.iter().filter(|it| it.source.is_some()) {
        let name = format!("{} {}", it.name, it.version);
        let license = it.license.as_ref().or_else(|| rules.clarified.get(&it.name));
        if !license.is_some_and(|license| is_allowed(license, &rules.licenses)) {
            problems.push(format!("{name}: its license, {license:?}, is not one that deny.toml allows"));
        }
        if rules.banned.contains(&it.name) {
            problems.push(format!("{name} is banned by deny.toml"));
        }
        if !it.source.iter().all(|source| rules.registries.iter().any(|it| source == &format!("registry+{it}"))) {
            problems.push(format!("{name} comes from {:?}, which deny.toml does not allow", it.source));
        }
        versions.entry(&it.name).or_default().push(&it.version);
    }
    for (name, mut versions) in versions {
        versions.sort_by_key(|version| numbers(version));
        let older = versions.split_last().map_or(&[][..], |(_, older)| older);
        for version in older.iter().filter(|version| !rules.older.contains(&format!("{name}@{version}"))) {
            problems.push(format!(
                "{name} is there as {} and {version}: deny.toml does not list the older one (`cargo tree -i {name}@{version}` shows what needs it)",
                versions.last().unwrap_or(version)
            ));
        }
    }
    let is_there = |entry: &&String| packages.iter().any(|it| **entry == format!("{}@{}", it.name, it.version));
    problems.extend(
        rules
            .older
            .iter()
            .filter(|entry| !is_there(entry))
            .map(|entry| format!("deny.toml lists {entry}, which is not a dependency any more")),
    );
    problems
}

/// A version's numbers, to compare by.
fn numbers(version: &str) -> Vec<u64> {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    core.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

/// Whether an SPDX expression can be met by the allowed licenses: one side of each `OR`, both of each `AND`. Old crates
/// write `/` for `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "_WITH_");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed) && rest.is_empty()
}

fn either(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut is_met = both(words, allowed);
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        is_met |= both(words, allowed);
    }
    is_met
}

fn both(words: &mut &[&str], allowed: &[String]) -> bool {
    let mut is_met = one(words, allowed);
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        is_met &= one(words, allowed);
    }
    is_met
}

fn one(words: &mut &[&str], allowed: &[String]) -> bool {
    let Some((first, rest)) = words.split_first() else { return false };
    *words = rest;
    if *first != "(" {
        return allowed.iter().any(|it| it.replace(" WITH ", "_WITH_") == **first);
    }
    let is_met = either(words, allowed);
    let Some((&")", rest)) = words.split_first() else { return false };
    *words = rest;
    is_met
}

fn read_packages(metadata: &[u8]) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_slice(metadata).context("cargo metadata is not JSON")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let read = |it: &Value| {
        Some(Package {
            name: text(&it["name"])?,
            version: text(&it["version"])?,
            license: text(&it["license"]),
            source: text(&it["source"]),
        })
    };
    packages.iter().map(read).collect::<Option<_>>().context("cargo metadata has a package without a name")
}

/// Reads what this check needs of `deny.toml`, which is written a value a line.
fn read_rules(text: &str) -> Rules {
    let mut rules = Rules::default();
    let (mut table, mut list, mut clarified) = (String::new(), String::new(), String::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') && !line.starts_with("[{") {
            table = line.trim_matches(['[', ']']).to_owned();
            list.clear();
            continue;
        }
        if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('{')) {
            key.clone_into(&mut list);
            match (table.as_str(), key) {
                ("licenses.clarify", "crate") => clarified = quoted(value).unwrap_or_default().to_owned(),
                ("licenses.clarify", "expression") => {
                    rules.clarified.insert(clarified.clone(), quoted(value).unwrap_or_default().to_owned());
                }
                _ => {}
            }
        }
        let Some(value) = quoted(line).map(str::to_owned) else { continue };
        match (table.as_str(), list.as_str()) {
            ("licenses", "allow") => rules.licenses.push(value),
            ("bans", "deny") => rules.banned.push(value),
            ("bans", "skip") => rules.older.push(value),
            ("sources", "allow-registry") => rules.registries.push(value),
            _ => {}
        }
    }
    rules
}

/// The first string of a line.
fn quoted(line: &str) -> Option<&str> {
    line.split('"').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
[licenses]
allow = [
    "MIT",
    # Of compilers.
    "Apache-2.0 WITH LLVM-exception",
    "ISC",
]

[[licenses.clarify]]
crate = "silent"
expression = "MIT"

[bans]
deny = [
    { crate = "banned", reason = "so" },
]
skip = [
    { crate = "twice@1.2.0", reason = "wanted by another" },
]

[sources]
allow-registry = ["https://registry.example/index"]
allow-git = []
"#;

    fn package(name: &str, version: &str, license: Option<&str>, source: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: license.map(str::to_owned),
            source: Some(source.to_owned()).filter(|source| !source.is_empty()),
        }
    }

    #[test]
    fn licenses_are_met_by_one_side_of_or_and_both_of_and() {
        let allowed = read_rules(RULES).licenses;
        for expression in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "MIT AND ISC",
            "(GPL-3.0 OR MIT) AND ISC",
            "GPL-3.0 AND MIT OR ISC",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
        ] {
            assert!(is_allowed(expression, &allowed), "{expression}");
        }
        for expression in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "Apache-2.0", "MIT ISC", "(MIT"]
        {
            assert!(!is_allowed(expression, &allowed), "{expression}");
        }
    }

    #[test]
    fn what_the_rules_do_not_allow_is_reported() {
        let rules = read_rules(RULES);
        let registry = "registry+https://registry.example/index";
        let sound = || {
            vec![
                package("ours", "0.1.0", None, ""),
                package("a", "1.0.0", Some("MIT"), registry),
                package("silent", "1.0.0", None, registry),
                package("twice", "1.2.0", Some("ISC"), registry),
                package("twice", "1.10.0", Some("ISC"), registry),
            ]
        };
        assert_eq!(problems_of(&rules, &sound()), Vec::<String>::new());
        for (added, says) in [
            (package("b", "1.0.0", Some("GPL-3.0"), registry), "b 1.0.0: its license"),
            (package("b", "1.0.0", None, registry), "b 1.0.0: its license"),
            (package("banned", "1.0.0", Some("MIT"), registry), "banned 1.0.0 is banned"),
            (package("b", "1.0.0", Some("MIT"), "git+https://elsewhere.example/b"), "comes from"),
            (package("a", "0.9.0", Some("MIT"), registry), "a is there as 1.0.0 and 0.9.0"),
            (package("twice", "2.0.0", Some("ISC"), registry), "twice is there as 2.0.0 and 1.10.0"),
        ] {
            let mut packages = sound();
            packages.push(added);
            let problems = problems_of(&rules, &packages);
            assert!(problems.len() == 1 && problems[0].contains(says), "{says}: {problems:?}");
        }
        let mut packages = sound();
        packages.pop();
        packages.pop();
        assert!(problems_of(&rules, &packages)[0].contains("lists twice@1.2.0"));
    }

    #[test]
    fn the_rules_of_the_tree_are_read_whole() {
        let rules = read_rules(include_str!("../../../deny.toml"));
        assert!(rules.licenses.len() > 10 && rules.banned.len() > 2 && rules.older.len() > 20, "{rules:?}");
        assert_eq!((rules.registries.len(), rules.clarified.len()), (1, 1));
    }
}
