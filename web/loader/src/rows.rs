//! Embedding rows: as texts need them, by byte range; or all of them at once.
//!
//! What a host answers to a byte range is compared with the pack's checksums of rows before a row is taken from it, and so
//! is what storage gives back. Of a pack without such checksums (version 2) rows that came by range are not stored, and the
//! browser's own cache is not asked for them.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt, stream};
use js_sys::Uint8Array;
use lens_pack::manifest::{EmbeddingEntry, FileEntry, Manifest};
use lens_pack::row_checks::{Blocks, RowChecks};
use lens_pack::rows::{self, Span};
use lens_pack::unpack::check_file;
use web_sys::RequestCache;

use crate::abort::Abort;
use crate::browser;
use crate::error::Error;
use crate::fetch::{is_part, is_retryable, refusal};
use crate::files::PackFiles;

/// Requests in flight at once: browsers open six connections per host.
const IN_FLIGHT: usize = 6;
/// A request that fails is sent again after these pauses.
const RETRY_PAUSES_MS: [f64; 3] = [500.0, 1000.0, 2000.0];
/// Digits of a shard's checksum in the address that its rows are asked from.
const ADDRESS_DIGITS: usize = 16;

/// Where rows may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSource {
    /// Their host, where they are not stored.
    Host,
    /// Nowhere: only rows that are here already. The host learns nothing of the text.
    StoredOnly,
}

/// Rows that are here, and how to get more.
#[derive(Default)]
pub struct Rows {
    /// In blocks, by their numbers.
    here: HashMap<u32, Box<[u8]>>,
    /// What they are compared with, where the pack has it.
    checks: Option<RowChecks>,
    /// Whether storage was looked through.
    opened: bool,
    /// Checksums of the shards that storage held whole when it was looked through.
    stored: HashSet<String>,
    /// Whole shards that cannot be stored, from a host without ranges.
    whole: HashMap<usize, Uint8Array>,
    /// Whether the host knows ranges, once one was asked for.
    ranges: Cell<Option<bool>>,
}

/// What a host made of a request for a span.
enum Answer {
    Span(Vec<u8>),
    Shard(Uint8Array),
    /// Another part than was asked for.
    Other,
}

impl Rows {
    /// Takes the pack's checksums of rows.
    pub fn set_checks(&mut self, checks: RowChecks) {
        self.checks = Some(checks);
    }

    /// Whether [`Self::set_checks`] was called.
    pub fn has_checks(&self) -> bool {
        self.checks.is_some()
    }

    /// Forgets rows of which a result was refused, so that the next request brings them again.
    pub fn forget(&mut self) {
        self.here.clear();
        self.whole.clear();
        self.opened = false;
    }

    /// Fetches the rows `ids` that are not here yet. `on_bytes(done, total)` counts the bytes to fetch.
    ///
    /// # Errors
    /// [`Error::RowsMissing`] when they are not stored and the host is not to be asked,
    /// [`Error::RowsUnreachable`] when it does not give them, [`Error::Content`] when it gives others; those of fetching.
    pub async fn fetch(
        &mut self,
        files: &PackFiles,
        manifest: &Manifest,
        ids: &[u32],
        source: RowSource,
        abort: &Abort,
        mut on_bytes: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let blocks = Blocks::of(manifest);
        if let Some(id) = ids.iter().find(|&&id| id as usize >= blocks.embedding().shape.0) {
            return Err(Error::Vocabulary(*id));
        }
        self.open(files, blocks, abort).await?;
        for (shard, wanted) in rows::by_shard(blocks, &self.missing(blocks, ids)) {
            self.take_from_whole(files, blocks, shard, &wanted).await;
        }
        let missing = self.missing(blocks, ids);
        if missing.is_empty() {
            return Ok(());
        }
        if source == RowSource::StoredOnly {
            return Err(Error::RowsMissing(self.missing_ids(blocks, ids)));
        }
        if browser::is_offline() {
            let problem = "There is no network.".to_owned();
            return Err(Error::RowsUnreachable(self.missing_ids(blocks, ids), problem));
        }
        match self.fetch_missing(files, blocks, &missing, abort, &mut on_bytes).await {
            Err(Error::Network(problem)) => Err(Error::RowsUnreachable(self.missing_ids(blocks, ids), problem)),
            other => other,
        }
    }

