//! Plain f32 analysis of codes: similarity, statistics, and the document that carries the answer.
//!
//! | file | what it is |
//! |---|---|
//! | [`attention`] | where each token's prediction comes from: the SAE's attention weights |
//! | [`cluster`] | the dendrogram: average linkage on cosine distance |
//! | [`comparison`] | two texts, and the products of the tokens of both |
//! | [`dashboard`] | what each feature fires on in a corpus |
//! | [`document`] | [`Analysis`]: the one answer type of page, command line and saved results |
//! | [`events`] | where one event of the text ends and the next begins |
//! | [`gram`] | centred Gram matrices, and cosine similarity from them |
//! | [`per_token`] | one number a token: L0, shares of energy, variance explained, ... |
//! | [`similarity`] | cosine similarity of four sources, as the notebook and as Neuronpedia draw it |
//! | [`spans`] | similarity within and across spans, cosine of two spans' mean codes |
//! | [`spectrum`] | eigenvalues and effective rank |
//! | [`summary`] | per-token figures and products of pairs, growing token by token |
//! | [`stats`] | what the seed's notebook prints: variance explained, L0, selected feature, ... |
//!
//! This crate knows no tensors library and no browser.

pub mod attention;
pub mod cluster;
pub mod comparison;
pub mod dashboard;
pub mod document;
pub mod events;
pub mod gram;
pub mod per_token;
pub mod similarity;
pub mod spans;
pub mod spectrum;
pub mod stats;
pub mod summary;

#[cfg(test)]
mod example;

pub use attention::Attention;
pub use document::{Analysis, Energy, Grams, ModelInfo, NovelFeature, Selected, SimilarityStats};
pub use similarity::Source;
pub use summary::{Summary, TokenFigures};
