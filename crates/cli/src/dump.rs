//! `--dump`: every tensor as safetensors.

use anyhow::{Result, anyhow};
use lens_analysis::Analysis;
use lens_analysis::similarity::document_rows;
use lens_engine::RunOutput;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// The file's bytes. f32 but for token_ids (i64); T tokens:
///
/// token_ids [T], residual [T, d], recons [T, d], pred_codes [T, width], novel_codes [T, width],
/// pred_recons [T, d], novel_recons [T, d], attn_graphs [layers, heads, T, T], similarity [T, T].
pub fn bytes(analysis: &Analysis, run: &RunOutput) -> Result<Vec<u8>> {
    let (t, d, width) = (run.tokens, run.d_model, run.width);
    let (layers, heads) = run.sae_attention;
    let ids: Vec<u8> = analysis.token_ids.iter().flat_map(|id| i64::from(*id).to_le_bytes()).collect();
    let similarity: Vec<f32> = document_rows(analysis).flatten().collect();
    let floats: [(&str, Vec<usize>, &[f32]); 8] = [
        ("residual", vec![t, d], &run.residual),
        ("recons", vec![t, d], &run.recons),
        ("pred_codes", vec![t, width], &run.pred_codes),
        ("novel_codes", vec![t, width], &run.novel_codes),
        ("pred_recons", vec![t, d], &run.pred_recons),
        ("novel_recons", vec![t, d], &run.novel_recons),
        ("attn_graphs", vec![layers, heads, t, t], &run.attn_graphs),
        ("similarity", vec![t, t], &similarity),
    ];
    let floats = floats.map(|(name, shape, values)| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        (name, Dtype::F32, shape, bytes)
    });
    let mut all = vec![("token_ids", Dtype::I64, vec![t], ids)];
    all.extend(floats);
    let mut views = Vec::new();
    for (name, dtype, shape, bytes) in &all {
        let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(|e| anyhow!("tensor {name}: {e}"))?;
        views.push((*name, view));
    }
    safetensors::serialize(views, None).map_err(|e| anyhow!("the tensors cannot be written as safetensors: {e}"))
}
