//! `temporal-lens`: pack a model, analyse a text, verify a pack.
//!
//! | file | what it is |
//! |---|---|
//! | [`args`] | the flags |
//! | [`pack`] | `pack`: checkpoint + SAE + tokenizer to a folder that any static host can serve |
//! | [`hub`] | names on the Hugging Face hub to folders on disk |
//! | [`terms`] | licence files that travel along, and where features are published |
//! | [`analyze`] | `analyze`: a text to statistics, JSON and tensors |
//! | [`text_list`] | `analyze --text-list`: many texts to a folder of documents with an index |
//! | [`compare`] | `compare`: two texts to one document |
//! | [`notebook`] | what the seed's notebook prints |
//! | [`dashboards`] | `dashboards`: what each feature fires on in a corpus |
//! | [`dump`] | `--dump`: every tensor as safetensors |
//! | [`verify`] | `verify`: ours beside published figures |
//! | [`fidelity`] | `fidelity`: what a precision does to the answer |
//! | [`train`] | `train`, `tokenize`: texts to a TemporalSAE; [`train_args`] has their flags |
//! | [`card`] | `card`: the figures of a model card |
//! | [`figures`] | the published figures and their tolerances |
//! | [`whole_file`] | files that appear whole or not at all |
//! | [`progress`] | progress on stderr |
//!
//! stdout carries results, stderr progress and one sentence for an error. Exit codes: 0, 1 for
//! errors, 2 for wrong usage.

mod analyze;
mod args;
mod card;
mod compare;
mod dashboards;
mod dump;
mod fidelity;
mod figures;
mod hub;
mod kernels;
mod notebook;
mod pack;
mod progress;
mod terms;
mod text_list;
mod train;
mod train_args;
mod verify;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Pack(args) => pack::run(&args),
        Command::Analyze(args) => analyze::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Fidelity(args) => fidelity::run(&args),
        Command::Kernels(args) => kernels::run(&args),
        Command::Dashboards(args) => dashboards::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Tokenize(args) => train::tokenize(&args),
        Command::Card(args) => card::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Errors are whole sentences already; some libraries put line ends into theirs.
            let sentence = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            eprintln!("temporal-lens: {sentence}");
            ExitCode::from(1)
        }
    }
}
