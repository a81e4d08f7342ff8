//! What goes wrong: one sentence on stderr, nothing on stdout, the exit code of the issue.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use lens_pack::manifest::{seal, without_checksum};

use common::{Outcome, fixture, pack_args, run, small_pack, text};

#[track_caller]
fn assert_error(outcome: &Outcome, says: &[&str]) {
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{}", outcome.stderr);
    assert!(outcome.sentence().starts_with("temporal-lens: "), "{}", outcome.stderr);
    for part in says {
        assert!(outcome.sentence().contains(part), "{part:?} is not in: {}", outcome.sentence());
    }
}

fn analyze(pack: &Path, args: &[&str]) -> Outcome {
    let mut all = vec!["analyze", "--device", "cpu", "--model", pack.to_str().unwrap()];
    all.extend(args);
    run(&all)
}

#[test]
fn wrong_usage_has_exit_code_2() {
    for args in [
        &["analyse"][..],
        &[],
        &["analyze", "--model", "x"],
        &["analyze", "--model", "x", "--text", "a", "--text-file", "b"],
        &["analyze", "--model", "x", "--text", "a", "--device", "tpu"],
        &["analyze", "--model", "x", "--text", "a", "--inf-k", "-1"],
        &["analyze", "--model", "x", "--token-ids", "1,x"],
        &["analyze", "--model", "x", "--text", "a", "--viewer", "https://lens.example/"],
        &["pack", "--gemma", "x", "--sae", "y", "--layer", "one", "--precision", "f32", "--out", "z"],
        &["pack", "--gemma", "x", "--sae", "y", "--layer", "1", "--precision", "q3", "--out", "z"],
        &["kernels", "--bench", "--peak", "nan"],
        &["kernels", "--bench", "--peak", "0"],
    ] {
        let outcome = run(args);
        assert_eq!(outcome.code, 2, "{args:?}: {}", outcome.stderr);
        assert!(outcome.stdout.is_empty());
    }
}

