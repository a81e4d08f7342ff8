//! A small made-up analysis and comparison for this crate's tests.

use crate::analysis::{Analysis, FeatureCode, Grams, ModelInfo};
use crate::comparison::Comparison;
use crate::{gram, stats};

/// Five tokens with codes of four features; the Gram matrices belong to them.
pub fn analysis() -> Analysis {
    let predictable =
        [0.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.0, 0.0, 1.2, 0.4, 0.1, 0.0, 0.0, 0.1, 2.0, 0.5, 0.1, 0.0, 1.5, 0.6f32];
    let novel =
        [5.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.25, 0.5, 0.0, 0.0, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 1.0, 0.0, 0.0f32];
    let total: Vec<f32> = predictable.iter().zip(&novel).map(|(a, b)| a + b).collect();
    let (t, width) = (5, 4);
    let gram_of = |codes: &[f32]| gram::centered_gram(codes, t, width);
    let novel_top: Vec<Vec<FeatureCode>> = stats::top_features(&novel, width, 3);
    Analysis {
        text: "The tide turned. She".to_owned(),
        model: ModelInfo {
            name: "test/model".to_owned(),
            pack_hash: "0123456789abcdef".to_owned(),
            layer: 12,
            precision: "q8".to_owned(),
            width,
            neuronpedia: None,
        },
        inf_k: None,
        token_ids: vec![2, 10, 11, 12, 13],
        tokens: ["<bos>", "The", "▁tide", "▁turned", "."].map(str::to_owned).to_vec(),
        variance_explained: 0.75,
        l0_novel: stats::l0(&novel, width),
        l0_pred: stats::l0(&predictable, width),
        l0_total: stats::l0(&total, width),
        selected: stats::select(&novel_top),
        similarity_stats: stats::similarity_stats(gram::cosine_rows(&gram_of(&predictable)).flatten()),
        novel_top,
        energy: None,
        attention: None,
        grams: Some(Grams {
            predictable: gram_of(&predictable),
            novel: gram_of(&novel),
            total: gram_of(&total),
            residual: gram_of(&total.iter().map(|v| v * 100.0).collect::<Vec<_>>()),
        }),
        saved_similarity: None,
        pred_top: None,
        sources: None,
        events: None,
        words: None,
        surprise: None,
        shuffled: None,
    }
}

/// The analysis compared with itself, with joint Gram matrices of other codes.
pub fn comparison() -> Comparison {
    let analysis = analysis();
    let n = 2 * analysis.tokens.len();
    let codes: Vec<f32> = (0..n * 3).map(|i| ((i * 37 + 11) % 17) as f32).collect();
    let joint = gram::centered_gram(&codes, n, 3);
    Comparison {
        first: analysis.clone(),
        second: analysis,
        grams: Grams::from_sources([(); 4].map(|()| joint.clone())),
    }
}
