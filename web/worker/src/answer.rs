//! One request of the page, from its first byte to its answer.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use lens_analysis::orders::{OrderFigures, Truth};
use lens_analysis::{Analysis, events};
use lens_engine::orders::{self, Orders};
use lens_engine::{
    ComputeDevice, InferenceSession, InferenceStage, LoadedPack, OpenedDevice, RunOptions, Tokens, device,
};
use lens_loader::{Abort, Cache, RowSource};
use lens_pack::fit::Limits;
use lens_protocol::{DeviceInfo, Request, RequestStage, Response};

use crate::clock::now_ms;
use crate::failure::Failure;
use crate::outbox::{Reply, post};
use crate::packs::Pack;
use crate::progress::{Reporter, Stopwatch, report_when_done};
use crate::{arrays, diagnostics, gpu};

/// The device, and the packs that were loaded on it.
pub struct Session {
    opened: OpenedDevice,
    /// Whether that is the CPU because it answers sooner than the adapter.
    was_preferred: bool,
    limits: Limits,
    cache: Option<Rc<Cache>>,
    storage_note: Option<String>,
    packs: HashMap<String, Pack>,
    /// The text before this one: what they begin with in common need not be computed again.
    last: Option<LastText>,
    /// What was loaded before its request had its turn.
    ahead: Option<Ahead>,
    /// What the device refused before: the failure of the next text.
    refused: Option<Failure>,
}

/// A pack that was loaded for a request while the kernels were checked.
struct Ahead {
    id: u32,
    /// When that began, in milliseconds.
    start: f64,
    fetched_bytes: u64,
    failure: Option<Failure>,
}

/// A text that was analyzed.
struct LastText {
    pack_url: String,
    token_ids: Vec<u32>,
    session: InferenceSession,
}

/// What an analysis is asked for.
struct AnalysisInput {
    rows: RowSource,
    words: bool,
    options: RunOptions,
}

/// A text that was read for this request; it is the last one.
struct Read {
    tokens: Tokens,
    options: RunOptions,
    /// Bytes fetched for it.
    fetched_bytes: u64,
    /// When the model began, in milliseconds.
    compute_start: f64,
    /// Runs on until the answer is written.
    stopwatch: Stopwatch,
    /// Tokens at its beginning that were there already.
    reused_tokens: usize,
}

/// The pack and the texts that a request reads; none where it reads none.
pub fn texts_of(request: &Request) -> Option<(&str, Vec<&str>)> {
    match request {
        Request::Analyze { pack_url, text, .. }
        | Request::Attention { pack_url, text, .. }
        | Request::Shuffled { pack_url, text, .. } => Some((pack_url, vec![text.as_str()])),
        Request::Compare { pack_url, texts, .. } => {
            Some((pack_url, texts.iter().map(|(text, _)| text.as_str()).collect()))
        }
        Request::Download { .. }
        | Request::StoreEmbedding { .. }
        | Request::Diagnostics { .. }
        | Request::Cancel { .. } => None,
    }
}

impl Session {
    /// Opens the device, and the folder in which files are stored.
    pub async fn open() -> Self {
        let (cache, storage_note) = match Cache::open(lens_protocol::STORAGE_FOLDER).await {
            Ok(cache) => (Some(Rc::new(cache)), None),
            Err(none) => (None, Some(none.to_string())),
        };
        let gpu::Opened { device: opened, was_preferred } = gpu::open().await;
        Self {
            limits: gpu::limits(&opened),
            opened,
            was_preferred,
            cache,
            storage_note,
            packs: HashMap::new(),
            last: None,
            ahead: None,
            refused: None,
        }
    }

    /// The device, where its kernels are still to be checked.
    pub fn to_check(&self) -> Option<ComputeDevice> {
        self.opened.gpu.then(|| self.opened.device.clone())
    }

    /// Goes on with the CPU; `note` says why. What was loaded onto the device is loaded again.
    pub fn fall_back(&mut self, note: String) {
        self.opened = device::cpu(Some(note));
        self.limits = gpu::limits(&self.opened);
        self.packs.clear();
        self.ahead = None;
    }

