//! Words of a pack in a folder: written in place, whole or not at all, and nothing else with them.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{PAIRS, fixture, try_pack};
use lens_import::words::{
    WordMeans, WordsSection, pieces_of_pack, read_means, read_word_list, write_means, write_word_list, write_words,
};
use lens_pack::block::Precision;
use lens_pack::folder::FolderManifest;
use lens_pack::manifest::{MANIFEST_FILE, Manifest, seal, without_checksum, without_words};
use lens_pack::unpack::{check_file, embedding_row, parts_in};
use lens_pack::words::{MEAN_NOVEL, MEAN_PREDICTABLE, MEAN_RESIDUAL, ROWS, Vocabulary};

type Files = BTreeMap<String, Vec<u8>>;

fn files_of(folder: &Path) -> Files {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file());
    entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
}

fn pack(precision: Precision) -> (tempfile::TempDir, Manifest) {
    let scratch = tempfile::tempdir().unwrap();
    let (gemma, sae, layer) = PAIRS[2];
    let manifest = try_pack(&fixture(gemma), &fixture(sae), layer, precision, &scratch.path().join("pack")).unwrap();
    (scratch, manifest)
}

fn means(d: usize, from: f32) -> WordMeans {
    let vector = |first: f32| (0..d).map(|i| from + first + i as f32).collect();
    WordMeans { predictable: vector(0.25), novel: vector(1000.0), residual: vector(-5.5), corpus_tokens: 12_345 }
}

fn section(ids: &[u32], d: usize) -> WordsSection {
    let words = ids.iter().map(|id| (*id, format!("word{id}"))).collect();
    WordsSection { vocabulary: Vocabulary { words, pieces: Vec::new() }, means: means(d, 0.0), lens: None }
}

/// What readers make of the section: the vocabulary, and every tensor.
fn read(folder: &Path) -> (Vocabulary, BTreeMap<String, Vec<f32>>) {
    let manifest = FolderManifest::read(folder).unwrap().manifest;
    let entry = manifest.words.unwrap();
    let bytes = |file: &lens_pack::manifest::FileEntry| {
        let bytes = std::fs::read(folder.join(&file.file)).unwrap();
        check_file(file, &bytes).unwrap();
        bytes
    };
    let vocabulary = Vocabulary::from_bytes(&bytes(&entry.vocabulary), &entry, manifest.gemma.vocab_size).unwrap();
    let mut tensors: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for (index, shard) in entry.shards.iter().enumerate() {
        let bytes = bytes(shard);
        safetensors::SafeTensors::deserialize(&bytes).unwrap();
        for part in parts_in(&entry.tensors, &entry.shards, index, &bytes).map(Result::unwrap) {
            tensors.entry(part.name).or_default().extend(part.matrix.unpack());
        }
    }
    (vocabulary, tensors)
}

#[test]
fn rows_are_the_packs_own_and_nothing_else_changes() {
    for precision in [Precision::F32, Precision::F16, Precision::Q8, Precision::Q4] {
        let (scratch, manifest) = pack(precision);
        let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
        let (before, hash) = (files_of(&folder), FolderManifest::read(&folder).unwrap().hash);
        // Out of order, and in several shards of the embedding.
        let last = manifest.gemma.vocab_size as u32 - 1;
        let entry = write_words(&folder, &section(&[last, 7, 0, 12], d)).unwrap();
        assert_eq!((entry.words, entry.pieces, entry.corpus_tokens, entry.has_lens()), (4, 0, 12_345, false));
        let after = FolderManifest::read(&folder).unwrap();
        assert_eq!(after.hash, hash, "the hash is the same with words");
        assert_eq!(after.manifest.words.as_ref(), Some(&entry));
        let unsealed = without_checksum(&after.json);
        assert!(unsealed.ends_with("}}\n") && unsealed.contains(",\"words\":{"));
        assert_eq!(seal(&unsealed), after.json);
        for (name, bytes) in &before {
            assert!(name == MANIFEST_FILE || files_of(&folder)[name] == *bytes, "{name} changed");
        }
        let (vocabulary, tensors) = read(&folder);
        let ids: Vec<u32> = vocabulary.words.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [0, 7, 12, last]);
        let expected: Vec<f32> = ids
            .iter()
            .flat_map(|id| {
                let (shard, range) = manifest.embedding_row(*id).unwrap();
                let bytes = &before[&shard.file][range.start as usize..range.end as usize];
                embedding_row(&manifest.embedding, bytes).unwrap()
            })
            .collect();
        assert_eq!(tensors[ROWS], expected);
        let means = means(d, 0.0);
        assert_eq!(tensors[MEAN_PREDICTABLE], means.predictable);
        assert_eq!(tensors[MEAN_NOVEL], means.novel);
        assert_eq!(tensors[MEAN_RESIDUAL], means.residual);
        // The same again changes nothing; other words replace these, and their files go.
        let with_words = files_of(&folder);
        write_words(&folder, &section(&[last, 7, 0, 12], d)).unwrap();
        assert_eq!(files_of(&folder), with_words);
        write_words(&folder, &section(&[3, 5], d)).unwrap();
        let replaced = files_of(&folder);
        assert_eq!(replaced.len(), before.len() + 2, "{:?}", replaced.keys());
        assert_eq!(read(&folder).0.words.len(), 2);
        assert_eq!(FolderManifest::read(&folder).unwrap().hash, hash);
    }
}

