//! One progress bar over all stages of a request, with bytes, that never goes backward.

use super::number;

/// The stages of a request in their order. (The protocol's own type: this crate knows no messages.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadStage {
    /// The worker's program is fetched and started.
    Start,
    /// Opening the GPU, checking kernels.
    Device,
    /// Fetching weights; bytes.
    Weights,
    /// Reading the tokenizer.
    Tokenizer,
    /// Fetching embedding rows; bytes.
    Embedding,
    /// Layers of the language model.
    Model,
    /// The TemporalSAE.
    Sae,
    /// Similarity and statistics.
    Analysis,
    /// Fetching the pack's words, and reading them off. After all else, so that a failure costs nothing.
    Words,
    /// Reading the tokens in other orders.
    Orders,
}

impl LoadStage {
    const ALL: [Self; 10] = [
        Self::Start,
        Self::Device,
        Self::Weights,
        Self::Tokenizer,
        Self::Embedding,
        Self::Model,
        Self::Sae,
        Self::Analysis,
        Self::Words,
        Self::Orders,
    ];

    /// What the visitor reads.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Start => "Starting the worker",
            Self::Device => "Opening the device and checking the kernels",
            Self::Weights => "Loading weights",
            Self::Tokenizer => "Reading the tokenizer",
            Self::Embedding => "Loading the text's embedding rows",
            Self::Model => "Running the language model",
            Self::Sae => "Running the temporal SAE",
            Self::Analysis => "Comparing tokens",
            Self::Words => "Finding the words",
            Self::Orders => "Reading the words in other orders",
        }
    }

    /// Share of the bar, in about the proportion of the time it takes: with weights to fetch, then
    /// without.
    fn share(self, kind: Kind) -> f64 {
        if kind == Kind::Storing {
            return match self {
                Self::Start | Self::Device => 2.0,
                Self::Embedding => 96.0,
                _ => 0.0,
            };
        }
        if kind == Kind::Downloading {
            return match self {
                Self::Start | Self::Device => 2.0,
                Self::Weights => 96.0,
                _ => 0.0,
            };
        }
        if kind == Kind::Ordering {
            return match self {
                Self::Orders => 94.0,
                Self::Start | Self::Device | Self::Embedding => 2.0,
                _ => 0.0,
            };
        }
        let (with_weights, without) = match self {
            Self::Start => (2.0, 0.0),
            Self::Device => (3.0, 0.0),
            Self::Weights => (75.0, 0.0),
            Self::Tokenizer => (2.0, 2.0),
            Self::Embedding => (3.0, 13.0),
            Self::Model => (10.0, 60.0),
            Self::Sae => (3.0, 15.0),
            Self::Analysis => (2.0, 10.0),
            // Not known before whether they are asked for.
            Self::Words | Self::Orders => (0.0, 0.0),
        };
        if kind == Kind::Cold { with_weights } else { without }
    }

    fn counts_bytes(self) -> bool {
        matches!(self, Self::Weights | Self::Embedding)
    }
}

/// What a request has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Weights first.
    Cold,
    /// Weights are loaded.
    Warm,
    /// The whole embedding is fetched, nothing computed.
    Storing,
    /// Tokenizer and weights are fetched, nothing computed.
    Downloading,
    /// A text is read in several orders.
    Ordering,
}

/// Where a request is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    kind: Kind,
    stage: LoadStage,
    done: u64,
    total: u64,
    fraction: f64,
    /// When the first bytes of this stage were reported, and how many: the rate starts there.
    mark: Option<(f64, u64)>,
    /// When this stage began, and when something was last reported.
    began: f64,
    reported: f64,
    now: f64,
}

/// Milliseconds without a report after which the time is shown: a step on the GPU, or a host that does not answer.
const STANDSTILL_MS: f64 = 900.0;

impl Progress {
    /// A request that begins now. `cold` when weights are to be fetched, `expected_bytes` of them
    /// (0 when not known): the total is known before the first byte.
    pub fn begin(cold: bool, expected_bytes: u64) -> Self {
        let (kind, stage, total) =
            if cold { (Kind::Cold, LoadStage::Start, expected_bytes) } else { (Kind::Warm, LoadStage::Embedding, 0) };
        Self { kind, stage, done: 0, total, fraction: 0.0, mark: None, began: 0.0, reported: 0.0, now: 0.0 }
    }

