// What the benches of drawing and layout draw: the walks that lens-umap's `times` example writes, and analysis
// documents around them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as environment from './environment.mjs';

/** Values a point. */
export const WIDTH = 64;

/** Points [points, WIDTH] of the walk of that size. */
export function walk(points) {
  const bytes = readFileSync(join(environment.points, `walk-${points}.f32`));
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** The centered Gram matrix of the first `count` rows. */
export function gram(values, count) {
  const mean = new Float64Array(WIDTH);
  for (let i = 0; i < count; i += 1) for (let c = 0; c < WIDTH; c += 1) mean[c] += values[i * WIDTH + c] / count;
  const centered = Float64Array.from({ length: count * WIDTH }, (_, at) => values[at] - mean[at % WIDTH]);
  const products = new Float32Array(count * count);
  for (let i = 0; i < count; i += 1) {
    for (let j = i; j < count; j += 1) {
      let sum = 0;
      for (let c = 0; c < WIDTH; c += 1) sum += centered[i * WIDTH + c] * centered[j * WIDTH + c];
      products[i * count + j] = sum;
      products[j * count + i] = sum;
    }
  }
  return products;
}

/** The upper triangle of a symmetric matrix, with the diagonal, row by row: as messages and documents have it. */
export function upper(matrix, count) {
  const triangle = new Float32Array((count * (count + 1)) / 2);
  let at = 0;
  for (let i = 0; i < count; i += 1) for (let j = i; j < count; j += 1, at += 1) triangle[at] = matrix[i * count + j];
  return triangle;
}

/** An analysis document of `count` tokens whose every Gram matrix is that of the walk of 2,000. */
export function document(count) {
  const packed = Buffer.from(upper(gram(walk(2000), count), count).buffer).toString('base64');
  const each = (value) => Array.from({ length: count }, value);
  return {
    format: 'temporal-lens-analysis/1',
    text: each(() => 'word').join(' '),
    model: { name: 'made up', pack_hash: '0'.repeat(64), layer: 0, precision: 'f32', width: WIDTH },
    token_ids: each((_, i) => i),
    tokens: each((_, i) => (i ? `▁word${i}` : '<bos>')),
    variance_explained: null,
    l0_novel: each(() => 0),
    l0_pred: each(() => 0),
    l0_total: each(() => 0),
    selected: null,
    similarity_stats: { min: null, max: null, mean: null },
    novel_top: each(() => []),
    grams: { predictable: packed, novel: packed, total: packed, residual: packed },
  };
}
