//! `lens`: a fitted lens for the small fixture, from its whole model and from an export.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::{fixture, run, small_pack, succeed, text};
use lens_import::words::pieces_of_pack;
use lens_pack::folder::FolderManifest;

#[test]
fn a_lens_is_fitted_measured_and_its_export_gives_the_same_again() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = small_pack(scratch.path());
    let hash = FolderManifest::read(&pack).unwrap().hash;
    let (model, corpus) = (text(&pack), text(&fixture("train/texts.jsonl")));
    let gemma = text(&fixture("gemma/gemma2-softcap"));
    let base = ["lens", "--device", "cpu", "--model", &model];
    let fitting = [&base[..], &["--gemma", &gemma, "--corpus", &corpus, "--min-count", "2"]].concat();
    assert!(run(&fitting).sentence().contains("the pack has no words"));

    let pieces = pieces_of_pack(&pack).unwrap();
    let listed: String = (0..pieces.ids() as u32)
        .filter_map(|id| Some((id, pieces.piece(id)?.trim_start_matches('▁'))))
        .filter(|(_, piece)| !piece.is_empty() && !piece.contains(char::is_control))
        .take(10)
        .map(|(id, piece)| format!("{id}\t{piece}\n"))
        .collect();
    let list = text(&scratch.path().join("list.txt"));
    std::fs::write(&list, listed).unwrap();
    succeed(&["words", "--device", "cpu", "--model", &model, "--vocabulary", &list, "--corpus", &corpus]);

    let export = text(&scratch.path().join("export"));
    let printed = succeed(&[&fitting[..], &["--export", &export]].concat()).stdout;
    assert!(printed.contains("| the fitted lens | ") && printed.contains("a lens fitted on "), "{printed}");
    // In the form of the table: | reading | KL | share |.
    let kl = |name: &str| -> f64 {
        let row = printed.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap();
        row.split('|').nth(2).unwrap().trim().parse().unwrap()
    };
    // Fitted on a few hundred tokens of a random model it is better than the logit lens on texts that it was not fitted on.
    assert!(kl("the fitted lens") >= 0.0, "{printed}");
    assert!(kl("the fitted lens") < kl("the final norm alone"), "{printed}");
    assert!(kl("the fitted lens") < 0.5 * kl("the mean alone"), "{printed}");
    let with_lens = FolderManifest::read(&pack).unwrap();
    let entry = with_lens.manifest.words.as_ref().unwrap();
    assert_eq!(with_lens.hash, hash);
    assert!(entry.has_lens() && entry.words == 10 && entry.pieces > 10, "{entry:?}");
    let json = text(&scratch.path().join("a.json"));
    succeed(&["analyze", "--model", &model, "--text", "the sea", "--device", "cpu", "--json", &json]);

    let file = |name: &str| text(&Path::new(&export).join(name));
    let (lens, listed) = (file("lens.safetensors"), file("pieces.txt"));
    let printed = succeed(&[&base[..], &["--lens", &lens, "--pieces", &listed]].concat());
    assert!(!printed.stderr.contains("loading"), "the networks are not needed: {}", printed.stderr);
    assert_eq!(FolderManifest::read(&pack).unwrap().json, with_lens.json);

    let refused = |args: &[&str], what: &str| {
        let outcome = run(&[&base[..], args].concat());
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.sentence().contains(what), "{}", outcome.sentence());
        assert_eq!(FolderManifest::read(&pack).unwrap().json, with_lens.json);
    };
    refused(&["--gemma", &gemma], "name them with --corpus");
    refused(&["--corpus", &corpus], "name the whole model with --gemma");
    let other = text(&fixture("gemma/gemma3-sharded"));
    refused(&["--gemma", &other, "--corpus", &corpus, "--min-count", "2"], "is not the model of the pack");
    refused(&["--lens", &listed, "--pieces", &listed], "not a safetensors file");
    refused(&["--lens", &lens, "--pieces", &list], "is not a token id, a tab and a JSON string");
    // Other words take the lens with them, and it is said.
    let printed =
        succeed(&["words", "--device", "cpu", "--model", &model, "--vocabulary", &list, "--corpus", &corpus]).stdout;
    assert!(printed.contains("fitted lens") && printed.contains("is gone"), "{printed}");
    assert!(!FolderManifest::read(&pack).unwrap().manifest.words.unwrap().has_lens());
}
