//! `analyze`: a text to an account of it, tables, JSON and tensors.

use std::io::Read;
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use lens_analysis::document::AnalysisFile;
use lens_engine::{RunOptions, TEXT_BYTES_MAX};
use lens_files::WholeFile;
use lens_pack::instead::{ExpectedInput, instead_of_bytes};

use crate::args::{AnalyzeArgs, Input};
use crate::print::{print, status};
use crate::run::{ADDS_WORDS, analysis, load_words, open_pack, read_tokens};
use crate::{account, dump, notebook, results, shuffled};

/// Runs the command.
pub fn run(args: &AnalyzeArgs) -> Result<()> {
    // All is checked before gigabytes are loaded.
    if args.out.is_some() || args.shard.is_some() {
        bail!("--out and --shard are for a --text-list; --json FILE writes the document of one text");
    }
    let results: Vec<&Path> = [&args.json, &args.dump].into_iter().filter_map(Option::as_deref).collect();
    let inputs = [Some(args.model.as_path()), args.input.text_file.as_deref()];
    results::check(&results, &inputs.into_iter().flatten().collect::<Vec<_>>())?;
    let text = read_text(&args.input)?;
    let pack = open_pack(&args.model, args.device)?;
    load_words(&pack, args.words)?;
    let tokens = match &args.input.token_ids {
        Some(ids) => {
            let bos = pack.loaded.manifest().gemma.bos_token_id;
            if ids.first() != Some(&bos) {
                bail!(
                    "the token ids must begin with {bos}, the start token, as every text that the model was trained on does"
                );
            }
            pack.loaded.describe(ids)
        }
        None => pack.loaded.tokenize(&text)?,
    };
    let options = RunOptions { inf_k: args.inf_k, keep_intermediates: args.dump.is_some(), ..RunOptions::default() };
    let mut session = read_tokens(&pack, &tokens, options)?;
    let mut analysis = analysis(&pack, &text, &tokens, &mut session)?;
    if pack.loaded.manifest().words.is_none() {
        let problem = format!("{}: the pack has no words; {ADDS_WORDS}", args.model.display());
        // A table of words was asked for by name; the account does without.
        if args.words {
            bail!(problem);
        }
        status!("{problem}");
    }
    if args.attention {
        analysis.attention = Some(pollster::block_on(session.attention())?);
    }
    if let Some(orders) = args.shuffled {
        analysis.shuffled = Some(shuffled::run(&pack, &tokens, &analysis, &session, usize::from(orders))?);
    }
    let shapes = notebook::Shapes::of(pack.loaded.manifest());

    let mut files = Vec::new();
    if let Some(path) = &args.json {
        let document = match (args.no_grams, args.compact) {
            (true, _) => AnalysisFile::without_grams(&analysis),
            (false, true) => AnalysisFile::compact(&analysis),
            (false, false) => AnalysisFile::whole(&analysis),
        };
        let mut json = serde_json::to_vec(&document).map_err(|e| anyhow!("cannot write {}: {e}", path.display()))?;
        json.push(b'\n');
        files.push(WholeFile::write(path, &json)?);
    }
    if let Some(path) = &args.dump {
        let run = pollster::block_on(session.into_output())?;
        files.push(WholeFile::write(path, &dump::bytes(&analysis, &run)?)?);
    }
    // Both files are whole before either gets its name.
    files.into_iter().try_for_each(WholeFile::publish)?;
    let mut out = String::new();
    if args.notebook {
        out.push_str(&notebook::text(&analysis, shapes));
    }
    if args.words {
        out.push_str(&account::words_table(&analysis));
    }
    if args.events {
        out.push_str(&account::events_table(&analysis));
    }
    if out.is_empty() {
        out = account::text(&analysis);
    }
    if let Some(it) = &analysis.shuffled {
        out.push('\n');
        out.push_str(&shuffled::table(it));
    }
    print(&out)
}

/// Bytes of the longest file that is read: a character has at most two in UTF-16 where it has one in UTF-8.
const FILE_BYTES_MAX: u64 = 2 * TEXT_BYTES_MAX;

/// The text, verbatim; empty for token ids.
fn read_text(input: &Input) -> Result<String> {
    match (&input.text, &input.text_file) {
        (Some(text), _) => Ok(text.clone()),
        (None, Some(path)) => {
            let mut bytes = Vec::new();
            std::fs::File::open(path)
                // A device never ends.
                .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
                .map_err(|e| match path.to_str() {
                    Some("-") => anyhow!("there is no file \"-\"; --text-file /dev/stdin reads what is piped in"),
                    _ => anyhow!("cannot read {}: {e}", path.display()),
                })?;
            if bytes.len() as u64 > FILE_BYTES_MAX {
                bail!(
                    "{}: has more than {FILE_BYTES_MAX} bytes, far more than can be analyzed; shorten it",
                    path.display()
                );
            }
            // Some of these begin with letters.
            if let Some(other) = instead_of_bytes(&bytes, ExpectedInput::Text) {
                bail!("{}: not a text{other}", path.display());
            }
            lens_pack::text::of_bytes(&bytes).map_err(|e| anyhow!("{}: {e}", path.display()))
        }
        (None, None) => Ok(String::new()),
    }
}
