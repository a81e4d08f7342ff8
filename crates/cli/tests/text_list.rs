//! `analyze --text-list`: parts by three processes, resuming, what is refused.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{ALICE, command, run, small_pack, succeed, text};
use serde_json::{Value, json};

fn arguments(pack: &Path, list: &Path, out: &Path, more: &[&str]) -> Vec<String> {
    let mut args: Vec<String> = ["analyze", "--device", "cpu", "--model"].map(str::to_owned).to_vec();
    args.extend([text(pack), "--text-list".into(), text(list), "--out".into(), text(out)]);
    args.extend(more.iter().map(|it| (*it).to_owned()));
    args
}

fn index(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("index.json")).unwrap()).unwrap()
}

#[test]
fn three_processes_fill_one_folder_and_its_index() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let list = scratch.path().join("list.jsonl");
    let texts = [ALICE, "The tide turned.", "One, two, three.", "A <b>bold</b> & \"quoted\" text.", "Night."];
    let lines: Vec<String> = texts
        .iter()
        .enumerate()
        .map(|(i, text)| json!({"id": format!("text-{i}"), "text": text}).to_string())
        .collect();
    std::fs::write(&list, lines.join("\n")).unwrap();
    let out = scratch.path().join("out");

    let parts: Vec<_> = ["1/3", "2/3", "3/3"]
        .map(|part| command().args(arguments(&pack, &list, &out, &["--shard", part])).spawn().unwrap())
        .into_iter()
        .collect();
    for mut part in parts {
        assert!(part.wait().unwrap().success());
    }
    let merged = index(&out);
    let ids: Vec<&str> = merged["results"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["text-0", "text-1", "text-2", "text-3", "text-4"]);
    assert_eq!(merged["texts"], 5);
    let page = std::fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("A &lt;b&gt;bold") && page.contains("href=\"text-3.json\""), "{page}");

    // Each document is what `analyze` makes of the text alone.
    let alone = scratch.path().join("alone.json");
    let mut args: Vec<String> = ["analyze", "--device", "cpu", "--compact", "--model"].map(str::to_owned).to_vec();
    args.extend([text(&pack), "--text".into(), texts[1].into(), "--json".into(), text(&alone)]);
    succeed(&args);
    assert_eq!(std::fs::read(&alone).unwrap(), std::fs::read(out.join("text-1.json")).unwrap());

    // Again: nothing is computed; a document that is gone, damaged or of another text is made again.
    let again = succeed(&arguments(&pack, &list, &out, &[]));
    assert!(again.stderr.contains("0 to do") && !again.stderr.contains("loading"), "{}", again.stderr);
    std::fs::remove_file(out.join("text-0.json")).unwrap();
    std::fs::write(out.join("text-2.json"), "{").unwrap();
    let changed = lines.join("\n").replace("Night.", "Day.");
    std::fs::write(&list, changed).unwrap();
    let third = succeed(&arguments(&pack, &list, &out, &[]));
    assert!(third.stderr.contains("3 to do"), "{}", third.stderr);
    assert_eq!(index(&out)["results"].as_array().unwrap().len(), 5);
    let day: Value = serde_json::from_slice(&std::fs::read(out.join("text-4.json")).unwrap()).unwrap();
    assert_eq!(day["text"], "Day.");
}

#[test]
fn attention_comes_along_where_it_is_asked_for() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let (list, out) = (scratch.path().join("list.jsonl"), scratch.path().join("out"));
    std::fs::write(&list, json!({"id": "a", "text": "Night."}).to_string()).unwrap();
    let has_attention = |more: &[&str]| {
        succeed(&arguments(&pack, &list, &out, more));
        let document: Value = serde_json::from_slice(&std::fs::read(out.join("a.json")).unwrap()).unwrap();
        document.get("attention").is_some_and(|attention| !attention.is_null())
    };
    assert!(!has_attention(&[]));
    assert!(has_attention(&["--attention"]), "one without is made again");
    assert!(has_attention(&[]), "one with it stays");
}

#[test]
fn a_users_own_page_is_not_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let (list, out) = (scratch.path().join("list.jsonl"), scratch.path().join("out"));
    std::fs::write(&list, json!({"id": "a", "text": "Night."}).to_string()).unwrap();
    for name in ["index.html", "index.js", "index.json"] {
        std::fs::create_dir_all(&out).unwrap();
        std::fs::write(out.join(name), "my own").unwrap();
        let outcome = run(&arguments(&pack, &list, &out, &[]));
        assert_eq!(outcome.code, 1, "{name}");
        assert!(outcome.sentence().contains(&format!("its {name} is of something else")), "{}", outcome.stderr);
        assert_eq!(std::fs::read_to_string(out.join(name)).unwrap(), "my own");
        std::fs::remove_dir_all(&out).unwrap();
        std::fs::create_dir_all(out.join(name)).unwrap();
        let outcome = run(&arguments(&pack, &list, &out, &[]));
        assert!(outcome.sentence().contains(&format!("its {name} is a folder")), "{}", outcome.stderr);
        std::fs::remove_dir_all(&out).unwrap();
    }
}

