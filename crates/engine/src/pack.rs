//! [`PackLoader`] takes a pack's files as they arrive; [`LoadedPack`] is the pack on a device: tokenizer, networks,
//! configuration. Running a text through the networks is [`crate::InferenceSession`]'s.

use std::sync::OnceLock;

use burn::tensor::{Tensor, TensorData};
use lens_model::gemma::GemmaCache;
use lens_model::{ComputeDevice, Gemma, TemporalSae, WeightStore};
use lens_pack::block::{PackedMatrix, Precision};
use lens_pack::manifest::{self, Manifest};
use lens_pack::precision_plan::PrecisionPlan;
use lens_pack::tensor_spec::SCALING;
use lens_pack::unpack;
use lens_tokenizer::{Tokenizer, Tokens};

use crate::loaded_words::LoadedWords;
use crate::read_back::read_back;
use crate::{Error, Result};

/// Longest text, in tokens: what the attention kernel takes.
pub const TOKENS_MAX: usize = lens_model::attention::ATTENTION_TOKENS_MAX;

/// Collects the files of a pack, in any order of shards that keeps each tensor's rows in order.
pub struct PackLoader {
    manifest: Manifest,
    pack_hash: String,
    store: WeightStore,
    tokenizer: Option<Tokenizer>,
    mix: Option<PrecisionPlan>,
}

impl PackLoader {
    /// Starts with the manifest's text; `file` names it in errors.
    ///
    /// # Errors
    /// [`Error::Pack`] when it is not a manifest this program reads.
    pub fn new(manifest_json: &str, file: &str, device: impl Into<ComputeDevice>) -> Result<Self> {
        let manifest = Manifest::from_json(manifest_json, file)?;
        let pack_hash = manifest::pack_hash(manifest_json);
        let store = Gemma::store(&manifest.gemma, manifest.layer, device);
        Ok(Self { manifest, pack_hash, store, tokenizer: None, mix: None })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Stores the matrices of an f32 pack with the precisions of `mix`, to compute as a pack made with it would.
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
                mix.apply(&mut part).map_err(|e| Error::Input(e.to_string()))?;
            }
            self.store.insert(part)?;
        }
        Ok(())
    }

    /// Takes zeros in place of a shard, and ones for the scaling of residual streams, which is divided by: how long a
    /// network takes does not depend on its weights.
    ///
    /// # Errors
    /// As [`Self::add_checked_shard`].
    pub fn add_zero_shard(&mut self, shard: usize) -> Result<()> {
        let bytes = vec![0; self.manifest.shards.get(shard).map_or(0, |entry| entry.bytes as usize)];
        for part in unpack::shard_parts(&self.manifest, shard, &bytes) {
            let mut part = part?;
            if part.name == SCALING {
                let (rows, cols) = (part.matrix.rows, part.matrix.cols);
                part.matrix = PackedMatrix::pack(&vec![1.0; rows * cols], rows, cols, Precision::F32);
            }
            self.store.insert(part)?;
        }
        Ok(())
    }

    /// Takes the tokenizer file.
    ///
    /// # Errors
    /// [`Error::Pack`] or [`Error::Tokenizer`] when it differs from the manifest.
    pub fn set_tokenizer(&mut self, bytes: &[u8]) -> Result<()> {
        let entry = &self.manifest.tokenizer;
        unpack::check_file(entry, bytes)?;
        self.tokenizer = Some(Tokenizer::from_bytes(bytes, &entry.file)?);
        Ok(())
    }

    /// Tokens of `text`, once [`Self::set_tokenizer`] has had the tokenizer: a text that cannot be analyzed is known
    /// before any weight is here.
    ///
    /// # Errors
    /// Those of [`LoadedPack::tokenize`].
    pub fn tokenize(&self, text: &str) -> Result<Tokens> {
        let tokenizer = self.tokenizer.as_ref().ok_or_else(no_tokenizer)?;
        tokenize(tokenizer, &self.manifest, text)
    }

    /// Builds the networks from what has arrived.
    ///
    /// # Errors
    /// [`Error::Model`] when a tensor is missing or has another shape than the manifest's
    /// configuration calls for.
    pub fn finish(mut self) -> Result<LoadedPack> {
        let gemma = Gemma::new(&self.manifest.gemma, self.manifest.layer, &mut self.store)?;
        let sae = TemporalSae::new(&self.manifest.sae, &mut self.store)?;
        let final_norm = self.store.vector("model.norm.weight", self.manifest.gemma.hidden_size)?;
        let device = self.store.device().clone();
        Ok(LoadedPack {
            weight_bytes: self.store.bytes(),
            manifest: self.manifest,
            pack_hash: self.pack_hash,
            tokenizer: self.tokenizer,
            gemma,
            sae,
            final_norm,
            device,
            words: OnceLock::new(),
        })
    }
}

