//! `dashboards`: what each feature of a pack's SAE fires on in a corpus, as small static files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use lens_analysis::dashboard::build::{Builder, Largest, rounded};
use lens_analysis::dashboard::name::PeakWords;
use lens_analysis::dashboard::{Chunk, FORMAT, INDEX_FILE, Index, TextSource, chunk_file, label, name};
use lens_analysis::words::Word;
use lens_engine::{PackFolder, RunOptions, session};
use lens_files::WholeFile;
use lens_pack::text::read_data;
use lens_train::corpus::{Passage, files, passages};

use crate::args::DashboardsArgs;
use crate::print::{print_line, status};
use crate::progress::Progress;
use crate::results::{DASHBOARDS_FORMAT, Folder, check_folder};
use crate::run::open_pack;

/// Features per file: about 100 kB.
const PER_FILE: usize = 32;

/// Tokens that a feature raises and lowers, and features near it.
const LOGITS: usize = 8;
const NEAR: usize = 5;

/// Embedding rows that are multiplied at once.
const ROWS: usize = 4096;

/// Characters per token, about: for choosing passages before they are tokenized.
const CHARACTERS: usize = 4;

/// Words or tokens of a feature with their scores, best first.
type Scored = Vec<(String, f32)>;

/// Decoder rows of features with their neighbors and words.
struct Directions {
    near: Vec<Vec<(usize, f32)>>,
    /// With their scores; of packs without words tokens of the whole vocabulary.
    raised: Vec<Scored>,
    lowered: Vec<Scored>,
    /// Of the raised ones; 0 of packs without words.
    coherence: Vec<f32>,
}

/// Runs the command.
pub fn run(args: &DashboardsArgs) -> Result<()> {
    let inputs: Vec<&Path> =
        args.corpus.iter().chain([&args.model]).chain(&args.notice).map(PathBuf::as_path).collect();
    let check_out = |names: &[&str]| {
        check_folder(&Folder { out: &args.out, names, inputs: &inputs, format: Some(DASHBOARDS_FORMAT) })
    };
    check_out(&[INDEX_FILE])?;
    let notices = args.notice.as_deref().map(read_notices).transpose()?;
    let chosen = choose(&args.corpus, args.tokens, args.context, notices.as_ref())?;
    let pack = open_pack(&args.model, args.device)?;
    let width = pack.loaded.manifest().sae.width;
    let names: Vec<String> = (0..width.div_ceil(PER_FILE)).map(chunk_file).collect();
    check_out(&names.iter().map(String::as_str).chain([INDEX_FILE]).collect::<Vec<_>>())?;
    // A passage that cannot be read is found before an hour of others is computed.
    let mut all_ids = Vec::with_capacity(chosen.len());
    for passage in &chosen {
        let mut ids = pack.loaded.ids(&passage.text).map_err(|e| anyhow!("{}: {e}", passage.place))?;
        ids.truncate(args.context);
        all_ids.push(ids);
    }
    let mut builder = Builder::new(width);
    let mut sources: Vec<TextSource> = Vec::new();
    let mut progress = Progress::start(format!("codes of {} passages", chosen.len()));
    for (done, (passage, ids)) in chosen.iter().zip(&all_ids).enumerate() {
        let attribution = notices.as_ref().and_then(|n| n.get(&passage.source)).cloned().unwrap_or_default();
        let source = sources.iter().position(|s| s.name == passage.source).unwrap_or_else(|| {
            sources.push(TextSource { name: passage.source.clone(), attribution });
            sources.len() - 1
        });
        let rows = pack.embedding(ids)?;
        let run = pollster::block_on(session::run(&pack.loaded, &rows, RunOptions::default()))?;
        builder.add(source, &pack.loaded.describe(ids).tokens, &run.novel_codes, &run.pred_codes);
        progress.update(done as u64 + 1, chosen.len() as u64);
    }
    let directions = directions(&pack, width)?;
    if pack.loaded.manifest().own_head {
        status!(
            "{}: the model has a head of its own, which the pack does not hold: no tokens that features raise or lower",
            args.model.display()
        );
    }
    let labels = builder.labels();
    let peaks: Vec<PeakWords> = (0..width).map(|feature| builder.peak_words(feature)).collect();
    let alike = coherent_words(&pack, peaks.iter().map(|peaks| peaks.all.as_slice()))?;
    let names = (0..width).filter_map(|feature| {
        let readout: Vec<String> = directions.raised[feature].iter().map(|(word, _)| word.clone()).collect();
        let label = labels.iter().find(|label| label.feature == feature);
        let (words, coherence) = &alike[feature];
        let readout = (readout.as_slice(), directions.coherence[feature]);
        name::name(feature, label, &peaks[feature].repeated, (words, *coherence), readout)
    });
    let index = Index {
        name_rule: name::RULE.to_owned(),
        names: names.collect(),
        largest: (0..width).map(|feature| builder.largest(feature)).collect(),
        format: FORMAT.to_owned(),
        pack_hash: pack.loaded.pack_hash().to_owned(),
        features: width,
        per_file: PER_FILE,
        tokens: builder.tokens(),
        passages: builder.passages(),
        sources,
        rule: label::RULE.to_owned(),
        labels,
    };
    let bytes = write(&args.out, &builder, &directions, &index)?;
    print_line!(
        "{}: {width} features over {} tokens of {} passages, {} with a label, {} with a name; {:.2} MB",
        args.out.display(),
        index.tokens,
        index.passages,
        index.labels.len(),
        index.names.len(),
        bytes as f64 / 1e6
    )
}

