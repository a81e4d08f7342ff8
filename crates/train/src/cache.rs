//! Residual streams of contexts, computed once and stored in a folder.
//!
//! Contexts are stored in groups, a safetensors file each, so that a folder can be moved in pieces:
//! `x` [tokens, d_model] in bfloat16 (residual streams outgrow f16) and `lengths`, the tokens of
//! each context. `cache.json` has what they were computed from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use half::bf16;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::checked::{self, Checked, CheckedError};
use crate::corpus::Context;
use crate::{Error, Result};

/// Residual streams of one context, BOS first: [T, d_model] row-major.
pub type Stream = Vec<f32>;

/// Contexts in a group: of 500 tokens and d_model 640, 10 MB.
pub const GROUP: usize = 16;

/// The file with what a cache was computed from.
const KEY_FILE: &str = "cache.json";

/// What residual streams depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The language model, by hash or by name.
    pub model: String,
    /// The layer after which they are taken.
    pub layer: usize,
    /// d_model.
    pub d_model: usize,
    /// sha256 of the contexts' token ids in their order.
    pub contexts: String,
}

/// Computes residual streams.
pub trait Streams {
    /// The residual stream [T, d_model] of each of `contexts`, token ids, in their order: row-major, in the model's own units.
    ///
    /// # Errors
    /// [`Error::Streams`].
    fn read(&mut self, contexts: &[&[u32]]) -> Result<Vec<Vec<f32>>>;
}

/// Why a file of a group cannot be used.
#[derive(Debug, thiserror::Error)]
enum GroupError {
    #[error(transparent)]
    Checked(#[from] CheckedError),
    #[error(transparent)]
    SafeTensors(#[from] safetensors::SafeTensorError),
    #[error("holds contexts of other lengths")]
    Lengths,
    #[error("holds residual streams of another shape")]
    Shape,
}

/// Residual streams of a list of contexts.
pub struct Cache<'a> {
    contexts: &'a [Context],
    d_model: usize,
    folder: Option<PathBuf>,
    /// The group that was used last.
    last: Option<(usize, Vec<Stream>)>,
}

impl<'a> Cache<'a> {
    /// Streams of `contexts`, stored in `folder` if there is one.
    ///
    /// # Errors
    /// [`Error::File`] when the folder holds those of something else.
    pub fn new(contexts: &'a [Context], key: &Key, folder: Option<&Path>) -> Result<Self> {
        if let Some(folder) = folder {
            let failed =
                |e: std::io::Error| Error::File(format!("cannot keep residual streams in {}: {e}", folder.display()));
            std::fs::create_dir_all(folder).map_err(failed)?;
            let file = folder.join(KEY_FILE);
            if file.exists() {
                let kept = std::fs::read(&file).map_err(failed)?;
                if serde_json::from_slice::<Key>(&kept).ok().as_ref() != Some(key) {
                    return Err(Error::File(format!(
                        "{} holds residual streams of another model, layer, corpus, seed or context length; name an empty \
                         folder, or remove this one",
                        folder.display()
                    )));
                }
            } else {
                write_whole(&file, &serde_json::to_vec_pretty(key).map_err(Error::file)?)?;
            }
        }
        Ok(Self { contexts, d_model: key.d_model, folder: folder.map(Path::to_owned), last: None })
    }

    /// The contexts.
    pub fn contexts(&self) -> &'a [Context] {
        self.contexts
    }

    /// The stream of context `index`, which is computed with its whole group if it is not stored.
    ///
    /// # Errors
    /// [`Error::File`] for files that cannot be read or written, [`Error::Streams`].
    pub fn stream(&mut self, index: usize, streams: &mut dyn Streams) -> Result<Stream> {
        let group = index / GROUP;
        if self.last.as_ref().is_none_or(|(last, _)| *last != group) {
            self.last = Some((group, self.group(group, streams)?));
        }
        let stream = self.last.as_ref().and_then(|(_, streams)| streams.get(index % GROUP));
        stream.cloned().ok_or_else(|| Error::File(format!("there is no context {index}")))
    }

    fn group(&self, group: usize, streams: &mut dyn Streams) -> Result<Vec<Stream>> {
        let contexts = self.contexts.chunks(GROUP).nth(group).unwrap_or_default();
        let file = self.folder.as_ref().map(|folder| folder.join(format!("{group:06}.safetensors")));
        if let Some(file) = file.as_ref().filter(|file| file.exists()) {
            let bytes = std::fs::read(file).map_err(|e| Error::File(format!("cannot read {}: {e}", file.display())))?;
            let stored = self.decode(&bytes, contexts).map_err(|problem| {
                Error::File(format!("{} {problem}; remove the file, and it is computed again", file.display()))
            })?;
            // Those of earlier versions, which cannot be told from damaged ones, are computed again.
            if let Some(streams) = stored {
                return Ok(streams);
            }
        }
        let ids: Vec<&[u32]> = contexts.iter().map(|context| context.ids.as_slice()).collect();
        let mut computed = streams.read(&ids)?;
        // Rounded with and without a folder: results are the same, to the bit.
        computed.iter_mut().flatten().for_each(|v| *v = bf16::from_f32(*v).to_f32());
        if let Some(file) = file {
            write_whole(&file, &self.encode(&computed)?)?;
        }
        Ok(computed)
    }

