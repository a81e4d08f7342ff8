//! `analyze --text-list`: many texts to a folder of documents with an index page, that any static
//! host can serve. Runs of the same list may share the folder, one after another or side by side.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use html_escape::encode_double_quoted_attribute as escaped;
use lens_analysis::Analysis;
use lens_analysis::document::AnalysisFile;
use lens_engine::{PackFolder, RunOptions};
use lens_files::write_whole;
use lens_pack::file_name::is_plain;
use lens_pack::folder::FolderManifest;
use lens_pack::instead::{ExpectedInput, first_bytes, instead_of_bytes};
use lens_pack::text::{from_json, line_problem, read_data};
use serde::{Deserialize, Deserializer, Serialize};

use crate::args::{AnalyzeArgs, Shard};
use crate::print::{print, status};
use crate::results::{ANALYSIS_FORMAT, Folder, check, check_folder, is_foreign, not_a_file};
use crate::run::{analysis, load_words, open_pack, read_tokens};
use crate::sentence::sentence;

/// Value of `format` in index.json.
const FORMAT: &str = "temporal-lens-index/1";
/// Of every version.
const FORMAT_NAME: &str = "temporal-lens-index/";
/// The index page and its script; the list stands between the halves of the page.
const PAGE: (&str, &str) = (include_str!("index_page/head.html"), include_str!("index_page/foot.html"));
const SCRIPT: &str = include_str!("index_page/index.js");

/// One text of the list.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    /// Name of its document: letters, digits, "-", "_" and ".".
    #[serde(deserialize_with = "id_as_text")]
    id: String,
    /// Verbatim.
    text: String,
    /// What people read; the id where there is none.
    #[serde(default)]
    title: Option<String>,
}

/// Data sets number their texts.
fn id_as_text<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "the id is neither a string nor a whole number from 0 on")]
    enum Id {
        Text(String),
        Number(u64),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Text(text) => text,
        Id::Number(number) => number.to_string(),
    })
}

/// Why `id` cannot be a document's name.
fn no_id(id: &str) -> Option<&'static str> {
    if id.eq_ignore_ascii_case("index") {
        // Some file systems ignore case.
        Some("index.json is that of the index; choose another")
    } else if is_device(id) {
        Some("that is the name of a device on Windows; choose another")
    } else if id.is_empty() {
        Some("it is empty; choose one")
    } else if id.len() > ID_BYTES_MAX {
        Some("it is longer than 100 characters; choose a shorter one")
    } else if id.starts_with('.') {
        Some("a file whose name begins with a full stop is hidden; choose another")
    } else {
        (!is_plain(id)).then_some("may hold letters from a to z, digits, \"-\", \"_\" and \".\"")
    }
}

/// Bytes of an id, at most.
const ID_BYTES_MAX: usize = 100;

/// Whether Windows takes a file of this name for a device, whatever follows the first full stop.
fn is_device(id: &str) -> bool {
    let stem = id.split('.').next().unwrap_or(id).to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || port.is_some_and(|n| matches!(n.as_bytes(), [b'1'..=b'9']))
}

/// The entry of a finished text in index.json.
#[derive(Debug, Serialize)]
struct IndexEntry<'a> {
    id: &'a str,
    title: &'a str,
    /// Its document, beside the index.
    file: String,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct Index<'a> {
    format: &'a str,
    /// How many texts the list has; fewer are listed while others are under way.
    texts: usize,
    results: Vec<IndexEntry<'a>>,
    /// Texts of this run that could not be analyzed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    failures: &'a [Failure<'a>],
}

/// A text that could not be analyzed.
#[derive(Debug, Serialize)]
struct Failure<'a> {
    id: &'a str,
    /// Why, as a sentence.
    problem: String,
}

