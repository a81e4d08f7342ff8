// Two texts side by side: precomputed with two clicks, live on a small pack; Neuronpedia's pages; figures
// on the clipboard.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { seriousViolations } from './lib/axe.mjs';
import { countColors, launch, open, screenshot, settled, visitor, waitForState } from './lib/browser.mjs';
import { out, packs, site } from './lib/environment.mjs';
import { example, show, shows } from './lib/examples.mjs';
import { download, downloadCsv, pngSize } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { putAway, reach } from './lib/reach.mjs';

/** A symmetric matrix as a document packs it: its upper triangle in base64. */
function unpacked(base64, size) {
  const bytes = Buffer.from(base64, 'base64');
  const matrix = Array.from({ length: size }, () => new Float64Array(size));
  let at = 0;
  for (let i = 0; i < size; i += 1) {
    for (let j = i; j < size; j += 1, at += 4) {
      matrix[i][j] = bytes.readFloatLE(at);
      matrix[j][i] = matrix[i][j];
    }
  }
  return matrix;
}

/** Cosine of the mean codes of two lists of rows. */
function cosine(matrix, a, b) {
  const mean = (rows, columns) => rows.reduce((sum, i) => sum + columns.reduce((s, j) => s + matrix[i][j], 0), 0)
    / rows.length / columns.length;
  return mean(a, b) / Math.sqrt(mean(a, a) * mean(b, b));
}

const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const figureOf = (text) => Number(text.replace('−', '-'));

