//! Readouts in words, as lines of text: what the past foretold at a token, what it added, what an event is about.

use lens_analysis::words::{NextWord, Word, joined};
use lens_analysis::{Analysis, Event, TokenSource};

use crate::format::{number, scene, token};

/// Longer tokens are cut.
const SOURCE_CHARACTERS: usize = 24;
/// Less reads as 0 %.
const LIKELY_MIN: f32 = 0.005;

/// What is said of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLines {
    /// What the past foretold; none where nothing is foretold yet.
    pub from_past: Option<String>,
    /// The tokens that the prediction was taken from most, with the SAE's attention to each; none where they are not known.
    pub sources: Option<String>,
    /// What the token added.
    pub new_here: Option<String>,
    /// The likeliest next words with their probabilities, where the pack has a fitted lens.
    pub next: Option<String>,
    /// How likely the token was, e.g. "67 %" or "1 in 450", where the pack has a fitted lens.
    pub likelihood: Option<String>,
}

/// What is said of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Position of its first token.
    pub first: usize,
    /// e.g. "tokens 1 to 50".
    pub tokens: String,
    /// Its words.
    pub about: String,
    /// What was expected in it; none where nothing was.
    pub expected: Option<String>,
    /// From where it was expected, if later than it began.
    pub expected_from: Option<String>,
    /// Whether its words have little in common.
    pub is_unclear: bool,
}

fn list(words: &[Word]) -> Option<String> {
    (!words.is_empty()).then(|| joined(words))
}

/// The lines of the token at `position`; none for results without words, and for BOS.
pub fn of_token(analysis: &Analysis, position: usize) -> Option<TokenLines> {
    let words = analysis.words.as_ref().filter(|_| position > 0)?;
    let of = |all: &[Vec<Word>]| all.get(position).and_then(|words| list(words));
    let likely = |it: &NextWord| {
        // Words stand without the space before them: of a lone space nothing is left.
        let word = if it.word.is_empty() { "a space".to_owned() } else { token::readable(it.word.clone()) };
        format!("{word} ({} %)", number::fixed(100.0 * it.probability, 0))
    };
    let next = words.next.get(position).filter(|all| !all.is_empty());
    let surprise = analysis.surprise.as_ref().and_then(|all| all.get(position)).filter(|value| value.is_finite());
    let name = |it: &TokenSource| {
        let name = analysis.tokens.get(it.position).map(|token| token::shortened(token, SOURCE_CHARACTERS));
        format!("{} ({} %)", name.unwrap_or_default(), number::fixed(100.0 * it.weight, 0))
    };
    let sources = analysis.sources.as_ref().and_then(|all| all.get(position)).filter(|all| !all.is_empty());
    Some(TokenLines {
        sources: sources.map(|all| all.iter().map(name).collect::<Vec<_>>().join(", ")),
        from_past: of(&words.predictable),
        new_here: of(&words.novel),
        next: next.map(|all| {
            // The likeliest in any case; of the others those that do not read as 0 %.
            let shown = all.iter().enumerate().filter(|(rank, it)| *rank == 0 || it.probability >= LIKELY_MIN);
            shown.map(|(_, it)| likely(it)).collect::<Vec<_>>().join(", ")
        }),
        likelihood: surprise.map(|value| likelihood(*value)),
    })
}

/// What a surprise of so many nats is as a probability: percent from 1 % on, below that "1 in" two digits of how many.
fn likelihood(nats: f32) -> String {
    let probability = f64::from(-nats).exp();
    if probability >= 0.01 {
        return format!("{} %", number::fixed((100.0 * probability) as f32, 0));
    }
    let inverse = 1.0 / probability;
    let unit = 10f64.powf((inverse.log10() - 1.0).floor());
    // Smaller ones are not distinguished.
    if inverse > 1e9 {
        "under 1 in a billion".to_owned()
    } else {
        format!("1 in {}", number::count(((inverse / unit).round() * unit) as u64))
    }
}

/// The events of a result that have words, in order.
pub fn events(analysis: &Analysis) -> Vec<EventRow> {
    analysis.events.iter().flatten().filter_map(row).collect()
}

