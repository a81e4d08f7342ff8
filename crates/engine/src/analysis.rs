//! The analysis document of a text that went through the networks.

use lens_analysis::{Analysis, Grams, ModelInfo, Source, Summary, TokenFigures, document, gram, stats};
use lens_tokenizer::Tokens;

use crate::{LoadedPack, RunOptions};

impl LoadedPack {
    /// The analysis document of a text; `grams` adds the Gram matrices that every view draws from.
    pub fn analysis(
        &self,
        text: &str,
        tokens: &Tokens,
        summary: &Summary,
        options: RunOptions,
        grams: bool,
    ) -> Analysis {
        let manifest = self.manifest();
        let t = summary.len();
        let predictable = summary.centred_gram(Source::Predictable);
        let similarity = gram::cosine(&predictable, t);
        let novel_top: Vec<_> = summary.tokens.iter().map(|t| t.novel_top.clone()).collect();
        let count = |figure: fn(&TokenFigures) -> usize| summary.tokens.iter().map(figure).collect();
        let encode = |source| Grams::encode(&summary.centred_gram(source), t);
        Analysis {
            format: document::FORMAT.to_owned(),
            text: text.to_owned(),
            model: ModelInfo {
                name: manifest.model_name.clone(),
                pack_hash: self.pack_hash().to_owned(),
                layer: manifest.layer,
                precision: manifest.precision.to_string(),
                width: manifest.sae.width,
                neuronpedia: manifest.neuronpedia.as_ref().map(|n| format!("{}/{}", n.model, n.source)),
            },
            inf_k: options.inf_k,
            token_ids: tokens.ids.clone(),
            tokens: tokens.tokens.clone(),
            variance_explained: summary.variance_explained(),
            l0_novel: count(|t| t.l0_novel),
            l0_pred: count(|t| t.l0_pred),
            l0_total: count(|t| t.l0_total),
            selected: stats::select(&novel_top),
            similarity_stats: stats::similarity_stats(&similarity),
            similarity: similarity.chunks(t.max(1)).map(<[f32]>::to_vec).collect(),
            novel_top,
            energy: Some(summary.energy()),
            attention: None,
            grams: grams.then(|| Grams {
                predictable: Grams::encode(&predictable, t),
                novel: encode(Source::Novel),
                total: encode(Source::Total),
                residual: encode(Source::Residual),
            }),
        }
    }
}
