// Inputs and weights that peer and plain kernels share.

const BLOCK = 32;

/** Fetches bytes; a host's error is ours. */
export async function fetchBytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.arrayBuffer();
}

/** `length` values between -1 and 1, the same every time. */
export function activations(length) {
  const values = new Float32Array(length);
  let state = 1;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}

/** Row `row` of the weights [outputs, inputs] in a file of linear_model.py, as f32. */
export function weightRow(data, inputs, outputs, row) {
  const values = new Float32Array(inputs);
  const nibbles = new Uint8Array(data, (row * inputs) / 2, inputs / 2);
  const scales = new Float32Array(data, (outputs * inputs) / 2 + (row * inputs * 4) / BLOCK, inputs / BLOCK);
  for (let i = 0; i < inputs; i += 1) {
    const nibble = (nibbles[i >> 1] >> (4 * (i & 1))) & 15;
    values[i] = (nibble - 8) * scales[Math.floor(i / BLOCK)];
  }
  return values;
}

/** Relative RMS error of `found` [tokens, outputs] on a few rows and columns, against sums in f64. */
export function linearError({ x, data, inputs, outputs, tokens }, found) {
  if (found.length !== tokens * outputs) throw new Error(`${found.length} outputs, expected ${tokens * outputs}`);
  let difference = 0;
  let norm = 0;
  const samples = (end) => [...new Set([0, 1, end >> 1, end - 1])];
  for (const output of samples(outputs)) {
    const row = weightRow(data, inputs, outputs, output);
    for (const token of samples(tokens)) {
      let expected = 0;
      for (let i = 0; i < inputs; i += 1) expected += row[i] * x[token * inputs + i];
      difference += (found[token * outputs + output] - expected) ** 2;
      norm += expected ** 2;
    }
  }
  return Math.sqrt(difference / norm);
}
