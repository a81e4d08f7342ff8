//! A text read token by token, edited and read on is the text read at once.
//!
//! Tolerance: 1e-4 relative RMS of the Gram matrices. The same sums are taken, some in another order
//! as tiles differ; the fixtures' sharp attention amplifies that.

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Pair, open};
use lens_analysis::{Source, Summary, gram};
use lens_engine::self_check::relative_rms;
use lens_engine::{Continue, PackFolder, Reading, RunOptions, Stage};

const TOLERANCE: f64 = 1e-4;

fn options(pair: &Pair) -> RunOptions {
    RunOptions { inf_k: pair.inf_k, ..RunOptions::default() }
}

fn read_on(pack: &PackFolder, reading: &mut Reading, ids: &[u32]) {
    let rows = pack.embedding(ids).unwrap();
    let finished = pollster::block_on(pack.lens.extend(reading, &rows, |_| Continue::Yes)).unwrap();
    assert_eq!(finished, Continue::Yes);
}

fn at_once(pack: &PackFolder, options: RunOptions, ids: &[u32]) -> Summary {
    let mut reading = pack.lens.start(options).unwrap();
    read_on(pack, &mut reading, ids);
    reading.summary().clone()
}

fn assert_same(what: &str, found: &Summary, expected: &Summary) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for source in Source::ALL {
        let error = relative_rms(&found.centred_gram(source), &expected.centred_gram(source));
        assert!(error <= TOLERANCE, "{what}: {source:?}: relative RMS {error:.1e}");
    }
    for (i, (a, b)) in found.tokens.iter().zip(&expected.tokens).enumerate() {
        // A code within rounding of zero may be on either side of it.
        assert!(a.l0_novel.abs_diff(b.l0_novel) <= 1 && a.l0_pred.abs_diff(b.l0_pred) <= 1, "{what}: token {i}");
        assert!((a.error - b.error).abs() <= 1e-3 * b.residual, "{what}: error at token {i}");
    }
}

#[test]
fn every_edit_gives_what_the_whole_text_gives() {
    for pair in common::pairs() {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        let ids = &pair.token_ids;
        let half = ids.len() / 2;
        let mut reading = pack.lens.start(options(&pair)).unwrap();
        // Typed: a half at once, then token by token.
        read_on(&pack, &mut reading, &ids[..half]);
        for id in &ids[half..] {
            read_on(&pack, &mut reading, &[*id]);
        }
        assert_same(&format!("{}: typed", pair.name), reading.summary(), &at_once(&pack, options(&pair), ids));
        // Inserted, deleted, replaced: each time from the first token that changed.
        let middle = half.max(1).min(ids.len());
        let inserted = [&ids[..middle], &ids[..1], &ids[middle..]].concat();
        let deleted = [&ids[..middle - 1], &ids[middle..]].concat();
        let replaced = [&ids[..middle], &ids[..ids.len() - middle]].concat();
        for (what, edited) in [("inserted", inserted), ("deleted", deleted), ("replaced", replaced)] {
            if edited.is_empty() {
                continue;
            }
            let mut reading = pack.lens.start(options(&pair)).unwrap();
            read_on(&pack, &mut reading, ids);
            let common = ids.iter().zip(&edited).take_while(|(a, b)| a == b).count();
            reading.truncate(common);
            read_on(&pack, &mut reading, &edited[common..]);
            assert_same(&format!("{}: {what}", pair.name), reading.summary(), &at_once(&pack, options(&pair), &edited));
        }
    }
}

#[test]
fn a_stopped_reading_is_a_beginning() {
    let pair = common::pairs().into_iter().find(|pair| pair.token_ids.len() > 4).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let ids = &pair.token_ids;
    let mut reading = pack.lens.start(options(&pair)).unwrap();
    read_on(&pack, &mut reading, &ids[..2]);
    let rows = pack.embedding(&ids[2..]).unwrap();
    let stop = |stage| if matches!(stage, Stage::Layer(1, _)) { Continue::No } else { Continue::Yes };
    assert_eq!(pollster::block_on(pack.lens.extend(&mut reading, &rows, stop)).unwrap(), Continue::No);
    assert_eq!(reading.len(), 2);
    read_on(&pack, &mut reading, &ids[2..]);
    assert_same("read on after a stop", reading.summary(), &at_once(&pack, options(&pair), ids));
}

#[test]
fn a_text_longer_than_a_chunk_goes_through_in_chunks() {
    let pair = common::pairs().into_iter().find(|pair| pair.token_ids.len() > 4).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let ids: Vec<u32> = pair.token_ids.iter().copied().cycle().take(700).collect();
    let mut stages = Vec::new();
    let mut reading = pack.lens.start(options(&pair)).unwrap();
    let rows = pack.embedding(&ids).unwrap();
    let seen = |stage| {
        stages.push(stage);
        Continue::Yes
    };
    pollster::block_on(pack.lens.extend(&mut reading, &rows, seen)).unwrap();
    let chunks = stages.iter().filter(|stage| **stage == Stage::Sae).count();
    assert!(chunks > 1, "{chunks} chunk");
    let whole = pollster::block_on(pack.lens.run(&rows, options(&pair))).unwrap();
    assert_same("in chunks", reading.summary(), &whole.summary);
}

