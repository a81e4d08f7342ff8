//! Where the layout starts: eigenvectors of the graph's normalized Laplacian, piece by piece.

use crate::eigen::{BLOCK, BlockRow, Symmetric, largest};
use crate::random::Random;
use crate::{Distances, Graph};

/// Largest coordinate of a start.
const EXTENT: f64 = 10.0;
/// Deviation of the normal noise on it, so that equal points part.
const NOISE: f64 = 1e-4;

/// A start [T, dim] as umap-learn's `spectral` one: for each connected piece the eigenvectors of I - D^-1/2
/// W D^-1/2 after the first, pieces side by side, the largest coordinate 10, noise of deviation
/// 1e-4 on each, and then each axis stretched to 0..=10.
///
/// Two departures. The eigenvectors are found by another method, with a fixed sign
/// ([`crate::eigen`]). And more than 2 dim pieces lie as their mean distances say
/// (classical scaling), where umap-learn takes a spectral embedding of exp(-distance^2) of their
/// centroids, which is 0 in floating point as soon as the pieces are far apart.
pub fn start(graph: &Graph, distances: &Distances, dim: usize, random: &mut Random) -> Vec<f64> {
    let pieces = pieces(graph);
    let mut coordinates = match pieces.as_slice() {
        [_] => laplacian_eigenvectors(graph, dim),
        several => side_by_side(graph, several, &places(several, distances, dim), dim, random),
    };
    let expansion = EXTENT / largest_magnitude(&coordinates);
    coordinates.iter_mut().for_each(|v| *v = *v * expansion + NOISE * random.normal());
    stretch(&mut coordinates, dim);
    coordinates
}

/// The points of every connected piece, pieces by their first point.
fn pieces(graph: &Graph) -> Vec<Vec<usize>> {
    let mut piece_of = vec![None; graph.points()];
    let mut pieces: Vec<Vec<usize>> = Vec::new();
    let mut waiting = Vec::new();
    for first in 0..graph.points() {
        if piece_of[first].is_some() {
            continue;
        }
        let label = pieces.len();
        piece_of[first] = Some(label);
        waiting.push(first);
        let mut piece = Vec::new();
        while let Some(i) = waiting.pop() {
            piece.push(i);
            for (j, _) in graph.row(i) {
                if piece_of[j].is_none() {
                    piece_of[j] = Some(label);
                    waiting.push(j);
                }
            }
        }
        piece.sort_unstable();
        pieces.push(piece);
    }
    pieces
}

/// D^-1/2 W D^-1/2 - 2 v v^T with v its first eigenvector, sqrt(degree): the eigenvalue 1 becomes -1, so
/// that the largest ones are those of the wanted vectors.
struct Adjacency {
    offsets: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
    first: Vec<f64>,
}

impl Adjacency {
    fn of(graph: &Graph) -> Self {
        let degrees: Vec<f64> = (0..graph.points()).map(|i| graph.row(i).map(|(_, w)| f64::from(w)).sum()).collect();
        let total: f64 = degrees.iter().sum();
        let values = (0..graph.points())
            .flat_map(|i| graph.row(i).map(move |(j, w)| (i, j, f64::from(w))))
            .map(|(i, j, w)| w / (degrees[i] * degrees[j]).sqrt())
            .collect();
        Self {
            offsets: graph.offsets.clone(),
            columns: graph.columns.clone(),
            values,
            first: degrees.iter().map(|d| (d / total).sqrt()).collect(),
        }
    }
}

impl Symmetric for Adjacency {
    fn size(&self) -> usize {
        self.first.len()
    }

    fn lowest(&self) -> f64 {
        -1.0
    }

    /// In proportion to the Laplacian's own eigenvalue: that is how far the next ones are, too.
    fn accuracy(&self, value: f64) -> f64 {
        1e-3 * (1.0 - value)
    }

    fn apply(&self, x: &[BlockRow], out: &mut [BlockRow]) {
        let mut along = [0.0; BLOCK];
        for (v, x) in self.first.iter().zip(x) {
            for c in 0..BLOCK {
                along[c] += v * x[c];
            }
        }
        for (i, (out, v)) in out.iter_mut().zip(&self.first).enumerate() {
            let mut sum: BlockRow = std::array::from_fn(|c| -2.0 * v * along[c]);
            let range = self.offsets[i]..self.offsets[i + 1];
            for (column, w) in self.columns[range.clone()].iter().zip(&self.values[range]) {
                let x = &x[*column as usize];
                for c in 0..BLOCK {
                    sum[c] += w * x[c];
                }
            }
            *out = sum;
        }
    }
}