/// Passages of about `tokens` tokens together, evenly over the corpus; with notices only those whose
/// source has one.
fn choose(
    corpus: &[PathBuf],
    tokens: usize,
    context: usize,
    notices: Option<&HashMap<String, String>>,
) -> Result<Vec<Passage>> {
    let files = files(corpus)?;
    // Read twice, so that no more than what is chosen has to be in memory.
    let (mut count, mut estimate) = (0usize, 0usize);
    for file in &files {
        status!("reading {}", file.display());
        attributed(file, notices, |passage| {
            count += 1;
            estimate += (passage.text.len() / CHARACTERS).clamp(1, context);
        })?;
    }
    if count == 0 {
        bail!("the corpus holds no passage whose source --notice attributes");
    }
    let stride = (estimate as f64 / tokens.max(1) as f64).max(1.0);
    let wanted = (count as f64 / stride).ceil() as usize;
    let mut indices = (0..wanted).map(|i| (i as f64 * stride) as usize).peekable();
    let (mut chosen, mut index) = (Vec::with_capacity(wanted), 0);
    for file in &files {
        attributed(file, notices, |passage| {
            if indices.next_if_eq(&index).is_some() {
                chosen.push(passage);
            }
            index += 1;
        })?;
    }
    Ok(chosen)
}

/// The passages of a file, of those with `notices` the ones whose source has one.
fn attributed(
    file: &Path,
    notices: Option<&HashMap<String, String>>,
    mut take: impl FnMut(Passage),
) -> lens_train::Result<()> {
    passages(file, |passage| {
        if notices.is_none_or(|notices| notices.contains_key(&passage.source)) {
            take(passage);
        }
        Ok(())
    })
}

/// Lines `* SOURCE: attribution and license` of a notice file.
fn read_notices(path: &Path) -> Result<HashMap<String, String>> {
    let text = read_data(path)?;
    let notices: HashMap<String, String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("* ")?.split_once(": "))
        .map(|(source, attribution)| (source.to_owned(), attribution.to_owned()))
        .collect();
    if notices.is_empty() {
        bail!("{}: no line of the form \"* SOURCE: attribution\"", path.display());
    }
    Ok(notices)
}

/// What follows from the decoder: features near, words raised and lowered.
fn directions(pack: &PackFolder, width: usize) -> Result<Directions> {
    let d = pack.loaded.manifest().gemma.hidden_size;
    let [directions, decoder] = pollster::block_on(pack.loaded.directions(0, width))?;
    let unit: Vec<f32> = decoder
        .chunks_exact(d)
        .flat_map(|row| {
            let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
            row.iter().map(move |v| v / norm).collect::<Vec<_>>()
        })
        .collect();
    let cosines = pollster::block_on(pack.loaded.matmul_nt(&unit, &unit))?;
    let near = cosines
        .chunks_exact(width)
        .enumerate()
        .map(|(feature, row)| {
            let mut nearest = Largest::new(NEAR);
            row.iter().enumerate().filter(|(other, _)| *other != feature).for_each(|(other, c)| nearest.see(other, *c));
            nearest.found
        })
        .collect();
    if pack.loaded.manifest().words.is_some() {
        pack.load_words()?;
        let words = pollster::block_on(pack.loaded.feature_words(0, width, LOGITS))?;
        let list = |words: &[Word]| words.iter().map(|it| (it.word.clone(), it.score)).collect();
        return Ok(Directions {
            near,
            raised: words.iter().map(|it| list(&it.raised)).collect(),
            lowered: words.iter().map(|it| list(&it.lowered)).collect(),
            coherence: words.iter().map(|it| it.coherence).collect(),
        });
    }
    let [raised, lowered] = if pack.loaded.manifest().own_head {
        [vec![Scored::new(); width], vec![Scored::new(); width]]
    } else {
        vocabulary_tokens(pack, &directions, width)?
    };
    Ok(Directions { near, raised, lowered, coherence: vec![0.0; width] })
}