/// Options that would change nothing are refused.
#[test]
fn options_that_change_nothing_are_refused() {
    let analyze = ["analyze", "--model", "x", "--text", "a"];
    let words = ["words", "--model", "x", "--corpus", "c"];
    let lens = ["lens", "--model", "x", "--corpus", "c"];
    let train = ["train", "--model", "x", "--corpus", "c", "--out", "o"];
    for (command, more) in [
        (&analyze[..], &["--attention"][..]),
        (&analyze, &["--compact"]),
        (&analyze, &["--no-grams"]),
        (&analyze, &["--no-grams", "--dump", "d.safetensors"]),
        (&words, &["--vocabulary", "v", "--min-count", "3"]),
        (&words, &["--vocabulary", "v", "--languages", "de"]),
        (&words, &["--means", "m", "--tokens", "300"]),
        (&words, &["--languages", ""]),
        (&words, &["--languages", "english"]),
        (&words, &["--languages", "en, de"]),
        (&lens, &["--lens", "l", "--gemma", "g"]),
        (&lens, &["--lens", "l", "--tokens", "300"]),
        (&lens, &["--lens", "l", "--held-out-tokens", "300"]),
        (&lens, &["--pieces", "p", "--min-count", "3"]),
        (&train, &["--init-from", "s", "--init", "random"]),
        (&train, &["--init-from", "s", "--init-score", "3"]),
    ] {
        let outcome = run(&[command, more].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{more:?}: {}", outcome.stderr);
    }
    let scratch = tempfile::tempdir().unwrap();
    let pack = text(&small_pack(scratch.path()));
    for command in [["words", "--vocabulary", "v", "--means", "m"], ["lens", "--lens", "l", "--pieces", "p"]] {
        let outcome = run(&[&command[..], &["--corpus", "c", "--model", &pack]].concat());
        // A pack without words is no pack for a lens, whatever else is wrong.
        let says = if command[0] == "words" { "leave one of the three out" } else { "no words" };
        assert_error(&outcome, &[says]);
    }
}

/// A run over nothing, and what names nothing.
#[test]
fn nothing_is_no_number_of_tokens_and_no_name() {
    for args in [
        &["card", "--model", "x", "--sae", "s", "--heldout", "h", "--tokens", "0"][..],
        &["dashboards", "--model", "x", "--corpus", "c", "--out", "o", "--tokens", "0"],
        &["train", "--model", "x", "--corpus", "c", "--out", "o", "--tokens", "0"],
        &["train", "--model", "x", "--corpus", "c", "--out", "o", "--context", "1"],
        &["train", "--model", "x", "--corpus", "c", "--out", "o", "--eval-tokens", "0"],
        &["train", "--model", "x", "--corpus", "c", "--out", "o", "--eval-every", "0"],
        &["pack", "--gemma", "", "--sae", "s", "--layer", "1", "--precision", "f32", "--out", "o"],
        &["pack", "--gemma", "g", "--sae", "", "--layer", "1", "--precision", "f32", "--out", "o"],
        &["train", "--gemma", "", "--layer", "1", "--corpus", "c", "--out", "o"],
        &["card", "--model", "x", "--sae", "", "--heldout", "h"],
    ] {
        let outcome = run(args);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{args:?}: {}", outcome.stderr);
    }
    let outcome = run(&["card", "--model", "x", "--sae", "tiny=", "--heldout", "h"]);
    assert_error(&outcome, &["--sae tiny=", "NAME=DIR"]);
    let outcome = run(&["verify", "--device", "cpu", "--model", "packs/none"]);
    assert_error(&outcome, &["packs/none: there is no such folder; a pack is"]);
    assert_eq!(outcome.sentence().matches("there is no").count(), 1, "{}", outcome.sentence());
}

/// A story where lines or documents of JSON belong.
#[test]
fn a_story_in_the_place_of_json_is_called_none() {
    let scratch = tempfile::tempdir().unwrap();
    let (pack, story) = (text(&small_pack(scratch.path())), text(&scratch.path().join("story.txt")));
    std::fs::write(&story, "Once upon a time, a girl looked at the sky.\nThe end.\n").unwrap();
    let sae = text(&fixture("sae/topk-tied"));
    let corpus = text(&fixture("train/texts.jsonl"));
    let lines = text(&scratch.path().join("story.jsonl"));
    std::fs::copy(&story, &lines).unwrap();
    for args in [
        &["analyze", "--model", &pack, "--text-list", &story, "--out", "nowhere"][..],
        &["fidelity", "--reference", &pack, "--mix", "q8", "--texts", &story],
        &["topics", "--model", &pack, "--texts", &story],
        &["card", "--model", &pack, "--sae", &sae, "--heldout", &corpus, "--stories", &story],
        &["verify", "--model", &pack, "--golden", &story],
        &["tokenize", "--model", &pack, "--corpus", &lines, "--out", "ids.safetensors"],
    ] {
        let outcome = run(&[args, if args[0] == "tokenize" { &["--device", "cpu"][..] } else { &[] }].concat());
        assert_error(&outcome, &["story.", "it is not JSON"]);
        assert!(!outcome.sentence().contains("expected"), "{}", outcome.sentence());
    }
}

#[test]
fn texts_that_cannot_be_analyzed() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    assert_error(&analyze(&pack, &["--text", ""]), &["empty"]);
    let file = scratch.path().join("text.txt");
    assert_error(&analyze(&pack, &["--text-file", &text(&file)]), &["cannot read", "text.txt"]);
    std::fs::write(&file, b"abc\xff").unwrap();
    assert_error(&analyze(&pack, &["--text-file", &text(&file)]), &["text.txt", "not UTF-8", "byte 3"]);
    std::fs::write(&file, "a b ".repeat(20_000)).unwrap();
    assert_error(&analyze(&pack, &["--text-file", &text(&file)]), &["tokens", "shorten"]);
    assert_error(&analyze(&pack, &["--token-ids", "2,9999"]), &["token id 9999", "vocabulary"]);
    assert_error(&analyze(&pack, &["--token-ids", "5,6"]), &["must begin with 2, the start token"]);
    assert_error(&analyze(&pack, &["--text-file", "-"]), &["/dev/stdin"]);
    assert_error(&analyze(&pack, &["--text", "a", "--inf-k", "0"]), &["inf_k"]);
    assert_error(&analyze(&pack, &["--text", "a", "--inf-k", "97"]), &["inf_k is 97", "96 features"]);
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_and_the_device_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = text(&small_pack(scratch.path()));
    let on_gpu = run(&["analyze", "--device", "gpu", "--model", &pack, "--text", "a"]);
    let by_default = run(&["analyze", "--model", &pack, "--text", "a"]);
    assert_eq!(by_default.code, 0, "{}", by_default.stderr);
    if on_gpu.code == 0 {
        assert!(by_default.stderr.contains("device: ") && !by_default.stderr.contains("device: CPU"));
    } else {
        assert_error(&on_gpu, &["no GPU", "--device cpu"]);
        // Why it is the CPU is expected, too.
        assert!(by_default.stderr.contains("device: CPU ("), "{}", by_default.stderr);
    }
}

