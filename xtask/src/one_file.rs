//! The template of single files (`one-file.html`): the built page without the networks' worker and the model in one document: its
//! styles, and scripts and modules of the page and of the worker that lays out trajectories. [`lens_view::one_file`] or the Python
//! package puts an analysis into it.
//!
//! Its policy names its one script and its one style by their hashes and lets it ask for nothing at all.

use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lens_analysis::dashboard;
use lens_analysis::document::{analysis, comparison};
use lens_session::keys::KEYS;
use lens_view::one_file::{DATA, HEAD, KIND, NAMES, NAMES_END, TEMPLATE, packed};
use sha2::{Digest, Sha256};

/// The names of the default pack's features, among the files beside the page.
const INDEX: &str = "dashboards/index.json";

/// What stands below the script of either module.
const START: &str = include_str!("../../web/one-file.js");

/// Writes the template into the built site in `folder`, from its page and the files beside it.
pub fn add(folder: &Path) -> Result<()> {
    let read = |name: &str| {
        let file = folder.join(name);
        std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    let text = |name: &str| Ok::<_, anyhow::Error>(String::from_utf8(read(name)?)?);
    let page = text("index.html")?;
    let named = |attribute: &str| attributes(&page, attribute).next().map(local);
    let script = named("data-app").context("index.html does not name its script")?;
    let module = named("data-wasm").context("index.html does not name its module")?;
    let mut style = String::new();
    for name in attributes(&page, "href").map(local).filter(|name| name.ends_with(".css")) {
        style += &text(name)?;
    }
    let icon = attributes(&page, "href").map(local).find(|name| name.ends_with(".svg"));
    let icon = icon.map(read).transpose()?.unwrap_or_default();
    let started = |name: &str| Ok::<_, anyhow::Error>(format!("{}\n{START}", without_module_syntax(&text(name)?)?));
    // A host may have taken them away.
    let names = folder.join(INDEX).is_file().then(|| read(INDEX)).transpose()?;
    let html = template(&Parts {
        style,
        script: started(script)?,
        module: read(module)?,
        layouts_script: started("layouts.js")?,
        layouts_module: read("layouts_bg.wasm")?,
        names,
        icon,
        commit: commit(&page),
    })?;
    Ok(lens_files::write_whole(&folder.join(TEMPLATE), html.as_bytes())?)
}

/// What a template is made of.
struct Parts {
    style: String,
    /// Of the page, and of the worker that lays out trajectories.
    script: String,
    module: Vec<u8>,
    layouts_script: String,
    layouts_module: Vec<u8>,
    /// The index of the default pack's dashboards.
    names: Option<Vec<u8>>,
    icon: Vec<u8>,
    commit: String,
}

fn template(parts: &Parts) -> Result<String> {
    let Parts { style, script, layouts_script, commit, .. } = parts;
    for (what, text, of) in [
        ("style", style, "the page"),
        ("script", script, "the page"),
        ("script", layouts_script, "the layouts' worker"),
    ] {
        if text.to_ascii_lowercase().contains(&format!("</{what}")) || text.contains("<!--") || text.contains('\r') {
            bail!("a {what} of {of} holds what would end it inside a document");
        }
    }
    let (script_hash, style_hash) = (sha256(script), sha256(style));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{script_hash}' 'wasm-unsafe-eval'; worker-src blob:; \
         style-src 'sha256-{style_hash}'; img-src data: blob:; connect-src 'none'; base-uri 'none'; form-action 'none'"
    );
    let reads = [analysis::FORMAT, analysis::FORMAT_1, comparison::FORMAT, dashboard::FORMAT].join(" ");
    // What a link may say of the view: the Python package checks it.
    let keys = KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(" ");
    let icon = BASE64_STANDARD.encode(&parts.icon);
    let (module, layouts_module) = (packed(&parts.module), packed(&parts.layouts_module));
    let block = |names: &Vec<u8>| {
        format!("<script type=\"application/octet-stream\" id=\"temporal-lens-names\">{}</script>", packed(names))
    };
    let names = parts.names.as_ref().map(block).unwrap_or_default();
    Ok(format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="{policy}" />
<meta name="{KIND}" content="{reads}" />
<meta name="temporal-lens-keys" content="{keys}" />
<meta name="temporal-lens-commit" content="{commit}" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<meta name="referrer" content="no-referrer" />
{HEAD}
<link rel="icon" type="image/svg+xml" href="data:image/svg+xml;base64,{icon}" />
<style>{style}</style>
</head>
<body>
<p id="boot" role="status">Opening … If nothing else appears, this file is incomplete: save or send it once more.</p>
<noscript><p>This file shows an analysis of a text; it needs JavaScript and WebAssembly, and no network.</p></noscript>
<script type="application/octet-stream" id="temporal-lens-module">{module}</script>
<script type="application/octet-stream" id="temporal-lens-layouts-module">{layouts_module}</script>
<script type="text/plain" id="temporal-lens-layouts-script">{layouts_script}</script>
{NAMES}{names}{NAMES_END}
{DATA}
<script id="temporal-lens-script">{script}</script>
</body>
</html>
"#
    ))
}