/// [n, dim] of a connected graph with n > dim.
fn laplacian_eigenvectors(graph: &Graph, dim: usize) -> Vec<f64> {
    let pairs = largest(&Adjacency::of(graph), dim);
    (0..graph.points()).flat_map(|i| pairs.vectors.iter().map(move |v| v[i])).collect()
}

/// Where the middle of every piece lies [pieces, dim].
fn places(pieces: &[Vec<usize>], distances: &Distances, dim: usize) -> Vec<Vec<f64>> {
    if pieces.len() <= 2 * dim {
        // One on each half axis: first those that point forward, then those that point back.
        let forward = pieces.len().div_ceil(2);
        return (0..pieces.len())
            .map(|i| {
                let mut place = vec![0.0; dim];
                place[i % forward] = if i < forward { 1.0 } else { -1.0 };
                place
            })
            .collect();
    }
    let scaling = ClassicalScaling::of(pieces, distances);
    let pairs = largest(&scaling, dim);
    let place = |i: usize| -> Vec<f64> {
        pairs.vectors.iter().zip(&pairs.values).map(|(v, w)| v[i] * w.max(0.0).sqrt()).collect()
    };
    let mut places: Vec<Vec<f64>> = (0..pieces.len()).map(place).collect();
    let extent = largest_magnitude(&places.concat());
    places.iter_mut().flatten().for_each(|v| *v /= extent);
    places
}

/// -1/2 J D J with D the squared mean distances between pieces (umap-learn's linkage for distances): the
/// Gram matrix of points that far apart.
struct ClassicalScaling {
    matrix: Vec<f64>,
    size: usize,
    bound: f64,
}

impl ClassicalScaling {
    fn of(pieces: &[Vec<usize>], distances: &Distances) -> Self {
        let n = pieces.len();
        let mut matrix = vec![0.0; n * n];
        for (a, first) in pieces.iter().enumerate() {
            for (b, second) in pieces.iter().enumerate().skip(a + 1) {
                let sum: f64 = first.iter().flat_map(|i| second.iter().map(|j| f64::from(distances.get(*i, *j)))).sum();
                let mean = sum / (first.len() * second.len()) as f64;
                matrix[a * n + b] = mean * mean;
                matrix[b * n + a] = mean * mean;
            }
        }
        let rows: Vec<f64> = matrix.chunks_exact(n).map(|row| row.iter().sum::<f64>() / n as f64).collect();
        let all = rows.iter().sum::<f64>() / n as f64;
        for i in 0..n {
            for j in 0..n {
                matrix[i * n + j] = -0.5 * (matrix[i * n + j] - rows[i] - rows[j] + all);
            }
        }
        let bound = matrix.chunks_exact(n).map(|row| row.iter().map(|v| v.abs()).sum()).fold(0.0, f64::max);
        Self { matrix, size: n, bound }
    }
}

impl Symmetric for ClassicalScaling {
    fn size(&self) -> usize {
        self.size
    }

    fn lowest(&self) -> f64 {
        -self.bound
    }

    fn accuracy(&self, value: f64) -> f64 {
        1e-4 * value.abs()
    }

    fn apply(&self, x: &[BlockRow], out: &mut [BlockRow]) {
        for (out, row) in out.iter_mut().zip(self.matrix.chunks_exact(self.size)) {
            let mut sum = [0.0; BLOCK];
            for (w, x) in row.iter().zip(x) {
                for c in 0..BLOCK {
                    sum[c] += w * x[c];
                }
            }
            *out = sum;
        }
    }
}

/// Each piece around its place, reaching half way to the next: by its own eigenvectors, or at random
/// where it is too small to have them.
fn side_by_side(
    graph: &Graph,
    pieces: &[Vec<usize>],
    places: &[Vec<f64>],
    dim: usize,
    random: &mut Random,
) -> Vec<f64> {
    let mut coordinates = vec![0.0; graph.points() * dim];
    for (piece, place) in pieces.iter().zip(places) {
        let nearest = places
            .iter()
            .map(|other| other.iter().zip(place).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt())
            .filter(|d| *d > 0.0)
            .fold(f64::INFINITY, f64::min);
        // Pieces may all lie in one place.
        let reach = if nearest.is_finite() { nearest / 2.0 } else { 1.0 };
        let mut own = if piece.len() < 2 * dim || piece.len() <= dim + 1 {
            (0..piece.len() * dim).map(|_| random.signed()).collect()
        } else {
            laplacian_eigenvectors(&part_of(graph, piece), dim)
        };
        if piece.len() >= 2 * dim && piece.len() > dim + 1 {
            let expansion = 1.0 / largest_magnitude(&own);
            own.iter_mut().for_each(|v| *v *= expansion);
        }
        for (i, own) in piece.iter().zip(own.chunks_exact(dim)) {
            for ((c, v), middle) in coordinates[i * dim..(i + 1) * dim].iter_mut().zip(own).zip(place) {
                *c = v * reach + middle;
            }
        }
    }
    coordinates
}

