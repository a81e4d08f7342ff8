//! The static page of an example: HTML that needs no script.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use lens_analysis::Analysis;
use lens_view::gallery::{Example, Gallery};
use lens_view::lede::{self, Part};
use lens_view::markup::escaped;
use lens_view::scene::{self, Scene};
use lens_view::{preview, token};

use super::places::{self, DARK_PICTURE, ICON, PICTURE, STYLE};

/// Nothing runs in these pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

/// What a page says.
#[derive(Debug)]
pub struct Page<'a> {
    example: &'a Example,
    /// What the model made of the text.
    reading: Vec<Part>,
    passages: Vec<Passage>,
    /// What can be read from the picture.
    caption: String,
    /// The model, and the layer that was looked at.
    model: String,
    address: Option<&'a str>,
}

/// A scene and its part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Passage {
    scene: Option<Scene>,
    text: String,
}

impl<'a> Page<'a> {
    /// The page of an example whose result is `analysis`, on a site at `address`.
    pub fn new(example: &'a Example, analysis: &Analysis, address: Option<&'a str>) -> Result<Self> {
        Ok(Self {
            example,
            reading: lede::reading(analysis),
            passages: passages(analysis).with_context(|| format!("the example {}", example.id))?,
            caption: preview::caption(analysis),
            model: format!("{}, layer {}", analysis.model.name, analysis.model.layer),
            address,
        })
    }

    /// The whole document; `gallery` has the examples that it also names.
    pub fn html(&self, gallery: &Gallery) -> String {
        let Self { example, passages, address, .. } = self;
        let title = escaped(&format!("{} – Temporal Lens", example.title));
        let description = escaped(&description(example, passages));
        let own = address.map(|_| escaped(&places::page(&example.id, *address)));
        let url =
            own.iter().fold(String::new(), |_, own| format!("\n    <meta property=\"og:url\" content=\"{own}\" />"));
        // Beside the page where the site's address is not known.
        let picture = address.map_or_else(|| PICTURE.to_owned(), |_| places::picture(&example.id, *address));
        format!(
            r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="{POLICY}" />
    <title>{title}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="description" content="{description}" />
    <meta property="og:title" content="{title}" />
    <meta property="og:description" content="{description}" />
    <meta property="og:type" content="article" />
    <meta property="og:site_name" content="Temporal Lens" />{url}
    <meta property="og:image" content="{picture}" />
    <meta property="og:image:width" content="{width}" />
    <meta property="og:image:height" content="{height}" />
    <meta property="og:image:alt" content="{alternative}" />
    <meta name="twitter:card" content="summary_large_image" />
    <link rel="canonical" href="{canonical}" />
    <link rel="icon" href="../{ICON}" type="image/svg+xml" />
    <link rel="stylesheet" href="../{STYLE}" />
  </head>
  <body>
    <header><a href="../../">Temporal Lens</a></header>
    <main>
      <h1 dir="auto">{heading}</h1>
      <p dir="auto">{look_for}</p>
      <p class="open"><a href="../../?example={id}">Open this example</a></p>
      <p class="note">It was computed beforehand: it opens without a model and without WebGPU.</p>
      <p>{reading}</p>
{text}      <figure>
        <picture>
          <source srcset="{DARK_PICTURE}" media="(prefers-color-scheme: dark)" />
          <img src="{PICTURE}" width="{width}" height="{height}" alt="{alternative}" />
        </picture>
        <figcaption>{caption}</figcaption>
      </figure>
      <nav aria-labelledby="others">
        <h2 id="others">Other examples</h2>
        <ul>
{others}        </ul>
      </nav>
    </main>
    <footer>Read by {model}, through a temporal sparse autoencoder.</footer>
  </body>
</html>
"#,
            width = preview::SIZE[0],
            height = preview::SIZE[1],
            alternative = escaped(preview::ALTERNATIVE),
            picture = escaped(&picture),
            canonical = own.as_deref().unwrap_or("./"),
            heading = escaped(&example.title),
            look_for = escaped(&example.look_for),
            id = escaped(&example.id),
            reading = self.reading.iter().map(part).collect::<String>(),
            text = text(passages),
            caption = escaped(&self.caption),
            others = others(example, gallery),
            model = escaped(&self.model),
        )
    }
}

