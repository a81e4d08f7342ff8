// What the page computes on: the faster of the adapter and the CPU, or what the visitor chooses.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { parameters } from './lib/address.mjs';
import { analyze, launch, open, screenshot } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { downloadJson } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const TEXT = 'The lighthouse blinked twice and went dark.';
const LIMIT = { timeout: 240_000 };
/** Put before the worker's own script: an adapter whose softmax is too soft. */
const WRONG_ATTENTION = `
const device = GPUDevice.prototype;
const original = device.createShaderModule;
device.createShaderModule = function wrong({ code, ...rest }) {
  return original.call(this, { code: code.replaceAll('exp(', 'exp(0.5 * '), ...rest });
};`;

const textOf = async (page, testid) => (await reach(page, testid)).innerText();
const requestOf = (page) => parameters(page).get('device');

describe('the device', () => {
  let browser;
  let pack;
  before(async () => {
    browser = await launch({ webgpu: 'automatic' });
    pack = await commandLine.packPair(PAIR, 'device');
  });
  after(() => browser?.close());

  /** A page at `query` that has analyzed the text. */
  async function analyzed(query = '') {
    const page = await open(browser, `${site}${query}`, { pack });
    assert.equal(await analyze(page, TEXT), 'done');
    return page;
  }

  test('is the one that answers sooner, by what was measured; another choice computes the next analysis', LIMIT, async () => {
    const page = await analyzed();
    const found = await textOf(page, 'device');
    if (/^WebGPU/.test(found)) {
      // A processor of many cores may win over one of WebAssembly's: then nothing is said.
      assert.equal(await page.getByTestId('device-note').count(), 0);
    } else {
      assert.match(found, /^CPU/);
      const note = await textOf(page, 'device-note');
      const [, cpu, adapter, gpu] = note.match(/took (\d+) ms, on (.+) (\d+) ms/) ?? assert.fail(note);
      // A software adapter has to be twice as fast.
      assert.ok(Number(gpu) >= 0.5 * Number(cpu) - 1, note);
      assert.match(note, Number(cpu) < Number(gpu) ? /^Faster here/ : /^(WebGPU runs on the processor|Faster here)/);
      assert.match(adapter, /swiftshader/i);
      await screenshot(page, 'device-faster');
      await (await reach(page, 'device-choice')).click();
      await until(async () => requestOf(page) === 'webgpu', 'the choice in the address');
      assert.equal(await page.getByTestId('status').innerText() !== '', true);
      assert.equal(await analyze(page, `${TEXT} `), 'done');
      assert.match(await textOf(page, 'device'), /^WebGPU/);
      // A link for others does not name this visitor's device.
      const shared = await (await reach(page, 'share-link')).inputValue();
      assert.ok(shared.includes('#text=') && !shared.includes('device='), shared);
    }
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('is the CPU where a kernel gives wrong numbers, whatever was loaded for the adapter', LIMIT, async () => {
    const page = await open(browser, `${site}?device=webgpu`, { pack, workerPrelude: WRONG_ATTENTION });
    assert.equal(await analyze(page, TEXT), 'done');
    assert.match(await textOf(page, 'device'), /^CPU/);
    assert.match(await textOf(page, 'device-note'), /WebGPU was not used: the kernel .*attention.* gives wrong numbers/);
    const found = await downloadJson(page);
    await page.context().close();
    const other = await analyzed('?device=cpu');
    assert.deepEqual(found.similarity_stats, (await downloadJson(other)).similarity_stats);
    assert.deepEqual(page.problems, []);
    await other.context().close();
  });

  test('is what the address asks for; both compute the same', LIMIT, async () => {
    const results = [];
    for (const device of ['cpu', 'webgpu']) {
      const page = await analyzed(`?device=${device}&v=3`);
      assert.match(await textOf(page, 'device'), device === 'cpu' ? /^CPU/ : /^WebGPU/);
      assert.equal(requestOf(page), device);
      results.push(await downloadJson(page));
      // The choice can be taken back.
      await (await reach(page, 'device-choice')).click();
      await until(async () => requestOf(page) === null, 'the address without a device');
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
    const [cpu, gpu] = results;
    const figures = ({ variance_explained, similarity_stats }) => [variance_explained, ...Object.values(similarity_stats)];
    const differences = figures(cpu).map((value, i) => Math.abs(value - figures(gpu)[i]));
    assert.ok(differences.length === 4 && differences.every((difference) => difference < 1e-3), differences.join(' '));
  });
});
