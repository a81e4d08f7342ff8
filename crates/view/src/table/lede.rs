//! What the page says of a text in the reader's words: the claim at the top, and its numbers in three sentences.

use lens_analysis::events::TWO_EVENTS_FROM;
use lens_analysis::shuffled::{Shuffled, ShuffledStatistic};
use lens_analysis::similarity::Matrix;
use lens_analysis::{Analysis, per_token, spans};

use crate::format::number;
use crate::format::scene::{self, Scene};

/// More scenes are counted and not listed.
const LISTED_MAX: usize = 4;

/// Figures that differ by less are of the same matrix.
const SAME_MATRIX: f32 = 0.005;

/// A part of the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Plain text.
    Text(String),
    /// The name of the scene of this number (from 1), to be shown in its color.
    Scene(usize, String),
}

/// A sentence with numbers, and what it is measured against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// e.g. "2 scenes: alike within (+.17), unlike across (−.17)."
    pub text: String,
    /// The same of the words shuffled, e.g. "shuffled: within +.02, across −.01"; none where it was not computed.
    pub yardstick: Option<String>,
}

/// The claim about a text, in the order of reading. It names only what the result has.
pub fn claim(analysis: &Analysis) -> Vec<Part> {
    let mut claim = so_far(analysis);
    claim.text(match (analysis.sources.is_some() || analysis.words.is_some(), analysis.novel_top.is_empty()) {
        (true, _) => " Point at a word to see what made it expected and what it added.",
        (false, false) => " Point at a word to see what it added.",
        (false, true) => "",
    });
    claim.0
}

/// The claim without its invitation to point at a word: for where no word can be pointed at.
pub fn reading(analysis: &Analysis) -> Vec<Part> {
    so_far(analysis).0
}

/// The claim in one sentence, for a figure that stands alone.
pub fn caption(analysis: &Analysis) -> Vec<Part> {
    let mut claim = Claim::default();
    claim.scenes(analysis, reader(analysis));
    if claim.0.is_empty() {
        claim.text("What was expected at each word, and what the word added.");
    }
    claim.0
}

fn so_far(analysis: &Analysis) -> Claim {
    let mut claim = Claim::default();
    claim.text(&format!("{} reads word by word. ", reader(analysis)));
    claim.text("Part of its state at each word follows from the words before, the rest is new.");
    claim.scenes(analysis, " Here it");
    claim
}

fn reader(analysis: &Analysis) -> &'static str {
    if analysis.model.name.to_lowercase().contains("gemma") { "Gemma" } else { "The model" }
}

/// The parts so far.
#[derive(Default)]
struct Claim(Vec<Part>);

impl Claim {
    fn text(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.0.push(Part::Text(text.to_owned())),
        }
    }

    /// Which scenes `who` went through; nothing of results without scenes.
    fn scenes(&mut self, analysis: &Analysis, who: &str) {
        match scene::all(analysis).as_slice() {
            [] => return,
            [only] => match only.clear_words() {
                Some(name) => {
                    self.text(&format!("{who} stayed in one scene: "));
                    self.0.push(Part::Scene(only.number, name.to_owned()));
                }
                // Of a text that is too short for two scenes one says nothing.
                None if is_short(analysis) => return,
                None => {
                    let space = if self.0.is_empty() { "" } else { " " };
                    self.text(&format!("{space}No change of scene was found"));
                }
            },
            many => {
                self.text(&format!("{who} passed through {} scenes", count(many.len())));
                if many.len() <= LISTED_MAX && many.iter().any(|it| it.clear_words().is_some()) {
                    self.list(many);
                }
            }
        }
        self.text(".");
    }

    fn list(&mut self, scenes: &[Scene]) {
        for (index, scene) in scenes.iter().enumerate() {
            self.text(if index == 0 { ": " } else { "; then " });
            let name = scene.clear_words().unwrap_or("one without a clear subject");
            self.0.push(Part::Scene(scene.number, name.to_owned()));
        }
    }
}

/// Whether a text is too short to have two scenes.
fn is_short(analysis: &Analysis) -> bool {
    analysis.tokens.len() < TWO_EVENTS_FROM
}

/// A count as a word up to ten, as digits above.
pub fn count(value: usize) -> String {
    const WORDS: [&str; 11] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(value).map_or_else(|| number::count(value as u64), |word| (*word).to_owned())
}

/// What the numbers beside the sentences are; none where there are none. The method's sharpest critique, in the reader's words.
pub fn about_yardsticks(sentences: &[Sentence], shuffled: Option<&Shuffled>) -> Option<String> {
    let orders = shuffled?.orders;
    sentences.iter().any(|it| it.yardstick.is_some()).then(|| {
        let others = if orders == 1 { "another order".to_owned() } else { format!("{} other orders", count(orders)) };
        format!(
            "Shuffled: the same tokens in {others}. A value that shuffled texts reach or exceed does not come from the order of the words."
        )
    })
}

