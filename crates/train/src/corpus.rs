//! Texts to train on: passages in files, cut into contexts of tokens.
//!
//! | file | what it holds |
//! |---|---|
//! | `.jsonl`, `.jsonl.gz` | one JSON object per line with `text`, and `kind` where there are kinds |
//! | `.txt` | one passage, of the kind in the file's name |
//! | `.safetensors` | token ids, as [`Corpus::to_bytes`] writes them |

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use lens_pack::instead::{ExpectedInput, instead_of_bytes};
use lens_pack::text;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;

use crate::checked::{self, Checked};
use crate::{Error, Result};

/// Longest line that is read: a passage is far shorter.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Largest file of one text.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Longest passage of such a file: tokenizing takes some 150 times its bytes of memory.
const PASSAGE_BYTES_MAX: usize = 4 << 20;

/// Fewest tokens a context has, BOS included: less teaches nothing about time.
pub const CONTEXT_LEAST: usize = 16;

/// How a file that gzip compressed begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Key of the metadata that names the kinds.
const KINDS: &str = "kinds";

/// The tensor that tells tokenizers apart: the ids of [`PROBE`].
const TOKENIZER: &str = "tokenizer";

/// A text that different tokenizers cut differently: scripts, numbers, spaces, rare words. It never changes: files made before
/// would be refused.
const PROBE: &str = "The lighthouse keeper's ledger, 1,048,576 entries;\r\n\t  naïve Übergrößenträger — Достопримечательность, \
                     ευχαριστώ, अनुच्छेद, 機械学習, 🎈👩‍🚀 <start_of_turn>user</s> antidisestablishmentarianism";

/// Why bytes are not a file of token ids. The sentences follow the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFileError {
    /// It is another format, cut short, or not what was written.
    #[error("{0}")]
    Damaged(String),
    /// Its metadata has a key that no such file has.
    #[error(
        "has {0:?} in its metadata, which no file of token ids has: it is damaged; make it again with `temporal-lens tokenize`"
    )]
    Metadata(String),
    /// The metadata does not name the kinds of text.
    #[error("names no kinds of text in its metadata")]
    NoKinds,
    /// A tensor is missing.
    #[error("has no tensor {0}")]
    NoTensor(&'static str),
    /// A tensor is of another type or shape.
    #[error("tensor {0} is not a list of U32")]
    NotU32(&'static str),
    /// The list of kinds and the list of passages differ in length.
    #[error("does not have one kind per passage")]
    KindCount,
    /// A passage, counted from 1, is outside the list of token ids.
    #[error("passage {0} lies outside its ids")]
    PassageRange(usize),
    /// A passage, counted from 1, is of a kind that has no name.
    #[error("passage {0} is of a kind without a name")]
    UnknownKind(usize),
    /// They were made with a tokenizer that cuts texts in another way.
    #[error(
        "holds token ids of another tokenizer than the model's; make it again with `temporal-lens tokenize` and this model"
    )]
    OtherTokenizer,
    /// A passage, counted from 1, does not begin as every text that the model was trained on.
    #[error("passage {0} does not begin with {1}, the start token")]
    NoStart(usize, u32),
}

/// A passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Index into [`Corpus::kinds`].
    pub kind: usize,
    /// Token ids, BOS first.
    pub ids: Vec<u32>,
}

/// Passages as token ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Corpus {
    /// Kinds of text, by name.
    pub kinds: Vec<String>,
    /// The passages.
    pub documents: Vec<Document>,
    /// Tells the tokenizer of the ids from others, as its ids of one text for all; empty where it is not known.
    pub tokenizer: Vec<u32>,
}

/// Tokens that the networks see together.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// Index into [`Corpus::kinds`].
    pub kind: usize,
    /// Token ids, BOS first.
    pub ids: Vec<u32>,
}

