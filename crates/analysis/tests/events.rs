//! Event boundaries of ten written two-event stories, run through the default model
//! (tests/reference/events.py), beside what sentence ends alone would give.

use lens_analysis::document::gram_from_base64;
use lens_analysis::events::{self, Boundary};
use serde::Deserialize;

/// Tokens that a boundary may be off.
const NEAR: usize = 2;

#[derive(Deserialize)]
struct Story {
    name: String,
    boundary: usize,
    tokens: Vec<String>,
    residual: String,
}

#[allow(clippy::expect_used)]
fn stories() -> Vec<Story> {
    serde_json::from_str(include_str!("../../../tests/fixtures/events/grams.json")).expect("the fixture is JSON")
}

#[allow(clippy::expect_used)]
fn found(story: &Story) -> Vec<Boundary> {
    let gram = gram_from_base64(&story.residual, story.tokens.len()).expect("a Gram matrix");
    events::of_gram(&gram, &story.tokens)
}

fn is_near(story: &Story, position: usize) -> bool {
    position.abs_diff(story.boundary) <= NEAR
}

#[test]
fn the_strongest_boundary_is_the_true_one_in_eight_of_ten_stories() {
    let stories = stories();
    assert_eq!(stories.len(), 10);
    let mut right = 0;
    let mut too_many = 0;
    for story in &stories {
        let found = found(story);
        let strongest = found.first().unwrap_or_else(|| panic!("{}: no boundary", story.name));
        println!("{}: true {}, found {found:?}", story.name, story.boundary);
        right += usize::from(is_near(story, strongest.position));
        too_many += found.len() - 1;
    }
    assert!(right >= 8, "{right} of 10");
    assert!(too_many <= 2, "{too_many} boundaries more than events");
}

#[test]
fn sentence_ends_alone_find_few() {
    let (mut middle, mut chance) = (0, 0.0);
    for story in &stories() {
        let count = story.tokens.len();
        let starts: Vec<usize> = (2..count).filter(|i| events::ends_sentence(&story.tokens[i - 1])).collect();
        let guess = starts.iter().min_by_key(|start| start.abs_diff(count / 2)).copied().unwrap_or(0);
        middle += usize::from(is_near(story, guess));
        chance += starts.iter().filter(|start| is_near(story, **start)).count() as f64 / starts.len() as f64;
    }
    println!("the sentence nearest the middle: {middle} of 10; one at random: {chance:.1} of 10");
    assert!(middle <= 5 && chance < 3.0, "the stories give their boundary away: {middle}, {chance}");
}

#[test]
fn the_matrix_alone_comes_late() {
    let stories = stories();
    let late = stories.iter().filter(|story| found(story).first().is_some_and(|b| b.cut + NEAR >= story.boundary));
    assert!(late.count() >= 9);
}
