//! Writer and reader of documents agree on every value: whatever is written is read again and is equal, what could not
//! be read is not written, and what is read of an altered file can be written.
#![allow(clippy::unwrap_used)]

use lens_analysis::comparison::Comparison;
use lens_analysis::document::{AnalysisFile, ComparisonFile, to_json};
use lens_analysis::shuffled::{Shuffled, ShuffledStatistic, Spread};
use lens_analysis::words::{NextWord, Word, Words};
use lens_analysis::{
    Analysis, Attention, Energy, Event, FeatureCode, Grams, ModelInfo, Selected, SimilarityStats, SymmetricMatrix,
    TokenSource,
};

/// Features of the made-up SAEs.
const WIDTH: usize = 99;

/// SplitMix64: the same analyses on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn half(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Any finite f32, extremes often.
    fn finite(&mut self) -> f32 {
        const ODD: [f32; 8] = [0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-45, 1.0, -0.1];
        let any = f32::from_bits(self.next() as u32);
        if self.below(3) == 0 || !any.is_finite() { ODD[self.below(8)] } else { any }
    }

    /// Any f32 that a file can hold: finite, or NaN.
    fn number(&mut self) -> f32 {
        if self.below(8) == 0 { f32::NAN } else { self.finite() }
    }

    /// Any share: 0 to 1.
    fn share(&mut self) -> f32 {
        const ODD: [f32; 5] = [0.0, -0.0, 1.0, f32::MIN_POSITIVE, 1e-45];
        if self.below(3) == 0 { ODD[self.below(5)] } else { (self.next() >> 40) as f32 / (1 << 24) as f32 }
    }

    /// Any cosine, or NaN.
    fn cosine(&mut self) -> f32 {
        let sign = if self.half() { 1.0 } else { -1.0 };
        if self.below(8) == 0 { f32::NAN } else { sign * self.share() }
    }

    /// Any text, with what JSON escapes.
    fn text(&mut self) -> String {
        const PIECES: [&str; 12] =
            ["a", "\"", "\\", "\n", "\r\n", "\0", "\u{2028}", "▁Ω", "🎈", "</script>", "\u{feff}", "\u{7f}"];
        (0..self.below(5)).map(|_| PIECES[self.below(12)]).collect()
    }

    fn list<T>(&mut self, most: usize, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| item(self)).collect()
    }

    fn exactly<T>(&mut self, n: usize, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..n).map(|_| item(self)).collect()
    }

    fn option<T>(&mut self, item: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.half().then(|| item(self))
    }

    fn word(&mut self) -> Word {
        Word { word: self.text(), score: self.finite() }
    }

    fn code(&mut self) -> FeatureCode {
        FeatureCode { feature: self.below(WIDTH), value: self.finite() }
    }

    fn grams(&mut self, n: usize) -> Grams {
        Grams::from_sources(
            [(); 4].map(|()| SymmetricMatrix::new(n, self.exactly(n * (n + 1) / 2, Self::finite)).unwrap()),
        )
    }

    fn spread(&mut self) -> Spread {
        Spread { mean: self.number(), min: self.number(), max: self.number() }
    }

    fn events(&mut self, t: usize) -> Vec<Event> {
        let mut events = Vec::new();
        let mut first = usize::from(t > 1);
        while first < t {
            let last = first + self.below(t - first);
            events.push(Event {
                first,
                last,
                expectation_from: first + self.below(last + 1 - first),
                words: self.list(3, Self::word),
                expected: self.list(3, Self::word),
                coherence: self.option(Self::finite),
                unclear: self.half(),
            });
            first = last + 1;
        }
        events
    }

    fn attention(&mut self, t: usize) -> Attention {
        let (layers, heads) = (1 + self.below(2), 1 + self.below(3));
        let levels = self.exactly(layers * heads, |it| it.exactly(t * (t + 1) / 2, |it| it.next() as u16));
        Attention::new(layers, heads, t, levels).unwrap()
    }

    fn analysis(&mut self) -> Analysis {
        let t = self.below(9);
        let counts = |it: &mut Self| it.exactly(t, |it| it.below(99));
        let codes = |it: &mut Self| it.exactly(t, |it| it.list(3, Self::code));
        let words = |it: &mut Self| it.exactly(t, |it| it.list(3, Self::word));
        let energies = |it: &mut Self| it.exactly(t, |it| it.finite().abs());
        let grams = self.option(|it| it.grams(t));
        let saved_similarity = grams.is_none().then(|| self.exactly(t * t, Self::cosine));
        Analysis {
            text: self.text(),
            model: ModelInfo {
                name: self.text(),
                pack_hash: self.text(),
                layer: self.below(99),
                precision: self.text(),
                width: WIDTH,
                neuronpedia: self.option(Self::text),
            },
            inf_k: self.option(|it| it.below(99)),
            token_ids: self.exactly(t, |it| it.next() as u32),
            tokens: self.exactly(t, Self::text),
            variance_explained: Some(self.number()).filter(|it| it.is_nan() || *it <= 1.0).unwrap_or(1.0),
            l0_novel: counts(self),
            l0_pred: counts(self),
            l0_total: counts(self),
            selected: if t == 0 {
                None
            } else {
                self.option(|it| Selected { position: it.below(t), feature: it.below(99), value: it.finite() })
            },
            similarity_stats: SimilarityStats { min: self.cosine(), max: self.cosine(), mean: self.cosine() },
            novel_top: codes(self),
            pred_top: self.option(codes),
            sources: self.option(|it| {
                it.exactly(t, |it| it.list(3, |it| TokenSource { position: it.below(t), weight: it.share() }))
            }),
            events: self.option(|it| it.events(t)),
            words: self.option(|it| Words {
                vocabulary: it.below(99),
                predictable: words(it),
                novel: words(it),
                next: if it.half() {
                    Vec::new()
                } else {
                    it.exactly(t, |it| it.list(2, |it| NextWord { word: it.text(), probability: it.share() }))
                },
            }),
            surprise: self.option(|it| it.exactly(t, |it| it.number().abs())),
            shuffled: self.option(|it| Shuffled {
                orders: it.below(99),
                statistics: it.list(3, |it| ShuffledStatistic {
                    name: it.text(),
                    own: it.number(),
                    text: it.spread(),
                    events: it.spread(),
                }),
            }),
            energy: self.option(|it| Energy {
                residual: energies(it),
                error: energies(it),
                predictable: energies(it),
                novel: energies(it),
            }),
            attention: self.option(|it| it.attention(t)),
            grams,
            saved_similarity,
        }
    }
}

