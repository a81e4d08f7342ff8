// Gemma-2-2B's full size in a tab: random weights of the true shapes, packed as the real ones are. The answer
// means nothing, but what it costs to hold is the real model's, and two devices have to agree on it.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { launch, open } from './lib/browser.mjs';
import { fullSizePack, out, site } from './lib/environment.mjs';
import { startHost } from './lib/host.mjs';
import * as commandLine from './lib/program.mjs';
import { absoluteDifference, documentOf } from './lib/tensors.mjs';
import { ask, device, diagnostics, startWorker } from './lib/worker.mjs';

/** Few tokens: each is 2.7 GFLOP. */
const TEXT = 'Alice saw the stars';
/** A tab gets no more of wasm's memory than this. */
const HEAP_BYTES = 256e6;
/** Buffers relative to the weights. */
const GPU_SHARE = 1.1;
/** WebGPU requires no adapter to have larger buffers bound. */
const BUFFER_BYTES = 128 * 2 ** 20;
/** The same sums in another order, through 13 layers; attention of the SAE is as sharp as the real one's. */
const TOLERANCE = 1e-3;
const SLOW = 600_000;

describe('a pack of Gemma-2-2B\'s size', () => {
  const manifest = JSON.parse(readFileSync(join(fullSizePack, 'manifest.json'), 'utf8'));
  let browser;
  let host;
  let page;
  let answer;
  before(async () => {
    browser = await launch();
    host = await startHost(fullSizePack);
    page = await open(browser, site);
    await startWorker(page);
    answer = await ask(page, { kind: 'analyze', pack_url: host.url, text: TEXT, inf_k: null }, SLOW);
  }, { timeout: SLOW });
  after(async () => {
    host?.close();
    await browser?.close();
  });

  test('loads shard by shard and answers', async () => {
    assert.equal((await device(page)).webgpu, true);
    const weights = manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0);
    assert.ok(weights > 700e6, `the shards have ${weights} bytes`);
    for (const { file, bytes } of manifest.shards) {
      assert.ok(bytes <= BUFFER_BYTES, `${file} has ${bytes} bytes`);
      assert.deepEqual(host.of(file).map(({ start, sent }) => [start, sent]), [[0, bytes]], file);
    }
    // Of the embedding, the rows of the text, in blocks that have checksums.
    const parts = host.requests.filter(({ file }) => file.startsWith('embedding'));
    const { embedding: { rows_per_shard: perShard, row_bytes: rowBytes }, row_checks: { rows } } = manifest;
    const block = (id) => `${Math.floor(id / perShard)} ${Math.floor((id % perShard) / rows)}`;
    const different = new Set(answer.analysis.token_ids.map(block)).size;
    assert.equal(parts.reduce((sum, { sent }) => sum + sent, 0), different * rows * rowBytes);
  });

  test('wasm stays under 256 MB, GPU buffers at most a tenth above the weights', { timeout: SLOW }, async () => {
    const facts = await diagnostics(page);
    writeFileSync(join(out, 'full-size.json'), `${JSON.stringify({ ...facts, ...answer, json: undefined }, null, 2)}\n`);
    assert.ok(facts.heap_bytes < HEAP_BYTES, `wasm has ${facts.heap_bytes} bytes`);
    const { weight_bytes: weights } = facts.packs[0];
    assert.ok(weights > 700e6, `${weights} bytes of weights`);
    assert.ok(facts.gpu_bytes.weights >= weights, `${facts.gpu_bytes.weights} of ${weights}`);
    assert.ok(facts.gpu_bytes.reserved <= GPU_SHARE * weights, `${facts.gpu_bytes.reserved} of ${weights}`);
  });

  test('the answer is the command line\'s on the processor', { timeout: SLOW }, async () => {
    const [found, expected] = [documentOf(answer), await commandLine.analyze(fullSizePack, TEXT)];
    assert.deepEqual(found.model, expected.model);
    assert.deepEqual(found.token_ids, expected.token_ids);
    assert.deepEqual(found.l0_novel, expected.l0_novel);
    const similarity = absoluteDifference(found.similarity.flat(), expected.similarity.flat());
    assert.ok(similarity.max <= TOLERANCE, `similarity differs by up to ${similarity.max}`);
    const variance = Math.abs(found.variance_explained - expected.variance_explained);
    assert.ok(variance <= TOLERANCE, `variance explained differs by ${variance}`);
    const strongest = ({ novel_top: tops }) => tops.map(([first]) => first.value);
    strongest(expected).forEach((value, token) => {
      const other = strongest(found)[token];
      assert.ok(Math.abs(other / value - 1) <= TOLERANCE, `token ${token}: strongest novel code ${other}, not ${value}`);
    });
  });
});