/// A text may be called as the file is that every pack has; the folder is none for that.
#[test]
fn a_text_called_manifest_stops_no_later_run() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let (list, out) = (scratch.path().join("list.jsonl"), scratch.path().join("out"));
    std::fs::write(&list, json!({"id": "manifest", "text": "Night."}).to_string()).unwrap();
    for to_do in ["1 to do", "0 to do"] {
        let said = succeed(&arguments(&pack, &list, &out, &[])).stderr;
        assert!(said.contains(to_do), "{said}");
    }
}

#[test]
fn the_viewer_is_a_page() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let (list, out) = (scratch.path().join("list.jsonl"), scratch.path().join("out"));
    std::fs::write(&list, json!({"id": "a", "text": "Night."}).to_string()).unwrap();
    for viewer in ["javascript:alert(1)", "DATA:text/html,x"] {
        let outcome = run(&arguments(&pack, &list, &out, &["--viewer", viewer]));
        assert!(outcome.code == 1 && outcome.sentence().contains("not the address of a page"), "{}", outcome.stderr);
    }
    succeed(&arguments(&pack, &list, &out, &["--viewer", "../site/"]));
}

/// Data sets number their texts.
#[test]
fn ids_may_be_numbers() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let (list, out) = (scratch.path().join("list.jsonl"), scratch.path().join("out"));
    std::fs::write(&list, "{\"id\": 7, \"text\": \"Night.\"}\n{\"id\": \"8\", \"text\": \"Day.\"}").unwrap();
    succeed(&arguments(&pack, &list, &out, &[]));
    assert!(out.join("7.json").is_file() && out.join("8.json").is_file());
}

#[test]
fn wrong_lists_are_refused_before_a_model_is_loaded() {
    let scratch = tempfile::tempdir().unwrap();
    let (list, out, pack) =
        (scratch.path().join("l.jsonl"), scratch.path().join("out"), scratch.path().join("no-pack"));
    for (lines, said) in [
        ("{\"id\": \"../x\", \"text\": \"a\"}", "line 1"),
        ("{\"id\": \"a\", \"text\": \"a\"}\n\n{\"id\": \"A\", \"text\": \"b\"}", "line 3"),
        ("{\"id\": \"a\"}", "line 1"),
        ("{\"id\": \"index\", \"text\": \"a\"}", "index.json is that of the index"),
        ("{\"id\": \"Index\", \"text\": \"a\"}", "index.json is that of the index"),
        ("{\"id\": \".hid\", \"text\": \"a\"}", "begins with a full stop is hidden"),
        ("{\"id\": \".\", \"text\": \"a\"}", "begins with a full stop is hidden"),
        ("{\"id\": \"\", \"text\": \"a\"}", "it is empty"),
        ("{\"id\": \"ä\", \"text\": \"a\"}", "may hold letters from a to z"),
        ("Once upon a time, a girl looked at the sky.\n", "line 1: it is not JSON; write a JSON object"),
        ("{\"id\": \"nul.2\", \"text\": \"a\"}", "the name of a device on Windows"),
        ("{\"id\": \"com1\", \"text\": \"a\"}", "the name of a device on Windows"),
        ("{\"id\": 7, \"text\": \"a\"}\n{\"id\": \"7\", \"text\": \"b\"}", "line 2"),
        ("{\"id\": 7.5, \"text\": \"a\"}", "neither a string nor a whole number"),
        ("{\"id\": \"a\", \"text\": \"\"}", "empty"),
        ("", "no text"),
        ("[{\"id\": \"a\", \"text\": \"a\"}]", "line 1: is a JSON list"),
        ("{\n  \"id\": \"a\",\n  \"text\": \"a\"\n}", "line 1: begins an object that goes on in the next line"),
    ] {
        std::fs::write(&list, lines).unwrap();
        let outcome = run(&arguments(&pack, &list, &out, &[]));
        assert_eq!(outcome.code, 1);
        assert!(outcome.sentence().contains(said), "{}", outcome.stderr);
    }
    std::fs::write(&list, "{\"id\": \"a\", \"text\": \"a\"}").unwrap();
    assert!(run(&arguments(&pack, &list, &out, &[])).sentence().contains("manifest.json"));
    assert_eq!(run(&arguments(&pack, &list, &out, &["--shard", "4/3"])).code, 2);
}
