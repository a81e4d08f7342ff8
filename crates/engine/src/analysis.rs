//! The analysis of a text that went through the networks.

use lens_analysis::{Analysis, ModelInfo, Source, Summary, TokenFigures, events, stats};
use lens_tokenizer::Tokens;

use crate::{LoadedPack, RunOptions};

impl LoadedPack {
    /// The analysis of a text; words are added by [`crate::InferenceSession::add_words`].
    pub fn analysis(&self, text: &str, tokens: &Tokens, summary: &Summary, options: RunOptions) -> Analysis {
        let grams = summary.grams();
        let events = Some(events::of_text(&grams, &tokens.tokens));
        Analysis { grams: Some(grams), events, ..self.analysis_header(text, tokens, summary, options) }
    }

    /// The analysis of a text, without its Gram matrices, and events, which follow from them.
    pub fn analysis_header(&self, text: &str, tokens: &Tokens, summary: &Summary, options: RunOptions) -> Analysis {
        let manifest = self.manifest();
        let novel_top: Vec<_> = summary.tokens.iter().map(|t| t.novel_top.clone()).collect();
        let count = |figure: fn(&TokenFigures) -> usize| summary.tokens.iter().map(figure).collect();
        Analysis {
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
            similarity_stats: stats::similarity_stats(summary.centered_gram(Source::Predictable).cosines()),
            novel_top,
            energy: Some(summary.energy()),
            attention: None,
            grams: None,
            saved_similarity: None,
            pred_top: Some(summary.tokens.iter().map(|t| t.pred_top.clone()).collect()),
            sources: Some(summary.tokens.iter().map(|t| t.sources.clone()).collect()),
            events: None,
            words: None,
            surprise: None,
            shuffled: None,
        }
    }
}