    fn encode(&self, streams: &[Stream]) -> Result<Vec<u8>> {
        let values: Vec<bf16> = streams.iter().flatten().map(|v| bf16::from_f32(*v)).collect();
        let lengths: Vec<u32> = streams.iter().map(|s| (s.len() / self.d_model) as u32).collect();
        let (values_bytes, lengths_bytes): (&[u8], &[u8]) =
            (bytemuck::cast_slice(&values), bytemuck::cast_slice(&lengths));
        let shape = vec![values.len() / self.d_model, self.d_model];
        let views = [
            ("x".to_owned(), TensorView::new(Dtype::BF16, shape, values_bytes).map_err(Error::file)?),
            (
                "lengths".to_owned(),
                TensorView::new(Dtype::U32, vec![lengths.len()], lengths_bytes).map_err(Error::file)?,
            ),
        ];
        checked::to_bytes(&views, BTreeMap::new())
    }

    /// None for a file without a checksum.
    fn decode(&self, bytes: &[u8], contexts: &[Context]) -> std::result::Result<Option<Vec<Stream>>, GroupError> {
        let Checked { tensors, is_checked, .. } = checked::from_bytes(bytes)?;
        if !is_checked {
            return Ok(None);
        }
        let x = tensors.tensor("x")?;
        let lengths = tensors.tensor("lengths")?;
        let lengths: Vec<u32> = bytemuck::pod_collect_to_vec(lengths.data());
        if !lengths.iter().map(|n| *n as usize).eq(contexts.iter().map(|c| c.ids.len())) {
            return Err(GroupError::Lengths);
        }
        let tokens: usize = contexts.iter().map(|c| c.ids.len()).sum();
        if x.dtype() != Dtype::BF16 || x.shape() != [tokens, self.d_model] {
            return Err(GroupError::Shape);
        }
        let values: Vec<bf16> = bytemuck::pod_collect_to_vec(x.data());
        let mut rest = values.as_slice();
        let mut streams = Vec::with_capacity(contexts.len());
        for context in contexts {
            let (stream, after) = rest.split_at(context.ids.len() * self.d_model);
            streams.push(stream.iter().map(|v| v.to_f32()).collect());
            rest = after;
        }
        Ok(Some(streams))
    }
}

/// Replaces the file at `path` by `bytes`, or leaves it as it was: a kill leaves the one before.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    lens_files::write_whole(path, bytes).map_err(Error::file)
}

#[cfg(test)]
mod tests {
    use safetensors::SafeTensors;

    use super::*;

    struct Counting(usize);

    impl Streams for Counting {
        fn read(&mut self, contexts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
            self.0 += contexts.len();
            let of = |ids: &&[u32]| ids.iter().flat_map(|id| [*id as f32 + 0.25, 70_000.0]).collect();
            Ok(contexts.iter().map(of).collect())
        }
    }

    #[test]
    fn stored_streams_are_not_computed_again() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let contexts: Vec<Context> = (0..20).map(|i| Context { kind: 0, ids: vec![2; 3 + i % 4] }).collect();
        let key = Key { model: "m".to_owned(), layer: 1, d_model: 2, contexts: "c".to_owned() };
        let folder = tempfile::tempdir()?;
        let mut counting = Counting(0);
        let mut fresh = Cache::new(&contexts, &key, None)?;
        let plain: Vec<Stream> = (0..20).map(|i| fresh.stream(i, &mut counting)).collect::<Result<_>>()?;
        for _ in 0..2 {
            let mut cache = Cache::new(&contexts, &key, Some(folder.path()))?;
            let kept: Vec<Stream> = (0..20).map(|i| cache.stream(i, &mut counting)).collect::<Result<_>>()?;
            assert_eq!(kept, plain);
        }
        assert_eq!(counting.0, 40);
        let other = Key { layer: 2, ..key.clone() };
        assert!(Cache::new(&contexts, &other, Some(folder.path())).is_err());
        let file = folder.path().join("000000.safetensors");
        let bytes = std::fs::read(&file)?;
        std::fs::write(&file, &bytes[..bytes.len() - 2])?;
        let problem = Cache::new(&contexts, &key, Some(folder.path()))?.stream(0, &mut counting);
        let problem = problem.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(problem.contains("remove the file"), "{problem}");
        // One number of it is another one.
        let mut flipped = bytes.clone();
        let last = flipped.len() - 9;
        flipped[last] ^= 0x10;
        std::fs::write(&file, &flipped)?;
        let problem = Cache::new(&contexts, &key, Some(folder.path()))?.stream(0, &mut counting);
        let problem = problem.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(problem.contains("is damaged") && problem.contains("remove the file"), "{problem}");
        // Files of earlier versions have no checksum, and are made again.
        let old = SafeTensors::deserialize(&bytes)?;
        std::fs::write(&file, safetensors::serialize(old.tensors(), None)?)?;
        assert_eq!(Cache::new(&contexts, &key, Some(folder.path()))?.stream(0, &mut counting)?, plain[0]);
        assert_eq!((counting.0, std::fs::read(&file)?), (56, bytes));
        Ok(())
    }
}
