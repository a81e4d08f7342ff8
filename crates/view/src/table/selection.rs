//! Spans of the text that the visitor selected: at most two, A and B.

use std::ops::Range;

use lens_analysis::Analysis;
use lens_analysis::similarity::{self, Matrix, Source};
use lens_analysis::spans;

use crate::format::{number, token};

/// Selected spans of token positions, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    spans: Vec<Range<usize>>,
}

impl Selection {
    /// Selects from `anchor` (the pinned token) to `to`, both included. A span that has the anchor
    /// as an end is stretched; otherwise it becomes a further one, and of three the oldest goes.
    pub fn stretch(&mut self, anchor: usize, to: usize) {
        let span = anchor.min(to)..anchor.max(to) + 1;
        match self.spans.last_mut() {
            Some(last) if last.start == anchor || last.end == anchor + 1 => *last = span,
            _ => self.spans.push(span),
        }
        if self.spans.len() > 2 {
            self.spans.remove(0);
        }
    }

    /// These spans, oldest first; of more than two the first ones go.
    pub fn of(mut spans: Vec<Range<usize>>) -> Self {
        spans.drain(..spans.len().saturating_sub(2));
        Self { spans }
    }

    /// Nothing is selected any more.
    pub fn clear(&mut self) {
        self.spans.clear();
    }

    /// Oldest first.
    pub fn spans(&self) -> &[Range<usize>] {
        &self.spans
    }

    /// "A", "B", or none: which span a token is in.
    pub fn name_at(&self, position: usize) -> Option<&'static str> {
        self.spans.iter().zip(["A", "B"]).find(|(span, _)| span.contains(&position)).map(|(_, name)| name)
    }
}

/// A row about the selected spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionRow {
    /// What it is, e.g. "A: 3 to 7".
    pub label: String,
    /// The figure or text.
    pub value: String,
}

/// Text, mean similarity inside each span, and for two spans across them and between their mean
/// codes. `shown` is the matrix on the page, `source` what it compares.
pub fn rows(analysis: &Analysis, selection: &Selection, shown: &Matrix, source: Source) -> Vec<SelectionRow> {
    let mut rows = Vec::new();
    for (span, name) in selection.spans().iter().zip(["A", "B"]) {
        let text: String = span.clone().filter_map(|i| analysis.tokens.get(i)).map(|t| token::plain(t)).collect();
        let text = text.replace(token::SPACE, " ");
        rows.push(SelectionRow {
            label: format!("{name}: tokens {} to {}", span.start, span.end - 1),
            value: cut(text.trim(), 60),
        });
        let within = spans::within_across(shown, std::slice::from_ref(span)).within;
        rows.push(SelectionRow { label: format!("Mean similarity within {name}"), value: fixed4_or_none(within) });
    }
    if let [a, b] = selection.spans() {
        let across = spans::within_across(shown, &[a.clone(), b.clone()]).across;
        rows.push(SelectionRow { label: "Mean similarity across A and B".to_owned(), value: fixed4_or_none(across) });
        let cosine = similarity::gram_of(analysis, source).map(|gram| spans::cosine_of_means(gram, a, b));
        let value = match cosine {
            Ok(cosine) => fixed4_or_none(cosine),
            Err(missing) => missing.to_string(),
        };
        rows.push(SelectionRow { label: "Cosine of the mean codes of A and B".to_owned(), value });
    }
    rows
}

/// At most so many characters; what does not fit becomes "…".
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn fixed4_or_none(value: Option<f32>) -> String {
    value.map_or(number::NONE.to_owned(), number::fixed4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use lens_analysis::similarity::Mode;

    #[test]
    fn spans_stretch_and_the_third_replaces_the_oldest() {
        let mut it = Selection::default();
        it.stretch(3, 6);
        it.stretch(3, 1);
        assert_eq!(it.spans().first(), Some(&(1..4)));
        it.stretch(8, 9);
        assert_eq!((it.name_at(2), it.name_at(9), it.name_at(5)), (Some("A"), Some("B"), None));
        it.stretch(12, 12);
        assert_eq!(it.spans(), [8..10, 12..13]);
        it.clear();
        assert!(it.spans().is_empty());
    }

    #[test]
    fn two_spans_are_compared() {
        let analysis = example::analysis();
        let shown = similarity::similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap();
        let mut it = Selection::default();
        it.stretch(0, 1);
        assert_eq!(rows(&analysis, &it, &shown, Source::Predictable)[1].value, "−0.5000");
        it.stretch(2, 2);
        let rows = rows(&analysis, &it, &shown, Source::Predictable);
        assert_eq!(rows[2].value, ".");
        assert_eq!(rows[4].value, "0.1250");
        assert!(rows[5].value.contains("without Gram matrices"));
    }
}
