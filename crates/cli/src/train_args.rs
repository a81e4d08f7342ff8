//! The flags of `train`, `tokenize` and `card`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use lens_train::Recipe;
use lens_train::recipe::{Init, Kind};

use crate::args::{DeviceArg, at_least_one, context_length};
use crate::pack::beside;

/// Where residual streams come from.
#[derive(Debug, Args)]
pub struct LanguageModel {
    /// Folder of a packed model.
    #[arg(long, value_name = "DIR", required_unless_present = "gemma", conflicts_with = "gemma")]
    pub model: Option<PathBuf>,
    /// Hugging Face folder, GGUF file, or hub name, instead of a pack.
    #[arg(long, value_name = "DIR|FILE.gguf|NAME", requires = "layer", value_parser = NonEmptyStringValueParser::new())]
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

impl LanguageModel {
    /// What is read of it, as far as it is here and not on the hub.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let gemma = self.gemma.as_ref().map(PathBuf::from);
        let tokenizer = self.tokenizer.clone().or_else(|| Some(beside(gemma.as_deref()?).join("tokenizer.json")));
        self.model.iter().cloned().chain(gemma.clone()).chain(tokenizer).collect()
    }
}

#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    pub language_model: LanguageModel,
    /// Texts: .jsonl, .jsonl.gz (an object with a "text" per line), .txt, files of `tokenize`, or folders
    /// of them, of which files that begin with heldout are left out. May be given several times.
    #[arg(long, value_name = "DIR|FILE", required = true)]
    pub corpus: Vec<PathBuf>,
    /// Texts that figures are measured on while training; by default one passage in fifty of the corpus,
    /// which is not trained on then.
    #[arg(long, value_name = "DIR|FILE")]
    pub heldout: Vec<PathBuf>,
    /// Folder for conf.yaml, latest_ckpt.safetensors and the state to resume from.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What to train.
    #[arg(long, value_enum, default_value = "temporal")]
    pub kind: KindArg,
    /// Defaults of the numbers below.
    #[arg(long, value_enum, default_value = "short")]
    pub recipe: RecipeArg,
    /// Tokens to present in all.
    #[arg(long, value_name = "N", default_value_t = 3_000_000, value_parser = at_least_one)]
    pub tokens: usize,
    #[command(flatten)]
    pub numbers: Numbers,
    /// Initialize from the SAE in this folder instead.
    #[arg(long, value_name = "DIR", alias = "from", conflicts_with_all = ["init", "init_score"])]
    pub init_from: Option<PathBuf>,
    /// Cache residual streams in this folder: of 640 dimensions, 1.3 GB for a million tokens.
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Continue from the checkpoint in --out, where there is one.
    #[arg(long)]
    pub resume: bool,
    /// Stop with a checkpoint after this many minutes.
    #[arg(long, value_name = "MINUTES", alias = "stretch")]
    pub max_minutes: Option<f64>,
    /// Minutes between checkpoints.
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0, alias = "keep-every")]
    pub checkpoint_every: f64,
    /// Steps between held-out figures.
    #[arg(long, value_name = "N", default_value_t = 100, alias = "look-every", value_parser = at_least_one)]
    pub eval_every: usize,
    /// Held-out tokens that those are measured on.
    #[arg(long, value_name = "N", default_value_t = 8_000, alias = "look-tokens", value_parser = at_least_one)]
    pub eval_tokens: usize,
}

