//! Pixels inside a vector figure: as a PNG in a `data:` address, since a matrix of thousands of rectangles opens slowly
//! everywhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::export::png;

/// RGBA pixels, row by row, as the address of a PNG; none where they are not `width` to the row.
pub(super) fn address(rgba: &[u8], width: usize) -> Option<String> {
    let png = png::rgba(rgba, width)?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_a_png_of_whole_rows() {
        assert_eq!(address(&[0; 12], 2), None);
        assert!(address(&[0; 16], 2).unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"));
    }
}
