//! The workflows: every action is pinned by the hash of its commit, since a tag can be moved to another one; and only a job
//! that publishes and runs nothing of the tree may ask for `id-token`.

use std::path::Path;

use anyhow::{Context, Result};

/// Digits of a commit's hash.
const HASH_DIGITS: usize = 40;
/// The action whose job may have the permission.
const PUBLISHES: &str = "actions/deploy-pages@";

/// What is wrong with the workflows of the tree, a sentence each.
pub fn problems(root: &Path) -> Result<Vec<String>> {
    let folder = Path::new(".github/workflows");
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return Ok(Vec::new()) };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let mut problems = Vec::new();
    for name in names {
        let file = folder.join(name);
        let text =
            std::fs::read_to_string(root.join(&file)).with_context(|| format!("cannot read {}", file.display()))?;
        problems.extend(problems_of(&text).into_iter().map(|problem| format!("{}: {problem}", file.display())));
    }
    Ok(problems)
}

fn problems_of(text: &str) -> Vec<String> {
    let mut problems: Vec<String> = text
        .lines()
        .filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("uses:"))
        .filter(|action| !is_pinned(action))
        .map(|action| {
            format!("{} is not pinned: name the commit's hash, and the version in a comment behind it", action.trim())
        })
        .collect();
    for part in parts(text) {
        let runs = part.iter().any(|line| line.trim_start().trim_start_matches("- ").starts_with("run:"));
        let publishes = part.iter().any(|line| line.contains(PUBLISHES));
        if part.iter().any(|line| line.trim_start().starts_with("id-token:")) && (runs || !publishes) {
            problems.push(format!(
                "{} may not have id-token: that is for a job that publishes and runs nothing else",
                part.first().map_or("it", |line| line.trim())
            ));
        }
    }
    problems
}

/// Whether `uses` names a commit and, behind it, its version; an action of the tree needs neither.
fn is_pinned(uses: &str) -> bool {
    let uses = uses.trim();
    let (action, version) = uses.split_once(" # ").unwrap_or((uses, ""));
    let hash = action.rsplit_once('@').map_or("", |(_, hash)| hash);
    let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    action.starts_with("./") || (is_hash && version.starts_with('v'))
}

/// The lines of a workflow in parts: what stands before its jobs, then job by job.
fn parts(text: &str) -> Vec<Vec<&str>> {
    let mut parts = vec![Vec::new()];
    let mut is_in_jobs = false;
    for line in text.lines() {
        if line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            is_in_jobs = line.starts_with("jobs:");
            // What follows the jobs is no part of the last one.
            parts.push(Vec::new());
        } else if is_in_jobs
            && line.starts_with("  ")
            && !line.starts_with("   ")
            && !line.trim_start().starts_with('#')
        {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(line);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "\
on: push
permissions:
  contents: read
jobs:
  build:
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
      - uses: ./action
      - run: make
  publish:
    permissions:
      id-token: write
    steps:
      - id: publish
        uses: actions/deploy-pages@d6db90164ac5ed86f2b6aed7e0febac5b3c0c03e # v4.0.5
";

    #[test]
    fn pinned_actions_and_a_job_that_only_publishes_are_sound() {
        assert_eq!(problems_of(SOUND), Vec::<String>::new());
    }

    #[test]
    fn tags_branches_and_hashes_cut_short_are_found() {
        for action in [
            "checkout@v4",
            "checkout@main",
            "checkout",
            "checkout@11bd719 # v4.2.2",
            "checkout@11bd71901bbe5b1630ceea73d27597364c9af683",
        ] {
            let text = SOUND.replace("checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2", action);
            let [problem] = problems_of(&text).try_into().unwrap();
            assert!(problem.contains(&format!("actions/{action} is not pinned")), "{problem}");
        }
    }

    #[test]
    fn id_token_elsewhere_is_found() {
        let token = "    permissions:\n      id-token: write\n";
        for (text, place) in [
            (SOUND.replace("  contents: read\n", "  contents: read\n  id-token: write\n"), "permissions:"),
            (SOUND.replace("  build:\n", &format!("  build:\n{token}")), "build:"),
            (SOUND.replace("      - id: publish\n", "      - run: make\n      - id: publish\n"), "publish:"),
        ] {
            let [problem] = problems_of(&text).try_into().unwrap();
            assert!(problem.starts_with(&format!("{place} may not have id-token")), "{problem}");
        }
    }

    #[test]
    fn a_planted_workflow_is_read() {
        let root = tempfile::tempdir().unwrap();
        assert!(problems(root.path()).unwrap().is_empty());
        std::fs::create_dir_all(root.path().join(".github/workflows")).unwrap();
        std::fs::write(root.path().join(".github/workflows/a.yml"), SOUND.replace(" # v4.2.2", "")).unwrap();
        let [problem] = problems(root.path()).unwrap().try_into().unwrap();
        assert!(problem.starts_with(".github/workflows/a.yml: actions/checkout@"), "{problem}");
    }
}
