//! A small made-up analysis for this crate's tests.

use lens_analysis::{Analysis, FeatureCode, ModelInfo, Selected, SimilarityStats};

/// Three tokens.
pub fn analysis() -> Analysis {
    Analysis {
        text: " sky.".to_owned(),
        model: ModelInfo {
            name: "test/model".to_owned(),
            pack_hash: "0123456789abcdef".to_owned(),
            layer: 12,
            precision: "q8".to_owned(),
            width: 1920,
            neuronpedia: None,
        },
        inf_k: None,
        token_ids: vec![2, 5, 6],
        tokens: ["<bos>", "▁sky", "."].map(str::to_owned).to_vec(),
        variance_explained: 0.75,
        l0_novel: vec![2, 2, 2],
        l0_pred: vec![0, 4, 5],
        l0_total: vec![2, 5, 6],
        selected: Some(Selected { position: 1, feature: 7, value: 1.5 }),
        similarity_stats: SimilarityStats { min: -0.5, max: 1.0, mean: 0.2777 },
        novel_top: vec![
            vec![],
            vec![FeatureCode { feature: 7, value: 1.5 }, FeatureCode { feature: 3, value: 0.75 }],
            vec![],
        ],
        pred_top: None,
        sources: None,
        events: None,
        words: None,
        surprise: None,
        shuffled: None,
        energy: None,
        attention: None,
        grams: None,
        saved_similarity: Some(vec![1.0, -0.5, 0.0, -0.5, 1.0, 0.25, 0.0, 0.25, 1.0]),
    }
}
