//! A pack in a folder on disk, for the command line and tests.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lens_model::ComputeDevice;
use lens_pack::folder::FolderManifest;
use lens_pack::manifest::MANIFEST_FILE;
use lens_pack::row_checks::{Blocks, RowChecks};
use lens_pack::unpack::check_file;

use crate::{Error, LoadedPack, PackLoader, PrecisionPlan, Result, WordsLoader};

/// A loaded pack and the folder that it came from.
pub struct PackFolder {
    folder: PathBuf,
    /// Shards of the embedding that were compared with their checksums.
    checked: Mutex<HashSet<String>>,
    /// Checksums of rows, where the pack has any.
    row_checks: Option<RowChecks>,
    /// The loaded networks and tokenizer.
    pub loaded: Arc<LoadedPack>,
}

impl PackFolder {
    /// Loads the pack in `folder` onto `device`; `on_bytes(done, total)` is called as files arrive.
    ///
    /// # Errors
    /// [`Error::Pack`] naming the file that is missing, cut short or altered.
    pub fn open(folder: &Path, device: impl Into<ComputeDevice>, on_bytes: impl FnMut(u64, u64)) -> Result<Self> {
        Self::open_mixed(folder, device, None, on_bytes)
    }

    /// As [`Self::open`], with the matrices of an f32 pack stored with the precisions of `mix`; see [`PrecisionPlan`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_mixed(
        folder: &Path,
        device: impl Into<ComputeDevice>,
        mix: Option<PrecisionPlan>,
        mut on_bytes: impl FnMut(u64, u64),
    ) -> Result<Self> {
        let FolderManifest { json, .. } = FolderManifest::read(folder)?;
        let mut builder = PackLoader::new(&json, &folder.join(MANIFEST_FILE).display().to_string(), device)?;
        if let Some(mix) = mix {
            builder.requantize(mix);
        }
        let total = builder.manifest().load_bytes();
        let tokenizer = builder.manifest().tokenizer.clone();
        builder.set_tokenizer(&read(&folder.join(&tokenizer.file))?)?;
        let mut done = tokenizer.bytes;
        on_bytes(done, total);
        let row_checks = match &builder.manifest().row_checks {
            Some(entry) => {
                let checks = RowChecks::from_bytes(entry, &read(&folder.join(&entry.list.file))?)?;
                done += entry.list.bytes;
                Some(checks)
            }
            None => None,
        };
        let shards = builder.manifest().shards.clone();
        for (index, shard) in shards.iter().enumerate() {
            builder.add_shard(index, &read(&folder.join(&shard.file))?)?;
            done += shard.bytes;
            on_bytes(done, total);
        }
        let loaded = Arc::new(builder.finish()?);
        Ok(Self { folder: folder.to_owned(), checked: Mutex::default(), row_checks, loaded })
    }

    /// Loads the pack's words, where they are not loaded yet.
    ///
    /// # Errors
    /// [`Error::Input`] for a pack without words, [`Error::Pack`] naming the file that is missing, cut short or
    /// altered.
    pub fn load_words(&self) -> Result<()> {
        if self.loaded.has_words() {
            return Ok(());
        }
        let mut loader = WordsLoader::new(&self.loaded)?;
        let entry = self.loaded.manifest().words.iter();
        for (index, file) in entry.flat_map(|entry| entry.files()).enumerate() {
            let bytes = read(&self.folder.join(&file.file))?;
            match index.checked_sub(1) {
                None => loader.set_vocabulary(&bytes)?,
                Some(shard) => loader.add_shard(shard, &bytes)?,
            }
        }
        loader.finish()
    }

    /// The embedding of `ids`, [T, d_model]. A shard is compared with its checksum when a row of it is first read; the
    /// bytes that rows are taken from later are compared with theirs, where the pack has any.
    ///
    /// # Errors
    /// [`Error::Input`] for an id past the vocabulary, [`Error::Pack`] when a shard cannot be read, is cut short or altered.
    pub fn embedding(&self, ids: &[u32]) -> Result<Vec<f32>> {
        let blocks = Blocks::of(self.loaded.manifest());
        let embedding = blocks.embedding();
        let mut rows = Vec::with_capacity(ids.len());
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            let number = blocks.of_row(*id);
            let shard = embedding
                .shards
                .get(blocks.shard(number))
                .filter(|_| (*id as usize) < embedding.shape.0)
                .ok_or_else(|| Error::Input(format!("token id {id} lies outside the model's vocabulary")))?;
            let path = self.folder.join(&shard.file);
            if !checked.contains(&shard.file) {
                check_file(shard, &read(&path)?)?;
                checked.insert(shard.file.clone());
            }
            let place = blocks.bytes(number);
            let mut block = vec![0u8; (place.end - place.start) as usize];
            let mut file = File::open(&path).map_err(|e| io(&path, e))?;
            file.seek(SeekFrom::Start(place.start))
                .and_then(|_| file.read_exact(&mut block))
                .map_err(|e| io(&path, e))?;
            if self.row_checks.as_ref().is_some_and(|checks| !checks.is_right(number, &block)) {
                return Err(Error::Pack(lens_pack::Error::Malformed {
                    file: shard.file.clone(),
                    problem: format!(
                        "the checksum of its bytes {} to {} differs from the pack's; pack the model again",
                        place.start, place.end
                    ),
                }));
            }
            block.truncate(blocks.row_in_block(*id).end);
            block.drain(..blocks.row_in_block(*id).start);
            rows.push(block);
        }
        drop(checked);
        self.loaded.embedding_rows(rows.iter().map(Vec::as_slice))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::Pack(lens_pack::Error::Malformed {
            file: path.display().to_string(),
            problem: "it is missing, though the pack's manifest names it; copy the pack again, or pack the model again"
                .to_owned(),
        }),
        _ => io(path, e),
    })
}

fn io(path: &Path, source: std::io::Error) -> Error {
    Error::Pack(lens_pack::Error::Io { action: "read", path: path.to_owned(), source })
}
