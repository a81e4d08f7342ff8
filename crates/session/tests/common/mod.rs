//! A page without a browser, for tests: it keeps what was asked of the browser, and answers where a test says so.

#![allow(missing_docs, dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod random;

use std::collections::VecDeque;
use std::sync::OnceLock;

use lens_analysis::comparison::Comparison;
use lens_analysis::dashboard::{INDEX_FILE, Index};
use lens_analysis::document::{AnalysisFile, ComparisonFile, to_json};
use lens_analysis::shuffled::Shuffled;
use lens_analysis::{
    Analysis, Attention, FeatureCode, Grams, ModelInfo, Selected, SimilarityStats, Source, SymmetricMatrix,
};
use lens_protocol::buffers::Buffer;
use lens_protocol::{DeviceInfo, FailureKind, Request, RequestStage, Response, StageTimes};
use lens_session::{Effect, Fetch, Model, Msg, Opened, OutsideError, Pack, Start, Timer, ViewState};
use lens_view::selection::Selection;

pub const OWN: &str = "https://page.example/models/default/";
pub const OTHER: &str = "https://other.example/pack/";
/// The list that the site ships.
pub const GALLERY: &str = include_str!("../../../../demo/examples/index.json");
/// The dashboards that the site ships.
const DASHBOARDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/dashboards");
/// The text that the page opens with.
pub const OPENING: &str = "The rocket stood on the pad in a cloud of frost, and the engineers counted down in the control room. \
    At zero the engines lit, the tower fell away, and within minutes the crew floated above the curve of \
    the Earth, watching the stars through a small window. In the courtroom the next morning, the judge \
    asked the jury for silence. The lawyer called her last witness, who swore that the signature on the \
    contract was not his, and the verdict was read out before noon. That evening the orchestra tuned its \
    violins in the old opera house. The conductor raised her baton, the cellos began the slow melody, \
    and when the last chord had faded, the audience rose from their seats and applauded.";

pub const MODELS: &str = r#"{"format": "temporal-lens-models/1", "models": [
    {"url": "models/default/", "title": "Default"}, {"url": "https://other.example/pack/", "title": "Other"}]}"#;

/// A manifest of a pack of 10 kB, with an embedding of 5 kB.
pub fn manifest() -> String {
    let file = |file: &str, bytes: u64, digit: &str| serde_json::json!({"file": file, "bytes": bytes, "sha256": digit.repeat(64)});
    serde_json::json!({
        "format": "temporal-lens-pack", "version": 2, "model_name": "google/gemma", "sae_name": "temporal", "layer": 12,
        "precision": "q8", "licences": [],
        "tokenizer": file("tokenizer.bin", 1000, "a"), "shards": [file("shard-0000.safetensors", 9000, "b")],
        "embedding": {"shards": [file("embedding-0000.safetensors", 5000, "c")]},
    })
    .to_string()
}

pub fn own_pack() -> Pack {
    Pack {
        url: OWN.to_owned(),
        foreign_host: None,
        bytes: 90_000_000,
        embedding_bytes: 170_000_000,
        words_bytes: 5_000_000,
    }
}

pub fn other_pack() -> Pack {
    let foreign_host = Some("other.example".to_owned());
    Pack { url: OTHER.to_owned(), foreign_host, bytes: 0, embedding_bytes: 0, words_bytes: 0 }
}

/// Two tokens at least: BOS and one for each word.
pub fn tokens(text: &str) -> Vec<String> {
    std::iter::once("<bos>".to_owned()).chain(text.split_whitespace().map(|word| format!("▁{word}"))).collect()
}

fn gram(n: usize) -> SymmetricMatrix {
    SymmetricMatrix::from_fn(n, |i, j| if i == j { 1.0 } else { 0.25 / (1.0 + (j - i) as f32) })
}

fn grams(n: usize) -> Grams {
    Grams::from_sources([gram(n), gram(n), gram(n), gram(n)])
}

