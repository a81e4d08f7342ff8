//! One file, byte by byte checked, over as many connections as it takes.

use gloo_net::http::Response;
use lens_pack::manifest::FileEntry;
use lens_pack::text::{HEAD_BYTES, not_the_file};
use lens_pack::unpack::Checksum;
use web_sys::RequestCache;

use crate::abort::{Abort, short_name};
use crate::browser;
use crate::cache::Place;
use crate::error::Error;
use crate::fetch::body::Body;
use crate::fetch::host::{is_part, is_retryable, refusal};

/// Tries after a connection that delivered nothing new,
const RETRIES: u32 = 4;
/// the first after so many milliseconds, each later one after twice as many.
const FIRST_PAUSE_MS: f64 = 500.0;

/// What is downloaded, and who is notified meanwhile.
pub struct Download<'a> {
    /// Where from.
    pub url: &'a str,
    /// What is expected.
    pub entry: &'a FileEntry,
    /// Stops it.
    pub abort: &'a Abort,
    /// Receives how many bytes of the file are there: fewer than before where a host starts over.
    pub on_bytes: &'a dyn Fn(u64),
    /// Called for each request.
    pub on_request: &'a dyn Fn(),
    /// Receives the bytes of each chunk from the network.
    pub on_received: &'a dyn Fn(u64),
    /// Receives what the visitor should know: tries, full storage.
    pub on_note: &'a dyn Fn(String),
    /// Called when storage is full.
    pub on_full: &'a dyn Fn(),
}

/// How one connection ended.
enum Ended {
    /// Before the file was whole; the next one may deliver the rest.
    Early(String),
    /// In a way that trying again does not change.
    Wrong(Error),
}

/// Fetches what `place` lacks, and compares the checksum.
///
/// # Errors
/// [`Error::Network`] when the host cannot be reached after some tries: what came stays in `place`.
/// [`Error::Content`] when the host's file is another one: `place` is empty then.
pub async fn download(options: &Download<'_>, place: &mut Place) -> Result<(), Error> {
    let mut running = Running { options, sum: Checksum::default(), head: Vec::new(), tag: None, chunk: Vec::new() };
    place.pieces(|piece| running.sum.update(piece));
    if running.sum.bytes() != place.bytes() || place.bytes() > options.entry.bytes {
        running.reset(place);
    }
    let mut resumed = place.bytes() > 0;
    let mut furthest = place.bytes();
    let mut failures = 0;
    loop {
        (options.on_bytes)(place.bytes());
        if place.bytes() < options.entry.bytes {
            match running.connect(place).await {
                Ok(()) => {}
                Err(_) if options.abort.is_stopped() => return Err(Error::Stopped),
                Err(Ended::Wrong(error)) => {
                    if matches!(error, Error::Content(_)) {
                        running.reset(place);
                    }
                    return Err(error);
                }
                Err(Ended::Early(problem)) => {
                    failures = if place.bytes() > furthest { 1 } else { failures + 1 };
                    furthest = furthest.max(place.bytes());
                    if failures > RETRIES {
                        return Err(options.abort.error(options.url, problem));
                    }
                    (options.on_note)(format!(
                        "{}: {problem}. Trying again ({failures} of {RETRIES}).",
                        short_name(options.url)
                    ));
                    options.abort.wait(FIRST_PAUSE_MS * f64::from(1 << (failures - 1))).await?;
                    continue;
                }
            }
        }
        match running.sum.clone().check(options.entry) {
            Ok(()) => return Ok(()),
            // The beginning came at another time, perhaps from another version of the file.
            Err(_) if resumed => {
                resumed = false;
                running.reset(place);
            }
            Err(error) => {
                running.reset(place);
                return Err(error.into());
            }
        }
    }
}

struct Running<'a> {
    options: &'a Download<'a>,
    sum: Checksum,
    /// The file's first bytes: they tell what is in its place.
    head: Vec<u8>,
    /// The host's mark of the file's version, where it can be asked about.
    tag: Option<String>,
    chunk: Vec<u8>,
}

impl Running<'_> {
    fn reset(&mut self, place: &mut Place) {
        place.clear();
        self.head.clear();
        self.sum = Checksum::default();
    }

    /// One request, up to its end.
    async fn connect(&mut self, place: &mut Place) -> Result<(), Ended> {
        let Download { url, entry, abort, .. } = *self.options;
        let have = place.bytes();
        let mut request = abort.get(url, RequestCache::NoStore);
        if have > 0 {
            request = request.header("Range", &format!("bytes={have}-"));
            if let Some(tag) = &self.tag {
                request = request.header("If-Range", tag);
            }
        }
        (self.options.on_request)();
        let response = request.send().await.map_err(|e| Ended::Early(format!("the connection failed ({e})")))?;
        match response.status() {
            206 if is_part(&response, have, None) => {}
            206 | 416 => {
                self.reset(place);
                return Err(Ended::Early("the host answered with another part than asked for".to_owned()));
            }
            // The whole file: the host knows no ranges, or the file has changed.
            200 => self.reset(place),
            status if is_retryable(status) => return Err(Ended::Early(refusal(&response))),
            _ => return Err(Ended::Wrong(abort.error(url, refusal(&response)))),
        }
        self.tag = strong_tag(url, &response);
        let announced = response.headers().get("Content-Length").and_then(|text| text.parse::<u64>().ok());
        let start = place.bytes();
        let mut body = Body::of(&response);
        loop {
            let next = body.next().await.map_err(|e| Ended::Early(format!("the connection broke ({e})")))?;
            let Some(chunk) = next else { break };
            (self.options.on_received)(u64::from(chunk.length()));
            self.chunk.resize(chunk.length() as usize, 0);
            chunk.copy_to(&mut self.chunk);
            if self.sum.bytes() == self.head.len() as u64 {
                let rest = HEAD_BYTES.saturating_sub(self.head.len()).min(self.chunk.len());
                self.head.extend_from_slice(&self.chunk[..rest]);
            }
            self.sum.update(&self.chunk);
            if self.sum.bytes() > entry.bytes {
                return Err(self.other_file());
            }
            if !place.append(&chunk) {
                (self.options.on_full)();
            }
            (self.options.on_bytes)(place.bytes());
        }
        if place.bytes() == entry.bytes {
            return Ok(());
        }
        // All that the host promised has come, or what is no part of a model: its file is another one.
        if announced == Some(place.bytes() - start) || not_the_file(&self.head).is_some() {
            return Err(self.other_file());
        }
        Err(Ended::Early(format!("the connection ended after {} of {} bytes", place.bytes(), entry.bytes)))
    }

    fn other_file(&self) -> Ended {
        if let Some(other) = not_the_file(&self.head) {
            let file = self.options.entry.file.clone();
            return Ended::Wrong(Error::Content(lens_pack::Error::Malformed { file, problem: other.to_string() }));
        }
        match self.sum.clone().check(self.options.entry) {
            Err(error) => Ended::Wrong(error.into()),
            Ok(()) => Ended::Early("the connection ended".to_owned()),
        }
    }
}

/// The entity tag, for If-Range: from our own host only, as others would have to allow the field.
fn strong_tag(url: &str, response: &Response) -> Option<String> {
    let own = browser::own_origin()?;
    if !url.starts_with(&format!("{own}/")) {
        return None;
    }
    response.headers().get("ETag").filter(|tag| !tag.starts_with("W/"))
}
