//! Losses, gradients and parameters after three steps equal PyTorch's (tests/reference/train_case.py).
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;

use burn::tensor::Device;
use lens_train::parameters::{Array, Parameters};
use lens_train::recipe::Kind;
use lens_train::{Recipe, Trainer};
use safetensors::SafeTensors;

struct Fixture(BTreeMap<String, Array>);

impl Fixture {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/train/steps.safetensors");
        let bytes = std::fs::read(path).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let array = |t: safetensors::tensor::TensorView| Array {
            shape: t.shape().to_vec(),
            values: bytemuck::pod_collect_to_vec(t.data()),
        };
        Self(tensors.tensors().into_iter().map(|(name, t)| (name, array(t))).collect())
    }

    fn under(&self, prefix: &str) -> BTreeMap<String, Array> {
        let strip = |(name, array): (&String, &Array)| Some((name.strip_prefix(prefix)?.to_owned(), array.clone()));
        self.0.iter().filter_map(strip).collect()
    }
}

fn recipe() -> Recipe {
    Recipe {
        width_factor: 4,
        k: 6,
        heads: 2,
        bottleneck: 2,
        batch_tokens: 1,
        warmup_steps: 2,
        lr_mult_scores: 0.5,
        ..Recipe::short(Kind::Temporal, 10)
    }
}

/// Largest difference over the largest value of what is expected.
fn apart(found: &Array, expected: &Array) -> f32 {
    assert_eq!(found.shape, expected.shape);
    let largest = expected.values.iter().fold(1e-12, |m: f32, v| m.max(v.abs()));
    found.values.iter().zip(&expected.values).fold(0.0, |m: f32, (a, b)| m.max((a - b).abs())) / largest
}

/// A bias of keys adds the same to every score of a query, which softmax takes out again: its gradient
/// is rounding alone, and AdamW makes steps of it.
fn moves_nothing(name: &str) -> bool {
    name.ends_with("k_ctx.bias")
}

#[test]
fn three_steps_equal_pytorch() {
    let fixture = Fixture::read();
    let recipe = recipe();
    let config = recipe.config(12, 1.0).unwrap();
    let start = Parameters { config, arrays: fixture.under("start.") };
    let contexts: Vec<Vec<f32>> = fixture.under("x.").into_values().map(|x| x.values).collect();
    let mut trainer = Trainer::new(recipe, &start, 1.0, &Device::flex().into());

    // f32 against f32: sums of some hundred products in another order.
    let (_, gradients) = trainer.gradients_of(&contexts).unwrap();
    let expected = fixture.under("grad.");
    assert_eq!(gradients.len(), expected.len());
    for (name, gradient) in gradients.iter().filter(|(name, _)| !moves_nothing(name)) {
        let off = apart(gradient, &expected[name]);
        assert!(off < 1e-4, "gradient of {name}: {off:e}");
    }
    for step in 0..3 {
        let losses = trainer.step(&contexts).unwrap();
        let expected = &fixture.0[&format!("loss.{step}")].values;
        assert!((losses.reconstruction / expected[0] - 1.0).abs() < 1e-4, "step {step}: {losses:?} {expected:?}");
        assert!((losses.prediction / expected[1] - 1.0).abs() < 1e-4, "step {step}: {losses:?} {expected:?}");
    }
    let end = fixture.under("end.");
    for (name, array) in trainer.parameters().arrays.iter().filter(|(name, _)| !moves_nothing(name)) {
        // Adam's first steps are as long for small gradients as for large ones: rounding shows more.
        let off = apart(array, &end[name]);
        assert!(off < 1e-3, "{name} after three steps: {off:e}");
    }
}
