//! A text's way through two or three dimensions: UMAP or principal components of its codes.
//!
//! | file | what it is |
//! |---|---|
//! | [`points`] | the points, their colors and their table |
//! | [`settings`] | what is asked for: source, method, dimensions, UMAP's parameters |
//! | [`camera`] | from where it is looked at: orbit, zoom, pan |
//! | [`mod@layout`] | where plot and color bar go on the page |
//! | `axes` | coordinates to the figure, and the axes around them |
//! | [`scene`] | what is drawn, from back to front, and what lies under the pointer |
//! | [`hover`] | the tooltip of a point: position, coordinates, the text so far |

mod axes;
pub mod camera;
pub mod hover;
pub mod layout;
pub mod points;
pub mod scene;
pub mod settings;

pub use axes::Axis;
pub use camera::Camera;
pub use hover::{Hover, Word};
pub use layout::layout;
pub use points::{MAP, POSITION_TITLE, PointRow, Trajectory, TrajectoryError};
pub use scene::{Dot, Mark, Scene, Segment};
pub use settings::{Dimensions, Method, Metric, Positions, TrajectorySettings};