#[test]
fn packs_that_are_damaged() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    assert_error(&analyze(&scratch.path().join("none"), &["--text", "a"]), &["none", "manifest.json"]);
    let shard = pack.join("shard-0000.safetensors");
    let bytes = std::fs::read(&shard).unwrap();
    let mut changed = bytes.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    std::fs::write(&shard, &changed).unwrap();
    assert_error(&analyze(&pack, &["--text", "a"]), &["shard-0000.safetensors", "checksum"]);
    std::fs::write(&shard, &bytes[..last]).unwrap();
    assert_error(&analyze(&pack, &["--text", "a"]), &["shard-0000.safetensors", "cut short"]);
    std::fs::remove_file(&shard).unwrap();
    assert_error(
        &analyze(&pack, &["--text", "a"]),
        &["shard-0000.safetensors: it is missing, though", "copy the pack again"],
    );
    let manifest = std::fs::read(pack.join("manifest.json")).unwrap();
    std::fs::write(pack.join("manifest.json"), &manifest[..manifest.len() / 2]).unwrap();
    assert_error(&analyze(&pack, &["--text", "a"]), &["manifest.json", "not a pack manifest: it is cut short"]);
    std::fs::write(pack.join("manifest.json"), "{}").unwrap();
    assert_error(&analyze(&pack, &["--text", "a"]), &["manifest.json", "not a pack manifest"]);
}

/// A pipe or a device in the place of a pack's file would be read without an end.
#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_packs_file_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    for name in
        ["shard-0000.safetensors", "tokenizer.bin", "embedding-0000.safetensors", "row-checks.bin", "manifest.json"]
    {
        let path = pack.join(name);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let says = "it is a folder, a pipe or a device";
        assert_error(&analyze(&pack, &["--text", "a"]), &[name, says]);
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_error(&analyze(&pack, &["--text", "a"]), &[name, says]);
        std::fs::remove_file(&path).unwrap();
        if name != "manifest.json" {
            // A file with holes may be larger than any memory.
            std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
            assert_error(&analyze(&pack, &["--text", "a"]), &[name, "1099511627776 bytes long"]);
        }
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(analyze(&pack, &["--text", "a"]).code, 0);
}

/// Other programs print what is to go to a file of this name.
#[test]
fn a_hyphen_is_not_a_results_name() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    assert_error(&analyze(&pack, &["--text", "a", "--json", "-"]), &["/dev/stdout", "./-"]);
}

/// A pipe in a file's place would be waited for.
#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_checkpoints_file_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let (gemma, sae) = ("gemma/gemma2-softcap", "sae/topk-tied");
    for (from, name) in
        [(gemma, "config.json"), (gemma, "model.safetensors"), (sae, "conf.yaml"), (sae, "latest_ckpt.safetensors")]
    {
        let folder = scratch.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        for entry in std::fs::read_dir(fixture(from)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        std::fs::remove_file(folder.join(name)).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(folder.join(name)).status().unwrap().success());
        let other = |it: &str| if it == from { text(&folder) } else { it.to_owned() };
        let args = pack_args(&other(gemma), &other(sae), "tokenizer/tiny.json", 2, "f32", &scratch.path().join("out"));
        assert_error(&run(&args), &[name, "it is a folder, a pipe or a device"]);
    }
}

