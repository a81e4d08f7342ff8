//! A text read token by token, edited and read on is the text read at once.
//!
//! Tolerance: 1e-4 relative RMS of the Gram matrices. The same sums are taken, some in another order
//! as tiles differ; the fixtures' sharp attention amplifies that.

// A test that cannot read its fixture has failed.
#![allow(clippy::unwrap_used)]

mod common;

use std::ops::ControlFlow;

use common::{Pair, open};
use lens_analysis::{Source, Summary, SymmetricMatrix, gram};
use lens_engine::check::self_check::relative_rms;
use lens_engine::{InferenceSession, InferenceStage, PackFolder, RunOptions, session};

const TOLERANCE: f64 = 1e-4;

fn options(pair: &Pair) -> RunOptions {
    RunOptions { inf_k: pair.inf_k, ..RunOptions::default() }
}

fn new_session(pack: &PackFolder, options: RunOptions) -> InferenceSession {
    InferenceSession::new(pack.loaded.clone(), options).unwrap()
}

fn append(pack: &PackFolder, session: &mut InferenceSession, ids: &[u32]) {
    let rows = pack.embedding(ids).unwrap();
    let finished = pollster::block_on(session.extend(&rows, |_| ControlFlow::Continue(()))).unwrap();
    assert!(finished.is_continue());
}

fn at_once(pack: &PackFolder, options: RunOptions, ids: &[u32]) -> Summary {
    let mut session = new_session(pack, options);
    append(pack, &mut session, ids);
    session.summary().clone()
}

fn assert_same(what: &str, found: &Summary, expected: &Summary) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for source in Source::ALL {
        let [found, expected] = [found, expected].map(|it| it.centered_gram(source).to_matrix().to_dense());
        let error = relative_rms(&found, &expected);
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
        let mut session = new_session(&pack, options(&pair));
        // Typed: a half at once, then token by token.
        append(&pack, &mut session, &ids[..half]);
        for id in &ids[half..] {
            append(&pack, &mut session, &[*id]);
        }
        assert_same(&format!("{}: typed", pair.name), session.summary(), &at_once(&pack, options(&pair), ids));
        // Inserted, deleted, replaced: each time from the first token that changed.
        let middle = half.max(1).min(ids.len());
        let inserted = [&ids[..middle], &ids[..1], &ids[middle..]].concat();
        let deleted = [&ids[..middle - 1], &ids[middle..]].concat();
        let replaced = [&ids[..middle], &ids[..ids.len() - middle]].concat();
        for (what, edited) in [("inserted", inserted), ("deleted", deleted), ("replaced", replaced)] {
            if edited.is_empty() {
                continue;
            }
            let mut session = new_session(&pack, options(&pair));
            append(&pack, &mut session, ids);
            let common = ids.iter().zip(&edited).take_while(|(a, b)| a == b).count();
            session.truncate(common);
            append(&pack, &mut session, &edited[common..]);
            assert_same(&format!("{}: {what}", pair.name), session.summary(), &at_once(&pack, options(&pair), &edited));
        }
    }
}

