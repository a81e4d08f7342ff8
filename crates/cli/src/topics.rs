//! `topics`: how many of the words that are read out belong to the topic of a text's own event, for each part of the
//! residual stream and for the yardsticks, on texts of two events whose topics were written down beforehand.

use std::collections::HashSet;
use std::fmt::Write as _;

use anyhow::{Result, anyhow, bail};
use lens_analysis::shuffled::{Scope, order};
use lens_analysis::words::{EVENT_WORDS, TOKEN_WORDS, Word, running_means, stem};
use lens_engine::{InferenceSession, LoadedWords, PackFolder, Part, RunOptions, Through, Tokens};
use lens_pack::text::{from_json, read_data};
use serde::Deserialize;

use crate::args::TopicsArgs;
use crate::print::{print, status};
use crate::run::{open_pack, read_tokens};

/// Tokens of each event that do not count: nothing can be foretold yet.
const SKIPPED: usize = 8;
/// Orders that the tokens within events are shuffled into.
const ORDERS: u64 = 3;

/// A text of two events.
#[derive(Debug, Deserialize)]
struct Text {
    name: String,
    events: [TopicEvent; 2],
}

/// An event and the words of its topic.
#[derive(Debug, Deserialize)]
struct TopicEvent {
    text: String,
    topic: Vec<String>,
}

/// Words of an event's own topic and of the other one, of so many.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    own: usize,
    other: usize,
    all: usize,
}

/// What is read out at each token.
#[derive(Debug, Clone, Copy)]
enum From {
    Part(Part),
    /// The mean of so many residual streams before the token, without an SAE.
    RunningMean(usize),
}

/// A row of the table.
struct Row {
    name: &'static str,
    from: From,
    through: Through,
    is_shuffled: bool,
}

const fn row(name: &'static str, from: From) -> Row {
    Row { name, from, through: Through::Gain, is_shuffled: false }
}

const fn through(through: Through, name: &'static str, from: From) -> Row {
    Row { through, ..row(name, from) }
}

const fn shuffled(name: &'static str, from: From) -> Row {
    Row { is_shuffled: true, ..row(name, from) }
}

/// A row of the table of events.
struct EventRow {
    name: &'static str,
    part: Part,
    through: Through,
}

/// The parts whose mean over an event's tokens is read out.
const EVENT_ROWS: [EventRow; 6] = [
    EventRow { name: "predictable part", part: Part::Predictable, through: Through::Gain },
    EventRow { name: "novel part", part: Part::Novel, through: Through::Gain },
    EventRow { name: "residual stream", part: Part::Residual, through: Through::Gain },
    EventRow { name: "predictable part, through the fitted lens", part: Part::Predictable, through: Through::Lens },
    EventRow { name: "novel part, through the fitted lens", part: Part::Novel, through: Through::Lens },
    EventRow { name: "residual stream, through the fitted lens", part: Part::Residual, through: Through::Lens },
];

/// The rows of the table.
const ROWS: [Row; 13] = [
    row("predictable part", From::Part(Part::Predictable)),
    row("novel part", From::Part(Part::Novel)),
    row("residual stream", From::Part(Part::Residual)),
    row("mean of the last 10 residuals before the token, no SAE", From::RunningMean(10)),
    row("mean of the last 30", From::RunningMean(30)),
    row("mean of all before", From::RunningMean(usize::MAX)),
    shuffled("predictable part, tokens shuffled within each event", From::Part(Part::Predictable)),
    shuffled("novel part, shuffled so", From::Part(Part::Novel)),
    shuffled("residual stream, shuffled so", From::Part(Part::Residual)),
    through(Through::Nothing, "predictable part, without the final norm's gain", From::Part(Part::Predictable)),
    through(Through::Lens, "predictable part, through the fitted lens", From::Part(Part::Predictable)),
    through(Through::Lens, "novel part, through the fitted lens", From::Part(Part::Novel)),
    through(Through::Lens, "residual stream, through the fitted lens", From::Part(Part::Residual)),
];

