//! Pixels as a PNG file.

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use crate::figure::color::Rgb;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// What a pixel is, as the file's head says it: a place in a palette, or red, green, blue and opacity.
const INDEXED: u8 = 3;
const RGBA: u8 = 6;
/// What is written before a row: it is as it stands, or the difference from the row above.
const PLAIN: u8 = 0;
const FROM_ABOVE: u8 = 2;

/// RGBA pixels, row by row; none where they are not `width` to the row.
pub(super) fn rgba(pixels: &[u8], width: usize) -> Option<Vec<u8>> {
    file(pixels, width, (RGBA, 4), &[], Compression::fast())
}

/// Pixels as places in a palette of at most 256 colors, row by row; none where they are not `width` to the row.
pub(super) fn indexed(pixels: &[u8], width: usize, palette: &[Rgb]) -> Option<Vec<u8>> {
    file(pixels, width, (INDEXED, 1), palette, Compression::best())
}

fn file(
    pixels: &[u8],
    width: usize,
    (kind, bytes): (u8, usize),
    palette: &[Rgb],
    compression: Compression,
) -> Option<Vec<u8>> {
    let line = bytes * width;
    if line == 0 || pixels.is_empty() || !pixels.len().is_multiple_of(line) {
        return None;
    }
    let (columns, rows) = (u32::try_from(width).ok()?, u32::try_from(pixels.len() / line).ok()?);
    let mut deflated = ZlibEncoder::new(Vec::new(), compression);
    let mut above: Option<&[u8]> = None;
    let zeros = vec![0; line];
    for row in pixels.chunks_exact(line) {
        // Enlarged cells repeat whole rows, and nothing is smaller than no difference.
        let is_repeated = above == Some(row);
        deflated.write_all(&[if is_repeated { FROM_ABOVE } else { PLAIN }]).ok()?;
        deflated.write_all(if is_repeated { &zeros } else { row }).ok()?;
        above = Some(row);
    }
    let mut head = [columns.to_be_bytes(), rows.to_be_bytes()].concat();
    // 8 bits a channel; the only compression and kind of filters there are; not interlaced.
    head.extend_from_slice(&[8, kind, 0, 0, 0]);
    let mut png = SIGNATURE.to_vec();
    chunk(&mut png, *b"IHDR", &head)?;
    if !palette.is_empty() {
        chunk(&mut png, *b"PLTE", palette.as_flattened())?;
    }
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
pub(super) mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use std::io::Read as _;

    /// Name and content of each chunk, whose sums are right.
    fn chunks(png: &[u8]) -> Vec<(&[u8], &[u8])> {
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
        chunks
    }

    fn inflated(bytes: &[u8]) -> Vec<u8> {
        let mut rows = Vec::new();
        ZlibDecoder::new(bytes).read_to_end(&mut rows).unwrap();
        rows
    }

    /// The colors of a file with a palette, row by row, and how many there are in a row.
    pub fn colors(png: &[u8]) -> (Vec<Rgb>, usize) {
        let chunks = chunks(png);
        let (head, palette) = (chunks[0].1, chunks[1].1.as_chunks::<3>().0);
        assert_eq!((chunks[1].0, head[9]), (&b"PLTE"[..], INDEXED));
        let width = u32::from_be_bytes(head[..4].try_into().unwrap()) as usize;
        let mut colors: Vec<Rgb> = Vec::new();
        for row in inflated(chunks[2].1).chunks_exact(width + 1) {
            match row[0] {
                PLAIN => colors.extend(row[1..].iter().map(|place| palette[usize::from(*place)])),
                filter => {
                    assert!(filter == FROM_ABOVE && row[1..].iter().all(|it| *it == 0), "{filter}");
                    colors.extend_from_within(colors.len() - width..);
                }
            }
        }
        (colors, width)
    }

    #[test]
    fn a_png_has_its_size_its_sums_and_its_pixels() {
        let pixels: Vec<u8> = (0..24).collect();
        let png = rgba(&pixels, 3).unwrap();
        let chunks = chunks(&png);
        assert_eq!(chunks.iter().map(|it| it.0).collect::<Vec<_>>(), [b"IHDR", b"IDAT", b"IEND"]);
        assert_eq!(chunks[0].1, [0, 0, 0, 3, 0, 0, 0, 2, 8, 6, 0, 0, 0]);
        assert_eq!(inflated(chunks[1].1), [&[0], &pixels[..12], &[0], &pixels[12..]].concat());
        // What every reader of PNG knows: the sum of an empty last chunk.
        assert!(png.ends_with(&[0xae, 0x42, 0x60, 0x82]));
    }

    #[test]
    fn a_repeated_row_is_no_difference() {
        let png = rgba(&[7; 24], 3).unwrap();
        assert_eq!(inflated(chunks(&png)[1].1), [vec![0], vec![7; 12], vec![2], vec![0; 12]].concat());
    }

    #[test]
    fn a_palette_gives_its_colors() {
        let palette = [[1, 2, 3], [250, 0, 9]];
        let png = indexed(&[0, 1, 1, 0, 1, 0, 1, 0], 2, &palette).unwrap();
        let [a, b] = palette;
        assert_eq!(colors(&png), (vec![a, b, b, a, b, a, b, a], 2));
    }

    #[test]
    fn pixels_of_no_whole_rows_are_refused() {
        assert_eq!((rgba(&[0; 12], 2), rgba(&[], 2), rgba(&[0; 4], 0)), (None, None, None));
        assert_eq!(indexed(&[0; 3], 2, &[[0; 3]]), None);
    }
}
