//! Files are written byte for byte as before matrices were kept in memory as numbers (commit 4c52e41).

use std::path::Path;

use lens_analysis::Analysis;
use lens_analysis::comparison::Comparison;
use lens_analysis::document::analysis::{FORMAT, FORMAT_1};
use lens_analysis::document::{AnalysisFile, ComparisonFile, to_json};

/// Every shipped example, and bytes and FNV-1a hash of its whole file as commit 4c52e41 writes it: with the
/// similarity matrix, which the shipped ones leave out.
const WHOLE: [(&str, usize, u64); 12] = [
    ("code", 289_251, 0xa9d0_f88e_9739_8c2d),
    ("counting", 187_951, 0xb74d_ee2b_da78_cd74),
    ("dialogue", 382_622, 0xf90c_e74e_b8b8_297d),
    ("garden-path-compared", 40_304, 0x3cee_5f4e_1916_68b7),
    ("garden-path-plain-compared", 40_304, 0x3efc_4b7d_08f1_d454),
    ("garden-path-plain", 19_329, 0x67c6_11a3_83be_8294),
    ("garden-path", 19_340, 0x3f52_a8a0_e85a_2769),
    ("long-passage", 1_550_667, 0xb2e8_98a7_87ed_cb88),
    ("news", 432_567, 0x4c32_caba_dd64_a022),
    ("poem", 266_106, 0xc1ff_a43f_119b_d8f3),
    ("seed-prompt", 54_180, 0xba3e_72e3_add6_a53f),
    ("two-events", 613_607, 0x0fc4_a299_b25e_3532),
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
    for (name, bytes, hash) in WHOLE {
        let text = shipped(name);
        let (compact, whole) = written(&text);
        // Files of version 1 are written as version 2, which only adds fields.
        let of_version_1 = |json: &str| json.replace(FORMAT, FORMAT_1);
        assert!(of_version_1(&(compact + "\n")) == of_version_1(&text), "{name}: the compact file is another");
        let old = of_version_1(&whole);
        assert_eq!((old.len(), fnv(&old)), (bytes, hash), "{name}: the whole file is another");
        assert!(written(&whole).1 == whole, "{name}: the whole file changes when it is read");
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
    let mut expected: Vec<&str> = WHOLE.iter().map(|(name, ..)| *name).collect();
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
