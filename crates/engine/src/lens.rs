//! [`LensBuilder`] takes a pack's files as they arrive; [`Lens`] runs it.

use burn::tensor::{Device, Tensor, TensorData};
use lens_analysis::{Analysis, Grams, ModelInfo, document, gram, stats};
use lens_model::{Gemma, TemporalSae, WeightStore};
use lens_tokenizer::{Tokenizer, Tokens};
use lens_weights::manifest::Manifest;
use lens_weights::unpack;

use crate::mix::Mix;
use crate::{Error, Result};

/// Longest text, in tokens: what the attention kernel takes.
pub const TOKENS_MAX: usize = lens_model::attention::ATTENTION_TOKENS_MAX;

/// Features kept a token in the document when the SAE itself keeps more.
const NOVEL_TOP_MAX: usize = 64;

/// What is going on inside [`Lens::run`], for a progress bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Gemma's layers: done of all.
    Layer(usize, usize),
    /// The TemporalSAE and the read-back of its results.
    Sae,
}

/// What to compute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Novel codes kept a token, instead of the SAE's own k.
    pub inf_k: Option<usize>,
    /// Also return the SAE's attention weights.
    pub attn_graphs: bool,
}

/// Everything the networks said about one text, as plain row-major f32; T tokens.
#[derive(Debug, Clone)]
pub struct Run {
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
    /// [layers, heads, T, T]; empty unless asked for.
    pub attn_graphs: Vec<f32>,
}

/// Collects the files of a pack, in any order of shards that keeps each tensor's rows in order.
pub struct LensBuilder {
    manifest: Manifest,
    pack_hash: String,
    store: WeightStore,
    tokenizer: Option<Tokenizer>,
    mix: Option<Mix>,
}

impl LensBuilder {
    /// Starts with the manifest's text; `file` names it in errors.
    ///
    /// # Errors
    /// [`Error::Pack`] when it is not a manifest this program reads.
    pub fn new(manifest_json: &str, file: &str, device: Device) -> Result<Self> {
        let manifest = Manifest::from_json(manifest_json, file)?;
        let pack_hash = unpack::sha256_hex(manifest_json.as_bytes());
        Ok(Self { manifest, pack_hash, store: WeightStore::new(device), tokenizer: None, mix: None })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Stores the matrices of an f32 pack as `mix` says: what a pack made so would compute.
    pub fn requantize(&mut self, mix: Mix) {
        self.mix = Some(mix);
    }

    /// Takes the content of shard number `shard`; checks it and sends its tensors to the device.
    ///
    /// # Errors
    /// [`Error::Pack`] when length or checksum differ from the manifest.
    pub fn add_shard(&mut self, shard: usize, bytes: &[u8]) -> Result<()> {
        let entry =
            self.manifest.shards.get(shard).ok_or_else(|| Error::Input(format!("the pack has no shard {shard}")))?;
        unpack::check_file(entry, bytes)?;
        self.add_checked_shard(shard, bytes)
    }

    /// Takes the content of shard number `shard`, whose length and checksum were compared as it
    /// streamed in, and sends its tensors to the device one after another.
    ///
    /// # Errors
    /// [`Error::Pack`] when a tensor lies outside the bytes.
    pub fn add_checked_shard(&mut self, shard: usize, bytes: &[u8]) -> Result<()> {
        for part in unpack::shard_parts(&self.manifest, shard, bytes) {
            let mut part = part?;
            if let Some(mix) = &self.mix {
                mix.apply(&mut part);
            }
            self.store.insert(part)?;
        }
        Ok(())
    }

    /// Takes the tokenizer file.
    ///
    /// # Errors
    /// [`Error::Pack`] or [`Error::Tokenizer`] when it is not what the manifest says.
    pub fn set_tokenizer(&mut self, bytes: &[u8]) -> Result<()> {
        let entry = &self.manifest.tokenizer;
        unpack::check_file(entry, bytes)?;
        self.tokenizer = Some(Tokenizer::from_bytes(bytes, &entry.file)?);
        Ok(())
    }

    /// Builds the networks from what has arrived.
    ///
    /// # Errors
    /// [`Error::Model`] when a tensor is missing or has another shape than the manifest's
    /// configuration calls for.
    pub fn finish(mut self) -> Result<Lens> {
        let gemma = Gemma::new(&self.manifest.gemma, self.manifest.layer, &mut self.store)?;
        let sae = TemporalSae::new(&self.manifest.sae, &mut self.store)?;
        let device = self.store.device().clone();
        Ok(Lens {
            weight_bytes: self.store.bytes(),
            manifest: self.manifest,
            pack_hash: self.pack_hash,
            tokenizer: self.tokenizer,
            gemma,
            sae,
            device,
        })
    }
}

/// A loaded pack on a device.
pub struct Lens {
    manifest: Manifest,
    pack_hash: String,
    tokenizer: Option<Tokenizer>,
    gemma: Gemma,
    sae: TemporalSae,
    device: Device,
    weight_bytes: usize,
}

impl Lens {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// sha256 of the manifest's text: names the pack.
    pub fn pack_hash(&self) -> &str {
        &self.pack_hash
    }

