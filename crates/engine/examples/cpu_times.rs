//! Times on the CPU: `cargo run --release -p lens-engine --example cpu_times -- PACK ROUNDS TOKENS...` prints a line of JSON
//! for each number of tokens, with the least and the median milliseconds of each part.
//!
//! The parts: the language model's layers alone, as PyTorch's peer runs them (tests/bench/cpu_peer.py); the layers, the
//! SAE and what is read back; the account of it; words, where the pack has any.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use lens_engine::device::cpu;
use lens_engine::{InferenceSession, PackFolder, RunOptions};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Milliseconds that `what` takes.
fn timed<T>(times: &mut Vec<f64>, what: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let result = what();
    times.push(1e3 * start.elapsed().as_secs_f64());
    result
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rounds, tokens @ ..] = arguments.as_slice() else {
        return Err("usage: cpu_times PACK ROUNDS TOKENS...".into());
    };
    let pack = PackFolder::open(Path::new(folder), cpu(None).device, |_, _| ())?;
    let has_words = pack.loaded.manifest().words.is_some();
    if has_words {
        pack.load_words()?;
    }
    for tokens in tokens {
        let tokens: u32 = tokens.parse()?;
        // Any tokens do: no time depends on which they are.
        let ids: Vec<u32> = (0..tokens).map(|i| 2 + 7919 * i % 100_000).collect();
        let described = pack.loaded.describe(&ids);
        let rows = pack.embedding(&ids)?;
        let [mut layers, mut networks, mut account, mut words, mut whole] = [const { Vec::new() }; 5];
        for round in 0..=rounds.parse::<usize>()? {
            timed(&mut layers, || Ok(pollster::block_on(pack.loaded.residual(rows.clone()))?))?;
            timed(&mut whole, || {
                let mut session = InferenceSession::new(pack.loaded.clone(), RunOptions::default())?;
                let _ = timed(&mut networks, || {
                    Ok(pollster::block_on(session.extend(&rows, |_| ControlFlow::Continue(())))?)
                })?;
                let mut analysis = timed(&mut account, || {
                    Ok(pack.loaded.analysis("", &described, session.summary(), RunOptions::default()))
                })?;
                timed(&mut words, || {
                    if has_words {
                        pollster::block_on(session.add_words(&mut analysis))?;
                    }
                    Ok(())
                })
            })?;
            if round == 0 {
                // The first round fills caches.
                for times in [&mut layers, &mut networks, &mut account, &mut words, &mut whole] {
                    times.clear();
                }
            }
        }
        let figures = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            serde_json::json!({ "least": times[0], "median": times[times.len() / 2] })
        };
        let line = serde_json::json!({
            "tokens": tokens,
            "layers": figures(&mut layers),
            "networks": figures(&mut networks),
            "account": figures(&mut account),
            "words": figures(&mut words),
            "whole": figures(&mut whole),
        });
        println!("{line}");
    }
    Ok(())
}
