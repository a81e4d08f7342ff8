//! Held against umap-learn, scikit-learn, scipy and torch: `tests/fixtures/umap`, made by
//! `tests/reference/umap_cases.py`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use lens_analysis::gram::centered_gram;
use lens_umap::curve::find_ab_params;
use lens_umap::{Distances, Metric, Parameters, fuzzy_graph, notebook_positions, trustworthiness, umap};
use safetensors::SafeTensors;
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
    curves: Vec<Curve>,
    positions: Vec<Positions>,
}

#[derive(Deserialize)]
struct Case {
    data: String,
    metric: String,
    n_components: usize,
    k: usize,
    /// umap-learn's, over ten seeds.
    trustworthiness: Vec<f64>,
}

#[derive(Deserialize)]
struct Curve {
    spread: f64,
    min_dist: f64,
    a: f64,
    b: f64,
}

#[derive(Deserialize)]
struct Positions {
    tokens: usize,
    positions: Vec<usize>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/umap")
}

fn fixture() -> Fixture {
    serde_json::from_str(&std::fs::read_to_string(folder().join("cases.json")).unwrap()).unwrap()
}

fn metric_of(name: &str) -> Metric {
    match name {
        "euclidean" => Metric::Euclidean,
        "cosine" => Metric::Cosine,
        other => panic!("no metric {other}"),
    }
}

struct Data {
    bytes: Vec<u8>,
}

impl Data {
    fn read(name: &str) -> Self {
        Self { bytes: std::fs::read(folder().join(format!("{name}.safetensors"))).unwrap() }
    }

    fn floats(&self, name: &str) -> (Vec<f32>, usize) {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        (values, tensor.shape()[0])
    }

    fn distances(&self, metric: Metric) -> Distances {
        let (points, count) = self.floats("points");
        Distances::from_points(&points, count, metric).unwrap()
    }

    /// As the page has them: from the centered Gram matrix in f32.
    fn distances_from_gram(&self) -> Distances {
        let (points, count) = self.floats("points");
        let width = points.len() / count;
        let gram = centered_gram(&points, count, width).to_dense();
        Distances::from_gram(&gram, count, Metric::Euclidean).unwrap()
    }

    /// The graph's upper triangle.
    fn graph(&self, metric: &str) -> BTreeMap<(usize, usize), f32> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(&format!("{metric}.edges")).unwrap();
        let ends: Vec<usize> =
            tensor.data().chunks_exact(2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]))).collect();
        let (weights, _) = self.floats(&format!("{metric}.weights"));
        ends.chunks_exact(2).map(|e| (e[0], e[1])).zip(weights).collect()
    }
}

/// Largest difference of a weight; an edge that one of both lacks counts with its whole weight.
fn largest_difference(distances: &Distances, expected: &BTreeMap<(usize, usize), f32>) -> f32 {
    let graph = fuzzy_graph(distances, &Parameters::default()).unwrap();
    let found: BTreeMap<(usize, usize), f32> = (0..graph.points())
        .flat_map(|i| graph.row(i).filter(move |(j, _)| i < *j).map(move |(j, w)| ((i, j), w)))
        .collect();
    let weight = |graph: &BTreeMap<(usize, usize), f32>, edge| graph.get(edge).copied().unwrap_or(0.0);
    found.keys().chain(expected.keys()).map(|e| (weight(&found, e) - weight(expected, e)).abs()).fold(0.0, f32::max)
}

#[test]
fn fuzzy_graphs_equal_umap_learn_s() {
    let mut compared = 0;
    for case in fixture().cases.iter().filter(|case| case.n_components == 2) {
        let data = Data::read(&case.data);
        let difference = largest_difference(&data.distances(metric_of(&case.metric)), &data.graph(&case.metric));
        println!("{} {}: {difference:.1e}", case.data, case.metric);
        assert!(difference < 1e-4, "{} {}: {difference}", case.data, case.metric);
        compared += 1;
    }
    assert!(compared >= 9, "{compared}");
}

#[test]
fn fuzzy_graphs_from_gram_matrices_equal_umap_learn_s() {
    // The line's and the roll's neighbors lie so close that a Gram matrix in f32 rounds their
    // distances: their graphs are held to less.
    let cases = [
        ("blobs", 1e-4),
        ("walk", 1e-4),
        ("noise", 1e-4),
        ("short-walk", 1e-4),
        ("many-blobs", 1e-3),
        ("swiss-roll", 1e-2),
        ("line", 1e-1),
    ];
    for (name, tolerance) in cases {
        let data = Data::read(name);
        let difference = largest_difference(&data.distances_from_gram(), &data.graph("euclidean"));
        println!("{name}: {difference:.1e}");
        assert!(difference < tolerance, "{name}: {difference}");
    }
}

#[test]
fn pictures_are_as_trustworthy_as_umap_learn_s() {
    for case in fixture().cases {
        let truth = Data::read(&case.data).distances(metric_of(&case.metric));
        let score_of = |seed| {
            let parameters = Parameters { n_components: case.n_components, seed, ..Parameters::default() };
            let picture = umap(&truth, &parameters, |_, _| ControlFlow::Continue(())).unwrap();
            assert!(picture.coordinates.iter().all(|v| v.is_finite()));
            let seen = Distances::from_points(&picture.coordinates, truth.points(), Metric::Euclidean).unwrap();
            trustworthiness(&truth, &seen, case.k).unwrap()
        };
        let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
        let (found, expected) = (mean(&[1, 2, 3, 4].map(score_of)), mean(&case.trustworthiness));
        println!("{} {} {}D: {found:.4}, umap-learn {expected:.4}", case.data, case.metric, case.n_components);
        assert!(
            (found - expected).abs() <= 0.02,
            "{} {} {}D: {found} for {expected}",
            case.data,
            case.metric,
            case.n_components
        );
    }
}

#[test]
fn trustworthiness_is_scikit_learn_s() {
    for case in fixture().cases.iter().filter(|case| case.n_components == 3) {
        let data = Data::read(&case.data);
        let (picture, count) = data.floats(&format!("{}.embedding", case.metric));
        let seen = Distances::from_points(&picture, count, Metric::Euclidean).unwrap();
        let found = trustworthiness(&data.distances(metric_of(&case.metric)), &seen, case.k).unwrap();
        let expected = case.trustworthiness.last().unwrap();
        assert!((found - expected).abs() < 1e-5, "{} {}: {found} for {expected}", case.data, case.metric);
    }
}

#[test]
fn curves_are_scipy_s() {
    for Curve { spread, min_dist, a, b } in fixture().curves {
        let found = find_ab_params(spread, min_dist);
        assert!(
            (found.0 - a).abs() < 1e-3 && (found.1 - b).abs() < 1e-3,
            "spread {spread}, min_dist {min_dist}: {found:?} for ({a}, {b})"
        );
    }
}

#[test]
fn the_notebook_s_positions_are_torch_s() {
    let expected = fixture().positions;
    assert!(expected.len() > 60);
    for Positions { tokens, positions } in expected {
        assert_eq!(notebook_positions(tokens), positions, "{tokens} tokens");
    }
    assert_eq!(notebook_positions(0), [0usize; 0]);
}