/// A flipped bit in a name would drop what it names: a cap on scores, a head of the model's own.
#[test]
fn a_manifest_with_a_name_that_is_not_known_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let path = pack.join("manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap();
    for (name, changed) in [
        ("\"attn_logit_softcapping\":", "\"attn_logit_softcappinh\":"),
        ("\"kval_topk\":", "\"kval_topj\":"),
        ("\"target_layer\":", "\"target_layep\":"),
        ("\"licences\":", "\"own_heae\":true,\"licences\":"),
    ] {
        assert!(manifest.contains(name), "{name} is not in {manifest}");
        std::fs::write(&path, seal(&manifest.replacen(name, changed, 1))).unwrap();
        let unknown = changed.split('"').nth(1).unwrap();
        assert_error(&analyze(&pack, &["--text", "a"]), &["manifest.json", "unknown field", unknown]);
    }
    std::fs::write(&path, seal(&manifest.replace("\"bos_token_id\":2", "\"bos_token_id\":3"))).unwrap();
    assert_error(&analyze(&pack, &["--text", "a"]), &["begins texts with token 2, the model with token 3"]);
}

/// A number that nothing else contradicts would give other figures; white space changes none.
#[test]
fn a_manifest_of_which_one_number_differs_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let path = pack.join("manifest.json");
    let manifest = std::fs::read_to_string(&path).unwrap();
    let value: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let theta = format!("\"theta\":{}", value["gemma"]["rope_full"]["theta"]);
    let eps = format!("\"rms_norm_eps\":{}", value["gemma"]["rms_norm_eps"]);
    for (from, to) in [
        (theta.as_str(), "\"theta\":20000.0"),
        (eps.as_str(), "\"rms_norm_eps\":1e-5"),
        ("\"version\":4", "\"version\":3"),
    ] {
        assert!(manifest.contains(from), "{from} is not in {manifest}");
        std::fs::write(&path, manifest.replacen(from, to, 1)).unwrap();
        assert_error(&analyze(&pack, &["--text", "a"]), &["manifest.json", "checksum", "pack the model again"]);
    }
    std::fs::write(&path, without_checksum(&manifest).as_bytes()).unwrap();
    assert_error(&analyze(&pack, &["--text", "a"]), &["manifest.json", "has no checksum of its own"]);
    // As an editor or a file system may leave it.
    std::fs::write(&path, manifest.replace(",\"", ",\r\n  \"")).unwrap();
    assert_eq!(analyze(&pack, &["--text", "a"]).code, 0);
    // A pack of an earlier version is read, and what was not checked is expected.
    std::fs::write(&path, without_checksum(&manifest).replace("\"version\":4", "\"version\":3")).unwrap();
    let output = analyze(&pack, &["--text", "a"]);
    assert!(output.code == 0 && output.stderr.contains("has no checksum of its own"));
}

#[test]
fn outputs_that_cannot_be_written_leave_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let json = scratch.path().join("out.json");
    let nowhere = scratch.path().join("no/such/folder/out.safetensors");
    let outcome = analyze(&pack, &["--text", "a", "--json", &text(&json), "--dump", &text(&nowhere)]);
    assert_error(&outcome, &["cannot write", "out.safetensors"]);
    assert!(!json.exists(), "both files or neither");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing but the pack");
    assert_error(&analyze(&pack, &["--text", "a", "--json", &text(scratch.path())]), &["it is a folder"]);
    if cfg!(target_os = "linux") {
        assert_error(&analyze(&pack, &["--text", "a", "--dump", "/dev/full"]), &["cannot write /dev/full", "No space"]);
    }
}

#[test]
fn what_a_command_reads_is_not_replaced_by_what_it_writes() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let manifest = pack.join("manifest.json");
    let before = std::fs::read(&manifest).unwrap();
    assert_error(&analyze(&pack, &["--text", "a", "--json", &text(&manifest)]), &["manifest.json", "which is read"]);
    assert_eq!(std::fs::read(&manifest).unwrap(), before);
    let file = scratch.path().join("text.txt");
    std::fs::write(&file, "a b").unwrap();
    let onto_itself = analyze(&pack, &["--text-file", &text(&file), "--json", &text(&file)]);
    assert_error(&onto_itself, &["text.txt", "replace what it is made of"]);
    let one = text(&scratch.path().join("one.json"));
    assert_error(&analyze(&pack, &["--text", "a", "--json", &one, "--dump", &one]), &["one.json", "two results"]);
    assert_error(&analyze(&pack, &["--text", "a", "--out", &text(scratch.path())]), &["--out", "--text-list"]);
    assert_error(&analyze(&pack, &["--text", "a", "--shard", "2/2"]), &["--shard", "--text-list"]);
}