/// A loaded pack on a device.
pub struct LoadedPack {
    manifest: Manifest,
    pack_hash: String,
    tokenizer: Option<Tokenizer>,
    pub(crate) gemma: Gemma,
    pub(crate) sae: TemporalSae,
    /// Weight of the final norm [d_model], as the checkpoint has it: a factor less 1.
    pub(crate) final_norm: Tensor<1>,
    pub(crate) device: ComputeDevice,
    weight_bytes: usize,
    /// Loaded when they are first asked for.
    pub(crate) words: OnceLock<LoadedWords>,
}

impl LoadedPack {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// [`manifest::pack_hash`] of the manifest's text: names the pack.
    pub fn pack_hash(&self) -> &str {
        &self.pack_hash
    }

    /// Bytes of weights on the device, words included.
    pub fn weight_bytes(&self) -> usize {
        self.weight_bytes + self.words.get().map_or(0, LoadedWords::weight_bytes)
    }

    /// Tokens of `text`, taken verbatim.
    ///
    /// # Errors
    /// [`Error::Input`] for a text that is empty or longer than [`TOKENS_MAX`] tokens, or contains one that the model has
    /// no embedding for.
    pub fn tokenize(&self, text: &str) -> Result<Tokens> {
        tokenize(self.tokenizer()?, &self.manifest, text)
    }

    /// Token ids of `text` of any length.
    ///
    /// # Errors
    /// [`Error::Tokenizer`], and [`Error::Input`] for a token that the model has no embedding for.
    #[cfg(not(target_family = "wasm"))]
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        let tokens = self.tokenizer()?.encode(text, self.manifest.gemma.bos_token_id)?;
        check_rows(&tokens, self.manifest.gemma.vocab_size)?;
        Ok(tokens.ids)
    }

    /// The pack's tokenizer.
    ///
    /// # Errors
    /// [`Error::Input`] when it was not loaded.
    pub fn tokenizer(&self) -> Result<&Tokenizer> {
        self.tokenizer.as_ref().ok_or_else(no_tokenizer)
    }

    /// Token strings of given ids, where the tokenizer is loaded.
    pub fn describe(&self, ids: &[u32]) -> Tokens {
        match &self.tokenizer {
            Some(tokenizer) => tokenizer.describe(ids.to_vec()),
            None => Tokens { ids: ids.to_vec(), tokens: ids.iter().map(|id| format!("<{id}>")).collect() },
        }
    }

    /// Decodes the raw bytes of embedding rows, one slice per token, to [T, d_model].
    ///
    /// # Errors
    /// [`Error::Pack`] when a slice is not one row long, or holds a number that is not finite.
    pub fn embedding_rows<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<f32>> {
        let entry = &self.manifest.embedding;
        let mut values = Vec::new();
        for (position, row) in rows.enumerate() {
            let malformed = |problem: String| lens_pack::Error::Malformed { file: "embedding".to_owned(), problem };
            let decoded = unpack::embedding_row(entry, row).ok_or_else(|| {
                malformed(format!("a row has {} bytes, the manifest says {}", row.len(), entry.row_bytes))
            })?;
            if decoded.iter().any(|value| !value.is_finite()) {
                return Err(malformed(format!(
                    "the row of token {position} of the text holds a number that is not finite"
                ))
                .into());
            }
            values.extend(decoded);
        }
        Ok(values)
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
        Ok([read_back(directions).await?, read_back(decoder).await?])
    }

    /// `a` [M, d_model] times the transpose of `b` [N, d_model]: [M, N].
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    pub async fn matmul_nt(&self, a: &[f32], b: &[f32]) -> Result<Vec<f32>> {
        let d = self.manifest.gemma.hidden_size;
        let tensor =
            |v: &[f32]| Tensor::<2>::from_data(TensorData::new(v.to_vec(), [v.len() / d, d]), &self.device.burn);
        read_back(lens_model::linear::matmul_nt(tensor(a), tensor(b), self.device.kernels)).await
    }

    /// The residual stream after every layer, [T, d_model] each: for parity tests.
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    pub async fn residuals(&self, embedding_rows: Vec<f32>) -> Result<Vec<Vec<f32>>> {
        let d_model = self.manifest.gemma.hidden_size;
        let tokens = embedding_rows.len() / d_model;
        let input = Tensor::<2>::from_data(TensorData::new(embedding_rows, [tokens, d_model]), &self.device.burn);
        let mut layers = Vec::new();
        self.gemma.extend(input, &mut GemmaCache::default(), |_, hidden| layers.push(hidden.clone()));
        let mut values = Vec::with_capacity(layers.len());
        for layer in layers {
            values.push(read_back(layer).await?);
        }
        Ok(values)
    }

    /// The residual stream [T, d_model] after the target layer, from raw embedding rows.
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    #[cfg(not(target_family = "wasm"))]
    pub async fn residual(&self, embedding_rows: Vec<f32>) -> Result<Vec<f32>> {
        residual(&self.gemma, embedding_rows, self.manifest.gemma.hidden_size, &self.device.burn).await
    }

    /// The error for numbers that are not finite and were found in `what`, with the first layer that gives any on these
    /// embedding rows [T, d_model].
    pub(crate) async fn not_finite(&self, what: String, embedding_rows: &[f32]) -> Error {
        let d_model = self.manifest.gemma.hidden_size;
        Error::NotFinite(match first_not_finite(&self.gemma, embedding_rows, d_model, &self.device.burn).await {
            Some(place) => place,
            None => what,
        })
    }

    /// Whether the SAE can keep `inf_k` novel codes per token.
    pub(crate) fn check_inf_k(&self, inf_k: Option<usize>) -> Result<()> {
        let width = self.manifest.sae.width;
        match inf_k {
            Some(0) => Err(Error::Input("inf_k must be at least 1".to_owned())),
            Some(k) if k > width => Err(Error::Input(format!("inf_k is {k}, but the SAE has {width} features"))),
            _ => Ok(()),
        }
    }
}

