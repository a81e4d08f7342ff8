//! Readouts in words against PyTorch (tests/reference/words.py), on the random models of pairs.json.
//!
//! Tolerance: 1e-3 of the largest score, as for the reconstructions that are read out (tests/parity.rs); words whose
//! scores differ by less may come in either order. What comes next is read from the residual stream, which is within 1e-4:
//! logits are as large as 40, so that probabilities differ by 1e-3 of the largest and surprise by 1e-3 of itself.

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use burn::tensor::Device;
use common::{Pair, fixtures, open};
use lens_analysis::words::{EVENT_WORDS, TOKEN_WORDS, Word, stem};
use lens_analysis::{Analysis, Event};
use lens_engine::{InferenceSession, PackFolder, RunOptions, Tokens};
use lens_import::words::{FittedLens, WordMeans, WordsSection, write_words};
use lens_pack::words::{Vocabulary, spelling};
use serde::Deserialize;

const TOLERANCE: f32 = 1e-3;

#[derive(Deserialize)]
struct Case {
    pair: String,
    ids: Vec<u32>,
    means: Means,
    /// Scores [tokens][words].
    predictable: Vec<Vec<f32>>,
    novel: Vec<Vec<f32>>,
    /// Scores [words] of the means over all tokens but BOS of the residual stream and of the predictable part.
    about: Vec<f32>,
    expected: Vec<f32>,
    /// Of the twelve best of `about`.
    coherence: f32,
    /// Scores of the first rows of the SAE's decoder [features][words].
    features: Vec<Vec<f32>>,
    pieces: Vec<u32>,
    lens: Lens,
    /// Probabilities of words, then of pieces [tokens][words and pieces].
    next: Vec<Vec<f32>>,
    /// At every token; none at the first two.
    surprise: Vec<Option<f32>>,
}

#[derive(Deserialize)]
struct Lens {
    /// M transposed [d_model, d_model].
    matrix: Vec<f32>,
    mean_x: Vec<f32>,
    mean_y: Vec<f32>,
    /// Of the logits.
    cap: Option<f64>,
}

#[derive(Deserialize)]
struct Means {
    predictable: Vec<f32>,
    novel: Vec<f32>,
    residual: Vec<f32>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(&std::fs::read_to_string(fixtures().join("words/random.json")).unwrap()).unwrap()
}

/// Ids with the spellings of the pack's tokenizer.
fn spelled(pack: &PackFolder, ids: &[u32]) -> Vec<(u32, String)> {
    let pieces = pack.loaded.describe(ids).tokens;
    ids.iter().copied().zip(pieces.iter().map(|piece| spelling(piece).to_owned())).collect()
}

fn pack_of(case: &Case, folder: &std::path::Path) -> (Pair, PackFolder) {
    let pair = common::pairs().into_iter().find(|pair| pair.name == case.pair).unwrap();
    let bare = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, folder);
    let section = WordsSection {
        vocabulary: Vocabulary { words: spelled(&bare, &case.ids), pieces: spelled(&bare, &case.pieces) },
        means: WordMeans {
            predictable: case.means.predictable.clone(),
            novel: case.means.novel.clone(),
            residual: case.means.residual.clone(),
            corpus_tokens: 1,
        },
        lens: Some(FittedLens {
            matrix: case.lens.matrix.clone(),
            mean_x: case.lens.mean_x.clone(),
            mean_y: case.lens.mean_y.clone(),
            tokens: 1,
            final_logit_softcapping: case.lens.cap,
        }),
    };
    write_words(&folder.join("pack"), &section).unwrap();
    let pack = PackFolder::open(&folder.join("pack"), Device::flex(), |_, _| {}).unwrap();
    pack.load_words().unwrap();
    (pair, pack)
}

/// The analysis of a pair's tokens, taken in two steps, with one event.
fn analysis(pair: &Pair, pack: &PackFolder) -> Analysis {
    let ids = &pair.token_ids;
    let mut session = InferenceSession::new(pack.loaded.clone(), RunOptions::default()).unwrap();
    for part in [&ids[..ids.len() / 2], &ids[ids.len() / 2..]] {
        let rows = pack.embedding(part).unwrap();
        let _ = pollster::block_on(session.extend(&rows, |_| ControlFlow::Continue(()))).unwrap();
        pollster::block_on(session.read_words()).unwrap();
    }
    let tokens = Tokens { ids: ids.clone(), tokens: ids.iter().map(|id| id.to_string()).collect() };
    let mut analysis = pack.loaded.analysis("", &tokens, session.summary(), session.options());
    analysis.events = Some(vec![Event {
        first: 1,
        last: ids.len() - 1,
        expectation_from: 1,
        words: Vec::new(),
        expected: Vec::new(),
        coherence: None,
        unclear: false,
    }]);
    pollster::block_on(session.add_words(&mut analysis)).unwrap();
    analysis
}

/// Whether `found` is the best of `scores`, in order, up to ties. No two of the words have one stem; a piece may be spelled as a
/// word is.
fn assert_best(what: &str, found: &[(&str, f32)], listed: &[(u32, String)], scores: &[f32], count: usize) {
    let mut of: HashMap<&str, Vec<f32>> = HashMap::new();
    for ((_, word), score) in listed.iter().zip(scores) {
        of.entry(word).or_default().push(*score);
    }
    let largest = scores.iter().fold(0f32, |largest, score| largest.max(score.abs()));
    let near = |a: f32, b: f32| (a - b).abs() <= TOLERANCE * largest;
    let mut best: Vec<f32> = scores.iter().copied().filter(|score| *score > 0.0).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    best.truncate(count);
    // A score within rounding of 0 may be on either side of it.
    let least = best.iter().filter(|score| !near(**score, 0.0)).count();
    assert!(
        (least..=best.len().max(least)).contains(&found.len()),
        "{what}: {} words, {} expected",
        found.len(),
        best.len()
    );
    for ((word, score), expected) in found.iter().zip(&best) {
        assert!(of[word].iter().any(|own| near(*score, *own)), "{what}: {word} has {score}, not {:?}", of[word]);
        assert!(near(*score, *expected), "{what}: {word} has {score}, {expected} comes here");
    }
}