/// A text in a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Passage {
    /// The text.
    pub text: String,
    /// What kind of text it is.
    #[serde(default)]
    pub kind: String,
    /// Where it is from.
    #[serde(default)]
    pub source: String,
    /// File and line that it was read from, for errors.
    #[serde(skip)]
    pub place: String,
}

/// The forms of files, by the ends of their names; upper and lower case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A JSON object per line, compressed or not.
    Lines,
    /// One passage.
    Text,
    /// Token ids.
    TokenIds,
}

impl Form {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let forms = [
            (".jsonl", Self::Lines),
            (".jsonl.gz", Self::Lines),
            (".txt", Self::Text),
            (".safetensors", Self::TokenIds),
        ];
        forms.into_iter().find(|(end, _)| name.ends_with(end)).map(|(_, form)| form)
    }
}

/// The files that `paths` name; of a folder those of a known form, by name, without those whose
/// names begin with `heldout`, in either case.
///
/// # Errors
/// [`Error::Corpus`] naming what is not there or of no known form.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if !path.is_dir() {
            if path.exists() && !path.is_file() {
                let problem =
                    "is a pipe or a device, and is read more than once: save what comes from it as a file (.jsonl)";
                return Err(Error::corpus(path, problem));
            }
            if !path.is_file() {
                return Err(Error::corpus(path, "there is no such file or folder"));
            }
            if Form::of(path).is_none() {
                return Err(Error::corpus(path, "is not a .jsonl, .jsonl.gz, .txt or .safetensors file"));
            }
            all.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(|e| Error::corpus(path, &e.to_string()))?;
        let before = all.len();
        for entry in entries {
            let file = entry.map_err(|e| Error::corpus(path, &e.to_string()))?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            // macOS keeps what it knows of a file in another one beside it, by its name after these two.
            let is_left_out = name.starts_with("heldout") || name.starts_with("._");
            if file.is_file() && Form::of(&file).is_some() && !is_left_out {
                all.push(file);
            }
        }
        if all.len() == before {
            return Err(Error::corpus(path, "holds no .jsonl, .jsonl.gz, .txt or .safetensors file to train on"));
        }
        all[before..].sort();
    }
    Ok(all)
}

/// Hands the texts of a `.jsonl`, `.jsonl.gz` or `.txt` file to `take`, one after another. A passage
/// without a kind is of the one that the file's name says.
///
/// # Errors
/// [`Error::Corpus`] naming file and line; errors of `take`.
pub fn passages(path: &Path, mut take: impl FnMut(Passage) -> Result<()>) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kind = name.split('.').next().unwrap_or(&name).trim_start_matches("train-").to_owned();
    let wrong = |problem: &dyn Display| Error::corpus(path, &problem.to_string());
    if Form::of(path) == Some(Form::TokenIds) {
        return Err(wrong(&"holds token ids, and texts are needed here: name those that it was made of"));
    }
    if Form::of(path) == Some(Form::Text) {
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|e| wrong(&e))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(wrong(
                &"has more than 512 MiB: cut it into several files, or lines of JSON with a \"text\" each",
            ));
        }
        if let Some(other) = instead_of_bytes(&bytes, ExpectedInput::Text) {
            return Err(wrong(&format!("is not a text{other}")));
        }
        let text = text::of_bytes(&bytes).map_err(|e| wrong(&e))?;
        let mut rest = text.as_str();
        loop {
            let (piece, after) = rest.split_at(passage_end(rest));
            let passage = Passage {
                text: piece.to_owned(),
                source: kind.clone(),
                kind: kind.clone(),
                place: path.display().to_string(),
            };
            take(passage).map_err(|e| at(path, None, e))?;
            if after.is_empty() {
                return Ok(());
            }
            rest = after;
        }
    }
    let mut file = BufReader::new(std::fs::File::open(path).map_err(|e| wrong(&e))?);
    if let Some(other) = text::not_the_file(file.fill_buf().map_err(|e| wrong(&e))?) {
        return Err(wrong(&other));
    }
    // The first bytes decide, not the name: some programs unpack what they download and keep its name.
    let is_zipped = file.fill_buf().map_err(|e| wrong(&e))?.starts_with(&GZIP);
    if !is_zipped && let Some(other) = instead_of_bytes(file.fill_buf().map_err(|e| wrong(&e))?, ExpectedInput::Lines) {
        return Err(wrong(&format!("is not lines of JSON{other}")));
    }
    let plain: Box<dyn BufRead> =
        if is_zipped { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
    let mut lines = decoded(plain).map_err(|e| wrong(&e))?;
    for number in 1.. {
        let mut line = String::new();
        let wrong = |problem: &str| Error::corpus(path, &format!("line {number}: {problem}"));
        let read = lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line).map_err(|e| wrong(&e.to_string()))?;
        if read == 0 {
            break;
        }
        if read as u64 == LINE_BYTES_MAX {
            return Err(wrong("is longer than 16 MiB; cut the passage into several lines"));
        }
        // Files that were joined into one bring their byte order marks along.
        let line = line.trim_start_matches('\u{feff}');
        if line.trim().is_empty() {
            continue;
        }
        let mut passage: Passage = text::from_json(line)
            .map_err(|e| wrong(&text::line_problem(line, &format!("is not a JSON object with a text: {e}"))))?;
        if passage.kind.is_empty() {
            passage.kind.clone_from(&kind);
        }
        passage.place = format!("{}, line {number}", path.display());
        take(passage).map_err(|e| at(path, Some(number), e))?;
    }
    Ok(())
}

