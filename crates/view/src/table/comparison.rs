//! Two texts side by side: matrices on one scale, spans of both, cosines between their mean codes.

use std::ops::Range;

use lens_analysis::comparison::{Comparison, Side, cosine};
use lens_analysis::similarity::{MissingError, Mode, Source, similarity};

use super::selection::{Selection, cut};
use crate::figure::color;
use crate::figure::heatmap::{Heatmap, Scale};
use crate::format::{number, token};

/// The matrices of both texts; equal values have equal colors.
///
/// # Errors
/// What one of the documents does not hold.
pub fn heatmaps(it: &Comparison, source: Source, mode: Mode, scale: Scale) -> Result<[Heatmap; 2], MissingError> {
    let of = |analysis| -> Result<Heatmap, MissingError> {
        Ok(Heatmap::new(analysis, similarity(analysis, source, mode)?, (source, mode), scale, None))
    };
    let (mut first, mut second) = (of(&it.first)?, of(&it.second)?);
    let range =
        color::ColorRange { low: first.range.low.min(second.range.low), high: first.range.high.max(second.range.high) };
    (first.range, second.range) = (range, range);
    Ok([first, second])
}

/// What is selected at first: in each text what comes before the ending that both share, and that
/// ending; the whole text where they share none. BOS is left out.
pub fn shared_ending(it: &Comparison) -> [Selection; 2] {
    let (a, b) = (&it.first.tokens, &it.second.tokens);
    let most = a.len().min(b.len()).saturating_sub(1);
    let shared = a.iter().rev().zip(b.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    [a.len(), b.len()].map(|length| {
        let mut selection = Selection::default();
        let ending = length - shared.min(length);
        if ending > 1 {
            selection.stretch(1, ending - 1);
        }
        if shared > 0 {
            selection.stretch(ending, length - 1);
        }
        selection
    })
}

/// Cosines between the mean codes of two selected spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosineRow {
    /// Which spans, e.g. "1A × 2A".
    pub label: String,
    /// By source, in the order of [`Source::ALL`].
    pub values: [String; 4],
}

/// The cosines of every two selected spans: those across the texts first.
pub fn cosines(it: &Comparison, selections: [&Selection; 2]) -> Vec<CosineRow> {
    let tokens = it.first.tokens.len();
    let named: Vec<(String, Side, &Range<usize>)> = [Side::First, Side::Second]
        .into_iter()
        .zip(selections)
        .zip(["1", "2"])
        .flat_map(|((side, selection), text)| {
            selection.spans().iter().zip(["A", "B"]).map(move |(span, name)| (format!("{text}{name}"), side, span))
        })
        .collect();
    let grams = Source::ALL.map(|source| it.gram(source));
    let mut rows: Vec<(bool, CosineRow)> = Vec::new();
    for (i, a) in named.iter().enumerate() {
        for b in &named[i + 1..] {
            let values = grams.map(|gram| {
                let found = cosine(gram, tokens, (a.1, a.2), (b.1, b.2));
                found.map_or(number::NONE.to_owned(), number::fixed4)
            });
            rows.push((a.1 == b.1, CosineRow { label: format!("{} × {}", a.0, b.0), values }));
        }
    }
    let (within, across): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(is_within, _)| *is_within);
    across.into_iter().chain(within).map(|(_, row)| row).collect()
}

/// How alike the spans of one name are in both texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// "A" or "B".
    pub name: &'static str,
    /// The words that are compared: of both texts, or "… in both" where they are the same.
    pub words: String,
    /// Cosine of the mean predictable codes.
    pub expected: String,
    /// Cosine of the mean novel codes.
    pub new: String,
}

/// Characters of a span that are shown.
const SPAN: usize = 24;

/// The text of a span in one line.
fn span_words(tokens: &[String], span: &Range<usize>) -> String {
    let mut words = String::new();
    for name in tokens.get(span.clone()).unwrap_or_default() {
        let (is_after_space, name) = token::after_space(name);
        words.push_str(if is_after_space { " " } else { "" });
        words.push_str(&token::plain(name));
    }
    cut(words.trim(), SPAN)
}

