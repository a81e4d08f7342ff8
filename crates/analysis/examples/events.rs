//! Event boundaries of saved analyses by each source: `cargo run --example events -- FILE.json..`.

use lens_analysis::similarity::Source;
use lens_analysis::{Analysis, events};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in std::env::args().skip(1) {
        let analysis = Analysis::from_json(&std::fs::read_to_string(&file)?)?;
        println!("{file}: {} tokens", analysis.tokens.len());
        for source in Source::ALL {
            for it in events::boundaries(&analysis, source)? {
                let (position, cut, gain) = (it.position, it.cut, it.gain);
                println!("  {source:?}: {position} {:?} (cut at {cut}, gain {gain:.1})", analysis.tokens[position]);
            }
        }
    }
    Ok(())
}
