// The page as an instrument of one screen: nothing to scroll on a wide one, few stops of the Tab key, no jumps as it opens.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, open, screenshot, settled, visitor } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { FIRST, choose, example, examples, show, shows } from './lib/examples.mjs';
import { reach } from './lib/reach.mjs';

/** Stops of the Tab key in the page, and of those what is in sight as it opens. */
const STOPS = 40;
const STOPS_IN_SIGHT = 15;
/** Presses of Tab from the top to the words, the matrix, and the first feature of the word in focus. */
const PRESSES = { 'token-strip': 4, heatmap: 6, 'added-features': 9 };

describe('one screen', () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  /** The page as it opens, with its first word in focus, in a window of such a size. */
  const opened = async (width, height, query = '') => {
    const page = await open(browser, `${site}${query}`, { context: await visitor(browser, { viewport: { width, height } }) });
    await page.getByTestId('added-features').waitFor();
    await settled(page);
    return page;
  };

  for (const [width, height] of [[1280, 800], [1440, 900], [2560, 1300]]) {
    test(`at ${width} x ${height} nothing scrolls but the zones, whatever figure is chosen`, async () => {
      const page = await opened(width, height);
      for (const { id } of examples) {
        await show(page, id);
        const sizes = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
        assert.deepEqual(sizes, [width, height], id);
      }
      for (const tab of await page.getByRole('tab').all()) {
        await tab.click();
        await settled(page);
        const seen = await page.evaluate(() => ['#text-zone', '#figure', '.inspector', '.tabs'].map((zone) => {
          const { x, y, right, bottom, width: wide, height: high } = document.querySelector(zone).getBoundingClientRect();
          return [zone, x >= 0 && y >= 0 && right <= window.innerWidth && bottom <= window.innerHeight && wide > 0 && high > 0];
        }));
        assert.deepEqual(seen.filter(([, isInSight]) => !isInSight), [], await tab.innerText());
        assert.equal(await page.evaluate(() => document.documentElement.scrollHeight), height, await tab.innerText());
      }
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }

  test('a comparison is seen whole: both texts, both matrices, and what they say', async () => {
    const query = `?example=garden-path&with=${encodeURIComponent(example('garden-path-compared').second.text)}&view=compare`;
    for (const [width, height] of [[1280, 800], [1440, 900], [1920, 1080]]) {
      const page = await opened(width, height, query);
      await page.getByTestId('compare-found').waitFor();
      await settled(page);
      const cut = await page.evaluate(() => {
        const zone = document.querySelector('.figure-main');
        const { bottom } = zone.getBoundingClientRect();
        const parts = ['compare-text', 'compare-heatmap-1', 'compare-heatmap-2', 'compare-readout-2', 'compare-found'];
        const places = parts.map((name) => [name, document.querySelector(`[data-testid="${name}"]`).getBoundingClientRect()]);
        const isCut = places.filter(([, place]) => place.bottom > bottom + 0.5 || place.height < 15).map(([name]) => name);
        return [zone.scrollHeight - zone.clientHeight, ...isCut];
      });
      assert.deepEqual(cut, [0], `${width} x ${height}`);
      // Values stand in the cells, and so does each row's token.
      const matrix = await page.getByTestId('compare-heatmap-1').boundingBox();
      assert.ok(matrix.height > 200, `${width} x ${height}: ${matrix.height} px`);
      await screenshot(page, `compare-${width}`);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  });

  test('it prints on one sheet of paper, whatever figure is chosen', async () => {
    for (const figure of ['scenes', 'path', 'features', 'sources', 'numbers']) {
      const page = await opened(1280, 800, `?view=${figure}`);
      for (const format of ['A4', 'Letter']) {
        const pdf = (await page.pdf({ format, preferCSSPageSize: true, printBackground: true })).toString('latin1');
        assert.equal(pdf.match(/\/Type\s*\/Page[^s]/g)?.length, 1, `${figure} on ${format}`);
      }
      await page.context().close();
    }
  });

  test('the Tab key: a link to the text first, few stops, the zones in their order', async () => {
    const page = await opened(1280, 800);
    const focused = () => page.evaluate(() => {
      const it = document.activeElement;
      if (!it || it === document.body) return null;
      const { right, bottom, x, y } = it.getBoundingClientRect();
      return {
        name: it.dataset.testid ?? it.closest('[data-testid]')?.dataset.testid ?? it.className,
        isSkip: it.classList.contains('skip-link'),
        isInSight: x < window.innerWidth && y < window.innerHeight && right > 0 && bottom > 0,
      };
    });
    const stops = [];
    for (;;) {
      await page.keyboard.press('Tab');
      const stop = await focused();
      if (stop === null) break;
      stops.push(stop);
      assert.ok(stops.length <= STOPS, `${stops.length} stops and more: ${stops.map(({ name }) => name).join(', ')}`);
    }
    const names = stops.map(({ name }) => name);
    assert.ok(stops[0].isSkip, names.join(', '));
    const inSight = stops.filter(({ isInSight }) => isInSight);
    assert.ok(inSight.length <= STOPS_IN_SIGHT, `${inSight.length} in sight: ${inSight.map(({ name }) => name).join(', ')}`);
    for (const [name, presses] of Object.entries(PRESSES)) {
      const found = names.indexOf(name) + 1;
      assert.ok(found > 0 && found <= presses, `${name} takes ${found} presses: ${names.join(', ')}`);
    }
    // The link leads to the text.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'text-zone');
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('tabs are walked by arrows, and the address names the figure', async () => {
    const page = await opened(1280, 800);
    await page.getByTestId('tab-scenes').focus();
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.getByTestId('tab-path').getAttribute('aria-selected'), 'true');
    assert.ok(await page.getByTestId('tab-path').evaluate((it) => it === document.activeElement));
    await page.keyboard.press('End');
    await page.waitForFunction(() => new URLSearchParams(location.search).get('view') === 'export');
    await page.keyboard.press('Home');
    await page.waitForFunction(() => !new URLSearchParams(location.search).has('view'));
    await reach(page, 'heatmap');
    await page.context().close();
  });

  test('an example that comes slowly is named in the menu, and what gives way to it is dimmed', async () => {
    const page = await opened(1280, 800);
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await page.route('**/examples/poem*.json', async (route) => { await held; await route.continue(); });
    const opacity = () => page.locator('.figure-main').first().evaluate((it) => Number(getComputedStyle(it).opacity));
    assert.equal(await opacity(), 1);
    await choose(page, 'poem');
    await page.waitForFunction(() => document.querySelector('main').ariaBusy === 'true');
    assert.equal(await page.getByTestId('gallery').inputValue(), 'poem');
    await page.waitForFunction(() => Number(getComputedStyle(document.querySelector('.figure-main')).opacity) < 0.5);
    // What is chosen after it takes its place.
    await choose(page, 'news');
    await shows(page, 'news');
    release();
    await settled(page);
    await shows(page, 'news');
    assert.equal(await opacity(), 1);
    assert.equal(await page.locator('main').getAttribute('aria-busy'), 'false');
    await page.context().close();
  });

  test('on a phone the first word’s story is in sight as the page opens, and goes away', async () => {
    for (const dark of [false, true]) {
      const context = await browser.newContext({
        viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true, serviceWorkers: 'block', colorScheme: dark ? 'dark' : 'light',
      });
      const page = await open(browser, site, { context });
      const isSeen = (testid) => page.getByTestId(testid).first().evaluate((it) => {
        const { top, bottom, left, right } = it.getBoundingClientRect();
        return bottom > top && top >= 0 && bottom <= window.innerHeight && left >= 0 && right <= window.innerWidth;
      });
      await page.getByTestId('peek-open').waitFor();
      await settled(page);
      for (const testid of ['inspector-name', 'words-past', 'words-new', 'peek-open', 'peek-close']) assert.ok(await isSeen(testid), testid);
      await screenshot(page, `phone-first-${dark ? 'dark' : 'light'}`);
      const word = await page.getByTestId('inspector-name').innerText();
      if (dark) {
        await page.getByTestId('peek-close').tap();
        await page.getByTestId('peek-open').waitFor({ state: 'hidden' });
      } else {
        // All of it: its sources and features, in the sheet of a pinned word. Closed, it stays away.
        await page.getByTestId('peek-open').tap();
        await page.getByTestId('sheet-close').waitFor();
        assert.equal(await page.getByTestId('inspector-name').innerText(), word);
        assert.ok(await isSeen('words-past'));
        // It was chosen for what its features are named.
        assert.doesNotMatch(await page.getByTestId('added-features').locator('li').first().innerText(), /no name/);
        await page.getByTestId('sheet-close').tap();
        await page.getByTestId('sheet-close').waitFor({ state: 'hidden' });
        assert.equal(await page.getByTestId('peek-open').isVisible(), false);
      }
      assert.deepEqual(page.problems, []);
      await context.close();
    }
  });

  for (const width of [360, 768, 1280, 1440, 2560]) {
    test(`nothing jumps at ${width} pixels, as it opens and as an example is chosen`, async () => {
      const context = await visitor(browser, { viewport: { width, height: 900 } });
      await context.addInitScript(() => {
        window.shift = 0;
        new PerformanceObserver((list) => {
          for (const it of list.getEntries()) window.shift += it.value;
        }).observe({ type: 'layout-shift', buffered: true });
      });
      const page = await open(browser, site, { context });
      await shows(page, FIRST);
      await page.getByTestId('added-features').waitFor({ state: 'attached' });
      await settled(page);
      const shift = () => page.evaluate(() => window.shift);
      assert.ok((await shift()) < 0.05, `a shift of ${await shift()} as it opens`);
      // On a narrow screen the zones stand below the text, whose length is the example's own.
      if (width < 900) return context.close();
      await page.evaluate(() => { window.shift = 0; });
      await show(page, 'poem');
      await settled(page);
      assert.ok((await shift()) < 0.05, `a shift of ${await shift()} as an example is chosen`);
      return context.close();
    });
  }
});
