//! Which marks each figure is made of.

use super::writer::{Anchor, Caption, Svg, SvgTheme, fitting};
use crate::figure::dendrogram::Dendrogram;
use crate::figure::feature_map::{FeatureMap, FeatureMapLayout};
use crate::figure::heatmap::Heatmap;
use crate::figure::layout::{FigureLayout, Rect};
use crate::figure::strip::Shading;
use crate::figure::trajectory::{MAP, Mark, Scene, Trajectory};
use crate::format::choice::Choice;
use crate::format::token;

/// Left and right of the text.
const MARGIN: f64 = 12.0;

/// How much larger than its dot a ring is.
const RING: f64 = 3.0;

/// The trajectory as a camera sees it, with rings around the points `begins`, where scenes begin.
pub fn trajectory(
    it: &Trajectory,
    scene: &Scene,
    begins: &[usize],
    layout: &FigureLayout,
    theme: SvgTheme,
    caption: Caption,
) -> String {
    let mut svg = Svg::new(theme);
    let names: Vec<String> = it.rows().map(|row| format!("{} {}", row.position, row.token)).collect();
    svg.clipped(layout.plot, |svg| {
        for [from, to] in &scene.edges {
            svg.line(*from, *to, theme.rule, 1.0);
        }
        for mark in &scene.marks {
            match mark {
                Mark::Segment(it) => svg.line(it.from, it.to, theme.muted, 0.45),
                Mark::Dot(dot) => {
                    svg.dot(dot.at, dot.radius, dot.color, names.get(dot.point).map_or("", String::as_str));
                }
            }
        }
        for mark in &scene.marks {
            if let Mark::Dot(dot) = mark
                && begins.contains(&dot.point)
            {
                svg.ring(dot.at, dot.radius + RING, theme.alarm);
            }
        }
    });
    for axis in &scene.axes {
        svg.line(axis.from, axis.to, theme.muted, 1.0);
        for (at, label) in &axis.ticks {
            svg.text(*at, label, 11.0, theme.text, Anchor::Middle);
        }
        if axis.title_is_upright {
            svg.upright(axis.title_at, &axis.title, 12.0, theme.muted, Anchor::Middle);
        } else {
            svg.text(axis.title_at, &axis.title, 12.0, theme.muted, Anchor::Middle);
        }
    }
    if let Some(bar) = layout.color_bar {
        svg.bar(MAP, it.shade_range, bar, &it.shade_title, [false; 2]);
    }
    svg.finish(layout.width, layout.height, caption)
}

/// The text's strongest novel features, by their `names`, against its tokens.
pub fn feature_map(
    map: &FeatureMap,
    names: &[String],
    layout: &FeatureMapLayout,
    theme: SvgTheme,
    caption: Caption,
) -> String {
    let mut svg = Svg::new(theme);
    let plot = layout.figure.plot;
    svg.rect(plot, theme.sunken, 1.0);
    for row in 0..map.features.len() {
        let y = row as f64 * layout.row_height;
        let at = [plot.x - 6.0, y + layout.row_height / 2.0];
        let name = fitting(names.get(row).map_or("", String::as_str), 11.0, plot.x - 10.0);
        svg.text(at, &name, 11.0, theme.text, Anchor::End);
        for position in 0..map.tokens {
            let level = map.level(row, position);
            if level > 0.0 {
                let (x, width) = (layout.column_x(position), layout.column_width.max(1.0));
                let cell = Rect { x, y: y + 1.0, width, height: layout.row_height - 2.0 };
                svg.rect(cell, theme.added, f64::from(FeatureMap::opacity(level)));
            }
        }
    }
    svg.text([plot.x + plot.width / 2.0, plot.height + 11.0], "Token position", 12.0, theme.muted, Anchor::Middle);
    svg.finish(layout.figure.width, layout.figure.height, caption)
}

/// Width of a column of the strip's text, and height of a line; type sizes of the page.
const COLUMN: f64 = 8.2;
const LINE: f64 = 26.0;