/// Every file below `folder`, with what is in it.
fn snapshot(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push((path.clone(), std::fs::read(&path).unwrap())) }
        }
    }
    files.sort();
    files
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Every command that writes, onto each thing that it reads: by its name, by that of its folder, and by a link.
#[test]
fn no_command_writes_onto_what_it_reads() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    small_pack(scratch.path());
    copy_folder(&fixture("gemma/gemma2-softcap"), &at("m"));
    std::fs::copy(fixture("tokenizer/tiny.json"), at("m/tokenizer.json")).unwrap();
    copy_folder(&fixture("sae/topk-tied"), &at("s"));
    std::fs::create_dir(at("cc")).unwrap();
    std::fs::copy(fixture("train/texts.jsonl"), at("cc/a.jsonl")).unwrap();
    std::fs::copy(fixture("gguf/gemma3-types.gguf"), at("g.gguf")).unwrap();
    std::fs::copy(fixture("tokenizer/tiny.json"), at("tokenizer.json")).unwrap();
    std::fs::write(at("st.json"), "[]").unwrap();
    std::fs::write(at("template.html"), "<p>").unwrap();
    std::fs::write(at("a.json"), "{}").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at("cc/a.jsonl"), at("link.jsonl")).unwrap();
        std::os::unix::fs::symlink(at("cc"), at("cc-link")).unwrap();
    }
    let before = snapshot(scratch.path());
    let (tokenize, card) = (
        ["tokenize", "--model", "pack", "--corpus", "cc/a.jsonl", "--out"],
        ["card", "--model", "pack", "--sae", "x=s", "--heldout", "cc/a.jsonl", "--stories", "st.json", "--out"],
    );
    let words = ["words", "--model", "pack", "--corpus", "cc", "--min-count", "1"];
    let train = ["train", "--model", "pack", "--corpus", "cc", "--tokens", "600"];
    let pack = ["pack", "--gemma", "m", "--sae", "s", "--layer", "2", "--precision", "f32"];
    let mut cases: Vec<Vec<&str>> = Vec::new();
    for out in ["cc/a.jsonl", "cc/../cc/a.jsonl", "pack/manifest.json", "pack/shard-0000.safetensors", "pack/new.st"] {
        cases.push([&tokenize[..], &[out]].concat());
        cases.push([&card[..], &[out]].concat());
    }
    for out in ["s/conf.yaml", "s/latest_ckpt.safetensors", "st.json"] {
        cases.push([&card[..], &[out]].concat());
    }
    for out in ["m/model.safetensors", "m/tokenizer.json", "m/config.json"] {
        cases.push(vec!["tokenize", "--gemma", "m", "--layer", "2", "--corpus", "cc/a.jsonl", "--out", out]);
    }
    for out in ["g.gguf", "tokenizer.json"] {
        let gguf = ["tokenize", "--gemma", "g.gguf", "--layer", "1", "--corpus", "cc/a.jsonl", "--out", out];
        cases.push(gguf.to_vec());
        cases.push([&gguf[..], &["--tokenizer", "tokenizer.json"]].concat());
    }
    for out in ["cc/ids.safetensors", "cc/a.jsonl"] {
        cases.push(vec!["tokenize", "--model", "pack", "--corpus", "cc", "--out", out]);
        #[cfg(unix)]
        cases.push(vec!["tokenize", "--model", "pack", "--corpus", "cc-link", "--out", out]);
    }
    #[cfg(unix)]
    for (corpus, out) in [("link.jsonl", "cc/a.jsonl"), ("cc/a.jsonl", "link.jsonl"), ("link.jsonl", "link.jsonl")] {
        cases.push(vec!["tokenize", "--model", "pack", "--corpus", corpus, "--out", out]);
    }
    for out in ["cc", "pack"] {
        cases.push([&words[..], &["--export", out]].concat());
        cases.push([&train[..], &["--out", out]].concat());
        cases.push([&train[..], &["--out", "new", "--cache", out]].concat());
    }
    for out in ["m", "s", "cc", "."] {
        cases.push([&pack[..], &["--out", out]].concat());
    }
    cases.push(["dashboards", "--model", "pack", "--corpus", "cc", "--out", "cc"].to_vec());
    cases
        .push(["compare", "--model", "pack", "--first", "a", "--second", "b", "--json", "pack/manifest.json"].to_vec());
    for out in ["a.json", "template.html"] {
        cases.push(vec!["html", "a.json", "--template", "template.html", "--out", out]);
    }
    for case in &cases {
        let mut command = common::command();
        command.current_dir(scratch.path()).args(case);
        if case[0] != "pack" && case[0] != "html" {
            command.args(["--device", "cpu"]);
        }
        let outcome = common::outcome(&mut command);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{case:?}: {}", outcome.stderr);
        assert!(
            !outcome.stderr.contains("loading"),
            "{case:?} is refused before anything is loaded: {}",
            outcome.stderr
        );
        assert_eq!(snapshot(scratch.path()), before, "{case:?}");
    }
    assert!(cases.len() > 30);
}