fn scored(words: &[Word]) -> Vec<(&str, f32)> {
    words.iter().map(|it| (it.word.as_str(), it.score)).collect()
}

#[test]
fn readouts_of_random_models_are_pytorchs() {
    let cases = cases();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let scratch = tempfile::tempdir().unwrap();
        let (pair, pack) = pack_of(&case, scratch.path());
        let analysis = analysis(&pair, &pack);
        let words = analysis.words.as_ref().unwrap();
        let ids = spelled(&pack, &case.ids);
        let stems: HashSet<String> = ids.iter().map(|(_, word)| stem(word)).collect();
        assert_eq!(stems.len(), ids.len(), "two words have one stem");
        assert_eq!((words.vocabulary, words.predictable.len()), (case.ids.len(), pair.token_ids.len()));
        assert!(words.predictable[0].is_empty() && words.novel[0].is_empty(), "BOS has words");
        assert!(words.predictable[1].is_empty(), "only the start of the text comes before the first token");
        for (position, (predictable, novel)) in case.predictable.iter().zip(&case.novel).enumerate().skip(1) {
            let parts = [("predictable", &words.predictable, predictable), ("novel", &words.novel, novel)];
            for (part, found, scores) in parts.into_iter().skip(usize::from(position == 1)) {
                let what = format!("{}, {part} part of token {position}", case.pair);
                assert_best(&what, &scored(&found[position]), &ids, scores, TOKEN_WORDS);
            }
        }
        let event = &analysis.events.as_ref().unwrap()[0];
        assert_best(&format!("{}, event", case.pair), &scored(&event.words), &ids, &case.about, EVENT_WORDS);
        assert_best(&format!("{}, expected", case.pair), &scored(&event.expected), &ids, &case.expected, EVENT_WORDS);
        let coherence = event.coherence.unwrap();
        assert!((coherence - case.coherence).abs() < 1e-3, "{}: {coherence}, not {}", case.pair, case.coherence);

        let features = pack.loaded.feature_words(0, case.features.len(), TOKEN_WORDS);
        let features = pollster::block_on(features).unwrap();
        assert_eq!(features.len(), case.features.len());
        for (feature, (found, scores)) in features.iter().zip(&case.features).enumerate() {
            let lowered: Vec<f32> = scores.iter().map(|score| -score).collect();
            let what = format!("{}, words of feature {feature}", case.pair);
            assert_best(&what, &scored(&found.raised), &ids, scores, TOKEN_WORDS);
            assert_best(&what, &scored(&found.lowered), &ids, &lowered, TOKEN_WORDS);
        }
        // The coherence of a feature's words is that of the same words as a list; words that are not listed are left out.
        let with_another =
            |list: &[Word]| list.iter().map(|it| it.word.clone()).chain(["no-such".to_owned()]).collect::<Vec<_>>();
        let lists = features.iter().map(|it| with_another(&it.raised)).chain([with_another(&event.words)]);
        let lists: Vec<Vec<String>> = lists.collect();
        let slices: Vec<&[String]> = lists.iter().map(Vec::as_slice).collect();
        let coherent = pollster::block_on(pack.loaded.coherent_words(&slices)).unwrap();
        let expected = features.iter().map(|it| it.coherence).chain([case.coherence]);
        for ((list, (known, found)), expected) in lists.iter().zip(coherent).zip(expected) {
            assert_eq!(&list[..list.len() - 1], known, "{}", case.pair);
            assert!((found - expected).abs() < 1e-3, "{}: {found}, not {expected}", case.pair);
        }

        let listed = spelled(&pack, &[case.ids.as_slice(), &case.pieces].concat());
        for (position, probabilities) in case.next.iter().enumerate().skip(1) {
            let found: Vec<_> = words.next[position].iter().map(|it| (it.word.as_str(), it.probability)).collect();
            assert_best(&format!("{}, after token {position}", case.pair), &found, &listed, probabilities, TOKEN_WORDS);
        }
        let surprise = analysis.surprise.as_ref().unwrap();
        assert_eq!(surprise.len(), case.surprise.len());
        for (position, (found, expected)) in surprise.iter().zip(&case.surprise).enumerate() {
            let what = format!("{}, surprise at token {position}", case.pair);
            match expected {
                Some(expected) => assert!(
                    (found - expected).abs() <= TOLERANCE * expected.max(1.0),
                    "{what}: {found}, not {expected}"
                ),
                None => assert!(found.is_nan(), "{what}: {found}"),
            }
        }
    }
}

#[test]
fn a_pack_without_words_says_what_adds_them() {
    let pair = common::pairs().remove(0);
    let scratch = tempfile::tempdir().unwrap();
    let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let problem = pack.load_words().unwrap_err().to_string();
    assert!(problem.contains("has no words") && problem.contains("temporal-lens words"), "{problem}");
    let mut session = InferenceSession::new(pack.loaded.clone(), RunOptions::default()).unwrap();
    let rows = pack.embedding(&pair.token_ids).unwrap();
    let _ = pollster::block_on(session.extend(&rows, |_| ControlFlow::Continue(()))).unwrap();
    let problem = pollster::block_on(session.read_words()).unwrap_err().to_string();
    assert!(problem.contains("not loaded"), "{problem}");
}
