//! UMAP as umap-learn does it (McInnes, Healy, Melville 2018, arXiv 1802.03426), for up to a few
//! thousand points that are given as a Gram matrix or as distances.
//!
//! | file | what it is |
//! |---|---|
//! | [`distances`] | [`Distances`] from a Gram matrix, from points or as they are |
//! | [`fuzzy`] | the neighbor graph with its membership strengths |
//! | [`curve`] | `a` and `b` of the layout's curve, fitted to `spread` and `min_dist` |
//! | `spectral` | where the layout starts |
//! | `layout` | stochastic gradient descent, an epoch at a time |
//! | [`mod@pca`] | principal components of a centered Gram matrix: the instant alternative |
//! | [`measures`] | trustworthiness of a picture, tortuosity of a path |
//! | [`positions`] | the positions the authors' notebook draws |
//! | [`same_everywhere`] | one number that shows whether a machine draws as all others do |
//! | `eigen` | the largest eigenpairs of a symmetric operator |
//! | `forces` | how strongly points of a layout pull and push each other |
//! | `random` | random numbers that are the same everywhere |
//!
//! **Same seed, same picture, on every machine.** One thread, and only operations that IEEE 754
//! rounds the same way everywhere (+, -, x, /, square root) besides `libm`'s pure-Rust functions:
//! the platform's own `exp`, `ln` and `powf` differ in their last bits between operating systems and
//! WebAssembly, and the layout amplifies a last bit to another picture. [`same_everywhere`]
//! holds a committed result against it.
//!
//! This crate knows no tensors library and no browser.

pub mod curve;
pub mod distances;
mod eigen;
mod error;
mod forces;
pub mod fuzzy;
mod layout;
pub mod measures;
mod neighbors;
mod parameters;
pub mod pca;
pub mod positions;
mod random;
pub mod same_everywhere;
mod spectral;
mod umap;

pub use distances::{Distances, Metric};
pub use error::Error;
pub use fuzzy::{Graph, fuzzy_graph};
pub use measures::{path_length, tortuosity, trustworthiness};
pub use parameters::Parameters;
pub use pca::{Components, pca};
pub use positions::notebook_positions;
pub use umap::{Embedding, Umap, umap};

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