#[test]
fn a_pack_that_is_replaced_holds_nothing_that_is_read() {
    let scratch = tempfile::tempdir().unwrap();
    let (model, out) = (scratch.path().join("m"), scratch.path().join("pack"));
    copy_folder(&fixture("gemma/gemma2-softcap"), &model);
    std::fs::copy(fixture("tokenizer/tiny.json"), model.join("tokenizer.json")).unwrap();
    std::fs::write(model.join("LICENSE.txt"), "the tide is in").unwrap();
    let (model, sae, out_text) = (text(&model), text(&fixture("sae/topk-tied")), text(&out));
    let pack = ["pack", "--gemma", &model, "--sae", &sae, "--layer", "2", "--precision", "f32", "--out", &out_text];
    common::succeed(&pack);
    let (before, corpus) = (snapshot(&out), text(&out.join("LICENSE.txt")));
    let outcome = run(&[&pack[..], &["--corpus", &corpus]].concat());
    assert_error(&outcome, &["is replaced as a whole", "LICENSE.txt"]);
    assert_eq!(snapshot(&out), before);
}

#[test]
fn numbers_that_leave_nothing_to_compute_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = text(&small_pack(scratch.path()));
    let corpus = text(&fixture("train/texts.jsonl"));
    let (sae, out) = (text(&fixture("sae/topk-tied")), text(&scratch.path().join("out")));
    for context in ["0", "1"] {
        let boards = ["dashboards", "--model", &pack, "--corpus", &corpus, "--out", &out, "--context", context];
        let card = ["card", "--model", &pack, "--sae", &sae, "--heldout", &corpus, "--context", context];
        for args in [&boards[..], &card[..]] {
            let outcome = run(args);
            assert!(outcome.code == 2 && outcome.stderr.contains("at least 2"), "{}", outcome.stderr);
        }
    }
    let card = |heldout: &str, saes: &[&str]| {
        let mut args = vec!["card", "--device", "cpu", "--model", &pack, "--heldout", heldout];
        saes.iter().for_each(|sae| args.extend(["--sae", sae]));
        run(&args)
    };
    let short = text(&scratch.path().join("short.jsonl"));
    std::fs::write(&short, "{\"text\": \"a b\"}\n").unwrap();
    assert_error(&card(&short, &[&sae]), &["held-out texts", "16 tokens or more"]);
    let named = |name: &str| format!("{name}={sae}");
    assert_error(&card(&corpus, &[&named("a"), &named("a")]), &["--sae", "two are called a"]);
    for name in ["", "a|b", "\u{1b}[31m"] {
        assert_error(&card(&corpus, &[&named(name)]), &["--sae", "is not a name for a column"]);
    }
    let mut train = vec!["train", "--device", "cpu", "--model", &pack, "--corpus", &corpus, "--out", &out];
    train.extend(["--tokens", "2000", "--batch-tokens", "18446744073709551615"]);
    assert_error(&run(&train), &["--batch-tokens is 18446744073709551615", "2000 tokens"]);
    assert!(!Path::new(&out).join("conf.yaml").exists());
}