#[test]
fn a_stopped_or_failed_writer_leaves_the_pack_that_was_there() {
    let (scratch, manifest) = pack(Precision::Q8);
    let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
    let bare = files_of(&folder);
    write_words(&folder, &section(&[1, 2, 3], d)).unwrap();
    let old = files_of(&folder);
    let next = section(&[4, 5, 6], d);
    // What the next section's files are called: known from a pack beside it.
    let beside = scratch.path().join("beside");
    copy(&folder, &beside);
    write_words(&beside, &next).unwrap();
    let new = files_of(&beside);
    let names: Vec<&String> = new.keys().filter(|name| !old.contains_key(*name)).collect();
    assert_eq!(names.len(), 2);

    // A file that cannot be written: a folder is in its place.
    for name in &names {
        std::fs::create_dir(folder.join(name)).unwrap();
        let problem = write_words(&folder, &next).unwrap_err().to_string();
        assert!(problem.contains("cannot write") && problem.contains(name.as_str()), "{problem}");
        assert_eq!(files_of(&folder), old);
        std::fs::remove_dir(folder.join(name)).unwrap();
    }
    std::fs::rename(folder.join(MANIFEST_FILE), scratch.path().join("aside")).unwrap();
    let problem = write_words(&folder, &next).unwrap_err().to_string();
    assert!(problem.contains("cannot read") && problem.contains(MANIFEST_FILE), "{problem}");
    std::fs::rename(scratch.path().join("aside"), folder.join(MANIFEST_FILE)).unwrap();
    assert_eq!(files_of(&folder), old);

    // Killed before the manifest was replaced: the new files are there, and one half written.
    for name in &names {
        std::fs::write(folder.join(name), &new[*name]).unwrap();
    }
    std::fs::write(folder.join(".partial-Ab12Cd"), "half of a manifest").unwrap();
    assert_eq!(read(&folder).0, vocabulary_of(&old));
    // Killed after it was: the old files are still there, too.
    std::fs::write(folder.join(MANIFEST_FILE), &new[MANIFEST_FILE]).unwrap();
    assert_eq!(read(&folder).0, vocabulary_of(&new));
    // The next run tidies up, and so does a pack made in the folder's place.
    write_words(&folder, &next).unwrap();
    assert_eq!(files_of(&folder), new);
    std::fs::write(folder.join("words-00000000-0000.safetensors"), "left over").unwrap();
    let (gemma, sae, layer) = PAIRS[2];
    try_pack(&fixture(gemma), &fixture(sae), layer, Precision::Q8, &folder).unwrap();
    assert_eq!(files_of(&folder), bare, "a pack that replaces one has no words");
}

