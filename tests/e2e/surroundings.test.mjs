// What surrounds the page: an address without its final slash, translators, input methods, scripts of others.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { parameters } from './lib/address.mjs';
import { analyze, launch, open, settled, visitor, waitForState } from './lib/browser.mjs';
import { dist, site } from './lib/environment.mjs';
import { choose, example, shows } from './lib/examples.mjs';
import * as commandLine from './lib/program.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

const SLOW = { timeout: 300_000 };
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.json': 'application/json' };

/** A host at https://host.example whose files `file` names for a path; null is a 404. */
async function host(context, file) {
  await context.route('https://host.example/**', async (route) => {
    const name = file(new URL(route.request().url()).pathname);
    if (name === null) return route.fulfill({ status: 404, contentType: 'text/plain', body: 'none' });
    try {
      return await route.fulfill({ body: readFileSync(join(dist, name)), contentType: TYPES[extname(name)] ?? 'application/octet-stream' });
    } catch {
      return route.fulfill({ status: 404, body: 'none' });
    }
  });
}

/** Translates every text of the page, and every one that comes, as a browser does: from a world of its own. */
async function underTranslator(page, translate) {
  const work = (put) => {
    const all = () => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) texts.push(walker.currentNode);
      for (const text of texts) {
        if (!text.data.trim() || text.parentElement.closest('script, style, font, textarea, [translate=no]')) continue;
        const font = document.createElement('font');
        font.textContent = `¡${text.data}!`;
        put(text, font);
      }
    };
    all();
    new MutationObserver(all).observe(document.body, { childList: true, subtree: true, characterData: true });
  };
  const session = await page.context().newCDPSession(page);
  const { frameTree: { frame: { id: frameId } } } = await session.send('Page.getFrameTree');
  const { executionContextId: contextId } = await session.send('Page.createIsolatedWorld', { frameId });
  const { exceptionDetails } = await session.send('Runtime.evaluate', { contextId, expression: `(${work})(${translate})` });
  assert.equal(exceptionDetails, undefined);
}

