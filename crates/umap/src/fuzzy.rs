//! The fuzzy simplicial set: which points count as near each other, and how much.

use crate::neighbors::{Neighbors, nearest};
use crate::{Distances, Parameters, Result};

/// Steps and tolerance of the search for a neighborhood's width.
const SEARCH_STEPS: usize = 64;
const SEARCH_TOLERANCE: f64 = 1e-5;
/// A width is at least this share of the mean distance.
const MIN_WIDTH: f64 = 1e-3;

/// A symmetric sparse matrix [T, T] of membership strengths in (0, 1], without a diagonal.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Row i is `offsets[i]..offsets[i + 1]` of the other two [T + 1].
    pub offsets: Vec<usize>,
    /// Columns, ascending in a row.
    pub columns: Vec<u32>,
    /// Strengths.
    pub weights: Vec<f32>,
}

impl Graph {
    /// T.
    pub fn points(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Neighbors of a point and the strengths of their edges.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = self.offsets[i]..self.offsets[i + 1];
        self.columns[range.clone()].iter().map(|c| *c as usize).zip(self.weights[range].iter().copied())
    }

    /// Without the edges that would not be drawn once in `epochs` epochs.
    pub(crate) fn without_weak_edges(&self, epochs: usize) -> Self {
        let strongest = self.weights.iter().copied().fold(0f32, f32::max);
        let least = f64::from(strongest) / epochs as f64;
        Self::from_rows(self.points(), |i, row| row.extend(self.row(i).filter(|(_, w)| f64::from(*w) >= least)))
    }

    fn from_rows(points: usize, mut fill: impl FnMut(usize, &mut Vec<(usize, f32)>)) -> Self {
        let mut graph = Self { offsets: vec![0], columns: Vec::new(), weights: Vec::new() };
        let mut row = Vec::new();
        for i in 0..points {
            row.clear();
            fill(i, &mut row);
            graph.columns.extend(row.iter().map(|(column, _)| *column as u32));
            graph.weights.extend(row.iter().map(|(_, weight)| *weight));
            graph.offsets.push(graph.columns.len());
        }
        graph
    }
}

/// The graph that umap-learn calls `graph_`: its `fuzzy_simplicial_set` on exact neighbors.
///
/// # Errors
/// [`crate::Error::TooFew`], [`crate::Error::Setting`].
pub fn fuzzy_graph(distances: &Distances, parameters: &Parameters) -> Result<Graph> {
    parameters.check(distances.points())?;
    let neighbors = nearest(distances, parameters.neighbors_of(distances.points()));
    let widths = widths(&neighbors, parameters);
    Ok(symmetric(&memberships(&neighbors, &widths), parameters.set_op_mix_ratio))
}

/// A neighborhood: nothing within `rho` is farther than the nearest neighbor, beyond it strength
/// falls off over `sigma`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Width {
    rho: f32,
    sigma: f32,
}

/// umap-learn's `smooth_knn_dist`: sigma is where the strengths of the k - 1 neighbors sum to
/// log2 k, found by bisection.
fn widths(neighbors: &Neighbors, parameters: &Parameters) -> Vec<Width> {
    let target = libm::log2(neighbors.k as f64) * parameters.bandwidth;
    let mean = |distances: &[f32]| -> f64 {
        distances.iter().map(|d| f64::from(*d)).sum::<f64>() / distances.len().max(1) as f64
    };
    let overall_mean = mean(&neighbors.distances);
    let width_of = |distances: &[f32]| {
        let rho = local_distance(distances, parameters.local_connectivity);
        let strengths = |sigma: f64| -> f64 {
            distances[1..].iter().map(|d| strength(f64::from(*d) - f64::from(rho), sigma)).sum()
        };
        let (mut low, mut high, mut sigma) = (0.0, f64::INFINITY, 1.0);
        for _ in 0..SEARCH_STEPS {
            let sum = strengths(sigma);
            if (sum - target).abs() < SEARCH_TOLERANCE {
                break;
            }
            if sum > target {
                high = sigma;
                sigma = (low + high) / 2.0;
            } else {
                low = sigma;
                sigma = if high.is_finite() { (low + high) / 2.0 } else { sigma * 2.0 };
            }
        }
        let scale = if rho > 0.0 { mean(distances) } else { overall_mean };
        Width { rho, sigma: sigma.max(MIN_WIDTH * scale) as f32 }
    };
    neighbors.distances.chunks_exact(neighbors.k).map(width_of).collect()
}

/// Distance to the `connectivity`-th neighbor that is not a duplicate, interpolated between two of them where that
/// is not a whole number; to the farthest where there are fewer; 0 among duplicates only.
fn local_distance(distances: &[f32], connectivity: f64) -> f32 {
    let apart: Vec<f32> = distances.iter().copied().filter(|d| *d > 0.0).collect();
    let Some(farthest) = apart.last().copied() else { return 0.0 };
    if (apart.len() as f64) < connectivity {
        return farthest;
    }
    let index = connectivity.floor() as usize;
    let between = (connectivity - index as f64) as f32;
    let before = if index == 0 { 0.0 } else { apart[index - 1] };
    match apart.get(index) {
        Some(after) if f64::from(between) > SEARCH_TOLERANCE => before + between * (after - before),
        _ => before,
    }
}

