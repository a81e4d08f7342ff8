//! `words`: gives a pack the words that parts of its residual stream are read out in.
//!
//! The vocabulary is a list that is given or counted in texts; the means that readouts subtract are those of texts, too.
//! Nothing is written before all of it is computed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use lens_engine::{PackFolder, PartMeans};
use lens_import::words::{
    WordMeans, WordsSection, pieces_of_pack, read_means, read_word_list, write_means, write_word_list, write_words,
};
use lens_pack::folder::FolderManifest;
use lens_pack::tokenizer::Vocabulary as Pieces;
use lens_pack::words::Vocabulary;
use lens_train::corpus::{Context, Corpus, files};

use crate::args::{DeviceArg, WordOptions, WordsArgs};
use crate::print::{print, status};
use crate::progress::Progress;
use crate::results::{Folder, check_folder};
use crate::run::open_pack;
use crate::vocabulary::{Language, counted, counts};

/// Tokens that the networks see together, BOS included.
pub const CONTEXT: usize = 256;
/// The files that --export writes.
const VOCABULARY_FILE: &str = "vocabulary.txt";
const MEANS_FILE: &str = "means.safetensors";

/// Runs the command.
pub fn run(args: &WordsArgs) -> Result<()> {
    add(&args.model, &args.options, args.device)
}

/// Gives the pack in `folder` words, in place of those it has, and prints what it has then.
pub fn add(folder: &Path, options: &WordOptions, device: Option<DeviceArg>) -> Result<()> {
    let started = Instant::now();
    let before = FolderManifest::read(folder)?;
    if before.manifest.own_head {
        bail!(
            "{}: the model has an output head of its own, which the pack does not hold; without it nothing can be read out in words",
            folder.display()
        );
    }
    if options.vocabulary.is_some() && options.means.is_some() && !options.corpus.is_empty() {
        bail!("--vocabulary and --means replace all that --corpus would be read for; leave one of the three out");
    }
    if let Some(out) = &options.export {
        let given = options.corpus.iter().chain(&options.vocabulary).chain(&options.means);
        let inputs: Vec<&Path> = given.map(PathBuf::as_path).chain([folder]).collect();
        check_folder(&Folder { out, names: &[VOCABULARY_FILE, MEANS_FILE], inputs: &inputs, format: None })?;
    }
    let pieces = pieces_of_pack(folder)?;
    let listed = options.vocabulary.as_deref().map(|path| listed(path, &pieces)).transpose()?;
    let given = options.means.as_deref().map(|path| read_means(path, folder)).transpose()?;
    let (words, means) = match (listed, given) {
        (Some(words), Some(means)) => (words, means),
        (listed, given) => {
            let pack = open_pack(folder, device)?;
            let corpus = read_corpus(&pack, &options.corpus)?;
            let words = match listed {
                Some(words) => words,
                None => counted_words(&pieces, &corpus, options)?,
            };
            let means = match given {
                Some(means) => means,
                None => means_over(&pack, &corpus, options.tokens)?,
            };
            (words, means)
        }
    };
    let corpus_tokens = means.corpus_tokens;
    let section = WordsSection { vocabulary: Vocabulary { words, pieces: Vec::new() }, means, lens: None };
    let entry = write_words(folder, &section)?;
    let mut report = format!(
        "{}: {} words in {:.1} MB, means over {corpus_tokens} tokens; {:.0} s\n",
        folder.display(),
        entry.words,
        entry.load_bytes() as f64 / 1e6,
        started.elapsed().as_secs_f64()
    );
    if before.manifest.words.is_some_and(|words| words.has_lens()) {
        report +=
            "The pack's fitted lens belonged to its former words and is gone; `temporal-lens lens` makes another.\n";
    }
    if let Some(out) = &options.export {
        export(out, &section, &pieces, &before.hash)?;
        report += &format!("{}: {VOCABULARY_FILE} and {MEANS_FILE}\n", out.display());
    }
    print(&report)
}

/// The words of a list that are tokens of the model.
fn listed(path: &Path, pieces: &Pieces) -> Result<Vec<(u32, String)>> {
    let list = read_word_list(path, pieces)?;
    if let Some(first) = list.missing.first() {
        status!(
            "{}: {} words are not single tokens of this model and are left out, {first:?} the first",
            path.display(),
            list.missing.len()
        );
    }
    if list.words.len() < 2 {
        bail!(
            "{}: {} of its words are tokens of this model; at least two are needed",
            path.display(),
            list.words.len()
        );
    }
    Ok(list.words)
}