/// The graph among some points (ascending) that no edge leaves.
fn part_of(graph: &Graph, piece: &[usize]) -> Graph {
    let mut part = Graph { offsets: vec![0], columns: Vec::new(), weights: Vec::new() };
    for i in piece {
        for (j, w) in graph.row(*i) {
            if let Ok(place) = piece.binary_search(&j) {
                part.columns.push(place as u32);
                part.weights.push(w);
            }
        }
        part.offsets.push(part.columns.len());
    }
    part
}

/// At least the smallest normal number, so that one can divide by it.
fn largest_magnitude(values: &[f64]) -> f64 {
    values.iter().fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()))
}

/// Each axis to 0..=10.
fn stretch(coordinates: &mut [f64], dim: usize) {
    for axis in 0..dim {
        let values = coordinates.iter().skip(axis).step_by(dim);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        // An axis without extent stays where it is: noise makes that all but impossible.
        let factor = if high > low { EXTENT / (high - low) } else { 0.0 };
        coordinates.iter_mut().skip(axis).step_by(dim).for_each(|v| *v = (*v - low) * factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metric, Parameters, fuzzy_graph};

    fn start_of(points: &[f32], count: usize, dim: usize, n_neighbors: usize) -> Vec<f64> {
        let distances = Distances::from_points(points, count, Metric::Euclidean).unwrap();
        let parameters = Parameters { n_neighbors, n_components: dim, ..Parameters::default() };
        let graph = fuzzy_graph(&distances, &parameters).unwrap();
        start(&graph, &distances, dim, &mut Random::new(1, 1))
    }

    #[test]
    fn a_line_starts_in_its_order() {
        for count in [30, 400, 1500] {
            let points: Vec<f32> = (0..count).map(|i| i as f32 + 0.1 * ((i * 37 % 11) as f32)).collect();
            let start = start_of(&points, count, 2, 10);
            // The first eigenvector of a path is half a cosine wave, times the roots of the degrees.
            let wave = |i: usize| -(std::f64::consts::PI * (i as f64 + 0.5) / count as f64).cos();
            let mean = start.iter().step_by(2).sum::<f64>() / count as f64;
            let (mut product, mut squares) = (0.0, 0.0);
            for (i, x) in start.iter().step_by(2).enumerate() {
                product += (x - mean) * wave(i);
                squares += (x - mean) * (x - mean);
            }
            let correlation = product / (squares * count as f64 / 2.0).sqrt();
            assert!(correlation > 0.99, "{count}: {correlation}");
        }
    }

    #[test]
    fn pieces_lie_apart() {
        // Groups of 6, far from each other: up to 2 dim of them, and more; one of two points, too.
        for (groups, dim) in [(2, 2), (4, 2), (5, 2), (9, 2), (6, 3), (7, 3), (60, 2)] {
            let mut points: Vec<f32> = Vec::new();
            for group in 0..groups {
                let center = (group * group) as f32 * 100.0;
                points.extend((0..6).map(|i| center + i as f32 + 0.1 * (i * i) as f32));
            }
            let start = start_of(&points, points.len(), dim, 3);
            assert!(start.iter().all(|v| (0.0..=10.0).contains(v)));
            let middle = |group: usize, axis: usize| {
                start.chunks(dim).skip(6 * group).take(6).map(|c| c[axis]).sum::<f64>() / 6.0
            };
            for group in 1..groups {
                let apart: f64 = (0..dim).map(|axis| (middle(group, axis) - middle(group - 1, axis)).abs()).sum();
                assert!(apart > 1e-3, "{groups} groups in {dim}D: {group} lies on the one before");
            }
        }
    }

    #[test]
    fn equal_points_part() {
        let start = start_of(&[1.0; 30], 30, 3, 5);
        assert!(start.iter().all(|v| v.is_finite()));
        for (i, a) in start.chunks(3).enumerate() {
            assert!(start.chunks(3).skip(i + 1).all(|b| a != b));
        }
    }
}
