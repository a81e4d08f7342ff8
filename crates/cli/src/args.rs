//! The flags of every command but those that train.

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use clap::{ArgGroup, Args, ValueEnum};
use lens_engine::DeviceChoice;
use lens_import::Synthetic;

#[derive(Debug, Args)]
pub struct KernelsArgs {
    /// Time the linear layers instead of checking.
    #[arg(long)]
    pub bench: bool,
    /// Time whole analyses by this packed model, too.
    #[arg(long, value_name = "DIR", requires = "bench")]
    pub model: Option<PathBuf>,
    /// Tokens to time instead of 1, 18, 128 and 512; may be given several times.
    #[arg(long, value_name = "N", requires = "bench", value_parser = RangedU64ValueParser::<usize>::new().range(1..=2048))]
    pub tokens: Vec<usize>,
    /// Time only the variants that an analysis would take.
    #[arg(long, requires = "bench")]
    pub chosen: bool,
    /// The card's f32 peak in GFLOP/s, as its maker states it: prints the share of it that is reached.
    #[arg(long, value_name = "GFLOP/S", requires = "bench", value_parser = above_zero)]
    pub peak: Option<f64>,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
}

#[derive(Debug, Args)]
pub struct PackArgs {
    /// Hugging Face folder, GGUF file, or hub name such as google/gemma-2-2b.
    #[arg(long, value_name = "DIR|FILE.gguf|NAME", required_unless_present = "synthetic", value_parser = NonEmptyStringValueParser::new())]
    pub gemma: Option<String>,
    /// Random weights of a model's true shapes instead of a checkpoint, and of its SAE: for
    /// measuring what loading and computing cost. The results of such a pack mean nothing.
    #[arg(long, value_enum, value_name = "MODEL", conflicts_with_all = ["gemma", "sae", "layer"], requires = "tokenizer")]
    pub synthetic: Option<SyntheticArg>,
    /// tokenizer.json; by default the one beside the weights.
    #[arg(long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// SAE folder, or hub name such as canrager/temporalSAEs:gemma-2-2B/layer_12/temporal.
    #[arg(long, value_name = "DIR|NAME", required_unless_present = "synthetic", value_parser = NonEmptyStringValueParser::new())]
    pub sae: Option<String>,
    /// Analyze the output of model.layers[N].
    #[arg(long, value_name = "N", required_unless_present = "synthetic")]
    pub layer: Option<usize>,
    /// How matrices are stored: f32, f16, q8, q4, with exceptions for kinds of them as in
    /// q8,sae-attention=q4; kinds are embedding, attention, mlp, sae-dictionary, sae-attention.
    /// `mix` is q8 with the SAE's attention at q4 (docs/precision.md).
    #[arg(long, value_name = "MIX", value_parser = precision)]
    pub precision: lens_engine::PrecisionPlan,
    /// Divide the positions of full attention by this, whatever the checkpoint says: 8 for Gemma 3 4B, 12B and 27B, 1 for the
    /// others.
    #[arg(long, value_name = "N", conflicts_with = "synthetic", value_parser = above_zero)]
    pub rope_factor: Option<f64>,
    /// Print what each file says of the model.
    #[arg(long)]
    pub verbose: bool,
    /// Folder to write; only an empty folder or a pack is replaced.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Also give the pack words from these texts, as `temporal-lens words` does by default; without it a pack has none, nor
    /// those of the pack that it replaces. May be given several times.
    #[arg(long, value_name = "DIR|FILE")]
    pub corpus: Vec<PathBuf>,
}

fn precision(text: &str) -> Result<lens_engine::PrecisionPlan, String> {
    // The name of a whole plan is none of a single precision.
    let is_one = !text.contains([',', '=']);
    text.parse().map_err(
        |e: lens_pack::precision_plan::PrecisionPlanError| if is_one { format!("{e}, or mix") } else { e.to_string() },
    )
}

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "not a number above 0".to_owned())
}

