//! One text on its way through the networks, extended token by token.
//!
//! Gemma and the SAE are causal: their results for earlier tokens stay valid when later tokens change.
//! [`InferenceSession`] holds keys, values and codes of the tokens so far on the device, and on this side a
//! [`Summary`] of what the page needs; nothing else is read back.

use std::ops::ControlFlow;
use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use lens_analysis::document::NOVEL_TOP_MAX;
use lens_analysis::stats::largest_positive;
use lens_analysis::words::TokenWords;
use lens_analysis::{Attention, FeatureCode, Grams, Source, Summary, SymmetricMatrix, TokenFigures, TokenSource};
use lens_model::gemma::GemmaCache;
use lens_model::linear::matmul_nt;
use lens_model::rows::Rows;
use lens_model::temporal_sae::{Codes, SaeCache, pair_sums, top_entries};
use lens_pack::config::SaeConfig;
use lens_pack::words::WordsEntry;

use crate::gram_state::GramState;
use crate::pack::{LoadedPack, TOKENS_MAX, check_length};
use crate::read_back::{device_error, read_back, read_back_all, read_back_named};
use crate::{Error, Result};

/// Features per token in the document when the SAE itself keeps more.
const NOVEL_TOP: usize = 64;
/// Predictable features per token in the document.
const PRED_TOP: usize = 16;
/// Sources per token in the document.
const SOURCES: usize = 5;

// What is read back, as it is named where it holds numbers that are not finite.
const RESIDUAL: &str = "the residual stream";
const PREDICTABLE: &str = "the SAE's predictable codes";
const NOVEL: &str = "the SAE's novel codes";
const TOTAL: &str = "the SAE's total codes";
const RECONSTRUCTION: &str = "the SAE's reconstruction";

/// The step that [`InferenceSession::extend`] is about to take, for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InferenceStage {
    /// Gemma's layers: done of all. The count runs on over the chunks of a text.
    Layer(usize, usize),
    /// The TemporalSAE.
    Sae,
    /// Sums and products over the codes, and reading them back.
    ReadBack,
}

/// What to compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Novel codes per token, instead of the SAE's own k.
    pub inf_k: Option<usize>,
    /// Keep every tensor for [`InferenceSession::into_output`].
    pub keep_intermediates: bool,
    /// Wait for the device between the stages, so that a clock can attribute time to each (benches only: waiting
    /// costs time).
    pub sync_between_stages: bool,
}

/// Every tensor of a text, as plain row-major f32; T tokens.
#[derive(Debug, Clone)]
pub struct RunOutput {
    /// The input of the analysis.
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

/// Runs Gemma and the SAE on the embedding rows [T, d_model] of a whole text and reads everything back.
///
/// # Errors
/// As [`InferenceSession::new`] and [`InferenceSession::extend`].
pub async fn run(pack: &Arc<LoadedPack>, embedding_rows: &[f32], options: RunOptions) -> Result<RunOutput> {
    let options = RunOptions { keep_intermediates: true, ..options };
    let mut session = InferenceSession::new(pack.clone(), options)?;
    if embedding_rows.is_empty() {
        check_length(0)?;
    }
    // The callback never breaks.
    let _ = session.extend(embedding_rows, |_| ControlFlow::Continue(())).await?;
    session.into_output().await
}

/// One text on its way through the networks of a pack.
pub struct InferenceSession {
    pack: Arc<LoadedPack>,
    options: RunOptions,
    /// Tokens that there is to be capacity for.
    reserved: usize,
    gemma: GemmaCache,
    sae: SaeCache,
    pub(crate) grams: GramState,
    summary: Summary,
    /// Readouts of the first tokens: see [`Self::read_words`].
    pub(crate) words: Vec<TokenWords>,
    /// What the start of the text alone foretells: words in the vocabulary, best first.
    pub(crate) start_words: Vec<usize>,
    /// Predictable and novel part of the reconstruction [T, d_model], where the pack has words: what they are read from.
    pub(crate) parts: [Rows; 2],
    /// Embedding rows of the tokens, where the pack has a fitted lens: what it makes of the tokens that come.
    pub(crate) embeddings: Rows,
    /// With `keep_intermediates`: the residual stream and the SAE's results.
    intermediates: Option<(Tensor<2>, Codes)>,
}

impl InferenceSession {
    /// A session without tokens.
    ///
    /// # Errors
    /// [`Error::Input`] for options that do not fit.
    pub fn new(pack: Arc<LoadedPack>, options: RunOptions) -> Result<Self> {
        pack.check_inf_k(options.inf_k)?;
        Ok(Self {
            options,
            reserved: 0,
            gemma: GemmaCache::default(),
            sae: SaeCache::default(),
            grams: GramState::default(),
            summary: Summary::new(pack.manifest().gemma.hidden_size),
            words: Vec::new(),
            start_words: Vec::new(),
            parts: [Rows::default(), Rows::default()],
            embeddings: Rows::default(),
            intermediates: None,
            pack,
        })
    }

