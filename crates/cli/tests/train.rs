//! Training end to end on a tiny model: texts to an SAE that packs and runs.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{ALICE, fixture, pack_args, run, succeed, text};
use safetensors::SafeTensors;
use serde_json::Value;

/// Also in tests/reference/trained.py.
const FLAGS: &str = "--device cpu --tokens 600 --batch-tokens 50 --context 24 --k 4 --width-factor 1 --heads 2 \
                     --bottleneck 2 --warmup-steps 3";

fn pack(scratch: &Path) -> PathBuf {
    let out = scratch.join("pack");
    let tokenizer = text(&fixture("tokenizer/tiny.json"));
    succeed(&["pack", "--synthetic", "tiny", "--tokenizer", &tokenizer, "--precision", "f32", "--out", &text(&out)]);
    out
}

fn args(pack: &Path, out: &Path, more: &[&str]) -> Vec<String> {
    let texts = text(&fixture("train/texts.jsonl"));
    let mut args: Vec<String> = ["train", "--model", &text(pack), "--out", &text(out)].map(str::to_owned).to_vec();
    args.extend(["--corpus", &texts, "--heldout", &texts].map(str::to_owned));
    // What the test says of a flag counts.
    for flag in FLAGS.split(' ').collect::<Vec<_>>().chunks(2).filter(|flag| !more.contains(&flag[0])) {
        args.extend(flag.iter().map(|s| (*s).to_owned()));
    }
    args.extend(more.iter().map(|s| (*s).to_owned()));
    args
}