#[derive(Debug, Args)]
// What is said of the document needs one that is written.
#[command(group = ArgGroup::new("document").args(["json", "text_list"]).multiple(true))]
pub struct AnalyzeArgs {
    /// Folder of a packed model.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    #[command(flatten)]
    pub input: Input,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
    /// Novel codes per token, instead of the SAE's own k.
    #[arg(long, value_name = "N")]
    pub inf_k: Option<usize>,
    /// Print a table of the tokens: what the past foretold at each, and what it added, in words.
    #[arg(long, conflicts_with = "text_list")]
    pub words: bool,
    /// Print a table of the events: where each begins, and what it is about.
    #[arg(long, conflicts_with = "text_list")]
    pub events: bool,
    /// Give every statistic next to what it is for N shuffled orders of the text's tokens, and for N orders within each
    /// event: what survives shuffling was never temporal. Also goes into the document.
    #[arg(long, value_name = "N", conflicts_with_all = ["text_list", "dump"], value_parser = clap::value_parser!(u16).range(1..=100))]
    pub shuffled: Option<u16>,
    /// Print what the authors' notebook prints.
    #[arg(long, conflicts_with = "text_list")]
    pub notebook: bool,
    /// Write the analysis document.
    #[arg(long, value_name = "OUT.json")]
    pub json: Option<PathBuf>,
    /// Leave the Gram matrices out of the document.
    #[arg(long, requires = "document")]
    pub no_grams: bool,
    /// Leave out of the document what follows from its Gram matrices.
    #[arg(long, conflicts_with = "no_grams", requires = "document")]
    pub compact: bool,
    /// Put the SAE's attention weights into the document.
    #[arg(long, requires = "document")]
    pub attention: bool,
    /// Write every tensor as safetensors.
    #[arg(long, value_name = "OUT.safetensors")]
    pub dump: Option<PathBuf>,
    /// Folder for the documents of a --text-list, with index.json and an index page. What it has
    /// already is not computed again.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only the I-th of N parts of the --text-list, e.g. 2/8: every N-th text, the same in each run.
    /// Parts may run side by side on machines that share the folder.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Where Temporal Lens is hosted, as seen from the index page.
    #[arg(long, value_name = "URL", default_value = "../", value_parser = NonEmptyStringValueParser::new(), conflicts_with_all = ["text", "text_file", "token_ids"])]
    pub viewer: String,
}

/// One of several parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// 1 to `of`.
    pub part: usize,
    /// How many there are.
    pub of: usize,
}

impl Default for Shard {
    /// All of it.
    fn default() -> Self {
        Self { part: 1, of: 1 }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// The text is not I/N.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a part is I/N with I from 1 to N, e.g. 2/8")]
pub struct ShardError;

impl std::str::FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let numbers = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Self { part, of }),
            _ => Err(ShardError),
        }
    }
}

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folder of a packed model.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The first text, taken verbatim.
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    pub first: String,
    /// The second text, taken verbatim.
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    pub second: String,
    /// Novel codes per token of the first text, instead of the SAE's own k.
    #[arg(long, value_name = "N")]
    pub first_inf_k: Option<usize>,
    /// The same for the second text.
    #[arg(long, value_name = "N")]
    pub second_inf_k: Option<usize>,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
    /// Write the comparison.
    #[arg(long, value_name = "OUT.json")]
    pub json: PathBuf,
}

/// The text, in one of four forms.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Input {
    /// The text, taken verbatim.
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    pub text: Option<String>,
    /// A file with the text, taken verbatim: no trimming, no change of line ends. UTF-8, or UTF-16 or UTF-32 with a byte order mark;
    /// the mark is no part of the text.
    #[arg(long, value_name = "FILE")]
    pub text_file: Option<PathBuf>,
    /// Token ids instead of a text, BOS included, separated by commas.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub token_ids: Option<Vec<u32>>,
    /// Many texts, one JSON object {"id": ..., "text": ...} per line, with a "title" if you like.
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["json", "dump"])]
    pub text_list: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder of a packed model.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Figures to compare with, for packs without published ones.
    #[arg(long, value_name = "FILE.json")]
    pub golden: Option<PathBuf>,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
}