fn part(part: &Part) -> String {
    match part {
        Part::Text(text) => escaped(text),
        Part::Scene(number, name) => {
            format!("<strong data-scene=\"{}\">{}</strong>", scene::color(*number), escaped(name))
        }
    }
}

/// The text under the names of its scenes.
fn text(passages: &[Passage]) -> String {
    let mut html = String::new();
    for Passage { scene, text } in passages {
        let number = scene.as_ref().map_or(1, |it| it.number);
        let start = text.trim_start_matches('\n');
        // After a line break, spaces are an indent.
        let start = if start.len() < text.len() { start } else { start.trim_start() };
        let lines: Vec<String> = start.trim_end().split('\n').map(escaped).collect();
        let _ = write!(
            html,
            "      <section data-scene=\"{}\" aria-labelledby=\"scene-{number}\">\n        <h2 id=\"scene-{number}\">{}</h2>\n        \
             <p class=\"text\" dir=\"auto\">{}</p>\n      </section>\n",
            scene::color(number),
            escaped(&heading(scene.as_ref(), passages.len())),
            lines.join("<br />")
        );
    }
    html
}

fn heading(scene: Option<&Scene>, count: usize) -> String {
    match (scene, count) {
        (None, _) => "The text".to_owned(),
        (Some(scene), 1) => {
            let words = scene
                .clear_words()
                .map_or_else(|| ", without a clear subject".to_owned(), |words| format!(": {words}"));
            format!("One scene{words}")
        }
        (Some(scene), _) => scene.title(),
    }
}

fn others(example: &Example, gallery: &Gallery) -> String {
    let others = gallery.examples.iter().filter(|other| other.id != example.id);
    others.fold(String::new(), |mut html, other| {
        let (id, title) = (escaped(&other.id), escaped(&other.title));
        let _ = writeln!(html, "          <li><a href=\"../{id}/\">{title}</a></li>");
        html
    })
}

/// What a preview says: what to look for, then the scenes' words where they describe all of them.
fn description(example: &Example, passages: &[Passage]) -> String {
    let names: Option<Vec<&str>> = passages.iter().map(|it| it.scene.as_ref().and_then(Scene::clear_words)).collect();
    match names.as_deref() {
        None | Some([]) => example.look_for.clone(),
        Some([one]) => format!("{} One scene: {one}.", example.look_for),
        Some(several) => format!("{} {} scenes: {}.", example.look_for, several.len(), several.join("; ")),
    }
}

