//! The flags of `train`, `tokenize` and `card`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lens_train::Recipe;
use lens_train::recipe::{Kind, Start};

use crate::args::DeviceArg;

/// Where residual streams come from.
#[derive(Debug, Args)]
pub struct LanguageModel {
    /// Folder of a packed model.
    #[arg(long, value_name = "DIR", required_unless_present = "gemma", conflicts_with = "gemma")]
    pub model: Option<PathBuf>,
    /// Hugging Face folder, GGUF file, or hub name, instead of a pack.
    #[arg(long, value_name = "DIR|FILE.gguf|NAME", requires = "layer")]
    pub gemma: Option<String>,
    /// tokenizer.json; by default the one beside the weights.
    #[arg(long, value_name = "FILE", requires = "gemma")]
    pub tokenizer: Option<PathBuf>,
    /// Train on the output of model.layers[N]; by default the pack's.
    #[arg(long, value_name = "N")]
    pub layer: Option<usize>,
    /// Where to compute; by default the GPU where there is one.
    #[arg(long, value_enum)]
    pub device: Option<DeviceArg>,
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub language_model: LanguageModel,
    /// Texts: .jsonl, .jsonl.gz (an object with a "text" a line), .txt, files of `tokenize`, or folders
    /// of them, of which files that begin with heldout are left out. May be given several times.
    #[arg(long, value_name = "DIR|FILE", required = true)]
    pub corpus: Vec<PathBuf>,
    /// Texts that figures are taken of while training; by default one passage in fifty of the corpus,
    /// which is not trained on then.
    #[arg(long, value_name = "DIR|FILE")]
    pub heldout: Vec<PathBuf>,
    /// Folder for conf.yaml, latest_ckpt.safetensors and the state to resume from.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What to train.
    #[arg(long, value_enum, default_value = "temporal")]
    pub kind: KindArg,
    /// Where the numbers below come from that are not given.
    #[arg(long, value_enum, default_value = "short")]
    pub recipe: RecipeArg,
    /// Tokens to present in all.
    #[arg(long, value_name = "N", default_value_t = 3_000_000)]
    pub tokens: usize,
    #[command(flatten)]
    pub numbers: Numbers,
    /// Begin at the SAE in this folder instead.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// Keep residual streams in this folder: of 640 dimensions, 1.3 GB for a million tokens.
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Go on from the checkpoint in --out, where there is one.
    #[arg(long)]
    pub resume: bool,
    /// Stop with a checkpoint after so many minutes.
    #[arg(long, value_name = "MINUTES")]
    pub stretch: Option<f64>,
    /// Minutes between checkpoints.
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    pub keep_every: f64,
    /// Steps between held-out figures.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub look_every: usize,
    /// Held-out tokens that those are taken of.
    #[arg(long, value_name = "N", default_value_t = 8_000)]
    pub look_tokens: usize,
}