/// What a model makes of a text, without its matrices.
pub fn header(text: &str, inf_k: Option<usize>) -> Analysis {
    let tokens = tokens(text);
    let n = tokens.len();
    Analysis {
        text: text.to_owned(),
        model: ModelInfo {
            name: "test/model".to_owned(),
            pack_hash: dashboard_index().pack_hash.clone(),
            layer: 12,
            precision: "q8".to_owned(),
            width: 1920,
            neuronpedia: None,
        },
        inf_k,
        token_ids: (0..n as u32).collect(),
        variance_explained: 0.75,
        l0_novel: vec![1; n],
        l0_pred: vec![2; n],
        l0_total: vec![3; n],
        selected: Some(Selected { position: 1, feature: 7, value: 1.5 }),
        similarity_stats: SimilarityStats { min: 0.0, max: 1.0, mean: 0.5 },
        novel_top: vec![vec![FeatureCode { feature: 7, value: 1.5 }]; n],
        pred_top: None,
        sources: None,
        events: None,
        words: None,
        surprise: None,
        shuffled: None,
        energy: None,
        attention: None,
        grams: None,
        saved_similarity: None,
        tokens,
    }
}

pub fn analysis(text: &str, inf_k: Option<usize>) -> Analysis {
    let it = header(text, inf_k);
    Analysis { grams: Some(grams(it.tokens.len())), ..it }
}

pub fn comparison(first: &str, second: &str) -> Comparison {
    let (first, second) = (analysis(first, None), analysis(second, None));
    let n = first.tokens.len() + second.tokens.len();
    Comparison { first, second, grams: grams(n) }
}

pub fn result_json(text: &str) -> String {
    to_json(&AnalysisFile::compact(&analysis(text, None))).unwrap()
}

pub fn comparison_json(first: &str, second: &str) -> String {
    to_json(&ComparisonFile::compact(&comparison(first, second))).unwrap()
}

fn matrices(n: usize) -> Vec<Buffer> {
    Source::ALL.map(|_| Buffer::F32(gram(n).upper().to_vec())).to_vec()
}

pub struct Page {
    pub model: Model,
    pub now: f64,
    /// All that was asked of the browser and was not looked at yet.
    pub asked: VecDeque<Effect>,
    /// All that was fetched.
    pub fetched: Vec<Fetch>,
}

impl Page {
    /// A page that no link was opened on yet.
    pub fn closed(start: Start) -> Self {
        Self { model: Model::new(start), now: 0.0, asked: VecDeque::new(), fetched: Vec::new() }
    }

    /// The page as a first visitor finds it, its first example and the list of examples shown.
    pub fn new() -> Self {
        Self::at("")
    }

    /// The page at an address, with what it fetches.
    pub fn at(query: &str) -> Self {
        let mut page = Self::closed(start());
        page.visit(query);
        page.serve();
        page
    }

    /// The page with the model loaded and `text` analyzed.
    pub fn analyzed(text: &str) -> Self {
        let mut page = Self::new();
        page.analyze(text);
        page.asked.clear();
        page
    }

    pub fn tell(&mut self, msg: Msg) {
        self.now += 1.0;
        let effects = self.model.update(msg, self.now);
        self.asked.extend(effects);
    }

    /// A message, and what it alone asks of the browser.
    pub fn effects_of(&mut self, msg: Msg) -> Vec<Effect> {
        self.now += 1.0;
        self.model.update(msg, self.now)
    }

    pub fn visit(&mut self, query: &str) {
        let opened = ViewState::read(query);
        let pack = opened.view.model.as_ref().map(|url| Pack { url: url.clone(), ..other_pack() });
        self.tell(Msg::UrlChanged(Box::new(opened), pack));
    }

    pub fn visit_view(&mut self, view: ViewState) {
        self.tell(Msg::UrlChanged(Box::new(Opened { view, dropped: Vec::new() }), None));
    }

