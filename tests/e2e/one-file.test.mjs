// One file that shows an analysis: opened from disk, without a network and without a request, in Chromium and in Firefox.

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';

import { countColors, launch, open, screenshot, visitor } from './lib/browser.mjs';
import { dist, out, root, site } from './lib/environment.mjs';
import { example } from './lib/examples.mjs';
import { download } from './lib/files.mjs';
import { launchFirefox } from './lib/firefox.mjs';
import * as commandLine from './lib/program.mjs';
import { until } from './lib/until.mjs';

const LIMIT = { timeout: 120_000 };
const template = join(dist, 'one-file.html');
const documentOf = (id) => join(root, 'demo', 'examples', `${id}.json`);
/** Names of the default pack's features. */
const names = join(root, 'demo', 'dashboards', 'index.json');

/** What each tab shows of a saved result. */
const CONTENTS = [
  ['features', '[data-testid="feature-map"]'],
  ['sources', '[data-testid="attention"]'],
  ['compare', 'text=This file carries no second text.'],
  ['numbers', '[data-testid="stats"]'],
  ['export', '[data-testid="methods"]'],
];

/** What the command line makes of an example. */
async function written(id, ...options) {
  const file = join(out, `story-${id}.html`);
  await commandLine.temporalLens('html', documentOf(id), '--template', template, '--out', file, ...options);
  return file;
}

/** Opens a file from disk in a browser without a network. */
async function openFile(browser, file, query = '') {
  const context = await visitor(browser);
  await context.setOffline(true);
  const page = await context.newPage();
  page.problems = [];
  page.requested = [];
  page.on('pageerror', (error) => page.problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') page.problems.push(message.text());
  });
  page.on('request', (request) => page.requested.push(request.url()));
  await page.goto(`${pathToFileURL(file).href}${query}`);
  return page;
}

/** What was asked for besides the file itself and what it made of its own bytes. */
const foreign = (page, file) => page.requested
  .filter((url) => url.split('?')[0] !== pathToFileURL(file).href && !/^(blob|data):/.test(url));

/** Waits until the features on the word sheet have their names; some have none. */
function featuresHaveNames(page) {
  const known = Object.fromEntries(JSON.parse(readFileSync(names, 'utf8')).names.map((it) => [it.feature, it.text]));
  return page.waitForFunction((wanted) => {
    const rows = [...document.querySelectorAll('[data-testid="inspector"] li[data-feature]')];
    // Of names that are read out of a direction the page says so.
    const isRight = (row) => row.querySelector('button').textContent.replace(/^toward /, '') === (wanted[row.dataset.feature] ?? 'no name');
    return rows.some((row) => row.dataset.feature in wanted) && rows.every(isRight);
  }, known);
}

