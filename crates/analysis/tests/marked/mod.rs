//! The marked texts of `tests/fixtures/events`, with their committed Gram matrices; read by the tests of other crates, too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lens_analysis::{Grams, SymmetricMatrix};
use serde::Deserialize;

#[derive(Deserialize)]
struct Text {
    name: String,
    half: String,
    boundaries: Vec<usize>,
    tokens: Vec<String>,
    predictable: Compact,
    novel: Compact,
    residual: Compact,
}

#[derive(Deserialize)]
struct Compact {
    squares: String,
    cosines: String,
}

impl Compact {
    /// The Gram matrix of `t` tokens; BOS, which is not in it, is the mean of the others.
    #[allow(clippy::expect_used)]
    fn gram(&self, t: usize) -> SymmetricMatrix {
        let squares = STANDARD.decode(&self.squares).expect("base64");
        let norms: Vec<f32> = squares.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes).sqrt()).collect();
        let cosines = STANDARD.decode(&self.cosines).expect("base64");
        assert_eq!((norms.len(), cosines.len()), (t - 1, (t - 1) * (t - 2) / 2));
        let mut next = cosines.into_iter();
        let mut upper = vec![0f32; t];
        for i in 0..t - 1 {
            upper.push(norms[i] * norms[i]);
            for norm in &norms[i + 1..] {
                let cosine = f32::from(next.next().unwrap_or_default().cast_signed()) / 127.0;
                upper.push(norms[i] * norm * cosine);
            }
        }
        SymmetricMatrix::new(t, upper).expect("a triangle")
    }
}

/// A text and where people would cut it.
pub struct Marked {
    /// Its name in the fixture.
    pub name: String,
    /// Which part of the fixture it is of.
    pub half: String,
    /// Positions of the first tokens of all its events but the first.
    pub boundaries: Vec<usize>,
    /// All of them, BOS first.
    pub tokens: Vec<String>,
    /// Of the default pack, rounded; the total codes are not there, the residual stream stands for them.
    pub grams: Grams,
}

/// All of them.
#[allow(clippy::expect_used)]
pub fn texts() -> Vec<Marked> {
    let texts: Vec<Text> = serde_json::from_str(include_str!("../../../../tests/fixtures/events/grams.json"))
        .expect("the fixture is JSON");
    let read = |text: Text| {
        let gram = |it: &Compact| it.gram(text.tokens.len());
        let (predictable, novel, residual) = (gram(&text.predictable), gram(&text.novel), gram(&text.residual));
        let grams = Grams { predictable, novel, total: residual.clone(), residual };
        Marked { name: text.name, half: text.half, boundaries: text.boundaries, tokens: text.tokens, grams }
    };
    texts.into_iter().map(read).collect()
}
