//! Hub names, against a local server that speaks the hub's paths.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use common::{Outcome, command, fixture, outcome, text};
use tiny_http::{Header, Method, Response, Server};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub with `bad/KIND`, a checkpoint of which one file comes damaged the first time that it is asked for, and well after that;
/// `google/tiny` (gated: it wants the token "let-me-in"), `canrager/temporalSAEs` and `mirrored/tiny`, which comes
/// without a header that hubs send and some of their mirrors do not.
struct Hub {
    endpoint: String,
    requested: Arc<Mutex<Vec<String>>>,
    server: Arc<Server>,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn file_of(url: &str) -> Option<PathBuf> {
    let gemma = url.strip_prefix("/google/tiny/resolve/main/").or(url.strip_prefix("/mirrored/tiny/resolve/main/"));
    let sae = url.strip_prefix("/canrager/temporalSAEs/resolve/main/gemma-2-2B/layer_12/temporal/");
    let saelens = url.strip_prefix("/someone/saelens/resolve/main/");
    let bad = url.strip_prefix("/bad/").and_then(|rest| rest.split_once("/resolve/main/")).map(|(_, file)| file);
    let path = match (gemma.or(bad), sae, saelens) {
        (Some("tokenizer.json"), _, _) => fixture("tokenizer/tiny.json"),
        (Some("GEMMA_TERMS.md"), _, _) => fixture("README.md"),
        (Some(file), _, _) => fixture("gemma/gemma3-sharded").join(file),
        (_, Some(file), _) => fixture("sae/relu-untied-2-layers").join(file),
        (_, _, Some(file)) => fixture("sae/sae-lens-topk").join(file),
        _ => return None,
    };
    path.is_file().then_some(path)
}

impl Hub {
    fn start() -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let endpoint = format!("http://{}", server.server_addr().to_ip().unwrap());
        let requested = Arc::new(Mutex::new(Vec::new()));
        let thread = std::thread::spawn({
            let (server, requested) = (server.clone(), requested.clone());
            move || server.incoming_requests().for_each(|request| answer(request, &requested))
        });
        Self { endpoint, requested, server, thread: Some(thread) }
    }

    fn pack(&self, home: &std::path::Path, gemma: &str, sae: &str, token: Option<&str>) -> Outcome {
        let mut command = command();
        // A slash at the end of the endpoint is no path of its own.
        command.env("HF_ENDPOINT", format!("{}/", self.endpoint)).env("HF_HOME", home.join("hf"));
        if let Some(token) = token {
            command.env("HF_TOKEN", token);
        }
        let out = text(&home.join("pack"));
        command.args(["pack", "--gemma", gemma, "--sae", sae, "--layer", "6", "--precision", "f32", "--out", &out]);
        outcome(&mut command)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.server.unblock();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).unwrap()
}

