//! Times of training on the CPU: `cargo run --release -p lens-train --example train_times -- ROUNDS` prints a line of JSON with the
//! least and the median milliseconds of a step of the short recipe (width 1,920, two contexts of 500 tokens).

use std::error::Error;
use std::time::Instant;

use burn::tensor::Device;
use lens_train::recipe::Kind;
use lens_train::{Recipe, Trainer, init};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Of Gemma 3 270M.
const D_MODEL: usize = 640;
/// Steps before the first that counts: they fill caches and the optimizer's state.
const WARM_UP: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = std::env::args().nth(1).ok_or("usage: train_times ROUNDS")?.parse()?;
    let recipe = Recipe { init_scores: vec![1.0, 12.0], ..Recipe::short(Kind::Temporal, 1_000_000) };
    let mut rng = StdRng::seed_from_u64(1);
    // No time depends on what the streams are.
    let mut streams =
        |tokens: usize| -> Vec<f32> { (0..tokens * D_MODEL).map(|_| rng.random_range(-1.0..1.0)).collect() };
    let initial = init::from_data(&recipe, &streams(2 * D_MODEL * recipe.width_factor), D_MODEL)?;
    let batch = [streams(recipe.context), streams(recipe.context)];
    let mut trainer = Trainer::new(recipe, &initial.parameters, initial.score_scale, &Device::flex().into());
    let mut times = Vec::new();
    for round in 0..WARM_UP + rounds.max(1) {
        let start = Instant::now();
        trainer.step(&batch)?;
        if round >= WARM_UP {
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
    }
    times.sort_by(f64::total_cmp);
    let tokens = batch.iter().map(|context| context.len() / D_MODEL).sum::<usize>();
    println!(
        "{}",
        serde_json::json!({ "tokens": tokens, "step": { "least": times[0], "median": times[times.len() / 2] } })
    );
    Ok(())
}
