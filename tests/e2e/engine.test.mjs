// The engine in the browser: every kernel variant on WebGPU against the processor, and texts that
// grow and change against texts analyzed at once.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { parameters } from './lib/address.mjs';
import { analyze, launch, open, waitForState } from './lib/browser.mjs';
import { packs, site } from './lib/environment.mjs';
import { downloadJson } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { absoluteDifference, documentOf } from './lib/tensors.mjs';
import { until } from './lib/until.mjs';
import { ask, device, startWorker } from './lib/worker.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const TEXT = 'Once upon a time, a little girl named Alice loved looking at the night sky.';
/** The same sums in another order; the fixture's sharp attention amplifies what rounding does. */
const TOLERANCE = 1e-3;

describe('kernels on WebGPU', () => {
  let browser;
  let page;
  before(async () => {
    browser = await launch();
    page = await open(browser, site);
    await startWorker(page);
  });
  after(() => browser?.close());

  const linear = [
    'Tile(1, 8)', 'Tile(8, 8)', 'Quad(4, 8)', 'Quad(12, 8)', 'Quad(16, 8)', 'Gemv(1)', 'Gemv(4)', 'Gemv(8)', 'Shared(32)', 'Shared(64)',
  ];
  const transposed = ['Tile(1, 8)', 'Tile(4, 8)', 'Quad(4, 8)', 'Quad(16, 8)', 'Shared(32)', 'Shared(64)'];
  const products = (precision) => [
    ...linear.map((variant) => [`${precision} product, ${variant}`]),
    ...transposed.map((variant) => [`${precision} transposed product, ${variant}`]),
  ];
  const rows = ['attention', 'RMSNorm and rotation', 'top k, sums and projection'];
  // What the names of a part's cases have to say, all of a list in one name.
  const parts = {
    ...Object.fromEntries(['f32', 'f16', 'q8', 'q4'].map((precision) => [precision, products(precision)])),
    finishes: linear.map((variant) => ['product with bias, relu and GeGLU', `, ${variant}`]),
    rows: rows.flatMap((kernel) => [[kernel, ' 4 threads'], [kernel, ' 64 threads']]),
  };
  // Every variant on several sizes.
  const LEAST_CASES = { f32: 80, f16: 80, q8: 80, q4: 80, finishes: 20, rows: 100 };
  for (const [part, variants] of Object.entries(parts)) {
    test(`every variant of ${part} gives what the processor gives`, { timeout: 300_000 }, async () => {
      const { checked, tolerance } = await ask(page, { kind: 'check_kernels', part });
      assert.equal((await device(page)).webgpu, true);
      assert.ok(checked.length >= LEAST_CASES[part], `only ${checked.length} cases`);
      for (const words of variants) {
        assert.ok(checked.some(([name]) => words.every((word) => name.includes(word))), `${words.join('')} was not checked`);
      }
      const wrong = checked.filter(([, error]) => error === null || error > tolerance);
      assert.deepEqual(wrong, []);
    });
  }

});

/** Put before the worker's own script: counts what goes to the GPU. */
const COUNTING = `
globalThis.dispatches = 0;
const pass = GPUComputePassEncoder.prototype;
const original = pass.dispatchWorkgroups;
pass.dispatchWorkgroups = function counted(...size) {
  globalThis.dispatches += 1;
  return original.apply(this, size);
};`;
/** Each costs a GPU more than the arithmetic of a short text. 104 are those of the layers, eight each. */
const MOST_DISPATCHES = 150;

describe('dispatches', () => {
  test(`the first analysis of a short text after another takes at most ${MOST_DISPATCHES}`, { timeout: 300_000 }, async () => {
    const browser = await launch();
    try {
      const page = await open(browser, site, { workerPrelude: COUNTING });
      // What is checked and loaded first does not count, nor what is used again of the text before.
      assert.equal(await analyze(page, '7', { timeout: 240_000 }), 'done');
      const counts = await Promise.all(page.workers().map((worker) => worker.evaluate(() => globalThis.dispatches)));
      const engine = page.workers()[counts.findIndex((count) => count > 0)];
      const before = await engine.evaluate(() => globalThis.dispatches);
      assert.equal(await analyze(page, TEXT, { timeout: 240_000 }), 'done');
      const taken = (await engine.evaluate(() => globalThis.dispatches)) - before;
      assert.ok(taken > 8 * 13 && taken <= MOST_DISPATCHES, `${taken} dispatches`);
    } finally {
      await browser.close();
    }
  });
});