describe('one file', () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  test('every view that a saved result has opens from disk, and nothing is asked for', LIMIT, async () => {
    // Features of the default pack have their names in any case.
    const file = await written('two-events');
    const { text, tokens } = example('two-events');
    const page = await openFile(browser, file);
    await page.getByTestId('heatmap').waitFor();
    assert.equal(await page.locator('main').getAttribute('data-analysis-tokens'), String(tokens.length));
    assert.ok(await countColors(page, 'heatmap') > 50, 'the matrix is drawn');
    assert.ok((await page.title()).startsWith(text.slice(0, 30)), await page.title());
    const { model } = JSON.parse(readFileSync(documentOf('two-events'), 'utf8'));
    const tag = (name) => page.locator(`meta[name="${name}"]`).getAttribute('content');
    assert.equal(await tag('temporal-lens-model'), `${model.name}, layer ${model.layer}, ${model.precision}`);
    assert.equal(await tag('temporal-lens-pack-hash'), model.pack_hash);
    assert.ok(text.replace(/\s+/g, ' ').startsWith((await tag('description')).slice(0, 100)));
    const shown = (await page.getByTestId('token-strip').innerText()).replace(/\s+/g, '');
    assert.ok(shown.includes(text.slice(0, 200).replace(/\s+/g, '')), shown.slice(0, 300));
    // The word sheet.
    await page.getByTestId('token-strip').locator('[data-position="20"]').click();
    await page.getByTestId('inspector').waitFor();
    await featuresHaveNames(page);
    await screenshot(page, 'one-file');
    // A feature's card says what there is of it here.
    await page.locator('[data-testid="inspector"] li[data-feature] button').first().click();
    await page.getByTestId('feature-card').getByText('without dashboards of features').waitFor();
    await page.getByTestId('feature-close').click();
    // Its trajectory is laid out in a worker that the file starts from its own bytes.
    await page.getByTestId('tab-path').click();
    await page.waitForFunction(() => document.querySelector('[data-testid="trajectory"][data-points]'));
    for (const [tab, content] of CONTENTS) {
      await page.getByTestId(`tab-${tab}`).click();
      await page.locator(content).first().waitFor();
      await screenshot(page, `one-file-${tab}`);
    }
    // What is saved comes out of the file itself.
    const json = JSON.parse((await download(page, 'download-json')).toString('utf8'));
    assert.deepEqual(json.tokens, tokens);
    // What needs a model, or files beside the page, is not offered.
    for (const absent of ['own-text', 'share', 'share-link', 'text-input', 'analyze', 'gallery', 'export-html']) {
      assert.equal(await page.getByTestId(absent).count(), 0, absent);
    }
    assert.deepEqual([page.problems, foreign(page, file)], [[], []]);
    await page.context().close();
  });

  test('a comparison comes along, and the view that was asked for', LIMIT, async () => {
    // The longest of the examples that README shows, with the names of features.
    const long = await written('three-scenes', '--features', names);
    assert.ok(statSync(long).size < 2.5e6, `${statSync(long).size} bytes`);
    const compared = ['--comparison', documentOf('garden-path-compared'), '--view', 'view=compare'];
    const file = await written('garden-path', ...compared);
    assert.ok(statSync(file).size < 2.5e6, `${statSync(file).size} bytes`);
    const page = await openFile(browser, file);
    await page.getByTestId('compare-found').waitFor();
    assert.equal(await page.getByTestId('compare-text').count(), 0);
    // Back and forth between figures stays in the file.
    await page.getByTestId('tab-scenes').click();
    await page.getByTestId('heatmap').waitFor();
    await page.goBack();
    await page.getByTestId('compare-found').waitFor();
    assert.deepEqual([page.problems, foreign(page, file)], [[], []]);
    await page.context().close();
  });

  test('what the page saves is such a file', LIMIT, async () => {
    const page = await open(browser, `${site}?example=poem&of=novel`);
    const html = (await download(page, 'export-html')).toString('utf8');
    await page.getByTestId('export-notice').filter({ hasText: 'Saved' }).waitFor();
    assert.deepEqual(page.problems, []);
    await page.context().close();
    const file = join(out, 'story-saved.html');
    writeFileSync(file, html);
    assert.ok(html.length < 2.5e6, `${html.length} bytes`);
    const saved = await openFile(browser, file);
    await saved.getByTestId('heatmap').waitFor();
    assert.ok(await countColors(saved, 'heatmap') > 50, 'the matrix is drawn');
    // It opens as it was when it was saved.
    assert.match(await saved.locator('.figure-head').first().innerText(), /novel codes/);
    await saved.getByTestId('token-strip').locator('[data-position="9"]').click();
    await featuresHaveNames(saved);
    const { text } = example('poem');
    assert.ok((await saved.title()).startsWith(text.replace(/\s+/g, ' ').slice(0, 30)));
    assert.deepEqual([saved.problems, foreign(saved, file)], [[], []]);
    await saved.context().close();
  });

  test('a file that is cut off, and a template without an analysis, say so', LIMIT, async () => {
    const whole = readFileSync(await written('poem'), 'utf8');
    const file = join(out, 'story-broken.html');
    // Half a file ends before the script that opens it: what it says stands at its beginning.
    for (const share of [0.1, 0.5, 0.95]) {
      writeFileSync(file, whole.slice(0, share * whole.length));
      const page = await openFile(browser, file);
      await page.locator('#boot').filter({ hasText: 'this file is incomplete' }).waitFor();
      assert.equal(await page.locator('main').count(), 0);
      await page.context().close();
    }
    const block = /(id="temporal-lens-result">.{4000})[^<]*/;
    for (const [html, said] of [[whole.replace(block, '$1'), /could not be opened/], [readFileSync(template, 'utf8'), /carries no analysis/]]) {
      writeFileSync(file, html);
      const page = await openFile(browser, file);
      await page.locator('#boot[role="alert"]').filter({ hasText: said }).waitFor();
      await page.context().close();
    }
  });

  test('a request would be seen', LIMIT, async () => {
    const file = join(out, 'story-asking.html');
    writeFileSync(file, '<!doctype html><title>one that asks</title><img src="https://example.org/picture.png">');
    const page = await openFile(browser, file);
    await until(() => foreign(page, file).length > 0, 'the request');
    await page.context().close();
  });

  test('Firefox opens it from disk, too', LIMIT, async () => {
    const file = await written('two-events');
    const { text, tokens } = example('two-events');
    const firefox = await launchFirefox();
    try {
      await firefox.open(pathToFileURL(file).href);
      await firefox.until(() => document.querySelector('[data-testid="heatmap"]') !== null);
      await firefox.until(() => {
        const canvas = document.querySelector('[data-testid="heatmap"]');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size > 50;
      });
      const shown = await firefox.evaluate(() => ({
        tokens: document.querySelector('main').dataset.analysisTokens,
        title: document.title,
        strip: document.querySelector('[data-testid="token-strip"]').innerText.replace(/\s+/g, ''),
      }));
      assert.equal(shown.tokens, String(tokens.length));
      assert.ok(shown.title.startsWith(text.slice(0, 30)), shown.title);
      assert.ok(shown.strip.includes(text.slice(0, 200).replace(/\s+/g, '')), shown.strip.slice(0, 300));
      await firefox.click('[data-testid="token-strip"] [data-position="20"]');
      await firefox.until(() => document.querySelector('[data-testid="inspector"]') !== null);
      await firefox.screenshot('one-file-firefox');
      // Its trajectory is laid out in a worker that the file starts from its own bytes.
      await firefox.click('[data-testid="tab-path"]');
      await firefox.until(() => document.querySelector('[data-testid="trajectory"][data-points]') !== null);
      await firefox.screenshot('one-file-firefox-path');
      for (const [tab, content] of [...CONTENTS.filter(([, it]) => it.startsWith('[')), ['scenes', '[data-testid="heatmap"]']]) {
        await firefox.click(`[data-testid="tab-${tab}"]`);
        await firefox.until((it) => document.querySelector(it) !== null, content);
      }
      assert.deepEqual([await firefox.problems(), await firefox.requested()], [[], []]);
      // The file's policy refuses what is not in it, and this test would see it.
      await firefox.evaluate(() => { new Image().src = 'https://example.org/picture.png'; });
      await until(async () => (await firefox.problems()).length > 0, 'a refused request');
      assert.match((await firefox.problems())[0], /Content-Security-Policy.*img-src/);
      assert.deepEqual(await firefox.requested(), []);
    } finally {
      await firefox.close();
    }
  });
});
