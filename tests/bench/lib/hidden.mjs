// Hidden states: those PyTorch wrote, and how far others are from them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What its script says of the model in `folder`: sizes and texts. */
export const modelOf = (folder) => JSON.parse(readFileSync(join(folder, 'peer.json'), 'utf8'));

/** A file of f32. */
export function readFloats(folder, name) {
  const bytes = readFileSync(join(folder, name));
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** The final norm of [T, width]: ours stops before it, the peer's export ends with it. */
export function normed(hidden, weight, { width, norm_epsilon: epsilon }) {
  const out = new Float32Array(hidden.length);
  for (let row = 0; row < hidden.length; row += width) {
    let squares = 0;
    for (let i = 0; i < width; i += 1) squares += hidden[row + i] ** 2;
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i += 1) out[row + i] = hidden[row + i] * scale * weight[i];
  }
  return out;
}

/** Smallest and median cosine of two tensors' rows. */
export function rowCosines(found, expected, { width }) {
  if (found.length !== expected.length) throw new Error(`${found.length} values, expected ${expected.length}`);
  const cosines = [];
  for (let row = 0; row < expected.length; row += width) {
    let [product, a, b] = [0, 0, 0];
    for (let i = row; i < row + width; i += 1) {
      product += found[i] * expected[i];
      a += found[i] ** 2;
      b += expected[i] ** 2;
    }
    cosines.push(product / Math.sqrt(a * b));
  }
  cosines.sort((a, b) => a - b);
  return { min: cosines[0], median: cosines[cosines.length >> 1] };
}
