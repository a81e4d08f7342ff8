//! Words of a loaded pack, and the readouts of a session.

use std::sync::OnceLock;

#[cfg(not(target_family = "wasm"))]
use burn::tensor::{Tensor, TensorData};
use lens_analysis::words::{CANDIDATES, Came, EVENT_WORDS, NextWord, TOKEN_WORDS, TokenWords, Word, Words};
use lens_analysis::{Analysis, Event};
use lens_model::WeightStore;
use lens_model::words::{Part, WordReadout};
use lens_pack::unpack;
use lens_pack::words::{Vocabulary, WordsEntry};

use crate::loaded_words::LoadedWords;
use crate::pack::LoadedPack;
#[cfg(not(target_family = "wasm"))]
use crate::read_back::read_back;
use crate::read_back::read_back_all;
use crate::session::InferenceSession;
use crate::{Error, Result};

/// What a feature's decoder row says.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureWords {
    /// Words that it raises most, best first.
    pub raised: Vec<Word>,
    /// Words that it lowers most.
    pub lowered: Vec<Word>,
    /// Of the raised ones.
    pub coherence: f32,
}

/// Takes the files of a pack's words section as they arrive.
pub struct WordsLoader<'a> {
    pack: &'a LoadedPack,
    entry: &'a WordsEntry,
    store: WeightStore,
    vocabulary: Option<Vocabulary>,
}

impl<'a> WordsLoader<'a> {
    /// Starts for a loaded pack.
    ///
    /// # Errors
    /// [`Error::Input`] for a pack without words.
    pub fn new(pack: &'a LoadedPack) -> Result<Self> {
        let entry = pack.manifest().words.as_ref().ok_or_else(|| {
            Error::Input(
                "the pack has no words; `temporal-lens words --model PACK --corpus TEXTS` adds them to it".to_owned(),
            )
        })?;
        Ok(Self { pack, entry, store: WeightStore::new(pack.device.clone()), vocabulary: None })
    }

    /// Takes the vocabulary file.
    ///
    /// # Errors
    /// [`Error::Pack`] when it differs from the manifest or does not fit the model.
    pub fn set_vocabulary(&mut self, bytes: &[u8]) -> Result<()> {
        unpack::check_file(&self.entry.vocabulary, bytes)?;
        self.vocabulary = Some(Vocabulary::from_bytes(bytes, self.entry, self.pack.manifest().gemma.vocab_size)?);
        Ok(())
    }

    /// Takes the content of shard number `shard` of the section; checks it and sends its tensors to the device.
    ///
    /// # Errors
    /// [`Error::Pack`] when length or checksum differ from the manifest.
    pub fn add_shard(&mut self, shard: usize, bytes: &[u8]) -> Result<()> {
        let entry =
            self.entry.shards.get(shard).ok_or_else(|| Error::Input(format!("the words have no shard {shard}")))?;
        unpack::check_file(entry, bytes)?;
        self.add_checked_shard(shard, bytes)
    }

    /// As [`Self::add_shard`], of content whose length and checksum were compared as it streamed in.
    ///
    /// # Errors
    /// [`Error::Pack`] when a tensor lies outside the bytes or holds what is not a number.
    pub fn add_checked_shard(&mut self, shard: usize, bytes: &[u8]) -> Result<()> {
        for part in unpack::parts_in(&self.entry.tensors, &self.entry.shards, shard, bytes) {
            let part = part?;
            // Means are small and made from a corpus: a NaN among them would empty every list without a word.
            if part.rows_total == 1 && part.matrix.unpack().iter().any(|value| !value.is_finite()) {
                let file = self.entry.shards.get(shard).map(|entry| entry.file.clone()).unwrap_or_default();
                let problem = format!("tensor {} holds a value that is not finite", part.name);
                return Err(lens_pack::Error::Malformed { file, problem }.into());
            }
            self.store.insert(part)?;
        }
        Ok(())
    }

    /// Hands the words to the pack.
    ///
    /// # Errors
    /// [`Error::Input`] when the vocabulary did not arrive, [`Error::Model`] when a tensor is missing.
    pub fn finish(mut self) -> Result<()> {
        let vocabulary = self
            .vocabulary
            .ok_or_else(|| Error::Input("the vocabulary of the pack's words was not loaded".to_owned()))?;
        let readout = WordReadout::new(&mut self.store, self.entry, self.pack.final_norm.clone())?;
        let weight_bytes = self.store.bytes();
        let listed = vocabulary.words.iter().chain(&vocabulary.pieces).map(|(id, _)| *id).collect();
        // Of two that load at the same time the first stays: they are equal.
        let _ =
            self.pack.words.set(LoadedWords { vocabulary, readout, listed, opposite: OnceLock::new(), weight_bytes });
        Ok(())
    }
}