    /// Asks the host for blocks.
    async fn fetch_missing(
        &mut self,
        files: &PackFiles,
        blocks: Blocks<'_>,
        missing: &BTreeSet<u32>,
        abort: &Abort,
        on_bytes: &mut impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let mut spans = rows::plan(blocks, missing);
        let length = |span: &Span| span.bytes.end - span.bytes.start;
        let total: u64 = spans.iter().map(length).sum();
        let mut fresh = Vec::new();
        let mut done = 0;
        // Shards of which the answer was not as the pack says: they are asked for as a whole, past the browser's own cache.
        let mut whole: BTreeSet<usize> = BTreeSet::new();
        // The first answer shows whether the host knows ranges; where it does not, whole shards are
        // asked for, each once.
        if self.ranges.get().is_none() && !spans.is_empty() {
            let span = spans.remove(0);
            done += length(&span);
            on_bytes(done, total);
            let answer = ask(files, blocks.embedding(), span.shard, Some(&span), self.cache_mode(), abort).await?;
            let knows_ranges = !matches!(answer, Answer::Shard(_));
            let is_right = self.take(files, blocks, missing, &span, answer, &mut fresh, abort).await?;
            if is_right || !knows_ranges {
                self.ranges.set(Some(knows_ranges));
            }
            if !is_right {
                whole.insert(span.shard);
            }
        }
        if self.ranges.get() == Some(false) {
            whole.extend(spans.drain(..).map(|span| span.shard));
        }
        let mode = self.cache_mode();
        let mut answers = stream::iter(spans)
            .map(|span| async move {
                let answer = ask(files, blocks.embedding(), span.shard, Some(&span), mode, abort).await;
                (span, answer)
            })
            .buffered(IN_FLIGHT);
        while let Some((span, answer)) = answers.next().await {
            done += length(&span);
            on_bytes(done.min(total), total);
            if !self.take(files, blocks, missing, &span, answer?, &mut fresh, abort).await? {
                whole.insert(span.shard);
            }
        }
        drop(answers);
        self.store(files, blocks, &fresh, abort).await?;
        whole.retain(|shard| {
            missing.iter().any(|&block| blocks.shard(block) == *shard && !self.here.contains_key(&block))
        });
        let mut answers = stream::iter(whole)
            .map(|shard| async move {
                (shard, ask(files, blocks.embedding(), shard, None, RequestCache::NoStore, abort).await)
            })
            .buffered(IN_FLIGHT);
        while let Some((shard, answer)) = answers.next().await {
            if let Answer::Shard(bytes) = answer? {
                self.take_shard(files, blocks, shard, missing, bytes, abort).await?;
            }
        }
        Ok(())
    }

    /// How the browser's own cache is used for parts: not at all for what nothing is compared with.
    fn cache_mode(&self) -> RequestCache {
        if self.has_checks() { RequestCache::Default } else { RequestCache::NoStore }
    }

    /// A row that [`Self::fetch`] fetched.
    pub fn row(&self, blocks: Blocks<'_>, id: u32) -> Option<&[u8]> {
        self.here.get(&blocks.of_row(id))?.get(blocks.row_in_block(id))
    }

    /// Fetches what storage lacks of the whole embedding, so that no text asks the host for rows
    /// any more. `on_bytes(done, total)`.
    ///
    /// # Errors
    /// [`Error::Storage`] where this browser stores no files or not so many; those of fetching. What
    /// came stays.
    pub async fn store_all(
        &mut self,
        files: &PackFiles,
        embedding: &EmbeddingEntry,
        abort: &Abort,
        mut on_bytes: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let nowhere = || {
            Error::Storage(
                "The whole embedding was not stored: this browser’s storage is refused here or full. Free some space, \
                 or leave the private window, and try again."
                    .to_owned(),
            )
        };
        let Some(cache) = files.cache() else { return Err(nowhere()) };
        let total: u64 = embedding.shards.iter().map(|shard| shard.bytes).sum();
        let mut done = 0;
        let mut prepared = stream::iter(&embedding.shards)
            .map(|shard| async move { (shard, files.prepare(shard, abort, &|_| ()).await) })
            .buffered(IN_FLIGHT);
        while let Some((shard, ready)) = prepared.next().await {
            if !ready?.is_stored() {
                return Err(nowhere());
            }
            self.stored.insert(shard.sha256.clone());
            done += shard.bytes;
            on_bytes(done, total);
        }
        // A shard that was fetched last may have filled the storage.
        match embedding.shards.last() {
            Some(last) if cache.bytes(&last.sha256).await != Some(last.bytes) => Err(nowhere()),
            _ => Ok(()),
        }
    }

