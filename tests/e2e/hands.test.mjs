// Fingers, mice and keys: spans without a keyboard, targets large enough for a finger, and where the focus goes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { parameters } from './lib/address.mjs';
import { launch, open, settled, visitor } from './lib/browser.mjs';
import { site } from './lib/environment.mjs';
import { FIRST, show, shows } from './lib/examples.mjs';
import { reach } from './lib/reach.mjs';
import { until } from './lib/until.mjs';

/** CSS pixels that a finger needs. */
const TARGET = 44;

describe('hands', () => {
  let browser;
  before(async () => { browser = await launch({ webgpu: false }); });
  after(() => browser?.close());

  const opened = async (query = '', options = {}) => {
    const page = await open(browser, `${site}${query}`, { context: await visitor(browser, options) });
    await page.getByTestId('added-features').waitFor({ state: 'attached' });
    await settled(page);
    return page;
  };
  const spans = (page) => parameters(page).get('span');
  const focused = (page) => page.evaluate(() => {
    const it = document.activeElement;
    return it === document.body ? null : it.dataset.testid ?? it.id;
  });
  const middle = async (locator) => {
    const { x, y, width, height } = await locator.boundingBox();
    return [x + width / 2, y + height / 2];
  };

  test('dragging over words selects a span of them, a second drag another, and no letters', async () => {
    const page = await opened();
    for (const [first, last, expected] of [[2, 6, '2-6'], [60, 64, '2-6.60-64']]) {
      await page.mouse.move(...await middle(page.getByTestId(`token-${first}`)));
      await page.mouse.down();
      await page.mouse.move(...await middle(page.getByTestId(`token-${last}`)), { steps: 8 });
      await page.mouse.up();
      await until(() => spans(page) === expected, `spans ${spans(page)}, not ${expected}`);
    }
    assert.equal(await page.evaluate(() => String(window.getSelection())), '');
    assert.equal(await page.locator('.token.is-pinned').count(), 0, 'the click that ends a drag pins nothing');
    await page.getByTestId('selection').waitFor();
    // A click is still a click.
    await page.getByTestId('token-8').click();
    assert.equal(await page.locator('.token.is-pinned').count(), 1);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('on a phone a long press begins a span and a tap ends it', async () => {
    const page = await opened('', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const touch = await page.context().newCDPSession(page);
    const finger = (type, points) => touch.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y]) => ({ x, y })) });
    await page.getByTestId('token-60').scrollIntoViewIfNeeded();
    const place = await middle(page.getByTestId('token-60'));
    await finger('touchStart', [place]);
    // The finger rests until the span begins under it.
    await until(() => spans(page) === '60-60', 'the span of a resting finger');
    await finger('touchEnd', []);
    await page.locator('.readout.is-asking').waitFor();
    await page.getByTestId('token-64').tap();
    await until(() => spans(page) === '60-64', `spans ${spans(page)}`);
    await page.getByTestId('selection').waitFor();
    // A short tap opens a word's sheet, as before.
    await page.getByTestId('token-62').tap();
    await page.getByTestId('sheet-close').waitFor();
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  test('what is pressed on a phone is as large as a finger', async () => {
    const page = await opened('', { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true });
    const small = () => page.evaluate((least) => [...document.querySelectorAll('button, select, summary, input, a[href], label.toggle')]
      .filter((it) => it.checkVisibility({ visibilityProperty: true }) && !it.matches('.skip-link, .toggle input'))
      .map((it) => [it, it.getBoundingClientRect()])
      .filter(([, { width, height }]) => width < least || height < least)
      .map(([it, { width, height }]) => `${it.dataset.testid ?? it.textContent} ${width.toFixed(0)} x ${height.toFixed(0)}`), TARGET - 0.5);
    assert.deepEqual(await small(), [], 'as it opens');
    await page.getByTestId('token-62').tap();
    await page.getByTestId('sheet-close').waitFor();
    assert.deepEqual(await small(), [], 'with a word’s sheet');
    await page.getByTestId('added-features').locator('button').first().tap();
    await page.getByTestId('feature-contexts').waitFor();
    assert.deepEqual(await small(), [], 'with a card');
    await page.getByTestId('feature-close').tap();
    for (const tab of ['tab-path', 'tab-features', 'tab-sources', 'tab-compare', 'tab-numbers', 'tab-export']) {
      await page.getByTestId(tab).tap();
      await settled(page);
      assert.deepEqual(await small(), [], tab);
    }
    await page.context().close();
  });

  test('what closes gives the focus back to what opened it', async () => {
    const page = await opened();
    const feature = page.getByTestId('added-features').locator('button').first();
    const named = await feature.innerText();
    await feature.click();
    await page.getByTestId('feature-contexts').waitFor();
    await until(async () => await focused(page) === 'feature-card', 'the card has the focus');
    await page.keyboard.press('Escape');
    await page.getByTestId('feature-card').waitFor({ state: 'detached' });
    await until(() => page.evaluate((it) => document.activeElement.innerText === it, named), 'the feature has the focus again');

    await (await reach(page, 'open-model')).click();
    await until(async () => await focused(page) === 'model-files', 'the panel has the focus');
    assert.ok(await page.evaluate(() => document.getElementById('figure').inert), 'what lies below takes no focus');
    await page.keyboard.press('Escape');
    await until(async () => await focused(page) === 'menu', 'its menu has the focus again');

    await page.getByTestId('token-62').click();
    await page.getByTestId('own-text').click();
    await until(async () => await focused(page) === 'text-input', 'the box has the focus');
    // Esc in a text field belongs to the field: it unpins nothing.
    await page.getByTestId('text-input').press('Escape');
    assert.equal(parameters(page).get('pin'), '62');
    await page.context().close();
  });

  test('arrows walk from a feature to the words that it came after', async () => {
    const page = await opened();
    await page.getByTestId('added-features').locator('button').first().focus();
    await page.keyboard.press('ArrowUp');
    assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), /^Look at token \d+$/);
    await page.keyboard.press('Enter');
    await page.locator('.token.is-pinned').waitFor();
    await page.context().close();
  });

  test('the skip link leads to the text and opens nothing again', async () => {
    const page = await opened('?example=poem');
    await shows(page, 'poem');
    await show(page, FIRST);
    const fetched = () => page.requested.filter((url) => /examples\//.test(url)).length;
    const before = fetched();
    await page.evaluate(() => document.querySelector('.skip-link').focus());
    await page.keyboard.press('Enter');
    await until(async () => await focused(page) === 'text-zone', 'the text has the focus');
    assert.equal(fetched(), before, 'no example is fetched again');
    assert.equal(new URL(page.url()).hash, '');
    assert.match(await page.getByTestId('lede').innerText(), /spacecraft/);
    await page.context().close();
  });

  test('a touch in the map of features opens the feature under it', async () => {
    const page = await opened('?view=features', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const map = page.getByTestId('feature-map');
    await map.scrollIntoViewIfNeeded();
    const names = async () => (await page.getByTestId('feature-map-readout').innerText()).match(/^#(\d+)/)?.[1];
    const { width, height } = await map.boundingBox();
    // Two tokens: a second touch of a pinned one unpins it.
    for (const [across, down] of [[0.8, 0.7], [0.6, 0.2]]) {
      await map.tap({ position: { x: across * width, y: down * height } });
      await page.getByTestId('feature-card').waitFor();
      const opened = (await page.locator('#feature-card-title').innerText()).match(/\d+/)[0];
      assert.equal(await names(), opened);
      await page.getByTestId('feature-close').tap();
      await page.getByTestId('feature-card').waitFor({ state: 'detached' });
    }
    await page.context().close();
  });
});
