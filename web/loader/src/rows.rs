//! Embedding rows: as texts need them, by byte range; or all of them at once.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt, stream};
use js_sys::Uint8Array;
use lens_pack::manifest::{EmbeddingEntry, FileEntry};
use lens_pack::rows::{self, ShardRows, Span};
use lens_pack::unpack::check_file;
use web_sys::RequestCache;

use crate::abort::Abort;
use crate::browser;
use crate::error::Error;
use crate::fetch::{is_retryable, refusal};
use crate::files::PackFiles;

/// Requests in flight at once: browsers open six connections per host.
const IN_FLIGHT: usize = 6;
/// A request that fails is sent again after these pauses.
const RETRY_PAUSES_MS: [f64; 3] = [500.0, 1000.0, 2000.0];

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
    here: HashMap<u32, Box<[u8]>>,
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
}

impl Rows {
    /// Fetches the rows `ids` that are not here yet. `on_bytes(done, total)` counts the bytes to fetch.
    ///
    /// # Errors
    /// [`Error::RowsMissing`] when they are not stored and the host is not to be asked,
    /// [`Error::RowsUnreachable`] when it does not give them; those of fetching.
    pub async fn fetch(
        &mut self,
        files: &PackFiles,
        embedding: &EmbeddingEntry,
        ids: &[u32],
        source: RowSource,
        abort: &Abort,
        mut on_bytes: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= embedding.shape.0) {
            return Err(Error::Vocabulary(*id));
        }
        self.open(files, embedding, abort).await?;
        for shard in rows::plan(embedding, &self.missing(ids)) {
            self.take_from_whole(files, embedding, &shard).await;
        }
        let missing = self.missing(ids);
        if missing.is_empty() {
            return Ok(());
        }
        if source == RowSource::StoredOnly {
            return Err(Error::RowsMissing(missing.into_iter().collect()));
        }
        if browser::is_offline() {
            let problem = "There is no network.".to_owned();
            return Err(Error::RowsUnreachable(missing.into_iter().collect(), problem));
        }
        match self.fetch_missing(files, embedding, &missing, abort, &mut on_bytes).await {
            Err(Error::Network(problem)) => {
                Err(Error::RowsUnreachable(self.missing(ids).into_iter().collect(), problem))
            }
            other => other,
        }
    }

    /// Asks the host for rows.
    async fn fetch_missing(
        &mut self,
        files: &PackFiles,
        embedding: &EmbeddingEntry,
        missing: &BTreeSet<u32>,
        abort: &Abort,
        on_bytes: &mut impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        let plan = rows::plan(embedding, missing);
        let total = plan.iter().flat_map(|s| &s.spans).map(|span| span.bytes.end - span.bytes.start).sum();
        let mut wanted: Vec<(ShardRows, Span)> = Vec::new();
        let mut shards_of: Vec<ShardRows> = Vec::new();
        for shard in plan {
            wanted.extend(shard.spans.iter().map(|span| (shard.clone(), span.clone())));
            shards_of.push(shard);
        }
        let mut fresh = Vec::new();
        let mut done = 0;
        // The first answer shows whether the host knows ranges; where it does not, whole shards are
        // asked for, each once.
        if self.ranges.get().is_none()
            && let Some((shard, span)) = wanted.first().cloned()
        {
            wanted.remove(0);
            let answer = ask(files, embedding, shard.shard, Some(&span), abort).await?;
            self.ranges.set(Some(matches!(answer, Answer::Span(_))));
            done += span.bytes.end - span.bytes.start;
            on_bytes(done, total);
            self.take(files, embedding, &shard, Some(&span), answer, &mut fresh, abort).await?;
        }
        let requests: Vec<(ShardRows, Option<Span>)> = if self.ranges.get() == Some(false) {
            let left = shards_of.into_iter().filter(|shard| shard.ids.iter().any(|id| !self.here.contains_key(id)));
            left.map(|shard| (shard, None)).collect()
        } else {
            wanted.into_iter().map(|(shard, span)| (shard, Some(span))).collect()
        };
        let mut answers = stream::iter(requests)
            .map(|(shard, span)| async move {
                let answer = ask(files, embedding, shard.shard, span.as_ref(), abort).await;
                (shard, span, answer)
            })
            .buffered(IN_FLIGHT);
        while let Some((shard, span, answer)) = answers.next().await {
            done += match &span {
                Some(span) => span.bytes.end - span.bytes.start,
                None => shard.spans.iter().map(|span| span.bytes.end - span.bytes.start).sum(),
            };
            on_bytes(done.min(total), total);
            self.take(files, embedding, &shard, span.as_ref(), answer?, &mut fresh, abort).await?;
        }
        drop(answers);
        self.store(files, embedding, &fresh, abort).await
    }

    /// A row that [`Self::fetch`] fetched.
    pub fn row(&self, id: u32) -> Option<&[u8]> {
        self.here.get(&id).map(AsRef::as_ref)
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

    fn missing(&self, ids: &[u32]) -> BTreeSet<u32> {
        ids.iter().copied().filter(|id| !self.here.contains_key(id)).collect()
    }

    /// Looks through storage, once.
    async fn open(&mut self, files: &PackFiles, embedding: &EmbeddingEntry, abort: &Abort) -> Result<(), Error> {
        if std::mem::replace(&mut self.opened, true) {
            return Ok(());
        }
        let Some(cache) = files.cache() else { return Ok(()) };
        let names: HashSet<String> = cache.names().await.into_iter().collect();
        self.stored = embedding.shards.iter().map(|s| &s.sha256).filter(|sha| names.contains(*sha)).cloned().collect();
        let name = file_name(embedding);
        if names.contains(&name)
            && let Some(records) = cache.read_all(&name).await
        {
            let (rows, damaged) = rows::read_records(&records, embedding.row_bytes as usize);
            files.count(|counts| counts.stored_bytes += records.len() as u64);
            self.here.extend(rows);
            if damaged > 0 {
                let good = self.here.iter().flat_map(|(id, row)| rows::record(*id, row)).collect::<Vec<u8>>();
                cache.write_all(&name, &good, abort).await?;
            }
        }
        Ok(())
    }

    /// Takes rows from a shard that is here as a whole.
    async fn take_from_whole(&mut self, files: &PackFiles, embedding: &EmbeddingEntry, shard: &ShardRows) {
        let entry = &embedding.shards[shard.shard];
        if let Some(whole) = self.whole.get(&shard.shard) {
            let bytes = whole.to_vec();
            self.take_rows(embedding, shard, &bytes);
        } else if self.stored.contains(&entry.sha256) {
            let bytes = match files.cache() {
                Some(cache) => cache.read_all(&entry.sha256).await,
                None => None,
            };
            match bytes {
                Some(bytes) if check_file(entry, &bytes).is_ok() => {
                    files.count(|counts| counts.stored_bytes += entry.bytes);
                    self.take_rows(embedding, shard, &bytes);
                }
                // Damaged, half there, or deleted meanwhile: the host has it.
                _ => {
                    self.stored.remove(&entry.sha256);
                }
            }
        }
    }

    fn take_rows(&mut self, embedding: &EmbeddingEntry, shard: &ShardRows, bytes: &[u8]) {
        for id in &shard.ids {
            let place = rows::place(embedding, *id);
            if let Some(row) = bytes.get(place.start as usize..place.end as usize) {
                self.here.insert(*id, row.into());
            }
        }
    }

    /// Takes an answer in; rows that came alone go to `fresh`, to be stored.
    #[allow(clippy::too_many_arguments)]
    async fn take(
        &mut self,
        files: &PackFiles,
        embedding: &EmbeddingEntry,
        shard: &ShardRows,
        span: Option<&Span>,
        answer: Answer,
        fresh: &mut Vec<u32>,
        abort: &Abort,
    ) -> Result<(), Error> {
        match (answer, span) {
            (Answer::Span(bytes), Some(span)) => {
                for (i, row) in bytes.chunks_exact(embedding.row_bytes as usize).enumerate() {
                    let id = span.first + i as u32;
                    if shard.ids.contains(&id) {
                        self.here.insert(id, row.into());
                        fresh.push(id);
                    }
                }
                Ok(())
            }
            (Answer::Shard(bytes), _) => {
                let entry = &embedding.shards[shard.shard];
                let content = bytes.to_vec();
                check_file(entry, &content)?;
                self.take_rows(embedding, shard, &content);
                self.store_whole(files, shard.shard, entry, bytes, &content, abort).await
            }
            // A span is what was not asked for: nothing to take.
            (Answer::Span(_), None) => Ok(()),
        }
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

    async fn store(
        &self,
        files: &PackFiles,
        embedding: &EmbeddingEntry,
        fresh: &[u32],
        abort: &Abort,
    ) -> Result<(), Error> {
        let Some(cache) = files.cache().filter(|_| !fresh.is_empty()) else { return Ok(()) };
        let records: Vec<u8> =
            fresh.iter().filter_map(|id| Some(rows::record(*id, self.here.get(id)?))).flatten().collect();
        let record_bytes = rows::record_bytes(embedding.row_bytes as usize) as u64;
        cache.append(&file_name(embedding), &records, record_bytes, abort).await
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
    abort: &Abort,
) -> Result<Answer, Error> {
    let url = files.url_of(&embedding.shards[shard].file);
    let mut pauses = RETRY_PAUSES_MS.into_iter();
    loop {
        let (error, is_retryable) = match ask_once(files, &url, span, abort).await {
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
async fn ask_once(files: &PackFiles, url: &str, span: Option<&Span>, abort: &Abort) -> Result<Answer, (Error, bool)> {
    let mut request = abort.get(url, RequestCache::Default);
    if let Some(Span { bytes, .. }) = span {
        request = request.header("Range", &format!("bytes={}-{}", bytes.start, bytes.end - 1));
    }
    files.count(|counts| counts.requests += 1);
    let response = request.send().await.map_err(|e| (abort.error(url, e), true))?;
    if !response.ok() {
        return Err((abort.error(url, refusal(&response)), is_retryable(response.status())));
    }
    let partial = response.status() == 206;
    let content = response.binary().await.map_err(|e| (abort.error(url, e), true))?;
    files.count(|counts| counts.fetched_bytes += content.len() as u64);
    match span {
        Some(span) if partial && content.len() as u64 == span.bytes.end - span.bytes.start => Ok(Answer::Span(content)),
        _ if partial => Err((abort.error(url, "the host answered with another part than asked for"), false)),
        _ => Ok(Answer::Shard(Uint8Array::from(content.as_slice()))),
    }
}
