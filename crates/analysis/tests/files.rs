//! Files are written byte for byte as before matrices were kept in memory as numbers (commit 4c52e41).

use std::path::Path;

use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_analysis::document::analysis::{FORMAT, FORMAT_1};
use lens_analysis::document::{AnalysisFile, ComparisonFile, to_json};

/// Files of version 1 as commit 4c52e41 shipped them, and bytes and FNV-1a hash of their whole files as it writes them: with
/// the similarity matrix, which the shipped ones leave out.
const VERSION_1: [(&str, usize, u64); 4] = [
    ("counting", 187_951, 0xb74d_ee2b_da78_cd74),
    ("garden-path-compared", 40_304, 0x3cee_5f4e_1916_68b7),
    ("garden-path", 19_340, 0x3f52_a8a0_e85a_2769),
    ("seed-prompt", 54_180, 0xba3e_72e3_add6_a53f),
];

/// Every shipped example.
const EXAMPLES: [&str; 13] = [
    "code",
    "counting",
    "dialogue",
    "garden-path-compared",
    "garden-path-plain-compared",
    "garden-path-plain",
    "garden-path",
    "long-passage",
    "news",
    "poem",
    "seed-prompt",
    "three-scenes",
    "two-events",
];

fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn examples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/examples")
}

#[allow(clippy::expect_used)]
fn shipped(name: &str) -> String {
    std::fs::read_to_string(examples().join(format!("{name}.json"))).expect("an example")
}

/// The file read, and written compact and whole.
#[allow(clippy::expect_used)]
fn written(text: &str) -> (String, String) {
    if text.starts_with("{\"format\":\"temporal-lens-comparison/1\"") {
        let it = Comparison::from_json(text).expect("a comparison");
        let [compact, whole] = [ComparisonFile::compact(&it), ComparisonFile::whole(&it)];
        return (to_json(&compact).expect("JSON"), to_json(&whole).expect("JSON"));
    }
    let it = Analysis::from_json(text).expect("an analysis");
    let [compact, whole] = [AnalysisFile::compact(&it), AnalysisFile::whole(&it)];
    (to_json(&compact).expect("JSON"), to_json(&whole).expect("JSON"))
}

#[test]
fn every_example_is_written_as_it_was_read() {
    for name in EXAMPLES {
        let text = shipped(name);
        let (compact, whole) = written(&text);
        assert!(compact + "\n" == text, "{name}: the compact file is another");
        assert!(written(&whole).1 == whole, "{name}: the whole file changes when it is read");
    }
}

/// Files of version 1 are written as version 2, which only adds fields.
#[test]
#[allow(clippy::expect_used)]
fn files_of_version_1_are_written_byte_for_byte_but_for_their_format() {
    let of_version_1 = |json: &str| json.replace(FORMAT, FORMAT_1);
    for (name, bytes, hash) in VERSION_1 {
        let path = examples().join(format!("../../tests/fixtures/documents/{name}-1.json"));
        let text = std::fs::read_to_string(path).expect("a file of version 1");
        assert!(text.contains(FORMAT_1), "{name}");
        let (compact, whole) = written(&text);
        assert!(of_version_1(&(compact + "\n")) == text, "{name}: the compact file is another");
        let old = of_version_1(&whole);
        assert_eq!((old.len(), fnv(&old)), (bytes, hash), "{name}: the whole file is another");
    }
}

#[test]
#[allow(clippy::expect_used)]
fn no_example_is_left_out() {
    let mut found: Vec<String> = std::fs::read_dir(examples())
        .expect("the examples")
        .filter_map(|entry| entry.expect("a file").file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
        .filter(|name| name != "index")
        .collect();
    found.sort();
    let mut expected = EXAMPLES;
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// A result without Gram matrices has a similarity matrix of its own, asymmetric in its last digits: it stays.
#[test]
#[allow(clippy::expect_used)]
fn a_file_without_gram_matrices_is_written_as_it_was_read() {
    let (_, whole) = written(&shipped("seed-prompt"));
    let grams = whole.find(",\"grams\":").expect("Gram matrices");
    let without = format!("{}}}", &whole[..grams]);
    assert_eq!(written(&without), (without.clone(), without));
}