impl LoadedPack {
    /// Its words, once loaded by a [`WordsLoader`].
    pub fn words(&self) -> Option<&LoadedWords> {
        self.words.get()
    }

    /// Whether its words are loaded.
    pub fn has_words(&self) -> bool {
        self.words.get().is_some()
    }

    /// The words that features `first` and the `rows` after it add and take away: the best `count` of each decoder row in
    /// the residual stream's own units, the best `count` of its opposite, and the coherence of the former.
    ///
    /// # Errors
    /// [`Error::Input`] when words are not loaded, [`Error::Model`] when the device fails.
    pub async fn feature_words(&self, first: usize, rows: usize, count: usize) -> Result<Vec<FeatureWords>> {
        let words = self.words_or_error()?;
        let directions = self.sae.decoder(first, rows);
        let k = candidates(count, words);
        let [raised, lowered] = read_back_all([
            words.readout.top(Part::Direction, directions.clone(), k),
            words.readout.top(Part::Direction, -directions, k),
        ])
        .await?;
        let mut all = Vec::with_capacity(rows);
        for (raised, lowered) in raised.chunks_exact(2 * k).zip(lowered.chunks_exact(2 * k)) {
            let [raised, lowered] = [raised, lowered].map(|pairs| words.ranked(pairs, count));
            all.push(FeatureWords {
                coherence: words.coherence(&raised).await?,
                raised: words.words(&raised),
                lowered: words.words(&lowered),
            });
        }
        Ok(all)
    }

    /// The words of each row of `rows` [n, d_model], a `part` of the residual stream: the best `count`.
    ///
    /// # Errors
    /// [`Error::Input`] when words are not loaded, [`Error::Model`] when the device fails.
    #[cfg(not(target_family = "wasm"))]
    pub async fn row_words(&self, part: Part, rows: Vec<f32>, count: usize) -> Result<Vec<Vec<Word>>> {
        let words = self.words_or_error()?;
        let d = self.manifest().gemma.hidden_size;
        let shape = [rows.len() / d, d];
        if shape[0] == 0 {
            return Ok(Vec::new());
        }
        let rows = Tensor::from_data(TensorData::new(rows, shape), &self.device.burn);
        let k = candidates(count, words);
        let top = read_back(words.readout.top(part, rows, k)).await?;
        Ok(top.chunks_exact(2 * k).map(|pairs| words.words(&words.ranked(pairs, count))).collect())
    }

    fn words_or_error(&self) -> Result<&LoadedWords> {
        self.words.get().ok_or_else(|| Error::Input("the words of the pack were not loaded".to_owned()))
    }
}

/// Candidates for a list of `count` words.
fn candidates(count: usize, words: &LoadedWords) -> usize {
    (CANDIDATES * count.div_ceil(TOKEN_WORDS)).min(words.readout.words())
}

impl InferenceSession {
    /// Reads out the tokens that have no words yet: after a token was appended, that one alone.
    ///
    /// # Errors
    /// [`Error::Input`] when the pack's words are not loaded, [`Error::Model`] when the device fails.
    pub async fn read_words(&mut self) -> Result<()> {
        let pack = self.pack().clone();
        let words = pack.words_or_error()?;
        let (first, total) = (self.words.len(), self.len());
        let Some([pred_codes, novel_codes, _]) = self.grams.rows(first, total - first) else { return Ok(()) };
        let (readout, k) = (&words.readout, candidates(TOKEN_WORDS, words));
        let predictable = pack.sae.decode(pred_codes);
        let novel = pack.sae.decode(novel_codes);
        let opposite = words.opposite().await?;
        let [predictable, novel] =
            read_back_all([readout.top(Part::Predictable, predictable, k), readout.top(Part::Novel, novel, k)]).await?;
        let mut next = self.read_next(words, first).await?;
        for t in 0..total - first {
            // BOS is no word of the text.
            if first + t == 0 {
                self.words.push(TokenWords::default());
                continue;
            }
            let list = |top: &[f32]| words.ranked(&top[2 * k * t..2 * k * (t + 1)], TOKEN_WORDS);
            let mut foretold = list(&predictable);
            if foretold.iter().filter(|(index, _)| opposite.contains(index)).count() >= OPPOSITE_LEAST {
                foretold.clear();
            }
            let predictable = words.words(&foretold);
            let novel = words.words(&list(&novel));
            let (next, came) = next.get_mut(t).map(std::mem::take).unwrap_or_default();
            self.words.push(TokenWords { predictable, novel, next, came });
        }
        Ok(())
    }