describe('a start on WebGPU', () => {
  let browser;
  let page;
  let pack;
  before(async () => {
    browser = await launch();
    pack = await commandLine.packPair(PAIR, 'start');
    page = await open(browser, site);
  });
  after(() => browser?.close());

  /** Starts a worker that is asked for an analysis at once; answers that, and what the worker reported before, in its order. */
  async function started(text) {
    await startWorker(page);
    await page.evaluate(() => {
      window.reported = [];
      window.lens.listeners.add((message) => window.reported.push(message));
    });
    const answered = ask(page, { kind: 'analyze', pack_url: new URL(pack, page.url()).href, inf_k: null, text });
    const answer = await answered.catch(({ message }) => ({ refused: message }));
    return { answer, reported: await page.evaluate(() => window.reported.map(({ buffers, ...message }) => message)) };
  }
  const at = (reported, wanted) => reported.findIndex(wanted);
  const allWeights = ({ kind, stage, done, total }) => kind === 'progress' && stage === 'weights' && done === total;

  test('has the weights before the kernels are checked', { timeout: 120_000 }, async () => {
    const { answer, reported } = await started(TEXT);
    const [weights, ready] = [at(reported, allWeights), at(reported, ({ kind }) => kind === 'ready')];
    assert.ok(weights >= 0 && weights < ready, `weights ${weights}, ready ${ready}`);
    // What came before its turn is counted, and is not loaded again.
    assert.equal(at(reported.slice(ready), ({ stage }) => stage === 'weights'), -1);
    assert.ok(answer.fetched_bytes > 10_000 && answer.elapsed_ms > answer.compute_ms, JSON.stringify(answer.fetched_bytes));
    assert.equal(reported[ready].device.webgpu, true);
    // Then the check goes on where it was.
    assert.ok(reported.slice(weights, ready).some(({ stage }) => stage === 'device'));
  });

  test('refuses a text that is too long before any weight', { timeout: 120_000 }, async () => {
    const { answer, reported } = await started('word '.repeat(2_100));
    assert.match(answer.refused, /2,?048/);
    assert.equal(at(reported, allWeights), -1);
  });

  test('that is stopped before the kernels are checked leaves a worker that works', { timeout: 120_000 }, async () => {
    await startWorker(page);
    const request = { kind: 'analyze', pack_url: new URL(pack, page.url()).href, inf_k: null, text: TEXT };
    await page.evaluate(() => {
      window.hasBytes = false;
      window.lens.listeners.add(({ stage }) => { window.hasBytes ||= stage === 'weights'; });
    });
    const stopped = ask(page, request).catch(({ message }) => message);
    await page.waitForFunction(() => window.hasBytes);
    assert.equal(await page.evaluate(() => window.lens.device), null);
    await page.evaluate(() => window.lens.worker.postMessage(JSON.stringify({ cancel: { id: window.lens.last } })));
    assert.equal((await stopped).kind, 'canceled');
    assert.equal((await device(page)).webgpu, true);
    assert.equal((await ask(page, request)).kind, 'analysis');
  });
});

