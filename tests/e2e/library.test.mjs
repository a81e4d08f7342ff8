// The packs a page knows: listed with size and terms, fetched, paused, resumed, checked, deleted, shared.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { parameters } from './lib/address.mjs';
import { analyze, launch, open, screenshot, visitor } from './lib/browser.mjs';
import { defaultPack, dist, packs, site } from './lib/environment.mjs';
import { startHost } from './lib/host.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { damage, storedNames } from './lib/storage.mjs';
import { until } from './lib/until.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const TEXT = 'Once upon a time, a little girl named Alice loved looking at the night sky.';
const LIMIT = { timeout: 240_000 };
const isEmbedding = ({ file }) => file.startsWith('embedding');
const sent = (requests) => requests.reduce((sum, request) => sum + request.sent, 0);

describe('the library', () => {
  let browser;
  let folder;
  let manifest;
  const hosts = [];
  before(async () => {
    browser = await launch({ webgpu: false });
    folder = join(packs, (await commandLine.packPair(PAIR, 'library')).replace(/^packs\//, ''));
    manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  });
  after(async () => {
    hosts.forEach((host) => host.close());
    await browser?.close();
  });
  /** The site and the pack from one host, which counts. */
  async function startOwn(options) {
    const host = await startHost(folder, { beside: dist, ...options });
    hosts.push(host);
    return host;
  }
  const entry = (page, which) => page.getByTestId('pack').nth(which);
  async function openLibrary(page) {
    await reach(page, 'library');
    await page.getByTestId('pack').first().getByTestId('pack-status').waitFor();
  }
  const needed = () => [manifest.tokenizer, manifest.row_checks.list, ...manifest.shards].reduce((sum, { bytes }) => sum + bytes, 0);

  test('the page’s own pack is listed with size and terms; only its manifest was fetched', LIMIT, async () => {
    const page = await open(browser, site);
    await reach(page, 'heatmap');
    assert.deepEqual(page.requested.filter((url) => /\/models/.test(url)), []);
    await openLibrary(page);
    const own = JSON.parse(readFileSync(join(defaultPack, 'manifest.json'), 'utf8'));
    const said = await entry(page, 0).innerText();
    assert.match(said, /Gemma 3 270M/);
    assert.match(said, new RegExp(own.model_name));
    assert.match(said, /90\.0 MB/);
    assert.match(said, /not in this browser/);
    await entry(page, 0).getByText('Licenses').click();
    const terms = entry(page, 0).getByRole('link', { name: 'Gemma Terms of Use' });
    assert.equal((await fetch(await terms.evaluate((link) => link.href))).status, 200);
    assert.match(await (await reach(page, 'storage')).innerText(), /stores .* of at most/);
    assert.deepEqual(page.requested.filter((url) => /\/models\//.test(url)).map((url) => url.split('/').pop()), ['manifest.json']);
    await screenshot(page, 'library');
    await page.context().close();
  });

  test('where words are wanted a download has them, too', LIMIT, async () => {
    const { words, shards } = JSON.parse(readFileSync(join(defaultPack, 'manifest.json'), 'utf8'));
    const host = await startHost(defaultPack, { beside: dist });
    hosts.push(host);
    const page = await open(browser, `${host.site}?model=pack/&words=true`);
    await openLibrary(page);
    const added = page.getByTestId('pack').filter({ has: page.getByTestId('pack-used') });
    await added.getByTestId('pack-status').filter({ hasText: 'not in this browser' }).waitFor();
    await added.getByTestId('pack-download').click();
    await added.getByTestId('pack-status').filter({ hasText: 'stored in this browser' }).waitFor({ timeout: 120_000 });
    const stored = await storedNames(page);
    for (const file of [...shards, words.vocabulary, ...words.shards]) {
      assert.ok(stored.some((name) => name.includes(file.sha256)), file.file);
    }
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('a pack of a link joins the list, is fetched, used without another byte, checked and deleted', LIMIT, async () => {
    const host = await startOwn();
    const page = await open(browser, `${host.site}?model=pack/`);
    await openLibrary(page);
    const added = page.getByTestId('pack').filter({ has: page.getByTestId('pack-used') });
    await added.getByTestId('pack-status').filter({ hasText: 'not in this browser' }).waitFor();
    assert.ok((await (await reach(page, 'analyze')).innerText()).includes('once'), 'the price is known by now');
    await added.getByTestId('pack-download').click();
    await added.getByTestId('pack-status').filter({ hasText: 'stored in this browser' }).waitFor({ timeout: 60_000 });
    const before = host.requests.length;
    assert.equal(sent(host.requests.filter((it) => it.file !== 'manifest.json')), needed());
    assert.equal(await analyze(page, TEXT), 'done');
    assert.ok(host.requests.slice(before).every((it) => isEmbedding(it) || it.file === 'manifest.json'));
    assert.ok((await storedNames(page)).some((name) => name.startsWith('rows-')), 'the text’s rows are stored');
    await added.getByTestId('pack-verify').click();
    await (await reach(page, 'library-notice')).filter({ hasText: /All \d+ files match the pack’s manifest.* rows are deleted/ }).waitFor();
    assert.ok(!(await storedNames(page)).some((name) => name.startsWith('rows-')), 'single rows are brought again');
    // Damage is found, deleted, and fetched again: that file alone.
    const [shard] = manifest.shards;
    await damage(page, shard.sha256);
    await added.getByTestId('pack-verify').click();
    await (await reach(page, 'library-notice')).filter({ hasText: `Damaged, and deleted: ${shard.file}` }).waitFor();
    const again = host.requests.length;
    await added.getByTestId('pack-download').click();
    await added.getByTestId('pack-status').filter({ hasText: 'stored in this browser' }).waitFor({ timeout: 60_000 });
    assert.deepEqual(host.requests.slice(again).map(({ file }) => file).filter((file) => file !== 'manifest.json'), [shard.file]);
    await page.reload();
    await openLibrary(page);
    await added.getByTestId('pack-delete').click();
    await added.getByTestId('pack-status').filter({ hasText: 'not in this browser' }).waitFor();
    assert.deepEqual(await storedNames(page), []);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('pausing keeps what came, to the byte; canceling deletes it', LIMIT, async () => {
    // About four seconds for the largest file.
    const largest = Math.max(...manifest.shards.map(({ bytes }) => bytes));
    const host = await startOwn({ pace: Math.ceil(largest / 200) });
    const page = await open(browser, `${host.site}?model=pack/`);
    await openLibrary(page);
    const added = page.getByTestId('pack').filter({ has: page.getByTestId('pack-used') });
    await added.getByTestId('pack-download').click();
    const shards = () => host.requests.filter(({ file }) => file.startsWith('shard'));
    const started = () => until(() => sent(shards()) >= largest / 4, 'a quarter of the largest file');
    await started();
    await added.getByTestId('pack-pause').click();
    await added.getByTestId('pack-status').filter({ hasText: /of .* in this browser: a download goes on/ }).waitFor();
    const first = host.requests.length;
    await added.getByTestId('pack-download').filter({ hasText: 'Resume' }).click();
    await added.getByTestId('pack-status').filter({ hasText: 'stored in this browser' }).waitFor({ timeout: 60_000 });
    const resumed = host.requests.slice(first).filter(({ file }) => file.startsWith('shard'));
    assert.ok(resumed.some(({ start }) => start > 0), 'at least one file goes on amid it');
    for (const { start, sent: bytes, file } of resumed) {
      assert.equal(start + bytes, manifest.shards.find((it) => it.file === file).bytes, file);
    }
    await added.getByTestId('pack-delete').click();
    await added.getByTestId('pack-status').filter({ hasText: 'not in this browser' }).waitFor();
    host.requests.length = 0;
    await added.getByTestId('pack-download').click();
    await started();
    await added.getByTestId('pack-cancel').click();
    await added.getByTestId('pack-status').filter({ hasText: 'not in this browser' }).waitFor();
    await page.context().close();
  });

  test('models.json lists more; another host is asked on a click only; choosing one is in the address', LIMIT, async () => {
    const host = await startOwn();
    const page = await open(browser, host.site);
    const asked = [];
    await page.context().route('https://packs.example/**', (route) => {
      asked.push(route.request().url());
      return route.fulfill({ contentType: 'application/json', headers: { 'access-control-allow-origin': '*' },
        body: asked.length === 1 ? '{"format": "?"}' : JSON.stringify(manifest) });
    });
    await page.context().route('**/models.json', (route) => route.fulfill({ json: { format: 'temporal-lens-models/1', models: [
      { url: 'pack/', title: 'A small one' }, { url: 'https://packs.example/far', title: '<b>Far</b>' },
    ] } }));
    await openLibrary(page);
    assert.equal(await page.getByTestId('pack').count(), 3);
    assert.match(await entry(page, 1).innerText(), /<b>Far<\/b>/);
    assert.deepEqual(asked, []);
    await entry(page, 1).getByTestId('pack-look').click();
    assert.match(await entry(page, 1).getByTestId('pack-problem').innerText(), /manifest that cannot be read|manifest that is not a pack’s/);
    await entry(page, 1).getByRole('button', { name: 'Try again' }).click();
    await entry(page, 1).getByTestId('pack-status').waitFor();
    assert.deepEqual(asked, Array(2).fill('https://packs.example/far/manifest.json'));
    await entry(page, 0).getByTestId('pack-use').click();
    await until(() => parameters(page).get('model')?.endsWith('/pack/'), 'the pack in the address');
    assert.equal(await analyze(page, TEXT), 'done');
    assert.equal(sent(host.of(manifest.shards[0].file)), manifest.shards[0].bytes);
    await page.context().close();
  });

  test('a list that is wrong is said; the page’s own pack is there', LIMIT, async () => {
    const page = await open(browser, site);
    await page.context().route('**/models.json', (route) => route.fulfill({ json: { format: 'temporal-lens-models/1', models: [{ url: 'javascript:alert(1)', title: 'x' }] } }));
    await openLibrary(page);
    assert.match(await (await reach(page, 'library-notice')).innerText(), /models\.json: .*not a web address/);
    assert.equal(await page.getByTestId('pack').count(), 1);
    await page.context().close();
  });

  test('tabs and frames compute in turn', LIMIT, async () => {
    const host = await startOwn();
    const page = await open(browser, `${host.site}?model=pack/`);
    assert.equal(await analyze(page, TEXT), 'done');
    await page.evaluate(() => new Promise((held) => {
      navigator.locks.request('temporal-lens gpu', () => {
        held();
        return new Promise((release) => { window.release = release; });
      });
    }));
    await (await reach(page, 'text-input')).fill('The other one has its turn.');
    await (await reach(page, 'analyze')).click();
    await page.waitForFunction(async () => (await navigator.locks.query()).pending.some(({ name }) => name === 'temporal-lens gpu'));
    // Meanwhile a visitor without another tab gets an answer, from nothing.
    const other = await open(browser, `${host.site}?model=pack/`);
    assert.equal(await analyze(other, TEXT), 'done');
    await other.context().close();
    assert.equal(await page.locator('main').getAttribute('data-state'), 'loading');
    await page.evaluate(() => window.release());
    await page.locator('main[data-state="done"]').waitFor();
    await page.context().close();
  });

  test('two frames on one page share what is stored: every file is fetched once', LIMIT, async () => {
    const host = await startOwn();
    const articles = join(packs, 'articles');
    mkdirSync(articles, { recursive: true });
    const frame = (id) => `<iframe id="${id}" src="${host.site}?embed=true&amp;model=pack/&amp;text=${encodeURIComponent('Two frames and one model.')}" width="640" height="400"></iframe>`;
    writeFileSync(join(articles, 'two.html'), `<!doctype html><meta charset="utf-8"><body>${frame('a')}${frame('b')}`);
    const context = await visitor(browser);
    const page = await context.newPage();
    // Of the host's own site, as a blog with its own copy: browsers part the storage of other sites' frames.
    await page.goto(`${site.replace('localhost', '127.0.0.1')}packs/articles/two.html`);
    for (const id of ['a', 'b']) await page.frameLocator(`#${id}`).getByTestId('analyze').click();
    for (const id of ['a', 'b']) await page.frameLocator(`#${id}`).locator('main[data-state="done"]').waitFor({ timeout: 120_000 });
    for (const { file, bytes } of [manifest.tokenizer, manifest.row_checks.list, ...manifest.shards]) assert.equal(sent(host.of(file)), bytes, file);
    await context.close();
  });
});