    /// The blocks of `ids` that are not here.
    fn missing(&self, blocks: Blocks<'_>, ids: &[u32]) -> BTreeSet<u32> {
        ids.iter().map(|id| blocks.of_row(*id)).filter(|block| !self.here.contains_key(block)).collect()
    }

    /// Those of `ids` whose blocks are not here, ascending.
    fn missing_ids(&self, blocks: Blocks<'_>, ids: &[u32]) -> Vec<u32> {
        let missing: BTreeSet<u32> =
            ids.iter().copied().filter(|id| !self.here.contains_key(&blocks.of_row(*id))).collect();
        missing.into_iter().collect()
    }

    /// Looks through storage, once.
    async fn open(&mut self, files: &PackFiles, blocks: Blocks<'_>, abort: &Abort) -> Result<(), Error> {
        if std::mem::replace(&mut self.opened, true) {
            return Ok(());
        }
        let Some(cache) = files.cache() else { return Ok(()) };
        let embedding = blocks.embedding();
        let names: HashSet<String> = cache.names().await.into_iter().collect();
        self.stored = embedding.shards.iter().map(|s| &s.sha256).filter(|sha| names.contains(*sha)).cloned().collect();
        let name = file_name(embedding);
        if let Some(checks) = &self.checks
            && names.contains(&name)
            && let Some(records) = cache.read_all(&name).await
        {
            let (found, damaged) = rows::read_records(&records, blocks, checks);
            files.count(|counts| counts.stored_bytes += records.len() as u64);
            self.here.extend(found);
            if damaged > 0 {
                let good: Vec<u8> =
                    self.here.iter().flat_map(|(block, bytes)| rows::record(blocks, *block, bytes)).collect();
                cache.write_all(&name, &good, abort).await?;
            }
        }
        Ok(())
    }

    /// Takes blocks from a shard that is here as a whole.
    async fn take_from_whole(&mut self, files: &PackFiles, blocks: Blocks<'_>, shard: usize, wanted: &BTreeSet<u32>) {
        let entry = &blocks.embedding().shards[shard];
        if let Some(whole) = self.whole.get(&shard) {
            let bytes = whole.to_vec();
            self.take_blocks(blocks, wanted, &bytes);
        } else if self.stored.contains(&entry.sha256) {
            let bytes = match files.cache() {
                Some(cache) => cache.read_all(&entry.sha256).await,
                None => None,
            };
            match bytes {
                Some(bytes) if check_file(entry, &bytes).is_ok() => {
                    files.count(|counts| counts.stored_bytes += entry.bytes);
                    self.take_blocks(blocks, wanted, &bytes);
                }
                // Damaged, half there, or deleted meanwhile: the host has it.
                _ => {
                    self.stored.remove(&entry.sha256);
                }
            }
        }
    }

    /// Takes blocks from the content of their shard, which passed [`check_file`].
    fn take_blocks(&mut self, blocks: Blocks<'_>, wanted: &BTreeSet<u32>, bytes: &[u8]) {
        for &block in wanted {
            let place = blocks.bytes(block);
            if let Some(content) = bytes.get(place.start as usize..place.end as usize) {
                self.here.insert(block, content.into());
            }
        }
    }

    /// Takes those blocks of an answer that are wanted; those that came without their shard go to `fresh`, to be stored.
    /// Answers whether everything in it is as the pack says, as far as it says.
    #[allow(clippy::too_many_arguments)]
    async fn take(
        &mut self,
        files: &PackFiles,
        blocks: Blocks<'_>,
        wanted: &BTreeSet<u32>,
        span: &Span,
        answer: Answer,
        fresh: &mut Vec<u32>,
        abort: &Abort,
    ) -> Result<bool, Error> {
        let bytes = match answer {
            Answer::Span(bytes) => bytes,
            Answer::Other => return Ok(false),
            Answer::Shard(bytes) => {
                return match self.take_shard(files, blocks, span.shard, wanted, bytes, abort).await {
                    Err(Error::Content(_)) => Ok(false),
                    taken => taken.map(|()| true),
                };
            }
        };
        let mut is_right = true;
        for block in span.blocks.clone() {
            let place = blocks.bytes(block);
            let place = (place.start - span.bytes.start) as usize..(place.end - span.bytes.start) as usize;
            let content = bytes.get(place).filter(|it| self.checks.as_ref().is_none_or(|all| all.is_right(block, it)));
            match content {
                Some(content) if wanted.contains(&block) => {
                    self.here.insert(block, content.into());
                    fresh.push(block);
                }
                Some(_) => {}
                None => is_right = false,
            }
        }
        Ok(is_right)
    }

