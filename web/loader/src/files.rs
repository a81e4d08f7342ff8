//! The files of one pack, whole: from storage, else from their host.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use lens_pack::manifest::{FileEntry, MANIFEST_FILE};
use lens_pack::text::not_the_file;
use lens_pack::unpack::{Checksum, sha256_hex};

use crate::abort::Abort;
use crate::address;
use crate::browser;
use crate::cache::{Cache, Place};
use crate::error::Error;
use crate::fetch::{self, Download};

/// Bytes of a stored file read at once, between two checks for whether the visitor has stopped it.
const PIECE_BYTES: usize = 4 << 20;

/// What was asked of the network and of storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests sent.
    pub requests: u64,
    /// Bytes that came over the network.
    pub fetched_bytes: u64,
    /// Bytes that came from storage instead.
    pub stored_bytes: u64,
}

/// The files below one address.
pub struct PackFiles {
    url: String,
    cache: Option<Rc<Cache>>,
    counts: Cell<Counts>,
    on_note: Box<dyn Fn(String)>,
    /// What came of files in memory before their load was stopped or failed.
    begun: RefCell<HashMap<String, Place>>,
}

/// A file that is here, and not yet in wasm's memory.
pub struct Prepared {
    entry: FileEntry,
    content: Content,
}

enum Content {
    Memory(Place),
    /// Stored under its checksum; whether that was compared in this load.
    Stored {
        compared: bool,
    },
}

impl Prepared {
    /// Whether it stays when the page goes.
    pub fn is_stored(&self) -> bool {
        matches!(self.content, Content::Stored { .. })
    }
}

impl PackFiles {
    /// The files below `url`, which ends in a slash. `on_note` receives what the visitor should know.
    pub fn new(url: String, cache: Option<Rc<Cache>>, on_note: impl Fn(String) + 'static) -> Self {
        Self { url, cache, counts: Cell::default(), on_note: Box::new(on_note), begun: RefCell::default() }
    }

