// Numbers: the shipped worker, on WebGPU and on the processor, against PyTorch.
//
// Every pair of tests/fixtures is packed at f32 by the command line and run by the worker on the
// fixture's token ids; every tensor that PyTorch saved is compared.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { launch, open } from './lib/browser.mjs';
import { fixtures, site } from './lib/environment.mjs';
import { packPair, pairs } from './lib/program.mjs';
import { readSafetensors, relativeRms } from './lib/tensors.mjs';
import { device, runFixture, startWorker } from './lib/worker.mjs';

/** Relative RMS that f32 may differ by: residual streams, and what the SAE makes of them. */
const RESIDUAL_TOLERANCE = 1e-4;
const CODES_TOLERANCE = 1e-3;

const tolerance = (name) => (name.startsWith('residual') ? RESIDUAL_TOLERANCE : CODES_TOLERANCE);

function compare(found, expected) {
  for (const [name, { shape, values }] of Object.entries(expected)) {
    assert.deepEqual(found[name].shape, shape, `shape of ${name}`);
    const error = relativeRms(found[name].values, values);
    assert.ok(error <= tolerance(name), `${name}: relative RMS ${error.toExponential(2)}, at most ${tolerance(name)}`);
  }
}

function withoutIds(tensors) {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => name !== 'token_ids'));
}

for (const webgpu of [true, false]) {
  describe(webgpu ? 'parity with PyTorch on WebGPU' : 'parity with PyTorch on the processor, in wasm', () => {
    let browser;
    let page;
    before(async () => {
      browser = await launch({ webgpu });
      page = await open(browser, site);
      await startWorker(page);
    });
    after(() => browser?.close());

    for (const pair of pairs) {
      test(pair.name, { timeout: 300_000 }, async () => {
        const pack = await packPair(pair);
        const expected = withoutIds(readSafetensors(join(fixtures, pair.expected)));
        const names = Object.keys(expected);
        const found = await runFixture(page, { pack, tokenIds: pair.token_ids, tensors: names, infK: pair.inf_k });
        compare(found, expected);
      });
    }

    // Every layer's output, once for each Gemma: the deepest pair of each runs all layers it has.
    const deepest = new Map();
    for (const pair of pairs) {
      if (!deepest.has(pair.gemma) || deepest.get(pair.gemma).layer < pair.layer) deepest.set(pair.gemma, pair);
    }
    for (const pair of deepest.values()) {
      const file = join(fixtures, pair.gemma, 'expected.safetensors');
      if (!existsSync(file)) continue;
      test(`${pair.gemma}: every layer`, { timeout: 300_000 }, async () => {
        const pack = await packPair(pair);
        const all = readSafetensors(file);
        const layers = Array.from({ length: pair.layer + 1 }, (_, layer) => `residual.${layer}`);
        const expected = Object.fromEntries(layers.map((name) => [name, all[name]]));
        compare(await runFixture(page, { pack, tokenIds: all.token_ids.values, tensors: layers }), expected);
      });
    }

    test('runs on what it says', async () => {
      const { webgpu: found, note } = await device(page);
      assert.equal(found, webgpu);
      if (!webgpu) assert.ok(note, 'a worker without WebGPU says why');
    });
  });
}