describe('the garden path', () => {
  const pair = example('garden-path-compared');
  let browser;
  let context;
  let page;
  before(async () => {
    browser = await launch({ webgpu: false });
    context = await visitor(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
  });
  after(() => browser?.close());
  // As a link shows it: the sentence beside its twin.
  beforeEach(async () => {
    page = await open(browser, `${site}?example=garden-path&with=${encodeURIComponent(pair.second.text)}`, { context });
    await page.getByTestId('gallery').waitFor();
    await reach(page, 'compare-found');
    await drawn();
  });
  afterEach(async () => {
    const { problems } = page;
    await page.close();
    assert.deepEqual(problems, []);
  });
  const drawn = () => page.waitForFunction(
    () => [1, 2].every((side) => document.querySelector(`[data-testid="compare-heatmap-${side}"]`)?.width > 50));

  const row = async (label) => (await reach(page, 'compare-cosines')).getByRole('row').filter({ hasText: label });

  test('three clicks show it beside its plain twin', async () => {
    await page.goto(site);
    await page.getByTestId('gallery').waitFor();
    await show(page, 'garden-path');
    await (await reach(page, 'compare-pair')).click();
    await reach(page, 'compare-mark');
    await drawn();
    for (const side of [1, 2]) assert.ok((await countColors(page, `compare-heatmap-${side}`)) > 20);
    assert.deepEqual(page.requested.filter((url) => /\/models\//.test(url)), []);
    await screenshot(page, 'compare-wide');
  });

  test('the phrases are compared by their mean codes', async () => {
    const document = JSON.parse(await download(page, 'compare-json'));
    assert.deepEqual(document, pair);
    const [a, b] = [document.first.tokens, document.second.tokens];
    // Both end in "man the boat."; what is before it, BOS apart, is span A.
    const shared = 4;
    assert.deepEqual(a.slice(-shared), b.slice(-shared));
    assert.notEqual(a.at(-shared - 1), b.at(-shared - 1));
    const matrix = unpacked(document.grams.predictable, a.length + b.length);
    const expected = cosine(
      matrix, range(a.length - shared, a.length), range(a.length + b.length - shared, a.length + b.length),
    );
    const shown = figureOf(await (await row('1B × 2B')).getByRole('cell').first().innerText());
    assert.ok(Math.abs(shown - expected) < 1e-4, `${shown} ${expected}`);
    // In words, below both matrices.
    const [, b2] = await page.getByTestId('compare-found').getByRole('listitem').allInnerTexts();
    assert.match(b2.replace(/\s+/g, ' '), new RegExp(`^B “man the boat\\.” in both expected part ${expected.toFixed(2)}, new part −?\\d\\.\\d\\d$`));
  });

  test('another span is selected by click and shift-click, by keys, too', async () => {
    const before = await (await row('1B × 2B')).innerText();
    const found = await page.getByTestId('compare-found').innerText();
    await putAway(page);
    await (await reach(page, 'compare-2-3')).click();
    await (await reach(page, 'compare-2-4')).focus();
    await page.keyboard.press('Shift+Enter');
    assert.equal(await page.locator('.compare-token.is-span-b').count() > 0, true);
    assert.notEqual(await (await row('1B × 2B')).innerText(), before);
    assert.notEqual(await page.getByTestId('compare-found').innerText(), found);
    const named = await page.locator('[data-testid^="compare-2-"].is-span-b').evaluateAll((them) => them.map((it) => it.dataset.testid));
    assert.deepEqual(named, ['compare-2-3', 'compare-2-4']);
  });

  test('both matrices follow the chosen source', async () => {
    // The source is chosen beside the text's own matrix.
    const picture = async () => {
      await reach(page, 'compare-heatmap-1');
      await drawn();
      await settled(page);
      return page.getByTestId('compare-heatmap-1').evaluate((canvas) => canvas.toDataURL());
    };
    await reach(page, 'source');
    const before = await picture();
    await (await reach(page, 'source')).selectOption('predictable');
    assert.equal(await picture(), before);
    await (await reach(page, 'source')).selectOption('novel');
    assert.notEqual(await picture(), before);
    assert.match(await (await reach(page, 'compare-title')).innerText(), /novel codes, both from/);
  });

  test('hovering a matrix names two tokens and their value', async () => {
    const canvas = page.getByTestId('compare-heatmap-2');
    await canvas.scrollIntoViewIfNeeded();
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + 0.5 * box.width, box.y + 0.4 * box.height);
    assert.match(await (await reach(page, 'compare-readout-2')).innerText(), /^\d+ .* × \d+ .*\d\.\d{4}$/);
  });

  test('its pair’s text is in the second box', async () => {
    assert.equal(await (await reach(page, 'compare-text')).inputValue(), pair.second.text);
  });

  test('keys walk a matrix, and a table says what it shows', async () => {
    await (await reach(page, 'compare-heatmap-1')).focus();
    for (const key of ['Home', 'ArrowDown', 'ArrowDown', 'ArrowRight']) await page.keyboard.press(key);
    assert.match(await (await reach(page, 'compare-readout-1')).innerText(), /^3 .* × 2 .*\d\.\d{4}$/);
    await page.keyboard.press('Escape');
    assert.match(await (await reach(page, 'compare-readout-1')).innerText(), /^Hover/);
    await (await reach(page, 'compare-table-1')).locator('summary').click();
    const rows = page.getByTestId('compare-table-1').locator('tbody tr');
    await rows.first().waitFor();
    assert.equal(await rows.count(), pair.first.tokens.length);
  });

  test('both matrices are saved in one picture, the cosines as CSV', async () => {
    const { width, height } = pngSize(await download(page, 'compare-png'));
    assert.ok(width > height && width > 1400, `${width} x ${height}`);
    const [head, ...rows] = await downloadCsv(page, 'compare-csv');
    assert.deepEqual(head, ['spans', 'predictable', 'novel', 'total', 'residual']);
    const shown = await (await reach(page, 'compare-cosines')).locator('tbody tr').evaluateAll(
      (them) => them.map((it) => [...it.children].map(({ textContent }) => textContent.replace('−', '-'))));
    assert.deepEqual(rows, shown);
  });

  test('a title has a true minus sign', async () => {
    assert.doesNotMatch(await (await reach(page, 'compare-title')).innerText(), /-\d/);
  });

  test('another text takes the comparison away, not the second text', async () => {
    const second = await (await reach(page, 'compare-text')).inputValue();
    await show(page, 'poem');
    await page.getByTestId('compare-found').waitFor({ state: 'detached' });
    assert.equal(await (await reach(page, 'compare-text')).inputValue(), second);
    assert.equal(await page.getByTestId('compare-pair').count(), 0, 'the poem has no twin');
  });

  test('figures are copied as pictures', async () => {
    await page.goto(`${site}?example=poem`);
    await shows(page, 'poem');
    for (const figure of ['heatmap', 'features']) {
      await page.evaluate(() => navigator.clipboard.writeText(''));
      await (await reach(page, `${figure}-copy`)).click();
      await page.waitForFunction(async () => {
        const [item] = await navigator.clipboard.read();
        return item?.types.includes('image/png');
      });
    }
    const png = await download(page, 'features-png');
    assert.equal(png.readUInt32BE(16), 1800);
    assert.equal(await page.getByTestId('error').count(), 0);
  });

  test('it fits a phone, in the dark, and axe finds nothing serious', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 780 });
    await settled(page);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)) <= 0);
    await screenshot(page, 'compare-phone-dark');
    const serious = await seriousViolations(page);
    assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes[0].html]), []);
  });
});

