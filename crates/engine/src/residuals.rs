//! Residual streams of token ids, from a pack or straight from a checkpoint: what an SAE is trained on.

use std::path::Path;

use lens_import::{Tensors, claims, compact_tokenizer, open_gemma};
use lens_model::{ComputeDevice, Gemma};
use lens_pack::block::{PackedMatrix, Precision, TensorPart};
use lens_pack::config::GemmaConfig;
use lens_pack::tensor_spec::gemma_tensors;
use lens_pack::unpack::sha256_hex;
use lens_tokenizer::Tokenizer;

use crate::pack::{check_rows, residual};
use crate::{Error, PackFolder, Result};

/// The embedding's name in checkpoints.
const EMBEDDING: &str = "model.embed_tokens.weight";

/// A language model up to a layer.
pub struct ResidualReader {
    source: ModelWeights,
    /// Its name, e.g. "google/gemma-3-270m".
    pub model_name: String,
    /// Names the weights: a pack by its hash, a checkpoint by its file.
    pub identity: String,
    /// The layer whose output is read.
    pub layer: usize,
    /// d_model.
    pub d_model: usize,
    /// What is odd about a checkpoint, as sentences.
    pub warnings: Vec<String>,
}

enum ModelWeights {
    Pack(Box<PackFolder>),
    Checkpoint(Box<Checkpoint>),
}

struct Checkpoint {
    config: GemmaConfig,
    gemma: Gemma,
    embedding: Tensors,
    tokenizer: Tokenizer,
    device: ComputeDevice,
}

impl ResidualReader {
    /// Reads with a pack's weights.
    pub fn of_pack(pack: PackFolder) -> Self {
        let manifest = pack.loaded.manifest();
        Self {
            model_name: manifest.model_name.clone(),
            identity: pack.loaded.pack_hash().to_owned(),
            layer: manifest.layer,
            d_model: manifest.gemma.hidden_size,
            warnings: Vec::new(),
            source: ModelWeights::Pack(Box::new(pack)),
        }
    }

    /// Reads with the weights of a Hugging Face folder or GGUF file in f32, up to the output of
    /// `layer`; `on_tensor(done, total)` is called after each tensor.
    ///
    /// # Errors
    /// [`Error::Pack`] and [`Error::Tokenizer`] naming the file that is wrong.
    pub fn of_checkpoint(
        path: &Path,
        tokenizer: &Path,
        layer: usize,
        device: ComputeDevice,
        mut on_tensor: impl FnMut(u64, u64),
    ) -> Result<Self> {
        let checkpoint = open_gemma(path)?;
        let json = lens_pack::text::read_data(tokenizer)?;
        let compact = compact_tokenizer(&json, &tokenizer.display().to_string())?;
        let claims = claims::of_checkpoint(&checkpoint, layer, &compact, tokenizer)?;
        let tokenizer = Tokenizer::new(compact)?;
        let config = checkpoint.config;
        let mut store = Gemma::store(&config, layer, device.clone());
        let needed = gemma_tensors(&config, layer);
        let total = needed.len() as u64;
        // The identity of the weights: stored streams are of all values, so it is, too.
        let mut sums = String::new();
        for (done, (name, (rows, cols))) in needed.into_iter().enumerate() {
            let values = checkpoint.tensors.read(&name, (rows, cols))?;
            sums += &sha256_hex(bytemuck::cast_slice(&values));
            let matrix = PackedMatrix::pack(&values, rows, cols, Precision::F32);
            store.insert(TensorPart { name, row_start: 0, rows_total: rows, matrix })?;
            on_tensor(done as u64 + 1, total);
        }
        let gemma = Gemma::new(&config, layer, &mut store)?;
        let shape = (config.vocab_size, config.hidden_size);
        checkpoint.tensors.read_in_pieces(EMBEDDING, shape, |rows| sums += &sha256_hex(bytemuck::cast_slice(rows)))?;
        let mut warnings = claims.warnings;
        warnings.extend(checkpoint.tensors.notes());
        Ok(Self {
            model_name: checkpoint.name.unwrap_or_else(|| path.display().to_string()),
            identity: sha256_hex(sums.as_bytes()),
            layer,
            d_model: config.hidden_size,
            warnings,
            source: ModelWeights::Checkpoint(Box::new(Checkpoint {
                config,
                gemma,
                embedding: checkpoint.tensors,
                tokenizer,
                device,
            })),
        })
    }

    /// Rows of the embedding: ids are below.
    pub fn vocabulary(&self) -> usize {
        match &self.source {
            ModelWeights::Pack(pack) => pack.loaded.manifest().gemma.vocab_size,
            ModelWeights::Checkpoint(c) => c.config.vocab_size,
        }
    }

    /// Token ids of `text`, taken verbatim, BOS first; texts of any length.
    ///
    /// # Errors
    /// [`Error::Tokenizer`], [`Error::Input`] without a tokenizer, and for a token that the model has no embedding for.
    pub fn tokenize(&self, text: &str) -> Result<Vec<u32>> {
        let (tokenizer, bos) = match &self.source {
            ModelWeights::Pack(pack) => (pack.loaded.tokenizer()?, pack.loaded.manifest().gemma.bos_token_id),
            ModelWeights::Checkpoint(c) => (&c.tokenizer, c.config.bos_token_id),
        };
        let tokens = tokenizer.encode(text, bos)?;
        check_rows(&tokens, self.vocabulary())?;
        Ok(tokens.ids)
    }

    /// The residual stream [T, d_model] after the layer.
    ///
    /// # Errors
    /// [`Error::Input`] for an id past the vocabulary, [`Error::Pack`] when the embedding cannot be
    /// read, [`Error::Model`] when the device fails.
    pub async fn read(&self, ids: &[u32]) -> Result<Vec<f32>> {
        match &self.source {
            ModelWeights::Pack(pack) => pack.loaded.residual(pack.embedding(ids)?).await,
            ModelWeights::Checkpoint(c) => {
                let mut rows = Vec::with_capacity(ids.len() * self.d_model);
                for id in ids {
                    let id = *id as usize;
                    if id >= c.config.vocab_size {
                        return Err(Error::Input(format!("token id {id} lies outside the model's vocabulary")));
                    }
                    rows.extend(c.embedding.read_rows(EMBEDDING, id..id + 1)?);
                }
                residual(&c.gemma, rows, self.d_model, &c.device.burn).await
            }
        }
    }
}
