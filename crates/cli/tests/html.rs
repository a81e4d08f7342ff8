//! `html`: a saved analysis as one file.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{run, succeed, text};
use std::path::Path;

fn example(name: &str) -> String {
    text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/examples").join(format!("{name}.json")))
}

/// As the site's build makes one, without the page.
const TEMPLATE: &str = "<meta name=\"temporal-lens-one-file/1\" content=\"temporal-lens-analysis/2 temporal-lens-comparison/1 temporal-lens-dashboards/1\" />\
                        <!--temporal-lens:head--><!--temporal-lens:data-->";

#[test]
fn an_analysis_and_its_comparison_go_into_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let [template, out] = ["template.html", "out.html"].map(|name| text(&folder.path().join(name)));
    std::fs::write(&template, TEMPLATE).unwrap();
    let (result, comparison) = (example("garden-path"), example("garden-path-compared"));
    let said = succeed(&[
        "html",
        &result,
        "--comparison",
        &comparison,
        "--template",
        &template,
        "--view",
        "view=compare",
        "--out",
        &out,
    ]);
    let html = std::fs::read_to_string(&out).unwrap();
    assert!(said.stdout.contains(&format!("{} bytes", html.len())), "{}", said.stdout);
    for part in
        ["<title>", "id=\"temporal-lens-result\" data-query=\"view=compare\">", "id=\"temporal-lens-comparison\">"]
    {
        assert_eq!(html.matches(part).count(), 1, "{part}");
    }
    // As editors elsewhere save it.
    let marked = text(&folder.path().join("marked.json"));
    std::fs::write(&marked, format!("\u{feff}{}", std::fs::read_to_string(&result).unwrap())).unwrap();
    let other = text(&folder.path().join("other.html"));
    succeed(&["html", &marked, "--template", &template, "--out", &other]);
    assert!(std::fs::read_to_string(&other).unwrap().contains("id=\"temporal-lens-result\""));
    let made = text(&folder.path().join("made.html"));
    std::fs::write(&made, format!("<!doctype html>\n{html}")).unwrap();
    // Of another text, and no documents at all.
    for (args, sentence) in [
        (vec!["html", &example("poem"), "--comparison", &comparison], "compares another text than"),
        (
            vec!["html", &comparison],
            "it is a comparison of two texts, not a saved analysis: `temporal-lens html ANALYSIS --comp",
        ),
        (vec!["html", &template], "it is not JSON"),
        // What this command writes, a page like any other to a reader of documents.
        (vec!["html", &made], "a page of Temporal Lens itself (HTML): open it in a browser"),
        (vec!["html", &result, "--comparison", &made], "a page of Temporal Lens itself"),
    ] {
        let refused = run(&[args, vec!["--template", &template, "--out", &out]].concat());
        assert!(refused.code == 1 && refused.sentence().contains(sentence), "{}", refused.stderr);
    }
    for flag in ["--comparison", "--features"] {
        let refused = run(&["html", &result, flag, &result, "--template", &template, "--out", &out]);
        assert!(
            refused.code == 1 && refused.sentence().contains("it is a saved analysis, and a"),
            "{}",
            refused.stderr
        );
    }
    let refused = run(&["html", &result, "--template", &result, "--out", &out]);
    assert!(refused.sentence().contains("this is not a template"), "{}", refused.stderr);
    for (view, sentence) in [
        ("path", "\"path\" is not a parameter of a link"),
        ("view=paht", "“view=paht”"),
        ("veiw=path", "did you mean “view”?"),
    ] {
        let refused = run(&["html", &result, "--template", &template, "--view", view, "--out", &out]);
        assert!(refused.code == 1 && refused.sentence().contains(sentence), "{}", refused.stderr);
    }
    let refused = run(&["html", &result, "--out", &out]);
    assert!(refused.sentence().contains("name one with --template"), "{}", refused.stderr);
    let refused = run(&["html", &result, "--template", "nowhere/one-file.html", "--out", &out]);
    for part in ["there is no nowhere/one-file.html", "every site of Temporal Lens has", "cargo xtask dist"] {
        assert!(refused.code == 1 && refused.sentence().contains(part), "{}", refused.stderr);
    }
    assert_eq!(std::fs::read_to_string(&out).unwrap(), html, "what was refused changes nothing");
}

#[test]
fn names_of_features_go_into_it_where_they_are_of_its_pack() {
    let folder = tempfile::tempdir().unwrap();
    let [template, out, other] =
        ["template.html", "out.html", "index.json"].map(|name| text(&folder.path().join(name)));
    std::fs::write(&template, TEMPLATE).unwrap();
    let index = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/dashboards/index.json"));
    succeed(&["html", &example("poem"), "--features", &index, "--template", &template, "--out", &out]);
    assert!(std::fs::read_to_string(&out).unwrap().contains("id=\"temporal-lens-features\">"));
    let json = std::fs::read_to_string(&index).unwrap();
    for (changed, sentence) in [
        (json.replace("\"pack_hash\":\"", "\"pack_hash\":\"0"), "is of the features of another pack"),
        (json.replace("temporal-lens-dashboards/1", "temporal-lens-dashboards/9"), "this program reads"),
        (json[..json.len() / 2].to_owned(), "this dashboards file is cut short"),
    ] {
        std::fs::write(&other, changed).unwrap();
        let refused = run(&["html", &example("poem"), "--features", &other, "--template", &template, "--out", &out]);
        assert!(refused.code == 1 && refused.sentence().contains(sentence), "{}", refused.stderr);
    }
}

/// What lies beside a saved analysis, and what is none.
#[test]
fn files_of_another_kind_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let [template, out, file] = ["template.html", "out.html", "file"].map(|name| text(&folder.path().join(name)));
    std::fs::write(&template, TEMPLATE).unwrap();
    let dashboards = "{\"format\":\"temporal-lens-dashboards/1\",\"features\":2}";
    let index = "{\n  \"format\": \"temporal-lens-index/1\",\n  \"texts\": 2,\n  \"results\": []\n}";
    let analysis = std::fs::read_to_string(example("poem")).unwrap();
    for (flag, json, sentence) in [
        ("", index, "it is the index of a folder of results, not a saved analysis"),
        ("", dashboards, "it is a file of dashboards, not a saved analysis"),
        ("", "Once upon a time.", "it is not JSON"),
        (
            "",
            &analysis.replace("analysis/2", "analysis/9"),
            "reads \"temporal-lens-analysis/2\" and \"temporal-lens-analysis/1\"",
        ),
        ("--comparison", index, "it is the index of a folder of results, and a comparison is needed"),
        ("--comparison", "Once upon a time.", "it is not JSON"),
        ("--features", index, "it is the index of a folder of results, and an index of dashboards is needed"),
        ("--features", "Once upon a time.", "it is not JSON"),
    ] {
        std::fs::write(&file, json).unwrap();
        let poem = example("poem");
        let of = if flag.is_empty() { vec!["html", &file] } else { vec!["html", &poem, flag, &file] };
        let refused = run(&[of, vec!["--template", &template, "--out", &out]].concat());
        assert!(refused.code == 1 && refused.sentence().contains(sentence), "{flag}: {}", refused.stderr);
    }
}
