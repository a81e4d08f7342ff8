//! Whatever the page shows, its link brings back: states at random, from seeds.

use lens_analysis::per_token::Quantity;
use lens_session::embed::Embed;
use lens_session::{Second, Subject, Theme, ViewState};
use lens_view::attention::AttentionSelection;
use lens_view::choice::Choice;
use lens_view::focus::Cell;
use lens_view::selection::Selection;
use lens_view::trajectory::{Camera, TrajectorySettings};

/// xorshift: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }

    fn yes(&mut self) -> bool {
        self.below(2) == 0
    }

    fn choice<C: Choice>(&mut self) -> C {
        C::CHOICES[self.below(C::CHOICES.len())]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.yes().then(|| make(self))
    }

    fn text(&mut self) -> String {
        const PARTS: [&str; 12] = ["a", " ", "+", "&", "=", "%", "é", "日本", "🦀", "\n", "\"<b>", "the tide "];
        let count = 1 + if self.below(8) == 0 { 400 } else { self.below(12) };
        (0..count).map(|_| PARTS[self.below(PARTS.len())]).collect()
    }

    fn selection(&mut self) -> Selection {
        let count = self.below(3);
        Selection::of(
            (0..count)
                .map(|_| {
                    let first = self.below(500);
                    first..first + 1 + self.below(40)
                })
                .collect(),
        )
    }

    fn hundredths(&mut self, most: usize) -> f64 {
        self.below(most * 100) as f64 / 100.0
    }

    fn view(&mut self) -> ViewState {
        let subject = self.maybe(|it| match it.below(3) {
            0 => Subject::Example("two-events".to_owned()),
            1 => Subject::Result("https://a.example/r?x=1&y=é".to_owned()),
            _ => Subject::Text(it.text()),
        });
        let embed = Embed {
            is_embedded: true,
            has_tokens: self.yes(),
            has_heatmap: self.yes(),
            has_trajectory: self.yes(),
            has_features: self.yes(),
            has_input: self.yes(),
            has_controls: self.yes(),
            has_link: self.yes(),
        };
        ViewState {
            model: self.maybe(|_| "https://host.example/packs/one/".to_owned()),
            subject,
            inf_k: self.maybe(|it| 1 + it.below(500)),
            second: self.maybe(|it| Second {
                text: it.text(),
                inf_k: it.maybe(|it| 1 + it.below(500)),
                spans: it.maybe(|it| [it.selection(), it.selection()]),
            }),
            // Never written.
            neuronpedia_demo: None,
            source: self.choice(),
            mode: self.choice(),
            scale: self.choice(),
            quantity: self.maybe(Self::choice::<Quantity>),
            has_events: self.yes(),
            is_ordered: self.yes(),
            zoom: self.maybe(|it| [it.hundredths(900), it.hundredths(900), 1.0 + it.hundredths(900)]),
            trajectory: TrajectorySettings {
                source: self.choice(),
                method: self.choice(),
                dimensions: self.choice(),
                positions: self.choice(),
                n_neighbors: 2 + self.below(199),
                min_dist: self.below(100) as f64 / 100.0,
                metric: self.choice(),
                seed: self.below(1 << 32) as u64,
            },
            trajectory_color: self.maybe(Self::choice::<Quantity>),
            camera: self
                .maybe(|it| Camera {
                    yaw_radians: it.below(6283) as f64 / 1000.0 - 3.0,
                    pitch_radians: it.below(3000) as f64 / 1000.0 - 1.5,
                    zoom: 0.2 + it.hundredths(49),
                    pan: if it.yes() { [0.0; 2] } else { [it.below(300) as f64 - 150.0, it.below(300) as f64 - 150.0] },
                })
                .unwrap_or_default(),
            attention: AttentionSelection { layer: self.below(4), head: self.maybe(|it| it.below(8)) },
            pin: self.maybe(|it| Cell { row: it.below(2000), column: it.below(2000) }),
            feature: self.maybe(|it| it.below(1 << 24)),
            spans: self.selection(),
            words: self.yes(),
            theme: self.choice::<Theme>(),
            embed: if self.yes() { embed } else { Embed::default() },
        }
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
        // Numbers are rounded as they are written: a second time nothing changes.
        assert_eq!(opened.view.query(), query);
        let camera = Camera { pan: opened.view.camera.pan, ..view.camera };
        let close = |a: f64, b: f64| (a - b).abs() < 5.1e-3;
        assert!(
            close(opened.view.camera.yaw_radians, camera.yaw_radians) && close(opened.view.camera.zoom, camera.zoom)
        );
        let (a, b) = (opened.view.zoom.unwrap_or_default(), view.zoom.unwrap_or_default());
        assert!((0..3).all(|i| close(a[i], b[i])));
        assert_eq!(ViewState { camera: view.camera, zoom: view.zoom, ..opened.view }, view, "{query}");
    }
}

#[test]
fn whatever_anyone_writes_opens() {
    let mut random = Random(7);
    let parts: Vec<String> = lens_session::keys::KEYS.iter().map(|key| key.name.to_owned()).collect();
    let mut values: Vec<String> = (0..40).map(|_| random.text()).collect();
    values.extend(
        ["1", "0", "-1", "NaN", "1e400", "_", "1_1_1", "0.0", "true", "18446744073709551616"].map(str::to_owned),
    );
    for _ in 0..20_000 {
        let count = 1 + random.below(8);
        let query: Vec<String> = (0..count)
            .map(|_| format!("{}={}", parts[random.below(parts.len())], values[random.below(values.len())]))
            .collect();
        let opened = ViewState::read(&query.join("&"));
        // What was understood is written and understood again.
        let again = ViewState::read(&opened.view.query());
        assert_eq!(again.dropped, Vec::<String>::new(), "{query:?}");
        assert_eq!(again.view.query(), opened.view.query());
        assert!(opened.dropped.iter().all(|phrase| phrase.chars().count() < 200), "{query:?}");
    }
}