/// Runs the command.
pub fn run(args: &AnalyzeArgs, list: &Path) -> Result<()> {
    let scheme = args.viewer.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    if scheme.is_some_and(|scheme| !matches!(scheme.as_str(), "http" | "https" | "file")) {
        bail!("--viewer: {:?} is not the address of a page; name one that begins with https://", args.viewer);
    }
    let Some(out) = &args.out else { bail!("--text-list needs --out, the folder for the documents") };
    let names = &["index.json", "index.js", "index.html"];
    check_folder(&Folder { out, names, inputs: &[list, &args.model], format: Some(FORMAT_NAME) })?;
    let entries = read_list(list)?;
    std::fs::create_dir_all(out).map_err(|e| anyhow!("cannot create {}: {e}", out.display()))?;
    let FolderManifest { manifest, hash, .. } = FolderManifest::read(&args.model)?;
    let mut expected = Expected { pack_hash: hash, words: manifest.words.is_some() };
    let shard = args.shard.unwrap_or_default();
    let own: Vec<&Entry> = entries.iter().enumerate().filter(|(i, _)| shard.has(*i)).map(|(_, entry)| entry).collect();
    let open: Vec<&Entry> = own.iter().copied().filter(|entry| !is_done(entry, out, &expected, args)).collect();
    status!("{} texts, {} of them in part {shard}, {} to do", entries.len(), own.len(), open.len());
    // Loaded once for all of them, and not at all where nothing is left.
    let pack = if open.is_empty() { None } else { Some(open_pack(&args.model, args.device)?) };
    if let Some(pack) = &pack {
        load_words(pack, false)?;
        // Documents without those that cannot be read are listed, and made again by a later run.
        expected.words &= pack.loaded.has_words();
    }
    let of_former_runs = listed(out);
    let mut failures = Vec::new();
    if let Some(pack) = &pack {
        for (done, entry) in open.iter().enumerate() {
            status!("{} of {}: {}", done + 1, open.len(), entry.id);
            // One text that cannot be analyzed, or whose document cannot be written, is no reason to leave the others out.
            let file = document(out, &entry.id);
            let written = check_place(&file, list, &of_former_runs)
                .and_then(|()| analyze(pack, entry, args))
                .and_then(|json| Ok(write_whole(&file, &json)?));
            if let Err(problem) = written {
                status!("text {:?}: {}", entry.id, sentence(&problem.to_string()));
                failures.push(Failure { id: &entry.id, problem: problem.to_string() });
            }
        }
    }
    let listed = write_index(&entries, out, args, &expected, &failures)?;
    let printed = print(&format!("{listed} of {} texts are in {}\n", entries.len(), out.display()));
    match failures.as_slice() {
        [] => printed,
        [first, ..] => bail!(
            "{} of {} texts could not be analyzed, the first is {:?}: {}",
            failures.len(),
            open.len(),
            first.id,
            first.problem
        ),
    }
}

/// The documents that the index in `out` lists: those of former runs.
fn listed(out: &Path) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct ResultIndex {
        results: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        file: String,
    }
    let index = read_data(&out.join("index.json")).ok().and_then(|json| from_json::<ResultIndex>(&json).ok());
    index.into_iter().flat_map(|index| index.results).map(|it| it.file).collect()
}

/// Refuses a document's place that holds something else: a folder, a pipe, the list itself, a user's own file.
/// What an index lists is ours, whatever became of it.
fn check_place(file: &Path, list: &Path, listed: &BTreeSet<String>) -> Result<()> {
    if let Some(what) = not_a_file(file) {
        bail!(
            "cannot write {}: it is {what}; name another folder with --out, or another id in the list",
            file.display()
        );
    }
    check(&[file], &[list])?;
    let is_listed = file.file_name().is_some_and(|name| listed.contains(&*name.to_string_lossy()));
    if !is_listed && is_foreign(file, &[&format!("\"{ANALYSIS_FORMAT}")]) {
        bail!(
            "{} is not a result of this program, and would be replaced; move it, or name another folder with --out",
            file.display()
        );
    }
    Ok(())
}

fn analyze(pack: &PackFolder, entry: &Entry, args: &AnalyzeArgs) -> Result<Vec<u8>> {
    let tokens = pack.loaded.tokenize(&entry.text)?;
    let options = RunOptions { inf_k: args.inf_k, ..RunOptions::default() };
    let mut session = read_tokens(pack, &tokens, options)?;
    let mut analysis = analysis(pack, &entry.text, &tokens, &mut session)?;
    if args.attention {
        analysis.attention = Some(pollster::block_on(session.attention())?);
    }
    let document =
        if args.no_grams { AnalysisFile::without_grams(&analysis) } else { AnalysisFile::compact(&analysis) };
    let mut json = serde_json::to_vec(&document).map_err(|e| anyhow!("its document cannot be written: {e}"))?;
    json.push(b'\n');
    Ok(json)
}

/// Reads the list; a line that is wrong is named before any model is loaded.
fn read_list(path: &Path) -> Result<Vec<Entry>> {
    let text = read_data(path).map_err(|e| match instead_of_bytes(&first_bytes(path), ExpectedInput::Lines) {
        Some(other) => anyhow!("{}: not a list of texts{other}", path.display()),
        None => anyhow!("{e}"),
    })?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut ids = BTreeSet::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = format!("{}, line {}", path.display(), index + 1);
        let entry: Entry = from_json(line)
            .map_err(|e| anyhow!("{at}: {}", line_problem(line, &format!("not an id and a text: {e}"))))?;
        if let Some(why) = no_id(&entry.id) {
            bail!("{at}: the id {:?} becomes a file's name, and {why}", entry.id);
        }
        if entry.text.is_empty() {
            bail!("{at}: the text is empty");
        }
        // Some file systems ignore case.
        if !ids.insert(entry.id.to_ascii_lowercase()) {
            bail!("{at}: the id {:?} is there twice", entry.id);
        }
        entries.push(entry);
    }
    if entries.is_empty() {
        bail!("{}: it contains no text", path.display());
    }
    Ok(entries)
}

