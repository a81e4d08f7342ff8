//! A pack's files to a loaded [`LoadedPack`], and embedding rows as texts need them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use lens_engine::{ComputeDevice, LoadedPack, PackLoader, WordsLoader};
use lens_loader::{Abort, Cache, Counts, PackFiles, Prepared, RowSource, Rows};
use lens_pack::fit::{self, Limits};
use lens_pack::manifest::{FileEntry, MANIFEST_FILE, Manifest, WordsEntry};
use lens_pack::row_checks::{Blocks, RowChecks};
use lens_protocol::TOKENS_MAX;

use crate::clock::now_ms;
use crate::failure::Failure;
use crate::outbox::post;

/// Files on their way at once. They lie outside wasm's memory, at most 32 MiB each.
const FILES_IN_FLIGHT: usize = 4;

/// A pack on its way, or there. What has arrived stays when a load is stopped or fails.
pub struct Pack {
    files: PackFiles,
    rows: Rows,
    state: PackState,
    times: LoadTimes,
}

/// How long loading took, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadTimes {
    /// All of it, from the manifest on; what was stopped and begun again adds up.
    pub whole_ms: f64,
    /// Reading the tokenizer, once its file was here.
    pub tokenizer_ms: f64,
}

enum PackState {
    Nothing,
    Loading { builder: Box<PackLoader>, tokenizer: bool, shards: usize },
    Ready(Arc<LoadedPack>),
}

/// Where a file goes.
#[derive(Clone, Copy)]
enum Goal {
    Tokenizer,
    RowChecks,
    Shard(usize),
}

impl Pack {
    /// A pack at `url` (ending in a slash) of which nothing is loaded.
    pub fn new(url: String, cache: Option<Rc<Cache>>) -> Self {
        let files = PackFiles::new(url, cache, |text| post(&lens_protocol::Response::Note { text }));
        Self { files, rows: Rows::default(), state: PackState::Nothing, times: LoadTimes::default() }
    }

    /// What was asked of network and storage so far.
    pub fn counts(&self) -> Counts {
        self.files.counts()
    }

    /// How long loading took so far.
    pub fn times(&self) -> LoadTimes {
        self.times
    }

