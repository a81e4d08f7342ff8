// The precomputed examples: all of them open, without any model.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { countColors, launch, open, picture, screenshot, settled } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { FIRST, example, examples, show, shows } from './lib/examples.mjs';
import { reach } from './lib/reach.mjs';

describe('the precomputed examples', () => {
  let browser;
  let page;
  before(async () => {
    browser = await launch({ webgpu: false });
    page = await open(browser, site);
    await page.getByTestId('gallery').waitFor();
  });
  after(() => browser?.close());

  test('there are at least eight, and the first is shown and marked', async () => {
    assert.ok(examples.length >= 8);
    const titles = await page.getByTestId('gallery').locator('option:not([hidden])').allInnerTexts();
    assert.deepEqual(titles, examples.map(({ title }) => title));
    await page.getByTestId('precomputed-mark').waitFor();
    await shows(page, FIRST);
  });

  test('each one is shown with its text and what to look for', async () => {
    // The saved numbers are the notebook's.
    await (await reach(page, 'mode')).selectOption('notebook');
    for (const { id, text } of examples) {
      await show(page, id);
      await page.getByTestId('precomputed-mark').waitFor();
      const saved = example(id);
      assert.equal(await page.locator('main').getAttribute('data-analysis-tokens'), String(saved.tokens.length));
      await reach(page, 'heatmap');
      await page.waitForFunction(() => document.querySelector('[data-testid="heatmap"]')?.width > 100);
      assert.ok((await countColors(page, 'heatmap')) > 20, id);
      // Not part of the file: it follows from the Gram matrix.
      const shown = Number((await (await reach(page, 'stat-shown-mean')).innerText()).replace('−', '-'));
      assert.ok(Math.abs(shown - saved.similarity_stats.mean) < 1e-3, `${id}: ${shown}`);
      assert.equal(await (await reach(page, 'text-input')).inputValue(), text);
    }
    assert.deepEqual(page.requested.filter((url) => /\/models\//.test(url)), []);
    assert.deepEqual(page.problems, []);
  });

  test('what they look like', async () => {
    await show(page, FIRST);
    await reach(page, 'heatmap');
    await screenshot(page, 'gallery-wide');
    await picture(page, 'figure.heatmap', 'two-events');
    await reach(page, 'trajectory');
    await page.locator('[data-testid="trajectory"][data-points]').waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await settled(page);
    await picture(page, 'figure.trajectory', 'trajectory');
    await page.setViewportSize({ width: 360, height: 780 });
    await settled(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    await screenshot(page, 'gallery-phone-dark');
  });
});
