//! Figures beyond the notebook's: the shown matrix, energy shares, events, effective ranks.

use lens_analysis::Analysis;
use lens_analysis::per_token;
use lens_analysis::shuffled::Shuffled;
use lens_analysis::similarity::{self, Matrix, MissingError, Source};
use lens_analysis::spans;
use lens_analysis::spectrum::Tridiagonal;

use super::lede;
use super::statistics::{AT_EVERY_TOKEN, StatisticsRow};
use crate::format::{number, token};

fn row(key: &'static str, label: &'static str, value: String, note: String) -> StatisticsRow {
    StatisticsRow { key, label, value, note }
}

fn missing(key: &'static str, label: &'static str, why: MissingError) -> StatisticsRow {
    row(key, label, number::NONE.to_owned(), why.to_string())
}

/// Smallest, largest and mean value of the matrix on the page.
pub fn shown_matrix(matrix: &Matrix) -> [StatisticsRow; 3] {
    let it = matrix.stats();
    [("shown-min", "Shown min", it.min), ("shown-max", "Shown max", it.max), ("shown-mean", "Shown mean", it.mean)]
        .map(|(key, label, value)| row(key, label, number::fixed4(value), "of the matrix as it is shown".to_owned()))
}

/// Shares of the two parts of the reconstruction and of its error.
pub fn energy(analysis: &Analysis) -> Vec<StatisticsRow> {
    match per_token::energy_shares(analysis) {
        Err(why) => vec![missing("energy", "Energy shares", why)],
        Ok(it) => {
            let percent = |value: f32| format!("{} %", number::fixed(100.0 * value, 1));
            let note = || "of both parts, without BOS".to_owned();
            vec![
                row("energy-predictable", "Predictable energy", percent(it.predictable), note()),
                row("energy-novel", "Novel energy", percent(it.novel), note()),
                row("energy-error", "Error energy", percent(it.error), "of the residual stream".to_owned()),
            ]
        }
    }
}

/// Events, by where all but the first `starts`, and mean similarity of the shown matrix within and across them.
pub fn events(analysis: &Analysis, starts: &Result<Vec<usize>, MissingError>, shown: &Matrix) -> Vec<StatisticsRow> {
    let starts = match starts {
        Err(why) => return vec![missing("events", "Events", *why)],
        Ok(starts) => starts,
    };
    let names: Vec<String> = starts
        .iter()
        .map(|at| format!("{at} {}", analysis.tokens.get(*at).map(|t| token::shortened(t, 14)).unwrap_or_default()))
        .collect();
    let note = if names.is_empty() { "no boundary found".to_owned() } else { format!("new at {}", names.join(", ")) };
    let mut rows = vec![row("events", "Events", (starts.len() + 1).to_string(), note)];
    if !starts.is_empty() {
        let spans = spans::between(1..analysis.tokens.len(), starts);
        let it = spans::within_across(shown, &spans);
        let text = |value: Option<f32>| value.map_or(number::NONE.to_owned(), number::fixed4);
        rows.push(row("events-within", "Within events", text(it.within), "mean similarity".to_owned()));
        rows.push(row("events-across", "Across events", text(it.across), "mean similarity".to_owned()));
    }
    rows
}

/// The value of a row that is being computed.
pub const PENDING: &str = "…";

/// Starts the work for an effective rank of centered codes.
///
/// # Errors
/// [`MissingError::Grams`] when the result was saved without.
pub fn begin_rank(analysis: &Analysis, source: Source) -> Result<Tridiagonal, MissingError> {
    similarity::gram_of(analysis, source).map(Tridiagonal::new)
}

/// An effective rank's row; `eigenvalues` are none while it is being computed.
pub fn rank(source: Source, eigenvalues: Result<Option<&[f64]>, MissingError>) -> StatisticsRow {
    let (key, label) = match source {
        Source::Novel => ("rank-novel", "Effective rank, novel"),
        Source::Total => ("rank-total", "Effective rank, total"),
        Source::Residual => ("rank-residual", "Effective rank, residual"),
        Source::Predictable => ("rank-predictable", "Effective rank, predictable"),
    };
    match eigenvalues {
        Err(why) => missing(key, label, why),
        Ok(None) => row(key, label, PENDING.to_owned(), String::new()),
        Ok(Some(values)) => {
            let rank = lens_analysis::spectrum::effective_rank(values);
            let value = rank.map_or(number::NONE.to_owned(), |rank| number::fixed(rank as f32, 1));
            row(key, label, value, format!("of {} tokens", values.len()))
        }
    }
}

/// The rows that a reader learns something from, each next to what it is for the words shuffled, where that was
/// computed. Left out is what is the same for every text: a number of codes that is the SAE's k at every token, and the
/// similarity of a token with itself.
pub fn on_screen(rows: &[StatisticsRow], analysis: &Analysis) -> Vec<StatisticsRow> {
    let is_constant = |row: &StatisticsRow| {
        (row.key.starts_with("l0-") && row.note == AT_EVERY_TOKEN)
            || (["similarity-max", "shown-max"].contains(&row.key) && row.value == number::fixed4(1.0))
    };
    let percent = |value: f32| format!("{} %", number::fixed(100.0 * value, 1));
    let beside = |mut row: StatisticsRow| {
        let (name, say): (_, &dyn Fn(f32) -> String) = match row.key {
            "energy-predictable" => ("predictable_share", &percent),
            "rank-predictable" => ("effective_rank", &|value| number::fixed(value, 1)),
            "events" => ("events", &|value| number::fixed(value, 0)),
            "events-within" => ("within_similarity", &number::fixed4),
            "events-across" => ("across_similarity", &number::fixed4),
            _ => return row,
        };
        // The yardstick is of one matrix and of one way to treat the first token: of another value it says nothing.
        let found = lede::statistic(analysis.shuffled.as_ref(), name).filter(|it| say(it.own) == row.value);
        if let Some(it) = found.filter(|it| it.text.mean.is_finite()) {
            let comma = if row.note.is_empty() { "" } else { "; " };
            row.note.push_str(&format!("{comma}shuffled: {}", say(it.text.mean)));
        }
        row
    };
    rows.iter().filter(|row| !is_constant(row)).cloned().map(beside).collect()
}