    /// The manifest, once it is here.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.state {
            PackState::Nothing => None,
            PackState::Loading { builder, .. } => Some(builder.manifest()),
            PackState::Ready(pack) => Some(pack.manifest()),
        }
    }

    /// Sees to it that the manifest is here and that its weights fit.
    async fn open(&mut self, device: &ComputeDevice, limits: Limits, abort: &Abort) -> Result<(), Failure> {
        if let PackState::Nothing = self.state {
            let json = self.files.manifest(abort).await?;
            let builder = Box::new(PackLoader::new(&json, MANIFEST_FILE, device.clone())?);
            fit::check(builder.manifest(), limits).map_err(|e| Failure::capacity(e.to_string()))?;
            self.files.store_manifest(&json, abort).await?;
            if builder.manifest().row_checks.is_none() {
                let text = "This pack has no checksums of embedding rows: they are taken as the host gives them, and are not \
                            stored. Packed again, it has.";
                post(&lens_protocol::Response::Note { text: text.to_owned() });
            } else if builder.manifest().checksum.is_none() {
                let text = "This pack’s manifest has no checksum of its own: its numbers are taken as the host gives them. Packed \
                            again, it has.";
                post(&lens_protocol::Response::Note { text: text.to_owned() });
            }
            self.state = PackState::Loading { builder, tokenizer: false, shards: 0 };
        }
        Ok(())
    }

    /// Brings what is missing and returns the loaded pack. `on_bytes(done, total)` counts the bytes of the whole load. The
    /// tokenizer is left out where there are no `texts`; where there are, one that cannot be analyzed is refused before
    /// any weight is asked for.
    pub async fn load(
        &mut self,
        device: &ComputeDevice,
        limits: Limits,
        texts: Option<&[&str]>,
        abort: &Abort,
        on_bytes: impl FnMut(u64, u64),
    ) -> Result<&Arc<LoadedPack>, Failure> {
        if self.loaded().is_none() {
            let start = now_ms();
            let fetched = self.fetch(device, limits, texts, abort, on_bytes).await;
            self.times.whole_ms += now_ms() - start;
            fetched?;
        }
        self.state = match std::mem::replace(&mut self.state, PackState::Nothing) {
            PackState::Loading { builder, .. } => PackState::Ready(Arc::new(builder.finish()?)),
            other => other,
        };
        self.loaded().ok_or_else(|| Failure::device("the pack was not loaded"))
    }

    async fn fetch(
        &mut self,
        device: &ComputeDevice,
        limits: Limits,
        texts: Option<&[&str]>,
        abort: &Abort,
        on_bytes: impl FnMut(u64, u64),
    ) -> Result<(), Failure> {
        self.open(device, limits, abort).await?;
        if let PackState::Loading { builder, tokenizer, shards } = &mut self.state {
            let done = Done { tokenizer, shards, rows: &mut self.rows, tokenizer_ms: &mut self.times.tokenizer_ms };
            fetch(&self.files, builder, done, texts, abort, on_bytes).await?;
        }
        Ok(())
    }

    /// The embedding of `ids`, [T, d_model]; rows that are not here come from `source`.
    /// `on_bytes(done, total)` counts the bytes of those rows.
    pub async fn embedding(
        &mut self,
        ids: &[u32],
        source: RowSource,
        abort: &Abort,
        on_bytes: impl FnMut(u64, u64),
    ) -> Result<Vec<f32>, Failure> {
        let PackState::Ready(loaded) = &self.state else { return Err(Failure::device("the pack was not loaded")) };
        let blocks = Blocks::of(loaded.manifest());
        let brought = self.rows.fetch(&self.files, loaded.manifest(), ids, source, abort, on_bytes).await;
        brought.map_err(|error| Failure::of_rows(error, |ids| loaded.describe(ids).tokens))?;
        let rows = ids.iter().map(|id| self.rows.row(blocks, *id).unwrap_or_default());
        let read = loaded.embedding_rows(rows);
        if read.is_err() {
            self.forget_rows();
        }
        Ok(read?)
    }

    /// Brings embedding rows again when they are needed next: what was computed of those that are here is wrong.
    pub fn forget_rows(&mut self) {
        self.rows.forget();
    }

    /// Loads the pack's words, where it has any and they are not loaded. `on_bytes(done, total)` counts their bytes.
    pub async fn load_words(&mut self, abort: &Abort, on_bytes: impl FnMut(u64, u64)) -> Result<(), Failure> {
        let PackState::Ready(loaded) = &self.state else { return Err(Failure::device("the pack was not loaded")) };
        let Some(words) = loaded.manifest().words.as_ref().filter(|_| !loaded.has_words()) else { return Ok(()) };
        let entries: Vec<FileEntry> = words.files().cloned().collect();
        let tally = Tally::new(entries.len(), 0, words.load_bytes(), on_bytes);
        let mut loader = WordsLoader::new(loaded)?;
        let mut prepared = in_flight(&self.files, entries.iter().enumerate(), &tally, abort);
        let mut content = Vec::new();
        for file in 0..entries.len() {
            let Some(ready) = prepared.next().await else { break };
            self.files.read(ready?, abort, &|bytes| tally.set(file, bytes), &mut content).await?;
            match file.checked_sub(1) {
                None => loader.set_vocabulary(&content)?,
                Some(shard) => loader.add_checked_shard(shard, &content)?,
            }
        }
        Ok(loader.finish()?)
    }

    /// Fetches and stores tokenizer, checksums of rows and weights, and the words where they are wanted; answers their bytes. What fits no device here is refused first.
    pub async fn download(
        &mut self,
        device: &ComputeDevice,
        limits: Limits,
        words: bool,
        abort: &Abort,
        on_bytes: impl FnMut(u64, u64),
    ) -> Result<u64, Failure> {
        self.open(device, limits, abort).await?;
        let Some(manifest) = self.manifest() else { return Err(Failure::device("the manifest was not loaded")) };
        let of_words = manifest.words.iter().filter(|_| words).flat_map(WordsEntry::files);
        let entries: Vec<FileEntry> = manifest.load_files().chain(of_words).cloned().collect();
        let total = entries.iter().map(|entry| entry.bytes).sum();
        let tally = Tally::new(entries.len(), 0, total, on_bytes);
        let mut prepared = in_flight(&self.files, entries.iter().enumerate(), &tally, abort);
        for (file, entry) in entries.iter().enumerate() {
            let Some(ready) = prepared.next().await else { break };
            if !ready?.is_stored() {
                return Err(Failure::capacity(
                    "The model was not stored: this browser’s storage is refused here or full. Free some space, or leave the \
                     private window, and try again; Analyze works without storing it.",
                ));
            }
            tally.set(file, entry.bytes);
        }
        Ok(total)
    }

    /// Stores the whole embedding; answers its bytes.
    pub async fn store_embedding(
        &mut self,
        device: &ComputeDevice,
        limits: Limits,
        abort: &Abort,
        on_bytes: impl FnMut(u64, u64),
    ) -> Result<u64, Failure> {
        self.open(device, limits, abort).await?;
        let embedding = match self.manifest() {
            Some(manifest) => manifest.embedding.clone(),
            None => return Err(Failure::device("the manifest was not loaded")),
        };
        self.rows.store_all(&self.files, &embedding, abort, on_bytes).await?;
        Ok(embedding.shards.iter().map(|shard| shard.bytes).sum())
    }

    /// The networks of this pack with zeros for weights: of its files the manifest alone is fetched.
    pub async fn without_weights(
        mut self,
        device: &ComputeDevice,
        limits: Limits,
        abort: &Abort,
    ) -> Result<Arc<LoadedPack>, Failure> {
        self.open(device, limits, abort).await?;
        let PackState::Loading { mut builder, .. } = self.state else {
            return Err(Failure::device("the manifest was not loaded"));
        };
        for shard in 0..builder.manifest().shards.len() {
            builder.add_zero_shard(shard)?;
        }
        Ok(Arc::new(builder.finish()?))
    }

    /// The pack on its device, once loaded.
    pub fn loaded(&self) -> Option<&Arc<LoadedPack>> {
        match &self.state {
            PackState::Ready(loaded) => Some(loaded),
            PackState::Nothing | PackState::Loading { .. } => None,
        }
    }
}