    /// It begins at `now` milliseconds of any clock.
    #[must_use]
    pub fn at(self, now: f64) -> Self {
        Self { began: now, reported: now, now, ..self }
    }

    /// It is `now`, and nothing was reported.
    pub fn wait(&mut self, now: f64) {
        self.now = now;
    }

    /// A request for the whole embedding, of `expected_bytes` (0 when not known).
    pub fn storing(expected_bytes: u64) -> Self {
        Self { kind: Kind::Storing, ..Self::begin(true, expected_bytes) }
    }

    /// A request for tokenizer and weights, of `expected_bytes` (0 when not known).
    pub fn downloading(expected_bytes: u64) -> Self {
        Self { kind: Kind::Downloading, ..Self::begin(true, expected_bytes) }
    }

    /// A request for several orders of a text; as [`Self::begin`].
    pub fn ordering(cold: bool, expected_bytes: u64) -> Self {
        Self { kind: Kind::Ordering, ..Self::begin(cold, expected_bytes) }
    }

    /// A report from the worker at `now` milliseconds of any clock.
    pub fn report(&mut self, stage: LoadStage, done: u64, total: u64, now: f64) {
        if stage != self.stage {
            self.began = now;
        }
        if stage != self.stage || self.mark.is_none() {
            self.mark = Some((now, done));
        }
        (self.stage, self.done, self.total) = (stage, done.min(total), total);
        (self.reported, self.now) = (now, now);
        let before: f64 = LoadStage::ALL.into_iter().filter(|s| *s < stage).map(|s| s.share(self.kind)).sum();
        let part = if total > 0 { self.done as f64 / total as f64 } else { 0.0 };
        let fraction = (before + part * stage.share(self.kind)) / 100.0;
        // Stages may come in another order than this table's: the bar still only grows.
        self.fraction = self.fraction.max(fraction);
    }

    /// 0..=1.
    pub fn fraction(&self) -> f64 {
        self.fraction
    }

    /// e.g. "Loading weights · 45.2 of 123 MB".
    pub fn sentence(&self) -> String {
        let stage = match (self.kind, self.stage) {
            (Kind::Storing, LoadStage::Embedding) => "Storing the whole embedding",
            (Kind::Downloading, LoadStage::Weights) => "Downloading the model",
            (_, stage) => stage.sentence(),
        };
        match self.stage {
            LoadStage::Start if self.total > 0 => format!("{stage} · {} to load", number::bytes(self.total)),
            stage_ if stage_.counts_bytes() && self.total > 0 => {
                format!("{stage} · {} of {}", number::bytes(self.done), number::bytes(self.total))
            }
            LoadStage::Model if self.total > 1 => format!("{stage} · layer {} of {}", self.done, self.total),
            LoadStage::Orders if self.total > 1 => format!("{stage} · {} of {}", self.done, self.total),
            LoadStage::Device if self.total > 1 => format!("{stage} · {} of {}", self.done, self.total),
            _ => stage.to_owned(),
        }
    }

    /// e.g. "3.20 MB/s, about 25 s left"; none before it can be known. While nothing is reported, how long the stage has
    /// taken, e.g. "4 s so far".
    pub fn pace(&self) -> Option<String> {
        if self.now - self.reported >= STANDSTILL_MS {
            return Some(format!("{:.0} s so far", (self.now - self.began) / 1000.0));
        }
        let (since, first) = self.mark?;
        let (elapsed, bytes) = (self.now - since, self.done.saturating_sub(first));
        if !self.stage.counts_bytes() || elapsed < 1500.0 || bytes == 0 || self.done >= self.total {
            return None;
        }
        let rate = bytes as f64 / (elapsed / 1000.0);
        let left = (self.total - self.done) as f64 / rate;
        let left = if left < 60.0 { format!("{} s", left.ceil()) } else { format!("{} min", (left / 60.0).ceil()) };
        Some(format!("{}/s, about {left} left", number::bytes(rate as u64)))
    }
}

/// Label of the Analyze button, with the bytes that pressing it will fetch where they are known and not `here` yet.
pub fn analyze_label(here: bool, expected_bytes: u64) -> String {
    with_download("Analyze", here, expected_bytes)
}