fn document(out: &Path, id: &str) -> PathBuf {
    out.join(format!("{id}.json"))
}

/// What documents are of.
struct Expected {
    pack_hash: String,
    /// They have words.
    words: bool,
}

/// Whether a text's document is there, of this text, pack and settings.
fn is_done(entry: &Entry, out: &Path, expected: &Expected, args: &AnalyzeArgs) -> bool {
    let file = document(out, &entry.id);
    // A pipe would be waited for.
    let found = file.is_file().then(|| read_data(&file).ok()).flatten();
    let found = found.and_then(|json| Analysis::from_json(&json).ok());
    found.is_some_and(|it| {
        let is_whole = (it.attention.is_some() || !args.attention) && (it.words.is_some() || !expected.words);
        it.text == entry.text && it.model.pack_hash == expected.pack_hash && it.inf_k == args.inf_k && is_whole
    })
}

/// Lists every text that is done, by whichever run; answers how many.
///
/// Runs that end together may write each over the other's index. Each looks again after it has written, so that the last one to
/// write has seen all: that needs no lock, which some file systems that machines share do not have.
fn write_index(
    entries: &[Entry],
    out: &Path,
    args: &AnalyzeArgs,
    expected: &Expected,
    failures: &[Failure<'_>],
) -> Result<usize> {
    let there = || -> Vec<bool> { entries.iter().map(|entry| document(out, &entry.id).exists()).collect() };
    loop {
        let before = there();
        let results: Vec<IndexEntry<'_>> = entries
            .iter()
            .filter(|entry| is_done(entry, out, expected, args))
            .map(|entry| IndexEntry {
                id: &entry.id,
                title: entry.title.as_deref().unwrap_or(&entry.id),
                file: format!("{}.json", entry.id),
                text: &entry.text,
            })
            .collect();
        let page = page(&results, failures, &args.viewer);
        let index = Index { format: FORMAT, texts: entries.len(), results, failures };
        let mut json = serde_json::to_vec_pretty(&index).map_err(|e| anyhow!("the index cannot be written: {e}"))?;
        json.push(b'\n');
        for (name, bytes) in
            [("index.json", json.as_slice()), ("index.js", SCRIPT.as_bytes()), ("index.html", page.as_bytes())]
        {
            write_whole(&out.join(name), bytes)?;
        }
        if there() == before {
            return Ok(index.results.len());
        }
    }
}

fn page(results: &[IndexEntry<'_>], failures: &[Failure<'_>], viewer: &str) -> String {
    let items: String = results
        .iter()
        .map(|it| {
            let beginning: String = it.text.chars().take(120).collect();
            let (file, title) = (escaped(&it.file), escaped(it.title));
            format!("      <li><a href=\"{file}\">{title}</a> <span>{}</span></li>\n", escaped(&beginning))
        })
        .collect();
    let failed: String = failures
        .iter()
        .map(|it| format!("      <li>{} <span>{}</span></li>\n", escaped(it.id), escaped(&sentence(&it.problem))))
        .collect();
    let failed = if failed.is_empty() {
        failed
    } else {
        // The script makes links of the first list.
        format!("    </ul>\n    <h2>Not analyzed</h2>\n    <ul>\n{failed}")
    };
    format!("{}{items}{failed}{}", PAGE.0.replace("VIEWER", &escaped(viewer)), PAGE.1)
}

impl Shard {
    fn has(self, index: usize) -> bool {
        index % self.of == self.part - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_in_one_part() {
        for of in 1..6 {
            for index in 0..20 {
                let parts = (1..=of).filter(|part| Shard { part: *part, of }.has(index)).count();
                assert_eq!(parts, 1);
            }
        }
        assert!("0/3".parse::<Shard>().is_err() && "4/3".parse::<Shard>().is_err() && "1".parse::<Shard>().is_err());
        assert_eq!("3/3".parse::<Shard>().map(|it| it.to_string()), Ok("3/3".to_owned()));
    }

    #[test]
    fn the_index_page_holds_texts_as_text() {
        let hostile =
            IndexEntry { id: "a", title: "<script>1</script>", file: "a.json".into(), text: "\"><img onerror=x>" };
        let failures = [Failure { id: "b", problem: "<b>too</b> long".to_owned() }];
        let page = page(&[hostile], &failures, "../\" onclick=\"x");
        assert!(page.contains("<h2>Not analyzed</h2>") && page.contains("<li>b <span>&lt;b&gt;too"), "{page}");
        // The policy comes first, and binds all that follows.
        let (policy, script) = (page.find("http-equiv=\"Content-Security-Policy\""), page.find("<script"));
        assert!(
            policy.is_some() && policy < script && page.contains("default-src 'none'; script-src 'self';"),
            "{page}"
        );
        assert!(
            page.contains("&lt;script&gt;1")
                && page.contains("&quot;&gt;&lt;img")
                && page.contains("../&quot; onclick")
        );
    }
}
