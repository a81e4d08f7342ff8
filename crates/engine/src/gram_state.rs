//! What the Gram matrices of a text need of earlier tokens when later ones come.

use burn::tensor::Tensor;
use lens_model::kernels::config::KernelConfig;
use lens_model::linear::matmul_nt;
use lens_model::rows::Rows;

/// Rows of the tokens so far, on the device.
#[derive(Default)]
pub(crate) struct GramState {
    /// Predictable codes, novel codes and residual stream, [T, ..] each, less `shift`.
    rows: [Rows; 3],
    /// Subtracted before products are taken, [1, ..] each: the mean of the first tokens. Without it, rounding of
    /// what all tokens share would drown the differences between them.
    shift: Option<[Tensor<2>; 3]>,
}

impl GramState {
    /// Inner products of new predictable codes, novel codes and residual stream with those of every token so
    /// far, themselves included: [new, all] of predictable and of novel codes, of total codes with either,
    /// and of the residual stream. Rows after the first `before` tokens are dropped first; there is capacity for
    /// `reserved` tokens.
    pub(crate) fn push(
        &mut self,
        new: [&Tensor<2>; 3],
        before: usize,
        reserved: usize,
        kernels: KernelConfig,
    ) -> [Tensor<2>; 5] {
        if before == 0 {
            self.shift = None;
        }
        let shift = self.shift.get_or_insert_with(|| new.map(|x| x.clone().mean_dim(0)));
        let new: [_; 3] = std::array::from_fn(|i| new[i].clone() - shift[i].clone());
        let all: [_; 3] = std::array::from_fn(|i| {
            let rows = &mut self.rows[i];
            rows.truncate(before);
            let padded = rows.push(new[i].clone(), reserved);
            padded.narrow(0, 0, rows.len())
        });
        let [pred, novel, residual] = new;
        let [all_pred, all_novel, all_residual] = all;
        // By its parts, so that no rows of the total are needed.
        let total = pred.clone() + novel.clone();
        [
            matmul_nt(pred, all_pred.clone(), kernels),
            matmul_nt(novel, all_novel.clone(), kernels),
            matmul_nt(total.clone(), all_pred, kernels),
            matmul_nt(total, all_novel, kernels),
            matmul_nt(residual, all_residual, kernels),
        ]
    }

    /// Predictable codes, novel codes and residual stream of the first `tokens`, without the shift; `None` where there
    /// are none.
    pub(crate) fn first(&self, tokens: usize) -> Option<[Tensor<2>; 3]> {
        Some([self.without_shift(0, tokens)?, self.without_shift(1, tokens)?, self.residual(tokens)?])
    }

    /// The residual stream of the first `tokens` alone: codes are several times as wide.
    pub(crate) fn residual(&self, tokens: usize) -> Option<Tensor<2>> {
        self.without_shift(2, tokens)
    }

    fn without_shift(&self, i: usize, tokens: usize) -> Option<Tensor<2>> {
        let shift = self.shift.as_ref().filter(|_| tokens > 0)?;
        Some(self.rows[i].tensor()?.narrow(0, 0, tokens) + shift[i].clone())
    }
}