/// Where the first passage of a text ends: at the end of the last line that fits, where a line ends at all.
fn passage_end(text: &str) -> usize {
    if text.len() <= PASSAGE_BYTES_MAX {
        return text.len();
    }
    let most = text.floor_char_boundary(PASSAGE_BYTES_MAX);
    text[..most].rfind('\n').map_or(most, |end| end + 1)
}

/// The bytes behind a byte order mark, as UTF-8: lines are read one by one unless they are UTF-16 or UTF-32.
fn decoded(mut lines: Box<dyn BufRead>) -> std::io::Result<Box<dyn BufRead>> {
    let start = lines.fill_buf()?;
    if start.starts_with(&[0xef, 0xbb, 0xbf]) {
        lines.consume(3);
    } else if [&[0xff, 0xfe][..], &[0xfe, 0xff], &[0, 0, 0xfe, 0xff]].iter().any(|mark| start.starts_with(mark)) {
        let mut bytes = Vec::new();
        lines.read_to_end(&mut bytes)?;
        return Ok(Box::new(Cursor::new(text::of_bytes(&bytes).map_err(std::io::Error::other)?)));
    }
    Ok(lines)
}

/// A failure of `take`, with the place of its passage.
fn at(path: &Path, line: Option<usize>, error: Error) -> Error {
    let line = line.map(|number| format!("line {number}: ")).unwrap_or_default();
    match error {
        Error::Streams(problem) => Error::corpus(path, &format!("{line}{problem}")),
        other => other,
    }
}

