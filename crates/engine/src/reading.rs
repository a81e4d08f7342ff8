//! A text on its way through the networks, extended token by token.
//!
//! Gemma and the SAE are causal: what they said of earlier tokens stays true when later ones
//! change. [`Reading`] keeps their keys and values and the codes on the device, and on this side a
//! [`Summary`] of what the page needs; nothing else crosses back.

use burn::tensor::{Tensor, Transaction};
use lens_analysis::{NovelFeature, Summary, TokenFigures};
use lens_model::gemma::GemmaCache;
use lens_model::linear::products;
use lens_model::rows::Rows;
use lens_model::temporal_sae::{Codes, SaeCache, TemporalSae, row_sums, top_entries};

use crate::lens::TOKENS_MAX;
use crate::{Error, Result};

/// Features kept a token in the document when the SAE itself keeps more.
const NOVEL_TOP_MAX: usize = 64;

/// What is going on inside [`crate::Lens::extend`], for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Gemma's layers: done of all. Each chunk of a text begins with what the chunks before it have done.
    Layer(usize, usize),
    /// The TemporalSAE.
    Sae,
    /// Sums and products over the codes, and reading them back.
    ReadBack,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continue {
    /// Go on.
    Yes,
    /// Stop: somebody no longer wants the answer.
    No,
}

/// What to compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Novel codes kept a token, instead of the SAE's own k.
    pub inf_k: Option<usize>,
    /// Keep every tensor for [`Reading::read_back`].
    pub everything: bool,
    /// Wait for the device between the stages, so that a clock can tell them apart (benches only: it
    /// costs time).
    pub apart: bool,
}

/// Everything the networks said about one text, as plain row-major f32; T tokens.
#[derive(Debug, Clone)]
pub struct Run {
    /// What the analysis is made of.
    pub summary: Summary,
    /// T.
    pub tokens: usize,
    /// d, the width of the residual stream.
    pub d_model: usize,
    /// Number of features.
    pub width: usize,
    /// Attention layers and heads of the SAE.
    pub sae_attention: (usize, usize),
    /// [T, d]
    pub residual: Vec<f32>,
    /// [T, d]
    pub recons: Vec<f32>,
    /// [T, width]
    pub pred_codes: Vec<f32>,
    /// [T, width]
    pub novel_codes: Vec<f32>,
    /// [T, d]
    pub pred_recons: Vec<f32>,
    /// [T, d]
    pub novel_recons: Vec<f32>,
    /// [layers, heads, T, T]
    pub attn_graphs: Vec<f32>,
}

/// What products with later tokens need of earlier ones.
#[derive(Default)]
struct Seen {
    /// Predictable codes, novel codes and residual stream, [T, ..] each, less `shift`.
    rows: [Rows; 3],
    /// What is subtracted before products are taken, [1, ..] each: the mean of the first tokens. Without
    /// it, what all tokens share would drown in rounding what tells them apart.
    shift: Option<[Tensor<2>; 3]>,
}

impl Seen {
    /// The products of new predictable codes, novel codes and residual stream with those of every token so
    /// far, themselves included: [new, all] of predictable and of novel codes, of total codes with either,
    /// and of the residual stream. The first `before` tokens stay; `expected` are to come in all.
    fn products(&mut self, new: [&Tensor<2>; 3], before: usize, expected: usize) -> [Tensor<2>; 5] {
        if before == 0 {
            self.shift = None;
        }
        let shift = self.shift.get_or_insert_with(|| new.map(|x| x.clone().mean_dim(0)));
        let new: [_; 3] = std::array::from_fn(|i| new[i].clone() - shift[i].clone());
        let all: [_; 3] = std::array::from_fn(|i| {
            let rows = &mut self.rows[i];
            rows.truncate(before);
            let padded = rows.push(new[i].clone(), expected);
            padded.narrow(0, 0, rows.len())
        });
        let [pred, novel, residual] = new;
        let [all_pred, all_novel, all_residual] = all;
        // By its parts, so that nobody has to keep the total.
        let total = pred.clone() + novel.clone();
        [
            products(pred, all_pred.clone()),
            products(novel, all_novel.clone()),
            products(total.clone(), all_pred),
            products(total, all_novel),
            products(residual, all_residual),
        ]
    }

    /// The first `tokens` rows as they came; `None` where there are none.
    fn first(&self, tokens: usize) -> Option<[Tensor<2>; 3]> {
        let shift = self.shift.as_ref().filter(|_| tokens > 0)?;
        let row = |i: usize| Some(self.rows[i].tensor()?.narrow(0, 0, tokens) + shift[i].clone());
        Some([row(0)?, row(1)?, row(2)?])
    }
}

/// A text on its way through the networks.
pub struct Reading {
    options: RunOptions,
    /// Tokens that are to come in all.
    expected: usize,
    gemma: GemmaCache,
    sae: SaeCache,
    seen: Seen,
    summary: Summary,
    /// With `everything`: the residual stream and the SAE's results.
    whole: Option<(Tensor<2>, Codes)>,
}

