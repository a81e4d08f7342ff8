//! `analyze --shuffled N`: every statistic of a text next to what it is when the text's tokens come in other orders.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use anyhow::{Result, bail};
use lens_analysis::orders::{OrderFigures, Truth};
use lens_analysis::shuffled::{Shuffled, Spread};
use lens_analysis::similarity;
use lens_analysis::spectrum::{Tridiagonal, effective_rank};
use lens_analysis::words::{TOKEN_WORDS, Word, running_means};
use lens_analysis::{Analysis, Source};
use lens_engine::orders::{Orders, shuffled};
use lens_engine::{InferenceSession, PackFolder, Part, Through, Tokens};
use lens_umap::{Distances, Metric};
use lens_view::format::number;

use crate::progress::Progress;

/// Names of the statistics, in their order, and what they are.
const STATISTICS: [(&str, &str); 10] = [
    ("within_similarity", "similarity of predictable codes within an event"),
    ("across_similarity", "similarity of predictable codes across events"),
    ("tortuosity", "tortuosity of the path of predictable codes"),
    ("effective_rank", "effective rank of predictable codes"),
    ("predictable_share", "predictable share of the reconstruction's energy"),
    ("events", "number of events"),
    ("own_words", "words from the past that are among those of the token's own event"),
    ("other_words", "words from the past that are among those of another event"),
    ("own_words_running_mean", "the same of the mean of the last 10 residuals, without an SAE: own"),
    ("other_words_running_mean", "the same of the mean of the last 10 residuals, without an SAE: other"),
];
/// Residual streams in the running mean.
const WINDOW: usize = 10;

/// The statistics of an analysis, in the order of [`STATISTICS`]; NaN where they are undefined.
fn statistics(
    analysis: &Analysis,
    event_of: &[Option<usize>],
    truth: &Truth,
    running_mean: Option<&[Vec<Word>]>,
) -> Result<Vec<f32>> {
    let figures = OrderFigures::of(analysis, event_of, truth)?;
    let gram = similarity::gram_of(analysis, Source::Predictable)?;
    let without_bos = similarity::centered_without_bos(gram).entries;
    let points = without_bos.size();
    let path = Distances::from_gram(&without_bos.to_dense(), points, Metric::Euclidean).ok();
    let rank = effective_rank(&Tridiagonal::new(&without_bos).eigenvalues());
    let [own_mean, other_mean] = truth.shares(running_mean, event_of);
    let number = |value: Option<f64>| value.map_or(f32::NAN, |value| value as f32);
    Ok(vec![
        figures.within,
        figures.across,
        number(path.and_then(|path| path.tortuosity())),
        number(rank),
        figures.predictable_share,
        figures.events,
        figures.own_words,
        figures.other_words,
        own_mean,
        other_mean,
    ])
}

/// The words of the mean of the residual streams before each token [T]; empty where there are none.
fn running_mean_words(pack: &PackFolder, session: &InferenceSession) -> Result<Vec<Vec<Word>>> {
    let rows = pollster::block_on(session.part_rows(Part::Residual))?;
    let means = running_means(&rows, pack.loaded.manifest().gemma.hidden_size, WINDOW);
    let mut words = pollster::block_on(pack.loaded.row_words(Part::Residual, Through::Gain, means, TOKEN_WORDS))?;
    words.iter_mut().take(2).for_each(Vec::clear);
    Ok(words)
}

/// Runs `orders` shuffled orders of the whole text and as many within each event, in addition to the text itself.
pub fn run(
    pack: &PackFolder,
    tokens: &Tokens,
    own: &Analysis,
    session: &InferenceSession,
    orders: usize,
) -> Result<Shuffled> {
    let rows = pack.embedding(&tokens.ids)?;
    let names = STATISTICS.map(|(name, _)| name);
    let has_words = own.words.is_some();
    let of_order = |analysis: &Analysis, event_of: &[Option<usize>], truth: &Truth, session: &InferenceSession| {
        let running_mean = if has_words { Some(running_mean_words(pack, session)?) } else { None };
        statistics(analysis, event_of, truth, running_mean.as_deref())
    };
    let mut progress = Progress::start("reading the tokens in other orders".to_owned());
    let step = |done: usize, total: usize| {
        progress.update(done as u64, total as u64);
        ControlFlow::Continue(())
    };
    let options = session.options();
    let asked = Orders { tokens, rows: &rows, own, session, options, orders };
    match pollster::block_on(shuffled(&pack.loaded, asked, &names, of_order, step))? {
        ControlFlow::Continue(found) => Ok(found),
        // The callback never breaks.
        ControlFlow::Break(()) => bail!("the orders were not read"),
    }
}

/// The table for stdout.
pub fn table(it: &Shuffled) -> String {
    let mut out =
        format!("{:>8}  {:>26}  {:>26}\n", "own", format!("whole text, {} orders", it.orders), "within events");
    let value = |value: f32| if value.is_nan() { "-".to_owned() } else { number::fixed(value, 3) };
    let spread = |it: &Spread| format!("{} ({} to {})", value(it.mean), value(it.min), value(it.max));
    for (statistic, (_, what)) in it.statistics.iter().zip(STATISTICS) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{:>8}  {:>26}  {:>26}  {what}",
            value(statistic.own),
            spread(&statistic.text),
            spread(&statistic.events)
        );
    }
    out
}
