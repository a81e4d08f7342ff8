// The precomputed examples: all of them open, without any model.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { countColours, launch, open, picture, screenshot, settled } from './lib/browser.mjs';
import { root, site } from './lib/environment.mjs';

describe('the precomputed examples', () => {
  const { examples } = JSON.parse(readFileSync(join(root, 'demo', 'examples', 'index.json'), 'utf8'));
  let browser;
  let page;
  before(async () => {
    browser = await launch({ webgpu: false });
    page = await open(browser, site);
    await page.getByTestId('gallery').waitFor();
  });
  after(() => browser?.close());

  const button = (id) => page.getByTestId(`example-${id}`);

  test('there are at least eight, and the first is shown and marked', async () => {
    assert.ok(examples.length >= 8);
    assert.equal(await page.getByTestId('gallery').getByRole('button').count(), examples.length);
    await page.getByTestId('precomputed-mark').waitFor();
    assert.equal(await button('seed-prompt').getAttribute('aria-pressed'), 'true');
    assert.equal(await page.getByTestId('look-for').innerText(), examples[0].look_for);
  });

  test('each one is shown with its text and what to look for', async () => {
    for (const { id, text, look_for: lookFor } of examples) {
      await button(id).click();
      await page.waitForFunction((it) => document.querySelector(`[data-testid="example-${it}"]`).ariaPressed === 'true', id);
      assert.equal(await page.getByTestId('text-input').inputValue(), text);
      assert.equal(await page.getByTestId('look-for').innerText(), lookFor);
      await page.getByTestId('precomputed-mark').waitFor();
      const saved = JSON.parse(readFileSync(join(root, 'demo', 'examples', `${id}.json`), 'utf8'));
      assert.equal(await page.locator('main').getAttribute('data-analysis-tokens'), String(saved.tokens.length));
      await page.waitForFunction(() => document.querySelector('[data-testid="heatmap"]')?.width > 100);
      assert.ok((await countColours(page, 'heatmap')) > 20, id);
      // Not part of the file: it follows from the Gram matrix.
      const shown = Number((await page.getByTestId('stat-shown-mean').innerText()).replace('−', '-'));
      assert.ok(Math.abs(shown - saved.similarity_stats.mean) < 1e-3, `${id}: ${shown}`);
    }
    assert.deepEqual(page.requested.filter((url) => /\/models\//.test(url)), []);
    assert.deepEqual(page.problems, []);
  });

  test('what they look like', async () => {
    await button('two-events').click();
    await page.waitForFunction(() => document.querySelector('[data-testid="example-two-events"]').ariaPressed === 'true');
    await screenshot(page, 'gallery-wide');
    await picture(page, 'figure.heatmap', 'two-events');
    await page.locator('[data-testid="trajectory"][data-points]').waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await settled(page);
    await picture(page, 'figure.trajectory', 'trajectory');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 360, height: 780 });
    await settled(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    await screenshot(page, 'gallery-phone-dark');
  });
});