    /// What comes next, of the tokens from `first` on: the likeliest words after each, and what the token before made of
    /// it. Nothing without a fitted lens.
    async fn read_next(&self, words: &LoadedWords, first: usize) -> Result<Vec<(Vec<NextWord>, Option<Came>)>> {
        // The token before the first one made something of it.
        let from = first.saturating_sub(1);
        let rows = self.len() - from;
        let residual = self.grams.rows(from, rows).map(|[_, _, residual]| residual);
        let came = self.embeddings.tensor().filter(|_| rows > 1).map(|all| all.narrow(0, from + 1, rows - 1));
        let Some(next) = residual.and_then(|residual| words.readout.next(residual, came, CANDIDATES)) else {
            return Ok(Vec::new());
        };
        let (k_words, k_pieces) = (next.words.dims()[1], next.pieces.dims()[1]);
        // One row at least, so that there is something to read back.
        let came = next.came.unwrap_or_else(|| next.largest.clone());
        let [of_words, of_pieces, largest, sum, came] =
            read_back_all([next.words, next.pieces, next.largest, next.sum, came]).await?;
        let all = (first..self.len()).map(|position| {
            let row = position - from;
            // BOS is like no token that the lens was fitted on.
            let list = if position == 0 {
                Vec::new()
            } else {
                let pairs = |all: &[f32], k: usize| all[row * k..(row + 1) * k].as_chunks::<2>().0.to_vec();
                words.next_words(&pairs(&of_words, k_words), &pairs(&of_pieces, k_pieces), sum[row])
            };
            let before = row.checked_sub(1).filter(|_| position > 1);
            let came = before.map(|row| Came { logit: came[row], largest: largest[row], sum: sum[row] });
            (list, came)
        });
        Ok(all.collect())
    }

    /// Puts readouts into the text's analysis: of its tokens, and of its events where they are known.
    ///
    /// # Errors
    /// As [`Self::read_words`].
    pub async fn add_words(&mut self, analysis: &mut Analysis) -> Result<()> {
        self.read_words().await?;
        let pack = self.pack().clone();
        let words = pack.words_or_error()?;
        let list = |part: fn(&TokenWords) -> &Vec<Word>| self.words.iter().map(|it| part(it).clone()).collect();
        analysis.words = Some(Words {
            vocabulary: words.readout.words(),
            predictable: list(|it| &it.predictable),
            novel: list(|it| &it.novel),
            next: if words.readout.has_lens() {
                self.words.iter().map(|it| it.next.clone()).collect()
            } else {
                Vec::new()
            },
        });
        if words.readout.has_lens() {
            let surprise = |(it, id): (&TokenWords, &u32)| {
                it.came.map_or(f32::NAN, |came| came.surprise(words.listed.contains(id)))
            };
            analysis.surprise = Some(self.words.iter().zip(&analysis.token_ids).map(surprise).collect());
        }
        for event in analysis.events.iter_mut().flatten() {
            self.describe(words, event).await?;
        }
        Ok(())
    }

    /// A part of each token's residual stream [T, d_model], for readouts of mixtures of it.
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    #[cfg(not(target_family = "wasm"))]
    pub async fn part_rows(&self, part: Part) -> Result<Vec<f32>> {
        let Some([pred_codes, novel_codes, residual]) = self.grams.first(self.len()) else { return Ok(Vec::new()) };
        let sae = &self.pack().sae;
        read_back(match part {
            Part::Predictable => sae.decode(pred_codes),
            Part::Novel => sae.decode(novel_codes),
            Part::Residual | Part::Direction => residual,
        })
        .await
    }

    /// The words of an event: of the mean residual stream of its tokens, and of the mean of their predictable parts.
    async fn describe(&self, words: &LoadedWords, event: &mut Event) -> Result<()> {
        let count = event.last + 1 - event.first.min(event.last);
        let Some(rows) = self.grams.rows(event.first, count) else { return Ok(()) };
        let [pred_codes, _, residual] = rows.map(|rows| rows.mean_dim(0));
        let (sae, k) = (&self.pack().sae, candidates(EVENT_WORDS, words));
        let [residual, predictable] = read_back_all([
            words.readout.top(Part::Residual, residual, k),
            words.readout.top(Part::Predictable, sae.decode(pred_codes), k),
        ])
        .await?;
        let best = words.ranked(&residual, EVENT_WORDS);
        event.words = words.words(&best);
        event.expected = words.words(&words.ranked(&predictable, EVENT_WORDS));
        let coherence = words.coherence(&best).await?;
        event.coherence = Some(coherence);
        event.unclear = coherence < COHERENT;
        Ok(())
    }
}

/// A list with so many of them foretells nothing: the predictable part is near 0. Measured on 14 events of topics.json,
/// 99 of 100 tokens past the seventh have none, and the first two have five or more.
const OPPOSITE_LEAST: usize = 2;
/// Coherence from which on the words of an event describe it. Measured: means of 60 tokens from 14 different events reach
/// 0.08 on average, single events 0.2.
const COHERENT: f32 = 0.08;