impl Corpus {
    /// Reads `files`; `tokenize` gives the ids of a text, BOS first, and `on_file` is called with each file
    /// before it is read.
    ///
    /// # Errors
    /// [`Error::Corpus`] naming file and line; errors of `tokenize`.
    pub fn read(
        files: &[PathBuf],
        mut tokenize: impl FnMut(&str) -> Result<Vec<u32>>,
        mut on_file: impl FnMut(&Path),
    ) -> Result<Self> {
        // A tokenizer that cannot cut these leaves the check out: the corpus may be fine.
        let bos = tokenize("").ok().and_then(|ids| ids.first().copied());
        let mut corpus = Self { tokenizer: tokenize(PROBE).unwrap_or_default(), ..Self::default() };
        let mut is_known = true;
        let mut known = HashMap::new();
        for path in files {
            on_file(path);
            if Form::of(path) == Some(Form::TokenIds) {
                let bytes = std::fs::read(path).map_err(|e| Error::corpus(path, &e.to_string()))?;
                if let Some(other) = text::not_tensors(&bytes) {
                    return Err(Error::corpus(path, &other));
                }
                let wrong = |problem: TokenFileError| Error::corpus(path, &problem.to_string());
                let other = Self::from_bytes(&bytes).map_err(wrong)?;
                // Files of earlier versions do not say.
                is_known &= !other.tokenizer.is_empty();
                if !other.tokenizer.is_empty() && other.tokenizer != corpus.tokenizer {
                    return Err(wrong(TokenFileError::OtherTokenizer));
                }
                if let Some(bos) = bos {
                    let starts = |document: &Document| document.ids.first().is_none_or(|first| *first == bos);
                    if let Some(passage) = other.documents.iter().position(|document| !starts(document)) {
                        return Err(wrong(TokenFileError::NoStart(passage + 1, bos)));
                    }
                }
                corpus.append(other, &mut known);
                continue;
            }
            passages(path, |passage| {
                let kind = corpus.kind(&passage.kind, &mut known);
                corpus.documents.push(Document { kind, ids: tokenize(&passage.text)? });
                Ok(())
            })?;
        }
        if !is_known {
            corpus.tokenizer.clear();
        }
        corpus.documents.retain(|document| document.ids.len() > 1);
        if corpus.documents.is_empty() {
            return Err(Error::Recipe("the corpus holds no text".to_owned()));
        }
        Ok(corpus)
    }

    /// The index of a kind; `known` has those so far, since a corpus may have as many kinds as passages.
    fn kind(&mut self, name: &str, known: &mut HashMap<String, usize>) -> usize {
        if let Some(kind) = known.get(name) {
            return *kind;
        }
        self.kinds.push(name.to_owned());
        known.insert(name.to_owned(), self.kinds.len() - 1);
        self.kinds.len() - 1
    }

    fn append(&mut self, other: Self, known: &mut HashMap<String, usize>) {
        let kinds: Vec<usize> = other.kinds.iter().map(|name| self.kind(name, known)).collect();
        self.documents.extend(other.documents.into_iter().map(|d| Document { kind: kinds[d.kind], ids: d.ids }));
    }

    /// Fails where a passage has an id that is not below `vocabulary`.
    ///
    /// # Errors
    /// [`Error::Streams`] naming passage and id.
    pub fn check_ids(&self, vocabulary: usize) -> Result<()> {
        let past = |document: &Document| document.ids.iter().copied().find(|id| *id as usize >= vocabulary);
        match self.documents.iter().enumerate().find_map(|(number, it)| Some((number, past(it)?))) {
            Some((number, id)) => Err(Error::Streams(format!(
                "passage {} holds token {id}, the model has {vocabulary}: its token ids are another model's",
                number + 1
            ))),
            None => Ok(()),
        }
    }

    /// Tokens in all.
    pub fn tokens(&self) -> usize {
        self.documents.iter().map(|document| document.ids.len()).sum()
    }

    /// Sets aside about one passage in `one_in`, evenly over the corpus: those are returned.
    pub fn hold_out(&mut self, one_in: usize) -> Self {
        let mut held_out = Self { kinds: self.kinds.clone(), documents: Vec::new(), tokenizer: self.tokenizer.clone() };
        let mut index = 0;
        self.documents.retain(|document| {
            index += 1;
            let stays = index % one_in.max(2) != 0;
            if !stays {
                held_out.documents.push(document.clone());
            }
            stays
        });
        held_out
    }