/// What a button does, and what is downloaded for it; of a model that is `here` nothing is.
pub fn with_download(verb: &str, here: bool, expected_bytes: u64) -> String {
    if here || expected_bytes == 0 {
        verb.to_owned()
    } else {
        format!("{verb} (downloads {} once)", number::bytes(expected_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_known_before_the_first_byte() {
        let progress = Progress::begin(true, 123_000_000);
        assert_eq!(progress.sentence(), "Starting the worker · 123 MB to load");
        assert_eq!(progress.fraction(), 0.0);
    }

    #[test]
    fn the_bar_reaches_its_end_and_never_goes_back() {
        for mut progress in
            [Progress::begin(true, 10), Progress::begin(false, 10), Progress::storing(10), Progress::downloading(10)]
        {
            let mut last = 0.0;
            for stage in LoadStage::ALL {
                for done in 0..=10 {
                    progress.report(stage, done, 10, 0.0);
                    assert!(progress.fraction() >= last);
                    last = progress.fraction();
                }
            }
            assert!((last - 1.0).abs() < 1e-9, "{last}");
            progress.report(LoadStage::Device, 0, 1, 0.0);
            assert_eq!(progress.fraction(), last);
        }
    }

    #[test]
    fn stages_are_shown_with_their_units() {
        let mut progress = Progress::begin(true, 0);
        progress.report(LoadStage::Weights, 45_200_000, 123_000_000, 0.0);
        assert_eq!(progress.sentence(), "Loading weights · 45.2 MB of 123 MB");
        progress.report(LoadStage::Model, 4, 13, 0.0);
        assert_eq!(progress.sentence(), "Running the language model · layer 4 of 13");
        progress.report(LoadStage::Sae, 0, 1, 0.0);
        assert_eq!(progress.sentence(), "Running the temporal SAE");
    }

    #[test]
    fn storing_the_embedding_is_called_so() {
        let mut progress = Progress::storing(178_000_000);
        assert_eq!(progress.sentence(), "Starting the worker · 178 MB to load");
        progress.report(LoadStage::Embedding, 45_200_000, 178_000_000, 0.0);
        assert_eq!(progress.sentence(), "Storing the whole embedding · 45.2 MB of 178 MB");
        assert!(progress.fraction() > 0.2);
    }

    #[test]
    fn the_pace_waits_until_it_is_known() {
        let mut progress = Progress::begin(true, 0);
        progress.report(LoadStage::Weights, 0, 10_000_000, 0.0);
        progress.report(LoadStage::Weights, 1_000_000, 10_000_000, 1000.0);
        assert_eq!(progress.pace(), None);
        progress.report(LoadStage::Weights, 4_000_000, 10_000_000, 2000.0);
        assert_eq!(progress.pace().unwrap(), "2.00 MB/s, about 3 s left");
        progress.report(LoadStage::Model, 1, 10, 9000.0);
        assert_eq!(progress.pace(), None);
    }

    #[test]
    fn while_nothing_is_reported_the_seconds_are_shown() {
        let mut progress = Progress::begin(true, 0).at(5000.0);
        progress.wait(5800.0);
        assert_eq!(progress.pace(), None);
        progress.wait(7000.0);
        assert_eq!(progress.pace().unwrap(), "2 s so far");
        progress.report(LoadStage::Sae, 0, 1, 8000.0);
        assert_eq!(progress.pace(), None);
        progress.wait(11_000.0);
        assert_eq!(progress.pace().unwrap(), "3 s so far");
        progress.report(LoadStage::Sae, 0, 1, 11_500.0);
        progress.wait(14_000.0);
        assert_eq!(progress.pace().unwrap(), "6 s so far", "of the whole stage");
    }

    #[test]
    fn the_button_names_its_price_once() {
        assert_eq!(analyze_label(false, 123_000_000), "Analyze (downloads 123 MB once)");
        assert_eq!(analyze_label(true, 123_000_000), "Analyze");
        assert_eq!(analyze_label(false, 0), "Analyze");
        assert_eq!(with_download("Compare", false, 123_000_000), "Compare (downloads 123 MB once)");
    }
}