    /// Bytes of weights on the device.
    pub fn weight_bytes(&self) -> usize {
        self.weight_bytes
    }

    /// Tokens of `text`, taken verbatim.
    ///
    /// # Errors
    /// [`Error::Input`] for a text that is empty or longer than [`TOKENS_MAX`] tokens.
    pub fn tokenize(&self, text: &str) -> Result<Tokens> {
        let tokenizer =
            self.tokenizer.as_ref().ok_or_else(|| Error::Input("the tokenizer was not loaded".to_owned()))?;
        if text.is_empty() {
            return Err(Error::Input("the text is empty; type or pass some text".to_owned()));
        }
        let tokens = tokenizer.encode(text, self.manifest.gemma.bos_token_id)?;
        check_length(tokens.ids.len())?;
        Ok(tokens)
    }

    /// Token strings of given ids, where the tokenizer is loaded.
    pub fn describe(&self, ids: &[u32]) -> Tokens {
        match &self.tokenizer {
            Some(tokenizer) => tokenizer.describe(ids.to_vec()),
            None => Tokens { ids: ids.to_vec(), tokens: ids.iter().map(|id| format!("<{id}>")).collect() },
        }
    }

    /// Decodes the raw bytes of embedding rows, one slice a token, to [T, d_model].
    ///
    /// # Errors
    /// [`Error::Pack`] when a slice is not one row long.
    pub fn embedding_rows<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<f32>> {
        let entry = &self.manifest.embedding;
        let mut values = Vec::new();
        for row in rows {
            let decoded = unpack::embedding_row(entry, row).ok_or_else(|| lens_weights::Error::Malformed {
                file: "embedding".to_owned(),
                problem: format!("a row has {} bytes, the manifest says {}", row.len(), entry.row_bytes),
            })?;
            values.extend(decoded);
        }
        Ok(values)
    }

    /// Runs Gemma and the SAE on embedding rows [T, d_model] (unscaled, as in the checkpoint).
    ///
    /// # Errors
    /// [`Error::Input`] for options that do not fit, [`Error::Model`] when the device fails.
    pub async fn run(
        &self,
        embedding_rows: Vec<f32>,
        options: RunOptions,
        mut progress: impl FnMut(Stage),
    ) -> Result<Run> {
        let d_model = self.manifest.gemma.hidden_size;
        let tokens = embedding_rows.len() / d_model;
        check_length(tokens)?;
        self.check_inf_k(options.inf_k)?;
        let layers = self.gemma.num_layers();
        let input = Tensor::<2>::from_data(TensorData::new(embedding_rows, [tokens, d_model]), &self.device);
        let residual = self.gemma.forward(input, |layer, _| progress(Stage::Layer(layer + 1, layers)));
        progress(Stage::Sae);
        let codes = self.sae.forward(residual.clone(), options.inf_k, options.attn_graphs)?;
        let mut attn_graphs = Vec::new();
        for graph in codes.attn_graphs {
            attn_graphs.extend(read(graph).await?);
        }
        let sae = self.sae.config();
        Ok(Run {
            tokens,
            d_model,
            width: sae.width,
            sae_attention: (sae.n_attn_layers, sae.n_heads),
            residual: read(residual).await?,
            recons: read(codes.recons).await?,
            pred_codes: read(codes.pred_codes).await?,
            novel_codes: read(codes.novel_codes).await?,
            pred_recons: read(codes.pred_recons).await?,
            novel_recons: read(codes.novel_recons).await?,
            attn_graphs,
        })
    }

