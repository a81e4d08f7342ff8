// The main job: a typed text becomes a heatmap, with the real model, in the page that visitors get.
//
// The real model runs once cold, before the tests; what they try is that result, warm runs in the page that made it,
// or small packs (small-packs.test.mjs).

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';

import { analyze, countColors, diagnostics, launch, open, screenshot, settled, waitForState } from './lib/browser.mjs';
import { defaultPack, fixtures, out, root, site } from './lib/environment.mjs';
import { FIRST, example } from './lib/examples.mjs';
import { downloadJson } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { absoluteDifference, readSafetensors } from './lib/tensors.mjs';
import { ask, startWorker } from './lib/worker.mjs';

/** The prompt of the authors' notebook. */
const ALICE = 'Once upon a time, a little girl named Alice loved looking at the night sky.';
/** Page and command line run the same pack: WebGPU and the processor round differently. */
const SAME_PACK = 1e-2;
/** PyTorch runs the unpacked weights: what quantizing may do (see the README's table of precisions). */
const SERVED_PACK = { similarityMean: 0.02, varianceExplained: 0.02 };
/** WebGPU on two processor cores is slow. */
const SLOW = 600_000;

const isOfModel = (url) => /\/models\/|\/packs\//.test(url);

describe('the page as it opens', () => {
  let browser;
  let page;
  before(async () => {
    browser = await launch();
    page = await open(browser, site);
  });
  after(() => browser?.close());

  test('shows the precomputed example and fetches nothing of the model', async () => {
    await page.getByTestId('precomputed-mark').waitFor();
    await reach(page, 'heatmap');
    await assertCanvasDrawn(page);
    // Whatever would be fetched without being asked would be under way by now: all that opening the page asks for is here.
    await page.getByTestId('gallery').waitFor();
    await settled(page);
    await screenshot(page, 'precomputed');
    for (const tab of await page.getByRole('tab').all()) {
      await tab.click();
      await settled(page);
    }
    await reach(page, 'trajectory');
    await page.locator('[data-testid="trajectory"][data-points]').waitFor();
    assert.deepEqual(page.requested.filter(isOfModel), []);
    assert.equal(await (await reach(page, 'text-input')).inputValue(), example(FIRST).text);
  });

  test('the button says what it costs', async () => {
    const manifest = JSON.parse(readFileSync(join(defaultPack, 'manifest.json'), 'utf8'));
    const files = [manifest.tokenizer, manifest.row_checks.list, ...manifest.shards];
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const label = await (await reach(page, 'analyze')).innerText();
    const megabytes = (bytes / 1e6).toFixed(bytes < 99.95e6 ? 1 : 0);
    assert.ok(label.includes(`${megabytes} MB`), label);
  });
});

