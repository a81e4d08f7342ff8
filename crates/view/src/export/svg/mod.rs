//! The vector figures as SVG, with title, legend, and the model that made them.

mod figures;
mod writer;

pub use figures::{dendrogram, feature_map, strip, trajectory};
pub use writer::{Caption, SvgTheme};
