//! Means of the parts of the residual stream over many texts: what readouts in words subtract. Native only.

use burn::tensor::{Tensor, TensorData};
use lens_model::gemma::GemmaCache;
use lens_model::temporal_sae::SaeCache;

use crate::pack::{LoadedPack, check_length};
use crate::read_back::read_back_all;
use crate::{Error, Result};

/// Sums over texts, on this side and in double precision.
pub struct PartMeans<'a> {
    pack: &'a LoadedPack,
    /// Of predictable part, novel part and residual stream [d_model].
    sums: [Vec<f64>; 3],
    tokens: u64,
}

impl<'a> PartMeans<'a> {
    /// Sums over no text yet.
    pub fn new(pack: &'a LoadedPack) -> Self {
        let d_model = pack.manifest().gemma.hidden_size;
        Self { pack, sums: [(); 3].map(|()| vec![0.0; d_model]), tokens: 0 }
    }

    /// Tokens so far, BOS not counted.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Adds a text from its embedding rows [T, d_model], BOS first. BOS is no word of a text, and its residual stream is
    /// a hundred times as long as any other: it is left out.
    ///
    /// # Errors
    /// [`Error::Input`] for a text that is empty or too long, [`Error::Model`] when the device fails.
    pub async fn add(&mut self, embedding_rows: &[f32]) -> Result<()> {
        let d_model = self.pack.manifest().gemma.hidden_size;
        check_length(embedding_rows.len() / d_model)?;
        let (mut gemma, mut sae) = (GemmaCache::default(), SaeCache::default());
        let mut before = 0;
        for rows in embedding_rows.chunks(self.pack.device.kernels.chunk_tokens() * d_model) {
            let tokens = rows.len() / d_model;
            let rows = Tensor::from_data(TensorData::new(rows.to_vec(), [tokens, d_model]), &self.pack.device.burn);
            let residual = self.pack.gemma.extend(rows, &mut gemma, |_, _| ());
            let codes = self.pack.sae.extend(residual.clone(), &mut sae, None)?;
            let first = usize::from(before == 0);
            before += tokens;
            if tokens == first {
                continue;
            }
            let sum = |part: Tensor<2>| part.narrow(0, first, tokens - first).sum_dim(0);
            let sums = read_back_all([sum(codes.pred_recons), sum(codes.novel_recons), sum(residual)]).await?;
            for (all, new) in self.sums.iter_mut().zip(sums) {
                all.iter_mut().zip(new).for_each(|(all, new)| *all += f64::from(new));
            }
            self.tokens += (tokens - first) as u64;
        }
        Ok(())
    }

    /// Means of predictable part, novel part and residual stream [d_model].
    ///
    /// # Errors
    /// [`Error::Input`] when there were no tokens.
    pub fn means(&self) -> Result<[Vec<f32>; 3]> {
        if self.tokens == 0 {
            return Err(Error::Input("there are no tokens to take means over".to_owned()));
        }
        let mean = |sums: &Vec<f64>| sums.iter().map(|sum| (sum / self.tokens as f64) as f32).collect();
        let [predictable, novel, residual] = &self.sums;
        Ok([mean(predictable), mean(novel), mean(residual)])
    }
}
