//! [`LensBuilder`] takes a pack's files as they arrive; [`Lens`] runs it.

use burn::tensor::{Device, Tensor, TensorData};
use lens_analysis::{Analysis, Attention, Grams, ModelInfo, Source, Summary, TokenFigures, document, gram, stats};
use lens_model::gemma::GemmaCache;
use lens_model::kernels::variant;
use lens_model::{Gemma, TemporalSae, WeightStore};
use lens_pack::config::SaeConfig;
use lens_pack::manifest::Manifest;
use lens_pack::precision_plan::PrecisionPlan;
use lens_pack::unpack;
use lens_tokenizer::{Tokenizer, Tokens};

use crate::reading::{Continue, Reading, Run, RunOptions, Stage, read};
use crate::{Error, Result};

/// Longest text, in tokens: what the attention kernel takes.
pub const TOKENS_MAX: usize = lens_model::attention::ATTENTION_TOKENS_MAX;

/// Collects the files of a pack, in any order of shards that keeps each tensor's rows in order.
pub struct LensBuilder {
    manifest: Manifest,
    pack_hash: String,
    store: WeightStore,
    tokenizer: Option<Tokenizer>,
    mix: Option<PrecisionPlan>,
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
    pub fn requantize(&mut self, mix: PrecisionPlan) {
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
        let final_norm = self.store.vector("model.norm.weight", self.manifest.gemma.hidden_size)?;
        let device = self.store.device().clone();
        Ok(Lens {
            weight_bytes: self.store.bytes(),
            manifest: self.manifest,
            pack_hash: self.pack_hash,
            tokenizer: self.tokenizer,
            gemma,
            sae,
            final_norm,
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
    /// Weight of the final norm [d_model], as the checkpoint has it: a factor less 1.
    final_norm: Tensor<1>,
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
        let tokenizer = self.tokenizer()?;
        if text.is_empty() {
            return Err(Error::Input("the text is empty; type or pass some text".to_owned()));
        }
        let tokens = tokenizer.encode(text, self.manifest.gemma.bos_token_id)?;
        check_length(tokens.ids.len())?;
        Ok(tokens)
    }

    /// The pack's tokenizer.
    ///
    /// # Errors
    /// [`Error::Input`] when it was not loaded.
    pub fn tokenizer(&self) -> Result<&Tokenizer> {
        self.tokenizer.as_ref().ok_or_else(|| Error::Input("the tokenizer was not loaded".to_owned()))
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
            let decoded = unpack::embedding_row(entry, row).ok_or_else(|| lens_pack::Error::Malformed {
                file: "embedding".to_owned(),
                problem: format!("a row has {} bytes, the manifest says {}", row.len(), entry.row_bytes),
            })?;
            values.extend(decoded);
        }
        Ok(values)
    }

    /// Begins a text.
    ///
    /// # Errors
    /// [`Error::Input`] for options that do not fit.
    pub fn start(&self, options: RunOptions) -> Result<Reading> {
        self.check_inf_k(options.inf_k)?;
        Ok(Reading::new(self.manifest.gemma.hidden_size, options))
    }

    /// Begins a text where another one's memory on the device is: in a browser nobody knows when what is dropped
    /// is free again.
    ///
    /// # Errors
    /// [`Error::Input`] for options that do not fit.
    pub fn start_over(&self, mut reading: Reading, options: RunOptions) -> Result<Reading> {
        self.check_inf_k(options.inf_k)?;
        reading.start_over(options);
        Ok(reading)
    }

    /// Reads on: the tokens whose embedding rows [T, d_model] (unscaled, as in the checkpoint)
    /// follow those in `reading`. When it fails or is stopped, `reading` holds whole chunks.
    ///
    /// # Errors
    /// [`Error::Input`] for too many tokens, [`Error::Model`] when the device fails.
    pub async fn extend(
        &self,
        reading: &mut Reading,
        embedding_rows: &[f32],
        mut progress: impl FnMut(Stage) -> Continue,
    ) -> Result<Continue> {
        let d_model = self.manifest.gemma.hidden_size;
        let tokens = embedding_rows.len() / d_model;
        if tokens == 0 {
            return Ok(Continue::Yes);
        }
        let expected = reading.len() + tokens;
        check_length(expected)?;
        reading.expect(expected);
        let chunk = chunk_of(reading, tokens);
        let layers = self.gemma.num_layers();
        let steps = layers * tokens.div_ceil(chunk);
        let mut done = 0;
        for rows in embedding_rows.chunks(chunk * d_model) {
            let rows = TensorData::new(rows.to_vec(), [rows.len() / d_model, d_model]);
            let mut stopped = progress(Stage::Layer(done, steps)) == Continue::No;
            let residual = self.gemma.extend(Tensor::from_data(rows, &self.device), reading.gemma(), |_, _| {
                done += 1;
                stopped |= progress(Stage::Layer(done, steps)) == Continue::No;
            });
            reading.settle(&residual).await?;
            if self.encode(reading, residual, stopped, &mut progress).await? == Continue::No {
                return Ok(Continue::No);
            }
        }
        Ok(Continue::Yes)
    }

    /// Takes the residual stream [T, d_model] of a chunk through the SAE, unless somebody `stopped` before or does so
    /// now: `reading` goes back to its last whole chunk then.
    async fn encode(
        &self,
        reading: &mut Reading,
        residual: Tensor<2>,
        stopped: bool,
        progress: &mut impl FnMut(Stage) -> Continue,
    ) -> Result<Continue> {
        if progress(Stage::Sae) == Continue::No || stopped {
            reading.forget_unfinished();
            return Ok(Continue::No);
        }
        // Too late to stop: what is read back is kept.
        let on_read_back = || {
            progress(Stage::ReadBack);
        };
        reading.add(&self.sae, residual, on_read_back).await?;
        Ok(Continue::Yes)
    }

    /// Lets the SAE encode what was read again, with `inf_k` novel codes kept a token: Gemma knows nothing of
    /// the SAE, so its residual stream stays. When it fails or is stopped, `reading` holds whole chunks.
    ///
    /// # Errors
    /// [`Error::Input`] for an `inf_k` that does not fit (nothing is lost then), [`Error::Model`] when the
    /// device fails.
    pub async fn encode_again(
        &self,
        reading: &mut Reading,
        inf_k: Option<usize>,
        mut progress: impl FnMut(Stage) -> Continue,
    ) -> Result<Continue> {
        self.check_inf_k(inf_k)?;
        let tokens = reading.len();
        let Some(residual) = reading.take_back_codes(inf_k) else { return Ok(Continue::Yes) };
        let chunk = chunk_of(reading, tokens);
        for from in (0..tokens).step_by(chunk) {
            let residual = residual.clone().narrow(0, from, chunk.min(tokens - from));
            if self.encode(reading, residual, false, &mut progress).await? == Continue::No {
                return Ok(Continue::No);
            }
        }
        Ok(Continue::Yes)
    }

    /// Runs Gemma and the SAE on the embedding rows [T, d_model] of a whole text and reads everything
    /// back.
    ///
    /// # Errors
    /// As [`Lens::start`] and [`Lens::extend`].
    pub async fn run(&self, embedding_rows: &[f32], options: RunOptions) -> Result<Run> {
        let mut reading = self.start(RunOptions { everything: true, ..options })?;
        if embedding_rows.is_empty() {
            check_length(0)?;
        }
        self.extend(&mut reading, embedding_rows, |_| Continue::Yes).await?;
        self.read_back(reading).await
    }

    /// Every tensor of a text that was read at once with [`RunOptions::everything`].
    ///
    /// # Errors
    /// [`Error::Input`] when it was not, [`Error::Model`] when the device fails.
    pub async fn read_back(&self, reading: Reading) -> Result<Run> {
        reading.read_back(&self.sae).await
    }

    /// The SAE's attention weights over what was read, for the analysis document.
    ///
    /// # Errors
    /// [`Error::Input`] when nothing was read, [`Error::Model`] when the device fails.
    pub async fn attention(&self, reading: &Reading) -> Result<Attention> {
        let SaeConfig { n_attn_layers: layers, n_heads: heads, .. } = *self.sae.config();
        let mut weights = Vec::with_capacity(layers * heads);
        reading.attention(&self.sae, |head| weights.push(Attention::encode(&head, reading.len()))).await?;
        Ok(Attention { layers, heads, weights })
    }

    /// What feature `first` and the `rows` after it add to the residual stream, as the unembedding sees
    /// it: decoder rows in the model's own units, each through the final norm by itself [rows, d_model];
    /// and the decoder rows as they are.
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    pub async fn directions(&self, first: usize, rows: usize) -> Result<[Vec<f32>; 2]> {
        let decoder = self.sae.decoder(first, rows);
        let mean_square = (decoder.clone() * decoder.clone()).mean_dim(1);
        let normed = decoder.clone() / (mean_square + self.manifest.gemma.rms_norm_eps).sqrt();
        let directions = normed * (self.final_norm.clone() + 1.0).unsqueeze();
        Ok([read(directions).await?, read(decoder).await?])
    }

    /// `a` [M, d_model] times the transpose of `b` [N, d_model]: [M, N].
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    pub async fn products(&self, a: &[f32], b: &[f32]) -> Result<Vec<f32>> {
        let d = self.manifest.gemma.hidden_size;
        let tensor = |v: &[f32]| Tensor::<2>::from_data(TensorData::new(v.to_vec(), [v.len() / d, d]), &self.device);
        read(lens_model::linear::products(tensor(a), tensor(b))).await
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
        self.gemma.extend(input, &mut GemmaCache::default(), |_, hidden| layers.push(hidden.clone()));
        let mut read_back = Vec::with_capacity(layers.len());
        for layer in layers {
            read_back.push(read(layer).await?);
        }
        Ok(read_back)
    }

    /// The residual stream [T, d_model] after the target layer, from raw embedding rows.
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    #[cfg(not(target_family = "wasm"))]
    pub async fn residual(&self, embedding_rows: Vec<f32>) -> Result<Vec<f32>> {
        crate::stream::residual(&self.gemma, embedding_rows, self.manifest.gemma.hidden_size, &self.device).await
    }

    fn check_inf_k(&self, inf_k: Option<usize>) -> Result<()> {
        let width = self.manifest.sae.width;
        match inf_k {
            Some(0) => Err(Error::Input("inf_k must be at least 1".to_owned())),
            Some(k) if k > width => Err(Error::Input(format!("inf_k is {k}, but the SAE has {width} features"))),
            _ => Ok(()),
        }
    }

    /// The analysis document of what was read; `grams` adds the Gram matrices that every view draws
    /// from.
    pub fn analysis(
        &self,
        text: &str,
        tokens: &Tokens,
        summary: &Summary,
        options: RunOptions,
        grams: bool,
    ) -> Analysis {
        let t = summary.len();
        let predictable = summary.centred_gram(Source::Predictable);
        let similarity = gram::cosine(&predictable, t);
        let novel_top: Vec<_> = summary.tokens.iter().map(|t| t.novel_top.clone()).collect();
        let count = |figure: fn(&TokenFigures) -> usize| summary.tokens.iter().map(figure).collect();
        let encode = |source| Grams::encode(&summary.centred_gram(source), t);
        Analysis {
            format: document::FORMAT.to_owned(),
            text: text.to_owned(),
            model: ModelInfo {
                name: self.manifest.model_name.clone(),
                pack_hash: self.pack_hash.clone(),
                layer: self.manifest.layer,
                precision: self.manifest.precision.to_string(),
                width: self.manifest.sae.width,
                neuronpedia: self.manifest.neuronpedia.as_ref().map(|n| format!("{}/{}", n.model, n.source)),
            },
            inf_k: options.inf_k,
            token_ids: tokens.ids.clone(),
            tokens: tokens.tokens.clone(),
            variance_explained: summary.variance_explained(),
            l0_novel: count(|t| t.l0_novel),
            l0_pred: count(|t| t.l0_pred),
            l0_total: count(|t| t.l0_total),
            selected: stats::select(&novel_top),
            similarity_stats: stats::similarity_stats(&similarity),
            similarity: similarity.chunks(t.max(1)).map(<[f32]>::to_vec).collect(),
            novel_top,
            energy: Some(summary.energy()),
            attention: None,
            grams: grams.then(|| Grams {
                predictable: Grams::encode(&predictable, t),
                novel: encode(Source::Novel),
                total: encode(Source::Total),
                residual: encode(Source::Residual),
            }),
        }
    }
}

/// Of `tokens` new ones, how many go through the networks together: attention weights need the whole text at once.
fn chunk_of(reading: &Reading, tokens: usize) -> usize {
    if reading.options().everything { tokens } else { variant::chunk_tokens() }
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
