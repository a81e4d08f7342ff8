//! Plain f32 analysis of codes: similarity, statistics, and the answer that carries them.
//!
//! | file | what it is |
//! |---|---|
//! | [`analysis`] | [`Analysis`]: the one answer type of page, command line and saved results, in memory |
//! | [`attention`] | where each token's prediction comes from: the SAE's attention weights |
//! | [`closeness`] | how close other distributions of the next token are to a model's |
//! | [`cluster`] | the dendrogram: average linkage on cosine distance |
//! | [`comparison`] | two texts, and the products of the tokens of both |
//! | [`dashboard`] | what each feature fires on in a corpus |
//! | [`document`] | analyses and comparisons as files |
//! | [`events`] | where one event of the text ends and the next begins |
//! | [`gram`] | Gram matrices, centered, and cosine similarity from them |
//! | [`matrix`] | [`SymmetricMatrix`]: one triangle of a symmetric matrix |
//! | [`order`] | lists by a number |
//! | [`orders`] | statistics of a text's tokens in any order |
//! | [`per_token`] | one number per token: L0, shares of energy, variance explained, ... |
//! | [`ridge`] | ridge regression from sums over many samples |
//! | [`similarity`] | cosine similarity of four sources, as the notebook and as Neuronpedia draw it |
//! | [`shuffled`] | statistics next to those of shuffled orders |
//! | [`source`] | what of two tokens is compared |
//! | [`spans`] | similarity within and across spans, cosine of two spans' mean codes |
//! | [`spectrum`] | eigenvalues and effective rank |
//! | [`words`] | readouts in words: ranking, near-duplicates, coherence |
//! | [`summary`] | per-token figures and products of pairs, growing token by token |
//! | [`stats`] | what the notebook prints: variance explained, L0, selected feature, ... |
//!
//! This crate knows no tensors library and no browser.

pub mod analysis;
pub mod attention;
pub mod closeness;
pub mod cluster;
pub mod comparison;
pub mod dashboard;
pub mod document;
pub mod events;
mod finite;
pub mod gram;
pub mod matrix;
mod nan_as_null;
pub mod order;
pub mod orders;
pub mod per_token;
pub mod ridge;
pub mod shuffled;
pub mod similarity;
pub mod source;
pub mod spans;
pub mod spectrum;
pub mod stats;
pub mod summary;
pub mod words;

#[cfg(test)]
mod example;

pub use analysis::{Analysis, Energy, Event, FeatureCode, Grams, ModelInfo, Selected, SimilarityStats, TokenSource};
pub use attention::Attention;
pub use matrix::SymmetricMatrix;
pub use source::Source;
pub use summary::{Summary, TokenFigures};