/// What the builder has had.
struct Done<'a> {
    tokenizer: &'a mut bool,
    shards: &'a mut usize,
    /// Takes the checksums of rows.
    rows: &'a mut Rows,
    tokenizer_ms: &'a mut f64,
}

/// How many bytes of each file are here, reported as a sum.
struct Tally<F> {
    here: RefCell<Vec<u64>>,
    before: u64,
    total: u64,
    report: RefCell<F>,
}

impl<F: FnMut(u64, u64)> Tally<F> {
    /// Of so many files, `before` bytes of the `total` being here already. `report(done, total)`.
    fn new(files: usize, before: u64, total: u64, report: F) -> Self {
        Self { here: RefCell::new(vec![0; files]), before, total, report: RefCell::new(report) }
    }

    fn set(&self, file: usize, bytes: u64) {
        let mut here = self.here.borrow_mut();
        here[file] = bytes;
        let done = self.before + here.iter().sum::<u64>();
        (self.report.borrow_mut())(done.min(self.total), self.total);
    }
}

/// Whether all texts can be analyzed, as far as their tokens tell.
fn check(builder: &PackLoader, texts: Option<&[&str]>) -> Result<(), Failure> {
    for text in texts.unwrap_or_default() {
        builder.tokenize(text)?;
    }
    Ok(())
}

/// Brings files, each with its place in the tally, several at once; they come out in their order.
fn in_flight<'a, F: FnMut(u64, u64)>(
    files: &'a PackFiles,
    entries: impl Iterator<Item = (usize, &'a FileEntry)> + Unpin + 'a,
    tally: &'a Tally<F>,
    abort: &'a Abort,
) -> impl Stream<Item = Result<Prepared, lens_loader::Error>> + Unpin + 'a {
    stream::iter(entries)
        .map(
            move |(file, entry)| async move { files.prepare(entry, abort, &move |bytes| tally.set(file, bytes)).await },
        )
        .buffered(FILES_IN_FLIGHT)
}

/// Hands the files that are missing to the builder, in order, while the next ones are on their way.
async fn fetch(
    files: &PackFiles,
    builder: &mut PackLoader,
    done: Done<'_>,
    texts: Option<&[&str]>,
    abort: &Abort,
    on_bytes: impl FnMut(u64, u64),
) -> Result<(), Failure> {
    let manifest = builder.manifest();
    let total = manifest.load_bytes();
    let mut wanted: Vec<(Goal, FileEntry)> = Vec::new();
    // A token has at least a byte: short texts need not wait for the tokenizer alone.
    let may_be_too_long = |text: &&str| text.len() >= TOKENS_MAX;
    let mut alone = 0;
    if texts.is_some() && !*done.tokenizer {
        wanted.push((Goal::Tokenizer, manifest.tokenizer.clone()));
        alone = usize::from(texts.iter().copied().flatten().any(may_be_too_long));
    } else {
        check(builder, texts)?;
    }
    let row_checks = manifest.row_checks.clone();
    if let Some(checks) = row_checks.as_ref().filter(|_| !done.rows.has_checks()) {
        wanted.push((Goal::RowChecks, checks.list.clone()));
    }
    let missing = manifest.shards.iter().enumerate().skip(*done.shards);
    wanted.extend(missing.map(|(shard, entry)| (Goal::Shard(shard), entry.clone())));
    let before = total - wanted.iter().map(|(_, entry)| entry.bytes).sum::<u64>();

    let tally = Tally::new(wanted.len(), before, total, on_bytes);
    let entries = || wanted.iter().map(|(_, entry)| entry).enumerate();
    let mut prepared = in_flight(files, entries().take(alone), &tally, abort).chain(in_flight(
        files,
        entries().skip(alone),
        &tally,
        abort,
    ));
    // One file at a time lies in wasm's memory, in the same place.
    let mut content = Vec::new();
    for (file, (goal, _)) in wanted.iter().enumerate() {
        let Some(ready) = prepared.next().await else { break };
        files.read(ready?, abort, &|bytes| tally.set(file, bytes), &mut content).await?;
        match *goal {
            Goal::Tokenizer => {
                let start = now_ms();
                builder.set_tokenizer(&content)?;
                *done.tokenizer_ms = now_ms() - start;
                *done.tokenizer = true;
                check(builder, texts)?;
            }
            Goal::RowChecks => {
                if let Some(entry) = &row_checks {
                    done.rows.set_checks(RowChecks::from_bytes(entry, &content).map_err(lens_loader::Error::from)?);
                }
            }
            Goal::Shard(shard) => {
                builder.add_checked_shard(shard, &content)?;
                *done.shards = shard + 1;
            }
        }
    }
    Ok(())
}
