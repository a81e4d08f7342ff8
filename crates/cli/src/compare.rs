//! `compare`: two texts to one document.

use anyhow::{Result, anyhow};
use lens_analysis::comparison::{Comparison, Side, cosine};
use lens_analysis::document::ComparisonFile;
use lens_analysis::{Analysis, Source};
use lens_engine::{InferenceSession, PackFolder, RunOptions};
use lens_files::write_whole;

use crate::args::CompareArgs;
use crate::print::print;
use crate::results;
use crate::run::{analysis, load_words, open_pack, read_tokens};

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<()> {
    results::check(&[&args.json], &[&args.model])?;
    let pack = open_pack(&args.model, args.device)?;
    load_words(&pack, false)?;
    let (first, first_session) =
        read(&pack, &args.first, args.first_inf_k).map_err(|e| anyhow!("the first text: {e}"))?;
    let (second, second_session) =
        read(&pack, &args.second, args.second_inf_k).map_err(|e| anyhow!("the second text: {e}"))?;
    let grams = pollster::block_on(first_session.joint_grams(&second_session))?;
    let comparison = Comparison { first, second, grams };
    let mut json = serde_json::to_vec(&ComparisonFile::compact(&comparison))
        .map_err(|e| anyhow!("cannot write {}: {e}", args.json.display()))?;
    json.push(b'\n');
    write_whole(&args.json, &json)?;
    print(&summary(&comparison))
}

fn read(pack: &PackFolder, text: &str, inf_k: Option<usize>) -> Result<(Analysis, InferenceSession)> {
    let tokens = pack.loaded.tokenize(text)?;
    let options = RunOptions { inf_k, ..RunOptions::default() };
    let mut session = read_tokens(pack, &tokens, options)?;
    Ok((analysis(pack, text, &tokens, &mut session)?, session))
}

/// The cosine between the mean codes of both texts, BOS left out.
fn summary(it: &Comparison) -> String {
    let (a, b) = (it.first.tokens.len(), it.second.tokens.len());
    let mut text = format!("{a} and {b} tokens; cosine between the mean codes of both texts, BOS left out:\n");
    for (name, source) in ["predictable", "novel", "total", "residual"].into_iter().zip(Source::ALL) {
        let found = cosine(it.gram(source), a, (Side::First, &(1..a)), (Side::Second, &(1..b)));
        text += &format!("  {name:<12} {}\n", found.map_or("-".to_owned(), |value| format!("{value:.4}")));
    }
    text
}
