// Tensors: from safetensors files, from the worker, and how far two of them are apart.

import { readFileSync, writeFileSync } from 'node:fs';

/** Every tensor of a safetensors file, as { name: { shape, values } }. */
export function readSafetensors(path) {
  const bytes = readFileSync(path);
  const headerBytes = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString('utf8'));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [start, end] = [] }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    // A copy, because a typed array has to start at a multiple of its element.
    const data = Uint8Array.from(bytes.subarray(8 + headerBytes + start, 8 + headerBytes + end)).buffer;
    const values = { F32: () => new Float32Array(data), I32: () => new Int32Array(data), I64: () => Array.from(new BigInt64Array(data), Number) }[dtype];
    if (!values) throw new Error(`${path}: ${name} is ${dtype}`);
    tensors[name] = { shape, values: values() };
  }
  return tensors;
}

/** Writes f32 tensors, each { shape, values }, and metadata as a safetensors file. */
export function writeSafetensors(path, metadata, tensors) {
  const header = { __metadata__: metadata };
  const parts = [];
  let at = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    const bytes = Buffer.from(Float32Array.from(values).buffer);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + bytes.length] };
    parts.push(bytes);
    at += bytes.length;
  }
  writeFileSync(path, Buffer.concat([headerBytes(header), ...parts]));
}

/** Copies a safetensors file with other metadata: `change` of what it has. */
export function copyWithMetadata(from, to, change) {
  const bytes = readFileSync(from);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, end).toString('utf8'));
  header.__metadata__ = { ...header.__metadata__, ...change };
  writeFileSync(to, Buffer.concat([headerBytes(header), bytes.subarray(end)]));
}

/** A header as it stands at a file's beginning: its length, then itself, to a multiple of 8 bytes. */
function headerBytes(header) {
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

/** A buffer of the worker's answer: f32, little-endian, in base64. */
export function decode({ shape, data }) {
  return { shape, values: new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer) };
}

/** Root mean square of the difference, relative to the expected tensor's. NaN equals NaN. */
export function relativeRms(found, expected) {
  if (found.length !== expected.length) return Infinity;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i += 1) {
    if (Number.isNaN(expected[i]) && Number.isNaN(found[i])) continue;
    difference += (found[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  // A tensor of zeros has to be found as zeros.
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
}

/** Largest and mean absolute difference. null (NaN in JSON) equals null. */
export function absoluteDifference(found, expected) {
  if (found.length !== expected.length) return { max: Infinity, mean: Infinity };
  let max = 0;
  let sum = 0;
  for (let i = 0; i < expected.length; i += 1) {
    const both = [found[i], expected[i]].map((value) => (value === null || Number.isNaN(value) ? null : value));
    if (both[0] === null && both[1] === null) continue;
    const difference = both.includes(null) ? Infinity : Math.abs(both[0] - both[1]);
    max = Math.max(max, difference);
    sum += difference;
  }
  return { max, mean: sum / expected.length };
}

/**
 * The analysis in a worker's answer. It comes without the similarity matrix, which follows as
 * docs/analysis.schema.json says: cosines from the Gram matrix of the centered predictable codes, the first buffer.
 */
export function documentOf({ analysis, buffers }) {
  const document = { ...analysis };
  const size = document.token_ids.length;
  const { values } = decode({ data: buffers[0] });
  const gram = Array.from({ length: size }, () => new Float32Array(size));
  let next = 0;
  for (let i = 0; i < size; i += 1) {
    for (let j = i; j < size; j += 1, next += 1) gram[i][j] = gram[j][i] = values[next];
  }
  const norms = gram.map((row, i) => Math.max(Math.sqrt(Math.max(row[i], 0)), 1e-12));
  document.similarity = gram.map((row, i) => Array.from(row, (value, j) => value / norms[i] / norms[j]));
  return document;
}
