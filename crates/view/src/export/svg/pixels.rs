//! Pixels inside a vector figure: as a PNG in a `data:` address, since a matrix of thousands of rectangles opens slowly
//! everywhere.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// RGBA pixels, row by row, as the address of a PNG; none where they are not `width` to the row.
pub(super) fn address(rgba: &[u8], width: usize) -> Option<String> {
    let png = png(rgba, width)?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

fn png(rgba: &[u8], width: usize) -> Option<Vec<u8>> {
    let line = 4 * width;
    if line == 0 || rgba.is_empty() || !rgba.len().is_multiple_of(line) {
        return None;
    }
    let (columns, rows) = (u32::try_from(width).ok()?, u32::try_from(rgba.len() / line).ok()?);
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
    for row in rgba.chunks_exact(line) {
        // Each row says how it is filtered: not at all.
        deflated.write_all(&[0]).ok()?;
        deflated.write_all(row).ok()?;
    }
    let mut head = [columns.to_be_bytes(), rows.to_be_bytes()].concat();
    // 8 bits a channel, four channels; the only compression and filter there are; not interlaced.
    head.extend_from_slice(&[8, 6, 0, 0, 0]);
    let mut png = SIGNATURE.to_vec();
    chunk(&mut png, *b"IHDR", &head)?;
    chunk(&mut png, *b"IDAT", &deflated.finish().ok()?)?;
    chunk(&mut png, *b"IEND", &[])?;
    Some(png)
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], content: &[u8]) -> Option<()> {
    let mut sum = Crc::new();
    sum.update(&name);
    sum.update(content);
    png.extend_from_slice(&u32::try_from(content.len()).ok()?.to_be_bytes());
    png.extend_from_slice(&name);
    png.extend_from_slice(content);
    png.extend_from_slice(&sum.sum().to_be_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use std::io::Read as _;

    #[test]
    fn a_png_has_its_size_its_sums_and_its_pixels() {
        let rgba: Vec<u8> = (0..24).collect();
        let png = png(&rgba, 3).unwrap();
        assert_eq!(&png[..8], SIGNATURE);
        let (mut at, mut chunks) = (8, Vec::new());
        while at < png.len() {
            let size = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
            let mut sum = Crc::new();
            sum.update(&png[at + 4..at + 8 + size]);
            assert_eq!(png[at + 8 + size..at + 12 + size], sum.sum().to_be_bytes());
            chunks.push((&png[at + 4..at + 8], &png[at + 8..at + 8 + size]));
            at += 12 + size;
        }
        assert_eq!(chunks.iter().map(|it| it.0).collect::<Vec<_>>(), [b"IHDR", b"IDAT", b"IEND"]);
        assert_eq!(chunks[0].1, [0, 0, 0, 3, 0, 0, 0, 2, 8, 6, 0, 0, 0]);
        let mut rows = Vec::new();
        ZlibDecoder::new(chunks[1].1).read_to_end(&mut rows).unwrap();
        assert_eq!(rows, [&[0], &rgba[..12], &[0], &rgba[12..]].concat());
        // What every reader of PNG knows: the sum of an empty last chunk.
        assert!(png.ends_with(&[0xae, 0x42, 0x60, 0x82]));
    }

    #[test]
    fn pixels_of_no_whole_rows_are_refused() {
        assert_eq!((address(&[0; 12], 2), address(&[], 2), address(&[0; 4], 0)), (None, None, None));
        assert!(address(&[0; 16], 2).unwrap().starts_with("data:image/png;base64,iVBORw0KGgo"));
    }
}
