//! Where one event of a text ends and the next begins, from a similarity matrix.
//!
//! Method: kernel change-point detection (Harchaoui & Cappé 2007) with binary segmentation. BOS is
//! left out, the rest centered anew, and the cosine taken as kernel. The scatter of a span is the sum
//! of squared distances of its tokens from their mean, which follows from the kernel alone; a span is
//! cut where that lowers the scatter most, and the cut is kept when it saves at least [`GAIN_LEAST`].
//!
//! Codes need some tokens of a new event to turn: cuts come late, rarely early. So a cut is moved
//! back to the beginning of its sentence, at most [`LAG_MAX`] tokens; without sentence marks it
//! stays where it is.

use crate::analysis::{Analysis, Event, Grams};
use crate::gram;
use crate::matrix::SymmetricMatrix;
use crate::similarity::{self, MissingError, Source};

/// Scatter a cut has to save, in tokens: a centered token alone has a scatter of 1.
pub const GAIN_LEAST: f64 = 6.5;
/// Tokens of the shortest event.
pub const SHORTEST: usize = 6;
/// Tokens that a cut may be moved back.
pub const LAG_MAX: usize = 16;

/// The beginning of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary {
    /// Position of its first token in the text.
    pub position: usize,
    /// Where the matrix alone says that it is.
    pub cut: usize,
    /// Scatter it saves, in tokens.
    pub gain: f64,
}

/// An event: what the text is about from one boundary to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EventSpan {
    /// Position of its first token in the text.
    pub first: usize,
    /// Position of its last token, inclusive.
    pub last: usize,
    /// From which position on the predictable codes follow the change; `first` or later, and at most `last`.
    pub expectation_from: usize,
    /// Scatter that the boundary before it saves, in tokens; 0 for the text's first event.
    pub gain: f64,
}

/// The events of a text in its order: they cover every token but BOS, and there is always at least one.
/// `tokens` [T] are the text's, BOS first; a text of BOS alone has one event, BOS.
pub fn spans(grams: &Grams, tokens: &[String]) -> Vec<EventSpan> {
    let end = tokens.len().max(1);
    let first = usize::from(end > 1);
    let mut spans = vec![EventSpan { first, last: end - 1, expectation_from: first, gain: 0.0 }];
    if tokens.len() < 2 * SHORTEST + 1 {
        return spans;
    }
    let expected = of_gram(&grams.predictable, tokens);
    let mut found = of_gram(&grams.residual, tokens);
    found.sort_by_key(|boundary| boundary.position);
    for Boundary { position, gain, .. } in found {
        if let Some(before) = spans.last_mut() {
            before.last = position - 1;
            before.expectation_from = before.expectation_from.min(before.last);
        }
        let follows = expected.iter().map(|b| b.cut).filter(|cut| (position..=position + LAG_MAX).contains(cut)).min();
        spans.push(EventSpan {
            first: position,
            last: end - 1,
            expectation_from: follows.unwrap_or(position).min(end - 1),
            gain,
        });
    }
    spans
}

/// The events of a text in order, without words: see [`spans`].
pub fn of_text(grams: &Grams, tokens: &[String]) -> Vec<Event> {
    let event = |span: EventSpan| Event {
        first: span.first,
        last: span.last,
        expectation_from: span.expectation_from,
        words: Vec::new(),
        expected: Vec::new(),
        coherence: None,
        unclear: false,
    };
    spans(grams, tokens).into_iter().map(event).collect()
}

/// Boundaries of a text, strongest first, by the similarity of `source` (the residual stream finds
/// the most of the ones we know: see tests/events.rs).
///
/// # Errors
/// [`MissingError::Grams`] when the result was saved without Gram matrices, [`MissingError::Tokens`] for texts
/// too short to hold two events.
pub fn boundaries(analysis: &Analysis, source: Source) -> Result<Vec<Boundary>, MissingError> {
    if analysis.tokens.len() < 2 * SHORTEST + 1 {
        return Err(MissingError::Tokens);
    }
    Ok(of_gram(similarity::gram_of(analysis, source)?, &analysis.tokens))
}

/// Boundaries from the Gram matrix [T, T] of all tokens; `tokens` [T] tell where sentences begin.
pub fn of_gram(gram: &SymmetricMatrix, tokens: &[String]) -> Vec<Boundary> {
    let rest = similarity::centered_without_bos(gram);
    let scatter = Scatter::of(&rest.entries);
    let mut open = vec![(0, rest.size())];
    let mut cuts = Vec::new();
    while let Some((start, end)) = open.pop() {
        if let Some((cut, gain)) = scatter.best_cut(start, end)
            && gain >= GAIN_LEAST
        {
            cuts.push((cut + rest.first, gain));
            open.extend([(start, cut), (cut, end)]);
        }
    }
    cuts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut found: Vec<Boundary> = Vec::new();
    for (cut, gain) in cuts {
        let begin = sentence_start(tokens, cut, rest.first);
        // Two cuts in one sentence: the stronger one has its beginning.
        let taken = begin <= rest.first || found.iter().any(|b| b.position == begin);
        let position = if taken || cut - begin > LAG_MAX { cut } else { begin };
        if !found.iter().any(|b| b.position == position) {
            found.push(Boundary { position, cut, gain });
        }
    }
    found
}

/// Position of the first token of the sentence that `position` is in.
pub fn sentence_start(tokens: &[String], position: usize, first: usize) -> usize {
    let mut start = position;
    while start > first && tokens.get(start - 1).is_some_and(|token| !ends_sentence(token)) {
        start -= 1;
    }
    start
}