    /// Takes the next fetch that was asked for.
    pub fn take_fetch(&mut self) -> Option<(Fetch, u32)> {
        let at = self.asked.iter().position(|effect| matches!(effect, Effect::Fetch(..)))?;
        match self.asked.remove(at) {
            Some(Effect::Fetch(what, turn)) => Some((what, turn)),
            _ => None,
        }
    }

    /// Answers a fetch as the site does.
    pub fn answer(&mut self, what: Fetch, turn: u32) {
        let found = site(&what);
        self.fetched.push(what.clone());
        self.tell(Msg::Fetched(what, turn, found));
    }

    /// Answers every fetch.
    pub fn serve(&mut self) {
        while let Some((what, turn)) = self.take_fetch() {
            self.answer(what, turn);
        }
    }

    /// The requests that were sent and not looked at yet, in order.
    pub fn take_sent(&mut self) -> Vec<Request> {
        let mut sent = Vec::new();
        self.asked.retain(|effect| match effect {
            Effect::Send(request) | Effect::SendIfPossible(request) => {
                sent.push(request.clone());
                false
            }
            _ => true,
        });
        sent
    }

    /// The last request that was sent.
    pub fn sent(&mut self) -> Request {
        self.take_sent().pop().expect("nothing was sent")
    }

    pub fn take_timers(&mut self) -> Vec<(Timer, u32)> {
        let mut timers = Vec::new();
        self.asked.retain(|effect| match effect {
            Effect::SetTimer(timer, ms) => {
                timers.push((*timer, *ms));
                false
            }
            _ => true,
        });
        timers
    }

    /// The addresses that were written and not looked at yet.
    pub fn take_urls(&mut self) -> Vec<(String, bool)> {
        let mut urls = Vec::new();
        self.asked.retain(|effect| match effect {
            Effect::WriteUrl { link, is_entry } => {
                urls.push((link.clone(), *is_entry));
                false
            }
            _ => true,
        });
        urls
    }

    pub fn worker(&mut self, response: Response) {
        self.tell(Msg::Worker(response, Vec::new()));
    }

    pub fn ready(&mut self) {
        let device = DeviceInfo { webgpu: true, name: "test".to_owned(), note: None, was_preferred: false };
        self.worker(Response::Ready { device, storage_note: None });
    }

    /// The worker's answer to a request for an analysis.
    pub fn answer_analysis(&mut self, request: &Request) {
        let Request::Analyze { id, text, inf_k, .. } = request else { panic!("{request:?}") };
        self.tell(analysis_of(*id, text, *inf_k));
    }

    pub fn answer_comparison(&mut self, request: &Request) {
        let Request::Compare { id, texts: [(first, first_k), (second, second_k)], .. } = request else {
            panic!("{request:?}")
        };
        let (first, second) = (header(first, *first_k), header(second, *second_k));
        let (a, b) = (first.tokens.len(), second.tokens.len());
        let buffers = [matrices(a), matrices(b), matrices(a + b)].concat();
        let response =
            Response::Comparison { id: *id, first: Box::new(first), second: Box::new(second), compute_ms: 1.0 };
        self.tell(Msg::Worker(response, buffers));
    }

    pub fn answer_shuffled(&mut self, request: &Request) {
        let Request::Shuffled { id, orders, .. } = request else { panic!("{request:?}") };
        let shuffled = Shuffled { orders: usize::from(*orders), statistics: Vec::new() };
        self.worker(Response::Shuffled { id: *id, shuffled });
    }

    pub fn answer_attention(&mut self, request: &Request) {
        let Request::Attention { id, text, .. } = request else { panic!("{request:?}") };
        let n = tokens(text).len();
        let entries = (0..=n + 2).find_map(|k| {
            let levels = vec![0_u16; n * (n + 1) / 2 + k];
            Attention::new(1, 1, n, vec![levels.clone()]).ok().map(|_| levels)
        });
        let response = Response::Attention { id: *id, layers: 1, heads: 1, tokens: n };
        self.tell(Msg::Worker(response, vec![Buffer::U16(entries.expect("levels of some size fit"))]));
    }

