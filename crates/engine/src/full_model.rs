//! A whole language model and a pack of its first layers: what a fitted lens is made and measured with. Native only.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use lens_analysis::ridge::Moments;
use lens_import::{Tensors, open_gemma};
use lens_model::gemma::GemmaCache;
use lens_model::linear::matmul_nt;
use lens_model::norm::RmsNorm;
use lens_model::{ComputeDevice, Gemma};
use lens_pack::block::{PackedMatrix, Precision, TensorPart};
use lens_pack::config::GemmaConfig;
use lens_pack::tensor_spec::{EMBEDDING, gemma_tensors};

use crate::pack::{LoadedPack, check_length};
use crate::read_back::{read_back, read_back_all};
use crate::{Error, Result};

/// Values up to which weights are held in f32; those of larger models are held at q8, as in a pack.
const F32_VALUES_MAX: usize = 1 << 30;

/// A language model with all its layers.
pub struct FullModel {
    gemma: Gemma,
    final_norm: RmsNorm,
    /// The embedding is read row by row; it is the unembedding, too.
    embedding: Tensors,
    d_model: usize,
    vocab_size: usize,
    /// Whose output a pack's SAE reads.
    layer: usize,
    final_logit_softcapping: Option<f64>,
    device: ComputeDevice,
}

impl FullModel {
    /// Opens the checkpoint at `path`, whose first layers `pack` holds; `on_tensor(done, total)` is called after each
    /// tensor.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] naming the file that is wrong, [`Error::Input`] for another model than the pack's.
    pub fn open(path: &Path, pack: &LoadedPack, mut on_tensor: impl FnMut(u64, u64)) -> Result<Self> {
        let checkpoint = open_gemma(path)?;
        let (config, of_pack) = (checkpoint.config, &pack.manifest().gemma);
        let shape = |it: &GemmaConfig| (it.family, it.hidden_size, it.num_hidden_layers, it.head_dim);
        if shape(&config) != shape(of_pack) {
            return Err(Error::Input(format!(
                "{} is not the model of the pack: its configuration differs ({} layers of width {}, the pack's model has {} of {})",
                path.display(),
                config.num_hidden_layers,
                config.hidden_size,
                of_pack.num_hidden_layers,
                of_pack.hidden_size
            )));
        }
        let device = pack.device.clone();
        let last = config.num_hidden_layers - 1;
        let mut store = Gemma::store(&config, last, device.clone());
        let needed = gemma_tensors(&config, last);
        let values: usize = needed.iter().map(|(_, (rows, cols))| rows * cols).sum();
        let matrices = if values <= F32_VALUES_MAX { Precision::F32 } else { Precision::Q8 };
        let total = needed.len() as u64;
        for (done, (name, (rows, cols))) in needed.into_iter().enumerate() {
            let values = checkpoint.tensors.read(&name, (rows, cols))?;
            let precision = if rows == 1 { Precision::F32 } else { matrices };
            let matrix = PackedMatrix::pack(&values, rows, cols, precision);
            store.insert(TensorPart { name, row_start: 0, rows_total: rows, matrix })?;
            on_tensor(done as u64 + 1, total);
        }
        checkpoint.tensors.read_in_pieces(EMBEDDING, (config.vocab_size, config.hidden_size), |_| ())?;
        let weight = store.vector("model.norm.weight", config.hidden_size)?;
        Ok(Self {
            gemma: Gemma::new(&config, last, &mut store)?,
            final_norm: RmsNorm::new(weight, config.rms_norm_eps, device.kernels),
            embedding: checkpoint.tensors,
            d_model: config.hidden_size,
            vocab_size: config.vocab_size,
            layer: pack.manifest().layer,
            final_logit_softcapping: checkpoint.final_logit_softcapping,
            device,
        })
    }

    /// `cap * tanh(logit / cap)` of its logits, where it has that.
    pub fn final_logit_softcapping(&self) -> Option<f64> {
        self.final_logit_softcapping
    }

    /// d_model.
    pub fn d_model(&self) -> usize {
        self.d_model
    }