describe('a comparison made here', () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  test('is what the command line says of both texts', { timeout: 240_000 }, async () => {
    const pair = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
    const pack = await commandLine.packPair(pair, 'compare');
    const page = await open(browser, `${site}?example=seed-prompt`, { pack });
    await (await reach(page, 'compare-text')).fill('Once upon a time, an old man looked at the sea.');
    await (await reach(page, 'compare-inf-k')).fill('3');
    await putAway(page);
    await (await reach(page, 'compare')).click();
    await waitForState(page, ['loading']);
    await page.getByTestId('compare-found').waitFor({ timeout: 120_000 });
    const found = JSON.parse(await download(page, 'compare-json'));
    assert.equal(found.second.inf_k, 3);
    const file = join(out, `compared-${process.pid}.json`);
    await commandLine.temporalLens(
      'compare', '--model', join(packs, 'compare'), '--device', 'cpu', '--first', found.first.text,
      '--second', found.second.text, '--second-inf-k', '3', '--json', file,
    );
    const expected = JSON.parse(readFileSync(file, 'utf8'));
    assert.deepEqual(found.second.token_ids, expected.second.token_ids);
    const size = found.first.tokens.length + found.second.tokens.length;
    for (const source of ['predictable', 'novel', 'total', 'residual']) {
      const [ours, theirs] = [found, expected].map((it) => unpacked(it.grams[source], size).flatMap((row) => [...row]));
      const norm = Math.hypot(...theirs);
      assert.ok(norm > 0);
      assert.ok(Math.hypot(...ours.map((value, i) => value - theirs[i])) <= 1e-2 * norm, source);
    }
    assert.deepEqual(page.problems, []);
  });
});

describe('Neuronpedia', () => {
  let browser;
  let page;
  let asked;
  const poem = example('poem');
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());
  beforeEach(async () => {
    page = await open(browser, site);
    asked = [];
    await page.context().route(/neuronpedia\.org/, (route) => {
      asked.push(route.request().url());
      return route.fulfill({ contentType: 'text/html', body: '<p id="theirs">their page</p>' });
    });
  });
  afterEach(() => page.context().close());

  async function show(text) {
    const file = join(out, 'with-source.json');
    const document = { ...poem, text, model: { ...poem.model, neuronpedia: 'gemma-2-2b/12-temporal-res' } };
    writeFileSync(file, JSON.stringify(document));
    await (await reach(page, 'open-result')).setInputFiles(file);
    await reach(page, 'neuronpedia-matrix');
  }

  test('a pack without a source has no such panel', async () => {
    await reach(page, 'feature-list');
    assert.equal(await page.getByTestId('neuronpedia-matrix').count(), 0);
  });

  test('a dashboard opens on a click, in a sandbox, and not before', async () => {
    await show(poem.text);
    // Whatever showing it asks for is under way by now.
    await settled(page);
    assert.deepEqual(asked, []);
    const { position } = poem.selected;
    const { feature } = poem.novel_top[position][0];
    await (await reach(page, 'neuronpedia-feature')).click();
    await page.frameLocator('[data-testid="neuronpedia-frame"]').locator('#theirs').waitFor();
    assert.deepEqual(asked, [
      `https://neuronpedia.org/gemma-2-2b/12-temporal-res/${feature}?embed=true&embedexplanation=true&embedplots=true&embedtest=true`,
    ]);
    const frame = page.getByTestId('neuronpedia-frame');
    assert.ok(!(await frame.getAttribute('sandbox')).includes('allow-top-navigation'));
    assert.equal(await frame.getAttribute('referrerpolicy'), 'no-referrer');
  });

  test('the matrix page is given the text, up to 700 characters', async () => {
    await show(poem.text);
    await (await reach(page, 'neuronpedia-matrix')).click();
    await page.waitForFunction(() => document.querySelector('[data-testid="neuronpedia-frame"]').src.includes('simMatrix'));
    const { searchParams } = new URL(await (await reach(page, 'neuronpedia-frame')).getAttribute('src'));
    assert.equal(searchParams.get('simMatrix'), poem.text);
    await screenshot(page, 'neuronpedia');
    await (await reach(page, 'neuronpedia-close')).click();
    assert.equal(await page.getByTestId('neuronpedia-frame').count(), 0);
    await show('é'.repeat(701));
    await (await reach(page, 'neuronpedia-matrix')).click();
    assert.match(await page.getByTestId('neuronpedia-problem').innerText(), /701/);
    assert.equal(await page.getByTestId('neuronpedia-frame').count(), 0);
  });
});