    pub fn fail(&mut self, id: u32, failure: FailureKind, message: &str) {
        self.worker(Response::Failed { id, failure, message: message.to_owned() });
    }

    pub fn progress(&mut self, id: u32, stage: RequestStage, done: u64, total: u64) {
        self.worker(Response::Progress { id, stage, done, total });
    }

    /// Types a text, presses Analyze and answers. None is under way before.
    pub fn analyze(&mut self, text: &str) {
        self.tell(Msg::Typed(text.to_owned()));
        self.tell(Msg::Submit);
        let request = self.sent();
        self.answer_analysis(&request);
    }

    /// The text that is shown.
    pub fn shown(&self) -> Option<&str> {
        self.model.shown.as_ref().map(|shown| shown.analysis.text.as_str())
    }

    /// The query that the page's address has, or would have.
    pub fn query(&self) -> String {
        self.model.address.query()
    }

    pub fn choose(&mut self, change: impl FnOnce(&mut ViewState)) {
        let mut view = self.model.view.clone();
        change(&mut view);
        self.tell(Msg::Chosen(Box::new(view)));
    }
}

/// A first visitor.
pub fn start() -> Start {
    Start { pack: Some(own_pack()), ..Start::default() }
}

pub fn analysis_of(id: u32, text: &str, inf_k: Option<usize>) -> Msg {
    let header = header(text, inf_k);
    let buffers = matrices(header.tokens.len());
    let response = Response::Analysis {
        id,
        analysis: Box::new(header),
        fetched_bytes: 0,
        elapsed_ms: 2.0,
        compute_ms: 1.0,
        stages: StageTimes::default(),
        reused_tokens: 0,
    };
    Msg::Worker(response, buffers)
}

/// The index of the shipped dashboards.
pub fn dashboard_index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| {
        Index::from_json(&std::fs::read_to_string(format!("{DASHBOARDS}/{INDEX_FILE}")).unwrap()).unwrap()
    })
}

/// The text of an example of the shipped list.
pub fn example_text(id: &str) -> String {
    lens_view::gallery::Gallery::from_json(GALLERY).unwrap().find(id).unwrap().text.clone()
}

/// What the site answers.
pub fn site(what: &Fetch) -> Result<String, OutsideError> {
    let gallery = lens_view::gallery::Gallery::from_json(GALLERY).unwrap();
    match what {
        Fetch::Gallery => Ok(GALLERY.to_owned()),
        Fetch::Example(id) => match gallery.find(id) {
            Some(example) => Ok(result_json(&example.text)),
            None => Err(OutsideError::Status(404)),
        },
        Fetch::Pair(id) => {
            let first = gallery.find(id).ok_or(OutsideError::FetchFailed)?;
            let second = first.pair.as_deref().and_then(|id| gallery.find(id)).ok_or(OutsideError::FetchFailed)?;
            Ok(comparison_json(&first.text, &second.text))
        }
        Fetch::Carried => Ok(result_json("one two three")),
        Fetch::CarriedComparison => Ok(comparison_json("one two three", "one two four")),
        Fetch::Models => Ok(MODELS.to_owned()),
        Fetch::Manifest(url) if url.contains("silent") => Err(OutsideError::FetchFailed),
        Fetch::Manifest(url) if url.contains("broken") => Ok("[".to_owned()),
        Fetch::Manifest(_) => Ok(manifest()),
        Fetch::DashboardIndex => Ok(to_json(dashboard_index()).unwrap()),
        Fetch::Dashboard(file) => {
            std::fs::read_to_string(format!("{DASHBOARDS}/{file}")).map_err(|_| OutsideError::FetchFailed)
        }
        Fetch::Result(url) if url.ends_with("good.json") => Ok(result_json("a saved result of five words")),
        Fetch::Result(url) if url.ends_with("broken.json") => Ok("{\"format\":".to_owned()),
        Fetch::Result(_) => Err(OutsideError::Status(404)),
    }
}

/// One selected span.
pub fn span(first: usize, end: usize) -> Selection {
    Selection::of(std::iter::once(first..end).collect())
}