describe('typing', () => {
  let browser;
  // What the page asks for while one types does not depend on the device.
  let withoutGpu;
  let worker;
  let pack;
  before(async () => {
    [browser, withoutGpu] = await Promise.all([launch(), launch({ webgpu: false })]);
    pack = await commandLine.packPair(PAIR, 'typing');
    worker = await open(browser, site);
    await startWorker(worker);
  });
  after(() => Promise.all([browser?.close(), withoutGpu?.close()]));

  const edits = [
    ['appended', `${TEXT} She`],
    ['inserted', TEXT.replace('little', 'very little')],
    ['deleted', TEXT.replace(' named Alice', '')],
    ['replaced', TEXT.replace('night sky', 'sea')],
    // Earlier characters become other tokens: "nightly" for "night".
    ['tokenized differently', TEXT.replace('night sky.', 'nightly')],
    ['begun again', 'The night sky.'],
  ];
  const packUrl = () => new URL(pack, worker.url()).href;
  const request = (more) => ask(worker, { kind: 'analyze', pack_url: packUrl(), inf_k: null, ...more });
  /** Analyzes a text of which nothing is cached: what was computed with its stages apart is not taken over. */
  const atOnce = async (more) => {
    await ask(worker, { kind: 'analyze_in_stages', pack_url: packUrl(), text: 'A' });
    const answer = await request(more);
    assert.equal(answer.reused_tokens, 0);
    return answer;
  };
  const assertSame = (found, expected) => {
    assert.deepEqual(found.token_ids, expected.token_ids);
    assert.ok(absoluteDifference(found.similarity.flat(), expected.similarity.flat()).max <= TOLERANCE);
    assert.ok(Math.abs(found.variance_explained - expected.variance_explained) <= TOLERANCE);
  };

  for (const [name, edited] of edits) {
    test(`a text ${name} is the text analyzed at once`, { timeout: 120_000 }, async () => {
      await atOnce({ text: TEXT });
      const followed = await request({ text: edited });
      const [found, expected] = [followed, await atOnce({ text: edited })].map(documentOf);
      assert.ok(followed.reused_tokens >= 1 && followed.reused_tokens < expected.tokens.length);
      assertSame(found, expected);
    });
  }

  test('another inf_k, of a text and then of a longer one, goes on from the residual stream', { timeout: 120_000 }, async () => {
    const { length: tokens } = documentOf(await atOnce({ text: TEXT })).token_ids;
    assert.equal((await request({ text: TEXT, inf_k: 2 })).reused_tokens, tokens);
    const longer = await request({ text: `${TEXT} She`, inf_k: 1 });
    const [found, expected] = [longer, await atOnce({ text: `${TEXT} She`, inf_k: 1 })].map(documentOf);
    assert.equal(longer.reused_tokens, tokens);
    assert.ok(found.l0_novel.every((count) => count <= 1) && found.l0_novel.some((count) => count === 1), String(found.l0_novel));
    assert.deepEqual(found.l0_novel, expected.l0_novel);
    assertSame(found, expected);
  });

  test('the page follows what is typed; the newest text wins', { timeout: 120_000 }, async () => {
    const wanted = `${TEXT} She had a little telescope.`;
    const expected = await commandLine.analyze(join(packs, 'typing'), wanted);
    const page = await open(withoutGpu, site, { pack });
    await (await reach(page, 'live')).check();
    assert.equal(await analyze(page, TEXT), 'done');
    await (await reach(page, 'text-input')).focus();
    await page.keyboard.press('Control+End');
    // A typist: the page is asked for texts that are longer a moment later. Without time between the keys it would be asked once.
    await page.keyboard.type(' She had a little telescope.', { delay: 40 });
    // The address has the text of what is shown.
    await until(() => parameters(page).get('text') === wanted, 'the text in the address');
    await waitForState(page, ['done']);
    assert.equal(await page.locator('main').getAttribute('data-analysis-tokens'), String(expected.tokens.length));
    const found = await downloadJson(page);
    assert.equal(found.text, wanted);
    assert.deepEqual(found.token_ids, expected.token_ids);
    assert.ok(absoluteDifference(found.similarity.flat(), expected.similarity.flat()).max <= 1e-2);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('with Live off the page waits for Analyze', { timeout: 60_000 }, async () => {
    const page = await open(withoutGpu, site, { pack });
    assert.equal(await analyze(page, TEXT), 'done');
    await (await reach(page, 'live')).uncheck();
    await page.clock.install();
    await (await reach(page, 'text-input')).fill('Something else.');
    // A pause of 250 ms in typing, by the page's clock, would ask.
    await page.clock.runFor(5000);
    assert.equal(await page.locator('main').getAttribute('data-state'), 'done');
    // What is shown is not of the text in the box, and looks so.
    assert.ok(await page.locator('main').evaluate((it) => it.classList.contains('is-stale')));
    assert.equal((await downloadJson(page)).text, TEXT);
    assert.equal(await (await reach(page, 'text-input')).inputValue(), 'Something else.');
    await page.context().close();
  });
});