/// Tensors of a file by name, as f32.
fn tensors(path: &Path) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut all: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, t)| {
            let values = match t.dtype() {
                safetensors::Dtype::BF16 => t
                    .data()
                    .chunks(2)
                    .map(|b| f32::from_bits(u32::from(u16::from_le_bytes([b[0], b[1]])) << 16))
                    .collect(),
                _ => t.data().chunks(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            };
            (name, t.shape().to_vec(), values)
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Losses of prediction and the whole that `look_every` steps tell of.
fn fve_of(stderr: &str) -> Vec<f64> {
    stderr.lines().filter_map(|line| line.split("FVE ").nth(1)?.split(',').next()?.parse().ok()).collect()
}

#[test]
fn a_corpus_too_small_to_hold_out_from_is_reported() {
    let scratch = tempfile::tempdir().unwrap();
    let (pack, out) = (pack(scratch.path()), scratch.path().join("sae"));
    let mut args = args(&pack, &out, &[]);
    let place = args.iter().position(|it| it == "--heldout").unwrap();
    args.drain(place..place + 2);
    let printed = succeed(&args).stderr;
    assert!(printed.contains("no text is held out") && printed.contains("--heldout"), "{printed}");
    assert!(!printed.contains("held out after step"), "{printed}");
}

#[test]
fn training_explains_more_and_more_and_its_sae_packs_and_runs() {
    let scratch = tempfile::tempdir().unwrap();
    let (pack, out) = (pack(scratch.path()), scratch.path().join("sae"));
    let printed = succeed(&args(&pack, &out, &["--eval-every", "3"])).stderr;
    let fve = fve_of(&printed);
    assert_eq!(fve.len(), 4, "{printed}");
    assert!(fve.windows(2).all(|pair| pair[0] < pair[1]), "{fve:?}");
    assert!(printed.contains("held out after step 12") && printed.contains("share"), "{printed}");
    let conf = std::fs::read_to_string(out.join("conf.yaml")).unwrap();
    assert!(conf.contains("target_layer: 2") && conf.contains("exp_factor: 1\n"), "{conf}");

    // With another language model of as many dimensions: what counts is that it loads and runs.
    let packed = scratch.path().join("packed");
    let sae = text(&out);
    let gemma = ["--synthetic", "tiny"];
    assert_eq!(run(&["pack", gemma[0], gemma[1], "--sae", &sae]).code, 2, "synthetic packs bring their own SAE");
    let trained = scratch.path().join("of-checkpoint");
    let texts = text(&fixture("train/texts.jsonl"));
    let gemma = text(&fixture("gemma/gemma2-softcap"));
    let tokenizer = text(&fixture("tokenizer/tiny.json"));
    let mut of_checkpoint: Vec<&str> =
        vec!["train", "--gemma", &gemma, "--tokenizer", &tokenizer, "--layer", "2", "--corpus", &texts];
    let trained_text = text(&trained);
    of_checkpoint.extend(["--heldout", &texts, "--out", &trained_text]);
    of_checkpoint.extend(FLAGS.split(' '));
    succeed(&of_checkpoint);
    let mut packing = pack_args("gemma/gemma2-softcap", "train", "tokenizer/tiny.json", 2, "f32", &packed);
    let at = packing.iter().position(|a| a == "--sae").unwrap();
    packing[at + 1] = trained_text;
    succeed(&packing);
    let json = scratch.path().join("a.json");
    succeed(&["analyze", "--model", &text(&packed), "--text", ALICE, "--device", "cpu", "--json", &text(&json)]);
    let analysis: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let novel: Vec<u64> = analysis["l0_novel"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    assert!(novel.iter().all(|n| *n <= 4) && novel.iter().any(|n| *n > 0), "{novel:?}");
}

#[test]
fn a_run_in_stretches_and_from_kept_streams_equals_one_at_a_time() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(scratch.path());
    let (whole, parts) = (scratch.path().join("whole"), scratch.path().join("parts"));
    succeed(&args(&pack, &whole, &[]));
    let cache = text(&scratch.path().join("cache"));
    let mut paused = 0;
    for _ in 0..20 {
        let printed = succeed(&args(&pack, &parts, &["--max-minutes", "0", "--resume", "--cache", &cache]));
        if printed.stdout.contains("trained") {
            break;
        }
        paused += 1;
        assert!(printed.stdout.contains(&format!("paused after step {paused}")), "{}", printed.stdout);
    }
    assert_eq!(paused, 11);
    // The same sums in the same order, and state is kept in f32: the same bits.
    for file in ["latest_ckpt.safetensors", "conf.yaml"] {
        assert!(std::fs::read(whole.join(file)).unwrap() == std::fs::read(parts.join(file)).unwrap(), "{file}");
    }
    // Other numbers do not go on from it.
    let wrong = run(&args(&pack, &parts, &["--resume", "--lr", "0.5"]));
    assert_eq!(wrong.code, 1);
    assert!(wrong.sentence().contains("belongs to a run of other numbers"), "{}", wrong.stderr);
    // Nor is a cache of other texts used.
    let wrong = run(&args(&pack, &scratch.path().join("other"), &["--context", "20", "--cache", &cache]));
    assert!(wrong.sentence().contains("residual streams of another model, layer, corpus"), "{}", wrong.stderr);
}

#[test]
fn token_ids_train_as_texts_do() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(scratch.path());
    let (of_texts, of_ids) = (scratch.path().join("texts"), scratch.path().join("ids"));
    let ids = scratch.path().join("ids.safetensors");
    let texts = text(&fixture("train/texts.jsonl"));
    let printed = succeed(&["tokenize", "--model", &text(&pack), "--corpus", &texts, "--out", &text(&ids)]);
    assert!(printed.stdout.contains("4 passages"), "{}", printed.stdout);
    succeed(&args(&pack, &of_texts, &[]));
    let mut with_ids = args(&pack, &of_ids, &[]);
    with_ids.iter_mut().filter(|a| **a == texts).for_each(|a| *a = text(&ids));
    succeed(&with_ids);
    let file = "latest_ckpt.safetensors";
    assert!(std::fs::read(of_texts.join(file)).unwrap() == std::fs::read(of_ids.join(file)).unwrap());
}

/// Three millions of tokens is a default, not what a small corpus has.
#[test]
fn many_passes_over_a_small_corpus_are_warned_of() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(scratch.path());
    let printed = |name: &str, tokens: &str| {
        let more = ["--tokens", tokens, "--max-minutes", "0"];
        succeed(&args(&pack, &scratch.path().join(name), &more)).stderr
    };
    let many = printed("many", "3000000");
    let warning = many.lines().find(|line| line.starts_with("warning: ")).unwrap_or_default();
    assert!(warning.contains(" passes over it") && warning.contains("3000000 tokens"), "{many}");
    assert!(!printed("few", "600").contains("passes"));
}

