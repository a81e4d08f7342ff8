//! The precomputed examples: every text of `demo/examples/index.json` through the command line on the
//! default pack.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lens_view::gallery::is_id;
use serde_json::Value;

use crate::console;
use crate::paths::Paths;
use crate::process::Task;
use crate::{model, pack};

/// The texts, and where their results go.
const FOLDER: &str = "demo/examples";
/// Shuffled orders that every statistic is compared with.
const ORDERS: &str = "5";
/// Longer than the longest text takes on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// Makes all of them again.
pub fn run(paths: &Paths) -> Result<()> {
    let packed = pack::find_or_make(paths, &model::fetch(paths)?)?;
    build_command_line(paths)?;
    let folder = paths.root.join(FOLDER);
    let list = folder.join("index.json");
    let json = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut bytes = 0;
    let texts = texts(&json).with_context(|| list.display().to_string())?;
    for Example { id, text, pair } in &texts {
        let mut made = vec![folder.join(format!("{id}.json"))];
        temporal_lens(
            paths,
            &packed,
            id,
            &["analyze", "--compact", "--attention", "--shuffled", ORDERS, "--text", text],
            &made[0],
        )?;
        if let Some(pair) = pair {
            let second = texts.iter().find(|it| it.id == *pair).with_context(|| format!("{id}: there is no {pair}"))?;
            made.push(folder.join(format!("{id}-compared.json")));
            let flags = ["compare", "--first", text, "--second", &second.text];
            temporal_lens(paths, &packed, &format!("{id} beside {pair}"), &flags, &made[1])?;
        }
        for file in made {
            bytes += std::fs::metadata(&file).with_context(|| format!("cannot read {}", file.display()))?.len();
        }
    }
    console::line(&format!("the gallery is in {} ({})", folder.display(), console::megabytes(bytes)));
    Ok(())
}

/// Builds the command line; answers where it is.
pub fn build_command_line(paths: &Paths) -> Result<PathBuf> {
    Task::new("building the command line", "cargo")
        // No other choice of crates: it would give some dependencies other features.
        .args(["build", "--release", "--locked", "--bin", "temporal-lens"])
        .in_folder(&paths.root)
        .log_to(paths.logs().join("command-line-build.log"))
        .run()?;
    Ok(paths.target.join("release/temporal-lens"))
}

fn temporal_lens(paths: &Paths, packed: &Path, what: &str, flags: &[&str], out: &Path) -> Result<()> {
    Task::new(&format!("analyzing {what}"), paths.target.join("release/temporal-lens"))
        .args(flags)
        .args(["--device", "cpu", "--model"])
        .arg(packed)
        .arg("--json")
        .arg(out)
        .timeout(LIMIT)
        .run()?;
    Ok(())
}

/// A text of the list.
#[derive(Debug, PartialEq, Eq)]
struct Example {
    id: String,
    text: String,
    /// Id of the one that it is compared with.
    pair: Option<String>,
}

/// Reads the list. Ids become file names, so they are letters, digits and hyphens.
fn texts(json: &str) -> Result<Vec<Example>> {
    let list: Value = serde_json::from_str(json)?;
    let examples = list["examples"].as_array().context("there is no list of examples")?;
    let field = |example: &Value, name: &str| {
        example[name].as_str().map(str::to_owned).with_context(|| format!("an example has no {name}"))
    };
    let mut texts = Vec::new();
    for example in examples {
        let (id, text) = (field(example, "id")?, field(example, "text")?);
        if !is_id(&id) {
            bail!("the id {id:?} is not made of lowercase letters, digits and hyphens");
        }
        texts.push(Example { id, text, pair: example["pair"].as_str().map(str::to_owned) });
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_not_file_names_are_refused() {
        let list = |id: &str| format!(r#"{{"examples": [{{"id": "{id}", "text": "a"}}]}}"#);
        let expected = Example { id: "two-events".to_owned(), text: "a".to_owned(), pair: None };
        assert_eq!(texts(&list("two-events")).unwrap(), [expected]);
        assert!(texts(&list("../index")).is_err());
        assert!(texts(&list("")).is_err());
        assert!(texts(r#"{"examples": [{"id": "a"}]}"#).is_err());
    }
}
