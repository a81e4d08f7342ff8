//! What `analyze` prints: an account of the text in words, or tables of tokens and events.

use std::fmt::Write as _;

use lens_analysis::similarity::{self, Mode};
use lens_analysis::words::{NextWord, Word, joined};
use lens_analysis::{Analysis, Event, Source, per_token, spans};
use lens_view::format::number;
use lens_view::format::token::{self, Piece};

use crate::sentence::name;

/// Width of the lines of text, without their numbers.
const COLUMNS: usize = 84;
/// Words of an event in the account; the table and the document have all.
const WORDS_SHOWN: usize = 8;

/// The account: events with their words and tokens, then three sentences of numbers.
pub fn text(analysis: &Analysis) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "{}, layer {}: {}",
        name(&analysis.model.name),
        analysis.model.layer,
        counted(analysis.tokens.len(), "token")
    );
    for (index, event) in analysis.events.iter().flatten().enumerate() {
        let _ = write!(out, "\nEvent {}, tokens {} to {}", index + 1, event.first, event.last);
        if event.expectation_from > event.first {
            let _ = write!(out, " (expected from token {} on)", event.expectation_from);
        }
        out.push('\n');
        if !event.words.is_empty() {
            let unclear = if event.unclear { " (unclear: these words have little in common)" } else { "" };
            let _ = writeln!(out, "  about:    {}{unclear}", shown(&event.words));
            let expected = match &event.expected[..] {
                _ if has_no_past(event) => NO_PAST.to_owned(),
                [] => "nothing yet".to_owned(),
                expected => shown(expected),
            };
            let _ = writeln!(out, "  expected: {expected}");
        }
        lines(&mut out, analysis, event);
    }
    out.push('\n');
    for sentence in sentences(analysis) {
        let _ = writeln!(out, "{sentence}");
    }
    out
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Said where no word precedes: what the start token alone makes expected is said of every text.
const NO_PAST: &str = "nothing, since no word stands before it";

/// Whether an event has no token that follows a word: a text of one word is one.
fn has_no_past(event: &Event) -> bool {
    event.last <= 1
}

/// The words that the account shows of an event.
fn shown(words: &[Word]) -> String {
    joined(&words[..words.len().min(WORDS_SHOWN)])
}

/// The tokens of an event as lines of text, each after the position of its first token.
fn lines(out: &mut String, analysis: &Analysis, event: &Event) {
    let mut line = String::new();
    let mut start = event.first;
    let mut put = |start: usize, line: &mut String| {
        if !line.trim().is_empty() {
            let _ = writeln!(out, "{start:>6}  {}", line.trim());
        }
        line.clear();
    };
    for (position, spelling) in analysis.tokens.iter().enumerate().take(event.last + 1).skip(event.first) {
        // A character of several tokens stands where its first one is.
        let shown = match token::character_at(&analysis.tokens, position) {
            Some((character, 0, _)) => character.to_string(),
            Some(_) => String::new(),
            None => spoken(spelling),
        };
        if line.chars().count() + shown.chars().count() > COLUMNS {
            put(start, &mut line);
            start = position;
        }
        line.push_str(&shown);
        if token::breaks_line(spelling) {
            put(start, &mut line);
            start = position + 1;
        }
    }
    put(start, &mut line);
}

/// A token as text: spaces for the marks of white space.
fn spoken(spelling: &str) -> String {
    let piece = |piece| match piece {
        Piece::Text(text) | Piece::Special(text) => text,
        Piece::Mark(_) => " ".to_owned(),
    };
    token::pieces(spelling).into_iter().map(piece).collect()
}