/// Runs the command.
pub fn run(args: &TopicsArgs) -> Result<()> {
    let texts = read(args)?;
    let pack = open_pack(&args.model, args.device)?;
    pack.load_words()?;
    let has_lens = pack.loaded.words().is_some_and(LoadedWords::has_lens);
    if let Some(words) = pack.loaded.words() {
        let known: HashSet<String> = words.vocabulary().words.iter().map(|(_, word)| stem(word)).collect();
        for text in &texts {
            for (event, number) in text.events.iter().zip(["first", "second"]) {
                let words: Vec<&str> =
                    event.topic.iter().map(String::as_str).filter(|word| !word.trim().is_empty()).collect();
                let missing: Vec<&str> = words.iter().copied().filter(|word| !known.contains(&stem(word))).collect();
                if missing.len() == words.len() {
                    bail!("none of the topic's words of the {number} event of {:?} is a word of the pack", text.name);
                }
                if !missing.is_empty() {
                    let sentence = format!(
                        "{}, {number} event: words that are not in the pack, so they are never read out: {}",
                        text.name,
                        missing.join(", ")
                    );
                    status!("{sentence}");
                }
            }
        }
    }
    // A pack without a fitted lens has no rows through it.
    let is_there = |through: Through| has_lens || through != Through::Lens;
    let mut counts = [Count::default(); ROWS.len()];
    let mut events = [Count::default(); EVENT_ROWS.len()];
    for text in &texts {
        let stems = text.events.each_ref().map(|event| event.topic.iter().map(|word| stem(word)).collect());
        let tokens = pack.loaded.tokenize(&format!("{} {}", text.events[0].text, text.events[1].text))?;
        let second = second_event(&tokens, &text.events[0].text).ok_or_else(|| anyhow!("{}: too short", text.name))?;
        let spans = [1..second, second..tokens.ids.len()];
        let session = read_tokens(&pack, &tokens, RunOptions::default())?;
        for (count, row) in counts.iter_mut().zip(&ROWS).filter(|(_, row)| !row.is_shuffled && is_there(row.through)) {
            tally(count, &lists(&pack, &session, row)?, &spans, &stems);
        }
        for seed in 0..ORDERS {
            let order = order(tokens.ids.len(), &spans, Scope::Events, seed);
            let ids: Vec<u32> = order.iter().map(|position| tokens.ids[*position]).collect();
            let session = read_tokens(&pack, &pack.loaded.describe(&ids), RunOptions::default())?;
            for (count, row) in counts.iter_mut().zip(&ROWS).filter(|(_, row)| row.is_shuffled) {
                tally(count, &lists(&pack, &session, row)?, &spans, &stems);
            }
        }
        for (count, row) in events.iter_mut().zip(&EVENT_ROWS).filter(|(_, row)| is_there(row.through)) {
            let EventRow { part, through, .. } = *row;
            let rows = pollster::block_on(session.part_rows(part))?;
            let means = spans.clone().map(|span| mean(&rows, pack.loaded.manifest().gemma.hidden_size, span)).concat();
            let words = pollster::block_on(pack.loaded.row_words(part, through, means, EVENT_WORDS))?;
            for (event, words) in words.iter().enumerate() {
                count.add(words, EVENT_WORDS, &stems[event], &stems[1 - event]);
            }
        }
    }
    let rows = ROWS.iter().zip(counts).filter(|(row, _)| is_there(row.through)).map(|(row, count)| (row.name, count));
    let events = EVENT_ROWS.iter().zip(events).filter(|(row, _)| is_there(row.through));
    print(&table(&texts, rows, events.map(|(row, count)| (row.name, count))))
}

