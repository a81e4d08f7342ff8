//! What lies where something else was looked for: so that a refusal says what the reader has, and what to do with it.
//!
//! Names and first bytes decide; nothing is read to its end. On the command line alone: a browser is handed no folders.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::magic::{known, unmarked};
use crate::manifest::MANIFEST_FILE;

/// What was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedInput {
    /// The folder of a pack.
    Pack,
    /// A Hugging Face folder or a GGUF file.
    Model,
    /// The folder of an SAE.
    Sae,
    /// tokenizer.json.
    Tokenizer,
    /// A text that somebody wrote.
    Text,
    /// Lines of JSON.
    Lines,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ActualInput {
    Nothing,
    EmptyFolder,
    Pack,
    Checkpoint,
    Adapter,
    /// Of PyTorch, by the name of the file.
    Pickled(String),
    /// The name of the file, where a folder was given.
    Gguf(Option<String>),
    /// The folder, or a file of it.
    Sae {
        is_file: bool,
    },
    GemmaScope,
    Analysis,
    SentencePiece,
    /// An encoding, without the mark that says so.
    Unmarked(&'static str),
    /// By what it is called.
    OtherKind(&'static str),
    /// A download that did not end, by the name that a program gives it until then.
    Unfinished(String),
    /// A file under almost the name that it is to have: the name, and that one.
    Renamed(String, &'static str),
    /// safetensors under a name that no layout has.
    OtherSafetensors(String),
}

/// Ends of the names of weights that Python pickled.
const PICKLED: [&str; 4] = [".bin", ".pt", ".pth", ".ckpt"];

/// Ends of the names of downloads that did not end.
const UNFINISHED: [&str; 6] = [".part", ".partial", ".incomplete", ".crdownload", ".download", ".aria2"];

/// Names that files of packs, models and SAEs have.
const NAMES: [&str; 9] = [
    MANIFEST_FILE,
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "conf.yaml",
    "latest_ckpt.safetensors",
    "cfg.json",
    "sae_weights.safetensors",
];

/// The first of `names` that is one of [`NAMES`] but for the case of its letters or a number that a browser put into it, where
/// there is no file of that name.
fn renamed(names: &[String]) -> Option<(String, &'static str)> {
    let plain = |name: &str| {
        let (stem, end) = name.split_once('.')?;
        let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '(' | ')' | ' '));
        Some(format!("{stem}.{end}").to_lowercase())
    };
    let expected = |name: &String| {
        let expected = *NAMES.iter().find(|expected| plain(name).is_some_and(|plain| plain == **expected))?;
        Some((name.clone(), expected)).filter(|_| !names.iter().any(|name| name == expected))
    };
    names.iter().find_map(expected)
}

/// The first bytes of a file; none where it cannot be read.
pub fn first_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What is not read is not recognized.
        let _ = file.take(512).read_to_end(&mut bytes);
    }
    bytes
}

impl ActualInput {
    fn at(path: &Path) -> Option<Self> {
        if path.is_dir() { Self::in_folder(path) } else { Self::file(path) }
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let names: Vec<String> = std::fs::read_dir(folder)
            .ok()?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let has = |name: &str| names.iter().any(|it| it == name);
        let ending = |ends: &[&str]| {
            names.iter().find(|name| ends.iter().any(|end| name.to_lowercase().ends_with(end))).cloned()
        };
        let safetensors = ending(&[".safetensors"]);
        if names.is_empty() {
            Some(Self::EmptyFolder)
        } else if has(MANIFEST_FILE) {
            Some(Self::Pack)
        } else if has("config.json") && (has("model.safetensors") || has("model.safetensors.index.json")) {
            Some(Self::Checkpoint)
        } else if let Some(file) = ending(&UNFINISHED) {
            Some(Self::Unfinished(file))
        } else if let Some((file, expected)) = renamed(&names) {
            Some(Self::Renamed(file, expected))
        } else if has("conf.yaml") || has("cfg.json") {
            let pickled = ending(&PICKLED).filter(|_| safetensors.is_none());
            Some(pickled.map_or(Self::Sae { is_file: false }, Self::Pickled))
        } else if has("adapter_config.json") || has("adapter_model.safetensors") {
            Some(Self::Adapter)
        } else if has("params.npz") {
            Some(Self::GemmaScope)
        } else if let Some(file) = ending(&[".gguf"]) {
            Some(Self::Gguf(Some(file)))
        } else if let Some(file) = ending(&PICKLED) {
            Some(Self::Pickled(file))
        } else {
            safetensors.map(Self::OtherSafetensors)
        }
    }

