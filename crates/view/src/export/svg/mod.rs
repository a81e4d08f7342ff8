//! The figures as SVG, with title, legend, and the model that made them.

mod figures;
mod matrices;
mod pixels;
mod print;
mod writer;

pub use figures::{dendrogram, feature_map, strip, trajectory};
pub use matrices::{MatrixFigure, attention, comparison, matrix};
pub use print::{Ground, PrintWidth};
pub use writer::{Caption, SvgTheme};