#[test]
fn a_stopped_session_goes_on_from_whole_chunks() {
    let pair = common::pairs().into_iter().find(|pair| pair.token_ids.len() > 4).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let ids = &pair.token_ids;
    let mut session = new_session(&pack, options(&pair));
    append(&pack, &mut session, &ids[..2]);
    let rows = pack.embedding(&ids[2..]).unwrap();
    let stop = |stage| match stage {
        InferenceStage::Layer(1, _) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert!(pollster::block_on(session.extend(&rows, stop)).unwrap().is_break());
    assert_eq!(session.len(), 2);
    append(&pack, &mut session, &ids[2..]);
    assert_same("read on after a stop", session.summary(), &at_once(&pack, options(&pair), ids));
}

#[test]
fn a_text_longer_than_a_chunk_goes_through_in_chunks() {
    let pair = common::pairs().into_iter().find(|pair| pair.token_ids.len() > 4).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let ids: Vec<u32> = pair.token_ids.iter().copied().cycle().take(700).collect();
    let mut stages = Vec::new();
    let mut session = new_session(&pack, options(&pair));
    let rows = pack.embedding(&ids).unwrap();
    let seen = |stage| {
        stages.push(stage);
        ControlFlow::Continue(())
    };
    assert!(pollster::block_on(session.extend(&rows, seen)).unwrap().is_continue());
    let chunks = stages.iter().filter(|stage| **stage == InferenceStage::Sae).count();
    assert!(chunks > 1, "{chunks} chunk");
    let whole = pollster::block_on(session::run(&pack.loaded, &rows, options(&pair))).unwrap();
    assert_same("in chunks", session.summary(), &whole.summary);
}

/// What crosses the texts is in the off-diagonal block; either text's own block, centered again, is what
/// that text's analysis says.
#[test]
fn two_texts_have_their_own_products_and_those_across() {
    for pair in common::pairs() {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        let ids = &pair.token_ids;
        let read = |ids: &[u32]| {
            let mut session = new_session(&pack, options(&pair));
            append(&pack, &mut session, ids);
            session
        };
        let (a, b) = (read(ids), read(&ids[..ids.len().div_ceil(2)]));
        let n = a.len() + b.len();
        let grams = pollster::block_on(a.joint_grams(&b)).unwrap();
        for source in Source::ALL {
            let joint = grams.of(source);
            assert_eq!(joint.size(), n);
            let at = |i: usize, j: usize| joint.get(i, j).unwrap();
            for (session, from) in [(&a, 0), (&b, a.len())] {
                let t = session.len();
                let own = SymmetricMatrix::from_fn(t, |i, j| at(from + i, from + j));
                let expected = session.summary().centered_gram(source).to_matrix();
                let error = relative_rms(&gram::center(own).to_dense(), &expected.to_dense());
                assert!(error <= 1e-3, "{}: {source:?}: relative RMS {error:.1e}", pair.name);
            }
            // Codes are causal: the second text is the beginning of the first, so its tokens are the same.
            for j in 0..b.len() {
                let (across, own) = (at(j, a.len() + j), at(j, j));
                assert!((across - own).abs() <= 1e-3 * own.abs().max(1e-3), "{}: {across} {own}", pair.name);
            }
        }
    }
}

#[test]
fn a_reset_session_equals_a_new_one() {
    for pair in common::pairs() {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        let others: Vec<u32> = pair.token_ids.iter().rev().copied().chain([pair.token_ids[0]; 70]).collect();
        let mut session = new_session(&pack, RunOptions { inf_k: Some(1), ..RunOptions::default() });
        append(&pack, &mut session, &others);
        session.reset(options(&pair)).unwrap();
        assert!(session.is_empty() && session.options() == options(&pair));
        let problem = pollster::block_on(session.attention()).unwrap_err().to_string();
        assert!(problem.contains("0 tokens"), "{problem}");
        append(&pack, &mut session, &pair.token_ids);
        assert_same(
            &format!("{}: started over", pair.name),
            session.summary(),
            &at_once(&pack, options(&pair), &pair.token_ids),
        );
    }
}

#[test]
fn reencoding_equals_a_session_with_that_inf_k() {
    // Of a text of one and the same token nothing is left once it is centered.
    for pair in common::pairs().into_iter().filter(|pair| pair.token_ids.len() > 4) {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        // More than a chunk, so that codes of a later one are taken back, too.
        let ids: Vec<u32> = pair.token_ids.iter().copied().cycle().take(530).collect();
        let wanted = RunOptions { inf_k: Some(1), ..RunOptions::default() };
        let expected = at_once(&pack, wanted, &ids);

        let mut session = new_session(&pack, options(&pair));
        append(&pack, &mut session, &ids);
        assert!(
            session.is_compatible_with(wanted)
                && !session.is_compatible_with(RunOptions { keep_intermediates: true, ..wanted })
        );
        let mut stages = Vec::new();
        let seen = |stage| {
            stages.push(stage);
            ControlFlow::Continue(())
        };
        assert!(pollster::block_on(session.reencode(Some(1), seen)).unwrap().is_continue());
        assert!(!stages.iter().any(|stage| matches!(stage, InferenceStage::Layer(..))), "Gemma ran: {stages:?}");
        assert_eq!(session.options(), wanted);
        assert_same(&format!("{}: encoded again", pair.name), session.summary(), &expected);

        // It goes on from there, token by token, and back.
        session.truncate(ids.len() - 3);
        append(&pack, &mut session, &ids[ids.len() - 3..]);
        assert_same(&format!("{}: read on", pair.name), session.summary(), &expected);
        let again = pollster::block_on(session.reencode(pair.inf_k, |_| ControlFlow::Continue(()))).unwrap();
        assert!(again.is_continue());
        assert_same(&format!("{}: and back", pair.name), session.summary(), &at_once(&pack, options(&pair), &ids));
    }
}

#[test]
fn a_refused_reencoding_changes_nothing_and_a_stopped_one_keeps_whole_chunks() {
    let pair = common::pairs().into_iter().find(|pair| pair.token_ids.len() > 4).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
    let ids: Vec<u32> = pair.token_ids.iter().copied().cycle().take(530).collect();
    let mut session = new_session(&pack, options(&pair));
    append(&pack, &mut session, &ids);
    let refused = pollster::block_on(session.reencode(Some(0), |_| ControlFlow::Continue(())));
    assert!(refused.unwrap_err().to_string().contains("at least 1"));
    assert_same("refused", session.summary(), &at_once(&pack, options(&pair), &ids));

    let mut chunks = 0;
    let stop_at_the_second = |stage| {
        chunks += usize::from(stage == InferenceStage::Sae);
        if chunks > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = pollster::block_on(session.reencode(Some(1), stop_at_the_second)).unwrap();
    assert!(stopped.is_break());
    assert!(!session.is_empty() && session.len() < ids.len(), "{} tokens", session.len());
    let done = session.len();
    append(&pack, &mut session, &ids[done..]);
    let wanted = RunOptions { inf_k: Some(1), ..RunOptions::default() };
    assert_same("stopped and read on", session.summary(), &at_once(&pack, wanted, &ids));
}

#[test]
fn listed_sources_and_features_are_the_strongest_of_the_whole_tensors() {
    for pair in common::pairs().into_iter().filter(|pair| pair.token_ids.len() > 4) {
        let scratch = tempfile::tempdir().unwrap();
        let pack = open(&pair.gemma, &pair.sae, &pair.tokenizer, pair.layer, scratch.path());
        // More than a chunk: the summary is made of several, the tensors are of one.
        let ids: Vec<u32> = pair.token_ids.iter().copied().cycle().take(530).collect();
        let rows = pack.embedding(&ids).unwrap();
        let output = pollster::block_on(session::run(&pack.loaded, &rows, options(&pair))).unwrap();
        let summary = at_once(&pack, options(&pair), &ids);
        let tokens = ids.len();
        for (t, figures) in summary.tokens.iter().enumerate() {
            let graphs = output.attn_graphs.chunks_exact(tokens * tokens);
            let heads = graphs.len() as f32;
            let mut mean = vec![0f32; tokens];
            for graph in graphs {
                mean.iter_mut().zip(&graph[t * tokens..]).for_each(|(mean, weight)| *mean += weight / heads);
            }
            let mut strongest: Vec<f32> = mean[1..].iter().copied().filter(|weight| *weight > 0.0).collect();
            strongest.sort_by(|a, b| b.total_cmp(a));
            assert_eq!(figures.sources.len(), strongest.len().min(5), "{}: token {t}", pair.name);
            for (source, weight) in figures.sources.iter().zip(strongest) {
                let of_position = mean[source.position + 1];
                assert!(source.position < t, "{}: token {t} has a source after it", pair.name);
                assert!((source.weight - weight).abs() <= 1e-4, "{}: token {t}: {} {weight}", pair.name, source.weight);
                assert!((source.weight - of_position).abs() <= 1e-4, "{}: token {t}: {of_position}", pair.name);
            }

            let codes = &output.pred_codes[t * output.width..][..output.width];
            let mut sizes: Vec<f32> = codes.iter().map(|code| code.abs()).filter(|size| *size > 0.0).collect();
            sizes.sort_by(|a, b| b.total_cmp(a));
            assert_eq!(figures.pred_top.len(), sizes.len().min(16), "{}: token {t}", pair.name);
            for (listed, size) in figures.pred_top.iter().zip(sizes) {
                assert!((listed.value.abs() - size).abs() <= 1e-4 * (1.0 + size), "{}: token {t}", pair.name);
                assert!(
                    (listed.value - codes[listed.feature]).abs() <= 1e-4 * (1.0 + size),
                    "{}: token {t}",
                    pair.name
                );
            }
        }
    }
}