fn vocabulary_of(files: &Files) -> Vocabulary {
    let name = files.keys().find(|name| name.starts_with("words-") && name.ends_with(".json")).unwrap();
    serde_json::from_slice(&files[name]).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for (name, bytes) in files_of(from) {
        std::fs::write(to.join(name), bytes).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn one_process_at_a_time() {
    let (scratch, manifest) = pack(Precision::Q8);
    let folder = scratch.path().join("pack");
    let held = std::fs::File::open(&folder).unwrap();
    held.lock().unwrap();
    let section = section(&[1, 2], manifest.gemma.hidden_size);
    let problem = write_words(&folder, &section).unwrap_err().to_string();
    assert!(problem.contains("another process"), "{problem}");
    drop(held);
    write_words(&folder, &section).unwrap();
}

#[test]
fn what_does_not_fit_the_model_is_refused_by_name() {
    let (scratch, manifest) = pack(Precision::Q8);
    let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
    let before = files_of(&folder);
    let problem = |section: &WordsSection| {
        let problem = write_words(&folder, section).unwrap_err().to_string();
        assert_eq!(files_of(&folder), before, "{problem}");
        problem
    };
    let good = || section(&[1, 2, 3], d);
    assert!(problem(&section(&[], d)).contains("at least two words, this one has 0"));
    assert!(problem(&section(&[1], d)).contains("at least two words, this one has 1"));
    assert!(problem(&section(&[1, 2, 1], d)).contains("token 1 is there twice"));
    let past = manifest.gemma.vocab_size as u32;
    assert!(problem(&section(&[1, past], d)).contains(&format!("token {past} (\"word{past}\") lies past")));
    for word in ["", "a\nb", "\u{7}", "\u{1b}[31m", "\0"] {
        let mut bad = good();
        bad.vocabulary.words[1].1 = word.to_owned();
        assert!(problem(&bad).contains("token 2 has an empty spelling, or one with control characters"), "{word:?}");
    }
    for (at, value) in [(0, f32::NAN), (1, f32::INFINITY), (d - 1, f32::NEG_INFINITY)] {
        let mut bad = good();
        bad.means.novel[at] = value;
        let problem = problem(&bad);
        assert!(problem.contains("words.mean.novel") && problem.contains("not a mean"), "{problem}");
    }
    let mut bad = good();
    bad.means.residual.pop();
    assert!(problem(&bad).contains(&format!("words.mean.residual has {} values, the model's width is {d}", d - 1)));
    // Markup is text like any other: readers escape what they show.
    let mut markup = good();
    markup.vocabulary.words[1].1 = "<script>alert(\"1\")</script>&amp;\u{202e}".to_owned();
    write_words(&folder, &markup).unwrap();
    assert_eq!(read(&folder).0, markup.vocabulary);
}

#[test]
fn a_damaged_pack_is_refused_by_the_name_of_its_file() {
    let (scratch, manifest) = pack(Precision::Q8);
    let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
    let shard = folder.join(&manifest.embedding.shards[0].file);
    let whole = std::fs::read(&shard).unwrap();
    let mut altered = whole.clone();
    altered[whole.len() - 1] ^= 1;
    for damaged in [Some(altered), Some(whole[..whole.len() - 1].to_vec()), None] {
        match &damaged {
            Some(bytes) => std::fs::write(&shard, bytes).unwrap(),
            None => std::fs::remove_file(&shard).unwrap(),
        }
        let before = files_of(&folder);
        let problem = write_words(&folder, &section(&[0, 1], d)).unwrap_err().to_string();
        assert!(problem.contains(&manifest.embedding.shards[0].file), "{problem}");
        assert_eq!(files_of(&folder), before);
    }
}

#[test]
fn lists_of_words_come_back_and_wrong_lines_are_named() {
    let (scratch, _) = pack(Precision::Q8);
    let folder = scratch.path().join("pack");
    let pieces = pieces_of_pack(&folder).unwrap();
    let (the, plain) = (pieces.id("▁the").unwrap(), (0..64).find(|id| pieces.piece(*id) == Some("t")).unwrap());
    let words = vec![(plain, "t".to_owned()), (the, "the".to_owned())];
    let path = scratch.path().join("words.txt");
    let mut sorted = words.clone();
    sorted.sort();
    write_word_list(&path, &sorted, &pieces).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(&format!("{plain}\tt\n")) && text.contains("the\n") && !text.contains("\tthe"), "{text}");
    let list = read_word_list(&path, &pieces).unwrap();
    assert_eq!((list.words, list.missing.len()), (sorted, 0));
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        read_word_list(&path, &pieces).map_err(|e| e.to_string())
    };
    let list = read("the\r\n\nnowhere\nelse\n").unwrap();
    assert_eq!((list.words.len(), list.missing), (1, vec!["nowhere".to_owned(), "else".to_owned()]));
    let problem = |text: &str| read(text).unwrap_err();
    assert!(problem("the\nthe\n").contains(&format!("words.txt: line 2: token {the} (\"the\") is there twice")));
    assert!(problem(&format!("the\n{the}\tthe\n")).contains("line 2"));
    assert!(
        problem(&format!("\n{the}\tsea"))
            .contains(&format!("line 2: token {the} of the model is \"the\", not \"sea\""))
    );
    assert!(problem("99999999\tthe").contains("the model has no token 99999999"));
    assert!(problem("-1\tthe").contains("\"-1\" is not a token id"));
    std::fs::write(&path, [0xff, 0xfe, 0]).unwrap();
    assert!(read_word_list(&path, &pieces).unwrap_err().to_string().contains("not UTF-8"));
}