/// Equality in which NaN is NaN.
fn printed<T: std::fmt::Debug>(value: &T) -> String {
    format!("{value:?}")
}

#[test]
fn whatever_is_written_is_read_again() {
    let mut random = Random(1);
    for round in 0..400 {
        let it = random.analysis();
        for file in [AnalysisFile::whole(&it), AnalysisFile::compact(&it)] {
            let json = to_json(&file).unwrap();
            let back = Analysis::from_json(&json).unwrap_or_else(|e| panic!("round {round}: {e}\n{json}"));
            assert_eq!(printed(&back), printed(&it), "round {round}");
        }
        let json = to_json(&AnalysisFile::without_grams(&it)).unwrap();
        let back = Analysis::from_json(&json).unwrap();
        assert_eq!(to_json(&AnalysisFile::without_grams(&back)).unwrap(), json, "round {round}");
    }
}

#[test]
fn comparisons_are_read_again() {
    let mut random = Random(2);
    for round in 0..100 {
        let (first, second) = (random.analysis(), random.analysis());
        let grams = random.grams(first.tokens.len() + second.tokens.len());
        let it = Comparison { first, second, grams };
        let json = to_json(&ComparisonFile::compact(&it)).unwrap();
        let back = Comparison::from_json(&json).unwrap_or_else(|e| panic!("round {round}: {e}\n{json}"));
        assert_eq!(printed(&back), printed(&it), "round {round}");
    }
}

