//! Names on the Hugging Face hub to folders on disk.
//!
//! Files are stored in the hub's own cache folder (HF_HOME), which other programs share. The
//! token comes from HF_TOKEN, else from where `hf auth login` left it; HF_ENDPOINT names a mirror.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow, bail};
use hf_hub::Cache;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use lens_import::shards_up_to;
use lens_pack::file_name::is_plain;
use lens_pack::instead::first_bytes;
use lens_pack::text::{TextError, not_the_file, read_data};
use lens_pack::unpack::sha256_hex_of;

use crate::print::status;
use crate::progress::Progress;
use crate::terms::is_terms;

/// `owner/repository`, with `:folder/in/it` where the files lie deeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    repository: String,
    /// Empty, or ending in a slash.
    folder: String,
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let (repository, folder) = text.split_once(':').unwrap_or((text, ""));
        let mut parts = repository.split('/');
        let two_parts = parts.by_ref().take(2).filter(|part| is_plain(part)).count() == 2 && parts.next().is_none();
        let folder = folder.trim_matches('/');
        if !two_parts || !(folder.is_empty() || folder.split('/').all(is_plain)) {
            return Err(());
        }
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        Ok(Self { repository: repository.to_owned(), folder })
    }
}

/// Fetches what packing up to `layer` reads of a Gemma repository; returns its folder.
pub fn fetch_gemma(name: &Name, layer: usize, with_tokenizer: bool) -> Result<PathBuf> {
    let repository = Repository::open(name)?;
    let config = repository.get("config.json")?;
    let folder = folder_of(&config)?;
    if with_tokenizer {
        repository.get_into("tokenizer.json", &folder)?;
    }
    let (single, index) = ("model.safetensors", "model.safetensors.index.json");
    // Files in the cache decide without a network.
    let indexed = repository.cached(index) && !repository.cached(single);
    if indexed || !repository.get_if_there(single)? {
        let index = repository.get_into(index, &folder)?;
        let text = read_data(&index)?;
        for shard in shards_up_to(&text, &index.display().to_string(), layer)? {
            repository.get_into(&shard, &folder)?;
        }
    }
    for file in repository.terms() {
        repository.get_into(&file, &folder)?;
    }
    Ok(folder)
}

/// Fetches an SAE in either form; returns its folder.
pub fn fetch_sae(name: &Name) -> Result<PathBuf> {
    let repository = Repository::open(name)?;
    let released = repository.cached("conf.yaml") || repository.get_if_there("conf.yaml")?;
    let (config, weights) =
        if released { ("conf.yaml", "latest_ckpt.safetensors") } else { ("cfg.json", "sae_weights.safetensors") };
    let folder = folder_of(&repository.get(config)?)?;
    repository.get_into(weights, &folder)?;
    Ok(folder)
}

fn folder_of(file: &Path) -> Result<PathBuf> {
    Ok(file.parent().ok_or_else(|| anyhow!("{} lies in no folder", file.display()))?.to_owned())
}

struct Repository {
    name: Name,
    api: ApiRepo,
    cache: Cache,
}

impl Repository {
    fn open(name: &Name) -> Result<Self> {
        let mut builder = ApiBuilder::from_env().with_progress(false).with_retries(2);
        if let Ok(endpoint) = std::env::var("HF_ENDPOINT") {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/').to_owned());
        }
        if let Ok(token) = std::env::var("HF_TOKEN")
            && !token.trim().is_empty()
        {
            builder = builder.with_token(Some(token.trim().to_owned()));
        }
        let api: Api = builder.build().map_err(|e| anyhow!("the hub's client cannot start: {e}"))?;
        let api = api.model(name.repository.clone());
        Ok(Self { name: name.clone(), api, cache: Cache::from_env() })
    }

    fn path_in_repository(&self, file: &str) -> String {
        format!("{}{file}", self.name.folder)
    }

    fn cached(&self, file: &str) -> bool {
        self.cache.model(self.name.repository.clone()).get(&self.path_in_repository(file)).is_some()
    }

    fn try_get(&self, file: &str) -> std::result::Result<PathBuf, FetchError> {
        let path = self.path_in_repository(file);
        if let Some(cached) = self.cache.model(self.name.repository.clone()).get(&path) {
            let damage = if is_page(&cached) { Some(PAGE.to_owned()) } else { other_content(&cached) };
            match damage {
                None => return Ok(cached),
                // What a host answered once, to this program or another, is not what it always answers; disks forget.
                Some(damage) => {
                    status!("{} is {damage}; it is fetched again", cached.display());
                    remove(&cached);
                }
            }
        }
        let progress = Progress::start(format!("fetching {}/{path}", self.name.repository));
        let size = Arc::new(AtomicU64::new(0));
        let fetching = Fetching { progress, done: 0, total: 0, size: size.clone() };
        let fetched = self.api.download_with_progress(&path, fetching)?;
        match damage(&fetched, size.load(Ordering::Relaxed)) {
            None => Ok(fetched),
            Some(damage) => {
                remove(&fetched);
                Err(FetchError::Damaged(damage))
            }
        }
    }

    fn get(&self, file: &str) -> Result<PathBuf> {
        self.try_get(file).map_err(|e| self.explain(file, &e))
    }

