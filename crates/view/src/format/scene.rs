//! Scenes: the events of a text under the names that a reader sees.

use lens_analysis::words::joined;
use lens_analysis::{Analysis, Event};

/// Words that name a scene.
const NAME_WORDS: usize = 3;
/// Scenes have so many colors, in turn.
const COLORS: usize = 4;
/// What stands for the name of a scene whose words do not cohere.
pub const UNCLEAR: &str = "unclear";

/// A part of the text about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// From 1.
    pub number: usize,
    /// Position of its first token.
    pub first: usize,
    /// Position of its last token.
    pub last: usize,
    /// Position from which the expectation follows; `first` or later.
    pub expectation_from: usize,
    /// Its first words, e.g. "sailing, tide, winds"; none where the result has no words of it.
    pub words: Option<String>,
    /// Whether its words do not cohere, so that they do not describe it.
    pub is_unclear: bool,
}

impl Scene {
    /// How many tokens later than the scene the expectation changes.
    pub fn lag(&self) -> usize {
        self.expectation_from.saturating_sub(self.first)
    }

    /// e.g. "Scene 1 · sailing, tide, winds".
    pub fn title(&self) -> String {
        match self.name() {
            Some(name) => format!("Scene {} · {name}", self.number),
            None => format!("Scene {}", self.number),
        }
    }

    /// e.g. "the expectation follows 10 tokens later".
    pub fn follows(&self) -> String {
        format!("the expectation follows {} later", tokens(self.lag()))
    }

    /// Its words, where they describe it.
    pub fn clear_words(&self) -> Option<&str> {
        self.words.as_deref().filter(|_| !self.is_unclear)
    }

    /// Which of the colors of scenes it has, as `data-scene` says it.
    pub fn color(&self) -> usize {
        color(self.number)
    }

    /// Its words, "unclear" where they do not cohere; none where it has none.
    pub fn name(&self) -> Option<&str> {
        self.words.as_deref().map(|words| if self.is_unclear { UNCLEAR } else { words })
    }
}

/// A name of several words in fewer and fewer of them, down to the first alone: "sailing, tide", "sailing". Where there is no room for one,
/// the next is tried, and no word is cut before the last.
pub fn shorter_names(name: &str) -> Vec<&str> {
    let ends = name.match_indices(", ").map(|(at, _)| at);
    let mut names: Vec<&str> = ends.map(|end| &name[..end]).collect();
    names.push(name);
    names.reverse();
    names
}

/// Which of the colors of scenes the scene of this number (from 1) has, as `data-scene` says it.
pub fn color(number: usize) -> usize {
    number % COLORS
}

/// "1 token", "10 tokens": not words, of which a token may be a part.
pub fn tokens(count: usize) -> String {
    if count == 1 { "1 token".to_owned() } else { format!("{count} tokens") }
}

/// The scenes of a text in order; none of results without events.
pub fn all(analysis: &Analysis) -> Vec<Scene> {
    analysis.events.iter().flatten().enumerate().map(|(index, event)| scene(index + 1, event)).collect()
}

/// The scene that the token at `position` is in.
pub fn at(analysis: &Analysis, position: usize) -> Option<Scene> {
    let is_in = |event: &Event| (event.first..=event.last).contains(&position);
    let (index, event) = analysis.events.iter().flatten().enumerate().find(|(_, event)| is_in(event))?;
    Some(scene(index + 1, event))
}

fn scene(number: usize, event: &Event) -> Scene {
    let words = &event.words[..event.words.len().min(NAME_WORDS)];
    Scene {
        number,
        first: event.first,
        last: event.last,
        expectation_from: event.expectation_from,
        words: (!words.is_empty()).then(|| joined(words)),
        is_unclear: event.unclear,
    }
}

/// What the lines in the matrix mean, of scenes whose first tokens are marked there; none where no line is.
pub fn lines(scenes: &[Scene], marked: &[usize]) -> Option<&'static str> {
    let is_marked = |scene: &&Scene| marked.contains(&scene.first);
    if marked.is_empty() {
        None
    } else if scenes.iter().filter(is_marked).any(|scene| scene.lag() > 0) {
        Some("Solid line: the scene changes; dashed: the expectation follows.")
    } else {
        Some("Line: the scene changes.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn scenes_are_numbered_and_named() {
        let analysis = example::with_words();
        let scenes = all(&analysis);
        assert_eq!(
            scenes.iter().map(|it| (it.number, it.name())).collect::<Vec<_>>(),
            [(1, Some("sea, sail, boat")), (2, Some("unclear"))]
        );
        assert_eq!(scenes[1].words.as_deref(), Some("list"));
        assert_eq!(
            (scenes[0].title().as_str(), scenes[1].title().as_str()),
            ("Scene 1 · sea, sail, boat", "Scene 2 · unclear")
        );
        let later = |lag| Scene { expectation_from: scenes[1].first + lag, ..scenes[1].clone() }.follows();
        assert_eq!([later(1), later(10)], [1, 10].map(|n| format!("the expectation follows {} later", tokens(n))));
        let solid = scenes[1].first;
        assert_eq!(lines(&scenes, &[]), None);
        let without_lag = [scenes[0].clone(), Scene { expectation_from: solid, ..scenes[1].clone() }];
        assert_eq!(lines(&without_lag, &[solid]), Some("Line: the scene changes."));
        let with_lag = [scenes[0].clone(), Scene { expectation_from: solid + 1, ..scenes[1].clone() }];
        assert!(lines(&with_lag, &[solid]).unwrap().contains("dashed"));
        assert!(!lines(&with_lag, &[solid + 1]).unwrap().contains("dashed"), "no dashed line is drawn");
        assert_eq!(shorter_names("sea, sail, boat"), ["sea, sail, boat", "sea, sail", "sea"]);
        assert_eq!(shorter_names("unclear"), ["unclear"]);
        assert_eq!([tokens(1), tokens(10)], ["1 token", "10 tokens"]);
        assert_eq!(at(&analysis, 2).map(|it| it.number), Some(2));
        assert_eq!((at(&analysis, 0), all(&example::analysis())), (None, Vec::new()));
    }
}