#[test]
fn folders_that_hold_something_else_are_not_written_into() {
    let scratch = tempfile::tempdir().unwrap();
    let pack_folder = small_pack(scratch.path());
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(&pack_folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let pack = text(&pack_folder);
    let (corpus, list) = (text(&fixture("train/texts.jsonl")), text(&scratch.path().join("list.jsonl")));
    std::fs::write(&list, "{\"id\": \"a\", \"text\": \"b\"}\n").unwrap();
    let file = text(&scratch.path().join("file"));
    std::fs::write(&file, "mine").unwrap();
    for (out, expected) in [(&pack, "a pack"), (&file, "it is a file; name a folder")] {
        for args in [
            &["dashboards", "--corpus", &corpus][..],
            &["train", "--corpus", &corpus],
            &["analyze", "--text-list", &list],
        ] {
            let outcome = run(&[args, &["--device", "cpu", "--model", &pack, "--out", out]].concat());
            assert_error(&outcome, &["cannot write into", expected]);
        }
    }
    assert_eq!((names(), std::fs::read_to_string(&file).unwrap().as_str()), (before, "mine"));
    let sae = scratch.path().join("sae");
    std::fs::create_dir(&sae).unwrap();
    std::fs::write(sae.join("latest_ckpt.safetensors"), "trained for hours").unwrap();
    let sae_text = text(&sae);
    let mut train = vec!["train", "--device", "cpu", "--model", &pack, "--corpus", &corpus, "--out", &sae_text];
    assert_error(&run(&train), &["holds an SAE, which would be replaced"]);
    train.push("--resume");
    assert_error(&run(&train), &["holds an SAE, but not the training.safetensors"]);
    assert_eq!(std::fs::read(sae.join("latest_ckpt.safetensors")).unwrap(), b"trained for hours");
}

#[test]
fn a_comparison_says_which_of_its_texts_is_wrong() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = text(&small_pack(scratch.path()));
    let json = text(&scratch.path().join("out.json"));
    let compare = |first: &str, second: &str, more: &[&str]| {
        let mut args = vec!["compare", "--device", "cpu", "--model", &pack, "--json", &json];
        args.extend(["--first", first, "--second", second]);
        args.extend(more);
        run(&args)
    };
    assert_error(&compare("a", "", &[]), &["the second text", "empty"]);
    assert_error(&compare("", "a", &[]), &["the first text", "empty"]);
    assert_error(&compare("a", "b", &["--second-inf-k", "0"]), &["the second text", "inf_k"]);
}

#[test]
fn checkpoints_that_do_not_fit() {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let pack = |gemma: &str, sae: &str, layer: usize| {
        let outcome = run(&pack_args(gemma, sae, "tokenizer/tiny.json", layer, "f32", &out));
        assert!(!out.exists());
        outcome
    };
    let outcome = pack("gemma/gemma3-nested", "sae/topk-scaling-bf16", 4);
    assert_error(&outcome, &["trained on the output of layer 5", "layer 4 was asked for"]);
    let outcome = pack("gemma/gemma2-odd-sizes", "sae/topk-tied", 1);
    assert_error(&outcome, &["48 dimensions", "40"]);
    let outcome = pack("gemma/gemma2-softcap", "sae/topk-tied", 9);
    assert_error(&outcome, &["layer 9", "layers 0 to 3"]);
    let outcome = pack("gemma/gemma2-softcap", "gemma/gemma2-softcap", 1);
    assert_error(&outcome, &["no SAE", "conf.yaml"]);
    let outcome = pack("tokenizer", "sae/topk-tied", 1);
    assert_error(&outcome, &["cannot read", "config.json"]);
    let outcome = run(&pack_args("gemma/gemma2-softcap", "sae/topk-tied", "README.md", 2, "f32", &out));
    assert_error(&outcome, &["README.md", "tokenizer.json"]);
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("thesis.tex"), "mine").unwrap();
    let outcome = run(&pack_args("gemma/gemma2-softcap", "sae/topk-tied", "tokenizer/tiny.json", 2, "f32", &out));
    assert_error(&outcome, &["only a pack or an empty folder is replaced"]);
    assert!(out.join("thesis.tex").exists());
}

#[test]
fn names_that_are_neither_here_nor_on_the_hub() {
    let scratch = tempfile::tempdir().unwrap();
    let out = text(&scratch.path().join("out"));
    let pack = |gemma: &str| {
        let sae = text(&fixture("sae/topk-tied"));
        run(&["pack", "--gemma", gemma, "--sae", &sae, "--layer", "2", "--precision", "f32", "--out", &out])
    };
    assert_error(&pack("/no/such/folder"), &["/no/such/folder", "no such file or folder"]);
    // Nothing listens there, as without a network.
    assert_error(&pack("google/gemma-2-2b"), &["google/gemma-2-2b", "from the hub", "config.json", "network"]);
}

