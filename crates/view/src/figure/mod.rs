//! The figures: where everything goes, what lies under the pointer, which color a value has.
//!
//! | file | what it is |
//! |---|---|
//! | [`layout`] | what every figure's layout is made of |
//! | [`color`] | color maps, color ranges, ticks of a color bar |
//! | [`focus`] | which cell is looked at: hovered, else pinned |
//! | [`heatmap`] | the similarity matrix |
//! | [`trajectory`] | a text's way through two or three dimensions |
//! | [`attention`] | the SAE's attention: where a token's prediction comes from |
//! | [`feature_map`] | the text's strongest novel features against its tokens |
//! | [`film`] | the reading as a film: how far the text is shown |
//! | [`strip`] | shades of the tokens by a chosen quantity |
//! | [`dendrogram`] | where the lines of the clustering go |

pub mod attention;
pub mod color;
pub mod dendrogram;
pub mod feature_map;
pub mod film;
pub mod focus;
pub mod heatmap;
pub mod layout;
pub mod strip;
pub mod trajectory;
