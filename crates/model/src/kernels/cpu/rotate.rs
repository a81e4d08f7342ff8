//! Queries, keys and values of new tokens: taken apart, normed, rotated, and put after those of earlier tokens.

use pulp::{Simd, WithSimd};

use super::level::widest;
use super::norm::norm_row;
use super::tensor::{FlexTensor, dims, result};
use super::threads::each_of;
use crate::ops::RotateOptions;

/// Rotates a head by the angles of its token: cosines, then sines.
#[inline(always)]
fn rotate_head(head: &mut [f32], angles: &[f32]) {
    let (cosines, sines) = angles.split_at(angles.len() / 2);
    let (first, second) = head.split_at_mut(head.len() / 2);
    for (((a, b), cosine), sine) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
        (*a, *b) = (*a * cosine - *b * sine, *b * cosine + *a * sine);
    }
}

/// The heads of one token.
struct Token<'a> {
    /// Queries, keys, values.
    qkv: &'a [f32],
    /// Where they go.
    parts: [&'a mut [f32]; 3],
    angles: &'a [f32],
    /// Of the queries, then of the keys.
    weights: &'a [f32],
    eps: Option<f32>,
}

impl WithSimd for Token<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { qkv, parts: [q, keys, values], angles, weights, eps } = self;
        let d = angles.len();
        let (queries, rest) = qkv.split_at(q.len());
        let (new_keys, new_values) = rest.split_at(keys.len());
        q.copy_from_slice(queries);
        keys.copy_from_slice(new_keys);
        values.copy_from_slice(new_values);
        for (heads, weight) in [q, keys].into_iter().zip(weights.chunks_exact(d)) {
            for head in heads.chunks_exact_mut(d) {
                if let Some(eps) = eps {
                    norm_row(head, weight, eps);
                }
                rotate_head(head, angles);
            }
        }
    }
}

/// See [`crate::ops::InferenceOps::rotate_append`]; the first three are queries, keys and values as one, the table, and the
/// weights of the norms.
pub fn rotate_append(
    [qkv, table, weights]: [&FlexTensor; 3],
    held: [FlexTensor; 2],
    options: RotateOptions,
) -> [FlexTensor; 3] {
    let (qkv, table, weights) = (qkv.to_contiguous(), table.to_contiguous(), weights.to_contiguous());
    // Without another handle, so that they are written in place.
    let [mut keys, mut values] = held.map(|rows| if rows.is_contiguous() { rows } else { rows.to_contiguous() });
    let [tokens, width] = dims(&qkv);
    let d = width / (options.heads + 2 * options.kv_heads);
    let (q_width, kv_width) = (options.heads * d, options.kv_heads * d);
    let mut q = vec![0f32; tokens * q_width];
    let at = options.held * kv_width..(options.held + tokens) * kv_width;
    let parts = q
        .chunks_exact_mut(q_width)
        .zip(keys.storage_mut::<f32>()[at.clone()].chunks_exact_mut(kv_width))
        .zip(values.storage_mut::<f32>()[at].chunks_exact_mut(kv_width))
        .zip(qkv.storage::<f32>().chunks_exact(width))
        .zip(table.storage::<f32>().chunks_exact(d));
    each_of(parts, |((((q, keys), values), qkv), angles)| {
        widest(Token { qkv, parts: [q, keys, values], angles, weights: weights.storage(), eps: options.eps });
    });
    [result(q, [tokens, q_width]), keys, values]
}

#[cfg(test)]
mod tests {
    use super::super::norm::tests::{assert_close, plain, values, wide};
    use super::*;

    #[test]
    fn rotations_are_those_of_the_plain_loop() {
        for (tokens, heads, kv_heads, d, held) in [(1, 1, 1, 2, 0), (3, 2, 1, 6, 4), (40, 4, 2, 128, 1)] {
            let all = heads + 2 * kv_heads;
            let (x, table, weights) = (values(tokens * all * d, 0), values(tokens * d, 3), values(2 * d, 9));
            let capacity = held + tokens + 2;
            let before = values(capacity * kv_heads * d, 5);
            for eps in [None, Some(1e-6)] {
                let [mut queries, mut keys, mut kept] = [const { Vec::new() }; 3];
                for (i, head) in x.chunks(d).enumerate() {
                    let (token, place) = (i / all, i % all);
                    if place >= heads + kv_heads {
                        kept.extend(wide(head));
                        continue;
                    }
                    let is_key = place >= heads;
                    let weight = &weights[usize::from(is_key) * d..][..d];
                    let head = if eps.is_some() { plain(&wide(head), weight, 1e-6) } else { wide(head) };
                    let angles = wide(&table[token * d..][..d]);
                    let half = d / 2;
                    let wanted = if is_key { &mut keys } else { &mut queries };
                    wanted.extend((0..half).map(|j| head[j] * angles[j] - head[half + j] * angles[half + j]));
                    wanted.extend((0..half).map(|j| head[half + j] * angles[j] + head[j] * angles[half + j]));
                }
                let rows = || result(before.clone(), [capacity, kv_heads * d]);
                let [q, k, v] = rotate_append(
                    [
                        &result(x.clone(), [tokens, all * d]),
                        &result(table.clone(), [tokens, d]),
                        &result(weights.clone(), [2, d]),
                    ],
                    [rows(), rows()],
                    RotateOptions { heads, kv_heads, eps, held },
                );
                assert_close("queries", q.storage(), &queries);
                let at = held * kv_heads * d..(held + tokens) * kv_heads * d;
                for (what, found, wanted) in [("keys", k, keys), ("values", v, kept)] {
                    let found = found.storage::<f32>();
                    assert_close(what, &found[at.clone()], &wanted);
                    assert_eq!(found[..at.start], before[..at.start], "{what} of earlier tokens stay");
                    assert_eq!(found[at.end..], before[at.end..], "{what}: nothing is written past the new tokens");
                }
            }
        }
    }
}