/// Of each list the words in the pack's vocabulary, with their coherence; none of packs without words.
fn coherent_words<'a>(pack: &PackFolder, lists: impl Iterator<Item = &'a [String]>) -> Result<Vec<(Vec<String>, f32)>> {
    if pack.loaded.manifest().words.is_none() {
        return Ok(lists.map(|_| (Vec::new(), 0.0)).collect());
    }
    Ok(pollster::block_on(pack.loaded.coherent_words(&lists.collect::<Vec<_>>()))?)
}

/// Tokens of the whole vocabulary that directions [width, d_model] raise and lower most, with their logits.
fn vocabulary_tokens(pack: &PackFolder, directions: &[f32], width: usize) -> Result<[Vec<Scored>; 2]> {
    let vocabulary = pack.loaded.manifest().gemma.vocab_size as u32;
    let mut raised: Vec<Largest> = (0..width).map(|_| Largest::new(LOGITS)).collect();
    let mut lowered: Vec<Largest> = (0..width).map(|_| Largest::new(LOGITS)).collect();
    let mut progress = Progress::start("tokens that features raise and lower");
    let ids: Vec<u32> = (0..vocabulary).collect();
    for block in ids.chunks(ROWS) {
        let logits = pollster::block_on(pack.loaded.matmul_nt(&pack.embedding(block)?, directions))?;
        for (id, of_token) in block.iter().zip(logits.chunks_exact(width)) {
            for ((raised, lowered), logit) in raised.iter_mut().zip(&mut lowered).zip(of_token) {
                raised.see(*id as usize, *logit);
                lowered.see(*id as usize, -*logit);
            }
        }
        progress.update(block.last().map_or(0, |id| u64::from(*id) + 1), u64::from(vocabulary));
    }
    let token = |id: usize| pack.loaded.describe(&[id as u32]).tokens.pop().unwrap_or_default();
    let found = |all: Vec<Largest>| {
        let spelled = |largest: Largest| largest.found.into_iter().map(|(id, logit)| (token(id), logit)).collect();
        all.into_iter().map(spelled).collect()
    };
    Ok([found(raised), found(lowered)])
}

/// Writes the files, the index last; returns their bytes.
fn write(out: &Path, builder: &Builder, directions: &Directions, index: &Index) -> Result<usize> {
    std::fs::create_dir_all(out).map_err(|e| anyhow!("cannot make the folder {}: {e}", out.display()))?;
    let named = |list: &[(String, f32)], sign: f32| -> Vec<(String, f32)> {
        list.iter().map(|(word, score)| (word.clone(), rounded(sign * score))).collect()
    };
    let features: Vec<usize> = (0..index.features).collect();
    let mut bytes = 0;
    let mut whole = Vec::new();
    for (number, features) in features.chunks(PER_FILE).enumerate() {
        let dashboards = features.iter().map(|feature| {
            let mut dashboard = builder.dashboard(*feature);
            dashboard.raised = named(&directions.raised[*feature], 1.0);
            dashboard.lowered = named(&directions.lowered[*feature], -1.0);
            dashboard.near = directions.near[*feature].iter().map(|(other, c)| (*other, rounded(*c))).collect();
            dashboard
        });
        let chunk = Chunk {
            format: FORMAT.to_owned(),
            pack_hash: index.pack_hash.clone(),
            first: number * PER_FILE,
            features: dashboards.collect(),
        };
        let json = serde_json::to_vec(&chunk)?;
        bytes += json.len();
        whole.push(WholeFile::write(&out.join(chunk_file(number)), &json)?);
    }
    let json = serde_json::to_vec(index)?;
    bytes += json.len();
    whole.push(WholeFile::write(&out.join(INDEX_FILE), &json)?);
    whole.into_iter().try_for_each(WholeFile::publish)?;
    Ok(bytes)
}