/// A path with the first token and one without it differ by less.
const SAME_PATH: f64 = 0.05;

/// How much longer a path is than the way between its ends, beside the same of the words shuffled where that is of the same
/// path.
pub fn wandering(tortuosity: f64, shuffled: Option<&Shuffled>) -> String {
    let found =
        lede::statistic(shuffled, "tortuosity").filter(|it| (f64::from(it.own) / tortuosity - 1.0).abs() < SAME_PATH);
    let yardstick = found.filter(|it| it.text.mean.is_finite());
    let times = |value: f64| if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    let yardstick = yardstick.map(|it| format!(" (shuffled: {})", times(it.text.mean.into()))).unwrap_or_default();
    format!("{} times as long as the straight line between its ends{yardstick}", times(tortuosity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use lens_analysis::shuffled::{ShuffledStatistic, Spread};
    use lens_analysis::similarity::Mode;
    use lens_analysis::{Energy, Grams, SymmetricMatrix};

    #[test]
    fn shares_are_percent_and_missing_ones_are_reported() {
        let mut analysis = example::analysis();
        assert!(energy(&analysis)[0].note.contains("without energies"));
        analysis.energy = Some(Energy {
            residual: vec![1e6, 20.0, 20.0],
            error: vec![1e5, 1.0, 1.0],
            predictable: vec![0.0, 6.0, 9.0],
            novel: vec![9e5, 2.0, 3.0],
        });
        let values: Vec<String> = energy(&analysis).into_iter().map(|row| row.value).collect();
        assert_eq!(values, ["75.0 %", "25.0 %", "5.0 %"]);
    }

    #[test]
    fn events_are_named_and_compared() {
        let analysis = example::analysis();
        let shown = similarity::similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap();
        let found = Ok(vec![2]);
        let rows = events(&analysis, &found, &shown);
        assert_eq!((rows[0].value.as_str(), rows[0].note.as_str()), ("2", "new at 2 ."));
        assert_eq!(rows[2].value, "0.2500");
        assert_eq!(events(&analysis, &Err(MissingError::Tokens), &shown)[0].note, "the text is too short for it");
    }

    #[test]
    fn the_screen_has_no_constants_and_every_yardstick_that_is_of_the_same_number() {
        let mut analysis = example::analysis();
        let rows = [
            row("l0-novel", "L0 novel", "64".to_owned(), AT_EVERY_TOKEN.to_owned()),
            row("l0-pred", "L0 predictable", "3.0".to_owned(), "on average, 0 to 5".to_owned()),
            row("shown-max", "Shown max", "1.0000".to_owned(), String::new()),
            row("energy-predictable", "Predictable energy", "57.8 %".to_owned(), "of both parts".to_owned()),
            row("events-within", "Within events", "0.1680".to_owned(), String::new()),
            row("events-across", "Across events", "0.9000".to_owned(), String::new()),
        ];
        let notes = |analysis: &Analysis| -> Vec<(&'static str, String)> {
            on_screen(&rows, analysis).into_iter().map(|row| (row.key, row.note)).collect()
        };
        let keys: Vec<_> = notes(&analysis).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["l0-pred", "energy-predictable", "events-within", "events-across"]);
        let statistic = |name: &str, own: f32, mean: f32| {
            let spread = Spread { mean, min: mean, max: mean };
            ShuffledStatistic { name: name.to_owned(), own, text: spread, events: spread }
        };
        let statistics = vec![
            statistic("predictable_share", 0.578, 0.649),
            statistic("within_similarity", 0.168, 0.043),
            // Of another matrix than the one that is shown.
            statistic("across_similarity", -0.175, 0.036),
        ];
        let path = [statistics, vec![statistic("tortuosity", 40.9, 18.4)]].concat();
        analysis.shuffled = Some(Shuffled { orders: 5, statistics: path });
        let said = |value| wandering(value, analysis.shuffled.as_ref());
        assert_eq!(said(40.91), "41 times as long as the straight line between its ends (shuffled: 18)");
        assert_eq!(said(20.0), "20 times as long as the straight line between its ends");
        assert_eq!(said(1.25), "1.2 times as long as the straight line between its ends");
        assert_eq!(
            notes(&analysis)[1..],
            [
                ("energy-predictable", "of both parts; shuffled: 64.9 %".to_owned()),
                ("events-within", "shuffled: 0.0430".to_owned()),
                ("events-across", String::new())
            ]
        );
    }

    #[test]
    fn a_rank_is_computed_in_pieces() {
        let mut analysis = example::analysis();
        assert_eq!(begin_rank(&analysis, Source::Novel).unwrap_err(), MissingError::Grams);
        let gram = SymmetricMatrix::new(3, vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        analysis.grams = Some(Grams::from_sources([(); 4].map(|()| gram.clone())));
        let values = begin_rank(&analysis, Source::Novel).unwrap().eigenvalues();
        assert_eq!(rank(Source::Novel, Ok(Some(&values))).value, "2.0");
        assert_eq!(rank(Source::Novel, Ok(None)).value, "…");
    }
}
