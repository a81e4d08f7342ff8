//! Events of saved analyses, together and by each source alone: `cargo run --example events -- FILE.json..`.

use lens_analysis::events::{self, Method};
use lens_analysis::similarity::{MissingError, Source};
use lens_analysis::{Analysis, Grams};

fn print(name: &str, method: &Method, grams: &Grams, tokens: &[String]) {
    for it in events::spans_by(method, |source| grams.of(source).clone(), tokens).iter().skip(1) {
        let (token, follows, gain) = (&tokens[it.first], it.expectation_from, it.gain);
        println!("  {name}: {} {token:?} (expectation from {follows}, gain {gain:.1})", it.first);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in std::env::args().skip(1) {
        let analysis = Analysis::from_json(&std::fs::read_to_string(&file)?)?;
        println!("{file}: {} tokens", analysis.tokens.len());
        let grams = analysis.grams.as_ref().ok_or(MissingError::Grams)?;
        print("together", &Method::together(), grams, &analysis.tokens);
        for source in [Source::Predictable, Source::Novel, Source::Residual] {
            print(&format!("{source:?}"), &Method::alone(source), grams, &analysis.tokens);
        }
    }
    Ok(())
}