fn strength(beyond: f64, sigma: f64) -> f64 {
    if beyond > 0.0 { libm::exp(-beyond / sigma) } else { 1.0 }
}

/// Strength of each directed edge: rows of (column, strength), columns ascending.
fn memberships(neighbors: &Neighbors, widths: &[Width]) -> Vec<Vec<(u32, f32)>> {
    let row = |(i, width): (usize, &Width)| {
        let range = i * neighbors.k..(i + 1) * neighbors.k;
        let mut row: Vec<(u32, f32)> = neighbors.indices[range.clone()]
            .iter()
            .zip(&neighbors.distances[range])
            .filter(|(j, _)| **j as usize != i)
            .map(|(j, d)| {
                let w = if width.sigma == 0.0 {
                    1.0
                } else {
                    strength(f64::from(d - width.rho), f64::from(width.sigma)) as f32
                };
                (*j, w)
            })
            .filter(|(_, w)| *w > 0.0)
            .collect();
        row.sort_unstable_by_key(|(j, _)| *j);
        row
    };
    widths.iter().enumerate().map(row).collect()
}

/// Both directions of an edge as one: mix x (a + b - ab) + (1 - mix) x ab.
fn symmetric(directed: &[Vec<(u32, f32)>], mix: f64) -> Graph {
    let mut reverse: Vec<Vec<(u32, f32)>> = vec![Vec::new(); directed.len()];
    for (i, row) in directed.iter().enumerate() {
        for (j, w) in row {
            // Rows come in order: the columns of each ascend here, too.
            reverse[*j as usize].push((i as u32, *w));
        }
    }
    let mix = mix as f32;
    Graph::from_rows(directed.len(), |i, row| {
        let (mut out, mut back) = (directed[i].iter().peekable(), reverse[i].iter().peekable());
        loop {
            let next = [out.peek(), back.peek()].into_iter().flatten().map(|(j, _)| *j).min();
            let Some(j) = next else { break };
            let a = out.next_if(|e| e.0 == j).map_or(0.0, |e| e.1);
            let b = back.next_if(|e| e.0 == j).map_or(0.0, |e| e.1);
            // Sums in one order for both directions, so that the matrix is exactly symmetric.
            let (low, high) = (a.min(b), a.max(b));
            let w = mix * (high + low - low * high) + (1.0 - mix) * (low * high);
            if w > 0.0 {
                row.push((j as usize, w));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Metric;

    #[test]
    fn strengths_of_a_neighborhood_sum_to_log2_k() {
        let points: Vec<f32> = (0..60).map(|i| ((i * 37 + 11) % 101) as f32 / 7.0).collect();
        let distances = Distances::from_points(&points, 20, Metric::Euclidean).unwrap();
        let neighbors = nearest(&distances, 8);
        for row in memberships(&neighbors, &widths(&neighbors, &Parameters::default())) {
            let sum: f32 = row.iter().map(|e| e.1).sum();
            assert!((sum - 3.0).abs() < 1e-4, "{sum}");
            assert!(row.iter().any(|e| e.1 == 1.0), "the nearest neighbor is wholly near");
        }
    }

    #[test]
    fn local_distance_lies_between_neighbors() {
        let distances = [0.0, 0.0, 1.0, 3.0];
        assert_eq!(local_distance(&distances, 1.0), 1.0);
        assert_eq!(local_distance(&distances, 1.5), 2.0);
        assert_eq!(local_distance(&distances, 0.5), 0.5);
        assert_eq!(local_distance(&distances, 2.0), 3.0);
        assert_eq!(local_distance(&distances, 9.0), 3.0);
        assert_eq!(local_distance(&[0.0, 0.0], 1.0), 0.0);
    }

    #[test]
    fn union_and_intersection_mix() {
        let directed = vec![vec![(1, 0.5), (2, 1.0)], vec![(0, 0.25)], vec![]];
        let union = symmetric(&directed, 1.0);
        assert_eq!(union.row(0).collect::<Vec<_>>(), [(1, 0.625), (2, 1.0)]);
        assert_eq!(union.row(1).collect::<Vec<_>>(), [(0, 0.625)]);
        assert_eq!(union.row(2).collect::<Vec<_>>(), [(0, 1.0)]);
        let intersection = symmetric(&directed, 0.0);
        assert_eq!(intersection.row(0).collect::<Vec<_>>(), [(1, 0.125)]);
        assert_eq!(intersection.offsets, [0, 1, 2, 2]);
        assert_eq!(union.without_weak_edges(1).weights, [1.0, 1.0]);
    }
}
