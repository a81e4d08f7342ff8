//! A text's way through two or three dimensions: UMAP or principal components of its codes.
//!
//! | file | what it is |
//! |---|---|
//! | [`points`] | the points, their colors and their table |
//! | [`settings`] | what is asked for: source, method, dimensions, UMAP's parameters |
//! | [`camera`] | from where it is looked at: orbit, zoom, pan |
//! | [`mod@figure`] | where plot, axes and color bar go on the page |
//! | `axes` | coordinates to the figure, and the axes around them |
//! | [`scene`] | what is drawn, from back to front, and what lies under the pointer |
//! | [`hover`] | what a point says: position, coordinates, the text so far |

mod axes;
pub mod camera;
pub mod figure;
pub mod hover;
pub mod points;
pub mod scene;
pub mod settings;

pub use axes::Axis;
pub use camera::Camera;
pub use figure::{Figure, figure};
pub use hover::{Hover, Word};
pub use points::{MAP, Misfit, POSITION_TITLE, Row, Trajectory};
pub use scene::{Dot, Mark, Scene, Segment};
pub use settings::{Dimensions, Method, Metric, Positions, Wanted};