fn answer(request: tiny_http::Request, requested: &Mutex<Vec<String>>) {
    assert_eq!(*request.method(), Method::Get);
    let url = request.url().to_owned();
    requested.lock().unwrap().push(url.clone());
    let field = |name: &'static str| {
        request.headers().iter().find(|h| h.field.equiv(name)).map(|h| h.value.as_str().to_owned())
    };
    if url.starts_with("/google/") && field("Authorization").as_deref() != Some("Bearer let-me-in") {
        return request.respond(Response::from_string("gated").with_status_code(401)).unwrap();
    }
    if url.starts_with("/api/models/google/tiny") {
        let info = format!(
            r#"{{"sha": "{COMMIT}", "siblings": [{{"rfilename": "GEMMA_TERMS.md"}}, {{"rfilename": "config.json"}}]}}"#
        );
        return request.respond(Response::from_string(info)).unwrap();
    }
    let Some(path) = file_of(&url) else {
        return request.respond(Response::from_string("no such file").with_status_code(404)).unwrap();
    };
    let mut bytes = std::fs::read(&path).unwrap();
    let mut etag = format!("\"{}-{}\"", path.file_name().unwrap().to_string_lossy(), bytes.len());
    let mut announced = bytes.len();
    if let Some((kind, file)) = url.strip_prefix("/bad/").and_then(|rest| rest.split_once("/resolve/main/")) {
        // The large files of a hub are identified by their sha256.
        etag = format!("\"{}\"", lens_pack::unpack::sha256_hex(&bytes));
        // Each file is asked for twice: for its size, and for its bytes.
        let is_first = requested.lock().unwrap().iter().filter(|it| **it == url).count() <= 2;
        match kind.split_once('-') {
            Some((what, of)) if is_first && file.starts_with(of) => match what {
                "page" => bytes = b"<!doctype html><html>Please sign in to the network</html>".to_vec(),
                "flipped" => bytes[200] ^= 0x40,
                "cut" => announced += 7,
                other => panic!("{other} is not a kind of damage"),
            },
            _ => {}
        }
        announced = if kind.starts_with("page") && is_first { bytes.len() } else { announced };
    }
    // hf-hub asks for one byte to learn the size, then for everything from a byte on.
    let range = field("Range").unwrap();
    let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let start: usize = start.parse().unwrap();
    let end = end.parse().map_or(bytes.len(), |end: usize| (end + 1).min(bytes.len()));
    let named = if url.starts_with("/mirrored/") { header("x-no", "etag") } else { header("etag", &etag) };
    let response = Response::from_data(&bytes[start..end])
        .with_status_code(206)
        .with_header(named)
        .with_header(header("x-repo-commit", COMMIT))
        .with_header(header("content-range", &format!("bytes {start}-{}/{}", end - 1, announced)));
    request.respond(response).unwrap();
}

const SAE: &str = "canrager/temporalSAEs:gemma-2-2B/layer_12/temporal";