fn sha256(text: &str) -> String {
    BASE64_STANDARD.encode(Sha256::digest(text))
}

/// wasm-bindgen's script as one that is no module: a worker of a page that was opened from disk cannot be one.
fn without_module_syntax(script: &str) -> Result<String> {
    let lines = script.lines().filter(|line| !line.starts_with("export {"));
    let lines = lines.map(|line| format!("{}\n", line.strip_prefix("export ").unwrap_or(line)));
    // Where the module lies beside the script; here it never does.
    let script = lines.collect::<String>().replace("import.meta.url", "self.location.href");
    if script.contains("import.meta") || script.lines().any(|line| line.starts_with("import ")) {
        bail!("a script has imports that a single file cannot have");
    }
    Ok(script)
}

/// Values of an attribute, in the order of the page. Trunk may have taken the quotes away.
fn attributes<'a>(page: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {name}=");
    page.match_indices(&start).map(|(at, found)| at + found.len()).collect::<Vec<_>>().into_iter().map(|at| {
        let value = &page[at..];
        match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default(),
            None => value.split([' ', '>']).next().unwrap_or_default(),
        }
    })
}

/// A name as the folder has it.
fn local(address: &str) -> &str {
    address.trim_start_matches("./")
}

/// The commit that the page names; empty where it names none.
fn commit(page: &str) -> String {
    let tag = page.split("temporal-lens-commit\" content=\"").nth(1);
    tag.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_holds_the_page_and_names_what_it_reads() {
        let folder = tempfile::tempdir().unwrap();
        let page = "<link rel=\"stylesheet\" href=\"./b.css\"/><link rel=\"stylesheet\" href=./a.css><link href=\"i.svg\">\
                    <meta name=\"temporal-lens-commit\" content=\"abc\" />\
                    <script defer src=\"./start.js\" data-app=\"./app.js\" data-wasm=\"./app.wasm\"></script>";
        for (name, content) in [
            ("index.html", page),
            ("a.css", "a{}"),
            ("b.css", "b{}"),
            ("i.svg", "<svg/>"),
            ("app.js", "export let x;\nexport { x };"),
            ("app.wasm", "w"),
            ("layouts.js", "export let y;\nexport { y };"),
            ("layouts_bg.wasm", "l"),
        ] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        add(folder.path()).unwrap();
        let html = std::fs::read_to_string(folder.path().join(TEMPLATE)).unwrap();
        assert!(html.contains("<style>b{}a{}</style>") && html.contains(">let x;\n\n//"));
        // The whole policy: it lets nothing else in, and asks for nothing.
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{}' 'wasm-unsafe-eval'; worker-src blob:; style-src 'sha256-{}'; \
             img-src data: blob:; connect-src 'none'; base-uri 'none'; form-action 'none'",
            sha256(&format!("let x;\n\n{START}")),
            sha256("b{}a{}")
        );
        assert!(html.contains(&format!("http-equiv=\"Content-Security-Policy\" content=\"{policy}\"")));
        assert!(html.contains("content=\"view ") || html.contains(" view "), "keys of a link");
        assert!(html.contains(&format!("script-src 'sha256-{}'", sha256(&format!("let x;\n\n{START}")))));
        let reads =
            "temporal-lens-analysis/2 temporal-lens-analysis/1 temporal-lens-comparison/1 temporal-lens-dashboards/1";
        assert!(html.contains(&format!("content=\"{reads}\"")));
        assert!(html.contains(&format!("\"temporal-lens-layouts-script\">let y;\n\n{START}</script>")));
        assert!(html.contains(&format!("\"temporal-lens-layouts-module\">{}</script>", packed(b"l"))));
        assert!(
            html.contains(&format!("\"temporal-lens-module\">{}</script>", packed(b"w")))
                && html.contains("name=\"temporal-lens-commit\" content=\"abc\"")
        );
        for part in [HEAD, DATA, KIND, NAMES, NAMES_END] {
            assert_eq!(html.matches(part).count(), 1, "{part}");
        }
        assert!(html.contains(&format!("{NAMES}{NAMES_END}")), "there are no names");
        std::fs::create_dir(folder.path().join("dashboards")).unwrap();
        std::fs::write(folder.path().join(INDEX), "{}").unwrap();
        add(folder.path()).unwrap();
        let html = std::fs::read_to_string(folder.path().join(TEMPLATE)).unwrap();
        assert!(html.contains(&format!("id=\"temporal-lens-names\">{}</script>{NAMES_END}", packed(b"{}"))));
        // Written again, it is the same.
        add(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(TEMPLATE)).unwrap(), html);
        std::fs::write(folder.path().join("app.js"), "import { y } from './y.js';").unwrap();
        assert!(add(folder.path()).unwrap_err().to_string().contains("has imports"));
        std::fs::write(folder.path().join("app.js"), "'</SCRIPT>'").unwrap();
        assert!(add(folder.path()).unwrap_err().to_string().contains("a script of the page"));
    }
}