impl Reading {
    pub(crate) fn new(d_model: usize, options: RunOptions) -> Self {
        Self {
            options,
            expected: 0,
            gemma: GemmaCache::default(),
            sae: SaeCache::default(),
            seen: Seen::default(),
            summary: Summary::new(d_model),
            whole: None,
        }
    }

    /// What was asked for.
    pub fn options(&self) -> RunOptions {
        self.options
    }

    /// Number of tokens read.
    pub fn len(&self) -> usize {
        self.summary.len()
    }

    /// Whether none were read.
    pub fn is_empty(&self) -> bool {
        self.summary.is_empty()
    }

    /// What the analysis is made of.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Forgets all but the first `tokens`.
    pub fn truncate(&mut self, tokens: usize) {
        self.summary.truncate(tokens);
        self.gemma.truncate(tokens);
        self.sae.truncate(tokens);
    }

    /// Whether what it holds of Gemma serves a text read with `options`: novel codes are kept by the SAE.
    pub fn serves(&self, options: RunOptions) -> bool {
        RunOptions { inf_k: options.inf_k, ..self.options } == options
    }

    /// Takes back what the SAE said, to let it say it again with `inf_k` novel codes a token: the residual stream
    /// [T, d] of the tokens read, `None` where there are none.
    pub(crate) fn take_back_codes(&mut self, inf_k: Option<usize>) -> Option<Tensor<2>> {
        let residual = self.seen.first(self.len()).map(|[_, _, residual]| residual);
        self.options.inf_k = inf_k;
        self.sae.truncate(0);
        self.summary.truncate(0);
        residual
    }

    /// Forgets everything, to read another text with other options.
    pub(crate) fn start_over(&mut self, options: RunOptions) {
        self.truncate(0);
        self.options = options;
        self.whole = None;
    }

    /// Says that `tokens` are to come in all.
    pub(crate) fn expect(&mut self, tokens: usize) {
        self.expected = tokens;
        self.gemma.expect(tokens);
        self.sae.expect(tokens);
    }

    pub(crate) fn gemma(&mut self) -> &mut GemmaCache {
        &mut self.gemma
    }

    /// Back to the last whole chunk.
    pub(crate) fn forget_unfinished(&mut self) {
        self.truncate(self.len());
    }

    /// Waits until the device has computed `tensor`, where stages are to be told apart.
    pub(crate) async fn settle(&self, tensor: &Tensor<2>) -> Result<()> {
        if self.options.apart {
            read(tensor.clone().narrow(0, 0, 1)).await?;
        }
        Ok(())
    }

    /// Takes the residual stream [T, d] of new tokens through the SAE; `on_read_back` hears when what is
    /// left is to sum up and to read back.
    pub(crate) async fn add(
        &mut self,
        sae: &TemporalSae,
        residual: Tensor<2>,
        on_read_back: impl FnOnce(),
    ) -> Result<()> {
        let added = self.try_add(sae, residual, on_read_back).await;
        if added.is_err() {
            self.forget_unfinished();
        }
        added
    }

    async fn try_add(&mut self, sae: &TemporalSae, residual: Tensor<2>, on_read_back: impl FnOnce()) -> Result<()> {
        let before = self.len();
        let codes = sae.extend(residual.clone(), &mut self.sae, self.options.inf_k)?;
        self.settle(&codes.recons).await?;
        on_read_back();
        let new = [&codes.pred_codes, &codes.novel_codes, &residual];
        let products = self.seen.products(new, before, self.expected);
        let new_tokens = residual.dims()[0];
        let top = self.options.inf_k.unwrap_or(0).max(NOVEL_TOP_MAX).min(codes.novel_codes.dims()[1]);
        // One read-back for all of it.
        let mut reads = Transaction::default()
            .register(row_sums(residual.clone()))
            .register(row_sums(residual.clone() - codes.recons.clone()))
            .register(row_sums(codes.pred_recons.clone()))
            .register(row_sums(codes.novel_recons.clone()))
            .register(row_sums(codes.pred_codes.clone()))
            .register(row_sums(codes.novel_codes.clone()))
            .register(row_sums(codes.pred_codes.clone() + codes.novel_codes.clone()))
            .register(top_entries(codes.novel_codes.clone(), top));
        for products in products {
            reads = reads.register(products);
        }
        let data = reads.execute_async().await.map_err(|e| device_error(e.to_string()))?;
        let values: Vec<Vec<f32>> = data
            .into_iter()
            .map(|d| d.try_into_vec::<f32>().map_err(|e| device_error(format!("{e:?}"))))
            .collect::<Result<_>>()?;
        let Ok(
            [
                residual_sums,
                error,
                predictable,
                novel,
                pred,
                novel_counts,
                total_counts,
                entries,
                pp,
                nn,
                mut tp,
                tn,
                rr,
            ],
        ) = <[Vec<f32>; 13]>::try_from(values)
        else {
            return Err(device_error("the read-back is incomplete".to_owned()));
        };
        let count = |sums: &[f32], t: usize| sums[3 * t] as usize;
        let figures = (0..new_tokens).map(|t| TokenFigures {
            l0_novel: count(&novel_counts, t),
            l0_pred: count(&pred, t),
            l0_total: count(&total_counts, t),
            residual_sum: residual_sums[3 * t + 1],
            residual: residual_sums[3 * t + 2],
            error: error[3 * t + 2],
            predictable: predictable[3 * t + 2],
            novel: novel[3 * t + 2],
            novel_top: strongest(&entries[2 * top * t..2 * top * (t + 1)]),
        });
        tp.iter_mut().zip(tn).for_each(|(tp, tn)| *tp += tn);
        self.summary.extend(figures.collect(), [pp, nn, tp, rr]);
        if self.options.everything {
            self.whole = Some((residual, codes));
        }
        Ok(())
    }