#[test]
fn what_could_not_be_read_is_not_written() {
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let places: [fn(&mut Analysis, f32); 9] = [
            |it, odd| it.selected = Some(Selected { position: 0, feature: 0, value: odd }),
            |it, odd| it.novel_top[0] = vec![FeatureCode { feature: 0, value: odd }],
            |it, odd| it.pred_top = Some(vec![vec![FeatureCode { feature: 0, value: odd }]]),
            |it, odd| it.sources = Some(vec![vec![TokenSource { position: 0, weight: odd }]]),
            |it, odd| it.energy = Some(Energy { residual: vec![odd], ..energy() }),
            |it, odd| it.energy = Some(Energy { novel: vec![odd], ..energy() }),
            |it, odd| it.words.as_mut().unwrap().novel[0] = vec![Word { word: String::new(), score: odd }],
            |it, odd| it.words.as_mut().unwrap().next = vec![vec![NextWord { word: String::new(), probability: odd }]],
            |it, odd| it.events.as_mut().unwrap()[0].coherence = Some(odd),
        ];
        for (place, put) in places.into_iter().enumerate() {
            let mut it = one_token();
            assert!(to_json(&AnalysisFile::whole(&it)).is_ok());
            put(&mut it, odd);
            let problem = to_json(&AnalysisFile::whole(&it)).unwrap_err().to_string();
            assert!(problem.contains("not finite"), "place {place}: {problem}");
        }
    }
}

#[test]
fn numbers_past_f32_are_refused() {
    let json = to_json(&AnalysisFile::whole(&one_token())).unwrap();
    for place in ["\"variance_explained\":0.25", "\"value\":0.5", "\"residual\":[1.5]"] {
        assert!(json.contains(place), "{place} is not in {json}");
        let number = place.trim_end_matches(']').rsplit([':', '[']).next().unwrap();
        let problem = Analysis::from_json(&json.replace(place, &place.replace(number, "1e39"))).unwrap_err();
        assert!(problem.to_string().contains("too large"), "{place}: {problem}");
    }
}

/// A value put in the place of another in the file: refused, or read, written and read again as the same.
#[test]
fn what_is_read_of_an_altered_file_can_be_written() {
    const VALUES: [&str; 12] =
        ["null", "1e39", "-1e39", "1e-60", "-0.0", "18446744073709551615", "-1", "[]", "{}", "\"\"", "0.1", "true"];
    let mut random = Random(3);
    let mut read = 0;
    for round in 0..3000 {
        let json = to_json(&AnalysisFile::compact(&random.analysis())).unwrap();
        let starts: Vec<usize> = json.match_indices([':', '[', ',']).map(|(at, _)| at + 1).collect();
        let at = starts[random.below(starts.len())];
        let length = json[at..].find([',', ']', '}']).unwrap_or(0);
        let altered = format!("{}{}{}", &json[..at], VALUES[random.below(12)], &json[at + length..]);
        let Ok(it) = Analysis::from_json(&altered) else { continue };
        read += 1;
        let again = to_json(&AnalysisFile::compact(&it)).unwrap_or_else(|e| panic!("round {round}: {e}\n{altered}"));
        assert_eq!(printed(&Analysis::from_json(&again).unwrap()), printed(&it), "round {round}: {altered}");
    }
    assert!(read > 200, "only {read} of 3000 altered files were read: the test shows little");
}

