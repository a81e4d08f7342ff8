//! What a link shows where it is sent to: a static page for every example, with tags that a chat unfolds, and a picture.
//!
//! | file | what it is |
//! |---|---|
//! | [`address`] | where the site will be |
//! | [`places`] | where pages and pictures lie in it |
//! | [`page`] | the page of an example |
//! | [`colors`] | the page's own colors, for pictures |
//!
//! `e/ID/index.html` says without a script what the example is about and leads to it in the page. Pages and pictures are
//! made of the precomputed results whenever the site is built: none is part of the tree.

pub mod address;
mod colors;
mod page;
mod places;

use std::path::Path;

use anyhow::{Context, Result};
use lens_analysis::Analysis;
use lens_session::FIRST_EXAMPLE;
use lens_view::gallery::Gallery;
use lens_view::markup::escaped;
use lens_view::preview::preview;

use page::Page;
use places::{DARK_PICTURE, FOLDER, ICON, PICTURE, STYLE};

/// The examples' folder in the site.
const EXAMPLES: &str = "examples";

/// The style of the pages: the page's colors and type, and their own rules.
const STYLE_TEXT: &str = concat!(
    include_str!("../../../web/style/colors.css"),
    include_str!("../../../web/style/base.css"),
    include_str!("landing.css")
);

