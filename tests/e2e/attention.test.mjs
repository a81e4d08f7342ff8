// Where predictions come from: weights of a live result on WebGPU against PyTorch, the views of a real one,
// and what a saved result without them says.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { seriousViolations } from './lib/axe.mjs';
import { analyze, countColors, launch, open, screenshot, settled, visitor } from './lib/browser.mjs';
import { defaultPack, fixtures, out, packs, site } from './lib/environment.mjs';
import { download, downloadCsv, downloadJson, pngSize } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { putAway, reach } from './lib/reach.mjs';
import { readSafetensors } from './lib/tensors.mjs';

const TEXT = 'The harbour was quiet. The gulls slept on the harbour wall, and the harbour slept below them.';
/** f32 on two devices, and half a step of the document's 16 bits. */
const TOLERANCE = 1e-4;

/** A head's weights as a document packs them: rows of t + 1. */
function triangle(base64, size) {
  const bytes = Buffer.from(base64, 'base64');
  assert.equal(bytes.length, size * (size + 1));
  let at = 0;
  return Array.from({ length: size }, (_, t) => Array.from({ length: t + 1 }, () => bytes.readUInt16LE(2 * at++) / 65535));
}

/** Mean of the heads of the first layer. */
function meanOf({ heads, weights }, size) {
  const all = weights.slice(0, heads).map((packed) => triangle(packed, size));
  return all[0].map((row, t) => row.map((_, j) => all.reduce((sum, head) => sum + head[t][j], 0) / heads));
}

describe('attention of a text analyzed here', () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser?.close());

  test('is PyTorch’s, layer by layer and head by head', { timeout: 240_000 }, async () => {
    const pair = commandLine.pairs.find(({ name }) => name === 'gemma3-sharded--relu-untied-2-layers');
    const pack = await commandLine.packPair(pair, 'attention');
    const page = await open(browser, site, { pack });
    assert.equal(await analyze(page, pair.text), 'done');
    assert.equal((await downloadJson(page)).attention, undefined, 'nothing of it before it is asked for');
    // Looking at the figure asks for it.
    await page.getByTestId('tab-sources').click();
    await page.getByTestId('attention').waitFor();
    const document = await downloadJson(page);
    const { shape: [layers, heads, size], values } = readSafetensors(join(fixtures, pair.expected)).attn_graphs;
    assert.ok(layers > 1 && heads > 1);
    assert.deepEqual([document.attention.layers, document.attention.heads], [layers, heads]);
    document.attention.weights.forEach((packed, head) => {
      triangle(packed, size).forEach((row, t) => row.forEach((weight, j) => {
        const expected = values[(head * size + t) * size + j];
        assert.ok(Math.abs(weight - expected) <= TOLERANCE, `head ${head}, ${t} from ${j}: ${weight} ${expected}`);
      }));
    });
    // The second layer has a picture of its own.
    const picture = async () => (await reach(page, 'attention')).evaluate((canvas) => canvas.toDataURL());
    const first = await picture();
    await (await reach(page, 'attention-layer')).selectOption('1');
    await page.waitForFunction(
      (old) => globalThis.document.querySelector('[data-testid="attention"]').toDataURL() !== old, first);
    assert.deepEqual(page.problems, []);
  });
});