    /// Drops every token and takes other options, for another text. The memory on the device stays: in a browser
    /// it is unknown when dropped buffers are free again.
    ///
    /// # Errors
    /// [`Error::Input`] for options that do not fit; the session is unchanged then.
    pub fn reset(&mut self, options: RunOptions) -> Result<()> {
        self.pack.check_inf_k(options.inf_k)?;
        self.truncate(0);
        self.options = options;
        self.intermediates = None;
        Ok(())
    }

    /// The pack that it runs on.
    pub fn pack(&self) -> &Arc<LoadedPack> {
        &self.pack
    }

    /// The options.
    pub fn options(&self) -> RunOptions {
        self.options
    }

    /// Number of tokens that went through.
    pub fn len(&self) -> usize {
        self.summary.len()
    }

    /// Whether none did.
    pub fn is_empty(&self) -> bool {
        self.summary.is_empty()
    }

    /// The input of the analysis.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Drops all but the first `tokens`.
    pub fn truncate(&mut self, tokens: usize) {
        self.summary.truncate(tokens);
        self.words.truncate(tokens);
        self.parts.iter_mut().for_each(|rows| rows.truncate(tokens));
        self.embeddings.truncate(tokens);
        self.gemma.truncate(tokens);
        self.sae.truncate(tokens);
    }

    /// Whether Gemma's results here are those of a run with `options`; `inf_k` may differ, as it concerns only the
    /// SAE: see [`Self::reencode`].
    pub fn is_compatible_with(&self, options: RunOptions) -> bool {
        RunOptions { inf_k: options.inf_k, ..self.options } == options
    }