/// The text's numbers in at most three sentences, next to those of other orders where they are known; `matrix` is the similarity of the
/// expected parts. A sentence whose numbers the result does not have is left out.
pub fn three_sentences(analysis: &Analysis, matrix: Option<&Matrix>, shuffled: Option<&Shuffled>) -> Vec<Sentence> {
    let plain = |text: String| Sentence { text, yardstick: None };
    let mut sentences = Vec::new();
    if let Ok(shares) = per_token::energy_shares(analysis) {
        let percent = |expected: f32| {
            // The second is what the first leaves, so that both make 100.
            let expected = (100.0 * expected).round();
            format!("{expected:.0} % expected, {:.0} % new", 100.0 - expected)
        };
        let mean = statistic(shuffled, "predictable_share").map(|it| it.text.mean).filter(|mean| mean.is_finite());
        sentences.push(Sentence {
            text: format!("{}.", percent(shares.predictable)),
            yardstick: mean.map(|mean| format!("shuffled: {}", percent(mean))),
        });
    }
    let scenes = scene::all(analysis);
    match (scenes.len(), matrix) {
        (0, _) => {}
        (1, _) if is_short(analysis) => {}
        (1, _) => sentences.push(plain("1 scene.".to_owned())),
        (n, None) => sentences.push(plain(format!("{n} scenes."))),
        (_, Some(matrix)) => sentences.push(likeness(&scenes, matrix, shuffled)),
    }
    sentences.extend(lag(&scenes).map(plain));
    sentences
}

/// How alike the tokens are within scenes and across them.
fn likeness(scenes: &[Scene], matrix: &Matrix, shuffled: Option<&Shuffled>) -> Sentence {
    let ranges: Vec<_> = scenes.iter().map(|it| it.first..it.last + 1).collect();
    let found = spans::within_across(matrix, &ranges);
    let n = scenes.len();
    let (Some(within), Some(across)) = (found.within, found.across) else {
        return Sentence { text: format!("{n} scenes."), yardstick: None };
    };
    let side = |value: f32| if value > 0.0 { "alike" } else { "unlike" };
    let [inside, outside] = [within, across].map(signed);
    let text = if within > across && side(within) == side(across) {
        format!("{n} scenes: more alike within ({inside}) than across ({outside}).")
    } else if side(within) == side(across) {
        format!("{n} scenes: no more alike within ({inside}) than across ({outside}).")
    } else {
        format!("{n} scenes: {} within ({inside}), {} across ({outside}).", side(within), side(across))
    };
    // The yardstick is of the matrix without the first token: it says nothing of another one.
    let comparable = |name, own: f32| statistic(shuffled, name).filter(|it| (it.own - own).abs() < SAME_MATRIX);
    let yardstick = comparable("within_similarity", within).zip(comparable("across_similarity", across));
    let yardstick = yardstick.map(|(within, across)| {
        format!("shuffled: within {}, across {}", signed(within.text.mean), signed(across.text.mean))
    });
    Sentence { text, yardstick }
}

/// How many tokens later than the scene the expectation changes; none for a single scene.
fn lag(scenes: &[Scene]) -> Option<String> {
    let late = || scenes.iter().skip(1).map(Scene::lag);
    let (least, most) = (late().min()?, late().max()?);
    Some(match (least, most) {
        (_, 0) => "The expectation changes with the scene.".to_owned(),
        (least, most) if least == most => format!("The expectation follows {} later.", scene::tokens(most)),
        (least, most) => format!("The expectation follows {least} to {} later.", scene::tokens(most)),
    })
}

/// With its sign and two decimals, without the zero before the point: "+.17", "−.17".
pub fn signed(value: f32) -> String {
    if !value.is_finite() {
        return number::NONE.to_owned();
    }
    let text = number::fixed(value, 2);
    let bare = text.trim_start_matches('−');
    let sign = if text.starts_with('−') {
        "−"
    } else if bare == "0.00" {
        ""
    } else {
        "+"
    };
    format!("{sign}{}", bare.strip_prefix('0').unwrap_or(bare))
}

/// A statistic of shuffled orders by name.
pub fn statistic<'a>(shuffled: Option<&'a Shuffled>, name: &str) -> Option<&'a ShuffledStatistic> {
    shuffled?.statistics.iter().find(|it| it.name == name)
}

#[cfg(test)]
mod tests {
    use lens_analysis::Source;
    use lens_analysis::shuffled::Spread;
    use lens_analysis::similarity::{Mode, similarity};

    use super::*;
    use crate::example;