    fn file(path: &Path) -> Option<Self> {
        if is_missing(path) {
            return Some(Self::Nothing);
        }
        let name = path.file_name()?.to_string_lossy().into_owned();
        let lower = name.to_lowercase();
        let head = first_bytes(path);
        let text = String::from_utf8_lossy(&head);
        if head.starts_with(b"GGUF") {
            Some(Self::Gguf(None))
        } else if ["conf.yaml", "cfg.json", "latest_ckpt.safetensors", "sae_weights.safetensors"]
            .contains(&name.as_str())
        {
            Some(Self::Sae { is_file: true })
        } else if text.contains("\"temporal-lens-analysis/") || text.contains("\"temporal-lens-comparison/") {
            Some(Self::Analysis)
        } else if name == MANIFEST_FILE {
            Some(Self::Pack)
        } else if lower == "tokenizer.model" || lower.ends_with(".spm") {
            Some(Self::SentencePiece)
        } else if PICKLED.iter().any(|end| lower.ends_with(end)) && !head.is_empty() {
            Some(Self::Pickled(name))
        } else if lower.ends_with(".npz") {
            Some(Self::GemmaScope)
        } else {
            Self::bytes(&head)
        }
    }

    /// What first bytes say, whatever the file is called.
    fn bytes(head: &[u8]) -> Option<Self> {
        known(head).map(Self::OtherKind).or_else(|| unmarked(head).map(Self::Unmarked))
    }

    /// What it is, and what to do with it.
    fn sentence(&self, wanted: ExpectedInput) -> String {
        match self.advice(wanted) {
            // What was looked for, as far as can be seen.
            "" if matches!((self, wanted), (Self::Sae { is_file: false }, ExpectedInput::Sae)) => String::new(),
            "" => format!("; {self}"),
            advice => format!("; {self}; {advice}"),
        }
    }