/// What somebody has who names the wrong thing, and what to do with it.
#[test]
fn what_was_given_in_place_of_what_is_wanted_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let place = |name: &str| scratch.path().join(name);
    let (gemma, sae) = (fixture("gemma/gemma2-softcap"), fixture("sae/topk-tied"));
    let (pack, out) = (place("pack"), text(&place("out")));
    let tokenizer = fixture("tokenizer/tiny.json");
    let packing = |gemma: &Path, sae: &Path, tokenizer: &Path, out: &str| {
        let [gemma, sae, tokenizer] = [gemma, sae, tokenizer].map(text);
        run(&[
            "pack",
            "--gemma",
            &gemma,
            "--sae",
            &sae,
            "--tokenizer",
            &tokenizer,
            "--layer",
            "2",
            "--precision",
            "f32",
            "--out",
            out,
        ])
    };
    let made = packing(&gemma, &sae, &tokenizer, &text(&pack));
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_error(&packing(&pack, &sae, &tokenizer, &out), &["not a checkpoint", "a pack of this program", "made of"]);
    assert_error(
        &packing(&gemma, &sae, &gemma, &out),
        &["gemma2-softcap", "it is a folder; name the tokenizer.json in it"],
    );
    assert_error(&packing(&sae, &sae, &tokenizer, &out), &["the folder of an SAE", "--sae"]);
    assert_error(
        &packing(&gemma, &gemma, &tokenizer, &out),
        &["no SAE is in this folder", "Hugging Face checkpoint", "--gemma"],
    );
    assert_error(&packing(&fixture("gguf"), &sae, &tokenizer, &out), &["the GGUF file", "name the file itself"]);
    let spelled = place("tokenizer.model");
    std::fs::write(&spelled, b"\n\x0e\n\x05<pad>").unwrap();
    assert_error(&packing(&gemma, &sae, &spelled, &out), &["SentencePiece", "get tokenizer.json"]);
    for (given, expected) in [
        (&gemma, "make a pack of it with `temporal-lens pack --gemma`"),
        (&sae, "--sae` makes a pack"),
        (&fixture("documents/counting-1.json"), "a saved analysis"),
    ] {
        assert_error(&analyze(given, &["--text", "a"]), &["manifest.json", expected]);
    }
    for (name, bytes, expected) in
        [("a.pdf", &b"%PDF-1.7\n"[..], "a PDF"), ("a.docx", b"PK\x03\x04\x14\0", "a ZIP archive")]
    {
        std::fs::write(place(name), bytes).unwrap();
        assert_error(
            &analyze(&pack, &["--text-file", &text(&place(name))]),
            &[name, expected, "save its text as UTF-8"],
        );
    }
}

#[test]
fn what_is_far_too_long_is_refused_before_it_is_cut_into_tokens() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let long = scratch.path().join("long.txt");
    std::fs::write(&long, "the tide ".repeat(150_000)).unwrap();
    assert_error(&analyze(&pack, &["--text-file", &text(&long)]), &["1350000 bytes", "at most 1048576", "shorten it"]);
    std::fs::write(&long, "the tide ".repeat(6_000_000)).unwrap();
    assert_error(&analyze(&pack, &["--text-file", &text(&long)]), &["more than 2097152 bytes", "shorten it"]);
    if cfg!(target_os = "linux") {
        assert_error(&analyze(&pack, &["--text-file", "/dev/zero"]), &["more than 2097152 bytes"]);
    }
}

#[test]
fn a_gguf_file_without_a_tokenizer_says_where_one_is() {
    let scratch = tempfile::tempdir().unwrap();
    let gguf = scratch.path().join("model.gguf");
    std::fs::copy(fixture("gguf/gemma3-types.gguf"), &gguf).unwrap();
    let sae = text(&fixture("sae/topk-tied"));
    for command in ["pack", "train"] {
        let out = text(&scratch.path().join("out"));
        let corpus = text(&fixture("heldout.jsonl"));
        let of_command = match command {
            "pack" => ["--sae", &sae, "--precision", "f32"],
            _ => ["--corpus", &corpus, "--device", "cpu"],
        };
        let mut args = vec![command, "--gemma", gguf.to_str().unwrap(), "--layer", "1", "--out", &out];
        args.extend(of_command);
        assert_error(&run(&args), &["tokenizer.json", "a GGUF file does not contain it", "--tokenizer"]);
    }
}