#[test]
fn names_are_fetched_once_with_the_token_and_only_what_is_needed() {
    let hub = Hub::start();
    let home = tempfile::tempdir().unwrap();
    let first = hub.pack(home.path(), "google/tiny", SAE, Some("let-me-in"));
    assert_eq!(first.code, 0, "{}", first.stderr);
    let manifest = std::fs::read_to_string(home.path().join("pack/manifest.json")).unwrap();
    assert!(manifest.contains(r#""model_name":"google/tiny""#));
    assert!(manifest.contains(&format!(r#""sae_name":"{SAE}""#)));
    assert!(manifest.contains(r#""file":"GEMMA_TERMS.md""#));
    let requests = hub.requested.lock().unwrap().clone();
    let asked = |file: &str| requests.iter().any(|url| url.ends_with(file));
    assert!(asked("/gemma-2-2B/layer_12/temporal/conf.yaml") && asked("model.safetensors.index.json"));
    assert!(asked("tokenizer.json") && !asked("cfg.json"));

    // What is in the cache needs neither hub nor token.
    drop(hub);
    let gone = Hub::start();
    std::fs::remove_dir_all(home.path().join("pack")).unwrap();
    let mut again = command();
    again.env("HF_HOME", home.path().join("hf")).args(["pack", "--gemma", "google/tiny", "--sae", SAE]);
    again.args(["--layer", "6", "--precision", "f32", "--out", &text(&home.path().join("pack"))]);
    let again = outcome(&mut again);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(gone.requested.lock().unwrap().is_empty());
}

/// What a host answered once is not believed, and not stored: the next run gets it again.
#[test]
fn a_damaged_download_is_refused_and_fetched_again() {
    for (kind, says) in [
        ("page-config", "a page of the web"),
        ("page-tokenizer", "a page of the web"),
        ("page-model-00001", "a page of the web"),
        ("flipped-tokenizer", "damaged (sha256 "),
        ("flipped-model-00002", "damaged (sha256 "),
        ("cut-model-00001", "where the host announced"),
    ] {
        let hub = Hub::start();
        let home = tempfile::tempdir().unwrap();
        let name = format!("bad/{kind}");
        let first = hub.pack(home.path(), &name, SAE, None);
        let sentence = first.sentence();
        assert_eq!(first.code, 1, "{kind}: {}", first.stderr);
        assert!(
            sentence.contains(&name) && sentence.contains(says) && sentence.contains("run the command again"),
            "{sentence}"
        );
        let second = hub.pack(home.path(), &name, SAE, None);
        assert_eq!(second.code, 0, "{kind}: {}", second.stderr);
    }
    // A page that an earlier run or another program stored.
    let hub = Hub::start();
    let home = tempfile::tempdir().unwrap();
    assert_eq!(hub.pack(home.path(), "bad/none", SAE, None).code, 0);
    let stored = home.path().join("hf/hub/models--bad--none/snapshots").join(COMMIT).join("config.json");
    std::fs::write(&stored, "<html>sign in</html>").unwrap();
    std::fs::remove_dir_all(home.path().join("pack")).unwrap();
    let again = hub.pack(home.path(), "bad/none", SAE, None);
    assert_eq!(again.code, 0, "{}", again.stderr);
    // Content that a disk changed: its name in the cache is its sha256.
    let stored = stored.with_file_name("model-00001-of-00003.safetensors").canonicalize().unwrap();
    let whole = std::fs::read(&stored).unwrap();
    let mut damaged = whole.clone();
    damaged[9_000] ^= 1;
    std::fs::write(&stored, &damaged).unwrap();
    std::fs::remove_dir_all(home.path().join("pack")).unwrap();
    let again = hub.pack(home.path(), "bad/none", SAE, None);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("is damaged (sha256 ") && again.stderr.contains("fetched again"), "{}", again.stderr);
    assert_eq!(std::fs::read(&stored).unwrap(), whole);
}

#[test]
fn refusals_are_distinguished() {
    let hub = Hub::start();
    let home = tempfile::tempdir().unwrap();
    for token in [None, Some("wrong")] {
        let refused = hub.pack(home.path(), "google/tiny", SAE, token);
        assert_eq!(refused.code, 1);
        let sentence = refused.sentence();
        assert!(sentence.contains("google/tiny/config.json is refused") && sentence.contains("HF_TOKEN"), "{sentence}");
    }
    let missing = hub.pack(home.path(), "someone/nothing", SAE, None);
    assert!(missing.sentence().contains("someone/nothing/config.json does not exist"), "{}", missing.sentence());
    let wrong_folder = hub.pack(home.path(), "google/tiny", "canrager/temporalSAEs:layer_9", Some("let-me-in"));
    assert!(wrong_folder.sentence().contains("layer_9/cfg.json does not exist"), "{}", wrong_folder.sentence());
    assert!(!home.path().join("pack").exists());
}

#[test]
fn a_mirror_without_etag_is_named_as_one() {
    let hub = Hub::start();
    let home = tempfile::tempdir().unwrap();
    let outcome = hub.pack(home.path(), "mirrored/tiny", SAE, None);
    let sentence = outcome.sentence();
    assert!(sentence.contains("mirrored/tiny/config.json cannot be fetched: the host sends no"), "{sentence}");
    assert!(sentence.to_lowercase().contains("etag") && sentence.contains("HF_ENDPOINT"), "{sentence}");
    assert!(!sentence.contains("is there a network"), "{sentence}");
}

#[test]
fn an_sae_in_saelens_form_is_found() {
    let hub = Hub::start();
    let home = tempfile::tempdir().unwrap();
    // It is for another layer: it was fetched and read before that was said.
    let outcome = hub.pack(home.path(), "google/tiny", "someone/saelens", Some("let-me-in"));
    assert!(outcome.sentence().contains("trained on the output of layer 3"), "{}", outcome.sentence());
}