/// Whether a sentence is over after this token: its mark, a closing quote after one, or a new line.
pub fn ends_sentence(token: &str) -> bool {
    if token.ends_with('\n') || token == "<0x0A>" {
        return true;
    }
    let bare = token.trim_end_matches(['"', '\'', '”', '’', ')', '」']);
    bare.ends_with(['.', '!', '?', '。', '！', '？', '…'])
}

/// Scatter of any span in constant time, from sums over the kernel's corners.
struct Scatter {
    /// [n + 1, n + 1]: sum of the kernel above and left of each corner.
    corner: Vec<f64>,
    /// [n + 1]: sum of its diagonal.
    diagonal: Vec<f64>,
    side: usize,
}

impl Scatter {
    /// With the cosines of a Gram matrix as kernel.
    fn of(gram: &SymmetricMatrix) -> Self {
        let side = gram.size() + 1;
        let mut corner = vec![0f64; side * side];
        let mut diagonal = vec![0f64; side];
        for (i, kernel) in gram::cosine_rows(gram).enumerate() {
            let mut row = 0f64;
            for (j, value) in kernel.iter().enumerate() {
                row += if value.is_finite() { f64::from(*value) } else { 0.0 };
                corner[(i + 1) * side + j + 1] = corner[i * side + j + 1] + row;
            }
            let own = kernel[i];
            diagonal[i + 1] = diagonal[i] + if own.is_finite() { f64::from(own) } else { 0.0 };
        }
        Self { corner, diagonal, side }
    }

    fn of_span(&self, start: usize, end: usize) -> f64 {
        let at = |i: usize, j: usize| self.corner[i * self.side + j];
        let block = at(end, end) - at(start, end) - at(end, start) + at(start, start);
        self.diagonal[end] - self.diagonal[start] - block / (end - start) as f64
    }

    /// Where cutting a span saves most, and how much.
    fn best_cut(&self, start: usize, end: usize) -> Option<(usize, f64)> {
        if end < start + 2 * SHORTEST {
            return None;
        }
        let whole = self.of_span(start, end);
        (start + SHORTEST..=end - SHORTEST)
            .map(|cut| (cut, whole - self.of_span(start, cut) - self.of_span(cut, end)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Gram matrix of BOS and blocks of tokens that share a direction and have one of their own.
    fn blocks(lengths: &[usize]) -> SymmetricMatrix {
        let n: usize = lengths.iter().sum();
        let block: Vec<usize> = lengths.iter().enumerate().flat_map(|(k, l)| vec![k; *l]).collect();
        let size = n + 1;
        let mut values = vec![0f32; size * size];
        values[0] = 1e6;
        for i in 0..n {
            for j in 0..n {
                let same = if block[i] == block[j] { 1.0 } else { 0.0 };
                values[(i + 1) * size + j + 1] = same + if i == j { 1.0 } else { 0.0 };
            }
        }
        SymmetricMatrix::from_dense(size, &values).unwrap()
    }

    #[test]
    fn spans_cover_the_text_without_gaps() {
        let grams = |lengths: &[usize]| Grams::from_sources([(); 4].map(|()| blocks(lengths)));
        let found = spans(&grams(&[20, 30, 25]), &words(76, &[]));
        let ends: Vec<(usize, usize)> = found.iter().map(|span| (span.first, span.last)).collect();
        assert_eq!(ends, [(1, 20), (21, 50), (51, 75)]);
        assert!(found.iter().all(|span| (span.first..=span.last).contains(&span.expectation_from)), "{found:?}");
        let one = [EventSpan { first: 1, last: 60, expectation_from: 1, gain: 0.0 }];
        assert_eq!(spans(&grams(&[60]), &words(61, &[])), one);
        assert_eq!(spans(&grams(&[2]), &words(3, &[]))[0].last, 2);
        let bos = [EventSpan { first: 0, last: 0, expectation_from: 0, gain: 0.0 }];
        assert_eq!(spans(&grams(&[]), &words(1, &[])), bos);
    }

    fn words(n: usize, full_stops: &[usize]) -> Vec<String> {
        (0..n).map(|i| if full_stops.contains(&i) { ".".to_owned() } else { format!("▁word{i}") }).collect()
    }

    #[test]
    fn blocks_are_found_and_a_lone_one_is_not_cut() {
        let mut found: Vec<usize> =
            of_gram(&blocks(&[20, 30, 25]), &words(76, &[])).iter().map(|b| b.position).collect();
        found.sort_unstable();
        assert_eq!(found, [21, 51]);
        assert!(of_gram(&blocks(&[60]), &words(61, &[])).is_empty());
    }

    #[test]
    fn a_late_cut_moves_back_to_its_sentence_but_not_far() {
        let it = of_gram(&blocks(&[20, 30]), &words(51, &[15]));
        assert_eq!((it[0].position, it[0].cut), (16, 21));
        let it = of_gram(&blocks(&[20, 30]), &words(51, &[2]));
        assert_eq!((it[0].position, it[0].cut), (21, 21));
    }

    #[test]
    fn sentences_end_with_marks_quotes_and_lines() {
        for token in [".", "!\"", "?”", "。", "\n\n", "<0x0A>", ".)"] {
            assert!(ends_sentence(token), "{token:?}");
        }
        for token in ["▁and", ",", "\"", "▁", ""] {
            assert!(!ends_sentence(token), "{token:?}");
        }
    }
}
