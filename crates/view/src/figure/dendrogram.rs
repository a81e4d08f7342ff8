//! The dendrogram beside the matrix: where its lines go.

use lens_analysis::cluster::Tree;

/// One link: two arms and the bar that joins them, in leaf slots and distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Slot of the left (upper) arm; leaves are at 0.5, 1.5, ...
    pub from: f64,
    /// Slot of the right (lower) arm.
    pub to: f64,
    /// Distance at which the left arm begins.
    pub from_height: f64,
    /// Distance at which the right arm begins.
    pub to_height: f64,
    /// Distance of the bar.
    pub height: f64,
    /// Whether the tree's cut leaves it whole: the tokens below are one cluster.
    pub is_below_cut: bool,
}

/// A drawn tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Dendrogram {
    /// Tokens' places in the matrix, in the order of the leaves.
    pub order: Vec<usize>,
    /// Lowest first.
    pub links: Vec<Link>,
    /// The largest distance.
    pub highest: f64,
    /// Clusters that the cut leaves.
    pub clusters: usize,
}

impl Dendrogram {
    /// Lays out a tree that is cut at distance `cut`.
    pub fn of(tree: &Tree, cut: f32) -> Self {
        let order = tree.leaf_order();
        let mut place = vec![(0.0, 0.0); tree.leaves];
        for (slot, leaf) in order.iter().enumerate() {
            place[*leaf] = (slot as f64 + 0.5, 0.0);
        }
        let mut links = Vec::with_capacity(tree.merges.len());
        for merge in &tree.merges {
            let (left, right) = (place[merge.left], place[merge.right]);
            let ((from, from_height), (to, to_height)) = if left.0 <= right.0 { (left, right) } else { (right, left) };
            let height = f64::from(merge.height);
            links.push(Link { from, to, from_height, to_height, height, is_below_cut: merge.height <= cut });
            place.push(((from + to) / 2.0, height));
        }
        let highest = links.last().map_or(0.0, |link| link.height);
        let clusters = tree.cut(cut).into_iter().max().map_or(0, |last| last + 1);
        Self { order, links, highest, clusters }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_analysis::cluster::Merge;

    #[test]
    fn arms_stand_over_their_clusters() {
        let tree = Tree {
            leaves: 3,
            merges: vec![
                Merge { left: 0, right: 2, height: 0.1, size: 2 },
                Merge { left: 1, right: 3, height: 0.6, size: 3 },
            ],
        };
        let it = Dendrogram::of(&tree, 0.2);
        assert_eq!(it.order, [1, 0, 2]);
        let low = Link {
            from: 1.5,
            to: 2.5,
            from_height: 0.0,
            to_height: 0.0,
            height: f64::from(0.1f32),
            is_below_cut: true,
        };
        assert_eq!(it.links[0], low);
        assert_eq!((it.links[1].from, it.links[1].to), (0.5, 2.0));
        assert_eq!(it.links[1].to_height, f64::from(0.1f32));
        assert!(!it.links[1].is_below_cut);
        assert_eq!(it.clusters, 2);
    }
}
