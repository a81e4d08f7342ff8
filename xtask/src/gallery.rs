//! The precomputed examples: every text of `demo/examples/index.json` through the command line on the
//! default pack.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::console;
use crate::paths::Paths;
use crate::process::Task;
use crate::{model, pack};

/// The texts, and where their results go.
const FOLDER: &str = "demo/examples";
/// Longer than the longest text takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// Makes all of them again.
pub fn run(paths: &Paths) -> Result<()> {
    let packed = pack::find_or_make(paths, &model::fetch(paths)?)?;
    Task::new("building the command line", "cargo")
        // No other choice of crates: it would give some dependencies other features.
        .args(["build", "--release", "--locked", "--bin", "temporal-lens"])
        .in_folder(&paths.root)
        .log_to(paths.logs().join("gallery-build.log"))
        .run()?;
    let folder = paths.root.join(FOLDER);
    let list = folder.join("index.json");
    let json = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut bytes = 0;
    for (id, text) in texts(&json).with_context(|| list.display().to_string())? {
        let out = folder.join(format!("{id}.json"));
        analyse(paths, &packed, &id, &text, &out)?;
        bytes += std::fs::metadata(&out).with_context(|| format!("cannot read {}", out.display()))?.len();
    }
    console::line(&format!("the gallery is in {} ({})", folder.display(), console::megabytes(bytes)));
    Ok(())
}

fn analyse(paths: &Paths, packed: &Path, id: &str, text: &str, out: &Path) -> Result<()> {
    Task::new(&format!("analysing {id}"), paths.target.join("release/temporal-lens"))
        .args(["analyze", "--device", "cpu", "--compact", "--text", text, "--model"])
        .arg(packed)
        .arg("--json")
        .arg(out)
        .timeout(LIMIT)
        .run()?;
    Ok(())
}

/// Ids and texts of the list. Ids become file names, so they are letters, digits and hyphens.
fn texts(json: &str) -> Result<Vec<(String, String)>> {
    let list: Value = serde_json::from_str(json)?;
    let examples = list["examples"].as_array().context("there is no list of examples")?;
    let field = |example: &Value, name: &str| {
        example[name].as_str().map(str::to_owned).with_context(|| format!("an example has no {name}"))
    };
    let mut texts = Vec::new();
    for example in examples {
        let (id, text) = (field(example, "id")?, field(example, "text")?);
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            bail!("the id {id:?} is not made of lower-case letters, digits and hyphens");
        }
        texts.push((id, text));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_no_file_names_are_refused() {
        let list = |id: &str| format!(r#"{{"examples": [{{"id": "{id}", "text": "a"}}]}}"#);
        assert_eq!(texts(&list("two-events")).unwrap(), [("two-events".to_owned(), "a".to_owned())]);
        assert!(texts(&list("../index")).is_err());
        assert!(texts(&list("")).is_err());
        assert!(texts(r#"{"examples": [{"id": "a"}]}"#).is_err());
    }
}
