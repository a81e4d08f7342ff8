//! `analyze --shuffled N`: every statistic of a text next to what it is when the text's tokens come in other orders.

use std::collections::HashSet;
use std::fmt::Write as _;

use anyhow::Result;
use lens_analysis::events;
use lens_analysis::shuffled::{Scope, Shuffled, ShuffledStatistic, Spread, order};
use lens_analysis::similarity::{self, Mode};
use lens_analysis::spectrum::{Tridiagonal, effective_rank};
use lens_analysis::words::{TOKEN_WORDS, Word, running_means, stem};
use lens_analysis::{Analysis, Source, per_token, spans};
use lens_engine::{InferenceSession, PackFolder, Part, RunOptions, Through, Tokens};
use lens_umap::{Distances, Metric};
use lens_view::format::number;

use crate::run::{analysis, read_tokens};

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
/// Tokens of each event whose words do not count: nothing can be foretold yet.
const SKIPPED: usize = 8;
/// Residual streams in the running mean.
const WINDOW: usize = 10;

/// Which event each token of the text belongs to, and the words of the events.
struct Truth {
    event_of: Vec<Option<usize>>,
    stems: Vec<HashSet<String>>,
}

impl Truth {
    fn of(analysis: &Analysis) -> Self {
        let mut event_of = vec![None; analysis.tokens.len()];
        let mut stems = Vec::new();
        for (index, event) in analysis.events.iter().flatten().enumerate() {
            event_of[event.first..=event.last].fill(Some(index));
            stems.push(event.words.iter().map(|it| stem(&it.word)).collect());
        }
        Self { event_of, stems }
    }

    /// The events of the tokens in another order.
    fn in_order(&self, order: &[usize]) -> Vec<Option<usize>> {
        order.iter().map(|position| self.event_of[*position]).collect()
    }

    /// Shares of the words of `lists` [T] that are among those of the token's own event, and of another one.
    fn shares(&self, lists: &[Vec<Word>], event_of: &[Option<usize>]) -> [f32; 2] {
        let mut seen = vec![0usize; self.stems.len()];
        let (mut own, mut other, mut all) = (0usize, 0usize, 0usize);
        for (words, event) in lists.iter().zip(event_of) {
            let Some(event) = *event else { continue };
            seen[event] += 1;
            if seen[event] <= SKIPPED {
                continue;
            }
            all += TOKEN_WORDS;
            for word in words {
                let stem = stem(&word.word);
                if self.stems[event].contains(&stem) {
                    own += 1;
                } else if self.stems.iter().any(|stems| stems.contains(&stem)) {
                    other += 1;
                }
            }
        }
        [own, other].map(|count| if all == 0 { f32::NAN } else { count as f32 / all as f32 })
    }
}

/// The statistics of an analysis, in the order of [`STATISTICS`]; NaN where they are undefined.
fn statistics(
    analysis: &Analysis,
    event_of: &[Option<usize>],
    truth: &Truth,
    running_mean: Option<&[Vec<Word>]>,
) -> Result<[f32; 10]> {
    let matrix = similarity::similarity(analysis, Source::Predictable, Mode::Neuronpedia)?;
    let alike = spans::within_across_of(&matrix, event_of);
    let gram = similarity::gram_of(analysis, Source::Predictable)?;
    let without_bos = similarity::centered_without_bos(gram).entries;
    let points = without_bos.size();
    let path = Distances::from_gram(&without_bos.to_dense(), points, Metric::Euclidean).ok();
    let rank = effective_rank(&Tridiagonal::new(&without_bos).eigenvalues());
    let grams = analysis.grams.as_ref().map(|grams| events::spans(grams, &analysis.tokens).len());
    let shares = |lists: Option<&[Vec<Word>]>| match lists {
        Some(lists) => truth.shares(lists, event_of),
        None => [f32::NAN; 2],
    };
    let [own, other] = shares(analysis.words.as_ref().map(|words| words.predictable.as_slice()));
    let [own_mean, other_mean] = shares(running_mean);
    let number = |value: Option<f64>| value.map_or(f32::NAN, |value| value as f32);
    Ok([
        alike.within.unwrap_or(f32::NAN),
        alike.across.unwrap_or(f32::NAN),
        number(path.and_then(|path| path.tortuosity())),
        number(rank),
        per_token::energy_shares(analysis).map_or(f32::NAN, |shares| shares.predictable),
        grams.map_or(f32::NAN, |count| count as f32),
        own,
        other,
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
pub fn run(pack: &PackFolder, tokens: &Tokens, own: &Analysis, options: RunOptions, orders: usize) -> Result<Shuffled> {
    let truth = Truth::of(own);
    let found_events: Vec<_> = own.events.iter().flatten().map(|event| event.first..event.last + 1).collect();
    let has_words = own.words.is_some();
    let of_order = |order: &[usize]| -> Result<[f32; 10]> {
        let pick = |position: &usize| (tokens.ids[*position], tokens.tokens[*position].clone());
        let (ids, spellings) = order.iter().map(pick).unzip();
        let tokens = Tokens { ids, tokens: spellings };
        let mut session = read_tokens(pack, &tokens, options)?;
        let analysis = analysis(pack, "", &tokens, &mut session)?;
        let running_mean = if has_words { Some(running_mean_words(pack, &session)?) } else { None };
        statistics(&analysis, &truth.in_order(order), &truth, running_mean.as_deref())
    };
    let count = tokens.ids.len();
    let own = of_order(&(0..count).collect::<Vec<_>>())?;
    let mut values = [const { Vec::new() }, const { Vec::new() }];
    for (values, scope) in values.iter_mut().zip([Scope::Text, Scope::Events]) {
        for seed in 0..orders as u64 {
            values.push(of_order(&order(count, &found_events, scope, seed))?);
        }
    }
    let spread = |values: &[[f32; 10]], i: usize| Spread::of(&values.iter().map(|all| all[i]).collect::<Vec<_>>());
    let statistics = STATISTICS.iter().enumerate().map(|(i, (name, _))| ShuffledStatistic {
        name: (*name).to_owned(),
        own: own[i],
        text: spread(&values[0], i),
        events: spread(&values[1], i),
    });
    Ok(Shuffled { orders, statistics: statistics.collect() })
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