    /// What to do with it where something else was wanted.
    fn advice(&self, wanted: ExpectedInput) -> &'static str {
        match (self, wanted) {
            (Self::Checkpoint | Self::Gguf(_), ExpectedInput::Pack) => {
                "make a pack of it with `temporal-lens pack --gemma`"
            }
            (Self::Sae { .. }, ExpectedInput::Pack) => "`temporal-lens pack --sae` makes a pack of it and of its model",
            (Self::Pack, ExpectedInput::Model) => {
                "a pack cannot be packed again: name the checkpoint or GGUF file that it was made of"
            }
            // What is looked for, but for its name.
            (Self::Pack, ExpectedInput::Pack) => "name the folder that it lies in",
            (Self::Pack, ExpectedInput::Sae) => "name the folder of the SAE that it was made with",
            (Self::Gguf(Some(_)), ExpectedInput::Model) => "name the file itself",
            (Self::Sae { .. }, ExpectedInput::Model) => "name it with --sae, and its model with --gemma",
            (Self::Sae { is_file: true }, ExpectedInput::Sae) => "name the folder that it lies in",
            (Self::Checkpoint | Self::Gguf(_), ExpectedInput::Sae) => {
                "name it with --gemma, and the folder of its SAE with --sae"
            }
            (Self::Adapter, ExpectedInput::Model | ExpectedInput::Pack) => {
                "merge it into its base model (peft: merge_and_unload), save that as safetensors, and name that folder"
            }
            (Self::Pickled(_), ExpectedInput::Model | ExpectedInput::Pack) => {
                "save the model as safetensors (transformers: save_pretrained with safe_serialization)"
            }
            (Self::Pickled(_), ExpectedInput::Sae) => "save its tensors as safetensors, in the folder of conf.yaml",
            (Self::OtherSafetensors(_), ExpectedInput::Model) => {
                "a checkpoint is a folder with config.json and either model.safetensors or shards with their index"
            }
            (Self::GemmaScope, ExpectedInput::Sae) => "it has no predictable codes: this program reads TemporalSAEs",
            (Self::Analysis, ExpectedInput::Pack | ExpectedInput::Model) => {
                "the page opens it, and `temporal-lens html` makes a page of it"
            }
            (Self::SentencePiece, ExpectedInput::Tokenizer) => {
                "get tokenizer.json from the model's own repository on the hub"
            }
            (Self::Unmarked(_), _) => "save it as UTF-8",
            (Self::OtherKind(_), ExpectedInput::Text) => "save its text as UTF-8 (.txt)",
            (Self::OtherKind("a file compressed by gzip"), _) => "unpack it first",
            (Self::OtherKind(_), ExpectedInput::Lines) => "save the texts as lines of JSON",
            (Self::OtherKind(_), _) => "unpack it first",
            _ => "",
        }
    }
}

impl fmt::Display for ActualInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("there is no such file or folder"),
            Self::EmptyFolder => f.write_str("the folder is empty"),
            Self::Pack => f.write_str("it is a pack of this program"),
            Self::Checkpoint => f.write_str("it is a Hugging Face checkpoint"),
            Self::Adapter => f.write_str("it is a LoRA adapter: what changes a model, not the model"),
            Self::Pickled(file) => write!(f, "it has weights that Python pickled ({file}), which are not read"),
            Self::Gguf(Some(file)) => write!(f, "it holds the GGUF file {file}"),
            Self::Gguf(None) => f.write_str("it is a GGUF file"),
            Self::Sae { is_file: false } => f.write_str("it is the folder of an SAE"),
            Self::Sae { is_file: true } => f.write_str("it is a file of an SAE"),
            Self::GemmaScope => f.write_str("it is an SAE as Gemma Scope has them (.npz)"),
            Self::Analysis => f.write_str("it is a saved analysis"),
            Self::SentencePiece => f.write_str("it is a model of SentencePiece"),
            Self::Unmarked(encoding) => write!(f, "it is {encoding} without a byte order mark at its start"),
            Self::OtherKind(name) => write!(f, "it is {name}"),
            Self::OtherSafetensors(file) => write!(f, "it holds {file}"),
            Self::Unfinished(file) => write!(f, "it holds {file}, a download that did not end; download it again"),
            Self::Renamed(file, expected) => write!(f, "it holds {file:?}; call it {expected}, if it is that file"),
        }
    }
}

/// Whether nothing has this name: not what cannot be reached, nor a link whose target is gone. Reading those says why.
pub fn is_missing(path: &Path) -> bool {
    let gone = [ErrorKind::NotFound, ErrorKind::NotADirectory];
    path.symlink_metadata().is_err_and(|e| gone.contains(&e.kind()))
}

/// The end of a sentence that says what is at `path` instead of what was wanted, from the semicolon on; empty where nothing is
/// recognized.
pub fn instead(path: &Path, wanted: ExpectedInput) -> String {
    ActualInput::at(path).map(|found| found.sentence(wanted)).unwrap_or_default()
}

/// The same of a file that was read as `wanted`: none where its bytes are not recognized as something else.
pub fn instead_of_bytes(bytes: &[u8], wanted: ExpectedInput) -> Option<String> {
    ActualInput::bytes(bytes).map(|found| found.sentence(wanted))
}