    /// Inner products [A + B, A + B] of the tokens of this text and then those of another, for each
    /// [`lens_analysis::Source`], centred over both texts together.
    ///
    /// # Errors
    /// [`Error::Input`] when one of the texts is empty or both together are too long,
    /// [`Error::Model`] when the device fails.
    pub async fn joint_grams(&self, other: &Self) -> Result<[Vec<f32>; 4]> {
        let together = self.len() + other.len();
        if together > TOKENS_MAX {
            return Err(Error::Input(format!(
                "the two texts have {together} tokens together, at most {TOKENS_MAX} can be compared; shorten one"
            )));
        }
        let (Some([pred, novel, residual]), Some([other_pred, other_novel, other_residual])) =
            (self.seen.first(self.len()), other.seen.first(other.len()))
        else {
            return Err(Error::Input("one of the texts to compare is empty".to_owned()));
        };
        let join = |a, b| Tensor::cat(vec![a, b], 0);
        let (pred, novel) = (join(pred, other_pred), join(novel, other_novel));
        let sources = [pred.clone(), novel.clone(), pred + novel, join(residual, other_residual)];
        let mut reads = Transaction::default();
        for source in sources {
            let mean = source.clone().mean_dim(0);
            // Two tensors: WebGPU refuses a kernel whose operands lie in each other.
            reads = reads.register(products(source.clone() - mean.clone(), source - mean));
        }
        let data = reads.execute_async().await.map_err(|e| device_error(e.to_string()))?;
        let values: Vec<Vec<f32>> = data
            .into_iter()
            .map(|d| d.try_into_vec::<f32>().map_err(|e| device_error(format!("{e:?}"))))
            .collect::<Result<_>>()?;
        values.try_into().map_err(|_| device_error("the read-back is incomplete".to_owned()))
    }

    /// The SAE's attention weights [T, T], one layer and head after another, each read back before the
    /// next is computed: `take` gets them.
    pub(crate) async fn attention(&self, sae: &TemporalSae, mut take: impl FnMut(Vec<f32>)) -> Result<()> {
        for layer in 0..sae.config().n_attn_layers {
            for head in 0..sae.config().n_heads {
                take(read(sae.attention(&self.sae, layer, head)?).await?);
            }
        }
        Ok(())
    }

    /// Every tensor of a text that was read at once with [`RunOptions::everything`].
    pub(crate) async fn read_back(self, sae: &TemporalSae) -> Result<Run> {
        let mut attn_graphs = Vec::new();
        self.attention(sae, |weights| attn_graphs.extend(weights)).await?;
        let Some((residual, codes)) = self.whole else {
            return Err(Error::Input("the tensors of this text were not kept".to_owned()));
        };
        let sae = sae.config();
        let [tokens, d_model] = residual.dims();
        let reads = Transaction::default()
            .register(residual)
            .register(codes.recons)
            .register(codes.pred_codes)
            .register(codes.novel_codes)
            .register(codes.pred_recons)
            .register(codes.novel_recons);
        let data = reads.execute_async().await.map_err(|e| device_error(e.to_string()))?;
        let mut values = data.into_iter().map(|d| d.try_into_vec::<f32>().map_err(|e| device_error(format!("{e:?}"))));
        let mut next = || values.next().unwrap_or_else(|| Err(device_error("the read-back is incomplete".to_owned())));
        Ok(Run {
            summary: self.summary,
            tokens,
            d_model,
            width: sae.width,
            sae_attention: (sae.n_attn_layers, sae.n_heads),
            residual: next()?,
            recons: next()?,
            pred_codes: next()?,
            novel_codes: next()?,
            pred_recons: next()?,
            novel_recons: next()?,
            attn_graphs,
        })
    }
}

/// Pairs of value and column to features, strongest first; equal ones in column order.
fn strongest(pairs: &[f32]) -> Vec<NovelFeature> {
    let mut features: Vec<NovelFeature> = pairs
        .as_chunks::<2>()
        .0
        .iter()
        .filter(|[value, _]| *value > 0.0)
        .map(|[value, column]| NovelFeature { feature: *column as usize, value: *value })
        .collect();
    features.sort_by(|a, b| b.value.total_cmp(&a.value));
    features
}

fn device_error(problem: String) -> Error {
    Error::Model(lens_model::Error::Device(problem))
}

/// Reads a tensor back; never blocks, as the browser forbids it.
pub(crate) async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await.map_err(|e| device_error(e.to_string()))?;
    data.try_into_vec::<f32>().map_err(|e| device_error(format!("{e:?}")))
}