    /// Contexts of at most `length` tokens, BOS first in each, in an order that `seed` decides; without
    /// a seed in the order of the corpus.
    pub fn contexts(&self, length: usize, seed: Option<u64>) -> Vec<Context> {
        let mut all = Vec::new();
        for document in &self.documents {
            let Some((bos, rest)) = document.ids.split_first() else { continue };
            for piece in rest.chunks(length.saturating_sub(1).max(1)) {
                if piece.len() + 1 >= CONTEXT_LEAST.min(length) {
                    let mut ids = vec![*bos];
                    ids.extend_from_slice(piece);
                    all.push(Context { kind: document.kind, ids });
                }
            }
        }
        if let Some(seed) = seed {
            all.shuffle(&mut StdRng::seed_from_u64(seed));
        }
        all
    }

    /// The token ids as a safetensors file: `ids` of all passages one after another, where each
    /// `start`s, the `kind` of each, and what tells the `tokenizer`; the kinds' names are metadata.
    ///
    /// # Errors
    /// [`Error::Corpus`] when there are more than 2^32 tokens.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut ids: Vec<u32> = Vec::with_capacity(self.tokens());
        let mut starts = Vec::with_capacity(self.documents.len());
        for document in &self.documents {
            let start = u32::try_from(ids.len())
                .map_err(|_| Error::Recipe("a file of token ids holds at most 2^32 of them".to_owned()))?;
            starts.push(start);
            ids.extend_from_slice(&document.ids);
        }
        let kinds: Vec<u32> = self.documents.iter().map(|document| document.kind as u32).collect();
        let list = |values: &'_ [u32]| bytemuck::cast_slice(values).to_vec();
        let lists = [("ids", &ids), ("starts", &starts), ("kind", &kinds), (TOKENIZER, &self.tokenizer)]
            .map(|(name, values)| (name, values.len(), list(values)));
        let mut views = Vec::new();
        for (name, n, bytes) in &lists {
            views.push(((*name).to_owned(), TensorView::new(Dtype::U32, vec![*n], bytes).map_err(Error::file)?));
        }
        let names = serde_json::to_string(&self.kinds).map_err(Error::file)?;
        checked::to_bytes(&views, BTreeMap::from([(KINDS.to_owned(), names)]))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, TokenFileError> {
        let Checked { tensors, metadata, .. } =
            checked::from_bytes(bytes).map_err(|e| TokenFileError::Damaged(e.to_string()))?;
        let kinds: Vec<String> =
            metadata.get(KINDS).and_then(|names| serde_json::from_str(names).ok()).ok_or(TokenFileError::NoKinds)?;
        // Files of earlier versions have no checksum; one whose key is damaged looks like that, but has another key. Programs
        // that write safetensors files name a format.
        if let Some(other) = metadata.keys().find(|key| !matches!(key.as_str(), KINDS | "format")) {
            return Err(TokenFileError::Metadata(other.clone()));
        }
        let list = |name: &'static str| -> std::result::Result<Vec<u32>, TokenFileError> {
            let tensor = tensors.tensor(name).map_err(|_| TokenFileError::NoTensor(name))?;
            if tensor.dtype() != Dtype::U32 || tensor.shape().len() != 1 {
                return Err(TokenFileError::NotU32(name));
            }
            Ok(bytemuck::pod_collect_to_vec(tensor.data()))
        };
        let (ids, starts, of_kind) = (list("ids")?, list("starts")?, list("kind")?);
        if starts.len() != of_kind.len() {
            return Err(TokenFileError::KindCount);
        }
        if starts.first().is_some_and(|first| *first != 0) {
            return Err(TokenFileError::PassageRange(1));
        }
        let mut documents = Vec::with_capacity(starts.len());
        for (index, (start, kind)) in starts.iter().zip(&of_kind).enumerate() {
            let end = starts.get(index + 1).map_or(ids.len(), |end| *end as usize);
            let passage = ids.get(*start as usize..end).ok_or(TokenFileError::PassageRange(index + 1))?;
            if *kind as usize >= kinds.len() {
                return Err(TokenFileError::UnknownKind(index + 1));
            }
            documents.push(Document { kind: *kind as usize, ids: passage.to_vec() });
        }
        let tokenizer = if tensors.names().contains(&TOKENIZER) { list(TOKENIZER)? } else { Vec::new() };
        Ok(Self { kinds, documents, tokenizer })
    }
}

