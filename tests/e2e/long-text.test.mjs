// Two thousand tokens on a small pack: every view is there and answers; layouts run in a worker of
// their own, show how far they are, and stop; a phone scrolls past them.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';

import { launch, open, screenshot } from './lib/browser.mjs';
import { out, packs, root, site } from './lib/environment.mjs';
import { downloadCsv } from './lib/files.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const SENTENCE = 'Once upon a time, a little girl named Alice loved looking at the night sky. ';
const TOKENS = 2000;
const LIMIT = { timeout: 240_000 };

/** The address of the worker that lays out trajectories. */
const layoutWorker = () => new URL('worker-loader.js?module=layouts.js&wasm=layouts_bg.wasm', document.baseURI).href;

test('the layouts of a browser are those of every other machine', LIMIT, async () => {
  const browser = await launch({ webgpu: false });
  try {
    const page = await open(browser, site);
    const found = await page.evaluate((url) => new Promise((resolve, reject) => {
      const worker = new Worker(url, { type: 'module' });
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data }) => resolve(JSON.parse(data));
      worker.postMessage(JSON.stringify('fingerprint'));
    }), await page.evaluate(layoutWorker));
    const source = readFileSync(join(root, 'crates/umap/src/same_everywhere.rs'), 'utf8');
    const native = /FINGERPRINT: u64 = (0x[0-9a-f_]+);/.exec(source)[1].replaceAll('_', '');
    assert.deepEqual(found, { fingerprint: { hexadecimal: native } });
  } finally {
    await browser.close();
  }
});