    /// Answers the next text with a failure, and takes nothing from what was loaded.
    pub fn refuse(&mut self, failure: Failure) {
        self.packs.clear();
        (self.ahead, self.refused) = (None, Some(failure));
    }

    /// Loads what `request` is going to read, and says how far it is; its answer takes it from there.
    pub async fn load_ahead(&mut self, request: &Request, abort: &Abort) {
        let (id, start) = (request.id(), now_ms());
        let Some((pack_url, texts)) = texts_of(request) else { return };
        let failure = self.load_for(id, pack_url, &texts, abort).await.err();
        let fetched_bytes = self.pack(pack_url).counts().fetched_bytes;
        self.ahead = Some(Ahead { id, start, fetched_bytes, failure });
    }

    /// Whether this is the CPU because it answers sooner than the adapter that there is.
    pub fn was_preferred(&self) -> bool {
        self.was_preferred
    }

    /// What the page shows of the device and of storage.
    pub fn ready(&self) -> Response {
        let OpenedDevice { gpu, name, note, .. } = &self.opened;
        let device =
            DeviceInfo { webgpu: *gpu, name: name.clone(), note: note.clone(), was_preferred: self.was_preferred };
        Response::Ready { device, storage_note: self.storage_note.clone() }
    }

    /// Answers one request of the page.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn answer(&mut self, request: Request, abort: &Abort) -> Result<Reply, Failure> {
        let id = request.id();
        if let Some(failure) = self.refused.take_if(|_| texts_of(&request).is_some()) {
            return Err(failure);
        }
        if let Some(failure) = self.ahead.as_mut().filter(|ahead| ahead.id == id).and_then(|it| it.failure.take()) {
            return Err(failure);
        }
        match request {
            Request::Analyze { pack_url, text, inf_k, rows, words, .. } => {
                let rows = match rows {
                    lens_protocol::RowSource::Host => RowSource::Host,
                    lens_protocol::RowSource::StoredOnly => RowSource::StoredOnly,
                };
                let options = RunOptions { inf_k, ..RunOptions::default() };
                self.analyze(id, &pack_url, &text, AnalysisInput { rows, words, options }, abort).await
            }
            Request::Attention { pack_url, text, inf_k, .. } => {
                self.attention(id, &pack_url, &text, inf_k, abort).await
            }
            Request::Shuffled { pack_url, text, inf_k, words, orders, .. } => {
                let options = RunOptions { inf_k, ..RunOptions::default() };
                let input = AnalysisInput { rows: RowSource::Host, words, options };
                self.shuffled(id, &pack_url, &text, input, usize::from(orders), abort).await
            }
            Request::Compare { pack_url, texts, .. } => self.compare(id, &pack_url, &texts, abort).await,
            Request::Download { pack_url, words, .. } => self.download(id, &pack_url, words, abort).await,
            Request::StoreEmbedding { pack_url, .. } => self.store_embedding(id, &pack_url, abort).await,
            Request::Diagnostics { .. } => {
                let facts = diagnostics::collect(&self.opened, self.storage_note.as_deref(), &self.packs);
                Ok(Reply::new(&Response::Diagnostics { id, facts }))
            }
            // It does not wait in the queue.
            Request::Cancel { .. } => Err(Failure::Stopped),
        }
    }

    /// Analyzes a text with a wait for the device between the stages.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn analyze_in_stages(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        abort: &Abort,
    ) -> Result<Reply, Failure> {
        let options = RunOptions { sync_between_stages: true, ..RunOptions::default() };
        let input = AnalysisInput { rows: RowSource::Host, words: false, options };
        self.analyze(id, pack_url, text, input, abort).await
    }

    /// The networks of the pack at `pack_url` with zeros for weights, on this session's device.
    pub async fn without_weights(&self, pack_url: &str, abort: &Abort) -> Result<Arc<LoadedPack>, Failure> {
        // Nothing is stored: the pack may never be asked for.
        Pack::new(pack_url.to_owned(), None).without_weights(&self.opened.device, self.limits, abort).await
    }

    /// The device that everything runs on.
    pub fn device(&self) -> &ComputeDevice {
        &self.opened.device
    }

    /// Loads the pack at `url`, for `texts`; without its tokenizer where there are none.
    ///
    /// # Errors
    /// Those of fetching and of the device.
    pub async fn load(&mut self, url: &str, texts: Option<&[&str]>, abort: &Abort) -> Result<&mut Pack, Failure> {
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let pack = self.pack(url);
        pack.load(&device, limits, texts, abort, |_, _| {}).await?;
        Ok(pack)
    }

    fn pack(&mut self, url: &str) -> &mut Pack {
        let cache = self.cache.clone();
        self.packs.entry(url.to_owned()).or_insert_with(|| Pack::new(url.to_owned(), cache))
    }

    async fn download(&mut self, id: u32, pack_url: &str, words: bool, abort: &Abort) -> Result<Reply, Failure> {
        let mut reporter = Reporter::new(id);
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let report = |done, total| reporter.report(RequestStage::Weights, done, total);
        let bytes = self.pack(pack_url).download(&device, limits, words, abort, report).await?;
        Ok(Reply::new(&Response::Downloaded { id, bytes }))
    }

    async fn store_embedding(&mut self, id: u32, pack_url: &str, abort: &Abort) -> Result<Reply, Failure> {
        let mut reporter = Reporter::new(id);
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let report = |done, total| reporter.report(RequestStage::Embedding, done, total);
        let bytes = self.pack(pack_url).store_embedding(&device, limits, abort, report).await?;
        Ok(Reply::new(&Response::EmbeddingStored { id, bytes }))
    }

    /// Loads the pack for texts that are to be read, and says how far it is.
    async fn load_for(
        &mut self,
        id: u32,
        pack_url: &str,
        texts: &[&str],
        abort: &Abort,
    ) -> Result<&Arc<LoadedPack>, Failure> {
        let mut reporter = Reporter::new(id);
        let (device, limits) = (self.opened.device.clone(), self.limits);
        let report = |done, total| reporter.report(RequestStage::Weights, done, total);
        self.pack(pack_url).load(&device, limits, Some(texts), abort, report).await
    }

    /// Reads a text; it is the last one then.
    async fn read(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        rows: RowSource,
        options: RunOptions,
        abort: &Abort,
    ) -> Result<Read, Failure> {
        let mut reporter = Reporter::new(id);
        let ahead = self.ahead.as_ref().filter(|ahead| ahead.id == id).map_or(0, |ahead| ahead.fetched_bytes);
        let fetched_before = self.pack(pack_url).counts().fetched_bytes - ahead;
        let tokens = self.load_for(id, pack_url, &[text], abort).await?.tokenize(text)?;
        let common = |last: &LastText| last.token_ids.iter().zip(&tokens.ids).take_while(|(a, b)| a == b).count();
        let fits = |last: &LastText| last.pack_url == pack_url && last.session.is_compatible_with(options);
        let reused_tokens = self.last.as_ref().filter(|last| fits(last)).map_or(0, common);
        let on_rows = |done, total| reporter.report(RequestStage::Embedding, done, total);
        let mut stopwatch = Stopwatch::start(|times| &mut times.embedding_ms);
        // Before the last text is taken: it serves the next one where rows are missing.
        let rows = self.pack(pack_url).embedding(&tokens.ids[reused_tokens..], rows, abort, on_rows).await?;
        // Frames and tabs of this site compute one after the other: together each would take longer than both in turn.
        let _turn = match &self.cache {
            Some(cache) => Some(cache.lock(lens_protocol::GPU_LOCK, abort).await?),
            None => None,
        };
        let last = self.last.take().filter(|last| last.pack_url == pack_url);
        let pack = self.pack(pack_url);
        let fetched_bytes = pack.counts().fetched_bytes - fetched_before;
        let Some(loaded) = pack.loaded().cloned() else { return Err(Failure::device("the pack was not loaded")) };
        stopwatch.enter(|times| &mut times.gemma_ms);
        let compute_start = stopwatch.since;
        let mut session = match last {
            Some(last) if fits(&last) => last.session,
            Some(LastText { mut session, .. }) => {
                session.reset(options)?;
                session
            }
            None => InferenceSession::new(loaded.clone(), options)?,
        };
        session.truncate(reused_tokens);
        let queue = self.opened.queue.clone();
        let mut step = |stage| {
            match stage {
                InferenceStage::Layer(done, total) => {
                    stopwatch.enter(|times| &mut times.gemma_ms);
                    report_when_done(queue.as_ref(), id, RequestStage::Model, done as u64, total as u64);
                }
                InferenceStage::Sae => {
                    stopwatch.enter(|times| &mut times.sae_ms);
                    report_when_done(queue.as_ref(), id, RequestStage::Sae, 0, 1);
                }
                InferenceStage::ReadBack => stopwatch.enter(|times| &mut times.read_back_ms),
            }
            if abort.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut flow = ControlFlow::Continue(());
        if session.options() != options {
            flow = session.reencode(options.inf_k, &mut step).await?;
        }
        if flow.is_continue() {
            let extended = session.extend(&rows, &mut step).await;
            flow = extended.inspect_err(|_| self.pack(pack_url).forget_rows())?;
        }
        stopwatch.enter(|times| &mut times.analysis_ms);
        let stopped = flow.is_break() || abort.is_stopped();
        if !stopped {
            reporter.report(RequestStage::Analysis, 0, 1);
        }
        // A text that was stopped half-way is a beginning, too.
        let token_ids = tokens.ids[..session.len()].to_vec();
        self.last = Some(LastText { pack_url: pack_url.to_owned(), token_ids, session });
        if stopped {
            return Err(Failure::Stopped);
        }
        Ok(Read { tokens, options, fetched_bytes, compute_start, stopwatch, reused_tokens })
    }

    async fn analyze(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        AnalysisInput { rows, words, options }: AnalysisInput,
        abort: &Abort,
    ) -> Result<Reply, Failure> {
        let start = self.ahead.as_ref().filter(|ahead| ahead.id == id).map_or_else(now_ms, |ahead| ahead.start);
        let Read { tokens, options, mut fetched_bytes, compute_start, mut stopwatch, reused_tokens } =
            self.read(id, pack_url, text, rows, options, abort).await?;
        if words {
            fetched_bytes += self.load_words(id, pack_url, abort).await?;
        }
        let session = self.last.as_mut().map(|last| &mut last.session);
        let session = session.ok_or_else(|| Failure::device("the text is not in memory"))?;
        let mut analysis = Box::new(session.pack().analysis_header(text, &tokens, session.summary(), options));
        let gram_of = |source| session.summary().centered_gram(source).to_matrix();
        analysis.events = Some(events::of_text_by(gram_of, &tokens.tokens));
        if words && session.pack().has_words() {
            post(&Response::Progress { id, stage: RequestStage::Words, done: 1, total: 1 });
            session.add_words(&mut analysis).await?;
        }
        let matrices = arrays::grams_of_summary(session.summary()).collect();
        stopwatch.enter(|times| &mut times.analysis_ms);
        let end = stopwatch.since;
        let header = Response::Analysis {
            id,
            analysis,
            fetched_bytes,
            elapsed_ms: end - start,
            compute_ms: end - compute_start,
            stages: stopwatch.times,
            reused_tokens,
        };
        Ok(Reply::with(&header, matrices))
    }

    /// Loads the pack's words, where it has any and they are not loaded; answers the bytes fetched for them. A failure
    /// is a note: the analysis is answered without words.
    async fn load_words(&mut self, id: u32, pack_url: &str, abort: &Abort) -> Result<u64, Failure> {
        let mut reporter = Reporter::new(id);
        let pack = self.pack(pack_url);
        let before = pack.counts().fetched_bytes;
        let report = |done, total| reporter.report(RequestStage::Words, done, total);
        match pack.load_words(abort, report).await {
            Err(Failure::Stopped) => return Err(Failure::Stopped),
            Err(failure) => {
                let text = format!("The words were not loaded, so this is without them: {}", failure.message());
                post(&Response::Note { text });
            }
            Ok(()) => {}
        }
        Ok(pack.counts().fetched_bytes - before)
    }

    /// The text that was read last.
    fn last_session(&self) -> Result<&InferenceSession, Failure> {
        self.last.as_ref().map(|last| &last.session).ok_or_else(|| Failure::device("the text is not in memory"))
    }

    async fn attention(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        inf_k: Option<usize>,
        abort: &Abort,
    ) -> Result<Reply, Failure> {
        let options = RunOptions { inf_k, ..RunOptions::default() };
        self.read(id, pack_url, text, RowSource::Host, options, abort).await?;
        let session = self.last_session()?;
        let [layers, heads] = session.attention_heads();
        let mut matrices = Vec::with_capacity(layers * heads);
        session.attention_levels(|levels| matrices.push(arrays::levels(&levels))).await?;
        Ok(Reply::with(&Response::Attention { id, layers, heads, tokens: session.len() }, matrices))
    }

    async fn shuffled(
        &mut self,
        id: u32,
        pack_url: &str,
        text: &str,
        AnalysisInput { rows, words, options }: AnalysisInput,
        orders: usize,
        abort: &Abort,
    ) -> Result<Reply, Failure> {
        let Read { tokens, .. } = self.read(id, pack_url, text, rows, options, abort).await?;
        if words {
            self.load_words(id, pack_url, abort).await?;
        }
        let mut reporter = Reporter::new(id);
        // All of them are here since the text was read.
        let rows = self.pack(pack_url).embedding(&tokens.ids, rows, abort, |_, _| {}).await?;
        let _turn = match &self.cache {
            Some(cache) => Some(cache.lock(lens_protocol::GPU_LOCK, abort).await?),
            None => None,
        };
        let session = self.last.as_mut().map(|last| &mut last.session);
        let session = session.ok_or_else(|| Failure::device("the text is not in memory"))?;
        let pack = session.pack().clone();
        let mut own = pack.analysis(text, &tokens, session.summary(), options);
        if words && pack.has_words() {
            session.add_words(&mut own).await?;
        }
        let asked = Orders { tokens: &tokens, rows: &rows, own: &own, session, options, orders };
        let figures = |analysis: &Analysis, event_of: &[Option<usize>], truth: &Truth, _: &InferenceSession| {
            let found = OrderFigures::of(analysis, event_of, truth);
            found.map(|it| it.values().to_vec()).map_err(|why| Failure::device(why.to_string()))
        };
        let mut last = None;
        let step = |done: usize, total: usize| {
            if last.replace(done) != Some(done) {
                reporter.report(RequestStage::Orders, done as u64, total as u64);
            }
            if abort.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match orders::shuffled(&pack, asked, &OrderFigures::NAMES, figures, step).await? {
            ControlFlow::Continue(shuffled) => Ok(Reply::new(&Response::Shuffled { id, shuffled })),
            ControlFlow::Break(()) => Err(Failure::Stopped),
        }
    }

    async fn compare(
        &mut self,
        id: u32,
        pack_url: &str,
        texts: &[(String, Option<usize>); 2],
        abort: &Abort,
    ) -> Result<Reply, Failure> {
        let [(first, first_k), (second, second_k)] = texts;
        let options = |inf_k: &Option<usize>| RunOptions { inf_k: *inf_k, ..RunOptions::default() };
        // One that cannot be analyzed is refused before the other one is.
        let loaded = self.load_for(id, pack_url, &[first, second], abort).await?;
        for text in [first, second] {
            loaded.tokenize(text)?;
        }
        let a = self.read(id, pack_url, first, RowSource::Host, options(first_k), abort).await?;
        // Out of the way of the second text, which would go on from it.
        let Some(previous) = self.last.take() else {
            return Err(Failure::device("the first text is not in memory"));
        };
        let between = now_ms();
        let b = self.read(id, pack_url, second, RowSource::Host, options(second_k), abort).await?;
        let session = self.last_session()?;
        let header = |text: &str, read: &Read, session: &InferenceSession| {
            Box::new(session.pack().analysis_header(text, &read.tokens, session.summary(), read.options))
        };
        let (first, second) = (header(first, &a, &previous.session), header(second, &b, session));
        let mut matrices: Vec<_> = arrays::grams_of_summary(previous.session.summary()).collect();
        matrices.extend(arrays::grams_of_summary(session.summary()));
        matrices.extend(arrays::grams(previous.session.joint_grams(session).await?));
        // The first text is the one in the box: it is what typing goes on from.
        self.last = Some(previous);
        let compute_ms = between - a.compute_start + now_ms() - b.compute_start;
        Ok(Reply::with(&Response::Comparison { id, first, second, compute_ms }, matrices))
    }
}