/// The SAE that training begins with keeps its shape; a kind has not all parts.
#[test]
fn numbers_that_change_nothing_are_named() {
    let scratch = tempfile::tempdir().unwrap();
    let (pack, sae) = (pack(scratch.path()), scratch.path().join("sae"));
    let short = ["--tokens", "50", "--max-minutes", "0"];
    assert!(!succeed(&args(&pack, &sae, &short)).stderr.contains("stand for nothing"));
    let topk = succeed(&args(&pack, &scratch.path().join("topk"), &[&short[..], &["--kind", "topk"]].concat())).stderr;
    assert!(
        topk.contains("--kind topk has no attention: --heads, --bottleneck of this run stand for nothing"),
        "{topk}"
    );
    let from = |flag: &str, number: &str| {
        let more = [&short[..], &["--init-from", sae.to_str().unwrap(), flag, number]].concat();
        run(&args(&pack, &scratch.path().join("next"), &more))
    };
    for (flag, number, has) in
        [("--heads", "4", "2"), ("--k", "5", "4"), ("--width-factor", "2", "1"), ("--bottleneck", "4", "2")]
    {
        let refused = from(flag, number);
        let says = format!("{flag} is {number}, the SAE of --init-from has {has}, which stays");
        assert!(refused.code == 1 && refused.sentence().contains(&says), "{}", refused.stderr);
    }
    assert_eq!(from("--heads", "2").code, 0);
}

#[test]
fn the_two_other_kinds_train() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(scratch.path());
    for (kind, line) in [("topk", "n_attn_layers: 0"), ("predictive", "sae_diff_type: nullify")] {
        let out = scratch.path().join(kind);
        let printed = succeed(&args(&pack, &out, &["--kind", kind, "--eval-every", "4"])).stderr;
        let fve = fve_of(&printed);
        assert!(fve.windows(2).all(|pair| pair[0] < pair[1]), "{kind}: {fve:?}");
        let conf = std::fs::read_to_string(out.join("conf.yaml")).unwrap();
        assert!(conf.contains(line), "{conf}");
        let names: Vec<String> =
            tensors(&out.join("latest_ckpt.safetensors")).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names.iter().any(|name| name.contains("v_ctx")), kind == "predictive", "{names:?}");
    }
}

#[test]
fn the_authors_recipe_warns_of_its_collapse() {
    // Contexts long enough for a rank, of a text long enough for them.
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(scratch.path());
    let long = scratch.path().join("long.txt");
    let texts = std::fs::read_to_string(fixture("train/texts.jsonl")).unwrap();
    std::fs::write(&long, texts.repeat(2)).unwrap();
    let mut args = args(&pack, &scratch.path().join("sae"), &["--recipe", "authors", "--context", "400"]);
    let short = text(&fixture("train/texts.jsonl"));
    args.iter_mut().filter(|a| **a == short).for_each(|a| *a = text(&long));
    let printed = succeed(&args).stderr;
    assert!(printed.contains("warning: predictable codes have collapsed to"), "{printed}");
}

#[test]
fn trained_saes_are_those_that_the_authors_module_was_run_on() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(scratch.path());
    for recipe in ["short", "authors"] {
        let out = scratch.path().join(recipe);
        succeed(&args(&pack, &out, &["--recipe", recipe]));
        let committed = fixture("train").join(recipe);
        // The factor is a mean over the stream, whose sums other processors add in another order: six digits of it.
        let conf = |folder: &Path| {
            let text = std::fs::read_to_string(folder.join("conf.yaml")).unwrap();
            let (before, rest) = text.split_once("scaling_factor: ").unwrap();
            let (factor, after) = rest.split_once('\n').unwrap();
            format!("{before}scaling_factor: {:.5e}\n{after}", factor.parse::<f64>().unwrap())
        };
        assert_eq!(conf(&out), conf(&committed));
        let (found, expected) =
            (tensors(&out.join("latest_ckpt.safetensors")), tensors(&committed.join("latest_ckpt.safetensors")));
        assert_eq!(found.len(), expected.len());
        assert_eq!(found.iter().any(|(name, ..)| name == "scaling"), recipe == "short");
        for ((name, shape, found), (_, expected_shape, expected)) in found.into_iter().zip(expected) {
            assert_eq!(shape, expected_shape, "{name}");
            // A bias of keys moves nothing, and AdamW makes steps of its rounding.
            if name.ends_with("k_ctx.bias") {
                continue;
            }
            // bfloat16 has 8 bits, and other processors add in another order: a step of the last one.
            let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
            let off = found.iter().zip(&expected).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!(off <= largest / 64.0, "{recipe}: {name} is off by {off:e} of {largest:e}");
        }
    }
}