    fn read(parts: &[Part]) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Scene(number, name) => format!("[{number} {name}]"),
        };
        parts.iter().map(text).collect()
    }

    #[test]
    fn the_claim_names_only_what_the_result_has() {
        let mut analysis = example::with_words();
        let claimed = read(&claim(&analysis));
        assert!(claimed.starts_with("The model reads word by word. Part of its state"), "{claimed}");
        let two = "Here it passed through two scenes: [1 sea, sail, boat]; then [2 one without a clear subject]. ";
        assert!(claimed.contains(two), "{claimed}");
        assert!(claimed.ends_with("Point at a word to see what made it expected and what it added."), "{claimed}");
        let uninvited = read(&reading(&analysis));
        assert!(
            uninvited.ends_with(&two[two.len() - 20..two.len() - 1]) && claimed.starts_with(&uninvited),
            "{uninvited}"
        );
        let events = analysis.events.as_mut().unwrap();
        events.truncate(1);
        assert!(read(&claim(&analysis)).contains("new. Here it stayed in one scene: [1 sea, sail, boat]. Point"));
        analysis.events.as_mut().unwrap()[0].unclear = true;
        // A text that is too short for two scenes has nothing to be said of one.
        assert!(read(&claim(&analysis)).contains("new. Point"));
        let short = analysis.tokens.clone();
        analysis.tokens.resize(TWO_EVENTS_FROM, " on".to_owned());
        assert!(read(&claim(&analysis)).contains("new. No change of scene was found. Point"));
        analysis.tokens = short;
        let event = analysis.events.as_ref().unwrap()[0].clone();
        analysis.events = Some(vec![event; 12]);
        assert!(read(&claim(&analysis)).contains("Here it passed through 12 scenes. Point"));
        analysis.model.name = "google/gemma-3-270m".to_owned();
        assert!(read(&claim(&analysis)).starts_with("Gemma reads"));
        assert_eq!(
            read(&caption(&example::with_words())),
            format!("The model passed through two {}", &two["Here it passed through two ".len()..two.len() - 1])
        );
        let older = read(&caption(&example::analysis()));
        assert_eq!(older, "What was expected at each word, and what the word added.");
        let older = read(&claim(&example::analysis()));
        assert!(!older.contains("scene") && older.ends_with("new. Point at a word to see what it added."), "{older}");
    }

    #[test]
    fn numbers_make_sentences_beside_the_shuffled_ones() {
        let mut analysis = example::with_words();
        let matrix = similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap();
        let texts = |analysis: &Analysis, matrix: Option<&Matrix>| -> Vec<String> {
            three_sentences(analysis, matrix, None).into_iter().map(|it| it.text).collect()
        };
        // No scene has two tokens: nothing is within.
        assert_eq!(
            texts(&analysis, Some(&matrix)),
            ["75 % expected, 25 % new.", "2 scenes.", "The expectation changes with the scene."]
        );
        let spread = |mean| Spread { mean, min: mean, max: mean };
        let statistic = |name: &str, own, mean| ShuffledStatistic {
            name: name.to_owned(),
            own,
            text: spread(mean),
            events: spread(own),
        };
        let entries = lens_analysis::SymmetricMatrix::from_dense(
            5,
            &[
                1.0, 0.5, -0.2, -0.2, -0.2, 0.5, 1.0, -0.2, -0.2, -0.2, -0.2, -0.2, 1.0, 0.5, 0.5, -0.2, -0.2, 0.5,
                1.0, 0.5, -0.2, -0.2, 0.5, 0.5, 1.0,
            ],
        )
        .unwrap();
        let matrix = Matrix { entries, first: 1 };
        let events = analysis.events.as_mut().unwrap();
        (events[0].last, events[1].first, events[1].last, events[1].expectation_from) = (2, 3, 5, 4);
        analysis.shuffled = Some(Shuffled {
            orders: 3,
            statistics: vec![
                statistic("within_similarity", 0.5, 0.02),
                statistic("across_similarity", -0.2, -0.014),
                statistic("predictable_share", 0.75, 0.6),
            ],
        });
        let found = three_sentences(&analysis, Some(&matrix), analysis.shuffled.as_ref());
        assert_eq!(found[0].yardstick.as_deref(), Some("shuffled: 60 % expected, 40 % new"));
        assert_eq!(found[1].text, "2 scenes: alike within (+.50), unlike across (−.20).");
        assert_eq!(found[1].yardstick.as_deref(), Some("shuffled: within +.02, across −.01"));
        assert_eq!(found[2].text, "The expectation follows 1 token later.");
        let about = about_yardsticks(&found, analysis.shuffled.as_ref()).unwrap();
        assert!(about.starts_with("Shuffled: the same tokens in three other orders. "), "{about}");
        assert_eq!(about_yardsticks(&found, None), None);
        assert_eq!(about_yardsticks(&found[2..], analysis.shuffled.as_ref()), None);
        analysis.shuffled.as_mut().unwrap().statistics[0].own = 0.9;
        assert_eq!(three_sentences(&analysis, Some(&matrix), analysis.shuffled.as_ref())[1].yardstick, None);
        assert!(three_sentences(&example::analysis(), None, None).is_empty());
    }

    #[test]
    fn numbers_have_signs_and_small_counts_are_words() {
        assert_eq!([0.174, -0.166, 0.001, -0.001, 1.0].map(signed), ["+.17", "−.17", ".00", ".00", "+1.00"]);
        assert_eq!(signed(f32::NAN), number::NONE);
        assert_eq!([1, 10, 11, 1200].map(count), ["one", "ten", "11", "1,200"]);
    }
}
