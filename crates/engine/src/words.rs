//! Words of a loaded pack, and the readouts of a session.

use burn::tensor::Tensor;
#[cfg(not(target_family = "wasm"))]
use burn::tensor::TensorData;
use lens_analysis::events::has_letters;
use lens_analysis::words::{Came, EVENT_WORDS, TOKEN_WORDS, TokenWords, Word, Words};
use lens_analysis::{Analysis, Event};
use lens_model::WeightStore;
use lens_model::rows::Rows;
use lens_model::words::{NextInput, NextScores, Part, Through, WordReadout};
use lens_pack::unpack;
use lens_pack::words::{LENS_MEAN_X, LENS_MEAN_Y, MEANS, Vocabulary, WordsEntry};

use crate::loaded_words::{LoadedWords, Next};
use crate::pack::LoadedPack;
use crate::read_back::{read_back, read_back_all};
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
    /// [`Error::Pack`] when it differs from the manifest, does not fit the model, or spells a token as the tokenizer does not.
    pub fn set_vocabulary(&mut self, bytes: &[u8]) -> Result<()> {
        unpack::check_file(&self.entry.vocabulary, bytes)?;
        let vocabulary = Vocabulary::from_bytes(bytes, self.entry, self.pack.manifest().gemma.vocab_size)?;
        vocabulary.check_spellings(self.entry, |id| self.pack.describe(&[id]).tokens.pop().unwrap_or_default())?;
        self.vocabulary = Some(vocabulary);
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
    /// [`Error::Pack`] when a tensor lies outside the bytes, holds what is not a number, or is a vector of numbers that no text
    /// gives.
    pub fn add_checked_shard(&mut self, shard: usize, bytes: &[u8]) -> Result<()> {
        for part in unpack::parts_in(&self.entry.tensors, &self.entry.shards, shard, bytes) {
            let part = part?;
            let is_mean =
                MEANS.contains(&part.name.as_str()) || [LENS_MEAN_X, LENS_MEAN_Y].contains(&part.name.as_str());
            if is_mean && let Some(value) = part.matrix.unpack().into_iter().find(|value| value.abs() > LARGEST) {
                let file = self.entry.shards.get(shard).map(|it| it.file.clone()).unwrap_or_default();
                let problem = format!("tensor {} holds {value:e}, past any mean of a residual stream", part.name);
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
        let _ = self.pack.words.set(LoadedWords { vocabulary, readout, listed, weight_bytes });
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
        let prepared = |x| words.readout.prepared(Part::Direction, Through::Gain, x);
        let both = prepared(directions.clone()).into_iter().chain(prepared(-directions)).collect();
        let lists = words.lists(both, count).await?;
        let (raised, lowered) = lists.split_at(rows.min(lists.len()));
        let coherence = words.coherence(raised).await?;
        let features = raised.iter().zip(lowered).zip(coherence).map(|((raised, lowered), coherence)| FeatureWords {
            coherence,
            raised: words.words(raised),
            lowered: words.words(lowered),
        });
        Ok(features.collect())
    }

    /// Of each list the words that are in the vocabulary, and the mean cosine between their rows of the unembedding, 0 of fewer than two.
    ///
    /// # Errors
    /// [`Error::Input`] when words are not loaded, [`Error::Model`] when the device fails.
    #[cfg(not(target_family = "wasm"))]
    pub async fn coherent_words(&self, lists: &[&[String]]) -> Result<Vec<(Vec<String>, f32)>> {
        let words = self.words_or_error()?;
        let indices = words.indices();
        let of_list = |list: &&[String]| list.iter().filter_map(|word| indices.get(word.as_str()).copied()).collect();
        let known: Vec<Vec<usize>> = lists.iter().map(of_list).collect();
        let coherence = words.coherence_of(&known).await?;
        let spelled = |list: &Vec<usize>| list.iter().map(|index| words.spelling(*index).to_owned()).collect();
        Ok(known.iter().map(spelled).zip(coherence).collect())
    }

    /// The words of each row of `rows` [n, d_model], a `part` of the residual stream: the best `count`.
    ///
    /// # Errors
    /// [`Error::Input`] when words are not loaded, or have no fitted lens to read through, [`Error::Model`] when the
    /// device fails.
    #[cfg(not(target_family = "wasm"))]
    pub async fn row_words(
        &self,
        part: Part,
        through: Through,
        rows: Vec<f32>,
        count: usize,
    ) -> Result<Vec<Vec<Word>>> {
        let words = self.words_or_error()?;
        let d_model = self.manifest().gemma.hidden_size;
        let shape = [rows.len() / d_model, d_model];
        if shape[0] == 0 {
            return Ok(Vec::new());
        }
        let rows = Tensor::from_data(TensorData::new(rows, shape), &self.device.burn);
        let rows = words
            .readout
            .prepared(part, through, rows)
            .ok_or_else(|| Error::Input("the pack has no fitted lens; `temporal-lens lens` fits one".to_owned()))?;
        let lists = words.lists(vec![rows], count).await?;
        Ok(lists.iter().map(|list| words.words(list)).collect())
    }

    fn words_or_error(&self) -> Result<&LoadedWords> {
        self.words.get().ok_or_else(|| Error::Input("the words of the pack were not loaded".to_owned()))
    }
}

impl InferenceSession {
    /// Reads out the tokens that have no words yet: after a token was appended, that one alone.
    ///
    /// # Errors
    /// [`Error::Input`] when the pack's words are not loaded, [`Error::Model`] when the device fails.
    pub async fn read_words(&mut self) -> Result<()> {
        self.read(&mut []).await
    }

    /// [`Self::read_words`], and of `events`, all in one product: of the mean residual stream of an event's tokens, and
    /// of the mean of their predictable parts.
    async fn read(&mut self, events: &mut [Event]) -> Result<()> {
        let pack = self.pack().clone();
        let words = pack.words_or_error()?;
        let (first, total) = (self.words.len(), self.len());
        let new = total - first;
        let [predictable, novel] = self.parts.each_ref().map(Rows::tensor);
        let residual = self.grams.residual(total);
        let (Some(predictable), Some(novel), Some(residual)) = (predictable, novel, residual) else { return Ok(()) };
        let mut read = Vec::with_capacity(2 + 2 * events.len());
        if new > 0 {
            read.push((Part::Predictable, predictable.clone().narrow(0, first, new)));
            read.push((Part::Novel, novel.narrow(0, first, new)));
        }
        for event in events.iter() {
            let mean = |x: &Tensor<2>| {
                let (first, end) = (event.first.min(total - 1), (event.last + 1).clamp(1, total));
                x.clone().narrow(0, first, end.saturating_sub(first).max(1)).mean_dim(0)
            };
            read.push((Part::Residual, mean(&residual)));
            read.push((Part::Predictable, mean(&predictable)));
        }
        // The token before the first one made something of it.
        let from = first.saturating_sub(1);
        let next = (new > 0).then(|| {
            let came = self.embeddings.tensor().filter(|_| total - from > 1);
            let came = came.map(|all| all.narrow(0, from + 1, total - from - 1));
            NextInput { residual: residual.narrow(0, from, total - from), came }
        });
        let k = words.candidates(if events.is_empty() { TOKEN_WORDS } else { EVENT_WORDS });
        let Some(scores) = words.readout.read(read, next, k) else { return Ok(()) };
        let rows = match scores.next {
            None => ReadRows { k, words: read_back(scores.words).await?, ..ReadRows::default() },
            Some(NextScores { pieces, came }) => {
                let k_pieces = pieces.dims()[1] / 2 - 1;
                // One row at least, so that there is something to read back.
                let came = came.unwrap_or_else(|| pieces.clone().narrow(1, 0, 1));
                let [words, pieces, came] = read_back_all([scores.words, pieces, came]).await?;
                ReadRows { k, words, k_pieces, pieces, came }
            }
        };
        let of_events = 2 * new;
        let of_next = of_events + 2 * events.len();
        for t in 0..new {
            // BOS is no word of the text.
            if first + t == 0 {
                self.words.push(TokenWords::default());
                continue;
            }
            let mut predictable = words.ranked(rows.words(t), TOKEN_WORDS);
            // Before the first token there is only the start of the text, which foretells the same of every text.
            let is_first = first + t == 1;
            if is_first {
                self.start_words = words.best(rows.words(t), (words.readout.words() / START_SHARE).min(START_WORDS));
            }
            if self.is_of_start(first + t, &predictable) {
                predictable.clear();
            }
            let novel = words.ranked(rows.words(new + t), TOKEN_WORDS);
            let row = first + t - from;
            let next = rows.next(of_next, row).map(|next| words.next_words(&next)).unwrap_or_default();
            // BOS is like no token that the lens was fitted on.
            let before = row.checked_sub(1).filter(|_| first + t > 1);
            let came = before.and_then(|before| {
                let Next { largest, sum, .. } = rows.next(of_next, before)?;
                Some(Came { logit: *rows.came.get(before)?, largest, sum })
            });
            let [predictable, novel] = [predictable, novel].map(|list| words.words(&list));
            self.words.push(TokenWords { predictable, novel, next, came });
        }
        self.describe(words, events, |i| [rows.words(of_events + 2 * i), rows.words(of_events + 2 * i + 1)]).await
    }

    /// Gives events their words; `rows` of an event are the readouts of its residual stream and its predictable part.
    async fn describe<'a>(
        &self,
        words: &LoadedWords,
        events: &mut [Event],
        rows: impl Fn(usize) -> [&'a [f32]; 2],
    ) -> Result<()> {
        let lists = |i: usize| rows(i).map(|row| words.ranked(row, EVENT_WORDS));
        let (about, expected): (Vec<_>, Vec<_>) = (0..events.len()).map(lists).map(|[a, b]| (a, b)).unzip();
        let coherence = words.coherence(&about).await?;
        for (((event, about), expected), coherence) in events.iter_mut().zip(about).zip(expected).zip(coherence) {
            event.words = words.words(&about);
            event.expected = if self.is_of_start(event.last, &expected) { Vec::new() } else { words.words(&expected) };
            event.coherence = Some(coherence);
            event.unclear = coherence < COHERENT;
        }
        Ok(())
    }

    /// Whether a list of what is expected up to the token at `last` says no more than the start of any text does: see
    /// [`START_LEAST`].
    fn is_of_start(&self, last: usize, list: &[(usize, f32)]) -> bool {
        let of_start = list.iter().filter(|(index, _)| self.start_words.contains(index)).count();
        last <= 1 || last <= START_REACH && of_start >= START_LEAST
    }

    /// Puts readouts into the text's analysis: of its tokens, and of its events where they are known.
    ///
    /// # Errors
    /// As [`Self::read_words`].
    pub async fn add_words(&mut self, analysis: &mut Analysis) -> Result<()> {
        self.read(analysis.events.as_deref_mut().unwrap_or_default()).await?;
        for event in analysis.events.iter_mut().flatten() {
            // BOS, marks and line breaks are about nothing.
            let tokens = analysis.tokens.get(event.first.max(1)..=event.last).unwrap_or_default();
            event.unclear |= !tokens.iter().any(|token| has_letters(token));
        }
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
        Ok(())
    }

    /// A part of each token's residual stream [T, d_model], for readouts of mixtures of it.
    ///
    /// # Errors
    /// [`Error::Model`] when the device fails.
    #[cfg(not(target_family = "wasm"))]
    pub async fn part_rows(&self, part: Part) -> Result<Vec<f32>> {
        let [predictable, novel] = &self.parts;
        let rows = match part {
            Part::Predictable => predictable.tensor(),
            Part::Novel => novel.tensor(),
            Part::Residual | Part::Direction => self.grams.residual(self.len()),
        };
        match rows {
            Some(rows) => read_back(rows).await,
            None => Ok(Vec::new()),
        }
    }
}

/// What [`WordReadout::read`](lens_model::words::WordReadout::read) gave, read back.
#[derive(Default)]
struct ReadRows {
    k: usize,
    /// [R, 2 k + 2]
    words: Vec<f32>,
    k_pieces: usize,
    /// [N, 2 k_pieces + 2]
    pieces: Vec<f32>,
    /// [N - 1]
    came: Vec<f32>,
}

impl ReadRows {
    /// Pairs of score and word.
    fn words(&self, row: usize) -> &[f32] {
        let width = 2 * self.k + 2;
        self.words.get(row * width..(row + 1) * width - 2).unwrap_or_default()
    }

    /// What comes next after token `row`; the rows of all tokens begin at `first`. Nothing without a fitted lens.
    fn next(&self, first: usize, row: usize) -> Option<Next<'_>> {
        let (width, width_pieces) = (2 * self.k + 2, 2 * self.k_pieces + 2);
        let words = self.words.get((first + row) * width..(first + row + 1) * width)?;
        let pieces = self.pieces.get(row * width_pieces..(row + 1) * width_pieces)?;
        let (words, [largest_word, sum_of_words]) = words.split_last_chunk()?;
        let (pieces, [largest_piece, sum_of_pieces]) = pieces.split_last_chunk()?;
        let largest = largest_word.max(*largest_piece);
        let [words_factor, pieces_factor] =
            [largest_word, largest_piece].map(|of_its_own| (of_its_own - largest).exp());
        let sum = sum_of_words * words_factor + sum_of_pieces * pieces_factor;
        Some(Next { words, words_factor, pieces, pieces_factor, largest, sum })
    }
}

/// The most a number of a mean may be: those of residual streams are below 100,000, and scores of larger ones would overflow, so
/// that every list would be empty.
const LARGEST: f32 = 1e9;
/// A list of one of the first tokens with so many words of those that the start of the text alone foretells best says nothing else.
/// Of the 86 texts of tests/fixtures/events 67 have no list at their second token then, 33 at the third to the seventh. Lists with two words
/// such as "COVID" or "webinar", which no text was about, were 77 before and are 20.
const START_LEAST: usize = 2;
/// Words that are what the start foretells.
const START_WORDS: usize = 32;
/// One word in so many of the vocabulary is among them: in a vocabulary of a few hundred any two lists share some.
const START_SHARE: usize = 400;
/// Tokens that the start still speaks at.
const START_REACH: usize = 8;
/// Coherence from which on the words of an event describe it. Measured: means of 60 tokens from 14 different events reach
/// 0.08 on average, single events 0.2.
const COHERENT: f32 = 0.08;