/// The text in its scenes; in one part where the result has none.
fn passages(analysis: &Analysis) -> Result<Vec<Passage>> {
    // Where each token ends in the text. BOS is no part of it.
    let mut end = 0;
    let mut ends = vec![0];
    for it in analysis.tokens.iter().skip(1) {
        end += if token::is_byte(it) { 1 } else { it.replace('▁', " ").len() };
        ends.push(end);
    }
    if end != analysis.text.len() {
        bail!("the tokens have {end} bytes, their text {}", analysis.text.len());
    }
    let mut passages = Vec::new();
    for scene in scene::all(analysis) {
        let before = ends.get(scene.first.saturating_sub(1));
        let text = before.zip(ends.get(scene.last)).and_then(|(&from, &to)| analysis.text.get(from..to));
        let text = text.with_context(|| format!("scene {} is not a part of the text", scene.number))?.to_owned();
        passages.push(Passage { scene: Some(scene), text });
    }
    if passages.is_empty() {
        passages.push(Passage { scene: None, text: analysis.text.clone() });
    }
    Ok(passages)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn analysis(id: &str) -> Analysis {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../demo/examples/{id}.json"));
        Analysis::from_json(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    fn gallery(word: &str) -> Gallery {
        let json = serde_json::json!({"examples": [
            {"id": "a", "title": word, "look_for": word, "text": word},
            {"id": "b", "title": word, "look_for": "", "text": ""},
        ]});
        Gallery::from_json(&json.to_string()).unwrap()
    }

    /// The document without its text and attributes' values: what a reader of HTML takes for markup.
    fn markup(html: &str) -> String {
        let mut values = html.split('"');
        let outside: String = values.by_ref().step_by(2).collect();
        outside.split('<').skip(1).map(|it| format!("<{}>", it.split('>').next().unwrap())).collect()
    }

    #[test]
    fn the_scenes_are_the_whole_text_and_other_tokens_are_refused() {
        for id in ["code", "two-events", "poem", "dialogue", "long-passage"] {
            let mut analysis = analysis(id);
            let all = passages(&analysis).unwrap();
            assert_eq!(all.len(), analysis.events.as_ref().unwrap().len());
            assert_eq!(all.iter().map(|it| it.text.as_str()).collect::<String>(), analysis.text, "{id}");
            analysis.text.push('x');
            assert!(passages(&analysis).is_err());
        }
        let analysis = Analysis { events: None, ..analysis("poem") };
        assert_eq!(passages(&analysis).unwrap(), [Passage { scene: None, text: analysis.text.clone() }]);
    }

    #[test]
    fn nothing_of_an_example_becomes_markup() {
        let page = |word: &str| {
            let mut analysis = analysis("two-events");
            analysis.model.name = word.to_owned();
            for event in analysis.events.as_mut().unwrap() {
                event.words.truncate(1);
                event.words[0].word = word.to_owned();
            }
            let gallery = gallery(word);
            let mut page = Page::new(&gallery.examples[0], &analysis, Some("https://lens.example/")).unwrap();
            for passage in &mut page.passages {
                passage.text = format!("{word}\n  {word}");
            }
            page.html(&gallery)
        };
        let hostile = "\"></title><script>alert(1)</script><b a=\"'&amp;\u{1}";
        let (plain, harmed) = (page("harmless"), page(hostile));
        assert_eq!(markup(&harmed), markup(&plain));
        assert_eq!(harmed.matches('"').count(), plain.matches('"').count());
        assert_eq!(plain.matches("harmless").count(), harmed.matches("alert(1)").count());
        assert!(plain.contains("harmless<br />  harmless") && harmed.contains("'&amp;amp;\u{fffd}"));
    }

    #[test]
    fn a_page_needs_no_script_and_no_style_of_its_own() {
        let gallery = gallery("word");
        let html = Page::new(&gallery.examples[0], &analysis("poem"), None).unwrap().html(&gallery);
        assert!(!html.contains("<script") && !html.contains(" style=") && !html.contains("<style"));
        let first = html.find("<meta charset=\"utf-8\" />\n    <meta http-equiv=\"Content-Security-Policy\"");
        assert!(first.is_some_and(|at| at < html.find("<title>").unwrap()) && html.contains(POLICY));
    }

    #[test]
    fn scenes_are_named_as_the_page_names_them() {
        let page = |analysis: &Analysis| {
            let gallery = gallery("word");
            Page::new(&gallery.examples[0], analysis, None).unwrap().html(&gallery)
        };
        let mut two = analysis("two-events");
        let html = page(&two);
        assert!(
            html.contains("passed through two scenes: <strong data-scene=\"1\">sailing, tide, winds</strong>; then")
        );
        assert!(html.contains("<h2 id=\"scene-2\">Scene 2 · baking, cooking, oven</h2>"));
        assert!(html.contains("content=\"word 2 scenes: sailing, tide, winds; baking, cooking, oven.\""));
        two.events.as_mut().unwrap()[1].unclear = true;
        let html = page(&two);
        assert!(html.contains("Scene 2 · unclear</h2>") && html.contains("og:description\" content=\"word\""));
        assert!(page(&analysis("poem")).contains(">One scene: sweetest, sings, melody</h2>"));
        let html = page(&Analysis { events: None, ..analysis("poem") });
        assert!(html.contains("<h2 id=\"scene-1\">The text</h2>") && !html.contains("One scene"));
    }

    #[test]
    fn an_indent_is_kept_and_white_space_between_scenes_is_not() {
        let scene = |text: &str| super::text(&[Passage { scene: None, text: text.to_owned() }]);
        assert!(scene(" In a kitchen\n ").contains("\">In a kitchen</p>"));
        assert!(scene("\n\n  if a:\n    b").contains("\">  if a:<br />    b</p>"));
    }
}