/// The first and the second selected span of one text beside those of the other; none where a text has none.
pub fn findings(it: &Comparison, selections: [&Selection; 2]) -> Vec<Finding> {
    let tokens = it.first.tokens.len();
    let [first, second] = selections.map(Selection::spans);
    first
        .iter()
        .zip(second)
        .zip(["A", "B"])
        .map(|((one, two), name)| {
            let of = |source| {
                let found = cosine(it.gram(source), tokens, (Side::First, one), (Side::Second, two));
                found.map_or(number::NONE.to_owned(), |found| number::fixed(found, 2))
            };
            let (a, b) = (span_words(&it.first.tokens, one), span_words(&it.second.tokens, two));
            let words = if a == b { format!("“{a}” in both") } else { format!("“{a}” and “{b}”") };
            Finding { name, words, expected: of(Source::Predictable), new: of(Source::Novel) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use lens_analysis::{Grams, gram};

    /// The example beside itself with its first word changed; codes [n, 3] of both at once.
    fn comparison() -> (Comparison, Vec<f32>) {
        let first = example::analysis();
        let mut second = first.clone();
        second.tokens[1] = "another".to_owned();
        let n = 2 * first.tokens.len();
        let codes: Vec<f32> = (0..n * 3).map(|i| ((i * 37 + 11) % 17) as f32).collect();
        let codes = gram::center_rows(&codes, n, 3);
        let joint = gram::gram(&codes, n, 3);
        let grams = Grams::from_sources([(); 4].map(|()| joint.clone()));
        (Comparison { first, second, grams }, codes)
    }

    #[test]
    fn both_matrices_have_one_range() {
        let (mut it, _) = comparison();
        it.second.saved_similarity.as_mut().unwrap()[1] = -0.9;
        let [first, second] = heatmaps(&it, Source::Predictable, Mode::Notebook, Scale::Data).unwrap();
        assert_eq!(first.range, second.range);
        assert_eq!(first.range.low, -0.9);
    }

    #[test]
    fn the_ending_that_both_share_is_selected() {
        let (mut it, _) = comparison();
        let n = it.first.tokens.len();
        for selection in shared_ending(&it) {
            assert_eq!(selection.spans(), [1..2, 2..n]);
        }
        it.second.tokens[n - 1] = "otherwise".to_owned();
        assert_eq!(shared_ending(&it)[0].spans(), [Range { start: 1, end: n }]);
    }

    #[test]
    fn findings_are_the_rows_of_equal_names_in_words() {
        let (it, _) = comparison();
        let [a, b] = shared_ending(&it);
        let rows = cosines(&it, [&a, &b]);
        let found = findings(&it, [&a, &b]);
        assert_eq!(found.iter().map(|it| it.name).collect::<Vec<_>>(), ["A", "B"]);
        for (finding, label) in found.iter().zip(["1A × 2A", "1B × 2B"]) {
            let row = rows.iter().find(|row| row.label == label).unwrap();
            for (rounded, whole) in [(&finding.expected, &row.values[0]), (&finding.new, &row.values[1])] {
                let [rounded, whole] = [rounded, whole].map(|it| it.replace('−', "-").parse::<f32>().unwrap());
                assert!((rounded - whole).abs() <= 0.0051, "{rounded} {whole}");
            }
        }
        assert!(found[0].words.ends_with("and “another”"), "{}", found[0].words);
        assert!(found[1].words.ends_with("in both"), "{}", found[1].words);
        let tokens = ["<bos>", "▁The", "▁old", "▁man", "\n", "▁boats", "▁and", "▁ships", "."].map(str::to_owned);
        assert_eq!(span_words(&tokens, &(1..4)), "The old man");
        assert_eq!(span_words(&tokens, &(3..9)), "man↵ boats and ships.");
        assert_eq!(span_words(&tokens, &(0..9)).chars().count(), SPAN);
        assert_eq!(span_words(&tokens, &(7..90)), "");
        assert!(findings(&it, [&a, &Selection::default()]).is_empty());
    }

    #[test]
    fn cosines_are_those_of_the_mean_codes() {
        let (it, codes) = comparison();
        let n = it.first.tokens.len();
        let [a, b] = shared_ending(&it);
        let rows = cosines(&it, [&a, &b]);
        assert_eq!(rows.len(), 6);
        assert_eq!(rows[0].label, "1A × 2A");
        assert_eq!(rows[4].label, "1A × 1B");
        let mean = |rows: Range<usize>| -> Vec<f32> {
            (0..3).map(|c| rows.clone().map(|r| codes[r * 3 + c]).sum::<f32>() / rows.len() as f32).collect()
        };
        let (x, y) = (mean(1..2), mean(n + 1..n + 2));
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(a, b)| a * b).sum::<f32>();
        let expected = dot(&x, &y) / (dot(&x, &x) * dot(&y, &y)).sqrt();
        let found: f32 = rows[0].values[0].replace('−', "-").parse().unwrap();
        assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    }
}
