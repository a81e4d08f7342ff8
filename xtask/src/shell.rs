//! What a built page needs that its source cannot have: a content security policy, and a service
//! worker that knows the built files' names.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use lens_view::one_file::TEMPLATE;
use sha2::{Digest, Sha256};

use crate::hash;

/// Scripts, styles and data are the page's own; results and packs may come from any host that is
/// reached safely; frames are Neuronpedia's. As a meta tag, so that any static host ships it.
/// (A dedicated worker has a policy of its own, from its own response: this one does not bind it.)
/// The one script inside the page is named by its hash, and makes what Trusted Types let through.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' \
                      'sha256-tWoVOvpdMbIxJs/Gaekr3DmGDzva+oajxDVWGgkEJr8='; worker-src 'self'; style-src 'self'; \
                      img-src 'self' data: blob:; connect-src 'self' https:; \
                      frame-src https://neuronpedia.org https://www.neuronpedia.org; base-uri 'none'; form-action 'none'; \
                      require-trusted-types-for 'script'; trusted-types default temporal-lens-views";

/// The script that stands in the page itself.
const EARLY: &str = include_str!("../../web/early.js");

/// The page is put below this line: the policy comes first, and binds all that follows.
const FIRST: &str = "<meta charset=\"utf-8\" />";

/// Finishes the pages that Trunk has built in `folder`.
pub fn finish(folder: &Path) -> Result<()> {
    let page = folder.join("index.html");
    let html = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    // The version is that of the files beside the page, and of the page without it.
    let version = version(folder, &html)?;
    let html = with_tags(&html, &version).context("index.html: no charset tag")?;
    lens_files::write_whole(&page, html.as_bytes())?;
    let script = folder.join("service-worker.js");
    let text = std::fs::read_to_string(&script).with_context(|| format!("cannot read {}", script.display()))?;
    let names: Vec<String> = shell_files(folder)?.into_keys().collect();
    let text = with_files(&text, &version, &names).context("service-worker.js: no constants to write")?;
    Ok(lens_files::write_whole(&script, text.as_bytes())?)
}

/// The file that [`dev`](crate::dev) writes after each build; the page reloads when it changes.
pub const BUILD_FILE: &str = "build.txt";

/// Lets the page in `folder` reload itself after the next build.
pub fn add_reload(folder: &Path) -> Result<()> {
    const SCRIPT: &str = "dev-reload.js";
    let page = folder.join("index.html");
    let html = std::fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
    let at = html.find(FIRST).context("index.html: no charset tag")? + FIRST.len();
    let html = format!("{}\n    <script src=\"{SCRIPT}\"></script>{}", &html[..at], &html[at..]);
    lens_files::write_whole(&page, html.as_bytes())?;
    let script = folder.join(SCRIPT);
    let text = include_str!("dev-reload.js").replace("BUILD_FILE", BUILD_FILE);
    Ok(lens_files::write_whole(&script, text.as_bytes())?)
}

/// Names and hashes of the files that the page consists of: everything at the top but itself.
fn shell_files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Whoever saves a single file fetches its template then.
        let is_other = name == "service-worker.js"
            || name == TEMPLATE
            || name.starts_with("embed-example")
            || name.starts_with('.');
        if entry.path().is_file() && !is_other {
            hash::files(&entry.path(), &name, &mut files)?;
        }
    }
    Ok(files)
}

fn version(folder: &Path, html: &str) -> Result<String> {
    let mut hasher = Sha256::new();
    for (name, hash) in shell_files(folder)?.into_iter().filter(|(name, _)| name != "index.html") {
        hasher.update(format!("{name} {hash}\n"));
    }
    hasher.update(html);
    hasher.update(EARLY);
    Ok(hash::hex(&hasher.finalize())[..16].to_owned())
}

fn with_tags(html: &str, version: &str) -> Option<String> {
    let at = html.find(FIRST)? + FIRST.len();
    let tags = format!(
        "\n    <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\" />\n    <meta name=\"temporal-lens-shell\" content=\"{version}\" />\n    <script>{EARLY}</script>"
    );
    Some(format!("{}{tags}{}", &html[..at], &html[at..]))
}

fn with_files(script: &str, version: &str, names: &[String]) -> Option<String> {
    let (unbuilt, none) = ("const VERSION = \"unbuilt\";", "const FILES = [];");
    if !script.contains(unbuilt) || !script.contains(none) {
        return None;
    }
    let names = serde_json::to_string(names).ok()?;
    Some(
        script
            .replace(unbuilt, &format!("const VERSION = \"{version}\";"))
            .replace(none, &format!("const FILES = {names};")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_page_has_its_policy_first_and_its_files_listed() {
        let folder = std::env::temp_dir().join(format!("xtask-shell-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("models")).unwrap();
        // Not of the shell: static pages that were not requested.
        std::fs::create_dir_all(folder.join("e/two-events")).unwrap();
        std::fs::write(folder.join("e/two-events/index.html"), "").unwrap();
        let page = format!("<!doctype html><head>\n    {FIRST}\n    <script src=\"a.js\"></script></head>");
        std::fs::write(folder.join("index.html"), &page).unwrap();
        std::fs::write(folder.join("a.js"), "1").unwrap();
        let script = include_str!("../../web/service-worker.js");
        std::fs::write(folder.join("service-worker.js"), script).unwrap();
        finish(&folder).unwrap();
        let html = std::fs::read_to_string(folder.join("index.html")).unwrap();
        let (policy, first_script) = (html.find("Content-Security-Policy").unwrap(), html.find("<script").unwrap());
        assert!(policy < first_script && !html.contains("unsafe-inline") && !html.contains("'unsafe-eval'"));
        let built = std::fs::read_to_string(folder.join("service-worker.js")).unwrap();
        assert!(built.contains(r#"const FILES = ["a.js","index.html"];"#), "{built}");
        let version = |html: &str| html.split("temporal-lens-shell\" content=\"").nth(1).unwrap()[..16].to_owned();
        assert!(built.contains(&format!("const VERSION = \"{}\";", version(&html))));
        // Another file, another version.
        std::fs::write(folder.join("a.js"), "2").unwrap();
        std::fs::write(folder.join("index.html"), &page).unwrap();
        std::fs::write(folder.join("service-worker.js"), script).unwrap();
        finish(&folder).unwrap();
        let changed = std::fs::read_to_string(folder.join("index.html")).unwrap();
        assert_ne!(version(&changed), version(&html));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_documents_give_the_policy_as_a_header() {
        let hosting = include_str!("../../docs/hosting.md");
        assert!(hosting.contains(&format!("add_header Content-Security-Policy \"{POLICY}\" always;")), "{POLICY}");
    }

    #[test]
    fn the_policy_names_the_script_in_the_page_by_its_hash() {
        use base64::Engine as _;
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(EARLY));
        assert!(POLICY.contains(&format!(" 'sha256-{hash}';")), "the hash is now {hash}");
        assert!(!EARLY.contains("</script") && !EARLY.contains("<!--") && !EARLY.contains('\r'));
    }

    #[test]
    fn the_page_itself_has_no_script_of_its_own() {
        let html = include_str!("../../index.html");
        assert!(
            html.contains(FIRST) && !html.contains("<script") && !html.contains(" style=") && !html.contains("onload=")
        );
    }
}
