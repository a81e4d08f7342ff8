// Everything that can be taken away, from one place: figures for a screen and for print, links and code for other pages.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, open, visitor } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { example, shows } from './lib/examples.mjs';
import { download, downloadCsv, downloadSvg, pngCorners, pngSize } from './lib/files.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

const FIGURES = ['text', 'matrix', 'path', 'features', 'sources'];

describe('export', () => {
  let browser;
  let page;
  const document = example('poem');
  before(async () => {
    browser = await launch({ webgpu: false });
    // In the dark, since figures are light by default.
    const context = await visitor(browser, { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' });
    page = await open(browser, `${site}?example=poem&view=export`, { context });
    await shows(page, 'poem');
    await (await reach(page, 'export-path-png')).waitFor();
  });
  after(() => browser?.close());

  test('every figure is saved as SVG, as a picture, and as CSV', async () => {
    for (const figure of FIGURES) {
      const svg = await downloadSvg(page, `export-${figure}-svg`);
      assert.ok(svg.texts.length > 3 && svg.title.length > 5, figure);
      const png = await download(page, `export-${figure}-png`);
      assert.ok(pngSize(png).width >= 840, figure);
      const [r, g, b, alpha] = (await pngCorners(page, png))[0];
      assert.ok(Math.min(r, g, b) > 230 && alpha === 255, `${figure}: light on a dark page, got ${[r, g, b, alpha]}`);
      assert.ok((await downloadCsv(page, `export-${figure}-csv`)).length > 5, figure);
    }
    const rows = await downloadCsv(page, 'export-text-csv');
    assert.equal(rows.length, document.tokens.length + 1);
    assert.equal(await page.getByTestId('error').count(), 0);
  });

  test('for print a figure is as wide as asked for, at 300 dots an inch', async () => {
    for (const [choice, millimeters, dots] of [['85', 85, 1004], ['180', 180, 2126]]) {
      await (await reach(page, 'print-width')).selectOption(choice);
      for (const figure of FIGURES) {
        const svg = (await download(page, `export-${figure}-svg`)).toString('utf8');
        assert.match(svg, new RegExp(`^<svg [^>]*width="${millimeters}mm"`), figure);
        assert.equal(pngSize(await download(page, `export-${figure}-png`)).width, dots, figure);
      }
    }
    await (await reach(page, 'print-width')).selectOption('screen');
  });

  test('for dark slides it is dark', async () => {
    await (await reach(page, 'print-ground')).selectOption('dark');
    const [r, g, b] = (await pngCorners(page, await download(page, 'export-matrix-png')))[0];
    assert.ok(Math.max(r, g, b) < 40, `${[r, g, b]}`);
    await (await reach(page, 'print-ground')).selectOption('light');
    assert.equal(await page.evaluate(() => globalThis.document.documentElement.dataset.theme), 'system', 'the page keeps its theme');
  });

  test('a link copied here opens a figure, follows the view, and its frames show what is chosen', async () => {
    const link = await reach(page, 'share-link');
    assert.match(await link.inputValue(), /\?example=poem&v=3$/);
    await page.getByTestId('token-5').click();
    await until(async () => /&pin=5&v=3$/.test(await link.inputValue()), 'the link has the pin');
    const code = await reach(page, 'share-code');
    assert.match(await code.inputValue(), /pin=5&amp;v=3&amp;embed=true"/);
    await (await reach(page, 'share-purpose')).selectOption('text');
    assert.match(await code.inputValue(), /pin=5&amp;v=3&amp;embed=true&amp;view=text"/);
    assert.deepEqual(page.problems, []);
  });
});
