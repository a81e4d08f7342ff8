//! Events of written texts, run through the default model (tests/reference/events.py): ten stories of two events,
//! the held-out half of texts of one to five events, and ten texts that were written after the method
//! was settled. Beside each source alone, and sentence ends and paragraphs as they are. The development half is not here: the
//! weights were fitted on it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lens_analysis::events::agreement::Agreement;
use lens_analysis::events::{self, EventSpan, Method};
use lens_analysis::similarity::Source;
use lens_analysis::{Grams, SymmetricMatrix};
use serde::Deserialize;

/// Tokens that a boundary may be off.
const NEAR: usize = 3;

#[derive(Deserialize)]
struct Text {
    name: String,
    half: String,
    boundaries: Vec<usize>,
    tokens: Vec<String>,
    predictable: Compact,
    novel: Compact,
    residual: Compact,
}

#[derive(Deserialize)]
struct Compact {
    squares: String,
    cosines: String,
}

impl Compact {
    /// The Gram matrix of `t` tokens; BOS, which is not in it, is the mean of the others.
    #[allow(clippy::expect_used)]
    fn gram(&self, t: usize) -> SymmetricMatrix {
        let squares = STANDARD.decode(&self.squares).expect("base64");
        let norms: Vec<f32> = squares.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes).sqrt()).collect();
        let cosines = STANDARD.decode(&self.cosines).expect("base64");
        assert_eq!((norms.len(), cosines.len()), (t - 1, (t - 1) * (t - 2) / 2));
        let mut next = cosines.into_iter();
        let mut upper = vec![0f32; t];
        for i in 0..t - 1 {
            upper.push(norms[i] * norms[i]);
            for norm in &norms[i + 1..] {
                let cosine = f32::from(next.next().unwrap_or_default().cast_signed()) / 127.0;
                upper.push(norms[i] * norm * cosine);
            }
        }
        SymmetricMatrix::new(t, upper).expect("a triangle")
    }
}

struct Marked {
    name: String,
    half: String,
    boundaries: Vec<usize>,
    tokens: Vec<String>,
    grams: Grams,
}

impl Marked {
    fn found(&self, method: &Method) -> Vec<usize> {
        positions(&events::spans_by(method, &self.grams, &self.tokens))
    }
}

fn positions(spans: &[EventSpan]) -> Vec<usize> {
    spans.iter().skip(1).map(|span| span.first).collect()
}

#[allow(clippy::expect_used)]
fn texts() -> Vec<Marked> {
    let texts: Vec<Text> =
        serde_json::from_str(include_str!("../../../tests/fixtures/events/grams.json")).expect("the fixture is JSON");
    let read = |text: Text| {
        let gram = |it: &Compact| it.gram(text.tokens.len());
        let (predictable, novel, residual) = (gram(&text.predictable), gram(&text.novel), gram(&text.residual));
        let grams = Grams { predictable, novel, total: residual.clone(), residual };
        Marked { name: text.name, half: text.half, boundaries: text.boundaries, tokens: text.tokens, grams }
    };
    texts.into_iter().map(read).collect()
}

fn agreement(texts: &[Marked], half: &str, found: impl Fn(&Marked) -> Vec<usize>) -> Agreement {
    let mut it = Agreement::default();
    for text in texts.iter().filter(|text| half.is_empty() || text.half == half) {
        it.add(&found(text), &text.boundaries, NEAR);
    }
    it
}

/// Every beginning of a sentence but the first.
fn sentences(text: &Marked) -> Vec<usize> {
    (2..text.tokens.len()).filter(|i| events::sentence_starts(&text.tokens[1..])[i - 1]).collect()
}

/// Every first token after a line end.
fn paragraphs(text: &Marked) -> Vec<usize> {
    sentences(text).into_iter().filter(|i| text.tokens[i - 1].ends_with('\n')).collect()
}

#[test]
fn together_they_find_what_none_finds_alone() {
    let texts = texts();
    assert_eq!(texts.len(), 34);
    println!("{:12} {:>8} {:>10} {:>7} {:>5}", "boundaries", "texts", "precision", "recall", "F1");
    let row = |name: &str, half: &str, found: &dyn Fn(&Marked) -> Vec<usize>| {
        let it = agreement(&texts, half, found);
        let label = if half.is_empty() { "all" } else { half };
        println!("{name:12} {label:>8} {:10.2} {:7.2} {:5.2}", it.precision(), it.recall(), it.f1());
        it.f1()
    };
    for (half, least) in [("", 0.85), ("held-out", 0.85), ("unseen", 0.6), ("story", 0.85)] {
        let together = row("together", half, &|text| text.found(&Method::together()));
        let mut others = vec![row("sentences", half, &sentences), row("paragraphs", half, &paragraphs)];
        for source in [Source::Predictable, Source::Novel, Source::Residual] {
            let method = Method::alone(source);
            others.push(row(&format!("{source:?}"), half, &|text| text.found(&method)));
        }
        assert!(together >= least, "{half}: {together}");
        if half.is_empty() {
            assert!(others.iter().all(|it| together > it + 0.05), "{together} is not above {others:?}");
        }
    }
    for text in &texts {
        let found = text.found(&Method::together());
        if found != text.boundaries {
            println!("{}: marked {:?}, found {found:?}", text.name, text.boundaries);
        }
    }
}

#[test]
fn texts_of_one_event_are_rarely_cut() {
    let texts = texts();
    let lone: Vec<&Marked> = texts.iter().filter(|text| text.boundaries.is_empty()).collect();
    let cut = lone.iter().filter(|text| !text.found(&Method::together()).is_empty()).count();
    println!("{cut} of {} texts of one event are cut", lone.len());
    assert!(lone.len() >= 8 && cut <= 1, "{cut} of {}", lone.len());
}

#[test]
fn the_expectation_follows_late() {
    let mut lags = Vec::new();
    for text in texts() {
        for span in events::spans(&text.grams, &text.tokens).iter().skip(1) {
            assert!((span.first..=span.last).contains(&span.expectation_from), "{}: {span:?}", text.name);
            if text.boundaries.iter().any(|it| it.abs_diff(span.first) <= NEAR) {
                lags.push(span.expectation_from - span.first);
            }
        }
    }
    lags.sort_unstable();
    println!("the expectation follows after {lags:?} tokens");
    assert!((4..=16).contains(&lags[lags.len() / 2]), "{lags:?}");
}

/// Without sentence marks and line ends the matrices alone must do.
#[test]
fn without_marks_most_are_still_found_but_less_exactly() {
    let texts = texts();
    let bare = |text: &Marked| {
        let words: Vec<String> = text.tokens.iter().enumerate().map(|(i, _)| format!("▁w{i}")).collect();
        positions(&events::spans(&text.grams, &words))
    };
    let mut wide = Agreement::default();
    for text in &texts {
        wide.add(&bare(text), &text.boundaries, 12);
    }
    let near = agreement(&texts, "", bare);
    println!("without marks: F1 {:.2} within 3 tokens, {:.2} within 12", near.f1(), wide.f1());
    assert!(near.f1() >= 0.5 && wide.f1() >= 0.75, "{near:?} {wide:?}");
}
