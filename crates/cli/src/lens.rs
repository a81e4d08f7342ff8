//! `lens`: fits a linear map from the residual stream of a pack's layer to the whole model's last hidden state, and gives it
//! to a pack that has words: for what comes next, as seen from that layer.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use lens_analysis::closeness::Closeness;
use lens_analysis::ridge::Moments;
use lens_engine::{FullModel, PackFolder};
use lens_import::words::{
    FittedLens, WordsSection, pieces_of_pack, read_lens, read_piece_list, read_words, write_lens, write_piece_list,
    write_words,
};
use lens_pack::folder::FolderManifest;
use lens_train::corpus::{Context, Corpus};

use crate::args::LensArgs;
use crate::pack::gemma_weights;
use crate::print::print;
use crate::progress::Progress;
use crate::results::{Folder, check_folder};
use crate::run::open_pack;
use crate::vocabulary::pieces_beside;
use crate::words::{CONTEXT, evenly, read_corpus, tokens_of};

/// Penalty of the fit, as a share of each column's variance.
const LAMBDA: f64 = 0.01;
/// One passage in so many is held out of the fit, and measured on.
const HELD_OUT: usize = 20;
/// Tokens whose logits are computed at once.
const LOGITS: usize = 4096;
/// The files that --export writes.
const LENS_FILE: &str = "lens.safetensors";
const PIECES_FILE: &str = "pieces.txt";
/// Readings of the residual stream that are measured.
const READINGS: [&str; 3] = ["the fitted lens", "the final norm alone (logit lens)", "the mean alone"];

/// Runs the command.
pub fn run(args: &LensArgs) -> Result<()> {
    let started = Instant::now();
    let folder = &args.model;
    let Some(words) = read_words(folder)? else {
        bail!(
            "{}: the pack has no words; `temporal-lens words` adds them, then it can be given a lens",
            folder.display()
        );
    };
    if args.lens.is_some() && args.pieces.is_some() && !args.corpus.is_empty() {
        bail!("--lens and --pieces replace all that --corpus would be read for; leave one of the three out");
    }
    if let Some(out) = &args.export {
        let gemma = args.gemma.as_ref().map(Path::new);
        let given = args.corpus.iter().chain(&args.pieces).chain(&args.lens).chain([folder]);
        let inputs: Vec<&Path> = given.map(PathBuf::as_path).chain(gemma).collect();
        check_folder(&Folder { out, names: &[LENS_FILE, PIECES_FILE], inputs: &inputs, format: None })?;
    }
    let pieces = pieces_of_pack(folder)?;
    let listed = args.pieces.as_deref().map(|path| read_piece_list(path, &pieces)).transpose()?;
    let given = args.lens.as_deref().map(|path| read_lens(path, folder)).transpose()?;
    let mut report = String::new();
    let (mut pieces_beside_words, lens) = match (listed, given) {
        (Some(listed), Some(lens)) => (listed, lens),
        (listed, given) => {
            let pack = open_pack(folder, args.device)?;
            let mut corpus = read_corpus(&pack, &args.corpus)?;
            let listed =
                listed.unwrap_or_else(|| pieces_beside(&pieces, &corpus, args.min_count, &words.vocabulary.words));
            let lens = match given {
                Some(lens) => lens,
                None => {
                    let (lens, close) = fit(&pack, &mut corpus, args)?;
                    report = close;
                    lens
                }
            };
            (listed, lens)
        }
    };
    // A list of another vocabulary may hold words of this one.
    pieces_beside_words.retain(|(id, _)| words.vocabulary.words.binary_search_by_key(id, |(id, _)| *id).is_err());
    if pieces_beside_words.len() < 2 {
        bail!(
            "fewer than two pieces that are not words occur at least {} times; give more text, or a lower --min-count",
            args.min_count
        );
    }
    let mut vocabulary = words.vocabulary;
    vocabulary.pieces = pieces_beside_words;
    let tokens = lens.tokens;
    let section = WordsSection { vocabulary, means: words.means, lens: Some(lens) };
    let entry = write_words(folder, &section)?;
    // Printed when all of it is written: a hour's fit is not lost for a line that cannot be printed.
    report += &format!(
        "{}: a lens fitted on {tokens} tokens; {} words and {} pieces in {:.1} MB; {:.0} s\n",
        folder.display(),
        entry.words,
        entry.pieces,
        entry.load_bytes() as f64 / 1e6,
        started.elapsed().as_secs_f64()
    );
    if let (Some(out), Some(lens)) = (&args.export, &section.lens) {
        std::fs::create_dir_all(out).map_err(|e| anyhow!("cannot make the folder {}: {e}", out.display()))?;
        write_piece_list(&out.join(PIECES_FILE), &section.vocabulary.pieces, &pieces)?;
        write_lens(&out.join(LENS_FILE), lens, &FolderManifest::read(folder)?.hash)?;
        report += &format!("{}: {PIECES_FILE} and {LENS_FILE}\n", out.display());
    }
    print(&report)
}