    /// What was asked so far.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    pub(crate) fn cache(&self) -> Option<&Rc<Cache>> {
        self.cache.as_ref()
    }

    pub(crate) fn url_of(&self, file: &str) -> String {
        format!("{}{file}", self.url)
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    /// The manifest's text: the host's, or the one stored last where the host cannot be reached.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Network`], [`Error::Stopped`].
    pub async fn manifest(&self, abort: &Abort) -> Result<String, Error> {
        let url = self.url_of(MANIFEST_FILE);
        // Every file lies below the same address.
        if !address::is_allowed(&url, browser::own_origin().as_deref()) {
            return Err(Error::Address(self.url.clone()));
        }
        self.count(|counts| counts.requests += 1);
        let error = match fetch::text(&url, abort).await {
            Ok(text) => {
                self.count(|counts| counts.fetched_bytes += text.len() as u64);
                if let Some(other) = not_the_file(text.as_bytes()) {
                    let (file, problem) = (MANIFEST_FILE.to_owned(), other.to_string());
                    return Err(Error::Content(lens_pack::Error::Malformed { file, problem }));
                }
                return Ok(text);
            }
            Err(error) => error,
        };
        if let (Error::Network(problem), Some(cache)) = (&error, &self.cache)
            && let Some(bytes) = cache.read_all(&self.manifest_name()).await
            && let Ok(text) = String::from_utf8(bytes)
        {
            self.count(|counts| counts.stored_bytes += text.len() as u64);
            (self.on_note)(format!("{problem} Using the files stored in this browser."));
            return Ok(text);
        }
        Err(error)
    }

    /// Stores a manifest that passed its checks.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn store_manifest(&self, text: &str, abort: &Abort) -> Result<(), Error> {
        match &self.cache {
            Some(cache) => cache.write_all(&self.manifest_name(), text.as_bytes(), abort).await,
            None => Ok(()),
        }
    }

    /// Manifests have no checksum of their own: they are stored by address.
    fn manifest_name(&self) -> String {
        lens_protocol::manifest_file(&sha256_hex(self.url_of(MANIFEST_FILE).as_bytes()))
    }

    /// Fetches a file unless it is here. `on_bytes` receives how many of its bytes are.
    ///
    /// # Errors
    /// Those of a download; what came stays for the next try.
    pub async fn prepare(&self, entry: &FileEntry, abort: &Abort, on_bytes: &dyn Fn(u64)) -> Result<Prepared, Error> {
        let stored = |compared| Ok(Prepared { entry: entry.clone(), content: Content::Stored { compared } });
        let Some(cache) = &self.cache else { return self.fetch(entry, None, abort, on_bytes).await };
        if cache.bytes(&entry.sha256).await == Some(entry.bytes) {
            return stored(false);
        }
        let _guard = cache.lock(&entry.sha256, abort).await?;
        // Another tab may have fetched it while this one waited.
        if cache.bytes(&entry.sha256).await == Some(entry.bytes) {
            return stored(false);
        }
        self.fetch(entry, cache.write(&entry.sha256).await.map(Place::stored), abort, on_bytes).await
    }

    async fn fetch(
        &self,
        entry: &FileEntry,
        stored: Option<Place>,
        abort: &Abort,
        on_bytes: &dyn Fn(u64),
    ) -> Result<Prepared, Error> {
        let begun = || self.begun.borrow_mut().remove(&entry.sha256).unwrap_or_else(Place::memory);
        let mut place = stored.unwrap_or_else(begun);
        let url = self.url_of(&entry.file);
        let options = Download {
            url: &url,
            entry,
            abort,
            on_bytes,
            on_request: &|| self.count(|counts| counts.requests += 1),
            on_received: &|bytes| self.count(|counts| counts.fetched_bytes += bytes),
            on_note: &self.on_note,
            on_full: &|| {
                if let Some(cache) = &self.cache {
                    cache.set_full();
                }
                (self.on_note)("This browser’s storage is full: what comes now stays for this visit only.".to_owned());
            },
        };
        let done = fetch::download(&options, &mut place).await;
        let content = match place {
            Place::Memory { .. } => Content::Memory(place),
            // Closes the file, for readers.
            Place::Stored { .. } => Content::Stored { compared: true },
        };
        match (done, content) {
            (Ok(()), content) => Ok(Prepared { entry: entry.clone(), content }),
            (Err(error), content) => {
                if let Content::Memory(place) = content {
                    self.begun.borrow_mut().insert(entry.sha256.clone(), place);
                }
                Err(error)
            }
        }
    }

    /// The content of a file that is here, its checksum compared, in place of what `into` held.
    ///
    /// # Errors
    /// Those of a download, where the stored file is damaged and has to be fetched again.
    pub async fn read(
        &self,
        prepared: Prepared,
        abort: &Abort,
        on_bytes: &dyn Fn(u64),
        into: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let Prepared { entry, content } = prepared;
        let compared = match content {
            Content::Memory(place) => {
                into.clear();
                place.pieces(|piece| into.extend_from_slice(piece));
                return Ok(());
            }
            Content::Stored { compared } => compared,
        };
        if self.read_stored(&entry, compared, abort, on_bytes, into).await? {
            return Ok(());
        }
        let _guard = match &self.cache {
            Some(cache) => Some(cache.lock(&entry.sha256, abort).await?),
            None => None,
        };
        // A writer may have had it open until now.
        if self.read_stored(&entry, false, abort, on_bytes, into).await? {
            return Ok(());
        }
        if let Some(cache) = &self.cache {
            cache.remove(&entry.sha256).await;
        }
        (self.on_note)(format!("The stored copy of {} was damaged; it is fetched again.", entry.file));
        // In memory where the damaged file cannot be replaced.
        let stored = match &self.cache {
            Some(cache) => cache.write(&entry.sha256).await.map(Place::stored),
            None => None,
        };
        let fetched = self.fetch(&entry, stored, abort, on_bytes).await?;
        match fetched.content {
            Content::Memory(place) => {
                into.clear();
                place.pieces(|piece| into.extend_from_slice(piece));
                Ok(())
            }
            Content::Stored { .. } if self.read_stored(&entry, false, abort, on_bytes, into).await? => Ok(()),
            Content::Stored { .. } => {
                Err(Error::Storage(format!("This browser’s storage does not give {} back as written.", entry.file)))
            }
        }
    }

    /// Reads a stored file; answers false when it is gone or does not match the manifest.
    async fn read_stored(
        &self,
        entry: &FileEntry,
        compared: bool,
        abort: &Abort,
        on_bytes: &dyn Fn(u64),
        into: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let Some(cache) = &self.cache else { return Ok(false) };
        let Some(file) = cache.read(&entry.sha256).await else { return Ok(false) };
        into.resize(usize::try_from(entry.bytes).unwrap_or(usize::MAX), 0);
        let mut sum = Checksum::default();
        let mut at = 0;
        for piece in into.chunks_mut(PIECE_BYTES) {
            if !file.read(at, piece) {
                return Ok(false);
            }
            if !compared {
                sum.update(piece);
            }
            at += piece.len() as u64;
            on_bytes(at);
            // Messages are handled between two pieces.
            browser::pause(0.0).await;
            if abort.is_stopped() {
                return Err(Error::Stopped);
            }
        }
        if !compared {
            self.count(|counts| counts.stored_bytes += entry.bytes);
        }
        Ok(compared || sum.check(entry).is_ok())
    }
}
