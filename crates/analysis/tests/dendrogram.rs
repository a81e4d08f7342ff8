//! Hierarchical clustering against scipy's (tests/reference/dendrogram.py).

use std::collections::HashMap;

use lens_analysis::SymmetricMatrix;
use lens_analysis::cluster::{CUT, average_linkage};
use lens_analysis::similarity::Matrix;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    similarity: Vec<f32>,
    merges: Vec<(usize, usize, f32, usize)>,
    leaf_order: Vec<usize>,
    clusters: Vec<usize>,
}

#[test]
fn trees_orders_and_clusters_are_scipys() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../tests/fixtures/dendrogram.json")).expect("the fixture is JSON");
    assert!(cases.len() >= 4);
    for case in cases {
        let size = case.leaf_order.len();
        let entries = SymmetricMatrix::from_dense(size, &case.similarity).expect("a square matrix");
        let tree = average_linkage(&Matrix { entries, first: 0 });
        assert_eq!(tree.merges.len(), case.merges.len());
        for (found, (left, right, height, tokens)) in tree.merges.iter().zip(case.merges) {
            assert_eq!((found.left, found.right, found.size), (left, right, tokens));
            assert!((found.height - height).abs() < 1e-6, "{} {height}", found.height);
        }
        assert_eq!(tree.leaf_order(), case.leaf_order);
        // Cluster numbers are names: the same tokens have to be together.
        let mut names = HashMap::new();
        for (ours, scipys) in tree.cut(CUT).into_iter().zip(case.clusters) {
            assert_eq!(*names.entry(scipys).or_insert(ours), ours);
        }
        assert_eq!(names.values().collect::<std::collections::HashSet<_>>().len(), names.len());
    }
}
