//! A static page for every example: `e/ID/index.html` says without a script what the example is about, so that
//! a link to it unfolds in a chat and a search finds it, and leads to the example in the page.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use lens_analysis::Analysis;
use lens_view::gallery::{Example, Gallery};
use lens_view::markup::escaped;
use lens_view::{scene, token};

/// The pages' folder in the site, short because it is a part of every address.
const FOLDER: &str = "e";
/// The examples' folder in the site and its list.
const EXAMPLES: &str = "examples";
const STYLE: &str = "example.css";
/// Nothing runs in these pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

/// What says where the site will be: previews need whole addresses, and a site does not know its own.
pub const ADDRESS_VARIABLE: &str = "TEMPORAL_LENS_URL";

/// The address of the site's folder as `ADDRESS_VARIABLE` has it, with a slash at its end; none where it is not set.
pub fn address() -> Result<Option<String>> {
    match std::env::var(ADDRESS_VARIABLE) {
        Ok(value) if !value.is_empty() => Ok(Some(folder_address(&value)?)),
        _ => Ok(None),
    }
}

fn folder_address(value: &str) -> Result<String> {
    let is_web = value.starts_with("https://") || value.starts_with("http://");
    if !is_web || value.contains(['?', '#']) {
        bail!("{ADDRESS_VARIABLE} is {value:?}: it takes the http(s) address of the site's folder");
    }
    Ok(format!("{}/", value.trim_end_matches('/')))
}

/// Writes the pages of all examples into the site in `site`, which has the examples' results already.
pub fn add(site: &Path, address: Option<&str>) -> Result<()> {
    let list = site.join(EXAMPLES).join("index.json");
    let json = std::fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let gallery = Gallery::from_json(&json).with_context(|| list.display().to_string())?;
    let folder = site.join(FOLDER);
    for example in &gallery.examples {
        let file = site.join(EXAMPLES).join(format!("{}.json", example.id));
        let json = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let analysis = Analysis::from_json(&json).with_context(|| file.display().to_string())?;
        let html = page(example, &parts(&analysis)?, &gallery, address);
        let own = folder.join(&example.id);
        std::fs::create_dir_all(&own).with_context(|| format!("cannot create {}", own.display()))?;
        lens_files::write_whole(&own.join("index.html"), html.as_bytes())?;
    }
    let style = concat!(include_str!("../../web/style/colors.css"), include_str!("landing.css"));
    Ok(lens_files::write_whole(&folder.join(STYLE), style.as_bytes())?)
}

/// A scene's words and its part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: Option<String>,
    text: String,
}

/// The text in its scenes; in one part where the result has none.
fn parts(analysis: &Analysis) -> Result<Vec<Part>> {
    // Where each token ends in the text. BOS is no part of it.
    let mut end = 0;
    let mut ends = vec![0];
    for it in analysis.tokens.iter().skip(1) {
        end += if token::is_byte(it) { 1 } else { it.replace('▁', " ").len() };
        ends.push(end);
    }
    if end != analysis.text.len() {
        bail!("the tokens have {end} bytes, their text {}", analysis.text.len());
    }
    let mut parts = Vec::new();
    for scene in scene::all(analysis) {
        let before = ends.get(scene.first.saturating_sub(1));
        let text = before.zip(ends.get(scene.last)).and_then(|(&from, &to)| analysis.text.get(from..to));
        let text = text.with_context(|| format!("scene {} is no part of the text", scene.number))?.to_owned();
        parts.push(Part { name: scene.name().map(str::to_owned), text });
    }
    if parts.is_empty() {
        parts.push(Part { name: None, text: analysis.text.clone() });
    }
    Ok(parts)
}

/// What a preview says: what to look for, then the scenes' words.
fn description(example: &Example, parts: &[Part]) -> String {
    let names: Vec<&str> = parts.iter().filter_map(|part| part.name.as_deref()).collect();
    match names.as_slice() {
        [] => example.look_for.clone(),
        [one] => format!("{} One scene: {one}.", example.look_for),
        several => format!("{} {} scenes: {}.", example.look_for, several.len(), several.join("; ")),
    }
}

