// The static page of an example: tags that a chat unfolds, its text without a script, and the way into the page.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { violations } from './lib/axe.mjs';
import { launch, open, screenshot, settled, visitor } from './lib/browser.mjs';
import { site, siteBelow } from './lib/environment.mjs';
import { FIRST, example, examples, shows } from './lib/examples.mjs';

/** The content of a tag that is there once. */
const tag = (page, name) => page.locator(`meta[property="${name}"]`).getAttribute('content');

/** What the browser gets where a tag says that a picture is. */
async function pictured(page, base) {
  const response = await page.request.get(new URL(await tag(page, 'og:image'), base).href);
  const bytes = await response.body();
  return { type: response.headers()['content-type'], size: [bytes.readUInt32BE(16), bytes.readUInt32BE(20)], bytes: bytes.length };
}

describe('the page of an example', () => {
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  for (const [where, base] of [['at the root', site], ['below a path', siteBelow]]) {
    test(`it says what the example is and leads to it, ${where}`, async () => {
      const page = await open(browser, `${base}e/${FIRST}/`);
      const { title, look_for: lookFor, text } = examples.find(({ id }) => id === FIRST);
      assert.equal(await tag(page, 'og:title'), `${title} – Temporal Lens`);
      assert.ok((await tag(page, 'og:description')).startsWith(lookFor));
      const { type, size, bytes } = await pictured(page, page.url());
      assert.deepEqual([type, ...size], ['image/png', 1200, 630]);
      assert.ok(bytes < 60_000, `${bytes} bytes`);
      assert.equal(await tag(page, 'og:image:width'), '1200');
      assert.equal(await tag(page, 'og:image:height'), '630');
      // Its scenes are those of the result, and together the text.
      const scenes = page.locator('section');
      const { events } = example(FIRST);
      const names = events.map(({ words }, i) => `Scene ${i + 1} · ${words.slice(0, 3).map(({ word }) => word).join(', ')}`);
      assert.deepEqual(await scenes.getByRole('heading').allInnerTexts(), names);
      assert.equal((await scenes.locator('p').allInnerTexts()).join(' '), text);
      assert.deepEqual(page.problems, []);
      const outside = page.requested.filter((url) => !url.startsWith(`${base}e/`));
      assert.deepEqual(outside, []);
      await page.getByRole('link', { name: 'Open this example' }).click();
      await page.waitForURL(`${base}?example=${FIRST}`);
      await shows(page, FIRST);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }

  test('every example has one, reached from the first, and it opens that example', async () => {
    const page = await open(browser, `${site}e/${FIRST}/`);
    const others = examples.filter(({ id }) => id !== FIRST);
    assert.deepEqual(await page.locator('nav').getByRole('link').allInnerTexts(), others.map(({ title }) => title));
    for (const { id, title } of others) {
      await page.locator('nav').getByRole('link', { name: title, exact: true }).click();
      await page.waitForURL(`${site}e/${id}/`);
      assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), title);
      await page.waitForFunction(() => document.querySelector('img').naturalWidth === 1200);
      assert.equal(await page.getByRole('link', { name: 'Open this example' }).getAttribute('href'), `../../?example=${id}`);
      await page.goBack();
    }
    const { id } = others.at(-1);
    await page.goto(`${site}e/${id}/`);
    await page.getByRole('link', { name: 'Open this example' }).click();
    await shows(page, id);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('without a script the page of the site leads to one, and it is whole', async () => {
    const context = await visitor(browser, { javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(site);
    assert.equal((await pictured(page, site)).type, 'image/png');
    await page.getByRole('link', { name: 'an example' }).click();
    await page.waitForURL(`${site}e/${FIRST}/`);
    await page.getByRole('heading', { name: 'Scene 2' }).waitFor();
    await context.close();
  });

  for (const colorScheme of ['light', 'dark']) {
    for (const width of [360, 1280]) {
      test(`axe finds nothing and it fits (${colorScheme}, ${width} pixels)`, async () => {
        const context = await visitor(browser, { viewport: { width, height: 780 }, colorScheme });
        const page = await open(browser, `${site}e/${FIRST}/`, { context });
        await page.waitForFunction(() => document.querySelector('img').complete);
        const picture = await page.evaluate(() => document.querySelector('img').currentSrc);
        assert.match(picture, colorScheme === 'dark' ? /picture-dark\.png$/ : /picture\.png$/);
        await settled(page);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
        const link = await page.getByRole('link', { name: 'Open this example' }).boundingBox();
        assert.ok(link.height >= 44 && link.y + link.height < 780, JSON.stringify(link));
        await screenshot(page, `landing-${colorScheme}-${width}`);
        assert.deepEqual((await violations(page)).map(({ id, nodes }) => `${id}: ${nodes.map((it) => it.html).join(', ')}`), []);
        await context.close();
      });
    }
  }
});