    /// The residual stream after every layer, [T, d_model] each: what parity tests compare.
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    pub async fn residuals(&self, embedding_rows: Vec<f32>) -> Result<Vec<Vec<f32>>> {
        let d_model = self.manifest.gemma.hidden_size;
        let tokens = embedding_rows.len() / d_model;
        let input = Tensor::<2>::from_data(TensorData::new(embedding_rows, [tokens, d_model]), &self.device);
        let mut layers = Vec::new();
        self.gemma.forward(input, |_, hidden| layers.push(hidden.clone()));
        let mut read_back = Vec::with_capacity(layers.len());
        for layer in layers {
            read_back.push(read(layer).await?);
        }
        Ok(read_back)
    }

    fn check_inf_k(&self, inf_k: Option<usize>) -> Result<()> {
        let width = self.manifest.sae.width;
        match inf_k {
            Some(0) => Err(Error::Input("inf_k must be at least 1".to_owned())),
            Some(k) if k > width => Err(Error::Input(format!("inf_k is {k}, but the SAE has {width} features"))),
            _ => Ok(()),
        }
    }

    /// The analysis document of a run; `grams` adds the Gram matrices that every view draws from.
    pub fn analysis(&self, text: &str, tokens: &Tokens, run: &Run, options: RunOptions, grams: bool) -> Analysis {
        let (t, d, width) = (run.tokens, run.d_model, run.width);
        let total: Vec<f32> = run.novel_codes.iter().zip(&run.pred_codes).map(|(n, p)| n + p).collect();
        let centred_gram = |values: &[f32], columns: usize| gram::gram(&gram::centre(values, t, columns), t, columns);
        let predictable = centred_gram(&run.pred_codes, width);
        let similarity = gram::cosine(&predictable, t);
        let novel_top =
            stats::top_features(&run.novel_codes, width, options.inf_k.unwrap_or(NOVEL_TOP_MAX).max(NOVEL_TOP_MAX));
        Analysis {
            format: document::FORMAT.to_owned(),
            text: text.to_owned(),
            model: ModelInfo {
                name: self.manifest.model_name.clone(),
                pack_hash: self.pack_hash.clone(),
                layer: self.manifest.layer,
                precision: self.manifest.precision.to_string(),
                width,
                neuronpedia: self.manifest.neuronpedia.as_ref().map(|n| format!("{}/{}", n.model, n.source)),
            },
            inf_k: options.inf_k,
            token_ids: tokens.ids.clone(),
            tokens: tokens.tokens.clone(),
            variance_explained: stats::variance_explained(&run.residual, &run.recons, d),
            l0_novel: stats::l0(&run.novel_codes, width),
            l0_pred: stats::l0(&run.pred_codes, width),
            l0_total: stats::l0(&total, width),
            selected: stats::select(&novel_top),
            similarity_stats: stats::similarity_stats(&similarity),
            similarity: similarity.chunks(t).map(<[f32]>::to_vec).collect(),
            novel_top,
            energy: None,
            grams: grams.then(|| Grams {
                predictable: Grams::encode(&predictable, t),
                novel: Grams::encode(&centred_gram(&run.novel_codes, width), t),
                total: Grams::encode(&centred_gram(&total, width), t),
                residual: Grams::encode(&centred_gram(&run.residual, d), t),
            }),
        }
    }
}

fn check_length(tokens: usize) -> Result<()> {
    match tokens {
        0 => Err(Error::Input("there are no tokens to run on".to_owned())),
        1..=TOKENS_MAX => Ok(()),
        _ => {
            Err(Error::Input(format!("the text has {tokens} tokens, at most {TOKENS_MAX} can be analysed; shorten it")))
        }
    }
}

/// Reads a tensor back; never blocks, as the browser forbids it.
async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let device_error = |e: String| Error::Model(lens_model::Error::Device(e));
    let data = tensor.into_data_async().await.map_err(|e| device_error(e.to_string()))?;
    data.try_into_vec::<f32>().map_err(|e| device_error(format!("{e:?}")))
}