fn read(args: &TopicsArgs) -> Result<Vec<Text>> {
    let file = args.texts.display();
    let text = read_data(&args.texts)?;
    let texts: Vec<Text> = from_json(&text).map_err(|e| {
        anyhow!("{file}: not a list of texts {{\"name\", \"events\": [{{\"text\", \"topic\": [words]}}, ...]}}: {e}")
    })?;
    if texts.is_empty() {
        bail!("{file}: it contains no text");
    }
    for text in &texts {
        for (event, number) in text.events.iter().zip(["first", "second"]) {
            if event.text.trim().is_empty() {
                bail!("{file}: the {number} event of {:?} has no text", text.name);
            }
            if event.topic.iter().all(|word| word.trim().is_empty()) {
                bail!("{file}: the topic of the {number} event of {:?} has no words", text.name);
            }
        }
    }
    Ok(texts)
}

/// Position of the token that begins after the first event's text.
fn second_event(tokens: &Tokens, first: &str) -> Option<usize> {
    let mut covered = 0;
    for (position, token) in tokens.tokens.iter().enumerate().skip(1) {
        if covered >= first.chars().count() {
            return Some(position);
        }
        covered += token.chars().count();
    }
    None
}

/// The lists of words of every token [T].
fn lists(pack: &PackFolder, session: &InferenceSession, row: &Row) -> Result<Vec<Vec<Word>>> {
    let (part, rows) = match row.from {
        From::Part(part) => (part, pollster::block_on(session.part_rows(part))?),
        From::RunningMean(window) => {
            let rows = pollster::block_on(session.part_rows(Part::Residual))?;
            (Part::Residual, running_means(&rows, pack.loaded.manifest().gemma.hidden_size, window))
        }
    };
    Ok(pollster::block_on(pack.loaded.row_words(part, row.through, rows, TOKEN_WORDS))?)
}

fn mean(rows: &[f32], d: usize, span: std::ops::Range<usize>) -> Vec<f32> {
    let mut mean = vec![0f32; d];
    for row in rows[span.start * d..span.end * d].chunks_exact(d) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / span.len() as f32);
    }
    mean
}

fn tally(count: &mut Count, lists: &[Vec<Word>], spans: &[std::ops::Range<usize>; 2], stems: &[HashSet<String>; 2]) {
    for (event, span) in spans.iter().enumerate() {
        for words in lists.iter().take(span.end).skip(span.start + SKIPPED) {
            count.add(words, TOKEN_WORDS, &stems[event], &stems[1 - event]);
        }
    }
}

impl Count {
    fn add(&mut self, words: &[Word], of: usize, own: &HashSet<String>, other: &HashSet<String>) {
        self.all += of;
        for word in words {
            let stem = stem(&word.word);
            self.own += usize::from(own.contains(&stem));
            self.other += usize::from(other.contains(&stem));
        }
    }

    fn cells(self) -> String {
        let share = |count: usize| 100.0 * count as f64 / self.all.max(1) as f64;
        format!("{} ({:.0} %) | {} ({:.0} %) | {}", self.own, share(self.own), self.other, share(self.other), self.all)
    }
}

/// Two tables in Markdown.
fn table(
    texts: &[Text],
    counts: impl Iterator<Item = (&'static str, Count)>,
    events: impl Iterator<Item = (&'static str, Count)>,
) -> String {
    let mut out = format!(
        "{} texts of two events. Of the {TOKEN_WORDS} best words at each token past the first {SKIPPED} of its event:\n\n\
         | read from | of its own event's topic | of the other's | words |\n|---|---|---|---|\n",
        texts.len()
    );
    // Writing to a String cannot fail.
    for (name, count) in counts {
        let _ = writeln!(out, "| {name} | {} |", count.cells());
    }
    let _ = writeln!(
        out,
        "\nOf the {EVENT_WORDS} words of each event:\n\n\
         | read from the mean over its tokens of the | of its own topic | of the other's | words |\n|---|---|---|---|"
    );
    for (name, count) in events {
        let _ = writeln!(out, "| {name} | {} |", count.cells());
    }
    out
}
