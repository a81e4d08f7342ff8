// Without a network: the page, a stored pack, updates that wait.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { analyze, launch, open, screenshot, visitor } from './lib/browser.mjs';
import { dist, packs, site } from './lib/environment.mjs';
import { choose } from './lib/examples.mjs';
import { startHost } from './lib/host.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';

const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
const LIMIT = { timeout: 240_000 };

/** A copy of the built page without the large model, served as `packs/NAME/`: one that a test may change. */
function copySite(name) {
  const folder = join(packs, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const entry of readdirSync(dist)) {
    if (entry === 'models' || entry === 'dashboards' || entry.startsWith('.')) continue;
    cpSync(join(dist, entry), join(folder, entry), { recursive: true });
  }
  return folder;
}
const controlled = (page) => page.waitForFunction(() => navigator.serviceWorker.controller !== null);

describe('without a network', () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  for (const [where, path] of [['at the root', '/'], ['below a path', '/some/where/']]) {
    test(`the page opens again, ${where}`, LIMIT, async (t) => {
      // A host of its own that goes away: browsers do not take the network from service workers when set
      // to be offline.
      const host = await startHost(packs, { beside: dist, path });
      t.after(() => host.close());
      const url = host.site;
      const context = await visitor(browser, { offline: true });
      const first = await open(browser, url, { context });
      await reach(first, 'heatmap');
      await controlled(first);
      await first.close();
      await context.setOffline(true);
      host.gone = true;
      const again = await open(browser, url, { context });
      await reach(again, 'heatmap');
      assert.equal(await again.locator('main').getAttribute('data-origin'), 'precomputed');
      // A state in the address changes nothing of that.
      await again.goto(`${url}?theme=dark`);
      await reach(again, 'heatmap');
      assert.equal(await again.evaluate(() => document.documentElement.dataset.theme), 'dark');
      // An example that was never opened says so; one that was is kept.
      await again.getByTestId('gallery').waitFor();
      await choose(again, 'poem');
      assert.match(await again.getByTestId('error').innerText(), /could not be fetched/);
      await context.close();
    });
  }

  test('a network that answers everything with its own page takes the place of nothing', LIMIT, async (t) => {
    const host = await startHost(packs, { beside: dist });
    t.after(() => host.close());
    const context = await visitor(browser, { offline: true });
    const page = await open(browser, host.site, { context });
    await page.getByTestId('heatmap').waitFor();
    await controlled(page);
    const stored = () => page.evaluate(async () => {
      const texts = {};
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
          const bytes = await (await cache.match(request)).arrayBuffer();
          texts[request.url] = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].join(' ');
        }
      }
      return texts;
    });
    const before = await stored();
    host.portal = '<!doctype html><title>Log in</title><main>Pay for this network first</main>';
    await page.goto(`${host.site}?theme=dark`);
    // The visitor has to see it.
    assert.equal(await page.title(), 'Log in');
    for (const url of Object.keys(before)) await page.evaluate((it) => fetch(it).then((answer) => answer.text()), url);
    assert.deepEqual(await stored(), before);
    host.portal = undefined;
    host.gone = true;
    await context.setOffline(true);
    const again = await open(browser, host.site, { context });
    await again.getByTestId('heatmap').waitFor();
    assert.deepEqual(again.problems, []);
    await context.close();
  });

  test('a stored pack analyzes a new text; one whose rows are missing names them', LIMIT, async () => {
    const folder = await commandLine.packPair(PAIR, 'offline');
    // Rows are stored in blocks of some neighbors: all tokens of this text lie in the first two of the vocabulary's.
    const stored = 'bad';
    const context = await visitor(browser, { offline: true });
    const options = { context };
    const url = `${site}?model=${folder}`;
    const page = await open(browser, url, options);
    await controlled(page);
    assert.equal(await analyze(page, stored), 'done');
    await page.close();
    await context.setOffline(true);
    const offline = await open(browser, url, options);
    assert.equal(await analyze(offline, stored), 'done');
    const state = await analyze(offline, 'Zebras vanish.');
    assert.equal(state, 'error');
    assert.match(await offline.getByTestId('error').innerText(), /does not store the embedding rows of “.+”.*cannot fetch them: .*whole embedding/s);
    await offline.close();
    await context.setOffline(false);
    const online = await open(browser, url, options);
    assert.equal(await analyze(online, stored), 'done');
    await (await reach(online, 'store-embedding')).click();
    await online.getByTestId('note').filter({ hasText: 'whole embedding' }).waitFor();
    await online.close();
    await context.setOffline(true);
    const whole = await open(browser, url, options);
    assert.equal(await analyze(whole, 'Zebras vanish.'), 'done');
    assert.deepEqual(whole.problems, []);
    await context.close();
  });

  test('a newer version waits until the visitor takes it', LIMIT, async () => {
    const folder = copySite('updated');
    const url = `${site}packs/updated/`;
    const context = await visitor(browser, { offline: true });
    const page = await open(browser, url, { context });
    await controlled(page);
    assert.equal(await page.getByTestId('update-note').count(), 0);
    const shell = () => page.evaluate(async () => (await caches.keys()).filter((name) => name.startsWith('temporal-lens-shell')));
    const [before] = await shell();
    // Another deploy: another page, another list of files.
    for (const name of ['index.html', 'service-worker.js']) {
      const file = join(folder, name);
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(before.replace('temporal-lens-shell-', ''), 'ffffffffffffffff')
        .replace('<title>Temporal Lens</title>', '<title>Temporal Lens, newer</title>'));
    }
    await page.reload();
    await page.getByTestId('update-note').waitFor();
    // No deploy is ever stale: the page itself came from the network.
    assert.equal(await page.title(), 'Temporal Lens, newer');
    await screenshot(page, 'update-note');
    await page.getByTestId('update').click();
    await page.waitForFunction(() => !document.querySelector('[data-testid="update-note"]') && document.querySelector('[data-testid="heatmap"]'));
    await page.waitForFunction(async () => (await caches.keys()).includes('temporal-lens-shell-ffffffffffffffff'));
    await page.waitForFunction(async () => (await caches.keys()).filter((name) => name.startsWith('temporal-lens-shell')).length === 1);
    await context.close();
  });

  test('an embedded page installs nothing', LIMIT, async () => {
    const context = await visitor(browser, { offline: true });
    await context.addInitScript(() => {
      window.installationsAsked = 0;
      const { register } = ServiceWorkerContainer.prototype;
      ServiceWorkerContainer.prototype.register = function counted(...script) {
        window.installationsAsked += 1;
        return register.apply(this, script);
      };
    });
    // The module that asks runs once per page: importing it waits until it has run.
    const asked = (page) => page.evaluate(async () => {
      await import(new URL('offline.js', document.baseURI).href);
      return window.installationsAsked;
    });
    const page = await open(browser, `${site}?embed=true&example=poem`, { context });
    await reach(page, 'heatmap');
    assert.equal(await asked(page), 0);
    assert.equal(await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length), 0);
    assert.equal(await asked(await open(browser, site, { context })), 1, 'a page of its own');
    await context.close();
  });

  test('no file is larger than common hosts take', () => {
    const large = [];
    const walk = (folder) => readdirSync(folder).forEach((name) => {
      const path = join(folder, name);
      const meta = statSync(path);
      if (meta.isDirectory()) walk(path);
      else if (meta.size >= 50e6) large.push(`${path}: ${meta.size}`);
    });
    walk(dist);
    assert.deepEqual(large, []);
  });
});