/// About `share` of `contexts`, evenly over them, in pairs that exchange what follows their middle: contexts in which one
/// text ends and another begins, without a mark between them. Each token of the corpus is in one context as before. A
/// context keeps the kind of its beginning.
///
/// In texts as they are found, what the past foretells changes slowly, and a prediction that keeps to an old event costs
/// little; here it costs half a context.
pub fn joined(mut contexts: Vec<Context>, share: f32) -> Vec<Context> {
    let pairs = contexts.len() / 2;
    // Bresenham's rule: the pairs that are exchanged are spread evenly.
    let before = |pair: usize| (pair as f64 * f64::from(share)).floor();
    for pair in (0..pairs).filter(|pair| before(pair + 1) > before(*pair)) {
        let [a, b] = &mut contexts[2 * pair..2 * pair + 2] else { continue };
        let (rest_a, rest_b) = (a.ids.split_off(a.ids.len().div_ceil(2)), b.ids.split_off(b.ids.len().div_ceil(2)));
        a.ids.extend(rest_b);
        b.ids.extend(rest_a);
    }
    contexts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus() -> Corpus {
        let document =
            |kind, n: u32| Document { kind, ids: (0..n).map(|i| if i == 0 { 2 } else { 100 + i }).collect() };
        Corpus {
            kinds: vec!["story".to_owned(), "news".to_owned()],
            documents: vec![document(0, 45), document(1, 17), document(0, 20)],
            tokenizer: vec![2, 7],
        }
    }

    #[test]
    fn token_ids_come_back() -> Result<()> {
        let bytes = corpus().to_bytes()?;
        assert_eq!(Corpus::from_bytes(&bytes), Ok(corpus()));
        for cut in [0, 7, 40, bytes.len() - 1] {
            assert!(Corpus::from_bytes(&bytes[..cut]).is_err());
        }
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let read = Corpus::from_bytes(&damaged);
            assert!(read.is_err() || read == Ok(corpus()), "bit {bit} changes what is read");
        }
        // As an earlier version wrote it.
        let ids: Vec<u8> = [2u32, 7, 9].iter().flat_map(|id| id.to_le_bytes()).collect();
        let lists = [("ids", 3, &ids[..]), ("starts", 1, &[0; 4]), ("kind", 1, &[0; 4])];
        let mut views = Vec::new();
        for (name, n, bytes) in lists {
            views.push((name, TensorView::new(Dtype::U32, vec![n], bytes).map_err(Error::file)?));
        }
        let metadata = HashMap::from([(KINDS.to_owned(), "[\"news\"]".to_owned())]);
        let old = safetensors::serialize(views, Some(metadata)).map_err(Error::file)?;
        let read = Corpus::from_bytes(&old).map_err(Error::file)?;
        assert_eq!(read.documents, [Document { kind: 0, ids: vec![2, 7, 9] }]);
        Ok(())
    }

    #[test]
    fn token_ids_of_another_tokenizer_or_without_a_start_are_refused()
    -> std::result::Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (texts, ids) = (folder.path().join("texts.txt"), folder.path().join("ids.safetensors"));
        std::fs::write(&texts, "a tide")?;
        let by = |shift: u32| {
            move |text: &str| Ok(std::iter::once(2).chain(text.chars().map(|c| u32::from(c) + shift)).collect())
        };
        let read =
            |path: &Path, shift: u32| Corpus::read(&[path.to_owned()], by(shift), |_| ()).map_err(|e| e.to_string());
        let ours = read(&texts, 0)?;
        std::fs::write(&ids, ours.to_bytes()?)?;
        assert_eq!(read(&ids, 0), Ok(ours.clone()));
        assert!(read(&ids, 1).is_err_and(|e| e.contains("ids.safetensors") && e.contains("another tokenizer")));
        let old = Corpus { tokenizer: Vec::new(), ..ours.clone() };
        std::fs::write(&ids, old.to_bytes()?)?;
        assert_eq!(read(&ids, 1), Ok(old), "files of earlier versions do not say whose ids they are");
        let mut headless = ours;
        headless.documents[0].ids.remove(0);
        std::fs::write(&ids, headless.to_bytes()?)?;
        assert!(read(&ids, 0).is_err_and(|e| e.contains("does not begin with 2")));
        assert!(passages(&ids, |_| Ok(())).is_err_and(|e| e.to_string().contains("holds token ids")));
        std::fs::write(&texts, b"a\0 \0t\0i\0d\0e\0")?;
        assert!(read(&texts, 0).is_err_and(|e| e.contains("UTF-16 without a byte order mark")));
        Ok(())
    }

    #[test]
    fn contexts_begin_with_bos_and_hold_every_token_once_but_scraps() {
        let contexts = corpus().contexts(20, None);
        let lengths: Vec<usize> = contexts.iter().map(|c| c.ids.len()).collect();
        // 44 = 19 + 19 + 6, of which the last is too short.
        assert_eq!(lengths, [20, 20, 17, 20]);
        assert!(contexts.iter().all(|c| c.ids[0] == 2 && !c.ids[1..].contains(&2)));
        assert_eq!(contexts[1].ids[1], 120);
        let (a, b) = (corpus().contexts(20, Some(1)), corpus().contexts(20, Some(1)));
        assert_eq!(a, b);
    }

    #[test]
    fn joined_contexts_change_their_text_in_the_middle_and_lose_no_token() {
        let context = |kind: usize, n: u32| Context {
            kind,
            ids: std::iter::once(2).chain((1..n).map(|i| 100 * (kind as u32 + 1) + i)).collect(),
        };
        let contexts: Vec<Context> = (0..9).map(|i| context(i, 20 + i as u32)).collect();
        assert_eq!(joined(contexts.clone(), 0.0), contexts);
        let all = joined(contexts.clone(), 1.0);
        assert_eq!(all[8], contexts[8], "it has no partner");
        assert_eq!(all[0].ids[..10], contexts[0].ids[..10]);
        assert_eq!(all[0].ids[10..], contexts[1].ids[11..]);
        assert_eq!(all[1].ids[11..], contexts[0].ids[10..]);
        let sorted = |contexts: &[Context]| {
            let mut ids: Vec<u32> = contexts.iter().flat_map(|c| c.ids.clone()).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(sorted(&all), sorted(&contexts));
        let half = joined(contexts.clone(), 0.5);
        let changed = half.iter().zip(&contexts).filter(|(a, b)| a != b).count();
        assert_eq!(changed, 4, "two pairs of four");
    }

    #[test]
    fn a_folder_leaves_its_heldout_file_out() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        for name in ["heldout.jsonl", "HELDOUT-2.jsonl", "HeldOut.txt"] {
            std::fs::write(folder.path().join(name), "{\"text\": \"no\"}\n")?;
        }
        for name in ["._poem.txt", "._train-news.jsonl"] {
            std::fs::write(folder.path().join(name), b"\0\x05\x16\x07\0\x02\0\0Mac OS X")?;
        }
        std::fs::write(
            folder.path().join("train-news.jsonl"),
            "{\"text\": \"ab\"}\n\n{\"text\": \"c\", \"kind\": \"x\"}\n",
        )?;
        std::fs::write(folder.path().join("poem.txt"), "d")?;
        std::fs::write(folder.path().join("README.md"), "e")?;
        let tokenize = |text: &str| Ok(std::iter::once(2).chain(text.bytes().map(u32::from)).collect());
        let read = files(&[folder.path().to_owned()]).and_then(|files| Corpus::read(&files, tokenize, |_| ()));
        let read = read.map_err(std::io::Error::other)?;
        assert_eq!(read.kinds, ["poem", "news", "x"]);
        assert_eq!(read.tokens(), 2 + 3 + 2);
        Ok(())
    }

    #[test]
    fn a_long_text_is_cut_at_the_ends_of_lines() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("long.txt");
        let line = format!("{}\n", "ä".repeat(700_000));
        std::fs::write(&file, line.repeat(7))?;
        let mut lengths = Vec::new();
        let mut note = |passage: Passage| {
            lengths.push(passage.text.len());
            Ok(())
        };
        passages(&file, &mut note).map_err(std::io::Error::other)?;
        assert_eq!(lengths, [2, 2, 2, 1].map(|lines| lines * line.len()));
        assert_eq!(passage_end(&"ä".repeat(3_000_000)), PASSAGE_BYTES_MAX);
        Ok(())
    }

    #[test]
    fn lines_are_read_compressed_or_not_whatever_the_name_says() -> std::io::Result<()> {
        use std::io::Write;

        let folder = tempfile::tempdir()?;
        let line = b"{\"text\": \"ab\"}\n";
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zipped.write_all(line)?;
        let zipped = zipped.finish()?;
        for (name, bytes) in
            [("a.jsonl", &zipped[..]), ("b.jsonl.gz", &zipped), ("c.jsonl", line), ("d.jsonl.gz", line)]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes)?;
            let mut texts = Vec::new();
            let read = passages(&path, |passage| {
                texts.push(passage.text);
                Ok(())
            });
            assert!(read.is_ok() && texts == ["ab"], "{name}: {read:?}");
        }
        // As `cat` joins two files with byte order marks.
        let joined = folder.path().join("joined.jsonl");
        std::fs::write(&joined, "\u{feff}{\"text\": \"ab\"}\n\u{feff}{\"text\": \"cd\"}\n\u{feff}")?;
        let mut texts = Vec::new();
        let read = passages(&joined, |passage| {
            texts.push(passage.text);
            Ok(())
        });
        assert!(read.is_ok() && texts == ["ab", "cd"], "{read:?}");
        let units: Vec<u8> = "{\"text\": \"прилив\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, says) in [(&units[..], "UTF-16 without a byte order mark"), (b"PAR1\x15\0", "a Parquet file")] {
            std::fs::write(&joined, bytes)?;
            let problem = passages(&joined, |_| Ok(())).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(problem.contains("is not lines of JSON") && problem.contains(says), "{problem}");
        }
        std::fs::write(&joined, "{\n  \"text\": \"ab\"\n}\n")?;
        let problem = passages(&joined, |_| Ok(())).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(problem.contains("line 1: begins an object that goes on in the next line"), "{problem}");
        let list = folder.path().join("list.jsonl");
        std::fs::write(&list, "[{\"text\": \"ab\"}]")?;
        let problem = passages(&list, |_| Ok(())).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(problem.contains("line 1: is a JSON list"), "{problem}");
        Ok(())
    }

    #[test]
    fn problems_name_file_and_line() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("bad.jsonl");
        std::fs::write(&path, "{\"text\": \"ab\"}\n{\"txt\": 1}\n")?;
        let problem =
            Corpus::read(&[path], |_| Ok(vec![2, 3]), |_| ()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(problem.contains("bad.jsonl: line 2"), "{problem}");
        let problem = files(&[folder.path().join("none")]).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(problem.ends_with("none: there is no such file or folder"), "{problem}");
        let problem = files(&["/dev/null".into()]).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(!cfg!(unix) || problem.contains("is a pipe or a device"), "{problem}");
        let line = "{\"text\": \"ab\", \"score\": NaN}\n";
        std::fs::write(folder.path().join("n.jsonl"), line)?;
        let problem =
            passages(&folder.path().join("n.jsonl"), |_| Ok(())).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(problem.contains("line 1: has NaN, which is not a number of JSON"), "{problem}");
        Ok(())
    }
}