/// Every number of a recipe.
#[derive(Debug, Args)]
#[command(next_help_heading = "Numbers of the recipe")]
pub struct Numbers {
    /// Features a dimension of the residual stream.
    #[arg(long, value_name = "N")]
    pub width_factor: Option<usize>,
    /// Novel codes a token.
    #[arg(long, value_name = "N")]
    pub k: Option<usize>,
    /// Attention heads.
    #[arg(long, value_name = "N")]
    pub heads: Option<usize>,
    /// Queries and keys have width / N dimensions.
    #[arg(long, value_name = "N")]
    pub bottleneck: Option<usize>,
    /// Tokens that the networks see together, BOS included.
    #[arg(long, value_name = "N")]
    pub context: Option<usize>,
    /// Tokens a step.
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// Learning rate at its highest.
    #[arg(long, value_name = "X")]
    pub rate: Option<f64>,
    /// Learning rate at the end, as a share of the highest.
    #[arg(long, value_name = "X")]
    pub rate_end: Option<f64>,
    /// Steps over which the learning rate rises.
    #[arg(long, value_name = "N")]
    pub warm_up: Option<usize>,
    /// Factor on the learning rate of D.
    #[arg(long, value_name = "X")]
    pub rate_d: Option<f64>,
    /// Factor on the learning rate of v_ctx, c_proj and b.
    #[arg(long, value_name = "X")]
    pub rate_attention: Option<f64>,
    /// Factor on the learning rate of q_target and k_ctx; 0 keeps them as they start.
    #[arg(long, value_name = "X")]
    pub rate_scores: Option<f64>,
    /// AdamW's decay of the first moment.
    #[arg(long, value_name = "X")]
    pub beta_1: Option<f32>,
    /// AdamW's decay of the second moment.
    #[arg(long, value_name = "X")]
    pub beta_2: Option<f32>,
    /// AdamW's weight decay.
    #[arg(long, value_name = "X")]
    pub weight_decay: Option<f32>,
    /// Longest gradient of all parameters together.
    #[arg(long, value_name = "X")]
    pub clip: Option<f32>,
    /// Factor on the predictable part's own squared error.
    #[arg(long, value_name = "X")]
    pub auxiliary: Option<f32>,
    /// Where parameters start.
    #[arg(long, value_enum)]
    pub start: Option<StartArg>,
    /// About the attention score that a code starts with against itself.
    #[arg(long, value_name = "X")]
    pub spread: Option<f32>,
    /// Seed of every random number.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

#[derive(Debug, Args)]
pub struct TokenizeArgs {
    #[command(flatten)]
    pub language_model: LanguageModel,
    /// Texts, as for `train`.
    #[arg(long, value_name = "DIR|FILE", required = true)]
    pub corpus: Vec<PathBuf>,
    /// File of token ids to write.
    #[arg(long, value_name = "OUT.safetensors")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct CardArgs {
    #[command(flatten)]
    pub language_model: LanguageModel,
    /// SAE folder, as NAME=DIR or DIR. May be given several times.
    #[arg(long, value_name = "[NAME=]DIR", required = true)]
    pub sae: Vec<String>,
    /// Held-out texts, as for `train`. May be given several times.
    #[arg(long, value_name = "DIR|FILE", required = true)]
    pub heldout: Vec<PathBuf>,
    /// Two-event texts: a JSON list of objects with name, first and second.
    #[arg(long, value_name = "FILE.json")]
    pub stories: Option<PathBuf>,
    /// Held-out tokens, evenly over the texts.
    #[arg(long, value_name = "N", default_value_t = 16_000)]
    pub tokens: usize,
    /// Tokens in a context, BOS included.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub context: usize,
    /// Write the tables into this file, too.
    #[arg(long, value_name = "OUT.md")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Predictable and novel codes.
    Temporal,
    /// Novel codes only.
    Topk,
    /// Predictable codes only.
    Predictive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecipeArg {
    /// For millions of tokens.
    Short,
    /// The authors', for billions.
    Authors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StartArg {
    /// At residual streams.
    Data,
    /// As the authors' module.
    Random,
}

impl TrainArgs {
    /// The recipe with the numbers that were given.
    pub fn recipe(&self) -> Recipe {
        let kind = match self.kind {
            KindArg::Temporal => Kind::Temporal,
            KindArg::Topk => Kind::TopK,
            KindArg::Predictive => Kind::Predictive,
        };
        let base = match self.recipe {
            RecipeArg::Short => Recipe::short(kind, self.tokens),
            RecipeArg::Authors => Recipe::authors(kind, self.tokens),
        };
        let n = &self.numbers;
        Recipe {
            width_factor: n.width_factor.unwrap_or(base.width_factor),
            k: n.k.unwrap_or(base.k),
            heads: n.heads.unwrap_or(base.heads),
            bottleneck: n.bottleneck.unwrap_or(base.bottleneck),
            context: n.context.unwrap_or(base.context),
            batch: n.batch.unwrap_or(base.batch),
            rate: n.rate.unwrap_or(base.rate),
            rate_end: n.rate_end.unwrap_or(base.rate_end),
            warm_up: n.warm_up.unwrap_or(base.warm_up),
            rate_d: n.rate_d.unwrap_or(base.rate_d),
            rate_attention: n.rate_attention.unwrap_or(base.rate_attention),
            rate_scores: n.rate_scores.unwrap_or(base.rate_scores),
            betas: [n.beta_1.unwrap_or(base.betas[0]), n.beta_2.unwrap_or(base.betas[1])],
            weight_decay: n.weight_decay.unwrap_or(base.weight_decay),
            clip: n.clip.unwrap_or(base.clip),
            auxiliary: n.auxiliary.unwrap_or(base.auxiliary),
            start: match n.start {
                Some(StartArg::Data) => Start::Data,
                Some(StartArg::Random) => Start::Random,
                None => base.start,
            },
            spread: n.spread.unwrap_or(base.spread),
            seed: n.seed.unwrap_or(base.seed),
            kind: base.kind,
            tokens: base.tokens,
        }
    }
}