describe('the page with the real model', () => {
  let browser;
  /** Where the text was analyzed, */
  let page;
  /** and what came of it. */
  let document;
  const file = join(out, 'alice.json');
  const metrics = {};
  before(async () => {
    browser = await launch();
    page = await open(browser, site);
    const started = performance.now();
    const state = await analyze(page, ALICE, { timeout: SLOW });
    metrics.cold_seconds = (performance.now() - started) / 1000;
    assert.equal(state, 'done', await errorOf(page));
    document = await downloadJson(page);
    writeFileSync(file, JSON.stringify(document));
  }, { timeout: SLOW });
  after(async () => {
    writeFileSync(join(out, 'metrics.json'), `${JSON.stringify(metrics, null, 2)}\n`);
    await browser?.close();
  });
  afterEach(() => assert.deepEqual(page.problems, []));

  test('Analyze makes a heatmap of the typed text', async () => {
    assert.match(await (await reach(page, 'device')).innerText(), /WebGPU/);
    assert.ok(page.requested.some(isOfModel), 'the test sees what the worker fetches');
    const received = page.received.filter(({ url }) => isOfModel(url));
    metrics.model_requests = received.length;
    metrics.model_bytes = received.reduce((sum, { bytes }) => sum + bytes, 0);
    metrics.provenance = await (await reach(page, 'provenance')).innerText();
    await reach(page, 'heatmap');
    await assertCanvasDrawn(page);
    assert.equal(document.text, ALICE);
    await screenshot(page, 'heatmap');
    if (process.env.LENS_SCREENSHOT) copyFileSync(join(out, 'heatmap.png'), join(root, process.env.LENS_SCREENSHOT));
  });

  test('the downloaded JSON is what the command line says of the same pack', { timeout: SLOW }, async () => {
    compareDocuments(document, await commandLine.analyze(defaultPack, ALICE));
  });

  test('it is what PyTorch says of the unpacked weights, within what packing does', () => {
    const { texts } = JSON.parse(readFileSync(join(fixtures, 'real', 'texts.json'), 'utf8'));
    const expected = texts.find(({ text }) => text === ALICE);
    assert.deepEqual(document.token_ids, expected.token_ids);
    assert.deepEqual(document.tokens, expected.tokens);
    const tensors = readSafetensors(join(fixtures, 'real', `${expected.name}.safetensors`));
    const { mean, max } = absoluteDifference(document.similarity.flat(), tensors.similarity.values);
    metrics.similarity_mean_error_to_pytorch = mean;
    metrics.similarity_max_error_to_pytorch = max;
    assert.ok(mean <= SERVED_PACK.similarityMean, `similarity differs by ${mean} on average, at most ${max}`);
    const variance = Math.abs(document.variance_explained - expected.variance_explained);
    assert.ok(variance <= SERVED_PACK.varianceExplained, `variance explained differs by ${variance}`);
  });

  /** The saved result in a new visitor's page. */
  const opened = async () => {
    const fresh = await open(browser, site);
    await (await reach(fresh, 'open-result')).setInputFiles(file);
    await fresh.getByTestId('file-mark').waitFor();
    await assertCanvasDrawn(fresh);
    return fresh;
  };

  test('memory: wasm under 256 MB, GPU buffers at most a tenth more than the weights', async () => {
    const { worker } = await diagnostics(page);
    metrics.diagnostics = worker;
    assert.ok(worker.heap_bytes < 256e6, `wasm has ${worker.heap_bytes} bytes`);
    const [pack] = worker.packs;
    const manifest = JSON.parse(readFileSync(join(defaultPack, 'manifest.json'), 'utf8'));
    const shards = manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0);
    // Headers and filling apart, what is on the GPU is what was in the shards.
    assert.ok(Math.abs(pack.weight_bytes / shards - 1) < 0.01, `${pack.weight_bytes} of ${shards} bytes`);
    assert.ok(worker.gpu_bytes.weights >= pack.weight_bytes, `${worker.gpu_bytes.weights} of ${pack.weight_bytes}`);
    assert.ok(worker.gpu_bytes.weights <= 1.1 * pack.weight_bytes, `${worker.gpu_bytes.weights} of ${pack.weight_bytes}`);
  });

  test('a second visit loads from storage', { timeout: SLOW }, async () => {
    const again = await open(browser, site, { context: page.context() });
    // The button names no price any more.
    await (await reach(again, 'analyze')).filter({ hasNotText: 'MB' }).waitFor();
    const started = performance.now();
    assert.equal(await analyze(again, ALICE, { timeout: SLOW }), 'done', await errorOf(again));
    metrics.from_storage_seconds = (performance.now() - started) / 1000;
    const fetched = again.requested.filter(isOfModel);
    assert.deepEqual(fetched.map((url) => url.split('/').at(-1)), ['manifest.json']);
    const { worker } = await diagnostics(again);
    metrics.diagnostics_from_storage = worker;
    assert.ok(worker.heap_bytes < 256e6, `wasm has ${worker.heap_bytes} bytes`);
    assert.deepEqual(again.problems, []);
    await again.close();
  });

  test('hovering the heatmap names two tokens and their value', async () => {
    const fresh = await opened();
    const canvas = fresh.getByTestId('heatmap');
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    await fresh.mouse.move(box.x + 0.55 * box.width, box.y + 0.4 * box.height);
    const readout = fresh.getByTestId('heatmap-readout');
    await readout.locator('.readout-token').first().waitFor();
    const [row, column] = (await readout.locator('.readout-token').allInnerTexts()).map((text) => parseInt(text, 10));
    const value = Number((await readout.locator('strong').innerText()).replace('\u2212', '-'));
    assert.ok(Math.abs(value - document.similarity[row][column]) < 1e-4, `(${row}, ${column}) reads ${value}`);
    await screenshot(fresh, 'hover');
    await fresh.context().close();
  });

  test('a second analysis fetches at most embedding rows, and inf_k keeps that many codes', { timeout: SLOW }, async () => {
    const before = page.requested.length;
    await (await reach(page, 'inf-k')).fill('5');
    const started = performance.now();
    const state = await analyze(page, ALICE, { states: ['loading'] })
      .then(() => page.locator('main[data-state="done"], main[data-state="error"]').waitFor({ timeout: SLOW }))
      .then(() => page.locator('main').getAttribute('data-state'));
    metrics.warm_seconds = (performance.now() - started) / 1000;
    assert.equal(state, 'done', await errorOf(page));
    const fetched = page.requested.slice(before).filter(isOfModel);
    assert.ok(fetched.every((url) => url.includes('embedding')), fetched.join('\n'));
    const again = await downloadJson(page);
    assert.equal(again.inf_k, 5);
    assert.ok(again.l0_novel.every((count) => count <= 5), `${again.l0_novel}`);
  });

  test('scripts, emoji and white space get the tokens that Hugging Face gives', { timeout: SLOW }, async () => {
    // These go through the text box; all of the fixture goes to the worker below. (A text box
    // turns CR LF into LF before any script sees it, so none of them has one.)
    const { cases } = JSON.parse(readFileSync(join(fixtures, 'tokenizer', 'gemma3-ids.json'), 'utf8'));
    await (await reach(page, 'inf-k')).fill('');
    for (const start of ['こんにちは世界', '👨‍👩‍👧‍👦', '\tindented\n']) {
      const expected = cases.find(({ text }) => text.startsWith(start));
      await analyze(page, expected.text, { states: ['loading'] });
      assert.equal(await waitForState(page, ['done', 'error'], SLOW), 'done', await errorOf(page));
      const found = await downloadJson(page);
      assert.equal(found.text, expected.text);
      assert.deepEqual(found.token_ids, expected.ids);
    }
  });

  test('the worker tokenizes all of the fixture as Hugging Face does', { timeout: SLOW }, async () => {
    const { cases } = JSON.parse(readFileSync(join(fixtures, 'tokenizer', 'gemma3-ids.json'), 'utf8'));
    // An empty text is refused, in wasm as natively.
    const filled = cases.filter(({ text }) => text !== '');
    assert.ok(filled.length > 1000);
    const fresh = await open(browser, site);
    // No device takes part: without one, no kernel is compiled.
    await startWorker(fresh, 'cpu');
    const packUrl = new URL('models/default/', fresh.url()).href;
    const { ids } = await ask(fresh, { kind: 'tokenize', pack_url: packUrl, texts: filled.map(({ text }) => text) });
    filled.forEach((expected, i) => assert.deepEqual(ids[i], expected.ids, JSON.stringify(expected.text)));
    await fresh.context().close();
  });

  test('a saved result opens without a model', async () => {
    const fresh = await opened();
    assert.deepEqual(fresh.requested.filter(isOfModel), []);
    assert.deepEqual(fresh.problems, []);
    await fresh.context().close();
  });
});

function compareDocuments(found, expected) {
  assert.equal(found.format, expected.format);
  assert.deepEqual(found.model, expected.model);
  assert.deepEqual(found.token_ids, expected.token_ids);
  assert.deepEqual(found.tokens, expected.tokens);
  const { max } = absoluteDifference(found.similarity.flat(), expected.similarity.flat());
  assert.ok(max <= SAME_PACK, `similarity differs by up to ${max}`);
  const variance = Math.abs(found.variance_explained - expected.variance_explained);
  assert.ok(variance <= SAME_PACK, `variance explained differs by ${variance}`);
  assert.deepEqual(found.l0_novel, expected.l0_novel);
}

async function assertCanvasDrawn(page) {
  await page.waitForFunction(() => document.querySelector('[data-testid="heatmap"]')?.width > 100);
  const colors = await countColors(page, 'heatmap');
  assert.ok(colors > 50, `the heatmap shows ${colors} colors`);
}

async function errorOf(page) {
  const error = page.getByTestId('error');
  return (await error.count()) ? error.innerText() : 'no error is shown';
}
