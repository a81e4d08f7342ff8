//! The figures as SVG, with title, legend, and the model that made them.
//!
//! | file | what it is |
//! |---|---|
//! | `figures` | which marks each figure is made of |
//! | `matrices` | the figures made of cells: the similarity matrix, the attention map |
//! | `pixels` | pixels inside a vector figure |
//! | `print` | how wide a saved figure is, and on which ground |
//! | `writer` | the marks that figures are made of |

mod figures;
mod matrices;
mod pixels;
mod print;
mod writer;

pub use figures::{dendrogram, feature_map, strip, trajectory};
pub use matrices::{MatrixFigure, attention, comparison, matrix};
pub use print::{Ground, PrintWidth};
pub use writer::{Caption, SvgTheme};