    /// Whether the repository has the file, which is fetched then.
    fn get_if_there(&self, file: &str) -> Result<bool> {
        match self.try_get(file) {
            Ok(_) => Ok(true),
            Err(FetchError::Api(e)) if status(&e) == Some(404) => Ok(false),
            Err(e) => Err(self.explain(file, &e)),
        }
    }

    /// Fetches a file that belongs with those in `folder`, a snapshot of one commit.
    fn get_into(&self, file: &str, folder: &Path) -> Result<PathBuf> {
        let path = self.get(file)?;
        if path.parent() != Some(folder) {
            bail!("the repository changed while it was fetched; run the command again");
        }
        Ok(path)
    }

    /// Files with terms, as far as the hub lists the repository's files.
    fn terms(&self) -> Vec<String> {
        let Ok(info) = self.api.info() else { return Vec::new() };
        let names = info.siblings.into_iter().map(|s| s.rfilename);
        names
            .filter_map(|n| {
                n.strip_prefix(&self.name.folder).filter(|n| is_terms(n) && !n.contains('/')).map(str::to_owned)
            })
            .collect()
    }

    fn explain(&self, file: &str, error: &FetchError) -> anyhow::Error {
        let what = format!("{}/{}", self.name.repository, self.path_in_repository(file));
        let error = match error {
            FetchError::Api(error) => error,
            FetchError::Damaged(damage) => {
                return anyhow!("{what}: what was fetched is {damage}; it is not stored: run the command again");
            }
        };
        match status(error) {
            Some(401 | 403) => anyhow!(
                "access to {what} is refused; accept the model's terms on its page and set HF_TOKEN to your token"
            ),
            Some(404) => anyhow!("{what} does not exist"),
            Some(code) => anyhow!("{what} cannot be fetched (HTTP status {code})"),
            None => match error {
                ApiError::MissingHeader(header) => anyhow!(
                    "{what} cannot be fetched: the host sends no {header}, as some mirrors of the hub do; set HF_ENDPOINT to \
                     another, or download the files and name their folder"
                ),
                _ => anyhow!("{what} cannot be fetched ({error}); is there a network?"),
            },
        }
    }
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Api(#[from] ApiError),
    /// What came, as it follows "is".
    #[error("{0}")]
    Damaged(String),
}

/// Whether a file is a page of the web in another file's place; the terms of some models are pages.
fn is_page(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let may_be = is_terms(&name) || name.ends_with(".html") || name.ends_with(".htm");
    !may_be && not_the_file(&first_bytes(path)) == Some(TextError::Page)
}

/// What a page is in the place of a file.
const PAGE: &str = "a page of the web (HTML), as a network answers that asks for a login";

/// What is wrong with a file that was fetched: a page, another length than the host announced, another sha256 than the name
/// by which the host identifies its content, which is one where the file is a large one.
fn damage(path: &Path, size: u64) -> Option<String> {
    if is_page(path) {
        return Some(PAGE.to_owned());
    }
    let bytes = path.metadata().map_or(0, |found| found.len());
    if bytes != size {
        return Some(format!("{bytes} bytes long, where the host announced {size}"));
    }
    other_content(path)
}

/// What a file is whose content is not what its name in the cache says: the hub and its clients name a large file by the
/// sha256 of its content.
fn other_content(path: &Path) -> Option<String> {
    let content = path.canonicalize().ok()?;
    let name = content.file_name()?.to_str()?;
    let is_sha256 = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_sha256 {
        return None;
    }
    let found = std::fs::File::open(&content).and_then(sha256_hex_of);
    match found.ok() {
        Some(found) if found != name.to_lowercase() => {
            Some(format!("damaged (sha256 {found}, where the host has {name})"))
        }
        _ => None,
    }
}

/// Removes a file from the cache, and the content that it leads to.
fn remove(path: &Path) {
    // What cannot be removed is refused again the next time.
    if let Ok(content) = path.canonicalize() {
        let _ = std::fs::remove_file(content);
    }
    let _ = std::fs::remove_file(path);
}

/// The HTTP status behind an error, which hf-hub passes on only as the text of its client's error.
fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(inner) => inner.to_string().strip_prefix("http status: ")?.trim().parse().ok(),
        ApiError::TooManyRetries(inner) => status(inner),
        _ => None,
    }
}

struct Fetching {
    progress: Progress,
    done: u64,
    total: u64,
    /// What the host announced, for who asked.
    size: Arc<AtomicU64>,
}

impl hf_hub::api::Progress for Fetching {
    fn init(&mut self, size: usize, _filename: &str) {
        (self.done, self.total) = (0, size as u64);
        self.size.store(size as u64, Ordering::Relaxed);
    }

    fn update(&mut self, size: usize) {
        self.done += size as u64;
        self.progress.update(self.done, self.total);
    }

    fn finish(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_two_parts_and_an_optional_folder() {
        let name: Name = "canrager/temporalSAEs:gemma-2-2B/layer_12/temporal".parse().unwrap();
        assert_eq!(
            (name.repository.as_str(), name.folder.as_str()),
            ("canrager/temporalSAEs", "gemma-2-2B/layer_12/temporal/")
        );
        assert_eq!("google/gemma-2-2b".parse::<Name>().unwrap().folder, "");
        for wrong in ["gemma", "a/b/c", "/a/b", "../a", "a/b:../c", "a/", "a/b:x//y", ""] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }
}