/// Texts as token ids of the pack's own.
pub fn read_corpus(pack: &PackFolder, paths: &[PathBuf]) -> Result<Corpus> {
    if paths.is_empty() {
        bail!("texts are needed: name them with --corpus");
    }
    let tokenize = |text: &str| pack.loaded.ids(text).map_err(|e| lens_train::Error::Streams(e.to_string()));
    let corpus = Corpus::read(&files(paths)?, tokenize, |file| status!("reading {}", file.display()))?;
    // Files of token ids may be another model's.
    corpus.check_ids(pack.loaded.manifest().gemma.vocab_size)?;
    status!("  {} passages, {} tokens", corpus.documents.len(), corpus.tokens());
    Ok(corpus)
}

/// The words that occur often enough.
fn counted_words(pieces: &Pieces, corpus: &Corpus, options: &WordOptions) -> Result<Vec<(u32, String)>> {
    let language = Language::of(&options.languages);
    let counts = counts(corpus, pieces);
    let words = counted(pieces, &counts, options.min_count, language);
    if words.len() < 2 {
        let (found, least) = (words.len(), options.min_count);
        if counted(pieces, &counts, 1, language).len() < 2 {
            bail!(
                "the corpus holds fewer than two of the model's words ({}); give more text, or name words with --vocabulary",
                language.rule()
            );
        }
        bail!(
            "{found} words occur at least {least} times in the corpus; give more text, or a lower --min-count to `temporal-lens words`"
        );
    }
    status!("  {} words occur at least {} times ({})", words.len(), options.min_count, language.rule());
    Ok(words)
}

/// Means over about `tokens` tokens, evenly over the corpus.
fn means_over(pack: &PackFolder, corpus: &Corpus, tokens: usize) -> Result<WordMeans> {
    let contexts = evenly(corpus.contexts(CONTEXT, None), tokens);
    if contexts.is_empty() {
        bail!("the corpus holds no passage of at least 15 tokens: too little for means");
    }
    let total: usize = contexts.iter().map(tokens_of).sum();
    let mut progress = Progress::start(format!("means over {total} tokens of {} contexts", contexts.len()));
    let mut means = PartMeans::new(&pack.loaded);
    for context in &contexts {
        pollster::block_on(means.add(&pack.embedding(&context.ids)?))?;
        progress.update(means.tokens(), total as u64);
    }
    let [predictable, novel, residual] = means.means()?;
    Ok(WordMeans { predictable, novel, residual, corpus_tokens: means.tokens() })
}

/// Tokens of a context without BOS.
pub fn tokens_of(context: &Context) -> usize {
    context.ids.len().saturating_sub(1)
}

/// About `tokens` tokens of the contexts, evenly over all.
pub fn evenly(contexts: Vec<Context>, tokens: usize) -> Vec<Context> {
    let all: usize = contexts.iter().map(tokens_of).sum();
    let tokens = tokens.min(all);
    let (mut passed, mut taken) = (0, 0);
    let is_due = |context: &Context| {
        // Whatever its length: short contexts are no likelier than long ones.
        let is_due = taken * all <= passed * tokens;
        passed += tokens_of(context);
        taken += if is_due { tokens_of(context) } else { 0 };
        is_due
    };
    contexts.into_iter().filter(is_due).collect()
}

/// Vocabulary and means as files, from which another machine gives the same pack the same words in seconds.
fn export(out: &Path, section: &WordsSection, pieces: &Pieces, pack_hash: &str) -> Result<()> {
    std::fs::create_dir_all(out).map_err(|e| anyhow!("cannot make the folder {}: {e}", out.display()))?;
    write_word_list(&out.join(VOCABULARY_FILE), &section.vocabulary.words, pieces)?;
    write_means(&out.join(MEANS_FILE), &section.means, pack_hash)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_chosen_evenly_and_all_where_there_are_too_few() {
        let contexts = |n: usize| -> Vec<Context> {
            (0..n).map(|i| Context { kind: i, ids: vec![2; if i % 2 == 0 { 101 } else { 51 }] }).collect()
        };
        let chosen = evenly(contexts(100), 1500);
        let tokens: usize = chosen.iter().map(tokens_of).sum();
        assert!((1400..=1600).contains(&tokens), "{tokens}");
        let long = chosen.iter().filter(|context| context.ids.len() == 101).count();
        assert!(long.abs_diff(chosen.len() - long) <= 1, "{long} of {} are long, half of all are", chosen.len());
        let halves = chosen.iter().filter(|context| context.kind < 50).count();
        assert!(halves.abs_diff(chosen.len() - halves) <= 1, "{halves} of {}", chosen.len());
        assert_eq!(evenly(contexts(100), 7500).len(), 100);
        assert_eq!(evenly(contexts(3), 1_000_000).len(), 3);
        assert!(evenly(Vec::new(), 9).is_empty());
        assert!(!evenly(contexts(3), 60).is_empty());
    }
}