/// What was explained, what each token added, and how alike tokens are within and across events.
fn sentences(analysis: &Analysis) -> Vec<String> {
    let mut all = Vec::new();
    let percent = |value: f32| format!("{} %", number::fixed(100.0 * value, 0));
    let explained =
        format!("The SAE explains {} of the variance of the residual stream", percent(analysis.variance_explained));
    all.push(match per_token::energy_shares(analysis) {
        Ok(shares) => format!(
            "{explained}; {} of its reconstruction was predictable from earlier tokens, {} was new.",
            percent(shares.predictable),
            percent(shares.novel)
        ),
        Err(_) => format!("{explained}."),
    });
    let mean = |counts: &[usize]| {
        let rest = counts.get(1..).filter(|rest| !rest.is_empty()).unwrap_or(counts);
        number::fixed(rest.iter().sum::<usize>() as f32 / rest.len().max(1) as f32, 0)
    };
    all.push(format!(
        "Of {} features, {} are predictable at a token on average, and {} are new there.",
        analysis.model.width,
        mean(&analysis.l0_pred),
        mean(&analysis.l0_novel)
    ));
    let events: Vec<_> = analysis.events.iter().flatten().map(|event| event.first..event.last + 1).collect();
    let alike = similarity::similarity(analysis, Source::Predictable, Mode::Neuronpedia)
        .map(|matrix| spans::within_across(&matrix, &events));
    let value = |it: Option<f32>| it.map_or("undefined".to_owned(), |value| number::fixed(value, 2));
    match alike {
        Ok(it) if events.len() > 1 => all.push(format!(
            "The mean similarity of predictable codes is {} within an event and {} across events.",
            value(it.within),
            value(it.across)
        )),
        Ok(it) => all.push(format!(
            "It reads as one event; the mean similarity of its predictable codes is {}.",
            value(it.within)
        )),
        Err(_) => {}
    }
    all
}

/// A table of all tokens: what was foretold and what is new, tab-separated, with a head.
pub fn words_table(analysis: &Analysis) -> String {
    let Some(words) = &analysis.words else { return String::new() };
    let has_next = !words.next.is_empty();
    let mut out = "position\ttoken\tfrom the past\tnew here".to_owned();
    if has_next {
        out.push_str("\tnext\tsurprise");
    }
    out.push('\n');
    for position in 0..analysis.tokens.len() {
        let name = token::plain_in_text(&analysis.tokens, position);
        let of = |lists: &[Vec<Word>]| lists.get(position).map(|words| joined(words)).unwrap_or_default();
        let _ = write!(out, "{position}\t{name}\t{}\t{}", of(&words.predictable), of(&words.novel));
        if has_next {
            // Commas stand between words, too. A token that is nothing but its leading space has no letters left.
            let spelled = |it: &NextWord| if it.word.is_empty() { token::plain(" ") } else { token::plain(&it.word) };
            let word = |it: &NextWord| token::readable(spelled(it));
            let next = |it: &NextWord| format!("{} {}", word(it), number::fixed(it.probability, 2));
            let next: Vec<String> = words.next.get(position).into_iter().flatten().map(next).collect();
            let surprise = analysis.surprise.as_ref().and_then(|all| all.get(position)).copied().unwrap_or(f32::NAN);
            let _ = write!(out, "\t{}\t{}", next.join(", "), number::fixed(surprise, 2));
        }
        out.push('\n');
    }
    out
}

/// A table of the events, tab-separated, with a head.
pub fn events_table(analysis: &Analysis) -> String {
    let mut out = "event\tfirst\tlast\texpectation from\tcoherence\tabout\texpected\n".to_owned();
    for (index, event) in analysis.events.iter().flatten().enumerate() {
        let coherence = event.coherence.map(|value| number::fixed(value, 3)).unwrap_or_default();
        let unclear = if event.unclear { " (unclear)" } else { "" };
        let _ = writeln!(
            out,
            "{}\t{}\t{}\t{}\t{coherence}{unclear}\t{}\t{}",
            index + 1,
            event.first,
            event.last,
            event.expectation_from,
            joined(&event.words),
            if has_no_past(event) { String::new() } else { joined(&event.expected) }
        );
    }
    out
}