#[test]
fn means_come_back_for_their_own_pack_only() {
    let (scratch, manifest) = pack(Precision::Q8);
    let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
    let (hash, path) = (FolderManifest::read(&folder).unwrap().hash, scratch.path().join("means.safetensors"));
    let written = means(d, 0.5);
    write_means(&path, &written, &hash).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    write_means(&path, &written, &hash).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "equal means are equal bytes");
    assert_eq!(read_means(&path, &folder).unwrap(), written);
    // Words do not change which pack it is.
    write_words(&folder, &section(&[1, 2], d)).unwrap();
    assert_eq!(read_means(&path, &folder).unwrap(), written);
    let problem = |what: &str| {
        let problem = read_means(&path, &folder).unwrap_err().to_string();
        assert!(problem.contains("means.safetensors") && problem.contains(what), "{problem}");
    };
    write_means(&path, &written, &"0".repeat(64)).unwrap();
    problem("made with the pack 000000000000, this one is");
    write_means(&path, &means(d + 1, 0.5), &hash).unwrap();
    problem(&format!("has {} values, the model's width is {d}", d + 1));
    let mut nan = bytes.clone();
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, nan).unwrap();
    problem("words.mean.residual holds NaN");
    let mut not_written = written.clone();
    not_written.novel[2] = f32::INFINITY;
    assert!(write_means(&path, &not_written, &hash).unwrap_err().to_string().contains("words.mean.novel holds inf"));
    std::fs::copy(folder.join(&manifest.shards[0].file), &path).unwrap();
    problem("its format is");
    for length in 0..bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        problem("");
    }
}

/// Changes the words section of a manifest.
type Change = fn(&mut serde_json::Value);

/// The manifest of a pack with words, changed by `change`.
fn changed(folder: &Path, change: impl FnOnce(&mut serde_json::Value)) -> Result<Manifest, String> {
    let json = std::fs::read_to_string(folder.join(MANIFEST_FILE)).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&json).unwrap();
    value.as_object_mut().unwrap().remove("checksum");
    change(&mut value["words"]);
    Manifest::from_json(&seal(&value.to_string()), MANIFEST_FILE).map_err(|e| e.to_string())
}

#[test]
fn a_section_that_cannot_be_right_is_refused_by_name() {
    let (scratch, manifest) = pack(Precision::Q8);
    let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
    write_words(&folder, &section(&[1, 2, 3], d)).unwrap();
    assert!(changed(&folder, |_| {}).is_ok());
    let problem = |change: Change| changed(&folder, change).unwrap_err();
    let cases: [(Change, &str); 14] = [
        (|w| w["words"] = 1.into(), "1 words and 0 pieces"),
        (|w| w["words"] = 4.into(), "tensor words.rows has shape"),
        (|w| w["words"] = u64::MAX.into(), "words and 0 pieces"),
        (|w| w["pieces"] = 5.into(), "3 words and 5 pieces"),
        (|w| w["tensors"]["words.rows"]["shape"][1] = 8.into(), "tensor words.rows has shape (3, 8)"),
        (|w| w["tensors"]["words.mean.novel"]["shape"][1] = 1.into(), "tensor words.mean.novel has shape (1, 1)"),
        (|w| w["tensors"]["words.rows"]["parts"][0]["shard"] = 1.into(), "tensor words.rows names shard 1"),
        (|w| w["shards"] = serde_json::json!([]), "names shard 0"),
        (|w| w["tensors"]["words.rows"]["parts"][0]["data"][1] = 9.into(), "the part at row 0 does not fit"),
        (
            |w| drop(w["tensors"].as_object_mut().unwrap().remove("words.mean.residual")),
            "words.mean.residual is missing",
        ),
        (|w| w["tensors"]["sae.D"] = w["tensors"]["words.rows"].clone(), "tensor sae.D does not belong"),
        (|w| w["vocabulary"]["file"] = "../../etc/passwd".into(), "\"../../etc/passwd\" is not a plain name"),
        (|w| w["shards"][0]["bytes"] = (64u64 << 20).into(), "more than"),
        (|w| w["vocabulary"]["bytes"] = (64u64 << 20).into(), "more than"),
    ];
    for (change, expected) in cases {
        let problem = problem(change);
        assert!(problem.contains(expected), "{problem} has no {expected}");
    }
}