describe('a text of two thousand tokens', () => {
  let browser;
  let page;
  let document;
  const file = join(out, 'long.json');
  before(async () => {
    await commandLine.packPair(PAIR, 'long');
    // The small pack's tokens are short: 56 a sentence.
    const sentence = (await commandLine.analyze(join(packs, 'long'), SENTENCE.repeat(2))).tokens.length;
    const text = SENTENCE.repeat(Math.floor((2 * TOKENS) / sentence));
    document = await commandLine.analyze(join(packs, 'long'), text, '--attention');
    assert.ok(document.tokens.length > 0.95 * TOKENS, `${document.tokens.length} tokens`);
    writeFileSync(file, JSON.stringify(document));
    browser = await launch({ webgpu: false });
    page = await open(browser, site);
    await (await reach(page, 'open-result')).setInputFiles(file);
    await page.getByTestId('file-mark').waitFor({ timeout: 60_000 });
  });
  after(() => browser?.close());
  afterEach(() => assert.deepEqual(page.problems, []));

  const status = () => page.getByTestId('trajectory-status');

  test('opens with every view', LIMIT, async () => {
    await page.waitForFunction(() => globalThis.document.querySelector('[data-testid="heatmap"]')?.width > 100);
    assert.equal(await page.locator('.token-strip [data-position]').count(), document.tokens.length);
    for (const view of ['feature-map', 'attention', 'trajectory']) await reach(page, view);
    assert.ok((await page.evaluate(() => globalThis.document.documentElement.scrollWidth - window.innerWidth)) <= 0);
  });

  test('its layout says how far it is, and the page answers meanwhile', LIMIT, async () => {
    // What the page says is noted in the page: between two questions of a test the layout may be over.
    await page.evaluate(() => {
      const said = (id) => document.querySelector(`[data-testid="${id}"]`)?.textContent ?? '';
      window.noted = [];
      new MutationObserver(() => window.noted.push({ status: said('trajectory-status'), readout: said('strip-readout') }))
        .observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    const centerOf = (position) => page.getByTestId(`token-${position}`).evaluate((token) => {
      token.scrollIntoViewIfNeeded();
      const { x, y, width, height } = token.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    });
    await reach(page, 'trajectory');
    // Another layout: the first one may be over by now.
    await (await reach(page, 'seed')).fill('7');
    await (await reach(page, 'seed')).press('Enter');
    const reports = () => page.evaluate(() => window.noted.filter(({ status }) => /epoch \d+ of \d+/.test(status)));
    let under = [];
    for (let move = 0; under.length === 0 || await status().count() > 0; move += 1) {
      await page.mouse.move(...await centerOf(3 + (move % 2)));
      under = await reports();
    }
    assert.ok(new Set(under.map((it) => it.status)).size > 1, 'it says how far it is');
    const answers = new Set(under.map(({ readout }) => readout.split(' ')[0]));
    assert.ok(answers.has('3') && answers.has('4'), `while it was under way the strip said ${[...answers]}`);
    await page.mouse.move(0, 0);
  });

  test('its layout stops, and another one comes', LIMIT, async () => {
    await (await reach(page, 'seed')).fill('8');
    await (await reach(page, 'seed')).press('Enter');
    await (await reach(page, 'umap-cancel')).click();
    await status().filter({ hasText: 'Stopped.' }).waitFor();
    // Any status of it until the next one is there would be noted.
    await page.evaluate(() => {
      window.afterwards = [];
      new MutationObserver(() => window.afterwards.push(document.querySelector('[data-testid="trajectory-status"]')?.textContent))
        .observe(document.body, { subtree: true, childList: true, characterData: true });
    });
    await (await reach(page, 'trajectory-method')).selectOption('pca');
    await page.locator(`[data-testid="trajectory"][data-points="${document.tokens.length}"]`).waitFor({ timeout: 60_000 });
    const reports = await page.evaluate(() => window.afterwards);
    assert.ok(reports.length > 0);
    assert.deepEqual(reports.filter((said) => /epoch/.test(said)), [], 'it reports nothing any more');
    const rows = await downloadCsv(page, 'trajectory-csv');
    assert.equal(rows.length, document.tokens.length + 1);
    assert.ok(rows.slice(1).every((row) => row.slice(2).every((value) => Number.isFinite(Number(value)))));
  });

  test('keys walk from its first token to its last', LIMIT, async () => {
    await (await reach(page, 'token-strip')).focus();
    await page.keyboard.press('End');
    const last = document.tokens.length - 1;
    assert.ok(await page.getByTestId(`token-${last}`).evaluate((it) => it.classList.contains('is-focused')));
    await (await reach(page, 'heatmap')).focus();
    for (const key of ['Home', '+', '+', '+', '+']) await page.keyboard.press(key);
    assert.ok(Number(await (await reach(page, 'heatmap')).getAttribute('data-span')) < document.tokens.length / 3);
    await page.keyboard.press('0');
    await screenshot(page, 'long-text');
  });
});

test('a finger scrolls past the figures of a phone', LIMIT, async () => {
  const browser = await launch({ webgpu: false });
  try {
    const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const page = await open(browser, site, { context });
    const session = await context.newCDPSession(page);
    for (const figure of ['heatmap', 'trajectory', 'feature-map']) {
      await (await reach(page, figure)).scrollIntoViewIfNeeded();
      if (figure === 'trajectory') await page.locator('[data-testid="trajectory"][data-points]').waitFor();
      const box = await page.getByTestId(figure).boundingBox();
      const before = await page.evaluate(() => window.scrollY);
      const [x, y] = [box.x + box.width / 2, Math.max(200, box.y + box.height / 2)];
      const touch = (type, dy) => session.send('Input.dispatchTouchEvent', {
        type, touchPoints: type === 'touchEnd' ? [] : [{ x, y: y + dy }],
      });
      // Whichever way there is room.
      const way = before > 200 ? 1 : -1;
      await touch('touchStart', 0);
      for (let step = 1; step <= 8; step += 1) await touch('touchMove', way * 15 * step);
      await touch('touchEnd');
      await page.waitForFunction((from) => Math.abs(window.scrollY - from) > 50, before, { timeout: 5000 });
    }
    assert.deepEqual(page.problems, []);
  } finally {
    await browser.close();
  }
});