#[test]
fn counts_that_no_analysis_has_are_refused() {
    let json = serde_json::to_value(AnalysisFile::whole(&one_token())).unwrap();
    let code = serde_json::json!({"feature": 1, "value": 0.5});
    let word = serde_json::json!({"word": "a", "score": 0.5});
    for (place, value, says) in [
        ("/attention", serde_json::json!({"layers": 4_294_967_295_u32, "heads": 0, "weights": []}), "attention"),
        ("/attention", serde_json::json!({"layers": 0, "heads": 0, "weights": []}), "attention"),
        (
            "/attention",
            serde_json::json!({"layers": 1_000_000, "heads": 1, "weights": vec![""; 1_000_000]}),
            "attention",
        ),
        ("/text", serde_json::json!("x".repeat(20 << 20)), "length of the text"),
        ("/tokens/0", serde_json::json!("x".repeat(2000)), "a name or a token"),
        ("/novel_top/0", serde_json::json!(vec![code.clone(); 100_000]), "novel_top has 100000"),
        ("/novel_top/0/0/feature", serde_json::json!(4), "feature 4, the SAE has 4"),
        ("/pred_top/0", serde_json::json!(vec![code; 65]), "pred_top has 65"),
        ("/model/width", serde_json::json!(u32::MAX), "width"),
        ("/l0_novel/0", serde_json::json!(5), "number of codes"),
        ("/words/novel/0", serde_json::json!(vec![word.clone(); 65]), "number of words"),
        ("/events/0/words", serde_json::json!(vec![word; 65]), "no event has"),
        ("/events/0/expectation_from", serde_json::json!(9), "no event has"),
        ("/model/name", serde_json::json!("x".repeat(2000)), "a name or a token"),
    ] {
        let mut wrong = json.clone();
        if place == "/attention" {
            wrong["attention"] = value;
        } else {
            *wrong.pointer_mut(place).unwrap() = value;
        }
        let problem = Analysis::from_json(&wrong.to_string()).unwrap_err().to_string();
        assert!(problem.contains(says), "{place}: {problem}");
    }
    // Whatever `inf_k` says, lists stay short.
    let mut many = json;
    many["inf_k"] = 100_000.into();
    many["model"]["width"] = 100_000.into();
    many["novel_top"][0] = serde_json::json!(vec![serde_json::json!({"feature": 1, "value": 0.5}); 5000]);
    assert!(Analysis::from_json(&many.to_string()).is_err());
    // Other programs, the Python package among them, list more than ours does.
    many["inf_k"] = serde_json::Value::Null;
    many["novel_top"][0] = serde_json::json!(vec![serde_json::json!({"feature": 1, "value": 0.5}); 200]);
    assert_eq!(Analysis::from_json(&many.to_string()).unwrap().novel_top[0].len(), 200);
}

fn energy() -> Energy {
    Energy { residual: vec![1.5], error: vec![0.5], predictable: vec![0.5], novel: vec![0.5] }
}

/// A text of one token with everything in it.
fn one_token() -> Analysis {
    let code = vec![vec![FeatureCode { feature: 1, value: 0.5 }]];
    Analysis {
        text: "a".to_owned(),
        model: ModelInfo {
            name: String::new(),
            pack_hash: String::new(),
            layer: 0,
            precision: "f32".to_owned(),
            width: 4,
            neuronpedia: None,
        },
        inf_k: None,
        token_ids: vec![2],
        tokens: vec!["a".to_owned()],
        variance_explained: 0.25,
        l0_novel: vec![1],
        l0_pred: vec![1],
        l0_total: vec![1],
        selected: None,
        similarity_stats: SimilarityStats { min: 1.0, max: 1.0, mean: 1.0 },
        novel_top: code.clone(),
        pred_top: Some(code),
        sources: Some(vec![Vec::new()]),
        events: Some(vec![Event {
            first: 0,
            last: 0,
            expectation_from: 0,
            words: vec![Word { word: "a".to_owned(), score: 0.5 }],
            expected: Vec::new(),
            coherence: None,
            unclear: false,
        }]),
        words: Some(Words { vocabulary: 2, predictable: vec![Vec::new()], novel: vec![Vec::new()], next: Vec::new() }),
        surprise: None,
        shuffled: None,
        energy: Some(energy()),
        attention: None,
        grams: None,
        saved_similarity: Some(vec![1.0]),
    }
}
