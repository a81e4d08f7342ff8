// Nearly as many tokens as there may be (2,048) through the real model: in chunks, in memory that the text
// accounts for, and with the command line's answer.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { launch, open } from './lib/browser.mjs';
import { defaultPack, fixtures, out, site } from './lib/environment.mjs';
import * as commandLine from './lib/program.mjs';
import { absoluteDifference, documentOf } from './lib/tensors.mjs';
import { ask, device, diagnostics, startWorker } from './lib/worker.mjs';

/** Minutes of WebGPU on two processor cores. */
const SLOW = 900_000;
/** As on short texts: WebGPU and the processor round differently. */
const SAME_PACK = 1e-2;
const FLOAT_BYTES = 4;
/** Tokens that go through the networks together on a software adapter. */
const CHUNK = 128;

const passages = readFileSync(join(fixtures, 'heldout.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line).text);
const TEXT = passages.slice(0, 7).join('\n\n');

/** What a token leaves on the GPU for those after it, by the pack's configurations. */
function bytesOfToken({ gemma, sae, layer, words }) {
  const keysValues = 2 * (layer + 1) * gemma.num_key_value_heads * gemma.head_dim;
  const attention = sae.n_attn_layers * (sae.width + (2 * sae.width) / sae.bottleneck_factor);
  const codes = 2 * sae.width + sae.dimin;
  // Both parts of the reconstruction and, for the fitted lens, the token's own unembedding row.
  const readouts = words ? 3 * sae.dimin : 0;
  return FLOAT_BYTES * (keysValues + attention + codes + readouts);
}

describe('two thousand tokens of the real model', () => {
  const manifest = JSON.parse(readFileSync(join(defaultPack, 'manifest.json'), 'utf8'));
  let browser;
  let page;
  let found;
  const memory = {};
  const analyze = (text) => ask(page, { kind: 'analyze', pack_url: new URL('models/default/', site).href, text, inf_k: null, words: true }, SLOW);
  const measure = async (when) => {
    const facts = await diagnostics(page);
    memory[when] = { ...facts.gpu_bytes, heap: facts.heap_bytes, pack: facts.packs[0].weight_bytes };
    return memory[when];
  };
  before(async () => {
    browser = await launch();
    page = await open(browser, site);
    await startWorker(page);
    await analyze(passages[1]);
    await measure('short');
    const answer = await analyze(TEXT);
    found = documentOf(answer);
    memory.tokens = found.token_ids.length;
    memory.compute_ms = answer.compute_ms;
    await measure('long');
  }, { timeout: SLOW });
  after(async () => {
    writeFileSync(join(out, 'long-model.json'), `${JSON.stringify(memory, null, 2)}\n`);
    await browser?.close();
  });

  test('are analyzed on WebGPU', async () => {
    assert.equal((await device(page)).webgpu, true);
    assert.ok(found.token_ids.length > 14 * CHUNK, `${found.token_ids.length} tokens`);
  });

  test('take memory for what is kept of each, and for one chunk at a time', async () => {
    const { in_use: inUse, reserved, heap, pack } = memory.long;
    const tokens = found.token_ids.length;
    const kept = tokens * bytesOfToken(manifest);
    const stays = 1.1 * pack + 1.1 * kept;
    // What is computed of a chunk: some dozen arrays as wide as the widest layer, and the products of its
    // tokens with all. It lies in pages that may be half empty.
    const widest = Math.max(manifest.gemma.intermediate_size, manifest.sae.width);
    const passing = FLOAT_BYTES * CHUNK * (24 * widest + 5 * tokens);
    // Readouts: three rows of each token go through the words together, in four steps; scores of a chunk at a time.
    const { words, pieces } = manifest.words;
    const reading = FLOAT_BYTES * (4 * 3 * tokens * manifest.sae.dimin + CHUNK * (words + pieces));
    assert.ok(inUse <= stays, `${inUse} bytes in use on the GPU, expected ${stays}: ${JSON.stringify(memory)}`);
    const most = stays + 2 * passing + reading;
    assert.ok(reserved <= most, `${reserved} bytes on the GPU, expected ${most}: ${JSON.stringify(memory)}`);
    assert.ok(heap < 150e6, `wasm has ${heap} bytes`);
  });

  test('are what the command line says of them', { timeout: SLOW }, async () => {
    const expected = await commandLine.analyze(defaultPack, TEXT);
    assert.deepEqual(found.token_ids, expected.token_ids);
    const { mean, max } = absoluteDifference(found.similarity.flat(), expected.similarity.flat());
    Object.assign(memory, { similarity: { mean, max } });
    assert.ok(max <= SAME_PACK, `similarity differs by up to ${max}, ${mean} on average`);
    assert.ok(Math.abs(found.variance_explained - expected.variance_explained) <= SAME_PACK);
    assert.deepEqual(found.l0_novel, expected.l0_novel);
  });
});
