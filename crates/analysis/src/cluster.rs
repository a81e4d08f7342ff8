//! Hierarchical clustering of tokens: cosine distance, average linkage, as scipy's `linkage`,
//! `leaves_list` and `fcluster(criterion="distance")`.
//!
//! The crate `kodama` 0.3 gives the same trees, bit by bit (on the fixture, and on 200 matrices full of ties), but its
//! `nnchain` is 2.7 kB of the compressed page, for the 60 lines of [`average_linkage`].

use crate::order::smallest_first;
use crate::similarity::Matrix;

/// Where the paper cuts the tree.
pub const CUT: f32 = 0.2;

/// Two clusters become one. Clusters below n are single tokens, n + k is the k-th merge's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The cluster with the smaller number.
    pub left: usize,
    /// The other one.
    pub right: usize,
    /// Mean distance between their tokens, 0..=2.
    pub height: f32,
    /// Tokens in the new cluster.
    pub size: usize,
}

/// The tree of n tokens: n - 1 merges, lowest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// Lowest first.
    pub merges: Vec<Merge>,
    /// Number of tokens, n.
    pub leaves: usize,
}

/// Clusters the tokens of a similarity matrix: distance 1 - similarity, average linkage. Values that
/// are not finite count as distance 1.
pub fn average_linkage(similarity: &Matrix) -> Tree {
    let n = similarity.size();
    let entries = (0..n).flat_map(|i| similarity.entries.row(i));
    let mut distance: Vec<f64> = entries.map(|v| if v.is_finite() { 1.0 - f64::from(v) } else { 1.0 }).collect();
    // Nearest-neighbor chain (Müllner 2011): average linkage never lets a merge come nearer than
    // what it is made of, so mutual nearest neighbors may be merged in any order.
    let mut size = vec![1usize; n];
    let mut found: Vec<(usize, usize, f64)> = Vec::with_capacity(n.saturating_sub(1));
    let mut chain: Vec<usize> = Vec::new();
    while found.len() + 1 < n {
        if chain.is_empty() {
            chain.extend((0..n).find(|i| size[*i] > 0));
        }
        let Some(&last) = chain.last() else { break };
        let before = chain.len().checked_sub(2).map(|i| chain[i]);
        // The one before wins ties: otherwise the chain could run in a circle.
        let mut nearest = before.map(|b| (b, distance[last * n + b]));
        for other in (0..n).filter(|i| size[*i] > 0 && *i != last) {
            let d = distance[last * n + other];
            if nearest.is_none_or(|(_, least)| d < least) {
                nearest = Some((other, d));
            }
        }
        let Some((other, d)) = nearest else { break };
        if Some(other) != before {
            chain.push(other);
            continue;
        }
        chain.truncate(chain.len() - 2);
        let (gone, kept) = (last.min(other), last.max(other));
        found.push((gone, kept, d));
        let (a, b) = (size[gone] as f64, size[kept] as f64);
        for i in (0..n).filter(|i| size[*i] > 0 && *i != gone && *i != kept) {
            let mean = (a * distance[gone * n + i] + b * distance[kept * n + i]) / (a + b);
            distance[kept * n + i] = mean;
            distance[i * n + kept] = mean;
        }
        size[kept] += size[gone];
        size[gone] = 0;
    }
    Tree { merges: in_order(found, n), leaves: n }
}

/// Sorts merges by height and names clusters by when they arose.
fn in_order(found: Vec<(usize, usize, f64)>, n: usize) -> Vec<Merge> {
    let found = smallest_first(found, |it| it.2);
    let mut parent: Vec<usize> = (0..2 * n).collect();
    let mut size: Vec<usize> = vec![1; 2 * n];
    let root = |parent: &mut Vec<usize>, mut i: usize| {
        while parent[i] != i {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        i
    };
    found
        .into_iter()
        .enumerate()
        .map(|(k, (a, b, height))| {
            let (a, b) = (root(&mut parent, a), root(&mut parent, b));
            let new = n + k;
            parent[a] = new;
            parent[b] = new;
            size[new] = size[a] + size[b];
            Merge { left: a.min(b), right: a.max(b), height: height as f32, size: size[new] }
        })
        .collect()
}

impl Tree {
    /// Tokens from left to right, so that no branches cross.
    pub fn leaf_order(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.leaves);
        // The last merge holds everything; a lone token is its own tree.
        let mut open: Vec<usize> = (self.leaves + self.merges.len()).checked_sub(1).into_iter().collect();
        while let Some(cluster) = open.pop() {
            match cluster.checked_sub(self.leaves).and_then(|k| self.merges.get(k)) {
                Some(merge) => open.extend([merge.right, merge.left]),
                None => order.push(cluster),
            }
        }
        order
    }

    /// The cluster of each token when the tree is cut at `height`, numbered in the order of the
    /// tokens' first appearance.
    pub fn cut(&self, height: f32) -> Vec<usize> {
        let mut parent: Vec<Option<usize>> = vec![None; self.leaves + self.merges.len()];
        for (k, merge) in self.merges.iter().enumerate().filter(|(_, merge)| merge.height <= height) {
            parent[merge.left] = Some(self.leaves + k);
            parent[merge.right] = Some(self.leaves + k);
        }
        let mut numbers: Vec<usize> = Vec::new();
        (0..self.leaves)
            .map(|token| {
                let mut cluster = token;
                while let Some(above) = parent[cluster] {
                    cluster = above;
                }
                numbers.iter().position(|c| *c == cluster).unwrap_or_else(|| {
                    numbers.push(cluster);
                    numbers.len() - 1
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::SymmetricMatrix;

    fn tree(distances: &[[f32; 4]; 4]) -> Tree {
        let entries = SymmetricMatrix::from_fn(4, |i, j| 1.0 - distances[i][j]);
        average_linkage(&Matrix { entries, first: 0 })
    }

    #[test]
    fn the_nearest_merge_first_and_means_count_tokens() {
        let it = tree(&[[0.0, 0.9, 0.1, 0.7], [0.9, 0.0, 0.8, 0.3], [0.1, 0.8, 0.0, 0.6], [0.7, 0.3, 0.6, 0.0]]);
        let merges: Vec<_> = it.merges.iter().map(|m| (m.left, m.right, m.size)).collect();
        assert_eq!(merges, [(0, 2, 2), (1, 3, 2), (4, 5, 4)]);
        assert!((it.merges[2].height - (0.9 + 0.7 + 0.8 + 0.6) / 4.0).abs() < 1e-6);
        assert_eq!(it.leaf_order(), [0, 2, 1, 3]);
        assert_eq!(it.cut(0.2), [0, 1, 0, 2]);
        assert_eq!(it.cut(0.3), [0, 1, 0, 1]);
        assert_eq!(it.cut(2.0), [0; 4]);
    }

    #[test]
    fn one_token_or_none_is_a_tree_too() {
        let of = |n| average_linkage(&Matrix { entries: SymmetricMatrix::from_fn(n, |_, _| 1.0), first: 0 });
        let one = of(1);
        assert_eq!((one.leaf_order(), one.cut(0.2)), (vec![0], vec![0]));
        let none = of(0);
        assert!(none.leaf_order().is_empty() && none.cut(0.2).is_empty());
    }

    #[test]
    fn equal_distances_and_nan_come_to_an_end() {
        let it = average_linkage(&Matrix { entries: SymmetricMatrix::from_fn(6, |_, _| f32::NAN), first: 0 });
        assert_eq!(it.merges.len(), 5);
        let mut order = it.leaf_order();
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3, 4, 5]);
    }
}
