// How the page shows itself: themes, less motion, full screen, narrow and wide screens, the strip as a picture.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { launch, open, screenshot, settled, visitor } from './lib/browser.mjs';
import { out, site } from './lib/environment.mjs';
import { example, shows } from './lib/examples.mjs';
import { save } from './lib/files.mjs';
import { reach } from './lib/reach.mjs';

const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const lightness = (color) => color.match(/[\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;

describe('display', () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  test('the theme follows the system until the visitor chooses, and the choice is kept', async () => {
    const context = await visitor(browser, { colorScheme: 'light' });
    const page = await open(browser, site, { context });
    await reach(page, 'heatmap');
    const ink = () => page.getByTestId('heatmap').evaluate((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, 2, 2);
      return [...data].join();
    });
    assert.ok(lightness(await paper(page)) > 200);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.ok(lightness(await paper(page)) < 60);
    const dark = await ink();
    const seen = new Set();
    for (let press = 0; press < 3; press += 1) {
      await (await reach(page, 'theme')).click();
      const theme = await page.evaluate(() => document.documentElement.dataset.theme ?? 'system');
      seen.add(theme);
      if (theme === 'light') assert.ok(lightness(await paper(page)) > 200);
      else assert.ok(lightness(await paper(page)) < 60, theme);
    }
    assert.deepEqual([...seen].sort(), ['dark', 'light', 'system']);
    assert.equal(await ink(), dark);
    while (await page.evaluate(() => document.documentElement.dataset.theme) !== 'light') await (await reach(page, 'theme')).click();
    await page.goto(site);
    await reach(page, 'heatmap');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
    await context.close();
  });

  test('who asked for less motion gets none', async () => {
    const moving = async (reducedMotion) => {
      const context = await visitor(browser, { reducedMotion });
      const page = await open(browser, site, { context });
      const durations = [];
      for (const tab of await page.getByRole('tab').all()) {
        await tab.click();
        durations.push(...await page.evaluate(() => [...document.querySelectorAll('*')].map((it) => {
          const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(it);
          return [transitionDuration, animationName, scrollBehavior].join();
        })));
      }
      assert.equal(await (await reach(page, 'auto-rotate')).isChecked(), false);
      await context.close();
      return new Set(durations);
    };
    assert.deepEqual([...await moving('reduce')], ['0s,none,auto']);
  });

  test('a text that is read from the right runs from the right', async () => {
    const page = await open(browser, site);
    const document = example('garden-path');
    const words = ['<bos>', 'שלום', '▁לכם', '▁ילדים', '▁יש', '▁ים', '.'];
    const file = join(out, 'from-the-right.json');
    for (const [tokens, direction] of [[words, 'rtl'], [document.tokens, 'ltr']]) {
      writeFileSync(file, JSON.stringify({ ...document, tokens, text: tokens.slice(1).join('').replaceAll('▁', ' ') }));
      await (await reach(page, 'open-result')).setInputFiles(file);
      await page.getByTestId('token-1').filter({ hasText: tokens[1] }).waitFor();
      const [first, second] = await Promise.all([1, 2].map((position) => page.getByTestId(`token-${position}`).boundingBox()));
      assert.equal(first.x > second.x ? 'rtl' : 'ltr', direction);
      assert.equal(await page.locator('.scene').first().evaluate((it) => getComputedStyle(it).direction), direction);
    }
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('the matrix fills the screen, and comes back', async () => {
    const page = await open(browser, site);
    await reach(page, 'heatmap');
    const box = () => page.getByTestId('heatmap').boundingBox();
    await settled(page);
    const before = await box();
    await (await reach(page, 'full-screen')).click();
    await page.waitForFunction(() => document.fullscreenElement?.classList.contains('heatmap'));
    await settled(page);
    const large = await box();
    assert.ok(large.height > before.height, `${before.height} then ${large.height}`);
    const { width, height } = page.viewportSize();
    assert.ok(large.width <= width && large.height <= height);
    await (await reach(page, 'full-screen')).click();
    await page.waitForFunction(() => document.fullscreenElement === null);
    await settled(page);
    assert.equal((await box()).height, before.height);
    await page.context().close();
  });

  for (const [width, height] of [[360, 780], [768, 1024], [1280, 1000], [2560, 1300]]) {
    for (const theme of ['light', 'dark']) {
      test(`${width} px wide, ${theme}`, async () => {
        const context = await visitor(browser, { viewport: { width, height } });
        const page = await open(browser, `${site}?example=two-events&pin=30&theme=${theme}`, { context });
        await reach(page, 'heatmap');
        // Wide screens have the figures side by side.
        const isWide = width >= 1920;
        assert.equal(await page.getByTestId('trajectory').count(), isWide ? 1 : 0);
        await reach(page, 'trajectory');
        await page.locator('[data-testid="trajectory"][data-points]').waitFor();
        assert.equal(await page.getByTestId('heatmap').count(), isWide ? 1 : 0);
        await settled(page);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
        if (isWide) {
          const [heatmap, trajectory] = await Promise.all(['heatmap', 'trajectory'].map((id) => page.getByTestId(id).boundingBox()));
          assert.ok(trajectory.x > heatmap.x + heatmap.width, 'the path is beside the matrix');
        }
        await screenshot(page, `display-${width}-${theme}`);
        await context.close();
      });
    }
  }

  test('the strip is saved as a picture with all its tokens', async () => {
    const page = await open(browser, `${site}?example=poem`);
    await shows(page, 'poem');
    const download = await save(page, 'strip-png');
    assert.equal(download.suggestedFilename(), 'temporal-lens-tokens.png');
    const bytes = readFileSync(await download.path());
    const size = await page.evaluate(async (data) => {
      const picture = await createImageBitmap(await (await fetch(data).catch(() => null))?.blob() ?? new Blob([Uint8Array.from(atob(data.split(',')[1]), (c) => c.charCodeAt(0))]));
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const context = canvas.getContext('2d');
      context.drawImage(picture, 0, 0);
      const { data: pixels } = context.getImageData(0, 0, picture.width, picture.height);
      return { width: picture.width, height: picture.height, colors: new Set(new Uint32Array(pixels.buffer)).size, corner: pixels[3] };
    }, `data:image/png;base64,${bytes.toString('base64')}`);
    assert.ok(size.width > 800 && size.height > 100, JSON.stringify(size));
    assert.equal(size.corner, 255, 'a solid ground');
    assert.ok(size.colors > 30, JSON.stringify(size));
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await (await reach(page, 'strip-copy')).click();
    await page.waitForFunction(async () => (await navigator.clipboard.read())[0]?.types.includes('image/png'));
    assert.equal(await page.getByTestId('error').count(), 0);
    await page.context().close();
  });
});