/// The text as tokens, shaded as on the page; those at `boundaries` begin an event.
pub fn strip(tokens: &[String], shading: &Shading, boundaries: &[usize], theme: SvgTheme, caption: Caption) -> String {
    let mut svg = Svg::new(theme);
    let strip = caption.width.pixels() - 2.0 * MARGIN;
    let (mut x, mut y) = (MARGIN, 0.0);
    for (position, token) in tokens.iter().enumerate() {
        let text = token::plain(token);
        let width = (token::columns(&text) as f64 * COLUMN + 6.0).min(strip);
        if x + width > MARGIN + strip {
            (x, y) = (MARGIN, y + LINE);
        }
        let level = shading.level(position);
        if level > 0.0 {
            // As strong as in the page's style sheet.
            svg.rect(Rect { x, y: y + 3.0, width, height: LINE - 6.0 }, theme.shade, f64::from(0.75 * level));
        }
        if boundaries.contains(&position) {
            svg.rect(Rect { x: x - 1.0, y: y + 3.0, width: 2.0, height: LINE - 6.0 }, theme.accent, 1.0);
        }
        svg.line([x + width, y + 5.0], [x + width, y + LINE - 5.0], theme.rule, 1.0);
        svg.text([x + 3.0, y + LINE / 2.0], &text, 13.0, theme.text, Anchor::Start);
        x += width;
        if token::breaks_line(token) {
            (x, y) = (MARGIN, y + LINE);
        }
    }
    let [low, high] = shading.ends();
    let legend = format!("{}: {low} (no shade) to {high}", shading.quantity.label());
    svg.text([MARGIN, y + LINE + 14.0], &legend, 11.0, theme.muted, Anchor::Start);
    svg.finish(strip + 2.0 * MARGIN, y + LINE + 26.0, caption)
}

/// Height of a leaf, and width of labels and tree.
const LEAF: f64 = 15.0;
const LABELS: f64 = 150.0;
const TREE: f64 = 560.0;