    /// Appends the tokens whose embedding rows [T, d_model] (unscaled, as in the checkpoint) follow those so far.
    /// `progress` is called before each step and may stop it. After an error or a stop the session holds whole
    /// chunks.
    ///
    /// # Errors
    /// [`Error::Input`] for too many tokens, [`Error::Model`] when the device fails.
    pub async fn extend(
        &mut self,
        embedding_rows: &[f32],
        mut progress: impl FnMut(InferenceStage) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let pack = self.pack.clone();
        let d_model = pack.manifest().gemma.hidden_size;
        let tokens = embedding_rows.len() / d_model;
        if tokens == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let total = self.len() + tokens;
        check_length(total)?;
        self.reserve(total);
        let chunk = self.chunk_tokens(tokens);
        let layers = pack.gemma.num_layers();
        let steps = layers * tokens.div_ceil(chunk);
        let mut done = 0;
        for chunk_rows in embedding_rows.chunks(chunk * d_model) {
            let rows = TensorData::new(chunk_rows.to_vec(), [chunk_rows.len() / d_model, d_model]);
            let mut stopped = progress(InferenceStage::Layer(done, steps)).is_break();
            let rows = Tensor::from_data(rows, &pack.device.burn);
            if pack.manifest().words.as_ref().is_some_and(WordsEntry::has_lens) {
                self.embeddings.push(rows.clone(), self.reserved);
            }
            let residual = pack.gemma.extend(rows, &mut self.gemma, |_, _| {
                done += 1;
                stopped |= progress(InferenceStage::Layer(done, steps)).is_break();
            });
            self.synchronize(&residual).await?;
            match self.encode(residual, stopped, &mut progress).await {
                Ok(ControlFlow::Continue(())) => {}
                Err(Error::NotFinite(what)) => return Err(pack.not_finite(what, chunk_rows).await),
                stopped_or_failed => return stopped_or_failed,
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Encodes the tokens so far again with `inf_k` novel codes per token. Gemma does not depend on the SAE, so
    /// its residual stream is used again. After an error or a stop the session holds whole chunks.
    ///
    /// # Errors
    /// [`Error::Input`] for an `inf_k` that does not fit (the session is unchanged then), [`Error::Model`] when
    /// the device fails.
    pub async fn reencode(
        &mut self,
        inf_k: Option<usize>,
        mut progress: impl FnMut(InferenceStage) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        self.pack.check_inf_k(inf_k)?;
        let tokens = self.len();
        let residual = self.grams.residual(tokens);
        self.options.inf_k = inf_k;
        self.sae.truncate(0);
        self.summary.truncate(0);
        self.words.clear();
        let Some(residual) = residual else { return Ok(ControlFlow::Continue(())) };
        let chunk = self.chunk_tokens(tokens);
        for from in (0..tokens).step_by(chunk) {
            let residual = residual.clone().narrow(0, from, chunk.min(tokens - from));
            if self.encode(residual, false, &mut progress).await?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Of `tokens` new ones, how many go through the networks together: attention weights need the whole text at
    /// once.
    fn chunk_tokens(&self, tokens: usize) -> usize {
        if self.options.keep_intermediates { tokens } else { self.pack.device.kernels.chunk_tokens() }
    }

    /// Makes capacity for `tokens` in all.
    fn reserve(&mut self, tokens: usize) {
        self.reserved = tokens;
        self.gemma.reserve(tokens);
        self.sae.reserve(tokens);
    }

    /// Back to the last whole chunk.
    fn rollback(&mut self) {
        self.truncate(self.len());
    }

    /// Waits until the device has computed `tensor`, where stages are timed one by one.
    async fn synchronize(&self, tensor: &Tensor<2>) -> Result<()> {
        if self.options.sync_between_stages {
            read_back(tensor.clone().narrow(0, 0, 1)).await?;
        }
        Ok(())
    }

    /// Takes the residual stream [T, d_model] of a chunk through the SAE, unless `stopped` is set or `progress`
    /// breaks: then, and after an error, the session goes back to its last whole chunk.
    async fn encode(
        &mut self,
        residual: Tensor<2>,
        stopped: bool,
        progress: &mut impl FnMut(InferenceStage) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        if progress(InferenceStage::Sae).is_break() || stopped {
            self.rollback();
            return Ok(ControlFlow::Break(()));
        }
        // Too late to stop here: what is read back is used.
        let on_read_back = || {
            let _ = progress(InferenceStage::ReadBack);
        };
        let encoded = self.encode_chunk(residual, on_read_back).await;
        if encoded.is_err() {
            self.rollback();
        }
        encoded.map(ControlFlow::Continue)
    }

    /// Takes the residual stream [T, d] of new tokens through the SAE; `on_read_back` is called when summing up and
    /// reading back begin.
    async fn encode_chunk(&mut self, residual: Tensor<2>, on_read_back: impl FnOnce()) -> Result<()> {
        let (before, kernels) = (self.len(), self.pack.device.kernels);
        let codes = self.pack.sae.extend(residual.clone(), &mut self.sae, self.options.inf_k)?;
        self.synchronize(&codes.recons).await?;
        on_read_back();
        if self.pack.manifest().words.is_some() {
            for (rows, new) in self.parts.iter_mut().zip([&codes.pred_recons, &codes.novel_recons]) {
                rows.truncate(before);
                rows.push(new.clone(), self.reserved);
            }
        }
        let new = [&codes.pred_codes, &codes.novel_codes, &residual];
        let [pp, nn, np, pn, rr] = self.grams.push(new, before, self.reserved, kernels);
        let new_tokens = residual.dims()[0];
        let total = before + new_tokens;
        let pred_top = PRED_TOP.min(codes.pred_codes.dims()[1]);
        // One more than are listed: the empty context may be among them.
        let sources = (SOURCES + 1).min(total);
        let attention = top_entries(self.pack.sae.mean_attention(&self.sae, new_tokens)?, sources);
        let top = self.options.inf_k.unwrap_or(0).clamp(NOVEL_TOP, NOVEL_TOP_MAX).min(codes.novel_codes.dims()[1]);
        // Sums of a tensor, of another, and of both together: the figures of a token are made of those that are named here.
        let [of_residual, of_codes, of_parts, novel_top, predictable_top, attention, pp, nn, np, pn, rr] =
            read_back_named([
                // First what the others are made of: the first that is not finite is named.
                (
                    &[RESIDUAL, RECONSTRUCTION, RECONSTRUCTION],
                    pair_sums(residual.clone(), codes.recons.clone(), -1.0, kernels),
                ),
                (
                    &[PREDICTABLE, NOVEL, TOTAL],
                    pair_sums(codes.pred_codes.clone(), codes.novel_codes.clone(), 1.0, kernels),
                ),
                (
                    &["the SAE's predictable part", "the SAE's novel part", RECONSTRUCTION],
                    pair_sums(codes.pred_recons.clone(), codes.novel_recons.clone(), 1.0, kernels),
                ),
                (&[NOVEL], top_entries(codes.novel_codes.clone(), top)),
                (&[PREDICTABLE], top_entries(codes.pred_codes.clone(), pred_top)),
                (&["the SAE's attention"], attention),
                (&[PREDICTABLE], pp),
                (&[NOVEL], nn),
                (&[TOTAL], np),
                (&[TOTAL], pn),
                (&[RESIDUAL], rr),
            ])
            .await?;
        let [of_codes, of_residual, of_parts] = [&of_codes, &of_residual, &of_parts].map(|sums| triples(sums));
        let figures = (0..new_tokens).map(|t| {
            let [[pred_count, ..], [novel_count, ..], [total_count, ..]] = of_codes[t];
            let [[_, residual_sum, residual], _, [.., error]] = of_residual[t];
            let [[.., predictable], [.., novel], _] = of_parts[t];
            TokenFigures {
                l0_novel: novel_count as usize,
                l0_pred: pred_count as usize,
                l0_total: total_count as usize,
                residual_sum,
                residual,
                error,
                predictable,
                novel,
                novel_top: largest_positive(pairs(&novel_top[2 * top * t..][..2 * top]), top),
                pred_top: by_magnitude(pairs(&predictable_top[2 * pred_top * t..][..2 * pred_top])),
                sources: strongest_sources(pairs(&attention[2 * sources * t..][..2 * sources])),
            }
        });
        // Total codes are the sum of both kinds.
        let of_one_kind = pp.iter().zip(&nn).map(|(pp, nn)| pp + nn);
        let of_both = np.iter().zip(&pn).map(|(np, pn)| np + pn);
        let tt = of_one_kind.zip(of_both).map(|(one, both)| one + both).collect();
        self.summary.extend(figures.collect(), [pp, nn, tt, rr]);
        if self.options.keep_intermediates {
            self.intermediates = Some((residual, codes));
        }
        Ok(())
    }

    /// Inner products [A + B, A + B] of the tokens of this text and then those of another, for each
    /// [`Source`], centered over both texts together.
    ///
    /// # Errors
    /// [`Error::Input`] when one of the texts is empty or both together are too long,
    /// [`Error::Model`] when the device fails.
    pub async fn joint_grams(&self, other: &Self) -> Result<Grams> {
        let together = self.len() + other.len();
        if together > TOKENS_MAX {
            return Err(Error::Input(format!(
                "the two texts have {together} tokens together, at most {TOKENS_MAX} can be compared; shorten one"
            )));
        }
        let (Some([pred, novel, residual]), Some([other_pred, other_novel, other_residual])) =
            (self.grams.first(self.len()), other.grams.first(other.len()))
        else {
            return Err(Error::Input("one of the texts to compare is empty".to_owned()));
        };
        let join = |a, b| Tensor::cat(vec![a, b], 0);
        let (pred, novel) = (join(pred, other_pred), join(novel, other_novel));
        let sources = [pred.clone(), novel.clone(), pred + novel, join(residual, other_residual)];
        let mut grams = Vec::with_capacity(Source::ALL.len());
        // One at a time: all at once would take four times the memory.
        for source in sources {
            let mean = source.clone().mean_dim(0);
            // Two tensors: WebGPU refuses a kernel that has one buffer bound twice.
            let gram = matmul_nt(source.clone() - mean.clone(), source - mean, self.pack.device.kernels);
            let dense = read_back(gram).await?;
            grams.push(SymmetricMatrix::from_dense(together, &dense).map_err(|e| device_error(e.to_string()))?);
        }
        let grams: [_; 4] = grams.try_into().map_err(|_| device_error("the read-back is incomplete".to_owned()))?;
        Ok(Grams::from_sources(grams))
    }

    /// The SAE's attention weights over the tokens so far.
    ///
    /// # Errors
    /// [`Error::Input`] when there are none, [`Error::Model`] when the device fails.
    pub async fn attention(&self) -> Result<Attention> {
        let [layers, heads] = self.attention_heads();
        let mut levels = Vec::with_capacity(layers * heads);
        self.attention_levels(|head| levels.push(head)).await?;
        Attention::new(layers, heads, self.len(), levels).map_err(|e| device_error(e.to_string()))
    }

    /// Attention layers of the SAE, and heads of each.
    pub fn attention_heads(&self) -> [usize; 2] {
        let SaeConfig { n_attn_layers, n_heads, .. } = *self.pack.sae.config();
        [n_attn_layers, n_heads]
    }

    /// The levels of [`Self::attention`], one matrix after another, the heads of a layer together: `take` gets
    /// each before the next one is read back.
    ///
    /// # Errors
    /// As [`Self::attention`].
    pub async fn attention_levels(&self, mut take: impl FnMut(Vec<u16>)) -> Result<()> {
        self.each_attention(|head| take(Attention::levels_of(&head, self.len()))).await
    }

    /// The SAE's attention weights [T, T], one layer and head after another, each read back and handed to `take`
    /// before the next is computed.
    async fn each_attention(&self, mut take: impl FnMut(Vec<f32>)) -> Result<()> {
        let sae = &self.pack.sae;
        for layer in 0..sae.config().n_attn_layers {
            for head in 0..sae.config().n_heads {
                take(read_back(sae.attention(&self.sae, layer, head)?).await?);
            }
        }
        Ok(())
    }

    /// Every tensor of a text that went through in one [`Self::extend`] with [`RunOptions::keep_intermediates`].
    ///
    /// # Errors
    /// [`Error::Input`] without that option, [`Error::Model`] when the device fails.
    pub async fn into_output(self) -> Result<RunOutput> {
        let mut attn_graphs = Vec::new();
        self.each_attention(|weights| attn_graphs.extend(weights)).await?;
        let Some((residual, codes)) = self.intermediates else {
            return Err(Error::Input(
                "the tensors of this text are not in memory: it was analyzed without keep_intermediates".to_owned(),
            ));
        };
        let sae = self.pack.sae.config();
        let [tokens, d_model] = residual.dims();
        let [residual, recons, pred_codes, novel_codes, pred_recons, novel_recons] = read_back_all([
            residual,
            codes.recons,
            codes.pred_codes,
            codes.novel_codes,
            codes.pred_recons,
            codes.novel_recons,
        ])
        .await?;
        Ok(RunOutput {
            summary: self.summary,
            tokens,
            d_model,
            width: sae.width,
            sae_attention: (sae.n_attn_layers, sae.n_heads),
            residual,
            recons,
            pred_codes,
            novel_codes,
            pred_recons,
            novel_recons,
            attn_graphs,
        })
    }
}

/// Rows of nine sums, three for each of three tensors.
fn triples(sums: &[f32]) -> Vec<[[f32; 3]; 3]> {
    let row = |row: &[f32; 9]| std::array::from_fn(|i| [row[3 * i], row[3 * i + 1], row[3 * i + 2]]);
    sums.as_chunks::<9>().0.iter().map(row).collect()
}

/// Codes other than zero, the largest magnitude first.
fn by_magnitude(codes: impl Iterator<Item = (usize, f32)>) -> Vec<FeatureCode> {
    let mut all: Vec<FeatureCode> =
        codes.filter(|(_, value)| *value != 0.0).map(|(feature, value)| FeatureCode { feature, value }).collect();
    all.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()).then(a.feature.cmp(&b.feature)));
    all
}

/// The earlier tokens that a prediction rests on most; column 0 is the empty context, token j is in column j + 1.
fn strongest_sources(weights: impl Iterator<Item = (usize, f32)>) -> Vec<TokenSource> {
    let of_tokens = weights.filter_map(|(column, weight)| Some((column.checked_sub(1)?, weight)));
    let strongest = largest_positive(of_tokens, SOURCES).into_iter();
    strongest.map(|it| TokenSource { position: it.feature, weight: it.value }).collect()
}

/// Pairs of value and column, as the kernel gives them, to pairs of feature and code.
fn pairs(entries: &[f32]) -> impl Iterator<Item = (usize, f32)> {
    entries.as_chunks::<2>().0.iter().map(|[value, column]| (*column as usize, *value))
}