/// Fits a lens on the corpus but for the passages that are held out; with a table of how close it comes on those.
fn fit(pack: &PackFolder, corpus: &mut Corpus, args: &LensArgs) -> Result<(FittedLens, String)> {
    let Some(gemma) = &args.gemma else {
        bail!("name the whole model with --gemma, or give a --lens");
    };
    let one_in = HELD_OUT.min(corpus.documents.len());
    if one_in < 2 {
        bail!("a lens is fitted on some passages and measured on others: the corpus has only one");
    }
    let held_out = corpus.hold_out(one_in);
    let contexts = evenly(corpus.contexts(CONTEXT, None), args.tokens);
    let measured = evenly(held_out.contexts(CONTEXT, None), args.held_out_tokens);
    if contexts.is_empty() || measured.is_empty() {
        bail!("the corpus holds too few passages of at least 15 tokens");
    }
    let model = open_model(&gemma_weights(gemma)?, pack)?;
    let total: usize = contexts.iter().map(tokens_of).sum();
    let mut progress = Progress::start(format!("hidden states of {total} tokens"));
    let mut moments: Option<Moments> = None;
    for context in &contexts {
        pollster::block_on(model.add_to(&mut moments, &context.ids))?;
        progress.update(moments.as_ref().map_or(0, Moments::samples), total as u64);
    }
    let moments = moments.ok_or_else(|| anyhow!("the corpus holds no text"))?;
    let fit = moments.fit(LAMBDA)?;
    let mut lens = FittedLens {
        matrix: fit.matrix,
        mean_x: fit.mean_x,
        mean_y: fit.mean_y,
        tokens: moments.samples(),
        final_logit_softcapping: model.final_logit_softcapping(),
    };
    lens.round();
    let close = closeness(&model, &lens, &measured)?;
    Ok((lens, close))
}

fn open_model(path: &Path, pack: &PackFolder) -> Result<FullModel> {
    let mut progress = Progress::start(format!("loading {}", path.display()));
    Ok(FullModel::open(path, &pack.loaded, |done, total| progress.update(done, total))?)
}

/// A table of KL divergence and agreement on held-out contexts.
fn closeness(model: &FullModel, lens: &FittedLens, contexts: &[Context]) -> Result<String> {
    let mut hidden: [Vec<f32>; 4] = Default::default();
    for context in contexts {
        let more = pollster::block_on(model.readings(&context.ids, [&lens.matrix, &lens.mean_x, &lens.mean_y]))?;
        hidden.iter_mut().zip(more).for_each(|(all, more)| all.extend(more));
    }
    let tokens = hidden[0].len() / model.d_model();
    let mut found = vec![Closeness::<3>::default(); tokens];
    let mut progress = Progress::start(format!("the next token after {tokens} held-out tokens"));
    for first in (0..model.vocab_size()).step_by(LOGITS) {
        let count = LOGITS.min(model.vocab_size() - first);
        let mut logits: [Vec<f32>; 4] = Default::default();
        for (logits, hidden) in logits.iter_mut().zip(&hidden) {
            *logits = pollster::block_on(model.logits(hidden, first, count))?;
        }
        for (at, found) in found.iter_mut().enumerate() {
            let of = |i: usize| &logits[i][at * count..(at + 1) * count];
            found.add(first, of(0), [of(1), of(2), of(3)]);
        }
        progress.update((first + count) as u64, model.vocab_size() as u64);
    }
    let mut table = format!(
        "The model's next token after {tokens} held-out tokens, from its layer's residual stream alone:\n\n\
         | read through | KL divergence (nats) | same likeliest token |\n|---|---|---|\n"
    );
    for (i, name) in READINGS.into_iter().enumerate() {
        let kl = found.iter().map(|it| it.kl()[i]).sum::<f64>() / tokens as f64;
        let same = found.iter().filter(|it| it.agrees()[i]).count();
        table += &format!("| {name} | {kl:.3} | {:.0} % |\n", 100.0 * same as f64 / tokens as f64);
    }
    table.push('\n');
    Ok(table)
}