/// Writes pages and pictures of all examples into the site in `site`, which has the examples' results already, and
/// the picture of the one that the site opens with into the tags of its own page.
pub fn add(site: &Path, address: Option<&str>) -> Result<()> {
    let gallery =
        Gallery::from_json(&read(&site.join(EXAMPLES).join("index.json"))?).context("the list of examples")?;
    let folder = site.join(FOLDER);
    for example in &gallery.examples {
        let file = site.join(EXAMPLES).join(format!("{}.json", example.id));
        let analysis = Analysis::from_json(&read(&file)?).with_context(|| file.display().to_string())?;
        let own = folder.join(&example.id);
        std::fs::create_dir_all(&own).with_context(|| format!("cannot create {}", own.display()))?;
        for (name, theme) in [(PICTURE, colors::light()?), (DARK_PICTURE, colors::dark()?)] {
            let picture =
                preview(&analysis, &theme).with_context(|| format!("{} has no matrix to draw", file.display()))?;
            lens_files::write_whole(&own.join(name), &picture)?;
        }
        let html = Page::new(example, &analysis, address)?.html(&gallery);
        lens_files::write_whole(&own.join("index.html"), html.as_bytes())?;
    }
    lens_files::write_whole(&folder.join(STYLE), STYLE_TEXT.as_bytes())?;
    lens_files::write_whole(&folder.join(ICON), include_bytes!("../../../web/assets/icon.svg"))?;
    let index = site.join("index.html");
    let html = with_picture(&read(&index)?, &places::picture(FIRST_EXAMPLE, address))
        .context("index.html: no og:image tag")?;
    Ok(lens_files::write_whole(&index, html.as_bytes())?)
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Writes where the picture is into the tag named og:image. Trunk may have taken the quotes away.
fn with_picture(html: &str, picture: &str) -> Option<String> {
    let name =
        html.match_indices("og:image").map(|(at, name)| at + name.len()).find(|end| !html[*end..].starts_with(':'))?;
    let start = html[..name].rfind('<')?;
    let end = name + html[name..].find('>')?;
    let tag = format!("<meta property=\"og:image\" content=\"{}\" /", escaped(picture));
    Some(format!("{}{tag}{}", &html[..start], &html[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://lens.example/demo/";

    /// A site with the examples of the tree and nothing else, its pages added.
    fn site(address: Option<&str>) -> (tempfile::TempDir, Gallery) {
        let site = tempfile::tempdir().unwrap();
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        std::fs::create_dir_all(site.path().join(EXAMPLES)).unwrap();
        for entry in std::fs::read_dir(tree.join("demo/examples")).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), site.path().join(EXAMPLES).join(entry.file_name())).unwrap();
        }
        std::fs::copy(tree.join("index.html"), site.path().join("index.html")).unwrap();
        add(site.path(), address).unwrap();
        let gallery = Gallery::from_json(&read(&site.path().join("examples/index.json")).unwrap()).unwrap();
        (site, gallery)
    }

    fn content<'a>(html: &'a str, property: &str) -> Vec<&'a str> {
        let before = format!("property=\"{property}\" content=\"");
        html.split(&before).skip(1).map(|it| it.split('"').next().unwrap()).collect()
    }

    #[test]
    fn every_example_has_a_page_with_its_tags_its_text_and_links_that_lead_somewhere() {
        let (site, gallery) = site(Some(ADDRESS));
        assert!(gallery.examples.len() > 5);
        for example in &gallery.examples {
            let own = site.path().join(FOLDER).join(&example.id);
            let html = read(&own.join("index.html")).unwrap();
            for tag in ["og:title", "og:description", "og:type", "og:site_name", "og:image:alt"] {
                assert!(matches!(content(&html, tag)[..], [value] if !value.is_empty()), "{}: {tag}", example.id);
            }
            assert_eq!(content(&html, "og:url"), [format!("{ADDRESS}e/{}/", example.id)]);
            assert_eq!(content(&html, "og:image"), [format!("{ADDRESS}e/{}/picture.png", example.id)]);
            assert!(html.contains(&format!("rel=\"canonical\" href=\"{ADDRESS}e/{}/\"", example.id)));
            assert_eq!(html.matches(&format!("href=\"../../?example={}\"", example.id)).count(), 1);
            for line in example.text.lines().flat_map(|line| line.split(". ")) {
                assert!(html.contains(&escaped(line.trim())), "{}: {line}", example.id);
            }
            let of = |name: &str| {
                html.split(&format!(" {name}=\"")).skip(1).map(|it| it.split('"').next().unwrap()).collect::<Vec<_>>()
            };
            let links = [of("href"), of("src"), of("srcset")].concat();
            assert!(links.len() > gallery.examples.len(), "{links:?}");
            for link in links.into_iter().filter(|it| !it.starts_with(ADDRESS)) {
                let file = own.join(link.split('?').next().unwrap());
                assert!(!link.contains(':') && file.exists(), "{}: {link}", example.id);
            }
        }
        let html = read(&site.path().join("e/two-events/index.html")).unwrap();
        assert!(html.contains("Scene 1 · sailing, tide, winds</h2>"), "{html}");
        assert!(
            content(&html, "og:description")[0].ends_with("2 scenes: sailing, tide, winds; baking, cooking, oven.")
        );
    }

    #[test]
    fn pictures_are_small_and_of_the_size_that_the_tags_say() {
        let (site, gallery) = site(None);
        for example in &gallery.examples {
            for name in [PICTURE, DARK_PICTURE] {
                let png = std::fs::read(site.path().join(FOLDER).join(&example.id).join(name)).unwrap();
                assert!(png.len() < 60_000, "{} {name}: {} bytes", example.id, png.len());
                let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()).to_string();
                let html = read(&site.path().join(FOLDER).join(&example.id).join("index.html")).unwrap();
                assert_eq!(content(&html, "og:image:width"), [number(16)]);
                assert_eq!(content(&html, "og:image:height"), [number(20)]);
            }
        }
    }

    #[test]
    fn without_an_address_everything_is_relative() {
        let (site, _) = site(None);
        let html = read(&site.path().join("e/poem/index.html")).unwrap();
        assert_eq!(content(&html, "og:image"), ["picture.png"]);
        assert!(content(&html, "og:url").is_empty() && html.contains("rel=\"canonical\" href=\"./\""));
        assert!(!html.contains("://"), "{html}");
    }

    #[test]
    fn the_sites_own_page_has_the_picture_of_the_example_it_opens_with() {
        let relative = &format!("e/{FIRST_EXAMPLE}/picture.png");
        for (address, expected) in [(None, relative.clone()), (Some(ADDRESS), format!("{ADDRESS}{relative}"))] {
            let (site, _) = site(address);
            assert!(site.path().join(relative).is_file());
            let html = read(&site.path().join("index.html")).unwrap();
            let html = html.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(content(&html, "og:image"), [expected]);
            for tag in ["og:title", "og:description", "og:image:width", "og:image:height", "og:image:alt"] {
                assert!(matches!(content(&html, tag)[..], [value] if !value.is_empty()), "{tag}");
            }
        }
        let terse = "<meta property=og:image:alt content=b><meta property=og:image content=a><p>";
        let expected = "<meta property=og:image:alt content=b><meta property=\"og:image\" content=\"c\" /><p>";
        assert_eq!(with_picture(terse, "c").unwrap(), expected);
        assert!(with_picture("<meta property=og:image:alt content=b>", "c").is_none());
    }
}
