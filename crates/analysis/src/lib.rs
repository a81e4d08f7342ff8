//! Plain f32 analysis of codes: similarity, statistics, and the document that carries the answer.
//!
//! | file | what it is |
//! |---|---|
//! | [`document`] | [`Analysis`]: the one answer type of page, command line and saved results |
//! | [`gram`] | centred Gram matrices, and cosine similarity from them |
//! | [`stats`] | what the seed's notebook prints: variance explained, L0, selected feature, ... |
//!
//! This crate knows no tensors library and no browser.

pub mod document;
pub mod gram;
pub mod stats;

pub use document::{Analysis, Grams, ModelInfo, NovelFeature, Selected, SimilarityStats};
