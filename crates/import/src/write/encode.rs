//! f32 rows to the bytes of a precision, on all cores.

use half::f16;
use lens_pack::block::{PackedMatrix, Precision, unstorable};
use lens_pack::manifest::{embedding_row_bytes, row_data_bytes, row_scale_bytes};

use crate::error::{Error, Result};

/// Rows as they lie in a file: all values, then all scales (q8 and q4 only).
#[derive(Debug, Default)]
pub struct Encoded {
    /// f32 and f16 tight, q8 and q4 padded to whole blocks.
    pub data: Vec<u8>,
    /// f16, little-endian.
    pub scales: Vec<u8>,
}

/// Encodes `values` [rows, cols]. `file` and `tensor` name them in errors.
///
/// # Errors
/// [`Error::Malformed`] for values that are not finite, or too large for f16 where `precision`
/// stores f16 values or scales.
pub fn encode(values: &[f32], cols: usize, precision: Precision, file: &str, tensor: &str) -> Result<Encoded> {
    if let Some(bad) = unstorable(values, precision) {
        let problem = if bad.is_finite() {
            format!("tensor {tensor} holds {bad}, too large for {precision}; pack it as f32")
        } else {
            format!("tensor {tensor} holds {bad}: the checkpoint is damaged")
        };
        return Err(Error::Malformed { file: file.to_owned(), problem });
    }
    let cols = cols.max(1);
    let rows_per_thread = (values.len() / cols).div_ceil(threads()).max(1);
    let pieces: Vec<Encoded> = std::thread::scope(|scope| {
        let workers: Vec<_> = values
            .chunks(rows_per_thread * cols)
            .map(|piece| scope.spawn(move || encode_piece(piece, cols, precision)))
            .collect();
        // A worker that panicked passes its panic on.
        workers.into_iter().map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut whole = Encoded::default();
    for piece in pieces {
        whole.data.extend_from_slice(&piece.data);
        whole.scales.extend_from_slice(&piece.scales);
    }
    Ok(whole)
}

/// As [`encode`], each row's scales behind its values: how the embedding is stored.
///
/// # Errors
/// As [`encode`].
pub fn encode_interleaved(
    values: &[f32],
    cols: usize,
    precision: Precision,
    file: &str,
    tensor: &str,
) -> Result<Vec<u8>> {
    let encoded = encode(values, cols, precision, file, tensor)?;
    let scale_bytes = row_scale_bytes(cols, precision) as usize;
    if scale_bytes == 0 {
        return Ok(encoded.data);
    }
    let rows = values.len() / cols.max(1);
    let mut out = Vec::with_capacity(rows * embedding_row_bytes(cols, precision) as usize);
    let data_rows = encoded.data.chunks_exact(row_data_bytes(cols, precision) as usize);
    for (data, scales) in data_rows.zip(encoded.scales.chunks_exact(scale_bytes)) {
        out.extend_from_slice(data);
        out.extend_from_slice(scales);
    }
    Ok(out)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn encode_piece(values: &[f32], cols: usize, precision: Precision) -> Encoded {
    let rows = values.len() / cols;
    let data = match precision {
        Precision::F32 => bytemuck::cast_slice(values).to_vec(),
        Precision::F16 => values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
        Precision::Q8 | Precision::Q4 => {
            let packed = PackedMatrix::pack(values, rows, cols, precision);
            // The last word of scales may be half used.
            let scales = &bytemuck::cast_slice(&packed.scales)[..rows * row_scale_bytes(cols, precision) as usize];
            return Encoded { data: bytemuck::cast_slice(&packed.words).to_vec(), scales: scales.to_vec() };
        }
    };
    Encoded { data, scales: Vec::new() }
}