/// What crosses the texts is in the off-diagonal block; either text's own block, centred anew, is what
/// that text's analysis says.
#[test]
fn two_texts_have_their_own_products_and_those_across() {
    for pair in common::pairs() {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        let ids = &pair.token_ids;
        let read = |ids: &[u32]| {
            let mut reading = pack.lens.start(options(&pair)).unwrap();
            read_on(&pack, &mut reading, ids);
            reading
        };
        let (a, b) = (read(ids), read(&ids[..ids.len().div_ceil(2)]));
        let n = a.len() + b.len();
        let grams = pollster::block_on(a.joint_grams(&b)).unwrap();
        for source in Source::ALL {
            let joint = &grams[source as usize];
            assert_eq!(joint.len(), n * n);
            for (reading, from) in [(&a, 0), (&b, a.len())] {
                let t = reading.len();
                let own: Vec<f32> = (0..t * t).map(|k| joint[(from + k / t) * n + from + k % t]).collect();
                let error = relative_rms(&gram::centre_gram(&own, t), &reading.summary().centred_gram(source));
                assert!(error <= 1e-3, "{}: {source:?}: relative RMS {error:.1e}", pair.name);
            }
            // Codes are causal: the second text is the beginning of the first, so its tokens are the same.
            for j in 0..b.len() {
                let (across, own) = (joint[j * n + a.len() + j], joint[j * n + j]);
                assert!((across - own).abs() <= 1e-3 * own.abs().max(1e-3), "{}: {across} {own}", pair.name);
            }
        }
    }
}

#[test]
fn a_reading_that_starts_over_knows_nothing_of_before() {
    for pair in common::pairs() {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        let others: Vec<u32> = pair.token_ids.iter().rev().copied().chain([pair.token_ids[0]; 70]).collect();
        let mut reading = pack.lens.start(RunOptions { inf_k: Some(1), ..RunOptions::default() }).unwrap();
        read_on(&pack, &mut reading, &others);
        let mut reading = pack.lens.start_over(reading, options(&pair)).unwrap();
        assert!(reading.is_empty() && reading.options() == options(&pair));
        let problem = pollster::block_on(pack.lens.attention(&reading)).unwrap_err().to_string();
        assert!(problem.contains("0 tokens"), "{problem}");
        read_on(&pack, &mut reading, &pair.token_ids);
        assert_same(
            &format!("{}: started over", pair.name),
            reading.summary(),
            &at_once(&pack, options(&pair), &pair.token_ids),
        );
    }
}

#[test]
fn another_inf_k_is_what_a_text_read_with_it_says() {
    // Of a text of one and the same token nothing is left once it is centred.
    for pair in common::pairs().into_iter().filter(|pair| pair.token_ids.len() > 4) {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        // More than a chunk, so that codes of a later one are taken back, too.
        let ids: Vec<u32> = pair.token_ids.iter().copied().cycle().take(530).collect();
        let wanted = RunOptions { inf_k: Some(1), ..RunOptions::default() };
        let expected = at_once(&pack, wanted, &ids);

        let mut reading = pack.lens.start(options(&pair)).unwrap();
        read_on(&pack, &mut reading, &ids);
        assert!(reading.serves(wanted) && !reading.serves(RunOptions { everything: true, ..wanted }));
        let mut stages = Vec::new();
        let seen = |stage| {
            stages.push(stage);
            Continue::Yes
        };
        pollster::block_on(pack.lens.encode_again(&mut reading, Some(1), seen)).unwrap();
        assert!(!stages.iter().any(|stage| matches!(stage, Stage::Layer(..))), "Gemma ran: {stages:?}");
        assert_eq!(reading.options(), wanted);
        assert_same(&format!("{}: encoded again", pair.name), reading.summary(), &expected);

        // It goes on from there, token by token, and back.
        reading.truncate(ids.len() - 3);
        read_on(&pack, &mut reading, &ids[ids.len() - 3..]);
        assert_same(&format!("{}: read on", pair.name), reading.summary(), &expected);
        pollster::block_on(pack.lens.encode_again(&mut reading, pair.inf_k, |_| Continue::Yes)).unwrap();
        assert_same(&format!("{}: and back", pair.name), reading.summary(), &at_once(&pack, options(&pair), &ids));
    }
}

#[test]
fn an_encoding_that_is_refused_loses_nothing_and_one_that_is_stopped_keeps_whole_chunks() {
    let pair = common::pairs().into_iter().find(|pair| pair.token_ids.len() > 4).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let ids: Vec<u32> = pair.token_ids.iter().copied().cycle().take(530).collect();
    let mut reading = pack.lens.start(options(&pair)).unwrap();
    read_on(&pack, &mut reading, &ids);
    let refused = pollster::block_on(pack.lens.encode_again(&mut reading, Some(0), |_| Continue::Yes));
    assert!(refused.unwrap_err().to_string().contains("at least 1"));
    assert_same("refused", reading.summary(), &at_once(&pack, options(&pair), &ids));

    let mut chunks = 0;
    let stop_at_the_second = |stage| {
        chunks += usize::from(stage == Stage::Sae);
        if chunks > 1 { Continue::No } else { Continue::Yes }
    };
    let stopped = pollster::block_on(pack.lens.encode_again(&mut reading, Some(1), stop_at_the_second)).unwrap();
    assert_eq!(stopped, Continue::No);
    assert!(!reading.is_empty() && reading.len() < ids.len(), "{} tokens", reading.len());
    let done = reading.len();
    read_on(&pack, &mut reading, &ids[done..]);
    let wanted = RunOptions { inf_k: Some(1), ..RunOptions::default() };
    assert_same("stopped and read on", reading.summary(), &at_once(&pack, wanted, &ids));
}
