//! A pack's files to a loaded [`Lens`], and embedding rows as texts need them.

use std::collections::{BTreeSet, HashMap, HashSet};

use burn::tensor::Device;
use futures_util::{StreamExt, stream};
use lens_engine::{Lens, LensBuilder};
use lens_weights::manifest::MANIFEST_FILE;
use lens_weights::unpack;

use crate::answer::Failure;
use crate::fetch::{self, Abort, Ranged};

/// Requests for embedding rows in flight at once: browsers open six connections a host.
const ROWS_IN_FLIGHT: usize = 6;

/// A pack on its way, or there. What has arrived stays when a load is stopped or fails.
pub struct Pack {
    url: String,
    state: State,
    /// Raw bytes of the embedding rows seen so far.
    rows: HashMap<u32, Vec<u8>>,
    /// Bytes fetched, of all files and rows.
    pub fetched_bytes: u64,
}

enum State {
    Nothing,
    Loading { builder: Box<LensBuilder>, tokenizer: bool, shards: usize },
    Ready(Box<Lens>),
}

impl Pack {
    /// A pack at `url` (ending in a slash) of which nothing is loaded.
    pub fn new(url: String) -> Self {
        Self { url, state: State::Nothing, rows: HashMap::new(), fetched_bytes: 0 }
    }

    /// Fetches what is missing and returns the loaded lens. `on_bytes(done, total)` counts the
    /// bytes of the whole load. The tokenizer is left out where `with_tokenizer` is false.
    pub async fn load(
        &mut self,
        device: &Device,
        with_tokenizer: bool,
        abort: &Abort,
        mut on_bytes: impl FnMut(u64, u64),
    ) -> Result<&Lens, Failure> {
        if let State::Nothing = self.state {
            let url = format!("{}{MANIFEST_FILE}", self.url);
            let json = fetch::text(&url, abort).await?;
            self.fetched_bytes += json.len() as u64;
            let builder = Box::new(LensBuilder::new(&json, MANIFEST_FILE, device.clone())?);
            self.state = State::Loading { builder, tokenizer: !with_tokenizer, shards: 0 };
        }
        if let State::Loading { builder, tokenizer, shards } = &mut self.state {
            let total = builder.manifest().load_bytes();
            let mut done: u64 = builder.manifest().shards[..*shards].iter().map(|s| s.bytes).sum();
            if *tokenizer {
                done += builder.manifest().tokenizer.bytes;
            } else {
                let entry = builder.manifest().tokenizer.clone();
                let url = format!("{}{}", self.url, entry.file);
                let content = fetch::bytes(&url, entry.bytes, abort, |n| on_bytes(done + n, total)).await?;
                self.fetched_bytes += content.len() as u64;
                builder.set_tokenizer(&content)?;
                *tokenizer = true;
                done += entry.bytes;
            }
            while let Some(entry) = builder.manifest().shards.get(*shards).cloned() {
                let url = format!("{}{}", self.url, entry.file);
                let content = fetch::bytes(&url, entry.bytes, abort, |n| on_bytes(done + n, total)).await?;
                self.fetched_bytes += content.len() as u64;
                builder.add_shard(*shards, &content)?;
                *shards += 1;
                done += entry.bytes;
            }
            on_bytes(total, total);
        }
        self.state = match std::mem::replace(&mut self.state, State::Nothing) {
            State::Loading { builder, .. } => State::Ready(Box::new(builder.finish()?)),
            other => other,
        };
        match &self.state {
            State::Ready(lens) => Ok(lens),
            State::Nothing | State::Loading { .. } => Err(Failure::device("the pack was not loaded")),
        }
    }

    /// The embedding of `ids`, [T, d_model]; rows not seen before are fetched by byte range.
    /// `on_bytes(done, total)` counts the bytes of those rows.
    pub async fn embedding(
        &mut self,
        ids: &[u32],
        abort: &Abort,
        mut on_bytes: impl FnMut(u64, u64),
    ) -> Result<Vec<f32>, Failure> {
        let State::Ready(lens) = &self.state else { return Err(Failure::device("the pack was not loaded")) };
        let manifest = lens.manifest();
        let missing: BTreeSet<u32> = ids.iter().copied().filter(|id| !self.rows.contains_key(id)).collect();
        let mut wanted = Vec::with_capacity(missing.len());
        for id in &missing {
            let (shard, range) = manifest
                .embedding_row(*id)
                .ok_or_else(|| Failure::input(format!("token {id} lies outside the model's vocabulary")))?;
            wanted.push((*id, shard.clone(), range));
        }
        let row_bytes = manifest.embedding.row_bytes;
        let total = wanted.len() as u64 * row_bytes;
        let mut whole: HashSet<String> = HashSet::new();
        let url = &self.url;
        let mut answers = stream::iter(&wanted)
            .map(|(id, shard, range)| async move {
                let ranged = fetch::range(&format!("{url}{}", shard.file), range.clone(), abort).await;
                (*id, shard, ranged)
            })
            .buffered(ROWS_IN_FLIGHT);
        let mut done = 0;
        while let Some((id, shard, ranged)) = answers.next().await {
            done += row_bytes;
            on_bytes(done, total);
            match ranged? {
                Ranged::Part(bytes) => {
                    self.fetched_bytes += bytes.len() as u64;
                    self.rows.insert(id, bytes);
                }
                // A host without ranges sends the small shard; every row wanted from it is there.
                Ranged::Whole(bytes) => {
                    self.fetched_bytes += bytes.len() as u64;
                    if whole.insert(shard.file.clone()) {
                        unpack::check_file(shard, &bytes).map_err(lens_engine::Error::from)?;
                        for (other, other_shard, range) in &wanted {
                            if other_shard.file == shard.file {
                                let range = range.start as usize..range.end as usize;
                                if let Some(row) = bytes.get(range) {
                                    self.rows.insert(*other, row.to_vec());
                                }
                            }
                        }
                    }
                }
            }
        }
        drop(answers);
        let empty = Vec::new();
        let rows = ids.iter().map(|id| self.rows.get(id).unwrap_or(&empty).as_slice());
        Ok(lens.embedding_rows(rows)?)
    }

    /// The lens, once loaded.
    pub fn lens(&self) -> Option<&Lens> {
        match &self.state {
            State::Ready(lens) => Some(lens),
            State::Nothing | State::Loading { .. } => None,
        }
    }
}