/// The dendrogram that is cut at distance `cut`, its leaves named by the tokens of `heatmap`.
pub fn dendrogram(tree: &Dendrogram, heatmap: &Heatmap, cut: f32, theme: SvgTheme, caption: Caption) -> String {
    let mut svg = Svg::new(theme);
    let highest = tree.highest.max(f64::from(cut)).max(1e-6);
    let x = |distance: f64| LABELS + distance / highest * TREE;
    let y = |slot: f64| slot * LEAF;
    let height = y(tree.order.len() as f64);
    for slot in 0..tree.order.len() {
        let Some(position) = heatmap.position(slot) else { continue };
        let name = format!("{position} {}", heatmap.label(position, 18));
        svg.text([LABELS - 6.0, y(slot as f64 + 0.5)], &name, 11.0, theme.text, Anchor::End);
    }
    for link in &tree.links {
        let color = if link.is_below_cut { theme.accent } else { theme.muted };
        let [upper, lower] = [y(link.from), y(link.to)];
        svg.line([x(link.from_height), upper], [x(link.height), upper], color, 1.0);
        svg.line([x(link.height), upper], [x(link.height), lower], color, 1.0);
        svg.line([x(link.to_height), lower], [x(link.height), lower], color, 1.0);
    }
    svg.line([x(f64::from(cut)), 0.0], [x(f64::from(cut)), height], theme.rule, 1.0);
    let foot = [(0.0, "0".to_owned()), (f64::from(cut), format!("cut at {cut}")), (highest, format!("{highest:.2}"))];
    for (distance, label) in foot {
        svg.text([x(distance), height + 11.0], &label, 11.0, theme.text, Anchor::Middle);
    }
    svg.text(
        [LABELS + TREE / 2.0, height + 29.0],
        "Cosine distance, average linkage",
        12.0,
        theme.muted,
        Anchor::Middle,
    );
    svg.finish(LABELS + TREE + 30.0, height + 40.0, caption)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::PrintWidth;
    use super::*;
    use crate::example;
    use crate::figure::heatmap::Scale;
    use crate::figure::layout::AvailableSpace;
    use crate::figure::trajectory::{Camera, Method, layout};
    use lens_analysis::cluster;
    use lens_analysis::per_token::Quantity;
    use lens_analysis::similarity::{Mode, Source, similarity};

    pub(in super::super) const THEME: SvgTheme = SvgTheme {
        paper: "white",
        sunken: "whitesmoke",
        text: "black",
        muted: "gray",
        rule: "silver",
        alarm: "#bb2222",
        accent: "rgb(1, 2, 3)",
        added: "rgb(4, 5, 6)",
        shade: "gold",
        scenes: ["navy", "teal", "olive", "maroon"],
        typeface: "\"Some Sans\", sans-serif",
    };
    pub(in super::super) const CAPTION: Caption =
        Caption { title: "A <title> & more", credit: "model q8 0123", width: PrintWidth::Screen };

    /// Every tag that opens closes, in order; and no text stands outside the root.
    pub(in super::super) fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').expect("a tag ends");
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name)),
                None if !tag.ends_with('/') => open.push(tag.split([' ', '\n']).next().unwrap()),
                None => {}
            }
        }
        assert_eq!(open, Vec::<&str>::new());
        assert!(svg.contains("A &lt;title&gt; &amp; more") && svg.contains("model q8 0123"));
        assert!(svg.contains("font-family=\"&quot;Some Sans&quot;, sans-serif\""));
    }

    #[test]
    fn a_trajectory_has_a_named_dot_for_each_point_and_its_color_bar() {
        let tokens = ["<bos>", "a\u{1}", "&", "d"].map(str::to_owned).to_vec();
        let points = [0.0, 0.0, 1.0, 1.0, 2.0, 0.5, f32::NAN, 0.0];
        let it = Trajectory::new(Method::Pca, &points, 2, vec![0, 1, 2, 3], tokens).unwrap();
        let place = layout(2, AvailableSpace { width: 700.0, max_height: 600.0, pixel_ratio: 1.0 });
        let scene = Scene::of(&it, &Camera::default(), &place);
        let svg = trajectory(&it, &scene, &[1], &place, THEME, CAPTION);
        assert_well_formed(&svg);
        assert_eq!(svg.matches("</title></circle>").count(), 3, "a point without a place is left out");
        assert_eq!(svg.matches("fill=\"none\" stroke=\"#bb2222\"").count(), 1, "a scene begins at one point");
        assert!(svg.contains("<title>2 &amp;</title>") && svg.contains("<title>1 aU+0001</title>"), "{svg}");
        assert!(svg.contains("PC 1") && svg.contains("PC 2") && svg.contains("linearGradient"));
    }

    #[test]
    fn a_feature_map_has_a_cell_for_each_value() {
        let analysis = example::analysis();
        let map = FeatureMap::of(&analysis, 5);
        let names = ["weather <&> sky", "#3"].map(str::to_owned);
        let svg = feature_map(&map, &names, &FeatureMapLayout::new(2, 3, 400.0), THEME, CAPTION);
        assert_well_formed(&svg);
        let cells = svg.matches("fill=\"rgb(4, 5, 6)\"").count();
        assert_eq!(cells, map.values.iter().filter(|value| **value > 0.0).count());
        assert!(svg.contains(">weather &lt;&amp;&gt; sky</text>") && svg.contains(">#3</text>"));
    }

    #[test]
    fn the_strip_has_every_token_its_shade_and_its_events() {
        let mut analysis = example::analysis();
        analysis.l0_pred = vec![0, 4, 5];
        analysis.tokens[0] = "x".repeat(200);
        let shading = Shading::of(&analysis, Quantity::PredictableL0).unwrap();
        let svg = strip(&analysis.tokens, &shading, &[2], THEME, CAPTION);
        assert_well_formed(&svg);
        assert!(svg.contains(">·sky</text>") && svg.contains("Predictable L0: 4 (no shade) to 5"), "{svg}");
        assert_eq!((svg.matches("\"gold\"").count(), svg.matches("\"rgb(1, 2, 3)\"").count()), (1, 1));
        // The first token fills a line, so that the others stand in the next one.
        assert!(svg.contains("y=\"39.00\""), "{svg}");
    }

    #[test]
    fn a_dendrogram_has_three_lines_a_link_and_a_name_a_leaf() {
        let analysis = example::analysis();
        let matrix = similarity(&analysis, Source::Predictable, Mode::Notebook).unwrap();
        let tree = Dendrogram::of(&cluster::average_linkage(&matrix), 0.2);
        let kind = (Source::Predictable, Mode::Notebook);
        let heatmap = Heatmap::new(&analysis, matrix, kind, Scale::Data, Some(&tree.order));
        let svg = dendrogram(&tree, &heatmap, 0.2, THEME, CAPTION);
        assert_well_formed(&svg);
        assert_eq!(svg.matches("<line").count(), 2 * 3 + 1);
        for name in ["0 &lt;bos&gt;", "1 ·sky", "2 ."] {
            assert!(svg.contains(&format!(">{name}</text>")), "{name}");
        }
    }
}
