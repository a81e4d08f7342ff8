//! A small made-up analysis for this crate's tests.

use lens_analysis::dashboard::{Index, Name, NamedBy};
use lens_analysis::words::{NextWord, Word, Words};
use lens_analysis::{Analysis, Energy, Event, FeatureCode, ModelInfo, Selected, SimilarityStats};

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

/// The same with words, two events, energies and surprise.
pub fn with_words() -> Analysis {
    let word = |word: &str| Word { word: word.to_owned(), score: 1.0 };
    let event = |first, last, words: &[&str], unclear| Event {
        first,
        last,
        expectation_from: first,
        words: words.iter().map(|it| word(it)).collect(),
        expected: Vec::new(),
        coherence: Some(0.3),
        unclear,
    };
    let t = 3;
    Analysis {
        words: Some(Words {
            vocabulary: 9,
            predictable: vec![vec![], vec![], vec![word("sea"), word("sail")]],
            novel: vec![vec![word("<b>bold</b>")]; t],
            next: vec![vec![NextWord { word: "out".to_owned(), probability: 0.25 }]; t],
        }),
        events: Some(vec![event(1, 1, &["sea", "sail", "boat", "ferry"], false), event(2, 2, &["list"], true)]),
        surprise: Some(vec![f32::NAN, 3.21, 3.21]),
        energy: Some(Energy {
            residual: vec![1e6, 20.0, 20.0],
            error: vec![1e5, 1.0, 1.0],
            predictable: vec![0.0, 6.0, 9.0],
            novel: vec![9e5, 2.0, 3.0],
        }),
        ..analysis()
    }
}

/// An index of dashboards that knows features 3 and 7.
pub fn index() -> Index {
    let mut largest = vec![0.0; 1920];
    (largest[3], largest[7]) = (1.0, 3.0);
    Index {
        format: String::new(),
        pack_hash: String::new(),
        features: 1920,
        per_file: 32,
        tokens: 100_000,
        passages: 400,
        sources: Vec::new(),
        rule: String::new(),
        labels: Vec::new(),
        name_rule: String::new(),
        names: vec![Name { feature: 3, text: "night".to_owned(), by: NamedBy::Peaks }],
        largest,
    }
}
