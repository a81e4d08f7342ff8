//! Whatever the page shows, its link brings back: states at random, from seeds. They are made from the table of keys, so
//! that a new one is among them.

#[path = "common/random.rs"]
mod random;

use std::collections::BTreeSet;

use lens_session::keys::KEYS;
use lens_session::{Second, Subject, ViewState};
use random::Random;

/// Values of which every parameter takes some.
const VALUES: [&str; 54] = [
    "true",
    "false",
    "yes",
    "no",
    "tree",
    "text",
    "none",
    "position",
    "0",
    "1",
    "2",
    "7",
    "199",
    "0.25",
    "0.99",
    "1e9",
    "data",
    "unit",
    "signed",
    "notebook",
    "neuronpedia",
    "predictable",
    "novel",
    "total",
    "residual",
    "top-feature",
    "novel-energy",
    "boundary",
    "umap",
    "pca",
    "2d",
    "3d",
    "all",
    "euclidean",
    "cosine",
    "webgpu",
    "cpu",
    "light",
    "dark",
    "system",
    "1_2_3.25",
    "1.25_-0.5_2.5",
    "3_1.5_0.2_-40_120",
    "0.1",
    "2.mean",
    "3.14",
    "5",
    "1-2",
    "4-4.10-20",
    "_",
    "1-2_3-4.6-6",
    "two-events",
    "packs/one/",
    "https://a.example/r?x=1&y=é",
];

impl Random {
    fn yes(&mut self) -> bool {
        self.below(2) == 0
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 12] = ["a", " ", "+", "&", "=", "%", "é", "日本", "🦀", "\n", "\"<b>", "the tide "];
        let count = 1 + if self.below(8) == 0 { 400 } else { self.below(12) };
        (0..count).map(|_| PARTS[self.below(PARTS.len())]).collect()
    }

    fn query(&mut self) -> String {
        let mut parts = Vec::new();
        for key in KEYS {
            if self.yes() {
                // Flags are many: half of the values are theirs.
                let among = if self.yes() { 4 } else { VALUES.len() };
                parts.push(format!("{}={}", key.name, VALUES[self.below(among)]));
            }
        }
        parts.join("&")
    }

    fn view(&mut self) -> ViewState {
        let mut view = ViewState::read(&self.query()).view;
        if self.yes() {
            view.subject = Some(Subject::Text(self.text()));
        }
        if self.yes() {
            view.second.get_or_insert_default().text = self.text();
        }
        // Never written.
        view.neuronpedia_demo = None;
        view
    }
}

#[test]
fn every_state_comes_back() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..5000 {
        let view = random.view();
        let query = view.query();
        let opened = ViewState::read(&query);
        assert_eq!(opened.dropped, Vec::<String>::new(), "{query}");
        assert_eq!(opened.view, view, "{query}");
        assert_eq!(opened.view.query(), query);
    }
}

#[test]
fn every_key_is_among_the_states() {
    let mut random = Random(11);
    let mut written = BTreeSet::new();
    for _ in 0..2000 {
        let query = random.view().query();
        written.extend(query.split('&').filter_map(|part| part.split_once('=')).map(|(name, _)| name.to_owned()));
    }
    // Neuronpedia's own are read only.
    let missing: Vec<&str> = KEYS
        .iter()
        .map(|key| key.name)
        .filter(|name| !name.starts_with("simMatrix") && !written.contains(*name))
        .collect();
    assert!(missing.is_empty(), "no state has {missing:?}: VALUES needs one that fits");
}

#[test]
fn numbers_are_rounded_once() {
    let view =
        ViewState::read("camera=1.23456_0.98765_2.34567_12.6_-40.2&zoom=1.23456_0.5_7.891&mindist=0.123456").view;
    let again = ViewState::read(&view.query()).view;
    assert_eq!(again.query(), view.query());
    assert_eq!(ViewState::read(&again.query()).view, again);
    assert!((again.camera.yaw_radians - 1.23456).abs() < 1e-3 && (again.camera.zoom - 2.34567).abs() < 1e-2);
    assert_eq!(again.camera.pan, [13.0, -40.0]);
}

#[test]
fn whatever_anyone_writes_opens() {
    let mut random = Random(7);
    let mut values: Vec<String> = (0..40).map(|_| random.text()).collect();
    values.extend(
        ["1", "0", "-1", "NaN", "1e400", "_", "1_1_1", "0.0", "true", "18446744073709551616"].map(str::to_owned),
    );
    for _ in 0..20_000 {
        let count = 1 + random.below(8);
        let query: Vec<String> = (0..count)
            .map(|_| format!("{}={}", KEYS[random.below(KEYS.len())].name, values[random.below(values.len())]))
            .collect();
        let opened = ViewState::read(&query.join("&"));
        // What was understood is written and understood again.
        let again = ViewState::read(&opened.view.query());
        assert_eq!(again.dropped, Vec::<String>::new(), "{query:?}");
        assert_eq!(again.view.query(), opened.view.query());
        assert!(opened.dropped.iter().all(|phrase| phrase.chars().count() < 200), "{query:?}");
    }
}

#[test]
fn a_second_text_has_what_belongs_to_it() {
    let second = ViewState::read("with=x&withk=2&withspan=1-2_").view.second;
    assert!(matches!(second, Some(Second { inf_k: Some(2), spans: Some(_), .. })));
}