fn row(event: &Event) -> Option<EventRow> {
    Some(EventRow {
        first: event.first,
        tokens: format!("tokens {} to {}", event.first, event.last),
        about: list(&event.words)?,
        expected: list(&event.expected),
        expected_from: (event.expectation_from > event.first)
            .then(|| format!("expected from token {} on", event.expectation_from)),
        is_unclear: event.unclear,
    })
}

/// A short name of the event that begins at `first`: its first words, or "unclear"; none where it has no words.
pub fn event_name(analysis: &Analysis, first: usize) -> Option<String> {
    let scene = scene::all(analysis).into_iter().find(|scene| scene.first == first)?;
    let words = scene.words?;
    Some(if scene.is_unclear { format!("{}: {words}", scene::UNCLEAR) } else { words })
}

#[cfg(test)]
mod tests {
    use lens_analysis::words::Words;

    use super::*;
    use crate::example;

    fn word(word: &str) -> Word {
        Word { word: word.to_owned(), score: 1.0 }
    }

    fn analysis() -> Analysis {
        let mut analysis = example::analysis();
        let t = analysis.tokens.len();
        let mut predictable = vec![vec![word("sea"), word("sail")]; t];
        predictable[1].clear();
        analysis.words = Some(Words {
            vocabulary: 9,
            predictable,
            novel: vec![vec![word("<b>bold</b>")]; t],
            next: vec![vec![NextWord { word: "out".to_owned(), probability: 0.25 }]; t],
        });
        analysis.surprise = Some((0..t).map(|i| if i == 0 { f32::NAN } else { 3.21 }).collect());
        analysis.events = Some(vec![
            Event {
                first: 1,
                last: 2,
                expectation_from: 1,
                words: ["sea", "sail", "boat", "ferry"].map(word).to_vec(),
                expected: Vec::new(),
                coherence: Some(0.3),
                unclear: false,
            },
            Event {
                first: 3,
                last: t - 1,
                expectation_from: 4,
                words: vec![word("list")],
                expected: vec![word("sea")],
                coherence: Some(0.01),
                unclear: true,
            },
        ]);
        analysis
    }

    #[test]
    fn a_token_says_what_was_foretold_and_what_it_added() {
        let mut analysis = analysis();
        let lines = of_token(&analysis, 2).unwrap();
        assert_eq!(lines.from_past.as_deref(), Some("sea, sail"));
        // Text, whatever it looks like: the page puts it into text nodes.
        assert_eq!(lines.new_here.as_deref(), Some("<b>bold</b>"));
        assert_eq!(lines.next.as_deref(), Some("out (25 %)"));
        if let Some(words) = &mut analysis.words {
            words.next[2].push(NextWord { word: String::new(), probability: 0.125 });
        }
        assert_eq!(of_token(&analysis, 2).unwrap().next.as_deref(), Some("out (25 %), a space (12 %)"));
        assert_eq!(lines.likelihood.as_deref(), Some("4 %"));
        let said = [0.0, 4.6, 4.7, 10.8, 13.08, 60.0].map(likelihood);
        assert_eq!(said, ["100 %", "1 %", "1 in 110", "1 in 49,000", "1 in 480,000", "under 1 in a billion"]);
        assert_eq!(lines.sources, None);
        analysis.sources = Some(vec![vec![TokenSource { position: 1, weight: 0.271 }]; 3]);
        let name = token::shortened(&analysis.tokens[1], SOURCE_CHARACTERS);
        assert_eq!(of_token(&analysis, 2).unwrap().sources, Some(format!("{name} (27 %)")));
        assert_eq!(of_token(&analysis, 1).unwrap().from_past, None);
        assert_eq!(of_token(&analysis, 0), None);
        assert_eq!(of_token(&example::analysis(), 2), None);
    }

    #[test]
    fn events_have_words_and_names() {
        let analysis = analysis();
        let rows = events(&analysis);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].about.as_str(), rows[0].expected.as_deref()), ("sea, sail, boat, ferry", None));
        assert_eq!(rows[1].expected_from.as_deref(), Some("expected from token 4 on"));
        assert_eq!(event_name(&analysis, 1).as_deref(), Some("sea, sail, boat"));
        assert_eq!(event_name(&analysis, 3).as_deref(), Some("unclear: list"));
        assert_eq!((event_name(&analysis, 2), events(&example::analysis()).len()), (None, 0));
    }
}