#[derive(Debug, Args)]
pub struct HtmlArgs {
    /// An analysis's document: what `analyze --json` or the page saves.
    #[arg(value_name = "RESULT.json")]
    pub result: PathBuf,
    /// A comparison of the same text with a second one: what `compare` or the page saves.
    #[arg(long, value_name = "FILE.json")]
    pub comparison: Option<PathBuf>,
    /// The index.json of dashboards of the analysis's pack: the file then has the names of its features. Those of the default pack
    /// have theirs without.
    #[arg(long, value_name = "INDEX.json")]
    pub features: Option<PathBuf>,
    /// File to write.
    #[arg(long, value_name = "OUT.html")]
    pub out: PathBuf,
    /// The view that it opens with, as a link of the page says it, such as view=path.
    #[arg(long, value_name = "QUERY")]
    pub view: Option<String>,
    /// The page to put it into: one-file.html of a built site. By default the one beside this program.
    #[arg(long, value_name = "FILE.html")]
    pub template: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DashboardsArgs {
    /// Folder of a packed model.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Texts, as for `train`; passages may name their "source". May be given several times.
    #[arg(long, value_name = "DIR|FILE", required = true)]
    pub corpus: Vec<PathBuf>,
    /// Lines `* SOURCE: attribution and license`: only passages whose source has one are used.
    #[arg(long, value_name = "FILE")]
    pub notice: Option<PathBuf>,
    /// Folder for the index and the files of dashboards.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Tokens to analyze, about, evenly over the corpus.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = at_least_one)]
    pub tokens: usize,
    /// Largest number of tokens per passage, BOS included.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = context_length)]
    pub context: usize,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
}

#[derive(Debug, Args)]
pub struct WordsArgs {
    /// Folder of a packed model. Its words are added or replaced; no other file of it changes, nor its hash.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    #[command(flatten)]
    pub options: WordOptions,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
}

/// Fewest occurrences of a word.
const MIN_COUNT: u64 = 30;
/// Tokens that means are taken over.
const MEAN_TOKENS: usize = 60_000;

/// Where words come from.
#[derive(Debug, Args)]
pub struct WordOptions {
    /// Texts, as for `train`. Needed unless --vocabulary and --means are given. May be given several times.
    #[arg(long, value_name = "DIR|FILE")]
    pub corpus: Vec<PathBuf>,
    /// Take words that occur at least N times in the corpus.
    #[arg(long, value_name = "N", default_value_t = MIN_COUNT, conflicts_with = "vocabulary", value_parser = clap::value_parser!(u64).range(1..))]
    pub min_count: u64,
    /// Languages of the texts, as two or three letters of ISO 639. `en`: letters A to z, and words as "the" are left out. With others: letters of any script; there
    /// is a list of words to leave out only for English.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "en", value_parser = language, conflicts_with = "vocabulary")]
    pub languages: Vec<String>,
    /// Take these words instead of counting: a word per line, or a token id, a tab and a word.
    #[arg(long, value_name = "FILE")]
    pub vocabulary: Option<PathBuf>,
    /// Take these means instead of running the model: a file that --export wrote for the same pack.
    #[arg(long, value_name = "FILE.safetensors")]
    pub means: Option<PathBuf>,
    /// Tokens of the corpus to run the model on for the means, evenly over it.
    #[arg(long, value_name = "N", default_value_t = MEAN_TOKENS, conflicts_with = "means", value_parser = at_least_one)]
    pub tokens: usize,
    /// Also write vocabulary.txt and means.safetensors into this folder, for --vocabulary and --means elsewhere.
    #[arg(long, value_name = "DIR")]
    pub export: Option<PathBuf>,
}

impl WordOptions {
    /// From these texts, all else by default.
    pub fn from_corpus(corpus: Vec<PathBuf>) -> Self {
        Self {
            corpus,
            min_count: MIN_COUNT,
            languages: vec!["en".to_owned()],
            vocabulary: None,
            means: None,
            tokens: MEAN_TOKENS,
            export: None,
        }
    }
}

/// Tokens of a context: the start token alone is none.
pub fn context_length(text: &str) -> Result<usize, String> {
    at_least(2, ": the start token and one of the text", text)
}

/// A language, as `en`.
fn language(name: &str) -> Result<String, String> {
    if (2..=3).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphabetic()) {
        Ok(name.to_owned())
    } else {
        Err("is not a language: two or three letters of ISO 639 are, as en or de".to_owned())
    }
}

/// A number of things, of which there is one at least.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    at_least(1, "", text)
}

