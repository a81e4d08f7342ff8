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
    // Of another text, and no documents at all.
    for (args, sentence) in [
        (vec!["html", &example("poem"), "--comparison", &comparison], "compares another text than"),
        (vec!["html", &comparison], "this program reads"),
        (vec!["html", &template], "not an analysis"),
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