/// Every number of a recipe.
#[derive(Debug, Args)]
#[command(next_help_heading = "Numbers of the recipe")]
pub struct Numbers {
    /// Features per dimension of the residual stream.
    #[arg(long, value_name = "N")]
    pub width_factor: Option<usize>,
    /// Novel codes per token.
    #[arg(long, value_name = "N")]
    pub k: Option<usize>,
    /// Attention heads.
    #[arg(long, value_name = "N")]
    pub heads: Option<usize>,
    /// Queries and keys have width / N dimensions.
    #[arg(long, value_name = "N")]
    pub bottleneck: Option<usize>,
    /// Tokens that the networks see together, BOS included.
    #[arg(long, value_name = "N", value_parser = context_length)]
    pub context: Option<usize>,
    /// Tokens per step.
    #[arg(long, value_name = "N", alias = "batch")]
    pub batch_tokens: Option<usize>,
    /// Peak learning rate.
    #[arg(long, value_name = "X", alias = "rate")]
    pub lr: Option<f64>,
    /// Learning rate of the last step, as a share of the peak.
    #[arg(long, value_name = "X", alias = "rate-end")]
    pub lr_final: Option<f64>,
    /// Steps over which the learning rate rises.
    #[arg(long, value_name = "N", alias = "warm-up")]
    pub warmup_steps: Option<usize>,
    /// Factor on the learning rate of D.
    #[arg(long, value_name = "X", alias = "rate-d")]
    pub lr_mult_decoder: Option<f64>,
    /// Factor on the learning rate of v_ctx, c_proj and b.
    #[arg(long, value_name = "X", alias = "rate-attention")]
    pub lr_mult_attention: Option<f64>,
    /// Factor on the learning rate of q_target and k_ctx; 0 freezes them.
    #[arg(long, value_name = "X", alias = "rate-scores")]
    pub lr_mult_scores: Option<f64>,
    /// AdamW's decay of the first moment.
    #[arg(long, value_name = "X")]
    pub beta_1: Option<f32>,
    /// AdamW's decay of the second moment.
    #[arg(long, value_name = "X")]
    pub beta_2: Option<f32>,
    /// AdamW's weight decay.
    #[arg(long, value_name = "X")]
    pub weight_decay: Option<f32>,
    /// Largest norm of the gradient of all parameters together.
    #[arg(long, value_name = "X", alias = "clip")]
    pub max_grad_norm: Option<f32>,
    /// Weight of the predictable part's own squared error in the loss.
    #[arg(long, value_name = "X", alias = "auxiliary")]
    pub aux_loss_weight: Option<f32>,
    /// How parameters are initialized.
    #[arg(long, value_enum, alias = "start")]
    pub init: Option<InitArg>,
    /// About the attention score of a code with itself after initialization; several (1,12) are for the heads in equal
    /// parts.
    #[arg(long, value_name = "X[,X]", alias = "spread", value_delimiter = ',')]
    pub init_score: Option<Vec<f32>>,
    /// Share of contexts that change their text in the middle, from 0 to 1.
    #[arg(long, value_name = "SHARE")]
    pub joined: Option<f32>,
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
    #[arg(long, value_name = "[NAME=]DIR", required = true, value_parser = NonEmptyStringValueParser::new())]
    pub sae: Vec<String>,
    /// Held-out texts, as for `train`. May be given several times.
    #[arg(long, value_name = "DIR|FILE", required = true)]
    pub heldout: Vec<PathBuf>,
    /// Two-event texts: a JSON list of objects with name, first and second.
    #[arg(long, value_name = "FILE.json")]
    pub stories: Option<PathBuf>,
    /// Held-out tokens, evenly over the texts.
    #[arg(long, value_name = "N", default_value_t = 16_000, value_parser = at_least_one)]
    pub tokens: usize,
    /// Tokens in a context, BOS included.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = context_length)]
    pub context: usize,
    /// Write the tables into this file as well.
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
pub enum InitArg {
    /// From a sample of residual streams.
    Data,
    /// As in the authors' module.
    Random,
}

impl Numbers {
    /// Flags that were given, of those that change nothing where `kind` is trained, and why.
    pub fn without_effect(&self, kind: KindArg) -> Option<(Vec<&'static str>, &'static str)> {
        let (flags, why): (&[(bool, &'static str)], _) = match kind {
            KindArg::Temporal => return None,
            KindArg::Topk => (
                &[
                    (self.heads.is_some(), "--heads"),
                    (self.bottleneck.is_some(), "--bottleneck"),
                    (self.lr_mult_attention.is_some(), "--lr-mult-attention"),
                    (self.lr_mult_scores.is_some(), "--lr-mult-scores"),
                    (self.aux_loss_weight.is_some(), "--aux-loss-weight"),
                    (self.init_score.is_some(), "--init-score"),
                ],
                "--kind topk has no attention",
            ),
            KindArg::Predictive => (&[(self.k.is_some(), "--k")], "--kind predictive has no novel codes"),
        };
        let given: Vec<&'static str> = flags.iter().filter(|(given, _)| *given).map(|(_, flag)| *flag).collect();
        (!given.is_empty()).then_some((given, why))
    }
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
            batch_tokens: n.batch_tokens.unwrap_or(base.batch_tokens),
            lr: n.lr.unwrap_or(base.lr),
            lr_final: n.lr_final.unwrap_or(base.lr_final),
            warmup_steps: n.warmup_steps.unwrap_or(base.warmup_steps),
            lr_mult_decoder: n.lr_mult_decoder.unwrap_or(base.lr_mult_decoder),
            lr_mult_attention: n.lr_mult_attention.unwrap_or(base.lr_mult_attention),
            lr_mult_scores: n.lr_mult_scores.unwrap_or(base.lr_mult_scores),
            betas: [n.beta_1.unwrap_or(base.betas[0]), n.beta_2.unwrap_or(base.betas[1])],
            weight_decay: n.weight_decay.unwrap_or(base.weight_decay),
            max_grad_norm: n.max_grad_norm.unwrap_or(base.max_grad_norm),
            aux_loss_weight: n.aux_loss_weight.unwrap_or(base.aux_loss_weight),
            init: match n.init {
                Some(InitArg::Data) => Init::Data,
                Some(InitArg::Random) => Init::Random,
                None => base.init,
            },
            init_scores: n.init_score.clone().unwrap_or(base.init_scores),
            joined: n.joined.unwrap_or(base.joined),
            seed: n.seed.unwrap_or(base.seed),
            kind: base.kind,
            tokens: base.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        train: TrainArgs,
    }

    /// Flags by their former and their present names, with values that no default has.
    const RENAMED: [(&str, &str, &str); 16] = [
        ("--batch", "--batch-tokens", "123"),
        ("--rate", "--lr", "0.123"),
        ("--rate-end", "--lr-final", "0.123"),
        ("--warm-up", "--warmup-steps", "123"),
        ("--rate-d", "--lr-mult-decoder", "0.123"),
        ("--rate-attention", "--lr-mult-attention", "0.123"),
        ("--rate-scores", "--lr-mult-scores", "0.123"),
        ("--clip", "--max-grad-norm", "0.123"),
        ("--auxiliary", "--aux-loss-weight", "0.123"),
        ("--start", "--init", "random"),
        ("--spread", "--init-score", "0.123"),
        ("--from", "--init-from", "folder"),
        ("--stretch", "--max-minutes", "123"),
        ("--keep-every", "--checkpoint-every", "123"),
        ("--look-every", "--eval-every", "123"),
        ("--look-tokens", "--eval-tokens", "123"),
    ];

    fn parse(extra: &[&str]) -> String {
        let flags = ["train", "--model", "pack", "--corpus", "texts", "--out", "sae"].iter().chain(extra);
        let Command { train } = Command::try_parse_from(flags).unwrap_or_else(|e| e.exit());
        format!("{train:?} {:?}", train.recipe())
    }

    #[test]
    fn former_names_of_flags_mean_the_same_and_are_not_shown() {
        let defaults = parse(&[]);
        let help = Command::command().render_long_help().to_string();
        for (former, present, value) in RENAMED {
            let parsed = parse(&[present, value]);
            assert_ne!(parsed, defaults, "{present} changes nothing");
            assert_eq!(parsed, parse(&[former, value]), "{former}");
            assert!(help.contains(&format!("{present} ")), "{present} is in the help");
            assert!(!help.contains(&format!("{former} ")), "{former} is in the help");
        }
    }
}
