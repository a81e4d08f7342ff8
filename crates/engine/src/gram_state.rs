//! What the Gram matrices of a text need of earlier tokens when later ones come.

use burn::tensor::Tensor;
use lens_model::kernels::config::KernelConfig;
use lens_model::linear::matmul_rows;
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
    /// far, themselves included: [new, all] of predictable with predictable codes, novel with novel, novel with predictable,
    /// predictable with novel ones, and of the residual stream. Rows after the first `before` tokens are dropped first; there is capacity for
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
            rows.push(new[i].clone(), reserved)
        });
        let total = self.rows[0].len();
        // Total codes are the sum of both kinds: their products are those of their parts.
        [(0, 0), (1, 1), (1, 0), (0, 1), (2, 2)]
            .map(|(of, with): (usize, usize)| matmul_rows(new[of].clone(), all[with].clone(), total, kernels))
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