fn page(example: &Example, parts: &[Part], gallery: &Gallery, address: Option<&str>) -> String {
    let title = escaped(&format!("{} – Temporal Lens", example.title));
    let description = escaped(&description(example, parts));
    let id = escaped(&example.id);
    let own = escaped(&address.map_or_else(|| "./".to_owned(), |site| format!("{site}{FOLDER}/{}/", example.id)));
    let mut body = String::new();
    for (index, part) in parts.iter().enumerate() {
        let name = part.name.as_deref().map(|name| format!(": {}", escaped(name))).unwrap_or_default();
        let lines: Vec<String> = part.text.trim().split('\n').map(escaped).collect();
        let _ = write!(
            body,
            "      <h2>Scene {}{name}</h2>\n      <p class=\"text\">{}</p>\n",
            index + 1,
            lines.join("<br />")
        );
    }
    let others: String = gallery
        .examples
        .iter()
        .filter(|other| other.id != example.id)
        .map(|other| {
            format!("          <li><a href=\"../{}/\">{}</a></li>\n", escaped(&other.id), escaped(&other.title))
        })
        .collect();
    format!(
        r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="{POLICY}" />
    <title>{title}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="description" content="{description}" />
    <meta property="og:title" content="{title}" />
    <meta property="og:description" content="{description}" />
    <meta property="og:type" content="article" />
    <meta property="og:url" content="{own}" />
    <meta property="og:site_name" content="Temporal Lens" />
    <meta name="twitter:card" content="summary" />
    <link rel="canonical" href="{own}" />
    <link rel="stylesheet" href="../{STYLE}" />
  </head>
  <body>
    <main>
      <h1>{heading}</h1>
      <p>{look_for}</p>
      <p class="open"><a href="../../?example={id}">Open this example in Temporal Lens</a></p>
{body}      <nav aria-labelledby="others">
        <h2 id="others">Other examples</h2>
        <ul>
{others}        </ul>
      </nav>
    </main>
  </body>
</html>
"#,
        heading = escaped(&example.title),
        look_for = escaped(&example.look_for),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute<'a>(html: &'a str, before: &str) -> &'a str {
        let start = html.find(before).unwrap_or_else(|| panic!("no {before}")) + before.len();
        html[start..].split('"').next().unwrap()
    }

    #[test]
    fn every_example_has_a_page_with_its_tags_its_text_and_links_that_lead_somewhere() {
        let site = tempfile::tempdir().unwrap();
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/examples");
        std::fs::create_dir_all(site.path().join(EXAMPLES)).unwrap();
        for entry in std::fs::read_dir(&demo).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), site.path().join(EXAMPLES).join(entry.file_name())).unwrap();
        }
        add(site.path(), Some("https://lens.example/demo/")).unwrap();
        let list = std::fs::read_to_string(demo.join("index.json")).unwrap();
        let gallery = Gallery::from_json(&list).unwrap();
        assert!(gallery.examples.len() > 5);
        for example in &gallery.examples {
            let own = site.path().join(FOLDER).join(&example.id);
            let html = std::fs::read_to_string(own.join("index.html")).unwrap();
            for tag in ["og:title", "og:description", "og:type", "og:url", "og:site_name"] {
                assert!(!attribute(&html, &format!("property=\"{tag}\" content=\"")).is_empty(), "{tag}");
            }
            let url = format!("https://lens.example/demo/e/{}/", example.id);
            assert_eq!(attribute(&html, "og:url\" content=\""), url);
            assert_eq!(attribute(&html, "rel=\"canonical\" href=\""), url);
            assert!(html.contains(&format!("href=\"../../?example={}\"", example.id)));
            assert!(!html.contains("<script") && !html.contains(" style=") && html.contains(POLICY));
            for line in example.text.lines().flat_map(|line| line.split(". ")) {
                assert!(html.contains(&escaped(line.trim())), "{}: {line}", example.id);
            }
            let links: Vec<&str> = html.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap()).collect();
            for link in links.into_iter().filter(|link| *link != url && !link.contains('?')) {
                assert!(link.starts_with("../") && own.join(link).exists(), "{}: {link}", example.id);
            }
        }
        let html = std::fs::read_to_string(site.path().join("e/two-events/index.html")).unwrap();
        assert!(html.contains("<h2>Scene 1: sailing, tide, winds</h2>"));
        assert!(html.contains("2 scenes: sailing, tide, winds; baking, cooking, oven."));
    }

    #[test]
    fn the_scenes_are_the_whole_text_and_other_tokens_are_refused() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/examples/code.json");
        let mut analysis = Analysis::from_json(&std::fs::read_to_string(demo).unwrap()).unwrap();
        let all = parts(&analysis).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all.iter().map(|part| part.text.as_str()).collect::<String>(), analysis.text);
        analysis.text.push('x');
        assert!(parts(&analysis).is_err());
    }

    #[test]
    fn nothing_of_an_example_becomes_markup() {
        let hostile = "\"><script>alert(1)</script>";
        let json = serde_json::json!({"examples": [
            {"id": "a", "title": hostile, "look_for": hostile, "text": hostile},
            {"id": "b", "title": hostile, "look_for": "", "text": ""},
        ]});
        let gallery = Gallery::from_json(&json.to_string()).unwrap();
        let parts = [Part { name: Some(hostile.to_owned()), text: format!("{hostile}\n  {hostile}") }];
        let html = page(&gallery.examples[0], &parts, &gallery, None);
        assert!(!html.contains("<script") && !html.contains("\"\"") && html.contains("<br />  &quot;&gt;&lt;script"));
        assert_eq!(attribute(&html, "rel=\"canonical\" href=\""), "./");
    }

    #[test]
    fn the_address_is_a_folder_on_the_web() {
        assert_eq!(folder_address("https://lens.example/demo").unwrap(), "https://lens.example/demo/");
        assert_eq!(folder_address("http://localhost:80/").unwrap(), "http://localhost:80/");
        for wrong in ["lens.example", "javascript:1", "https://lens.example/?a", "https://lens.example/#a"] {
            assert!(folder_address(wrong).is_err(), "{wrong}");
        }
    }
}