describe('surroundings', () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  /** The page at an address of such a host. */
  async function visit(address, file) {
    const context = await visitor(browser);
    await host(context, file);
    const page = await context.newPage();
    page.problems = [];
    page.on('pageerror', (error) => page.problems.push(error.message));
    await page.goto(address);
    return page;
  }
  const below = (path) => (path.startsWith('/tl/') ? path.slice(4) || 'index.html' : null);

  test('at the address of its folder without the slash the page starts', async () => {
    const page = await visit('https://host.example/tl?example=poem&v=3#x', (path) => (path === '/tl' ? 'index.html' : below(path)));
    await shows(page, 'poem');
    assert.equal(new URL(page.url()).pathname, '/tl/');
    // With its styles.
    assert.equal(await page.evaluate(() => [...document.querySelectorAll('link[rel=stylesheet]')].every(({ sheet }) => sheet)), true);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('so it does on a host that answers every address with the page', async () => {
    const page = await visit('https://host.example/tl?example=poem', (path) => (below(path) && /\.\w+$/.test(path) ? below(path) : 'index.html'));
    await shows(page, 'poem');
    await page.context().close();
  });

  test('where its files are not, the page says so', async () => {
    for (const [address, said] of [
      ['https://host.example/tl', /lacks its final slash.*not copied whole/],
      ['https://host.example/tl/', /start\.js is not a script of this site.*not copied whole/],
    ]) {
      for (const other of [null, 'index.html']) {
        const page = await visit(address, (path) => (path.startsWith('/tl') && path.length < 5 ? 'index.html' : other));
        await page.getByText('could not start').waitFor();
        assert.match(await page.locator('#boot').innerText(), said);
        await page.context().close();
      }
    }
  });

  test('no string becomes HTML or a script, and the page works', async () => {
    const page = await open(browser, site);
    await reach(page, 'heatmap');
    const outcomes = await page.evaluate(() => {
      const attempt = (work) => { try { work(); return 'done'; } catch (error) { return error.name; } };
      const script = document.createElement('script');
      return [
        () => { document.createElement('div').innerHTML = '<b>x</b>'; },
        () => { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); },
        () => { document.createElement('template').innerHTML = '<img src=x onerror=alert(1)>'; },
        () => { document.createElement('template').innerHTML = '<script>1</script>'; },
        () => { script.src = 'https://elsewhere.example/x.js'; },
        () => { script.src = 'examples/index.json'; },
        () => { script.text = '1'; },
        () => new Worker('app.js'),
        () => { eval('1'); },
        () => window.trustedTypes.createPolicy('another', { createHTML: (html) => html }),
        () => { document.createElement('template').innerHTML = '<p class="note">a view</p>'; },
      ].map(attempt);
    });
    assert.deepEqual(outcomes.slice(0, 8), Array(8).fill('TypeError'));
    assert.notEqual(outcomes[9], 'done');
    assert.equal(outcomes[10], 'done');
    // Its views, its worker for trajectories, and its dialogs.
    for (const tab of await page.getByRole('tab').all()) {
      await tab.click();
      await settled(page);
    }
    await reach(page, 'trajectory');
    await page.locator('[data-testid="trajectory"][data-points]').waitFor();
    await page.getByTestId('share').click();
    await reach(page, 'share-link');
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  for (const [way, translate] of [
    ['put in the place of a text', (text, font) => { text.replaceWith(font); }],
    ['wrapped around a text', (text, font) => { text.replaceWith(font); font.textContent = ''; font.append(text); }],
    ['inserted before a text that is then removed', (text, font) => { text.before(font); text.remove(); }],
  ]) {
    test(`the page goes on under a translator: elements ${way}`, SLOW, async () => {
      const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
      const pack = await commandLine.packPair(PAIR, 'translated');
      const page = await open(browser, `${site}?example=poem`, { pack });
      await shows(page, 'poem');
      await underTranslator(page, translate);
      // The words are as they were.
      const words = () => page.getByTestId('token-strip').locator('.token').allTextContents();
      assert.ok((await page.locator('font').count()) > 10);
      assert.ok((await words()).every((word) => !word.includes('¡')));
      await choose(page, 'two-events');
      await until(async () => (await words()).length === example('two-events').tokens.length, 'another text');
      for (const tab of await page.getByRole('tab').all()) {
        await tab.click();
        await settled(page);
      }
      // Texts that the page writes into as one types and points, without making them again.
      const box = await reach(page, 'text-input');
      const lengths = new Set();
      for (const text of ['the tide', 'the tide is in '.repeat(9), 'the tide is in and out '.repeat(99)]) {
        await box.fill(text);
        const known = [...lengths];
        await until(async () => !known.includes(await page.getByTestId('length').innerText()), 'another length');
        lengths.add(await page.getByTestId('length').innerText());
      }
      assert.equal(await analyze(page, 'the tide'), 'done');
      await reach(page, 'text-input');
      await until(async () => /\d+ tokens/.test(await page.getByTestId('status').innerText()), 'a status');
      assert.ok((await words()).every((word) => !word.includes('¡')));
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }

  test('while an input method composes nothing runs and nothing is written', SLOW, async () => {
    const PAIR = commandLine.pairs.find(({ name }) => name === 'gemma2-softcap--topk-tied');
    const pack = await commandLine.packPair(PAIR, 'composed');
    const page = await open(browser, site, { pack });
    assert.equal(await analyze(page, 'the tide'), 'done');
    await page.clock.install();
    const box = await reach(page, 'text-input');
    await box.focus();
    await page.keyboard.press('End');
    const session = await page.context().newCDPSession(page);
    const text = () => parameters(page).get('text');
    assert.equal(text(), 'the tide');
    for (const half of ['に', 'にほ', 'にほん']) {
      await session.send('Input.imeSetComposition', { text: half, selectionStart: half.length, selectionEnd: half.length });
      // Longer, by the page's clock, than the pause after which it follows.
      await page.clock.runFor(5000);
      assert.equal(await box.inputValue(), `the tide${half}`);
      assert.equal(text(), 'the tide');
      assert.equal(await page.locator('main').getAttribute('data-state'), 'done');
    }
    await session.send('Input.insertText', { text: '日本' });
    await until(() => text() === 'the tide日本', 'the text in the address');
    await waitForState(page, ['done']);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
});