#[test]
fn a_vocabulary_that_is_cut_altered_or_anothers_is_refused_by_name() {
    let (scratch, manifest) = pack(Precision::Q8);
    let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
    let entry = write_words(&folder, &section(&[1, 2, 3], d)).unwrap();
    let bytes = std::fs::read(folder.join(&entry.vocabulary.file)).unwrap();
    let read =
        |bytes: &[u8]| Vocabulary::from_bytes(bytes, &entry, manifest.gemma.vocab_size).map_err(|e| e.to_string());
    read(&bytes).unwrap();
    for length in 0..bytes.len() {
        assert!(check_file(&entry.vocabulary, &bytes[..length]).is_err());
        assert!(read(&bytes[..length]).unwrap_err().contains(&entry.vocabulary.file));
        let mut altered = bytes.clone();
        altered[length] ^= 1;
        assert!(check_file(&entry.vocabulary, &altered).unwrap_err().to_string().contains(&entry.vocabulary.file));
        // Whatever it says, reading it is no panic.
        let _ = read(&altered);
    }
    let problem = |json: &str| read(json.as_bytes()).unwrap_err();
    assert!(problem(r#"{"words": [[1, "a"], [2, "b"]]}"#).contains("it has 2 words, the manifest says 3"));
    assert!(problem(r#"{"words": [[1, "a"], [2, "b"], [1, "c"]]}"#).contains("token 1 is there twice"));
    assert!(problem(r#"{"words": [[2, "a"], [1, "b"], [3, "c"]]}"#).contains("token 1 comes after token 2"));
    assert!(problem(r#"{"words": [[1, "a"], [2, "b"], [-1, "c"]]}"#).contains("not a vocabulary"));
    assert!(problem(r#"{"words": [[1, "a"], [2, "b"], [4294967295, "c"]]}"#).contains("lies past the model's"));
    assert!(problem(r#"{"words": [[1, "a"], [2, "\u0000"], [3, "c"]]}"#).contains("token 2 has an empty spelling"));
}

#[test]
fn words_never_change_the_hash_whatever_they_are() {
    let (scratch, manifest) = pack(Precision::Q4);
    let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
    let bare = FolderManifest::read(&folder).unwrap();
    for round in 0..40u32 {
        let ids: Vec<u32> =
            (0..2 + round % 5).map(|i| (round * 7 + i * 3) % manifest.gemma.vocab_size as u32).collect();
        let mut some = section(&ids, d);
        some.means = means(d, round as f32 / 3.0);
        // Spellings that look like the section's own text.
        some.vocabulary.words[0].1 = format!(",\"words\":{{}}}} {round}");
        if write_words(&folder, &some).is_err() {
            continue;
        }
        let now = FolderManifest::read(&folder).unwrap();
        assert_eq!(now.hash, bare.hash);
        assert_eq!(seal(&without_words(&without_checksum(&now.json))), bare.json);
    }
    // A name of a model that looks like one, too.
    let mut value: serde_json::Value = serde_json::from_str(&bare.json).unwrap();
    value["model_name"] = format!(",\"words\":null}},\"checksum\":\"{}\"}}", "0".repeat(64)).into();
    value.as_object_mut().unwrap().remove("checksum");
    std::fs::write(folder.join(MANIFEST_FILE), seal(&value.to_string())).unwrap();
    let other = FolderManifest::read(&folder).unwrap();
    assert_ne!(other.hash, bare.hash);
    write_words(&folder, &section(&[1, 2], d)).unwrap();
    assert_eq!(FolderManifest::read(&folder).unwrap().hash, other.hash);
}

#[test]
fn a_pack_of_an_earlier_version_is_given_words_and_stays_of_that_version() {
    let (scratch, manifest) = pack(Precision::Q4);
    let (folder, d) = (scratch.path().join("pack"), manifest.gemma.hidden_size);
    let new = FolderManifest::read(&folder).unwrap();
    let third = without_checksum(&new.json).replace("\"version\":4", "\"version\":3");
    std::fs::write(folder.join(MANIFEST_FILE), &third).unwrap();
    write_words(&folder, &section(&[1, 2], d)).unwrap();
    let now = FolderManifest::read(&folder).unwrap();
    assert_eq!((now.manifest.version, now.hash.as_str()), (3, new.hash.as_str()));
    assert_eq!(without_words(&now.json), third);
}