describe('attention of a saved result', () => {
  let browser;
  let context;
  let page;
  let document;
  let mean;
  before(async () => {
    document = await commandLine.analyze(defaultPack, TEXT, '--attention');
    mean = meanOf(document.attention, document.tokens.length);
    writeFileSync(join(packs, 'attention.json'), JSON.stringify(document));
    browser = await launch({ webgpu: false });
    context = await visitor(browser);
  });
  after(() => browser?.close());

  /** The page with the result, and more settings as a link has them. */
  const show = async (settings = '') => {
    const shown = await open(browser, `${site}?result=packs/attention.json&view=sources${settings}`, { context });
    await shown.waitForFunction(() => globalThis.document.querySelector('[data-testid="attention"]')?.width > 100);
    return shown;
  };
  beforeEach(async () => { page = await show(); });
  afterEach(async () => {
    const { problems } = page;
    await page.close();
    assert.deepEqual(problems, []);
  });

  const word = (position) => page.locator(`[data-attended="${position}"]`);
  const origins = () => page.getByTestId('attention-origins').locator('li').evaluateAll(
    (them) => them.map((it) => [it.querySelector('.origin').textContent, Number(it.querySelector('.value').textContent)]));

  test('hovering a token shades what its prediction came from, and lists it', async () => {
    const position = document.tokens.length - 3;
    await word(position).hover();
    const row = mean[position];
    const strongest = row.map((weight, column) => [weight, column]).sort((a, b) => b[0] - a[0]);
    const listed = await origins();
    assert.equal(listed.length, 8);
    listed.forEach(([name, weight], i) => {
      const [expected, column] = strongest[i];
      assert.ok(Math.abs(weight - expected) <= 6e-4, `${name} ${weight} ${expected}`);
      if (weight > listed[i + 1]?.[1] + 1e-3 && column > 0) assert.equal(parseInt(name, 10), column - 1);
    });
    const most = Math.max(...row.slice(1));
    const levels = await page.locator('[data-attended]').evaluateAll(
      (them) => them.map((it) => Number(it.style.getPropertyValue('--level'))));
    levels.forEach((level, j) => {
      assert.ok(Math.abs(level - (j < position ? row[j + 1] / most : 0)) <= 2e-3, `${j}: ${level}`);
    });
    // The same token stands out in the strip above.
    assert.ok(await page.getByTestId(`token-${position}`).evaluate((it) => it.classList.contains('is-focused')));
    await screenshot(page, 'attention-light');
  });

  test('a link opens the head it names', async () => {
    const other = await show('&attention=0.1');
    assert.equal(await (await reach(other, 'attention-head')).inputValue(), '1');
    await (await reach(other, 'attention-head')).selectOption('2');
    await other.waitForFunction(() => /attention=0\.2/.test(location.search));
    await other.goBack();
    await other.waitForFunction(() => globalThis.document.querySelector('[data-testid="attention-head"]').value === '1');
    await (await reach(other, 'attention-head')).selectOption('mean');
    await other.waitForFunction(() => !/attention=0/.test(location.search));
    assert.deepEqual(other.problems, []);
    await other.close();
  });

  test('a head is chosen, and a cell of the map says its weight', async () => {
    const map = page.getByTestId('attention');
    assert.ok((await countColors(page, 'attention')) > 10);
    const picture = () => map.evaluate((canvas) => canvas.toDataURL());
    const before = await picture();
    await (await reach(page, 'attention-head')).selectOption('1');
    await page.waitForFunction(
      (old) => globalThis.document.querySelector('[data-testid="attention"]').toDataURL() !== old, before);
    const head = triangle(document.attention.weights[1], document.tokens.length);
    await putAway(page);
    await map.scrollIntoViewIfNeeded();
    const box = await map.boundingBox();
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.7);
    const readout = await (await reach(page, 'attention-readout')).innerText();
    const [, token, from, weight] = /^(\d+) .* ← (\d+) .* ([\d.]+)$/.exec(readout);
    assert.ok(Math.abs(Number(weight) - head[token][Number(from) + 1]) <= 1e-4, readout);
  });

  test('keys walk it, Enter pins, and a table says the same', async () => {
    await (await reach(page, 'attention')).focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    const last = document.tokens.length - 1;
    assert.match(await (await reach(page, 'attention-readout')).innerText(), new RegExp(`^${last} `));
    assert.ok(await page.getByTestId(`token-${last}`).evaluate((it) => it.classList.contains('is-pinned')));
    await (await reach(page, 'attention-table')).locator('summary').click();
    const rows = page.getByTestId('attention-table').locator('tbody tr');
    await rows.first().waitFor();
    assert.equal(await rows.count(), document.tokens.length);
    const [strongest] = await origins();
    assert.ok((await rows.last().innerText()).includes(strongest[0]));
  });

  test('it is saved as CSV and PNG', async () => {
    await (await reach(page, 'attention-head')).selectOption('1');
    const rows = await downloadCsv(page, 'attention-csv');
    const head = triangle(document.attention.weights[1], document.tokens.length);
    assert.equal(rows.length, document.tokens.length + 1);
    assert.equal(rows[0][2], '0 <bos>');
    rows.slice(1).forEach((row, t) => {
      assert.equal(parseInt(row[0], 10), t);
      row.slice(1).forEach((value, j) => {
        if (j > t) assert.equal(value, '');
        else assert.ok(Math.abs(Number(value) - head[t][j]) < 1e-6);
      });
    });
    const { width } = pngSize(await download(page, 'attention-png'));
    assert.ok(width >= 840, `${width}`);
  });

  test('it fits a phone, in the dark, and axe finds nothing serious', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 780 });
    await settled(page);
    assert.ok((await page.evaluate(() => globalThis.document.documentElement.scrollWidth - window.innerWidth)) <= 0);
    await screenshot(page, 'attention-phone-dark');
    const serious = await seriousViolations(page, '.attention');
    assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes[0].html]), []);
  });

  test('a result without it says so', async () => {
    const { attention, ...rest } = document;
    const file = join(out, 'no-attention.json');
    writeFileSync(file, JSON.stringify(rest));
    await (await reach(page, 'open-result')).setInputFiles(file);
    assert.match(await (await reach(page, 'attention-missing')).innerText(), /without attention weights/);
  });
});