    /// Compares a whole shard with its checksum, takes its blocks, and keeps it.
    async fn take_shard(
        &mut self,
        files: &PackFiles,
        blocks: Blocks<'_>,
        shard: usize,
        wanted: &BTreeSet<u32>,
        bytes: Uint8Array,
        abort: &Abort,
    ) -> Result<(), Error> {
        let entry = &blocks.embedding().shards[shard];
        let content = bytes.to_vec();
        check_file(entry, &content)?;
        if let Some(wanted) = rows::by_shard(blocks, wanted).get(&shard) {
            self.take_blocks(blocks, wanted, &content);
        }
        self.store_whole(files, shard, entry, bytes, &content, abort).await
    }

    async fn store_whole(
        &mut self,
        files: &PackFiles,
        shard: usize,
        entry: &FileEntry,
        bytes: Uint8Array,
        content: &[u8],
        abort: &Abort,
    ) -> Result<(), Error> {
        if let Some(cache) = files.cache() {
            cache.write_all(&entry.sha256, content, abort).await?;
            if cache.bytes(&entry.sha256).await == Some(entry.bytes) {
                self.stored.insert(entry.sha256.clone());
                return Ok(());
            }
        }
        self.whole.insert(shard, bytes);
        Ok(())
    }

    async fn store(&self, files: &PackFiles, blocks: Blocks<'_>, fresh: &[u32], abort: &Abort) -> Result<(), Error> {
        let Some(cache) = files.cache().filter(|_| self.has_checks() && !fresh.is_empty()) else { return Ok(()) };
        let records: Vec<u8> = fresh
            .iter()
            .filter_map(|block| Some(rows::record(blocks, *block, self.here.get(block)?)))
            .flatten()
            .collect();
        cache.append(&file_name(blocks.embedding()), &records, rows::record_bytes(blocks) as u64, abort).await
    }
}

fn file_name(embedding: &EmbeddingEntry) -> String {
    lens_protocol::rows_file(&rows::key(embedding))
}

/// Asks for a span of a shard, or for all of it; some times more where the connection fails.
async fn ask(
    files: &PackFiles,
    embedding: &EmbeddingEntry,
    shard: usize,
    span: Option<&Span>,
    mode: RequestCache,
    abort: &Abort,
) -> Result<Answer, Error> {
    let entry = &embedding.shards[shard];
    let url = files.url_of(&entry.file);
    let mut pauses = RETRY_PAUSES_MS.into_iter();
    loop {
        let (error, is_retryable) = match ask_once(files, &url, entry, span, mode, abort).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        match pauses.next() {
            Some(pause) if is_retryable && !abort.is_stopped() => abort.wait(pause).await?,
            _ => return Err(error),
        }
    }
}

/// One request; with a failure comes whether another try may do better.
async fn ask_once(
    files: &PackFiles,
    url: &str,
    entry: &FileEntry,
    span: Option<&Span>,
    mode: RequestCache,
    abort: &Abort,
) -> Result<Answer, (Error, bool)> {
    // Hosts of files ignore the query; caches on the way do not, and so never give a part of a file that another pack has
    // under the same name.
    let address = format!("{url}?{}", &entry.sha256[..entry.sha256.len().min(ADDRESS_DIGITS)]);
    let mut request = abort.get(&address, mode);
    if let Some(Span { bytes, .. }) = span {
        request = request.header("Range", &format!("bytes={}-{}", bytes.start, bytes.end - 1));
    }
    files.count(|counts| counts.requests += 1);
    let response = request.send().await.map_err(|e| (abort.error(url, e), true))?;
    // A file that is shorter than the pack says: as a whole it tells what it is.
    if span.is_some() && response.status() == 416 {
        return Ok(Answer::Other);
    }
    if !response.ok() {
        return Err((abort.error(url, refusal(&response)), is_retryable(response.status())));
    }
    let partial = response.status() == 206;
    let is_asked = span.is_some_and(|span| is_part(&response, span.bytes.start, Some(span.bytes.end)));
    let content = response.binary().await.map_err(|e| (abort.error(url, e), true))?;
    files.count(|counts| counts.fetched_bytes += content.len() as u64);
    match span {
        Some(span) if partial && is_asked && content.len() as u64 == span.bytes.end - span.bytes.start => {
            Ok(Answer::Span(content))
        }
        Some(_) if partial => Ok(Answer::Other),
        None if partial => Err((abort.error(url, "the host answered with a part of it instead of all"), false)),
        _ => Ok(Answer::Shard(Uint8Array::from(content.as_slice()))),
    }
}