/// Longest text that is cut into tokens: [`TOKENS_MAX`] of them are a fiftieth of it, and it takes a second.
pub const TEXT_BYTES_MAX: u64 = 1 << 20;

/// Whether the embedding of `rows` rows has one for each token.
pub(crate) fn check_rows(tokens: &Tokens, rows: usize) -> Result<()> {
    match tokens.ids.iter().zip(&tokens.tokens).find(|(id, _)| **id as usize >= rows) {
        Some((id, token)) => Err(Error::Input(format!(
            "the text contains {token}, token {id}, which the model has no embedding for (it has {rows})"
        ))),
        None => Ok(()),
    }
}

fn no_tokenizer() -> Error {
    Error::Input("the tokenizer was not loaded".to_owned())
}

fn tokenize(tokenizer: &Tokenizer, manifest: &Manifest, text: &str) -> Result<Tokens> {
    if text.is_empty() {
        return Err(Error::Input("the text is empty; type or pass some text".to_owned()));
    }
    if text.len() as u64 > TEXT_BYTES_MAX {
        return Err(Error::Input(format!(
            "the text has {} bytes, at most {TEXT_BYTES_MAX} are read, far more than {TOKENS_MAX} tokens; shorten it",
            text.len()
        )));
    }
    let tokens = tokenizer.encode(text, manifest.gemma.bos_token_id)?;
    check_length(tokens.ids.len())?;
    check_rows(&tokens, manifest.gemma.vocab_size)?;
    Ok(tokens)
}

/// Whether the networks take so many tokens.
pub(crate) fn check_length(tokens: usize) -> Result<()> {
    match tokens {
        0 => Err(Error::Input("there are no tokens to run on".to_owned())),
        1..=TOKENS_MAX => Ok(()),
        _ => {
            Err(Error::Input(format!("the text has {tokens} tokens, at most {TOKENS_MAX} can be analyzed; shorten it")))
        }
    }
}

/// The residual stream [T, d_model] after the last layer of `gemma`, from raw embedding rows.
#[cfg(not(target_family = "wasm"))]
pub(crate) async fn residual(
    gemma: &Gemma,
    rows: Vec<f32>,
    d_model: usize,
    device: &burn::tensor::Device,
) -> Result<Vec<f32>> {
    let shape = [rows.len() / d_model, d_model];
    let input = Tensor::<2>::from_data(TensorData::new(rows.clone(), shape), device);
    match read_back(gemma.extend(input, &mut GemmaCache::default(), |_, _| ())).await {
        Err(Error::NotFinite(what)) => {
            Err(Error::NotFinite(first_not_finite(gemma, &rows, d_model, device).await.unwrap_or(what)))
        }
        read => read,
    }
}

/// Where on the way of these embedding rows [T, d_model] through `gemma` the first number is that is not finite; nothing
/// where all are, or where the device fails.
async fn first_not_finite(
    gemma: &Gemma,
    rows: &[f32],
    d_model: usize,
    device: &burn::tensor::Device,
) -> Option<String> {
    if rows.iter().any(|value| !value.is_finite()) {
        return Some("an embedding row of this text".to_owned());
    }
    let input = Tensor::<2>::from_data(TensorData::new(rows.to_vec(), [rows.len() / d_model, d_model]), device);
    let mut layers = Vec::new();
    gemma.extend(input, &mut GemmaCache::default(), |_, hidden| layers.push(hidden.clone()));
    for (layer, hidden) in layers.into_iter().enumerate() {
        match read_back(hidden).await {
            Ok(_) => {}
            Err(Error::NotFinite(_)) => return Some(format!("the output of layer {layer}")),
            Err(_) => return None,
        }
    }
    None
}