#[test]
fn a_card_of_numbers_that_are_not_finite_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = text(&pack(scratch.path()));
    let sae = scratch.path().join("sae");
    std::fs::create_dir(&sae).unwrap();
    std::fs::copy(fixture("train/short/conf.yaml"), sae.join("conf.yaml")).unwrap();
    let whole = std::fs::read(fixture("train/short/latest_ckpt.safetensors")).unwrap();
    let start = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let (out, texts) = (scratch.path().join("card.md"), text(&fixture("train/texts.jsonl")));
    let (folder, out_text) = (text(&sae), text(&out));
    // In bfloat16: no number, an infinity, and the largest number, whose products are infinite.
    for value in [0x7fc0_u16, 0xff80, 0x7f7f] {
        let mut bytes = whole.clone();
        bytes[start..].chunks_exact_mut(2).for_each(|place| place.copy_from_slice(&value.to_le_bytes()));
        std::fs::write(sae.join("latest_ckpt.safetensors"), bytes).unwrap();
        let outcome = run(&[
            "card",
            "--device",
            "cpu",
            "--model",
            &pack,
            "--sae",
            &folder,
            "--heldout",
            &texts,
            "--context",
            "24",
            "--out",
            &out_text,
        ]);
        assert_eq!((outcome.code, outcome.stdout.as_str(), out.exists()), (1, "", false), "{}", outcome.stderr);
        assert!(
            outcome.sentence().contains("sae: the SAE's") && outcome.sentence().contains("not finite"),
            "{}",
            outcome.sentence()
        );
    }
}

#[test]
fn a_card_compares_saes() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = text(&pack(scratch.path()));
    let stories = scratch.path().join("stories.json");
    std::fs::write(
        &stories,
        r#"[{"name": "sea-dough", "first": "The boats came home.", "second": "Stir the dough."}]"#,
    )
    .unwrap();
    let out = scratch.path().join("card.md");
    let (short, authors) = (text(&fixture("train/short")), text(&fixture("train/authors")));
    let (texts, stories) = (text(&fixture("train/texts.jsonl")), text(&stories));
    let sae = format!("ours={short}");
    let mut args =
        vec!["card", "--device", "cpu", "--model", &pack, "--sae", &sae, "--sae", &authors, "--heldout", &texts];
    let out_text = text(&out);
    args.extend(["--stories", &stories, "--context", "24", "--out", &out_text]);
    let printed = succeed(&args).stdout;
    assert_eq!(printed, std::fs::read_to_string(&out).unwrap());
    for part in ["| ours | authors |", "| FVE | ", "news, ", "| sea-dough | ", "of 1 texts"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn a_story_that_cannot_be_measured_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let (pack, stories) = (text(&pack(scratch.path())), scratch.path().join("stories.json"));
    let (short, texts) = (text(&fixture("train/short")), text(&fixture("train/texts.jsonl")));
    for (json, says) in [
        (r#"[{"name": "sea", "first": "The boats.", "second": ""}]"#, "story \"sea\": one of its two texts is empty"),
        ("[{\"name\": 1}]", "not a list of objects with name, first and second: "),
    ] {
        std::fs::write(&stories, json).unwrap();
        let args = ["card", "--device", "cpu", "--model", &pack, "--sae", &short, "--heldout", &texts, "--stories"];
        let outcome = run(&[&args[..], &[&text(&stories)]].concat());
        let sentence = outcome.sentence();
        assert!(outcome.code == 1 && sentence.contains("stories.json: ") && sentence.contains(says), "{sentence}");
    }
}

/// What is stored while training is compared when it is read again.
#[test]
fn a_damaged_cache_or_state_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(scratch.path());
    let (out, cache) = (scratch.path().join("sae"), scratch.path().join("cache"));
    let flip = |path: &Path| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(path, bytes).unwrap();
    };
    let pausing = ["--tokens", "60000", "--cache", &text(&cache), "--max-minutes", "0.001"];
    let paused = run(&args(&pack, &out, &pausing));
    assert_eq!(paused.code, 0, "{}", paused.stderr);
    flip(&out.join("training.safetensors"));
    let resumed = run(&args(&pack, &out, &[&pausing[..], &["--resume"]].concat()));
    let sentence = resumed.sentence();
    assert_eq!(resumed.code, 1, "{}", resumed.stderr);
    assert!(sentence.contains("training.safetensors") && sentence.contains("is damaged"), "{sentence}");
    for (content, says) in
        [("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"), ("<html>", "page of the web")]
    {
        std::fs::write(out.join("training.safetensors"), content).unwrap();
        let resumed = run(&args(&pack, &out, &[&pausing[..], &["--resume"]].concat()));
        assert!(resumed.code == 1 && resumed.sentence().contains(says), "{}", resumed.stderr);
    }
    flip(&cache.join("train/000000.safetensors"));
    let again = run(&args(&pack, &scratch.path().join("other"), &pausing));
    let sentence = again.sentence();
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(sentence.contains("000000.safetensors is damaged") && sentence.contains("remove the file"), "{sentence}");
}

