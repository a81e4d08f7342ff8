//! `temporal-lens`: pack a model, analyze a text, verify a pack.
//!
//! | file | what it is |
//! |---|---|
//! | [`args`] | the flags |
//! | [`pack`] | `pack`: checkpoint + SAE + tokenizer to a folder that any static host can serve |
//! | [`hub`] | names on the Hugging Face hub to folders on disk |
//! | [`terms`] | license files that travel along, and where features are published |
//! | [`analyze`] | `analyze`: a text to statistics, JSON and tensors |
//! | [`text_list`] | `analyze --text-list`: many texts to a folder of documents with an index |
//! | [`compare`] | `compare`: two texts to one document |
//! | [`run`] | what commands share: opening a pack, running tokens through it |
//! | [`account`] | an account of a text in words; tables of its tokens and events |
//! | [`shuffled`] | `analyze --shuffled`: statistics next to those of shuffled orders |
//! | [`notebook`] | what the authors' notebook prints |
//! | [`html`] | `html`: a saved analysis as one file that shows it |
//! | [`topics`] | `topics`: how many words read out belong to a text's own topic |
//! | [`dashboards`] | `dashboards`: what each feature fires on in a corpus |
//! | [`words`] | `words`: gives a pack the words that it is read out in |
//! | [`lens`] | `lens`: fits a lens for what comes next |
//! | [`vocabulary`] | which tokens are words |
//! | [`dump`] | `--dump`: every tensor as safetensors |
//! | [`verify`] | `verify`: our figures next to published ones |
//! | [`fidelity`] | `fidelity`: what a precision does to the answer |
//! | [`kernels`] | `kernels`: every kernel variant against the CPU, and how fast each is |
//! | [`train`] | `train`, `tokenize`: texts to a TemporalSAE; [`train_args`] has their flags |
//! | [`card`] | `card`: the figures of a model card |
//! | [`figures`] | the published figures and their tolerances |
//! | [`print`] | the one way to print |
//! | [`progress`] | progress on stderr |
//! | [`results`] | results are checked before anything is computed |
//! | [`sentence`] | errors as they are printed |
//!
//! stdout carries results, stderr progress and one sentence for an error. Exit codes: 0, 1 for
//! errors, 2 for wrong usage.

// They panic where the line cannot be written: see [`print`].
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod account;
mod analyze;
mod args;
mod card;
mod compare;
mod dashboards;
mod dump;
mod fidelity;
mod figures;
mod html;
mod hub;
mod kernels;
mod lens;
mod notebook;
mod pack;
mod print;
mod progress;
mod results;
mod run;
mod sentence;
mod shuffled;
mod terms;
mod text_list;
mod topics;
mod train;
mod train_args;
mod verify;
mod vocabulary;
mod words;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Parser, Subcommand};

use args::{
    AnalyzeArgs, CompareArgs, DashboardsArgs, FidelityArgs, HtmlArgs, KernelsArgs, LensArgs, PackArgs, TopicsArgs,
    VerifyArgs, WordsArgs,
};
use train_args::{CardArgs, TokenizeArgs, TrainArgs};

#[derive(Debug, Parser)]
#[command(name = "temporal-lens", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Pack a Gemma checkpoint and a TemporalSAE into a folder that any static host can serve.
    Pack(PackArgs),
    /// Analyze a text with a packed model.
    Analyze(AnalyzeArgs),
    /// Analyze two texts, or one under two settings, and write a comparison of both.
    Compare(CompareArgs),
    /// Put a saved analysis into one HTML file that shows it, without a network.
    Html(HtmlArgs),
    /// Run the published prompts and print our figures next to the published ones.
    Verify(VerifyArgs),
    /// Measure what precisions do to the answer, against an f32 pack.
    Fidelity(FidelityArgs),
    /// Check every kernel variant on this machine's adapter against the CPU, or time them.
    Kernels(KernelsArgs),
    /// Look up what each feature of a pack's SAE fires on in a corpus.
    Dashboards(DashboardsArgs),
    /// Give a pack the words that parts of its residual stream are read out in, from texts.
    Words(WordsArgs),
    /// Fit a lens from a pack's layer to the whole model's next token, and give it to a pack that has words.
    Lens(LensArgs),
    /// Count how many of the words read out belong to the topics of given texts: the readout's own yardstick.
    Topics(TopicsArgs),
    /// Train a TemporalSAE on the residual streams of texts.
    Train(Box<TrainArgs>),
    /// Turn texts into token ids, for training where the texts are not.
    Tokenize(TokenizeArgs),
    /// Measure SAEs on held-out texts: the tables of a model card.
    Card(CardArgs),
}

/// Whether a signal is being answered: the command itself then only finds its files gone.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// On Ctrl-C or SIGTERM, removes what is half written and ends with the status that shells expect: 128 and the signal's
/// number. Where no handler can be set, and elsewhere than on Unix, the next run removes it.
#[cfg(unix)]
fn clean_up_when_stopped() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]) else { return };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            STOPPING.store(true, Ordering::SeqCst);
            lens_files::remove_unfinished();
            std::process::exit(128 + signal);
        }
    });
}

fn main() -> ExitCode {
    #[cfg(unix)]
    clean_up_when_stopped();
    let result = match Cli::parse().command {
        Command::Pack(args) => pack::run(&args),
        Command::Analyze(args) => match &args.input.text_list {
            Some(list) => text_list::run(&args, list),
            None => analyze::run(&args),
        },
        Command::Compare(args) => compare::run(&args),
        Command::Html(args) => html::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Fidelity(args) => fidelity::run(&args),
        Command::Kernels(args) => kernels::run(&args),
        Command::Dashboards(args) => dashboards::run(&args),
        Command::Words(args) => words::run(&args),
        Command::Lens(args) => lens::run(&args),
        Command::Topics(args) => topics::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Tokenize(args) => train::tokenize(&args),
        Command::Card(args) => card::run(&args),
    };
    while STOPPING.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_secs(1));
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::say(&format!("temporal-lens: {}", sentence::sentence(&error.to_string())));
            ExitCode::from(1)
        }
    }
}