fn at_least(least: usize, why: &str, text: &str) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "is not a whole number".to_owned())?;
    if number < least { Err(format!("must be at least {least}{why}")) } else { Ok(number) }
}

#[derive(Debug, Args)]
pub struct LensArgs {
    /// Folder of a packed model that has words. It gets the lens, or another one; no other file of it changes, nor its hash.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// The whole model that was packed: Hugging Face folder, GGUF file, or hub name. Needed unless --lens is given.
    #[arg(long, value_name = "DIR|FILE.gguf|NAME", conflicts_with = "lens", value_parser = NonEmptyStringValueParser::new())]
    pub gemma: Option<String>,
    /// Texts, as for `train`. Needed unless --lens and --pieces are given. May be given several times.
    #[arg(long, value_name = "DIR|FILE")]
    pub corpus: Vec<PathBuf>,
    /// Tokens of the corpus to fit on, evenly over it.
    #[arg(long, value_name = "N", default_value_t = 70_000, conflicts_with = "lens", value_parser = at_least_one)]
    pub tokens: usize,
    /// About so many tokens to measure on, in whole contexts, of one passage in 20, which the fit leaves out.
    #[arg(long, value_name = "N", default_value_t = 2000, conflicts_with = "lens", value_parser = at_least_one)]
    pub held_out_tokens: usize,
    /// In addition to the words, tokens that occur at least N times in the corpus may come next.
    #[arg(long, value_name = "N", default_value_t = MIN_COUNT, conflicts_with = "pieces", value_parser = clap::value_parser!(u64).range(1..))]
    pub min_count: u64,
    /// Take these tokens instead of counting: a file that --export wrote.
    #[arg(long, value_name = "FILE")]
    pub pieces: Option<PathBuf>,
    /// Take this lens instead of fitting one: a file that --export wrote for the same pack.
    #[arg(long, value_name = "FILE.safetensors")]
    pub lens: Option<PathBuf>,
    /// Also write pieces.txt and lens.safetensors into this folder, for --pieces and --lens elsewhere.
    #[arg(long, value_name = "DIR")]
    pub export: Option<PathBuf>,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
}

#[derive(Debug, Args)]
pub struct TopicsArgs {
    /// Folder of a packed model with words.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Texts of two events and the words of their topics, as in tests/fixtures/words/topics.json.
    #[arg(long, value_name = "FILE.json")]
    pub texts: PathBuf,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
}

#[derive(Debug, Args)]
pub struct FidelityArgs {
    /// Folder of a pack made with --precision f32.
    #[arg(long, value_name = "DIR")]
    pub reference: PathBuf,
    /// Precisions to measure, as `pack` takes them. May be given several times.
    #[arg(long, value_name = "MIX", required = true)]
    pub mix: Vec<lens_engine::PrecisionPlan>,
    /// Texts, one JSON object with a "text" per line.
    #[arg(long, value_name = "FILE.jsonl")]
    pub texts: PathBuf,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SyntheticArg {
    /// Gemma-2-2B to layer 12, and the SAE released for it.
    #[value(name = "gemma-2-2b")]
    Gemma2_2b,
    /// Gemma 3 270M to layer 12, and an SAE of the bundled one's shape.
    #[value(name = "gemma-3-270m")]
    Gemma3_270m,
    /// A model that is quick to make and run.
    Tiny,
}

impl From<SyntheticArg> for Synthetic {
    fn from(arg: SyntheticArg) -> Self {
        match arg {
            SyntheticArg::Gemma2_2b => Self::Gemma2_2b,
            SyntheticArg::Gemma3_270m => Self::Gemma3_270m,
            SyntheticArg::Tiny => Self::Tiny,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceArg {
    /// The CPU.
    Cpu,
    /// A GPU; software adapters do not count.
    Gpu,
    /// Any adapter: for testing kernels where there is no GPU.
    GpuSoftware,
}

impl From<DeviceArg> for DeviceChoice {
    fn from(arg: DeviceArg) -> Self {
        match arg {
            DeviceArg::Cpu => Self::Cpu,
            DeviceArg::Gpu => Self::Gpu,
            DeviceArg::GpuSoftware => Self::GpuSoftware,
        }
    }
}