    /// Tokens of the model.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Of every token but BOS: the residual stream after the pack's layer, and the final normed hidden state, [T - 1, d_model]
    /// each.
    ///
    /// # Errors
    /// [`Error::Input`] for too many tokens or an id past the vocabulary, [`Error::Checkpoint`] when the embedding cannot be
    /// read.
    fn hidden(&self, ids: &[u32]) -> Result<[Tensor<2>; 2]> {
        check_length(ids.len())?;
        if ids.len() < 2 {
            return Err(Error::Input("there are no tokens after BOS".to_owned()));
        }
        let mut rows = Vec::with_capacity(ids.len() * self.d_model);
        for id in ids {
            let id = *id as usize;
            if id >= self.vocab_size {
                return Err(Error::Input(format!("token id {id} lies outside the model's vocabulary")));
            }
            rows.extend(self.embedding.read_rows(EMBEDDING, id..id + 1)?);
        }
        let input = Tensor::from_data(TensorData::new(rows, [ids.len(), self.d_model]), &self.device.burn);
        let mut at_layer = None;
        let last = self.gemma.extend(input, &mut GemmaCache::default(), |layer, hidden| {
            if layer == self.layer {
                at_layer = Some(hidden.clone());
            }
        });
        let x = at_layer.unwrap_or_else(|| last.clone());
        let y = self.final_norm.forward(last);
        let count = ids.len() - 1;
        Ok([x.narrow(0, 1, count), y.narrow(0, 1, count)])
    }

    /// The sums that a lens is fitted from, over a text with BOS first; the first text starts them.
    ///
    /// # Errors
    /// [`Error::Input`], [`Error::Checkpoint`], and [`Error::Model`] when the device fails.
    pub async fn add_to(&self, moments: &mut Option<Moments>, ids: &[u32]) -> Result<()> {
        let [x, y] = self.hidden(ids)?;
        let moments = match moments {
            Some(moments) => moments,
            None => {
                let means = read_back_all([x.clone().mean_dim(0), y.clone().mean_dim(0)]).await?;
                moments.insert(Moments::new(&means[0], &means[1]))
            }
        };
        let shifts = moments.shifts().map(|shift| self.row(shift));
        let [shift_x, shift_y] = shifts;
        // Two tensors: WebGPU refuses a kernel that has one buffer bound twice.
        let columns = |x: &Tensor<2>, shift: &Tensor<2>| (x.clone() - shift.clone()).transpose();
        let sums = read_back_all([
            (x.clone() - shift_x.clone()).sum_dim(0),
            (y.clone() - shift_y.clone()).sum_dim(0),
            matmul_nt(columns(&x, &shift_x), columns(&x, &shift_x), self.device.kernels),
            matmul_nt(columns(&x, &shift_x), columns(&y, &shift_y), self.device.kernels),
        ])
        .await?;
        let [sum_x, sum_y, xx, xy] = &sums;
        moments.add(ids.len() - 1, sum_x, sum_y, xx, xy);
        Ok(())
    }

    fn row(&self, values: Vec<f32>) -> Tensor<2> {
        let n = values.len();
        Tensor::from_data(TensorData::new(values, [1, n]), &self.device.burn)
    }

    /// Final normed hidden states of a text with BOS first, and what three readings of the residual stream put in their
    /// place: a lens (its matrix M transposed [d_model, d_model], mean_x, mean_y [d_model]), the final norm alone, the mean
    /// alone; [T - 1, d_model] each.
    ///
    /// # Errors
    /// As [`Self::add_to`].
    pub async fn readings(&self, ids: &[u32], [matrix, mean_x, mean_y]: [&[f32]; 3]) -> Result<[Vec<f32>; 4]> {
        let [x, y] = self.hidden(ids)?;
        let d = self.d_model;
        let matrix = Tensor::<2>::from_data(TensorData::new(matrix.to_vec(), [d, d]), &self.device.burn);
        let [mean_x, mean_y] = [mean_x, mean_y].map(|mean| self.row(mean.to_vec()));
        let through_lens = matmul_nt(x.clone() - mean_x, matrix, self.device.kernels) + mean_y.clone();
        let mean = x.clone() * 0.0 + mean_y;
        read_back_all([y, through_lens, self.final_norm.forward(x), mean]).await
    }

    /// Logits [n, tokens] of hidden states [n, d_model] for the tokens from `first` on.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the embedding cannot be read, [`Error::Model`] when the device fails.
    pub async fn logits(&self, hidden: &[f32], first: usize, tokens: usize) -> Result<Vec<f32>> {
        let d = self.d_model;
        let rows = self.embedding.read_rows(EMBEDDING, first..first + tokens)?;
        let tensor = |values: Vec<f32>| {
            let shape = [values.len() / d, d];
            Tensor::<2>::from_data(TensorData::new(values, shape), &self.device.burn)
        };
        let logits = matmul_nt(tensor(hidden.to_vec()), tensor(rows), self.device.kernels);
        read_back(match self.final_logit_softcapping {
            Some(cap) => (logits / cap).tanh() * cap,
            None => logits,
        })
        .await
    }
}