#[test]
fn errors_are_reported_in_a_sentence() {
    let scratch = tempfile::tempdir().unwrap();
    let pack = pack(scratch.path());
    let out = scratch.path().join("sae");
    let wrong = |more: &[&str]| {
        let outcome = run(&args(&pack, &out, more));
        assert_ne!(outcome.code, 0);
        outcome.stderr
    };
    assert!(wrong(&["--layer", "1"]).contains("ends at the output of layer 2, not 1"));
    assert!(wrong(&["--bottleneck", "7"]).contains("--bottleneck times --heads, 7 * 2"));
    assert!(wrong(&["--corpus", "nowhere"]).contains("nowhere: there is no such file or folder"));
    assert!(wrong(&["--init-from", "nowhere"]).contains("no SAE is in this folder"));
    let empty = scratch.path().join("empty.txt");
    std::fs::write(&empty, "").unwrap();
    let texts = text(&fixture("train/texts.jsonl"));
    let mut without = args(&pack, &out, &[]);
    without.iter_mut().filter(|a| **a == texts).for_each(|a| *a = text(&empty));
    assert!(run(&without).stderr.contains("the corpus holds no text"));
}

/// demo/card.md is what `card` says of the shipped SAE on the texts of this repository.
#[test]
fn the_model_cards_figures_come_out_again() {
    let pack = common::default_pack();
    let (sae, heldout) = (text(&fixture("../../demo/sae")), text(&fixture("heldout.jsonl")));
    let stories = text(&fixture("events/stories.json"));
    let sae = format!("demo/sae={sae}");
    let mut args = vec!["card", "--device", "cpu", "--model", pack.to_str().unwrap(), "--sae", &sae];
    args.extend(["--heldout", &heldout, "--stories", &stories]);
    let printed = succeed(&args).stdout;
    let card = std::fs::read_to_string(fixture("../../demo/card.md")).unwrap();
    let again = "write demo/card.md again as docs/training.md says";
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let (printed, card) = (words(&printed), words(&card));
    assert_eq!(printed.len(), card.len(), "{again}");
    for (found, expected) in printed.iter().zip(&card) {
        match (found.parse::<f64>(), expected.parse::<f64>()) {
            // Processors add in different orders; counts of codes at a threshold may differ by a few.
            (Ok(found), Ok(expected)) => {
                assert!((found - expected).abs() <= 0.02 + 0.01 * expected.abs(), "{found} is not {expected}: {again}");
            }
            _ => assert_eq!(found, expected, "{again}"),
        }
    }
}
